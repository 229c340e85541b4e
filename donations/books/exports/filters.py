"""What a file is narrowed down by: days by one of several dates, kind, fund and campaign; refused in words."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

from donations.books.exports.tables import Table
from donations.models import Campaign, Fund, Gift


class CannotExport(ValueError):
    """The export is refused; the text is for the person who asked for it."""


# The dates one can go by, as a person reads them.
BASES = {
    "booked": "day of the books",
    "gift": "gift date",
    "deposit": "deposit date",
    "payout": "payout's arrival",
    "issued": "day of issue",
}


@dataclass(frozen=True, slots=True)
class Filters:
    """Days from `first` to `last`, both included, by `basis`. kind: a Gift.Kind; fund, campaign: their codes.

    basis: "" for the date that the table goes by where nobody says another.

    special_rule: of the Schedule B list, above 2 % of the year's contributions only.
    """

    basis: str = ""
    first: date | None = None
    last: date | None = None
    kind: str = ""
    fund: str = ""
    campaign: str = ""
    special_rule: bool = False

    @classmethod
    def from_json(cls, kept: Mapping[str, Any]) -> "Filters":
        """As an export's row keeps it."""
        days = {name: date.fromisoformat(kept[name]) for name in ("first", "last") if kept.get(name)}
        return cls(**{**kept, **days})

    def as_json(self) -> dict[str, Any]:
        """Only what narrows anything down, beside the basis."""
        said = {name: getattr(self, name) for name in self.__slots__}
        told = {name: value.isoformat() if isinstance(value, date) else value for name, value in said.items() if value}
        return {"basis": self.basis, **told}

    def of(self, table: Table) -> "Filters":
        """The same with its basis said."""
        return self if self.basis else replace(self, basis=next(iter(table.dates)))

    def where(self, table: Table) -> str:
        """The conditions in SQL, each beginning with AND."""
        day = table.dates[self.basis]
        parts = [f"{day} >= %(first)s"] if self.first else []
        parts += [f"{day} <= %(last)s"] if self.last else []
        parts += [f"{table.narrows[name]} = %({name})s" for name in table.narrows if getattr(self, name)]
        return "".join(f" AND {part}" for part in parts)

    @property
    def parameters(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in self.__slots__}

    def __str__(self) -> str:
        """In words, for pages and the control file."""
        days = " ".join(
            f"{word} {day:%Y-%m-%d}" for word, day in (("from", self.first), ("to", self.last)) if day is not None
        )
        said = [f"{BASES.get(self.basis, 'usual date')} {days or 'of all time'}"]
        said += [f"{name} {value}" for name in ("kind", "fund", "campaign") if (value := getattr(self, name))]
        return ", ".join([*said, *(["above 2 % only"] if self.special_rule else [])])


def check(filters: Filters, table: Table) -> None:
    """Raises CannotExport, in words, if the table cannot be narrowed down so."""
    if filters.basis not in table.dates:
        known = ", ".join(BASES[basis] for basis in table.dates)
        raise CannotExport(f"This file cannot go by the {BASES.get(filters.basis, filters.basis)}. Choose: {known}.")
    if filters.first and filters.last and filters.first > filters.last:
        raise CannotExport(f"The first day, {filters.first}, is after the last one, {filters.last}.")
    for name in ("kind", "fund", "campaign"):
        if getattr(filters, name) and name not in table.narrows:
            raise CannotExport(f"This file is always of every {name}: leave it out.")
    if filters.kind and filters.kind not in Gift.Kind.values:
        raise CannotExport(f"There is no kind of gift {filters.kind!r}. Choose: {', '.join(Gift.Kind.values)}.")
    if filters.fund and not Fund.objects.filter(code=filters.fund).exists():
        raise CannotExport(f"There is no fund with the code {filters.fund!r}.")
    if filters.campaign and not Campaign.objects.filter(code=filters.campaign).exists():
        raise CannotExport(f"There is no campaign with the code {filters.campaign!r}.")
    if table.needs_days and not (filters.first and filters.last):
        raise CannotExport("Say which year it is of: give the first and the last day.")
