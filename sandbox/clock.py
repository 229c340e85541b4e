"""The stand-in's clock, which can be set back: so that what happens now is of last month."""

import time


class Clock:
    """`now()` in seconds since 1970. `offset`: seconds to the real time, negative for the past."""

    def __init__(self) -> None:
        self.offset = 0

    def now(self) -> int:
        return int(time.time()) + self.offset
