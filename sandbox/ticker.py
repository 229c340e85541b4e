"""A thread that does what is due and sleeps until the next thing is, or until it is woken."""

import threading
from collections.abc import Callable


class Ticker:
    """`work` returns the seconds until there is something to do again, or None when nothing is planned."""

    def __init__(self, name: str, work: Callable[[], float | None]) -> None:
        self._work = work
        self._wanted = threading.Event()
        self._stopping = False
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def start(self) -> None:
        self._thread.start()

    def wake(self) -> None:
        self._wanted.set()

    def stop(self) -> None:
        self._stopping = True
        self._wanted.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._stopping:
            self._wanted.clear()
            pause = self._work()
            self._wanted.wait(pause)
