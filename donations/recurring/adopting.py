"""Subscriptions that another system has made at Stripe: listed, matched, shown and stopped here, and taken over.

Until it is taken over, Stripe charges it and we book what it took. Taking over lets the subscription run out with the
period that is paid for, and charges from that day on by our own schedule: no date twice, none missed. What is wanted is
on record before Stripe is asked, so that whoever dies halfway is followed by the sweep.
"""

import logging
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Any

from django.db import transaction
from django.db.models import CharField, OuterRef, QuerySet, Subquery
from django.db.models.functions import Cast, Coalesce

from donations import donors, gateway
from donations.models import Campaign, Donor, Fund, Plan
from donations.recurring import letters, managed, states
from donations.recurring.plans import Agreed, CannotChange
from donations.rules import schedule
from nonprofit import clock
from nonprofit.models import AuditEntry, normal_email
from nonprofit.money import Money

logger = logging.getLogger(__name__)
VERSION = "adopted"
LIVE, OVER, WANTED = managed.LIVE, managed.OVER, managed.WANTED
# In a subscription's metadata: which of our requests lets it run out. Without it, somebody else ended it.
RUN_OUT = "run_out"


@dataclass(frozen=True, slots=True)
class Found:
    """A subscription at Stripe and who it is of here. trouble: why it cannot come in, in words, or ""."""

    subscription: gateway.Subscription
    plan: Plan | None
    donor: Donor | None
    trouble: str

    @property
    def amount(self) -> Money:
        return Money(self.subscription.amount_minor, self.subscription.currency)

    @property
    def rhythm(self) -> str:
        """ "monthly", or that it has one that we do not have."""
        known = self.subscription.interval
        return Plan.Interval(known).label if known else "in another rhythm"


@dataclass(frozen=True, slots=True)
class Outlook:
    """What taking over a plan would do, as Stripe has it now. trouble: what stops it, in words, or ""."""

    subscription: gateway.Subscription
    trouble: str

    @property
    def amount(self) -> Money:
        return Money(self.subscription.amount_minor, self.subscription.currency)

    @property
    def first_on(self) -> date:
        """When what Stripe was paid for is over, and our first charge comes."""
        return clock.local_date(self.subscription.current_period_end)


def listed() -> Iterator[Found]:
    """Every subscription that Stripe charges, as a dry run tells it. Asks Stripe; writes nothing."""
    for status in LIVE:
        for subscription in gateway.subscriptions(status):
            yield look(subscription)


def page(status: gateway.SubscriptionStatus, *, after: str = "") -> tuple[list[Found], bool]:
    """Some of the subscriptions with this status, newest first, and whether more follow: no page takes long.

    after: the id of the last one on the page before. Asks Stripe; writes nothing.
    """
    subscriptions, has_more = gateway.subscription_page(status, after=after)
    return [look(one) for one in subscriptions], has_more


def look(subscription: gateway.Subscription) -> Found:
    """Whose it is, and whether it can come in."""
    plan = Plan.objects.select_related("donor").filter(stripe_subscription_id=subscription.id).first()
    donor = plan.donor if plan else _donor(subscription)
    return Found(subscription, plan, donor, "" if plan else _trouble(subscription))


def _donor(subscription: gateway.Subscription) -> Donor | None:
    known = Plan.objects.filter(stripe_customer_id=subscription.customer_id, donor__isnull=False).first()
    if known is not None and known.donor is not None:
        return donors.became(known.donor)
    return donors.by_email(subscription.customer_email) if subscription.customer_email else None


def _trouble(subscription: gateway.Subscription) -> str:
    if not subscription.interval:
        return "It recurs in a rhythm that we do not have."
    if subscription.amount_minor <= 0:
        return "It has no amount."
    if subscription.has_discount:
        return "It has a discount: look at what it really charges."
    if subscription.is_paused:
        return "It is paused at Stripe: let it go on there, or stop it."
    if subscription.card is None:
        return "It is not charged to a card."
    if subscription.cancel_at_period_end:
        return "It ends by itself with its period."
    if not (subscription.customer_name or subscription.customer_email):
        return "Stripe knows neither name nor e-mail."
    return ""


