"""Forms of the promises' pages: they check the shape of what was typed; the verbs check the truth."""

import re
import uuid
from collections.abc import Iterable, Sequence
from datetime import date
from typing import Any, cast

from django import forms
from django.core.exceptions import ValidationError

from donations.admin.forms import MoneyField
from donations.desk import find
from donations.models import Campaign, Donor, Employer, Fund, Gift, Promise, PromisePart
from donations.rules.instalments import MOST_PARTS, Schedule
from nonprofit import card_numbers, clock
from nonprofit.generics import ModelForm
from nonprofit.money import Money

EVERY = [
    ("once", "Once"),
    ("monthly", "Monthly"),
    ("quarterly", "Quarterly"),
    ("yearly", "Yearly"),
    ("own", "On dates of their own"),
]
NUMBER = re.compile(r"^(D-\d{1,15})\b", re.IGNORECASE)
_day = forms.DateField()


class Day(forms.DateField):
    """A date with the browser's own picker."""

    widget = forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")


class DonorField(forms.CharField):
    """A supporter by number, e-mail or name; its value is the one supporter who fits."""

    def prepare_value(self, value: object) -> object:
        if isinstance(value, int):
            value = Donor.objects.filter(pk=value).first()
        return f"{value.public_id} {value.name}" if isinstance(value, Donor) else value

    def to_python(self, value: object) -> Any:
        text = str(value or "").strip()
        if not text or isinstance(value, Donor):
            return value or None
        number = NUMBER.match(text)
        fits = find.find(number[1] if number else text)
        if len(fits) > 1:
            some = "; ".join(f"{one.public_id} {one.name}" for one in fits[:5])
            raise ValidationError(f"Several supporters fit: {some}. Type the number of the right one.")
        if not fits:
            raise ValidationError("No supporter fits. Type a name, an e-mail or a number like D-0000012.")
        return Donor.objects.get(pk=fits[0].donor_id)

    def has_changed(self, initial: object, data: object) -> bool:
        return bool(self.prepare_value(initial) != data)


class Form(card_numbers.Guarded, forms.Form):
    """A form of these pages; its fields of money are in `currency`."""

    def __init__(self, *args: Any, currency: str = "usd", **options: Any) -> None:
        super().__init__(*args, label_suffix="", **options)
        for field in self.fields.values():
            if isinstance(field, MoneyField):
                field.currency = currency


class PromiseForm(Form):
    """What somebody promised, and when it is due."""

    attempt = forms.UUIDField(widget=forms.HiddenInput)
    donor = DonorField(label="Who promised", help_text="Name, e-mail or number, like D-0000012")
    kind = forms.ChoiceField(label="What", widget=forms.RadioSelect, initial=Promise.Kind.PLEDGE)
    amount = MoneyField(label="How much in all", required=False)
    currency = forms.ChoiceField(label="Currency")
    description = forms.CharField(
        label="Description",
        max_length=200,
        required=False,
        help_text="Grant reference; shares and broker: 100 ACME from Schwab",
    )
    every = forms.ChoiceField(label="To be paid", choices=EVERY, widget=forms.RadioSelect, initial="once")
    first_on = Day(label="First part due", required=False, help_text="Empty if there is no date yet")
    count = forms.IntegerField(label="Number of parts", min_value=1, max_value=MOST_PARTS, initial=4, required=False)
    own = forms.CharField(
        label="Dates",
        widget=forms.Textarea(attrs={"rows": 4}),
        required=False,
        help_text="One in each line, with an amount or without: 2026-12-24 500",
    )
    fund = forms.ModelChoiceField(label="For", queryset=Fund.objects.none(), empty_label=None)
    campaign = forms.ModelChoiceField(
        label="Campaign", queryset=Campaign.objects.none(), required=False, empty_label="none"
    )
    promised_on = Day(label="Promised on")
    note = forms.CharField(
        label="Note", max_length=1000, required=False, widget=forms.Textarea(attrs={"rows": 3}), help_text="For staff"
    )

    def __init__(self, data: Any = None, *, kinds: Iterable[str], donor: Donor | None = None) -> None:
        first = {"attempt": uuid.uuid4(), "promised_on": clock.today(), "donor": donor}
        super().__init__(data, initial=first)
        choices = [(kind, Promise.Kind(kind).label.capitalize()) for kind in kinds]
        cast(forms.ChoiceField, self.fields["kind"]).choices = choices
        cast(Any, self.fields["fund"]).queryset = Fund.objects.all()
        cast(Any, self.fields["campaign"]).queryset = Campaign.objects.all()
        codes = sorted(set(Campaign.objects.values_list("currency", flat=True)) | {"usd"})
        if len(codes) == 1:
            del self.fields["currency"]
        else:
            cast(forms.ChoiceField, self.fields["currency"]).choices = [(code, code.upper()) for code in codes]
            cast(MoneyField, self.fields["amount"]).currency = self.data.get("currency", "usd")

    @property
    def money(self) -> Money | None:
        minor = self.cleaned_data["amount"]
        return None if minor is None else Money(minor, self.cleaned_data.get("currency", "usd"))

    @property
    def schedule(self) -> Schedule:
        typed = self.cleaned_data
        return Schedule(typed["every"], typed["first_on"], typed["count"] or 1, typed["own"] or ())

    def clean_own(self) -> Sequence[tuple[date, int | None]]:
        if self.cleaned_data.get("every") != "own":
            return []
        lines = [line.strip() for line in self.cleaned_data["own"].splitlines() if line.strip()]
        return [self._own(line) for line in lines]

    def _own(self, line: str) -> tuple[date, int | None]:
        day, _, amount = line.partition(" ")
        try:
            due = _day.clean(day.rstrip(",:"))
        except ValidationError as error:
            raise ValidationError(f"“{line}” does not begin with a date, like 2026-12-24.") from error
        money = cast(MoneyField, self.fields["amount"])
        return due, money.to_python(amount) if amount.strip() else None


