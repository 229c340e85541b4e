"""Runs benchmarks side by side with what people would use instead: `bin/bench [NAME…] [--quick] [--json FILE]`."""

import argparse
import json
import multiprocessing
import sys
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict
from pathlib import Path

from benchmarks import catalog
from benchmarks.result import Result


def main() -> int:
    """1 when a goal is missed or a benchmark failed."""
    there = catalog.found()
    given = _arguments(there)
    results: list[Result] = []
    failed = False
    for name in given.names or there:
        print(f"Measuring {name} …", file=sys.stderr, flush=True)
        # Each in a fresh process: Django reads its settings once, and one benchmark's garbage is not another's cost.
        with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as process:
            running = process.submit(catalog.measure, there[name], name, given.quick)
            trouble = running.exception()
        if trouble:
            failed = True
            print(f"{name} could not be measured: {type(trouble).__name__}: {trouble}", file=sys.stderr, flush=True)
        else:
            results += running.result()
    return report(results, failed=failed, file=given.json)


def report(results: list[Result], *, failed: bool, file: Path | None) -> int:
    """Print the table, write the same as JSON; the exit code."""
    _print(results)
    if file:
        rows = [{**asdict(r), "ratio": round(r.ratio, 3), "holds": r.holds} for r in results]
        file.write_text(json.dumps(rows, indent=2, ensure_ascii=False) + "\n")
    return 0 if not failed and all(result.holds for result in results) else 1


def _arguments(there: dict[str, str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="bin/bench", description="Measure the speed we claim.")
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(there)}; all when none is named")
    parser.add_argument("--quick", action="store_true", help="shorter rounds, rougher figures")
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write the table here")
    given = parser.parse_args()
    unknown = [name for name in given.names if name not in there]
    if unknown:
        parser.error(f"there is no benchmark {', '.join(unknown)}; there are {', '.join(there)}")
    return given


def _print(results: list[Result]) -> None:
    head = ("name", "ours", "the other", "ratio", "goal", "holds", "unit; against")
    rows = [
        (
            r.name,
            f"{r.ours:.1f}",
            f"{r.other:.1f}",
            f"{r.ratio:.2f}",
            f"≥ {r.goal}",
            "yes" if r.holds else "NO",
            f"{r.unit}; {r.against}",
        )
        for r in results
    ]
    widths = [max(len(row[column]) for row in (head, *rows)) for column in range(len(head))]
    for row in (head, *rows):
        print("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


if __name__ == "__main__":
    sys.exit(main())
