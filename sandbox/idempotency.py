"""Idempotency keys: the first reply is kept for a day and given again to whoever repeats the request."""

import hashlib
import json
import threading
from dataclasses import dataclass
from typing import Any

from sandbox import errors
from sandbox.clock import Clock
from sandbox.store import Store

KEPT_SECONDS = 24 * 3600
LOCKED = (
    "There is currently another in-progress request using this Idempotent Key (that probably means you submitted "
    "twice, and the other request is still going through): {key}. Please try again later."
)
OTHER_PARAMETERS = (
    "Keys for idempotent requests can only be used with the same parameters they were first used with. Try using a "
    "key other than '{key}' if you meant to execute a different request."
)
OTHER_ENDPOINT = (
    "Keys for idempotent requests can only be used for the same endpoint they were first used for. Try using a key "
    "other than '{key}' if you meant to execute a different request."
)


@dataclass(frozen=True, slots=True)
class Stored:
    status: int
    body: dict[str, Any]
    request: str


class Keys:
    """`claim` before the work, then `keep` the reply or `release` the key."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._lock = threading.Lock()
        self._running: set[str] = set()

    def claim(self, key: str, path: str, params: dict[str, Any]) -> Stored | None:
        """The stored reply, or None when this request is the first and must be worked on. Raises StripeError."""
        if len(key) > 255:
            raise errors.bad_request("Idempotency keys can have up to 255 characters.", code="idempotency_key_invalid")
        with self._lock:
            if key in self._running:
                raise errors.StripeError(409, "idempotency_error", LOCKED.format(key=key), "idempotency_key_in_use")
            stored = self._stored(key, path, params)
            if stored is None:
                self._running.add(key)
            return stored

    def _stored(self, key: str, path: str, params: dict[str, Any]) -> Stored | None:
        rows = self._store.query(
            "SELECT * FROM idempotency WHERE key = ? AND at > ?", key, self._clock.time() - KEPT_SECONDS
        )
        if not rows:
            return None
        first_path, _, fingerprint = rows[0]["fingerprint"].partition(" ")
        if first_path != path:
            raise errors.StripeError(400, "idempotency_error", OTHER_ENDPOINT.format(key=key))
        if fingerprint != _fingerprint(params):
            raise errors.StripeError(400, "idempotency_error", OTHER_PARAMETERS.format(key=key))
        return Stored(rows[0]["status"], json.loads(rows[0]["body"]), rows[0]["request"])

    def keep(self, key: str, path: str, params: dict[str, Any], stored: Stored) -> None:
        self._store.execute(
            "INSERT OR REPLACE INTO idempotency (key, fingerprint, at, status, body, request) "
            "VALUES (?, ?, ?, ?, ?, ?)",
            key,
            f"{path} {_fingerprint(params)}",
            self._clock.time(),
            stored.status,
            json.dumps(stored.body),
            stored.request,
        )

    def release(self, key: str) -> None:
        with self._lock:
            self._running.discard(key)


def _fingerprint(params: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(params, sort_keys=True).encode()).hexdigest()
