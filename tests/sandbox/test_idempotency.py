"""Idempotency keys: one gift, however often it is asked for."""

import threading

import pytest
import stripe

from sandbox.server import Sandbox
from tests.sandbox.test_payments import GIFT


def test_the_same_key_gives_the_same_reply(api: stripe.StripeClient) -> None:
    first = api.v1.payment_intents.create(GIFT, {"idempotency_key": "gift-1"})
    second = api.v1.payment_intents.create(GIFT, {"idempotency_key": "gift-1"})
    assert first.id == second.id
    assert second.last_response is not None
    assert second.last_response.headers["Idempotent-Replayed"] == "true"
    assert len(api.v1.payment_intents.list().data) == 1


def test_the_same_key_for_something_else_is_refused(api: stripe.StripeClient) -> None:
    intent = api.v1.payment_intents.create(GIFT, {"idempotency_key": "gift-1"})
    with pytest.raises(stripe.IdempotencyError, match="same parameters") as caught:
        api.v1.payment_intents.create({**GIFT, "amount": 9900}, {"idempotency_key": "gift-1"})
    assert caught.value.http_status == 400
    with pytest.raises(stripe.IdempotencyError, match="same endpoint"):
        api.v1.payment_intents.cancel(intent.id, options={"idempotency_key": "gift-1"})
    assert [item.amount for item in api.v1.payment_intents.list().data] == [2500]


def test_a_decline_is_remembered_and_a_refused_parameter_is_not(api: stripe.StripeClient) -> None:
    intent = api.v1.payment_intents.create(GIFT)
    for _ in range(2):
        with pytest.raises(stripe.CardError):
            api.v1.payment_intents.confirm(
                intent.id, {"payment_method": "pm_card_visa_chargeDeclined"}, {"idempotency_key": "confirm-1"}
            )
    assert len(api.v1.charges.list().data) == 1
    with pytest.raises(stripe.InvalidRequestError):
        api.v1.payment_intents.create({**GIFT, "amount": 1}, {"idempotency_key": "gift-2"})
    assert api.v1.payment_intents.create(GIFT, {"idempotency_key": "gift-2"}).amount == 2500


def test_two_at_once_with_one_key_make_one(api: stripe.StripeClient, sandbox: Sandbox) -> None:
    sandbox.faults.add("slow", seconds=0.4, method="POST")
    results: list[object] = []

    def create() -> None:
        try:
            results.append(api.v1.payment_intents.create(GIFT, {"idempotency_key": "gift-1"}).id)
        except stripe.StripeError as error:
            results.append((error.http_status, error.error.code if error.error else None))

    threads = [threading.Thread(target=create) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    made = [item.id for item in api.v1.payment_intents.list().data]
    assert len(made) == 1
    assert sorted(map(str, results)) == sorted(map(str, [made[0], (409, "idempotency_key_in_use")]))
