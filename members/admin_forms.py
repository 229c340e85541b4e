"""Forms of the members' admin: they check the shape of what was typed; the verbs check the truth."""

import re
from typing import Any

from django import forms
from django.core.exceptions import ValidationError

from donations.models import Gift
from members.models import Level
from nonprofit import card_numbers

GIFT = re.compile(r"^(?:G-)?0*(\d{1,15})$", re.IGNORECASE)


class Form(card_numbers.Guarded, forms.Form):
    """A form of these pages."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.label_suffix = ""


class WhyForm(Form):
    """Why it is done."""

    why = forms.CharField(label="Why", max_length=300, help_text="For the next person. Staff only.")


class GrantForm(WhyForm):
    """A membership that nobody paid for."""

    level = forms.ModelChoiceField(Level.objects.all(), label="Level")
    ends_on = forms.DateField(
        label="Its last day",
        required=False,
        help_text="Empty: for life.",
        widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
    )
    field_order = ("level", "ends_on", "why")


class FromGiftForm(WhyForm):
    """Whose gift makes them a member."""

    gift = forms.CharField(label="The payer's gift", help_text="Its number, like G-00000012.")
    field_order = ("gift", "why")

    def clean_gift(self) -> Gift:
        number = GIFT.match(self.cleaned_data["gift"].strip())
        found = Gift.objects.filter(pk=int(number[1])).first() if number else None
        if found is None:
            raise ValidationError("There is no such gift.")
        return found


class PersonForm(Form):
    """Somebody who shares a membership."""

    name = forms.CharField(label="Name", max_length=200)
    email = forms.EmailField(label="E-mail", required=False, max_length=254)


class ShipForm(Form):
    """Where it goes, and the carrier's number."""

    address = forms.CharField(label="Address", max_length=600, widget=forms.Textarea(attrs={"rows": 5}))
    tracking = forms.CharField(label="Tracking number", max_length=80, required=False)


class ReturnedForm(Form):
    """A parcel came back."""

    is_back_in_stock = forms.BooleanField(label="It is back on the shelf", required=False)
