"""Changing, skipping, pausing, stopping, beginning again: once, twice, at once, refused, told in one letter each."""

from datetime import date

import pytest

from donations.models import Fund, Installment, Plan
from donations.recurring import forecast, letters, notices, plans
from nonprofit import clock
from nonprofit.models import AuditEntry, OutgoingEmail
from nonprofit.money import Money
from tests import builders
from tests.donations.recurring.saved import at
from tests.donations.test_settle import at_once

TODAY = date(2026, 11, 26)
BY = plans.Agreed(ip="203.0.113.9")
pytestmark = pytest.mark.django_db


def now(plan: Plan) -> Plan:
    plan.refresh_from_db()
    return plan


def log(plan: Plan) -> list[str]:
    entries = AuditEntry.objects.filter(target_type="plan", target_id=str(plan.pk)).order_by("pk")
    return list(entries.values_list("action", flat=True))


def letters_of(plan: Plan) -> list[OutgoingEmail]:
    return list(OutgoingEmail.objects.filter(key__startswith=f"plan:{plan.pk}:").order_by("pk"))


def test_an_amount_is_changed_once_and_agreed_to_in_words() -> None:
    plan = builders.plan()
    with at(TODAY):
        for _ in range(2):
            plans.change_amount(plan.pk, Money(3000), covers_fee=True, by=BY)
    now(plan)
    assert (plan.amount_minor, plan.is_fee_covered) == (3000, True)
    assert "$31.20 on the 15th of every month" in plan.consent_text
    assert (plan.consent_ip, plan.consent_version) == ("203.0.113.9", "standing-2026-12")
    assert log(plan) == ["change amount"]
    entry = AuditEntry.objects.get(action="change amount")
    assert (entry.actor, entry.before["amount_minor"], entry.after["amount_minor"]) == ("supporter", 2500, 3000)
    (letter,) = letters_of(plan)
    assert "your gift is now $30 and the card fee monthly, from December 15, 2026" in letter.text


@pytest.mark.parametrize(
    ("amount", "said"), [(Money(99), "smallest gift"), (Money(5_000_001), "up to"), (Money(2500, "eur"), "USD")]
)
def test_amounts_outside_the_limits_change_nothing(amount: Money, said: str) -> None:
    plan = builders.plan()
    with pytest.raises(plans.CannotChange, match=said):
        plans.change_amount(plan.pk, amount, covers_fee=False, by=BY)
    assert (now(plan).amount_minor, log(plan), letters_of(plan)) == (2500, [], [])


@pytest.mark.parametrize(
    ("day", "next_on"),
    [(20, date(2026, 12, 20)), (1, date(2026, 12, 1)), (31, date(2026, 12, 31))],
)
def test_another_day_stays_in_the_month_of_the_next_date(day: int, next_on: date) -> None:
    plan = builders.plan()
    with at(TODAY):
        for _ in range(2):
            plans.change_day(plan.pk, day, by=BY)
    assert (now(plan).anchor_day, plan.next_due_on) == (day, next_on)
    assert log(plan) == ["change day"]


def test_a_day_that_has_passed_this_month_begins_after_the_next_date() -> None:
    plan = builders.plan()
    with at(date(2026, 12, 10)):
        plans.change_day(plan.pk, 5, by=BY)
    assert (now(plan).anchor_day, plan.next_due_on) == (5, date(2026, 12, 15))


def test_another_rhythm_begins_after_the_next_date() -> None:
    plan = builders.plan()
    plans.change_interval(plan.pk, "quarter", by=BY)
    assert (now(plan).interval, plan.next_due_on) == ("quarter", date(2026, 12, 15))
    with pytest.raises(plans.CannotChange):
        plans.change_interval(plan.pk, "weekly", by=BY)


def test_another_fund_only_if_it_is_offered() -> None:
    plan = builders.plan()
    fund = builders.fund(code="200-INV", name="Investigations")
    plans.change_fund(plan.pk, fund, by=BY)
    assert now(plan).fund == fund
    closed = Fund.objects.create(code="900", name="Closed", is_offered=False)
    with pytest.raises(plans.CannotChange):
        plans.change_fund(plan.pk, closed, by=BY)


def test_a_skipped_date_is_on_record_and_can_be_had_back() -> None:
    plan = builders.plan()
    due_on = date(2026, 12, 15)
    with at(TODAY):
        for _ in range(2):
            plans.skip_next(plan.pk, due_on, by=BY)
        assert now(plan).next_due_on == date(2027, 1, 15)
        one = plan.installments.get()
        assert (one.due_on, one.status, one.reason) == (due_on, "skipped", "asked")
        with pytest.raises(plans.CannotChange, match="next date has changed"):
            plans.skip_next(plan.pk, date(2027, 3, 15), by=BY)
        for _ in range(2):
            plans.unskip(plan.pk, due_on, by=BY)
    assert (now(plan).next_due_on, plan.installments.count()) == (due_on, 0)
    assert len(letters_of(plan)) == 1


