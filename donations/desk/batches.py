"""The verbs of a batch: opened with its control totals, typed row by row, closed into the ledger all at once."""

from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID, uuid4

from django.conf import settings
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.db.models import CharField
from django.db.models.functions import Cast

from donations import donors, offline
from donations.desk import checking, promises
from donations.models import Batch, BatchRow, Campaign, Donor, Fund, Gift
from donations.rules import dating, deposits, kinds
from nonprofit import audit, clock
from nonprofit.models import AuditEntry, User
from nonprofit.money import Money

CHANGED = "change row"
ENTER, CLOSE, OVERRIDE = "donations.enter_batch", "donations.close_batch", "donations.override_batch"


@dataclass(frozen=True, slots=True)
class Header:
    """What is counted and added up before the first row is typed. expected_total: money only, property is counted."""

    kind: str
    expected_count: int
    expected_total: Money
    deposit_on: date
    fund: Fund
    campaign: Campaign | None = None
    note: str = ""


class CannotChange(ValueError):
    """The batch or row is not in a state for that; the text says why to the person who asked."""


class CannotClose(ValueError):
    """The batch stays open; `reasons` says why, row by row, to the person who asked."""

    def __init__(self, reasons: list[str]) -> None:
        super().__init__(" ".join(reasons))
        self.reasons = reasons


# ---- The header ------------------------------------------------------------------------------------------------------


@transaction.atomic(durable=True)
def open(header: Header, user: User, attempt: UUID | None = None) -> Batch:
    """An empty batch stands open with its control totals. Safe twice: one attempt (the form's own) is one batch."""
    must(user, ENTER)
    batch, is_new = Batch.objects.get_or_create(
        attempt=attempt or uuid4(), defaults={**_header(header), "opened_by": user}
    )
    if is_new:
        audit.record(audit.staff(user), "open batch", batch, after=_totals(batch))
    return batch


@transaction.atomic(durable=True)
def change_header(batch_id: int, header: Header, user: User) -> Batch:
    """The open batch has these control totals. Locks it; an override of before no longer holds. Raises CannotChange."""
    must(user, ENTER)
    batch = locked(batch_id)
    if header.kind != batch.kind and batch.rows.exists():
        raise CannotChange("Rows are entered already: another kind of batch is another batch.")
    before = _totals(batch)
    for name, value in _header(header).items():
        setattr(batch, name, value)
    forget_override(batch)
    batch.save()
    if before != _totals(batch):
        audit.record(audit.staff(user), "change batch", batch, before=before, after=_totals(batch))
    return batch


@transaction.atomic(durable=True)
def discard(batch_id: int, user: User, reason: str) -> Batch:
    """The batch is given up and nothing of it will be booked. Locks it; safe twice. Raises CannotChange.

    For the person who opened it, and for those who may close.
    """
    batch = Batch.objects.select_for_update().get(pk=batch_id)
    if batch.opened_by_id != user.pk or not user.has_perm(ENTER):
        must(user, CLOSE)
    if batch.status == Batch.Status.DISCARDED:
        return batch
    _still_open(batch)
    reason = _reason(reason)
    batch.status = Batch.Status.DISCARDED
    batch.save(update_fields=["status"])
    audit.record(audit.staff(user), "discard batch", batch, reason=reason, before={"rows": batch.rows.count()})
    return batch


@transaction.atomic(durable=True)
def set_bank_reference(batch_id: int, reference: str, user: User) -> Batch:
    """The closed batch names the one line on the bank statement that it is. Locks it; safe twice.

    Raises CannotChange.
    """
    must(user, CLOSE)
    batch = Batch.objects.select_for_update().get(pk=batch_id)
    if batch.status != Batch.Status.CLOSED:
        raise CannotChange("The bank's line is known once the batch is closed and deposited.")
    before, batch.bank_reference = batch.bank_reference, reference.strip()
    if batch.bank_reference != before:
        batch.save(update_fields=["bank_reference"])
        audit.record(
            audit.staff(user),
            "tie to bank line",
            batch,
            before={"bank_reference": before},
            after={"bank_reference": batch.bank_reference},
        )
    return batch


# ---- The end ---------------------------------------------------------------------------------------------------------


@transaction.atomic(durable=True)
def override(batch_id: int, user: User, reason: str) -> Batch:
    """The batch may close although count or total differ, as they are now. Locks it; safe twice.

    Takes somebody who neither opened the batch nor typed in it. Any later change takes it back. Raises CannotChange.
    """
    must(user, OVERRIDE)
    batch = locked(batch_id)
    if batch.opened_by_id == user.pk or _typed_in(batch, user):
        raise CannotChange("You opened this batch or entered rows of it: another person has to look at the difference.")
    if not (differing := checking.differences(batch, checking.balance(batch))):
        raise CannotChange("Count and total agree: there is nothing to override.")
    if batch.overridden_by_id is None:
        batch.overridden_by, batch.override_reason = user, _reason(reason)
        batch.save(update_fields=["overridden_by", "override_reason"])
        reason = batch.override_reason
        audit.record(audit.staff(user), "override batch", batch, reason=reason, after={"difference": differing})
    return batch


