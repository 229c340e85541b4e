"""What became of a charge: paid, declined, under way, waiting for the supporter. Order and repeats mean nothing."""

from django.db import transaction

from donations import gateway, gifts
from donations.models import Attempt, Gift, Installment, Plan
from donations.recurring import dates, letters, states
from donations.rules import dunning
from nonprofit import clock, nudge

Status, Reason = Installment.Status, Installment.Reason


@transaction.atomic
def apply(installment_id: int, payment: gateway.Payment, *, tries: int | None = None) -> Installment:
    """The installment, its plan, gift and letters are where Stripe says that its payment is.

    tries: which try the worker who asks has made; None for news that come by themselves. Locks the plan, then the
    gift. Safe twice, twice at once and in any order: what is paid stays paid, and each decline is acted on once, by its
    own id.
    """
    one = Installment.objects.get(pk=installment_id)
    plan = states.locked(one.plan_id)
    one = Installment.objects.select_related("gift").get(pk=installment_id)
    one.plan = plan
    if payment.is_paid:
        # `paid` follows from the gift, whoever settles it.
        gifts.settle(_gift(one).pk, payment)
        return Installment.objects.get(pk=installment_id)
    if one.status == Status.PAID:
        return one
    if payment.status == "processing":
        gifts.apply_payment(_gift(one).pk, payment)
        # A date that was given up meanwhile stays so until the money is there.
        if one.is_open:
            _set(one, Status.PROCESSING)
    elif payment.status == "canceled":
        gifts.apply_payment(_gift(one).pk, payment)
        if one.is_open:
            states.close(one, Status.SKIPPED, Reason.STAFF)
    elif payment.status == "requires_action":
        if not _is_of_another_card(plan, one, payment):
            _declined(plan, one, "authentication_required")
    elif payment.last_error is not None and not _is_of_another_try(one, payment.last_error, tries):
        _decline(plan, one, payment, payment.last_error)
    return one


def _is_of_another_try(one: Installment, error: gateway.Decline, tries: int | None) -> bool:
    """A refusal without a charge's id may be an earlier try's; the worker who makes this one hears its own."""
    is_under_way = one.status in (Status.CHARGING, Status.UNKNOWN)
    return not error.source and is_under_way and tries != one.tries


def _is_of_another_card(plan: Plan, one: Installment, payment: gateway.Payment) -> bool:
    """Whether the bank asks about a card that is not charged any more: its question stands until the next try."""
    if payment.card is None:
        return False
    asked = payment.card.payment_method_id
    if one.status in (Status.CHARGING, Status.UNKNOWN):
        return asked != one.stripe_payment_method_id
    return asked != plan.stripe_payment_method_id


def gift_settled(gift: Gift, **_: object) -> None:
    """Receiver of signals.gift_settled: the installment of a paid gift is paid, and its plan is well again.

    The settling transaction holds the plan's lock (gifts.settle takes it first).
    """
    one = Installment.objects.filter(gift=gift).select_related("plan").first()
    if one is None:
        return
    plan = states.locked(one.plan_id)
    if one.status != Status.PAID:
        states.close(one, Status.PAID)
    states.well(plan)
    _complete(plan)


def _complete(plan: Plan) -> None:
    """A plan that has come to its agreed end is over."""
    if not plan.is_running:
        return
    is_over = plan.ends_on is not None and plan.next_due_on is not None and plan.next_due_on > plan.ends_on
    if is_over or states.has_given_all(plan):
        states.end(plan, Plan.End.COMPLETED, actor=states.TASK)


def _decline(plan: Plan, one: Installment, payment: gateway.Payment, error: gateway.Decline) -> None:
    # Where Stripe names no charge, the try is what tells one decline from the next.
    source = error.source or f"installment-{one.pk}-try-{one.tries}"
    gift = _gift(one)
    _, is_new = Attempt.objects.get_or_create(
        source=source,
        defaults={
            "gift": gift,
            "outcome": Attempt.Outcome.DECLINED,
            "amount_minor": one.amount_minor,
            "currency": one.currency,
            "code": error.code,
            "happened_at": error.happened_at,
        },
    )
    # Old news that the bank was at work can come after its refusal, and would hold the date for ever.
    if not is_new and one.status != Status.PROCESSING:
        return
    Gift.objects.filter(pk=gift.pk, status__in=[Gift.Status.PENDING, Gift.Status.PROCESSING]).update(
        status=Gift.Status.FAILED, changed_at=clock.now()
    )
    _declined(plan, one, error.code)


@transaction.atomic
def refused(installment_id: int, code: str, *, tries: int) -> None:
    """Stripe did not take the request of the `tries`-th try: nobody's bank was asked. Locks the plan; safe twice.

    Where the card is gone there, only another one helps. Any other refusal may be a mistake of ours: it is tried again
    on the days of the ladder, and nobody is told that their bank declined.
    """
    one = Installment.objects.get(pk=installment_id)
    plan = states.locked(one.plan_id)
    one = Installment.objects.get(pk=installment_id)
    if one.status not in (Status.CHARGING, Status.UNKNOWN) or one.tries != tries:
        return
    following = dunning.after(code, tries=one.tries, due_on=one.due_on, today=clock.today())
    if following.on is not None and plan.is_running and plan.status != Plan.Status.PAUSED:
        one.code, one.next_try_at = code[:60], dates.hour(following.on)
        _set(one, Status.RETRYING)
        return
    _declined(plan, one, code if code in dunning.HARD else "payment_method_not_available")


def _declined(plan: Plan, one: Installment, code: str) -> None:
    """What follows, by the ladder. A date that was given up meanwhile stays given up."""
    if not one.is_open:
        return
    if plan.status == Plan.Status.ENDED:
        states.close(one, Status.SKIPPED, Reason.STOPPED)
        return
    if plan.status == Plan.Status.PAUSED:
        states.close(one, Status.SKIPPED, Reason.PAUSED)
        return
    one.code = code
    is_under_way = one.status in (Status.CHARGING, Status.UNKNOWN)
    if is_under_way and one.stripe_payment_method_id != plan.stripe_payment_method_id:
        # Another card was saved while this one was asked: what this bank says is of no interest to anybody any more.
        one.next_try_at = clock.now()
        _set(one, Status.RETRYING)
        states.trouble(plan, Plan.Status.PAST_DUE)
        nudge.after_commit("donations.tasks.charge_installments")
        return
    following = dunning.after(code, tries=one.tries, due_on=one.due_on, today=clock.today())
    if following.step == dunning.Step.RETRY:
        assert following.on is not None
        one.next_try_at = dates.hour(following.on)
        _set(one, Status.RETRYING)
        states.trouble(plan, Plan.Status.PAST_DUE)
        letters.declined(plan, one, following.on)
        return
    one.next_try_at = None
    _set(one, Status.WAITING)
    if following.step == dunning.Step.AUTHENTICATE:
        states.trouble(plan, Plan.Status.WAITING, waiting_for=Plan.WaitingFor.AUTHENTICATION)
        letters.authenticate(plan, one)
    else:
        states.trouble(plan, Plan.Status.WAITING, waiting_for=Plan.WaitingFor.CARD)
        letters.needs_card(plan, one)


def _set(one: Installment, status: Installment.Status) -> None:
    one.status = status
    one.save(update_fields=["status", "code", "next_try_at"])


def _gift(one: Installment) -> Gift:
    # Whatever has been charged has its gift: the database holds it to that.
    assert one.gift is not None
    return one.gift
