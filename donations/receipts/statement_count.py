"""The dry run: what a year's statements would say in all, held against the ledger, before anybody gets one."""

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

from django.db.models import QuerySet, Sum
from django.db.models.fields.json import KeyTextTransform

from donations.models import Donor, Gift, LedgerEntry, StatementRun
from donations.receipts import statement_facts, statement_people
from donations.rules import documents, statements
from donations.rules.statements import Section
from nonprofit import clock

AT_ONCE = 500
# Where the ledger's money of the year stands on no statement, and why.
DISPUTED, UNTOLD = "disputed", "untold"
Amounts = Counter[tuple[str, str]]


def of(run: StatementRun) -> dict[str, Any]:
    """Counts for the run's page. sums: [section, currency, minor on statements, minor in the ledger], in page order."""
    year = run.year
    told, troubles = _told(statement_people.everyone(year), year)
    booked = _booked(year)
    order = [*(section.value for section in Section), DISPUTED, UNTOLD]
    names = sorted(told.keys() | booked.keys(), key=lambda name: (order.index(name[0]), name[1]))
    return {
        "counted_at": clock.now().isoformat(),
        **{code: people(year).count() for code, (_, _, people) in statement_people.PEOPLE.items()},
        **{code: gifts(year).count() for code, (_, _, gifts) in statement_people.GIFTS.items()},
        "sums": [[*name, told[name], booked[name]] for name in names if told[name] or booked[name]],
        "troubles": troubles[:50],
    }


def _told(people: QuerySet[Donor], year: int) -> tuple[Amounts, list[tuple[int, str]]]:
    """What all statements together say, by section and currency, and whose cannot be made."""
    sums: Amounts = Counter()
    troubles: list[tuple[int, str]] = []
    for chunk in _chunks(people):
        for pk, facts in statement_facts.of(chunk, year).items():
            try:
                said = statements.of_year(facts.gifts)
            except documents.NoRule as error:
                troubles.append((pk, str(error)))
                continue
            for part in said.parts:
                for one in part.sums:
                    sums[part.section.value, one.currency] += one.minor
            for given in facts.gifts:
                # In no total on the paper, but money in the books: what is withheld from pay.
                if statements.section_of(given) == Section.THANKED and not given.is_thanked and not given.is_disputed:
                    sums[Section.THANKED.value, given.currency] += given.kept_minor
    return sums, troubles


def _chunks(people: QuerySet[Donor]) -> Iterator[list[Donor]]:
    last = 0
    while chunk := list(people.filter(pk__gt=last).order_by("pk")[:AT_ONCE]):
        yield chunk
        last = chunk[-1].pk


def _booked(year: int) -> Amounts:
    """What the ledger holds of the year's gifts, by the section they stand in; nothing is read from the gifts' sums."""
    kinds = [LedgerEntry.Kind.GIFT, *statement_facts.WENT]
    rows = (
        LedgerEntry.objects.filter(kind__in=kinds, gift__gift_on__range=statement_facts.days(year))
        .values(
            "currency",
            "gift__kind",
            "gift__status",
            "gift__donor__kind",
            "gift__donor__wants_no_letter",
            paper=KeyTextTransform("kind", "gift__receipt__snapshot"),
        )
        .annotate(minor=Sum("amount_minor"))
        .order_by()
    )
    sums: Amounts = Counter()
    for row in rows:
        sums[_place(row), row["currency"]] += row["minor"]
    return sums


def _place(row: Mapping[str, Any]) -> str:
    donor = row["gift__donor__kind"]
    wants_none = row["gift__donor__wants_no_letter"] and donor in (Donor.Kind.FOUNDATION, Donor.Kind.GOVERNMENT)
    if donor in statements.WITHOUT or wants_none:
        return UNTOLD
    if row["gift__status"] == Gift.Status.DISPUTED:
        return DISPUTED
    paper = row["paper"] or statements.paper_of(row["gift__kind"], donor)
    return statements.SECTIONS.get(paper, Section.CASH).value
