"""The January run end to end, against WeasyPrint only drawing the same statements; and numbers taken in blocks."""

import importlib
import multiprocessing
import os
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from datetime import date
from pathlib import Path
from typing import Any

from benchmarks import receipts
from benchmarks.result import Benchmark, Result
from benchmarks.site import newsroom, site

# WeasyPrint needs so long that a part of the same statements has to do.
DRAWN_BESIDE = 60
BLOCK = 100


def january(quick: bool) -> list[Result]:
    """Numbered, drawn, kept, letter queued: by CPU seconds of this process and of the whole database server."""
    small, large = (300, 1_500) if quick else (1_000, 20_000)
    # Each in a process of its own: a process speaks to the database of one site.
    rates = {size: _alone(_run, size) for size in (small, large)}
    ours, snapshots = rates[large]
    drawn = _alone(_drawn_by_weasyprint, snapshots)
    said = "WeasyPrint drawing the same statements and nothing else"
    flat = f"the same run over {small:,} supporters"
    return [
        Result("january", "statements per core and second, end to end", ours, drawn, said, 4.0),
        Result(
            "january", f"statements per core and second over {large:,} supporters", ours, rates[small][0], flat, 0.8
        ),
    ]


def _alone(work: Callable[[Any], Any], given: Any) -> Any:
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as process:
        return process.submit(work, given).result()


def _run(size: int) -> tuple[float, list[dict[str, Any]]]:
    """Statements per CPU second of a run over so many supporters, and the snapshots of some of them."""
    with site():
        newsroom()
        from donations.models import AnnualStatement, Receipt
        from donations.receipts import making, statement_runs, statements
        from nonprofit.models import OutgoingEmail
        from tests import crowd

        made = crowd.come(size)
        run = statement_runs.plan(crowd.YEAR, not_before=date(crowd.YEAR + 1, 1, 15), actor="bench")
        statement_runs.count(run.pk)
        began, wall = _cpu(), time.perf_counter()
        statement_runs.start(run.pk, "bench")
        while numbered := statements.issue_due().numbered:
            for start in range(0, len(numbered), 50):
                making.prepare_all(numbered[start : start + 50])
        used, took = _cpu() - began, time.perf_counter() - wall
        counts = (AnnualStatement.objects.count(), OutgoingEmail.objects.filter(template="statement").count())
        if counts != (made.supporters, made.supporters):
            raise ValueError(f"{counts} statements and letters for {made.supporters} supporters")
        print(
            f"{size:,} statements: {took:.0f} s on one core, {used / size * 1000:.1f} ms of CPU each.",
            file=sys.stderr,
            flush=True,
        )
        some = Receipt.objects.filter(series="S").order_by("pk")[:DRAWN_BESIDE]
        return size / used, [receipt.snapshot for receipt in some]


def _cpu() -> float:
    """CPU seconds used so far by this process and by every process of the database server."""
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        (backend,) = cursor.fetchone()
    postmaster = _stat(backend)[1]
    ticks = sum(ticks for ticks, parent in _stats() if parent == postmaster) + _stat(postmaster)[0]
    return time.process_time() + ticks / os.sysconf("SC_CLK_TCK")


def _stats() -> Iterator[tuple[int, int]]:
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            yield _stat(int(entry.name))
        except OSError:
            continue


def _stat(pid: int) -> tuple[int, int]:
    """CPU ticks of the process with those of children it has waited for, and its parent."""
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return sum(int(field) for field in fields[11:15]), int(fields[1])


def _drawn_by_weasyprint(snapshots: list[dict[str, Any]]) -> float:
    """Documents per CPU second; the first few only warm up."""
    prepare, make = importlib.import_module("benchmarks.letters.html_statement").maker()
    documents = [prepare(snapshot) for snapshot in snapshots]
    for document in documents[:5]:
        make(document)
    began = time.process_time()
    for document in documents[5:]:
        if not make(document).startswith(b"%PDF-"):
            raise ValueError("that is no PDF")
    return len(documents[5:]) / (time.process_time() - began)


def numbers(quick: bool) -> list[Result]:
    """A hundred in a transaction, as the runs do it, against one in each: the numbers alone, and whole papers stored.

    On a durable database: what a block spares is a wait for the disk, and for the book's lock, for each paper.
    """
    rounds = 3 if quick else 9
    with site(durable=True):
        newsroom()
        from django.db import connection

        from donations.receipts import issue
        from nonprofit import clock

        facts, year = receipts.snapshot(0), clock.today().year
        with connection.cursor() as cursor:
            cursor.execute("SET synchronous_commit TO on")
        taken = _in_blocks(rounds, 5_000, lambda count: issue.take_numbers("L", year, count))
        stored = _in_blocks(rounds, 2_000, lambda count: issue.number("S", [issue.Draft(facts)] * count))
    against = "a transaction for each"
    return [
        Result("numbers", "numbers taken from a book per second", *taken, against, 30.0),
        Result("numbers", "papers numbered and stored per second", *stored, against, 8.0),
    ]


def _in_blocks(rounds: int, count: int, work: Callable[[int], Any]) -> tuple[float, float]:
    """Per second, in transactions of a hundred and of one each: medians, turns about."""
    blocks, single = [], []
    for _ in range(rounds):
        blocks.append(_per_second(count, BLOCK, work))
        single.append(_per_second(100, 1, work))
    return statistics.median(blocks), statistics.median(single)


def _per_second(count: int, at_once: int, work: Callable[[int], Any]) -> float:
    from django.db import transaction

    began = time.perf_counter()
    for _ in range(0, count, at_once):
        with transaction.atomic():
            work(at_once)
    return count / (time.perf_counter() - began)


BENCHMARKS: dict[str, Benchmark] = {"january": january, "numbers": numbers}
