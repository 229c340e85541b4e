"""Another card for a gift that runs, told on the phone: the words, the card, or a letter that lets them do it."""

import logging
from dataclasses import dataclass
from enum import StrEnum

from django.conf import settings
from django.db import transaction

from donations import gateway
from donations.models import Installment, Plan
from donations.recurring import cards, dates, letters, states
from donations.recurring.plans import CannotChange
from donations.rules import consent
from nonprofit import audit, organization
from nonprofit.models import OutgoingEmail
from nonprofit.money import Money

logger = logging.getLogger(__name__)


class Outcome(StrEnum):
    SAVED = "saved"
    DECLINED = "declined"
    # The bank wants its customer to confirm, who is at the other end of a telephone: the portal lets them.
    NEEDS_CALLER = "needs_caller"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Taken:
    """What became of a card. code: the bank's reason for a decline."""

    outcome: Outcome
    code: str = ""


def is_possible(plan: Plan) -> bool:
    """Whether the plan runs on a card of ours that another can take the place of."""
    return plan.is_ours and plan.is_running and bool(plan.stripe_customer_id)


def words(plan: Plan) -> str:
    """What is to be read aloud now, before the caller says yes and tells their card."""
    on = states.counts_from(plan)
    assert on is not None
    assert plan.anchor_day is not None
    minor, _ = dates.Prices().of(plan)
    owed = owed_at_once(plan)
    return consent.by_phone_card(
        organization=organization.get().name,
        amount=str(Money(minor, plan.currency)),
        frequency=plan.get_interval_display(),
        on=on,
        day=plan.anchor_day,
        owed=str(owed) if owed else "",
    )


def owed_at_once(plan: Plan) -> Money | None:
    """What the old card declined and another one is charged as soon as it is saved."""
    standing = states.open_of(plan)
    waits = (Installment.Status.RETRYING, Installment.Status.WAITING)
    return standing.amount if standing is not None and standing.status in waits else None


def take(plan_id: int, token: str, *, said: str, actor: str) -> Taken:
    """The caller's card, which Stripe's field turned into `token`, is the plan's once Stripe says that it is saved.

    Nothing is charged by this; what the old card declined is charged by the usual way. Who took it and the words that
    were agreed to go with the card to Stripe: killed halfway, or without an answer, its event brings them back.
    Call outside any transaction. Safe twice and twice at once: a token is one card. actor: "staff:17".
    Raises CannotChange, and GatewayRefused for what is no fault of the card.
    """
    plan = Plan.objects.get(pk=plan_id)
    if not is_possible(plan):
        raise CannotChange("This gift does not run on a card of ours.")
    if said != words(plan):
        raise CannotChange("The words have changed since this page was opened. Please reload it and read them anew.")
    metadata = {"app": gateway.APP, "plan": str(plan.pk), "environment": settings.BASE_URL}
    try:
        setup = gateway.save_card(
            customer_id=plan.stripe_customer_id,
            token=token,
            key=f"plan-{plan.pk}-phone-{token}",
            metadata={**metadata, "actor": actor, "read_aloud": said},
            is_moto=settings.STRIPE_MOTO,
        )
    except gateway.CardDeclined as declined:
        return Taken(Outcome.DECLINED, declined.code)
    except gateway.GatewayUnavailable as error:
        logger.warning("card by phone not answered", extra={"plan": plan.pk, "error": str(error)})
        return Taken(Outcome.UNKNOWN)
    if setup.status == "requires_action":
        return Taken(Outcome.NEEDS_CALLER)
    if setup.card is None or not setup.is_saved:
        return Taken(Outcome.UNKNOWN)
    cards.use(plan.pk, setup.card, actor=actor, read_aloud=said)
    return Taken(Outcome.SAVED)


@transaction.atomic(durable=True)
def send_link(plan_id: int, *, attempt: str, actor: str) -> bool:
    """The supporter has a letter that leads to their own page for another card. False when this one went before.

    attempt: made with the page, so that the same page sent twice is one letter. Locks the plan.
    Raises CannotChange for who has no e-mail.
    """
    plan = states.locked(plan_id)
    if not is_possible(plan):
        raise CannotChange("This gift does not run on a card of ours.")
    if plan.donor is None or not plan.donor.email:
        raise CannotChange("We have no e-mail address of theirs.")
    if OutgoingEmail.objects.filter(key=letters.card_link_key(plan, attempt)).exists():
        return False
    letters.card_link(plan, attempt)
    audit.record(actor, "send link for another card", plan)
    return True
