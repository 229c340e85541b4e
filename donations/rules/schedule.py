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


def first_from(started_on: date, anchor_day: int, interval: str, day: date) -> date:
    """The first due date on or after `day`: where a plan goes on after a pause (rule 57)."""
    return next_due(started_on, anchor_day, interval, date.fromordinal(day.toordinal() - 1))


def in_month(year: int, month: int, anchor_day: int) -> date:
    """The anchor day in that month, or the month's last day when it is shorter."""
    return date(year, month, min(anchor_day, monthrange(year, month)[1]))


def _months(day: date) -> int:
    return day.year * 12 + day.month - 1
