"""Renewals with real workers: many processes on the same dates, and workers killed between the steps of a charge."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import psycopg
import pytest
import requests

from donations.models import Gift, Installment, Plan, Renewals
from nonprofit import clock
from tests import builders
from tests.faults.books import assert_balanced, forget_messages, run, settle_down, state, wait
from tests.faults.test_faults import locked, stuck_backends
from tests.stack import Stack

pytestmark = [pytest.mark.slow, pytest.mark.django_db]
ROOT = Path(__file__).resolve().parents[2]
# A worker's loop, without Celery's start: what it does for each message.
CHARGE = """
import sys, time, django
django.setup()
from donations.recurring import charging, dates
print("ready", flush=True)
sys.stdin.readline()
dates.come_due()
until = time.monotonic() + 10
while time.monotonic() < until:
    if not charging.charge_due(3):
        time.sleep(0.05)
"""


@pytest.fixture(autouse=True)
def newsroom(stack: Stack) -> Any:
    builders.campaign()
    Renewals.objects.create(pk=1, from_hour=0)
    yield
    forget_messages(stack)


def at_stripe(stack: Stack, path: str, **params: str) -> str:
    secret = stack.site.keys.stripe_secret
    answer = requests.post(f"{stack.sandbox_url}/v1/{path}", data=params, auth=(secret, ""), timeout=10)
    answer.raise_for_status()
    return str(answer.json()["id"])


def plans(stack: Stack, count: int) -> list[Plan]:
    """Plans that are due today, on cards that the stack's Stripe knows."""
    made, today = [], clock.today()
    for _ in range(count):
        customer = at_stripe(stack, "customers", name="Somebody")
        card = at_stripe(stack, "payment_methods/pm_card_visa/attach", customer=customer)
        fields = {"stripe_customer_id": customer, "stripe_payment_method_id": card}
        made.append(builders.plan(next_due_on=today, anchor_day=today.day, **fields))
    return made


def charges(stack: Stack) -> list[Any]:
    secret = stack.site.keys.stripe_secret
    answer = requests.get(f"{stack.sandbox_url}/v1/charges", params={"limit": 100}, auth=(secret, ""), timeout=10)
    return list(answer.json()["data"])


def test_eight_processes_race_on_the_same_dates(stack: Stack) -> None:
    """Six of our own and the two of a real Celery worker."""
    made = plans(stack, 40)
    command = [sys.executable, "-c", CHARGE]
    env = stack.site.environment() | {"DJANGO_SETTINGS_MODULE": "nonprofit.settings"}
    pipes: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    racers = [subprocess.Popen(command, cwd=ROOT, env=env, **pipes) for _ in range(6)]
    try:
        for racer in racers:
            assert racer.stdout is not None
            assert racer.stdout.readline() == "ready\n"
        for racer in racers:
            assert racer.stdin is not None
            racer.stdin.write("\n")
            racer.stdin.flush()
        run(stack, "donations.tasks.come_due")
        for racer in racers:
            assert racer.wait(timeout=120) == 0
    finally:
        for racer in racers:
            racer.kill()
            racer.communicate()
    settle_down(stack, len(made), seconds=90)
    assert Installment.objects.filter(status="paid", tries=1).count() == len(made)
    assert len(charges(stack)) == len(made)
    assert_balanced(stack, len(made))


@pytest.mark.parametrize(
    ("table", "where"),
    [
        ("donations_gift", "in the middle of claiming"),
        ("donations_ledgerentry", "in the middle of booking what Stripe took"),
        ("donations_receiptdue", "at the end of booking"),
    ],
)
def test_the_worker_is_killed_in_a_transaction(stack: Stack, table: str, where: str) -> None:
    plans(stack, 2)
    with locked(stack, table):
        run(stack, "donations.tasks.come_due")
        wait(lambda: bool(stuck_backends(stack)), what=f"a worker stopped {where}: {state()}")
        stack.worker.kill()
    recover(stack, 2)


@pytest.mark.parametrize(
    ("path", "where"),
    [
        ("/v1/payment_intents", "while Stripe makes the payment"),
        ("/confirm", "while Stripe charges"),
    ],
)
def test_the_worker_is_killed_while_it_asks_stripe(stack: Stack, path: str, where: str) -> None:
    plans(stack, 2)
    stack.control("faults", {"kind": "slow", "path": path, "method": "POST", "seconds": 2.0, "count": 1})
    run(stack, "donations.tasks.come_due")
    wait(lambda: Installment.objects.filter(status="charging").exists(), what=f"claimed {where}: {state()}")
    # The fault is used up the moment it strikes: from then on the request is at Stripe, and slow.
    wait(lambda: "slow" not in str(stack.control("faults")), what=where)
    stack.worker.kill()
    recover(stack, 2)


def recover(stack: Stack, count: int) -> None:
    """A new worker comes, and the minute's sweeps; the books agree."""
    with psycopg.connect(stack.site.database_url, autocommit=True) as other:
        other.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND state LIKE 'idle in transaction%' AND pid <> pg_backend_pid()"
        )
    forget_messages(stack)
    stack.worker.start()
    run(stack, "donations.tasks.come_due")
    settle_down(stack, count, seconds=60)
    assert Installment.objects.filter(status="paid").count() == Gift.objects.settled().count() == count
    assert len(charges(stack)) == count
    assert_balanced(stack, count)
