"""Months of the books: closed one after the other when everything is explained, reopened by two people."""

from dataclasses import dataclass, field
from datetime import date

from django.core.exceptions import PermissionDenied
from django.db import connection, transaction
from django.db.models import Max, Min, Q

from donations.books import compare, tie_out
from donations.books.exports import flow as exports
from donations.models import (
    BalanceSweep,
    BankAccount,
    Batch,
    Difference,
    Dispute,
    Export,
    LedgerEntry,
    Month,
    ReceiptDue,
    Refund,
)
from donations.models.books import BOOKING_LOCK
from donations.receipts import gaps
from nonprofit import audit, clock
from nonprofit.models import User

CLOSE, OVERRIDE, REOPEN = "donations.close_month", "donations.override_month", "donations.reopen_month"
UNDECIDED = ("waiting", "requested", "pending")
State = Month.State


class CannotClose(Exception):
    """The month stays as it is; a sentence for each reason."""

    def __init__(self, reasons: "list[str]") -> None:
        super().__init__(" ".join(reasons))
        self.reasons = reasons


@dataclass(frozen=True, slots=True)
class Look:
    """What stands between a month and its closing. never: nobody can let it close; others: a person can, for a reason.

    listed: only told: money whose end is not known yet.
    """

    never: list[str] = field(default_factory=list)
    others: list[str] = field(default_factory=list)
    listed: list[str] = field(default_factory=list)

    @property
    def is_clear(self) -> bool:
        return not self.never and not self.others