@transaction.atomic(durable=True)
def bring_in(subscription: gateway.Subscription, *, actor: str) -> Plan:
    """It stands here as "managed at Stripe", with its supporter, who is made where nobody is known. Safe twice.

    Raises CannotChange for what cannot come in.
    """
    found = look(subscription)
    if found.plan is not None:
        return found.plan
    if found.trouble or subscription.card is None:
        raise CannotChange(found.trouble)
    campaign = Campaign.objects.get(is_default=True)
    fields = _fields(subscription, subscription.card, campaign.fund)
    donor = found.donor or _new_donor(subscription)
    plan, is_new = Plan.objects.get_or_create(
        stripe_subscription_id=subscription.id, defaults={**fields, "donor": donor, "campaign": campaign}
    )
    if is_new:
        states.save(plan, dict.fromkeys(states.shown(plan)), "bring in from Stripe", actor=actor)
    return plan


def _fields(subscription: gateway.Subscription, card: gateway.Card, fund: Fund) -> dict[str, object]:
    next_on = clock.local_date(subscription.current_period_end)
    return {
        "provider": Plan.Provider.STRIPE,
        "status": Plan.Status.ACTIVE,
        "interval": subscription.interval,
        "amount_minor": subscription.amount_minor,
        "currency": subscription.currency,
        "fund": fund,
        "anchor_day": _anchor_day(subscription),
        "started_on": clock.local_date(subscription.started_at),
        "next_due_on": next_on,
        "stripe_customer_id": subscription.customer_id,
        "stripe_payment_method_id": card.payment_method_id,
        "card_brand": card.brand,
        "card_last4": card.last4,
        "card_expires_on": gateway.card_expiry(card),
        "consent_text": "Agreed to on the platform that made this subscription, before it was brought over.",
        "consent_version": VERSION,
        "consent_at": subscription.started_at,
    }


def _anchor_day(subscription: gateway.Subscription) -> int:
    """The day of the month that it is charged on; in a short month, that of a long one (domain rule 59).

    Stripe counts from the anchor and clamps by UTC: "Setting the subscription billing cycle date",
    https://docs.stripe.com/billing/subscriptions/billing-cycle (read 2026-11-27).
    """
    until, anchor_at = subscription.current_period_end, subscription.anchor_at
    next_on = clock.local_date(until)
    if anchor_at is None:
        return next_on.day
    day = clock.local_date(anchor_at).day
    is_clamped = anchor_at.day > until.day and (until + timedelta(days=1)).day == 1
    # By our days, too: late in the evening here Stripe has the 1st, where we have the last day of any month.
    if is_clamped or schedule.in_month(next_on.year, next_on.month, day) == next_on:
        return max(day, next_on.day)
    return next_on.day


def _new_donor(subscription: gateway.Subscription) -> Donor:
    name = subscription.customer_name or subscription.customer_email
    if not subscription.customer_email:
        return Donor.objects.create(name=name)
    donor, _ = Donor.objects.get_or_create(email=normal_email(subscription.customer_email), defaults={"name": name})
    return donors.became(donor)


# --- taken over, stopped ----------------------------------------------------------------------------------------------


def take_over(plan_id: int, *, by: Agreed) -> Plan:
    """The subscription runs out with its paid period, and from that day on the plan is charged by us.

    Call outside any transaction. Safe twice, twice at once and when killed halfway: `finish` carries on.
    Raises CannotChange, also for one that was cancelled, paused or discounted at Stripe since it came in: who is not
    charged there is not charged by us. Raises GatewayError when Stripe does not answer: ask again; what was on record
    by then, the sweep does.
    """
    _check_goes_on(Plan.objects.get(pk=plan_id))
    with transaction.atomic(durable=True):
        plan = states.locked(plan_id)
        if plan.is_ours:
            return plan
        if not plan.is_running:
            raise CannotChange("This gift has ended.")
        if not plan.at_stripe:
            before = states.shown(plan)
            plan.at_stripe = Plan.AtStripe.RUN_OUT
            states.save(plan, before, WANTED, actor=by.actor, reason=by.reason)
    plan = finish(plan_id)
    if plan.is_ours:
        return plan
    if plan.at_stripe == Plan.AtStripe.RUN_OUT:
        raise gateway.GatewayUnavailable(managed.GOES_ON)
    raise CannotChange("It was changed at Stripe just now: its history says how.")


