"""How gifts that recur hold: who still gives, what began, grew, shrank and ended; as tables for who may see them."""

import re
from datetime import date, timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from pytest_django.fixtures import Settings

from donations.models import Installment, Plan
from donations.recurring import plans, retention
from donations.recurring.plans import Agreed
from donations.recurring.retention import By, Kept, What
from donations.rules import schedule
from nonprofit import clock
from nonprofit.money import Money
from tests import builders
from tests.donations.recurring.saved import at

pytestmark = pytest.mark.django_db
TODAY = date(2026, 11, 26)


def plan(started_on: date, paid: int = 0, **fields: Any) -> Plan:
    """A gift that began that day, with so many later payments, each on its date."""
    made = builders.plan(started_on=started_on, anchor_day=started_on.day, **fields)
    for number in range(1, paid + 1):
        pay(made, schedule.months_later(started_on, number * schedule.MONTHS[made.interval]))
    return made


def pay(made: Plan, due_on: date) -> None:
    gift = builders.pending_gift(donor=made.donor, plan=made, amount_minor=made.amount_minor)
    Installment.objects.create(
        plan=made, due_on=due_on, status="paid", amount_minor=made.amount_minor, currency=made.currency, gift=gift
    )


def ended(made: Plan, day: date) -> Plan:
    noon = clock.midnight(day) + timedelta(hours=12)
    Plan.objects.filter(pk=made.pk).update(status="ended", end="asked", ended_at=noon)
    return made


def monthly(by: By = By.MONTH) -> list[tuple[date, int, list[int | None]]]:
    found = [one for one in retention.rhythms(TODAY, by) if one.label == "Monthly"]
    cohorts = found[0].cohorts if found else []
    return [(one.starts_on, one.begun, [kept.count if kept else None for kept in one.kept]) for one in cohorts]


# --- who still gives --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("paid", "kept"),
    [
        pytest.param(0, [0, 0, 0, 0, None], id="the first payment was the only one"),
        pytest.param(1, [1, 0, 0, 0, None], id="one more"),
        pytest.param(3, [1, 1, 0, 0, None], id="three more"),
        pytest.param(11, [1, 1, 1, 0, None], id="the twelfth month not reached"),
        pytest.param(12, [1, 1, 1, 1, None], id="a year"),
        pytest.param(13, [1, 1, 1, 1, None], id="over a year"),
    ],
)
def test_a_monthly_gift_is_still_given_when_a_payment_came_in_that_month_or_later(
    paid: int, kept: list[int | None]
) -> None:
    plan(date(2025, 10, 31), paid)
    assert monthly() == [(date(2025, 10, 1), 1, kept)]


def test_a_month_that_is_not_over_is_not_told_yet() -> None:
    plan(date(2026, 9, 1), 2)
    plan(date(2026, 10, 31))
    plan(date(2026, 11, 2))
    assert monthly() == [
        (date(2026, 11, 1), 1, [None] * 5),
        (date(2026, 10, 1), 1, [None] * 5),
        (date(2026, 9, 1), 1, [1, None, None, None, None]),
    ]


def test_a_quarters_gifts_are_told_when_its_last_month_can_be() -> None:
    plan(date(2026, 7, 10), 4)
    plan(date(2026, 8, 10), 0)
    plan(date(2026, 6, 10), 5)
    # Of July to September, September's second month is October: over. Its third, December, is not.
    assert monthly(By.QUARTER) == [
        (date(2026, 7, 1), 2, [1, None, None, None, None]),
        (date(2026, 4, 1), 1, [1, 1, None, None, None]),
    ]


def test_another_day_of_the_month_and_a_pause_that_is_over_change_nothing() -> None:
    moved = plan(date(2026, 4, 30))
    for due_on in (date(2026, 5, 1), date(2026, 6, 1), date(2026, 10, 1)):
        pay(moved, due_on)
    assert monthly() == [(date(2026, 4, 1), 1, [1, 1, 1, None, None])]


def test_what_was_not_paid_or_left_out_is_no_payment() -> None:
    made = plan(date(2026, 4, 15))
    for month, status in ((5, "skipped"), (6, "failed"), (7, "retrying")):
        reason = "" if status == "retrying" else "declined"
        Installment.objects.create(
            plan=made,
            due_on=date(2026, month, 15),
            status=status,
            reason=reason,
            amount_minor=1,
            currency="usd",
        )
    assert monthly() == [(date(2026, 4, 1), 1, [0, 0, 0, None, None])]


