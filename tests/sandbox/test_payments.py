"""Payments through the real SDK: paid, declined, challenged, cancelled, refused."""

from collections.abc import Callable

import pytest
import stripe

from sandbox import cards, fees
from sandbox.options import API_VERSION
from sandbox.server import Sandbox
from tests.sandbox.conftest import MakeClient, Receiver, wait_for

GIFT: stripe.params.PaymentIntentCreateParams = {
    "amount": 2500,
    "currency": "usd",
    "automatic_payment_methods": {"enabled": True},
    "metadata": {"gift": "42"},
}


def pay(api: stripe.StripeClient, card: str, **more: object) -> stripe.PaymentIntent:
    """Creates and confirms a gift of $25 with one of Stripe's test payment methods."""
    intent = api.v1.payment_intents.create({**GIFT, **more})  # type: ignore[typeddict-item]
    return api.v1.payment_intents.confirm(intent.id, {"payment_method": card})


def test_speaks_the_version_that_the_sdk_pins() -> None:
    assert stripe.api_version == API_VERSION


def test_a_card_gift_is_paid_with_its_fee(api: stripe.StripeClient, receiver: Receiver) -> None:
    intent = api.v1.payment_intents.create(GIFT)
    assert (intent.status, intent.latest_charge) == ("requires_payment_method", None)
    paid = api.v1.payment_intents.confirm(
        intent.id, {"payment_method": "pm_card_visa", "expand": ["latest_charge.balance_transaction", "payment_method"]}
    )
    assert (paid.status, paid.amount_received, paid.metadata.to_dict()) == ("succeeded", 2500, {"gift": "42"})
    charge = paid.latest_charge
    assert isinstance(charge, stripe.Charge)
    entry = charge.balance_transaction
    assert isinstance(entry, stripe.BalanceTransaction)
    assert (entry.amount, entry.fee, entry.net) == (2500, 103, 2397)
    assert isinstance(paid.payment_method, stripe.PaymentMethod)
    assert paid.payment_method.card is not None
    assert (paid.payment_method.card.brand, paid.payment_method.card.last4) == ("visa", "4242")
    wait_for(lambda: len(receiver.events) == 4)
    assert set(receiver.types()) == {
        "payment_intent.created",
        "charge.succeeded",
        "payment_intent.succeeded",
        "charge.updated",
    }


@pytest.mark.parametrize(
    ("card", "code", "decline_code"),
    [
        ("pm_card_visa_chargeDeclined", "card_declined", "generic_decline"),
        ("pm_card_visa_chargeDeclinedInsufficientFunds", "card_declined", "insufficient_funds"),
        ("pm_card_visa_chargeDeclinedLostCard", "card_declined", "lost_card"),
        ("pm_card_visa_chargeDeclinedStolenCard", "card_declined", "stolen_card"),
        ("pm_card_chargeDeclinedExpiredCard", "expired_card", "expired_card"),
        ("pm_card_chargeDeclinedIncorrectCvc", "incorrect_cvc", "incorrect_cvc"),
        ("pm_card_chargeDeclinedProcessingError", "processing_error", "processing_error"),
        ("pm_card_chargeCustomerFail", "card_declined", "generic_decline"),
    ],
)
def test_a_declined_card_leaves_a_failed_charge(
    api: stripe.StripeClient, card: str, code: str, decline_code: str
) -> None:
    with pytest.raises(stripe.CardError) as caught:
        pay(api, card)
    error = caught.value.error
    assert error is not None
    assert (caught.value.http_status, error.code, error.decline_code) == (402, code, decline_code)
    assert error.payment_intent is not None
    intent = api.v1.payment_intents.retrieve(error.payment_intent.id, {"expand": ["latest_charge"]})
    assert intent.status == "requires_payment_method"
    assert intent.last_payment_error is not None
    assert intent.last_payment_error.decline_code == decline_code
    assert isinstance(intent.latest_charge, stripe.Charge)
    assert (intent.latest_charge.status, intent.latest_charge.paid) == ("failed", False)
    types = [event.type for event in api.v1.events.list().data]
    assert types == ["payment_intent.payment_failed", "charge.failed", "payment_intent.created"]


