"""Trouble on demand: the API down, slow, lost after the work; slow payments; late fees."""

import json
import time
import urllib.error
import urllib.request
from typing import Any

import pytest
import stripe

from sandbox.faults import Faults, UnknownFault
from sandbox.server import Sandbox
from tests.sandbox.conftest import Receiver, wait_for
from tests.sandbox.test_payments import GIFT, pay


def control(sandbox: Sandbox, method: str, path: str, body: object = None) -> Any:
    """One request to the control panel; the JSON it answers."""
    request = urllib.request.Request(
        f"{sandbox.url}/_test/{path}",
        method=method,
        data=None if body is None else json.dumps(body).encode(),
        headers={"Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=5) as reply:
        return json.loads(reply.read())


def test_the_api_can_be_down(api: stripe.StripeClient, sandbox: Sandbox) -> None:
    control(sandbox, "POST", "faults", {"kind": "down"})
    with pytest.raises(stripe.APIError) as caught:
        api.v1.payment_intents.create(GIFT)
    assert caught.value.http_status == 503
    control(sandbox, "DELETE", "faults")
    assert api.v1.payment_intents.list().data == []


def test_the_api_can_hang_up(api: stripe.StripeClient, sandbox: Sandbox) -> None:
    sandbox.faults.add("close", count=1)
    with pytest.raises(stripe.APIConnectionError):
        api.v1.payment_intents.create(GIFT)
    assert api.v1.payment_intents.list().data == []


def test_some_calls_can_fail(api: stripe.StripeClient, sandbox: Sandbox) -> None:
    sandbox.faults.add("fail", status=429, path="/payment_intents", count=2)
    for _ in range(2):
        with pytest.raises(stripe.RateLimitError):
            api.v1.payment_intents.create(GIFT)
    assert api.v1.payment_intents.create(GIFT).amount == 2500


def test_the_reply_can_be_lost_after_the_intent_was_made(api: stripe.StripeClient, sandbox: Sandbox) -> None:
    sandbox.faults.add("timeout_after", path="/payment_intents", count=1)
    with pytest.raises(stripe.APIConnectionError):
        api.v1.payment_intents.create(GIFT, {"idempotency_key": "gift-1"})
    made = api.v1.payment_intents.create(GIFT, {"idempotency_key": "gift-1"})
    assert [item.id for item in api.v1.payment_intents.list().data] == [made.id]


def test_the_reply_can_be_lost_after_the_card_was_charged(
    api: stripe.StripeClient, sandbox: Sandbox, receiver: Receiver
) -> None:
    intent = api.v1.payment_intents.create(GIFT)
    sandbox.faults.add("timeout_after", path="/confirm", count=1)
    with pytest.raises(stripe.APIConnectionError):
        api.v1.payment_intents.confirm(intent.id, {"payment_method": "pm_card_visa"}, {"idempotency_key": "c-1"})
    wait_for(lambda: "payment_intent.succeeded" in receiver.types())
    assert api.v1.payment_intents.retrieve(intent.id).status == "succeeded"
    again = api.v1.payment_intents.confirm(intent.id, {"payment_method": "pm_card_visa"}, {"idempotency_key": "c-1"})
    assert again.status == "succeeded"
    assert len(api.v1.charges.list().data) == 1


def test_a_slow_api(api: stripe.StripeClient, sandbox: Sandbox) -> None:
    sandbox.faults.add("slow", seconds=0.3, count=1)
    began = time.monotonic()
    api.v1.payment_intents.create(GIFT)
    assert time.monotonic() - began >= 0.3


@pytest.mark.parametrize(
    ("outcome", "status", "event"),
    [
        ("succeeded", "succeeded", "payment_intent.succeeded"),
        ("failed", "requires_payment_method", "payment_intent.payment_failed"),
    ],
)
def test_a_payment_can_take_its_time(
    api: stripe.StripeClient, sandbox: Sandbox, receiver: Receiver, outcome: str, status: str, event: str
) -> None:
    sandbox.faults.add("processing", seconds=1, outcome=outcome, count=1)
    intent = pay(api, "pm_card_visa")
    assert (intent.status, intent.latest_charge) == ("processing", None)
    with pytest.raises(stripe.InvalidRequestError):
        api.v1.payment_intents.confirm(intent.id, {"payment_method": "pm_card_visa"})
    wait_for(lambda: event in receiver.types())
    assert api.v1.payment_intents.retrieve(intent.id).status == status
    assert "payment_intent.processing" in receiver.types()


def test_the_fee_can_come_later(api: stripe.StripeClient, sandbox: Sandbox, receiver: Receiver) -> None:
    sandbox.faults.add("late_fee", seconds=1, count=1)
    charge_id = pay(api, "pm_card_visa").latest_charge
    assert isinstance(charge_id, str)
    assert api.v1.charges.retrieve(charge_id).balance_transaction is None
    wait_for(lambda: "charge.updated" in receiver.types())
    assert api.v1.charges.retrieve(charge_id).balance_transaction is not None


def test_the_journal_shows_requests_and_replies(api: stripe.StripeClient, sandbox: Sandbox) -> None:
    intent = api.v1.payment_intents.create(GIFT, {"idempotency_key": "gift-1"})
    entry = control(sandbox, "GET", "requests")["requests"][0]
    assert (entry["method"], entry["path"], entry["status"]) == ("POST", "/v1/payment_intents", 200)
    assert (entry["auth"], entry["idempotency_key"], entry["replayed"]) == ("secret", "gift-1", False)
    assert entry["params"]["metadata"] == {"gift": "42"}
    assert entry["reply"]["id"] == intent.id
    assert control(sandbox, "GET", f"requests?after={entry['seq']}")["requests"] == []


def test_state_and_reset(api: stripe.StripeClient, sandbox: Sandbox) -> None:
    intent = pay(api, "pm_card_visa")
    state = control(sandbox, "GET", "state")
    assert [item["id"] for item in state["payment_intents"]] == [intent.id]
    assert len(state["charges"]) == 1
    assert len(state["deliveries"]) == 4
    control(sandbox, "POST", "reset", {})
    assert control(sandbox, "GET", "state?kind=charge")["charges"] == []
    assert api.v1.webhook_endpoints.list().data[0].url


@pytest.mark.parametrize(
    "settings",
    [
        {"kind": "earthquake"},
        {"kind": "slow", "seconds": "long"},
        {"kind": "slow", "hours": 1},
        {"kind": "drop", "count": 0},
        {"kind": "drop", "types": "charge.succeeded"},
        {"kind": "drop", "id": 7},
    ],
)
def test_impossible_trouble_is_refused(sandbox: Sandbox, settings: dict[str, object]) -> None:
    with pytest.raises(UnknownFault):
        Faults().add(**settings)  # type: ignore[arg-type]
    with pytest.raises(urllib.error.HTTPError) as caught:
        control(sandbox, "POST", "faults", settings)
    assert caught.value.code == 400
    caught.value.close()
    assert sandbox.faults.listed() == []


def test_the_control_panel_takes_json_only_and_the_loopback_name_only(sandbox: Sandbox) -> None:
    for headers, status in (
        ({"Content-Type": "application/x-www-form-urlencoded"}, 400),
        ({"Content-Type": "application/json", "Host": "evil.example"}, 421),
    ):
        request = urllib.request.Request(f"{sandbox.url}/_test/reset", method="POST", data=b"{}", headers=headers)
        with pytest.raises(urllib.error.HTTPError) as caught:
            urllib.request.urlopen(request, timeout=5)
        assert caught.value.code == status
        caught.value.close()
