"""Cards saved without a charge and charged without their supporter: what we ask, what the sandbox answers, checked."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial

import pytest
import stripe

from donations import gateway
from sandbox import happenings
from sandbox.server import Sandbox
from tests import card_field
from tests.conformance import traffic
from tests.conformance.conftest import Recorded
from tests.conformance.test_sandbox import Conforms, post

LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)
METADATA = {"app": gateway.APP, "plan": "7", "installment": "42", "environment": "demo"}


def saved_card(api: stripe.StripeClient, customer: str, card: str = "pm_card_visa") -> str:
    """The id of a card that the supporter saved; the browser's part is done by the bare SDK."""
    setup = gateway.create_setup(customer_id=customer, key=f"setup:{card}", metadata=METADATA)
    api.v1.setup_intents.confirm(setup.id, {"payment_method": card})
    saved = gateway.retrieve_setup(setup.id)
    assert saved.is_saved
    assert saved.card is not None
    return saved.card.payment_method_id


def renewal(customer: str, number: int) -> gateway.Payment:
    return gateway.create_renewal(
        amount_minor=2500,
        currency="usd",
        customer_id=customer,
        key=f"inst-{number}-create",
        metadata=METADATA,
        description="Gift G-00000042",
    )


def saved_by_phone(customer: str, token: str, *, is_moto: bool = False) -> gateway.Setup:
    return gateway.save_card(
        customer_id=customer, token=token, key=f"by-phone:{token}", metadata=METADATA, is_moto=is_moto
    )


def drive_cards_by_phone(customer: str) -> None:
    """A caller's card: saved, asked for again with its key, declined, and asked about by its bank."""
    save = partial(saved_by_phone, customer)
    good = card_field.token(card_field.GOOD)
    saved = save(good)
    assert (saved.is_saved, saved.customer_id, saved.metadata) == (True, customer, METADATA)
    assert save(good) == saved
    with pytest.raises(gateway.CardDeclined) as declined:
        save(card_field.token(card_field.DECLINED))
    assert declined.value.code == "generic_decline"
    assert save(card_field.token(card_field.ASKS)).status == "requires_action"
    assert save(card_field.token(card_field.ASKS), is_moto=True).is_saved


def drive_saved_cards(sandbox: Sandbox, api: stripe.StripeClient) -> None:
    """Every function of the gateway about saved cards, and all that they can answer."""
    customer = gateway.create_customer(name="Ana", email="ana@example.org", key="customer:7", metadata=METADATA)
    refused = gateway.create_setup(customer_id=customer, key="setup:1", metadata=METADATA)
    assert (refused.status, refused.customer_id, refused.card, refused.metadata) == (
        *("requires_payment_method", customer, None),
        METADATA,
    )
    with pytest.raises(stripe.CardError):
        api.v1.setup_intents.confirm(refused.id, {"payment_method": "pm_card_visa_chargeDeclinedInsufficientFunds"})
    assert gateway.retrieve_setup(refused.id).error_code == "insufficient_funds"
    method = saved_card(api, customer)
    drive_cards_by_phone(customer)

    first = renewal(customer, 1)
    assert (first.status, first.charge, first.customer_id) == ("requires_payment_method", None, customer)
    assert renewal(customer, 1) == first
    paid = gateway.confirm_saved(first.id, payment_method_id=method, key="inst-1-confirm-1")
    assert paid.is_paid
    assert paid.last_error is None
    assert gateway.confirm_saved(first.id, payment_method_id=method, key="inst-1-confirm-1") == paid
    with pytest.raises(gateway.GatewayRefused) as twice:
        gateway.confirm_saved(first.id, payment_method_id=method, key="inst-1-confirm-2")
    assert twice.value.code == "payment_intent_unexpected_state"

    second = renewal(customer, 2)
    happen = partial(happenings.happen, sandbox)
    happen("card-behaves", {"payment_method": method, "decline": "insufficient_funds"})
    with pytest.raises(gateway.CardDeclined) as declined:
        gateway.confirm_saved(second.id, payment_method_id=method, key="inst-2-confirm-1")
    assert declined.value.code == "insufficient_funds"
    told = gateway.retrieve_payment(second.id).last_error
    assert told is not None
    assert (told.source, told.code) == (declined.value.charge_id, "insufficient_funds")
    assert told.source.startswith("ch_")
    happen("card-behaves", {"payment_method": method, "authenticate": True, "decline": ""})
    with pytest.raises(gateway.CardDeclined) as asked:
        gateway.confirm_saved(second.id, payment_method_id=method, key="inst-2-confirm-2")
    assert asked.value.code == gateway.AUTHENTICATION_REQUIRED
    assert gateway.retrieve_payment(second.id).status == "requires_payment_method"
    happen("card-behaves", {"payment_method": method, "authenticate": False})
    again = gateway.confirm_saved(second.id, payment_method_id=method, key="inst-2-confirm-3")
    assert (again.is_paid, again.last_error) == (True, None)
    assert [payment.id for payment in gateway.payments_of(customer, since=LONG_AGO)] == [second.id, first.id]
    assert list(gateway.payments_of(customer, since=datetime(2100, 1, 1, tzinfo=UTC))) == []

    happen("card-replaced", {"payment_method": method, "last4": "0505", "exp_year": 2044, "exp_month": 3})
    assert gateway.retrieve_card(method) == gateway.Card(method, "visa", "0505", 3, 2044)
    gateway.detach_card(method, key="card-1-detach")
    with pytest.raises(gateway.GatewayRefused):
        gateway.detach_card(method, key="card-1-detach-again")
    third = renewal(customer, 3)
    with pytest.raises(gateway.GatewayRefused):
        gateway.confirm_saved(third.id, payment_method_id=method, key="inst-3-confirm-1")


