"""HTTP on the loopback address: the API, the browser's files, the mailbox, the control panel."""

import json
import socket
import sys
import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from sandbox import control, pages
from sandbox.answer import Answer, not_found
from sandbox.assets import asset
from sandbox.dispatch import Reply, Request

if TYPE_CHECKING:
    from sandbox.server import Sandbox

LARGEST_BODY = 1_000_000
LOOPBACK = {"127.0.0.1", "localhost", "[::1]"}
CORS = {
    "Access-Control-Allow-Origin": "*",
    "Access-Control-Allow-Headers": "Authorization, Content-Type, Idempotency-Key, Stripe-Version",
    "Access-Control-Allow-Methods": "GET, POST, DELETE, OPTIONS",
    "Access-Control-Expose-Headers": "Request-Id",
    "Access-Control-Max-Age": "300",
}


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128
    sandbox: "Sandbox"

    def __init__(self, port: int) -> None:
        self._open: set[socket.socket] = set()
        self._open_lock = threading.Lock()
        super().__init__(("127.0.0.1", port), Handler)

    def process_request(self, request: Any, client_address: Any) -> None:
        with self._open_lock:
            self._open.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        with self._open_lock:
            self._open.discard(request)
        super().shutdown_request(request)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A caller who went away is no news; anything else is a fault of ours and is printed."""

        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)

    def hang_up(self) -> None:
        """Ends connections that are kept alive, so that nobody waits for them."""
        with self._open_lock:
            for connection in self._open:
                try:
                    connection.shutdown(socket.SHUT_RDWR)
                except OSError:
                    continue


class WebServer:
    def __init__(self, sandbox: "Sandbox") -> None:
        self._server = _Server(sandbox.options.http_port)
        self._server.sandbox = sandbox
        self.port: int = self._server.server_address[1]
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), name="http", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.hang_up()
        self._server.server_close()


class Handler(BaseHTTPRequestHandler):
    """One connection; every request is handed to the part it belongs to."""

    protocol_version = "HTTP/1.1"
    server_version = "Sandbox/1"
    sys_version = ""
    disable_nagle_algorithm = True
    wbufsize = -1
    server: _Server

    def do_GET(self) -> None:
        self._answer()

    do_POST = do_DELETE = do_OPTIONS = do_HEAD = do_GET

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing is printed: the journal has it."""

    def _answer(self) -> None:
        length = self.headers.get("Content-Length", "0")
        if not length.isdigit() or int(length) > LARGEST_BODY or self.headers.get("Transfer-Encoding"):
            self.close_connection = True
            return self._send(Answer.text("The body is too long.", status=413))
        body = self.rfile.read(int(length))
        if urlsplit("//" + self.headers.get("Host", "")).hostname not in LOOPBACK:
            return self._send(Answer.text("The sandbox answers on the loopback address only.", status=421))
        parts = urlsplit(self.path)
        request = Request(self.command, parts.path, parts.query, body, self.headers)
        if parts.path.startswith("/v1/"):
            return self._answer_api(request)
        return self._send(self._page(request))

    def _answer_api(self, request: Request) -> None:
        if request.method == "OPTIONS":
            return self._send(Answer(204, b"", "text/plain", CORS))
        reply = self.server.sandbox.api.answer(request)
        self.server.sandbox.wake()
        if reply.silent:
            return self._fall_silent(reply)
        return self._send(_as_answer(reply))

    def _fall_silent(self, reply: Reply) -> None:
        """Closes without an answer. A browser gets half of one, since it repeats requests that got nothing at all."""
        time.sleep(reply.pause)
        self.close_connection = True
        if reply.torn:
            self._send(Answer(200, b"{", "application/json", CORS | {"Content-Length": "1000"}))

    def _page(self, request: Request) -> Answer:
        sandbox = self.server.sandbox
        owners: tuple[tuple[str, Callable[..., Answer]], ...] = (
            ("/_test/", control.answer),
            ("/js/", asset),
            ("/", pages.answer),
        )
        for prefix, owner in owners:
            if request.path.startswith(prefix):
                return owner(sandbox, request)
        return not_found()

    def _send(self, answer: Answer) -> None:
        self.send_response(answer.status)
        self.send_header("Content-Type", answer.content_type)
        length = str(len(answer.body))
        always = {"Content-Length": length, "X-Content-Type-Options": "nosniff", "Cache-Control": "no-store"}
        for name, value in {**always, **answer.headers}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(answer.body)
        self.wfile.flush()


def _as_answer(reply: Reply) -> Answer:
    body = json.dumps(reply.body, indent=2, ensure_ascii=False).encode()
    return Answer(reply.status, body, "application/json", CORS | reply.headers)
