"""The stand-in without sockets: the gateway asks it in the same process, its clock stands, events are handed over."""

import json
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from donations import gateway
from sandbox import happenings
from sandbox.api import setup_intents
from sandbox.engine import Engine
from sandbox.launch import ROOT
from tests import checks, in_process
from tests.conformance import traffic

START = datetime(2027, 1, 31, 9, tzinfo=UTC)
DAY = 24 * 3600


@pytest.fixture
def engine() -> Iterator[Engine]:
    with in_process.stripe_engine(start=START) as started:
        yield started


def saved(engine: Engine) -> tuple[str, str]:
    """A customer with a saved card."""
    customer = gateway.create_customer(name="Ana", email="", key="customer:7", metadata={})
    call = engine.call(params={"customer": customer, "payment_method": "pm_card_visa", "confirm": "true"})
    with engine.store.transaction():
        setup = setup_intents.create(call)
    return customer, setup["payment_method"]


def renewal(customer: str, number: int) -> gateway.Payment:
    return gateway.create_renewal(
        amount_minor=2500,
        currency="usd",
        customer_id=customer,
        key=f"inst-{number}-create",
        metadata={"installment": str(number)},
        description="Gift",
    )


def confirm(payment: gateway.Payment, method: str, attempt: int = 1) -> gateway.Payment:
    return gateway.confirm_saved(payment.id, payment_method_id=method, key=f"{payment.id}-confirm-{attempt}")


@pytest.mark.django_db(transaction=True)
def test_a_charge_is_of_the_moment_at_which_the_clock_stands(engine: Engine) -> None:
    customer, method = saved(engine)
    engine.clock.stand_at((START + timedelta(days=400)).timestamp())
    paid = confirm(renewal(customer, 1), method)
    assert paid.charge is not None
    assert paid.charge.happened_at == START + timedelta(days=400)
    assert traffic.problems(engine.journal.after(), engine.store.newest_first("event")) == []


@pytest.mark.django_db(transaction=True)
def test_the_answer_can_be_lost_after_charging(engine: Engine) -> None:
    customer, method = saved(engine)
    payment = renewal(customer, 1)
    engine.faults.add("timeout_after", path="/confirm", count=2)
    with pytest.raises(gateway.GatewayUnavailable):
        confirm(payment, method)
    assert gateway.retrieve_payment(payment.id).is_paid
    assert confirm(payment, method).is_paid
    assert len(list(engine.store.newest_first("charge"))) == 1


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    ("kind", "settings"), [("down", {}), ("close", {}), ("fail", {"status": 500}), ("fail", {"status": 429})]
)
def test_trouble_before_anything_was_done(engine: Engine, kind: str, settings: dict[str, int]) -> None:
    customer, method = saved(engine)
    engine.faults.add(kind, **settings)
    with pytest.raises(gateway.GatewayUnavailable):
        renewal(customer, 1)
    engine.faults.clear()
    assert list(gateway.payments_of(customer, since=START)) == []
    assert confirm(renewal(customer, 1), method).is_paid


@pytest.mark.django_db(transaction=True)
def test_one_fault_is_outlived_by_the_second_try_of_the_sdk(engine: Engine) -> None:
    customer, _ = saved(engine)
    engine.faults.add("timeout_after", count=1)
    first = renewal(customer, 1)
    assert [payment.id for payment in gateway.payments_of(customer, since=START)] == [first.id]


@pytest.mark.django_db(transaction=True)
def test_keys_are_forgotten_after_a_day_of_the_clock(engine: Engine) -> None:
    customer, _ = saved(engine)
    first = renewal(customer, 1)
    engine.clock.stand_at(START.timestamp() + DAY - 1)
    assert renewal(customer, 1).id == first.id
    engine.clock.stand_at(START.timestamp() + DAY + 1)
    assert renewal(customer, 1).id != first.id


@pytest.mark.django_db(transaction=True)
def test_what_happens_by_itself_waits_for_the_clock(engine: Engine) -> None:
    customer, method = saved(engine)
    engine.faults.add("processing", count=1, seconds=3 * DAY)
    payment = confirm(renewal(customer, 1), method)
    assert payment.status == "processing"
    assert not engine.run_due()
    engine.clock.stand_at(START.timestamp() + 3 * DAY)
    assert engine.run_due()
    assert gateway.retrieve_payment(payment.id).is_paid


@pytest.mark.django_db(transaction=True)
def test_events_are_handed_over(engine: Engine) -> None:
    customer, method = saved(engine)
    told: list[str] = []
    answers = [500]

    def receive(payload: bytes, signature: str) -> int:
        assert gateway.verified_event(payload, signature) == json.loads(payload)
        told.append(json.loads(payload)["type"])
        return answers.pop() if answers else 200

    assert engine.deliver(receive) == 1
    assert told == ["setup_intent.succeeded"]
    assert engine.deliver(receive) == 1  # again, for it was refused
    assert engine.deliver(receive) == 0
    told.clear()
    engine.faults.add("duplicate", count=1, times=3, types=["payment_intent.succeeded"])
    confirm(renewal(customer, 1), method)
    assert engine.deliver(receive) == 3
    engine.faults.add("drop", count=1, types=["payment_intent.succeeded"])
    confirm(renewal(customer, 2), method)
    assert engine.deliver(receive) == 0
    assert [event["type"] for event in gateway.events_since(START)].count("payment_intent.succeeded") == 2
    told.clear()
    engine.faults.add("reorder", size=2)
    confirm(renewal(customer, 3), method)
    happenings.happen(engine, "card-replaced", {"payment_method": method})
    assert engine.deliver(receive) == 2
    assert told == ["payment_method.automatically_updated", "payment_intent.succeeded"]


@pytest.mark.django_db(transaction=True)
def test_events_of_all_types_come_newest_first(engine: Engine) -> None:
    """Stripe lists twenty types at once, and we want more."""
    assert len(gateway.EVENT_TYPES) > 20
    customer, method = saved(engine)
    for day in (1, 2):
        engine.clock.stand_at(START.timestamp() + day * DAY)
        confirm(renewal(customer, day), method)
        engine.clock.stand_at(START.timestamp() + day * DAY + 60)
        happenings.happen(engine, "card-replaced", {"payment_method": method})
    types = [event["type"] for event in gateway.events_since(START)]
    changed, paid = "payment_method.automatically_updated", "payment_intent.succeeded"
    assert types == [changed, paid, changed, paid, "setup_intent.succeeded"]


@pytest.mark.django_db(transaction=True)
def test_old_events_and_keys_are_let_go_and_payments_stay(engine: Engine) -> None:
    customer, method = saved(engine)
    confirm(renewal(customer, 1), method)
    engine.deliver(lambda _payload, _signature: 200)
    engine.clock.stand_at(START.timestamp() + 31 * DAY)
    engine.forget_old()
    assert list(engine.store.newest_first("event")) == []
    assert engine.store.query("SELECT * FROM deliveries") == engine.store.query("SELECT * FROM idempotency") == []
    assert [payment.is_paid for payment in gateway.payments_of(customer, since=START)] == [True]


def test_production_speaks_to_nobody_but_stripe() -> None:
    environment = {**checks.production_settings(), "STRIPE_HTTP_CLIENT": in_process.FACTORY}
    done = subprocess.run(
        [sys.executable, "-c", "import nonprofit.settings"], env=environment, capture_output=True, text=True, cwd=ROOT
    )
    assert done.returncode == 1
    assert "STRIPE_HTTP_CLIENT is for simulations" in done.stderr