def test_a_decline_can_be_followed_by_success(api: stripe.StripeClient) -> None:
    intent = api.v1.payment_intents.create(GIFT)
    with pytest.raises(stripe.CardError):
        api.v1.payment_intents.confirm(intent.id, {"payment_method": "pm_card_visa_chargeDeclined"})
    paid = api.v1.payment_intents.confirm(intent.id, {"payment_method": "pm_card_mastercard"})
    assert (paid.status, paid.last_payment_error) == ("succeeded", None)
    assert sorted(charge.status for charge in api.v1.charges.list({"payment_intent": intent.id}).data) == [
        "failed",
        "succeeded",
    ]


def test_a_paid_intent_can_be_neither_confirmed_changed_nor_cancelled(api: stripe.StripeClient) -> None:
    paid = pay(api, "pm_card_visa")
    attempts: list[Callable[[], object]] = [
        lambda: api.v1.payment_intents.confirm(paid.id, {"payment_method": "pm_card_visa"}),
        lambda: api.v1.payment_intents.update(paid.id, {"amount": 9900}),
        lambda: api.v1.payment_intents.cancel(paid.id),
    ]
    for attempt in attempts:
        with pytest.raises(stripe.InvalidRequestError) as caught:
            attempt()
        assert caught.value.code == "payment_intent_unexpected_state"
    assert api.v1.payment_intents.update(paid.id, {"metadata": {"note": "kept"}}).metadata.to_dict() == {
        "gift": "42",
        "note": "kept",
    }
    assert len(api.v1.charges.list().data) == 1


def test_a_challenge_waits_for_the_supporter(api: stripe.StripeClient) -> None:
    intent = pay(api, "pm_card_authenticationRequired")
    assert intent.status == "requires_action"
    assert intent.next_action is not None
    assert intent.next_action.type == "use_stripe_sdk"
    assert api.v1.charges.list().data == []
    assert [event.type for event in api.v1.events.list({"limit": 1}).data] == ["payment_intent.requires_action"]


def test_off_session_a_challenge_is_a_decline(api: stripe.StripeClient) -> None:
    customer = api.v1.customers.create({"payment_method": "pm_card_authenticationRequired"})
    saved = api.v1.customers.payment_methods.list(customer.id).data[0]
    with pytest.raises(stripe.CardError) as caught:
        api.v1.payment_intents.create(
            {
                "amount": 2500,
                "currency": "usd",
                "customer": customer.id,
                "payment_method": saved.id,
                "confirm": True,
                "off_session": True,
            }
        )
    assert caught.value.code == "authentication_required"


def test_setup_future_usage_saves_the_card_for_later_charges(api: stripe.StripeClient) -> None:
    customer = api.v1.customers.create({"name": "Alice", "email": "alice@example.org"})
    intent = pay(api, "pm_card_visa", customer=customer.id, setup_future_usage="off_session")
    saved = api.v1.customers.payment_methods.list(customer.id).data
    assert [method.id for method in saved] == [intent.payment_method]
    again = api.v1.payment_intents.create(
        {
            "amount": 2500,
            "currency": "usd",
            "customer": customer.id,
            "payment_method": saved[0].id,
            "confirm": True,
            "off_session": True,
        }
    )
    assert again.status == "succeeded"


def test_a_card_that_was_not_saved_cannot_be_used_twice(api: stripe.StripeClient) -> None:
    used = pay(api, "pm_card_visa").payment_method
    assert isinstance(used, str)
    with pytest.raises(stripe.InvalidRequestError, match="previously used"):
        pay(api, used)


def test_cancelling(api: stripe.StripeClient) -> None:
    intent = api.v1.payment_intents.create(GIFT)
    cancelled = api.v1.payment_intents.cancel(intent.id, {"cancellation_reason": "abandoned"})
    assert (cancelled.status, cancelled.cancellation_reason) == ("canceled", "abandoned")
    with pytest.raises(stripe.InvalidRequestError):
        api.v1.payment_intents.confirm(intent.id, {"payment_method": "pm_card_visa"})


