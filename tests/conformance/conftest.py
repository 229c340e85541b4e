"""A client of the real SDK, and what the sandbox wrote down about it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import stripe

from sandbox.server import Sandbox
from tests.conformance import traffic

Recorded = tuple[list[dict[str, Any]], list[dict[str, Any]]]


@pytest.fixture
def api(stripe_sandbox: Sandbox) -> Iterator[stripe.StripeClient]:
    http_client = stripe.RequestsClient(timeout=5)
    yield stripe.StripeClient(
        stripe_sandbox.options.secret_key,
        base_addresses={"api": stripe_sandbox.url},
        max_network_retries=0,
        http_client=http_client,
    )
    http_client.close()  # type: ignore[no-untyped-call]


@pytest.fixture
def recorded(stripe_sandbox: Sandbox) -> Callable[[], Recorded]:
    """The log and the events so far, as copies that a test may spoil."""

    def copies() -> Recorded:
        events = list(stripe_sandbox.store.newest_first("event"))
        copy: Recorded = json.loads(json.dumps((stripe_sandbox.journal.after(), events)))
        return copy

    return copies


@pytest.fixture
def conforms(recorded: Callable[[], Recorded]) -> Callable[[], None]:
    """`conforms()` fails with the problems of all traffic since the test began, and when there was none."""

    def check() -> None:
        log, events = recorded()
        assert log, "nothing was asked of the sandbox"
        assert traffic.problems(log, events) == []

    return check
