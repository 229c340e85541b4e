"""Webhooks on their way: signed, sent, tried again with growing waits, and disturbed on demand."""

import json
import sqlite3
import threading
import time
import urllib.error
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from sandbox import signing
from sandbox.faults import Fault, Faults
from sandbox.options import Options
from sandbox.store import Body, Store
from sandbox.ticker import Ticker

REORDER_PATIENCE = 2.0  # seconds that gathered events wait for company before they go out anyway


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_args: Any, **_kwargs: Any) -> None:
        return None


OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}), _NoRedirects)


class Deliverer:
    """Sends the rows of `deliveries`; `wake` when there are new ones."""

    def __init__(self, store: Store, options: Options, faults: Faults) -> None:
        self._store = store
        self._options = options
        self._faults = faults
        self._held: list[tuple[int, float]] = []
        self._pool = ThreadPoolExecutor(max_workers=8, thread_name_prefix="webhook")
        self._ticker = Ticker("webhooks", self._work)

    def start(self) -> None:
        with self._store.transaction():
            self._store.execute(
                "UPDATE deliveries SET state = 'pending', next_at = ? WHERE state IN ('sending', 'held')", time.time()
            )
        self._ticker.start()

    def wake(self) -> None:
        self._ticker.wake()

    def stop(self) -> None:
        self._ticker.stop()
        self._pool.shutdown(wait=True, cancel_futures=True)

    def resend(self, event_id: str) -> int:
        """Sends an event again to every endpoint, now; how many deliveries that makes."""
        endpoints = list(self._store.newest_first("webhook_endpoint"))
        with self._store.transaction():
            for endpoint in endpoints:
                self._store.execute(
                    "INSERT INTO deliveries (event, endpoint, attempts, next_at, state, log) "
                    "VALUES (?, ?, 0, ?, 'pending', '[]')",
                    event_id,
                    endpoint["id"],
                    time.time(),
                )
        self.wake()
        return len(endpoints)

    def _work(self) -> float | None:
        now = time.time()
        rows = self._store.query(
            "SELECT * FROM deliveries WHERE state = 'pending' AND next_at <= ? ORDER BY next_at, seq", now
        )
        for row in rows:
            self._start(row)
        self._release_held(now)
        upcoming = self._store.query("SELECT min(next_at) AS at FROM deliveries WHERE state = 'pending'")[0]["at"]
        waits = [at - time.time() for at in [upcoming] if at is not None]
        waits += [REORDER_PATIENCE + since - time.time() for _seq, since in self._held]
        return max(0.0, min(waits)) if waits else None

    def _start(self, row: sqlite3.Row) -> None:
        event = self._store.find(row["event"], "event")
        endpoint = self._store.find(row["endpoint"], "webhook_endpoint")
        if event is None or endpoint is None:
            self._mark(row["seq"], "dropped")
            return
        first = row["attempts"] == 0 and row["log"] == "[]"
        fault = self._faults.strike("drop", "delay", "reorder", "duplicate", event=event["type"]) if first else None
        if fault and fault.kind == "drop":
            self._mark(row["seq"], "dropped")
        elif fault and fault.kind == "delay":
            self._log(row["seq"], {"delayed": fault.seconds}, state="pending", next_at=time.time() + fault.seconds)
        elif fault and fault.kind == "reorder":
            self._hold(row["seq"], fault.size)
        else:
            self._mark(row["seq"], "sending")
            self._pool.submit(self._send, row["seq"], event, endpoint, fault)

    def _hold(self, seq: int, size: int) -> None:
        self._mark(seq, "held")
        self._held.append((seq, time.time()))
        if len(self._held) >= size:
            self._let_go()

    def _release_held(self, now: float) -> None:
        if self._held and now - self._held[0][1] >= REORDER_PATIENCE:
            self._let_go()

    def _let_go(self) -> None:
        """Sends what was gathered, last one first, one after the other."""
        held, self._held = [seq for seq, _since in reversed(self._held)], []
        self._pool.submit(self._send_in_turn, held)

    def _send_in_turn(self, seqs: list[int]) -> None:
        for seq in seqs:
            row = self._store.query("SELECT * FROM deliveries WHERE seq = ?", seq)[0]
            event = self._store.find(row["event"], "event")
            endpoint = self._store.find(row["endpoint"], "webhook_endpoint")
            if event and endpoint:
                self._send(seq, event, endpoint, None)

    def _send(self, seq: int, event: Body, endpoint: Body, fault: Fault | None) -> None:
        secret = self._store.hidden(endpoint["id"])["secret"]
        if fault is None:
            outcome = self._post(event, endpoint["url"], secret)
        else:
            outcome = self._post_many(event, endpoint["url"], secret, fault)
        self._finish(seq, event["id"], outcome)

    def _post_many(self, event: Body, url: str, secret: str, fault: Fault) -> dict[str, Any]:
        outcomes: list[dict[str, Any]] = []
        threads = max(1, min(fault.threads, fault.times))
        barrier = threading.Barrier(threads)

        def send(copies: int) -> None:
            barrier.wait()
            for _ in range(copies):
                outcomes.append(self._post(event, url, secret))

        shares = [fault.times // threads + (index < fault.times % threads) for index in range(threads)]
        workers = [threading.Thread(target=send, args=(share,), daemon=True) for share in shares]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
        good = [outcome for outcome in outcomes if outcome["ok"]]
        return {**(good or outcomes)[0], "copies": len(outcomes)}

    def _post(self, event: Body, url: str, secret: str) -> dict[str, Any]:
        payload = json.dumps(event, indent=2, ensure_ascii=False).encode()
        began = time.time()
        request = urllib.request.Request(
            url,
            data=payload,
            method="POST",
            headers={
                "Content-Type": "application/json; charset=utf-8",
                "User-Agent": "Stripe/1.0 (+https://stripe.com/docs/webhooks)",
                "Stripe-Signature": signing.signature(payload, secret, int(began)),
            },
        )
        outcome: dict[str, Any] = {"at": began, "ok": False}
        try:
            with OPENER.open(request, timeout=self._options.webhook_timeout) as reply:
                outcome |= {"status": reply.status, "ok": 200 <= reply.status < 300}
        except urllib.error.HTTPError as error:
            outcome["status"] = error.code
            error.close()
        except (OSError, ValueError) as error:
            outcome["error"] = str(error)
        return outcome | {"seconds": round(time.time() - began, 4)}

    def _finish(self, seq: int, event_id: str, outcome: dict[str, Any]) -> None:
        with self._store.transaction():
            rows = self._store.query("SELECT attempts FROM deliveries WHERE seq = ?", seq)
            if not rows:
                return  # the sandbox was reset meanwhile
            attempts = rows[0]["attempts"] + 1
            self._store.execute("UPDATE deliveries SET attempts = ? WHERE seq = ?", attempts, seq)
            waits = self._options.webhook_waits
            if outcome["ok"]:
                self._log(seq, outcome, state="delivered")
                self._count_down(event_id)
            elif attempts <= len(waits):
                self._log(seq, outcome, state="pending", next_at=time.time() + waits[attempts - 1])
            else:
                self._log(seq, outcome, state="failed")
        self.wake()

    def _count_down(self, event_id: str) -> None:
        event = self._store.find(event_id, "event")
        if event and event["pending_webhooks"]:
            event["pending_webhooks"] -= 1
            self._store.save(event)

    def _mark(self, seq: int, state: str) -> None:
        self._store.execute("UPDATE deliveries SET state = ?, next_at = NULL WHERE seq = ?", state, seq)

    def _log(self, seq: int, line: dict[str, Any], *, state: str, next_at: float | None = None) -> None:
        with self._store.transaction():
            old = self._store.query("SELECT log FROM deliveries WHERE seq = ?", seq)
            log = [*json.loads(old[0]["log"]), line] if old else [line]
            self._store.execute(
                "UPDATE deliveries SET log = ?, state = ?, next_at = ? WHERE seq = ?",
                json.dumps(log),
                state,
                next_at,
                seq,
            )
