"""Webhooks: signed, tried again, disturbed on demand."""

import stripe

from sandbox.server import Sandbox
from tests.sandbox.conftest import SECRET, Receiver, wait_for
from tests.sandbox.test_payments import pay

ONLY_SUCCESS = {"types": ["payment_intent.succeeded"]}


def test_the_signature_is_stripes(api: stripe.StripeClient, receiver: Receiver, sandbox: Sandbox) -> None:
    pay(api, "pm_card_visa")
    wait_for(lambda: len(receiver.events) == 4)  # the receiver verifies each with the SDK, or keeps nothing
    assert all(header.startswith("t=") and ",v1=" in header for header in receiver.signatures)
    wait_for(lambda: all(not event["pending_webhooks"] for event in sandbox.store.newest_first("event")))


def test_a_refused_webhook_comes_again(api: stripe.StripeClient, receiver: Receiver, sandbox: Sandbox) -> None:
    receiver.answers += [500, 503]
    api.v1.customers.create({"name": "Alice"})
    wait_for(lambda: len(receiver.events) == 3)
    assert len({event.id for event in receiver.events}) == 1
    wait_for(lambda: sandbox.store.query("SELECT state FROM deliveries")[0]["state"] == "delivered")
    assert api.v1.events.list({"delivery_success": True}).data[0].type == "customer.created"


def test_a_webhook_that_is_always_refused_is_given_up(
    api: stripe.StripeClient, receiver: Receiver, sandbox: Sandbox
) -> None:
    receiver.answers += [500] * 10
    api.v1.customers.create({"name": "Alice"})
    wait_for(lambda: sandbox.store.query("SELECT state FROM deliveries")[0]["state"] == "failed")
    assert len(receiver.events) == 4
    assert [event.type for event in api.v1.events.list({"delivery_success": False}).data] == ["customer.created"]


def test_duplicates_from_many_threads(api: stripe.StripeClient, receiver: Receiver, sandbox: Sandbox) -> None:
    sandbox.faults.add("duplicate", times=20, threads=20, count=1, **ONLY_SUCCESS)
    pay(api, "pm_card_visa")
    wait_for(lambda: receiver.types().count("payment_intent.succeeded") == 20)
    assert len({event.id for event in receiver.events if event.type == "payment_intent.succeeded"}) == 1
    assert receiver.types().count("charge.succeeded") == 1


def test_lost_webhooks_stay_in_the_list_of_events(
    api: stripe.StripeClient, receiver: Receiver, sandbox: Sandbox
) -> None:
    sandbox.faults.add("drop", **ONLY_SUCCESS)
    pay(api, "pm_card_visa")
    wait_for(lambda: len(receiver.events) == 3)
    assert "payment_intent.succeeded" not in receiver.types()
    lost = api.v1.events.list({"types": ["payment_intent.succeeded"]}).data
    assert len(lost) == 1
    sandbox.faults.clear()
    sandbox.deliverer.resend(lost[0].id)
    wait_for(lambda: receiver.types().count("payment_intent.succeeded") == 1)


def test_late_webhooks(api: stripe.StripeClient, receiver: Receiver, sandbox: Sandbox) -> None:
    sandbox.faults.add("delay", seconds=0.4, **ONLY_SUCCESS)
    pay(api, "pm_card_visa")
    wait_for(lambda: len(receiver.events) == 4)
    assert receiver.types()[-1] == "payment_intent.succeeded"


def test_webhooks_in_reverse_order(api: stripe.StripeClient, receiver: Receiver, sandbox: Sandbox) -> None:
    sandbox.faults.add("reorder", size=4)
    pay(api, "pm_card_visa")
    wait_for(lambda: len(receiver.events) == 4)
    happened = [event.id for event in api.v1.events.list().data]
    assert [event.id for event in receiver.events] == happened


def test_gathered_webhooks_go_out_even_without_company(
    api: stripe.StripeClient, receiver: Receiver, sandbox: Sandbox
) -> None:
    sandbox.faults.add("reorder", size=50)
    api.v1.customers.create({"name": "Alice"})
    wait_for(lambda: receiver.types() == ["customer.created"])


def test_endpoints_get_the_types_they_asked_for(api: stripe.StripeClient, receiver: Receiver, sandbox: Sandbox) -> None:
    sandbox.set_webhook("", SECRET)
    endpoint = api.v1.webhook_endpoints.create({"url": receiver.url, "enabled_events": ["charge.succeeded"]})
    assert endpoint.secret is not None
    assert endpoint.secret.startswith("whsec_")
    pay(api, "pm_card_visa")
    assert [row["event"] for row in sandbox.store.query("SELECT event FROM deliveries")] == [
        event.id for event in api.v1.events.list({"type": "charge.succeeded"}).data
    ]
