"""Subscriptions of an older system: seen, brought in, booked, stopped, taken over; none twice, no date missed."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import date, datetime, timedelta
from io import StringIO
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import time_machine
from django.core.management import call_command
from django.test import Client
from django.urls import reverse
from pytest_django.fixtures import Settings

from donations import gateway, inbox
from donations.admin.charging import charging_stopped
from donations.gateway.client import client
from donations.models import Donor, Gift, Installment, Plan, StripeEvent
from donations.recurring import adopting, charging, dates, managed, plans
from donations.recurring.plans import Agreed, CannotChange
from donations.rules import schedule
from members import erasure
from nonprofit.models import AuditEntry, User
from sandbox import happenings
from sandbox.engine import Engine
from tests import builders, in_process
from tests.donations.recurring.saved import assert_tied, charges, receive, told
from tests.donations.test_settle import at_once

pytestmark = pytest.mark.django_db(transaction=True)
ZONE = ZoneInfo("America/New_York")
# Later than the database's own clock, by which events come in.
START = datetime(2030, 11, 20, 10, tzinfo=ZONE)
BY = Agreed(actor="staff:1")


class World:
    """Stripe with its clock, and us; time goes by in days."""

    def __init__(self, engine: Engine, clock: Any) -> None:
        self.engine, self.clock, self.now = engine, clock, START

    def go_to(self, instant: datetime) -> None:
        """Each day until then: Stripe charges what it has to, its events come, and we do a day's work."""
        while self.now < instant:
            self.now = min(self.now + timedelta(days=1), instant)
            self.engine.clock.stand_at(self.now.timestamp())
            self.clock.move_to(self.now)
            self.work()

    def work(self) -> None:
        while self.engine.run_due():
            pass
        self.engine.deliver(receive)
        while inbox.handle_due():
            pass
        dates.come_due()
        while charging.charge_due():
            pass
        self.engine.deliver(receive)
        while inbox.handle_due():
            pass


@pytest.fixture
def world() -> Iterator[World]:
    builders.campaign()
    with time_machine.travel(START, tick=False) as clock, in_process.stripe_engine(start=START) as engine:
        yield World(engine, clock)


def subscribe(world: World, **given: object) -> str:
    asked = {
        "name": "Ana Ortiz",
        "email": "ana@example.org",
        "amount": 1500,
        "started": int(START.timestamp()),
        **given,
    }
    return str(happenings.happen(world.engine, "subscription", asked)["id"])


def brought_in(world: World, **given: object) -> Plan:
    return adopting.bring_in(gateway.retrieve_subscription(subscribe(world, **given)), actor="staff:1")


def taken() -> list[tuple[date, int]]:
    """Every charge at Stripe, with its day."""
    days = [(datetime.fromtimestamp(one.created, ZONE).date(), one.amount) for one in charges() if one.paid]
    return sorted(days)


def test_a_dry_run_lists_and_matches_and_writes_nothing(world: World) -> None:
    known = builders.donor(name="Ana Ortiz", email="ana@example.org")
    subscribe(world)
    subscribe(world, name="", email="", interval="week")
    out = StringIO()
    call_command("adopt_subscriptions", stdout=out)
    assert f"{known.public_id}  can come in" in out.getvalue()
    assert "CANNOT: It recurs in a rhythm that we do not have." in out.getvalue()
    assert "1 can come in, 1 cannot come in" in out.getvalue()
    assert (Plan.objects.count(), Gift.objects.count()) == (0, 0)


def test_brought_in_twice_it_is_one_plan_managed_at_stripe(world: World) -> None:
    plan = brought_in(world)
    again = adopting.bring_in(gateway.retrieve_subscription(plan.stripe_subscription_id or ""), actor="staff:1")
    assert again == plan
    assert (plan.provider, plan.status, plan.interval, plan.amount_minor) == ("stripe", "active", "month", 1500)
    assert (plan.next_due_on, plan.started_on, plan.card_last4) == (date(2030, 12, 20), date(2030, 11, 20), "4242")
    assert plan.donor is not None
    assert plan.donor.email == "ana@example.org"


def test_what_cannot_come_in_says_why(world: World) -> None:
    subscription = gateway.retrieve_subscription(subscribe(world, interval="week"))
    with pytest.raises(CannotChange, match="rhythm"):
        adopting.bring_in(subscription, actor="staff:1")
    assert Plan.objects.count() == 0


