"""Charging installments: once, twice, at once, killed between any two steps, declined, unanswered, stopped."""

from datetime import date, timedelta

import pytest

from donations import gateway
from donations.gateway.client import client
from donations.models import Attempt, Donor, Gift, Installment, Plan, ReceiptDue, Renewals
from donations.recurring import cards, charging, dates, notices, outcomes, plans
from nonprofit.models import AuditEntry
from nonprofit.money import Money
from sandbox.server import Sandbox
from tests.donations.recurring.saved import (
    ASKS,
    DECLINES,
    GOOD,
    assert_tied,
    at,
    attach,
    charge_all,
    claimed,
    give,
    only,
    paying,
    plan,
    taken,
    time_passes,
    told,
)
from tests.donations.test_settle import at_once

pytestmark = [pytest.mark.django_db(transaction=True)]
DUE = date(2026, 12, 15)


# --- the usual way ----------------------------------------------------------------------------------------------------


def test_a_due_date_is_charged_booked_and_has_its_receipt_due(stripe_sandbox: Sandbox) -> None:
    made = plan(is_fee_covered=True, tribute="honor", tribute_name="Grandma")
    with at(DUE):
        charge_all()
    one = only(made)
    assert (one.status, one.tries, one.amount_minor) == ("paid", 1, 2606)
    gift = one.gift
    assert gift is not None
    assert (gift.status, gift.amount_minor, gift.covered_fee_minor, gift.frequency) == ("settled", 2606, 106, "monthly")
    assert (gift.donor, gift.plan, gift.tribute_name) == (made.donor, made, "Grandma")
    assert ReceiptDue.objects.filter(gift=gift).exists()
    assert taken() == [2606]
    payment = gateway.retrieve_payment(gift.payment_intent_id or "")
    assert {name: payment.metadata[name] for name in ("gift", "plan", "installment")} == {
        "gift": str(gift.pk),
        "plan": str(made.pk),
        "installment": str(one.pk),
    }
    assert_tied()


def test_charged_again_nothing_happens(stripe_sandbox: Sandbox) -> None:
    made = plan()
    with at(DUE):
        charge_all()
        charging.charge(only(made).pk)
        charge_all()
    assert taken() == [2500]
    assert_tied()


def test_eight_workers_at_once_are_one_charge(stripe_sandbox: Sandbox) -> None:
    made = [plan() for _ in range(6)]
    with at(DUE):
        dates.come_due()

        def work(_: int) -> None:
            while charging.charge_due(2):
                pass

        assert at_once(8, work) == []
    assert taken() == [2500] * len(made)
    assert_tied()


def test_the_same_installment_charged_by_eight_at_once_is_one_charge(stripe_sandbox: Sandbox) -> None:
    made = plan()
    with at(DUE):
        one = claimed(made)
        assert at_once(8, lambda _: charging.charge(one.pk)) == []
        time_passes(one)
        charge_all()
    assert only(made).status == "paid"
    assert taken() == [2500]
    assert_tied()


# --- killed, unanswered -----------------------------------------------------------------------------------------------


def test_killed_after_the_claim_another_worker_carries_on(stripe_sandbox: Sandbox) -> None:
    made = plan()
    with at(DUE):
        one = claimed(made)
        assert charging.charge_due() == 0
        time_passes(one)
        charge_all()
    assert (only(made).status, only(made).tries) == ("paid", 1)
    assert taken() == [2500]
    assert_tied()


@pytest.mark.parametrize("path", ["/v1/payment_intents", "/confirm"])
@pytest.mark.parametrize("kind", ["timeout_after", "close", "fail"])
def test_without_an_answer_stripe_is_asked_and_nothing_is_sent_twice(
    stripe_sandbox: Sandbox, kind: str, path: str
) -> None:
    made = plan()
    with at(DUE):
        # The SDK itself asks once more.
        slowness = {"seconds": 0.1} if kind == "timeout_after" else {}
        stripe_sandbox.faults.add(kind, path=path, method="POST", count=2, **slowness)
        dates.come_due()
        charging.charge_due()
        stripe_sandbox.faults.clear()
        one = only(made)
        assert one.status in ("unknown", "paid")
        time_passes(one)
        charge_all()
    assert (only(made).status, only(made).tries) == ("paid", 1)
    assert taken() == [2500]
    assert_tied()


def test_stripe_down_for_a_day_the_date_is_charged_once_when_it_is_back(stripe_sandbox: Sandbox) -> None:
    made = plan()
    stripe_sandbox.faults.add("down")
    with at(DUE):
        dates.come_due()
        charging.charge_due()
        assert only(made).status == "unknown"
    with at(DUE + timedelta(days=1)):
        charging.charge_due()
        stripe_sandbox.faults.clear()
        time_passes(only(made))
        charge_all()
    assert only(made).status == "paid"
    assert taken() == [2500]
    assert_tied()


