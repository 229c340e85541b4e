"""Checks all that passed between us and the sandbox: its log of requests and replies, and the events it made."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any
from urllib.request import ProxyHandler, build_opener

from tests.conformance import sdk, shapes, wire
from tests.conformance.walk import Walk

Entry = Mapping[str, Any]

# Stripe.js speaks to Stripe in ways that are in no server library; only the page in the browser makes these requests.
_BROWSER_OPERATIONS = {("POST", "/v1/confirmation_tokens"), ("GET", "/v1/elements/sessions")}
# What Stripe.js adds to operations that servers have too.
_BROWSER_PARAMETERS = {"key", "client_secret", "expected_payment_method_type"}
# The sandbox was told to fail before it read the request, so the log has no parameters to check.
_UNREAD = {"down", "close", "fail"}


def problems(log: Iterable[Entry], events: Iterable[Mapping[str, Any]]) -> list[str]:
    """One sentence for each different problem, with how often it came; empty when all traffic conformed.

    `log`: the entries of `/_test/requests`. `events`: the events of `/_test/state?kind=event`, or webhook bodies.
    """
    found = Counter(problem for entry in log for problem in _in_entry(entry))
    found.update(problem for event in events for problem in shapes.event(event))
    return [problem if count == 1 else f"{problem} (×{count})" for problem, count in found.items()]


def fetch(sandbox_url: str) -> list[str]:
    """The problems of everything that a running sandbox remembers."""
    log = _read(f"{sandbox_url}/_test/requests")["requests"]
    return problems(log, _read(f"{sandbox_url}/_test/state?kind=event")["events"])


def _read(url: str) -> Any:
    with build_opener(ProxyHandler({})).open(url, timeout=10) as answer:
        return json.load(answer)


def _in_entry(entry: Entry) -> list[str]:
    method, path, status = entry["method"], entry["path"], entry["status"]
    is_browser = entry["auth"] == "publishable"
    if is_browser and (method, path) in _BROWSER_OPERATIONS:
        return []
    params = wire.decode(entry["form"])
    found: list[str] = []
    if entry.get("fault") not in _UNREAD:
        found += _browser_request(method, path, params) if is_browser else _server_request(entry, params)
    if status >= 400:
        found += shapes.refusal(method, path, status, entry["reply"], is_partial=is_browser)
    elif status:
        expand = shapes.expanded(params)
        found += shapes.reply(method, path, entry["reply"], expand, is_partial=is_browser)
    return list(dict.fromkeys(found))


def _server_request(entry: Entry, params: Mapping[str, object]) -> list[str]:
    method, path = entry["method"], entry["path"]
    found = shapes.request(method, path, params)
    if entry["sdk"].get("Stripe-Version") != sdk.API_VERSION:
        asked = entry["sdk"].get("Stripe-Version")
        found.append(f"{method} {path}: Stripe-Version: expected {sdk.API_VERSION}, got {asked!r}")
    if method == "POST" and not entry["idempotency_key"]:
        found.append(f"{method} {path}: no Idempotency-Key, so a repeated request would act twice")
    return found


def _browser_request(method: str, path: str, params: Mapping[str, object]) -> list[str]:
    """As for a server, but for Stripe.js's additions and the card, which no server may send with a PaymentIntent."""
    rest = {name: value for name, value in params.items() if name not in _BROWSER_PARAMETERS}
    found: list[str] = []
    data = rest.get("payment_method_data")
    if isinstance(data, Mapping) and "card" in data:
        # The types for servers list every kind but cards, so another kind stands in while the rest is checked.
        named = data.get("type") == "card"
        others = {name: value for name, value in data.items() if name != "card"}
        rest["payment_method_data"] = {**others, "type": "link"} if named else others
        card = sdk.record("stripe.params._payment_method_create_params", "PaymentMethodCreateParams").fields["card"]
        found += Walk(is_request=True).value(card.kind, data["card"], "payment_method_data.card", None)
    return shapes.request(method, path, rest) + [f"{method} {path}: {problem}" for problem in found]
