"""Forms of the portal's own pages: they check the shape of what was typed, the verbs check the truth."""

from collections.abc import Mapping
from typing import Any

from django import forms

from donations.countries import CODES, COUNTRIES
from donations.forms import Email, Text
from donations.models import Donor
from nonprofit import card_numbers

NO_ADDRESS = "Enter your address, so that mail can reach you."
# Empty is the same as US.
FROM = [("", "United States"), *[one for one in COUNTRIES if one[0] != "US"]]


def _text(label: str, most: int, autocomplete: str = "off", *, what: str = "", hint: str = "") -> Text:
    field = Text(max_length=most, what=what)
    field.label, field.help_text = label, hint
    field.widget.attrs["autocomplete"] = autocomplete
    return field


class DetailsForm(card_numbers.Guarded, forms.Form):
    """Name, address and wishes of who is signed in."""

    name = _text(
        "Name",
        200,
        "name",
        what="your name",
        hint="On receipts of gifts that repeat. With a single gift, the name you type there counts.",
    )
    salutation = _text("How we greet you", 120, hint="Like “Dear Ana and Luis”. Empty: by your name.")
    phone = _text("Phone", 40, "tel")
    address_line1 = _text("Street", 120, "address-line1")
    address_line2 = _text("Suite, unit", 120, "address-line2")
    city = _text("City", 80, "address-level2")
    region = _text("State", 40, "address-level1")
    postal_code = _text("ZIP code", 20, "postal-code")
    country = forms.ChoiceField(
        label="Country",
        required=False,
        choices=FROM,
        widget=forms.Select(attrs={"autocomplete": "country"}),
        error_messages={"invalid_choice": "Choose a country from the list."},
    )
    receipts = forms.ChoiceField(
        label="Receipts",
        choices=[
            (Donor.Receipts.EMAIL, "By e-mail, with each gift"),
            (Donor.Receipts.PAPER, "On paper, where a gift came with an address"),
            (Donor.Receipts.YEARLY, "Only one statement of the year, in January"),
        ],
        widget=forms.RadioSelect,
        error_messages={"required": "Choose how receipts come.", "invalid_choice": "Choose how receipts come."},
    )
    is_not_mailed = forms.BooleanField(label="Send me nothing on paper", required=False)
    is_anonymous = forms.BooleanField(label="Never name me in public", required=False)

    def __init__(self, donor: Donor, data: Mapping[str, Any] | None = None) -> None:
        begin = {name: getattr(donor, name) for name in self.base_fields}
        begin["country"] = "" if donor.country == "US" else donor.country
        super().__init__(data, initial=begin, label_suffix="")
        if donor.country not in CODES and donor.country:
            # What staff wrote stays choosable.
            country = self.fields["country"]
            assert isinstance(country, forms.ChoiceField)
            country.choices = [*FROM, (donor.country, donor.country)]
        self.was = donor
        for name in self.errors if self.is_bound else ():
            self.fields[name].widget.attrs["aria-describedby"] = f"id_{name}_error"

    def clean_country(self) -> str:
        country: str = self.cleaned_data["country"]
        # Empty is the same as US; who has it written stays as they are.
        return self.was.country if not country and self.was.country == "US" else country

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        if cleaned.get("receipts") == Donor.Receipts.PAPER:
            if cleaned.get("is_not_mailed"):
                self.add_error("receipts", "You asked for nothing on paper. Choose one or the other.")
            elif not cleaned.get("address_line1") and "address_line1" not in self.errors:
                self.add_error("address_line1", NO_ADDRESS)
        return cleaned


class EmailForm(card_numbers.Guarded, forms.Form):
    """An address to which a letter goes."""

    email = Email(
        label="New e-mail address",
        max_length=254,
        widget=forms.EmailInput(attrs={"autocomplete": "off", "inputmode": "email", "spellcheck": "false"}),
        error_messages={
            "required": "Enter an e-mail address.",
            "invalid": "Enter an e-mail address like name@example.org.",
        },
    )


class EraseForm(forms.Form):
    """Sure?"""

    is_sure = forms.BooleanField(
        label="Yes, erase what you hold about me, except what the law asks you to keep",
        error_messages={"required": "Tick the box, so that nobody asks for this by mistake."},
    )
