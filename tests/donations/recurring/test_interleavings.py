"""Workers, news, cards and people in unlucky orders: no date is lost, nobody is charged or told what is not so."""

import threading
import time
from dataclasses import replace
from datetime import date, timedelta

import pytest
from django.db import connection, transaction
from django.test import override_settings

from donations import gateway, gifts
from donations.gateway.client import configured
from donations.models import Attempt, ChargeDay, Gift, Installment, Plan, Renewals
from donations.recurring import cards, charging, claims, dates, notices, outcomes, plans, states
from nonprofit import clock, nudge
from nonprofit.models import OutgoingEmail
from nonprofit.money import Money
from sandbox.server import Sandbox
from tests.donations.recurring.saved import (
    DECLINES,
    GOOD,
    assert_tied,
    at,
    attach,
    charge_all,
    claimed,
    only,
    paying,
    plan,
    taken,
    time_passes,
    told,
)
from tests.donations.test_payment import wish
from tests.donations.test_settle import at_once

pytestmark = [pytest.mark.django_db(transaction=True)]
DUE = date(2026, 12, 15)
BY = plans.Agreed()


def declined_without_charge(one: Installment, code: str = "expired_card") -> gateway.Payment:
    """Its payment as Stripe tells of a refusal for which no charge was made."""
    assert one.gift is not None
    error = gateway.Decline("", code, clock.now())
    return gateway.Payment(
        *(one.gift.payment_intent_id or "", "requires_payment_method", one.amount_minor, "usd", "secret", {}),
        *(None, None, "cus", error),
    )


