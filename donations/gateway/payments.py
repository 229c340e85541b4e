"""Payments at Stripe: PaymentIntents made, charged, fetched and closed, and the customers they are saved for."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

import stripe

from donations.gateway.books import Balance, expanded_balance
from donations.gateway.cards import Card, read_card
from donations.gateway.client import client, decline_reason, identifier, instant, translated_errors
from donations.gateway.events import Decline
from nonprofit import clock

if TYPE_CHECKING:
    from stripe.params import (
        CustomerCreateParams,
        PaymentIntentConfirmParams,
        PaymentIntentCreateParams,
        PaymentIntentListParams,
    )

EXPAND = ["latest_charge.balance_transaction", "payment_method"]


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
    """A PaymentIntent as it stands at Stripe now. last_error: why its last attempt was refused, until one succeeds."""

    id: str
    status: str
    amount_minor: int
    currency: str
    client_secret: str
    metadata: Mapping[str, str]
    charge: Charge | None
    card: Card | None
    customer_id: str
    last_error: Decline | None = None

    @property
    def is_paid(self) -> bool:
        return self.status == "succeeded" and self.charge is not None


def create_customer(*, name: str, email: str, key: str, metadata: Mapping[str, str]) -> str:
    """Make a customer to keep a payment method on; its id. email: "" for a caller who has none."""
    params: CustomerCreateParams = {"name": name, "metadata": dict(metadata)}
    if email:
        params["email"] = email
    with translated_errors():
        customer = client().v1.customers.create(params, {"idempotency_key": key})
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

    With a customer the card is saved for later charges without the supporter present ("off_session"), which are to
    recur: the card networks want that said both when it is saved and when it is charged. Stripe, "Save a card and
    charge it later", https://docs.stripe.com/payments/cards/save-and-reuse (read 2026-11-26). Then only cards may pay,
    wallets with cards in them included: our schedule charges nothing else. The page says the same to its card field.
    """
    params: PaymentIntentCreateParams = {
        "amount": amount_minor,
        "currency": currency,
        "allowed_payment_method_types": ["card"] if is_card_only or customer_id else ["card", "link"],
        "metadata": dict(metadata),
        "description": description,
        "expand": EXPAND,
    }
    if customer_id:
        params["customer"] = customer_id
        params["setup_future_usage"] = "off_session"
        params["payment_method_options"] = {"card": {"setup_credential_usage": "recurring"}}
    with translated_errors():
        return _payment(client().v1.payment_intents.create(params, {"idempotency_key": key}))


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
    with translated_errors():
        return _payment(client().v1.payment_intents.confirm(payment_id, params, {"idempotency_key": key}))


def create_renewal(
    *,
    amount_minor: int,
    currency: str,
    customer_id: str,
    key: str,
    metadata: Mapping[str, str],
    description: str,
) -> Payment:
    """Make an unconfirmed PaymentIntent for a saved card, for `confirm_saved` to charge; nothing is charged by this.

    It names no card: asked for again with its key when the card was replaced meanwhile, the request is the same. No way
    of paying that leads away from the page is allowed, so that nobody has to name an address to come back to.
    """
    params: PaymentIntentCreateParams = {
        "amount": amount_minor,
        "currency": currency,
        "customer": customer_id,
        "allowed_payment_method_types": ["card"],
        "metadata": dict(metadata),
        "description": description,
        "expand": EXPAND,
    }
    with translated_errors():
        return _payment(client().v1.payment_intents.create(params, {"idempotency_key": key}))


def confirm_saved(payment_id: str, *, payment_method_id: str, key: str) -> Payment:
    """Charge a saved card without the supporter ("off_session"), as one of a series of charges that recur.

    The usage is declared as the card networks want it: Stripe, "Save a card and charge it later",
    https://docs.stripe.com/payments/cards/save-and-reuse (read 2026-11-26). Raises CardDeclined, with the code
    AUTHENTICATION_REQUIRED where the bank wants to ask the supporter; GatewayRefused, for one that was paid already,
    too; and GatewayUnavailable when nobody knows whether it was charged: retrieve it, or ask again with the same key.
    """
    params: PaymentIntentConfirmParams = {
        "payment_method": payment_method_id,
        "off_session": True,
        "payment_method_options": {"card": {"stored_credential_usage": "recurring"}},
        "expand": EXPAND,
    }
    with translated_errors():
        return _payment(client().v1.payment_intents.confirm(payment_id, params, {"idempotency_key": key}))


def retrieve_payment(payment_id: str) -> Payment:
    """The PaymentIntent as Stripe has it now, with its charge, fee and card."""
    with translated_errors():
        return _payment(client().v1.payment_intents.retrieve(payment_id, {"expand": EXPAND}))


def payments_of(customer_id: str, *, since: datetime) -> Iterator[Payment]:
    """The customer's PaymentIntents created at or after `since`, newest first: the metadata tell what each is for.

    Finds one whose id was lost, when its key is too old to be asked again (Stripe forgets keys after 24 hours).
    """
    params: PaymentIntentListParams = {
        "customer": customer_id,
        "created": {"gte": int(since.timestamp())},
        "limit": 100,
        "expand": [f"data.{name}" for name in EXPAND],
    }
    with translated_errors():
        for intent in client().v1.payment_intents.list(params).auto_paging_iter():
            yield _payment(intent)


def cancel_payment(payment_id: str, *, key: str) -> Payment:
    """Close an unpaid PaymentIntent. Raises GatewayRefused when it has been paid meanwhile."""
    with translated_errors():
        return _payment(
            client().v1.payment_intents.cancel(
                payment_id, {"cancellation_reason": "abandoned", "expand": EXPAND}, {"idempotency_key": key}
            )
        )


def _payment(intent: stripe.PaymentIntent) -> Payment:
    charge = intent.latest_charge if isinstance(intent.latest_charge, stripe.Charge) else None
    return Payment(
        id=intent.id,
        status=intent.status,
        amount_minor=intent.amount_received if intent.status == "succeeded" else intent.amount,
        currency=intent.currency,
        client_secret=intent.client_secret or "",
        metadata=intent.metadata.to_dict() if intent.metadata else {},
        charge=_charge(charge) if charge is not None else None,
        card=read_card(intent.payment_method),
        customer_id=identifier(intent.customer),
        last_error=_last_error(intent, charge),
    )


def _last_error(intent: stripe.PaymentIntent, charge: stripe.Charge | None) -> Decline | None:
    """When: the failed charge's instant. Where no charge was made Stripe tells no time, and it is now."""
    error = intent.last_payment_error
    if error is None:
        return None
    source = str(getattr(error, "charge", None) or "")
    happened_at = instant(charge.created) if charge is not None and charge.id == source else clock.now()
    return Decline(source, decline_reason(error.code, getattr(error, "decline_code", None)), happened_at)


def _charge(charge: stripe.Charge) -> Charge:
    booked = expanded_balance(charge.balance_transaction)
    return Charge(charge.id, charge.amount, charge.currency, instant(charge.created), booked)
