"""Saved cards at Stripe, as far as anybody may know them: fetched, and let go."""

from dataclasses import dataclass
from datetime import date

import stripe

from donations.gateway.client import GatewayRefused, client, translated_errors


@dataclass(frozen=True, slots=True)
class Card:
    """A saved or charged card."""

    payment_method_id: str
    brand: str
    last4: str
    exp_month: int
    exp_year: int


def retrieve_card(payment_method_id: str) -> Card:
    """The card as Stripe has it now: its number and expiry may have been brought up to date by the networks.

    Raises GatewayRefused for what is no card, code "not_a_card".
    """
    with translated_errors():
        method = client().v1.payment_methods.retrieve(payment_method_id)
    card = read_card(method)
    if card is None:
        raise GatewayRefused("not_a_card", "not_a_card")
    return card


def detach_card(payment_method_id: str, *, key: str) -> None:
    """Take a saved card off its customer: it can never be charged again, whoever asks.

    Raises GatewayRefused where it is off already.
    """
    with translated_errors():
        client().v1.payment_methods.detach(payment_method_id, None, {"idempotency_key": key})


def read_card(method: str | stripe.PaymentMethod | None) -> Card | None:
    """The card in an expanded field; None for nothing, an id, or another kind of method."""
    if isinstance(method, stripe.PaymentMethod) and method.card:
        card = method.card
        return Card(method.id, card.brand, card.last4, card.exp_month, card.exp_year)
    return None


def card_expiry(card: Card) -> date:
    """The last day on which the card is good: the end of its month."""
    after = date(card.exp_year + card.exp_month // 12, card.exp_month % 12 + 1, 1)
    return date.fromordinal(after.toordinal() - 1)
