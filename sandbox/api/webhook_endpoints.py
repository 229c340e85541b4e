"""Webhook endpoints: who is told about events."""

from sandbox import ids, params
from sandbox.api import listing
from sandbox.api.call import Call
from sandbox.options import API_VERSION
from sandbox.params import TEXT, TEXTS
from sandbox.store import Body, Store

WRITTEN: params.Spec = {
    "description": params.clearable(TEXT),
    "enabled_events": TEXTS,
    "expand": TEXTS,
    "metadata": params.METADATA,
    "url": TEXT,
}
CREATE: params.Spec = {
    **WRITTEN,
    "api_version": params.enum(API_VERSION),
    "enabled_events": params.required(TEXTS),
    "url": params.required(TEXT),
}
UPDATE: params.Spec = {**WRITTEN, "disabled": params.BOOLEAN}


def add(store: Store, url: str, secret: str, now: int, enabled_events: list[str]) -> Body:
    """A new endpoint; its secret is kept apart, for Stripe shows it only once."""
    endpoint: Body = {
        "id": ids.new("we"),
        "object": "webhook_endpoint",
        "api_version": API_VERSION,
        "application": None,
        "created": now,
        "description": None,
        "enabled_events": enabled_events,
        "livemode": False,
        "metadata": {},
        "status": "enabled",
        "url": url,
    }
    return store.add(endpoint, {"secret": secret})


def replace_all(store: Store, url: str, secret: str, now: int) -> None:
    """From now on only this address is told, about everything; an empty one means nobody.

    An endpoint that was there before keeps its id, so that deliveries still under way arrive.
    """
    existing = list(store.newest_first("webhook_endpoint"))
    kept = existing.pop() if existing and url else None
    for endpoint in existing:
        store.execute("DELETE FROM objects WHERE id = ?", endpoint["id"])
    if kept:
        store.save(kept | {"url": url, "enabled_events": ["*"], "status": "enabled"}, {"secret": secret})
    elif url:
        add(store, url, secret, now, ["*"])


def create(call: Call) -> Body:
    asked = params.check(CREATE, call.params)
    secret = f"whsec_{ids.random_text(32)}"
    endpoint = add(call.store, asked["url"], secret, call.now, asked["enabled_events"])
    endpoint |= {"description": asked.get("description"), "metadata": asked.get("metadata") or {}}
    call.store.save(endpoint)
    return endpoint | {"secret": secret}


def retrieve(call: Call, identifier: str) -> Body:
    params.check({"expand": TEXTS}, call.params)
    return call.store.get("webhook_endpoint", identifier, param="webhook_endpoint", in_path=True)


def update(call: Call, identifier: str) -> Body:
    asked = params.check(UPDATE, call.params)
    endpoint = call.store.get("webhook_endpoint", identifier, param="webhook_endpoint", in_path=True)
    asked.pop("expand", None)
    if "disabled" in asked:
        endpoint["status"] = "disabled" if asked.pop("disabled") else "enabled"
    if "metadata" in asked:
        asked["metadata"] = params.merged_metadata(endpoint["metadata"], asked["metadata"])
    return call.store.save(endpoint | asked)


def delete(call: Call, identifier: str) -> Body:
    params.check({}, call.params)
    retrieve(call, identifier)
    call.store.execute("DELETE FROM objects WHERE id = ?", identifier)
    return {"id": identifier, "object": "webhook_endpoint", "deleted": True}


def list_all(call: Call) -> Body:
    asked = params.check({key: value for key, value in params.PAGE.items() if key != "created"}, call.params)
    return listing.page(call, "webhook_endpoint", "/v1/webhook_endpoints", asked, lambda body: True)
