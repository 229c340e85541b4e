"""What a supporter, or staff on the phone for them, changes about a monthly, quarterly or yearly gift.

Each verb locks the plan, says no with a reason for the person who asked, and leaves the change in the audit log with
its actor ("supporter" or "staff:17") and in one letter. None of them calls Stripe, so each takes effect at once
(domain rule 63); what is open there is closed afterwards.
"""

from dataclasses import dataclass
from datetime import date, timedelta

from django.db import transaction

from donations.models import Campaign, Fund, Installment, Plan
from donations.recurring import dates, letters, states
from donations.rules import consent, schedule
from nonprofit import clock, nudge, organization
from nonprofit.models import AuditEntry
from nonprofit.money import Money

SUPPORTER = "supporter"
# A pause is a pause and not a way to forget: after a year it goes on, with a reminder a week before.
LONGEST_PAUSE = timedelta(days=366)
Status, Reason = Installment.Status, Installment.Reason


class CannotChange(Exception):
    """It does not fit how the plan stands; the text is for the person who asked."""


@dataclass(frozen=True, slots=True)
class Agreed:
    """How a change was agreed to. actor: "supporter" or "staff:17"; ip: where the supporter was, if online."""

    actor: str = SUPPORTER
    ip: str | None = None
    reason: str = ""


# --- amounts and dates ------------------------------------------------------------------------------------------------


@transaction.atomic(durable=True)
def change_amount(plan_id: int, amount: Money, *, covers_fee: bool, by: Agreed) -> Plan:
    """The next charge is of this amount; one that was declined and is tried again keeps its own (domain rule 56).

    Safe twice. Raises CannotChange outside the campaign's limits.
    """
    plan, before = _changing(plan_id)
    campaign = dates.Prices().campaign(plan)
    _check_amount(amount, plan, campaign)
    if (plan.amount_minor, plan.is_fee_covered) == (amount.minor, covers_fee):
        return plan
    plan.amount_minor, plan.is_fee_covered = amount.minor, covers_fee
    _agree(plan, by)
    entry = _save(plan, before, "change amount", by)
    since = letters.day(states.counts_from(plan))
    letters.changed(plan, f"your gift is now {letters.often(plan)}, from {since}", entry.pk)
    return plan


def _check_amount(amount: Money, plan: Plan, campaign: Campaign) -> None:
    if amount.currency != plan.currency:
        raise CannotChange(f"This gift is in {plan.currency.upper()}.")
    if amount < campaign.minimum:
        raise CannotChange(f"The smallest gift we can take by card is {campaign.minimum.short}.")
    if campaign.maximum < amount:
        raise CannotChange(f"By card we can take up to {campaign.maximum.short}. For more, please call us.")


@transaction.atomic(durable=True)
def change_day(plan_id: int, day: int, *, by: Agreed) -> Plan:
    """Charges come on that day of the month from now on, and none is doubled or lost by the change. Safe twice."""
    plan, before = _changing(plan_id)
    if not 1 <= day <= 31:
        raise CannotChange("Choose a day from 1 to 31.")
    if plan.anchor_day == day:
        return plan
    assert plan.next_due_on is not None
    plan.anchor_day = day
    plan.next_due_on = schedule.moved(plan.next_due_on, day, clock.today())
    _agree(plan, by)
    entry = _save(plan, before, "change day", by)
    comes = consent.again_on(plan.get_interval_display(), plan.next_due_on, day)
    letters.changed(plan, f"your gift now comes {comes}", entry.pk)
    return plan


@transaction.atomic(durable=True)
def change_interval(plan_id: int, interval: str, *, by: Agreed) -> Plan:
    """After the next date, charges come in the new rhythm; the next date itself stays. Safe twice."""
    plan, before = _changing(plan_id)
    if interval not in Plan.Interval.values:
        raise CannotChange("Choose monthly, quarterly or yearly.")
    if plan.interval == interval:
        return plan
    plan.interval = interval
    _agree(plan, by)
    entry = _save(plan, before, "change interval", by)
    letters.changed(plan, f"your gift is now {letters.often(plan)}", entry.pk)
    return plan


@transaction.atomic(durable=True)
def change_fund(plan_id: int, fund: Fund, *, by: Agreed) -> Plan:
    """Later gifts go to that fund. Safe twice. Raises CannotChange for a fund that is not offered."""
    plan, before = _changing(plan_id)
    if not fund.is_offered:
        raise CannotChange("Choose where your gift goes.")
    if plan.fund_id == fund.pk:
        return plan
    plan.fund = fund
    entry = _save(plan, before, "change fund", by)
    letters.changed(plan, f"your gift now goes to {fund.name}", entry.pk)
    return plan


