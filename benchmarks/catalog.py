"""The benchmarks there are: every module here that has `BENCHMARKS`."""

import importlib
import pkgutil

import benchmarks
from benchmarks.result import Benchmark, Result


def found() -> dict[str, str]:
    """The module of each benchmark, by the benchmark's name."""
    modules = sorted(f"benchmarks.{module.name}" for module in pkgutil.iter_modules(benchmarks.__path__))
    return {
        name: module
        for module in modules
        if module != "benchmarks.__main__"
        for name in getattr(importlib.import_module(module), "BENCHMARKS", {})
    }


def measure(module: str, name: str, quick: bool) -> list[Result]:
    """The results of one benchmark, run in this process."""
    chosen: Benchmark = importlib.import_module(module).BENCHMARKS[name]
    return chosen(quick)
