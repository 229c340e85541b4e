"""What is told ahead of time, and what ends by itself: the daily look at all plans that run."""

from collections.abc import Callable, Iterable
from datetime import date, timedelta
from typing import Any

from django.db import transaction
from django.db.models import F, Q, QuerySet, Sum

from donations.models import Gift, Plan, Renewals
from donations.recurring import letters, states
from nonprofit import clock
from nonprofit.models import OutgoingEmail
from nonprofit.money import Money

# How long before the day each letter goes.
CARD_EXPIRES, PAUSE_ENDS, YEARLY_COMES = timedelta(days=30), timedelta(days=7), timedelta(days=14)
# A day on which nothing ran is made up for within this time; later an anniversary is no news.
LATE = timedelta(days=5)
CHUNK = 200


def tell() -> int:
    """Everybody whose card expires, whose pause ends, whose yearly charge comes or who has an anniversary is told once.

    How many letters were queued. Safe twice and at once: each letter has its key. Call outside any transaction.
    """
    today = clock.today()
    running = Plan.objects.ours().running().filter(donor__email__isnull=False)
    expiring = running.exclude(status=Plan.Status.PAUSED).filter(
        card_expires_on__range=(today, today + CARD_EXPIRES), next_due_on__gt=F("card_expires_on")
    )
    pausing = running.filter(status=Plan.Status.PAUSED, paused_until__range=(today, today + PAUSE_ENDS))
    yearly = running.filter(
        status=Plan.Status.ACTIVE,
        interval=Plan.Interval.YEAR,
        next_due_on__range=(today + timedelta(days=1), today + YEARLY_COMES),
    )
    count = _each(expiring, lambda plan: f"expiring-{plan.card_expires_on}", letters.card_expiring)
    count += _each(pausing, lambda plan: f"resumes-{plan.paused_until}", letters.resumes_soon)
    count += _each(yearly, lambda plan: f"yearly-{plan.next_due_on}", letters.yearly_reminder)
    return count + _anniversaries(running, today)


def _each(plans: QuerySet[Plan], key: Callable[[Plan], str], write: Callable[[Plan], object]) -> int:
    """Write for each plan whose letter of that key is not there yet, a chunk in a transaction."""
    count, last = 0, 0
    while chunk := list(plans.filter(pk__gt=last).select_related("donor", "fund").order_by("pk")[:CHUNK]):
        last = chunk[-1].pk
        told = _told([f"{letters.KEY}{plan.pk}:{key(plan)}" for plan in chunk])
        with transaction.atomic():
            for plan in chunk:
                if f"{letters.KEY}{plan.pk}:{key(plan)}" not in told:
                    write(plan)
                    count += 1
    return count


def _told(keys: Iterable[str]) -> set[str]:
    return set(OutgoingEmail.objects.filter(key__in=list(keys)).values_list("key", flat=True))


def _anniversaries(running: QuerySet[Plan], today: date) -> int:
    """Thanks on the day a plan began some years ago; on March 1 for those of a leap day."""
    days = [today - timedelta(days=back) for back in range(LATE.days)]
    is_day = Q()
    for day in days:
        is_day |= Q(started_on__month=day.month, started_on__day=day.day)
    began = running.filter(is_day, status=Plan.Status.ACTIVE, started_on__lt=today - timedelta(days=360))

    def years(plan: Plan) -> int:
        assert plan.started_on is not None
        return round((today - plan.started_on).days / 365.25)

    def write(plan: Plan) -> None:
        letters.anniversary(plan, years(plan), given(plan).short)

    return _each(began, lambda plan: f"anniversary-{years(plan)}", write)


def given(plan: Plan) -> Money:
    """What came of the plan so far, what went back taken off."""
    sums: dict[str, Any] = (
        Gift.objects.settled().filter(plan=plan).aggregate(minor=Sum(F("amount_minor") - F("refunded_minor")))
    )
    return Money(sums["minor"] or 0, plan.currency)


def end_unpaid() -> int:
    """Plans without a card that works for too long are over, and their supporters are told; how many. Safe twice."""
    last = clock.today() - timedelta(days=Renewals.get().ends_unpaid_after_days)
    troubled = Plan.objects.ours().filter(
        status__in=[Plan.Status.PAST_DUE, Plan.Status.WAITING], trouble_since__lte=last
    )
    ids = list(troubled.order_by("pk").values_list("pk", flat=True))
    return sum(_end_unpaid(pk, last) for pk in ids)


@transaction.atomic(durable=True)
def _end_unpaid(plan_id: int, last: date) -> bool:
    plan = states.locked(plan_id)
    is_hopeless = plan.trouble_since is not None and plan.trouble_since <= last
    if not is_hopeless or plan.status not in (Plan.Status.PAST_DUE, Plan.Status.WAITING):
        return False
    standing = states.open_of(plan)
    # Another try is promised, perhaps of a card that was saved just now.
    if standing is not None and standing.status in (*standing.IN_FLIGHT, standing.Status.RETRYING):
        return False
    if standing is not None and standing.tries:
        states.give_up(plan, standing)
    states.end(plan, Plan.End.FAILED, actor=states.TASK)
    return True
