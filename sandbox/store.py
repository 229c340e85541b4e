"""Where the sandbox keeps everything: one SQLite database, in memory or in a file, behind one lock."""

import json
import sqlite3
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from itertools import islice
from typing import Any

from sandbox import errors

Body = dict[str, Any]
COMPARISONS = {"gt": ">", "gte": ">=", "lt": "<", "lte": "<="}

SCHEMA = """
CREATE TABLE IF NOT EXISTS objects (
    seq INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT UNIQUE NOT NULL, object TEXT NOT NULL, created INTEGER NOT NULL,
    body TEXT NOT NULL, hidden TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS objects_by_kind ON objects (object, seq);
CREATE INDEX IF NOT EXISTS objects_by_owner ON objects (json_extract(body, '$.customer'));
CREATE TABLE IF NOT EXISTS idempotency (
    key TEXT PRIMARY KEY, fingerprint TEXT NOT NULL, at REAL NOT NULL, status INTEGER, body TEXT, request TEXT);
CREATE TABLE IF NOT EXISTS deliveries (
    seq INTEGER PRIMARY KEY AUTOINCREMENT, event TEXT NOT NULL, endpoint TEXT NOT NULL, attempts INTEGER NOT NULL,
    next_at REAL, state TEXT NOT NULL, log TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS deliveries_due ON deliveries (next_at) WHERE next_at IS NOT NULL;
CREATE TABLE IF NOT EXISTS jobs (
    seq INTEGER PRIMARY KEY AUTOINCREMENT, at REAL NOT NULL, name TEXT NOT NULL, target TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS messages (
    id INTEGER PRIMARY KEY AUTOINCREMENT, at REAL NOT NULL, sender TEXT NOT NULL, recipients TEXT NOT NULL,
    raw BLOB NOT NULL);
"""


class Store:
    """Objects by id. All work happens inside `transaction()`, which one thread at a time may hold."""

    def __init__(self, path: str) -> None:
        self._lock = threading.RLock()
        self._depth = 0
        self._db = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
        self._db.row_factory = sqlite3.Row
        if path != ":memory:":
            self._db.execute("PRAGMA journal_mode=WAL")
            self._db.execute("PRAGMA synchronous=OFF")  # surviving a restart is enough; a power cut is not our case
        self._db.executescript(SCHEMA)

    def close(self) -> None:
        with self._lock:
            self._db.close()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Everything inside is written or nothing is, except that a StripeError that `keeps` keeps it."""
        with self._lock:
            self._depth += 1
            if self._depth == 1:
                self._db.execute("BEGIN")
            try:
                yield
            except BaseException as error:
                self._leave(keep=isinstance(error, errors.StripeError) and error.keeps)
                raise
            self._leave(keep=True)

    def _leave(self, *, keep: bool) -> None:
        self._depth -= 1
        if self._depth == 0:
            self._db.execute("COMMIT" if keep else "ROLLBACK")

    def query(self, sql: str, *values: Any) -> list[sqlite3.Row]:
        with self._lock:
            return self._db.execute(sql, values).fetchall()

    def execute(self, sql: str, *values: Any) -> int:
        """Runs one statement; the id of the row it inserted, if it did."""
        with self._lock:
            return self._db.execute(sql, values).lastrowid or 0

    def add(self, body: Body, hidden: Body | None = None) -> Body:
        self.execute(
            "INSERT INTO objects (id, object, created, body, hidden) VALUES (?, ?, ?, ?, ?)",
            body["id"],
            body["object"],
            body["created"],
            json.dumps(body),
            json.dumps(hidden or {}),
        )
        return body

    def save(self, body: Body, hidden: Body | None = None) -> Body:
        """Writes an object that exists; what is hidden stays as it was unless given."""
        if hidden is not None:
            self.execute("UPDATE objects SET hidden = ? WHERE id = ?", json.dumps(hidden), body["id"])
        self.execute("UPDATE objects SET body = ? WHERE id = ?", json.dumps(body), body["id"])
        return body

    def find(self, identifier: str, kind: str = "") -> Body | None:
        rows = self.query("SELECT body, object FROM objects WHERE id = ?", identifier)
        if not rows or (kind and rows[0]["object"] != kind):
            return None
        body: Body = json.loads(rows[0]["body"])
        return body

    def hidden(self, identifier: str) -> Body:
        """What belongs to an object but is never in a reply, such as which test card a payment method is."""
        rows = self.query("SELECT hidden FROM objects WHERE id = ?", identifier)
        found: Body = json.loads(rows[0]["hidden"]) if rows else {}
        return found

    def get(self, kind: str, identifier: str, *, param: str, in_path: bool = False) -> Body:
        """The object, or Stripe's "No such …" error."""
        body = self.find(identifier, kind)
        if body is None:
            raise errors.no_such(NAMES.get(kind, kind), identifier, param=param, in_path=in_path)
        return body

    def newest_first(self, kind: str) -> Iterator[Body]:
        for row in self.query("SELECT body FROM objects WHERE object = ? ORDER BY seq DESC", kind):
            yield json.loads(row["body"])

    def select(
        self,
        kind: str,
        wanted: Callable[[Body], bool],
        *,
        created: Mapping[str, int] | None = None,
        customer: str = "",
        after: str = "",
        most: int | None = None,
    ) -> list[Body]:
        """Newest first. For those who keep very many, SQL is asked for what bounds them.

        created: "gte" and so on. after: the id of the one before the first. most: how many are read at all.
        """
        # The plus keeps SQLite from the index by kind where the one by customer finds far fewer.
        sql = f"SELECT body FROM objects WHERE {'+' if customer else ''}object = ?"
        values: list[Any] = [kind]
        for name, bound in (created or {}).items():
            sql, values = f"{sql} AND created {COMPARISONS[name]} ?", [*values, bound]
        if customer:
            sql, values = f"{sql} AND json_extract(body, '$.customer') = ?", [*values, customer]
        if after:
            sql, values = f"{sql} AND seq < (SELECT seq FROM objects WHERE id = ?)", [*values, after]
        with self._lock:
            bodies = (json.loads(row["body"]) for row in self._db.execute(f"{sql} ORDER BY seq DESC", values))
            return list(islice(filter(wanted, bodies), most))

    def clear(self) -> None:
        """Forgets everything but the webhook endpoints."""
        with self.transaction():
            self.execute("DELETE FROM objects WHERE object != 'webhook_endpoint'")
            for table in ("idempotency", "deliveries", "jobs", "messages"):
                self.execute(f"DELETE FROM {table}")


# Stripe's "No such …" sentences use other words than the object names here and there.
NAMES = {"payment_method": "PaymentMethod", "setup_intent": "setupintent"}
