"""The verbs of refunds: asked for by staff, agreed by a second person, sent to Stripe, booked when they are true."""

import logging
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from django.conf import settings
from django.db import transaction

from donations import gateway, refund_letters, standing
from donations.gateway.refunds import Reason as StripeReason
from donations.models import Gift, LedgerEntry, Policy, ReceiptVoid, Refund
from donations.rules import returns
from nonprofit import audit, clock, nudge
from nonprofit.models import User
from nonprofit.money import Money

logger = logging.getLogger(__name__)

SEND = "donations.tasks.send_refund"
LEFT_BEHIND = timedelta(minutes=2)
STATE = Refund.State
# Stripe's own three reasons; "fraudulent" also puts the card on the account's list of blocked ones.
REASONS: dict[str, StripeReason] = {
    Refund.Reason.ASKED: "requested_by_customer",
    Refund.Reason.DUPLICATE: "duplicate",
    Refund.Reason.FRAUD: "fraudulent",
}
# What Stripe says when it refuses, in words for the person who asked.
REFUSALS = {
    "charge_already_refunded": "it has been refunded already, in Stripe's dashboard perhaps",
    "charge_disputed": "the bank has disputed the payment, and gives the money back by itself",
    "amount_too_large": "it is more than is left of the payment",
    "insufficient_funds": "our balance at Stripe does not hold enough",
    "balance_insufficient": "our balance at Stripe does not hold enough",
    "charge_expired_for_capture": "the payment was never taken",
}
# A refund moves forward only: an answer that was asked for earlier and comes in later changes nothing.
RANK = {
    state: rank
    for rank, states in enumerate(
        [
            (STATE.WAITING, STATE.REQUESTED, STATE.REFUSED),
            (STATE.PENDING,),
            (STATE.SUCCEEDED,),
            (STATE.FAILED, STATE.CANCELLED),
        ]
    )
    for state in states
}
STATES = {
    "pending": STATE.PENDING,
    "requires_action": STATE.PENDING,
    "succeeded": STATE.SUCCEEDED,
    "failed": STATE.FAILED,
    "canceled": STATE.CANCELLED,
}


class CannotRefund(ValueError):
    """This refund may not be; the text says why to the person who asked."""


@dataclass(frozen=True, slots=True)
class Wish:
    """What a member of staff asks for. amount: of the gift's currency; attempt: of the form, so that twice is once."""

    amount: Money
    reason: str
    note: str = ""
    attempt: UUID | None = None


@transaction.atomic(durable=True)
def request(gift_id: int, wish: Wish, *, user: User) -> Refund:
    """A refund is on record and on its way to Stripe, or waits for a second person where it is above the limit.

    Locks the gift: two clerks at once can never give back more than there is. Safe twice and twice at once: one
    attempt of a form is one refund. Raises CannotRefund.
    """
    gift = _locked(gift_id)
    if wish.attempt and (made := Refund.objects.filter(attempt=wish.attempt, gift=gift).first()):
        return made
    check(gift, wish.amount, user)
    is_alone = not needs_second_person(gift, wish.amount, user)
    refund = Refund.objects.create(
        gift=gift,
        attempt=wish.attempt,
        amount_minor=wish.amount.minor,
        payment_id=gift.payment_intent_id or "",
        state=STATE.REQUESTED if is_alone else STATE.WAITING,
        reason=Refund.Reason(wish.reason),
        note=wish.note,
        requested_by=user,
    )
    after = {"refund": refund.pk, "amount_minor": refund.amount_minor, "state": str(refund.state)}
    audit.record(audit.staff(user), "request refund", gift, reason=wish.note, after=after)
    if is_alone:
        nudge.after_commit(SEND, refund.pk)
    return refund


def check(gift: Gift, amount: Money, user: User) -> None:
    """Raises CannotRefund if `user` may not ask for this. Certain for as long as the gift is locked."""
    if gift.kind not in returns.BY_CARD or not gift.payment_intent_id:
        raise CannotRefund("Only a gift paid by card goes back through Stripe; take this one back at the desk.")
    _refuse_own(gift, user)
    _refuse_unless_settled(gift)
    if amount.currency != gift.currency or amount.minor <= 0:
        raise CannotRefund(f"The amount must be above zero, in {gift.currency.upper()}.")
    if amount.minor > standing.left(gift):
        left = Money(standing.left(gift), gift.currency)
        raise CannotRefund(f"That is more than is left: {left} of this gift can still be refunded.")


def needs_second_person(gift: Gift, amount: Money, user: User) -> bool:
    """Whether `user` alone may not give that much of the gift back; what went back before counts, too."""
    so_far = gift.refunded_minor + standing.spoken_for(gift)
    return so_far + amount.minor > Policy.get().refund_alone(user).minor


def _refuse_own(gift: Gift, user: User) -> None:
    # Domain rule 92: nobody decides alone about their own gift.
    if gift.donor is not None and gift.donor.user_id == user.pk:
        raise CannotRefund("This is your own gift: please ask a colleague.")


