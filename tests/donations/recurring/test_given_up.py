"""Dates that are given up: closed at Stripe before the next one is charged, whichever of the two yeses comes first."""

from datetime import date, timedelta

import pytest
import requests

from donations import gateway
from donations.gateway.client import client
from donations.models import Gift, Installment, Plan
from donations.recurring import cards, charging, claims, dates, notices, outcomes, plans
from nonprofit import clock
from sandbox.server import Sandbox
from tests import builders
from tests.donations.recurring.saved import (
    ASKS,
    DECLINES,
    GOOD,
    assert_tied,
    at,
    attach,
    charge_all,
    give,
    only,
    paying,
    plan,
    taken,
    told,
)
from tests.donations.test_settle import at_once

pytestmark = [pytest.mark.django_db(transaction=True)]
DUE, NEXT = date(2026, 12, 15), date(2027, 1, 15)


class Asked:
    """A plan whose bank has asked about its first date, and whose supporter has the bank's page open."""

    def __init__(self, sandbox: Sandbox, **fields: object) -> None:
        self.plan = plan(ASKS, **fields)
        with at(DUE):
            charge_all()
            one = only(self.plan)
            intent = client().v1.payment_intents.confirm(
                paying(one), {"payment_method": self.plan.stripe_payment_method_id}
            )
            outcomes.apply(one.pk, gateway.retrieve_payment(intent.id))
        assert intent.next_action is not None
        assert intent.next_action.use_stripe_sdk is not None
        source = intent.next_action.use_stripe_sdk["source"]
        self._address = f"{sandbox.url}/js/three-ds"
        self._answer = {"client_secret": intent.client_secret, "source": source, "passed": True}

    def says_yes(self) -> bool:
        """The supporter answers their bank; False when the question was over."""
        return requests.post(self._address, json=self._answer, timeout=10).status_code == 200

    @property
    def first(self) -> Installment:
        return self.plan.installments.select_related("gift").get(due_on=DUE)

    @property
    def at_stripe(self) -> str:
        return gateway.retrieve_payment(paying(self.first)).status


def came(made: Plan) -> list[tuple[date, str, str]]:
    return list(made.installments.order_by("due_on").values_list("due_on", "status", "reason"))


# --- a late yes -------------------------------------------------------------------------------------------------------


def test_the_date_is_closed_at_stripe_before_the_next_is_charged(stripe_sandbox: Sandbox) -> None:
    asked = Asked(stripe_sandbox)
    give(asked.plan, GOOD)
    with at(NEXT):
        dates.come_due()
        assert came(asked.plan)[0] == (DUE, "failed", "unanswered")
        charging.charge_due()
        assert (asked.at_stripe, asked.says_yes()) == ("canceled", False)
    assert came(asked.plan) == [(DUE, "failed", "unanswered"), (NEXT, "paid", "")]
    assert taken() == [2500]
    assert_tied()


def test_the_yes_was_first_the_date_is_paid_as_its_own_and_nothing_is_lost(stripe_sandbox: Sandbox) -> None:
    asked = Asked(stripe_sandbox)
    give(asked.plan, GOOD)
    with at(NEXT):
        dates.come_due()
        # In the moment between giving it up and closing it; its event comes late.
        assert asked.says_yes()
        charge_all()
        outcomes.apply(asked.first.pk, gateway.retrieve_payment(paying(asked.first)))
    assert came(asked.plan) == [(DUE, "paid", ""), (NEXT, "paid", "")]
    assert taken() == [2500, 2500]
    assert_tied()


def test_the_yes_and_the_closing_at_once_are_one_or_the_other(stripe_sandbox: Sandbox) -> None:
    asked = [Asked(stripe_sandbox) for _ in range(3)]
    with at(NEXT):
        dates.come_due()
        yes: list[bool] = []
        work = [*(lambda one=one: yes.append(one.says_yes()) for one in asked), *[charging.close_unpaid] * 2]
        assert at_once(len(work), lambda n: work[n]()) == []
    for one in asked:
        assert (one.at_stripe, one.first.status) in {("canceled", "failed"), ("succeeded", "paid")}
    assert len(taken()) == sum(yes)
    assert charging.unclosed().count() == 0
    assert_tied()


def test_while_the_closing_is_not_answered_the_next_date_waits_and_nothing_is_charged(stripe_sandbox: Sandbox) -> None:
    asked = Asked(stripe_sandbox)
    give(asked.plan, GOOD)
    stripe_sandbox.faults.add("fail", path="/cancel", method="POST", count=2)
    with at(NEXT):
        charge_all()
        assert (came(asked.plan)[1][1], taken()) == ("unknown", [])
        Installment.objects.filter(status="unknown").update(next_try_at=clock.now())
        charge_all()
    assert came(asked.plan)[1] == (NEXT, "paid", "")
    assert taken() == [2500]
    assert_tied()


def test_while_a_bank_is_at_work_on_the_earlier_date_the_next_waits(stripe_sandbox: Sandbox) -> None:
    asked = Asked(stripe_sandbox)
    with at(NEXT):
        dates.come_due()
        Gift.objects.filter(installment=asked.first).update(status=Gift.Status.PROCESSING)
        # Stripe has it in a state in which it can neither be paid nor closed.
        with stripe_sandbox.store.transaction():
            store = stripe_sandbox.call().store
            intent = store.get("payment_intent", paying(asked.first), param="intent")
            store.save(intent | {"status": "a state to come"})
        charging.charge_due()
    second = asked.plan.installments.get(due_on=NEXT)
    assert (second.status, second.tries, second.sent_at) == ("scheduled", 0, None)
    assert taken() == []


