"""A small load generator: raw sockets on loopback, kept open, so that it costs little beside what it measures."""

import selectors
import socket
import time
from collections.abc import Callable


class BadAnswer(Exception):
    """The server answered something else than 200; its first bytes are in the message."""


def answered(port: int, request: Callable[[], bytes], *, seconds: float, connections: int = 8) -> int:
    """How many of `request()` the server at 127.0.0.1:`port` answers with 200 in that time. Raises BadAnswer."""
    with selectors.DefaultSelector() as selector:
        for _ in range(connections):
            client = socket.create_connection(("127.0.0.1", port), timeout=10)
            client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            selector.register(client, selectors.EVENT_READ, bytearray())
            client.sendall(request())
        started = time.perf_counter()
        done = 0
        while time.perf_counter() - started < seconds:
            for key, _ in selector.select(1):
                connection = key.fileobj
                assert isinstance(connection, socket.socket)
                key.data.extend(connection.recv(65536))
                if _is_whole(key.data):
                    done += 1
                    key.data.clear()
                    connection.sendall(request())
        for key in list(selector.get_map().values()):
            assert isinstance(key.fileobj, socket.socket)
            key.fileobj.close()
    return done


def _is_whole(answer: bytearray) -> bool:
    head = answer.find(b"\r\n\r\n")
    if head < 0:
        return False
    if not answer.startswith(b"HTTP/1.1 200"):
        raise BadAnswer(bytes(answer[:300]).decode(errors="replace"))
    headers = bytes(answer[:head]).lower()
    place = headers.find(b"content-length:")
    if place < 0:
        raise BadAnswer("no content-length")
    return len(answer) >= head + 4 + int(headers[place + 15 :].split(b"\r\n", 1)[0])


def get(path: str) -> bytes:
    return f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAccept: text/html\r\n\r\n".encode()


def post(path: str, body: bytes, headers: dict[str, str]) -> bytes:
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    return f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n{lines}Content-Length: {len(body)}\r\n\r\n".encode() + body
