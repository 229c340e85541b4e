"""Three years of plans with everything that can go wrong: each date once or with its reason, and the books agree.

YEARS_PLANS and YEARS_DAYS make it larger (2,000 plans over 1,095 days were run by hand; the figures are in the notes),
YEARS_SEED repeats a history.
"""

import os
from collections import Counter, defaultdict
from datetime import date
from itertools import pairwise
from random import SystemRandom

import pytest
import time_machine

from donations.gateway.client import client
from donations.models import Gift, Installment, LedgerEntry, Plan, Receipt
from donations.rules import schedule
from members.models import Level
from tests import in_process
from tests.donations.recurring.saved import charges
from tests.faults.years import START, Years
from tests.members import recount

pytestmark = [pytest.mark.slow, pytest.mark.django_db(transaction=True)]
PLANS = int(os.environ.get("YEARS_PLANS", "20"))
DAYS = int(os.environ.get("YEARS_DAYS", "260"))
SEED = int(os.environ.get("YEARS_SEED", "0")) or SystemRandom().randrange(1, 10**9)


def test_years_of_plans_with_everything_that_can_go_wrong(tmp_path: object) -> None:
    print(f"seed {SEED}, {PLANS} plans, {DAYS} days")  # noqa: T201 - whoever repeats a failure needs it
    Level.objects.create(name="Friend", position=1, from_minor=6000)
    Level.objects.create(name="Patron", position=2, from_minor=30000)
    state = f"{tmp_path}/stripe.sqlite3" if PLANS > 200 else ":memory:"
    with time_machine.travel(START, tick=False) as travel, in_process.stripe_engine(start=START, state=state) as engine:
        years = Years(engine, travel, seed=SEED, count=PLANS, days=DAYS)
        years.live()
        assert_every_date_is_told(years)
        assert_stripe_ledger_and_receipts_agree()
        assert_memberships_are_what_the_ledger_says()
    rows = Counter(Installment.objects.values_list("status", "reason"))
    print(f"{dict(years.did)}; {dict(rows)}")  # noqa: T201


def assert_every_date_is_told(years: Years) -> None:
    """Rows of a plan follow each other by a rhythm it had; each is paid, or says why not; none is left hanging."""
    by_plan: dict[int, list[Installment]] = defaultdict(list)
    for one in Installment.objects.select_related("gift").order_by("plan_id", "due_on"):
        by_plan[one.plan_id].append(one)
    for plan in Plan.objects.all():
        rows = by_plan[plan.pk]
        steps = {schedule.MONTHS[interval] for interval in years.rhythms[plan.pk]}
        months = [_months(one.due_on) for one in rows]
        gaps = {later - earlier for earlier, later in pairwise(months)}
        assert gaps <= steps, f"plan {plan.pk}: a date is missing or doubled: {[str(one.due_on) for one in rows]}"
        if plan.is_running and rows:
            assert plan.next_due_on is not None
            assert _months(plan.next_due_on) - months[-1] in steps, f"plan {plan.pk}: a date is missing at the end"
        for one in rows:
            if one.status in ("failed", "skipped"):
                assert one.reason, one
            else:
                # At most the last date can still be waiting: for a card, or for its next try.
                assert one.status == "paid" or one is rows[-1], f"{one}: {one.status}"
                assert one.status not in ("charging", "unknown", "scheduled"), f"{one}: {one.status}"
            if one.status == "paid":
                assert one.gift is not None
                assert (one.gift.status, one.gift.amount_minor) == ("settled", one.amount_minor)
            elif one.gift is not None:
                assert one.gift.status in ("pending", "failed", "expired"), f"{one}: its gift is {one.gift.status}"


def _months(day: date) -> int:
    return day.year * 12 + day.month


def assert_stripe_ledger_and_receipts_agree() -> None:
    at_stripe = {charge.id: charge.amount for charge in charges() if charge.paid}
    booked = dict(LedgerEntry.objects.filter(kind="gift").values_list("source", "amount_minor"))
    assert booked == at_stripe
    # One PaymentIntent for an installment, ever, and so one charge.
    made = Counter(
        intent.metadata["installment"] for intent in client().v1.payment_intents.list({"limit": 100}).auto_paging_iter()
    )
    assert set(made.values()) <= {1}
    settled = Gift.objects.settled()
    assert settled.count() == len(at_stripe) == Installment.objects.filter(status="paid").count()
    receipts = list(Receipt.objects.values_list("gift_id", flat=True))
    assert Counter(receipts) == Counter(settled.values_list("pk", flat=True))
    assert sum(booked.values()) == sum(settled.values_list("amount_minor", flat=True))


def assert_memberships_are_what_the_ledger_says() -> None:
    for donor_id in Plan.objects.values_list("donor_id", flat=True).distinct():
        assert donor_id is not None
        assert recount.stored(donor_id) == recount.recount(donor_id), f"supporter {donor_id}"
