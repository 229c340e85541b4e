"""What a run's page shows: numbers that lead to rows, totals beside the ledger's, problems with their reason."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest
from django.urls import reverse

from donations.models import AnnualStatement, Donor, Gift, RenderTrouble, StatementRun
from donations.receipts import statement_count, statement_people, statement_runs, statement_words
from nonprofit.admin_parts import Column, Panel, audit_panel, link, may, on_page
from nonprofit.money import Money

SHOWN = 100
State = StatementRun.State
PLACES = {section.value: title for section, title in statement_words.TITLES.items()} | {
    statement_count.DISPUTED: "Left out while a bank looks into the payment",
    statement_count.UNTOLD: "Gifts without a name, fund sponsors, and who wants no letters",
}


@dataclass(frozen=True, slots=True)
class Number:
    """A figure of the dry run that leads to its rows; no address where there are none."""

    label: str
    value: str
    note: str
    url: str


def numbers(run: StatementRun) -> list[Number]:
    """What the dry run found. Once the run has begun its rows are no longer those that were counted."""
    counts = run.counts
    if "sums" not in counts:
        return []
    named = {**statement_people.PEOPLE, **statement_people.GIFTS}
    has_rows = run.state == State.COUNTED
    return [
        Number(
            label,
            f"{counts[code]:,}",
            note,
            reverse("admin:donations_statementrun_rows", args=[run.pk, code]) if has_rows and counts[code] else "",
        )
        for code, (label, note, _) in named.items()
    ]


def told(run: StatementRun) -> dict[str, Any]:
    """How far the run is, in a sentence and as parts of a whole. Papers are what takes the time."""
    if run.state in (State.COUNTING, State.COUNTED):
        return {"done": 0, "total": 0, "words": ""}
    at = statement_runs.progress(run)
    words = f"{at.numbered:,} of {at.total:,} numbered, {at.drawn:,} made, {at.mailed:,} letters, {at.sent:,} sent"
    if at.failed:
        words += f", {at.failed:,} could not be made"
    if at.held:
        words += f", {at.held:,} wait with a reason"
    return {"done": at.drawn + at.failed + at.held, "total": at.total, "words": words}


def panels(request: HttpRequest, run: StatementRun) -> list[Panel]:
    """The tables of the page, each only where it has something to say."""
    found = [sums(run), troubles(run), held(run), unmade(run)]
    if may(request, "nonprofit.view_auditentry"):
        found.append(audit_panel([run]))
    return [panel for panel in found if panel is not None]


def sums(run: StatementRun) -> Panel | None:
    """What all statements say, section by section, beside what the ledger holds of the same year's gifts."""
    rows = run.counts.get("sums", [])
    if not rows:
        return None
    columns = [Column("Gifts"), *(Column(name, is_number=True) for name in ("Statements", "Ledger", "Difference"))]
    lines = [
        (PLACES[place], *_beside(place, Money(on_paper, currency), Money(booked, currency)))
        for place, currency, on_paper, booked in rows
    ]
    return Panel("In all, beside the ledger", columns, lines, "")


def _beside(place: str, on_paper: Money, booked: Money) -> Sequence[object]:
    if place in (statement_count.DISPUTED, statement_count.UNTOLD):
        return "—", booked, "—"
    return on_paper, booked, (on_paper - booked) or "none"


def troubles(run: StatementRun) -> Panel | None:
    """Whose statement could not be worked out in the dry run."""
    rows = run.counts.get("troubles", [])
    if not rows or run.state != State.COUNTED:
        return None
    people = Donor.objects.in_bulk([pk for pk, _ in rows])
    lines = [(link(people.get(pk)), why) for pk, why in rows]
    return Panel("Cannot be stated yet", [Column("Supporter"), Column("Why")], lines, "")


def held(run: StatementRun) -> Panel | None:
    """Who still waits, with the reason."""
    rows = list(run.due.exclude(trouble="").select_related("donor").order_by("pk")[:SHOWN])
    lines = [(link(row.donor), link(row, row.trouble)) for row in rows]
    return Panel("Wait with a reason", [Column("Supporter"), Column("Why")], lines, "") if lines else None


def unmade(run: StatementRun) -> Panel | None:
    """Numbered, and could not be drawn."""
    rows = RenderTrouble.objects.filter(receipt__statement__run=run).select_related("receipt").order_by("pk")[:SHOWN]
    lines = [(link(row.receipt), link(row, row.reason), row.tries) for row in rows]
    columns = [Column("Statement"), Column("Why"), Column("Tries", is_number=True)]
    return Panel("Could not be made; each keeps its number", columns, lines, "") if lines else None


def rows(request: HttpRequest, run: StatementRun, what: str, after: int) -> tuple[Panel, int] | None:
    """A page of the rows behind a number, after the one with this id, and where the next page begins; 0: nowhere.

    None: there is no such number.
    """
    if what in statement_people.PEOPLE:
        label, note, people = statement_people.PEOPLE[what]
        found = list(people(run.year).filter(pk__gt=after).order_by("pk")[: SHOWN + 1])
        columns = [Column("Number"), Column("Supporter"), Column("Kind"), Column("Record says")]
        lines: list[Sequence[object]] = [
            (donor.public_id, link(donor), donor.get_kind_display(), _wishes(donor)) for donor in found[:SHOWN]
        ]
        more = found[SHOWN - 1].pk if len(found) > SHOWN else 0
    elif what in statement_people.GIFTS:
        label, note, gifts = statement_people.GIFTS[what]
        of_year = list(gifts(run.year).filter(pk__gt=after).select_related("donor").order_by("pk")[: SHOWN + 1])
        columns = [Column("Gift"), Column("Supporter"), Column("Date"), Column("Amount", is_number=True)]
        lines = [(link(gift), link(gift.donor), gift.gift_on, _amount(gift)) for gift in of_year[:SHOWN]]
        more = of_year[SHOWN - 1].pk if len(of_year) > SHOWN else 0
    else:
        return None
    return Panel(label.capitalize(), columns, lines, "There are none now.", more=note), more


def _amount(gift: Gift) -> Money | str:
    return "property" if gift.is_property else gift.amount


def _wishes(donor: Donor) -> str:
    said = [
        name
        for name, holds in (
            ("has died", donor.is_deceased),
            ("do not contact", donor.is_not_contacted),
            ("no paper mail", donor.is_not_mailed),
            ("no e-mail address", not donor.email),
        )
        if holds
    ]
    return ", ".join(said) or "—"


@on_page(Donor)
def statements(request: HttpRequest, donor: Donor) -> list[Panel]:
    """The supporter's yearly statements, the newest first."""
    if not may(request, "donations.view_receipt"):
        return []
    had = AnnualStatement.objects.filter(donor=donor).select_related("receipt__void").order_by("-year", "-version")
    lines = [
        (one.year, link(one.receipt), one.version, "replaced" if hasattr(one.receipt, "void") else "stands")
        for one in had
    ]
    columns = [Column("Year"), Column("Statement"), Column("Version", is_number=True), Column("Now")]
    return [Panel("Yearly statements", columns, lines, "")] if lines else []
