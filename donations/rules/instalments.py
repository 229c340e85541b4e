"""The parts of a promise: when they fall due, and how one stands once gifts have come for it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from donations.rules import schedule

# Months from one part to the next.
STEPS = {"monthly": 1, "quarterly": 3, "yearly": 12}
MOST_PARTS = 120


class State(StrEnum):
    """How a part stands."""

    OPEN = "open"
    PARTLY_PAID = "partly paid"
    PAID = "paid"
    OVERPAID = "overpaid"
    WRITTEN_OFF = "written off"


class NoSchedule(ValueError):
    """The parts cannot be made so; the text is for the person who typed it."""


@dataclass(frozen=True, slots=True)
class Schedule:
    """When a promise is to be paid. every: "once", "monthly", "quarterly", "yearly" or "own".

    first_on: None only with "once", for what has no date yet. count: how many parts, at least 1; not for "once" and
    "own". own: dates with their amounts in minor units; either all have an amount or none has.
    """

    every: str = "once"
    first_on: date | None = None
    count: int = 1
    own: Sequence[tuple[date, int | None]] = ()

    def parts(self, total_minor: int | None) -> list[tuple[date | None, int | None]]:
        """Due dates with amounts that come to `total_minor` exactly, what does not divide in the first part.

        Raises NoSchedule.
        """
        if self.every == "own":
            return self._own_parts(total_minor)
        if self.every == "once":
            return [(self.first_on, total_minor)]
        if self.first_on is None:
            raise NoSchedule("Say when the first part is due.")
        if not 1 <= self.count <= MOST_PARTS:
            raise NoSchedule(f"A promise has 1 to {MOST_PARTS} parts.")
        return list(zip(due_dates(self.every, self.first_on, self.count), shares(total_minor, self.count), strict=True))

    def _own_parts(self, total_minor: int | None) -> list[tuple[date | None, int | None]]:
        if not 1 <= len(self.own) <= MOST_PARTS:
            raise NoSchedule(f"Give 1 to {MOST_PARTS} dates, one in each line.")
        days = sorted(self.own, key=lambda part: part[0])
        amounts = [minor for _, minor in days if minor is not None]
        if not amounts:
            return list(zip((day for day, _ in days), shares(total_minor, len(days)), strict=True))
        if len(amounts) < len(days):
            raise NoSchedule("Give an amount to every date or to none.")
        if total_minor is not None and sum(amounts) != total_minor:
            raise NoSchedule("The amounts of the dates do not come to the whole promise.")
        return list(days)


def due_dates(every: str, first_on: date, count: int) -> list[date]:
    """`count` dates from `first_on`, each counted from its day and never from the previous one (rule 59).

    every: "monthly", "quarterly" or "yearly".
    """
    return [schedule.months_later(first_on, STEPS[every] * number) for number in range(count)]


def shares(total_minor: int | None, count: int) -> list[int | None]:
    """Equal shares that come to the whole; what does not divide goes to the first. Raises NoSchedule."""
    if total_minor is None:
        return [None] * count
    each, rest = divmod(total_minor, count)
    if each == 0:
        raise NoSchedule("The amount is too small for so many parts.")
    return [each + rest, *[each] * (count - 1)]


def state(promised_minor: int | None, paid_minor: int, payments: int, *, is_written_off: bool) -> State:
    """How a part of `promised_minor` stands after `payments` gifts that came to `paid_minor`.

    promised_minor: None where no figure was named; the first gift pays it. What comes after a write-off still counts:
    a part that was paid in full is paid.
    """
    met = _met(promised_minor, paid_minor) if payments else None
    if met in (State.PAID, State.OVERPAID):
        return met
    if is_written_off:
        return State.WRITTEN_OFF
    return met or State.OPEN


def _met(promised_minor: int | None, paid_minor: int) -> State:
    # Property has no amount: shares that came are what was promised.
    if promised_minor is None or paid_minor in (0, promised_minor):
        return State.PAID
    return State.OVERPAID if paid_minor > promised_minor else State.PARTLY_PAID


def still_open(promised_minor: int | None, paid_minor: int) -> int:
    """What is still to come of a part, in minor units; nothing where no figure was named."""
    return max((promised_minor or 0) - paid_minor, 0)


def when(due_on: date | None, today: date) -> str:
    """The worklist's heading for a due date: "overdue", "this month", "later" or "no date"."""
    if due_on is None:
        return "no date"
    if due_on < today:
        return "overdue"
    return "this month" if (due_on.year, due_on.month) == (today.year, today.month) else "later"