def test_what_stripe_charges_is_booked_once_and_by_us_nothing(world: World) -> None:
    plan = brought_in(world)
    world.go_to(START + timedelta(days=65))
    StripeEvent.objects.update(state="waiting", tries=0, next_try_at=START)
    world.work()
    assert taken() == [(date(2030, 12, 20), 1500), (date(2031, 1, 20), 1500)]
    assert [one.due_on for one in plan.installments.order_by("due_on")] == [date(2030, 12, 20), date(2031, 1, 20)]
    plan.refresh_from_db()
    assert plan.next_due_on == date(2031, 2, 20)
    assert_tied()
    assert not StripeEvent.objects.filter(state="unmatched").exists()


@pytest.mark.parametrize("killed", [False, True])
def test_taken_over_no_date_is_charged_twice_and_none_missed(world: World, killed: bool) -> None:
    plan = brought_in(world)
    world.go_to(START + timedelta(days=40))
    if killed:
        # It is on record that it is wanted, and nobody asked Stripe.
        Plan.objects.update(at_stripe="run_out")
        assert adopting.sweep() == 1
    else:
        for _ in range(2):
            adopting.take_over(plan.pk, by=BY)
    assert adopting.sweep() == 0
    plan.refresh_from_db()
    assert (plan.provider, plan.next_due_on, plan.at_stripe) == ("ours", date(2031, 1, 20), "")
    world.go_to(START + timedelta(days=125))
    assert [day for day, _ in taken()] == [
        *(date(2030, 12, 20), date(2031, 1, 20), date(2031, 2, 20), date(2031, 3, 20)),
    ]
    assert gateway.retrieve_subscription(plan.stripe_subscription_id or "").status == "canceled"
    plan.refresh_from_db()
    assert plan.status == "active"
    assert Installment.objects.filter(plan=plan, status="paid").count() == 4
    assert_tied()


def test_taken_over_while_stripe_is_down_it_happens_when_it_is_back(world: World) -> None:
    plan = brought_in(world)
    for method in ("GET", "POST"):
        # Before it is known that the subscription goes on, nothing is wanted; afterwards, it is on record.
        world.engine.faults.clear()
        world.engine.faults.add("down", method=method)
        with pytest.raises(gateway.GatewayUnavailable):
            adopting.take_over(plan.pk, by=BY)
        plan.refresh_from_db()
        assert plan.at_stripe == ("" if method == "GET" else "run_out")
        assert adopting.sweep() == 0
    world.engine.faults.clear()
    assert adopting.sweep() == 1
    plan.refresh_from_db()
    assert plan.provider == "ours"


def test_asked_to_take_over_and_the_answer_lost_after_stripe_did_it(world: World) -> None:
    plan = brought_in(world)
    world.engine.faults.add("timeout_after", path="/subscriptions", method="POST", count=2)
    with pytest.raises(gateway.GatewayUnavailable):
        adopting.take_over(plan.pk, by=BY)
    world.engine.faults.clear()
    adopting.sweep()
    world.go_to(START + timedelta(days=65))
    assert [day for day, _ in taken()] == [date(2030, 12, 20), date(2031, 1, 20)]
    assert_tied()


def test_stopped_here_it_is_over_at_once_and_at_stripe_when_it_answers(world: World) -> None:
    plan = brought_in(world)
    world.engine.faults.add("down")
    stopped = adopting.stop(plan.pk, by=Agreed(), words="Enough")
    assert (stopped.status, stopped.end, stopped.at_stripe) == ("ended", "asked", "cancel")
    with pytest.raises(CannotChange, match="still ending"):
        plans.restart(plan.pk, date(2030, 12, 20), by=BY)
    assert told() == []
    world.engine.faults.clear()
    assert [adopting.sweep(), adopting.sweep()] == [1, 0]
    assert told() == ["ended"]
    assert plans.restart(plan.pk, date(2031, 2, 20), by=BY).status == "active"
    world.go_to(START + timedelta(days=65))
    assert taken() == []