def test_a_gift_begun_again_goes_on_as_the_one_it_was() -> None:
    first = ended(plan(date(2025, 9, 15), 2), date(2025, 12, 1))
    second = ended(plan(date(2026, 3, 15), 0, donor=first.donor, follows=first), date(2026, 4, 1))
    third = plan(date(2026, 9, 15), 0, donor=first.donor, follows=second)
    assert monthly() == [(date(2025, 9, 1), 1, [1, 0, 0, 0, None])]
    # The day on which it was begun again is no payment; the first one that came is.
    pay(third, date(2026, 10, 1))
    assert monthly() == [(date(2025, 9, 1), 1, [1, 1, 1, 1, None])]


def test_a_yearly_payment_carries_a_year_and_a_quarterly_one_three_months() -> None:
    plan(date(2024, 10, 15), 1, interval="year")
    plan(date(2024, 10, 20), 2, interval="year")
    plan(date(2025, 9, 15), 2, interval="quarter")
    found = {one.label: one for one in retention.rhythms(TODAY, By.MONTH)}
    assert list(found) == ["Quarterly", "Yearly"]
    assert (found["Yearly"].steps, found["Yearly"].cohorts[0].kept) == ((12, 24), [Kept(2, 2), Kept(1, 2)])
    assert found["Quarterly"].steps == (3, 6, 12, 24)
    assert found["Quarterly"].cohorts[0].kept == [Kept(1, 1), Kept(1, 1), Kept(0, 1), None]


def test_together_counts_each_cohort_once_it_can_be_told() -> None:
    plan(date(2025, 10, 5), 12)
    plan(date(2025, 10, 6), 0)
    plan(date(2026, 9, 5), 1)
    rhythm = retention.rhythms(TODAY, By.MONTH)[0]
    assert rhythm.together == [Kept(2, 3), Kept(1, 2), Kept(1, 2), Kept(1, 2), None]
    assert [one.percent for one in rhythm.together if one] == [67, 50, 50, 50]


def test_brought_over_not_begun_and_long_ago_are_left_out() -> None:
    plan(date(2025, 10, 5), 3, provider="stripe", stripe_subscription_id="sub_1")
    plan(date(2020, 10, 5), 3)
    builders.starting_plan()
    assert retention.rhythms(TODAY, By.MONTH) == retention.rhythms(TODAY, By.QUARTER) == []


def test_it_asks_in_one_statement_and_two() -> None:
    plan(date(2025, 10, 5), 3)
    with CaptureQueriesContext(connection) as asked:
        retention.rhythms(TODAY, By.QUARTER)
    assert len(asked) == 1
    with CaptureQueriesContext(connection) as asked:
        retention.moves(TODAY)
    assert len(asked) == 2


# --- what began, changed and ended ------------------------------------------------------------------------------------


def moved(months_ago: int = 0) -> dict[What, tuple[int, Money]]:
    month = retention.moves(TODAY)[months_ago]
    return {what: (one.count, one.monthly) for what, one in month.moves.items() if one.count}


def test_the_last_thirteen_months_stand_there_the_newest_first() -> None:
    found = [month.starts_on for month in retention.moves(TODAY)]
    assert (len(found), found[0], found[-1]) == (13, date(2026, 11, 1), date(2025, 11, 1))


def test_begun_and_ended_count_for_a_month_of_giving() -> None:
    plan(date(2026, 11, 2), amount_minor=20_00)
    plan(date(2026, 11, 3), amount_minor=100_00, interval="year")
    plan(date(2026, 11, 4), amount_minor=30_00, interval="quarter")
    ended(plan(date(2026, 1, 3), amount_minor=100_00, interval="year"), date(2026, 11, 5))
    assert moved() == {What.NEW: (3, Money(38_33)), What.ENDED: (1, Money(-8_33))}
    month = retention.moves(TODAY)[0]
    assert (month.gained, month.lost, month.together) == (Money(38_33), Money(8_33), Money(30_00))
    assert moved(10) == {What.NEW: (1, Money(8_33))}


def test_what_ends_at_the_end_of_a_month_belongs_to_it_by_our_clock() -> None:
    made = plan(date(2026, 1, 3))
    late = clock.midnight(date(2026, 11, 1)) - timedelta(minutes=30)
    Plan.objects.filter(pk=made.pk).update(status="ended", end="asked", ended_at=late)
    assert (moved(), moved(1)) == ({}, {What.ENDED: (1, Money(-25_00))})


