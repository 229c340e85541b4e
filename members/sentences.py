"""Why somebody is a member, in sentences for them: no amounts, so that all staff may read them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Protocol

WAYS = {
    "card": "gift",
    "phone": "gift by phone",
    "check": "check",
    "cash": "gift in cash",
    "money_order": "money order",
    "wire": "bank transfer",
    "payroll": "gift from your pay",
    "ira": "gift from your IRA",
    "foundation": "grant",
    "match": "employer’s match",
}
OFTEN = {"monthly": "monthly ", "quarterly": "quarterly ", "yearly": "yearly "}


class Paid(Protocol):
    """What is told of a payment."""

    @property
    def gift_id(self) -> int: ...
    @property
    def on(self) -> date: ...
    @property
    def kind(self) -> str: ...
    @property
    def repeats(self) -> str: ...
    @property
    def plan_id(self) -> int | None: ...
    @property
    def kept_minor(self) -> int: ...
    @property
    def went_back(self) -> str: ...
    @property
    def giver(self) -> str: ...


@dataclass(frozen=True, slots=True)
class Reason:
    """One sentence of why. gift_id: the gift it is about."""

    text: str
    gift_id: int | None = None


def carries(paid: Paid, level: str, end: date, *, is_early: bool, is_valued: bool) -> Reason:
    """A payment carries to a day; early, it was added to what was there."""
    repeats = paid.repeats in ("monthly", "quarterly")
    added = "" if repeats or not is_early else ", counted from the end of what you had"
    less = "" if is_valued else ". By law nothing of value comes with such a gift, so your level comes without gifts"
    text = f"{_named(paid)} carries you to {_day(end)} as {level}{added}{less}."
    return Reason(text, paid.gift_id)


def together(paid: Paid, level: str, end: date) -> Reason:
    """All gifts of a year come to a level."""
    text = f"Your gifts of the twelve months to {_day(paid.on)} together make you {level} to {_day(end)}."
    return Reason(text, paid.gift_id)


def granted(level: str, end: date | None) -> Reason:
    """A membership that nobody paid for."""
    if end is None:
        return Reason(f"You are {level} for life, with our thanks.")
    return Reason(f"We made you {level} to {_day(end)}, with our compliments.")


def in_the_past(reason: Reason) -> Reason:
    """The same of a membership that has ended."""
    text = reason.text.replace(" carries you ", " carried you ").replace(" make you ", " made you ")
    return Reason(text.replace("You are ", "You were "), reason.gift_id)


def went_back(paid: Paid) -> Reason:
    """Money that is no longer ours, whole or in part (rule 64: never silently)."""
    if paid.kept_minor > 0:
        return Reason(f"A part of {_named(paid, 'your')} {paid.went_back}; what is left of it counts.", paid.gift_id)
    return Reason(f"{_named(paid)} {paid.went_back}, so what it had added is taken off again.", paid.gift_id)


def too_little(paid: Paid, lowest: str) -> Reason:
    """A gift that bought nothing."""
    return Reason(
        f"{_named(paid)} is less than a year as {lowest} asks for. Thank you for it all the same.", paid.gift_id
    )


def ended(through: date, grace_through: date, today: date) -> Reason:
    """After the end: how long everything stays, or since when it does not."""
    if today <= grace_through:
        return Reason(f"Your membership ran to {_day(through)}; everything stays yours until {_day(grace_through)}.")
    return Reason(f"Your membership ended on {_day(through)}.")


def follows(levels: Sequence[tuple[str, date | None]]) -> str:
    """What carries on when today's level has ended: each level and its last day, None for life; "" for nothing."""
    told = [f"then {name} for life" if end is None else f"then {name} through {_day(end)}" for name, end in levels]
    words = ", ".join(told)
    return f"{words[:1].upper()}{words[1:]}." if words else ""


def _named(paid: Paid, your: str = "Your") -> str:
    if paid.giver:
        return f"{'The' if your == 'Your' else 'the'} membership that {paid.giver} gave you on {_day(paid.on)}"
    return f"{your} {OFTEN.get(paid.repeats, '')}{WAYS.get(paid.kind, 'gift')} of {_day(paid.on)}"


def _day(day: date) -> str:
    return f"{day:%B} {day.day}, {day.year}"
