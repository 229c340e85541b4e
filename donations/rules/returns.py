"""Which gifts a bank can send back, and from which day on."""

from datetime import date

from donations.rules import kinds

# Stripe holds the money: it goes back through a refund there, not by the desk.
BY_CARD = frozenset({"card", "phone"})


def may_bounce(kind: str) -> bool:
    """Whether a bank can return a gift of `kind`: checks, whoever wrote them, and bank credits. Cash and goods not."""
    if kind in BY_CARD:
        return False
    return kind == "wire" or "check_number" in kinds.KINDS[kind].asks


def earliest_notice(*, booked_on: date | None, settled_on: date) -> date:
    """The first day a gift can have been found wrong: it was booked, or it was here although dated ahead."""
    return settled_on if booked_on is None else min(booked_on, settled_on)
