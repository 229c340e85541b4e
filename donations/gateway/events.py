"""Stripe's events: those we want, the list that Stripe keeps of them, and the proof that a webhook is Stripe's."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from heapq import merge
from typing import TYPE_CHECKING, Any

import stripe
from django.conf import settings

from donations.gateway.client import SignatureRefused, client, decline_reason, instant, translated_errors

if TYPE_CHECKING:
    from stripe.params import EventListParams

# Stripe, "Verify webhook signatures": five minutes against replays. https://docs.stripe.com/webhooks (read 2026-11-23)
SIGNATURE_TOLERANCE = 300
# What the inbox and the books act on. Stripe, "Types of events", https://docs.stripe.com/api/events/types (read
# 2026-11-26).
EVENT_TYPES = (
    # When the money has been taken.
    "payment_intent.succeeded",
    # When a bank debit is under way; the card kinds skip it.
    "payment_intent.processing",
    # For each refused attempt; the same PaymentIntent can still be paid.
    "payment_intent.payment_failed",
    # When we close an abandoned PaymentIntent, or staff do in the dashboard.
    "payment_intent.canceled",
    # For each refund, partial ones included; it carries the charge, which no longer lists its refunds.
    "charge.refunded",
    # When a refund is made, by us or in the dashboard.
    "refund.created",
    # When anything about a refund changes: it succeeded after a while, got a reference, failed.
    "refund.updated",
    # When the bank sent a refund back; Stripe returns the money to our balance.
    "refund.failed",
    # When a bank asks about a payment (an inquiry) or takes it back (a chargeback).
    "charge.dispute.created",
    # When evidence was handed in or the status changed, an inquiry that became a chargeback among them.
    "charge.dispute.updated",
    # When it is over: won, lost, or an inquiry that went no further.
    "charge.dispute.closed",
    # When the disputed money and the fee leave our balance: at once for a chargeback, never for an inquiry.
    "charge.dispute.funds_withdrawn",
    # When the money comes back after we won; partly, where the bank decided so.
    "charge.dispute.funds_reinstated",
    # When a payout is expected to be in the bank account.
    "payout.paid",
    # When the bank refused a payout; the money is back in our balance. It may have been `paid` before.
    "payout.failed",
    # When all balance transactions of an automatic payout can be listed by it.
    "payout.reconciliation_completed",
    # When the bank wants to ask the supporter, who is there to answer; off session it is a refused attempt instead.
    "payment_intent.requires_action",
    # When a card was saved without a charge; it is attached to its customer by then.
    "setup_intent.succeeded",
    # When the bank refused to have its card saved, or the supporter did not answer it.
    "setup_intent.setup_failed",
    # When the card networks told Stripe that a saved card has a new number or expiry; its id stays.
    "payment_method.automatically_updated",
    # When a saved card was taken off its customer, by us or in the dashboard: it can never be charged again.
    "payment_method.detached",
    # When anything about a subscription changes: renewed, past due, to end with its period, paused, another amount.
    "customer.subscription.updated",
    # When a subscription has ended, at once or with its period; it does not come back.
    "customer.subscription.deleted",
    # When a subscription's period was paid: the invoice leads to the payment.
    "invoice.paid",
)
# So many types may be asked for at once. Stripe, "List all events", https://docs.stripe.com/api/events/list, read
# 2026-11-26 in the SDK's words.
TYPES_AT_ONCE = 20
# What every event carries; without it a signed body is no event.
ENVELOPE = frozenset({"id", "type", "created", "livemode", "data"})


@dataclass(frozen=True, slots=True)
class Decline:
    """A refused attempt: Stripe's id for it and the most exact code given.

    source: the failed charge. Where none was made, the event that told; "" in a payment that was fetched.
    """

    source: str
    code: str
    happened_at: datetime


def events_since(instant: datetime) -> Iterator[dict[str, Any]]:
    """Stripe's events of our types created at or after `instant` (30 days back at most), newest first, as sent."""
    since = int(instant.timestamp())
    firsts = range(0, len(EVENT_TYPES), TYPES_AT_ONCE)
    lists = [_events(list(EVENT_TYPES[first : first + TYPES_AT_ONCE]), since) for first in firsts]
    yield from merge(*lists, key=lambda event: -int(event["created"]))


def _events(types: list[str], since: int) -> Iterator[dict[str, Any]]:
    params: EventListParams = {"created": {"gte": since}, "types": types, "limit": 100}
    with translated_errors():
        for event in client().v1.events.list(params).auto_paging_iter():
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
        code=decline_reason(error.get("code"), error.get("decline_code")),
        happened_at=instant(event["created"]),
    )
