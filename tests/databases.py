"""Databases for tests that commit: made in a moment from the migrated one, and put back in a moment."""

import hashlib
from dataclasses import dataclass, field
from pathlib import Path

import psycopg
from psycopg import sql

from sandbox.servers import Server, create_database, drop_database

# Bytes of a table.
LARGE = 2_000_000
# The site's processes keep page fragments by the organisation's `content_version`. Put back to an earlier state, the
# table would use a number twice for different texts; in this database it never does.
NEVER_THE_SAME_VERSION = """
CREATE SEQUENCE IF NOT EXISTS tests_content_version START 1000000;
CREATE OR REPLACE FUNCTION tests_new_content_version() RETURNS trigger LANGUAGE plpgsql AS
$$BEGIN NEW.content_version := nextval('tests_content_version'); RETURN NEW; END$$;
CREATE OR REPLACE TRIGGER tests_new_content_version BEFORE INSERT OR UPDATE ON nonprofit_organization
FOR EACH ROW EXECUTE FUNCTION tests_new_content_version();
"""

ROOT = Path(__file__).resolve().parents[1]
# Code of ours that migrations run.
CALLED = ("nonprofit/append_only.py", "nonprofit/staff_groups.py", "donations/rules/chain.py")


def clone(server: Server, name: str, template: str) -> None:
    """A database `name` like `template`, which nobody may be connected to. An older one of that name is gone."""
    drop_database(server, name)
    create_database(server, name, template=template)


def migrated() -> str:
    """The name under which a migrated database is kept for the next run; another one when migrations change."""
    told = [ROOT / "requirements.txt", *sorted(ROOT.glob("*/migrations/*.py")), *(ROOT / path for path in CALLED)]
    return f"migrated_{hashlib.sha256(b''.join(path.read_bytes() for path in told)).hexdigest()[:16]}"


def exists(server: Server, name: str) -> bool:
    """Whether the server has a database of that name."""
    with psycopg.connect(server.url(), autocommit=True) as connection:
        return connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [name]).fetchone() is not None


def drop_leftovers(server: Server) -> None:
    """The databases of an earlier run are gone, but for the migrated one that this run begins with."""
    with psycopg.connect(server.url(), autocommit=True) as connection:
        rows = connection.execute("SELECT datname FROM pg_database WHERE NOT datistemplate AND datname <> 'postgres'")
        names = {name for (name,) in rows.fetchall()} - {migrated()}
    for name in names:
        drop_database(server, name)


def end_sessions(server: Server, name: str) -> None:
    """Nobody is connected to this database, whatever threads a test has left behind."""
    with psycopg.connect(server.url(), autocommit=True) as connection:
        connection.execute("SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity WHERE datname = %s", [name])


@dataclass
class Snapshot:
    """What a freshly migrated database holds, so that a used one can be put back without making it anew."""

    url: str
    _tables: list[str] = field(default_factory=list)
    _rows: dict[str, bytes] = field(default_factory=dict)
    _sequences: dict[str, int | None] = field(default_factory=dict)

    def take(self) -> None:
        """Remember every row and every sequence of the database at `url`."""
        with psycopg.connect(self.url) as connection:
            tables = connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY 1")
            self._tables = [name for (name,) in tables.fetchall()]
            for name in self._tables:
                with connection.cursor().copy(sql.SQL("COPY {} TO STDOUT").format(sql.Identifier(name))) as out:
                    rows = b"".join(bytes(block) for block in out)
                if rows:
                    self._rows[name] = rows
            self._sequences = _sequences(connection)
            connection.execute(NEVER_THE_SAME_VERSION)

    def put_back(self) -> None:
        """The database holds exactly what `take` saw."""
        with psycopg.connect(self.url) as connection:
            connection.execute("SET lock_timeout = '10s'")
            # The ledger's triggers refuse to forget, and rightly; a replica's session does not fire them.
            connection.execute("SET session_replication_role = replica")
            # TRUNCATE makes new files for each table and index, of these and of all that refer to them: that pays only
            # for what has grown, be it by rows or by what was deleted before.
            if grown := self._grown(connection):
                names = sql.SQL(", ").join(map(sql.Identifier, grown))
                connection.execute(sql.SQL("TRUNCATE {} CASCADE").format(names))
            for name in self._filled(connection):
                connection.execute(sql.SQL("DELETE FROM {}").format(sql.Identifier(name)))
            for name, rows in self._rows.items():
                with connection.cursor().copy(sql.SQL("COPY {} FROM STDIN").format(sql.Identifier(name))) as into:
                    into.write(rows)
            now = _sequences(connection)
            for name, value in self._sequences.items():
                if now[name] != value:
                    connection.execute("SELECT setval(%s::regclass, %s, %s)", [f'"{name}"', value or 1, bool(value)])

    def _grown(self, connection: psycopg.Connection) -> list[str]:
        """The tables whose files are large."""
        rows = connection.execute(
            "SELECT relname FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace"
            " AND pg_relation_size(oid) > %s",
            [LARGE],
        )
        return [name for (name,) in rows.fetchall()]

    def _filled(self, connection: psycopg.Connection) -> list[str]:
        """The tables that have any rows, found by one question."""
        each = sql.SQL(" UNION ALL ").join(
            sql.SQL("SELECT {} WHERE EXISTS (SELECT FROM {})").format(name, sql.Identifier(name))
            for name in self._tables
        )
        return [name for (name,) in connection.execute(each).fetchall()]


def _sequences(connection: psycopg.Connection) -> dict[str, int | None]:
    """Where each sequence stands; None is one that has given no number yet."""
    rows = connection.execute("SELECT sequencename, last_value FROM pg_sequences WHERE schemaname = 'public'")
    return dict(rows.fetchall())
