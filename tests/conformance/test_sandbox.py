"""The sandbox answers as Stripe does: scenarios through the real SDK, every request, reply and event checked."""

from __future__ import annotations

import json
import urllib.error
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Any
from urllib.parse import urlencode
from urllib.request import ProxyHandler, Request, build_opener

import pytest
import stripe

from sandbox import errors, happenings
from sandbox.api import expand, routes
from sandbox.server import Sandbox
from tests.conformance import expansion, sdk, traffic
from tests.conformance.conftest import Recorded
from tests.sandbox.conftest import wait_for

Conforms = Callable[[], None]
GIFT: stripe.params.PaymentIntentCreateParams = {
    "amount": 2500,
    "currency": "usd",
    "automatic_payment_methods": {"enabled": True},
    "metadata": {"gift": "42"},
}
DEEP = ["latest_charge.balance_transaction", "payment_method"]
CHALLENGED = {"payment_method": "pm_card_threeDSecure2Required", "return_url": "http://127.0.0.1/thanks/"}


def paid(api: stripe.StripeClient, card: str = "pm_card_visa", **more: Any) -> stripe.PaymentIntent:
    intent = api.v1.payment_intents.create({**GIFT, **more})  # type: ignore[typeddict-item]
    return api.v1.payment_intents.confirm(intent.id, {"payment_method": card, "expand": DEEP})


def charge_of(intent: stripe.PaymentIntent) -> str:
    assert isinstance(intent.latest_charge, stripe.Charge)
    return intent.latest_charge.id


# Scenarios


def test_paying(api: stripe.StripeClient, conforms: Conforms) -> None:
    intent = paid(api, expand=DEEP)
    api.v1.payment_intents.retrieve(intent.id)
    api.v1.payment_intents.retrieve(intent.id, {"expand": [*DEEP, "latest_charge.refunds", "customer"]})
    api.v1.payment_intents.list({"limit": 2, "expand": ["data.latest_charge"]})
    address: stripe.params.PaymentIntentCreateParamsShippingAddress = {"line1": "12 Elm St", "city": "Boston"}
    api.v1.payment_intents.create(
        {
            **GIFT,
            "confirm": True,
            "payment_method": "pm_card_amex",
            "return_url": "http://127.0.0.1/thanks/",
            "shipping": {"name": "Ana", "address": address},
            "statement_descriptor_suffix": "SPRING",
        }
    )
    conforms()


@pytest.mark.parametrize(
    "card",
    [
        "pm_card_visa_chargeDeclined",
        "pm_card_visa_chargeDeclinedInsufficientFunds",
        "pm_card_chargeDeclinedExpiredCard",
        "pm_card_chargeDeclinedIncorrectCvc",
        "pm_card_chargeDeclinedProcessingError",
        "pm_card_radarBlock",
    ],
)
def test_a_declined_card(api: stripe.StripeClient, conforms: Conforms, card: str) -> None:
    intent = api.v1.payment_intents.create(GIFT)
    with pytest.raises(stripe.CardError):
        api.v1.payment_intents.confirm(intent.id, {"payment_method": card})
    api.v1.payment_intents.retrieve(intent.id, {"expand": DEEP})
    api.v1.payment_intents.confirm(intent.id, {"payment_method": "pm_card_visa"})
    conforms()


@pytest.mark.parametrize("by_sdk", [True, False])
@pytest.mark.parametrize("passed", [True, False])
def test_three_d_secure(
    stripe_sandbox: Sandbox, api: stripe.StripeClient, conforms: Conforms, *, passed: bool, by_sdk: bool
) -> None:
    intent = api.v1.payment_intents.create(GIFT)
    more = {**CHALLENGED, "use_stripe_sdk": True} if by_sdk else CHALLENGED
    challenged = api.v1.payment_intents.confirm(intent.id, more)  # type: ignore[arg-type]
    assert challenged.status == "requires_action"
    api.v1.payment_intents.retrieve(intent.id, {"expand": DEEP})
    source = stripe_sandbox.store.hidden(intent.id)["source"]
    answer = {"source": source, "client_secret": intent.client_secret, "passed": passed}
    post(f"{stripe_sandbox.url}/js/three-ds", json.dumps(answer).encode(), "application/json")
    after = api.v1.payment_intents.retrieve(intent.id, {"expand": DEEP})
    assert after.status == ("succeeded" if passed else "requires_payment_method")
    conforms()


