"""The forms of a batch: its header, a row as far as it is typed, a new supporter, and the reasons."""

import re
from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.db.models import BooleanField, DateField, DecimalField

from donations import offline
from donations.admin.forms import MoneyField
from donations.desk import batches, newcomers, promises, rows
from donations.forms import Text
from donations.models import Batch, BatchRow, Campaign, Donor, Fund, Gift
from donations.rules import kinds
from nonprofit import card_numbers, clock
from nonprofit.money import Money

DAY = re.compile(r"(\d{1,2})[/.-](\d{1,2})(?:[/.-](\d{4}|\d{2}))?")
DIGITS = re.compile(r"(\d{2})(\d{2})(\d{4}|\d{2})?")
ISO = re.compile(r"(\d{4})-(\d{1,2})-(\d{1,2})")
WORDS = {"t": 0, "today": 0, "y": 1, "yesterday": 1}
UNCLEAR = "Enter a day like 11/20 or 11/20/2026."
# A check can be dated later than today; everything else has happened.
MAY_COME = {"check_on", "deposit_on"}
# Another word than the column's own, where a kind of gift has one.
LABELS = {
    ("payroll", "credited_on"): "Withheld from pay",
    ("stock", "credited_on"): "Shares arrived",
    ("stock", "reference"): "Broker's reference",
    ("crypto", "credited_on"): "Coins arrived",
    ("crypto", "reference"): "Transaction",
    ("money_order", "check_number"): "Money order number",
    ("daf", "reference"): "Grant number",
    ("foundation", "reference"): "Grant number",
    ("match", "reference"): "Matched gift",
    ("bequest", "reference"): "Estate's reference",
    ("in_kind", "received_on"): "Delivered",
    ("services", "received_on"): "Done on",
    ("vehicle", "received_on"): "Handed over",
}
SHORT = {
    "check_number": "Check number",
    "check_on": "Date on check",
    "sent_by": "Came by",
    "quantity": "Shares or coins",
}
RECOGNIZED = {"advisor": "Fund advisor to thank", "employee": "Employee to thank"}


class DayField(forms.Field):
    """A day as people type it at speed: 11/20, 1120, 11/20/26, 2026-11-20, t for today, y for yesterday."""

    def __init__(self, *, may_come: bool = False, **options: Any) -> None:
        super().__init__(**options)
        self.may_come = may_come
        self.widget.attrs |= {"inputmode": "numeric", "autocomplete": "off", "placeholder": "mm/dd", "maxlength": "20"}

    def prepare_value(self, value: object) -> object:
        return f"{value:%m/%d/%Y}" if isinstance(value, date) else value

    def to_python(self, value: object) -> Any:
        text = str(value or "").strip().lower()[:40]
        if not text:
            return None
        today = clock.today()
        if text in WORDS:
            return today - timedelta(days=WORDS[text])
        try:
            if found := ISO.fullmatch(text):
                return date(*map(int, found.groups()))
            if found := DAY.fullmatch(text) or DIGITS.fullmatch(text):
                month, day, year = found.groups()
                return self._with_year(int(month), int(day), year, today)
        except ValueError:
            pass
        raise ValidationError(UNCLEAR)

    def _with_year(self, month: int, day: int, year: str | None, today: date) -> date:
        """Without a year: the last such day, or the nearest one where it may be still to come."""
        if year:
            return date(int(year) + (2000 if len(year) == 2 else 0), month, day)
        near = [date(at, month, day) for at in (today.year - 1, today.year, today.year + 1) if _is_day(at, month, day)]
        if not near:
            raise ValidationError(UNCLEAR)
        if not self.may_come:
            near = [one for one in near if one <= today]
        return min(near, key=lambda one: abs(one - today))

    def has_changed(self, initial: object, data: object) -> bool:
        return bool(self.prepare_value(initial) != data)


def _is_day(year: int, month: int, day: int) -> bool:
    try:
        date(year, month, day)
    except ValueError:
        return False
    return True


