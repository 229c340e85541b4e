"""Which installments a worker takes: each once, within the day's caps, and none while charging is switched off."""

import logging
from datetime import timedelta

from django.db import connection, transaction
from django.db.models import F

from donations.models import ChargeDay, Donor, Gift, Installment, Plan, Renewals
from donations.recurring import dates, letters, states
from donations.rules import due
from nonprofit import audit, clock

logger = logging.getLogger(__name__)

# A worker that claimed an installment and died gives it back after this long; longer than two of Stripe's time-outs.
CLAIM = timedelta(minutes=5)
# Before so many outcomes of a day its share of declines says nothing.
ENOUGH = 50
Status = Installment.Status
MAY_CHARGE = (Plan.Status.ACTIVE, Plan.Status.PAST_DUE, Plan.Status.WAITING)


def claim(limit: int) -> list[int]:
    """Up to `limit` installments are this worker's: their ids. What a worker left behind comes first.

    The claim, with the gift and the amount, is committed before anybody asks Stripe. Workers share the work (SKIP
    LOCKED). Call outside any transaction.
    """
    left_behind = _left_behind(limit)
    if len(left_behind) == limit or not Renewals.get().is_on:
        return left_behind
    return left_behind + _due(limit - len(left_behind))


@transaction.atomic(durable=True)
def _left_behind(limit: int) -> list[int]:
    """Charges whose worker died, and those whose outcome must be asked for again."""
    now = clock.now()
    waiting = Installment.objects.filter(status__in=[Status.CHARGING, Status.UNKNOWN], next_try_at__lte=now)
    ids = list(waiting.order_by("next_try_at").select_for_update(skip_locked=True).values_list("pk", flat=True)[:limit])
    Installment.objects.filter(pk__in=ids).update(next_try_at=now + CLAIM)
    return ids


@transaction.atomic(durable=True)
def _due(limit: int) -> list[int]:
    now = clock.now()
    ChargeDay.objects.get_or_create(on=clock.local_date(now))
    # One after the other: two workers must not both see room under the cap.
    day = ChargeDay.objects.select_for_update().get(on=clock.local_date(now))
    if day.stopped_at is not None:
        return []
    if why := _storm(day):
        stop(day, why)
        return []
    waiting = Installment.objects.filter(status__in=[Status.SCHEDULED, Status.RETRYING], next_try_at__lte=now)
    # Some more than wanted: a plan that somebody is just changing is passed by.
    ids = list(waiting.order_by("next_try_at", "pk").values_list("plan_id", flat=True)[: limit + 25])
    locking = Plan.objects.ours().filter(pk__in=ids).select_related("donor", "fund", "campaign").order_by("pk")
    locked = locking.select_for_update(of=("self",), skip_locked=True, no_key=True)[:limit]
    plans = {plan.pk: plan for plan in locked}
    return _take(day, plans)


def _take(day: ChargeDay, plans: dict[int, Plan]) -> list[int]:
    settings, prices, now = Renewals.get(), dates.Prices(), clock.now()
    taken: list[Installment] = []
    new: list[Gift] = []
    open_ones = Installment.objects.filter(plan__in=plans, status__in=[Status.SCHEDULED, Status.RETRYING])
    for one in open_ones.filter(next_try_at__lte=now).select_related("gift").order_by("next_try_at", "pk"):
        plan = plans[one.plan_id]
        if reason := _left_out(plan, one):
            states.close(one, Status.SKIPPED, reason)
            continue
        if one.gift is None:
            one.amount_minor, one.covered_fee_minor = prices.of(plan)
        is_over = day.claimed + 1 > settings.most_count or day.claimed_minor + one.amount_minor > settings.most_minor
        if is_over and day.let_go_on_by_id is None:
            stop(day, f"the cap of a day was reached: {day.claimed} charges")
            break
        day.claimed, day.claimed_minor = day.claimed + 1, day.claimed_minor + one.amount_minor
        if one.gift is None:
            one.gift = gift_of(plan, amount_minor=one.amount_minor, covered_fee_minor=one.covered_fee_minor)
            new.append(one.gift)
        one.status, one.tries = Status.CHARGING, one.tries + 1
        one.claimed_at, one.sent_at, one.next_try_at = now, None, now + CLAIM
        one.stripe_payment_method_id = plan.stripe_payment_method_id
        taken.append(one)
    Gift.objects.bulk_create(new)
    for one in taken:
        one.gift = one.gift  # the id that the gift has now
    _write(taken)
    day.save(update_fields=["claimed", "claimed_minor"])
    return [one.pk for one in taken]