@pytest.mark.parametrize("is_down", [False, True])
def test_who_stops_reads_whether_it_is_confirmed(
    world: World, client: Client, settings: Settings, is_down: bool
) -> None:
    staff(client, settings, "Administrator")
    plan = brought_in(world)
    if is_down:
        world.engine.faults.add("down")
    where = reverse("admin:donations_plan_ask", args=[plan.pk, "stop"])
    page = client.post(where, {"reason": "called"}, follow=True).content.decode()
    assert ("has not confirmed it yet" in page) == is_down
    assert told() == ([] if is_down else ["ended"])


@pytest.mark.parametrize("is_stopped", [False, True])
def test_what_stripe_does_not_settle_within_an_hour_stands_on_the_desk(
    world: World, client: Client, settings: Settings, is_stopped: bool
) -> None:
    staff(client, settings, "Administrator")
    plan = brought_in(world)
    if is_stopped:
        world.engine.faults.add("down")
        adopting.stop(plan.pk, by=BY)
    else:
        wanted(world, plan, is_asked=False)
    asking = client.get("/admin/").wsgi_request
    assert "Not settled at Stripe" not in [figure.label for figure in charging_stopped(asking)]
    world.clock.move_to(START + timedelta(minutes=61))
    figure = next(one for one in charging_stopped(asking) if one.label == "Not settled at Stripe")
    assert (figure.value, figure.is_trouble, figure.note) == ("1", True, "since November 20")
    assert client.get(figure.url).content.decode().count("field-amount_shown") == 1


def test_nobody_is_erased_whom_stripe_may_still_charge(world: World) -> None:
    plan = brought_in(world)
    assert plan.donor is not None
    row, boss = erasure.ask(plan.donor.pk), builders.staff("Finance")
    world.engine.faults.add("down")
    with pytest.raises(erasure.CannotErase, match="not confirmed"):
        erasure.carry_out(row.pk, user=boss, reason="asked")
    plan.donor.refresh_from_db()
    assert plan.donor.name == "Ana Ortiz"
    world.engine.faults.clear()
    adopting.sweep()
    assert erasure.carry_out(row.pk, user=boss, reason="asked")


@pytest.mark.parametrize("at_stripe", ["", "run_out"])
def test_who_has_died_is_not_charged_at_stripe_either(world: World, at_stripe: str) -> None:
    plan = brought_in(world)
    Plan.objects.update(at_stripe=at_stripe)
    Donor.objects.update(is_deceased=True)
    world.engine.faults.add("down")
    assert adopting.sweep() == 0
    plan.refresh_from_db()
    assert (plan.status, plan.end, plan.at_stripe) == ("ended", "deceased", "cancel")
    world.engine.faults.clear()
    assert [adopting.sweep(), adopting.sweep()] == [1, 0]
    world.go_to(START + timedelta(days=65))
    assert (taken(), told()) == ([], [])
    assert AuditEntry.objects.filter(action="end plan").count() == 1


def test_ended_at_stripe_it_is_ended_here(world: World) -> None:
    plan = brought_in(world)
    gateway.cancel_subscription(plan.stripe_subscription_id or "", key="in-the-dashboard")
    world.work()
    plan.refresh_from_db()
    assert (plan.status, plan.end) == ("ended", "elsewhere")


def test_who_cancelled_at_stripe_since_is_not_taken_over_and_not_charged_by_us(world: World) -> None:
    plan = brought_in(world)
    gateway.cancel_subscription_at_period_end(plan.stripe_subscription_id or "", key="by-the-supporter")
    with pytest.raises(CannotChange, match="ends by itself"):
        adopting.take_over(plan.pk, by=BY)
    world.go_to(START + timedelta(days=65))
    with pytest.raises(CannotChange, match="has ended"):
        adopting.take_over(plan.pk, by=BY)
    plan.refresh_from_db()
    assert (plan.status, plan.end, taken()) == ("ended", "elsewhere", [])


def test_a_subscription_that_may_be_charged_again_is_not_said_to_be_over(world: World) -> None:
    plan = brought_in(world)
    subscription = gateway.retrieve_subscription(plan.stripe_subscription_id or "")
    managed.told(plan.pk, replace(subscription, status="trialing"))
    plan.refresh_from_db()
    assert plan.status == "active"


def test_what_goes_on_is_what_stripe_has_now_also_where_its_news_were_lost(world: World) -> None:
    plan = brought_in(world)
    Plan.objects.update(amount_minor=900, interval="year")
    adopting.take_over(plan.pk, by=BY)
    plan.refresh_from_db()
    assert (plan.provider, plan.amount_minor, plan.interval) == ("ours", 1500, "month")


