"""Fixtures for tests whose rows are committed for real, so that threads and second connections see them."""

from collections.abc import Iterator

import pytest
from django.db import connection


@pytest.fixture(autouse=True)
def triggers_on(django_db_blocker: pytest.FixtureRequest) -> Iterator[None]:
    """Whatever a test before switched off to clean up after itself is on again."""
    yield
    if connection.connection is not None and not connection.connection.closed:
        with django_db_blocker.unblock(), connection.cursor() as cursor:  # type: ignore[attr-defined]
            cursor.execute("RESET session_replication_role")


@pytest.fixture
def committed(transactional_db: None) -> Iterator[None]:
    """Real commits. Afterwards the tables are emptied, the ones that only grow too (their triggers step aside)."""
    yield
    with connection.cursor() as cursor:
        cursor.execute("SET session_replication_role = replica")
