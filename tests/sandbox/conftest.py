"""A sandbox for each test, a client of the real SDK, and somebody who receives webhooks."""

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Protocol

import pytest
import stripe

from sandbox.options import Options
from sandbox.server import Sandbox

SECRET = "whsec_test"


@dataclass
class Receiver:
    """Keeps every webhook that verifies; answers with the statuses of `answers` first, then with 200."""

    url: str = ""
    events: list[stripe.Event] = field(default_factory=list)
    signatures: list[str] = field(default_factory=list)
    answers: list[int] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def types(self) -> list[str]:
        with self.lock:
            return [event.type for event in self.events]


def wait_for(condition: Callable[[], bool], seconds: float = 8.0) -> None:
    """Returns as soon as the condition holds; fails when it does not within so many seconds."""
    limit = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < limit, "waited in vain"
        time.sleep(0.01)


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    kept = Receiver()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            event = stripe.Webhook.construct_event(body, self.headers["Stripe-Signature"], SECRET)
            with kept.lock:
                kept.events.append(event)
                kept.signatures.append(self.headers["Stripe-Signature"])
                status = kept.answers.pop(0) if kept.answers else 200
            self.send_response(status)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            """Silent."""

    class Server(ThreadingHTTPServer):
        request_queue_size = 64  # twenty copies at once must not wait for a second try of the connection

    server = Server(("127.0.0.1", 0), Handler)
    kept.url = f"http://127.0.0.1:{server.server_address[1]}/hook"
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    yield kept
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def sandbox(receiver: Receiver) -> Iterator[Sandbox]:
    with Sandbox(Options(webhook_url=receiver.url, webhook_secret=SECRET, webhook_waits=(0.05, 0.1, 0.2))) as started:
        yield started


class MakeClient(Protocol):
    def __call__(self, of: Sandbox, *, key: str = "") -> stripe.StripeClient: ...


@pytest.fixture
def client() -> Iterator[MakeClient]:
    """Makes clients that repeat nothing by themselves, and closes their connections afterwards."""
    made: list[stripe.HTTPClient] = []

    def make(of: Sandbox, *, key: str = "") -> stripe.StripeClient:
        http_client = stripe.RequestsClient(timeout=5)
        made.append(http_client)
        return stripe.StripeClient(
            key or of.options.secret_key,
            base_addresses={"api": of.url},
            max_network_retries=0,
            http_client=http_client,
        )

    yield make
    for http_client in made:
        http_client.close()  # type: ignore[no-untyped-call]


@pytest.fixture
def api(sandbox: Sandbox, client: MakeClient) -> stripe.StripeClient:
    return client(sandbox)
