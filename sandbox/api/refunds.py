"""Refunds: money going back, in whole or in part, at once or after a while, and sometimes not at all."""

from sandbox import cards, errors, ids, params
from sandbox.api import balance_transactions, events, listing
from sandbox.api.call import Call, pick
from sandbox.params import INTEGER, TEXT
from sandbox.store import Body

CREATE: params.Spec = {
    "amount": INTEGER,
    "charge": TEXT,
    "expand": params.EXPAND,
    "metadata": params.METADATA,
    "payment_intent": TEXT,
    "reason": params.enum("duplicate", "fraudulent", "requested_by_customer"),
}
# How long the test cards for slow and failing refunds take.
CARD_SECONDS = 5.0


def create(call: Call) -> Body:
    asked = params.check(CREATE, call.params)
    charge = _charge(call, asked)
    left = charge["amount"] - charge["amount_refunded"]
    amount = asked.get("amount", left)
    if left == 0:
        raise errors.bad_request(f"Charge {charge['id']} has already been refunded.", code="charge_already_refunded")
    if amount < 1:
        raise errors.bad_request("Invalid positive integer", code="parameter_invalid_integer", param="amount")
    if amount > left:
        raise errors.bad_request(
            f"Refund amount ({amount} {charge['currency']}) is greater than unrefunded amount on charge "
            f"({left} {charge['currency']})",
            param="amount",
        )
    _refuse_while_disputed(call, charge)
    refund = _begin(call, charge, _new(call, charge, amount, asked))
    charge |= {"amount_refunded": charge["amount_refunded"] + amount, "refunded": amount == left}
    call.store.save(charge)
    events.emit(call, "refund.created", refund)
    events.emit(call, "charge.refunded", charge)
    return refund


def _charge(call: Call, asked: Body) -> Body:
    if "charge" in asked:
        charge = call.store.get("charge", asked["charge"], param="charge")
    elif "payment_intent" in asked:
        intent = call.store.get("payment_intent", asked["payment_intent"], param="payment_intent")
        if intent["status"] != "succeeded":
            raise errors.bad_request(
                f"This PaymentIntent ({intent['id']}) does not have a successful charge to refund."
            )
        charge = call.store.get("charge", intent["latest_charge"], param="charge")
    else:
        raise errors.missing("payment_intent")
    if charge["status"] != "succeeded":
        raise errors.bad_request(f"Charge {charge['id']} is not paid and cannot be refunded.", param="charge")
    return charge


def _refuse_while_disputed(call: Call, charge: Body) -> None:
    for dispute in call.store.select("dispute", lambda dispute: dispute["charge"] == charge["id"]):
        if dispute["status"] in ("needs_response", "under_review", "lost"):
            raise errors.bad_request(
                f"Charge {charge['id']} has been charged back; cannot issue a refund.", code="charge_disputed"
            )


def _new(call: Call, charge: Body, amount: int, asked: Body) -> Body:
    details = {"reference_status": "pending", "reference_type": "acquirer_reference_number", "type": "refund"}
    return call.store.add(
        {
            "id": ids.new("re"),
            "object": "refund",
            "amount": amount,
            "balance_transaction": None,
            "charge": charge["id"],
            "created": call.now,
            "currency": charge["currency"],
            "destination_details": {"card": details, "type": "card"},
            "failure_balance_transaction": None,
            "metadata": asked.get("metadata") or {},
            "payment_intent": charge["payment_intent"],
            "reason": asked.get("reason"),
            "receipt_number": None,
            "source_transfer_reversal": None,
            "status": "pending",
            "transfer_reversal": None,
        }
    )


def _begin(call: Call, charge: Body, refund: Body) -> Body:
    """Most refunds succeed at once; a fault or the charge's card makes one wait, or fail a while after it succeeded."""
    card = cards.BY_NUMBER[call.store.hidden(charge["payment_method"])["card"]]
    fault = call.faults.strike("refund_pending", path="/v1/refunds")
    if fault or card.refund == "pending":
        refund["pending_reason"] = "processing"
        job = "finish_refund" if fault is None or fault.outcome == "succeeded" else "fail_refund"
        call.later(job, refund["id"], fault.seconds if fault else CARD_SECONDS)
        return call.store.save(refund)
    if card.refund == "fails":
        call.later("fail_refund", refund["id"], CARD_SECONDS)
    return _take(call, refund)


def _take(call: Call, refund: Body) -> Body:
    charge = call.store.get("charge", refund["charge"], param="charge")
    described = f"REFUND FOR CHARGE ({charge['description'] or charge['id']})"
    refund |= {
        "balance_transaction": balance_transactions.add_for_refund(call, refund, described)["id"],
        "status": "succeeded",
    }
    refund.pop("pending_reason", None)
    return call.store.save(refund)


def finish(call: Call, identifier: str) -> Body:
    """A pending refund went through; safe to call twice."""
    refund = call.store.get("refund", identifier, param="refund")
    if refund["status"] != "pending":
        return refund
    refund = _take(call, refund)
    events.emit(call, "refund.updated", refund, {"balance_transaction": None, "status": "pending"})
    return refund


def fail(call: Call, identifier: str, *, status: str = "failed") -> Body:
    """The bank did not take it, perhaps after it had succeeded: the money is ours again. Safe to call twice.

    status: "canceled" for a pending one that was called off.
    """
    refund = call.store.get("refund", identifier, param="refund")
    if refund["status"] not in ("pending", "succeeded") or (status == "canceled" and refund["status"] != "pending"):
        return refund
    previous = {"status": refund["status"]}
    refund["status"] = status
    refund.pop("pending_reason", None)
    if status == "failed":
        refund["failure_reason"] = "expired_or_canceled_card"
    if refund["balance_transaction"]:
        entry = balance_transactions.add_for_failed_refund(call, refund)
        refund["failure_balance_transaction"] = entry["id"]
    call.store.save(refund)
    charge = call.store.get("charge", refund["charge"], param="charge")
    charge |= {"amount_refunded": charge["amount_refunded"] - refund["amount"], "refunded": False}
    call.store.save(charge)
    events.emit(call, "refund.updated", refund, previous)
    if status == "failed":
        events.emit(call, "refund.failed", refund, previous)
    return refund


def retrieve(call: Call, identifier: str) -> Body:
    params.check({"expand": params.EXPAND}, call.params)
    return call.store.get("refund", identifier, param="id", in_path=True)


def update(call: Call, identifier: str) -> Body:
    asked = params.check({"expand": params.EXPAND, "metadata": params.METADATA}, call.params)
    refund = call.store.get("refund", identifier, param="id", in_path=True)
    if "metadata" in asked:
        previous = {"metadata": refund["metadata"]}
        refund["metadata"] = params.merged_metadata(refund["metadata"], asked["metadata"])
        call.store.save(refund)
        events.emit(call, "refund.updated", refund, previous)
    return refund


def list_all(call: Call) -> Body:
    asked = params.check({**params.PAGE, "charge": TEXT, "payment_intent": TEXT}, call.params)
    wanted = pick(asked, "charge", "payment_intent")
    return listing.page(
        call, "refund", "/v1/refunds", asked, lambda body: all(body[key] == value for key, value in wanted.items())
    )