def test_all_that_is_said_of_saved_cards_conforms(
    stripe_sandbox: Sandbox, api: stripe.StripeClient, recorded: Callable[[], Recorded]
) -> None:
    drive_saved_cards(stripe_sandbox, api)
    log, events = recorded()
    assert traffic.problems(log, events) == []
    listed = {event["type"] for event in gateway.events_since(LONG_AGO)}
    about = ("setup_intent.", "payment_method.")
    assert {kind for kind in listed if kind.startswith(about)} == {
        kind for kind in gateway.EVENT_TYPES if kind.startswith(about)
    }


def test_usage_is_declared_when_a_card_is_saved_and_when_it_is_charged(
    stripe_sandbox: Sandbox, api: stripe.StripeClient
) -> None:
    customer = gateway.create_customer(name="Ana", email="", key="customer:7", metadata=METADATA)
    method = saved_card(api, customer)
    payment = renewal(customer, 1)
    gateway.confirm_saved(payment.id, payment_method_id=method, key="inst-1-confirm-1")
    (charge,) = api.v1.charges.list({"payment_intent": payment.id}).data
    assert charge.payment_method_details is not None
    assert charge.payment_method_details.card is not None
    assert charge.payment_method_details.card.stored_credential_usage == "recurring"
    (setup,) = api.v1.setup_intents.list({"customer": customer}).data
    assert setup.payment_method_options is not None
    assert setup.payment_method_options.card is not None
    assert setup.payment_method_options.card.setup_credential_usage == "recurring"


@pytest.mark.parametrize("passed", [True, False])
@pytest.mark.parametrize("by_sdk", [True, False])
def test_saving_a_card_whose_bank_asks(
    stripe_sandbox: Sandbox, api: stripe.StripeClient, conforms: Conforms, *, passed: bool, by_sdk: bool
) -> None:
    customer = api.v1.customers.create({"name": "Ana"})
    setup = api.v1.setup_intents.create({"customer": customer.id, "usage": "off_session"})
    asked: stripe.params.SetupIntentConfirmParams = {
        "payment_method": "pm_card_authenticationRequiredOnSetup",
        "return_url": "http://127.0.0.1/card/?plan=7",
    }
    if by_sdk:
        asked["use_stripe_sdk"] = True
    assert api.v1.setup_intents.confirm(setup.id, asked).status == "requires_action"
    answer = {
        "source": stripe_sandbox.store.hidden(setup.id)["source"],
        "client_secret": setup.client_secret,
        "passed": passed,
    }
    post(f"{stripe_sandbox.url}/js/three-ds", json.dumps(answer).encode(), "application/json")
    after = api.v1.setup_intents.retrieve(setup.id, {"expand": ["latest_attempt", "payment_method", "customer"]})
    saved = api.v1.customers.payment_methods.list(customer.id).data
    if passed:
        assert after.status == "succeeded"
        assert len(saved) == 1
        payment = gateway.create_renewal(
            amount_minor=2500,
            currency="usd",
            customer_id=customer.id,
            key="inst-1-create",
            metadata=METADATA,
            description="Gift",
        )
        # Set up with the bank's yes, this card needs no second one.
        assert gateway.confirm_saved(payment.id, payment_method_id=saved[0].id, key="inst-1-confirm-1").is_paid
    else:
        assert after.status == "requires_payment_method"
        assert after.last_setup_error is not None
        assert after.last_setup_error.code == "setup_intent_authentication_failure"
        assert saved == []
    conforms()


