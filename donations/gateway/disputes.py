"""Disputes at Stripe: a bank's inquiry or chargeback, with the movements of our balance that it caused."""

from dataclasses import dataclass
from datetime import datetime

import stripe

from donations.gateway.books import Balance, read_balance
from donations.gateway.client import client, identifier, instant, translated_errors
from nonprofit import clock


@dataclass(frozen=True, slots=True)
class Dispute:
    """A dispute as it stands at Stripe now. balances: none for an inquiry; the withdrawal; the money reinstated."""

    id: str
    charge_id: str
    payment_id: str
    amount_minor: int
    currency: str
    reason: str
    status: str
    created_at: datetime
    evidence_due_at: datetime | None
    # When Stripe was asked; its answer is at least as new.
    as_of: datetime
    balances: tuple[Balance, ...] = ()


def retrieve_dispute(dispute_id: str) -> Dispute:
    """The dispute as Stripe has it now."""
    as_of = clock.now()
    with translated_errors():
        return _dispute(client().v1.disputes.retrieve(dispute_id), as_of)


def _dispute(dispute: stripe.Dispute, as_of: datetime) -> Dispute:
    due_by = dispute.evidence_details.due_by
    return Dispute(
        id=dispute.id,
        charge_id=identifier(dispute.charge),
        payment_id=identifier(dispute.payment_intent),
        amount_minor=dispute.amount,
        currency=dispute.currency,
        reason=dispute.reason,
        status=dispute.status,
        created_at=instant(dispute.created),
        evidence_due_at=instant(due_by) if due_by else None,
        as_of=as_of,
        balances=tuple(read_balance(booked) for booked in dispute.balance_transactions),
    )
