"""Refunds and disputes while everything breaks: workers killed, webhooks doubled and lost, Stripe silent."""

import time
from collections.abc import Iterator

import pytest

from donations import refunds
from donations.models import Dispute, Gift, Refund, StripeEvent
from nonprofit.money import Money
from tests import builders
from tests.faults.books import (
    assert_what_went_back_balances,
    forget_messages,
    is_finished,
    run,
    state,
    sweep,
    time_passes,
    wait,
)
from tests.faults.giver import Giver
from tests.faults.test_faults import locked, stuck_backends
from tests.stack import Stack

pytestmark = [pytest.mark.slow, pytest.mark.django_db]


@pytest.fixture(autouse=True)
def newsroom(stack: Stack) -> Iterator[None]:
    builders.campaign()
    yield
    forget_messages(stack)


def given(stack: Stack, count: int = 1) -> list[Gift]:
    """Gifts of 25 dollars each, settled and receipted."""
    for number in range(count):
        Giver(stack, email=f"p{number}@example.org").give()
    wait(lambda: is_finished(count), 60.0, what=state())
    return list(Gift.objects.order_by("pk"))


def charge_of(gift: Gift) -> str:
    return gift.ledger_entries.get(kind="gift").source


def ask(gift: Gift, minor: int) -> Refund:
    return refunds.request(gift.pk, refunds.Wish(Money(minor), "asked"), user=builders.staff("Staff"))


def until(stack: Stack, *statuses: str, seconds: float = 60.0) -> None:
    """The minute's sweeps run until the gifts, oldest first, stand so and no event waits."""
    deadline = time.monotonic() + seconds
    while True:
        now = tuple(Gift.objects.order_by("pk").values_list("status", flat=True))
        if now == statuses and not StripeEvent.objects.filter(state="waiting").exists():
            return
        assert time.monotonic() < deadline, (now, state(), list(Refund.objects.values()))
        sweep(stack)
        time.sleep(0.4)


def test_a_worker_dies_while_a_refund_is_booked(stack: Stack) -> None:
    """Stripe has given the money back; the worker is killed in the middle of booking it."""
    [gift] = given(stack)
    ask(gift, 1000)
    # Before the lock: it touches the receipts, too.
    time_passes()
    with locked(stack, "donations_receipt"):
        run(stack, "donations.tasks.sweep_refunds")
        wait(lambda: bool(stuck_backends(stack)), 30.0, what=state())
        stack.worker.kill()
    forget_messages(stack)
    stack.worker.start()
    until(stack, "settled")
    gift.refresh_from_db()
    assert gift.refunded_minor == 1000
    assert len(stack.control("state?kind=refund")["refunds"]) == 1
    assert_what_went_back_balances(stack)


def test_stripe_refunds_and_falls_silent(stack: Stack) -> None:
    [gift] = given(stack)
    fault = {"kind": "timeout_after", "path": "/v1/refunds", "method": "POST", "count": 2, "seconds": 0.2}
    stack.control("faults", fault)
    ask(gift, 2500)
    until(stack, "refunded")
    assert len(stack.control("state?kind=refund")["refunds"]) == 1
    assert_what_went_back_balances(stack)


def test_doubled_late_and_lost_news_of_refunds_and_disputes(stack: Stack) -> None:
    """Three refunds and a failure, a dispute won, one lost: each webhook three times at once, the rest found later."""
    refunded, won, lost = given(stack, 3)
    stack.control("faults", {"kind": "duplicate", "times": 3, "threads": 3})
    stack.control("faults", {"kind": "drop", "types": ["refund.created", "charge.dispute.closed"]})
    for minor in (500, 700, 300):
        made = stack.control("refund", {"charge": charge_of(refunded), "amount": minor})
    stack.control("refund-end", {"refund": made["id"], "outcome": "failed"})
    ids = [stack.control("dispute", {"charge": charge_of(gift)})["id"] for gift in (won, lost)]
    wait(lambda: Dispute.objects.count() == 2, 30.0, what=state())
    stack.control("dispute-win", {"dispute": ids[0]})
    stack.control("dispute-lose", {"dispute": ids[1]})
    run(stack, "donations.tasks.sweep_stripe")
    until(stack, "settled", "settled", "lost")
    refunded.refresh_from_db()
    assert refunded.refunded_minor == 1200
    assert_what_went_back_balances(stack)
