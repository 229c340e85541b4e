"""Dates of monthly and yearly gifts, counted from the anchor day and never from the previous result (rule 59)."""

from calendar import monthrange
from datetime import date


def next_due(started_on: date, anchor_day: int, interval: str, after: date) -> date:
    """The first due date after `after`. interval: "month" or "year"; anchor_day: 1-31, clamped to the month's end."""
    step = {"month": 1, "year": 12}[interval]
    months = started_on.year * 12 + started_on.month - 1
    due = started_on
    while due <= after:
        months += step
        due = in_month(months // 12, months % 12 + 1, anchor_day)
    return due


def in_month(year: int, month: int, anchor_day: int) -> date:
    """The anchor day in that month, or the month's last day when it is shorter."""
    return date(year, month, min(anchor_day, monthrange(year, month)[1]))