class HeaderForm(card_numbers.Guarded, forms.Form):
    """What is counted before the first row is typed."""

    attempt = forms.UUIDField(widget=forms.HiddenInput)
    kind = forms.ChoiceField(label="What is in it", choices=Batch.Kind.choices)
    expected_count = forms.IntegerField(
        label="How many items", min_value=0, max_value=100_000, help_text="Count them before you type."
    )
    expected_total = MoneyField(
        label="What they come to", may_be_zero=True, help_text="From your adding machine. Property counts as 0."
    )
    deposit_on = DayField(label="Deposit date", may_come=True, help_text="The day it goes to the bank.")
    fund = forms.ModelChoiceField(Fund.objects.all(), help_text="Used unless a row says another.", empty_label=None)
    campaign = forms.ModelChoiceField(Campaign.objects.order_by("name"), required=False, empty_label="none")
    note = Text(max_length=300)

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.fields["note"].label = "Note"
        self.fields["expected_count"].widget.attrs["inputmode"] = "numeric"

    def header(self) -> batches.Header:
        """What the valid form says."""
        given = self.cleaned_data
        return batches.Header(
            kind=given["kind"],
            expected_count=given["expected_count"],
            expected_total=Money(given["expected_total"], "usd"),
            deposit_on=given["deposit_on"],
            fund=given["fund"],
            campaign=given["campaign"],
            note=given["note"],
        )


class ReasonForm(card_numbers.Guarded, forms.Form):
    reason = Text(max_length=300, what="a reason")


class BankForm(card_numbers.Guarded, forms.Form):
    reference = Text(max_length=80)


class NewcomerForm(card_numbers.Guarded, forms.Form):
    """A supporter made without leaving the row."""

    name = Text(max_length=200, what="a name")
    kind = forms.ChoiceField(choices=Donor.Kind.choices, initial="individual", required=False)
    address_line1 = Text(max_length=120)
    city = Text(max_length=80)
    region = Text(max_length=40)
    postal_code = Text(max_length=20)
    email = forms.EmailField(max_length=254, required=False)
    phone = Text(max_length=40)
    is_sure = forms.BooleanField(required=False)

    def newcomer(self) -> newcomers.Newcomer:
        """Whom the valid form describes."""
        given = {name: value for name, value in self.cleaned_data.items() if name != "is_sure"}
        return newcomers.Newcomer(**{**given, "kind": given["kind"] or "individual"})


class AmountField(MoneyField):
    """The amount of one item; what is unclear is said in a few words."""

    def to_python(self, value: object) -> Any:
        try:
            return super().to_python(value)
        except ValidationError as error:
            raise ValidationError("Enter an amount like 25 or 1,250.50.") from error


