"""The only door to Stripe, and the only import of its SDK: small frozen values in and out.

Never called inside a transaction; every POST carries an idempotency key made from a row of ours, so that a request
repeated after a time-out or a crash is answered with the first one's result.
API version: the one the SDK pins (stripe 16.1: 2026-10-28.endive).
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import cache
from typing import TYPE_CHECKING, Any

import stripe
from django.conf import settings
from django.db import transaction

if TYPE_CHECKING:
    from stripe.params import (
        CustomerCreateParams,
        EventListParams,
        PaymentIntentConfirmParams,
        PaymentIntentCreateParams,
    )

APP = "more-ways-to-give"
# Stripe, "Verify webhook signatures": five minutes against replays. https://docs.stripe.com/webhooks (read 2026-11-23)
SIGNATURE_TOLERANCE = 300
# What the inbox acts on, and what later months of the books will want to know of.
EVENT_TYPES = (
    "payment_intent.succeeded",
    "payment_intent.processing",
    "payment_intent.payment_failed",
    "payment_intent.canceled",
    "charge.refunded",
    "charge.dispute.created",
    "charge.dispute.closed",
    "refund.created",
    "refund.updated",
    "refund.failed",
)
# What every event carries; without it a signed body is no event.
ENVELOPE = frozenset({"id", "type", "created", "livemode", "data"})
EXPAND = ["latest_charge.balance_transaction", "payment_method"]


class GatewayError(Exception):
    """Stripe did not do what was asked. `args[0]` is for the log; it holds no personal data."""


class GatewayUnavailable(GatewayError):
    """Stripe could not be reached or did not answer in time: the outcome is unknown. Ask again with the same key."""


class GatewayRefused(GatewayError):
    """Stripe said no and will say no again. `code` is Stripe's error code."""

    def __init__(self, message: str, code: str) -> None:
        super().__init__(message)
        self.code = code


class CardDeclined(GatewayRefused):
    """The bank said no to this card; another one may be tried. `code` is the most exact reason given."""


class SignatureRefused(GatewayError):
    """A webhook that Stripe did not sign with a secret of ours, or too long ago."""


@dataclass(frozen=True, slots=True)
class Card:
    """A saved or charged card. expires_on: last day of its month."""

    payment_method_id: str
    brand: str
    last4: str
    exp_month: int
    exp_year: int


@dataclass(frozen=True, slots=True)
class Balance:
    """A balance transaction: what Stripe took and what is left, in minor units of `currency`."""

    id: str
    amount_minor: int
    fee_minor: int
    net_minor: int
    currency: str
    reporting_category: str


@dataclass(frozen=True, slots=True)
class Charge:
    """Money taken from a card. balance is None for the moments before Stripe has booked it."""

    id: str
    amount_minor: int
    currency: str
    happened_at: datetime
    balance: Balance | None


@dataclass(frozen=True, slots=True)
class Payment:
    """A PaymentIntent as it stands at Stripe now."""

    id: str
    status: str
    amount_minor: int
    currency: str
    client_secret: str
    metadata: Mapping[str, str]
    charge: Charge | None
    card: Card | None
    customer_id: str

    @property
    def is_paid(self) -> bool:
        return self.status == "succeeded" and self.charge is not None


@dataclass(frozen=True, slots=True)
class Decline:
    """A refused attempt: Stripe's id for it and the most exact code given."""

    source: str
    code: str
    happened_at: datetime


def create_customer(*, name: str, email: str, key: str, metadata: Mapping[str, str]) -> str:
    """Make a customer to keep a payment method on; its id. email: "" for a caller who has none."""
    params: CustomerCreateParams = {"name": name, "metadata": dict(metadata)}
    if email:
        params["email"] = email
    with _errors():
        customer = _client().v1.customers.create(params, {"idempotency_key": key})
    return customer.id


def create_payment(
    *,
    amount_minor: int,
    currency: str,
    key: str,
    metadata: Mapping[str, str],
    description: str,
    customer_id: str = "",
    is_card_only: bool = False,
) -> Payment:
    """Make an unconfirmed PaymentIntent, for the browser or for `confirm_payment` to confirm.

    With a customer the card is saved for later charges without the supporter present ("off_session").
    """
    params: PaymentIntentCreateParams = {
        "amount": amount_minor,
        "currency": currency,
        "automatic_payment_methods": {"enabled": True},
        "metadata": dict(metadata),
        "description": description,
        "expand": EXPAND,
    }
    if customer_id:
        params["customer"] = customer_id
        params["setup_future_usage"] = "off_session"
    if is_card_only:
        params["allowed_payment_method_types"] = ["card"]
    with _errors():
        return _payment(_client().v1.payment_intents.create(params, {"idempotency_key": key}))


def confirm_payment(payment_id: str, *, token: str, key: str, return_url: str, is_moto: bool) -> Payment:
    """Charge the card that Stripe's field turned into `token` (a ConfirmationToken, used up by this) on a staff page.

    is_moto: mail order or telephone order. Stripe takes the flag only when the server confirms, and only from accounts
    it has checked for it. Stripe, "Mail order telephone order", https://docs.stripe.com/payments/payment-intents/moto
    and "Finalize payments on the server", https://docs.stripe.com/payments/finalize-payments-on-the-server (read
    2026-11-23). Raises CardDeclined, GatewayRefused, and GatewayUnavailable when nobody knows whether it was charged.
    """
    params: PaymentIntentConfirmParams = {"confirmation_token": token, "return_url": return_url, "expand": EXPAND}
    if is_moto:
        params["payment_method_options"] = {"card": {"moto": True}}
    with _errors():
        return _payment(_client().v1.payment_intents.confirm(payment_id, params, {"idempotency_key": key}))


