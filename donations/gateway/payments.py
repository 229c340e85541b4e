"""Payments at Stripe: PaymentIntents made, charged, fetched and closed, and the customers they are saved for."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING

import stripe

from donations.gateway.books import Balance, expanded_balance
from donations.gateway.client import client, identifier, instant, translated_errors

if TYPE_CHECKING:
    from stripe.params import CustomerCreateParams, PaymentIntentConfirmParams, PaymentIntentCreateParams

EXPAND = ["latest_charge.balance_transaction", "payment_method"]


@dataclass(frozen=True, slots=True)
class Card:
    """A saved or charged card. expires_on: last day of its month."""

    payment_method_id: str
    brand: str
    last4: str
    exp_month: int
    exp_year: int


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


def retrieve_payment(payment_id: str) -> Payment:
    """The PaymentIntent as Stripe has it now, with its charge, fee and card."""
    with translated_errors():
        return _payment(client().v1.payment_intents.retrieve(payment_id, {"expand": EXPAND}))


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
        card=_card(intent.payment_method, charge),
        customer_id=identifier(intent.customer),
    )


def _charge(charge: stripe.Charge) -> Charge:
    booked = expanded_balance(charge.balance_transaction)
    return Charge(charge.id, charge.amount, charge.currency, instant(charge.created), booked)


def _card(method: str | stripe.PaymentMethod | None, charge: stripe.Charge | None) -> Card | None:
    if isinstance(method, stripe.PaymentMethod) and method.card:
        card = method.card
        return Card(method.id, card.brand, card.last4, card.exp_month, card.exp_year)
    return None


def card_expiry(card: Card) -> date:
    """The last day on which the card is good: the end of its month."""
    after = date(card.exp_year + card.exp_month // 12, card.exp_month % 12 + 1, 1)
    return date.fromordinal(after.toordinal() - 1)
