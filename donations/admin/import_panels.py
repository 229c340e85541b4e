"""What an import's page shows of it: figures, totals by month, problems by row and column, what was taken otherwise."""

from dataclasses import dataclass
from datetime import date
from itertools import islice

from django.http import HttpRequest

from donations.desk.imports import problems, sources
from donations.models import GiftImport
from nonprofit.admin_parts import Column, Panel, audit_panel, may
from nonprofit.money import Money

SHOWN = 100


@dataclass(frozen=True, slots=True)
class Number:
    """A figure at the top of the page."""

    label: str
    value: str
    note: str = ""


def numbers(gift_import: GiftImport) -> list[Number]:
    """How many rows are ready, already here, like others, and faulty."""
    summary = gift_import.summary
    if not summary:
        return []
    states = summary["states"]
    is_in = gift_import.state == GiftImport.State.APPLIED
    people = f"{summary['known']:,} supporters we know, {summary['new']:,} new"
    return [
        Number("rows in the file", f"{summary['rows']:,}"),
        Number("came in" if is_in else "ready to come in", f"{states.get('ready', 0):,}", people),
        Number("already here", f"{states.get('duplicate', 0):,}", "imported before, left out"),
        Number("look like gifts already here", f"{states.get('alike', 0):,}", "same supporter, date and amount"),
        Number("with problems", f"{states.get('faulty', 0):,}", "left out"),
    ]


def panels(request: HttpRequest, gift_import: GiftImport) -> list[Panel]:
    """The tables of the page, each only where it has something to say."""
    found = []
    if gift_import.summary:
        found = [kinds(gift_import), rows(gift_import), otherwise(gift_import), totals(gift_import)]
    if may(request, "nonprofit.view_auditentry"):
        found.append(audit_panel([gift_import]))
    return [panel for panel in found if panel is not None]


def totals(gift_import: GiftImport) -> Panel:
    """What is ready to come in, by month and currency; or what came in."""
    columns = [Column("Month"), Column("Currency"), Column("Gifts", is_number=True), Column("Sum", is_number=True)]
    by_month = [
        (f"{date.fromisoformat(f'{month}-01'):%B %Y}", currency.upper(), f"{count:,}", Money(minor, currency))
        for month, currency, count, minor in gift_import.summary["months"]
    ]
    sums = gift_import.summary["totals"]
    foot = ()
    if sums:
        whole = " + ".join(str(Money(minor, currency)) for currency, (_, minor) in sums.items())
        foot = ("All", "", f"{sum(count for count, _ in sums.values()):,}", whole)  # type: ignore[assignment]
    return Panel("Ready rows by month", columns, by_month, "No row is ready to come in.", foot)


def kinds(gift_import: GiftImport) -> Panel | None:
    """The kinds of problems, the most frequent first."""
    faults = gift_import.summary["faults"]
    columns = [Column("Column"), Column("Problem"), Column("First in row", is_number=True), Column("Rows", True)]
    told = [(column or "the row", text, line, f"{count:,}") for column, text, count, line in faults]
    return Panel("Problems by kind", columns, told, "") if faults else None


def rows(gift_import: GiftImport) -> Panel | None:
    """The first rows that will not come in."""
    columns = [Column("Row", is_number=True), Column("Column"), Column("Problem"), Column("What it says")]
    first = list(islice(problems.of(gift_import), SHOWN + 1))
    if not first:
        return None
    told = [(line, column or "—", text, value or "(empty)") for line, column, text, value in first[:SHOWN]]
    more = f"These are the first {SHOWN}; the others are in the problem list." if len(first) > SHOWN else ""
    return Panel("Rows that are left out", columns, told, "", more=more)


def otherwise(gift_import: GiftImport) -> Panel | None:
    """What rows say that we do not have, and what is taken for it."""
    taken = {
        "fund": f"goes to {gift_import.fund.name}",
        "campaign": "comes in without a campaign",
        "frequency": "comes in as one-time gift",
    }
    said = gift_import.summary["notices"]
    columns = [Column("What"), Column("The file says"), Column("So it"), Column("Rows", is_number=True)]
    told = [(sources.BY_CODE[code].label, value, taken[code], f"{count:,}") for code, value, count in said]
    return Panel("None of ours", columns, told, "") if said else None