def test_a_card_whose_bank_asks_every_time_is_declined_without_its_supporter(
    stripe_sandbox: Sandbox, api: stripe.StripeClient, conforms: Conforms
) -> None:
    customer = api.v1.customers.create({"name": "Ana"})
    setup = api.v1.setup_intents.create({"customer": customer.id, "automatic_payment_methods": {"enabled": True}})
    api.v1.setup_intents.confirm(setup.id, {"payment_method": "pm_card_authenticationRequired"})
    answer = {
        "source": stripe_sandbox.store.hidden(setup.id)["source"],
        "client_secret": setup.client_secret,
        "passed": True,
    }
    post(f"{stripe_sandbox.url}/js/three-ds", json.dumps(answer).encode(), "application/json")
    method = gateway.retrieve_setup(setup.id).card
    assert method is not None
    payment = renewal(customer.id, 1)
    with pytest.raises(gateway.CardDeclined) as declined:
        gateway.confirm_saved(payment.id, payment_method_id=method.payment_method_id, key="inst-1-confirm-1")
    assert declined.value.code == gateway.AUTHENTICATION_REQUIRED
    conforms()


def test_setups_are_changed_cancelled_and_listed(api: stripe.StripeClient, conforms: Conforms) -> None:
    customer = api.v1.customers.create({"name": "Ana"})
    setup = api.v1.setup_intents.create({"metadata": {"a": "b"}})
    api.v1.setup_intents.update(setup.id, {"customer": customer.id, "description": "Card", "metadata": {"a": "c"}})
    api.v1.setup_intents.create({"confirm": True, "payment_method": "pm_card_visa", "return_url": "http://127.0.0.1/"})
    assert [found.id for found in api.v1.setup_intents.list({"customer": customer.id}).data] == [setup.id]
    assert api.v1.setup_intents.cancel(setup.id, {"cancellation_reason": "abandoned"}).status == "canceled"
    for act in (api.v1.setup_intents.cancel, api.v1.setup_intents.confirm):
        with pytest.raises(stripe.InvalidRequestError) as caught:
            act(setup.id)
        assert caught.value.code == "setup_intent_unexpected_state"
    conforms()


def test_a_stored_card_is_not_saved_again_by_the_same_payment(api: stripe.StripeClient) -> None:
    intent = api.v1.payment_intents.create(
        {
            "amount": 2500,
            "currency": "usd",
            "setup_future_usage": "off_session",
            "payment_method_options": {"card": {"stored_credential_usage": "recurring"}},
        }
    )
    with pytest.raises(stripe.InvalidRequestError, match="together with setup_future_usage"):
        api.v1.payment_intents.confirm(intent.id, {"payment_method": "pm_card_visa"})


@pytest.mark.parametrize(
    ("given", "problem"),
    [
        ({"decline": "too_poor"}, "decline must be one of"),
        ({}, "say decline, authenticate or both"),
        ({"authenticate": "yes"}, "must be true or false"),
    ],
)
def test_impossible_cards_are_refused(stripe_sandbox: Sandbox, given: dict[str, object], problem: str) -> None:
    with pytest.raises(happenings.Refused, match=problem):
        happenings.happen(stripe_sandbox, "card-behaves", {"payment_method": "pm_1", **given})
