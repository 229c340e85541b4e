"""Refunds: money going back, in whole or in part."""

from sandbox import errors, ids, params
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
    refund = _new(call, charge, amount, asked)
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


def _new(call: Call, charge: Body, amount: int, asked: Body) -> Body:
    details = {"reference_status": "pending", "reference_type": "acquirer_reference_number", "type": "refund"}
    refund: Body = {
        "id": ids.new("re"),
        "object": "refund",
        "amount": amount,
        "balance_transaction": None,
        "charge": charge["id"],
        "created": call.now,
        "currency": charge["currency"],
        "description": None,
        "destination_details": {"card": details, "type": "card"},
        "metadata": asked.get("metadata") or {},
        "payment_intent": charge["payment_intent"],
        "reason": asked.get("reason"),
        "receipt_number": None,
        "source_transfer_reversal": None,
        "status": "succeeded",
        "transfer_reversal": None,
    }
    described = {**refund, "description": f"REFUND FOR CHARGE ({charge['description'] or charge['id']})"}
    refund["balance_transaction"] = balance_transactions.add_for_refund(call, described)["id"]
    del refund["description"]
    return call.store.add(refund)


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
