"""All that the product asks of Stripe, function by function, is a request that Stripe knows; and the check bites."""

from __future__ import annotations

import inspect
import json
from collections.abc import Callable
from datetime import UTC, datetime

import pytest
import stripe

from donations import gateway
from sandbox import happenings
from sandbox.server import Sandbox
from tests import card_field
from tests.conformance import test_saved_cards, test_subscriptions, traffic
from tests.conformance.conftest import Recorded

LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)
# What drive() does not call: these speak to nobody, they only read what has come.
SILENT = {"verified_event", "decline_in", "instant", "card_expiry"}
DRIVERS_ELSEWHERE = (
    test_saved_cards.drive_saved_cards,
    test_saved_cards.renewal,
    test_saved_cards.saved_card,
    test_saved_cards.saved_by_phone,
    test_subscriptions.drive_subscriptions,
)


def drive(api: stripe.StripeClient) -> None:
    """Every function of the gateway that speaks to Stripe, the browser's part done by the bare SDK."""
    metadata = {"app": gateway.APP, "gift": "42", "environment": "demo"}
    customer = gateway.create_customer(name="李 Ana", email="ana@example.org", key="customer:7", metadata=metadata)
    monthly = gateway.create_payment(
        amount_minor=2500,
        currency="usd",
        key="gift:42:1",
        metadata=metadata,
        description="Gift G-00000042",
        customer_id=customer,
    )
    api.v1.payment_intents.confirm(monthly.id, {"payment_method": "pm_card_visa"})
    paid = gateway.retrieve_payment(monthly.id)
    assert paid.is_paid
    assert paid.charge is not None
    assert paid.charge.balance is not None
    assert (paid.charge.balance.fee_minor, paid.charge.balance.net_minor) == (103, 2397)
    assert paid.card is not None
    assert paid.customer_id == customer

    once = gateway.create_payment(
        amount_minor=10_000, currency="usd", key="gift:43:1", metadata=metadata, description="Gift G-00000043"
    )
    with pytest.raises(stripe.CardError):
        api.v1.payment_intents.confirm(once.id, {"payment_method": "pm_card_visa_chargeDeclined"})
    assert not gateway.retrieve_payment(once.id).is_paid
    assert gateway.cancel_payment(once.id, key="gift:43:cancel").status == "canceled"
    with pytest.raises(gateway.GatewayRefused):
        gateway.cancel_payment(paid.id, key="gift:42:cancel")
    by_phone = gateway.create_payment(
        amount_minor=5000,
        currency="usd",
        key="gift:44:1",
        metadata=metadata,
        description="Gift G-00000044",
        is_card_only=True,
    )
    with pytest.raises(gateway.CardDeclined) as declined:
        confirm(by_phone, card_field.DECLINED, is_moto=False)
    assert declined.value.code == "generic_decline"
    assert confirm(by_phone, card_field.ASKS, is_moto=False).status == "requires_action"
    assert confirm(by_phone, card_field.ASKS, is_moto=True).is_paid
    kinds = [event["type"] for event in gateway.events_since(LONG_AGO)]
    assert kinds.count("payment_intent.succeeded") == 2
    assert "payment_intent.created" not in kinds


