"""Stripe's inbox as it stands on an ordinary day: handled events, one that fits no gift, and one given up."""

from datetime import datetime, timedelta
from random import Random
from string import ascii_letters, digits
from typing import Any

from django.conf import settings

from donations import gateway, inbox
from donations.models import Gift, StripeEvent


def write(now: datetime, chance: Random) -> None:
    """Events of the last two weeks' gifts, and what waits for a person."""
    recent = Gift.objects.settled().filter(settled_at__gt=now - timedelta(days=14))
    events = [_handled(gift, chance) for gift in recent]
    stranger = _event("pi", now - timedelta(days=2, hours=5), chance, amount=15000, metadata={})
    stranger.state, stranger.tries, stranger.handled_at = StripeEvent.State.UNMATCHED, 1, stranger.received_at
    stuck = _event("pi", now - timedelta(days=6), chance, amount=4000, metadata={"app": gateway.APP, "gift": "999999"})
    stuck.state, stuck.tries = StripeEvent.State.FAILED, inbox.MAX_TRIES
    stuck.trouble = "GatewayUnavailable: Stripe did not answer in time"
    StripeEvent.objects.bulk_create([*events, stranger, stuck])


def _handled(gift: Gift, chance: Random) -> StripeEvent:
    at = (gift.settled_at or gift.changed_at) - timedelta(seconds=1)
    metadata = {"app": gateway.APP, "gift": str(gift.pk), "environment": settings.BASE_URL}
    event = _event(gift.payment_intent_id or "", at, chance, amount=gift.amount_minor, metadata=metadata)
    event.state, event.tries, event.handled_at = StripeEvent.State.DONE, 1, gift.settled_at
    return event


def _event(intent: str, at: datetime, chance: Random, *, amount: int, metadata: dict[str, str]) -> StripeEvent:
    event_id = f"evt_{_random(chance)}"
    intent = f"pi_{_random(chance)}" if intent == "pi" else intent
    payment = {"id": intent, "object": "payment_intent", "amount": amount, "currency": "usd", "metadata": metadata}
    body: dict[str, Any] = {
        "id": event_id,
        "object": "event",
        "type": "payment_intent.succeeded",
        "livemode": False,
        "created": int(at.timestamp()),
        "data": {"object": {**payment, "status": "succeeded"}},
    }
    return StripeEvent(
        event_id=event_id,
        type=body["type"],
        object_id=intent,
        is_live=False,
        happened_at=at,
        body=body,
        received_at=at + timedelta(seconds=1),
        next_try_at=at + timedelta(seconds=1),
    )


def _random(chance: Random) -> str:
    return "".join(chance.choices(ascii_letters + digits, k=24))
