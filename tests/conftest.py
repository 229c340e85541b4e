"""Starts the servers before Django's settings are read, and gives tests databases, a whole stack and a browser."""

import importlib
import os
import re
import sys
from collections.abc import Callable, Generator, Iterator
from pathlib import Path

import django
import hypothesis
import pytest
from django.conf import settings
from django.db import connection
from playwright.sync_api import Browser, Page, expect, sync_playwright
from pytest_django import DjangoDbBlocker

from sandbox import servers
from sandbox.launch import InUse
from sandbox.launch_site import STATE, Keys, Ports, Site
from sandbox.options import Options
from sandbox.server import Sandbox
from sandbox.servers import Server
from tests import chromium, databases, shards
from tests.stack import DATABASE as STACK_DATABASE
from tests.stack import Stack
from tests.watch import Watch

PRISTINE = "more_ways_pristine"
# A slow machine is no finding: only what is wrong fails.
hypothesis.settings.register_profile("suite", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow])
hypothesis.settings.load_profile("suite")
COMMITTED = "more_ways_committed"


def _take_servers() -> tuple[Server, Server, Path]:
    """Servers of this run alone. Their folders are kept for the next run, which then starts faster."""
    for number in range(1, 20):
        home = STATE / f"test-{number}"
        database = servers.postgres(home / "postgres", log=home / "log/postgres.log")
        broker = servers.valkey(home / "valkey", log=home / "log/valkey.log")
        try:
            database.start()
            broker.start()
        except InUse:
            database.stop()
            continue
        except BaseException:
            database.stop()
            raise
        if database.ours:
            databases.drop_leftovers(database)
        return database, broker, home / "log"
    raise InUse("nineteen test runs are going on in this checkout.")


# Here and not in a hook: settings are read at the first import of a model, which other conftests may do on import.
if not shards.ONLY_HANDS_OUT:
    DATABASE, BROKER, LOGS = _take_servers()
    SITE = Site(Ports.free(), Keys.new(), DATABASE.url("more_ways" if DATABASE.ours else ""), BROKER.url(), LOGS)
    os.environ.update(SITE.settings())
    SITE.collect_static()
    django.setup()
    # Every test client is a site of its own, and would look through all static files for its first request.
    settings.WHITENOISE_AUTOREFRESH = True


def pytest_configure(config: pytest.Config) -> None:
    """Our own order and last line."""
    config.pluginmanager.register(shards)


def pytest_unconfigure() -> None:
    """Nothing of ours is left running."""
    if not shards.ONLY_HANDS_OUT:
        BROKER.stop()
        DATABASE.stop()


# --- databases ------------------------------------------------------------------------------------------------


@pytest.fixture(scope="session")
def django_db_modify_db_settings(django_db_modify_db_settings_parallel_suffix: None) -> None:
    """The test database begins as a copy of the migrated one that an earlier run has kept."""
    if DATABASE.ours and databases.exists(DATABASE, databases.migrated()):
        connection.settings_dict["TEST"]["TEMPLATE"] = databases.migrated()


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> None:
    """pytest-django's, and the migrated database is kept for the next run."""
    if DATABASE.ours and not databases.exists(DATABASE, databases.migrated()):
        with django_db_blocker.unblock():
            test_database = str(connection.settings_dict["NAME"])
            connection.close()
            databases.clone(DATABASE, databases.migrated(), test_database)


