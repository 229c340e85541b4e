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
from donations.gateway.cards import Card, card_expiry, detach_card, retrieve_card
from donations.gateway.client import (
    APP,
    AUTHENTICATION_REQUIRED,
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
    Charge,
    Payment,
    cancel_payment,
    confirm_payment,
    confirm_saved,
    create_customer,
    create_payment,
    create_renewal,
    payments_of,
    retrieve_payment,
)
from donations.gateway.refunds import Refund, create_refund, refunds_of, retrieve_refund
from donations.gateway.setups import Setup, create_setup, retrieve_setup, save_card
from donations.gateway.subscriptions import (
    Invoice,
    Subscription,
    cancel_subscription,
    cancel_subscription_at_period_end,
    payment_of_invoice,
    retrieve_invoice,
    retrieve_subscription,
    subscription_page,
    subscriptions,
)
from donations.gateway.subscriptions import Status as SubscriptionStatus

__all__ = [
    "APP",
    "AUTHENTICATION_REQUIRED",
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
    "Invoice",
    "Payment",
    "Payout",
    "Refund",
    "Setup",
    "SignatureRefused",
    "Subscription",
    "SubscriptionStatus",
    "balance",
    "balance_transactions",
    "cancel_payment",
    "cancel_subscription",
    "cancel_subscription_at_period_end",
    "card_expiry",
    "confirm_payment",
    "confirm_saved",
    "create_customer",
    "create_payment",
    "create_refund",
    "create_renewal",
    "create_setup",
    "decline_in",
    "detach_card",
    "events_since",
    "instant",
    "payment_of_invoice",
    "payments_of",
    "payouts_since",
    "refunds_of",
    "retrieve_card",
    "retrieve_dispute",
    "retrieve_invoice",
    "retrieve_payment",
    "retrieve_payout",
    "retrieve_refund",
    "retrieve_setup",
    "retrieve_subscription",
    "save_card",
    "subscription_page",
    "subscriptions",
    "verified_event",
]
