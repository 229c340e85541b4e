"""What measurements are made of: how long it took, how much memory was held, and a line for whoever waits."""

import resource
import sys
import time
from collections.abc import Callable


def seconds(work: Callable[[], object]) -> float:
    """How long it took, by the clock on the wall."""
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def memory() -> int:
    """The most this process has held so far, in megabytes."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024


def say(text: str) -> None:
    """A line about what is going on, beside the results."""
    print(f"  {text}", file=sys.stderr, flush=True)
