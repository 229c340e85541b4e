"""The webhook's door: what it refuses, what it stores, and that a repeat is nothing new."""

import hashlib
import hmac
import json
import time
from typing import Any

import pytest
from django.conf import settings
from django.test import Client

from donations import inbox
from donations.models import StripeEvent
from tests import builders
from tests.donations.test_settle import at_once

URL = "/stripe/webhook/"


def event(event_id: str = "evt_1", **changes: Any) -> dict[str, Any]:
    return {
        "id": event_id,
        "object": "event",
        "type": "payment_intent.succeeded",
        "api_version": "2026-10-28.endive",
        "created": int(time.time()),
        "livemode": False,
        "data": {"object": {"id": "pi_none", "object": "payment_intent", "metadata": {}}},
        **changes,
    }


def signed(payload: bytes, *, secret: str | None = None, age: int = 0) -> str:
    stamp = int(time.time()) - age
    key = (secret or settings.STRIPE_WEBHOOK_SECRETS[0]).encode()
    return f"t={stamp},v1={hmac.new(key, f'{stamp}.'.encode() + payload, hashlib.sha256).hexdigest()}"


def send(payload: bytes, signature: str) -> int:
    return (
        Client()
        .post(URL, payload, content_type="application/json", headers={"Stripe-Signature": signature})
        .status_code
    )


@pytest.mark.django_db
def test_a_signed_event_is_stored_once_however_often_it_comes() -> None:
    payload = json.dumps(event()).encode()
    for _ in range(3):
        assert send(payload, signed(payload)) == 200
    stored = StripeEvent.objects.get()
    assert (stored.event_id, stored.state, stored.object_id) == ("evt_1", "waiting", "pi_none")


def test_an_event_delivered_by_twenty_threads_is_stored_once(transactional_db: None) -> None:
    payload = json.dumps(event()).encode()
    codes: list[int] = []
    errors = at_once(20, lambda _: codes.append(send(payload, signed(payload))))
    assert errors == []
    assert codes == [200] * 20
    assert StripeEvent.objects.count() == 1


@pytest.mark.django_db
@pytest.mark.parametrize(
    "make",
    [
        lambda body: signed(body, secret="whsec_forged"),
        lambda body: signed(body, age=301),
        lambda body: signed(body + b" "),
        lambda body: "",
        lambda body: "t=now,v1=abc",
        lambda body: "\x00",
    ],
    ids=["forged", "stale", "changed", "unsigned", "nonsense", "control"],
)
def test_what_stripe_did_not_sign_just_now_is_refused_and_not_stored(make: Any) -> None:
    payload = json.dumps(event()).encode()
    assert send(payload, make(payload)) == 400
    assert StripeEvent.objects.count() == 0


@pytest.mark.django_db
@pytest.mark.parametrize("payload", [b"", b"{", b"\xff\xfe", b"[]", b'"x"', b'{"id": "evt"}'])
def test_a_signed_body_that_is_no_event_is_refused(payload: bytes) -> None:
    assert send(payload, signed(payload)) == 400
    assert StripeEvent.objects.count() == 0


@pytest.mark.django_db
def test_rule_69_an_event_of_the_other_mode_is_answered_and_dropped() -> None:
    payload = json.dumps(event(livemode=True)).encode()
    assert send(payload, signed(payload)) == 200
    assert StripeEvent.objects.count() == 0


@pytest.mark.django_db
def test_the_second_secret_works_while_secrets_are_rotated(settings: Any) -> None:
    settings.STRIPE_WEBHOOK_SECRETS = ["whsec_new", "whsec_old"]
    payload = json.dumps(event()).encode()
    assert send(payload, signed(payload, secret="whsec_old")) == 200


@pytest.mark.django_db
def test_a_get_is_refused() -> None:
    assert Client().get(URL).status_code == 405


@pytest.mark.django_db
def test_rule_76_money_of_no_gift_of_ours_waits_for_a_person() -> None:
    inbox.store(event())
    inbox.handle_due()
    assert StripeEvent.objects.get().state == StripeEvent.State.UNMATCHED


@pytest.mark.django_db
def test_an_event_of_another_installation_is_ignored() -> None:
    gift = builders.pending_gift()
    body = event()
    body["data"]["object"]["metadata"] = {
        "app": "more-ways-to-give",
        "gift": str(gift.pk),
        "environment": "https://other.example.org",
    }
    inbox.store(body)
    inbox.handle_due()
    assert StripeEvent.objects.get().state == StripeEvent.State.IGNORED


@pytest.mark.django_db
def test_an_event_type_we_do_not_act_on_is_kept_and_ignored() -> None:
    inbox.store(event(type="customer.created"))
    inbox.handle_due()
    assert StripeEvent.objects.get().state == StripeEvent.State.IGNORED
