"""The verbs of a batch's rows: kept as far as they are typed, taken out, put aside until their date."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any
from uuid import UUID

from django.db import connection, transaction
from django.db.models import Max

from donations.desk import batches, checking
from donations.models import Batch, BatchRow, Donor
from donations.rules import kinds
from nonprofit import audit, clock
from nonprofit.models import User

# What a row is about beside its facts; compared to know what a change changed.
COLUMNS = (
    *("kind", "donor_id", "recognized_id", "amount_minor", "fund_id", "campaign_id", "gift_on_override"),
    *("date_reason", "promise_part_id", "tribute", "tribute_name", "note", "is_name_hidden", "unread"),
)
SAME_ITEM = ("donor_id", "check_number", "amount_minor")


@dataclass(frozen=True, slots=True, kw_only=True)
class Typed:
    """A row as far as it is typed. attempt: the row's own, made by the page. facts: columns of OfflineFacts.

    unread: what was typed and cannot be read yet, by field. gift_on_override needs date_reason before it can close.
    """

    attempt: UUID
    kind: str = "check"
    donor_id: int | None = None
    recognized_id: int | None = None
    amount_minor: int | None = None
    facts: Mapping[str, Any] = field(default_factory=dict)
    unread: Mapping[str, str] = field(default_factory=dict)
    fund_id: int | None = None
    campaign_id: int | None = None
    gift_on_override: date | None = None
    date_reason: str = ""
    promise_part_id: int | None = None
    tribute: str = ""
    tribute_name: str = ""
    note: str = ""
    is_name_hidden: bool = False


@transaction.atomic(durable=True)
def save(batch_id: int, typed: Typed, user: User) -> BatchRow:
    """The row stands in the open batch as typed, finished or not: its first saving gives it its place.

    Locks the batch. Safe twice: the same attempt is the same row. A fact its kind does not ask for is not kept.
    A change of a finished row is in the audit log. Raises CannotChange.
    """
    batches.must(user, batches.ENTER)
    batch = batches.locked(batch_id)
    row = BatchRow.objects.filter(attempt=typed.attempt).first()
    if row is not None and row.batch_id != batch.pk:
        raise batches.CannotChange(f"This row has been moved to {row.batch}.")
    if row is None:
        row = BatchRow(batch=batch, attempt=typed.attempt, entered_by=user, position=_next_position(batch))
    row.batch = batch
    was_finished = row.pk is not None and not checking.troubles(row, clock.today())
    before = _values(row)
    _take(row, typed)
    after = _values(row)
    if any(before[name] != after[name] for name in SAME_ITEM):
        row.is_duplicate_accepted = False
    if row.pk is None or before != after:
        row.save()
        batches.changed(batch)
    # Whoever changes another's row is on record as having typed in it too: they do not close or override it alone.
    if (was_finished or row.entered_by_id != user.pk) and before != after:
        changed = [name for name in after if before[name] != after[name]]
        audit.record(
            audit.staff(user),
            batches.CHANGED,
            row,
            before={name: before[name] for name in changed},
            after={name: after[name] for name in changed},
        )
    return row


@transaction.atomic(durable=True)
def remove(row_id: int, user: User) -> None:
    """The row is gone from its open batch; a finished one is in the audit log. Safe twice. Raises CannotChange."""
    batches.must(user, batches.ENTER)
    if not BatchRow.objects.filter(pk=row_id).exists():
        return
    row, batch = _row(row_id)
    if not checking.troubles(row, clock.today()):
        audit.record(audit.staff(user), "remove row", batch, before={"row": row.position, **_values(row)})
    row.delete()
    batches.changed(batch)


@transaction.atomic(durable=True)
def accept_duplicate(row_id: int, user: User) -> BatchRow:
    """A person looked at the other gift and says this row is another one. Safe twice. Raises CannotChange."""
    batches.must(user, batches.ENTER)
    row, _ = _row(row_id)
    if not row.is_duplicate_accepted:
        others = [str(one) for one in checking.duplicates([row]).get(row.pk, [])]
        row.is_duplicate_accepted = True
        row.save(update_fields=["is_duplicate_accepted"])
        audit.record(audit.staff(user), "accept duplicate", row, after={"like": others})
    return row


@transaction.atomic(durable=True)
def put_aside(row_id: int, user: User) -> Batch:
    """The postdated check waits in the open batch of its date, made when needed; both batches expect it there.

    Locks both batches, under one lock for all such moves. Safe twice: put aside once. Raises CannotChange.
    """
    batches.must(user, batches.ENTER)
    # First of all, so that whoever holds it can always go on: checks of one date end up in one batch.
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtext('postdated checks'))")
    row, batch = _row(row_id)
    if not checking.is_postdated(row, batch.deposit_on) or row.check_on is None:
        if batch.is_postdated:
            return batch
        raise batches.CannotChange("Only a check dated after the deposit is put aside.")
    waiting = Batch.objects.select_for_update().filter(
        status=Batch.Status.OPEN,
        is_postdated=True,
        deposit_on=row.check_on,
        currency=batch.currency,
        fund=batch.fund,
        # A row that names no campaign has its batch's.
        campaign=batch.campaign,
    )
    target = waiting.first() or Batch.objects.create(
        kind=Batch.Kind.CHECKS,
        is_postdated=True,
        expected_count=0,
        expected_total_minor=0,
        currency=batch.currency,
        deposit_on=row.check_on,
        fund=batch.fund,
        campaign=batch.campaign,
        note="Postdated checks",
        opened_by=user,
    )
    amount = row.amount_minor or 0
    _expect(batch, -1, -amount)
    _expect(target, 1, amount)
    row.fund, row.campaign = row.fund or batch.fund, row.campaign or batch.campaign
    row.batch, row.position = target, _next_position(target)
    row.save()
    moved = {"from": batch.public_id, "to": target.public_id}
    audit.record(audit.staff(user), "put aside postdated check", row, after=moved)
    return target


@transaction.atomic
def unknown_giver() -> Donor:
    """The one supporter who stands for cash of unknown people (domain rule 79). Made when first needed."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtext('unknown giver'))")
    found = Donor.objects.current().filter(kind=Donor.Kind.UNKNOWN, name="Unknown").order_by("pk").first()
    return found or Donor.objects.create(kind=Donor.Kind.UNKNOWN, name="Unknown", is_anonymous=True)


