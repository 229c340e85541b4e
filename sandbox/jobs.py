"""What happens by itself a while later: slow payments end, late fees arrive, banks dispute, refunds fail."""

from collections.abc import Callable

from sandbox import cards, errors
from sandbox.api import attempts, charges, disputes, refunds, subscriptions
from sandbox.api.call import Call
from sandbox.store import Store


def _pay(call: Call, intent_id: str) -> None:
    intent = call.store.get("payment_intent", intent_id, param="intent")
    if intent["status"] == "processing":
        method = call.store.get("payment_method", intent["payment_method"], param="payment_method")
        attempts.succeed(call, intent, method, authenticated=False)


def _refuse(call: Call, intent_id: str) -> None:
    intent = call.store.get("payment_intent", intent_id, param="intent")
    if intent["status"] == "processing":
        method = call.store.get("payment_method", intent["payment_method"], param="payment_method")
        attempts.fail(call, intent, method, cards.DECLINES["generic_decline"], authenticated=False)


def _settle_fee(call: Call, charge_id: str) -> None:
    charges.settle_fee(call, charge_id)


def _finish_refund(call: Call, refund_id: str) -> None:
    refunds.finish(call, refund_id)


def _fail_refund(call: Call, refund_id: str) -> None:
    refunds.fail(call, refund_id)


def _dispute(call: Call, charge_id: str) -> None:
    """What the charge's card was made for."""
    charge = call.store.get("charge", charge_id, param="charge")
    reason = cards.BY_NUMBER[call.store.hidden(charge["payment_method"])["card"]].dispute
    if not charge["disputed"]:
        is_inquiry = reason == cards.INQUIRY
        disputes.open_for(call, charge_id, reason="general" if is_inquiry else reason, is_inquiry=is_inquiry)


JOBS: dict[str, Callable[[Call, str], None]] = {
    "pay": _pay,
    "refuse": _refuse,
    "settle_fee": _settle_fee,
    "finish_refund": _finish_refund,
    "fail_refund": _fail_refund,
    "dispute": _dispute,
    "renew": subscriptions.renew_if_due,
}


def run_due(store: Store, make_call: Callable[[], Call], now: float) -> bool:
    """Does every job that is due at `now`, each in its own transaction; whether there were any."""
    due = store.query("SELECT * FROM jobs WHERE at <= ? ORDER BY at, seq", now)
    for row in due:
        try:
            with store.transaction():
                store.execute("DELETE FROM jobs WHERE seq = ?", row["seq"])
                JOBS[row["name"]](make_call(), row["target"])
        except errors.StripeError as error:
            if error.status == 404:  # the object was cleared away meanwhile
                store.execute("DELETE FROM jobs WHERE seq = ?", row["seq"])
    return bool(due)


def seconds_to_next(store: Store, now: float) -> float | None:
    rows = store.query("SELECT min(at) AS at FROM jobs")
    return None if rows[0]["at"] is None else max(0.0, rows[0]["at"] - now)