@pytest.fixture(scope="session")
def pristine(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> str:
    """The name of a migrated database that nobody connects to, for making others from."""
    with django_db_blocker.unblock():
        migrated = str(connection.settings_dict["NAME"])
        # PostgreSQL copies only a database without sessions. No test has begun one yet: this is a session's fixture.
        connection.close()
        databases.clone(DATABASE, PRISTINE, migrated)
    return PRISTINE


@pytest.fixture(scope="session")
def _committed(pristine: str) -> databases.Snapshot:
    """The database in which commits are real, as the migrations left it."""
    databases.clone(DATABASE, COMMITTED, pristine)
    snapshot = databases.Snapshot(DATABASE.url(COMMITTED))
    snapshot.take()
    return snapshot


@pytest.fixture
def committed_db(_committed: databases.Snapshot, django_db_blocker: DjangoDbBlocker) -> Iterator[None]:
    """A database where commits are real, for threads and crashes; what this test wrote is gone afterwards.

    `@pytest.mark.django_db(transaction=True)` and `transactional_db` mean this too. Django's own way would empty every
    table after each test, which the ledger's triggers refuse and which would lose what the migrations put in.
    """
    with _using(COMMITTED, django_db_blocker):
        yield
    databases.end_sessions(DATABASE, COMMITTED)
    _committed.put_back()


@pytest.fixture
def transactional_db(committed_db: None) -> None:
    """pytest-django's name for `committed_db`."""


@pytest.fixture
def db(request: pytest.FixtureRequest) -> None:
    """A database whose changes are rolled back, unless the test asks in any way for one where commits are real."""
    marker = request.node.get_closest_marker("django_db")
    if "stack" in request.fixturenames:
        request.getfixturevalue("stack")
    elif (marker and marker.kwargs.get("transaction")) or "committed_db" in request.fixturenames:
        request.getfixturevalue("committed_db")
    else:
        request.getfixturevalue("_django_db_helper")


@pytest.fixture(autouse=True)
def _django_db_marker(request: pytest.FixtureRequest) -> None:
    """In pytest-django's place, so that the marker means our `db`."""
    if request.node.get_closest_marker("django_db"):
        request.getfixturevalue("db")


@pytest.fixture(autouse=True)
def _pages_of_this_test_alone() -> None:
    """Parts of pages are kept by their content's version, which another test's rows may have had."""
    importlib.import_module("donations.pages").forget()


class _using:
    """Django speaks to the database of this name meanwhile, in every thread."""

    def __init__(self, name: str, blocker: DjangoDbBlocker) -> None:
        self._name = name
        self._before = ""
        self._blocking = blocker.unblock()

    def __enter__(self) -> None:
        self._blocking.__enter__()
        connection.close()
        self._before = connection.settings_dict["NAME"]
        connection.settings_dict["NAME"] = self._name

    def __exit__(self, *_error: object) -> None:
        connection.close()
        connection.settings_dict["NAME"] = self._before
        self._blocking.__exit__(None, None, None)


# --- the stand-in Stripe ----------------------------------------------------------------------------------------


@pytest.fixture(scope="session")
def _sandbox_process() -> Iterator[Sandbox]:
    keys = SITE.keys
    options = Options(
        http_port=SITE.ports.sandbox,
        smtp_port=SITE.ports.smtp,
        secret_key=keys.stripe_secret,
        publishable_key=keys.stripe_publishable,
        webhook_secret=keys.webhook_secret,
    )
    with Sandbox(options) as sandbox:
        yield sandbox


@pytest.fixture
def stripe_sandbox(_sandbox_process: Sandbox) -> Sandbox:
    """An empty stand-in Stripe in this process, at the address the settings name; it sends no webhooks by itself."""
    _sandbox_process.reset()
    return _sandbox_process


# --- the whole stack --------------------------------------------------------------------------------------------


@pytest.fixture(scope="session")
def _stack_processes(pristine: str) -> Iterator[Stack]:
    databases.clone(DATABASE, STACK_DATABASE, pristine)
    stack = Stack(DATABASE, BROKER, SITE.keys, LOGS)
    try:
        stack.start()
        yield stack
    finally:
        stack.stop()


@pytest.fixture
def stack(_stack_processes: Stack, django_db_blocker: DjangoDbBlocker) -> Iterator[Stack]:
    """Web server, worker and stand-in Stripe, up and empty; this test's own queries go to their database."""
    _stack_processes.reset()
    with _using(STACK_DATABASE, django_db_blocker):
        yield _stack_processes


# --- the browser ------------------------------------------------------------------------------------------------

OpenPage = Callable[..., Page]


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """A real Chromium. In CI its absence is a failure; elsewhere the browser tests are skipped, and say so."""
    program = chromium.find()
    if program is None:
        if os.environ.get("CI") == "true":
            pytest.fail(chromium.MISSING)
        pytest.skip(chromium.MISSING)
    # Playwright keeps an event loop in this thread, which Django takes for an async program. It is none.
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"
    with sync_playwright() as playwright:
        # Waited for only where it does not come; a busy machine is no failure.
        expect.set_options(timeout=15_000)
        started = playwright.chromium.launch(executable_path=program, args=chromium.arguments())
        yield started
        started.close()


@pytest.fixture
def watch(stack: Stack) -> Watch:
    """What this test's pages may do; `watch.allow(pattern)` expects a console message."""
    return Watch((stack.url, stack.sandbox_url))


@pytest.fixture
def open_page(browser: Browser, stack: Stack, watch: Watch, request: pytest.FixtureRequest) -> Iterator[OpenPage]:
    """`open_page(**context_options)` is a new visitor's page: viewport, color_scheme, java_script_enabled …"""
    contexts = []

    def opened(**options: object) -> Page:
        # A button that a smooth scroll still carries along is pressed beside itself: a press takes no time here.
        calm = {"reduced_motion": "reduce", **options}
        context = browser.new_context(base_url=stack.url, **calm)  # type: ignore[arg-type]
        context.set_default_timeout(10_000)
        watch.over(context)
        contexts.append(context)
        return context.new_page()

    yield opened
    failed = request.node.stash.get(FAILED, False)
    for context in contexts:
        if failed:
            _keep_pictures(context.pages, request.node.name)
        context.close()
    assert not watch.unexpected(), "the browser did what nobody expected:\n" + "\n".join(watch.unexpected())


@pytest.fixture
def page(open_page: OpenPage) -> Page:
    """A new visitor on a wide screen."""
    return open_page(viewport={"width": 1280, "height": 900})


FAILED = pytest.StashKey[bool]()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """A failed browser test leaves a picture of what it saw in the state folder."""
    report = yield
    if report.when == "call":
        item.stash[FAILED] = report.failed
    return report


def _keep_pictures(pages: list[Page], name: str) -> None:
    folder = STATE / "failures"
    folder.mkdir(parents=True, exist_ok=True)
    for number, page in enumerate(pages):
        path = folder / f"{re.sub(r'[^a-zA-Z0-9_.-]', '_', name)}-{number}.png"
        page.screenshot(path=path, full_page=True)
        sys.stdout.write(f"What the browser showed: {path}\n")
