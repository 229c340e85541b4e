"""A gift and its PaymentIntent at the stand-in Stripe: made once, changed safely, checked, expired, swept."""

from collections.abc import Callable
from uuid import uuid4

import pytest
from django.conf import settings
from django.db import transaction

from donations import gateway, gifts, inbox
from donations.gateway import client
from donations.models import EventSweep, Gift, LedgerEntry, Plan, StripeEvent
from nonprofit.money import Money
from sandbox.server import Sandbox
from tests import builders
from tests.donations.test_settle import at_once

pytestmark = pytest.mark.usefixtures("transactional_db")


def wish(**changes: object) -> gifts.CardGift:
    fields: dict[str, object] = {
        "form_attempt": uuid4(),
        "frequency": "once",
        "amount": Money(2500),
        "covered_fee": Money(0),
        "contact": gifts.Contact("Ana Silva", "ana@example.org"),
        "fund": builders.fund(),
        "campaign": builders.campaign(),
        **changes,
    }
    return gifts.CardGift(**fields)  # type: ignore[arg-type]


def confirm(payment: gateway.Payment, method: str = "pm_card_visa") -> None:
    """The browser's part, done with the SDK."""
    client.configured().v1.payment_intents.confirm(
        payment.id, {"payment_method": method, "return_url": "http://127.0.0.1/"}
    )


def objects(sandbox: Sandbox, kind: str) -> list[dict[str, object]]:
    return list(sandbox.store.newest_first(kind))


def test_opening_twice_and_at_once_makes_one_payment(stripe_sandbox: Sandbox) -> None:
    gift = gifts.start_card(wish())
    seen: list[str] = []
    errors = at_once(5, lambda _: seen.append(gifts.open_payment(Gift.objects.get(pk=gift.pk)).id))
    # Stripe answers 409 while the first request with a key is running; asking again then gives the same payment.
    assert all(isinstance(error, gateway.GatewayUnavailable) for error in errors)
    seen.append(gifts.open_payment(Gift.objects.get(pk=gift.pk)).id)
    assert len(set(seen)) == 1
    assert len(objects(stripe_sandbox, "payment_intent")) == 1


def test_the_same_form_at_once_is_one_gift(stripe_sandbox: Sandbox) -> None:
    one = wish()
    assert at_once(8, lambda _: gifts.start_card(one)) == []
    assert Gift.objects.count() == 1


def test_what_stripe_is_told_names_the_gift_and_no_person(stripe_sandbox: Sandbox) -> None:
    gift = gifts.start_card(wish())
    payment = gifts.open_payment(gift)
    assert dict(payment.metadata) == {
        "app": "more-ways-to-give",
        "gift": str(gift.pk),
        "environment": settings.BASE_URL,
    }
    (made,) = objects(stripe_sandbox, "payment_intent")
    assert made["description"] == f"Gift {gift.public_id}"
    assert "Ana" not in str(made)


def test_a_changed_amount_closes_the_old_payment_first(stripe_sandbox: Sandbox) -> None:
    first = wish()
    old = gifts.open_payment(gifts.start_card(first))
    new = gifts.open_payment(gifts.start_card(wish(form_attempt=first.form_attempt, amount=Money(4000))))
    assert new.id != old.id
    assert gateway.retrieve_payment(old.id).status == "canceled"
    assert Gift.objects.get().payment_intent_id == new.id


def test_a_gift_that_was_paid_meanwhile_is_not_opened_again(stripe_sandbox: Sandbox) -> None:
    first = wish()
    old = gifts.open_payment(gifts.start_card(first))
    confirm(old)
    again = gifts.open_payment(gifts.start_card(wish(form_attempt=first.form_attempt, amount=Money(4000))))
    assert (again.id, again.status) == (old.id, "succeeded")


def test_monthly_saves_the_card_on_a_customer_for_later(stripe_sandbox: Sandbox) -> None:
    gift = gifts.start_card(wish(frequency="monthly", amount=Money(1575), covered_fee=Money(75)))
    payment = gifts.open_payment(gift)
    confirm(payment)
    gifts.check(Gift.objects.get())
    plan = Plan.objects.get()
    assert (plan.amount_minor, plan.is_fee_covered, plan.status) == (1500, True, "active")
    assert plan.stripe_customer_id == payment.customer_id
    assert len(objects(stripe_sandbox, "customer")) == 1
    # Our schedule charges cards, so nothing else may begin a gift that recurs.
    assert [one["allowed_payment_method_types"] for one in objects(stripe_sandbox, "payment_intent")] == [["card"]]


def test_switching_from_monthly_to_once_saves_nothing(stripe_sandbox: Sandbox) -> None:
    first = wish(frequency="monthly")
    gifts.open_payment(gifts.start_card(first))
    payment = gifts.open_payment(gifts.start_card(wish(form_attempt=first.form_attempt)))
    assert payment.customer_id == ""
    assert gateway.client.client().v1.payment_intents.retrieve(payment.id).allowed_payment_method_types == [
        "card",
        "link",
    ]
    confirm(payment)
    gift = gifts.check(Gift.objects.get())
    assert gift.plan is None
    assert not Plan.objects.filter(status="active").exists()