def update(plan: Plan, **given: Any) -> None:
    """As somebody does in Stripe's dashboard."""
    client().v1.subscriptions.update(plan.stripe_subscription_id or "", given)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("is_asked", "meanwhile", "why"),
    [
        (False, {"cancel_at_period_end": True}, "It ends by itself with its period."),
        (False, {"pause_collection": {"behavior": "void"}}, "It is paused at Stripe: let it go on there, or stop it."),
        (True, {"pause_collection": {"behavior": "void"}}, "It is paused at Stripe: let it go on there, or stop it."),
    ],
)
def test_what_happened_at_stripe_while_a_take_over_waited_keeps_it_there(
    world: World, is_asked: bool, meanwhile: dict[str, Any], why: str
) -> None:
    plan = brought_in(world)
    wanted(world, plan, is_asked=is_asked)
    update(plan, **meanwhile)
    adopting.sweep()
    plan.refresh_from_db()
    assert (plan.provider, plan.status, plan.at_stripe) == ("stripe", "active", "")
    assert AuditEntry.objects.get(action="not taken over from Stripe").reason == why
    assert not AuditEntry.objects.filter(action="taken over from Stripe").exists()


def wanted(world: World, plan: Plan, *, is_asked: bool) -> None:
    """To be taken over: on record, and Stripe was asked or not when the worker was killed."""
    world.engine.faults.add("timeout_after" if is_asked else "down", path="/subscriptions", method="POST", count=2)
    with pytest.raises(gateway.GatewayUnavailable):
        adopting.take_over(plan.pk, by=BY)
    world.engine.faults.clear()
    plan.refresh_from_db()
    assert (plan.provider, plan.at_stripe) == ("stripe", "run_out")
    marked = gateway.retrieve_subscription(plan.stripe_subscription_id or "").cancel_at_period_end
    assert marked == is_asked


@pytest.mark.parametrize("is_asked", [False, True])
def test_who_cancelled_at_stripe_while_a_take_over_waited_is_not_charged_by_us(world: World, is_asked: bool) -> None:
    plan = brought_in(world)
    wanted(world, plan, is_asked=is_asked)
    world.go_to(START + timedelta(days=3))
    gateway.cancel_subscription(plan.stripe_subscription_id or "", key="by-the-supporter")
    world.work()
    assert adopting.sweep() == 1
    plan.refresh_from_db()
    assert (plan.provider, plan.status, plan.end, plan.at_stripe) == ("stripe", "ended", "elsewhere", "")
    world.go_to(START + timedelta(days=65))
    assert taken() == []


def test_a_take_over_that_waited_until_the_period_was_over_goes_on_from_its_end(world: World) -> None:
    plan = brought_in(world)
    wanted(world, plan, is_asked=True)
    world.go_to(START + timedelta(days=31))
    assert gateway.retrieve_subscription(plan.stripe_subscription_id or "").status == "canceled"
    adopting.sweep()
    world.go_to(START + timedelta(days=65))
    assert [amount for _, amount in taken()] == [1500, 1500]
    assert [one.due_on for one in plan.installments.order_by("due_on")] == [date(2030, 12, 20), date(2031, 1, 20)]
    assert_tied()


def test_un_cancelled_at_stripe_while_a_take_over_waited_it_is_kept_from_charging_again(world: World) -> None:
    plan = brought_in(world)
    wanted(world, plan, is_asked=True)
    update(plan, cancel_at_period_end=False)
    # Stripe answers our key from memory, and nothing happens: only what is there now counts, and the next key is new.
    with pytest.raises(gateway.GatewayUnavailable):
        adopting.take_over(plan.pk, by=BY)
    plan.refresh_from_db()
    assert (plan.provider, plan.at_stripe) == ("stripe", "run_out")
    assert [adopting.sweep(), adopting.sweep()] == [1, 0]
    world.go_to(START + timedelta(days=65))
    assert [day for day, _ in taken()] == [date(2030, 12, 20), date(2031, 1, 20)]
    assert_tied()


