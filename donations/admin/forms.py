"""Forms of the admin in which amounts are typed as people say them, in dollars and cents."""

import re
from collections.abc import Sequence
from typing import Any

from django import forms
from django.core.exceptions import ValidationError

from donations.models import Campaign
from nonprofit.generics import ModelForm
from nonprofit.money import Money, MoneyError

THOUSANDS = re.compile(r"^\D?\d{1,3}(,\d{3})+(\.\d+)?$")


class MoneyField(forms.CharField):
    """An amount in major units, "25" or "25.50"; its value is minor units of the form's currency."""

    def __init__(self, *, may_be_zero: bool = False, **options: Any) -> None:
        super().__init__(**options)
        self.may_be_zero = may_be_zero
        self.currency = "usd"
        self.widget.attrs["inputmode"] = "decimal"

    def prepare_value(self, value: object) -> object:
        return _typed(value, self.currency) if isinstance(value, int) else value

    def to_python(self, value: object) -> Any:
        text = str(value if value is not None else "").strip()
        if not text:
            return None
        if self.may_be_zero and text.strip("$0.") == "":
            return 0
        return _minor(text, self.currency)

    def has_changed(self, initial: object, data: object) -> bool:
        try:
            return bool(self.to_python(data) != initial)
        except ValidationError:
            return True


class AmountsField(forms.CharField):
    """Several amounts in major units with spaces or ", " between them; its value is a list of minor units."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.currency = "usd"
        self.widget.attrs["class"] = "vTextField"

    def prepare_value(self, value: object) -> object:
        if isinstance(value, Sequence) and not isinstance(value, str):
            return " ".join(_typed(minor, self.currency) for minor in value)
        return value

    def to_python(self, value: object) -> Any:
        amounts = [_minor(word, self.currency) for word in re.split(r"[\s;]+", str(value or "").strip()) if word]
        if not 2 <= len(amounts) <= 6:
            raise ValidationError("Give two to six amounts, with spaces between them.")
        if len(set(amounts)) < len(amounts):
            raise ValidationError("The same amount stands here twice.")
        return amounts

    def has_changed(self, initial: object, data: object) -> bool:
        try:
            return bool(self.to_python(data) != initial)
        except ValidationError:
            return True


def _minor(word: str, currency: str) -> int:
    word = word.rstrip(",")
    # "25,50" is two amounts or a European one: never quietly 2,550.
    if "," in word and not THOUSANDS.match(word):
        raise ValidationError(f"“{word}” is not clear. Put a space between amounts, and a point before cents.")
    try:
        return Money.parse(word, currency).minor
    except MoneyError as error:
        raise ValidationError(str(error)) from error


def _typed(minor: int, currency: str) -> str:
    return Money(minor, currency).short.lstrip("$")


HINT = "In whole dollars or with cents, spaces between them: 25 50 100 250"


def money_field(name: str) -> forms.Field | None:
    """The form field in which the campaign's column of that name is typed; None for columns that hold no money.

    Made per column and not declared on the form: declared fields would also take what somebody may not edit.
    """
    match name:
        case "amounts_once" | "amounts_monthly" | "amounts_yearly":
            return AmountsField(label=f"Suggested, {name.removeprefix('amounts_')}", help_text=HINT)
        case "minimum_minor":
            return MoneyField(label="Smallest gift")
        case "maximum_minor":
            return MoneyField(label="Largest gift online")
        case "fee_fixed_minor":
            return MoneyField(label="Fee per card gift, fixed part", may_be_zero=True)
    return None


class CampaignForm(ModelForm[Campaign]):
    """The suggested amounts must lie within what the campaign takes."""

    class Meta:
        model = Campaign
        fields = (
            *("name", "heading", "intro", "about_money", "thanks", "is_open", "slug", "code", "currency", "fund"),
            *("amounts_once", "amounts_monthly", "amounts_yearly", "minimum_minor", "maximum_minor"),
            *("fee_percent", "fee_fixed_minor"),
        )
        labels = {"fee_percent": "Fee per card gift, in percent", "is_open": "Takes gifts"}
        widgets = {"heading": forms.TextInput(attrs={"class": "vTextField"})}

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        for field in self.fields.values():
            if isinstance(field, MoneyField | AmountsField):
                field.currency = self.instance.currency

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        smallest = cleaned.get("minimum_minor", self.instance.minimum_minor)
        largest = cleaned.get("maximum_minor", self.instance.maximum_minor)
        if smallest is None or largest is None:
            return cleaned
        if smallest > largest:
            self.add_error("minimum_minor", "The smallest gift is larger than the largest.")
        for name in ("amounts_once", "amounts_monthly", "amounts_yearly"):
            outside = [minor for minor in cleaned.get(name) or [] if not smallest <= minor <= largest]
            if outside:
                one = Money(outside[0], self.instance.currency)
                self.add_error(name, f"{one} is less than the smallest or more than the largest gift.")
        return cleaned
