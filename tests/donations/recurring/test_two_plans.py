"""A supporter with two plans, also by a merge: each date is charged once, and whose it is stays right."""

import time
from datetime import date, timedelta
from typing import Any

import pytest
from django.db import transaction

from donations.desk import merging
from donations.models import Donor, Gift, Installment, Plan
from donations.recurring import charging, claims, dates, plans, states
from nonprofit.models import User
from sandbox.server import Sandbox
from tests import builders
from tests.donations.recurring.saved import (
    DECLINES,
    assert_tied,
    at,
    came,
    charge_all,
    plan,
    receipts,
    taken,
    time_passes,
)
from tests.donations.test_settle import at_once

pytestmark = [pytest.mark.django_db(transaction=True)]
DUE = date(2026, 12, 15)
NEXT = date(2027, 1, 15)


@pytest.fixture
def clerk() -> User:
    return builders.staff("Administrator")


@pytest.fixture
def kept() -> Plan:
    return plan(donor=builders.donor(name="Ana Silva", email="ana@example.org"))


@pytest.fixture
def gone() -> Plan:
    return plan(donor=builders.donor(name="Anna Silva", email="anna@work.example"), amount_minor=4000)


# --- two plans of one supporter ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("is_card_shared", [False, True])
def test_two_plans_of_one_supporter_on_one_day_are_two_charges_and_go_on_by_themselves(
    stripe_sandbox: Sandbox, is_card_shared: bool
) -> None:
    ana = builders.donor(email="ana@example.org")
    first, second = plan(donor=ana), plan(donor=ana)
    if is_card_shared:
        same = {"stripe_customer_id": first.stripe_customer_id}
        Plan.objects.filter(pk=second.pk).update(**same, stripe_payment_method_id=first.stripe_payment_method_id)
    with at(DUE):
        dates.come_due()

        def work(_: int) -> None:
            while charging.charge_due(1):
                pass

        assert at_once(4, work) == []
        charge_all()
        assert receipts() == [(ana.pk, "ana@example.org")] * 2
    assert taken() == [2500, 2500]
    assert [came(first), came(second)] == [[(DUE, "paid")]] * 2
    assert_tied()
    with at(DUE + timedelta(days=1)):
        assert plans.stop(first.pk, by=plans.Agreed()) is None
    with at(NEXT):
        charge_all()
        charge_all()
        assert receipts() == [(ana.pk, "ana@example.org")] * 3
    assert [came(first), came(second)] == [[(DUE, "paid")], [(DUE, "paid"), (NEXT, "paid")]]
    assert taken() == [2500] * 3
    assert list(Plan.objects.order_by("pk").values_list("status", flat=True)) == ["ended", "active"]
    assert_tied()


def test_one_of_two_plans_declines_and_the_other_does_not_notice(stripe_sandbox: Sandbox) -> None:
    ana = builders.donor(email="ana@example.org")
    bad, good = plan(DECLINES, donor=ana), plan(donor=ana, amount_minor=4000)
    with at(DUE):
        charge_all()
        assert receipts() == [(ana.pk, "ana@example.org")]
    assert [came(bad), came(good)] == [[(DUE, "retrying")], [(DUE, "paid")]]
    assert list(Plan.objects.order_by("pk").values_list("status", flat=True)) == ["past_due", "active"]
    assert taken() == [4000]
    assert_tied()


# --- merged -----------------------------------------------------------------------------------------------------------


def test_two_who_both_give_monthly_become_one_and_both_plans_are_charged_once(
    stripe_sandbox: Sandbox, kept: Plan, gone: Plan, clerk: User
) -> None:
    assert kept.donor is not None
    assert gone.donor is not None
    ana, anna = (kept.donor_id, "ana@example.org"), (gone.donor_id, "anna@work.example")
    with at(DUE):
        charge_all()
        assert sorted(receipts()) == sorted([ana, anna])
    with at(DUE + timedelta(days=1)):
        record = merging.merge(kept.donor.pk, gone.donor.pk, user=clerk)
        charge_all()
    assert set(Plan.objects.values_list("donor", "status")) == {(kept.donor.pk, "active")}
    with at(NEXT):
        charge_all()
        charge_all()
        assert receipts()[2:] == [ana, ana]
    assert sorted(taken()) == [2500, 2500, 4000, 4000]
    assert {came(one)[-1] for one in (kept, gone)} == {(NEXT, "paid")}
    assert set(Gift.objects.values_list("donor", "donor__name")) == {(kept.donor.pk, "Ana Silva")}
    assert_tied()
    # Two people after all: each has their own again, and what was given as one stays where it is.
    with at(NEXT + timedelta(days=1)):
        merging.unmerge(record.pk, user=clerk)
    with at(date(2027, 2, 15)):
        charge_all()
        assert sorted(receipts()[4:]) == sorted([ana, anna])
    assert sorted(taken()) == [2500] * 3 + [4000] * 3
    assert_tied()