class RowForm(card_numbers.Guarded, forms.Form):
    """A row of this batch, as far as it is typed: what cannot be read is kept as it stands, with a sentence."""

    attempt = forms.UUIDField(widget=forms.HiddenInput)
    kind = forms.ChoiceField(choices=())
    donor = forms.CharField(required=False, max_length=20, widget=forms.HiddenInput)
    donor_text = forms.CharField(required=False, max_length=200)
    recognized = forms.CharField(required=False, max_length=20, widget=forms.HiddenInput)
    recognized_text = forms.CharField(required=False, max_length=200)
    amount = AmountField(required=False)
    fund = forms.ModelChoiceField(Fund.objects.all(), required=False)
    campaign = forms.ModelChoiceField(Campaign.objects.order_by("name"), required=False)
    gift_on_override = DayField(required=False, label="Another gift date")
    date_reason = Text(max_length=200)
    promise_part = forms.IntegerField(required=False, widget=forms.Select)
    tribute = forms.ChoiceField(choices=Gift.Tribute.choices, required=False)
    tribute_name = Text(max_length=120)
    note = Text(max_length=1000)
    is_name_hidden = forms.BooleanField(required=False, label="Name not shown publicly")

    def __init__(self, batch: Batch, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.batch = batch
        self.fields["kind"].choices = kind_choices(batch)  # type: ignore[attr-defined]
        for name in asked(batch):
            self.fields[name] = fact_field(name)
        names = {"date_reason": "Why", "tribute": "In honor or memory", "tribute_name": "Of whom", "note": "Note"}
        for name, field in self.fields.items():
            field.label = names.get(name, field.label)
            field.widget.attrs["aria-describedby"] = f"{name}-error"
            if isinstance(field, MoneyField):
                field.currency = batch.currency

    def typed(self) -> rows.Typed:
        """The row as typed, whether or not it can be read; call after full_clean. Raises ValidationError for no row."""
        given = self.cleaned_data
        if "attempt" not in given or "kind" not in given:
            raise ValidationError("This row came without its number. Load the page again; your rows are kept.")
        is_used = {*kinds.KINDS[given["kind"]].asks, *self._base_names(given["kind"])}
        unread = {name: str(self.data.get(name, ""))[:200] for name in self.errors if name in is_used}
        for name in ("donor", "recognized"):
            text = given.get(f"{name}_text", "")
            if text and not given.get(name) and f"{name}_text" in is_used:
                unread[name] = text
        return rows.Typed(
            attempt=given["attempt"],
            kind=given["kind"],
            donor_id=_donor_id(given.get("donor")),
            recognized_id=_donor_id(given.get("recognized")),
            amount_minor=given.get("amount"),
            facts={name: given.get(name) for name in asked(self.batch)},
            unread=unread,
            fund_id=_pk(given.get("fund")),
            campaign_id=_pk(given.get("campaign")),
            gift_on_override=given.get("gift_on_override"),
            **{name: given.get(name) or "" for name in ("date_reason", "tribute", "tribute_name", "note")},
            promise_part_id=_part_id(given.get("promise_part"), _donor_id(given.get("donor")), given["kind"]),
            is_name_hidden=bool(given.get("is_name_hidden")),
        )

    def _base_names(self, kind: str) -> set[str]:
        hidden = set() if kinds.KINDS[kind].recognizes else {"recognized", "recognized_text"}
        return {*self.base_fields} - hidden - ({"amount"} if kinds.KINDS[kind].is_property else set())


def _donor_id(value: object) -> int | None:
    """The supporter picked; "unknown" is the one for cash of unknown people."""
    text = str(value or "")
    if text == "unknown":
        return rows.unknown_giver().pk
    return int(text) if text.isdigit() and Donor.objects.filter(pk=int(text)).exists() else None


def _part_id(part_id: int | None, donor_id: int | None, kind: str) -> int | None:
    """The part of a promise that the supporter's gift pays; none of somebody else's."""
    if part_id is None or donor_id is None:
        return None
    donor = Donor.objects.get(pk=donor_id)
    return part_id if part_id in {part.pk for part in promises.open_parts_of(donor, kind)} else None


def _pk(row: Fund | Campaign | None) -> int | None:
    return row.pk if row is not None else None


def kind_choices(batch: Batch) -> list[tuple[str, str]]:
    """The kinds of gifts that come in this kind of batch, as the row offers them."""
    labels = dict(Gift.Kind.choices)
    return [
        (code, str(labels[code])[:1].upper() + str(labels[code])[1:])
        for code, kind in kinds.KINDS.items()
        if batch.kind in kind.batches
    ]


def asked(batch: Batch) -> list[str]:
    """Every fact that some kind of this batch asks for, in the order of the kinds."""
    names = [name for code, _ in kind_choices(batch) for name in kinds.KINDS[code].asks]
    return list(dict.fromkeys(names))


def fact_field(name: str) -> forms.Field:
    """The form field of a column of OfflineFacts."""
    column: Any = BatchRow._meta.get_field(name)
    label = SHORT.get(name) or offline.label(name).capitalize()
    label = {"Vin": "VIN"}.get(label, label)
    if name == "internal_value_minor":
        return MoneyField(label=label, required=False, may_be_zero=True)
    if name == "check_number":
        return CheckNumberField(label=label)
    if isinstance(column, DateField):
        return DayField(label=label, required=False, may_come=name in MAY_COME)
    if isinstance(column, DecimalField):
        options = {"max_digits": column.max_digits, "decimal_places": column.decimal_places, "min_value": 0}
        return forms.DecimalField(label=label, required=False, widget=forms.TextInput, **options)
    if isinstance(column, BooleanField):
        return forms.BooleanField(label=label, required=False)
    if column.choices:
        return forms.ChoiceField(label=label, required=False, choices=[("", "—"), *column.choices])
    field = Text(max_length=column.max_length)
    field.label = label
    return field


class CheckNumberField(Text):
    """A check's number as every row and list has it: without the zeros in front, so that duplicates are found."""

    def __init__(self, *, label: str) -> None:
        super().__init__(max_length=20)
        self.label = label
        self.widget.attrs |= {"inputmode": "numeric", "autocomplete": "off"}

    def to_python(self, value: object) -> str:
        text = super().to_python(value).lstrip("#").replace(" ", "")
        return text.lstrip("0") or text


def initial(row: BatchRow) -> Mapping[str, Any]:
    """The row as the form shows it, what cannot be read included."""
    values: dict[str, Any] = {name: getattr(row, name) for name in asked(row.batch)}
    values |= {
        "attempt": row.attempt,
        "kind": row.kind,
        "donor": row.donor_id or "",
        "donor_text": row.donor.name if row.donor else "",
        "recognized": row.recognized_id or "",
        "recognized_text": row.recognized.name if row.recognized else "",
        "amount": row.amount_minor,
        "fund": row.fund_id,
        "campaign": row.campaign_id,
        "promise_part": row.promise_part_id,
    }
    for name in ("gift_on_override", "date_reason", "tribute", "tribute_name", "note", "is_name_hidden"):
        values[name] = getattr(row, name)
    for name, text in row.unread.items():
        values[f"{name}_text" if name in ("donor", "recognized") else name] = text
    return values