def after(starts_on: date) -> date:
    """The first day of the month after that month's first day."""
    return date(starts_on.year + starts_on.month // 12, starts_on.month % 12 + 1, 1)


def open_months() -> list[date]:
    """First days of the months that have begun and are not closed, oldest first."""
    last = Month.objects.shut().aggregate(last=Max("starts_on"))["last"]
    if last is not None:
        first = after(last)
    else:
        booked = LedgerEntry.objects.aggregate(first=Min("booked_on"))["first"] or clock.today()
        first = booked.replace(day=1)
    found = []
    while first <= clock.today():
        found.append(first)
        first = after(first)
    return found


# ---- Looking ---------------------------------------------------------------------------------------------------------


def look(starts_on: date) -> Look:
    """Whether the month can be closed now, and why not."""
    end = after(starts_on)
    seen = Look()
    if clock.today() < end:
        seen.never.append(f"{starts_on:%B %Y} is not over yet.")
    last = Month.objects.shut().aggregate(last=Max("starts_on"))["last"]
    if last is not None and starts_on > after(last):
        seen.never.append(f"{after(last):%B %Y} comes first.")
    if last is not None and starts_on <= last:
        seen.never.append(f"{starts_on:%B %Y} is closed.")
    seen.others.extend(_unexplained(end))
    seen.others.extend(_unread(starts_on, end))
    seen.listed.extend(_undecided())
    return seen


def _unexplained(end: date) -> list[str]:
    booked = Q(gift__ledger_entries__booked_on__lt=end)
    counts = (
        (Difference.objects.open().filter(day__lt=end).count(), "difference is", "differences are", "not explained"),
        (ReceiptDue.objects.filter(booked).distinct().count(), "receipt is", "receipts are", "not issued yet"),
        (
            Batch.objects.open().filter(deposit_on__lt=end, is_postdated=False).count(),
            *("batch with a deposit in it is", "batches with a deposit in it are", "still open"),
        ),
    )
    return [f"{count} {one if count == 1 else many} {what}." for count, one, many, what in counts if count]


def _unread(starts_on: date, end: date) -> list[str]:
    """Books of others that do not reach the month's end: nothing can be compared with what was not read."""
    found = []
    for account in BankAccount.objects.exclude(
        imports__applied_at__isnull=False, imports__made_at__gte=clock.midnight(end)
    ).distinct():
        found.append(f"No statement of {account} was imported after {starts_on:%B} had ended.")
    has_cards = LedgerEntry.objects.filter(account="stripe", booked_on__range=(starts_on, _last_day(end))).exists()
    swept = BalanceSweep.objects.filter(pk=1, swept_until__gte=clock.midnight(end)).exists()
    if has_cards and not swept:
        found.append("Stripe's movements have not been read to the end of the month.")
    return found


def _last_day(end: date) -> date:
    return date.fromordinal(end.toordinal() - 1)


def _undecided() -> list[str]:
    counts = (
        (Refund.objects.filter(state__in=UNDECIDED).count(), "refund is under way", "refunds are under way"),
        (
            Dispute.objects.filter(closed_at__isnull=True).count(),
            *("dispute is not decided", "disputes are not decided"),
        ),
    )
    return [f"{count} {one if count == 1 else many}." for count, one, many in counts if count]


# ---- Closing ---------------------------------------------------------------------------------------------------------


def close(starts_on: date, *, user: User, override_reason: str = "") -> Month:
    """No line can be booked in the month any more, and its posting files are asked for.

    Everything is compared once more first. Waits for whoever books right now; nobody books meanwhile. Safe twice, twice
    at once and when killed. Call outside any transaction. Raises CannotClose.
    """
    _must(user, CLOSE)
    if not Month.objects.shut().filter(starts_on=starts_on).exists():
        gaps.look()
        compare.run()
    return _close(starts_on, user, " ".join(override_reason.split())[:300])


@transaction.atomic(durable=True)
def _close(starts_on: date, user: User, override_reason: str) -> Month:
    _alone()
    month = Month.objects.filter(starts_on=starts_on).first()
    if month is not None and month.state != State.REOPENED:
        return month
    seen = look(starts_on)
    reasons = [*seen.never, *seen.others]
    if seen.others and not seen.never and override_reason:
        _must(user, OVERRIDE)
        reasons = []
    if reasons:
        raise CannotClose(reasons)
    month, _ = Month.objects.update_or_create(
        starts_on=starts_on,
        defaults={
            "state": State.CLOSED,
            "closed_by": user,
            "closed_at": clock.now(),
            "override_reason": override_reason if seen.others else "",
            **dict.fromkeys(("reopening_asked_by", "reopened_by", "reopened_at")),
            "reopening_reason": "",
        },
    )
    figures = {equation.code: equation.figures() for equation in tie_out.equations(starts_on)}
    unexplained = {"overridden": seen.others} if seen.others else {}
    actor = audit.staff(user)
    audit.record(actor, "close month", month, reason=month.override_reason, after={**figures, **unexplained})
    exports.post(month, actor)
    return month


# ---- Reopening -------------------------------------------------------------------------------------------------------


@transaction.atomic(durable=True)
def ask_to_reopen(month_id: int, reason: str, *, user: User) -> Month:
    """The last closed month waits for a second person to agree that it opens again. Safe twice. Raises CannotClose."""
    _must(user, REOPEN)
    _alone()
    month, words = Month.objects.get(pk=month_id), " ".join(reason.split())[:300]
    if month.state == State.REOPENING:
        return month
    _only_last(month)
    if not words:
        raise CannotClose(["Say in a few words why it must open again."])
    month.state, month.reopening_asked_by, month.reopening_reason = State.REOPENING, user, words
    month.save(update_fields=["state", "reopening_asked_by", "reopening_reason"])
    audit.record(audit.staff(user), "ask to reopen month", month, reason=words)
    return month


@transaction.atomic(durable=True)
def reopen(month_id: int, *, user: User) -> Month:
    """A second person agreed: the month takes lines again, and its posting files do not count any more.

    Safe twice. Raises CannotClose: whoever asked cannot agree.
    """
    _must(user, REOPEN)
    _alone()
    month = Month.objects.get(pk=month_id)
    if month.state == State.REOPENED:
        return month
    if month.state != State.REOPENING:
        raise CannotClose(["Nobody has asked to reopen it."])
    if month.reopening_asked_by_id == user.pk:
        raise CannotClose(["You asked for it: another person has to agree."])
    _only_last(month)
    month.state, month.reopened_by, month.reopened_at = State.REOPENED, user, clock.now()
    month.save(update_fields=["state", "reopened_by", "reopened_at"])
    voided = Export.objects.filter(month=month, voided_at__isnull=True)
    names = [export.public_id for export in voided]
    voided.update(voided_at=clock.now())
    said = {"voided": names, "asked_by": month.reopening_asked_by_id}
    audit.record(audit.staff(user), "reopen month", month, reason=month.reopening_reason, after=said)
    return month


@transaction.atomic(durable=True)
def keep_closed(month_id: int, *, user: User) -> Month:
    """Nobody asks any more to reopen the month. Safe twice."""
    _must(user, REOPEN)
    _alone()
    month = Month.objects.get(pk=month_id)
    if month.state == State.REOPENING:
        month.state, month.reopening_asked_by, month.reopening_reason = State.CLOSED, None, ""
        month.save(update_fields=["state", "reopening_asked_by", "reopening_reason"])
        audit.record(audit.staff(user), "keep month closed", month)
    return month


def _only_last(month: Month) -> None:
    last = Month.objects.shut().aggregate(last=Max("starts_on"))["last"]
    if month.starts_on != last:
        raise CannotClose(["Only the month that was closed last can be opened again."])


def _alone() -> None:
    """Wait until nobody books, and let nobody book until this transaction has ended."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [BOOKING_LOCK])


def _must(user: User, right: str) -> None:
    """Raises PermissionDenied."""
    if not user.has_perm(right):
        raise PermissionDenied(right)
