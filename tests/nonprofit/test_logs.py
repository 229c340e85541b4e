"""Logs carry ids: what an exception quotes of a person is withheld, where it happened is not."""

import json
import logging
import time
from typing import Any

import pytest
from celery import Celery
from celery.app.trace import build_tracer
from django.db import DatabaseError, IntegrityError, connection, transaction

from donations.models import Donor
from tests import builders


def logged(message: str, error: Exception | None = None) -> dict[str, Any]:
    """The line as the configured handler writes it."""
    trace = (type(error), error, error.__traceback__) if error else None
    record = logging.getLogger("donations.gifts").makeRecord(
        "donations.gifts", logging.ERROR, __file__, 1, message, (), trace, extra={"gift": 7}
    )
    return _formatted(record)


def _formatted(record: logging.LogRecord) -> dict[str, Any]:
    (handler,) = (one for one in logging.getLogger().handlers if type(one) is logging.StreamHandler)
    line: dict[str, Any] = json.loads(handler.format(record))
    return line


@pytest.mark.django_db
def test_a_row_that_the_database_refuses_is_not_quoted() -> None:
    donor = builders.donor(name="Ana Torres\n\nand Luis Ortega", email="ana@example.org")
    with pytest.raises(IntegrityError, match="Ana Torres") as caught, transaction.atomic():
        Donor.objects.filter(pk=donor.pk).update(kind=None)
    line = logged("not booked", caught.value)
    # The lines of this file are in the traceback; what was in the row is not.
    said = line["exception"].replace('match="Ana Torres"', "")
    assert not any(word in said for word in ("Ana", "Torres", "Luis", "example.org", "DETAIL"))
    assert "violates not-null constraint" in said
    assert "test_logs.py" in said
    assert (line["gift"], line["level"], line["event"]) == (7, "error", "not booked")


@pytest.mark.django_db
def test_a_statement_that_is_no_sql_is_not_quoted_and_the_next_exception_is_told() -> None:
    refused = "<ana@example.org> was refused: 550 'luis.o@mail.example.org'"
    with pytest.raises(DatabaseError) as caught, transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT nothing_like_it FROM donations_donor WHERE name = %s", ["Ana Torres"])
    assert "WHERE name = 'An" in str(caught.value)
    outer = ValueError(refused)
    outer.__cause__ = caught.value
    said = logged("not sent", outer)["exception"]
    assert not any(word in said for word in ("= 'An", "ana@", "luis.o", "LINE 1"))
    assert 'column "nothing_like_it" does not exist' in said
    assert "ValueError: <[address]> was refused: 550 '[address]'" in said


@pytest.mark.django_db
def test_a_task_that_failed_is_told_by_celery_without_the_row(caplog: pytest.LogCaptureFixture) -> None:
    donor = builders.donor(name="Ana Torres", email="ana@example.org")

    def fail(address: str) -> None:
        Donor.objects.filter(pk=donor.pk).update(kind=None)

    # An application of its own: ours keeps no task of a test.
    app = Celery("logs", set_as_current=False)
    task = app.task(lazy=False)(fail)
    with transaction.atomic():
        build_tracer(task.name, task, app=app)("an-id", ("ana@example.org",), {}, {"id": "an-id"})
        transaction.set_rollback(True)
    (record,) = (one for one in caplog.records if one.name == "celery.app.trace")
    line = _formatted(record)
    assert "raised unexpected: IntegrityError" in line["event"]
    assert "violates not-null constraint" in line["exception"]
    told = json.dumps(line).replace("Ana Torres\\", "")
    assert not any(word in told for word in ("Torres", "ana@example", "Failing row"))


def test_other_lines_are_left_and_a_long_token_costs_little() -> None:
    assert logged("celery@one.example.org ready.")["event"] == "celery@one.example.org ready."
    began = time.process_time()
    logged("long", ValueError("a" * 200_000 + "@" + "b" * 200_000))
    assert time.process_time() - began < 5
