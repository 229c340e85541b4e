"""On which day the books carry what comes in a batch."""

from collections.abc import Mapping
from datetime import date


def booked_on(kind: str, *, batch_kind: str, deposit_on: date, facts: Mapping[str, object]) -> date:
    """The accounting date: checks and cash on the deposit, a wire on its credit, property when it came to us.

    Another date than the donor's (rules/dating.py): the books follow the bank and our own hands. Where the bank's or
    broker's day was not told, the day the paper came; without one, the batch's day.
    """
    if batch_kind == "checks":
        return deposit_on
    # Of payroll, credited_on is the day it was withheld from the pay, which is no day of ours.
    names = ("credited_on", "received_on") if kind in ("wire", "stock", "crypto") else ("received_on",)
    for name in names:
        day = facts.get(name)
        if isinstance(day, date):
            return day
    return deposit_on
