"""What is to come: tomorrow's charges before they are made, and the next twelve months."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta

from donations.models import Installment, Plan
from donations.recurring import dates
from donations.rules import due, schedule
from nonprofit import clock
from nonprofit.money import Money

MONTHS = 12
# A plan in one of these may not be paid: its card was declined, or will have expired.
DOUBTFUL = (Plan.Status.PAST_DUE, Plan.Status.WAITING)


@dataclass(frozen=True, slots=True)
class DryRun:
    """What a day would charge. charges: (currency, interval) with how many and minor units; left_out: by reason."""

    on: date
    charges: dict[tuple[str, str], tuple[int, int]]
    left_out: dict[str, int]
    expired_cards: int
    retries: tuple[int, int]

    @property
    def count(self) -> int:
        return sum(count for count, _ in self.charges.values()) + self.retries[0]

    def total(self, currency: str = "usd") -> Money:
        minor = sum(minor for (of, _), (_, minor) in self.charges.items() if of == currency)
        return Money(minor + (self.retries[1] if currency == "usd" else 0), currency)


def dry_run(on: date) -> DryRun:
    """What charging on that day would do, by the same rules; nothing is written or asked at Stripe."""
    counts: Counter[tuple[str, str]] = Counter()
    sums: Counter[tuple[str, str]] = Counter()
    left_out: Counter[str] = Counter()
    expired, prices = 0, dates.Prices()
    for plan in _due(on):
        assert plan.next_due_on is not None
        for _, what in due.read(dates.terms(plan), plan.next_due_on, on).dates:
            if what != due.What.CHARGE:
                left_out[Installment.Reason(what.value).label] += 1
            elif plan.waiting_for == Plan.WaitingFor.CARD:
                left_out[Installment.Reason.NO_CARD.label] += 1
            else:
                key = (plan.currency, plan.interval)
                counts[key] += 1
                sums[key] += prices.of(plan)[0]
                expired += plan.card_expires_on is not None and plan.card_expires_on < on
    again = Installment.objects.filter(
        status__in=[Installment.Status.RETRYING, Installment.Status.SCHEDULED],
        next_try_at__lt=clock.midnight(on + timedelta(days=1)),
    ).values_list("amount_minor", flat=True)
    retries = list(again)
    charges = {key: (counts[key], sums[key]) for key in sorted(counts)}
    return DryRun(on, charges, dict(left_out), expired, (len(retries), sum(retries)))


def _due(on: date) -> Iterator[Plan]:
    plans = Plan.objects.ours().running().filter(next_due_on__lte=on, donor__is_deceased=False)
    return plans.select_related("campaign").order_by("next_due_on", "pk").iterator(chunk_size=2000)


def in_days(days: int) -> date:
    """So many days from today."""
    return clock.today() + timedelta(days=days)


@dataclass(frozen=True, slots=True)
class Month:
    """A month to come: minor units expected, and of those the part at risk."""

    starts_on: date
    expected_minor: int
    at_risk_minor: int


def next_months(today: date) -> list[Month]:
    """The next twelve months' charges in US dollars, as the plans stand today; with what may not come.

    At risk: plans whose last charge was declined, and cards that will have expired by then. A paused plan counts from
    the day its pause ends (domain rule 58).
    """
    first = today.replace(day=1)
    ends = schedule.months_later(first, MONTHS)
    expected: Counter[date] = Counter()
    at_risk: Counter[date] = Counter()
    prices = dates.Prices()
    plans = Plan.objects.running().filter(currency="usd", next_due_on__lt=ends).select_related("campaign")
    for plan in plans.iterator(chunk_size=2000):
        minor = prices.of(plan)[0]
        for day in _dates(plan, today, ends):
            month = day.replace(day=1)
            expected[month] += minor
            is_expired = plan.card_expires_on is not None and plan.card_expires_on < day
            if plan.status in DOUBTFUL or is_expired:
                at_risk[month] += minor
    months = [schedule.months_later(first, step) for step in range(MONTHS)]
    return [Month(month, expected[month], at_risk[month]) for month in months]


def _dates(plan: Plan, today: date, ends: date) -> Iterator[date]:
    day, anchor = plan.next_due_on, plan.anchor_day
    if day is None or anchor is None:
        return
    begin = max(today, plan.paused_until or today)
    while day < ends and (plan.ends_on is None or day <= plan.ends_on):
        if day >= begin:
            yield day
        day = schedule.following(day, anchor, plan.interval)
