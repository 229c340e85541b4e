"""What a benchmark hands back: our rate beside the other's, and the goal for their ratio."""

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Result:
    """One claim. Rates are in `unit`; more is better."""

    name: str
    unit: str
    ours: float
    other: float
    against: str
    goal: float

    @property
    def ratio(self) -> float:
        return self.ours / self.other

    @property
    def holds(self) -> bool:
        return self.ratio >= self.goal


# A benchmark module has `BENCHMARKS: dict[str, Benchmark]`, by the names that `bin/bench` takes. True: quick, rougher.
Benchmark = Callable[[bool], list[Result]]
