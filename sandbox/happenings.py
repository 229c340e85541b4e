"""What banks, supporters and the dashboard do to us, on demand: disputes, refunds made there, payouts, account fees."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from sandbox.api import balance_transactions, disputes, payouts, refunds
from sandbox.api.call import Call
from sandbox.store import Body

if TYPE_CHECKING:
    from sandbox.server import Sandbox

Given = dict[str, Any]


class Refused(ValueError):
    """What was asked makes no sense; the sentence says why."""


def _text(given: Given, name: str, default: str = "") -> str:
    value = given.get(name, default)
    if not isinstance(value, str):
        raise Refused(f"{name} must be a text")
    return value


def _minor(given: Given, name: str) -> int | None:
    value = given.get(name)
    if value is not None and (not isinstance(value, int) or isinstance(value, bool) or value < 1):
        raise Refused(f"{name} must be a whole number of minor units")
    return value


def _yes(given: Given, name: str, *, default: bool = False) -> bool:
    value = given.get(name, default)
    if not isinstance(value, bool):
        raise Refused(f"{name} must be true or false")
    return value


def _dispute(call: Call, given: Given) -> Body:
    return disputes.open_for(
        call,
        _text(given, "charge"),
        amount=_minor(given, "amount"),
        reason=_text(given, "reason", "fraudulent"),
        is_inquiry=_yes(given, "inquiry"),
    )


def _win(call: Call, given: Given) -> Body:
    return disputes.win(
        call, _text(given, "dispute"), amount=_minor(given, "amount"), is_fee_back=_yes(given, "fee_back")
    )


def _refund(call: Call, given: Given) -> Body:
    """In the dashboard: without our metadata and our idempotency key."""
    amount = _minor(given, "amount")
    call.params.update({"charge": _text(given, "charge"), **({} if amount is None else {"amount": str(amount)})})
    return refunds.create(call)


def _end_refund(call: Call, given: Given) -> Body:
    outcome = _text(given, "outcome", "succeeded")
    if outcome == "succeeded":
        return refunds.finish(call, _text(given, "refund"))
    if outcome not in ("failed", "canceled"):
        raise Refused("outcome must be succeeded, failed or canceled")
    return refunds.fail(call, _text(given, "refund"), status=outcome)


def _payout(call: Call, given: Given) -> Body:
    return payouts.run(
        call,
        is_automatic=_yes(given, "automatic", default=True),
        arrives=_yes(given, "arrives", default=True),
        only_available=_yes(given, "only_available"),
    )


def _fee(call: Call, given: Given) -> Body:
    amount = _minor(given, "amount") or 200
    return balance_transactions.add_for_account(call, amount, "usd", _text(given, "description", "Monthly fee"))


# Address below /_test/ -> what happens.
HAPPENINGS: dict[str, Callable[[Call, Given], Body]] = {
    "dispute": _dispute,
    "dispute-answer": lambda call, given: disputes.answer(call, _text(given, "dispute")),
    "dispute-escalate": lambda call, given: disputes.escalate(call, _text(given, "dispute")),
    "dispute-win": _win,
    "dispute-lose": lambda call, given: disputes.lose(call, _text(given, "dispute")),
    "dispute-close": lambda call, given: disputes.close_inquiry(call, _text(given, "dispute")),
    "refund": _refund,
    "refund-end": _end_refund,
    "payout": _payout,
    "payout-arrive": lambda call, given: payouts.arrive(call, _text(given, "payout")),
    "payout-fail": lambda call, given: payouts.fail(call, _text(given, "payout")),
    "fee": _fee,
}


def happen(sandbox: "Sandbox", name: str, given: Given) -> Body:
    """Makes it happen, all or nothing; what it made. Raises Refused, and StripeError where Stripe would refuse."""
    with sandbox.store.transaction():
        made = HAPPENINGS[name](sandbox.call(), given)
    sandbox.wake()
    return made


def set_clock(sandbox: "Sandbox", given: Given) -> Body:
    """From now on it is so many seconds later than in truth; earlier, for a negative number."""
    offset = given.get("offset", 0)
    if not isinstance(offset, int) or isinstance(offset, bool):
        raise Refused("offset must be a whole number of seconds")
    sandbox.clock.offset = offset
    return {"offset": offset, "now": sandbox.clock.now()}