# ---- Parts -----------------------------------------------------------------------------------------------------------


def _row(row_id: int) -> tuple[BatchRow, Batch]:
    """The row and its batch, which is locked and open."""
    row = BatchRow.objects.filter(pk=row_id).first()
    if row is None:
        raise batches.CannotChange("This row has been removed.")
    batch = batches.locked(row.batch_id)
    try:
        row.refresh_from_db()
    except BatchRow.DoesNotExist as error:
        raise batches.CannotChange("This row has been removed.") from error
    if row.batch_id != batch.pk:
        raise batches.CannotChange(f"This row has been moved to {row.batch}.")
    return row, batch


def _next_position(batch: Batch) -> int:
    last: int | None = batch.rows.aggregate(last=Max("position"))["last"]
    return (last or 0) + 1


def _take(row: BatchRow, typed: Typed) -> None:
    """The row has what was typed, as far as its kind asks for it."""
    kind = kinds.KINDS[typed.kind]
    for name in BatchRow.fact_names():
        column: Any = BatchRow._meta.get_field(name)
        empty = column.get_default()
        value = typed.facts.get(name, empty) if name in kind.asks else empty
        setattr(row, name, empty if value is None else value)
    for name in COLUMNS:
        setattr(row, name, getattr(typed, name))
    row.unread = dict(typed.unread)
    row.kind = BatchRow._meta.get_field("kind").to_python(typed.kind)
    row.donor_id = _current(typed.donor_id)
    row.recognized_id = _current(typed.recognized_id) if kind.recognizes else None
    if kind.is_property:
        row.amount_minor = None


def _current(donor_id: int | None) -> int | None:
    """The supporter's id, or of the one they were merged into."""
    while donor_id is not None:
        into = Donor.objects.filter(pk=donor_id).values_list("merged_into_id", flat=True).first()
        if into is None:
            break
        donor_id = into
    return donor_id


def _values(row: BatchRow) -> dict[str, Any]:
    """What the row says, as JSON can hold it."""
    columns = {name: getattr(row, name) for name in COLUMNS}
    return {
        name: value if isinstance(value, str | int | bool | dict | None) else str(value)
        for name, value in (columns | row.facts()).items()
    }


def _expect(batch: Batch, count: int, amount_minor: int) -> None:
    batch.expected_count = max(0, batch.expected_count + count)
    batch.expected_total_minor = max(0, batch.expected_total_minor + amount_minor)
    batches.forget_override(batch)
    batch.save()
