"""The sandbox as one thing that starts and stops: HTTP, mail, webhooks and what happens by itself."""

from sandbox import jobs
from sandbox.deliveries import Deliverer
from sandbox.engine import Engine
from sandbox.options import Options
from sandbox.smtp import MailServer
from sandbox.ticker import Ticker
from sandbox.web import WebServer


class Sandbox(Engine):
    """`Sandbox(Options(...))` has its ports at once, answers between start() and stop(), and is usable as a context."""

    def __init__(self, options: Options | None = None) -> None:
        super().__init__(options)
        self.deliverer = Deliverer(self.store, self.options, self.faults)
        self._jobs = Ticker("jobs", self._run_jobs)
        self.mail = MailServer(self.store, self.faults, port=self.options.smtp_port, kept=self.options.mail_kept)
        self._web = WebServer(self)
        self.http_port: int = self._web.port
        self.smtp_port: int = self.mail.port
        self.url = self.api.base_url = f"http://127.0.0.1:{self.http_port}"
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

    def wake(self) -> None:
        """After a change: there may be events to send and jobs to do."""
        self._jobs.wake()
        self.deliverer.wake()

    def _run_jobs(self) -> float | None:
        if self.run_due():
            self.deliverer.wake()
        return jobs.seconds_to_next(self.store, self.clock.time())
