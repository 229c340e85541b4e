"""Dates of gifts that repeat, counted from the anchor day and never from the previous result (rule 59)."""

from calendar import monthrange
from datetime import date

# Months from one date to the next.
MONTHS = {"month": 1, "quarter": 3, "year": 12}


def next_due(started_on: date, anchor_day: int, interval: str, after: date) -> date:
    """The first due date after `after`, in the months that lie whole intervals after `started_on`'s.

    interval: "month", "quarter" or "year"; anchor_day: 1-31, clamped to the month's end.
    """
    step = MONTHS[interval]
    start, behind = _months(started_on), _months(after)
    # Straight to the last date that may still be too early, however long ago it began.
    months = start + max(0, (behind - start) // step) * step
    due = in_month(months // 12, months % 12 + 1, anchor_day) if months > start else started_on
    while due <= after:
        months += step
        due = in_month(months // 12, months % 12 + 1, anchor_day)
    return due


def following(due_on: date, anchor_day: int, interval: str) -> date:
    """The date after `due_on`: a whole interval of months later, on the anchor day again."""
    return months_later(due_on, MONTHS[interval], anchor_day)


def first_from(due_on: date, anchor_day: int, interval: str, day: date) -> date:
    """The first date on or after `day`, counted on from `due_on`: where a plan goes on after a pause (rule 57)."""
    while due_on < day:
        due_on = following(due_on, anchor_day, interval)
    return due_on


def moved(due_on: date, anchor_day: int, today: date) -> date:
    """The next date once the day of the month is changed: in the same month, so that none is doubled or lost.

    Where the new day has passed in that month, this one date stays and the new day begins after it.
    """
    new = in_month(due_on.year, due_on.month, anchor_day)
    return new if new > today else due_on


def months_later(day: date, months: int, anchor_day: int | None = None) -> date:
    """So many months later (or earlier, below 0) on `anchor_day`, or on the day's own; the month's end clamps it."""
    count = _months(day) + months
    return in_month(count // 12, count % 12 + 1, anchor_day or day.day)


def in_month(year: int, month: int, anchor_day: int) -> date:
    """The anchor day in that month, or the month's last day when it is shorter."""
    return date(year, month, min(anchor_day, monthrange(year, month)[1]))


def _months(day: date) -> int:
    return day.year * 12 + day.month - 1
