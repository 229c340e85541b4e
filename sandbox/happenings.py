"""What banks and the dashboard do to us, on demand: disputes, refunds, payouts, fees, saved cards that change."""

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from sandbox import cards
from sandbox.api import (
    balance_transactions,
    customers,
    disputes,
    payment_methods,
    payouts,
    prices,
    refunds,
    subscriptions,
)
from sandbox.api.call import Call
from sandbox.store import Body

if TYPE_CHECKING:
    from sandbox.engine import Engine

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


def _replace_card(call: Call, given: Given) -> Body:
    """The networks' account updater at work; a new expiry two years on where nothing else is said."""
    method = call.store.get("payment_method", _text(given, "payment_method"), param="payment_method")
    month, year, last4 = _minor(given, "exp_month"), _minor(given, "exp_year"), _text(given, "last4")
    if last4 and not (last4.isascii() and last4.isdigit() and len(last4) == 4):
        raise Refused("last4 must be four digits")
    if month and month > 12:
        raise Refused("exp_month must be a month")
    changes: Body = {"exp_year": year or method["card"]["exp_year"] + (0 if month or last4 else 2)}
    changes |= {"exp_month": month or method["card"]["exp_month"]} | ({"last4": last4} if last4 else {})
    return payment_methods.replace_card(call, method["id"], changes)


def _behave(call: Call, given: Given) -> Body:
    """decline: a code of Stripe's, "" to be charged from now on. authenticate: the bank asks each time, or no more."""
    decline = _text(given, "decline") if "decline" in given else None
    if decline and decline not in cards.DECLINES:
        raise Refused(f"decline must be one of {', '.join(sorted(cards.DECLINES))}")
    asks = ("always" if _yes(given, "authenticate") else "") if "authenticate" in given else None
    if decline is None and asks is None:
        raise Refused("say decline, authenticate or both")
    return payment_methods.behave(call, _text(given, "payment_method"), decline=decline, asks=asks)


def _subscribe(call: Call, given: Given) -> Body:
    """As another platform has made it: for `customer`, or for a new one of this `name` and `email` with a card.

    payment_method: a pm_card_… name or the id of a saved one, the customer's default, or with `own_card` the
    subscription's own. started: seconds since 1970; the period that now is has been paid for elsewhere.
    """
    interval, count = _text(given, "interval", "month"), _minor(given, "interval_count") or 1
    if interval not in (*prices.MONTHS, *prices.DAYS):
        raise Refused("interval must be day, week, month or year")
    started_at = _minor(given, "started") or call.now
    metadata = given.get("metadata", {})
    if not isinstance(metadata, dict) or any(not isinstance(value, str) for value in metadata.values()):
        raise Refused("metadata must be texts by name")
    identifier = _text(given, "customer")
    if not identifier:
        asked = {"name": _text(given, "name", "Ana Ortiz"), "email": _text(given, "email", "ana@example.org")}
        identifier = customers.create(replace(call, params=asked))["id"]
    customer = call.store.get("customer", identifier, param="customer")
    method = payment_methods.resolve(call, _text(given, "payment_method", "pm_card_visa"))
    payment_methods.attach_to(call, method, identifier)
    is_own = _yes(given, "own_card")
    if not is_own:
        customer["invoice_settings"]["default_payment_method"] = method["id"]
        call.store.save(customer)
    price = prices.add(
        call,
        amount=_minor(given, "amount") or 1500,
        currency=_text(given, "currency", "usd"),
        interval=interval,
        interval_count=count,
        product=_text(given, "product", "Membership"),
    )
    own = method["id"] if is_own else ""
    return subscriptions.add(call, identifier, price, started_at=started_at, method=own, metadata=metadata)


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
    "subscription": _subscribe,
    "subscription-period-ends": lambda call, given: subscriptions.end_period(call, _text(given, "subscription")),
    "card-replaced": _replace_card,
    "card-behaves": _behave,
}


def happen(sandbox: "Engine", name: str, given: Given) -> Body:
    """Makes it happen, all or nothing; what it made. Raises Refused, and StripeError where Stripe would refuse."""
    with sandbox.store.transaction():
        made = HAPPENINGS[name](sandbox.call(), given)
    sandbox.wake()
    return made


def set_clock(sandbox: "Engine", given: Given) -> Body:
    """From now on it is so many seconds later than in truth; earlier, for a negative number."""
    offset = given.get("offset", 0)
    if not isinstance(offset, int) or isinstance(offset, bool):
        raise Refused("offset must be a whole number of seconds")
    sandbox.clock.offset = offset
    sandbox.wake()
    return {"offset": offset, "now": sandbox.clock.now()}