@pytest.mark.parametrize(
    "stands", ["claimed", "paid and not answered", "never came to Stripe", "begun and not answered"]
)
def test_merged_while_a_date_is_in_flight_it_is_charged_once_and_is_the_survivors(
    stripe_sandbox: Sandbox, kept: Plan, gone: Plan, clerk: User, stands: str
) -> None:
    assert kept.donor is not None
    assert gone.donor is not None
    faults: dict[str, dict[str, Any]] = {
        "paid and not answered": {"kind": "timeout_after", "path": "/confirm", "seconds": 0.1},
        "never came to Stripe": {"kind": "close", "path": "/confirm"},
        "begun and not answered": {"kind": "timeout_after", "path": "/v1/payment_intents", "seconds": 0.1},
    }
    with at(DUE):
        if stands == "claimed":
            dates.come_due()
            assert len(claims.claim(25)) == 2
        else:
            # Two plans, and the SDK itself asks once more.
            stripe_sandbox.faults.add(method="POST", count=4, **faults[stands])
            charge_all()
            stripe_sandbox.faults.clear()
        standing = {one.status for one in Installment.objects.all()}
        assert standing == {"charging" if stands == "claimed" else "unknown"}
        merging.merge(kept.donor.pk, gone.donor.pk, user=clerk)
        for one in Installment.objects.all():
            time_passes(one)
        charge_all()
        charge_all()
        whose = receipts()
    assert [came(one) for one in (kept, gone)] == [[(DUE, "paid")]] * 2
    assert sorted(taken()) == [2500, 4000]
    # The gift that was begun as the other's tells of it at the address it was begun with, which is the survivor's too.
    assert sorted(whose) == [(kept.donor.pk, "ana@example.org"), (kept.donor.pk, "anna@work.example")]
    assert set(Plan.objects.values_list("donor", "status")) == {(kept.donor.pk, "active")}
    assert_tied()
    with at(NEXT):
        charge_all()
        assert receipts()[2:] == [(kept.donor.pk, "ana@example.org")] * 2
    assert sorted(taken()) == [2500, 2500, 4000, 4000]
    assert_tied()


def test_merged_while_workers_charge_nothing_is_doubled_or_lost(
    stripe_sandbox: Sandbox, kept: Plan, gone: Plan, clerk: User
) -> None:
    more = [plan(donor=whose.donor) for whose in (kept, gone) for _ in range(3)]
    refused: set[str] = set()
    with at(DUE):
        dates.come_due()

        def work(number: int) -> None:
            if number < 3:
                while charging.charge_due(2):
                    pass
                return
            for _ in range(200):
                try:
                    merging.merge(kept.donor_id or 0, gone.donor_id or 0, user=clerk)
                except merging.CannotMerge as error:
                    refused.add(str(error))
                    time.sleep(0.02)
                else:
                    return

        assert at_once(4, work) == []
        assert all("at this moment" in why for why in refused)
        merging.merge(kept.donor_id or 0, gone.donor_id or 0, user=clerk)
        # What one passed by because the merge held it.
        charge_all()
        assert {whose for whose, _ in receipts()} == {kept.donor_id}
    assert sorted(taken()) == [2500] * 7 + [4000]
    assert {came(one)[0] for one in (kept, gone, *more)} == {(DUE, "paid")}
    assert set(Plan.objects.values_list("donor", flat=True)) == {kept.donor_id}
    assert_tied()


def test_a_merge_waits_for_no_plan_that_is_being_charged(
    stripe_sandbox: Sandbox, kept: Plan, gone: Plan, clerk: User
) -> None:
    refused: list[str] = []

    def merge(_: int) -> None:
        with pytest.raises(merging.CannotMerge) as error:
            merging.merge(kept.donor_id or 0, gone.donor_id or 0, user=clerk)
        refused.append(str(error.value))

    with at(DUE):
        dates.come_due()
        assert len(claims.claim(25)) == 2
        with transaction.atomic():
            states.locked(gone.pk)
            assert at_once(1, merge) == []
        assert len(refused) == 1
        assert not Donor.objects.filter(merged_into__isnull=False).exists()
        for one in Installment.objects.all():
            charging.charge(one.pk)
        charge_all()
    assert Gift.objects.get(plan=gone).donor == gone.donor
    assert sorted(taken()) == [2500, 4000]
    assert_tied()
