"""The mail server: takes every message and keeps it, or refuses when told to."""

import asyncio
import socket
import threading
import time

from aiosmtpd.smtp import SMTP, Envelope, Session

from sandbox.faults import Fault, Faults
from sandbox.store import Store

TEXTS = {
    421: "421 4.3.2 The sandbox was told to be unavailable",
    451: "451 4.3.0 The sandbox was told to fail for now",
    550: "550 5.1.1 The sandbox was told to refuse this message",
}


def reply_of(fault: Fault) -> str:
    return TEXTS.get(fault.code, f"{fault.code} The sandbox was told to answer so")


class _Inbox:
    """What aiosmtpd asks about each message."""

    def __init__(self, store: Store, faults: Faults, kept: int) -> None:
        self._store = store
        self._faults = faults
        self._kept = kept

    async def handle_RCPT(
        self, _server: SMTP, _session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if fault := self._faults.strike("mail", path="rcpt"):
            return reply_of(fault)
        envelope.rcpt_tos.append(address)
        envelope.rcpt_options.extend(options)
        return "250 2.1.5 OK"

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:
        if fault := self._faults.strike("mail", path="data"):
            return reply_of(fault)
        raw = envelope.original_content or b""
        with self._store.transaction():
            number = self._store.execute(
                "INSERT INTO messages (at, sender, recipients, raw) VALUES (?, ?, ?, ?)",
                time.time(),
                envelope.mail_from or "",
                "\n".join(envelope.rcpt_tos),
                raw,
            )
            self._store.execute("DELETE FROM messages WHERE id <= ?", number - self._kept)
        return f"250 2.0.0 Kept as message {number}"


class _Refusal(asyncio.Protocol):
    """Says its one line, if it has one, and hangs up."""

    def __init__(self, line: str) -> None:
        self._line = line

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.WriteTransport)
        if self._line:
            transport.write(f"{self._line}\r\n".encode())
        transport.close()


class MailServer:
    """Listens on 127.0.0.1 in a thread of its own; `port` is the real one from the start."""

    def __init__(self, store: Store, faults: Faults, *, port: int, kept: int) -> None:
        self._faults = faults
        self._inbox = _Inbox(store, faults, kept)
        self._loop = asyncio.new_event_loop()
        self._socket = socket.create_server(("127.0.0.1", port))
        self.port: int = self._socket.getsockname()[1]
        self._thread = threading.Thread(target=self._run, name="smtp", daemon=True)
        self._server: asyncio.Server | None = None
        self._ready = threading.Event()

    def start(self) -> None:
        self._thread.start()
        self._ready.wait()

    def stop(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._server = self._loop.run_until_complete(self._loop.create_server(self._protocol, sock=self._socket))
        self._ready.set()
        self._loop.run_forever()
        self._server.close()
        tasks = asyncio.all_tasks(self._loop)
        for task in tasks:
            task.cancel()
        self._loop.run_until_complete(asyncio.gather(*tasks, return_exceptions=True))
        self._loop.run_until_complete(self._loop.shutdown_asyncgens())

    def _protocol(self) -> asyncio.Protocol:
        if fault := self._faults.strike("mail", path="connect"):
            return _Refusal(reply_of(fault))
        if self._faults.strike("mail", path="hangup"):
            return _Refusal("")
        return SMTP(self._inbox, hostname="sandbox.localhost", enable_SMTPUTF8=True, loop=self._loop)