def test_changing_and_cancelling(api: stripe.StripeClient, conforms: Conforms) -> None:
    intent = api.v1.payment_intents.create(GIFT)
    api.v1.payment_intents.update(intent.id, {"amount": 3000, "metadata": {"gift": "43"}, "receipt_email": "a@b.org"})
    api.v1.payment_intents.cancel(intent.id, {"cancellation_reason": "abandoned", "expand": DEEP})
    with pytest.raises(stripe.InvalidRequestError):
        api.v1.payment_intents.cancel(intent.id)
    with pytest.raises(stripe.InvalidRequestError):
        api.v1.payment_intents.confirm(intent.id, {"payment_method": "pm_card_visa"})
    conforms()


def test_refunding(api: stripe.StripeClient, conforms: Conforms) -> None:
    charge = charge_of(paid(api))
    part = api.v1.refunds.create(
        {
            "charge": charge,
            "amount": 100,
            "reason": "requested_by_customer",
            "expand": ["balance_transaction", "charge"],
        }
    )
    api.v1.refunds.update(part.id, {"metadata": {"by": "staff"}})
    api.v1.refunds.create({"charge": charge})
    with pytest.raises(stripe.InvalidRequestError):
        api.v1.refunds.create({"charge": charge})
    api.v1.refunds.list({"charge": charge, "expand": ["data.charge"]})
    api.v1.charges.retrieve(charge, {"expand": ["refunds", "balance_transaction"]})
    api.v1.charges.list({"expand": ["data.balance_transaction", "data.refunds"]})
    api.v1.balance_transactions.list({"expand": ["data.source"], "limit": 5})
    conforms()


def test_disputes_and_payouts(stripe_sandbox: Sandbox, api: stripe.StripeClient, conforms: Conforms) -> None:
    charge = charge_of(paid(api))
    happen = partial(happenings.happen, stripe_sandbox)
    dispute = happen("dispute", {"charge": charge, "amount": 1000})["id"]
    api.v1.disputes.retrieve(dispute, {"expand": ["charge", "payment_intent"]})
    happen("dispute-win", {"dispute": dispute})
    api.v1.disputes.list({"charge": charge, "expand": ["data.charge"]})
    api.v1.charges.retrieve(charge)
    api.v1.balance.retrieve()
    payout = happen("payout", {"arrives": False})["id"]
    api.v1.payouts.retrieve(payout, {"expand": ["balance_transaction"]})
    api.v1.payouts.list({"status": "in_transit", "arrival_date": {"gte": 1}, "expand": ["data.balance_transaction"]})
    api.v1.balance_transactions.list({"payout": payout, "limit": 2})
    happen("payout-fail", {"payout": payout})
    api.v1.payouts.retrieve(payout, {"expand": ["failure_balance_transaction"]})
    api.v1.balance.retrieve()
    conforms()


def test_a_manual_payout_does_not_tell_what_is_inside(stripe_sandbox: Sandbox, api: stripe.StripeClient) -> None:
    paid(api)
    payout = happenings.happen(stripe_sandbox, "payout", {"automatic": False})["id"]
    assert api.v1.payouts.retrieve(payout).reconciliation_status == "not_applicable"
    assert api.v1.balance_transactions.list({"payout": payout}).data == []
    with pytest.raises(errors.StripeError, match="nothing to pay out"):
        happenings.happen(stripe_sandbox, "payout", {})


