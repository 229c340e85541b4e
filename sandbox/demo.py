"""`bin/demo`: the whole product on one machine, with a stand-in for Stripe and for mail; nothing real is charged."""

from __future__ import annotations

import argparse
import os
import shutil
import signal
import sys
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from types import FrameType
from typing import NoReturn

from sandbox import servers
from sandbox.launch import Child, LaunchError, is_taken
from sandbox.launch_site import STATE, Keys, Ports, Site

HOME = STATE / "demo"
LOGS = STATE / "log"
# For `manage.py shell` and the like beside a running demo; a demo that was killed leaves it behind.
ENVIRONMENT = STATE / "demo.env"
DATABASE = "more_ways"
PEOPLE = (
    ("supporter", "ana@example.org", "/portal/"),
    ("staff", "staff@example.org", "/admin/"),
    ("data entry", "entry@example.org", "/admin/"),
    ("finance", "finance@example.org", "/admin/"),
    ("administrator", "admin@example.org", "/admin/"),
)


class Stopped(BaseException):
    """Somebody asked us to end: Ctrl-C, SIGTERM or a closed terminal."""


def main(arguments: list[str] | None = None) -> int:
    """Runs until it is stopped; 0 then, 1 when something failed, after one clear sentence about it."""
    options = _options(arguments)
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _stop)
    with ExitStack() as running:
        # Registered first, so it runs last: by then everything started below has ended.
        running.callback(lambda: _say("Stopped. Nothing is left running."))
        try:
            _run(options, running)
        except Stopped:
            _say("\nStopping …")
            return 0
        except (LaunchError, OSError) as error:
            _say(f"\nThe demo cannot go on: {error}")
            return 1


def _run(options: argparse.Namespace, running: ExitStack) -> NoReturn:
    began = time.monotonic()
    site, children = _bring_up(options, running)
    _welcome(site, time.monotonic() - began)
    while True:
        for child in children:
            if not child.running:
                raise LaunchError(f"{child.name} died. The end of {child.log}:\n{child.last_lines()}")
        time.sleep(0.5)


def _options(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="bin/demo", description=__doc__)
    parser.add_argument("--reset", action="store_true", help="forget everything an earlier demo kept and start clean")
    parser.add_argument("--port", type=_port, default=8000, metavar="N", help="the site's port (8000)")
    parser.add_argument("--sandbox-port", type=_port, metavar="N", help="the stand-in Stripe's port (420 higher)")
    parser.add_argument("--smtp-port", type=_port, metavar="N", help="the mailbox's port (425 higher)")
    return parser.parse_args(arguments)


def _port(text: str) -> int:
    number = int(text)
    if not 1 <= number <= 65_000:
        raise argparse.ArgumentTypeError("a port is a number from 1 to 65000")
    return number


def _bring_up(options: argparse.Namespace, running: ExitStack) -> tuple[Site, list[Child]]:
    ports = _free_ports(options)
    database = servers.postgres(HOME / "postgres", log=LOGS / "postgres.log", durable=True)
    broker = servers.valkey(HOME / "valkey", log=LOGS / "valkey.log")
    _prepare_folders(database, reset=options.reset)
    for text, server in (("PostgreSQL", database), ("Valkey", broker)):
        running.callback(server.stop)
        _step(f"Starting {text}" if server.ours else f"Using the {text} you named", server.start)
    if database.ours:
        servers.create_database(database, DATABASE)
    database_url = database.url(DATABASE if database.ours else "")
    site = Site(ports, Keys.kept(HOME / "keys.json"), database_url, broker.url(), LOGS)
    running.callback(ENVIRONMENT.unlink, missing_ok=True)
    site.write_environment(ENVIRONMENT)
    _step("Collecting static files", site.collect_static)
    _step("Migrating the database", lambda: site.manage("migrate", "--no-input"))
    stand_in, web, worker = site.stand_in(HOME / "sandbox.sqlite3"), site.web(), site.worker()
    clock = site.beat(HOME / "beat-schedule")
    # Stopped in the reverse order: the clock first, and the stand-in after everybody who talks to it.
    _launch(stand_in, running)
    _step("Filling in a fictional newsroom", lambda: site.manage("seed", "--cards"))
    _launch(web, running)
    _launch(worker, running)
    _launch(clock, running)
    return site, [stand_in, web, worker, clock]


def _free_ports(options: argparse.Namespace) -> Ports:
    ports = Ports(
        options.port,
        options.sandbox_port or options.port + 420,
        options.smtp_port or options.port + 425,
    )
    named = (("--port", ports.web), ("--sandbox-port", ports.sandbox), ("--smtp-port", ports.smtp))
    # What a killed demo started is ended by its guards, which takes them a moment.
    patience = time.monotonic() + (20 if ENVIRONMENT.exists() else 0)
    for option, port in named:
        while is_taken(port) and time.monotonic() < patience:
            time.sleep(0.2)
        if is_taken(port):
            raise LaunchError(f"port {port} is taken; stop what uses it, or choose another with {option} N.")
    if len({port for _, port in named}) < len(named):
        raise LaunchError("the site, the stand-in Stripe and the mailbox need three different ports.")
    return ports


def _prepare_folders(database: servers.Server, *, reset: bool) -> None:
    if reset and not database.ours:
        raise LaunchError("--reset does not touch the database that DATABASE_URL names; empty it yourself.")
    if reset:
        if isinstance(database, servers.Postgres):
            database.erase()
        shutil.rmtree(HOME, ignore_errors=True)
        _say("Forgot the earlier demo.")
    HOME.mkdir(parents=True, exist_ok=True)
    LOGS.mkdir(parents=True, exist_ok=True)


def _launch(child: Child, running: ExitStack) -> None:
    child.log.unlink(missing_ok=True)
    running.callback(child.stop)
    _step(f"Starting {child.name}", child.start)


def _welcome(site: Site, seconds: float) -> None:
    mail = f"{site.sandbox_url}/mail/"
    lines = [
        f"\nReady after {seconds:.0f} s. Everything here is fictional and no card is ever charged.\n",
        f"  Give             {site.base_url}/give/",
        f"  More ways        {site.base_url}/ways/",
        f"  Read the mail    {mail}",
        f"  Stand-in Stripe  {site.sandbox_url}/",
        "",
        "  Pay with 4242 4242 4242 4242, any later date, any CVC; 4000 0025 0000 3155 asks for 3-D Secure,",
        "  4000 0000 0000 0002 is declined.",
        "",
        "  Sign in: open the address, type the e-mail, and read the code in the mailbox.",
    ]
    lines += [f"  {who:<16} {email:<22} {site.base_url}{path}" for who, email, path in PEOPLE]
    lines += ["", f"  Logs are in {LOGS}. Ctrl-C stops everything; 'bin/demo --reset' starts clean."]
    _say("\n".join(lines))


def _step(text: str, action: Callable[[], object]) -> None:
    began = time.monotonic()
    print(f"{text} …", end="", flush=True)
    try:
        action()
    except BaseException:
        print(flush=True)
        raise
    _say(f" {time.monotonic() - began:.1f} s")


def _stop(_number: int, _frame: FrameType | None) -> None:
    # Once is enough: what follows must not be interrupted halfway.
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    raise Stopped


def _say(text: str) -> None:
    try:
        print(text, flush=True)
    except OSError:
        # The terminal is gone; that must not keep us from stopping what we started.
        sys.stdout = Path(os.devnull).open("w")  # noqa: SIM115 - open until we end


if __name__ == "__main__":
    sys.exit(main())