@transaction.atomic(durable=True)
def change_limits(
    plan_id: int, *, ends_on: date | None, ends_after_count: int | None, ends_after_minor: int | None, by: Agreed
) -> Plan:
    """The plan ends by itself after that day, so many gifts, or so much; each may be None. Safe twice.

    Raises CannotChange for a limit that was reached already: the next charge would be one too many.
    """
    plan, before = _changing(plan_id)
    if ends_on is not None and ends_on < clock.today():
        raise CannotChange("Choose a day that has not passed.")
    plan.ends_on, plan.ends_after_count, plan.ends_after_minor = ends_on, ends_after_count, ends_after_minor
    if states.has_given_all(plan):
        raise CannotChange("That has been given already. To end the gift now, stop it.")
    _save(plan, before, "change limits", by)
    return plan


# --- skip, pause, go on -----------------------------------------------------------------------------------------------


@transaction.atomic(durable=True)
def skip_next(plan_id: int, due_on: date, *, by: Agreed) -> Plan:
    """The next date is left out and nothing is charged on it. due_on: that date, as the page showed it.

    Safe twice: asked again for a date that is left out already, nothing more happens.
    """
    plan, before = _changing(plan_id)
    if plan.installments.filter(due_on=due_on, status=Status.SKIPPED, reason=Reason.ASKED).exists():
        return plan
    if plan.status == Plan.Status.PAUSED:
        raise CannotChange("This gift is paused; nothing is charged before the pause ends.")
    if plan.next_due_on != due_on:
        raise CannotChange("The next date has changed since this page was opened. Please look again.")
    minor, covered_minor = dates.Prices().of(plan)
    Installment.objects.create(
        plan=plan,
        due_on=due_on,
        status=Status.SKIPPED,
        reason=Reason.ASKED,
        amount_minor=minor,
        covered_fee_minor=covered_minor,
        currency=plan.currency,
        done_at=clock.now(),
    )
    assert plan.anchor_day is not None
    plan.next_due_on = schedule.following(due_on, plan.anchor_day, plan.interval)
    entry = _save(plan, before, "skip one", by)
    skipped, following = letters.day(due_on), letters.day(plan.next_due_on)
    letters.changed(plan, f"nothing is charged on {skipped}; your gift goes on on {following}", entry.pk)
    return plan


@transaction.atomic(durable=True)
def unskip(plan_id: int, due_on: date, *, by: Agreed) -> Plan:
    """A date that was to be left out and has not come yet is charged after all. Safe twice."""
    plan, before = _changing(plan_id)
    skipped = plan.installments.filter(due_on=due_on, status=Status.SKIPPED, reason=Reason.ASKED).first()
    if skipped is None:
        return plan
    if due_on <= clock.today():
        raise CannotChange("That day has come; your gift goes on with the next one.")
    assert plan.anchor_day is not None
    if plan.next_due_on != schedule.following(due_on, plan.anchor_day, plan.interval):
        raise CannotChange("Your gift has changed since. Please look at its next date.")
    skipped.delete()
    plan.next_due_on = due_on
    _save(plan, before, "take back skip", by)
    return plan


@transaction.atomic(durable=True)
def pause(plan_id: int, until: date, *, by: Agreed) -> Installment | None:
    """Nothing is charged before `until`; then it goes on, on its day of the month. Also changes how long it pauses.

    The charge that may be under way at this moment is answered, so that the page can say so. Safe twice.
    """
    plan, before = _changing(plan_id)
    today = clock.today()
    if not today < until <= today + LONGEST_PAUSE:
        raise CannotChange("Choose a day within the next twelve months.")
    if plan.status == Plan.Status.PAUSED and plan.paused_until == until:
        return None
    in_flight = states.leave_out(plan, Reason.PAUSED)
    states.move(plan, Plan.Status.PAUSED)
    plan.paused_until, plan.trouble_since = until, None
    entry = _save(plan, before, "pause", by)
    letters.paused(plan, entry.pk, in_flight)
    return in_flight


@transaction.atomic(durable=True)
def resume(plan_id: int, *, by: Agreed) -> Plan:
    """The pause is over, the day of the month stays, and nothing is caught up with (domain rule 57). Safe twice."""
    plan, before = _changing(plan_id)
    if plan.status != Plan.Status.PAUSED:
        return plan
    assert plan.next_due_on is not None
    assert plan.anchor_day is not None
    states.move(plan, Plan.Status.ACTIVE)
    plan.paused_until = None
    # A date of the pause that has no row yet, because the daily work has not been by, is not caught up with either.
    plan.next_due_on = schedule.first_from(plan.next_due_on, plan.anchor_day, plan.interval, clock.today())
    entry = _save(plan, before, "resume", by)
    letters.resumed(plan, entry.pk)
    return plan


