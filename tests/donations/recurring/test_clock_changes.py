"""Days on which clocks are changed, and clocks that are set back: each date is charged once, at its local hour."""

from datetime import UTC, date, datetime, timedelta

import pytest
import time_machine
from django.utils import timezone

from donations.gateway.client import client as stripe
from donations.models import Gift, Renewals
from donations.recurring import charging, outcomes
from nonprofit import clock
from sandbox.server import Sandbox
from tests.donations.recurring.saved import (
    DECLINES,
    assert_tied,
    at,
    came,
    charge_all,
    charges,
    claimed,
    only,
    plan,
    receipts,
    taken,
)

pytestmark = [pytest.mark.django_db(transaction=True)]
DUE = date(2026, 12, 15)
NEXT = date(2027, 1, 15)
# In the organisation's zone, New York: 1:00 to 2:00 comes twice, and 2:00 to 3:00 does not come.
AUTUMN = date(2026, 11, 1)
SPRING = date(2027, 3, 14)


# --- the days on which clocks are changed -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("day", "from_hour", "begins"),
    [
        (AUTUMN, 0, "04:00"),
        # The first of the two.
        (AUTUMN, 1, "05:00"),
        (AUTUMN, 8, "13:00"),
        (AUTUMN, 23, "04:00 next day"),
        (SPRING, 0, "05:00"),
        # There is no two o'clock: at three, which comes in its place.
        (SPRING, 2, "07:00"),
        (SPRING, 3, "07:00"),
        (SPRING, 8, "12:00"),
    ],
)
def test_when_clocks_are_changed_a_date_is_charged_once_from_its_local_hour(
    stripe_sandbox: Sandbox, day: date, from_hour: int, begins: str
) -> None:
    assert clock.zone_name() == "America/New_York"
    Renewals.objects.create(pk=1, from_hour=from_hour)
    made = plan(anchor_day=day.day, next_due_on=day)
    hour, _, is_next = begins.partition(" ")
    on = day + timedelta(days=1) if is_next else day
    start = datetime.fromisoformat(f"{on.isoformat()}T{hour}:00+00:00")
    for minutes in (-90, -60, -1):
        with time_machine.travel(start + timedelta(minutes=minutes), tick=False):
            charge_all()
            assert taken() == []
    # On every quarter of an hour, with the one that comes twice and the one that does not come.
    for quarter in range(10):
        with time_machine.travel(start + timedelta(minutes=15 * quarter), tick=False):
            charge_all()
            assert taken() == [2500]
    with at(day + timedelta(days=1)):
        charge_all()
    assert taken() == [2500]
    assert came(made) == [(day, "paid")]
    assert Gift.objects.get(plan=made).gift_on == day
    assert_tied()


@pytest.mark.parametrize("day", [AUTUMN, SPRING])
def test_the_day_on_which_clocks_are_changed_ends_at_its_own_midnight(stripe_sandbox: Sandbox, day: date) -> None:
    Renewals.objects.create(pk=1, from_hour=0)
    after = day + timedelta(days=1)
    made = plan(anchor_day=after.day, next_due_on=after)
    midnight = datetime(after.year, after.month, after.day, 5 if day == AUTUMN else 4, tzinfo=UTC)
    with time_machine.travel(midnight - timedelta(minutes=1), tick=False):
        charge_all()
        assert (clock.today(), came(made)) == (day, [])
    with time_machine.travel(midnight, tick=False):
        charge_all()
        charge_all()
    assert came(made) == [(after, "paid")]
    assert taken() == [2500]
    assert Gift.objects.get(plan=made).gift_on == after
    assert_tied()


@pytest.mark.parametrize(("day", "hour"), [(AUTUMN, 13), (SPRING, 12)])
def test_a_declined_date_is_tried_again_at_the_local_hour_of_a_day_on_which_clocks_are_changed(
    stripe_sandbox: Sandbox, day: date, hour: int
) -> None:
    due_on = day - timedelta(days=3)
    made = plan(DECLINES, anchor_day=due_on.day, next_due_on=due_on)
    with at(due_on):
        charge_all()
    again = datetime(day.year, day.month, day.day, hour, tzinfo=UTC)
    assert timezone.localtime(again).hour == 8
    assert only(made).next_try_at == again
    with time_machine.travel(again - timedelta(minutes=1), tick=False):
        charge_all()
        assert only(made).tries == 1
    for minutes in (0, 60):
        with time_machine.travel(again + timedelta(minutes=minutes), tick=False):
            charge_all()
            assert only(made).tries == 2
    assert len(list(charges())) == 2
    assert_tied()


