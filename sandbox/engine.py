"""The stand-in without its servers: what it keeps, what it answers, what happens by itself.

`Sandbox` puts it behind sockets and threads. A simulation takes it as it is: it hands requests to `api.answer`, moves
`clock`, and calls `run_due` and `deliver` when it wants the time to do its work.
"""

import json
from collections.abc import Callable
from typing import Any

from sandbox import jobs, signing
from sandbox.api import webhook_endpoints
from sandbox.api.call import Call
from sandbox.clock import Clock
from sandbox.dispatch import Api
from sandbox.faults import Faults
from sandbox.journal import Journal
from sandbox.options import Options
from sandbox.store import Body, Store

EVENTS_KEPT = 30 * 24 * 3600
KEYS_KEPT = 24 * 3600
# (the body, its Stripe-Signature header) -> an HTTP status, as a web server would answer.
Receive = Callable[[bytes, str], int]


class Engine:
    """Everything of the stand-in that is no server. `url`: what it calls itself in the links that it makes."""

    def __init__(self, options: Options | None = None, url: str = "http://127.0.0.1") -> None:
        self.options = options or Options()
        self.store = Store(self.options.state)
        self.faults = Faults()
        self.journal = Journal()
        self.clock = Clock()
        self.api = Api(self.store, self.options, self.faults, self.journal, self.clock)
        self.url = self.api.base_url = url

    def set_webhook(self, url: str, secret: str) -> None:
        """From now on exactly this address is told about every event."""
        with self.store.transaction():
            webhook_endpoints.replace_all(self.store, url, secret, self.clock.now())

    def call(self, **fields: Any) -> Call:
        """A call of our own, with the secret key's rights."""
        return Call(
            store=self.store,
            options=self.options,
            faults=self.faults,
            base_url=self.url,
            clock=self.clock,
            now=self.clock.now(),
            **fields,
        )

    def wake(self) -> None:
        """After a change: there may be events to send and jobs to do."""

    def reset(self) -> None:
        """Forgets objects, mail, faults and the journal, and knows the time again; the webhook endpoint stays."""
        self.faults.clear()
        self.journal.clear()
        self.clock.reset()
        self.store.clear()

    def run_due(self) -> bool:
        """Does what happens by itself and is due; whether anything did."""
        return jobs.run_due(self.store, self.call, self.clock.time())

    def deliver(self, receive: Receive, *, limit: int = 1000) -> int:
        """Hands the events that wait to `receive`, oldest first, as a webhook would; how many calls that made.

        Drop, duplicate and reorder strike as they do on the way by HTTP; a delayed event comes at the next call. One
        that was not answered with 2xx waits for the next call, too.
        """
        rows = self.store.query("SELECT * FROM deliveries WHERE state = 'pending' ORDER BY seq LIMIT ?", limit)
        held: list[tuple[int, Body, str]] = []
        calls = size = 0
        for row in rows:
            event = self.store.find(row["event"], "event")
            if event is None:
                self._mark(row["seq"], "dropped")
                continue
            fault = None
            if not row["attempts"]:
                fault = self.faults.strike("drop", "delay", "reorder", "duplicate", event=event["type"])
            secret: str = self.store.hidden(row["endpoint"])["secret"]
            if fault and fault.kind in ("drop", "delay"):
                self._mark(row["seq"], "dropped" if fault.kind == "drop" else "pending")
            elif fault and fault.kind == "reorder":
                held.append((row["seq"], event, secret))
                size = fault.size
            else:
                calls += self._hand(receive, row["seq"], event, secret, fault.times if fault else 1)
            if len(held) >= size > 0:
                calls += sum(self._hand(receive, *each, 1) for each in reversed(held))
                held = []
        return calls + sum(self._hand(receive, *each, 1) for each in reversed(held))

    def _hand(self, receive: Receive, seq: int, event: Body, secret: str, copies: int) -> int:
        payload = json.dumps(event, ensure_ascii=False).encode()
        # Of the true time, which whoever verifies it goes by.
        statuses = [receive(payload, signing.signature(payload, secret)) for _ in range(copies)]
        is_told = any(200 <= status < 300 for status in statuses)
        self._mark(seq, "delivered" if is_told else "pending")
        if is_told and event["pending_webhooks"]:
            event["pending_webhooks"] -= 1
            self.store.save(event)
        return copies

    def _mark(self, seq: int, state: str) -> None:
        self.store.execute("UPDATE deliveries SET state = ?, attempts = attempts + 1 WHERE seq = ?", state, seq)

    def forget_old(self) -> None:
        """Lets go of what Stripe would not tell any more: events of 30 days ago, keys of a day ago, what was sent."""
        now = self.clock.time()
        with self.store.transaction():
            self.store.execute("DELETE FROM objects WHERE object = 'event' AND created < ?", int(now) - EVENTS_KEPT)
            self.store.execute("DELETE FROM idempotency WHERE at < ?", now - KEYS_KEPT)
            self.store.execute("DELETE FROM deliveries WHERE state != 'pending'")