def outlook(plan: Plan) -> Outlook:
    """What taking over the plan would do: the dry run of one. Asks Stripe; writes nothing."""
    subscription = gateway.retrieve_subscription(plan.stripe_subscription_id or "")
    return Outlook(subscription, _stops(subscription))


def _stops(subscription: gateway.Subscription) -> str:
    """Why it cannot be taken over, in words, or ""."""
    if subscription.status in OVER:
        return "It has ended at Stripe."
    if subscription.status not in LIVE:
        return f"It is not charged at Stripe now: it is {subscription.status} there."
    return _trouble(subscription)


def _check_goes_on(plan: Plan) -> None:
    """Raises CannotChange before anything is on record."""
    if plan.is_ours or not plan.is_running or plan.at_stripe:
        return
    if trouble := outlook(plan).trouble:
        raise CannotChange(trouble)


def stop(plan_id: int, *, by: Agreed, words: str = "") -> Plan:
    """The plan is over here at once (domain rule 63), and its subscription as soon as Stripe answers. Safe twice.

    Call outside any transaction. A silent Stripe is asked again by the sweep: until it has answered, `at_stripe` of
    what is returned is set, and the letter that nothing more is charged has not gone.
    """
    with transaction.atomic(durable=True):
        plan = states.locked(plan_id)
        if plan.is_ours:
            raise CannotChange("This gift is not managed at Stripe.")
        if plan.is_running:
            plan.at_stripe = Plan.AtStripe.CANCEL
            plan.save(update_fields=["at_stripe"])
            is_own = by.actor == "supporter"
            states.end(plan, Plan.End.ASKED if is_own else Plan.End.STAFF, actor=by.actor, words=words)
    try:
        return finish(plan_id)
    except gateway.GatewayError as error:
        logger.warning("subscription not ended yet", extra={"plan": plan_id, "error": type(error).__name__})
        return Plan.objects.get(pk=plan_id)


def finish(plan_id: int) -> Plan:
    """Ask Stripe for what is wanted of the plan's subscription, and note that it is done. Safe twice and at once."""
    plan = Plan.objects.get(pk=plan_id)
    subscription_id = plan.stripe_subscription_id or ""
    if plan.at_stripe == Plan.AtStripe.CANCEL:
        gateway.cancel_subscription(subscription_id, key=f"plan-{plan.pk}-cancel")
        _cancelled(plan.pk)
    elif plan.at_stripe == Plan.AtStripe.RUN_OUT:
        _run_out(plan, subscription_id)
    plan.refresh_from_db()
    return plan


@transaction.atomic(durable=True)
def _cancelled(plan_id: int) -> None:
    plan = states.locked(plan_id)
    if plan.at_stripe != Plan.AtStripe.CANCEL:
        return
    before = states.shown(plan)
    plan.at_stripe = ""
    states.save(plan, before, "ended at Stripe", actor=states.TASK)
    letters.ended(plan)


def _run_out(plan: Plan, subscription_id: str) -> None:
    """First Stripe is kept from charging again; the end of what it has charged for is then our first date.

    Hours may have gone by since it was wanted: who cancelled or paused at Stripe meanwhile is not charged by us.
    """
    asked = _request(plan)
    subscription = gateway.retrieve_subscription(subscription_id)
    if managed.is_charged(subscription) and (_is_taken(plan) or not _stops(subscription)):
        gateway.cancel_subscription_at_period_end(subscription_id, key=asked, metadata={RUN_OUT: asked})
        # What Stripe answers to a key that it knows is what it answered then; what counts is how it stands now.
        subscription = gateway.retrieve_subscription(subscription_id)
    with transaction.atomic(durable=True):
        locked = states.locked(plan.pk)
        if locked.at_stripe == Plan.AtStripe.RUN_OUT:
            _settle(locked, subscription, asked)


def _request(plan: Plan) -> str:
    """Names this take-over at Stripe, however often it is asked for; the next one has another name."""
    wanted = AuditEntry.objects.filter(target_type="plan", target_id=str(plan.pk), action=WANTED).order_by("-pk")
    return f"plan-{plan.pk}-run-out-{wanted.values_list('pk', flat=True).first() or 0}"


def _is_taken(plan: Plan) -> bool:
    """Whether nothing is wanted but that Stripe charges no more: it was let go on there after we had taken it over."""
    return plan.is_ours or not plan.is_running


