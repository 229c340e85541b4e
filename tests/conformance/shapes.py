"""Checks a request, a reply or an event against the types of the installed Stripe SDK.

Each function returns problems as sentences, `payment_intents.create: amount: expected integer, got 'x'`, and an empty
list when there is none. Nothing is written down here about any particular object: when the SDK moves, the check moves.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from tests.conformance import expansion, kinds, sdk, wire
from tests.conformance.kinds import Record
from tests.conformance.walk import Walk, refused_expansions, texts

_REQUEST = Walk(is_request=True)
_REPLY = Walk(is_request=False)
_PARTIAL_REPLY = Walk(is_request=False, is_partial=True)

# What an HTTP status may carry. Stripe API reference, "Errors", read 2026-11-23, https://docs.stripe.com/api/errors;
# the SDK's types do not join the two. A status that is not listed may carry any type.
_ERROR_TYPES_BY_STATUS = {
    400: {"invalid_request_error", "idempotency_error"},
    401: {"invalid_request_error"},
    402: {"card_error", "invalid_request_error"},
    403: {"invalid_request_error"},
    404: {"invalid_request_error"},
    409: {"idempotency_error", "invalid_request_error"},
    429: {"invalid_request_error"},
}


def request(method: str, path: str, params: Mapping[str, object] | str) -> list[str]:
    """Problems of a request: its operation, each parameter, each `expand` path. `params`: a form body, or its tree."""
    operation = sdk.operation(method, path)
    if operation is None:
        return [f"{method.upper()} {path}: unknown operation"]
    tree = wire.decode(params) if isinstance(params, str) else params
    found = [*_REQUEST.record(operation.params, tree, "", None)]
    found += refused_expansions(tree.get("expand"), operation.returns)
    if operation.name == "events.list":
        # The SDK types these as plain strings, but it does list the events there are: a misspelt one finds nothing.
        found += [f"types: {name} is no event type" for name in texts(tree.get("types")) if name not in _event_types()]
    return [f"{operation.name}: {problem}" for problem in found]


def reply(method: str, path: str, body: object, expand: Iterable[str] = (), *, is_partial: bool = False) -> list[str]:
    """Problems of the reply to a request that Stripe accepted, given the `expand` paths that the request asked for.

    Events in it are held against the shapes of the objects they carry, too. `is_partial`: the reply was a browser's.
    """
    operation = sdk.operation(method, path)
    if operation is None:
        return [f"{method.upper()} {path}: unknown operation"]
    walk = _PARTIAL_REPLY if is_partial else _REPLY
    found = [*walk.value(operation.returns, body, "", expansion.parse(expand))]
    return [f"{operation.name} reply: {problem.removeprefix(': ')}" for problem in [*found, *_events_in(body)]]


def _events_in(body: object) -> list[str]:
    if not isinstance(body, Mapping):
        return []
    items = body["data"] if body.get("object") == "list" and isinstance(body.get("data"), list) else [body]
    events = [item for item in items if isinstance(item, Mapping) and item.get("object") == "event"]
    return [problem for item in events for problem in _event_contents(item)]


def refusal(method: str, path: str, status: int, body: object, *, is_partial: bool = False) -> list[str]:
    """Problems of the reply to a request that Stripe refused."""
    operation = sdk.operation(method, path)
    name = operation.name if operation else f"{method.upper()} {path}"
    if not isinstance(body, Mapping) or set(body) != {"error"}:
        return [f"{name} error {status}: expected an object with one field, error"]
    details = body["error"]
    walk = _PARTIAL_REPLY if is_partial else _REPLY
    found = [*walk.record(sdk.error(), details, "error", None)]
    if isinstance(details, Mapping):
        found += _wrong_words(status, details)
    return [f"{name} error {status}: {problem}" for problem in found]


def _wrong_words(status: int, details: Mapping[str, object]) -> list[str]:
    found = []
    kind, code = details.get("type"), details.get("code")
    if kind not in sdk.error_types():
        found.append(f"error.type: expected one of {', '.join(sdk.error_types())}, got {kind!r}")
    elif kind not in _ERROR_TYPES_BY_STATUS.get(status, {kind}):
        found.append(f"error.type: {kind} does not come with status {status}")
    if code is not None and code not in sdk.error_codes():
        found.append(f"error.code: {code!r} is none of Stripe's codes")
    return found


def event(body: object) -> list[str]:
    """Problems of an event: its envelope, its type and version, and the object it carries."""
    name = f"event {body['type']}" if isinstance(body, Mapping) and "type" in body else "event"
    found = [*_REPLY.record(_envelope(), body, "", None)]
    if isinstance(body, Mapping):
        found += _event_contents(body)
    return [f"{name}: {problem.removeprefix(': ')}" for problem in found]


def _event_contents(body: Mapping[str, object]) -> list[str]:
    """What the envelope's own types leave open: the version, and the object inside."""
    found = []
    if body.get("api_version") != sdk.API_VERSION:
        found.append(f"api_version: expected {sdk.API_VERSION}, got {body.get('api_version')!r}")
    data = body.get("data")
    if isinstance(data, Mapping) and isinstance(data.get("object"), Mapping):
        found += _carried(str(body.get("type")), data)
    return found


def _carried(event_type: str, data: Mapping[str, object]) -> list[str]:
    """Problems of `data`: the object whole and unexpanded, and of its previous values only fields that it has."""
    thing = data["object"]
    object_name = str(thing["object"]) if isinstance(thing, Mapping) and "object" in thing else ""
    shape = sdk.resource(object_name)
    if shape is None:
        return [f"data.object: unknown object {object_name!r}"]
    found = [*_REPLY.record(shape, thing, "data.object", None)]
    expected = _object_of(event_type)
    if expected and expected != object_name:
        found.append(f"data.object: expected a {expected}, got a {object_name}")
    previous = data.get("previous_attributes")
    if isinstance(previous, Mapping):
        found += _previous(shape, previous)
    return found


def _envelope() -> Record:
    found = sdk.resource("event")
    if found is None:
        raise sdk.UnreadableSdk("the SDK knows no events")
    return found


def _event_types() -> tuple[str | int | bool, ...]:
    kind = _envelope().fields["type"].kind
    return kind.values if isinstance(kind, kinds.Choice) else ()


def _previous(shape: Record, previous: Mapping[str, object]) -> list[str]:
    found = []
    for name, value in previous.items():
        field = shape.fields.get(name)
        at = f"data.previous_attributes.{name}"
        if field is None:
            found.append(f"{at}: stray field, {shape.name} has none such")
        elif isinstance(value, Mapping):
            # Only what changed inside: missing fields are no problem here, stray ones are.
            known = {inner for record in expansion.records(field.kind) for inner in record.fields}
            found += [f"{at}.{inner}: stray field" for inner in value if known and inner not in known]
        else:
            found += _REPLY.value(kinds.Nullable(field.kind), value, at, None)
    return found


def _object_of(event_type: str) -> str | None:
    """The object an event type speaks of: its words but the last (`checkout.session`), or the last of those."""
    words = event_type.rpartition(".")[0]
    for name in (words, words.rpartition(".")[2]):
        if sdk.resource(name):
            return name
    return None


def expanded(params: Mapping[str, object] | str) -> list[str]:
    """The `expand` paths of a request."""
    tree = wire.decode(params) if isinstance(params, str) else params
    return texts(tree.get("expand"))
