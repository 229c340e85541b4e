"""The stand-in Stripe inside the test's own process: no sockets, no threads, a clock that stands where it is put.

For simulations of years. `with in_process.stripe_engine() as engine:` and the gateway speaks to `engine` (see
sandbox.engine): move `engine.clock.stand_at(…)`, then `engine.run_due()` and `engine.deliver(receive)` do what the time
has brought. The SDK asks a second time by itself, so trouble that the product is to see strikes twice: `count=2`.
"""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from email.message import Message
from typing import Any
from urllib.parse import urlsplit

import stripe
from django.conf import settings
from django.test import override_settings

from donations import gateway
from donations.gateway import client
from sandbox.api import webhook_endpoints
from sandbox.dispatch import Request
from sandbox.engine import Engine
from sandbox.options import Options

FACTORY = f"{__name__}.http_client"
# Whom the SDK asks in this process just now.
_current: list[Engine] = []


class InProcessClient(stripe.HTTPClient):
    """Hands each request straight to the stand-in. An answer lost on the way is a connection error here, too."""

    name = "in-process"

    def __init__(self, engine: Engine) -> None:
        super().__init__()
        self._engine = engine

    def request(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str] | None,
        post_data: Any = None,
        *,
        _usage: list[str] | None = None,
    ) -> tuple[str, int, Mapping[str, str]]:
        parts = urlsplit(url)
        message = Message()
        for name, value in (headers or {}).items():
            message[name] = value
        body = post_data.encode() if isinstance(post_data, str) else post_data or b""
        reply = self._engine.api.answer(Request(method.upper(), parts.path, parts.query, body, message))
        if reply.silent:
            raise stripe.APIConnectionError("the answer was lost", should_retry=True)  # type: ignore[no-untyped-call]
        return json.dumps(reply.body), reply.status, reply.headers

    def close(self) -> None:
        """There is nothing to close."""

    def _sleep_time_seconds(self, num_retries: int) -> float:
        return 0.0  # nobody is there who needs a rest before the second try


def http_client() -> stripe.HTTPClient:
    """What settings.STRIPE_HTTP_CLIENT names."""
    return InProcessClient(_current[-1])


@contextmanager
def stripe_engine(*, state: str = ":memory:", start: datetime | None = None) -> Iterator[Engine]:
    """The gateway of this process speaks to a stand-in in it meanwhile. state: a file, for what memory cannot hold.

    start: where its clock stands. It is told of the events that the product wants, and of no others.
    """
    engine = Engine(
        Options(
            secret_key=settings.STRIPE_SECRET_KEY,
            publishable_key=settings.STRIPE_PUBLISHABLE_KEY,
            webhook_secret=settings.STRIPE_WEBHOOK_SECRETS[0],
            state=state,
        ),
        url=settings.STRIPE_API_BASE,
    )
    if start is not None:
        engine.clock.stand_at(start.timestamp())
    secret, now = engine.options.webhook_secret, engine.clock.now()
    webhook_endpoints.add(engine.store, "in-process:", secret, now, list(gateway.EVENT_TYPES))
    _current.append(engine)
    try:
        with override_settings(STRIPE_HTTP_CLIENT=FACTORY):
            client.configured.cache_clear()
            yield engine
    finally:
        _current.remove(engine)
        client.configured.cache_clear()
        engine.store.close()
