"""How monthly gifts went on: an installment for each charge, and plans that are paused, past due or want a card."""

from collections.abc import Callable
from datetime import date, datetime, timedelta

from donations import gateway
from donations.gateway.client import client
from donations.models import Gift, Installment, Plan
from donations.rules import schedule
from nonprofit import clock


def write(now: datetime) -> None:
    """Each later gift of a plan has its installment; three plans are in the states that need somebody."""
    _charged()
    # Not Ana's: hers is the portal that the walk through the demo shows.
    active = Plan.objects.filter(status=Plan.Status.ACTIVE, interval=Plan.Interval.MONTH)
    paused, past_due, waiting = active.exclude(donor__email="ana@example.org").order_by("pk")[2:5]
    paused.status, paused.paused_until = Plan.Status.PAUSED, clock.local_date(now) + timedelta(days=70)
    paused.save()
    _declined(past_due, clock.local_date(now) - timedelta(days=2), "insufficient_funds", now)
    _declined(waiting, clock.local_date(now) - timedelta(days=9), "expired_card", now)


def _charged() -> None:
    first_seen: set[int] = set()
    made = []
    settled = Gift.objects.settled().exclude(plan=None).order_by("gift_on", "pk")
    for gift in settled:
        assert gift.plan_id is not None
        assert gift.gift_on is not None
        if gift.plan_id not in first_seen:
            first_seen.add(gift.plan_id)
            continue
        made.append(
            Installment(
                plan_id=gift.plan_id,
                due_on=gift.gift_on,
                status=Installment.Status.PAID,
                amount_minor=gift.amount_minor,
                covered_fee_minor=gift.covered_fee_minor,
                currency=gift.currency,
                gift=gift,
                tries=1,
                made_at=gift.started_at,
                claimed_at=gift.started_at,
                sent_at=gift.started_at,
                done_at=gift.settled_at,
            )
        )
    Installment.objects.bulk_create(made, batch_size=500)


def save_cards(say: Callable[[str], None]) -> None:
    """Running plans get a customer and a test card at Stripe, so that the days to come can charge them.

    Call outside any transaction. Without a Stripe to ask, the cards stay nobody's and their first charge says so.
    """
    running = Plan.objects.running().order_by("pk")
    try:
        for plan in running:
            key = f"seed-plan-{plan.pk}"
            customer = gateway.create_customer(name="Somebody invented", email="", key=key, metadata={})
            card = client().v1.payment_methods.attach("pm_card_visa", {"customer": customer}).id
            Plan.objects.filter(pk=plan.pk).update(stripe_customer_id=customer, stripe_payment_method_id=card)
    except gateway.GatewayError:
        say("no Stripe to save cards at")


def _declined(plan: Plan, due_on: date, code: str, now: datetime) -> None:
    """The charge of that day was declined: for a while, or so that only another card helps."""
    assert plan.started_on is not None
    is_hard = code == "expired_card"
    Installment.objects.create(
        plan=plan,
        due_on=due_on,
        status=Installment.Status.WAITING if is_hard else Installment.Status.RETRYING,
        amount_minor=plan.amount_minor,
        currency=plan.currency,
        tries=1,
        next_try_at=None if is_hard else now + timedelta(days=1),
        code=code,
    )
    plan.status = Plan.Status.WAITING if is_hard else Plan.Status.PAST_DUE
    plan.waiting_for = Plan.WaitingFor.CARD if is_hard else ""
    plan.trouble_since, plan.anchor_day = due_on, due_on.day
    plan.next_due_on = schedule.next_due(plan.started_on, due_on.day, plan.interval, due_on)
    plan.save()
