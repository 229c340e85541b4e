"""Everything that can break between a supporter's card and their receipt breaks here; the books must balance."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
import pytest

from donations.models import Gift, LedgerEntry, Receipt, ReceiptDue, ReceiptPdf, StripeEvent
from nonprofit.models import OutgoingEmail
from tests import builders
from tests.faults.books import (
    assert_balanced,
    forget_messages,
    is_finished,
    mailbox,
    run,
    settle_down,
    state,
    sweep,
    wait,
)
from tests.faults.giver import Giver
from tests.stack import Stack

pytestmark = [pytest.mark.slow, pytest.mark.django_db]


@pytest.fixture(autouse=True)
def newsroom(stack: Stack) -> Iterator[None]:
    builders.campaign()
    yield
    forget_messages(stack)


@contextmanager
def locked(stack: Stack, table: str) -> Iterator[None]:
    """Nobody can write to `table` meanwhile: a worker stops there, in the middle of its transaction."""
    with psycopg.connect(stack.site.database_url) as other:
        other.execute(f"LOCK TABLE {table} IN EXCLUSIVE MODE")
        yield
        other.rollback()


def stuck_backends(stack: Stack) -> list[int]:
    """The database sessions that wait for a lock."""
    with psycopg.connect(stack.site.database_url, autocommit=True) as other:
        rows = other.execute(
            "SELECT pid FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
        )
        return [pid for (pid,) in rows]


def test_all_is_well(stack: Stack) -> None:
    started = Giver(stack).give()
    wait(lambda: is_finished(1), what=state())
    assert_balanced(stack, 1)
    told = Giver(stack).status(started)
    assert told["state"] == "settled"
    assert told["receipt"] == Receipt.objects.get().number


def test_stripe_charges_and_never_answers_the_browser(stack: Stack) -> None:
    giver = Giver(stack)
    started = giver.start()
    stack.control("faults", {"kind": "timeout_after", "path": "/confirm", "count": 1, "seconds": 0.2})
    assert giver.pay(started) is None
    wait(lambda: is_finished(1), what=state())
    assert_balanced(stack, 1)
    # The supporter sends the form again, as people do.
    again = giver.send({**giver.page(), "attempt": str(Gift.objects.get().form_attempt)})
    assert again.json() == {"redirect": started["thanks_url"]}
    assert_balanced(stack, 1)


def test_stripe_makes_the_payment_and_never_answers_us(stack: Stack) -> None:
    stack.control("faults", {"kind": "timeout_after", "path": "/v1/payment_intents", "count": 1, "seconds": 0.2})
    Giver(stack).give()
    wait(lambda: is_finished(1), what=state())
    assert_balanced(stack, 1)
    assert len(stack.control("state?kind=payment_intent")["payment_intents"]) == 1


def test_stripe_is_down_and_comes_back(stack: Stack) -> None:
    giver = Giver(stack)
    fields = giver.page()
    stack.control("faults", {"kind": "down", "path": "/v1/"})
    refused = giver.send(fields)
    assert refused.status_code == 503
    assert "Nothing was charged" in str(refused.json()["errors"]["__all__"])
    assert "Traceback" not in refused.text
    stack.control("faults", method="DELETE", body={})
    started = giver.send(fields)
    assert started.status_code == 200
    giver.pay(started.json())
    wait(lambda: is_finished(1), what=state())
    assert_balanced(stack, 1)


def test_stripe_is_down_while_the_event_is_handled(stack: Stack) -> None:
    giver = Giver(stack)
    started = giver.start()
    stack.control("faults", {"kind": "down", "path": "/v1/payment_intents", "method": "GET"})
    giver.pay(started)
    wait(lambda: StripeEvent.objects.filter(type="payment_intent.succeeded", tries__gte=1).exists(), what=state())
    assert Gift.objects.settled().count() == 0
    stack.control("faults", method="DELETE", body={})
    settle_down(stack, 1)
    assert_balanced(stack, 1)


def test_every_webhook_arrives_twenty_times_from_threads(stack: Stack) -> None:
    stack.control("faults", {"kind": "duplicate", "times": 20, "threads": 20})
    for number in range(3):
        Giver(stack, email=f"p{number}@example.org").give()
    wait(lambda: is_finished(3), what=state())
    assert_balanced(stack, 3)


def test_webhooks_arrive_backwards(stack: Stack) -> None:
    stack.control("faults", {"kind": "reorder", "size": 6})
    giver = Giver(stack)
    started = giver.start()
    declined = giver.pay(started, "pm_card_visa_chargeDeclined")
    assert declined is not None
    assert declined.status_code == 402
    giver.pay(started)
    Giver(stack, email="second@example.org").give()
    stack.control("faults", method="DELETE", body={})
    wait(lambda: is_finished(2), what=state())
    assert_balanced(stack, 2)


def test_webhooks_are_lost_and_the_hourly_sweep_finds_them(stack: Stack) -> None:
    stack.control("faults", {"kind": "drop"})
    for number in range(3):
        Giver(stack, email=f"p{number}@example.org").give()
    assert StripeEvent.objects.count() == 0
    run(stack, "donations.tasks.sweep_stripe")
    wait(lambda: is_finished(3), what=state())
    assert_balanced(stack, 3)
    run(stack, "donations.tasks.sweep_stripe")
    stack.wait_until_idle()
    assert_balanced(stack, 3)


def test_a_waiting_supporter_is_told_though_the_webhook_is_lost(stack: Stack) -> None:
    stack.control("faults", {"kind": "drop"})
    giver = Giver(stack)
    started = giver.give()
    with psycopg.connect(stack.site.database_url, autocommit=True) as other:
        other.execute(
            "UPDATE donations_gift"
            " SET started_at = now() - interval '1 minute', changed_at = now() - interval '1 minute'"
        )
    wait(lambda: bool(giver.status(started)["state"] == "settled"), what=state())


@pytest.mark.parametrize(
    ("table", "where"),
    [
        ("donations_receiptdue", "in the middle of settling"),
        ("donations_receiptbook", "between settling and numbering"),
        ("nonprofit_storedfile", "between numbering and keeping the PDF"),
        ("nonprofit_outgoingemail", "between the PDF and the letter"),
    ],
)
def test_the_worker_is_killed(stack: Stack, table: str, where: str) -> None:
    with locked(stack, table):
        Giver(stack).give()
        wait(lambda: bool(stuck_backends(stack)), what=f"a worker stopped {where}: {state()}")
        stack.worker.kill()
    with psycopg.connect(stack.site.database_url, autocommit=True) as other:
        other.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND state LIKE 'idle in transaction%' AND pid <> pg_backend_pid()"
        )
    assert not is_finished(1)
    forget_messages(stack)
    stack.worker.start()
    settle_down(stack, 1)
    assert_balanced(stack, 1)


def test_the_worker_is_killed_before_it_sends(stack: Stack) -> None:
    stack.control("smtp", {"stage": "connect", "code": 421})
    Giver(stack).give()
    wait(lambda: OutgoingEmail.objects.filter(template="receipt", tries__gte=1).exists(), what=state())
    stack.worker.kill()
    forget_messages(stack)
    stack.control("smtp", method="DELETE", body={})
    stack.worker.start()
    settle_down(stack, 1)
    assert_balanced(stack, 1)


def test_the_worker_is_killed_again_and_again_under_load(stack: Stack) -> None:
    gifts = 24

    def give(number: int) -> None:
        Giver(stack, email=f"p{number}@example.org").give()

    givers = [threading.Thread(target=give, args=(number,)) for number in range(gifts)]
    for position, thread in enumerate(givers):
        thread.start()
        if position % 6 == 5:
            time.sleep(0.15 + 0.1 * (position % 4))
            stack.worker.kill()
            forget_messages(stack)
            stack.worker.start()
    for thread in givers:
        thread.join()
    settle_down(stack, gifts, seconds=60)
    # A letter that had left when the worker died before it could say so may leave once more; none is ever lost.
    assert_balanced(stack, gifts, repeated_mail=4 * 50)
    assert len({m["subject"] + str(m.get("to")) for m in mailbox(stack)}) >= gifts


def test_redis_is_gone_and_comes_back(stack: Stack) -> None:
    stack.broker.pause()
    giver = Giver(stack)
    started = giver.give()
    wait(lambda: StripeEvent.objects.filter(type="payment_intent.succeeded").exists(), what=state())
    assert giver.status(started)["state"] in {"pending", "processing"}
    stack.broker.start()
    settle_down(stack, 1, seconds=60)
    assert_balanced(stack, 1)


def test_the_mail_server_refuses_and_then_accepts(stack: Stack) -> None:
    stack.control("smtp", {"stage": "data", "code": 451, "count": 2})
    Giver(stack).give()
    wait(lambda: OutgoingEmail.objects.filter(template="receipt", tries=1).exists(), what=state())
    assert not is_finished(1)
    settle_down(stack, 1)
    letter = OutgoingEmail.objects.get(template="receipt")
    assert letter.tries == 3
    assert_balanced(stack, 1)


def test_the_database_connection_is_lost_in_the_middle_of_settling(stack: Stack) -> None:
    with locked(stack, "donations_receiptdue"):
        Giver(stack).give()
        wait(lambda: bool(stuck_backends(stack)), what=state())
        with psycopg.connect(stack.site.database_url, autocommit=True) as other:
            for pid in stuck_backends(stack):
                other.execute("SELECT pg_terminate_backend(%s)", [pid])
        wait(lambda: not stuck_backends(stack))
    assert LedgerEntry.objects.count() == 0
    settle_down(stack, 1)
    assert_balanced(stack, 1)


def test_a_decline_then_another_card_is_one_gift_and_one_receipt(stack: Stack) -> None:
    giver = Giver(stack)
    started = giver.start()
    declined = giver.pay(started, "pm_card_visa_chargeDeclinedInsufficientFunds")
    assert declined is not None
    assert declined.status_code == 402
    wait(lambda: Gift.objects.filter(status=Gift.Status.FAILED).exists(), what=state())
    giver.pay(started)
    wait(lambda: is_finished(1), what=state())
    assert_balanced(stack, 1)
    assert Gift.objects.get().attempts.count() == 2


def test_the_amount_is_changed_after_a_decline(stack: Stack) -> None:
    giver = Giver(stack)
    fields = giver.page()
    first = giver.send(fields).json()
    giver.pay(first, "pm_card_visa_chargeDeclined")
    second = giver.send(fields, other_amount="40").json()
    assert second["client_secret"] != first["client_secret"]
    # The first one is closed: whoever still holds it cannot pay with it.
    refused = giver.pay(first)
    assert refused is not None
    assert refused.status_code == 400
    giver.pay(second)
    wait(lambda: is_finished(1), what=state())
    assert_balanced(stack, 1)
    assert Gift.objects.get().amount_minor == 4000


def test_the_same_form_sent_four_times_at_once_is_one_payment(stack: Stack) -> None:
    giver = Giver(stack)
    fields = giver.page()
    answers: list[dict[str, str]] = []
    senders = [threading.Thread(target=lambda: answers.append(giver.send(fields).json())) for _ in range(4)]
    for sender in senders:
        sender.start()
    for sender in senders:
        sender.join()
    secrets = {answer.get("client_secret") for answer in answers} - {None}
    assert len(secrets) == 1
    assert len(stack.control("state?kind=payment_intent")["payment_intents"]) == 1
    giver.pay({"client_secret": secrets.pop(), "thanks_url": answers[0].get("thanks_url", "/")})
    wait(lambda: is_finished(1), what=state())
    assert_balanced(stack, 1)


def test_nothing_waits_when_all_is_done(stack: Stack) -> None:
    Giver(stack).give(frequency="monthly")
    wait(lambda: is_finished(1), what=state())
    sweep(stack)
    stack.wait_until_idle()
    assert ReceiptDue.objects.count() == 0
    assert ReceiptPdf.objects.count() == 1
    assert not StripeEvent.objects.filter(state__in=["waiting", "failed", "unmatched"]).exists()
    assert_balanced(stack, 1)
