"""Which dates of a plan are charged and which are left out, with the reason: at most one charge, whatever happened.

After an outage nobody is charged twice to catch up: the newest date is charged, unless it is too old by now, and the
older ones are left out (rule 57 for pauses; card networks and supporters forgive a late charge, not a double one).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from donations.rules import schedule

# A date that could not be charged for so many days is left out; a yearly one is too much to lose for a week.
LATE_DAYS = {"month": 14, "quarter": 30, "year": 60}


class What(StrEnum):
    """What becomes of a date. The values of those left out are the installment's reasons."""

    CHARGE = "charge"
    PAUSED = "paused"
    OUTAGE = "outage"


@dataclass(frozen=True, slots=True)
class Terms:
    """What decides about a plan's dates. anchor_day: 1-31; paused_until: dates before it are left out."""

    interval: str
    anchor_day: int
    paused_until: date | None = None
    ends_on: date | None = None


@dataclass(frozen=True, slots=True)
class Reading:
    """The dates that have come, each with what becomes of it; the next one; and whether the agreed end has come."""

    dates: tuple[tuple[date, What], ...]
    next_on: date
    is_over: bool


def read(terms: Terms, first_on: date, today: date) -> Reading:
    """The dates from `first_on` (the plan's next) up to today."""
    came = list(_until(terms, first_on, today))
    next_on = schedule.following(came[-1], terms.anchor_day, terms.interval) if came else first_on
    counted = [day for day in came if terms.ends_on is None or day <= terms.ends_on]
    is_over = terms.ends_on is not None and next_on > terms.ends_on
    wanted = [day for day in counted if terms.paused_until is None or day >= terms.paused_until]
    newest = wanted[-1] if wanted else None
    return Reading(tuple((day, _what(terms, day, newest, today)) for day in counted), next_on, is_over)


def is_late(interval: str, day: date, today: date) -> bool:
    """Whether a date that nobody could be charged for is too old by now to begin with."""
    return (today - day).days > LATE_DAYS[interval]


def _until(terms: Terms, day: date, today: date) -> Iterator[date]:
    while day <= today:
        yield day
        day = schedule.following(day, terms.anchor_day, terms.interval)


def _what(terms: Terms, day: date, newest: date | None, today: date) -> What:
    if terms.paused_until is not None and day < terms.paused_until:
        return What.PAUSED
    if day == newest and not is_late(terms.interval, day, today):
        return What.CHARGE
    return What.OUTAGE