def test_a_take_over_that_waited_takes_the_amount_that_stripe_has_now(world: World) -> None:
    plan = brought_in(world)
    wanted(world, plan, is_asked=True)
    Plan.objects.update(amount_minor=900, interval="year")
    adopting.sweep()
    plan.refresh_from_db()
    assert (plan.provider, plan.amount_minor, plan.interval) == ("ours", 1500, "month")


def gone_on(world: World) -> Plan:
    """Taken over, and then somebody lets the subscription go on at Stripe."""
    plan = brought_in(world)
    adopting.take_over(plan.pk, by=BY)
    update(plan, cancel_at_period_end=False)
    return plan


def test_let_go_on_at_stripe_after_the_take_over_it_is_made_to_run_out_again(world: World) -> None:
    plan = gone_on(world)
    world.work()
    plan.refresh_from_db()
    assert (plan.provider, plan.at_stripe, plan.next_due_on) == ("ours", "run_out", date(2030, 12, 20))
    assert [adopting.sweep(), adopting.sweep()] == [1, 0]
    assert gateway.retrieve_subscription(plan.stripe_subscription_id or "").cancel_at_period_end
    world.go_to(START + timedelta(days=65))
    assert [day for day, _ in taken()] == [date(2030, 12, 20), date(2031, 1, 20)]
    assert_tied()


def test_stopped_while_its_subscription_goes_on_the_letter_waits_for_stripe(world: World) -> None:
    plan = gone_on(world)
    world.work()
    plans.stop(plan.pk, by=BY)
    assert told() == []
    adopting.sweep()
    assert told() == ["ended"]
    world.go_to(START + timedelta(days=65))
    assert taken() == []


def charged_at_stripe(world: World, plan: Plan, *, first: str) -> None:
    """On a date that is ours, Stripe takes its money: before our row was made, before we send it, or after we did."""
    noon = datetime(2030, 12, 20, 12, tzinfo=ZONE)
    world.engine.clock.stand_at(noon.timestamp())
    world.clock.move_to(noon)
    if first != "nothing":
        dates.come_due()
    if first == "charge":
        charging.charge_due()
    while world.engine.run_due():
        pass
    world.work()


@pytest.mark.parametrize("first", ["nothing", "row"])
def test_what_stripe_took_for_a_date_of_ours_is_not_taken_again(world: World, first: str) -> None:
    plan = gone_on(world)
    charged_at_stripe(world, plan, first=first)
    assert taken() == [(date(2030, 12, 20), 1500)]
    plan.refresh_from_db()
    assert (plan.next_due_on, plan.status) == (date(2031, 1, 20), "active")
    assert not AuditEntry.objects.filter(action="second payment").exists()
    assert_tied()
    adopting.sweep()
    world.go_to(datetime(2031, 1, 22, 12, tzinfo=ZONE))
    assert [day for day, _ in taken()] == [date(2030, 12, 20), date(2031, 1, 20)]


def test_what_both_have_taken_is_in_the_log_once(world: World) -> None:
    plan = gone_on(world)
    charged_at_stripe(world, plan, first="charge")
    StripeEvent.objects.update(state="waiting", tries=0, next_try_at=START)
    world.work()
    assert taken() == [(date(2030, 12, 20), 1500)] * 2
    entry = AuditEntry.objects.get(action="second payment", target_type="plan")
    assert entry.after["gift"] == Gift.objects.get(installment=None).pk
    assert Gift.objects.filter(status="settled").count() == 2


def test_what_stripe_took_for_a_date_that_was_left_out_is_in_the_log(world: World) -> None:
    plan = gone_on(world)
    plans.skip_next(plan.pk, date(2030, 12, 20), by=BY)
    charged_at_stripe(world, plan, first="nothing")
    assert AuditEntry.objects.get(action="paid for a date left out").target_id == str(plan.pk)
    assert (plan.installments.get().status, taken()) == ("skipped", [(date(2030, 12, 20), 1500)])


@pytest.mark.parametrize("status", ["retrying", "waiting", "charging"])
def test_a_date_with_a_payment_of_its_own_is_left_out_where_stripe_took_it(world: World, status: str) -> None:
    plan = gone_on(world)
    Plan.objects.update(next_due_on=date(2031, 1, 20))
    gift = builders.pending_gift(plan=plan)
    one = {"due_on": date(2030, 12, 20), "amount_minor": 1500, "currency": "usd", "status": status}
    row = plan.installments.create(gift=gift, next_try_at=START + timedelta(days=90), **one)
    charged_at_stripe(world, plan, first="nothing")
    row.refresh_from_db()
    assert (row.status, row.gift, taken()) == ("skipped", gift, [(date(2030, 12, 20), 1500)])


