"""The form that asks for an export: what, as what, of which days."""

import uuid
from typing import Any

from django import forms

from donations.books.exports import profiles
from donations.books.exports.filters import BASES, Filters
from donations.books.exports.flow import Wanted
from donations.models import Campaign, Export, Fund, Gift
from nonprofit import card_numbers

ANY = "any"


class ExportForm(card_numbers.Guarded, forms.Form):
    """What a member of staff asks for. may_list: the Schedule B list is among the choices."""

    attempt = forms.UUIDField(widget=forms.HiddenInput)
    profile = forms.ChoiceField(label="What", widget=forms.RadioSelect)
    format = forms.ChoiceField(
        label="As",
        choices=Export.Format.choices,
        initial=Export.Format.CSV,
        help_text="Excel drops the zeros of ZIP codes in CSV files; the workbook keeps them. Journals are CSV for "
        "programs.",
    )
    first = forms.DateField(label="From", required=False, widget=forms.DateInput({"type": "date"}))
    last = forms.DateField(label="To", required=False, widget=forms.DateInput({"type": "date"}))
    basis = forms.ChoiceField(label="By", required=False, choices=[("", "the file's usual date"), *BASES.items()])
    kind = forms.ChoiceField(label="Kind of gift", required=False, choices=[("", ANY), *Gift.Kind.choices])
    fund = forms.ModelChoiceField(
        Fund.objects.order_by("position", "name"), required=False, empty_label=ANY, to_field_name="code"
    )
    campaign = forms.ModelChoiceField(
        Campaign.objects.order_by("name"), required=False, empty_label=ANY, to_field_name="code"
    )
    special_rule = forms.BooleanField(
        label="Schedule B by the special rule",
        required=False,
        help_text="For organizations that meet the 33 1/3 % support test: only who gave more than 2 % of all "
        "contributions.",
    )
    reason = forms.CharField(
        label="What it is needed for", required=False, max_length=300, help_text="Asked for the Schedule B list only."
    )

    def __init__(self, data: Any = None, *, may_list: bool) -> None:
        super().__init__(data, label_suffix="", initial={"attempt": uuid.uuid4()})
        offered = {code: one for code, one in profiles.PROFILES.items() if may_list or not one.is_restricted}
        self.fields["profile"].choices = [  # type: ignore[attr-defined]
            (code, f"{Export.Profile(code).label.capitalize()}: {one.about}") for code, one in offered.items()
        ]

    def wanted(self) -> Wanted:
        """What is asked for. The same answers of the same form are the same export; other answers are another."""
        said = self.cleaned_data
        filters = Filters(
            basis=said["basis"],
            first=said["first"],
            last=said["last"],
            kind=said["kind"],
            fund=said["fund"].code if said["fund"] else "",
            campaign=said["campaign"].code if said["campaign"] else "",
            special_rule=said["special_rule"],
        )
        answers = f"{said['profile']} {said['format']} {filters.as_json()} {said['reason']}"
        return Wanted(said["profile"], said["format"], filters, said["reason"], uuid.uuid5(said["attempt"], answers))
