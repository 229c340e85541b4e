"""Subscriptions that another system has made at Stripe: read and ended here, never made or charged."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Literal

import stripe

from donations.gateway.cards import Card, read_card
from donations.gateway.client import GatewayRefused, client, identifier, instant, translated_errors

if TYPE_CHECKING:
    from stripe.params import SubscriptionListParams, SubscriptionUpdateParams

EXPAND = ["default_payment_method", "customer.invoice_settings.default_payment_method"]
Status = Literal[
    "active", "all", "canceled", "ended", "incomplete", "incomplete_expired", "past_due", "paused", "trialing", "unpaid"
]
INTERVALS = {("month", 1): "month", ("month", 3): "quarter", ("month", 12): "year", ("year", 1): "year"}


@dataclass(frozen=True, slots=True)
class Subscription:
    """A subscription as it stands at Stripe now.

    card: what the next period is charged to, the subscription's own before the customer's; None where Stripe has none
    or it is no card. amount_minor: of one period, before discounts. interval: "month", "quarter", "year", or "" for
    any other, and for items that recur differently. current_period_end: when it is charged next. is_paused: Stripe
    makes its invoices and charges none of them. ended_at: when it ended, None while it has not. anchor_at: what its
    periods are counted from, by UTC: on the 31st, or the last day of a shorter month.
    """

    id: str
    status: str
    customer_id: str
    customer_email: str
    customer_name: str
    payment_method_id: str
    card: Card | None
    amount_minor: int
    currency: str
    interval: str
    current_period_end: datetime
    started_at: datetime
    cancel_at_period_end: bool
    metadata: Mapping[str, str] = field(default_factory=dict)
    is_paused: bool = False
    has_discount: bool = False
    ended_at: datetime | None = None
    anchor_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Invoice:
    """One period of a subscription as Stripe asks for it. payment_id: what paid it, "" where nothing at Stripe did."""

    id: str
    status: str
    subscription_id: str
    customer_id: str
    payment_id: str
    amount_paid_minor: int
    currency: str
    # Of the period that it is for.
    period_start: datetime
    period_end: datetime


def subscriptions(status: Status = "active") -> Iterator[Subscription]:
    """All of the account with this status, newest first."""
    params: SubscriptionListParams = {
        "status": status,
        "limit": 100,
        "expand": [f"data.{name}" for name in EXPAND],
    }
    with translated_errors():
        for found in client().v1.subscriptions.list(params).auto_paging_iter():
            yield _subscription(found)


def subscription_page(status: Status, *, after: str = "", count: int = 25) -> tuple[list[Subscription], bool]:
    """Up to `count` of the account with this status, newest first, and whether more follow.

    after: the id of the last one seen, "" to begin with the newest.
    """
    params: SubscriptionListParams = {
        "status": status,
        "limit": count,
        "expand": [f"data.{name}" for name in EXPAND],
    }
    if after:
        params["starting_after"] = after
    with translated_errors():
        found = client().v1.subscriptions.list(params)
    return [_subscription(one) for one in found.data], found.has_more


def retrieve_subscription(subscription_id: str) -> Subscription:
    """The subscription as Stripe has it now; one that has ended, too."""
    with translated_errors():
        return _subscription(client().v1.subscriptions.retrieve(subscription_id, {"expand": EXPAND}))


def cancel_subscription(subscription_id: str, *, key: str) -> Subscription:
    """End it at once: it is never charged again, nothing is paid back for the rest of its period, no last invoice.

    Safe to call again, by whomever it was ended: Stripe says of one that has ended that there is none, and ignores
    keys when something is deleted. Stripe, "Cancel a subscription", https://docs.stripe.com/api/subscriptions/cancel,
    and "Idempotent requests", https://docs.stripe.com/api/idempotent_requests (read 2026-11-26).
    """
    try:
        with translated_errors():
            ended = client().v1.subscriptions.cancel(
                subscription_id,
                {"invoice_now": False, "prorate": False, "expand": EXPAND},
                {"idempotency_key": key},
            )
    except GatewayRefused:
        found = retrieve_subscription(subscription_id)
        if found.status != "canceled":
            raise
        return found
    return _subscription(ended)


def cancel_subscription_at_period_end(
    subscription_id: str, *, key: str, metadata: Mapping[str, str] | None = None
) -> Subscription:
    """Let it end when what was paid for is over. Raises GatewayRefused when it has ended already.

    metadata: what it shall keep besides its own, so that it shows later who asked.
    """
    params: SubscriptionUpdateParams = {"cancel_at_period_end": True, "expand": EXPAND}
    if metadata:
        params["metadata"] = dict(metadata)
    with translated_errors():
        return _subscription(client().v1.subscriptions.update(subscription_id, params, {"idempotency_key": key}))


def retrieve_invoice(invoice_id: str) -> Invoice:
    """The invoice as Stripe has it now, with the payment that paid it."""
    with translated_errors():
        return _invoice(client().v1.invoices.retrieve(invoice_id, {"expand": ["payments"]}))


def payment_of_invoice(invoice_id: str) -> str:
    """The id of the PaymentIntent that paid it; "" where none did.

    Since API version 2025-03-31 an invoice no longer names it: Stripe, "Adds support for multiple partial payments on
    invoices", https://docs.stripe.com/changelog/basil/2025-03-31/add-support-for-multiple-partial-payments-on-invoices.
    """
    return retrieve_invoice(invoice_id).payment_id


def _subscription(found: stripe.Subscription) -> Subscription:
    # Not as an attribute: every StripeObject has a method of that name.
    items: list[stripe.SubscriptionItem] = found["items"].data
    customer = found.customer if isinstance(found.customer, stripe.Customer) else None
    method = found.default_payment_method
    if method is None and customer is not None and (settings := getattr(customer, "invoice_settings", None)):
        method = settings.default_payment_method
    intervals = {
        INTERVALS.get((item.price.recurring.interval, item.price.recurring.interval_count), "")
        if item.price.recurring
        else ""
        for item in items
    }
    return Subscription(
        id=found.id,
        status=found.status,
        customer_id=identifier(found.customer),
        customer_email=getattr(customer, "email", None) or "",
        customer_name=getattr(customer, "name", None) or "",
        payment_method_id=identifier(method),
        card=read_card(method),
        amount_minor=sum((item.price.unit_amount or 0) * (item.quantity or 0) for item in items),
        currency=found.currency,
        interval=intervals.pop() if len(intervals) == 1 else "",
        current_period_end=instant(min(item.current_period_end for item in items)),
        started_at=instant(found.start_date),
        cancel_at_period_end=found.cancel_at_period_end or found.cancel_at is not None,
        metadata=found.metadata.to_dict() if found.metadata else {},
        is_paused=found.pause_collection is not None,
        has_discount=bool(found.discounts),
        anchor_at=instant(found.billing_cycle_anchor) if found.billing_cycle_anchor else None,
        ended_at=instant(found.ended_at) if found.ended_at else None,
    )


def _invoice(found: stripe.Invoice) -> Invoice:
    details = found.parent.subscription_details if found.parent else None
    periods = [line.period for line in found.lines.data]
    paid = [each.payment for each in (found.payments.data if found.payments else []) if each.status == "paid"]
    return Invoice(
        id=found.id,
        status=found.status or "",
        subscription_id=identifier(details.subscription) if details else "",
        customer_id=identifier(found.customer),
        payment_id=next((identifier(each.payment_intent) for each in paid if each.payment_intent), ""),
        amount_paid_minor=found.amount_paid,
        currency=found.currency,
        period_start=instant(min((period.start for period in periods), default=found.period_start)),
        period_end=instant(max((period.end for period in periods), default=found.period_end)),
    )
