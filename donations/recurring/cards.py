"""Another card for a plan: saved by Stripe's own fields, believed only when Stripe says so, and used at once."""

import logging
from datetime import datetime

from django.conf import settings
from django.db import transaction

from donations import gateway
from donations.models import Installment, Plan
from donations.recurring import letters, states
from donations.recurring.plans import CannotChange
from donations.rules import consent
from nonprofit import clock, nudge
from nonprofit.models import AuditEntry

logger = logging.getLogger(__name__)
Status = Installment.Status
# How the audit log calls it.
SAVED = "save card"


def begin(plan_id: int, *, attempt: str) -> gateway.Setup:
    """A SetupIntent for the plan's customer, with which the browser saves a card. Call outside any transaction.

    attempt: made with the page, so that the same page sent twice is one SetupIntent.
    Raises CannotChange, GatewayUnavailable, GatewayRefused.
    """
    plan = Plan.objects.get(pk=plan_id)
    if not plan.is_ours and plan.is_running:
        raise CannotChange("This gift is managed at Stripe.")
    if not plan.stripe_customer_id:
        raise CannotChange("This gift has no card yet.")
    return gateway.create_setup(
        customer_id=plan.stripe_customer_id,
        key=f"plan-{plan.pk}-setup-{attempt}",
        metadata={"app": gateway.APP, "plan": str(plan.pk), "environment": settings.BASE_URL},
    )


def finish(plan_id: int, setup_id: str, *, actor: str) -> bool:
    """The card that was saved is the plan's, once Stripe says that it is; False while it is not.

    Call outside any transaction. Safe twice and twice at once: from the page that comes back, and from the event.
    Raises CannotChange for a setup of somebody else's, and GatewayUnavailable.
    """
    setup = gateway.retrieve_setup(setup_id)
    plan = Plan.objects.get(pk=plan_id)
    if setup.customer_id != plan.stripe_customer_id or setup.metadata.get("plan") != str(plan.pk):
        raise CannotChange("This card was saved for another gift.")
    if setup.status != "succeeded" or setup.card is None:
        return False
    use(plan_id, setup.card, actor=actor)
    return True


@transaction.atomic
def use(
    plan_id: int, card: gateway.Card, *, actor: str, saved_at: datetime | None = None, read_aloud: str = ""
) -> Plan:
    """The plan is charged to this card from now on; what was declined on the old one is tried at once. Safe twice.

    A charge that is under way keeps the card it was sent with. A card that another has replaced does not come back,
    however late or often its own news come. saved_at: when, for news that may be late. read_aloud: the words that were
    agreed to on the phone, which take the place of the old ones. Locks the plan.
    """
    plan = states.locked(plan_id)
    if _is_old(plan, card, saved_at):
        # While this held the plan, the worker that charges the new card may have passed it by.
        nudge.after_commit("donations.tasks.charge_installments")
        return plan
    if read_aloud:
        plan.consent_text, plan.consent_version = read_aloud, consent.PHONE_CARD_VERSION
        plan.consent_at, plan.consent_ip = clock.now(), None
    reason = f"agreed by phone, {consent.PHONE_CARD_VERSION}" if read_aloud else ""
    entry = _put(plan, card, SAVED, actor, reason)
    if plan.is_running:
        letters.card_updated(plan, entry.pk)
    return plan


def _is_old(plan: Plan, card: gateway.Card, saved_at: datetime | None) -> bool:
    """Whether the plan has this card, had it before, or has one that was saved later."""
    if plan.stripe_payment_method_id == card.payment_method_id and plan.card_last4 == card.last4:
        return True
    saved = AuditEntry.objects.filter(target_type="plan", target_id=str(plan.pk), action=SAVED)
    if saved.filter(after__card=card.payment_method_id).exists():
        return True
    return saved_at is not None and saved.filter(at__gt=saved_at).exists()


@transaction.atomic
def updated(card: gateway.Card) -> int:
    """The bank replaced a saved card by itself: number and expiry are new, what was declined is tried at once.

    How many plans are charged to it (domain rule 62: no deed of the supporter, so no letter). Safe twice.
    """
    plans = Plan.objects.ours().filter(stripe_payment_method_id=card.payment_method_id)
    ids = list(plans.order_by("pk").values_list("pk", flat=True))
    for pk in ids:
        plan = states.locked(pk)
        is_same = (plan.card_brand, plan.card_last4, plan.card_expires_on) == (
            card.brand,
            card.last4,
            gateway.card_expiry(card),
        )
        if plan.stripe_payment_method_id == card.payment_method_id and not is_same:
            _put(plan, card, "card updated by the bank", "stripe")
    return len(ids)


def _put(plan: Plan, card: gateway.Card, action: str, actor: str, reason: str = "") -> AuditEntry:
    before = states.shown(plan)
    plan.stripe_payment_method_id = card.payment_method_id
    plan.card_brand, plan.card_last4 = card.brand, card.last4
    plan.card_expires_on = gateway.card_expiry(card)
    _try_again(plan)
    return states.save(plan, before, action, actor=actor, reason=reason)


def _try_again(plan: Plan) -> None:
    """What waits for a card, or for the next try, is charged at once."""
    if not plan.is_running or plan.status == Plan.Status.PAUSED:
        return
    standing = states.open_of(plan)
    if standing is None or standing.status not in (Status.RETRYING, Status.WAITING):
        if plan.status == Plan.Status.WAITING:
            states.move(plan, Plan.Status.ACTIVE)
        # No date is unpaid: trouble of a later one is counted from then.
        plan.trouble_since = None
        return
    standing.status, standing.next_try_at = Status.RETRYING, clock.now()
    standing.save(update_fields=["status", "next_try_at"])
    states.move(plan, Plan.Status.PAST_DUE)
    nudge.after_commit("donations.tasks.charge_installments")