def test_rule_57_a_pause_keeps_the_day_and_makes_nothing_up() -> None:
    plan = builders.plan()
    with at(TODAY):
        for _ in range(2):
            assert plans.pause(plan.pk, date(2027, 2, 26), by=BY) is None
        assert (now(plan).status, letters.next_on(plan)) == ("paused", date(2027, 3, 15))
        with pytest.raises(plans.CannotChange, match="twelve months"):
            plans.pause(plan.pk, date(2027, 12, 1), by=BY)
    with at(date(2027, 1, 20)):
        for _ in range(2):
            plans.resume(plan.pk, by=BY)
    assert (now(plan).status, plan.next_due_on, plan.paused_until) == ("active", date(2027, 2, 15), None)
    assert log(plan) == ["pause", "resume"]


def test_rule_63_stopping_takes_effect_at_once_and_keeps_their_words() -> None:
    plan = builders.plan()
    one = Installment.objects.create(
        plan=plan, due_on=date(2026, 11, 15), amount_minor=2500, currency="usd", status="retrying", tries=1
    )
    for _ in range(2):
        assert plans.stop(plan.pk, by=BY, words="Moving abroad.") is None
    one.refresh_from_db()
    assert (now(plan).status, plan.end, plan.end_reason) == ("ended", "asked", "Moving abroad.")
    assert (one.status, one.reason) == ("skipped", "stopped")
    assert [letter.subject for letter in letters_of(plan)] == ["Your monthly gift has ended"]
    for verb in (
        lambda: plans.change_amount(plan.pk, Money(3000), covers_fee=False, by=BY),
        lambda: plans.pause(plan.pk, date(2027, 1, 1), by=BY),
        lambda: plans.resume(plan.pk, by=BY),
    ):
        with pytest.raises(plans.CannotChange, match="has ended"):
            verb()


@pytest.mark.django_db(transaction=True)
def test_stopped_by_six_at_once_it_ends_once() -> None:
    plan = builders.plan()
    assert at_once(6, lambda index: plans.stop(plan.pk, by=BY)) == []
    assert log(plan) == ["end plan"]
    assert len(letters_of(plan)) == 1


def test_rule_57_beginning_again_is_a_new_agreement_on_the_same_card() -> None:
    plan = builders.plan(is_fee_covered=True)
    with at(TODAY):
        plans.stop(plan.pk, by=BY)
        new = plans.restart(plan.pk, date(2026, 12, 15), by=BY)
        assert plans.restart(plan.pk, date(2026, 12, 20), by=BY) == new
    assert (new.follows, new.status, new.next_due_on, new.anchor_day) == (plan, "active", date(2026, 12, 15), 15)
    assert (new.stripe_payment_method_id, new.amount_minor) == (plan.stripe_payment_method_id, 2500)
    assert "saved card $26.06 on the 15th of every month" in new.consent_text
    assert "until you stop it" in letters_of(new)[0].text


def test_with_an_expired_card_nothing_begins_again() -> None:
    plan = builders.plan(card_expires_on=date(2026, 11, 30))
    with at(TODAY):
        plans.stop(plan.pk, by=BY)
        with pytest.raises(plans.CannotChange, match="save another"):
            plans.restart(plan.pk, date(2026, 12, 15), by=BY)
    assert Plan.objects.count() == 1


@pytest.mark.parametrize("status", ["charging", "unknown", "processing"])
def test_while_the_last_charge_is_at_the_bank_nothing_begins_again(status: str) -> None:
    plan = builders.plan()
    with at(TODAY):
        one = {"due_on": TODAY, "amount_minor": 2500, "currency": "usd", "status": status, "sent_at": clock.now()}
        row = plan.installments.create(gift=builders.pending_gift(plan=plan), **one)
        assert plans.stop(plan.pk, by=BY) == row
        with pytest.raises(plans.CannotChange, match="still at your bank"):
            plans.restart(plan.pk, TODAY, by=BY)
        plan.installments.update(status="skipped", reason="stopped")
        assert plans.restart(plan.pk, TODAY, by=BY).next_due_on == TODAY


def test_what_staff_do_is_theirs_in_the_log() -> None:
    plan = builders.plan()
    plans.stop(plan.pk, by=plans.Agreed(actor="staff:7", reason="called on Tuesday"))
    entry = AuditEntry.objects.get(action="end plan")
    assert (entry.actor, now(plan).end) == ("staff:7", "staff")


