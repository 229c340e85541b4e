"""A connection of its own for reading an export: one unchanging view of the database, in the organization's time."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import psycopg
from django.conf import settings
from django.db import connection
from psycopg.rows import dict_row

from donations.books.exports.filters import Filters
from donations.books.exports.tables import Table
from donations.models import Policy

# Rows that a workbook's cursor fetches at a time.
FETCHED = 2_000
# One row after the other in the order of the ledger: the first is there at once, nothing is sorted, and the server's
# memory stays as flat as ours. Compiling such a query costs more than it saves.
PLAN = {
    "jit": "off",
    "max_parallel_workers_per_gather": "0",
    "random_page_cost": "1.1",
    "enable_hashjoin": "off",
    "enable_mergejoin": "off",
}


@dataclass(frozen=True, slots=True)
class Query:
    """Which rows of which table, told as of when."""

    table: Table
    filters: Filters
    as_of: datetime

    @property
    def where(self) -> str:
        return self.filters.where(self.table)

    @property
    def source(self) -> str:
        return self.table.source_of(self.filters.basis, self.where)

    @property
    def parameters(self) -> dict[str, Any]:
        # FY2027 that begins in July 2026 is six months ahead of the calendar.
        ahead = (13 - Policy.get().fiscal_year_starts_in) % 12
        return {**self.filters.parameters, "as_of": self.as_of, "zone": settings.TIME_ZONE, "fiscal": ahead}


class Reader:
    """Reads the rows of a query. Everything it reads is of one moment, however long it takes."""

    def __init__(self, raw: "psycopg.Connection[Any]", query: Query) -> None:
        self._raw, self.query, self._parameters = raw, query, query.parameters

    def count(self) -> int:
        """About how many rows have to be read."""
        with psycopg.ClientCursor(self._raw) as cursor:
            cursor.execute(self.query.table.counted(self.query.where), self._parameters)
            return int((cursor.fetchone() or (0,))[0])

    def sums(self) -> list[dict[str, Any]]:
        """Rows and sums by currency, amounts as exact decimals in text."""
        table = self.query.table
        with psycopg.ClientCursor(self._raw) as cursor:
            cursor.execute(table.summed(self.query.filters.basis, self.query.where), self._parameters)
            return [
                {"currency": currency.upper(), "rows": rows}
                | {name: str(sum) for name, sum in zip(table.sums.minors, sums, strict=True)}
                for currency, rows, *sums in cursor.fetchall()
            ]

    def lines(self, format: str) -> Iterator[bytes | bytearray | memoryview]:
        """Each row as a line of CSV that ends with a line feed, as the server writes it."""
        self._plan()
        rows = self.query.table.rows(self.query.source, format)
        with (
            psycopg.ClientCursor(self._raw) as cursor,
            cursor.copy(f"COPY ({rows}) TO STDOUT (FORMAT csv)", self._parameters) as copy,
        ):
            yield from copy

    def records(self, format: str) -> Iterator[dict[str, Any]]:
        """Each row by heading."""
        self._plan()
        rows = self.query.table.rows(self.query.source, format)
        with psycopg.ClientCursor(self._raw) as binder:
            bound = binder.mogrify(rows, self._parameters)
        with self._raw.cursor(name="exported", row_factory=dict_row) as cursor:
            cursor.itersize = FETCHED
            cursor.execute(bound)
            yield from cursor

    def _plan(self) -> None:
        if self.query.table.is_long:
            for name, value in PLAN.items():
                self._raw.execute(f"SET LOCAL {name} = {value}")


@contextmanager
def reading(query: Query) -> Iterator[Reader]:
    """A reader of what is committed now, on a connection of its own that is closed afterwards."""
    own = connection.copy()
    try:
        own.connect()
        raw: psycopg.Connection[Any] = own.connection
        raw.autocommit = False
        raw.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        raw.execute(
            "SELECT set_config('TimeZone', %s, true), set_config('DateStyle', 'ISO', true)", [settings.TIME_ZONE]
        )
        yield Reader(raw, query)
    finally:
        own.close()