def test_slow_and_failing_refunds_and_disputes_come_by_card(
    stripe_sandbox: Sandbox, api: stripe.StripeClient, conforms: Conforms
) -> None:
    slow = api.v1.refunds.create({"charge": charge_of(paid(api, "pm_card_pendingRefund")), "expand": ["charge"]})
    assert (slow.status, slow.pending_reason, slow.balance_transaction) == ("pending", "processing", None)
    failing = api.v1.refunds.create({"charge": charge_of(paid(api, "pm_card_refundFail"))})
    assert failing.status == "succeeded"
    for card in ("pm_card_createDispute", "pm_card_createDisputeInquiry"):
        paid(api, card)
    stripe_sandbox.store.execute("UPDATE jobs SET at = 0")
    stripe_sandbox.wake()
    wait_for(lambda: not stripe_sandbox.store.query("SELECT * FROM jobs"))
    assert api.v1.refunds.retrieve(slow.id, {"expand": ["balance_transaction"]}).status == "succeeded"
    failed = api.v1.refunds.retrieve(failing.id, {"expand": ["failure_balance_transaction"]})
    assert (failed.status, failed.failure_reason) == ("failed", "expired_or_canceled_card")
    statuses = {dispute.status for dispute in api.v1.disputes.list().data}
    assert statuses == {"needs_response", "warning_needs_response"}
    conforms()


def test_the_clock_can_be_set_back(stripe_sandbox: Sandbox, api: stripe.StripeClient, conforms: Conforms) -> None:
    """So that a test of the books has money of last month."""
    month = 30 * 24 * 3600
    happenings.set_clock(stripe_sandbox, {"offset": -month})
    then = paid(api)
    happenings.set_clock(stripe_sandbox, {"offset": 0})
    assert paid(api).created - then.created in range(month, month + 60)
    conforms()


def test_customers_and_their_cards(api: stripe.StripeClient, conforms: Conforms) -> None:
    customer = api.v1.customers.create(
        {"name": "李 Ana", "email": "ana@example.org", "metadata": {"supporter": "7"}, "address": {"city": "Boston"}}
    )
    api.v1.customers.update(customer.id, {"phone": "555", "shipping": {"name": "Ana", "address": {"line1": "12 Elm"}}})
    saved = paid(api, customer=customer.id, setup_future_usage="off_session").payment_method
    assert isinstance(saved, stripe.PaymentMethod)
    api.v1.payment_intents.create(
        {**GIFT, "customer": customer.id, "payment_method": saved.id, "off_session": True, "confirm": True}
    )
    api.v1.customers.retrieve(customer.id, {"expand": ["invoice_settings.default_payment_method", "tax_ids"]})
    api.v1.customers.payment_methods.list(customer.id)
    api.v1.payment_methods.retrieve(saved.id, {"expand": ["customer"]})
    api.v1.payment_methods.update(saved.id, {"card": {"exp_year": 2040}, "metadata": {"a": "b"}})
    api.v1.payment_methods.detach(saved.id)
    api.v1.customers.list({"email": "ana@example.org"})
    api.v1.customers.delete(customer.id)
    conforms()


def test_events_and_endpoints(api: stripe.StripeClient, conforms: Conforms) -> None:
    paid(api)
    page = api.v1.events.list({"types": ["payment_intent.succeeded"], "limit": 1, "created": {"gte": 1}})
    api.v1.events.retrieve(page.data[0].id)
    api.v1.events.list({"type": "charge.*", "delivery_success": True})
    endpoint = api.v1.webhook_endpoints.create({"url": "http://127.0.0.1:9/", "enabled_events": ["charge.refunded"]})
    api.v1.webhook_endpoints.update(endpoint.id, {"disabled": True})
    with pytest.raises(stripe.InvalidRequestError, match="up to 20 event types"):
        api.v1.events.list({"types": ["payment_intent.succeeded"] * 21})
    api.v1.webhook_endpoints.list()
    api.v1.webhook_endpoints.delete(endpoint.id)
    conforms()