def test_a_payment_that_stripe_does_not_know_holds_nobody_up(stripe_sandbox: Sandbox) -> None:
    asked = Asked(stripe_sandbox)
    give(asked.plan, GOOD)
    with at(NEXT):
        Gift.objects.filter(installment=asked.first).update(payment_intent_id="pi_gone")
        charge_all()
    assert came(asked.plan)[1] == (NEXT, "paid", "")


@pytest.mark.parametrize("verb", ["stop", "pause"])
def test_what_is_left_out_can_not_be_paid_afterwards_either(stripe_sandbox: Sandbox, verb: str) -> None:
    asked = Asked(stripe_sandbox)
    with at(DUE):
        if verb == "stop":
            plans.stop(asked.plan.pk, by=plans.Agreed())
        else:
            plans.pause(asked.plan.pk, NEXT, by=plans.Agreed())
        assert [charging.close_unpaid(), charging.close_unpaid()] == [1, 0]
        assert not asked.says_yes()
    assert taken() == []


# --- a question that nobody answers -----------------------------------------------------------------------------------


def test_a_question_left_open_does_not_keep_a_new_card_from_paying(stripe_sandbox: Sandbox) -> None:
    asked = Asked(stripe_sandbox)
    was = paying(asked.first)
    with at(DUE + timedelta(days=3)):
        cards.use(asked.plan.pk, gateway.retrieve_card(attach(asked.plan, GOOD)), actor="supporter")
        # Late news of the question change nothing any more.
        outcomes.apply(asked.first.pk, gateway.retrieve_payment(was))
        assert asked.first.status == "retrying"
        charge_all()
        assert not asked.says_yes()
    assert (asked.first.status, paying(asked.first)) == ("paid", was)
    assert taken() == [2500]
    assert_tied()


def test_a_question_about_the_card_that_is_charged_stands_and_nothing_is_sent_beside_it(
    stripe_sandbox: Sandbox,
) -> None:
    asked = Asked(stripe_sandbox)
    with at(DUE + timedelta(days=3)):
        Installment.objects.update(status="retrying", next_try_at=clock.now())
        charge_all()
        assert asked.first.status == "waiting"
        assert asked.says_yes()
        charging.ask(asked.first.pk)
    assert asked.first.status == "paid"
    assert_tied()


def test_a_yearly_question_is_closed_after_the_days_of_the_policy_and_says_why(stripe_sandbox: Sandbox) -> None:
    asked = Asked(stripe_sandbox, interval=Plan.Interval.YEAR)
    with at(DUE + timedelta(days=59)):
        assert notices.end_unpaid() == 0
    with at(DUE + timedelta(days=60)):
        assert [notices.end_unpaid(), notices.end_unpaid()] == [1, 0]
        assert [charging.close_unpaid(), charging.close_unpaid()] == [1, 0]
        assert (asked.at_stripe, asked.says_yes()) == ("canceled", False)
    assert came(asked.plan) == [(DUE, "failed", "unanswered")]
    assert (Plan.objects.get().end, taken()) == ("failed", [])


# --- closing ----------------------------------------------------------------------------------------------------------


def test_what_cannot_be_closed_does_not_keep_the_others_from_being_closed(stripe_sandbox: Sandbox) -> None:
    stuck = [builders.pending_gift(payment_intent_id=f"pi_gone_{n}", plan=builders.plan()) for n in range(3)]
    for gift in stuck:
        assert gift.plan is not None
        Installment.objects.create(
            plan=gift.plan, due_on=DUE, amount_minor=2500, currency="usd", status="failed", reason="declined", gift=gift
        )
    asked = Asked(stripe_sandbox)
    with at(DUE):
        plans.stop(asked.plan.pk, by=plans.Agreed())
    for hour in (13, 14):
        with at(DUE, hour):
            charging.close_unpaid(limit=2)
    assert asked.at_stripe == "canceled"
    assert charging.unclosed().count() == 3


# --- cards that are replaced ------------------------------------------------------------------------------------------


def test_a_new_card_that_is_declined_softly_brings_its_own_letter(stripe_sandbox: Sandbox) -> None:
    made = plan(DECLINES)
    with at(DUE):
        charge_all()
        first = made.stripe_payment_method_id
        cards.use(made.pk, gateway.retrieve_card(attach(made, DECLINES)), actor="supporter")
        charge_all()
    with at(DUE + timedelta(days=7)):
        charge_all()
    one, made = only(made), Plan.objects.get()
    assert one.tries == 3
    declined = [key for key in told() if key.startswith("declined")]
    assert declined == [f"declined-{one.pk}-{first}", f"declined-{one.pk}-{made.stripe_payment_method_id}"]


@pytest.mark.parametrize("card", [DECLINES, "pm_gone"])
def test_a_card_replaced_while_it_was_asked_is_not_spoken_of_and_the_new_one_pays(
    stripe_sandbox: Sandbox, card: str
) -> None:
    made = plan(DECLINES)
    if card == "pm_gone":
        Plan.objects.update(stripe_payment_method_id=card)
    with at(DUE):
        dates.come_due()
        (held,) = claims.claim(25)
        cards.use(made.pk, gateway.retrieve_card(attach(made, GOOD)), actor="supporter")
        charging.charge(held)
        made.refresh_from_db()
        assert (only(made).status, made.status) == ("retrying", "past_due")
        charge_all()
    assert (only(made).status, only(made).tries) == ("paid", 2)
    assert [key.split("-")[0] for key in told()] == ["card"]
    assert_tied()