def _settle(plan: Plan, subscription: gateway.Subscription, asked: str) -> None:
    """The locked plan is ours; or ended, or left at Stripe with the reason in its log, for what happened there."""
    trouble = "" if _is_taken(plan) else _stops(_without_our_mark(subscription, asked))
    before = states.shown(plan)
    if not trouble and managed.is_charged(subscription):
        # Somebody let it go on after we had asked: the sweep asks again, and by this entry with another key.
        states.save(plan, before, WANTED, actor=states.TASK, reason=managed.GOES_ON)
        return
    plan.at_stripe = ""
    if _is_taken(plan):
        states.save(plan, before, "runs out at Stripe", actor=states.TASK)
        if not plan.is_running:
            letters.ended(plan, states.in_flight(plan))
        return
    if not trouble:
        _be_ours(plan, subscription)
        states.save(plan, before, "taken over from Stripe", actor=states.TASK)
        return
    logger.error("subscription not taken over", extra={"plan": plan.pk, "why": trouble})
    states.save(plan, before, "not taken over from Stripe", actor=states.TASK, reason=trouble)
    if subscription.status in OVER:
        states.end(plan, Plan.End.ELSEWHERE, actor="stripe")


def _without_our_mark(subscription: gateway.Subscription, asked: str) -> gateway.Subscription:
    """As it would stand had we not asked for it to run out: what is not as it was before is somebody else's doing."""
    if subscription.metadata.get(RUN_OUT) != asked:
        return subscription
    ended_at, until = subscription.ended_at, subscription.current_period_end
    has_run_out = subscription.status == "canceled" and ended_at is not None and ended_at >= until
    status = LIVE[0] if has_run_out else subscription.status
    return replace(subscription, status=status, cancel_at_period_end=False)


def _be_ours(plan: Plan, subscription: gateway.Subscription) -> None:
    """Amount, rhythm and card go on as Stripe has them now, from the end of what it has charged for."""
    next_on = clock.local_date(subscription.current_period_end)
    plan.provider = Plan.Provider.OURS
    plan.next_due_on, plan.anchor_day = next_on, _anchor_day(subscription)
    plan.amount_minor, plan.interval = subscription.amount_minor, subscription.interval
    if subscription.card is not None:
        managed.put_card(plan, subscription.card)


def sweep() -> int:
    """What is still wanted of subscriptions is asked of Stripe; how many were done. Safe twice and at once.

    So that nobody who has died is charged there, theirs end first; what is ours ends with its next date (dates).
    """
    theirs = Plan.objects.running().filter(provider=Plan.Provider.STRIPE, donor__is_deceased=True)
    for pk in theirs.order_by("pk").values_list("pk", flat=True):
        _end_of_the_dead(pk)
    done = 0
    for pk in _wanted().order_by("pk").values_list("pk", flat=True):
        try:
            finish(pk)
            done += 1
        except gateway.GatewayError as error:
            logger.warning("subscription not settled", extra={"plan": pk, "error": type(error).__name__})
    return done


@transaction.atomic(durable=True)
def _end_of_the_dead(plan_id: int) -> None:
    plan = states.locked(plan_id)
    if plan.is_ours or not plan.is_running:
        return
    plan.at_stripe = Plan.AtStripe.CANCEL
    states.end(plan, Plan.End.DECEASED, actor=states.TASK)


def _wanted() -> QuerySet[Plan]:
    # The first condition is for PostgreSQL: it has an index of the few that have a subscription.
    return Plan.objects.filter(stripe_subscription_id__isnull=False).exclude(at_stripe="")


def unsettled() -> QuerySet[Any]:
    """Plans for whose subscription Stripe has been asked in vain for an hour and more. wanted_at: since when."""
    entries = AuditEntry.objects.filter(target_type="plan", target_id=Cast(OuterRef("pk"), CharField()))
    # Whatever is wanted at Stripe was written into the log when it was wanted.
    since = entries.filter(action__in=[WANTED, "end plan"]).order_by("-pk").values("at")[:1]
    found = _wanted().annotate(wanted_at=Coalesce(Subquery(since), "status_at"))
    return found.filter(wanted_at__lt=clock.now() - timedelta(hours=1))