def test_each_change_is_read_back_from_how_the_gift_stands_now() -> None:
    with at(date(2026, 9, 3)):
        made = plan(date(2026, 9, 3), amount_minor=20_00, next_due_on=date(2026, 12, 3))
    for day, amount in ((date(2026, 9, 20), 30_00), (date(2026, 10, 2), 25_00), (date(2026, 11, 2), 60_00)):
        with at(day):
            plans.change_amount(made.pk, Money(amount), covers_fee=False, by=Agreed())
    with at(date(2026, 11, 3)):
        plans.change_interval(made.pk, "quarter", by=Agreed())
    with at(date(2026, 11, 4)):
        # Whether the fee is covered, and another day, change no amount.
        plans.change_amount(made.pk, Money(60_00), covers_fee=True, by=Agreed())
        plans.change_day(made.pk, 9, by=Agreed())
    assert moved(2) == {What.NEW: (1, Money(20_00)), What.UP: (1, Money(10_00))}
    assert moved(1) == {What.DOWN: (1, Money(-5_00))}
    assert moved() == {What.UP: (1, Money(35_00)), What.DOWN: (1, Money(-40_00))}
    together = sum((month.together for month in retention.moves(TODAY)), Money(0))
    assert together == Money(20_00)


def test_stopped_and_begun_again_is_counted_as_both() -> None:
    with at(date(2026, 10, 5)):
        made = builders.plan(next_due_on=date(2026, 10, 15), stripe_customer_id="cus_1")
        plans.stop(made.pk, by=Agreed())
    with at(date(2026, 11, 5)):
        plans.restart(made.pk, date(2026, 11, 20), by=Agreed())
    assert moved(1) == {What.ENDED: (1, Money(-25_00))}
    assert moved() == {What.RESTARTED: (1, Money(25_00))}


def test_brought_over_and_another_currency_begin_nothing() -> None:
    plan(date(2026, 11, 2), provider="stripe", stripe_subscription_id="sub_1")
    plan(date(2026, 11, 2), currency="eur")
    assert moved() == {}


# --- the page ---------------------------------------------------------------------------------------------------------


@pytest.fixture
def desk(client: Client, settings: Settings) -> Client:
    settings.REQUIRE_STAFF_MFA = False
    client.force_login(builders.staff("Staff"))
    return client


def read(client: Client, query: str = "") -> str:
    response = client.get(reverse("admin:donations_plan_retention") + query)
    assert response.status_code == 200
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", response.content.decode()))


def test_the_page_says_shares_and_sums_and_how_they_are_counted(desk: Client) -> None:
    with at(TODAY):
        plan(date(2025, 9, 5), 12)
        plan(date(2025, 9, 6), 2)
        plan(date(2026, 11, 6))
        page = read(desk)
        assert "Jul to Sep 2025 2 100 % 2 50 % 1 50 % 1 50 % 1 not yet" in page
        assert "a payment of it came in that month of the calendar or later" in page
        assert "Nov 2026 1 $25.00 0 0 0 0 $25.00" in page
        assert "September 2025 2 100 % 2" in read(desk, "?by=month")
        assert "Jul to Sep 2025" in read(desk, "?by=nonsense")
    assert reverse("admin:donations_plan_retention") in desk.get("/admin/").content.decode()
    forecast = desk.get(reverse("admin:donations_plan_forecast")).content.decode()
    assert reverse("admin:donations_plan_retention") in forecast


def test_without_the_right_to_amounts_there_are_counts_and_no_sum(client: Client, settings: Settings) -> None:
    settings.REQUIRE_STAFF_MFA = False
    user = builders.staff()
    user.user_permissions.add(Permission.objects.get(codename="view_plan"))
    client.force_login(user)
    with at(TODAY):
        plan(date(2025, 9, 5), 12)
        ended(plan(date(2026, 11, 6)), date(2026, 11, 7))
        page = read(client)
    assert "Nov 2026 1 0 0 0 1" in page
    assert "Jul to Sep 2025 1 100 %" in page
    assert "$" not in page
    assert "What is to come" not in page


def test_who_may_not_see_plans_is_refused(client: Client, settings: Settings) -> None:
    settings.REQUIRE_STAFF_MFA = False
    client.force_login(builders.staff("Data entry"))
    assert client.get(reverse("admin:donations_plan_retention")).status_code == 403


def test_nothing_yet_says_what_will_stand_there(desk: Client) -> None:
    page = read(desk)
    assert "Nobody has begun a monthly gift in this time." in page
    assert "Nothing has begun, changed or ended" in page
    assert "%" not in page
