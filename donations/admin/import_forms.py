"""Forms of the import pages: which file from where, and which of its columns is what."""

from collections.abc import Mapping
from typing import Any

from django import forms
from django.utils.text import slugify

from donations.desk.imports import mapping, sources, values
from donations.desk.imports.flow import Choice
from donations.models import Fund, GiftImport, ImportMapping
from nonprofit import card_numbers

OTHER = "other"
NAME = ImportMapping._meta.get_field("source").max_length


class UploadForm(card_numbers.Guarded, forms.Form):
    """A file and where it comes from."""

    source = forms.ChoiceField(
        label="Where it comes from",
        choices=[*((one.code, one.label) for one in sources.SOURCES), (OTHER, "Another platform")],
    )
    name = forms.CharField(
        label="Its name",
        required=False,
        max_length=NAME,
        help_text="Of the other platform, or of this spreadsheet if you have several: ids and columns are kept apart.",
    )
    file = forms.FileField(label="File", help_text="CSV with headings in its first row, 50 MB at most.")
    file.widget.attrs["accept"] = ".csv,.txt,.tsv,text/csv,text/plain"

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        source, name = cleaned.get("source"), slugify(cleaned.get("name") or "")
        if source == OTHER and not name:
            self.add_error("name", "Say what the platform is called.")
        elif name and source in (OTHER, "spreadsheet"):
            cleaned["source"] = name
        return cleaned


class ColumnsForm(forms.Form):
    """One list of the file's columns for each of our facts, with what stands in the first row."""

    fund = forms.ModelChoiceField(
        Fund.objects.order_by("position", "name"), label="Fund of rows that name none of ours", empty_label=None
    )
    currency = forms.CharField(label="Currency of rows that say none", min_length=3, max_length=3)
    date_order = forms.ChoiceField(
        label="Days in numbers are written", choices=GiftImport.DateOrder.choices, widget=forms.RadioSelect
    )

    def __init__(self, gift_import: GiftImport, data: Mapping[str, Any] | None = None) -> None:
        initial = {"fund": gift_import.fund_id, "currency": gift_import.currency.upper()}
        initial["date_order"] = gift_import.date_order
        super().__init__(data, initial=initial, label_suffix="")  # type: ignore[arg-type]
        choices = [("", "not in this file"), *_with_samples(gift_import)]
        for field in sources.FIELDS:
            self.fields[f"column-{field.code}"] = forms.ChoiceField(
                label=field.label,
                required=False,
                choices=choices,
                initial=gift_import.columns.get(field.code, ""),
                help_text=field.help,
            )
        self.headings = list(gift_import.headings)

    def columns(self) -> list[forms.BoundField]:
        return [self[f"column-{field.code}"] for field in sources.FIELDS]

    def others(self) -> list[forms.BoundField]:
        return [self[name] for name in ("date_order", "currency", "fund")]

    def clean_currency(self) -> str:
        try:
            return values.currency(self.cleaned_data["currency"])
        except values.Fault as fault:
            raise forms.ValidationError(str(fault)) from fault

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        chosen = {field.code: cleaned.get(f"column-{field.code}", "") for field in sources.FIELDS}
        try:
            cleaned["columns"] = mapping.check(chosen, self.headings)
        except mapping.WrongMapping as wrong:
            for code, problem in wrong.problems.items():
                self.add_error(f"column-{code}" if code else None, problem)
        return cleaned

    def choice(self) -> Choice:
        said = self.cleaned_data
        return Choice(said["columns"], said["fund"], said["currency"], said["date_order"])


def _with_samples(gift_import: GiftImport) -> list[tuple[str, str]]:
    """Each heading with the first value beneath it."""
    found = []
    for place, heading in enumerate(gift_import.headings):
        beneath = (row[place].strip() for row in gift_import.samples if place < len(row))
        sample = next((cell for cell in beneath if cell), "")
        found.append((heading, f"{heading} — {sample[:30]}" if sample else heading))
    return found
