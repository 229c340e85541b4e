"""The giving form: shape and plain truths. Errors are sentences for the person who typed."""

import re
import uuid
from typing import Any
from uuid import UUID

from django import forms
from django.core.validators import RegexValidator

from donations import gifts
from donations.models import Campaign, Fund, Gift
from nonprofit.money import Money, MoneyError, gross_up

CONTROL = re.compile(r"[\x00-\x09\x0b\x0c\x0e-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")
CARD_DIGITS = re.compile(r"(?:\d[ \-.]?){13,19}")
NO_AMOUNT = "Enter an amount in numbers, like 25 or 25.50."
NO_COUNTRY = "Choose a country from the list."
COUNTRY = RegexValidator(r"^[A-Z]{2}\Z", NO_COUNTRY)


def looks_like_a_card(text: str) -> bool:
    """Whether `text` holds 13 to 19 digits that pass the card checksum (ISO/IEC 7812-1, Luhn)."""
    for run in CARD_DIGITS.findall(text):
        digits = [int(c) for c in run if c.isdigit()]
        doubled = [d if i % 2 == 0 else sum(divmod(d * 2, 10)) for i, d in enumerate(reversed(digits))]
        if sum(doubled) % 10 == 0:
            return True
    return False


class Text(forms.CharField):
    """One line in any script, without control characters and without card numbers."""

    def __init__(self, *, max_length: int, what: str, required: bool = False) -> None:
        super().__init__(
            max_length=max_length,
            required=required,
            error_messages={
                "required": f"Enter {what}.",
                "max_length": f"Shorten this to {max_length} characters; it has %(show_value)d.",
            },
        )

    def to_python(self, value: object) -> str:
        text = CONTROL.sub("", super().to_python(value) or "")
        return text.strip() if "\n" in text else " ".join(text.split())

    def validate(self, value: str) -> None:
        super().validate(value)
        if looks_like_a_card(value):
            raise forms.ValidationError("Please keep card numbers out of here; type them in the card field only.")


class GivingForm(forms.Form):
    """What the giving page sends. `campaign` decides amounts, limits, currency and fee."""

    frequency = forms.ChoiceField(
        choices=Gift.Frequency.choices,
        error_messages={
            "required": "Choose once, monthly or yearly.",
            "invalid_choice": "Choose once, monthly or yearly.",
        },
    )
    amount = forms.CharField(max_length=12, error_messages={"required": "Choose an amount, or enter your own."})
    other_amount = forms.CharField(
        max_length=24, required=False, error_messages={"max_length": "Enter an amount in numbers, like 25 or 25.50."}
    )
    cover_fee = forms.BooleanField(required=False)
    fund = forms.ModelChoiceField(
        Fund.objects.filter(is_offered=True),
        required=False,
        error_messages={"invalid_choice": "Choose where your gift goes."},
    )
    name = Text(max_length=200, what="your name, as it should stand on the receipt", required=True)
    email = forms.EmailField(
        max_length=254,
        error_messages={
            "required": "Enter your e-mail, so that your receipt can reach you.",
            "invalid": "Enter an e-mail address like name@example.org.",
            "max_length": "This e-mail address is too long.",
        },
    )
    phone = Text(max_length=40, what="a phone number")
    address_line1 = Text(max_length=120, what="your address")
    address_line2 = Text(max_length=120, what="your address")
    city = Text(max_length=80, what="your city")
    region = Text(max_length=40, what="your state")
    postal_code = Text(max_length=20, what="your ZIP code")
    country = forms.CharField(
        max_length=2,
        required=False,
        validators=[COUNTRY],
        error_messages={"max_length": "Choose a country from the list."},
    )
    tribute = forms.ChoiceField(
        choices=Gift.Tribute.choices, required=False, error_messages={"invalid_choice": "Choose in honor or in memory."}
    )
    tribute_name = Text(max_length=120, what="a name")
    note = Text(max_length=1000, what="a note")
    hide_name = forms.BooleanField(required=False)
    newsletter = forms.BooleanField(required=False)
    attempt = forms.CharField(required=False, max_length=40)
    again = forms.CharField(required=False, max_length=1)

    def __init__(self, campaign: Campaign, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.campaign = campaign

    def clean_attempt(self) -> UUID:
        """The form's own id; one that was tampered with simply makes a new gift."""
        try:
            return UUID(self.cleaned_data["attempt"])
        except ValueError:
            return uuid.uuid4()

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        if cleaned.get("tribute") and not cleaned.get("tribute_name") and "tribute_name" not in self.errors:
            self.add_error("tribute_name", "Enter the name of the person you honor or remember.")
        if not cleaned.get("tribute"):
            cleaned["tribute_name"] = ""
        if "frequency" in cleaned and "amount" in cleaned:
            self._decide_amount(cleaned)
        return cleaned

    def _decide_amount(self, cleaned: dict[str, Any]) -> None:
        """The server decides: one of the suggestions of that frequency, or what was typed, inside the limits."""
        campaign = self.campaign
        if cleaned["amount"] != "other":
            offered = {str(money.minor): money for money in campaign.amounts(cleaned["frequency"])}
            if cleaned["amount"] not in offered:
                self.add_error("amount", "Choose an amount, or enter your own.")
                return
            net = offered[cleaned["amount"]]
        else:
            try:
                net = Money.parse(cleaned.get("other_amount", ""), campaign.currency)
            except MoneyError as error:
                if "other_amount" not in self.errors:
                    self.add_error("other_amount", str(error))
                return
        if net < campaign.minimum:
            self.add_error("other_amount", f"The smallest gift we can take by card is {campaign.minimum.short}.")
        elif campaign.maximum < net:
            self.add_error(
                "other_amount",
                f"For a gift above {campaign.maximum.short} please call or write to us; a check or a wire costs less.",
            )
        else:
            total = total_with_fee(net, campaign) if cleaned.get("cover_fee") else net
            cleaned["total"], cleaned["covered_fee"] = total, total - net

    def wish(self, ip: str) -> gifts.CardGift:
        """The valid form as what `gifts.start_card` takes."""
        data = self.cleaned_data
        fields = (
            "name",
            "email",
            "phone",
            "address_line1",
            "address_line2",
            "city",
            "region",
            "postal_code",
            "country",
        )
        contact = {name: data[name] for name in fields}
        if not data["address_line1"]:
            # The list of countries always says something; without an address it means nothing.
            contact["country"] = ""
        return gifts.CardGift(
            form_attempt=data["attempt"],
            frequency=data["frequency"],
            amount=data["total"],
            covered_fee=data["covered_fee"],
            contact=gifts.Contact(**contact),
            fund=data["fund"] or self.campaign.fund,
            campaign=self.campaign,
            tribute=data["tribute"],
            tribute_name=data["tribute_name"],
            note=data["note"],
            is_name_hidden=data["hide_name"],
            wants_newsletter=data["newsletter"],
            ip=ip or None,
        )


def total_with_fee(net: Money, campaign: Campaign) -> Money:
    """The charge that leaves the whole gift after our card fee."""
    return gross_up(net, percent=campaign.fee_percent, fixed_minor=campaign.fee_fixed_minor)
