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
    # What it names as the one before, and every paper that counts until now: their own, and of records merged into it.
    older: AnnualStatement | None
    standing: tuple[Receipt, ...] = ()


@transaction.atomic(durable=True)
def issue_due(limit: int = CHUNK) -> Issued:
    """Number up to `limit` statements that are due as one block, without a gap.

    Locks the due rows with their supporters, and the gifts of the year (SKIP LOCKED: several workers share the work,
    and who is being merged or whose gift is being refunded this moment waits) and, last and shortest, the book. Safe at
    once and when killed: either a chunk is committed with its numbers, or its rows still wait and no number was used.
    """
    due = list(
        waiting()
        .filter(due_at__lte=clock.now())
        .select_related("donor")
        .order_by("due_at", "pk")
        # With their supporters: a merge that commits between this and the reading of gifts would leave a record that
        # has none any more, and theirs would be on nobody's statement.
        .select_for_update(skip_locked=True, no_key=True, of=("self", "donor"))[:limit]
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
    """Rows of a record that was merged meanwhile go to the one it became, which may wait already.

    Locks those, too: a merge holds its supporters while it asks who waits. One that is held so is left for later.
    """
    stays = [row for row in due if row.donor.merged_into_id is None]
    becomes = {row.pk: _survivor(row.donor).pk for row in due if row.donor.merged_into_id is not None}
    if becomes:
        free = Donor.objects.current().filter(pk__in=set(becomes.values())).order_by("pk")
        locked = set(free.select_for_update(skip_locked=True, no_key=True, of=("self",)).values_list("pk", flat=True))
        merged = [row for row in due if becomes.get(row.pk) in locked]
        moved = [StatementDue(donor_id=becomes[row.pk], year=row.year, run=row.run) for row in merged]
        StatementDue.objects.filter(pk__in=[row.pk for row in merged]).delete()
        StatementDue.objects.bulk_create(moved, ignore_conflicts=True)
        for row in due:
            if row.pk in becomes and row not in merged:
                _put_off(row, row.trouble, SOON)
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
    """What each supporter was told of the year: what stands of records merged into theirs, then their own, newest last.

    All gifts of those records are theirs now, so that one new version is told instead of all that stand.
    """
    records = Donor.objects.records_of(donor_ids)
    whose = {pk: head for head, pks in records.items() for pk in pks}
    had = AnnualStatement.objects.filter(donor__in=whose, year=year).select_related("receipt__void")
    merged, own = defaultdict(list), defaultdict(list)
    for one in had.order_by("version", "pk"):
        if one.donor_id in records:
            own[one.donor_id].append(one)
        elif _stands(one):
            merged[whose[one.donor_id]].append(one)
    return {head: [*merged[head], *own[head]] for head in records}


def _stands(one: AnnualStatement) -> bool:
    return not hasattr(one.receipt, "void")


def _put_off(row: StatementDue, why: str, wait: timedelta) -> None:
    StatementDue.objects.filter(pk=row.pk).update(trouble=why[:300], due_at=clock.now() + wait)


def _draft(row: StatementDue, facts: Facts, older: Sequence[AnnualStatement], by: Terms) -> _Draft | None:
    """None: there is nothing to state, or it would say what the one paper that stands says."""
    printed, said = statement_words.snapshot(facts, row.year, by.who, by.texts)
    last = older[-1] if older else None
    if last is None:
        return _Draft(row, statement_words.as_version(printed, 1, None), said, 1, None) if said.parts else None
    standing = tuple(one.receipt for one in older if _stands(one))
    if len(standing) == 1 and statement_words.is_same(printed, standing[0].snapshot):
        return None
    version = 1 + max((one.version for one in older if one.donor_id == row.donor_id), default=0)
    facts_of_it = statement_words.as_version(printed, version, last.receipt.snapshot)
    return _Draft(row, facts_of_it, said, version, last, standing)


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
    for draft, receipt in zip(drafts, receipts, strict=True):
        for old in draft.standing:
            _supersede(old, receipt)


def _supersede(old: Receipt, new: Receipt) -> None:
    defaults = {"reason": ReceiptVoid.Reason.SUPERSEDED, "note": f"{new.number} replaces it", "actor": "task"}
    _, is_new = ReceiptVoid.objects.get_or_create(receipt=old, defaults=defaults)
    if is_new:
        deliver.stop(old, "a newer version replaces it")
        audit.record("task", "replace statement", new, after={"replaces": old.number})