def _write(taken: list[Installment]) -> None:
    """What was claimed, in one statement: Django's own for many rows takes ten times as long."""
    names = ("id", "gift_id", "status", "tries", "amount_minor", "covered_fee_minor", "claimed_at", "next_try_at")
    columns = [[getattr(one, name) for one in taken] for name in (*names, "stripe_payment_method_id")]
    with connection.cursor() as cursor:
        cursor.execute(
            """UPDATE donations_installment AS one SET gift_id = new.gift_id, status = new.status, tries = new.tries,
                amount_minor = new.amount_minor, covered_fee_minor = new.covered_fee_minor,
                claimed_at = new.claimed_at, sent_at = NULL, next_try_at = new.next_try_at,
                stripe_payment_method_id = new.card
            FROM unnest(%s::bigint[], %s::bigint[], %s::text[], %s::smallint[], %s::bigint[], %s::bigint[],
                %s::timestamptz[], %s::timestamptz[], %s::text[])
                AS new (id, gift_id, status, tries, amount_minor, covered_fee_minor, claimed_at, next_try_at, card)
            WHERE one.id = new.id""",
            columns,
        )


def _left_out(plan: Plan, one: Installment) -> Installment.Reason | None:
    """Why it is not charged after all: looked at when the charge is made, not when it was scheduled (domain rule 83).

    While charging was switched off, a date can have become as old as after an outage.
    """
    assert plan.donor is not None
    if plan.donor.is_deceased:
        states.end(plan, Plan.End.DECEASED, actor=states.TASK)
    if plan.status not in MAY_CHARGE:
        return Installment.Reason.STOPPED
    if one.status == Status.SCHEDULED and due.is_late(plan.interval, one.due_on, clock.today()):
        return Installment.Reason.OUTAGE
    return None


def gift_of(plan: Plan, *, amount_minor: int, covered_fee_minor: int) -> Gift:
    """A pending gift, not stored yet, of the plan's supporter as they are known today."""
    donor = plan.donor
    assert isinstance(donor, Donor)
    now = clock.now()
    same = ("address_line1", "address_line2", "city", "region", "postal_code", "country")
    return Gift(
        donor=donor,
        plan=plan,
        # A rhythm is called alike on both.
        frequency=Gift.Frequency(plan.get_interval_display()),
        amount_minor=amount_minor,
        covered_fee_minor=covered_fee_minor,
        currency=plan.currency,
        fund=plan.fund,
        campaign=plan.campaign,
        donor_name=donor.name,
        donor_email=donor.email or "",
        donor_phone=donor.phone,
        **{name: getattr(donor, name) for name in same},
        tribute=plan.tribute,
        tribute_name=plan.tribute_name,
        is_name_hidden=donor.is_anonymous,
        started_at=now,
        changed_at=now,
    )


# --- the day ----------------------------------------------------------------------------------------------------------


def _storm(day: ChargeDay) -> str:
    """Why so many declines must stop the day, or ""."""
    outcomes = day.paid + day.declined
    if day.let_go_on_by_id is not None or outcomes < ENOUGH:
        return ""
    percent = 100 * day.declined // outcomes
    limit = Renewals.get().most_declined_percent
    return f"{percent} % of {outcomes} charges were declined" if percent >= limit else ""


def stop(day: ChargeDay, why: str) -> None:
    """The locked day charges no further until somebody has looked; they are told."""
    day.stopped_why, day.stopped_at = why[:200], clock.now()
    day.save(update_fields=["stopped_why", "stopped_at"])
    audit.record(states.TASK, "stop charging", day, reason=why[:300])
    logger.error("charging stopped", extra={"day": f"{day.on:%Y-%m-%d}", "why": why})
    letters.stopped(day)


def count(*, is_paid: bool) -> None:
    """One more outcome of today. A count for the alarm and not a book: it is not part of what it counts."""
    name = "paid" if is_paid else "declined"
    ChargeDay.objects.filter(on=clock.today()).update(**{name: F(name) + 1})
