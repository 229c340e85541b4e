"""One API request from bytes to reply: key, route, idempotency, faults, work, expansion, journal."""

import time
from dataclasses import dataclass, field, replace
from email.message import Message
from typing import Any

from sandbox import errors, form, ids, keys
from sandbox.api import expand, routes
from sandbox.api.call import Call
from sandbox.clock import Clock
from sandbox.faults import Fault, Faults
from sandbox.idempotency import Keys, Stored
from sandbox.journal import Journal
from sandbox.options import API_VERSION, Options
from sandbox.store import Store

LOG = "https://dashboard.stripe.com/test/logs/"
WRITES = ("POST", "DELETE")


@dataclass(frozen=True, slots=True)
class Request:
    method: str
    path: str
    query: str
    body: bytes
    headers: Message


@dataclass(slots=True)
class Reply:
    """`silent`: the connection is to be closed without a word (`torn`: in mid-word), after `pause` seconds."""

    status: int
    body: dict[str, Any]
    headers: dict[str, str] = field(default_factory=dict)
    silent: bool = False
    torn: bool = False
    pause: float = 0.0


class Api:
    """Answers requests under /v1/."""

    def __init__(self, store: Store, options: Options, faults: Faults, journal: Journal, clock: Clock) -> None:
        self._store = store
        self._options = options
        self._faults = faults
        self._journal = journal
        self._clock = clock
        self._keys = Keys(store, clock)
        self.base_url = ""

    def answer(self, request: Request) -> Reply:
        request_id = ids.new("req")
        entry: dict[str, Any] = {
            "at": time.time(),
            "request_id": request_id,
            "method": request.method,
            "path": request.path,
            "auth": None,
            "params": {},
            "form": "",
            "idempotency_key": request.headers.get("Idempotency-Key"),
            "sdk": {name: request.headers.get(name, "") for name in ("User-Agent", "Stripe-Version")},
            "replayed": False,
        }
        reply = self._guarded(request, request_id, entry)
        reply.headers |= {"Request-Id": request_id, "Stripe-Version": API_VERSION}
        if entry["idempotency_key"]:
            reply.headers["Idempotency-Key"] = entry["idempotency_key"]
        self._journal.write(entry | {"status": reply.status, "reply": reply.body, "silent": reply.silent})
        return reply

    def _guarded(self, request: Request, request_id: str, entry: dict[str, Any]) -> Reply:
        try:
            return self._worked(request, request_id, entry)
        except errors.StripeError as error:
            return Reply(error.status, error.body(LOG + request_id))

    def _worked(self, request: Request, request_id: str, entry: dict[str, Any]) -> Reply:
        if fault := self._faults.strike("down", "close", "fail", path=request.path, method=request.method):
            entry["fault"] = fault.kind
            return _broken(fault, request_id)
        text = _text(request)
        params = form.parse(text)
        entry |= {"params": form.masked(params), "form": form.masked_text(text)}
        key = keys.given(request.headers, params)
        kind = entry["auth"] = keys.kind(key, self._options)
        params.pop("key", None) if kind == keys.PUBLISHABLE else None
        route, identifiers = routes.find(request.method, request.path)
        if not route.public:
            keys.require_secret(kind)
        version = request.headers.get("Stripe-Version", API_VERSION)
        if version != API_VERSION:
            raise errors.bad_request(f"Invalid Stripe API version: {version}. The sandbox speaks {API_VERSION}.")
        idempotency_key = request.headers.get("Idempotency-Key") if request.method in WRITES else None
        call = Call(
            store=self._store,
            options=self._options,
            faults=self._faults,
            base_url=self.base_url,
            clock=self._clock,
            now=self._clock.now(),
            key_kind=kind,
            request_id=request_id,
            idempotency_key=idempotency_key,
            params=params,
        )
        reply = self._once(request, route, call, identifiers, entry)
        return self._lost(request, reply, entry)

    def _lost(self, request: Request, reply: Reply, entry: dict[str, Any]) -> Reply:
        """The work is done and the reply never arrives: the fault that finds double charges."""
        if fault := self._faults.strike("timeout_after", path=request.path, method=request.method):
            entry["fault"] = fault.kind
            return replace(reply, silent=True, torn=entry["auth"] == keys.PUBLISHABLE, pause=fault.seconds)
        return reply

    def _once(
        self, request: Request, route: routes.Route, call: Call, identifiers: tuple[str, ...], entry: dict[str, Any]
    ) -> Reply:
        """The stored reply when the idempotency key was used before, else the work."""
        key = call.idempotency_key
        if not key:
            self._slow(request, entry)
            return self._work(request, route, call, identifiers)
        stored = self._keys.claim(key, request.path, call.params)
        if stored:
            entry["replayed"] = True
            return Reply(
                stored.status, stored.body, {"Idempotent-Replayed": "true", "Original-Request": stored.request}
            )
        try:
            self._slow(request, entry)
            return self._work(request, route, call, identifiers)
        finally:
            self._keys.release(key)

    def _slow(self, request: Request, entry: dict[str, Any]) -> None:
        if fault := self._faults.strike("slow", path=request.path, method=request.method):
            entry["fault"] = fault.kind
            time.sleep(fault.seconds)

    def _work(self, request: Request, route: routes.Route, call: Call, identifiers: tuple[str, ...]) -> Reply:
        try:
            with self._store.transaction():
                paths = call.params.get("expand", [])
                body = routes.run(route, call, identifiers)
                body = expand.expanded(self._store, body, paths if isinstance(paths, list) else [])
                reply = Reply(200, body)
                self._keep(request, call, reply)
        except errors.StripeError as error:
            reply = Reply(error.status, error.body(LOG + (call.request_id or "")))
            if error.saved:
                self._keep(request, call, reply)
        return reply

    def _keep(self, request: Request, call: Call, reply: Reply) -> None:
        if call.idempotency_key:
            stored = Stored(reply.status, reply.body, call.request_id or "")
            self._keys.keep(call.idempotency_key, request.path, call.params, stored)


def _text(request: Request) -> str:
    if request.method == "POST" and "application/json" in request.headers.get("Content-Type", ""):
        raise errors.bad_request(
            "Invalid request: API v1 takes parameters as application/x-www-form-urlencoded, not as JSON."
        )
    try:
        body = request.body.decode("ascii")
    except UnicodeDecodeError as error:
        raise errors.bad_request("Invalid request: the body is not URL-encoded.") from error
    return "&".join(part for part in (request.query, body) if part)


def _broken(fault: Fault, request_id: str) -> Reply:
    if fault.kind == "close":
        return Reply(0, {}, silent=True)
    status = 503 if fault.kind == "down" else fault.status
    kind, code, message = "api_error", None, "An unknown error occurred. Please try again."
    if status == 429:
        kind, code = "invalid_request_error", "rate_limit"
        message = "Request rate limit exceeded. Learn more about rate limits here https://docs.stripe.com/rate-limits."
    elif status == 409:
        kind, code = "invalid_request_error", "lock_timeout"
        message = "This object cannot be accessed right now because another API request is currently accessing it."
    elif status < 500:
        kind, message = "invalid_request_error", "The sandbox was told to refuse this request."
    return Reply(status, errors.StripeError(status, kind, message, code).body(LOG + request_id))