@pytest.mark.parametrize(
    ("given", "code", "param"),
    [
        ({"currency": "usd"}, "parameter_missing", "amount"),
        ({"amount": 49, "currency": "usd"}, "amount_too_small", "amount"),
        ({"amount": 100_000_000, "currency": "usd"}, "amount_too_large", "amount"),
        ({"amount": -5, "currency": "usd"}, "parameter_invalid_integer", "amount"),
        ({"amount": "12.5", "currency": "usd"}, "parameter_invalid_integer", "amount"),
        ({"amount": 2500, "currency": "usd", "colour": "red"}, "parameter_unknown", "colour"),
        (
            {"amount": 2500, "currency": "usd", "payment_method_types": ["card"]},
            "payment_method_types_no_longer_supported",
            "payment_method_types",
        ),
        (
            GIFT | {"allowed_payment_method_types": ["card"]},
            None,
            "allowed_payment_method_types",
        ),
        ({"amount": 2500, "currency": "usd", "customer": "cus_gone"}, "resource_missing", "customer"),
        ({"amount": 2500, "currency": "usd", "metadata": {"x" * 41: "1"}}, None, "metadata"),
        ({"amount": 2500, "currency": "usd", "setup_future_usage": "maybe"}, None, "setup_future_usage"),
        ({"amount": 2500, "currency": "usd", "expand": ["amount"]}, None, "expand"),
    ],
)
def test_bad_parameters_are_refused_and_make_nothing(
    api: stripe.StripeClient, given: dict[str, object], code: str | None, param: str
) -> None:
    with pytest.raises(stripe.InvalidRequestError) as caught:
        api.v1.payment_intents.create(given)  # type: ignore[arg-type]
    assert (caught.value.http_status, caught.value.code, caught.value.param) == (400, code, param)
    assert api.v1.payment_intents.list().data == []
    assert api.v1.events.list().data == []


def test_card_numbers_are_refused_from_a_server(api: stripe.StripeClient, sandbox: Sandbox) -> None:
    with pytest.raises(stripe.CardError, match="generally unsafe"):
        api.v1.payment_methods.create(
            {"type": "card", "card": {"number": "4242424242424242", "exp_month": 12, "exp_year": 2040, "cvc": "123"}}
        )
    logged = sandbox.journal.after()[0]
    assert "4242424242424242" not in str(logged)
    assert logged["params"]["card"]["cvc"] == "***"


def test_keys_are_checked(sandbox: Sandbox, client: MakeClient) -> None:
    with pytest.raises(stripe.AuthenticationError, match="Invalid API Key"):
        client(sandbox, key="sk_test_of_somebody_else").v1.events.list()
    with pytest.raises(stripe.AuthenticationError) as caught:
        client(sandbox, key=sandbox.options.publishable_key).v1.events.list()
    assert caught.value.error is not None
    assert caught.value.error.code == "secret_key_required"


def test_a_refund_returns_the_money_but_not_the_fee(api: stripe.StripeClient) -> None:
    paid = pay(api, "pm_card_visa")
    refund = api.v1.refunds.create(
        {"payment_intent": paid.id, "amount": 1000, "expand": ["balance_transaction", "charge"]}
    )
    assert isinstance(refund.balance_transaction, stripe.BalanceTransaction)
    assert (refund.balance_transaction.net, refund.balance_transaction.fee) == (-1000, 0)
    assert isinstance(refund.charge, stripe.Charge)
    assert (refund.charge.amount_refunded, refund.charge.refunded) == (1000, False)
    with pytest.raises(stripe.InvalidRequestError, match="greater than unrefunded"):
        api.v1.refunds.create({"payment_intent": paid.id, "amount": 1501})
    api.v1.refunds.create({"payment_intent": paid.id})
    with pytest.raises(stripe.InvalidRequestError) as caught:
        api.v1.refunds.create({"payment_intent": paid.id})
    assert caught.value.code == "charge_already_refunded"


