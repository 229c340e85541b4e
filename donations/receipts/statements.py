"""Numbering yearly statements: supporters who are due get one each, the next version where they have had one."""

import logging
from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.db import transaction
from django.db.models import Q, QuerySet

from donations.models import AnnualStatement, Donor, Gift, Receipt, ReceiptVoid, StatementDue, StatementRun
from donations.receipts import deliver, issue, statement_facts, statement_words, terms
from donations.receipts.statement_facts import Facts
from donations.receipts.terms import Terms
from donations.rules import statements as rules
from nonprofit import audit, clock, organization

logger = logging.getLogger(__name__)

SERIES = "S"
# Measured: below a hundred the statements of each chunk cost more than the papers; above, a killed worker loses more.
CHUNK = 100
# What cannot be stated yet is looked at again after this long, and stands on the run's page meanwhile.
AGAIN = timedelta(hours=1)
# A gift of theirs is being changed this moment.
SOON = timedelta(seconds=30)
State = StatementRun.State


@dataclass(frozen=True, slots=True)
class Issued:
    """What one turn did. looked_at: rows taken from the queue; numbered: the new receipts' ids, in number order."""

    looked_at: int
    numbered: list[int]


@dataclass(frozen=True, slots=True)
class _Draft:
    due: StatementDue
    facts: dict[str, Any]
    said: rules.Said
    version: int
    older: AnnualStatement | None


@transaction.atomic(durable=True)
def issue_due(limit: int = CHUNK) -> Issued:
    """Number up to `limit` statements that are due as one block, without a gap.

    Locks the due rows and their supporters' gifts of the year (SKIP LOCKED: several workers share the work, and whose
    gift is being refunded this moment waits) and, last and shortest, the book. Safe at once and when killed: either a
    chunk is committed with its numbers, or its rows still wait and no number was used.
    """
    due = list(
        waiting()
        .filter(due_at__lte=clock.now())
        .select_related("donor")
        .order_by("due_at", "pk")
        .select_for_update(skip_locked=True, no_key=True, of=("self",))[:limit]
    )
    if not due:
        return Issued(0, [])
    rows = _led_on(due)
    drafts = [draft for year in sorted({one.year for one in rows}) for draft in _drafts(rows, year)]
    receipts = issue.number(SERIES, [_numbered(draft) for draft in drafts])
    _keep(drafts, receipts)
    StatementDue.objects.filter(pk__in=[draft.due.pk for draft in drafts]).delete()
    return Issued(len(due), [receipt.pk for receipt in receipts])


def waiting() -> QuerySet[StatementDue]:
    """Rows that may be made: those of a run that is paused or only counted wait for a person."""
    return StatementDue.objects.filter(Q(run=None) | Q(run__state__in=[State.RUNNING, State.DONE]))


def _led_on(due: Sequence[StatementDue]) -> list[StatementDue]:
    """Rows of a record that was merged meanwhile go to the one it became, which may wait already."""
    stays = [row for row in due if row.donor.merged_into_id is None]
    merged = [row for row in due if row.donor.merged_into_id is not None]
    if merged:
        moved = [StatementDue(donor_id=_survivor(row.donor).pk, year=row.year, run=row.run) for row in merged]
        StatementDue.objects.filter(pk__in=[row.pk for row in merged]).delete()
        StatementDue.objects.bulk_create(moved, ignore_conflicts=True)
    return stays


def _survivor(donor: Donor) -> Donor:
    while donor.merged_into is not None:
        donor = donor.merged_into
    return donor


def _drafts(rows: Sequence[StatementDue], year: int) -> list[_Draft]:
    """What each supporter's statement of the year will say. Who cannot have one yet is put off, with the reason."""
    mine = {row.donor_id: row for row in rows if row.year == year}
    locked = _lock_gifts(mine, year)
    facts, older = statement_facts.of([row.donor for row in mine.values()], year), _older(mine, year)
    by = Terms(organization.get(), terms.library())
    found = []
    for pk, row in mine.items():
        own = {one.pk for one in facts[pk].gifts if not one.is_thanked}
        if not own <= locked:
            _put_off(row, "", SOON)
        elif why := statement_facts.no_rule(facts[pk]):
            logger.warning("statement put off", extra={"donor": pk, "year": year})
            _put_off(row, why, AGAIN)
        elif draft := _draft(row, facts[pk], older.get(pk, []), by):
            found.append(draft)
        else:
            row.delete()
    return found


