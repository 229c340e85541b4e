"""The giving form: shape and plain truths. Errors are sentences for the person who typed."""

import re
import uuid
from collections.abc import Sequence
from typing import Any
from uuid import UUID

from django import forms

from donations import benefits, gifts
from donations.countries import CODES
from donations.models import Benefit, Campaign, Fund, Gift
from nonprofit import card_numbers
from nonprofit.models import normal_email
from nonprofit.money import Money, MoneyError

# Control characters, and those that turn the direction of the text around them; line breaks are looked at apart.
CONTROL = re.compile(r"[\x00-\x09\x0b\x0c\x0e-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ufeff]")
CHOOSE_AMOUNT = "Choose an amount, or enter your own."
TYPE_AMOUNT = "Enter an amount in numbers, like 25 or 25.50."
CHOOSE_FREQUENCY = "Choose once, monthly or yearly."
# Fields of what comes with a gift, by the benefit's id: it stood on the page; it was declined.
SHOWN, DECLINED = "benefit_{}", "decline_{}"
CONTACT = ("name", "email", "phone", "address_line1", "address_line2", "city", "region", "postal_code", "country")


class Text(forms.CharField):
    """Words in any script, without control characters and without card numbers. `lines`: line breaks may stay."""

    def __init__(self, *, max_length: int, what: str = "", lines: bool = False) -> None:
        self.lines = lines
        too_long = f"Shorten this to {max_length} characters; it has %(show_value)d."
        super().__init__(
            max_length=max_length,
            required=bool(what),
            validators=[card_numbers.refuse],
            error_messages={"required": f"Enter {what}.", "max_length": too_long},
        )

    def to_python(self, value: object) -> str:
        text = CONTROL.sub("", super().to_python(value) or "")
        return text.replace("\r\n", "\n").strip() if self.lines else " ".join(text.split())


class Email(forms.EmailField):
    """An e-mail address in the form in which addresses are compared."""

    def to_python(self, value: object) -> str:
        return normal_email(CONTROL.sub("", super().to_python(value) or ""))

    def clean(self, value: object) -> str:
        # Before "not an address", which would not say what is really wrong.
        card_numbers.refuse(value)
        return str(super().clean(value))