def _refuse_unless_settled(gift: Gift) -> None:
    if gift.status == Gift.Status.DISPUTED:
        raise CannotRefund("The bank has disputed this gift and holds the money: nothing can be refunded meanwhile.")
    if gift.status != Gift.Status.SETTLED:
        raise CannotRefund(f"Only a received gift can be refunded; this one is {gift.get_status_display()}.")


@transaction.atomic(durable=True)
def approve(refund_id: int, *, user: User) -> Refund:
    """A second person agrees, and the refund is on its way. Locks gift and refund. Safe twice. Raises CannotRefund."""
    refund = _waiting(refund_id, user)
    if refund.state != STATE.WAITING:
        return refund
    if refund.requested_by_id == user.pk:
        raise CannotRefund("You asked for this refund yourself: somebody else has to agree.")
    _refuse_unless_settled(refund.gift)
    refund.state, refund.approved_by, refund.decided_at = STATE.REQUESTED, user, clock.now()
    refund.save(update_fields=["state", "approved_by", "decided_at"])
    audit.record(audit.staff(user), "approve refund", refund.gift, after={"refund": refund.pk})
    nudge.after_commit(SEND, refund.pk)
    return refund


@transaction.atomic(durable=True)
def refuse(refund_id: int, *, user: User, why: str) -> Refund:
    """It will not be: a second person says no, or the first one takes the request back. Safe twice.

    Locks gift and refund. Raises CannotRefund.
    """
    refund = _waiting(refund_id, user)
    if refund.state != STATE.WAITING:
        return refund
    is_own = refund.requested_by_id == user.pk
    refund.state = STATE.CANCELLED if is_own else STATE.REFUSED
    refund.trouble, refund.decided_at = why[:200], clock.now()
    refund.save(update_fields=["state", "trouble", "decided_at"])
    deed = "take refund request back" if is_own else "refuse refund"
    audit.record(audit.staff(user), deed, refund.gift, reason=why[:300], after={"refund": refund.pk})
    return refund


def _waiting(refund_id: int, user: User) -> Refund:
    gift_id = Refund.objects.values_list("gift_id", flat=True).get(pk=refund_id)
    gift = _locked(gift_id)
    refund = Refund.objects.select_for_update().get(pk=refund_id)
    refund.gift = gift
    _refuse_own(gift, user)
    if refund.state in (STATE.REFUSED, STATE.CANCELLED):
        raise CannotRefund(f"This refund was {refund.get_state_display()} meanwhile.")
    return refund


def send(refund_id: int) -> Refund:
    """Stripe has been asked, and what it answered is booked. Call outside any transaction.

    Safe twice, twice at once and after a crash: Stripe's list of the payment's refunds is looked through first, and the
    key is the refund's own, so that one row is one refund for ever. Raises GatewayUnavailable when nobody knows: the
    sweep asks again.
    """
    refund = Refund.objects.select_related("gift").get(pk=refund_id)
    if refund.state != STATE.REQUESTED:
        return refund
    # Keys are forgotten after a day (Stripe, "Idempotent requests"); the list never is.
    made = next((told for told in gateway.refunds_of(refund.payment_id) if _is_ours(told, refund)), None)
    if made is None:
        try:
            made = gateway.create_refund(
                payment_id=refund.payment_id,
                amount_minor=refund.amount_minor,
                key=f"refund-{refund.pk}",
                reason=REASONS.get(refund.reason),
                metadata={
                    "app": gateway.APP,
                    "environment": settings.BASE_URL,
                    "gift": str(refund.gift_id),
                    "refund": str(refund.pk),
                },
            )
        except gateway.GatewayRefused as error:
            logger.warning("refund refused by Stripe", extra={"refund": refund.pk, "code": error.code})
            return _refused(refund.pk, error.code)
    return apply(refund.gift_id, made)


def _is_ours(told: gateway.Refund, refund: Refund) -> bool:
    return refund_of(told) == refund.pk


def refund_of(told: gateway.Refund) -> int | None:
    """Our row that a refund at Stripe was made for; None for one made in the dashboard or by another system."""
    words = told.metadata
    number = words.get("refund", "")
    is_ours = words.get("app") == gateway.APP and words.get("environment") == settings.BASE_URL
    return int(number) if is_ours and number.isascii() and number.isdigit() else None


@transaction.atomic
def _refused(refund_id: int, code: str) -> Refund:
    refund = Refund.objects.select_for_update(of=("self",)).select_related("gift").get(pk=refund_id)
    if refund.state != STATE.REQUESTED:
        return refund
    words = REFUSALS.get(code, code.replace("_", " "))
    refund.state, refund.trouble, refund.decided_at = STATE.REFUSED, f"Stripe refused: {words}"[:200], clock.now()
    refund.save(update_fields=["state", "trouble", "decided_at"])
    audit.record("stripe", "refuse refund", refund.gift, reason=refund.trouble, after={"refund": refund.pk})
    return refund


def refetch(refund_id: int) -> Refund:
    """A refund that is on its way is asked for at Stripe, and what is true now is booked. Outside any transaction."""
    refund = Refund.objects.get(pk=refund_id)
    if not refund.stripe_refund_id:
        return refund
    return apply(refund.gift_id, gateway.retrieve_refund(refund.stripe_refund_id))