def test_what_stripe_took_after_the_end_is_booked_and_in_the_log(world: World) -> None:
    plan = brought_in(world)
    world.engine.faults.add("down", path="/subscriptions")
    adopting.stop(plan.pk, by=BY)
    world.go_to(START + timedelta(days=32))
    assert taken() == [(date(2030, 12, 20), 1500)]
    entry = AuditEntry.objects.get(action="paid after its end")
    assert entry.after["gift"] == Gift.objects.get(status="settled").pk
    assert_tied()


@pytest.mark.parametrize(
    ("day", "hour", "dates_here"),
    [
        (31, 12, (date(2031, 2, 28), date(2031, 3, 31))),
        (28, 12, (date(2031, 2, 28), date(2031, 3, 28))),
        # Late in the evening here, Stripe has the day after.
        (31, 22, (date(2031, 2, 28), date(2031, 3, 31))),
        (30, 22, (date(2031, 2, 27), date(2031, 3, 30))),
    ],
)
def test_rule_59_brought_in_or_taken_over_in_february_it_keeps_its_day(
    world: World, day: int, hour: int, dates_here: tuple[date, date]
) -> None:
    world.now = datetime(2031, 2, 10, 10, tzinfo=ZONE)
    world.engine.clock.stand_at(world.now.timestamp())
    world.clock.move_to(world.now)
    plan = brought_in(world, started=int(datetime(2030, 12, day, hour, tzinfo=ZONE).timestamp()))
    taken_over = adopting.take_over(plan.pk, by=BY)
    assert taken_over.next_due_on is not None
    assert taken_over.anchor_day is not None
    following = schedule.following(taken_over.next_due_on, taken_over.anchor_day, plan.interval)
    assert (taken_over.next_due_on, following) == dates_here
    assert plan.anchor_day == taken_over.anchor_day


def test_taken_over_by_four_at_once_it_is_one_take_over(world: World) -> None:
    plan = brought_in(world)
    # Stripe may answer that the first request is still under way: then the others, or the sweep, find it done.
    errors = at_once(4, lambda _: adopting.take_over(plan.pk, by=BY))
    assert all(isinstance(error, gateway.GatewayUnavailable) for error in errors)
    adopting.sweep()
    assert AuditEntry.objects.filter(action="taken over from Stripe").count() == 1
    world.go_to(START + timedelta(days=65))
    assert [day for day, _ in taken()] == [date(2030, 12, 20), date(2031, 1, 20)]
    assert_tied()


# --- the pages --------------------------------------------------------------------------------------------------------

LIST = "/admin/donations/plan/at-stripe/"


def staff(client: Client, settings: Settings, group: str = "Finance") -> User:
    settings.REQUIRE_STAFF_MFA = False
    user = builders.staff(group)
    client.force_login(user)
    return user


def test_a_page_says_what_would_happen_and_a_post_does_it(world: World, client: Client, settings: Settings) -> None:
    boss, plan = staff(client, settings), brought_in(world)
    where = reverse("admin:donations_plan_take_over", args=[plan.pk])
    assert where in client.get(reverse("admin:donations_plan_change", args=[plan.pk])).content.decode()
    page = client.get(where).content.decode()
    assert "Our first charge is <strong>$15.00</strong> on <strong>December 20, 2030</strong>" in page
    plan.refresh_from_db()
    assert (plan.provider, plan.at_stripe) == ("stripe", "")
    for _ in range(2):
        page = client.post(where, {"reason": "the old platform closes"}, follow=True).content.decode()
    assert "There is nothing to take over" in page
    plan.refresh_from_db()
    assert (plan.provider, plan.next_due_on) == ("ours", date(2030, 12, 20))
    entry = AuditEntry.objects.get(action="take over from Stripe")
    assert (entry.actor, entry.reason) == (f"staff:{boss.pk}", "the old platform closes")