# --- a clock that is set back -----------------------------------------------------------------------------------------

BACK = [timedelta(hours=1), timedelta(days=1), timedelta(days=40)]


def noon(day: date) -> datetime:
    return timezone.make_aware(datetime.combine(day, datetime.min.time()).replace(hour=12))


@pytest.mark.parametrize("back", BACK)
def test_a_clock_set_back_after_a_charge_charges_nothing_again(stripe_sandbox: Sandbox, back: timedelta) -> None:
    made = plan()
    with at(DUE):
        charge_all()
        one = only(made)
    for instant in (noon(DUE) - back, noon(DUE) - back / 2, noon(DUE), noon(DUE) + timedelta(days=1)):
        with time_machine.travel(instant, tick=False):
            charge_all()
            charging.charge(one.pk)
            charging.ask(one.pk)
            assert taken() == [2500]
            assert_tied()
    with at(NEXT):
        charge_all()
        assert len(receipts()) == 2
    assert came(made) == [(DUE, "paid"), (NEXT, "paid")]
    assert taken() == [2500, 2500]
    assert_tied()


@pytest.mark.parametrize("back", BACK)
@pytest.mark.parametrize("path", ["/v1/payment_intents", "/confirm"])
def test_a_clock_set_back_while_a_charge_is_without_answer_doubles_and_loses_nothing(
    stripe_sandbox: Sandbox, path: str, back: timedelta
) -> None:
    made = plan()
    with at(DUE):
        stripe_sandbox.faults.add("timeout_after", path=path, method="POST", count=2, seconds=0.1)
        charge_all()
        stripe_sandbox.faults.clear()
        assert only(made).status == "unknown"
    with time_machine.travel(noon(DUE) - back, tick=False):
        charge_all()
        assert only(made).status == "unknown"
    with time_machine.travel(noon(DUE) + charging.ASK_AGAIN, tick=False):
        charge_all()
        charge_all()
        charging.ask(only(made).pk)
    assert len(list(stripe().v1.payment_intents.list({"customer": made.stripe_customer_id}))) == 1
    assert (only(made).status, only(made).tries) == ("paid", 1)
    assert taken() == [2500]
    assert_tied()


@pytest.mark.parametrize("back", BACK)
def test_a_clock_set_back_after_a_decline_asks_the_bank_no_sooner_and_not_twice(
    stripe_sandbox: Sandbox, back: timedelta
) -> None:
    made = plan(DECLINES)
    with at(DUE):
        charge_all()
    for instant in (noon(DUE) - back, noon(DUE), noon(DUE) + timedelta(days=2)):
        with time_machine.travel(instant, tick=False):
            charge_all()
            outcome = only(made)
            outcomes.apply(outcome.pk, charging.for_supporter(outcome.pk))
            assert (only(made).status, only(made).tries) == ("retrying", 1)
    assert len(list(charges())) == 1
    with at(DUE + timedelta(days=3)):
        charge_all()
    assert only(made).tries == 2
    assert len(list(charges())) == 2
    assert_tied()


def test_a_clock_that_was_a_month_ahead_and_is_put_right_charges_no_date_again(stripe_sandbox: Sandbox) -> None:
    made = plan()
    with at(NEXT):
        charge_all()
    for day in (DUE, DUE + timedelta(days=1), NEXT):
        with at(day):
            charge_all()
            assert taken() == [2500]
    assert came(made) == [(DUE, "skipped"), (NEXT, "paid")]
    with at(date(2027, 2, 15)):
        charge_all()
    assert taken() == [2500, 2500]
    assert_tied()


@pytest.mark.parametrize("is_dead", [True, False])
def test_a_worker_that_held_a_date_when_the_clock_was_set_back_makes_one_charge(
    stripe_sandbox: Sandbox, is_dead: bool
) -> None:
    made = plan()
    with at(DUE):
        one = claimed(made)
    with at(DUE, hour=9):
        charge_all()
        assert taken() == []
        if not is_dead:
            charging.charge(one.pk)
            assert taken() == [2500]
    with at(DUE, hour=13):
        charge_all()
        charge_all()
        charging.charge(one.pk)
    assert (only(made).status, only(made).tries) == ("paid", 1)
    assert taken() == [2500]
    assert_tied()
