"""Forms of benefits, safe-harbor years and statement texts: they check the shape; the verbs check the truth."""

from typing import Any

from django import forms

from donations.admin.forms import MoneyField
from donations.admin.promise_forms import Form
from donations.benefits import Came, of_catalogue
from donations.models import Benefit, Gift, SafeHarbor
from donations.rules import sentences
from donations.rules.benefits import SMALL_MEMBERSHIP_MINOR
from nonprofit.generics import ModelForm

MONEY = {
    "from_minor": ("For gifts from", "Empty or 0: for every gift. A monthly gift reaches it with one payment."),
    "value_minor": ("Fair market value", "What somebody who does not give would pay: a good-faith estimate."),
    "cost_minor": ("Cost to us", "What one of it costs us; it decides whether it is a token."),
    "low_cost_minor": ("Low-cost article", "What all items with our name may cost us together."),
    "minimum_gift_minor": ("Smallest gift for such items", "Below it they count with their value."),
    "cap_minor": ("Cap of the 2 % test", "The most that insubstantial benefits may be worth."),
}


def money_field(name: str) -> forms.Field | None:
    """The field in which that column's amount is typed in dollars; None for columns that hold no money."""
    if name not in MONEY:
        return None
    label, hint = MONEY[name]
    return MoneyField(label=label, help_text=hint, may_be_zero=True, required=name != "from_minor")


class BenefitForm(ModelForm[Benefit]):
    """A benefit of the catalogue. A small privilege must be had for $75 a year or less, or it counts."""

    class Meta:
        model = Benefit
        fields = (
            *("name", "description", "campaign", "from_minor", "value_minor", "cost_minor"),
            *("has_our_name", "is_small_privilege", "is_offered"),
        )

    def clean_from_minor(self) -> int:
        return self.cleaned_data["from_minor"] or 0

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        campaign = cleaned.get("campaign")
        if campaign and campaign.currency != "usd":
            self.add_error("campaign", "Benefits are valued in dollars, and this campaign is not in dollars.")
        if cleaned.get("is_small_privilege") and cleaned.get("from_minor", 0) > SMALL_MEMBERSHIP_MINOR:
            self.add_error(
                "is_small_privilege", "Only what everybody gets from $75 a year or less is such a privilege."
            )
        return cleaned


class SafeHarborForm(ModelForm[SafeHarbor]):
    class Meta:
        model = SafeHarbor
        fields = ("year", "low_cost_minor", "minimum_gift_minor", "cap_minor", "source")


class WhyForm(Form):
    """Why the paper that stands is replaced; asks nothing where there is none."""

    replacing = forms.CharField(
        label="What the paper says wrongly",
        max_length=300,
        help_text="It becomes void, and a new one that names it goes out.",
    )
    field_order = (*("benefit", "description", "value", "cost"), "has_our_name", "is_small_privilege", "is_declined")

    def __init__(self, data: Any = None, *, is_replacing: bool, currency: str = "usd") -> None:
        super().__init__(data, currency=currency)
        if not is_replacing:
            del self.fields["replacing"]


class CameForm(WhyForm):
    """What came with a gift: of the catalogue, or described for this gift alone."""

    benefit = forms.ModelChoiceField(
        label="Of the catalogue", queryset=Benefit.objects.none(), required=False, empty_label="something else"
    )
    description = forms.CharField(
        label="Or in words, as printed", max_length=160, required=False, help_text="“dinner for two”, “a signed book”"
    )
    value = MoneyField(
        label="Its fair market value",
        required=False,
        may_be_zero=True,
        help_text="What anybody else would pay for it. Only for something else than the catalogue has.",
    )
    cost = MoneyField(label="What it cost us", required=False, may_be_zero=True)
    has_our_name = forms.BooleanField(label="It bears our name or logo", required=False)
    is_small_privilege = forms.BooleanField(
        label="A privilege of a membership for $75 a year or less",
        required=False,
        help_text="Used often, like a discount. For this gift alone only if it comes to $75 a year or less.",
    )
    is_declined = forms.BooleanField(label="It was offered and declined when the gift was made", required=False)

    def __init__(self, gift: Gift, data: Any = None, *, is_replacing: bool) -> None:
        super().__init__(data, is_replacing=is_replacing, currency=gift.currency)
        benefits = Benefit.objects.order_by("-is_offered", "name")
        self.fields["benefit"].queryset = benefits  # type: ignore[attr-defined]

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        if not cleaned.get("benefit"):
            for name, ask in (("description", "Choose one, or describe it."), ("value", "Say what it is worth.")):
                if cleaned.get(name) in (None, "") and name not in self.errors:
                    self.add_error(name, ask)
        elif cleaned.get("description"):
            self.add_error("description", "Leave this empty, or choose “something else”.")
        return cleaned

    @property
    def came(self) -> Came:
        typed = self.cleaned_data
        if typed["benefit"]:
            return of_catalogue(typed["benefit"], is_declined=typed["is_declined"])
        return Came(
            typed["description"],
            typed["value"],
            typed["cost"] or 0,
            typed["has_our_name"],
            typed["is_small_privilege"],
            typed["is_declined"],
        )


class TextForm(Form):
    """A new version of a sentence."""

    text = forms.CharField(label="As papers say it", max_length=1200, widget=forms.Textarea(attrs={"rows": 7}))
    approved_by = forms.CharField(
        label="Approved by", max_length=160, required=False, help_text="The lawyer or accountant who read it."
    )

    def __init__(self, code: str, data: Any = None, *, text: str) -> None:
        super().__init__(data, initial={"text": text})
        self.code = code
        names = ", ".join(f"{{{name}}}" for name in sentences.sentence(code).facts)
        self.fields["text"].help_text = f"It can name {names}; each becomes the gift's own fact."

    def clean_text(self) -> str:
        text = str(self.cleaned_data["text"])
        try:
            sentences.check(self.code, " ".join(text.split()))
        except sentences.BadText as trouble:
            raise forms.ValidationError(str(trouble)) from trouble
        return text


class StateForm(Form):
    """A state whose residents' receipts carry a sentence of its own."""

    state = forms.RegexField(
        label="State",
        regex=r"^[A-Za-z]{2}$",
        help_text="Two letters, like FL.",
        error_messages={"invalid": "Type the two letters of a state, like FL."},
    )