def test_lists_go_by_pages(api: stripe.StripeClient) -> None:
    made = [api.v1.payment_intents.create(GIFT).id for _ in range(5)]
    first = api.v1.payment_intents.list({"limit": 2})
    assert ([item.id for item in first.data], first.has_more) == ([made[4], made[3]], True)
    rest = api.v1.payment_intents.list({"limit": 3, "starting_after": made[3]})
    assert ([item.id for item in rest.data], rest.has_more) == ([made[2], made[1], made[0]], False)
    before = api.v1.payment_intents.list({"limit": 2, "ending_before": made[2]})
    assert [item.id for item in before.data] == [made[4], made[3]]
    assert [item.id for item in api.v1.payment_intents.list({"limit": 1}).auto_paging_iter()] == made[::-1]


def test_events_can_be_looked_through(api: stripe.StripeClient) -> None:
    paid = pay(api, "pm_card_visa")
    found = api.v1.events.list(
        {"types": ["payment_intent.succeeded", "payment_intent.canceled"], "created": {"gte": 1}}
    )
    assert [event.type for event in found.data] == ["payment_intent.succeeded"]
    event = api.v1.events.retrieve(found.data[0].id)
    assert (event.data.object["id"], event.data.object["status"]) == (paid.id, "succeeded")
    assert (event.api_version, event.livemode) == (API_VERSION, False)
    assert api.v1.events.list({"created": {"gte": event.created + 60}}).data == []


@pytest.mark.parametrize(
    ("amount", "nonprofit", "number", "fee"),
    [
        (2500, False, "4242424242424242", 103),
        (2500, True, "4242424242424242", 85),
        (2500, True, "378282246310005", 118),
        (2500, False, "4000001240000000", 140),
        (50, False, "4242424242424242", 31),
        (1, False, "4242424242424242", 1),
    ],
)
def test_fees(amount: int, nonprofit: bool, number: str, fee: int) -> None:
    assert fees.fee(amount, "usd", cards.BY_NUMBER[number], nonprofit=nonprofit) == fee


@pytest.mark.parametrize("card", cards.CARDS, ids=lambda card: card.number)
def test_every_test_card_has_a_valid_number(card: cards.Card) -> None:
    assert cards.passes_luhn(card.number)
    assert cards.by_number(card.number) is card
    assert not card.decline or card.decline in cards.DECLINES


MOTO: stripe.params.PaymentIntentConfirmParamsPaymentMethodOptions = {"card": {"moto": True}}


def test_a_telephone_order_is_not_challenged(api: stripe.StripeClient) -> None:
    intent = api.v1.payment_intents.create(GIFT)
    asked = api.v1.payment_intents.confirm(intent.id, {"payment_method": "pm_card_threeDSecure2Required"})
    assert asked.status == "requires_action"
    paid = api.v1.payment_intents.confirm(
        intent.id, {"payment_method": "pm_card_threeDSecure2Required", "payment_method_options": MOTO}
    )
    assert paid.status == "succeeded"


def test_only_a_server_that_confirms_may_flag_a_telephone_order(
    api: stripe.StripeClient, stripe_sandbox: Sandbox
) -> None:
    with pytest.raises(stripe.InvalidRequestError, match="moto"):
        api.v1.payment_intents.create({**GIFT, "payment_method_options": {"card": {"moto": True}}})
    intent = api.v1.payment_intents.create(GIFT)
    browser = stripe.StripeClient(
        stripe_sandbox.options.publishable_key, base_addresses={"api": stripe_sandbox.url}, max_network_retries=0
    )
    confirm = {"client_secret": intent.client_secret, "payment_method": "pm_card_visa", "payment_method_options": MOTO}
    with pytest.raises(stripe.InvalidRequestError, match="moto"):
        browser.raw_request("post", f"/v1/payment_intents/{intent.id}/confirm", **confirm)
    assert api.v1.payment_intents.retrieve(intent.id).status == "requires_payment_method"