def test_trouble(stripe_sandbox: Sandbox, api: stripe.StripeClient, conforms: Conforms) -> None:
    with pytest.raises(stripe.InvalidRequestError):
        api.v1.payment_intents.retrieve("pi_nobody")
    with pytest.raises(stripe.InvalidRequestError):
        api.v1.payment_intents.create({**GIFT, "amount": 1})
    with pytest.raises(stripe.InvalidRequestError):
        api.v1.payment_intents.create({**GIFT, "currency": "xxx"})
    api.v1.payment_intents.create(GIFT, {"idempotency_key": "gift:42"})
    api.v1.payment_intents.create(GIFT, {"idempotency_key": "gift:42"})
    with pytest.raises(stripe.IdempotencyError):
        api.v1.payment_intents.create({**GIFT, "amount": 2600}, {"idempotency_key": "gift:42"})
    for kind, status in (("down", 503), ("fail", 500), ("fail", 429), ("fail", 409), ("fail", 400)):
        stripe_sandbox.faults.add(kind, count=1, **({"status": status} if kind == "fail" else {}))
        with pytest.raises(stripe.StripeError):
            api.v1.payment_intents.create(GIFT)
    for kind in ("close", "timeout_after"):
        stripe_sandbox.faults.add(kind, count=1)
        with pytest.raises(stripe.APIConnectionError):
            api.v1.payment_intents.create(GIFT)
    conforms()


def test_a_payment_that_takes_days(stripe_sandbox: Sandbox, api: stripe.StripeClient, conforms: Conforms) -> None:
    stripe_sandbox.faults.add("processing", count=1, seconds=600.0)
    stripe_sandbox.faults.add("late_fee", count=1, seconds=600.0)
    assert paid(api).status == "processing"
    late = paid(api)
    api.v1.charges.retrieve(charge_of(late), {"expand": ["balance_transaction"]})
    conforms()


def test_a_browser(stripe_sandbox: Sandbox, api: stripe.StripeClient, conforms: Conforms) -> None:
    card = {"number": "4242424242424242", "exp_month": "12", "exp_year": "2040", "cvc": "123"}
    typed = {f"payment_method_data[card][{name}]": value for name, value in card.items()}
    for wrong in ({}, {"payment_method_data[card][number]": "4000000000000002"}):
        intent = api.v1.payment_intents.create(GIFT)
        assert intent.client_secret
        asked = {"client_secret": intent.client_secret, "return_url": "http://127.0.0.1/thanks/"}
        asked |= {"payment_method_data[type]": "card", **typed, **wrong}
        confirm_as_browser(stripe_sandbox, intent.id, asked)
    assert [entry.status for entry in api.v1.payment_intents.list().data] == ["requires_payment_method", "succeeded"]
    conforms()


# What the sandbox offers at all


def test_every_route_of_the_sandbox_is_an_operation_of_stripe() -> None:
    offered = [(route.method, route.pattern.pattern) for route in routes.ROUTES]
    paths = [
        (method, pattern.strip("^$").removesuffix("/?").replace("([A-Za-z0-9_]+)", "x_1"))
        for method, pattern in offered
    ]
    foreign = [f"{method} {path}" for method, path in paths if sdk.operation(method, path) is None]
    assert foreign == ["POST /v1/confirmation_tokens", "GET /v1/elements/sessions"]  # the browser's


@pytest.mark.parametrize("kind", [kind for kind in expand.EXPANDABLE if sdk.resource(kind)])
def test_the_sandbox_expands_only_what_stripe_expands(kind: str) -> None:
    shape = sdk.resource(kind)
    assert shape is not None
    assert [line for name in sorted(expand.EXPANDABLE[kind]) for line in expansion.refusals(name, shape)] == []


def test_the_sandbox_refuses_every_parameter_that_stripe_does_not_have(
    stripe_sandbox: Sandbox, api: stripe.StripeClient
) -> None:
    customer = api.v1.customers.create({})
    for route in routes.ROUTES:
        kind = "publishable" if route.public else "secret"
        call = stripe_sandbox.call(params={"no_such_parameter": "1"}, key_kind=kind)
        with pytest.raises(errors.StripeError, match="unknown parameter: no_such_parameter"):
            route.operation(call, *[customer.id] * route.pattern.groups)


# The check bites


