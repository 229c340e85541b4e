"""Dates of plans become installments: each once, charged or with its reason (domain rules 56-59, 83)."""

from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from donations.models import Donor, Installment, Plan
from donations.recurring import dates
from donations.rules import due, dunning, schedule
from nonprofit.models import OutgoingEmail
from tests import builders
from tests.donations.recurring.saved import at
from tests.donations.test_settle import at_once

DUE = date(2026, 12, 15)


def rows(plan: Plan) -> list[tuple[date, str, str]]:
    return list(plan.installments.order_by("due_on").values_list("due_on", "status", "reason"))


@pytest.mark.django_db
def test_a_date_that_has_come_is_one_installment_however_often_asked() -> None:
    plan = builders.plan()
    with at(date(2026, 12, 14)):
        assert dates.come_due() == 0
    with at(DUE):
        assert [dates.come_due(), dates.come_due()] == [1, 0]
    plan.refresh_from_db()
    assert rows(plan) == [(DUE, "scheduled", "")]
    assert plan.next_due_on == date(2027, 1, 15)
    one = plan.installments.get()
    assert (one.amount_minor, one.covered_fee_minor) == (2500, 0)
    assert one.next_try_at == dates.hour(DUE)


@pytest.mark.django_db
def test_a_covered_fee_is_computed_for_each_charge() -> None:
    plan = builders.plan(is_fee_covered=True)
    with at(DUE):
        dates.come_due()
    one = plan.installments.get()
    assert (one.amount_minor, one.covered_fee_minor) == (2606, 106)


@pytest.mark.django_db(transaction=True)
def test_twice_at_once_each_date_is_made_once() -> None:
    plans = [builders.plan() for _ in range(40)]
    made: list[int] = []
    with at(DUE):
        assert at_once(6, lambda _: made.append(dates.come_due())) == []
        dates.come_due()
    assert sum(made) <= len(plans)
    assert Installment.objects.count() == len(plans)
    assert Plan.objects.filter(next_due_on=date(2027, 1, 15)).count() == len(plans)


@pytest.mark.django_db
def test_rule_59_the_31st_is_the_last_day_and_then_the_31st_again() -> None:
    plan = builders.plan(started_on=date(2026, 12, 31), anchor_day=31, next_due_on=date(2027, 1, 31))
    for day in (date(2027, 1, 31), date(2027, 2, 28), date(2027, 3, 31), date(2027, 4, 30)):
        with at(day):
            dates.come_due()
        Installment.objects.filter(due_on=day).update(status="skipped", reason="staff")
    assert [day for day, _, _ in rows(plan)] == [
        *(date(2027, 1, 31), date(2027, 2, 28), date(2027, 3, 31), date(2027, 4, 30)),
    ]
    plan.refresh_from_db()
    assert plan.next_due_on == date(2027, 5, 31)


@pytest.mark.django_db
def test_after_an_outage_the_newest_date_is_charged_and_older_ones_are_left_out() -> None:
    plan = builders.plan()
    with at(date(2027, 2, 20)):
        dates.come_due()
    assert rows(plan) == [
        (date(2026, 12, 15), "skipped", "outage"),
        (date(2027, 1, 15), "skipped", "outage"),
        (date(2027, 2, 15), "scheduled", ""),
    ]


@pytest.mark.django_db
def test_a_date_that_is_too_old_by_now_is_left_out_but_a_yearly_one_is_not_lost_for_weeks() -> None:
    monthly = builders.plan()
    yearly = builders.plan(interval=Plan.Interval.YEAR)
    with at(date(2027, 1, 5)):
        dates.come_due()
    assert rows(monthly) == [(DUE, "skipped", "outage")]
    assert rows(yearly) == [(DUE, "scheduled", "")]
    yearly.refresh_from_db()
    assert yearly.next_due_on == date(2027, 12, 15)