def test_the_page_says_what_stops_it_and_so_does_the_post(world: World, client: Client, settings: Settings) -> None:
    staff(client, settings)
    plan = brought_in(world)
    gateway.cancel_subscription_at_period_end(plan.stripe_subscription_id or "", key="by-the-supporter")
    where = reverse("admin:donations_plan_take_over", args=[plan.pk])
    page = client.get(where).content.decode()
    assert "It cannot be taken over. It ends by itself with its period." in page
    assert "Take it over" not in page
    assert "It was not taken over." in client.post(where, follow=True).content.decode()
    plan.refresh_from_db()
    assert (plan.provider, plan.at_stripe) == ("stripe", "")


@pytest.mark.parametrize(("method", "said"), [("GET", "Nothing was changed"), ("POST", "It is on record")])
def test_without_an_answer_the_page_says_how_far_it_came(
    world: World, client: Client, settings: Settings, method: str, said: str
) -> None:
    staff(client, settings)
    plan = brought_in(world)
    world.engine.faults.add("down", method=method)
    page = client.post(reverse("admin:donations_plan_take_over", args=[plan.pk]), follow=True).content.decode()
    assert said in page
    world.engine.faults.clear()
    adopting.sweep()
    plan.refresh_from_db()
    assert plan.is_ours == (method == "POST")


def test_subscriptions_are_listed_with_whose_they_are_and_the_chosen_come_in_once(
    world: World, client: Client, settings: Settings
) -> None:
    boss = staff(client, settings)
    known = builders.donor(name="Ana Ortiz", email="ana@example.org")
    old = [subscribe(world, name=f"Nobody {n}", email=f"nobody-{n}@example.org") for n in range(24)]
    weekly, hers = subscribe(world, interval="week"), subscribe(world)
    page = client.get(LIST).content.decode()
    assert f"{known.name}</a>, {known.public_id}" in page
    assert "cannot: It recurs in a rhythm that we do not have." in page
    assert "new: Nobody 7" in page
    assert (Plan.objects.count(), AuditEntry.objects.count()) == (0, 0)
    for _ in range(2):
        page = client.post(LIST, {"subscription": [hers, weekly]}, follow=True).content.decode()
    assert f"Not brought in: {weekly}. It recurs in a rhythm" in page
    plan = Plan.objects.get()
    assert (plan.stripe_subscription_id, plan.donor, plan.provider) == (hers, known, "stripe")
    assert AuditEntry.objects.get(action="bring in from Stripe").actor == f"staff:{boss.pk}"
    assert "in already" in page
    assert old[0] not in page
    assert f"?status=active&amp;after={old[1]}" in page
    assert old[0] in client.get(f"{LIST}?status=active&after={old[1]}").content.decode()
    assert "Stripe has none." in client.get(f"{LIST}?status=past_due").content.decode()
    world.engine.faults.add("down")
    assert "Stripe does not answer right now" in client.get(LIST, follow=True).content.decode()


@pytest.mark.parametrize("group", ["", "Data entry", "Staff"])
def test_the_wrong_person_neither_sees_nor_takes_over(
    world: World, client: Client, settings: Settings, group: str
) -> None:
    staff(client, settings, group)
    plan, waiting = brought_in(world), subscribe(world, email="bob@example.org")
    where = reverse("admin:donations_plan_take_over", args=[plan.pk])
    for address, typed in ((where, {}), (LIST, {"subscription": waiting})):
        assert client.get(address).status_code == 403
        assert client.post(address, typed).status_code == 403
    assert "Take over from Stripe" not in client.get(f"/admin/donations/plan/{plan.pk}/change/").content.decode()
    assert Plan.objects.get().provider == "stripe"


def test_money_of_their_customer_that_no_invoice_books_is_told(world: World) -> None:
    plan = brought_in(world)
    world.go_to(START + timedelta(days=1))
    gateway.client.client().v1.payment_intents.create(
        {
            "amount": 999,
            "currency": "usd",
            "customer": plan.stripe_customer_id,
            "payment_method": plan.stripe_payment_method_id,
            "confirm": True,
            "off_session": True,
            "allowed_payment_method_types": ["card"],
        }
    )
    world.work()
    event = StripeEvent.objects.get(type="payment_intent.succeeded")
    assert (event.state, event.trouble) == ("waiting", "TryLater: no invoice has booked it")
    StripeEvent.objects.filter(pk=event.pk).update(tries=inbox.MAX_TRIES, next_try_at=START)
    world.work()
    event.refresh_from_db()
    assert event.state == "failed", "it stands on the desk"