def test_a_payment_whose_id_was_lost_is_found_when_its_key_is_too_old(stripe_sandbox: Sandbox) -> None:
    made = plan()
    with at(DUE):
        one = claimed(made)
        charging._payment(one)
        Gift.objects.filter(installment=one).update(payment_intent_id=None)
    with at(DUE + timedelta(days=2)):
        time_passes(one)
        charge_all()
    assert only(made).status == "paid"
    assert len(list(client().v1.payment_intents.list({"customer": made.stripe_customer_id}))) == 1
    assert_tied()


def test_killed_after_charging_the_webhook_books_it(stripe_sandbox: Sandbox) -> None:
    made = plan()
    with at(DUE):
        one = claimed(made)
        payment = charging._payment(one)
        assert charging._may_send(one)
        gateway.confirm_saved(payment.id, payment_method_id=made.stripe_payment_method_id, key="as-the-worker")
        outcomes.apply(one.pk, gateway.retrieve_payment(payment.id))
        outcomes.apply(one.pk, gateway.retrieve_payment(payment.id))
        charging.charge(one.pk)
    assert only(made).status == "paid"
    assert_tied()


# --- declined ---------------------------------------------------------------------------------------------------------


def test_a_soft_decline_is_tried_again_on_its_days_and_then_a_card_is_asked_for(stripe_sandbox: Sandbox) -> None:
    made = plan(DECLINES)
    tried: list[int] = []
    for day in range(40):
        with at(DUE + timedelta(days=day)):
            if day < 30:
                charging.charge_due() if day else charge_all()
        one = Installment.objects.get(plan=made, due_on=DUE)
        if one.tries > len(tried):
            tried.append(day)
    made.refresh_from_db()
    assert tried == [0, 3, 7, 14]
    assert (made.status, made.waiting_for, made.trouble_since) == ("waiting", "card", DUE)
    assert Attempt.objects.filter(outcome="declined").count() == 4
    assert told() == [f"declined-{one.pk}-{made.stripe_payment_method_id}", f"needs-card-{one.pk}-4"]
    assert taken() == []


def test_a_new_card_pays_at_once_by_the_same_payment(stripe_sandbox: Sandbox) -> None:
    made = plan(DECLINES)
    with at(DUE):
        charge_all()
        one = only(made)
        assert one.status == "retrying"
        was = paying(one)
        card = gateway.retrieve_card(attach(made, GOOD))
        cards.use(made.pk, card, actor="supporter")
        cards.use(made.pk, card, actor="supporter")
        charge_all()
    one = only(made)
    made.refresh_from_db()
    assert (one.status, one.tries, paying(one)) == ("paid", 2, was)
    assert (made.status, made.trouble_since) == ("active", None)
    assert taken() == [2500]
    assert told().count(f"card-{AuditEntry.objects.get(action='save card').pk}") == 1
    assert_tied()


def test_rule_62_the_bank_replaces_a_card_and_what_was_declined_is_tried_at_once(stripe_sandbox: Sandbox) -> None:
    made = plan(DECLINES)
    with at(DUE):
        charge_all()
        Plan.objects.update(stripe_payment_method_id=attach(made, GOOD), card_last4="0341")
        made.refresh_from_db()
        assert cards.updated(gateway.retrieve_card(made.stripe_payment_method_id)) == 1
        charge_all()
    assert only(made).status == "paid"
    assert "card" not in {key.split("-")[0] for key in told()}


def test_authentication_waits_for_the_supporter_and_is_not_retried(stripe_sandbox: Sandbox) -> None:
    made = plan(ASKS)
    with at(DUE):
        charge_all()
        made.refresh_from_db()
        one = only(made)
        assert (made.status, made.waiting_for, one.status) == ("waiting", "authentication", "waiting")
        charge_all()
    assert only(made).tries == 1
    assert told() == [f"authenticate-{one.pk}-1"]
    assert taken() == []


def test_a_card_that_is_gone_at_stripe_needs_another_and_nothing_is_lost(stripe_sandbox: Sandbox) -> None:
    made = plan()
    Plan.objects.update(stripe_payment_method_id="pm_gone")
    with at(DUE):
        charge_all()
        made.refresh_from_db()
        assert (made.status, made.waiting_for) == ("waiting", "card")
        cards.use(made.pk, gateway.retrieve_card(attach(made, GOOD)), actor="supporter")
        charge_all()
    assert only(made).status == "paid"
    assert_tied()


def test_a_decline_is_acted_on_once_however_often_it_is_told(stripe_sandbox: Sandbox) -> None:
    made = plan(DECLINES)
    with at(DUE):
        charge_all()
        one = only(made)
        payment = gateway.retrieve_payment(paying(one))
        outcomes.apply(one.pk, payment)
        outcomes.apply(one.pk, payment)
    again = only(made)
    assert (again.status, again.tries, again.next_try_at) == (one.status, 1, one.next_try_at)
    assert Attempt.objects.count() == 1