@pytest.mark.django_db
def test_rule_57_dates_in_a_pause_are_left_out_and_it_goes_on_by_itself_on_its_day() -> None:
    plan = builders.plan(status=Plan.Status.PAUSED, paused_until=date(2027, 2, 1))
    for day in (DUE, date(2027, 1, 15), date(2027, 2, 1), date(2027, 2, 15)):
        with at(day):
            dates.come_due()
    assert rows(plan) == [
        (DUE, "skipped", "paused"),
        (date(2027, 1, 15), "skipped", "paused"),
        (date(2027, 2, 15), "scheduled", ""),
    ]
    plan.refresh_from_db()
    assert (plan.status, plan.paused_until) == ("active", None)


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("standing", "given_up"),
    [
        ({"status": "scheduled"}, ("skipped", "outage")),
        ({"status": "retrying", "tries": 2}, ("failed", "declined")),
        ({"status": "waiting", "tries": 1}, ("failed", "no_card")),
    ],
)
def test_when_the_next_date_comes_the_unpaid_one_is_given_up(
    standing: dict[str, Any], given_up: tuple[str, str]
) -> None:
    plan = builders.plan()
    Installment.objects.create(plan=plan, due_on=date(2026, 11, 15), amount_minor=2500, currency="usd", **standing)
    with at(DUE):
        dates.come_due()
    assert rows(plan) == [(date(2026, 11, 15), *given_up), (DUE, "scheduled", "")]


@pytest.mark.django_db
def test_while_a_charge_may_be_under_way_the_next_date_waits() -> None:
    plan = builders.plan()
    gift = builders.pending_gift(plan=plan)
    before = Installment.objects.create(
        plan=plan, due_on=date(2026, 11, 15), amount_minor=2500, currency="usd", status="unknown", gift=gift
    )
    with at(DUE):
        assert dates.come_due() == 0
        before.status = "paid"
        before.save()
        assert dates.come_due() == 1


@pytest.mark.django_db
def test_a_plan_that_waits_for_a_card_gets_dates_that_wait_too() -> None:
    plan = builders.plan(status=Plan.Status.WAITING, waiting_for="card")
    with at(DUE):
        dates.come_due()
    assert rows(plan) == [(DUE, "waiting", "")]


@pytest.mark.django_db
def test_rule_83_the_dead_are_not_charged_and_nobody_writes_to_them() -> None:
    plan = builders.plan()
    Donor.objects.update(is_deceased=True)
    with at(DUE):
        dates.come_due()
    plan.refresh_from_db()
    assert (plan.status, plan.end) == ("ended", "deceased")
    assert rows(plan) == []
    assert OutgoingEmail.objects.count() == 0


@pytest.mark.django_db
def test_after_its_agreed_last_day_a_plan_is_over() -> None:
    plan = builders.plan(ends_on=date(2026, 12, 31))
    with at(DUE):
        dates.come_due()
    assert rows(plan) == [(DUE, "scheduled", "")]
    Installment.objects.update(status="skipped", reason="staff")
    with at(date(2027, 1, 15)):
        dates.come_due()
    plan.refresh_from_db()
    assert (plan.status, plan.end) == ("ended", "completed")
    assert len(rows(plan)) == 1


@pytest.mark.django_db
@pytest.mark.parametrize("broken", ["a rhythm that we do not have", "a date twice"])
def test_one_plan_that_is_not_as_it_should_be_does_not_keep_the_dates_of_others_from_coming(
    broken: str, caplog: pytest.LogCaptureFixture
) -> None:
    before, bad, after = builders.plan(), builders.plan(), builders.plan()
    if broken == "a date twice":
        row = {"status": "skipped", "reason": "asked", "amount_minor": 2500, "currency": "usd"}
        Installment.objects.create(plan=bad, due_on=DUE, **row)
    else:
        Plan.objects.filter(pk=bad.pk).update(interval="weekly")
    with at(DUE):
        assert [dates.come_due(), dates.come_due()] == [2, 0]
    assert [rows(plan) for plan in (before, after)] == [[(DUE, "scheduled", "")]] * 2
    assert [record.__dict__["plan"] for record in caplog.records if record.name == dates.__name__] == [bad.pk] * 2
    bad.refresh_from_db()
    assert (bad.status, bad.next_due_on) == ("active", DUE)
    assert list(dates.overdue(date(2026, 12, 16))) == [bad]
    assert not dates.overdue(DUE).exists()