def test_a_planted_wrong_parameter_fails(api: stripe.StripeClient, recorded: Callable[[], Recorded]) -> None:
    with pytest.raises(stripe.InvalidRequestError, match="unknown parameter"):
        api.v1.payment_intents.create({**GIFT, "recipt_email": "a@b.org"})  # type: ignore[typeddict-unknown-key]
    assert traffic.problems(*recorded()) == [
        "payment_intents.create: recipt_email: unknown parameter, PaymentIntentCreateParams has none such"
    ]


def test_a_planted_wrong_expand_fails(api: stripe.StripeClient, recorded: Callable[[], Recorded]) -> None:
    intent = api.v1.payment_intents.create(GIFT)
    with pytest.raises(stripe.InvalidRequestError, match="cannot be expanded"):
        api.v1.payment_intents.retrieve(intent.id, {"expand": ["charges"]})
    assert traffic.problems(*recorded()) == [
        "payment_intents.retrieve: expand: charges cannot be expanded: PaymentIntent has no field charges"
    ]


def test_a_removed_expand_fails(api: stripe.StripeClient, recorded: Callable[[], Recorded]) -> None:
    paid(api)
    log, events = recorded()
    log[-1]["reply"]["payment_method"] = "pm_1"
    assert traffic.problems(log, events) == [
        "payment_intents.confirm reply: payment_method: expand was asked but the reply has only the id pm_1"
    ]


def test_a_stray_reply_field_fails(api: stripe.StripeClient, recorded: Callable[[], Recorded]) -> None:
    paid(api)
    paid(api)
    log, events = recorded()
    for entry in log:
        entry["reply"]["charges"] = []
    stray = "charges: stray field, PaymentIntent has none such"
    assert traffic.problems(log, events) == [
        f"payment_intents.create reply: {stray} (×2)",
        f"payment_intents.confirm reply: {stray} (×2)",
    ]


def test_a_spoilt_event_fails(api: stripe.StripeClient, recorded: Callable[[], Recorded]) -> None:
    paid(api)
    log, events = recorded()
    succeeded = next(event for event in events if event["type"] == "payment_intent.succeeded")
    succeeded["data"]["object"]["status"] = "paid"
    [problem] = traffic.problems(log, events)
    assert problem.startswith("event payment_intent.succeeded: data.object.status: expected one of canceled,")


def test_a_missing_idempotency_key_or_another_version_fails(
    api: stripe.StripeClient, recorded: Callable[[], Recorded]
) -> None:
    api.v1.payment_intents.create(GIFT)
    log, events = recorded()
    log[0]["idempotency_key"] = None
    log[0]["sdk"]["Stripe-Version"] = "2020-08-27"
    assert traffic.problems(log, events) == [
        f"POST /v1/payment_intents: Stripe-Version: expected {sdk.API_VERSION}, got '2020-08-27'",
        "POST /v1/payment_intents: no Idempotency-Key, so a repeated request would act twice",
    ]


def test_the_traffic_of_another_process_is_fetched(stripe_sandbox: Sandbox, api: stripe.StripeClient) -> None:
    paid(api)
    assert traffic.fetch(stripe_sandbox.url) == []
    with pytest.raises(stripe.InvalidRequestError):
        api.v1.customers.create({"nick": "Ana"})  # type: ignore[arg-type]
    assert traffic.fetch(stripe_sandbox.url) == [
        "customers.create: nick: unknown parameter, CustomerCreateParams has none such"
    ]


def confirm_as_browser(sandbox: Sandbox, intent: str, asked: dict[str, str]) -> None:
    body = urlencode({"key": sandbox.options.publishable_key, **asked}).encode()
    # A declined card is an answer like any other here: the log has it.
    with suppress(urllib.error.HTTPError):
        post(f"{sandbox.url}/v1/payment_intents/{intent}/confirm", body, "application/x-www-form-urlencoded")


def post(url: str, body: bytes, content_type: str) -> None:
    request = Request(url, data=body, headers={"Content-Type": content_type})
    try:
        build_opener(ProxyHandler({})).open(request, timeout=10).close()
    except urllib.error.HTTPError as error:
        error.close()
        raise
