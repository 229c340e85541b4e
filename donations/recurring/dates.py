"""Dates become installments: each date that has come gets exactly one row, to be charged or with its reason."""

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from functools import cached_property
from typing import Any

from django.db import InterfaceError, OperationalError, connection, transaction
from django.db.models import Q, QuerySet
from django.utils import timezone

from donations.models import Campaign, Installment, Plan, Renewals
from donations.recurring import states
from donations.rules import due
from nonprofit import clock

logger = logging.getLogger(__name__)

# Plans locked and written in one transaction.
CHUNK = 500
Status, Reason = Installment.Status, Installment.Reason


@dataclass(frozen=True, slots=True)
class Place:
    """How far the walk through the plans has come."""

    on: date = date.min
    pk: int = 0


def come_due() -> int:
    """Every plan's dates up to today have their installments; how many were made.

    Safe twice, at once, and killed: each chunk commits by itself, a date is unique, and a plan that somebody else
    holds is passed by until the next time. One whose dates cannot be made is named in the log and stands among
    `overdue`; the others get theirs. Call outside any transaction.
    """
    made, place = 0, Place()
    while True:
        count, next_place = _chunk(place, clock.today())
        made += count
        if next_place is None:
            return made
        place = next_place


@transaction.atomic(durable=True)
def _chunk(place: Place, today: date) -> tuple[int, Place | None]:
    further = Q(next_due_on__gt=place.on) | Q(next_due_on=place.on, pk__gt=place.pk)
    waiting = Plan.objects.ours().running().filter(further, next_due_on__lte=today).select_related("donor", "campaign")
    locking = waiting.select_for_update(of=("self",), skip_locked=True, no_key=True)
    plans = list(locking.order_by("next_due_on", "pk")[:CHUNK])
    if not plans:
        return 0, None
    last = Place(plans[-1].next_due_on or date.min, plans[-1].pk)
    return _make_what_can_be(plans, today), last if len(plans) == CHUNK else None


def _make_what_can_be(plans: Sequence[Plan], today: date) -> int:
    try:
        return _make(plans, today)
    except (OperationalError, InterfaceError):
        raise  # The database is in trouble, and no plan is to blame.
    except Exception:
        # Catches everything: one plan that is not as it should be must not keep everybody's dates from coming.
        if len(plans) == 1:
            logger.exception("dates not made", extra={"plan": plans[0].pk})
            return 0
    # Read again, because they were changed in memory; their rows are still locked.
    anew = Plan.objects.select_related("donor", "campaign").filter(pk__in=[plan.pk for plan in plans])
    return sum(_make_what_can_be([plan], today) for plan in anew.order_by("next_due_on", "pk"))


@transaction.atomic
def _make(plans: Sequence[Plan], today: date) -> int:
    standing = {one.plan_id: one for one in Installment.objects.filter(plan__in=plans, status__in=Installment.OPEN)}
    prices = Prices()
    rows = [row for plan in plans for row in _rows(plan, standing.get(plan.pk), today, prices)]
    Installment.objects.bulk_create(rows)
    _write([plan for plan in plans if plan.is_running])
    return len(rows)


def overdue(today: date) -> QuerySet[Plan]:
    """Plans whose next date has passed and was not made: a charge before it has no outcome yet, or something is wrong.

    Dates are made every hour, so that by midnight none of a sound plan is left.
    """
    return Plan.objects.ours().running().filter(next_due_on__lt=today)


def _write(plans: Sequence[Plan]) -> None:
    """Where each plan has come to, in one statement: Django's own for many rows takes ten times as long."""
    columns: list[Any] = [
        [plan.pk for plan in plans],
        [plan.next_due_on for plan in plans],
        [plan.status for plan in plans],
        [plan.status_at for plan in plans],
        [plan.paused_until for plan in plans],
    ]
    with connection.cursor() as cursor:
        cursor.execute(
            """UPDATE donations_plan SET next_due_on = new.next_due_on, status = new.status, status_at = new.status_at,
                paused_until = new.paused_until
            FROM unnest(%s::bigint[], %s::date[], %s::text[], %s::timestamptz[], %s::date[])
                AS new (id, next_due_on, status, status_at, paused_until)
            WHERE donations_plan.id = new.id""",
            columns,
        )


class Prices:
    """What plans charge and from which hour, asking for the default campaign and the settings once."""

    def __init__(self) -> None:
        self._usual: Campaign | None = None

    @cached_property
    def from_hour(self) -> int:
        return Renewals.get().from_hour

    def of(self, plan: Plan) -> tuple[int, int]:
        """Minor units with the covered fee, and the covered fee alone: computed anew for each charge."""
        if not plan.is_fee_covered:
            return plan.amount_minor, 0
        total = self.campaign(plan).with_fee(plan.amount)
        return total.minor, total.minor - plan.amount_minor

    def campaign(self, plan: Plan) -> Campaign:
        """The campaign whose prices and limits count for the plan."""
        if plan.campaign is not None:
            return plan.campaign
        if self._usual is None:
            self._usual = Campaign.objects.get(is_default=True)
        return self._usual


def _rows(plan: Plan, standing: Installment | None, today: date, prices: Prices) -> Iterator[Installment]:
    """The plan's new installments; the plan is brought to its next date, and written by the caller."""
    assert plan.next_due_on is not None
    assert plan.donor is not None
    if plan.donor.is_deceased:
        states.end(plan, Plan.End.DECEASED, actor=states.TASK)
        return
    if standing is not None and standing.status in Installment.IN_FLIGHT:
        return  # Until it is known whether that one was charged, the next one waits.
    reading = due.read(terms(plan), plan.next_due_on, today)
    is_charged = any(what == due.What.CHARGE for _, what in reading.dates)
    if is_charged and standing is not None:
        states.give_up(plan, standing)
    for day, what in reading.dates:
        yield _row(plan, day, what, prices)
    plan.next_due_on = reading.next_on
    if plan.status == Plan.Status.PAUSED and is_charged:
        states.move(plan, Plan.Status.ACTIVE)
        plan.paused_until = None
    if reading.is_over and not is_charged:
        states.end(plan, Plan.End.COMPLETED, actor=states.TASK)


def terms(plan: Plan) -> due.Terms:
    """What decides about the plan's dates, for the rules."""
    assert plan.anchor_day is not None
    return due.Terms(plan.interval, plan.anchor_day, plan.paused_until, plan.ends_on)


def _row(plan: Plan, day: date, what: due.What, prices: Prices) -> Installment:
    minor, covered_minor = prices.of(plan)
    row = Installment(
        plan=plan, due_on=day, amount_minor=minor, covered_fee_minor=covered_minor, currency=plan.currency
    )
    if what != due.What.CHARGE:
        row.status, row.reason, row.done_at = Status.SKIPPED, Reason(what.value), clock.now()
    elif plan.waiting_for == Plan.WaitingFor.CARD:
        row.status = Status.WAITING
    else:
        row.next_try_at = hour(day, prices.from_hour)
    return row


def hour(day: date, from_hour: int | None = None) -> datetime:
    """When charging begins on `day`. from_hour: that of the settings, for callers with many days."""
    begins = time(Renewals.get().from_hour if from_hour is None else from_hour)
    return timezone.make_aware(datetime.combine(day, begins), timezone.get_default_timezone())