@pytest.mark.django_db
def test_plans_managed_at_stripe_have_no_dates_of_ours() -> None:
    builders.plan(provider="stripe", stripe_subscription_id="sub_1")
    with at(DUE):
        assert dates.come_due() == 0


# --- the rules --------------------------------------------------------------------------------------------------------

DAYS = st.dates(min_value=date(2020, 1, 1), max_value=date(2035, 12, 31))


@given(DAYS, st.sampled_from(list(schedule.MONTHS)), st.integers(0, 900), st.none() | st.integers(0, 500))
def test_at_most_one_date_is_charged_and_every_date_is_told(
    first: date, interval: str, days: int, paused_days: int | None
) -> None:
    today = date.fromordinal(first.toordinal() + days)
    paused_until = None if paused_days is None else date.fromordinal(first.toordinal() + paused_days)
    reading = due.read(due.Terms(interval, first.day, paused_until), first, today)
    charged = [day for day, what in reading.dates if what == due.What.CHARGE]
    assert len(charged) <= 1
    assert reading.next_on > today
    told = [day for day, _ in reading.dates]
    assert told == sorted(set(told))
    assert told[0] == first
    assert schedule.following(told[-1], first.day, interval) == reading.next_on
    for day in charged:
        assert (today - day).days <= due.LATE_DAYS[interval]
        assert paused_until is None or day >= paused_until


@given(DAYS, st.sampled_from(list(schedule.MONTHS)), st.integers(1, 40))
def test_rule_59_dates_keep_their_anchor_however_many_there_were(first: date, interval: str, count: int) -> None:
    day = first
    for _ in range(count):
        day = schedule.following(day, first.day, interval)
    months = first.year * 12 + first.month - 1 + schedule.MONTHS[interval] * count
    assert day == schedule.in_month(months // 12, months % 12 + 1, first.day)


@given(DAYS, st.integers(1, 31), st.integers(0, 40))
def test_a_changed_day_neither_doubles_nor_loses_a_date(due_on: date, anchor: int, back: int) -> None:
    today = date.fromordinal(due_on.toordinal() - back)
    new = schedule.moved(due_on, anchor, today)
    assert (new.year, new.month) == (due_on.year, due_on.month)
    assert new > today or new == due_on


@pytest.mark.parametrize("code", sorted(dunning.HARD))
def test_rule_61_hard_declines_are_never_retried(code: str) -> None:
    assert dunning.after(code, tries=1, due_on=DUE, today=DUE).step == dunning.Step.NEW_CARD


def test_soft_declines_are_tried_on_days_3_7_and_14_and_then_a_card_is_asked_for() -> None:
    on = [dunning.after("insufficient_funds", tries=tries, due_on=DUE, today=DUE) for tries in (1, 2, 3, 4)]
    assert [following.on for following in on] == [date(2026, 12, 18), date(2026, 12, 22), date(2026, 12, 29), None]
    assert on[3].step == dunning.Step.NEW_CARD


def test_a_late_first_try_is_not_followed_by_another_on_the_same_day() -> None:
    following = dunning.after("generic_decline", tries=1, due_on=DUE, today=date(2026, 12, 25))
    assert following.on == date(2026, 12, 26)


def test_authentication_is_asked_of_the_supporter_and_not_retried() -> None:
    following = dunning.after("authentication_required", tries=1, due_on=DUE, today=DUE)
    assert following == dunning.Next(dunning.Step.AUTHENTICATE)
