"""Rows of another platform's file checked and booked per second, against a plain COPY of the same rows."""

import io
import statistics
import tempfile
import time
from pathlib import Path

from benchmarks.result import Benchmark, Result
from benchmarks.site import newsroom, site

# What an import writes. Referenced tables first, so that COPY meets no missing row.
TABLES = (
    *("donations_donor", "donations_donororigin", "donations_formerid", "donations_gift", "donations_giftorigin"),
    *("donations_giftdetail", "donations_ledgerentry"),
)
# Measured on a busy machine of two cores: 0.78 of COPY for 10,000 rows, 0.37 for 100,000.
GOAL = 0.25


def importing(quick: bool) -> list[Result]:
    """Both write the same rows into the same tables, with their indexes, triggers and foreign keys, and commit.

    COPY gets them ready-made; the import reads a CSV file, checks every cell, finds the supporters and the duplicates,
    shows a preview, and can be undone.
    """
    count, rounds = (10_000, 1) if quick else (100_000, 3)
    ours: list[float] = []
    bare: list[float] = []
    with site(), tempfile.TemporaryDirectory() as folder:
        newsroom()
        for turn in range(rounds):
            took, rows = _import(Path(folder) / "gifts.csv", count, turn)
            ours.append(count / took)
            bare.append(count / _copy(rows))
    against = "a plain COPY of the same rows into the same tables"
    unit = "rows of the file per second"
    return [Result("importing", unit, statistics.median(ours), statistics.median(bare), against, GOAL)]


def _import(path: Path, count: int, seed: int) -> tuple[float, dict[str, bytes]]:
    """Seconds for check and apply of a new file, and what then stood in the tables; the import is undone again."""
    from donations.desk.imports import flow
    from donations.models import GiftImport
    from nonprofit.models import User
    from tests import builders
    from tests.donations import import_files

    import_files.generate(path, rows=count, faults=count // 200, seed=seed)
    by = User.objects.filter(is_staff=True).first() or builders.staff("Finance")
    with path.open("rb") as file:
        made = flow.upload(file, name=path.name, source="fundraiseup", by=by)
    started = time.perf_counter()
    flow.choose(made.pk, flow.Choice(made.columns, made.fund), actor="bench")
    flow.carry_on(made.pk)
    flow.ask_apply(made.pk, actor="bench")
    if flow.carry_on(made.pk) != "applied":
        raise RuntimeError(GiftImport.objects.get(pk=made.pk).trouble)
    took = time.perf_counter() - started
    rows = _take()
    flow.ask_undo(made.pk, actor="bench")
    if flow.carry_on(made.pk) != "undone":
        raise RuntimeError(GiftImport.objects.get(pk=made.pk).trouble)
    return took, rows


def _take() -> dict[str, bytes]:
    from django.db import connection

    found = {}
    for table in TABLES:
        kept = io.BytesIO()
        with connection.cursor() as cursor, cursor.copy(f"COPY {table} TO STDOUT") as copy:
            for block in copy:
                kept.write(block)
        found[table] = kept.getvalue()
    return found


def _copy(rows: dict[str, bytes]) -> float:
    """Seconds until the rows are committed. They are taken away again, by a session that no trigger holds back."""
    from django.db import connection, transaction

    _vacuum()
    started = time.perf_counter()
    with transaction.atomic(), connection.cursor() as cursor:
        for table, content in rows.items():
            with cursor.copy(f"COPY {table} FROM STDIN") as copy:
                copy.write(content)
    took = time.perf_counter() - started
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL session_replication_role = replica")
        for table in (*TABLES, "donations_donorterm"):
            cursor.execute(f"DELETE FROM {table}")
    _vacuum()
    return took


def _vacuum() -> None:
    """Neither of the two stumbles over what the other left."""
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE")


BENCHMARKS: dict[str, Benchmark] = {"importing": importing}
