"""The stand-in's clock, which can be set back or forward, or stand where a simulation puts it."""

import time


class Clock:
    """`now()` in seconds since 1970. `offset`: seconds to the real time, negative for the past."""

    def __init__(self) -> None:
        self.offset = 0
        self._standing: float | None = None

    def time(self) -> float:
        return time.time() + self.offset if self._standing is None else self._standing

    def now(self) -> int:
        return int(self.time())

    def stand_at(self, seconds: float) -> None:
        """It is this moment until it is told another one; nothing passes in between."""
        self._standing = seconds

    def reset(self) -> None:
        """It is as late as in truth again."""
        self.offset, self._standing = 0, None
