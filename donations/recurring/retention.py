"""How gifts that recur hold: who still gives months after they began, and what begins, grows, shrinks and ends.

Reading only. Each half of it is a few statements over plans, their installments and their entries in the audit log.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from typing import Any, NamedTuple

from django.db import connection

from donations.models import Plan
from donations.rules import schedule
from nonprofit import clock
from nonprofit.money import Money

CURRENCY = "usd"
YEAR = 12
# After how many months we look: a yearly gift is asked for again after a year and says nothing before.
STEPS = {
    Plan.Interval.MONTH: (1, 3, 6, 12, 24),
    Plan.Interval.QUARTER: (3, 6, 12, 24),
    Plan.Interval.YEAR: (12, 24),
}
ALL_STEPS = STEPS[Plan.Interval.MONTH]


class By(StrEnum):
    """Gifts of which time are looked at together."""

    MONTH = "month"
    QUARTER = "quarter"

    @property
    def months(self) -> int:
        return schedule.MONTHS[self.value]

    @property
    def shown(self) -> int:
        """How many of them: enough for the oldest to have been looked at after two years."""
        return 26 if self == By.MONTH else 13


@dataclass(frozen=True, slots=True)
class Kept:
    """How many of so many gifts were still given."""

    count: int
    of: int

    @property
    def percent(self) -> int:
        return (200 * self.count + self.of) // (2 * self.of) if self.of else 0


@dataclass(frozen=True, slots=True)
class Cohort:
    """Gifts that began in the same time. kept: for each step; None where that month is not over yet for all of them."""

    starts_on: date
    ends_on: date
    begun: int
    kept: Sequence[Kept | None]


@dataclass(frozen=True, slots=True)
class Rhythm:
    """Gifts of one rhythm. together: for each step, all those that began long enough ago; None where none did."""

    label: str
    steps: Sequence[int]
    cohorts: Sequence[Cohort]
    together: Sequence[Kept | None]


# A gift that was begun again is the one it follows. Each reaches as far as its last payment carries: a month, a
# quarter, a year. Counted in months of the calendar, so that another day of the month, or a late yes of the bank,
# changes nothing. The first payment is that of the day it began; what was brought over from Stripe is left out, because
# nothing is known here of what had ended there.
COHORTS = """
WITH RECURSIVE line (id, rhythm, first_on, root, began_in, began_on) AS (
    SELECT id, interval, started_on, id, interval, started_on FROM donations_plan
    WHERE follows_id IS NULL AND stripe_subscription_id IS NULL AND started_on >= %(since)s
    UNION ALL
    SELECT plan.id, plan.interval, NULL, line.root, line.began_in, line.began_on
    FROM donations_plan plan JOIN line ON plan.follows_id = line.id
),
reach AS (
    SELECT line.began_in, line.began_on, max(
        12 * (extract(year FROM greatest(line.first_on, last.paid_on)) - extract(year FROM line.began_on))
        + extract(month FROM greatest(line.first_on, last.paid_on)) - extract(month FROM line.began_on)
        + CASE line.rhythm WHEN 'month' THEN 0 WHEN 'quarter' THEN 2 ELSE 11 END
    ) AS months
    FROM line
    LEFT JOIN LATERAL (
        SELECT due_on AS paid_on FROM donations_installment
        WHERE plan_id = line.id AND status = 'paid' ORDER BY due_on DESC LIMIT 1
    ) AS last ON true
    GROUP BY line.root, line.began_in, line.began_on
)
SELECT began_in, date_trunc('month', began_on)::date, count(*),
    {counted}
