"""The sandbox as one thing that starts and stops: HTTP, mail, webhooks and what happens by itself."""

import time
from typing import Any

from sandbox import jobs
from sandbox.api import webhook_endpoints
from sandbox.api.call import Call
from sandbox.clock import Clock
from sandbox.deliveries import Deliverer
from sandbox.dispatch import Api
from sandbox.faults import Faults
from sandbox.journal import Journal
from sandbox.options import Options
from sandbox.smtp import MailServer
from sandbox.store import Store
from sandbox.ticker import Ticker
from sandbox.web import WebServer


class Sandbox:
    """`Sandbox(Options(...))` has its ports at once, answers between start() and stop(), and is usable as a context."""

    def __init__(self, options: Options | None = None) -> None:
        self.options = options or Options()
        self.store = Store(self.options.state)
        self.faults = Faults()
        self.journal = Journal()
        self.clock = Clock()
        self.api = Api(self.store, self.options, self.faults, self.journal, self.clock)
        self.deliverer = Deliverer(self.store, self.options, self.faults)
        self._jobs = Ticker("jobs", self._run_jobs)
        self.mail = MailServer(self.store, self.faults, port=self.options.smtp_port, kept=self.options.mail_kept)
        self._web = WebServer(self)
        self.http_port: int = self._web.port
        self.smtp_port: int = self.mail.port
        self.url = f"http://127.0.0.1:{self.http_port}"
        self.api.base_url = self.url
        if self.options.webhook_url:
            self.set_webhook(self.options.webhook_url, self.options.webhook_secret)

    def start(self) -> "Sandbox":
        self.mail.start()
        self.deliverer.start()
        self._jobs.start()
        self._web.start()
        return self

    def stop(self) -> None:
        self._web.stop()
        self._jobs.stop()
        self.deliverer.stop()
        self.mail.stop()
        self.store.close()

    def __enter__(self) -> "Sandbox":
        return self.start()

    def __exit__(self, *_error: object) -> None:
        self.stop()

    def set_webhook(self, url: str, secret: str) -> None:
        """From now on exactly this address is told about every event."""
        with self.store.transaction():
            webhook_endpoints.replace_all(self.store, url, secret, int(time.time()))

    def call(self, **fields: Any) -> Call:
        """A call of our own, with the secret key's rights."""
        return Call(
            store=self.store,
            options=self.options,
            faults=self.faults,
            base_url=self.url,
            now=self.clock.now(),
            **fields,
        )

    def wake(self) -> None:
        """After a change: there may be events to send and jobs to do."""
        self._jobs.wake()
        self.deliverer.wake()

    def reset(self) -> None:
        """Forgets objects, mail, faults and the journal, and knows the time again; the webhook endpoint stays."""
        self.faults.clear()
        self.journal.clear()
        self.clock.offset = 0
        self.store.clear()

    def _run_jobs(self) -> float | None:
        if jobs.run_due(self.store, self.call):
            self.deliverer.wake()
        return jobs.seconds_to_next(self.store)
