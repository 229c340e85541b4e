"""The ledger of 1,000,000 gifts as a file: our escaped, local-time CSV beside psql's \\copy of the same query as it is,
the ORM's iterator, and django-import-export; and a workbook of 100,000 rows beside openpyxl.

Each way writes a file. psql runs the very query, with the same settings, without escapes and times made local. Where
there is no psql, a bare COPY to a file through the driver stands in for it. The ORM and django-import-export write the
same file of a tenth of the rows, beside ours of that tenth; a few columns that would cost them a
query a row are left out.
"""

import itertools
import multiprocessing
import os
import resource
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.measuring import say
from benchmarks.result import Benchmark, Result
from benchmarks.site import newsroom, site

DONORS, GIFTS = 300_000, 1_000_000
QUICK_DONORS, QUICK_GIFTS = 30_000, 100_000
SHEET_ROWS, QUICK_SHEET_ROWS = 100_000, 10_000
SEED, ROUNDS = 7, 3
MEGABYTES = 20
# Half a second of the five seconds that a bare copy of a million rows took where this was first measured.
FIRST = 10.0


def exports(quick: bool) -> list[Result]:
    """Rows a second, ours and psql's in turns."""
    donors, gifts = (QUICK_DONORS, QUICK_GIFTS) if quick else (DONORS, GIFTS)
    with site():
        newsroom()
        from donations.seed import scale
        from nonprofit import clock

        scale.generate(scale.Size(donors, gifts, SEED, clock.today()), say)
        return measure(gifts // 10, QUICK_SHEET_ROWS if quick else SHEET_ROWS, rounds=1 if quick else ROUNDS)


@dataclass(frozen=True)
class Took:
    """How one way of writing the file went. megabytes: by how much its process grew."""

    rows: int
    seconds: float
    first: float = 0.0
    megabytes: float = 0.0

    @property
    def rate(self) -> float:
        return self.rows / self.seconds


def measure(some: int, sheet_rows: int, *, rounds: int, first: int = 0) -> list[Result]:
    """All of it, over the database that this process's Django speaks to.

    some: how many of the newest gifts the slow ones write. first: after which line of the ledger psql and we begin.
    """
    ours: list[Took] = []
    theirs: list[Took] = []
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "ledger.csv"
        for _ in range(rounds):
            ours.append(_alone(_ours, path, first))
            _told("ours", ours[-1])
            theirs.append(_psql(path, first) if shutil.which("psql") else _alone(_bare, path, first))
            _told("psql" if shutil.which("psql") else "bare copy", theirs[-1])
        our, their = (sorted(several, key=lambda one: one.seconds)[len(several) // 2] for several in (ours, theirs))
        after = _from(some)
        ours_tenth = _alone(_ours, path, after)
        orm = _alone(_orm, path, after)
        _told("the ORM's iterator", orm)
        stock = _alone(_import_export, path, after)
        _told("django-import-export", stock)
        sheets = [_alone(way, Path(folder) / "ledger.xlsx", sheet_rows) for way in (_fast, _openpyxl)]
        _told("workbook", sheets[0])
        _told("openpyxl", sheets[1])
    unit, against = (
        "ledger rows a second",
        "psql \\copy" if shutil.which("psql") else "bare COPY by the driver (no psql)",
    )
    return [
        Result("ledger CSV: psql", unit, our.rate, their.rate, f"{against} of the same query, raw", 0.715),
        Result("ledger CSV: ORM", unit, ours_tenth.rate, orm.rate, "the ORM's iterator and csv, a tenth", 8.0),
        Result("ledger CSV: import-export", unit, ours_tenth.rate, stock.rate, "django-import-export, a tenth", 15.0),
        Result("ledger CSV: memory", "MB allowed to the MB it grew", MEGABYTES, our.megabytes, "peak growth", 1.0),
        Result("ledger CSV: first byte", "whole time to the first byte's", our.seconds, our.first, "itself", FIRST),
        Result("ledger XLSX", "rows a second", sheets[0].rate, sheets[1].rate, "openpyxl, write only", 8.0),
    ]


def _told(name: str, took: Took) -> None:
    say(
        f"{name}: {took.rows:,} rows in {took.seconds:.1f} s, first byte after {took.first:.2f} s, "
        f"grew by {took.megabytes:.0f} MB"
    )


def _alone(way: Callable[[Path, int], Took], path: Path, number: int) -> Took:
    """In a process of its own, so that its memory is its own."""
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as process:
        return process.submit(_measured, way, path, number).result()


def _measured(way: Callable[[Path, int], Took], path: Path, number: int) -> Took:
    import django

    django.setup()
    # What is loaded by the first use is not its growth.
    way(path, -1)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    took = way(path, number)
    grew = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    return Took(took.rows, took.seconds, took.first, max(grew / 1024, 0.1))


# ---- Which rows ------------------------------------------------------------------------------------------------------


def _from(gifts: int) -> int:
    """After this line of the ledger begin those of the newest so many gifts; 0 for all."""
    from donations.models import LedgerEntry

    if not gifts:
        return 0
    kinds = ["gift", "property"]
    return int(LedgerEntry.objects.filter(kind__in=kinds).order_by("-pk").values_list("pk", flat=True)[gifts])


def _query(after: int) -> Any:
    """The ledger's lines after that one; with -1 a handful."""
    from dataclasses import replace

    from donations.books.exports import ledger
    from donations.books.exports.filters import Filters
    from donations.books.exports.reading import Query
    from nonprofit import clock

    some = "e.id <= 20" if after < 0 else f"e.id > {after}" + (" AND e.kind <> 'fee'" if after else "")
    table = replace(ledger.TABLE, always=f"{ledger.TABLE.always} AND {some}")
    return Query(table, Filters("booked"), clock.now())


# ---- Ways to write it ------------------------------------------------------------------------------------------------


def _ours(path: Path, after: int) -> Took:
    from donations.books.exports import writing
    from donations.books.exports.reading import reading

    began, first, written = time.perf_counter(), 0.0, writing.Written()
    with reading(_query(after)) as reader, path.open("wb") as file:
        for place, piece in enumerate(writing.pieces(reader, "spreadsheet", written, lambda rows: None)):
            # The heading is ours; the first row is the database's.
            first = first or (time.perf_counter() - began if place else 0.0)
            file.write(piece)
    return Took(written.rows, time.perf_counter() - began, first)


def _raw(query: Any) -> str:
    columns = ", ".join(f'({column.sql}) AS "{column.name}"' for column in query.table.columns)
    return f"SELECT {columns} FROM {query.source} ORDER BY {query.table.order}"


def _bare(path: Path, after: int) -> Took:
    """The same query without escapes, copied to a file by nothing but the driver."""
    import psycopg

    from donations.books.exports.reading import reading

    began, rows = time.perf_counter(), 0
    query = _query(after)
    with reading(query) as reader, path.open("wb") as file:
        reader._plan()
        with (
            psycopg.ClientCursor(reader._raw) as cursor,
            cursor.copy(f"COPY ({_raw(query)}) TO STDOUT (FORMAT csv)", query.parameters) as copy,
        ):
            for line in copy:
                file.write(line)
                rows += 1
    return Took(rows, time.perf_counter() - began)


def _psql(path: Path, after: int) -> Took:
    import psycopg
    from django.db import connection

    from donations.books.exports.reading import PLAN

    query = _query(after)
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
        bound = psycopg.ClientCursor(connection.connection).mogrify(_raw(query), query.parameters)
    said, settings = " ".join(bound.split()), {**PLAN, "TimeZone": "America/New_York"}
    options = " ".join(f"-c {name}={value}" for name, value in settings.items())
    began = time.perf_counter()
    done = subprocess.run(
        ["psql", "--no-psqlrc", "--quiet", os.environ["DATABASE_URL"], "--file", "-"],
        input=f"\\copy ({said}) TO '{path}' (FORMAT csv)\n",
        env={**os.environ, "PGOPTIONS": options},
        capture_output=True,
        text=True,
        check=False,
    )
    seconds = time.perf_counter() - began
    if done.returncode or done.stderr:
        raise ValueError(f"psql: {done.stderr[:300]}")
    with path.open("rb") as file:
        rows = sum(block.count(b"\n") for block in iter(lambda: file.read(1 << 20), b""))
    return Took(rows, seconds)


def _lines(after: int) -> Any:
    from benchmarks.stock import ledger
    from donations.models import LedgerEntry

    return ledger.lines(LedgerEntry.objects.filter(**({"pk__lte": 20} if after < 0 else {"pk__gt": after})))


def _orm(path: Path, after: int) -> Took:
    import csv

    from benchmarks.stock import ledger

    began, rows = time.perf_counter(), 0
    with path.open("w", newline="", encoding="utf-8-sig") as file:
        writer = csv.writer(file)
        writer.writerow(ledger.HEADING)
        for row in ledger.rows(_lines(after).iterator(2000)):
            writer.writerow(row)
            rows += 1
    return Took(rows, time.perf_counter() - began)


def _import_export(path: Path, after: int) -> Took:
    from benchmarks.stock import ledger

    began = time.perf_counter()
    dataset = ledger.resource().export(_lines(after))
    path.write_text(dataset.csv, encoding="utf-8-sig", newline="")
    return Took(len(dataset), time.perf_counter() - began)


# ---- Workbooks -------------------------------------------------------------------------------------------------------


def _records(rows: int) -> Iterator[dict[str, Any]]:
    """So many rows, the first two thousand of the ledger again and again: it is the writers that are measured."""
    from donations.books.exports.reading import reading

    with reading(_query(0)) as reader:
        some = list(itertools.islice(reader.records("xlsx"), 2000))
    return itertools.islice(itertools.cycle(some), max(rows, 20))


def _fast(path: Path, rows: int) -> Took:
    from donations.books.exports import ledger, workbook

    records = _records(rows)
    began = time.perf_counter()
    workbook.fast(path, ledger.COLUMNS, records)
    return Took(max(rows, 20), time.perf_counter() - began)


def _openpyxl(path: Path, rows: int) -> Took:
    import openpyxl

    records = _records(rows)
    began = time.perf_counter()
    book = openpyxl.Workbook(write_only=True)
    sheet = book.create_sheet("Export")
    for number, record in enumerate(records):
        if not number:
            sheet.append(list(record))
        sheet.append(list(record.values()))
    book.save(path)
    return Took(max(rows, 20), time.perf_counter() - began)


BENCHMARKS: dict[str, Benchmark] = {"exports": exports}