# --- stop and begin again ---------------------------------------------------------------------------------------------


@transaction.atomic(durable=True)
def stop(plan_id: int, *, by: Agreed, words: str = "") -> Installment | None:
    """The plan is over at once; the charge that may be under way at this moment is answered. Safe twice.

    words: the supporter's own, if they gave any. A plan managed at Stripe is stopped by `adopting.stop`.
    """
    plan = states.locked(plan_id)
    if plan.status == Plan.Status.STARTING:
        raise CannotChange("This gift has not begun yet.")
    if not plan.is_ours and plan.is_running:
        raise CannotChange("This gift is managed at Stripe.")
    ended_by = Plan.End.ASKED if by.actor == SUPPORTER else Plan.End.STAFF
    return states.end(plan, ended_by, actor=by.actor, words=words)


@transaction.atomic(durable=True)
def restart(plan_id: int, first_on: date, *, by: Agreed) -> Plan:
    """An ended plan has a successor on the same card, with a consent of its own (domain rule 57). Safe twice.

    first_on: its first charge, today or later. Raises CannotChange where the card cannot be charged any more, and
    while the old plan may still be charged: by Stripe that has not confirmed its end, or for a date on its way.
    """
    old = states.locked(plan_id)
    if successor := Plan.objects.filter(follows=old).first():
        return successor
    if old.status != Plan.Status.ENDED:
        raise CannotChange("This gift has not ended.")
    if old.at_stripe:
        raise CannotChange("Our payment service is still ending this gift. Please begin again in an hour or two.")
    if old.installments.filter(status__in=Installment.IN_FLIGHT).exists():
        raise CannotChange("The last charge of this gift is still at your bank. Please begin again once it is done.")
    today = clock.today()
    if not today <= first_on <= today + LONGEST_PAUSE:
        raise CannotChange("Choose a day within the next twelve months.")
    if not has_card(old, first_on):
        raise CannotChange("The card of this gift is gone or has expired. Please save another one first.")
    new = Plan(
        follows=old,
        donor=old.donor,
        status=Plan.Status.ACTIVE,
        interval=old.interval,
        amount_minor=old.amount_minor,
        currency=old.currency,
        is_fee_covered=old.is_fee_covered,
        fund=old.fund,
        campaign=old.campaign,
        tribute=old.tribute,
        tribute_name=old.tribute_name,
        anchor_day=first_on.day,
        started_on=today,
        next_due_on=first_on,
        stripe_customer_id=old.stripe_customer_id,
        stripe_payment_method_id=old.stripe_payment_method_id,
        card_brand=old.card_brand,
        card_last4=old.card_last4,
        card_expires_on=old.card_expires_on,
    )
    _agree(new, by)
    new.save()
    states.save(new, dict.fromkeys(states.shown(new)), "restart plan", actor=by.actor, reason=by.reason)
    letters.restarted(new)
    nudge.after_commit("donations.tasks.come_due")
    return new


def has_card(plan: Plan, on: date) -> bool:
    """Whether there is a card that is still good on that day, as far as anybody knows."""
    is_good = plan.card_expires_on is None or plan.card_expires_on >= on
    return bool(plan.stripe_payment_method_id and plan.stripe_customer_id) and is_good


# --- parts ------------------------------------------------------------------------------------------------------------


def _changing(plan_id: int) -> tuple[Plan, dict[str, object]]:
    plan = states.locked(plan_id)
    if not plan.is_running:
        raise CannotChange("This gift has ended. You can begin it again.")
    if not plan.is_ours:
        raise CannotChange(
            "This gift is managed at Stripe: it can be stopped here, and changed once we have taken it over."
        )
    return plan, states.shown(plan)


def words(plan: Plan) -> str:
    """The sentence that the supporter agrees to by the plan as it is now."""
    minor, _ = dates.Prices().of(plan)
    assert plan.next_due_on is not None
    assert plan.anchor_day is not None
    return consent.standing(
        organization=organization.get().name,
        amount=str(Money(minor, plan.currency)),
        frequency=plan.get_interval_display(),
        on=plan.next_due_on,
        day=plan.anchor_day,
    )


def _agree(plan: Plan, by: Agreed) -> None:
    """The words of the changed agreement take the place of the old ones, which the audit log names by version."""
    plan.consent_text, plan.consent_version = words(plan), consent.STANDING_VERSION
    plan.consent_at, plan.consent_ip = clock.now(), by.ip


def _save(plan: Plan, before: dict[str, object], action: str, by: Agreed) -> AuditEntry:
    return states.save(plan, before, action, actor=by.actor, reason=by.reason)
