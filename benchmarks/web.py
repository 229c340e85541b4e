"""Pages and webhooks of the running site against a bare Django view behind the same server, per CPU second of it."""

import hashlib
import hmac
import itertools
import json
import os
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass

from benchmarks import load
from benchmarks.result import Benchmark, Result
from benchmarks.site import cpu_seconds, newsroom, on_its_own_core, running, site
from sandbox.launch_site import Site

# A bare view: it answers "ok" and passes the same middleware, in the same process, as everything else.
BARE = "/health/live"


@dataclass(frozen=True)
class Rates:
    """Answers per CPU second of the web server: medians over interleaved rounds."""

    ours: float
    bare: float


def webhook(*, quick: bool) -> Rates:
    """Signed events of 2.5 kB, each one new, verified and stored in PostgreSQL."""
    with site() as built, running(built.web()):
        return _side_by_side(built, _events(built), quick=quick)


def giving(*, quick: bool) -> Rates:
    """The giving page, warm."""
    with site() as built:
        newsroom()
        page = load.get("/give/")
        with running(built.web()):
            return _side_by_side(built, lambda: page, quick=quick)


def _side_by_side(built: Site, ours: Callable[[], bytes], *, quick: bool) -> Rates:
    bare = load.get(BARE)
    seconds, rounds = (1.0, 3) if quick else (3.0, 5)
    port = built.ports.web
    found: dict[str, list[float]] = {"ours": [], "bare": []}
    with on_its_own_core(port):
        for request in (ours, lambda: bare):
            load.answered(port, request, seconds=1.0)
        for _ in range(rounds):
            found["ours"].append(_per_cpu_second(port, ours, seconds))
            found["bare"].append(_per_cpu_second(port, lambda: bare, seconds))
    return Rates(statistics.median(found["ours"]), statistics.median(found["bare"]))


def _per_cpu_second(port: int, request: Callable[[], bytes], seconds: float) -> float:
    before = cpu_seconds(port)
    done = load.answered(port, request, seconds=seconds)
    return done / (cpu_seconds(port) - before)


def _events(built: Site) -> Callable[[], bytes]:
    numbers = itertools.count()
    secret = built.keys.webhook_secret.encode()
    run = os.urandom(4).hex()
    # A type that we only keep, of the size of a payment_intent.succeeded.
    body = {
        "id": "evt_NUMBER",
        "object": "event",
        "api_version": "2026-10-28.endive",
        "created": int(time.time()),
        "livemode": False,
        "pending_webhooks": 1,
        "type": "charge.updated",
        "data": {"object": {"id": "ch_NUMBER", "object": "charge", "metadata": {}, "padding": ["x" * 60] * 35}},
    }
    text = json.dumps(body)

    def next_event() -> bytes:
        payload = text.replace("NUMBER", f"{run}{next(numbers)}").encode()
        stamp = int(time.time())
        signature = hmac.new(secret, b"%d." % stamp + payload, hashlib.sha256).hexdigest()
        headers = {"Content-Type": "application/json", "Stripe-Signature": f"t={stamp},v1={signature}"}
        return load.post("/stripe/webhook/", payload, headers)

    return next_event


def _compared(name: str, rates: Rates, goal: float) -> list[Result]:
    unit = "answers per CPU second of the web server"
    return [Result(name, unit, rates.ours, rates.bare, "a bare Django view, same server", goal)]


BENCHMARKS: dict[str, Benchmark] = {
    "webhook": lambda quick: _compared("webhook", webhook(quick=quick), 0.6),
    "giving": lambda quick: _compared("giving", giving(quick=quick), 0.25),
}
