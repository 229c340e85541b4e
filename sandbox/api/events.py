"""Events: what happened, as a snapshot, listed for 30 days and sent to the webhook endpoints."""

import json
import time

from sandbox import errors, ids, params
from sandbox.api import listing
from sandbox.api.call import Call
from sandbox.options import API_VERSION
from sandbox.store import Body

LIST = {
    **params.PAGE,
    "type": params.TEXT,
    "types": params.TEXTS,
    "delivery_success": params.BOOLEAN,
}
TYPES_AT_ONCE = 20
KEPT_SECONDS = 30 * 24 * 3600


def emit(call: Call, kind: str, subject: Body, previous: Body | None = None) -> Body:
    """Writes the event and one delivery for each endpoint that wants its type."""
    endpoints = [
        endpoint
        for endpoint in call.store.newest_first("webhook_endpoint")
        if endpoint["status"] == "enabled" and {"*", kind} & set(endpoint["enabled_events"])
    ]
    data: Body = {"object": subject}
    if previous is not None:
        data["previous_attributes"] = previous
    event = call.store.add(
        {
            "id": ids.new("evt"),
            "object": "event",
            "api_version": API_VERSION,
            "created": call.now,
            "data": data,
            "livemode": False,
            "pending_webhooks": len(endpoints),
            "request": {"id": call.request_id, "idempotency_key": call.idempotency_key},
            "type": kind,
        }
    )
    for endpoint in endpoints:
        call.store.execute(
            "INSERT INTO deliveries (event, endpoint, attempts, next_at, state, log) VALUES (?, ?, 0, ?, 'pending', ?)",
            event["id"],
            endpoint["id"],
            time.time(),
            json.dumps([]),
        )
    return event


def retrieve(call: Call, identifier: str) -> Body:
    params.check({"expand": params.EXPAND}, call.params)
    return call.store.get("event", identifier, param="id", in_path=True)


def list_all(call: Call) -> Body:
    asked = params.check(LIST, call.params)
    types = [asked["type"]] if "type" in asked else asked.get("types", [])
    if len(types) > TYPES_AT_ONCE:
        raise errors.bad_request(f"You may pass up to {TYPES_AT_ONCE} event types.", param="types")
    delivered = asked.get("delivery_success")

    def wanted(event: Body) -> bool:
        return (
            event["created"] > call.now - KEPT_SECONDS
            and (not types or any(_matches(event["type"], pattern) for pattern in types))
            and (delivered is None or delivered == (event["pending_webhooks"] == 0))
        )

    return listing.page(call, "event", "/v1/events", asked, wanted)


def _matches(kind: str, pattern: str) -> bool:
    """`charge.*` names a group of types."""
    return kind == pattern or (pattern.endswith(".*") and kind.startswith(pattern[:-1]))
