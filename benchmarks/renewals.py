"""Gifts that recur: 100,000 plans that are due on one day, and charges through the whole path.

Beside them what people would write first, a loop that locks one plan, makes its row and saves it; and, for charging,
the two requests to Stripe alone, which nobody can do without: what is left is ours.
"""

import statistics
from functools import partial
from typing import Any

from benchmarks.measuring import memory, say, seconds
from benchmarks.result import Benchmark, Result
from benchmarks.site import newsroom, running, site

PLANS, QUICK_PLANS = 100_000, 10_000
ONE_BY_ONE = 1_000
CHARGES, QUICK_CHARGES = 400, 100
CLAIM = 50
GOAL_DUE, GOAL_FLAT, GOAL_CHARGED = 5.0, 0.7, 0.15
# So much the process may grow by while all dates are made and claimed.
MEGABYTES = 20
# As many plans as there are donors, all due today.
MADE = """
INSERT INTO donations_plan (donor_id, provider, at_stripe, status, waiting_for, status_at, interval, amount_minor,
  currency, is_fee_covered, fund_id, campaign_id, tribute, tribute_name, anchor_day, started_on, next_due_on, "end",
  end_reason, stripe_customer_id, stripe_payment_method_id, card_brand, card_last4, consent_text, consent_version,
  consent_at, created_at)
SELECT id, 'ours', '', 'active', '', now(), 'month', 2500, 'usd', false, %(fund)s, %(campaign)s, '', '', %(day)s,
  %(on)s::date - 365, %(on)s, '', '', %(customer)s, %(card)s, 'visa', '4242', 'I agree.', 'made', now(), now()
FROM donations_donor
"""


def renewals(quick: bool) -> list[Result]:
    """Dates that become installments, claims, and charges that are booked: each a second."""
    count, charges = (QUICK_PLANS, QUICK_CHARGES) if quick else (PLANS, CHARGES)
    if quick:
        say(f"quick: {count:,} plans and {charges} charges instead of {PLANS:,} and {CHARGES}")
    with site() as built, running(built.stand_in()):
        newsroom()
        from donations.models import Installment, Plan, Renewals
        from donations.recurring import dates

        customer, card = _saved_card()
        _plans(ONE_BY_ONE, customer, card)
        single = ONE_BY_ONE / seconds(_one_by_one)
        Installment.objects.all().delete()
        Plan.objects.all().delete()
        _plans(count, customer, card)
        before = memory()
        due = count / seconds(dates.come_due)
        # In life from the hour on which charging begins, and no more than the caps of a day.
        Installment.objects.update(next_try_at="2026-01-01T00:00:00Z")
        Renewals.objects.update_or_create(pk=1, defaults={"most_count": count, "most_minor": count * 2500})
        first, last = _claimed(count - charges)
        say(f"{count:,} dates at {due:,.0f} a second; claimed at {first:,.0f} a second, the last at {last:,.0f}")
        grew = max(1, memory() - before)
        Installment.objects.filter(status="charging").update(next_try_at="2099-01-01T00:00:00Z")
        ours, bare = _charged(charges, customer, card)
        say(f"{1000 / ours:.1f} ms a charge, {1000 / bare:.1f} ms of it the two requests to Stripe alone")
    return [
        Result("renewals: dates due", f"installments a second, {count:,} plans", due, single, "a loop", GOAL_DUE),
        Result("renewals: claimed", "claims a second, the last tenth", last, first, "the first tenth", GOAL_FLAT),
        Result("renewals: memory", "MB allowed to the MB it grew", MEGABYTES, grew, "peak growth", 1.0),
        Result("renewals: charged", "charges a second", ours, bare, "Stripe's two requests alone", GOAL_CHARGED),
    ]


def _saved_card() -> tuple[str, str]:
    from donations import gateway
    from donations.gateway.client import client

    customer = gateway.create_customer(name="Somebody", email="", key="bench-customer", metadata={})
    return customer, str(client().v1.payment_methods.attach("pm_card_visa", {"customer": customer}).id)


def _plans(count: int, customer: str, card: str) -> None:
    from django.db import connection

    from donations.models import Campaign, Donor
    from nonprofit import clock

    missing = count - Donor.objects.count()
    Donor.objects.bulk_create(
        [Donor(name=f"Donor {number}", email=f"d{count}x{number}@example.org") for number in range(missing)], 5000
    )
    campaign, today = Campaign.objects.get(is_default=True), clock.today()
    facts: dict[str, Any] = {"fund": campaign.fund_id, "campaign": campaign.pk, "day": today.day, "on": today}
    with connection.cursor() as cursor:
        cursor.execute(MADE, {**facts, "customer": customer, "card": card})
        cursor.execute("ANALYZE")


def _one_by_one() -> None:
    """What people would write first; right, and safe twice, as ours."""
    from django.db import transaction

    from donations.models import Installment, Plan
    from donations.rules import schedule
    from nonprofit import clock

    for pk in list(Plan.objects.filter(next_due_on__lte=clock.today(), status="active").values_list("pk", flat=True)):
        with transaction.atomic():
            plan = Plan.objects.select_for_update().get(pk=pk)
            assert plan.next_due_on is not None
            Installment.objects.get_or_create(
                plan=plan, due_on=plan.next_due_on, defaults={"amount_minor": plan.amount_minor, "currency": "usd"}
            )
            plan.next_due_on = schedule.following(plan.next_due_on, plan.anchor_day or 1, plan.interval)
            plan.save()


def _claimed(count: int) -> tuple[float, float]:
    """All of them by one worker: claims a second among the first tenth and among the last."""
    from donations.recurring import claims

    tenth = count // 10 // CLAIM

    def some(times: int) -> None:
        for _ in range(times):
            assert len(claims.claim(CLAIM)) == CLAIM

    took = [seconds(partial(some, tenth)) for _ in range(10)]
    say(f"{10 * tenth * CLAIM:,} claims in {sum(took):,.0f} s")
    return tenth * CLAIM / took[0], tenth * CLAIM / took[-1]


def _charged(count: int, customer: str, card: str) -> tuple[float, float]:
    """Charges a second by one worker: booked with everything that follows, and the bare requests, in turns."""
    ours: list[float] = []
    bare: list[float] = []
    for turn in range(4):
        each = count // 4
        ours.append(each / seconds(partial(_charge, each)))
        bare.append(each / seconds(partial(_bare, each, turn, customer, card)))
    return statistics.median(ours), statistics.median(bare)


def _charge(count: int) -> None:
    from donations.recurring import charging

    done = 0
    while done < count:
        done += charging.charge_due(min(25, count - done))


def _bare(count: int, turn: int, customer: str, card: str) -> None:
    from donations import gateway

    for number in range(count):
        payment = gateway.create_renewal(
            amount_minor=2500,
            currency="usd",
            customer_id=customer,
            key=f"bench-{turn}-{number}",
            metadata={},
            description="Gift",
        )
        gateway.confirm_saved(payment.id, payment_method_id=card, key=f"bench-{turn}-{number}-confirm")


BENCHMARKS: dict[str, Benchmark] = {"renewals": renewals}
