"""Charges: single attempts to take money, those that failed included."""

import hashlib

from sandbox import cards, errors, ids, params
from sandbox.api import balance_transactions, events, listing, payment_methods
from sandbox.api.call import Call, pick
from sandbox.store import Body

UPDATE: params.Spec = {
    "customer": params.TEXT,
    "description": params.clearable(params.TEXT),
    "expand": params.EXPAND,
    "metadata": params.METADATA,
    "receipt_email": params.clearable(params.TEXT),
}
AUTHENTICATED: Body = {
    "authentication_flow": "challenge",
    "electronic_commerce_indicator": "05",
    "exemption_indicator": None,
    "result": "authenticated",
    "result_reason": None,
    "transaction_id": "",
    "version": "2.2.0",
}


def add(call: Call, intent: Body, method: Body, *, decline: cards.Decline | None, authenticated: bool) -> Body:
    """A charge of this intent's amount, succeeded or failed. Its balance transaction comes by `settle_fee`."""
    card = payment_methods.card_of(call, method)
    identifier = ids.new("ch")
    status = "failed" if decline else "succeeded"
    return call.store.add(
        {
            "id": identifier,
            "object": "charge",
            "amount": intent["amount"],
            "amount_captured": 0 if decline else intent["amount"],
            "amount_refunded": 0,
            "application": None,
            "application_fee": None,
            "application_fee_amount": None,
            "balance_transaction": None,
            "billing_details": method["billing_details"],
            "calculated_statement_descriptor": _descriptor(intent),
            "captured": decline is None,
            "created": call.now,
            "currency": intent["currency"],
            "customer": intent["customer"],
            "description": intent["description"],
            "disputed": False,
            "failure_balance_transaction": None,
            "failure_code": decline.code if decline else None,
            "failure_message": decline.message if decline else None,
            "fraud_details": {},
            "livemode": False,
            "metadata": intent["metadata"],
            "on_behalf_of": None,
            "outcome": _outcome(card, decline),
            "paid": decline is None,
            "payment_intent": intent["id"],
            "payment_method": method["id"],
            "payment_method_details": {
                "card": _card_details(intent, method, card, authenticated=authenticated),
                "type": "card",
            },
            "presentment_details": None,
            "radar_options": {},
            "receipt_email": intent["receipt_email"],
            "receipt_number": None,
            "receipt_url": None if decline else f"{call.base_url}/payments/{intent['id']}/",
            "refunded": False,
            "review": None,
            "shipping": intent["shipping"],
            "source": None,
            "source_transfer": None,
            "statement_descriptor": None,
            "statement_descriptor_suffix": intent["statement_descriptor_suffix"],
            "status": status,
            "transfer_data": None,
            "transfer_group": None,
        }
    )


def _descriptor(intent: Body) -> str:
    suffix = intent["statement_descriptor_suffix"]
    return f"SANDBOX* {suffix}"[:22] if suffix else "SANDBOX"


def _outcome(card: cards.Card, decline: cards.Decline | None) -> Body:
    score = {"normal": 12, "elevated": 68, "highest": 92}[card.risk_level]
    outcome: Body = {
        "advice_code": None,
        "network_advice_code": None,
        "network_decline_code": None,
        "network_status": "approved_by_network",
        "reason": None,
        "risk_level": card.risk_level,
        "risk_score": score,
        "seller_message": "Payment complete.",
        "type": "authorized",
    }
    if decline is None:
        return outcome
    if card.risk_level == "highest":
        blocked = {"network_status": "not_sent_to_network", "reason": "highest_risk_level", "type": "blocked"}
        return outcome | blocked | {"seller_message": "Stripe blocked this payment as too risky."}
    return outcome | {
        "advice_code": decline.advice,
        "network_decline_code": "05",
        "network_status": "declined_by_network",
        "reason": decline.decline_code,
        "seller_message": "The bank did not return any further details with this decline.",
        "type": "issuer_declined",
    }


def _card_details(intent: Body, method: Body, card: cards.Card, *, authenticated: bool) -> Body:
    given, options = method["card"]["checks"], intent["payment_method_options"]["card"]
    proof = hashlib.sha256(f"{intent['id']} {method['id']}".encode()).hexdigest()
    return {
        "amount_authorized": intent["amount"],
        "authorization_code": proof[:6].upper(),
        "brand": card.brand,
        "checks": {
            "address_line1_check": card.line1_check if given["address_line1_check"] else None,
            "address_postal_code_check": card.zip_check if given["address_postal_code_check"] else None,
            "cvc_check": card.cvc_check if given["cvc_check"] else None,
        },
        "country": card.country,
        "exp_month": method["card"]["exp_month"],
        "exp_year": method["card"]["exp_year"],
        "extended_authorization": {"status": "disabled"},
        "fingerprint": card.fingerprint,
        "funding": card.funding,
        "incremental_authorization": {"status": "unavailable"},
        "installments": None,
        "last4": method["card"]["last4"],
        "mandate": None,
        "multicapture": {"status": "unavailable"},
        "network": card.brand,
        "network_token": {"used": False},
        "network_transaction_id": str(int(proof[:13], 16))[:15].rjust(15, "1"),
        "overcapture": {"maximum_amount_capturable": intent["amount"], "status": "unavailable"},
        "regulated_status": "unregulated",
        **pick(options, "setup_credential_usage", "stored_credential_usage"),
        "three_d_secure": AUTHENTICATED | {"transaction_id": proof[:32]} if authenticated else None,
        "wallet": None,
    }


def settle_fee(call: Call, identifier: str) -> Body:
    """The charge gets its balance transaction, and `charge.updated` says so; safe to call twice."""
    charge = call.store.get("charge", identifier, param="charge")
    if charge["status"] != "succeeded" or charge["balance_transaction"]:
        return charge
    card = cards.BY_NUMBER[call.store.hidden(charge["payment_method"])["card"]]
    entry = balance_transactions.add_for_charge(call, charge, card)
    charge["balance_transaction"] = entry["id"]
    call.store.save(charge)
    events.emit(call, "charge.updated", charge, {"balance_transaction": None})
    return charge


def retrieve(call: Call, identifier: str) -> Body:
    params.check({"expand": params.EXPAND}, call.params)
    return call.store.get("charge", identifier, param="id", in_path=True)


def update(call: Call, identifier: str) -> Body:
    asked = params.check(UPDATE, call.params)
    charge = call.store.get("charge", identifier, param="id", in_path=True)
    before = dict(charge)
    if "metadata" in asked:
        charge["metadata"] = params.merged_metadata(charge["metadata"], asked["metadata"])
    if "customer" in asked:
        if charge["customer"]:
            raise errors.bad_request("You cannot change the customer of a charge that has one.", param="customer")
        call.store.get("customer", asked["customer"], param="customer")
    charge |= pick(asked, "customer", "description", "receipt_email")
    call.store.save(charge)
    if previous := {key: before[key] for key in before if before[key] != charge[key]}:
        events.emit(call, "charge.updated", charge, previous)
    return charge


def list_all(call: Call) -> Body:
    spec = {**params.PAGE, "customer": params.TEXT, "payment_intent": params.TEXT}
    asked = params.check(spec, call.params)
    wanted = pick(asked, "customer", "payment_intent")
    return listing.page(
        call, "charge", "/v1/charges", asked, lambda body: all(body[key] == value for key, value in wanted.items())
    )