def drive_books(sandbox: Sandbox, api: stripe.StripeClient) -> None:
    """Every function that speaks of money that went back or on, and all that can happen to it."""
    paid = [charged(api) for _ in range(4)]
    half = gateway.create_refund(
        payment_id=paid[0].id, amount_minor=1000, key="refund-1", metadata={"refund": "1"}, reason="duplicate"
    )
    assert half.status == "succeeded"
    assert half.balance is not None
    assert (half.balance.net_minor, half.balance.reporting_category, half.balance.source_id) == (
        -1000,
        "refund",
        half.id,
    )
    assert (
        gateway.create_refund(
            payment_id=paid[0].id, amount_minor=1000, key="refund-1", metadata={"refund": "1"}, reason="duplicate"
        )
        == half
    )
    sandbox.faults.add("refund_pending", count=1, seconds=600.0)
    rest = happen(sandbox, "refund", charge=charge_id(paid[0]), amount=1500)
    assert gateway.retrieve_refund(rest).status == "pending"
    assert gateway.retrieve_refund(rest).balance is None
    happen(sandbox, "refund-end", refund=rest)
    happen(sandbox, "refund-end", refund=rest, outcome="failed")
    failed = gateway.retrieve_refund(rest)
    assert (failed.status, failed.failure_reason) == ("failed", "expired_or_canceled_card")
    assert failed.failure_balance is not None
    assert (failed.failure_balance.net_minor, failed.failure_balance.reporting_category) == (1500, "refund_failure")
    assert [refund.id for refund in gateway.refunds_of(paid[0].id)] == [rest, half.id]
    with pytest.raises(gateway.GatewayRefused):
        gateway.create_refund(payment_id=paid[0].id, amount_minor=1501, key="refund-3", metadata={})

    won = happen(sandbox, "dispute", charge=charge_id(paid[1]))
    opened = gateway.retrieve_dispute(won)
    assert (opened.status, opened.amount_minor, opened.payment_id) == ("needs_response", 2500, paid[1].id)
    assert opened.evidence_due_at is not None
    [withdrawn] = opened.balances
    assert (withdrawn.amount_minor, withdrawn.fee_minor, withdrawn.net_minor) == (-2500, 1500, -4000)
    assert (withdrawn.type, withdrawn.reporting_category) == ("adjustment", "dispute")
    with pytest.raises(gateway.GatewayRefused) as refused:
        gateway.create_refund(payment_id=paid[1].id, amount_minor=1, key="refund-4", metadata={})
    assert refused.value.code == "charge_disputed"
    happen(sandbox, "dispute-answer", dispute=won)
    happen(sandbox, "dispute-win", dispute=won, fee_back=True)
    [_, back] = gateway.retrieve_dispute(won).balances
    assert (back.amount_minor, back.fee_minor, back.reporting_category) == (2500, -1500, "dispute_reversal")
    lost = happen(sandbox, "dispute", charge=charge_id(paid[2]), inquiry=True, reason="general")
    assert gateway.retrieve_dispute(lost).balances == ()
    happen(sandbox, "dispute-escalate", dispute=lost)
    happen(sandbox, "dispute-lose", dispute=lost)
    asked = happen(sandbox, "dispute", charge=charge_id(paid[3]), amount=700, inquiry=True)
    happen(sandbox, "dispute-close", dispute=asked)

    happen(sandbox, "fee", amount=200)
    before = gateway.balance()["usd"]
    assert before.balance_minor == sum(line.net_minor for line in gateway.balance_transactions(since=LONG_AGO))
    sent = happen(sandbox, "payout", arrives=False)
    assert gateway.balance() == {"usd": gateway.Holding("usd", 0, 0, before.balance_minor)}
    assert not gateway.retrieve_payout(sent).is_reconcilable
    happen(sandbox, "payout-arrive", payout=sent)
    [payout] = gateway.payouts_since(LONG_AGO)
    assert (payout.status, payout.is_reconcilable, payout.amount_minor) == ("paid", True, before.balance_minor)
    lines = list(gateway.balance_transactions(payout=sent))
    assert payout.amount_minor == sum(line.net_minor for line in lines if line.id != payout.balance_id)
    assert {line.reporting_category for line in lines} == {
        *("charge", "refund", "refund_failure", "dispute", "dispute_reversal", "fee", "payout")
    }
    happen(sandbox, "payout-fail", payout=sent)
    assert gateway.retrieve_payout(sent).failure_balance_id
    assert gateway.balance() == {"usd": gateway.Holding("usd", before.balance_minor, 0, 0)}


def charged(api: stripe.StripeClient) -> gateway.Payment:
    """A payment of 25 dollars that went through."""
    intent = api.v1.payment_intents.create({"amount": 2500, "currency": "usd"})
    api.v1.payment_intents.confirm(intent.id, {"payment_method": "pm_card_visa"})
    return gateway.retrieve_payment(intent.id)


def charge_id(payment: gateway.Payment) -> str:
    assert payment.charge is not None
    return payment.charge.id


def happen(sandbox: Sandbox, name: str, **given: object) -> str:
    """The id of what a bank, or somebody in the dashboard, made."""
    return str(happenings.happen(sandbox, name, given)["id"])


def confirm(payment: gateway.Payment, number: str, *, is_moto: bool) -> gateway.Payment:
    """A card typed on a staff page and charged by the server."""
    made, return_url = card_field.token(number), "https://give.example.org/thanks/1/"
    return gateway.confirm_payment(payment.id, token=made, key=made, return_url=return_url, is_moto=is_moto)


def test_all_traffic_of_the_gateway_conforms(api: stripe.StripeClient, recorded: Callable[[], Recorded]) -> None:
    drive(api)
    log, events = recorded()
    assert {(entry["method"], entry["path"].split("/")[2]) for entry in log} == {
        ("POST", "customers"),
        ("POST", "confirmation_tokens"),  # the browser's
        ("POST", "payment_intents"),
        ("GET", "payment_intents"),
        ("GET", "events"),
    }
    assert traffic.problems(log, events) == []


def test_all_that_is_said_of_refunds_disputes_and_payouts_conforms(
    stripe_sandbox: Sandbox, api: stripe.StripeClient, recorded: Callable[[], Recorded]
) -> None:
    drive_books(stripe_sandbox, api)
    log, events = recorded()
    assert {entry["path"].split("/")[2] for entry in log} == {
        *("payment_intents", "refunds", "disputes", "balance_transactions", "balance", "payouts")
    }
    assert traffic.problems(log, events) == []
    money = ("charge.", "refund.", "payout.")
    others = {name for name in gateway.EVENT_TYPES if not name.startswith(money)}
    assert {event["type"] for event in events} >= set(gateway.EVENT_TYPES) - others
    assert {event["type"] for event in gateway.events_since(LONG_AGO)} >= set(gateway.EVENT_TYPES) - others