def _lock_gifts(donor_ids: Collection[int], year: int) -> set[int]:
    gifts = Gift.objects.between(*statement_facts.days(year)).filter(donor__in=list(donor_ids))
    return set(
        gifts.order_by("pk").select_for_update(skip_locked=True, no_key=True, of=("self",)).values_list("pk", flat=True)
    )


def _older(donor_ids: Collection[int], year: int) -> dict[int, list[AnnualStatement]]:
    """The statements each supporter had of the year, the newest last."""
    found: dict[int, list[AnnualStatement]] = defaultdict(list)
    had = AnnualStatement.objects.filter(donor__in=list(donor_ids), year=year).select_related("receipt__void")
    for one in had.order_by("version"):
        found[one.donor_id].append(one)
    return found


def _put_off(row: StatementDue, why: str, wait: timedelta) -> None:
    StatementDue.objects.filter(pk=row.pk).update(trouble=why[:300], due_at=clock.now() + wait)


def _draft(row: StatementDue, facts: Facts, older: Sequence[AnnualStatement], by: Terms) -> _Draft | None:
    """None: there is nothing to state, or it would say what the last version says."""
    printed, said = statement_words.snapshot(facts, row.year, by.who, by.texts)
    last = older[-1] if older else None
    if last is None:
        return _Draft(row, statement_words.as_version(printed, 1, None), said, 1, None) if said.parts else None
    stands = not hasattr(last.receipt, "void")
    if stands and statement_words.is_same(printed, last.receipt.snapshot):
        return None
    version = last.version + 1
    return _Draft(row, statement_words.as_version(printed, version, last.receipt.snapshot), said, version, last)


def _numbered(draft: _Draft) -> issue.Draft:
    return issue.Draft(draft.facts, None, draft.older.receipt_id if draft.older else None)


def _keep(drafts: Sequence[_Draft], receipts: Sequence[Receipt]) -> None:
    """Whose statement each paper is; what it replaces is void, and no letter with that leaves any more."""
    AnnualStatement.objects.bulk_create(
        AnnualStatement(
            receipt=receipt,
            donor=draft.due.donor,
            year=draft.due.year,
            version=draft.version,
            cash_minor=draft.said.total(rules.Section.CASH),
            run=draft.due.run,
        )
        for draft, receipt in zip(drafts, receipts, strict=True)
    )
    merged = _of_merged(drafts)
    for draft, receipt in zip(drafts, receipts, strict=True):
        last = [draft.older.receipt] if draft.older else []
        for old in [*last, *merged.get((draft.due.donor_id, draft.due.year), [])]:
            _supersede(old, receipt)


def _of_merged(drafts: Sequence[_Draft]) -> dict[tuple[int, int], list[Receipt]]:
    """What was stated of records that are these supporters' now: their gifts are in the new statement."""
    found: dict[tuple[int, int], list[Receipt]] = defaultdict(list)
    donors = [draft.due.donor_id for draft in drafts]
    standing = AnnualStatement.objects.filter(donor__merged_into__in=donors, receipt__void__isnull=True)
    for one in standing.select_related("receipt", "donor"):
        found[one.donor.merged_into_id or 0, one.year].append(one.receipt)
    return found


def _supersede(old: Receipt, new: Receipt) -> None:
    defaults = {"reason": ReceiptVoid.Reason.SUPERSEDED, "note": f"{new.number} replaces it", "actor": "task"}
    _, is_new = ReceiptVoid.objects.get_or_create(receipt=old, defaults=defaults)
    if is_new:
        deliver.stop(old, "a newer version replaces it")
        audit.record("task", "replace statement", new, after={"replaces": old.number})
