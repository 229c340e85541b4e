"""Private servers start, die and come back; nothing outlives the program that started them, however that ends."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import textwrap
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
import redis

from sandbox import servers
from sandbox.launch import ROOT, Child, InUse, LaunchError, free_port, is_taken
from sandbox.servers import Postgres, Server, Valkey
from sandbox.servers_home import REAL_NOBODY


def processes_naming(text: str) -> list[str]:
    """The command lines of this machine that hold `text`."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            line = path.read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue
        if text in line:
            found.append(line)
    return found


def wait_until_gone(text: str, seconds: float = 15) -> list[str]:
    """What is left after a while; empty as soon as nothing is."""
    deadline = time.monotonic() + seconds
    while (left := processes_naming(text)) and time.monotonic() < deadline:
        time.sleep(0.05)
    return left


@pytest.fixture
def private(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder for servers of a test's own, which the environment names none of."""
    monkeypatch.delenv("DATABASE_URL")
    monkeypatch.delenv("REDIS_URL")
    yield tmp_path
    assert wait_until_gone(str(tmp_path)) == []


def _one(server: Server) -> object:
    with psycopg.connect(server.url()) as connection:
        row = connection.execute("SELECT count(*) FROM pg_tables WHERE tablename = 'kept'").fetchone()
        assert row
        return row[0]


def test_postgres_keeps_its_data_over_a_stop_and_a_kill(private: Path) -> None:
    server = servers.postgres(private / "postgres", log=private / "log")
    server.start()
    with psycopg.connect(server.url()) as connection:
        connection.execute("CREATE TABLE kept ()")
    server.restart()
    assert _one(server) == 1
    with psycopg.connect(server.url()):
        server.kill()  # while somebody is connected
    assert not server.running
    server.start()
    assert _one(server) == 1
    server.stop()
    assert not list((private / "postgres").rglob(".s.PGSQL*"))


def test_valkey_is_empty_after_a_kill(private: Path) -> None:
    server = servers.valkey(private / "valkey", log=private / "log")
    server.start()
    redis.Redis.from_url(server.url()).set("a", "b")
    server.kill()
    server.start()
    assert redis.Redis.from_url(server.url()).get("a") is None
    server.stop()


def test_a_path_too_long_for_a_socket_gets_a_short_private_one(private: Path) -> None:
    deep = private / ("x" * 60) / ("y y" * 20)
    server = Postgres(deep, log=private / "log")
    server.start()
    assert _one(server) == 0
    socket_dir = Path(server.url().partition("host=")[2])
    assert socket_dir.parent == Path("/tmp")
    assert socket_dir.stat().st_mode & 0o777 == 0o700
    server.stop()
    assert not socket_dir.exists()


def test_a_folder_serves_one_program_at_a_time(private: Path) -> None:
    first, second = (Valkey(private / "valkey", log=private / "log") for _ in range(2))
    first.start()
    with pytest.raises(InUse, match="another program is already using"):
        second.start()
    assert first.running
    first.stop()
    second.start()
    second.stop()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can lend another identity")
def test_postgres_runs_as_nobody_where_root_has_no_user_namespaces(private: Path) -> None:
    private.chmod(0o700)
    server = Postgres(private / "postgres", log=private / "log", account=REAL_NOBODY)
    server.start()
    assert _one(server) == 0
    server.erase()
    assert not (private / "postgres").exists()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can lend another identity")
def test_nobody_is_lent_a_copy_of_programs_in_a_folder_closed_to_them(
    private: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    programs = servers.postgres_programs()
    package, closed = programs.parents[1], private / "closed"
    for folder in package.parent.glob(f"{package.name}*"):
        shutil.copytree(folder, closed / folder.name, symlinks=True)
    closed.chmod(0o700)
    monkeypatch.setattr(servers, "postgres_programs", lambda: closed / programs.relative_to(package.parent))
    server = Postgres(private / "postgres", log=private / "log", account=REAL_NOBODY)
    server.start()
    assert _one(server) == 0
    assert processes_naming(str(closed)) == [], "it runs from its copy"
    server.erase()


def test_a_killed_program_leaves_no_server_behind(private: Path) -> None:
    program = textwrap.dedent(f"""
        import os, signal
        from pathlib import Path
        from sandbox.servers import Postgres, Valkey
        home = Path({str(private)!r})
        kept = [Postgres(home / "postgres", log=home / "log"), Valkey(home / "valkey", log=home / "log")]
        for server in kept:
            server.start()
        os.kill(os.getpid(), signal.SIGKILL)
    """)
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, check=False)
    assert done.returncode == -signal.SIGKILL
    assert wait_until_gone(str(private)) == []
    again = Postgres(private / "postgres", log=private / "log")
    again.start()
    assert _one(again) == 0
    again.stop()


def test_a_program_that_dies_at_once_is_told_with_its_last_words(tmp_path: Path) -> None:
    child = Child("the oracle", ["sh", "-c", "echo doom; exit 3"], log=tmp_path / "log", ready=lambda _: False)
    with pytest.raises(LaunchError, match=r"(?s)the oracle stopped as soon as it was started:\ndoom"):
        child.start()


def test_a_program_that_ignores_the_polite_signal_is_ended_with_all_it_forked(tmp_path: Path) -> None:
    mark = f"9{os.getpid()}.25"
    script = f"trap '' TERM; sleep {mark} & echo up; while :; do sleep {mark}; done"
    child = Child(
        "the stubborn one",
        ["sh", "-c", script],
        log=tmp_path / "log",
        ready=lambda c: "up" in c.since_start(),
        grace=0.3,
    )
    child.start()
    assert processes_naming(f"sleep {mark}")
    child.stop()
    assert wait_until_gone(f"sleep {mark}") == []


def test_a_given_server_is_used_and_never_stopped(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql://me@db.example.org/gifts?sslmode=require")
    monkeypatch.setenv("REDIS_URL", "redis://cache.example.org:6379/0")
    database = servers.postgres(tmp_path / "p", log=tmp_path / "log")
    broker = servers.valkey(tmp_path / "v", log=tmp_path / "log")
    assert not database.ours
    assert database.url() == "postgresql://me@db.example.org/gifts?sslmode=require"
    assert database.url("other") == "postgresql://me@db.example.org/other?sslmode=require"
    assert broker.url("1") == "redis://cache.example.org:6379/1"
    with pytest.raises(LaunchError, match="cannot be stopped from here"):
        database.kill()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("variable", "url"),
    [("DATABASE_URL", "postgresql://me:secret@127.0.0.1:{}/x"), ("REDIS_URL", "redis://127.0.0.1:{}")],
)
def test_a_given_server_that_does_not_answer_is_named(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, variable: str, url: str
) -> None:
    monkeypatch.setenv(variable, url.format(free_port()))
    make = servers.postgres if variable == "DATABASE_URL" else servers.valkey
    with pytest.raises(LaunchError, match=f"the server that {variable} names does not answer") as caught:
        make(tmp_path, log=tmp_path / "log").start()
    assert "secret" not in str(caught.value)


def test_a_taken_port_is_seen() -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        assert is_taken(listener.getsockname()[1])
    assert not is_taken(free_port())