def test_whoever_passed_by_a_plan_whose_cards_news_held_it_is_called_again(
    stripe_sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = plan(DECLINES)
    with at(DUE):
        charge_all()
        card = gateway.retrieve_card(attach(made, GOOD))
        cards.use(made.pk, card, actor="staff:1")
        called: list[str] = []
        monkeypatch.setattr(nudge, "now", called.append)
        with transaction.atomic():
            # Stripe's own news of the card, a moment after the page said the same.
            cards.use(made.pk, card, actor="staff:1")
            claims_beside: list[int] = []
            assert at_once(1, lambda _: claims_beside.append(charging.charge_due())) == []
            assert claims_beside == [0], "the plan was held, and nobody waits for it"
        assert called == ["donations.tasks.charge_installments"]
        charge_all()
    assert only(made).status == "paid"
    assert_tied()


# --- two workers ------------------------------------------------------------------------------------------------------


def test_a_slow_worker_does_not_close_what_another_has_seen_declined(stripe_sandbox: Sandbox) -> None:
    made = plan(DECLINES)
    with at(DUE):
        slow = claimed(made)
        charging._payment(slow)
        charging.charge(slow.pk)
        assert only(made).status == "retrying"
        assert charging._may_send(slow) is None
        charging._close(slow)
    assert gateway.retrieve_payment(paying(only(made))).status == "requires_payment_method"
    with at(DUE + timedelta(days=1)):
        cards.use(made.pk, gateway.retrieve_card(attach(made, GOOD)), actor="supporter")
        charge_all()
    assert only(made).status == "paid"
    assert_tied()


def test_a_slow_worker_sends_nothing_for_the_try_after_its_own(stripe_sandbox: Sandbox) -> None:
    made = plan(DECLINES)
    with at(DUE):
        slow = claimed(made)
        charging._payment(slow)
        charging.charge(slow.pk)
        cards.use(made.pk, gateway.retrieve_card(attach(made, GOOD)), actor="supporter")
        assert claims.claim(25) == [slow.pk]
        assert charging._may_send(slow) is None
        charging._close(slow)
        outcomes.refused(slow.pk, "idempotency_error", tries=slow.tries)
        now = only(made)
        assert (now.status, now.tries, now.sent_at) == ("charging", 2, None)
        charging.charge(slow.pk)
    assert only(made).status == "paid"
    assert taken() == [2500]


def test_one_date_that_cannot_be_booked_does_not_keep_the_others_waiting(stripe_sandbox: Sandbox) -> None:
    made = [plan() for _ in range(3)]
    with at(DUE), connection.cursor() as cursor:
        dates.come_due()
        cursor.execute(
            "CREATE FUNCTION a_mistake() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'a mistake'; END $$;"
            "CREATE TRIGGER a_mistake BEFORE INSERT ON donations_ledgerentry FOR EACH ROW"
            f" WHEN (NEW.donor_id = {made[0].donor_id}) EXECUTE FUNCTION a_mistake()"
        )
        try:
            assert charging.charge_due() == 3
        finally:
            cursor.execute("DROP FUNCTION a_mistake CASCADE")
        assert [only(one).status for one in made] == ["charging", "paid", "paid"]
        time_passes(only(made[0]))
        charge_all()
    assert only(made[0]).status == "paid"
    assert_tied()


def test_a_gift_is_changed_on_its_page_while_the_work_of_renewals_holds_its_plan() -> None:
    started = wish(frequency="monthly")
    gift = gifts.start_card(started)
    assert gift.plan is not None
    errors: list[BaseException] = []
    page = threading.Thread(target=lambda: errors.extend(at_once(1, lambda _: gifts.start_card(started))))
    with transaction.atomic():
        states.locked(gift.plan.pk)
        page.start()
        until_somebody_waits()
        # Whoever settles takes the plan and then its gift; the page must not hold the gift and wait for the plan.
        Gift.objects.select_for_update(nowait=True).get(pk=gift.pk)
    page.join(timeout=30)
    assert errors == []


def until_somebody_waits() -> None:
    """Another connection waits for a lock."""
    for _ in range(500):
        with connection.cursor() as cursor:
            cursor.execute("SELECT count(*) FROM pg_locks WHERE NOT granted")
            if cursor.fetchone()[0]:
                return
        time.sleep(0.02)
    raise AssertionError("nobody waits")


# --- news of earlier tries --------------------------------------------------------------------------------------------


def test_a_refusal_without_a_charge_is_not_taken_for_that_of_the_next_try(stripe_sandbox: Sandbox) -> None:
    made = plan(DECLINES)
    with at(DUE):
        one = claimed(made)
        charging._payment(one)
        assert charging._may_send(one)
        outcomes.apply(one.pk, declined_without_charge(only(made)), tries=1)
        assert only(made).status == "waiting"
        cards.use(made.pk, gateway.retrieve_card(attach(made, GOOD)), actor="supporter")
        assert claims.claim(25) == [one.pk]
        second = only(made)
        # Its worker dies between the record that it sends and the sending; late news of the first try come in.
        assert charging._may_send(second)
        outcomes.apply(one.pk, declined_without_charge(second))
        assert (only(made).status, Attempt.objects.count()) == ("charging", 1)
        assert not charging._is_answered(second, declined_without_charge(second))
        charging.charge(one.pk)
    assert only(made).status == "paid"
    assert_tied()


# --- mistakes of ours -------------------------------------------------------------------------------------------------


def test_with_a_wrong_key_nobody_is_told_that_their_card_was_declined(stripe_sandbox: Sandbox) -> None:
    made = plan()
    with at(DUE):
        dates.come_due()
        configured.cache_clear()
        with override_settings(STRIPE_SECRET_KEY="sk_test_wrong"):
            charging.charge_due()
        configured.cache_clear()
        assert (only(made).status, told()) == ("unknown", [])
        time_passes(only(made))
        charge_all()
    assert only(made).status == "paid"
    assert_tied()


def test_what_stripe_refuses_for_our_mistake_is_tried_again_without_a_letter_and_counts_for_the_alarm(
    stripe_sandbox: Sandbox,
) -> None:
    made = plan()
    with at(DUE):
        one = claimed(made)
        outcomes.refused(one.pk, "parameter_unknown", tries=1)
        made.refresh_from_db()
        assert (only(made).status, made.status, told()) == ("retrying", "active", [])
    with at(DUE + timedelta(days=3)):
        charge_all()
    assert only(made).status == "paid"
    Plan.objects.update(stripe_payment_method_id="pm_gone", next_due_on=date(2026, 12, 19))
    with at(date(2026, 12, 19)):
        charge_all()
        assert ChargeDay.objects.get(on=date(2026, 12, 19)).declined == 1


def test_old_news_that_the_bank_is_at_work_does_not_hold_a_declined_date(stripe_sandbox: Sandbox) -> None:
    made = plan(DECLINES)
    with at(DUE):
        charge_all()
        one = only(made)
        assert one.gift is not None
        declined = gateway.retrieve_payment(one.gift.payment_intent_id or "")
        outcomes.apply(one.pk, replace(declined, status="processing", last_error=None))
        assert only(made).status == "processing"
        outcomes.apply(one.pk, declined)
    assert (only(made).status, only(made).tries) == ("retrying", 1)
    one.gift.refresh_from_db()
    assert one.gift.status == "failed"


# --- switched off -----------------------------------------------------------------------------------------------------


def test_switched_off_nothing_is_sent_again_either(stripe_sandbox: Sandbox) -> None:
    made = plan()
    Renewals.objects.create(pk=1, is_on=True)
    with at(DUE):
        one = claimed(made)
        charging._payment(one)
        assert charging._may_send(one)
        Renewals.objects.update(is_on=False)
        charging.charge(one.pk)
        assert (only(made).status, taken()) == ("unknown", [])
        Renewals.objects.update(is_on=True)
        time_passes(one)
        charge_all()
    assert (only(made).status, only(made).tries) == ("paid", 1)
    assert_tied()


def test_a_date_that_became_too_old_while_charging_was_off_is_left_out(stripe_sandbox: Sandbox) -> None:
    made = plan()
    Renewals.objects.create(pk=1, is_on=False)
    with at(DUE):
        charge_all()
    with at(date(2027, 1, 12)):
        Renewals.objects.update(is_on=True)
        charge_all()
    with at(date(2027, 1, 15)):
        charge_all()
    came = made.installments.order_by("due_on").values_list("due_on", "status", "reason")
    assert list(came) == [(DUE, "skipped", "outage"), (date(2027, 1, 15), "paid", "")]
    assert taken() == [2500]


def test_an_amount_changed_while_a_claimed_charge_went_back_does_not_part_it_from_its_payment(
    stripe_sandbox: Sandbox,
) -> None:
    made = plan()
    Renewals.objects.create(pk=1, is_on=True)
    with at(DUE):
        one = claimed(made)
        Renewals.objects.update(is_on=False)
        charging.charge(one.pk)
        plans.change_amount(made.pk, Money(4000), covers_fee=False, by=BY)
        Renewals.objects.update(is_on=True)
        time_passes(one)
        charge_all()
    assert only(made).amount_minor == 2500
    assert "from January 15, 2027" in OutgoingEmail.objects.get(key__contains=":changed-").text
    assert_tied()


# --- what people are told ---------------------------------------------------------------------------------------------


def test_an_amount_changed_on_the_day_before_the_charge_says_that_it_counts_today(stripe_sandbox: Sandbox) -> None:
    made = plan()
    with at(DUE, hour=1):
        charge_all()
        assert only(made).status == "scheduled"
        plans.change_amount(made.pk, Money(4000), covers_fee=False, by=BY)
    assert "now $40 monthly, from December 15, 2026" in OutgoingEmail.objects.get(key__contains=":changed-").text
    with at(DUE):
        charge_all()
    assert taken() == [4000]


@pytest.mark.parametrize("verb", ["stop", "pause"])
def test_the_letter_tells_of_the_charge_that_is_under_way(stripe_sandbox: Sandbox, verb: str) -> None:
    made = plan()
    with at(DUE):
        one = claimed(made)
        charging._payment(one)
        assert charging._may_send(one)
        if verb == "stop":
            plans.stop(made.pk, by=BY)
        else:
            plans.pause(made.pk, date(2027, 3, 1), by=BY)
        charging.charge(one.pk)
    letter = OutgoingEmail.objects.get(template="plan")
    assert "$25.00 for December 15, 2026 may still go through" in letter.text
    assert (only(made).status, only(made).reason) == ("skipped", "stopped" if verb == "stop" else "paused")


def test_every_card_that_is_refused_for_good_is_told_of(stripe_sandbox: Sandbox) -> None:
    made = plan()
    Plan.objects.update(stripe_payment_method_id="pm_gone")
    with at(DUE):
        charge_all()
        cards.use(made.pk, gateway.retrieve_card(attach(made, GOOD)), actor="supporter")
        Plan.objects.update(stripe_payment_method_id="pm_gone_too")
        charge_all()
    one = only(made)
    assert [key for key in told() if key.startswith("needs")] == [f"needs-card-{one.pk}-1", f"needs-card-{one.pk}-2"]


# --- cards ------------------------------------------------------------------------------------------------------------


def test_late_news_of_a_card_do_not_bring_it_back_once_another_was_saved(stripe_sandbox: Sandbox) -> None:
    made = plan()
    first, second = (gateway.retrieve_card(attach(made, GOOD)) for _ in range(2))
    never_seen = gateway.retrieve_card(attach(made, GOOD))
    with at(DUE):
        before = clock.now() - timedelta(minutes=1)
        cards.use(made.pk, first, actor="supporter")
        cards.use(made.pk, second, actor="supporter")
        # The page comes back once more; the event of the first comes late; so does that of one between them.
        cards.use(made.pk, first, actor="supporter")
        cards.use(made.pk, first, actor="supporter", saved_at=before)
        cards.use(made.pk, never_seen, actor="supporter", saved_at=before)
        made.refresh_from_db()
        assert made.stripe_payment_method_id == second.payment_method_id
        cards.use(made.pk, never_seen, actor="supporter", saved_at=clock.now() + timedelta(minutes=1))
    made.refresh_from_db()
    assert made.stripe_payment_method_id == never_seen.payment_method_id


def test_after_a_new_card_trouble_counts_anew(stripe_sandbox: Sandbox) -> None:
    made = plan(status="waiting", waiting_for="authentication", trouble_since=date(2026, 10, 1))
    with at(DUE, hour=1):
        dates.come_due()
        cards.use(made.pk, gateway.retrieve_card(attach(made, DECLINES)), actor="supporter")
    with at(DUE):
        charge_all()
        made.refresh_from_db()
        assert (made.status, made.trouble_since) == ("past_due", DUE)
        assert notices.end_unpaid() == 0


# --- limits -----------------------------------------------------------------------------------------------------------


def test_a_limit_that_was_reached_already_is_no_limit_but_a_stop(stripe_sandbox: Sandbox) -> None:
    made = plan()
    with at(DUE):
        charge_all()
    for count, minor in ((1, None), (None, 2500)):
        with at(DUE), pytest.raises(plans.CannotChange, match="given already"):
            plans.change_limits(made.pk, ends_on=None, ends_after_count=count, ends_after_minor=minor, by=BY)
    made.refresh_from_db()
    assert (made.ends_after_count, made.ends_after_minor) == (None, None)
    with at(date(2027, 1, 15)):
        plans.change_limits(made.pk, ends_on=None, ends_after_count=2, ends_after_minor=None, by=BY)
        charge_all()
    made.refresh_from_db()
    assert (made.status, made.end) == ("ended", "completed")