def test_a_plan_managed_at_stripe_says_so() -> None:
    plan = builders.plan(provider="stripe", stripe_subscription_id="sub_1")
    with pytest.raises(plans.CannotChange, match="managed at Stripe"):
        plans.change_day(plan.pk, 3, by=BY)


def test_somebody_without_e_mail_gets_no_letter_and_the_change_all_the_same() -> None:
    plan = builders.plan(donor=builders.donor(email=None))
    plans.pause(plan.pk, clock.today() + plans.LONGEST_PAUSE, by=BY)
    assert now(plan).status == "paused"
    assert OutgoingEmail.objects.count() == 0


# --- ahead of time ----------------------------------------------------------------------------------------------------


def test_each_thing_that_comes_is_told_once() -> None:
    expiring = builders.plan(card_expires_on=date(2026, 11, 30))
    good = builders.plan()
    paused = builders.plan(status="paused", paused_until=date(2026, 12, 1))
    yearly = builders.plan(interval="year", next_due_on=date(2026, 12, 5))
    old = builders.plan(started_on=date(2024, 11, 26))
    with at(TODAY):
        assert [notices.tell(), notices.tell()] == [4, 0]
    assert [letter.subject for letter in letters_of(expiring)] == ["Your card expires soon"]
    assert letters_of(good) == []
    assert [letter.subject for letter in letters_of(paused)] == ["Your monthly gift goes on soon"]
    assert [letter.subject for letter in letters_of(yearly)] == ["Your yearly gift comes on December 5, 2026"]
    assert [letter.subject for letter in letters_of(old)] == ["Thank you for 2 years"]


def test_every_letter_about_a_plan_has_text_and_html_with_the_same_words() -> None:
    plan = builders.plan(
        interval="year", paused_until=date(2027, 3, 1), end="failed", ended_at=clock.now(), status="ended"
    )
    one = Installment(pk=1, plan=plan, due_on=date(2026, 12, 15), tries=1, code="insufficient_funds")
    made = [
        letters.changed(plan, "your gift is now $30 yearly", 1),
        letters.paused(plan, 2),
        letters.resumed(plan, 3),
        letters.restarted(plan),
        letters.card_updated(plan, 4),
        letters.ended(plan),
        letters.declined(plan, one, date(2026, 12, 18)),
        letters.needs_card(plan, one),
        letters.authenticate(plan, one),
        letters.card_expiring(plan),
        letters.resumes_soon(plan),
        letters.yearly_reminder(plan),
        letters.anniversary(plan, 1, "$300"),
    ]
    for letter in made:
        assert letter is not None
        assert letter.subject
        assert letter.text.count("yearly") + letter.subject.count("yearly") >= 1 or "card" in letter.subject
        assert f"/portal/monthly/{plan.pk}/" in letter.text
        assert f"/portal/monthly/{plan.pk}/" in letter.html
        assert "{" not in letter.text
        assert "None" not in letter.text


# --- what is to come --------------------------------------------------------------------------------------------------


def test_the_dry_run_counts_what_charging_will_do() -> None:
    builders.plan(is_fee_covered=True)
    builders.plan(interval="year", amount_minor=12000, card_expires_on=date(2026, 11, 30))
    builders.plan(status="paused", paused_until=date(2027, 3, 1))
    builders.plan(status="waiting", waiting_for="card")
    with at(date(2026, 12, 14)):
        found = forecast.dry_run(date(2026, 12, 15))
    assert found.charges == {("usd", "month"): (1, 2606), ("usd", "year"): (1, 12000)}
    assert found.left_out == {"the plan was paused": 1, "there was no card that worked": 1}
    assert (found.count, str(found.total()), found.expired_cards) == (2, "$146.06", 1)


def test_the_forecast_says_what_is_expected_and_what_of_it_is_at_risk() -> None:
    builders.plan()
    builders.plan(interval="quarter", amount_minor=9000, card_expires_on=date(2027, 1, 31))
    builders.plan(status="paused", paused_until=date(2027, 10, 1))
    builders.plan(status="past_due", amount_minor=1000)
    with at(TODAY):
        months = forecast.next_months(TODAY)
    assert [month.starts_on for month in months][:2] == [date(2026, 11, 1), date(2026, 12, 1)]
    assert [(m.expected_minor, m.at_risk_minor) for m in months] == [
        (0, 0),
        (12500, 1000),
        *[(3500, 1000)] * 2,
        (12500, 10000),
        *[(3500, 1000)] * 2,
        (12500, 10000),
        *[(3500, 1000)] * 2,
        (12500, 10000),
        (6000, 1000),
    ]
