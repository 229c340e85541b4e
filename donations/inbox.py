"""Stripe's events: stored once, handled until done. An event is a doorbell; the truth is fetched from Stripe."""

import json
import logging
import traceback
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.db import OperationalError, connection, transaction

from donations import gateway, happened
from donations.models import EventSweep, StripeEvent
from nonprofit import audit, clock, nudge

logger = logging.getLogger(__name__)

# A worker that claimed an event and died gives it back after this long; each further try waits twice as long.
CLAIM = timedelta(seconds=60)
LONGEST_WAIT = timedelta(hours=6)
MAX_TRIES = 25
# Stripe's list is read from a little before the last sweep; events can be listed a moment late.
OVERLAP = timedelta(hours=2)
FIRST_SWEEP = timedelta(days=29)


class TryLater(Exception):
    """Stripe does not know everything yet; the event is handled again in a while."""


def store(event: Mapping[str, Any], body: str | None = None) -> bool:
    """Put a verified event in the inbox; False when it was there already. One statement, commits by itself.

    body: the event as it was sent, where the caller has it.
    """
    # A connection that died in its sleep shows itself in the statement, which is safe to send again: asking first
    # whether it lives would cost as much as storing the event.
    connection.health_check_done = True  # type: ignore[attr-defined]
    try:
        return _insert(event, body or json.dumps(event))
    except OperationalError:
        if connection.in_atomic_block:
            raise
        connection.close()
        return _insert(event, body or json.dumps(event))


def _insert(event: Mapping[str, Any], body: str) -> bool:
    # Straight to the driver: Django's cursor around it costs a tenth of the whole request (bin/bench webhook).
    connection.ensure_connection()
    with connection.wrap_database_errors:
        stored = connection.connection.execute(
            """INSERT INTO donations_stripeevent
                (event_id, type, object_id, is_live, happened_at, body, state, tries, next_try_at, trouble, received_at)
                VALUES (%s, %s, %s, %s, to_timestamp(%s), %s, 'waiting', 0, now(), '', now())
                ON CONFLICT (event_id) DO NOTHING RETURNING id""",
            [
                event["id"],
                event["type"],
                str(event["data"]["object"].get("id", "")),
                bool(event["livemode"]),
                event["created"],
                body,
            ],
        )
        return stored.fetchone() is not None


def handle_due(limit: int = 50) -> int:
    """Handle up to `limit` events that are due; how many were claimed. Workers share the work (SKIP LOCKED)."""
    ids = _claim(limit)
    for pk in ids:
        handle(pk)
    return len(ids)


@transaction.atomic(durable=True)
def _claim(limit: int) -> list[int]:
    rows = list(StripeEvent.objects.waiting().select_for_update(skip_locked=True)[:limit])
    for row in rows:
        row.tries += 1
        row.next_try_at = clock.now() + min(CLAIM * 2 ** min(row.tries - 1, 12), LONGEST_WAIT)
    StripeEvent.objects.bulk_update(rows, ["tries", "next_try_at"])
    return [row.pk for row in rows]


def handle(pk: int) -> None:
    """Act on one event. Trouble is kept on the row and the event comes again; it never stops the others."""
    event = StripeEvent.objects.get(pk=pk)
    if event.state != StripeEvent.State.WAITING:
        return
    try:
        _act(event)
    except (gateway.GatewayUnavailable, TryLater) as error:
        _keep_trouble(event, f"{type(error).__name__}: {error}")
    except Exception as error:
        # The one place that catches everything: an event must not be lost to a mistake of ours.
        logger.exception("event not handled", extra={"event": event.event_id})
        _keep_trouble(event, "".join(traceback.format_exception(error, limit=-8)))


def _act(event: StripeEvent) -> None:
    if event.is_live != settings.STRIPE_LIVE:
        _finish(event, StripeEvent.State.IGNORED)
        return
    answer = happened.answer(event)
    with transaction.atomic(durable=True):
        locked = StripeEvent.objects.select_for_update().get(pk=event.pk)
        if locked.state != StripeEvent.State.WAITING:
            return
        if answer.apply is not None:
            answer.apply()
        if not answer.later:
            _finish(locked, answer.state)
    if answer.later:
        raise TryLater(answer.later)


def _finish(event: StripeEvent, state: StripeEvent.State) -> None:
    StripeEvent.objects.filter(pk=event.pk).update(state=state, handled_at=clock.now(), trouble="")


def _keep_trouble(event: StripeEvent, trouble: str) -> None:
    state = StripeEvent.State.FAILED if event.tries >= MAX_TRIES else StripeEvent.State.WAITING
    StripeEvent.objects.filter(pk=event.pk, state=StripeEvent.State.WAITING).update(
        trouble=trouble[-4000:], state=state
    )


@transaction.atomic(durable=True)
def handle_again(pk: int, actor: str) -> bool:
    """An event that was given up or fitted no gift waits anew; False in any other state. Locks it; safe twice."""
    event = StripeEvent.objects.select_for_update().get(pk=pk)
    if event.state not in (StripeEvent.State.UNMATCHED, StripeEvent.State.FAILED):
        return False
    audit.record(actor, "handle again", event, before={"state": event.state, "tries": event.tries})
    event.state, event.tries, event.next_try_at = StripeEvent.State.WAITING, 0, clock.now()
    event.save(update_fields=["state", "tries", "next_try_at"])
    nudge.after_commit("donations.tasks.handle_inbox")
    return True


def sweep_stripe() -> int:
    """Read Stripe's own list of events since the last sweep into the inbox; how many were new. Safe to run at once."""
    started = clock.now()
    last = EventSweep.objects.filter(pk=1).first()
    since = max(last.swept_until - OVERLAP if last else started - FIRST_SWEEP, started - FIRST_SWEEP)
    found = sum(store(event) for event in gateway.events_since(since))
    EventSweep.objects.update_or_create(pk=1, defaults={"swept_until": started})
    return found