@transaction.atomic(durable=True)
def close(batch_id: int, user: User) -> Batch:
    """Every row is a settled gift, in the ledger and with its receipt due, and the batch is closed: all or nothing.

    Locks the batch, then its supporters. Safe twice, twice at once and when killed: a closed batch is returned as is.
    Raises CannotClose (row by row why) and CannotChange (it was discarded).
    """
    must(user, CLOSE)
    batch = Batch.objects.select_for_update(of=("self",)).select_related("fund", "campaign").get(pk=batch_id)
    if batch.status == Batch.Status.CLOSED:
        return batch
    _still_open(batch)
    # A merge of one of these supporters comes before or after, never in between.
    people = {pk for both in batch.rows.values_list("donor", "recognized") for pk in both if pk}
    list(Donor.objects.select_for_update(no_key=True).filter(pk__in=people).order_by("pk"))
    review = checking.review(batch)
    if reasons := [*review.reasons, *_same_person(batch, user)]:
        raise CannotClose(reasons)
    rows = [one.row for one in review.rows]
    actor = audit.staff(user)
    try:
        gifts = offline.record_all([recorded(row) for row in rows], actor=actor)
    except offline.CannotRecord as error:
        raise CannotClose([str(error)]) from error
    for row, gift in zip(rows, gifts, strict=True):
        row.gift = gift
        _pay_promise(row, actor)
    BatchRow.objects.bulk_update(rows, ["gift"], batch_size=500)
    batch.status, batch.closed_by, batch.closed_at = Batch.Status.CLOSED, user, clock.now()
    batch.save(update_fields=["status", "closed_by", "closed_at"])
    booked = {"count": review.balance.count, "total_minor": review.balance.total_minor}
    audit.record(actor, "close batch", batch, reason=batch.override_reason, after=booked)
    return batch


def _same_person(batch: Batch, user: User) -> list[str]:
    if settings.DESK_CLOSER_DIFFERS and _typed_in(batch, user):
        return ["You entered rows of this batch: another person closes it."]
    return []


def _typed_in(batch: Batch, user: User) -> bool:
    """Whether they entered one of its rows, or changed what another person had entered."""
    if batch.rows.filter(entered_by=user).exists():
        return True
    numbers = batch.rows.order_by().values(number=Cast("pk", CharField()))
    changes = AuditEntry.objects.filter(action=CHANGED, actor=audit.staff(user), target_type="batchrow")
    return changes.filter(target_id__in=numbers).exists()


def _pay_promise(row: BatchRow, actor: str) -> None:
    """The part of a promise that the row names is paid by its gift. Locks the gift, then the part."""
    if row.promise_part_id is None or row.gift is None:
        return
    try:
        promises.pay(row.promise_part_id, row.gift.pk, actor)
    except promises.CannotPromise as error:
        raise CannotClose([f"Row {row.position}: {error}"]) from error


def recorded(row: BatchRow) -> offline.Recorded:
    """What the row says, as `offline.record` books it. Raises CannotClose while something is missing."""
    batch, kind, facts = row.batch, kinds.KINDS[row.kind], row.facts()
    if row.donor is None:
        raise CannotClose([f"Row {row.position}: The supporter is missing."])
    try:
        proposed: dating.GiftDate | None = dating.propose(row.kind, facts)
    except dating.NoDate:
        proposed = None
    override = row.gift_on_override
    dated = dating.GiftDate(override, Gift.DateBasis.STAFF) if override else proposed
    if dated is None:
        raise CannotClose([f"Row {row.position}: the gift date is missing."])
    return offline.Recorded(
        attempt=row.attempt,
        kind=row.kind,
        donor=row.donor,
        amount=None if kind.is_property else row.amount,
        fund=row.fund or batch.fund,
        campaign=row.campaign or batch.campaign,
        source=f"batch-row:{row.pk}",
        dated=dated,
        booked_on=deposits.booked_on(row.kind, batch_kind=batch.kind, deposit_on=batch.deposit_on, facts=facts),
        facts=facts,
        batch=batch,
        proposed_on=proposed.on if override and proposed else None,
        date_reason=row.date_reason if override else "",
        recognized=[(donors.became(row.recognized), kind.recognizes)] if row.recognized and kind.recognizes else [],
        tribute=row.tribute,
        tribute_name=row.tribute_name,
        note=row.note,
        is_name_hidden=row.is_name_hidden,
        currency=batch.currency,
    )


# ---- Parts -----------------------------------------------------------------------------------------------------------


def must(user: User, right: str) -> None:
    """Raises PermissionDenied."""
    if not user.has_perm(right):
        raise PermissionDenied(right)


def locked(batch_id: int) -> Batch:
    """The batch, locked and still open. Raises CannotChange."""
    batch = Batch.objects.select_for_update().get(pk=batch_id)
    _still_open(batch)
    return batch


def _still_open(batch: Batch) -> None:
    if batch.status == Batch.Status.CLOSED:
        raise CannotChange(f"{batch} is closed. To correct it, reverse the gift and enter it anew.")
    if batch.status == Batch.Status.DISCARDED:
        raise CannotChange(f"{batch} was discarded.")


def _reason(text: str) -> str:
    if not (reason := text.strip()):
        raise CannotChange("Say why, in a few words.")
    return reason[:300]


def _header(header: Header) -> dict[str, Any]:
    return {
        "kind": header.kind,
        "expected_count": header.expected_count,
        "expected_total_minor": header.expected_total.minor,
        "currency": header.expected_total.currency,
        "deposit_on": header.deposit_on,
        "fund": header.fund,
        "campaign": header.campaign,
        "note": header.note,
    }


def _totals(batch: Batch) -> dict[str, Any]:
    return {
        "kind": str(batch.kind),
        "expected_count": batch.expected_count,
        "expected_total_minor": batch.expected_total_minor,
        "deposit_on": str(batch.deposit_on),
        "fund": batch.fund_id,
        "campaign": batch.campaign_id,
        "note": batch.note,
    }


def changed(batch: Batch) -> None:
    """What somebody allowed was the batch as it was."""
    if batch.overridden_by_id is not None:
        forget_override(batch)
        batch.save(update_fields=["overridden_by", "override_reason"])


def forget_override(batch: Batch) -> None:
    batch.overridden_by, batch.override_reason = None, ""