FROM reach
GROUP BY 1, 2
"""
COUNTED = "count(*) FILTER (WHERE months >= {step})"


def rhythms(today: date, by: By) -> list[Rhythm]:
    """How gifts of each rhythm were kept up, the newest cohort first; a rhythm that nobody gives in is not there."""
    newest = _start(today, by)
    since = schedule.months_later(newest, -by.months * (by.shown - 1))
    statement = COHORTS.format(counted=", ".join(COUNTED.format(step=step) for step in ALL_STEPS))
    found: dict[str, dict[date, list[int]]] = defaultdict(lambda: defaultdict(lambda: [0] * (len(ALL_STEPS) + 1)))
    with connection.cursor() as cursor:
        cursor.execute(statement, {"since": since})
        for interval, month, *counts in cursor.fetchall():
            row = found[interval][_start(month, by)]
            row[:] = [had + more for had, more in zip(row, counts, strict=True)]
    return [_rhythm(interval, found[interval], today, by) for interval in Plan.Interval if interval in found]


def _rhythm(interval: Plan.Interval, counts: dict[date, list[int]], today: date, by: By) -> Rhythm:
    steps, cohorts = STEPS[interval], []
    for starts_on in sorted(counts, reverse=True):
        begun, *by_step = counts[starts_on]
        ends_on = schedule.months_later(starts_on, by.months - 1, 31)
        kept = [
            Kept(by_step[ALL_STEPS.index(step)], begun) if _is_over(ends_on, step, today) else None for step in steps
        ]
        cohorts.append(Cohort(starts_on, ends_on, begun, kept))
    together = [_together([one.kept[place] for one in cohorts]) for place in range(len(steps))]
    return Rhythm(interval.label.capitalize(), steps, cohorts, together)


def _together(kept: Sequence[Kept | None]) -> Kept | None:
    known = [one for one in kept if one is not None]
    return Kept(sum(one.count for one in known), sum(one.of for one in known)) if known else None


def _start(day: date, by: By) -> date:
    """The first day of its month or quarter of the calendar."""
    return day.replace(month=day.month - (day.month - 1) % by.months, day=1)


def _is_over(ends_on: date, step: int, today: date) -> bool:
    """Whether the month so many later has passed for everybody who began by then: its payments have been tried."""
    return schedule.months_later(ends_on, step, 31) < today


# ---- What begins, grows, shrinks and ends ----------------------------------------------------------------------------

MONTHS = 13


class What(StrEnum):
    """What happened to a gift that recurs."""

    NEW = "new"
    RESTARTED = "begun again"
    UP = "raised"
    DOWN = "lowered"
    ENDED = "ended"


@dataclass(slots=True)
class Moves:
    """How many, and what they change in twelve months; less is below zero. Counted up while they are read."""

    count: int = 0
    yearly_minor: int = 0

    @property
    def monthly(self) -> Money:
        """What they change in a month: a year's gift counts as a twelfth of it. Rounded to the cent."""
        return Money((self.yearly_minor + YEAR // 2) // YEAR, CURRENCY)


@dataclass(frozen=True, slots=True)
class Month:
    """What happened in a month."""

    starts_on: date
    moves: dict[What, Moves] = field(default_factory=lambda: {what: Moves() for what in What})

    @property
    def gained(self) -> Money:
        return sum((self.moves[what].monthly for what in (What.NEW, What.RESTARTED, What.UP)), Money(0, CURRENCY))

    @property
    def lost(self) -> Money:
        return sum((-self.moves[what].monthly for what in (What.DOWN, What.ENDED)), Money(0, CURRENCY))

    @property
    def together(self) -> Money:
        """As the row's amounts come to, so that the table adds up."""
        return self.gained - self.lost

    def count(self, *kinds: What) -> int:
        return sum(self.moves[what].count for what in kinds)


class Changed(NamedTuple):
    """A change of amount or rhythm with its plan as it stands now. was_minor, was_interval: None where it stayed."""

    plan_id: int
    minor: int
    interval: str
    started_on: date | None
    is_restarted: bool
    is_brought_over: bool
    at: datetime
    was_minor: int | None
    was_interval: str | None


# What a plan comes to in a year, without fees that are covered.
YEARLY = "plan.amount_minor * CASE plan.interval WHEN 'month' THEN 12 WHEN 'quarter' THEN 4 ELSE 1 END"
BEGUN_AND_ENDED = f"""
SELECT CASE WHEN plan.follows_id IS NULL THEN 'new' ELSE 'begun again' END,
    date_trunc('month', plan.started_on)::date, count(*), sum({YEARLY})
FROM donations_plan plan
WHERE plan.started_on >= %(since)s AND plan.stripe_subscription_id IS NULL AND plan.currency = %(currency)s
GROUP BY 1, 2
UNION ALL
SELECT 'ended', date_trunc('month', plan.ended_at AT TIME ZONE %(zone)s)::date, count(*), -sum({YEARLY})
FROM donations_plan plan
WHERE plan.ended_at >= %(since_midnight)s AND plan.started_on IS NOT NULL AND plan.currency = %(currency)s
GROUP BY 1, 2
"""
# An entry that brings a plan in has nothing before it and changes nothing.
CHANGES = """
SELECT plan.id, plan.amount_minor, plan.interval, plan.started_on, plan.follows_id IS NOT NULL,
    plan.stripe_subscription_id IS NOT NULL, entry.at,
    (entry.before ->> 'amount_minor')::bigint, entry.before ->> 'interval'
FROM nonprofit_auditentry entry JOIN donations_plan plan ON plan.id = entry.target_id::bigint
WHERE entry.target_type = 'plan' AND entry.at >= %(since_midnight)s AND plan.currency = %(currency)s
    AND (entry.before ->> 'amount_minor' IS NOT NULL OR entry.before ->> 'interval' IS NOT NULL)
ORDER BY plan.id, entry.id DESC
"""


def moves(today: date) -> list[Month]:
    """The last thirteen months with the present one, the newest first: in two statements."""
    first = schedule.months_later(today, -(MONTHS - 1), 1)
    found = {day: Month(day) for day in (schedule.months_later(first, step) for step in range(MONTHS))}
    with connection.cursor() as cursor:
        zone, begins = clock.zone_name(), clock.midnight(first)
        where: dict[str, Any] = {"since": first, "since_midnight": begins, "zone": zone, "currency": CURRENCY}
        cursor.execute(BEGUN_AND_ENDED, where)
        for what, month, count, yearly_minor in cursor.fetchall():
            if month in found:
                found[month].moves[What(what)] = Moves(count, int(yearly_minor))
        cursor.execute(CHANGES, where)
        _add_changes(map(Changed._make, cursor.fetchall()), found)
    return [found[day] for day in sorted(found, reverse=True)]


def _add_changes(entries: Iterable[Changed], found: dict[date, Month]) -> None:
    """Each change of amount or rhythm, read back from how the plan stands now; and what it began with."""
    plan_id, minor, interval = 0, 0, ""
    for one in entries:
        if one.plan_id != plan_id:
            plan_id, minor, interval = one.plan_id, one.minor, one.interval
        before = (one.was_minor or minor, one.was_interval or interval)
        change = _yearly(minor, interval) - _yearly(*before)
        minor, interval = before
        if change and (month := found.get(clock.local_date(one.at).replace(day=1))):
            moved = month.moves[What.UP if change > 0 else What.DOWN]
            moved.count, moved.yearly_minor = moved.count + 1, moved.yearly_minor + change
        if not one.is_brought_over and one.started_on and (began := found.get(one.started_on.replace(day=1))):
            began.moves[What.RESTARTED if one.is_restarted else What.NEW].yearly_minor -= change


def _yearly(minor: int, interval: str) -> int:
    return minor * YEAR // schedule.MONTHS[interval]