class PartForm(Form):
    """Another date or amount for a part."""

    due_on = Day(label="Due", required=False, help_text="Empty if there is no date")
    amount = MoneyField(label="Amount", required=False)

    def __init__(self, part: PromisePart, data: Any = None) -> None:
        first = {"due_on": part.due_on, "amount": part.amount_minor}
        super().__init__(data, initial=first, currency=part.promise.currency)
        if part.promise.kind == Promise.Kind.STOCK:
            del self.fields["amount"]


class LinkForm(Form):
    """What the letter with a payment link says it is for."""

    note = forms.CharField(
        label="What it is for", max_length=300, help_text="A sentence they read in the letter and on the page"
    )

    def __init__(self, part: PromisePart, data: Any = None) -> None:
        super().__init__(data, initial={"note": f"This is for your pledge of {part.promise.promised_on:%B %-d, %Y}."})


class ReasonForm(Form):
    """Why something is done that others will ask about."""

    reason = forms.CharField(label="Why", max_length=200, help_text="For the books and the next person")


class GiftForm(Form):
    """Which gift paid a part."""

    gift = forms.ModelChoiceField(
        label="Gift", queryset=Gift.objects.none(), widget=forms.RadioSelect, empty_label=None
    )
    is_unmentioned = forms.BooleanField(
        label="I looked: the fund sponsor's papers do not mention the pledge, and the donor claims no deduction",
        required=False,
        help_text="A donor-advised fund grant may pay a personal pledge only then (Notice 2017-73).",
    )

    def __init__(self, gifts: Sequence[Gift], *, asks_papers: bool, data: Any = None) -> None:
        super().__init__(data)
        choice = cast(Any, self.fields["gift"])
        choice.queryset = Gift.objects.filter(pk__in=[gift.pk for gift in gifts]).select_related("donor", "detail")
        choice.label_from_instance = in_words
        if not asks_papers:
            del self.fields["is_unmentioned"]


def in_words(gift: Gift) -> str:
    """A gift as one line to choose from: what, when, from whom."""
    detail = getattr(gift, "detail", None)
    what = str(gift.amount)
    if gift.is_property:
        shares = f"{detail.quantity.normalize():f} {detail.ticker}" if detail and detail.quantity else ""
        what = " ".join(part for part in (shares, detail.property_description if detail else "") if part) or "property"
    number = f" {detail.check_number}" if detail and detail.check_number else ""
    who = gift.donor.name if gift.donor else gift.donor_name
    return f"{gift.public_id}, {gift.gift_on:%Y-%m-%d}, {gift.get_kind_display()}{number}, {what}, {who}"


class MatchForm(Form):
    """Which company will match a gift, and with how much."""

    employer = forms.ModelChoiceField(
        label="Company", queryset=Employer.objects.none(), required=False, empty_label="choose"
    )
    new_employer = forms.CharField(label="Or a company that is not in the list", max_length=120, required=False)
    amount = MoneyField(label="It will give")
    expected_on = Day(label="Expected by", required=False, help_text="Empty if nobody knows")
    description = forms.CharField(
        label="Its form or reference", max_length=200, required=False, help_text="Submitted on 2026-11-20, number 4711"
    )

    def __init__(self, gift: Gift, data: Any = None, *, may_add: bool) -> None:
        first = {"amount": gift.amount_minor or None}
        super().__init__(data, initial=first, currency=gift.currency)
        cast(Any, self.fields["employer"]).queryset = Employer.objects.order_by("name")
        if not may_add:
            del self.fields["new_employer"]

    def clean(self) -> dict[str, Any]:
        typed = super().clean() or self.cleaned_data
        if bool(typed.get("employer")) == bool(typed.get("new_employer")) and not self.errors:
            raise ValidationError("Choose the company, or write its name. One of the two.")
        return typed


class DonorForm(Form):
    """Whose gift it is."""

    donor = DonorField(label="Supporter", help_text="Name, e-mail or number, like D-0000012")


class EmployerForm(ModelForm[Employer]):
    """A company that matches gifts."""

    donor = DonorField(
        label="Supporter",
        required=False,
        help_text="Its record, if it has one. Otherwise made with its first match.",
    )
    form_url = forms.URLField(label="Link to its form", required=False, assume_scheme="https")

    class Meta:
        model = Employer
        fields = ("name", "donor", "form_url", "note")

    def clean_donor(self) -> Donor | None:
        donor: Donor | None = self.cleaned_data["donor"]
        if donor and Employer.objects.filter(donor=donor).exclude(pk=self.instance.pk).exists():
            raise ValidationError(f"{donor.name} already stands for another company here.")
        return donor