def test_after_sixty_days_without_a_card_the_plan_ends_and_says_so(stripe_sandbox: Sandbox) -> None:
    made = plan(DECLINES)
    give(made, "pm_card_chargeCustomerFail")
    Plan.objects.update(status="waiting", waiting_for="card", trouble_since=DUE)
    with at(DUE + timedelta(days=59)):
        assert notices.end_unpaid() == 0
    with at(DUE + timedelta(days=60)):
        assert [notices.end_unpaid(), notices.end_unpaid()] == [1, 0]
    made.refresh_from_db()
    assert (made.status, made.end) == ("ended", "failed")
    assert told() == ["ended"]


def test_a_plan_whose_new_card_is_still_to_be_tried_does_not_end(stripe_sandbox: Sandbox) -> None:
    made = plan(DECLINES)
    with at(DUE):
        charge_all()
    Renewals.objects.update_or_create(pk=1, defaults={"is_on": False})
    with at(DUE + timedelta(days=60)):
        Plan.objects.update(trouble_since=DUE)
        cards.use(made.pk, gateway.retrieve_card(attach(made, GOOD)), actor="staff:1")
        assert only(made).status == "retrying"
        assert notices.end_unpaid() == 0
    made.refresh_from_db()
    assert made.status == "past_due"


# --- changed while it is charged --------------------------------------------------------------------------------------


def test_stopped_after_the_claim_and_before_it_was_sent_nothing_is_charged(stripe_sandbox: Sandbox) -> None:
    made = plan()
    with at(DUE):
        one = claimed(made)
        charging._payment(one)
        assert plans.stop(made.pk, by=plans.Agreed()) is None
        charging.charge(one.pk)
        time_passes(one)
        charge_all()
        assert charging.close_unpaid() == 1
    one = only(made)
    assert (one.status, one.reason) == ("skipped", "stopped")
    assert taken() == []
    assert gateway.retrieve_payment(paying(one)).status == "canceled"


def test_stopped_when_it_may_be_at_the_bank_the_supporter_is_told_and_what_was_taken_is_booked(
    stripe_sandbox: Sandbox,
) -> None:
    made = plan()
    with at(DUE):
        stripe_sandbox.faults.add("timeout_after", path="/confirm", count=2, seconds=0.1)
        dates.come_due()
        charging.charge_due()
        stripe_sandbox.faults.clear()
        assert only(made).status == "unknown"
        assert plans.stop(made.pk, by=plans.Agreed()) == only(made)
        time_passes(only(made))
        charge_all()
    made.refresh_from_db()
    assert (only(made).status, made.status) == ("paid", "ended")
    assert taken() == [2500]
    assert_tied()


def test_stopped_when_stripe_never_got_it_nothing_is_sent_afterwards(stripe_sandbox: Sandbox) -> None:
    made = plan()
    with at(DUE):
        stripe_sandbox.faults.add("close", path="/confirm", count=2)
        dates.come_due()
        charging.charge_due()
        stripe_sandbox.faults.clear()
        plans.stop(made.pk, by=plans.Agreed())
        time_passes(only(made))
        charge_all()
    assert (only(made).status, only(made).reason) == ("skipped", "stopped")
    assert taken() == []


def test_paused_while_it_is_tried_again_nothing_more_is_tried(stripe_sandbox: Sandbox) -> None:
    made = plan(DECLINES)
    with at(DUE):
        charge_all()
        plans.pause(made.pk, date(2027, 3, 1), by=plans.Agreed())
    with at(DUE + timedelta(days=3)):
        charge_all()
    one = only(made)
    assert (one.status, one.reason, one.tries) == ("skipped", "paused", 1)


def test_rule_56_a_changed_amount_leaves_the_declined_charge_as_it_was(stripe_sandbox: Sandbox) -> None:
    made = plan(DECLINES)
    with at(DUE):
        charge_all()
        plans.change_amount(made.pk, Money(4000), covers_fee=False, by=plans.Agreed())
        cards.use(made.pk, gateway.retrieve_card(attach(made, GOOD)), actor="supporter")
        charge_all()
    with at(date(2027, 1, 15)):
        charge_all()
    assert taken() == [4000, 2500]
    assert_tied()


def test_the_new_card_is_asked_when_it_is_replaced_before_the_try_was_claimed(stripe_sandbox: Sandbox) -> None:
    made = plan(DECLINES)
    with at(DUE):
        dates.come_due()
        cards.use(made.pk, gateway.retrieve_card(attach(made, GOOD)), actor="supporter")
        charge_all()
    assert only(made).status == "paid"


def test_rule_83_who_died_before_the_charge_is_not_charged(stripe_sandbox: Sandbox) -> None:
    made = plan()
    with at(DUE):
        dates.come_due()
        Donor.objects.update(is_deceased=True)
        charge_all()
    made.refresh_from_db()
    assert (only(made).status, made.end) == ("skipped", "deceased")
    assert taken() == []
