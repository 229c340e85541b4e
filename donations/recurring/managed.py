"""What Stripe tells of subscriptions that were brought in: paid, changed, ended; or charged though they are ours."""

import logging
from datetime import date, timedelta

from django.db import transaction

from donations import gateway, gifts
from donations.models import Gift, Installment, Plan
from donations.recurring import claims, states
from donations.rules import schedule
from nonprofit import audit, clock, nudge

logger = logging.getLogger(__name__)
STRIPE = "stripe"
LIVE: tuple[gateway.SubscriptionStatus, ...] = ("active", "past_due")
# Never charged again; one on trial, or that Stripe has given up dunning for, may be.
OVER = ("canceled", "incomplete_expired")
# In the log: that it is to run out, from now on.
WANTED = "take over from Stripe"
GOES_ON = "it was let go on at Stripe"
Status, Reason = Installment.Status, Installment.Reason


def is_charged(subscription: gateway.Subscription) -> bool:
    """Whether Stripe charges a next period."""
    return subscription.status in LIVE and not subscription.cancel_at_period_end


@transaction.atomic
def paid(plan_id: int, invoice: gateway.Invoice, payment: gateway.Payment) -> Gift:
    """What Stripe took for a period is booked as the plan's gift, with its date. Safe twice and in any order.

    Where we charge the plan ourselves by now, its date is not charged by us any more; one that was is named in the
    audit log, and so is what was taken after the plan had ended.
    """
    plan = states.locked(plan_id)
    due_on = clock.local_date(invoice.period_start)
    known = Gift.objects.filter(payment_intent_id=payment.id).first()
    gift = known or _gift(plan, payment)
    one, is_new = Installment.objects.get_or_create(
        plan=plan,
        due_on=due_on,
        defaults={
            "status": Status.PAID,
            "amount_minor": payment.amount_minor,
            "currency": payment.currency,
            "gift": gift,
            "tries": 1,
            "done_at": clock.now(),
        },
    )
    if plan.is_running and plan.is_ours and is_new:
        _pass_by(plan, due_on)
    elif plan.is_running and not plan.is_ours:
        plan.next_due_on = max(plan.next_due_on or date.min, clock.local_date(invoice.period_end))
        plan.save(update_fields=["next_due_on"])
    if known is None:
        _look(plan, one, gift, payment)
    return gifts.settle(gift.pk, payment)


def _gift(plan: Plan, payment: gateway.Payment) -> Gift:
    gift = claims.gift_of(plan, amount_minor=payment.amount_minor, covered_fee_minor=0)
    gift.payment_intent_id = payment.id
    gift.save()
    return gift


def _pass_by(plan: Plan, due_on: date) -> None:
    """The date has its row: the plan's next one comes after it."""
    assert plan.next_due_on is not None
    assert plan.anchor_day is not None
    if plan.next_due_on > due_on:
        return
    following = due_on + timedelta(days=1)
    plan.next_due_on = schedule.first_from(plan.next_due_on, plan.anchor_day, plan.interval, following)
    plan.save(update_fields=["next_due_on"])
    logger.error("charged at Stripe though it is ours", extra={"plan": plan.pk, "due_on": f"{due_on:%Y-%m-%d}"})


def _look(plan: Plan, one: Installment, gift: Gift, payment: gateway.Payment) -> None:
    """A payment that nobody expected is seen: of a plan that is over, or of a date that is ours."""
    if plan.ended_at is not None and payment.charge is not None and payment.charge.happened_at > plan.ended_at:
        _tell(plan, one, gift, "paid after its end")
    elif plan.is_ours and one.gift_id != gift.pk:
        _instead(plan, one, gift)


def _instead(plan: Plan, one: Installment, gift: Gift) -> None:
    """Stripe took what we were to charge on that date: we do not, unless it is too late."""
    is_under_way = one.status in Installment.IN_FLIGHT and one.sent_at is not None
    if is_under_way or not one.is_open:
        is_second = is_under_way or one.status == Status.PAID
        _tell(plan, one, gift, "second payment" if is_second else "paid for a date left out")
        return
    logger.error("charged at Stripe though it is ours", extra={"plan": plan.pk, "installment": one.pk})
    if one.gift_id is None:
        one.gift, one.tries = gift, 1
        one.amount_minor, one.covered_fee_minor = gift.amount_minor, 0
        one.save(update_fields=["gift", "tries", "amount_minor", "covered_fee_minor"])
        states.close(one, Status.PAID)
    else:
        # It has a payment of its own, perhaps one that waits for the supporter: nobody may pay that one, too.
        states.close(one, Status.SKIPPED, Reason.OUTAGE)
    states.well(plan)


def _tell(plan: Plan, one: Installment, gift: Gift, what: str) -> None:
    after = {"gift": gift.pk, "date": one.due_on.isoformat(), "installment": one.pk}
    audit.record(STRIPE, what, plan, reason="give it back or ask the supporter", after=after)
    logger.error("charged at Stripe: %s", what, extra={"plan": plan.pk, "gift": gift.pk})


@transaction.atomic
def told(plan_id: int, subscription: gateway.Subscription) -> None:
    """A plan managed at Stripe follows its subscription: amount, card, next date, its end there. Safe twice.

    One that is ours by now is watched: let go on at Stripe, it is made to run out again before it is charged twice.
    """
    plan = states.locked(plan_id)
    if plan.is_ours:
        _watch(plan, subscription)
        return
    if not plan.is_running:
        return
    if subscription.status in OVER and not plan.at_stripe:
        states.end(plan, Plan.End.ELSEWHERE, actor=STRIPE)
        return
    before = states.shown(plan)
    plan.amount_minor = subscription.amount_minor or plan.amount_minor
    plan.interval = subscription.interval or plan.interval
    plan.next_due_on = clock.local_date(subscription.current_period_end)
    if subscription.card is not None:
        put_card(plan, subscription.card)
    if states.shown(plan) != before:
        states.save(plan, before, "changed at Stripe", actor=STRIPE)


def _watch(plan: Plan, subscription: gateway.Subscription) -> None:
    if plan.at_stripe or not is_charged(subscription):
        return
    before = states.shown(plan)
    plan.at_stripe = Plan.AtStripe.RUN_OUT
    # The entry also gives the request another key: to that of the take-over Stripe would repeat its old answer.
    states.save(plan, before, WANTED, actor=STRIPE, reason=GOES_ON)
    logger.error("subscription goes on beside our plan", extra={"plan": plan.pk})
    nudge.after_commit("donations.tasks.settle_subscriptions")


def put_card(plan: Plan, card: gateway.Card) -> None:
    """The plan is charged to that card. Not written yet."""
    plan.stripe_payment_method_id = card.payment_method_id
    plan.card_brand, plan.card_last4, plan.card_expires_on = card.brand, card.last4, gateway.card_expiry(card)
