"""Charging one installment at Stripe: one PaymentIntent ever, asked how it stands before anything is sent again."""

import logging
from datetime import timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import QuerySet

from donations import gateway, gifts
from donations.models import Gift, Installment, Plan, Renewals
from donations.recurring import claims, outcomes, states
from nonprofit import clock

logger = logging.getLogger(__name__)

# Stripe may forget a key after 24 hours; from then on a payment whose id was lost is looked for by what we wrote on it.
# Stripe, "Idempotent requests", https://docs.stripe.com/api/idempotent_requests (read 2026-11-26).
KEYS_LAST = timedelta(hours=20)
# How long until Stripe is asked again about a charge whose outcome is not known.
ASK_AGAIN = timedelta(minutes=10)
UNSENT = {"requires_payment_method", "requires_confirmation"}
Status = Installment.Status


def charge_due(limit: int = 25) -> int:
    """Claim up to `limit` installments and charge each; how many were claimed. Call outside any transaction."""
    ids = claims.claim(limit)
    for pk in ids:
        try:
            charge(pk)
        except Exception:
            # Catches everything: one mistake of ours must not keep the rest of the claim waiting, again and again.
            logger.exception("charge not finished", extra={"installment": pk})
    return len(ids)


def charge(installment_id: int) -> None:
    """The claimed installment is charged, or it is known why not. Call outside any transaction.

    Safe twice, twice at once and after a crash between any two steps: the PaymentIntent is made with a key of the
    installment's own, a paid one cannot be confirmed again, and an answer that never came is asked for.
    """
    one = Installment.objects.select_related("gift", "plan").get(pk=installment_id)
    if one.status not in (Status.CHARGING, Status.UNKNOWN):
        return
    try:
        payment = _carry_on(one)
    except gateway.GatewayUnavailable as error:
        logger.warning("charge not answered", extra={"installment": one.pk, "error": str(error)})
        _ask_later(one)
        return
    except gateway.GatewayRefused as error:
        # The card was not asked: Stripe did not take the request. Counted, so that many of them raise the alarm.
        logger.error("charge refused by Stripe", extra={"installment": one.pk, "code": error.code})
        outcomes.refused(one.pk, error.code, tries=one.tries)
        claims.count(is_paid=False)
        return
    if payment is None:
        return
    done = outcomes.apply(one.pk, payment, tries=one.tries)
    if done.status == Status.PAID:
        claims.count(is_paid=True)
    elif done.status in (Status.RETRYING, Status.WAITING):
        claims.count(is_paid=False)


def _carry_on(one: Installment) -> gateway.Payment | None:
    """From wherever the last worker was; the payment as it stands then, None when it must not be sent any more."""
    is_repeated = one.sent_at is not None or one.status == Status.UNKNOWN
    payment = _payment(one)
    if _is_settled_question(one, payment):
        return payment
    if is_repeated and _is_answered(one, payment):
        return payment
    card = _may_send(one) if _is_alone(one) else None
    if card is None:
        _close(one)
        return None
    try:
        return gateway.confirm_saved(
            payment.id, payment_method_id=card, key=f"installment-{one.pk}-confirm-{one.tries}"
        )
    except gateway.CardDeclined:
        return gateway.retrieve_payment(payment.id)
    except gateway.GatewayRefused:
        # Another worker was faster, or it was closed: what Stripe has is what counts.
        payment = gateway.retrieve_payment(payment.id)
        if payment.status in UNSENT and not _is_answered(one, payment):
            raise
        return payment


def _is_settled_question(one: Installment, payment: gateway.Payment) -> bool:
    """Whether the payment stands where nothing may be sent: it is paid, under way, closed, or its bank asks.

    A question about a card that another has taken the place of is moot: left unanswered, it would hold the date's only
    payment for ever. Stripe lets one be confirmed anew: "PaymentIntents", statuses that may be confirmed,
    https://docs.stripe.com/payments/paymentintents/lifecycle (read 2026-11-26).
    """
    if payment.status == "requires_action" and payment.card is not None:
        return payment.card.payment_method_id == one.stripe_payment_method_id
    return payment.status not in UNSENT


def _is_alone(one: Installment) -> bool:
    """Whether no earlier date of the plan can be paid beside this one any more: what is still open is closed first.

    One that was paid before it could be closed is booked as its own date. False while a bank is at work on it.
    """
    for gift in unclosed().filter(plan=one.plan_id):
        try:
            closed = gifts.expire(gift)
        except gateway.GatewayRefused as error:
            # Stripe knows no such payment, so nobody can pay it.
            logger.error("payment not closed", extra={"gift": gift.pk, "code": error.code})
            continue
        if closed.status == Gift.Status.PROCESSING:
            return False
    return True


def _payment(one: Installment) -> gateway.Payment:
    """The installment's PaymentIntent: fetched, found, or made with the key that makes it only once."""
    gift = _gift(one)
    if gift.payment_intent_id:
        return gateway.retrieve_payment(gift.payment_intent_id)
    payment = _lost(one) if _key_is_old(one) else None
    payment = payment or gateway.create_renewal(
        amount_minor=one.amount_minor,
        currency=one.currency,
        customer_id=one.plan.stripe_customer_id,
        key=f"installment-{one.pk}-create",
        metadata={
            "app": gateway.APP,
            "gift": str(gift.pk),
            "plan": str(one.plan_id),
            "installment": str(one.pk),
            "environment": settings.BASE_URL,
        },
        description=f"Gift {gift.public_id}",
    )
    Gift.objects.filter(pk=gift.pk, payment_intent_id=None).update(payment_intent_id=payment.id)
    gift.payment_intent_id = payment.id
    return payment