@transaction.atomic
def apply(gift_id: int, told: gateway.Refund) -> Refund:
    """What Stripe says of a refund is on record and in the books: lines, gift, paper, letter, audit, all or nothing.

    Refunds made in Stripe's dashboard become rows here. Locks the gift, then the refund. Safe twice, twice at once and
    in any order with other refunds: each is known by its own id, lines by (source, kind), and the gift's sums and state
    are worked out anew. Call it when the payment itself is settled.
    """
    gift = _locked(gift_id)
    refund = _row(gift, told)
    now = STATES[told.status]
    entries = _book(gift, told)
    is_news = RANK[now] > RANK[STATE(refund.state)]
    had_arrived = refund.state == STATE.SUCCEEDED
    if is_news:
        _move(refund, told, now)
    if refund.payment_id != gift.payment_intent_id:
        # The second payment of a gift that was paid twice by mistake: the gift itself is as it was.
        if is_news and now == STATE.SUCCEEDED:
            refund_letters.refunded(gift, refund)
        return refund
    standing.settle(gift, entries)
    if is_news and now == STATE.SUCCEEDED:
        refund_letters.refunded(gift, refund)
    elif is_news and now == STATE.FAILED and had_arrived:
        refund_letters.failed(gift, refund)
    standing.paper(gift, ReceiptVoid.Reason.REFUND)
    return refund


def _row(gift: Gift, told: gateway.Refund) -> Refund:
    """The row of this refund, locked: by Stripe's id, by the number we gave Stripe, or made for it now."""
    rows = Refund.objects.select_for_update().filter(gift=gift)
    found = rows.filter(stripe_refund_id=told.id).first()
    number = refund_of(told)
    if found is None and number is not None:
        found = rows.filter(pk=number, stripe_refund_id=None).first()
    if found is None:
        found = Refund.objects.create(
            gift=gift,
            amount_minor=told.amount_minor,
            payment_id=told.payment_id,
            state=STATE.REQUESTED,
            origin=Refund.Origin.STRIPE,
            stripe_refund_id=told.id,
            requested_at=told.created_at,
        )
        audit.record("stripe", "refund in Stripe's dashboard", gift, after={"refund": found.pk})
    elif found.stripe_refund_id is None:
        found.stripe_refund_id = told.id
        found.save(update_fields=["stripe_refund_id"])
    return found


def _move(refund: Refund, told: gateway.Refund, now: Refund.State) -> None:
    before = {"state": str(refund.state)}
    refund.state, refund.trouble = now, ""
    if told.balance or now == STATE.SUCCEEDED:
        refund.refunded_at = told.balance.created_at if told.balance else told.created_at
    if now in (STATE.FAILED, STATE.CANCELLED):
        refund.failed_at = told.failure_balance.created_at if told.failure_balance else clock.now()
        refund.trouble = told.failure_reason.replace("_", " ")[:200]
    refund.save(update_fields=["state", "trouble", "refunded_at", "failed_at"])
    after = {"refund": refund.pk, "state": str(now), "amount_minor": refund.amount_minor}
    audit.record("stripe", "refund", refund.gift, reason=refund.trouble, before=before, after=after)


def _book(gift: Gift, told: gateway.Refund) -> list[LedgerEntry]:
    """The lines of money that moved, both those of a refund that went and came back before we heard; the new ones."""
    kind, lines = LedgerEntry.Kind, []
    if told.balance or told.status == "succeeded":
        at = told.balance.created_at if told.balance else told.created_at
        lines.append((kind.REFUND, -told.amount_minor, told.balance, at))
    if told.failure_balance:
        lines.append((kind.REFUND_FAILED, told.amount_minor, told.failure_balance, told.failure_balance.created_at))
    booked = [
        standing.book(gift, standing.Line(what, told.id, minor, told.currency, balance), at)
        for what, minor, balance, at in lines
    ]
    return [entry for entry in booked if entry is not None]


def _locked(gift_id: int) -> Gift:
    return Gift.objects.select_for_update(of=("self",)).select_related("donor", "fund").get(pk=gift_id)


def is_whole(told: gateway.Refund) -> bool:
    """Whether Stripe has booked all that it says happened; its balance can be a moment behind."""
    if told.status == "succeeded":
        return told.balance is not None
    return told.status != "failed" or told.balance is None or told.failure_balance is not None


def left_behind() -> list[int]:
    """Refunds whose nudge was lost or whose worker died, or that Stripe did not answer; the oldest first."""
    late = clock.now() - LEFT_BEHIND
    waiting = Refund.objects.filter(state=STATE.REQUESTED).exclude(requested_at__gte=late)
    return list(waiting.order_by("requested_at").values_list("pk", flat=True)[:100])


def under_way() -> list[int]:
    """Refunds that Stripe has not finished, the oldest first."""
    pending = Refund.objects.filter(state=STATE.PENDING, stripe_refund_id__isnull=False)
    return list(pending.order_by("requested_at").values_list("pk", flat=True)[:500])