class GivingForm(card_numbers.Guarded, forms.Form):
    """What the giving page sends. `campaign` decides amounts, limits, currency and fee."""

    frequency = forms.ChoiceField(
        choices=[(value, value.label) for value in Gift.ASKED_FOR],
        error_messages={"required": CHOOSE_FREQUENCY, "invalid_choice": CHOOSE_FREQUENCY},
    )
    amount = forms.CharField(error_messages={"required": CHOOSE_AMOUNT})
    other_amount = forms.CharField(max_length=24, required=False, error_messages={"max_length": TYPE_AMOUNT})
    cover_fee = forms.BooleanField(required=False)
    fund = forms.ModelChoiceField(
        Fund.objects.filter(is_offered=True),
        required=False,
        error_messages={"invalid_choice": "Choose where your gift goes."},
    )
    name = Text(max_length=200, what="your name, as it should stand on the receipt")
    email = Email(
        max_length=254,
        error_messages={
            "required": "Enter your e-mail, so that your receipt can reach you.",
            "invalid": "Enter an e-mail address like name@example.org.",
            "max_length": "This is too long for an e-mail address.",
        },
    )
    phone = Text(max_length=40)
    address_line1 = Text(max_length=120)
    address_line2 = Text(max_length=120)
    city = Text(max_length=80)
    region = Text(max_length=40)
    postal_code = Text(max_length=20)
    country = forms.CharField(required=False)
    tribute = forms.ChoiceField(
        choices=Gift.Tribute.choices, required=False, error_messages={"invalid_choice": "Choose in honor or in memory."}
    )
    tribute_name = Text(max_length=120)
    note = Text(max_length=1000, lines=True)
    hide_name = forms.BooleanField(required=False)
    newsletter = forms.BooleanField(required=False)
    again = forms.BooleanField(required=False)

    def __init__(self, campaign: Campaign, *args: Any, offered: Sequence[Benefit] = (), **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.campaign, self.offered = campaign, offered

    def attempt(self) -> UUID:
        """The id that came with the page; one that is none simply makes a new gift."""
        try:
            return UUID(str(self.data.get("attempt", "")))
        except ValueError:
            return uuid.uuid4()

    def clean_country(self) -> str:
        country = str(self.cleaned_data["country"])
        if country and country not in CODES:
            raise forms.ValidationError("Choose a country from the list.")
        return country

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        cleaned["attempt"] = self.attempt()
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
        if (net := self._chosen(cleaned)) is None:
            return
        if net < campaign.minimum:
            self.add_error("other_amount", f"The smallest gift we can take by card is {campaign.minimum.short}.")
        elif campaign.maximum < net:
            largest = campaign.maximum.short
            text = (
                f"By card we can take up to {largest}. For more, a check or a bank transfer costs us less: please call."
            )
            self.add_error("other_amount", text)
        else:
            total = campaign.with_fee(net) if cleaned.get("cover_fee") else net
            cleaned["total"], cleaned["covered_fee"] = total, total - net

    def _chosen(self, cleaned: dict[str, Any]) -> Money | None:
        if cleaned["amount"] != "other":
            offered = {str(money.minor): money for money in self.campaign.amounts(cleaned["frequency"])}
            chosen = offered.get(cleaned["amount"])
            if chosen is None:
                self.add_error("amount", CHOOSE_AMOUNT)
            return chosen
        try:
            return Money.parse(cleaned.get("other_amount", ""), self.campaign.currency)
        except MoneyError as error:
            if "other_amount" not in self.errors:
                self.add_error("other_amount", str(error))
            return None

    def came_with(self) -> list[benefits.Came]:
        """What the page offered for a gift of this size, with what was declined; what it did not show is not there."""
        gift = self.cleaned_data["total"] - self.cleaned_data["covered_fee"]
        shown = [one for one in self.offered if SHOWN.format(one.pk) in self.data and one.from_minor <= gift.minor]
        return [benefits.of_catalogue(one, is_declined=DECLINED.format(one.pk) in self.data) for one in shown]

    def wish(self, ip: str) -> gifts.CardGift:
        """The valid form as what `gifts.start_card` takes."""
        data = self.cleaned_data
        return gifts.CardGift(
            form_attempt=data["attempt"],
            frequency=data["frequency"],
            amount=data["total"],
            covered_fee=data["covered_fee"],
            contact=gifts.Contact.typed(data),
            fund=data["fund"] or self.campaign.fund,
            campaign=self.campaign,
            tribute=data["tribute"],
            tribute_name=data["tribute_name"],
            note=data["note"],
            is_name_hidden=data["hide_name"],
            wants_newsletter=data["newsletter"],
            ip=ip or None,
            offered=self.came_with(),
        )


def typed(gift: Gift, campaign: Campaign) -> dict[str, str]:
    """An unfinished gift as the form that made it, so that nothing has to be typed twice."""
    net = gift.amount - gift.covered_fee
    is_offered = net.minor in [money.minor for money in campaign.amounts(gift.frequency)]
    declined = gift.benefits.filter(is_declined=True).values_list("benefit_id", flat=True)
    ticks = {"cover_fee": gift.covered_fee, "hide_name": gift.is_name_hidden, "newsletter": gift.wants_newsletter}
    return {
        "frequency": gift.frequency,
        "amount": str(net.minor) if is_offered else "other",
        "other_amount": "" if is_offered else str(net.major),
        "fund": str(gift.fund_id),
        "name": gift.donor_name,
        "email": gift.donor_email,
        "phone": gift.donor_phone,
        **{name: getattr(gift, name) for name in CONTACT[3:]},
        "tribute": gift.tribute,
        "tribute_name": gift.tribute_name,
        "note": gift.note,
        **{name: "on" if is_on else "" for name, is_on in ticks.items()},
        **{DECLINED.format(benefit): "on" for benefit in declined},
    }