def _key_is_old(one: Installment) -> bool:
    return clock.now() - _gift(one).started_at > KEYS_LAST


def _lost(one: Installment) -> gateway.Payment | None:
    since = _gift(one).started_at - timedelta(hours=1)
    for payment in gateway.payments_of(one.plan.stripe_customer_id, since=since):
        if payment.metadata.get("installment") == str(one.pk):
            return payment
    return None


def _is_answered(one: Installment, payment: gateway.Payment) -> bool:
    """Whether an unpaid payment shows the outcome of this very try, and not only that of an earlier one."""
    error = payment.last_error
    if error is None or not error.source:
        # Without a charge's id nothing tells it from an earlier try's. Asked with this try's key, Stripe says it again.
        return False
    return not _gift(one).attempts.filter(source=error.source).exists()


@transaction.atomic(durable=True)
def _may_send(one: Installment) -> str | None:
    """The card to ask, once it is on record that we ask it; None when this try must not be sent any more.

    The plan was stopped or paused meanwhile, charging was switched off, or another worker has finished the try. This
    commits before the request leaves: whoever stops the plan afterwards is told that a charge may be on its way.
    """
    plan = states.locked(one.plan_id)
    now = Installment.objects.get(pk=one.pk)
    if not _is_under_way(now, one) or plan.status not in claims.MAY_CHARGE or not Renewals.get().is_on:
        return None
    now.sent_at = now.sent_at or clock.now()
    now.status = Status.CHARGING
    now.save(update_fields=["sent_at", "status"])
    return now.stripe_payment_method_id


def _is_under_way(now: Installment, one: Installment) -> bool:
    """Whether the try that this worker holds is still the one that is being made."""
    return now.status in (Status.CHARGING, Status.UNKNOWN) and now.tries == one.tries


def _close(one: Installment) -> None:
    """What must not be sent any more is closed at Stripe, if the date is over; a switched-off one goes back."""
    with transaction.atomic(durable=True):
        plan = states.locked(one.plan_id)
        now = Installment.objects.get(pk=one.pk)
        if _is_under_way(now, one):
            if plan.status in claims.MAY_CHARGE:
                _go_back(now)
            else:
                is_paused = plan.status == Plan.Status.PAUSED
                reason = Installment.Reason.PAUSED if is_paused else Installment.Reason.STOPPED
                states.close(now, Status.SKIPPED, reason)
    if now.status in (Status.FAILED, Status.SKIPPED):
        gifts.expire(_gift(one))


def _go_back(now: Installment) -> None:
    """As if it had not been claimed; what may have been sent is asked for again instead."""
    now.next_try_at = clock.now() + ASK_AGAIN
    if now.sent_at is not None:
        now.status = Status.UNKNOWN
    else:
        now.tries -= 1
        now.status = Status.RETRYING if now.tries else Status.SCHEDULED
    now.save(update_fields=["status", "tries", "next_try_at"])


@transaction.atomic(durable=True)
def _ask_later(one: Installment) -> None:
    states.locked(one.plan_id)
    Installment.objects.filter(pk=one.pk, status__in=[Status.CHARGING, Status.UNKNOWN]).update(
        status=Status.UNKNOWN, next_try_at=clock.now() + ASK_AGAIN
    )


def for_supporter(installment_id: int) -> gateway.Payment:
    """The payment of a date that waits for its supporter, to confirm in their browser. Call outside any transaction."""
    one = Installment.objects.select_related("gift", "plan").get(pk=installment_id)
    return _payment(one)


def ask(installment_id: int) -> Installment:
    """Ask Stripe how the date's payment stands, and act on it. Call outside any transaction. Raises GatewayError."""
    one = Installment.objects.select_related("gift").get(pk=installment_id)
    gift = _gift(one)
    if not gift.payment_intent_id:
        return one
    return outcomes.apply(one.pk, gateway.retrieve_payment(gift.payment_intent_id))


def _gift(one: Installment) -> Gift:
    assert one.gift is not None
    return one.gift


def processing() -> list[int]:
    """Dates whose payment the bank has had for a day, in case the event that tells of its end was lost."""
    long = clock.now() - timedelta(days=1)
    slow = Installment.objects.filter(status=Status.PROCESSING, claimed_at__lt=long)
    return list(slow.order_by("pk").values_list("pk", flat=True))


def unanswered() -> QuerySet[Installment]:
    """Charges without an outcome after an hour of asking: somebody should look at Stripe's dashboard, or at our log."""
    long = clock.now() - timedelta(hours=1)
    return Installment.objects.filter(status__in=[Status.CHARGING, Status.UNKNOWN], claimed_at__lt=long)


def unclosed() -> QuerySet[Gift]:
    """Payments of dates that are over and were not paid, which somebody could still pay."""
    over = Installment.objects.filter(status__in=[Status.FAILED, Status.SKIPPED])
    return Gift.objects.filter(
        installment__in=over, status__in=[Gift.Status.PENDING, Gift.Status.FAILED, Gift.Status.PROCESSING]
    )


def close_unpaid(limit: int = 200) -> int:
    """Payments of dates that are over and were not paid are closed at Stripe, so that nobody can still pay them.

    How many were looked at. Safe twice and at once. What cannot be closed goes behind all others that wait.
    """
    stale = unclosed().exclude(status=Gift.Status.PROCESSING).order_by("changed_at", "pk")[:limit]
    for gift in stale:
        try:
            gifts.expire(gift)
        except gateway.GatewayError as error:
            logger.warning("payment not closed", extra={"gift": gift.pk, "error": type(error).__name__})
        unclosed().filter(pk=gift.pk).update(changed_at=clock.now())
    return len(stale)
