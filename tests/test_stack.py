"""The ground the browser and fault tests stand on: a stack that forgets, and whose parts come back."""

import re
import urllib.request

import psycopg
import pytest
from django.contrib.auth.models import Group, Permission
from django.db import connection
from playwright.sync_api import Page

from sandbox.launch_site import fetches
from tests.databases import LARGE
from tests.stack import Stack
from tests.watch import Watch

# The migrations' groups of staff, and the first number that a test's own group was given.
GROUPS = 4
FIRST: set[int] = set()


@pytest.mark.parametrize("turn", [1, 2])
def test_each_test_finds_the_stack_as_the_migrations_left_it(stack: Stack, turn: int) -> None:
    assert not Group.objects.filter(name="left by the other turn").exists()
    assert Permission.objects.exists(), "what the migrations put in is still there"
    Group.objects.create(name="left by the other turn")


@pytest.mark.parametrize("turn", [1, 2])
@pytest.mark.django_db(transaction=True)
def test_a_committed_database_is_new_for_each_test(turn: int) -> None:
    Group.objects.create(name="committed")
    with psycopg.connect(**connection.get_connection_params() | {"cursor_factory": psycopg.Cursor}) as other:
        seen = other.execute("SELECT count(*) FROM auth_group WHERE name = 'committed'").fetchone()
    assert seen == (1,)


@pytest.mark.parametrize("turn", [1, 2])
@pytest.mark.django_db(transaction=True)
def test_a_committed_database_forgets_many_rows_too(turn: int) -> None:
    # More than a table may grow to before it is emptied as a whole, with all that refers to it.
    assert Group.objects.count() == GROUPS
    first = Group.objects.create(name="first").pk
    Group.objects.bulk_create(Group(name=f"{number:0150}") for number in range(20_000))
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_relation_size('auth_group')")
        assert cursor.fetchone()[0] > LARGE
    assert Permission.objects.filter(group__name="Finance").exists()
    FIRST.add(first)
    assert len(FIRST) == 1, "the numbers begin anew"


def test_killed_parts_are_back_after_a_start(stack: Stack) -> None:
    for part in (stack.web, stack.worker, stack.sandbox, stack.database, stack.broker):
        part.kill()
        assert not part.running
    assert not fetches(stack.site.ports.web, "/health/live")
    for part in (stack.database, stack.broker, stack.sandbox, stack.web, stack.worker):
        part.start()
        assert part.running
    connection.close()
    assert Permission.objects.exists()
    with urllib.request.urlopen(f"{stack.url}/health/ready") as answer:
        assert answer.read() == b'{"database": "ok", "redis": "ok"}'


def test_whatever_a_test_stopped_is_up_for_the_next(stack: Stack) -> None:
    stack.worker.stop()
    stack.broker.pause()
    stack.reset()
    assert stack.worker.running
    assert stack.broker.running


@pytest.mark.browser
def test_what_a_page_does_unexpectedly_is_found(page: Page, stack: Stack, watch: Watch) -> None:
    # A page without an icon makes Chromium ask for one; what that answers is not this test's matter.
    watch.allow("Failed to load resource")
    page.goto("/health/live")
    page.evaluate("console.warn('a word to the wise')")
    page.evaluate("fetch('http://127.0.0.1:9/').catch(() => {})")
    page.goto("about:blank")
    page.evaluate("fetch('http://127.0.0.1:9/').catch(() => {})")
    page.evaluate("setTimeout(() => { throw new Error('nobody catches me') })")
    page.wait_for_timeout(100)
    for expected in (
        "a word to the wise",
        "Content Security Policy",
        "request to http://127.0.0.1:9/",
        "uncaught: .*nobody catches me",
    ):
        assert any(re.search(expected, text) for text in watch.unexpected()), expected
        watch.allow(expected)
    assert watch.unexpected() == []
