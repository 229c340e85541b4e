"""A running site for benchmarks: private servers, a migrated database with a newsroom, and its web server or worker."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import django

from sandbox import servers
from sandbox.launch import Child
from sandbox.launch_site import Keys, Ports, Site

DATABASE = "more_ways_bench"


@contextmanager
def site(*, durable: bool = False) -> Iterator[Site]:
    """A migrated, empty site in servers of its own; this process's Django speaks to the same database.

    durable: its files survive a power cut, as in production; without, only processors are compared.
    """
    home = Path(tempfile.mkdtemp(prefix="bench-"))
    # Root's PostgreSQL runs as another account, which must be able to reach its folder.
    home.chmod(0o711)
    database = servers.postgres(home / "postgres", log=home / "postgres.log", durable=durable)
    broker = servers.valkey(home / "valkey", log=home / "valkey.log")
    try:
        database.start()
        broker.start()
        servers.create_database(database, DATABASE)
        built = Site(Ports.free(), Keys.new(), database.url(DATABASE), broker.url(), home / "log")
        os.environ.update(built.settings())
        built.collect_static()
        built.manage("migrate", "--no-input")
        yield built
    finally:
        broker.stop()
        database.stop()
        shutil.rmtree(home, ignore_errors=True)


def newsroom() -> None:
    """The site has an organization with a campaign and two funds; this process speaks to its database from now on."""
    django.setup()
    from tests import builders

    builders.campaign()
    builders.fund(code="200-INV", name="Investigations")


@contextmanager
def running(child: Child) -> Iterator[Child]:
    """The program is up meanwhile."""
    child.start()
    try:
        yield child
    finally:
        child.stop()


def cpu_seconds(port: int) -> float:
    """CPU time used so far by the processes that listen on this port and by their parents' other children."""
    total = 0.0
    for pid in _listeners(port):
        fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
        total += (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
    return total


@contextmanager
def on_its_own_core(port: int) -> Iterator[None]:
    """The server that listens on this port has one core to itself meanwhile; this process keeps to the others.

    The load generator would otherwise push the server's threads from core to core, which costs more than it measures.
    """
    cores = os.sched_getaffinity(0)
    first, *others = sorted(cores)
    if not others:
        yield
        return
    for pid in _listeners(port):
        for thread in os.listdir(f"/proc/{pid}/task"):
            os.sched_setaffinity(int(thread), {first})
    os.sched_setaffinity(0, others)
    try:
        yield
    finally:
        os.sched_setaffinity(0, cores)


def _listeners(port: int) -> set[int]:
    wanted = {
        line.split()[9]
        for line in Path("/proc/net/tcp").read_text().splitlines()[1:]
        if line.split()[1].endswith(f":{port:04X}") and line.split()[3] == "0A"
    }
    found = set()
    for entry in Path("/proc").glob("[0-9]*/fd/*"):
        try:
            target = os.readlink(entry)
        except OSError:
            continue
        if target.startswith("socket:[") and target[8:-1] in wanted:
            found.add(int(entry.parts[2]))
    return found
