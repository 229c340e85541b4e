"""The whole site as processes, for the tests that drive a browser or break something."""

import json
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import redis

from sandbox.launch import Child
from sandbox.launch_site import Keys, Ports, Site
from sandbox.servers import Server
from tests.databases import Snapshot

DATABASE = "more_ways_stack"
# In-process tests use Valkey's database 0; their messages must not reach this stack's worker.
BROKER_DATABASE = "1"
QUIET_LOOKS = 5


class Stack:
    """Web server, worker and stand-in Stripe of their own, with a committed database of their own.

    `web`, `worker` and `sandbox` can each start(), stop(), restart() and kill(); so can `database` and `broker`
    (there, pause() instead of stop(), which would give the address away). Whatever a test stopped is up again for the
    next one. With the tests' own `keys`, what they sign is valid here. No clock runs here: a test that needs a sweep
    calls it.
    """

    def __init__(self, database: Server, broker: Server, keys: Keys, log_dir: Path) -> None:
        self.database = database
        self.broker = broker
        self.site = Site(Ports.free(), keys, database.url(DATABASE), broker.url(BROKER_DATABASE), log_dir)
        self.sandbox: Child = self.site.stand_in()
        self.web: Child = self.site.web()
        self.worker: Child = self.site.worker()
        self._snapshot = Snapshot(database.url(DATABASE))

    @property
    def url(self) -> str:
        """Where the site is, without a closing slash."""
        return self.site.base_url

    @property
    def sandbox_url(self) -> str:
        """Where the stand-in Stripe and its mailbox are, without a closing slash."""
        return self.site.sandbox_url

    def start(self) -> None:
        """Everything answers."""
        self.site.collect_static()
        self._snapshot.take()
        self._start_all()

    def stop(self) -> None:
        """Every process has ended."""
        for child in (self.worker, self.web, self.sandbox):
            child.stop()

    def reset(self) -> None:
        """Everything is up and remembers nothing of the tests before."""
        self._start_all()
        # First no more webhooks come in; then what they began is finished; then the letters it sent are gone, too.
        self.control("reset", {})
        self.wait_until_idle()
        self._forget_messages()
        self._snapshot.put_back()
        self.control("reset", {})

    def wait_until_idle(self, seconds: float = 60.0) -> None:
        """No task is waiting or being worked on. Raises TimeoutError."""
        deadline = time.monotonic() + seconds
        quiet = 0
        with self._broker() as client:
            # A message just taken is for a moment neither waiting nor noted as taken, so one look proves nothing.
            while quiet < QUIET_LOOKS:
                if time.monotonic() > deadline:
                    raise TimeoutError(f"the worker is still busy after {seconds:.0f} s:\n{self.worker.last_lines()}")
                quiet = 0 if client.llen("celery") or client.hlen("unacked") else quiet + 1
                time.sleep(0.03)

    def control(self, path: str, body: dict[str, Any] | None = None, *, method: str = "") -> Any:
        """The stand-in's answer to /_test/`path`: GET without a body, POST with one. AssertionError on a refusal."""
        request = urllib.request.Request(
            f"{self.sandbox_url}/_test/{path}",
            data=None if body is None else json.dumps(body).encode(),
            headers={"Content-Type": "application/json"},
            method=method or ("GET" if body is None else "POST"),
        )
        direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        try:
            with direct.open(request, timeout=10) as answer:
                return json.loads(answer.read() or b"null")
        except urllib.error.HTTPError as error:
            raise AssertionError(f"the sandbox refused {path}: {error.read().decode()}") from error

    def _start_all(self) -> None:
        self.database.start()
        self.broker.start()
        for child in (self.sandbox, self.web, self.worker):
            child.start()

    @contextmanager
    def _broker(self) -> Iterator["redis.Redis"]:
        client = redis.Redis.from_url(self.site.redis_url, decode_responses=True)
        try:
            yield client
        finally:
            client.close()

    def _forget_messages(self) -> None:
        with self._broker() as client:
            # The bindings stay: Celery writes them once per connection and would not find its own queue without them.
            names = [name for name in client.scan_iter() if not name.startswith("_kombu.binding.")]
            if names:
                client.delete(*names)
