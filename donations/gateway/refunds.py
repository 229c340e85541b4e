"""Refunds at Stripe: asked for, fetched, listed by payment."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Literal

import stripe

from donations.gateway.books import Balance, expanded_balance
from donations.gateway.client import client, identifier, instant, translated_errors

if TYPE_CHECKING:
    from stripe.params import RefundCreateParams, RefundListParams

EXPAND = ["balance_transaction", "failure_balance_transaction"]
Reason = Literal["duplicate", "fraudulent", "requested_by_customer"]


@dataclass(frozen=True, slots=True)
class Refund:
    """A refund as it stands at Stripe now. status: pending, requires_action, succeeded, failed, canceled.

    balance: what took the money, None while it is pending without having moved. failure_balance: what brought it back.
    """

    id: str
    amount_minor: int
    currency: str
    status: str
    payment_id: str
    charge_id: str
    created_at: datetime
    balance: Balance | None = None
    failure_balance: Balance | None = None
    failure_reason: str = ""
    metadata: Mapping[str, str] = field(default_factory=dict)


def create_refund(
    *, payment_id: str, amount_minor: int, key: str, metadata: Mapping[str, str], reason: Reason | None = None
) -> Refund:
    """Give a part or all of a payment back, to the card it came from. Stripe keeps its fee (domain rule 74).

    Raises GatewayRefused (nothing went back), and GatewayUnavailable when nobody knows: ask again with the same key.
    """
    params: RefundCreateParams = {
        "payment_intent": payment_id,
        "amount": amount_minor,
        "metadata": dict(metadata),
        "expand": EXPAND,
    }
    if reason:
        params["reason"] = reason
    with translated_errors():
        return _refund(client().v1.refunds.create(params, {"idempotency_key": key}))


def retrieve_refund(refund_id: str) -> Refund:
    """The refund as Stripe has it now, with the movements of our balance."""
    with translated_errors():
        return _refund(client().v1.refunds.retrieve(refund_id, {"expand": EXPAND}))


def refunds_of(payment_id: str) -> Iterator[Refund]:
    """All refunds of a payment, newest first: since API version 2022-11-15 a charge no longer carries them."""
    params: RefundListParams = {
        "payment_intent": payment_id,
        "limit": 100,
        "expand": [f"data.{name}" for name in EXPAND],
    }
    with translated_errors():
        for refund in client().v1.refunds.list(params).auto_paging_iter():
            yield _refund(refund)


def _refund(refund: stripe.Refund) -> Refund:
    return Refund(
        id=refund.id,
        amount_minor=refund.amount,
        currency=refund.currency,
        status=refund.status or "",
        payment_id=identifier(refund.payment_intent),
        charge_id=identifier(refund.charge),
        created_at=instant(refund.created),
        balance=expanded_balance(refund.balance_transaction),
        # Stripe may leave these two out unless it failed.
        failure_balance=expanded_balance(getattr(refund, "failure_balance_transaction", None)),
        failure_reason=getattr(refund, "failure_reason", None) or "",
        metadata=refund.metadata.to_dict() if refund.metadata else {},
    )
