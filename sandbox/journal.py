"""The log of every API request and its reply, which the conformance test reads; card numbers are masked in it."""

import threading
from collections import deque
from typing import Any

KEPT = 5000


class Journal:
    """The newest requests, oldest first, each with a growing `seq`."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._seq = 0
        self._entries: deque[dict[str, Any]] = deque(maxlen=KEPT)

    def write(self, entry: dict[str, Any]) -> None:
        with self._lock:
            self._seq += 1
            self._entries.append({"seq": self._seq, **entry})

    def after(self, seq: int = 0) -> list[dict[str, Any]]:
        with self._lock:
            return [entry for entry in self._entries if entry["seq"] > seq]

    def clear(self) -> None:
        with self._lock:
            self._entries.clear()