def retrieve_payment(payment_id: str) -> Payment:
    """The PaymentIntent as Stripe has it now, with its charge, fee and card."""
    with _errors():
        return _payment(_client().v1.payment_intents.retrieve(payment_id, {"expand": EXPAND}))


def cancel_payment(payment_id: str, *, key: str) -> Payment:
    """Close an unpaid PaymentIntent. Raises GatewayRefused when it has been paid meanwhile."""
    with _errors():
        return _payment(
            _client().v1.payment_intents.cancel(
                payment_id, {"cancellation_reason": "abandoned", "expand": EXPAND}, {"idempotency_key": key}
            )
        )


def events_since(instant: datetime) -> Iterator[dict[str, Any]]:
    """Stripe's events of our types created at or after `instant` (30 days back at most), newest first, as sent."""
    params: EventListParams = {
        "created": {"gte": int(instant.timestamp())},
        "types": list(EVENT_TYPES),
        "limit": 100,
    }
    with _errors():
        for event in _client().v1.events.list(params).auto_paging_iter():
            yield event.to_dict()


def verified_event(payload: bytes, signature: str) -> dict[str, Any]:
    """The webhook's event as plain data. Raises SignatureRefused when no secret of ours signed it just now."""
    for secret in settings.STRIPE_WEBHOOK_SECRETS:
        try:
            stripe.WebhookSignature.verify_header(payload, signature, secret, SIGNATURE_TOLERANCE)
        except (stripe.SignatureVerificationError, UnicodeDecodeError):
            continue
        event = json.loads(payload)
        if not isinstance(event, dict) or not event.keys() >= ENVELOPE:
            raise ValueError("signed, but no event")
        return event
    raise SignatureRefused("no secret of ours signed this, or it is older than five minutes")


def decline_in(event: Mapping[str, Any]) -> Decline:
    """What a payment_intent.payment_failed event says about the attempt."""
    intent = event["data"]["object"]
    error = intent.get("last_payment_error") or {}
    charge = intent.get("latest_charge") or error.get("charge") or ""
    return Decline(
        source=str(charge["id"] if isinstance(charge, dict) else charge) or str(event["id"]),
        code=str(error.get("decline_code") or error.get("code") or ""),
        happened_at=instant(event["created"]),
    )


def instant(seconds: int) -> datetime:
    """Stripe's seconds since 1970 as an aware instant."""
    return datetime.fromtimestamp(seconds, UTC)


@cache
def _configured() -> stripe.StripeClient:
    return stripe.StripeClient(
        settings.STRIPE_SECRET_KEY,
        base_addresses={"api": settings.STRIPE_API_BASE},
        max_network_retries=1,
        http_client=stripe.RequestsClient(timeout=(3.05, 12)),
    )


def _client() -> stripe.StripeClient:
    if transaction.get_connection().in_atomic_block:
        raise RuntimeError("Stripe must not be called inside a transaction: commit first")
    return _configured()


class _errors:
    """Turns the SDK's exceptions into ours, without the personal data that their messages can carry."""

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if not isinstance(error, stripe.StripeError):
            return
        code = str(error.code or type(error).__name__)
        status = error.http_status or 0
        # 409: the first request with this key is still under way; 429 and 5xx: not now. None of them is an answer.
        if isinstance(error, stripe.APIConnectionError) or status in {409, 429} or status >= 500:
            raise GatewayUnavailable(code) from error
        if isinstance(error, stripe.CardError):
            exact = str(getattr(error.error, "decline_code", "") or code)
            raise CardDeclined(exact, exact) from error
        raise GatewayRefused(code, code) from error


def _payment(intent: stripe.PaymentIntent) -> Payment:
    charge = intent.latest_charge if isinstance(intent.latest_charge, stripe.Charge) else None
    customer = intent.customer
    return Payment(
        id=intent.id,
        status=intent.status,
        amount_minor=intent.amount_received if intent.status == "succeeded" else intent.amount,
        currency=intent.currency,
        client_secret=intent.client_secret or "",
        metadata=intent.metadata.to_dict() if intent.metadata else {},
        charge=_charge(charge) if charge is not None else None,
        card=_card(intent.payment_method, charge),
        customer_id=customer if isinstance(customer, str) else (customer.id if customer else ""),
    )


def _charge(charge: stripe.Charge) -> Charge:
    booked = charge.balance_transaction
    balance = None
    if isinstance(booked, stripe.BalanceTransaction):
        balance = Balance(
            booked.id, booked.amount, booked.fee, booked.net, booked.currency, str(booked.reporting_category)
        )
    return Charge(charge.id, charge.amount, charge.currency, instant(charge.created), balance)


def _card(method: str | stripe.PaymentMethod | None, charge: stripe.Charge | None) -> Card | None:
    if isinstance(method, stripe.PaymentMethod) and method.card:
        card = method.card
        return Card(method.id, card.brand, card.last4, card.exp_month, card.exp_year)
    return None


def card_expiry(card: Card) -> date:
    """The last day on which the card is good: the end of its month."""
    after = date(card.exp_year + card.exp_month // 12, card.exp_month % 12 + 1, 1)
    return date.fromordinal(after.toordinal() - 1)