def test_every_function_of_the_gateway_is_driven() -> None:
    public = {
        name
        for name, function in inspect.getmembers(gateway, inspect.isfunction)
        if function.__module__.startswith(f"{gateway.__name__}.")
    }
    drivers = (drive, drive_books, confirm, *DRIVERS_ELSEWHERE)
    driven = {name for function in drivers for name in function.__code__.co_names}
    assert public - driven == SILENT


def test_the_gateway_conforms_when_stripe_is_in_trouble(
    stripe_sandbox: Sandbox, recorded: Callable[[], Recorded]
) -> None:
    stripe_sandbox.faults.add("down")
    with pytest.raises(gateway.GatewayUnavailable):
        gateway.retrieve_payment("pi_1")
    stripe_sandbox.faults.clear()
    with pytest.raises(gateway.GatewayRefused):
        gateway.retrieve_payment("pi_1")
    assert traffic.problems(*recorded()) == []


@pytest.fixture
def spoilt(api: stripe.StripeClient, recorded: Callable[[], Recorded]) -> Recorded:
    """The gateway's own traffic, as a copy to plant mistakes in."""
    drive(api)
    return recorded()


def test_a_planted_wrong_parameter_fails(spoilt: Recorded) -> None:
    log, events = spoilt
    entry = next(entry for entry in log if entry["path"] == "/v1/payment_intents")
    entry["form"] += "&payment_method_types[0]=card"
    assert traffic.problems(log, events) == [
        "payment_intents.create: payment_method_types: unknown parameter, PaymentIntentCreateParams has none such"
    ]


def test_a_planted_wrong_type_fails(spoilt: Recorded) -> None:
    log, events = spoilt
    entry = next(entry for entry in log if entry["path"] == "/v1/payment_intents")
    entry["form"] = entry["form"].replace("amount=2500", "amount=25.00")
    assert traffic.problems(log, events) == ["payment_intents.create: amount: expected integer, got '25.00'"]


def test_a_removed_expand_fails(spoilt: Recorded) -> None:
    """The request still asks for the charge's booking, and the reply has its id only."""
    log, events = spoilt
    entry = next(entry for entry in log if entry["method"] == "GET" and entry["reply"].get("status") == "succeeded")
    booking = entry["reply"]["latest_charge"]["balance_transaction"]["id"]
    entry["reply"]["latest_charge"]["balance_transaction"] = booking
    assert traffic.problems(log, events) == [
        "payment_intents.retrieve reply: latest_charge.balance_transaction: "
        f"expand was asked but the reply has only the id {booking}"
    ]


def test_an_expand_removed_from_the_request_fails(spoilt: Recorded) -> None:
    """The reply has objects that the request no longer asks for: nobody may come to rely on them."""
    log, events = spoilt
    entry = next(entry for entry in log if entry["method"] == "GET" and entry["reply"].get("status") == "succeeded")
    entry["form"] = ""
    assert traffic.problems(log, events) == [
        f"payment_intents.retrieve reply: {name}: expected an id, got an object nobody asked to expand"
        for name in ("latest_charge", "payment_method")
    ]


def test_a_stray_reply_field_fails(spoilt: Recorded) -> None:
    log, events = spoilt
    entry = next(entry for entry in log if entry["path"].startswith("/v1/customers"))
    entry["reply"]["nickname"] = "Ana"
    assert traffic.problems(log, events) == ["customers.create reply: nickname: stray field, Customer has none such"]


def test_a_stray_field_in_an_event_fails(spoilt: Recorded) -> None:
    log, events = spoilt
    events[0]["data"]["object"]["nickname"] = "Ana"
    [problem] = traffic.problems(log, events)
    assert problem.startswith(f"event {events[0]['type']}: data.object.nickname: stray field")


def test_the_webhooks_body_is_the_event_that_was_checked(
    stripe_sandbox: Sandbox, api: stripe.StripeClient, recorded: Callable[[], Recorded]
) -> None:
    """What the product reads from a webhook is one of the events above, signed."""
    drive(api)
    failed = next(event for event in recorded()[1] if event["type"] == "payment_intent.payment_failed")
    body = json.dumps(failed)
    signature = stripe.WebhookSignature.generate_signature_header(body, stripe_sandbox.options.webhook_secret)
    decline = gateway.decline_in(gateway.verified_event(body.encode(), signature))
    assert (decline.source, decline.code) == (failed["data"]["object"]["latest_charge"], "generic_decline")
