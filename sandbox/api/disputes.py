"""Disputes: a bank asks about a charge or takes it back, and decides in the end."""

from sandbox import errors, ids, params
from sandbox.api import balance_transactions, events, listing
from sandbox.api.call import Call, pick
from sandbox.store import Body

# How long there is to answer; the networks give one to three weeks.
DAYS_TO_ANSWER = 9
OPEN = ("needs_response", "under_review")
INQUIRY = ("warning_needs_response", "warning_under_review")
EVIDENCE = (
    "access_activity_log", "appeal", "billing_address", "cancellation_policy", "cancellation_policy_disclosure",
    "cancellation_rebuttal", "customer_communication", "customer_email_address", "customer_name",
    "customer_purchase_ip", "customer_signature", "duplicate_charge_documentation", "duplicate_charge_explanation",
    "duplicate_charge_id", "product_description", "receipt", "refund_policy", "refund_policy_disclosure",
    "refund_refusal_explanation", "service_date", "service_documentation", "shipping_address", "shipping_carrier",
    "shipping_date", "shipping_documentation", "shipping_tracking_number", "uncategorized_file", "uncategorized_text",
)  # fmt: skip


def open_for(
    call: Call, charge_id: str, *, amount: int | None = None, reason: str = "fraudulent", is_inquiry: bool = False
) -> Body:
    """The bank disputes a charge or a part of it. A chargeback takes the money at once, an inquiry takes nothing."""
    charge = call.store.get("charge", charge_id, param="charge")
    if charge["status"] != "succeeded" or charge["disputed"]:
        raise errors.bad_request(f"Charge {charge_id} cannot be disputed.", param="charge")
    if amount is not None and not 0 < amount <= charge["amount"]:
        raise errors.bad_request("Invalid amount to dispute.", param="amount")
    dispute = call.store.add(_new(call, charge, amount or charge["amount"], reason, is_inquiry=is_inquiry))
    charge["disputed"] = True
    call.store.save(charge)
    events.emit(call, "charge.dispute.created", dispute)
    return dispute if is_inquiry else _withdraw(call, dispute)


def _new(call: Call, charge: Body, amount: int, reason: str, *, is_inquiry: bool) -> Body:
    card = {"brand": "visa", "case_type": "inquiry" if is_inquiry else "chargeback", "network": "visa"}
    return {
        "id": ids.new("du"),
        "object": "dispute",
        "amount": amount,
        "balance_transactions": [],
        "charge": charge["id"],
        "created": call.now,
        "currency": charge["currency"],
        "enhanced_eligibility_types": [],
        "evidence": {**dict.fromkeys(EVIDENCE), "enhanced_evidence": {}},
        "evidence_details": {
            "due_by": call.now + DAYS_TO_ANSWER * balance_transactions.DAY,
            "enhanced_eligibility": {},
            "has_evidence": False,
            "past_due": False,
            "submission_count": 0,
            "submission_method": "not_submitted",
        },
        "intended_submission_method": None,
        "is_charge_refundable": is_inquiry,
        "livemode": False,
        "metadata": {},
        "network_reason_code": "83" if reason == "fraudulent" else "30",
        "payment_intent": charge["payment_intent"],
        "payment_method_details": {"card": {**card, "network_reason_code": "83"}, "type": "card"},
        "reason": reason,
        "status": "warning_needs_response" if is_inquiry else "needs_response",
    }


def _withdraw(call: Call, dispute: Body) -> Body:
    entry = balance_transactions.add_for_withdrawal(call, dispute)
    dispute |= {"balance_transactions": [*dispute["balance_transactions"], entry], "is_charge_refundable": False}
    call.store.save(dispute)
    events.emit(call, "charge.dispute.funds_withdrawn", dispute)
    return dispute


def escalate(call: Call, identifier: str) -> Body:
    """The bank was not content with an inquiry: it is a chargeback now, and takes the money."""
    dispute = _in_state(call, identifier, INQUIRY)
    previous = {"status": dispute["status"]}
    dispute["status"] = "needs_response"
    dispute["payment_method_details"]["card"]["case_type"] = "chargeback"
    call.store.save(dispute)
    events.emit(call, "charge.dispute.updated", dispute, previous)
    return _withdraw(call, dispute)


def answer(call: Call, identifier: str) -> Body:
    """Evidence was handed in, in the dashboard: now the bank thinks."""
    dispute = _in_state(call, identifier, ("needs_response", "warning_needs_response"))
    previous = {"status": dispute["status"]}
    dispute["status"] = dispute["status"].replace("needs_response", "under_review")
    dispute["evidence_details"] |= {"has_evidence": True, "submission_count": 1, "submission_method": "manual"}
    call.store.save(dispute)
    events.emit(call, "charge.dispute.updated", dispute, previous)
    return dispute


def win(call: Call, identifier: str, *, amount: int | None = None, is_fee_back: bool = False) -> Body:
    """The bank decided for us: the money comes back, or a part of it."""
    dispute = _in_state(call, identifier, (*OPEN, "lost"))
    given = dispute["amount"] if amount is None else amount
    entry = balance_transactions.add_for_reinstatement(call, dispute, given, is_fee_back=is_fee_back)
    dispute |= {"balance_transactions": [*dispute["balance_transactions"], entry]}
    call.store.save(dispute)
    events.emit(call, "charge.dispute.funds_reinstated", dispute)
    return _close(call, dispute, "won")


def lose(call: Call, identifier: str) -> Body:
    """The bank decided for its customer: what was taken stays taken."""
    return _close(call, _in_state(call, identifier, OPEN), "lost")


def close_inquiry(call: Call, identifier: str) -> Body:
    """The inquiry goes no further."""
    return _close(call, _in_state(call, identifier, INQUIRY), "warning_closed")


def _close(call: Call, dispute: Body, status: str) -> Body:
    dispute["status"] = status
    call.store.save(dispute)
    events.emit(call, "charge.dispute.closed", dispute)
    return dispute


def _in_state(call: Call, identifier: str, states: tuple[str, ...]) -> Body:
    dispute = call.store.get("dispute", identifier, param="dispute")
    if dispute["status"] not in states:
        raise errors.bad_request(f"Dispute {identifier} is {dispute['status']}.", param="dispute")
    return dispute


def retrieve(call: Call, identifier: str) -> Body:
    params.check({"expand": params.EXPAND}, call.params)
    return call.store.get("dispute", identifier, param="dispute", in_path=True)


def list_all(call: Call) -> Body:
    asked = params.check({**params.PAGE, "charge": params.TEXT, "payment_intent": params.TEXT}, call.params)
    wanted = pick(asked, "charge", "payment_intent")
    return listing.page(
        call, "dispute", "/v1/disputes", asked, lambda body: all(body[key] == value for key, value in wanted.items())
    )
