"""The only door to Stripe, and the only import of its SDK: small frozen values in and out.

Never called inside a transaction; every POST carries an idempotency key made from a row of ours, so that a request
repeated after a time-out or a crash is answered with the first one's result.
API version: the one the SDK pins (stripe 16.1: 2026-10-28.endive).
"""

from donations.gateway.books import (
    Balance,
    Holding,
    Payout,
    balance,
    balance_transactions,
    payouts_since,
    retrieve_payout,
)
from donations.gateway.client import (
    APP,
    CardDeclined,
    GatewayError,
    GatewayRefused,
    GatewayUnavailable,
    SignatureRefused,
    instant,
)
from donations.gateway.disputes import Dispute, retrieve_dispute
from donations.gateway.events import EVENT_TYPES, Decline, decline_in, events_since, verified_event
from donations.gateway.payments import (
    Card,
    Charge,
    Payment,
    cancel_payment,
    card_expiry,
    confirm_payment,
    create_customer,
    create_payment,
    retrieve_payment,
)
from donations.gateway.refunds import Refund, create_refund, refunds_of, retrieve_refund

__all__ = [
    "APP",
    "EVENT_TYPES",
    "Balance",
    "Card",
    "CardDeclined",
    "Charge",
    "Decline",
    "Dispute",
    "GatewayError",
    "GatewayRefused",
    "GatewayUnavailable",
    "Holding",
    "Payment",
    "Payout",
    "Refund",
    "SignatureRefused",
    "balance",
    "balance_transactions",
    "cancel_payment",
    "card_expiry",
    "confirm_payment",
    "create_customer",
    "create_payment",
    "create_refund",
    "decline_in",
    "events_since",
    "instant",
    "payouts_since",
    "refunds_of",
    "retrieve_dispute",
    "retrieve_payment",
    "retrieve_payout",
    "retrieve_refund",
    "verified_event",
]
