"""Small right Stripe objects, written by hand, for the tests of the check itself."""

from __future__ import annotations

from tests.conformance import sdk

Json = dict[str, object]


def payment_intent(**changes: object) -> Json:
    """A card payment of 25 dollars that went through."""
    return {
        "id": "pi_1",
        "object": "payment_intent",
        "amount": 2500,
        "amount_capturable": 0,
        "amount_received": 2500,
        "automatic_payment_methods": {"allow_redirects": "always", "enabled": True},
        "capture_method": "automatic_async",
        "confirmation_method": "automatic",
        "created": 1_795_424_400,
        "currency": "usd",
        "customer": "cus_1",
        "last_payment_error": None,
        "latest_charge": "ch_1",
        "livemode": False,
        "metadata": {"gift": "42"},
        "payment_method": "pm_1",
        "payment_method_types": ["card", "link"],
        "status": "succeeded",
        **changes,
    }


def charge(**changes: object) -> Json:
    """The charge of that payment."""
    return {
        "id": "ch_1",
        "object": "charge",
        "amount": 2500,
        "amount_captured": 2500,
        "amount_refunded": 0,
        "balance_transaction": "txn_1",
        "billing_details": {"address": None, "email": "ana@example.org", "name": None, "phone": None, "tax_id": None},
        "captured": True,
        "created": 1_795_424_400,
        "currency": "usd",
        "disputed": False,
        "livemode": False,
        "metadata": {},
        "paid": True,
        "payment_intent": "pi_1",
        "refunded": False,
        "status": "succeeded",
        **changes,
    }


def balance_transaction(**changes: object) -> Json:
    """What that charge did to the balance."""
    return {
        "id": "txn_1",
        "object": "balance_transaction",
        "amount": 2500,
        "available_on": 1_795_597_200,
        "balance_type": "payments",
        "created": 1_795_424_400,
        "currency": "usd",
        "exchange_rate": None,
        "fee": 103,
        "fee_details": [
            {"amount": 103, "application": None, "currency": "usd", "description": "Fees", "type": "stripe_fee"}
        ],
        "net": 2397,
        "reporting_category": "charge",
        "source": "ch_1",
        "status": "pending",
        "type": "charge",
        **changes,
    }


def customer(**changes: object) -> Json:
    """A supporter as Stripe knows them."""
    return {
        "id": "cus_1",
        "object": "customer",
        "created": 1_795_424_400,
        "email": "ana@example.org",
        "livemode": False,
        "metadata": {},
        **changes,
    }


def page(*items: Json, url: str) -> Json:
    """One page of a list."""
    return {"object": "list", "data": list(items), "has_more": False, "url": url}


def event(kind: str, thing: Json, **changes: object) -> Json:
    """An event as it comes by webhook."""
    return {
        "id": "evt_1",
        "object": "event",
        "api_version": sdk.API_VERSION,
        "created": 1_795_424_401,
        "data": {"object": thing},
        "livemode": False,
        "pending_webhooks": 1,
        "request": {"id": "req_1", "idempotency_key": "gift:42:1"},
        "type": kind,
        **changes,
    }


def without(thing: Json, *names: str) -> Json:
    """The same object with fields removed."""
    return {name: value for name, value in thing.items() if name not in names}