def test_stripe_is_never_called_with_a_transaction_open(stripe_sandbox: Sandbox) -> None:
    gift = gifts.start_card(wish())
    with transaction.atomic(), pytest.raises(RuntimeError, match="commit first"):
        gifts.open_payment(gift)
    assert objects(stripe_sandbox, "payment_intent") == []


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        ({"kind": "down"}, gateway.GatewayUnavailable),
        ({"kind": "close"}, gateway.GatewayUnavailable),
        ({"kind": "fail", "status": 429}, gateway.GatewayUnavailable),
        ({"kind": "fail", "status": 500}, gateway.GatewayUnavailable),
    ],
)
def test_trouble_at_stripe_has_a_name_and_makes_nothing_of_ours(
    stripe_sandbox: Sandbox, fault: dict[str, object], error: type[Exception]
) -> None:
    stripe_sandbox.faults.add(**fault)  # type: ignore[arg-type]
    with pytest.raises(error):
        gifts.open_payment(gifts.start_card(wish()))
    stripe_sandbox.faults.clear()
    assert Gift.objects.get().payment_intent_id is None
    assert gifts.open_payment(Gift.objects.get()).status == "requires_payment_method"


def sweep_and_handle() -> None:
    inbox.sweep_stripe()
    StripeEvent.objects.filter(state="waiting").update(next_try_at="2020-01-01T00:00:00+00:00")
    while inbox.handle_due():
        pass


def test_the_sweep_reads_what_no_webhook_brought_and_reads_it_once(stripe_sandbox: Sandbox) -> None:
    confirm(gifts.open_payment(gifts.start_card(wish())))
    assert inbox.sweep_stripe() >= 1
    assert inbox.sweep_stripe() == 0
    assert EventSweep.objects.count() == 1
    inbox.handle_due()
    assert Gift.objects.get().status == "settled"
    assert LedgerEntry.objects.count() == 2


def test_a_fee_that_stripe_knows_later_is_booked_later(stripe_sandbox: Sandbox) -> None:
    stripe_sandbox.faults.add("late_fee", seconds=4.0, count=1)
    confirm(gifts.open_payment(gifts.start_card(wish())))
    sweep_and_handle_once = inbox.sweep_stripe()
    assert sweep_and_handle_once >= 1
    inbox.handle_due()
    assert list(LedgerEntry.objects.values_list("kind", flat=True)) == ["gift"]
    waiting = StripeEvent.objects.get(state="waiting")
    assert "fee" in waiting.trouble
    _wait(lambda: bool(objects(stripe_sandbox, "balance_transaction")))
    StripeEvent.objects.update(next_try_at="2020-01-01T00:00:00+00:00")
    inbox.handle_due()
    assert LedgerEntry.objects.filter(kind="fee").count() == 1
    assert not StripeEvent.objects.filter(state="waiting").exists()


def _wait(until: Callable[[], bool]) -> None:
    import time

    for _ in range(400):
        if until():
            return
        time.sleep(0.05)
    raise AssertionError("it did not happen")


def test_an_event_that_cannot_be_handled_now_comes_again_and_holds_up_nobody(stripe_sandbox: Sandbox) -> None:
    confirm(gifts.open_payment(gifts.start_card(wish())))
    confirm(gifts.open_payment(gifts.start_card(wish())))
    inbox.sweep_stripe()
    first = Gift.objects.earliest("pk")
    stripe_sandbox.faults.add("fail", path=f"/v1/payment_intents/{first.payment_intent_id}", status=500, count=2)
    inbox.handle_due()
    assert Gift.objects.settled().count() == 1
    waiting = StripeEvent.objects.get(state="waiting")
    assert waiting.tries == 1
    assert "GatewayUnavailable" in waiting.trouble
    sweep_and_handle()
    assert Gift.objects.settled().count() == 2


def test_an_abandoned_gift_is_closed_at_stripe_first(stripe_sandbox: Sandbox) -> None:
    payment = gifts.open_payment(gifts.start_card(wish()))
    gift = gifts.expire(Gift.objects.get())
    assert gift.status == "expired"
    assert gateway.retrieve_payment(payment.id).status == "canceled"


def test_an_abandoned_gift_that_was_paid_after_all_is_settled(stripe_sandbox: Sandbox) -> None:
    confirm(gifts.open_payment(gifts.start_card(wish())))
    assert gifts.expire(Gift.objects.get()).status == "settled"


def test_an_expired_gift_can_be_paid_when_the_supporter_comes_back(stripe_sandbox: Sandbox) -> None:
    first = wish()
    gifts.open_payment(gifts.start_card(first))
    gifts.expire(Gift.objects.get())
    payment = gifts.open_payment(gifts.start_card(first))
    assert payment.status == "requires_payment_method"
    confirm(payment)
    assert gifts.check(Gift.objects.get()).status == "settled"
