"""Logs carry ids: what an exception quotes of a person is withheld, where it happened is not."""

import json
import logging
from typing import Any

import pytest
from django.db import DatabaseError, IntegrityError, connection, transaction

from donations.models import Donor
from tests import builders


def logged(message: str, error: Exception | None = None) -> dict[str, Any]:
    """The line as the configured handler writes it."""
    (handler,) = (one for one in logging.getLogger().handlers if type(one) is logging.StreamHandler)
    trace = (type(error), error, error.__traceback__) if error else None
    record = logging.getLogger("donations.gifts").makeRecord(
        "donations.gifts", logging.ERROR, __file__, 1, message, (), trace, extra={"gift": 7}
    )
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


def test_celerys_own_line_with_a_traceback_is_read_like_one_and_other_lines_are_left() -> None:
    trace = "Traceback (most recent call last):\nIntegrityError: no\nDETAIL:  Key (email)=(ana@example.org) exists."
    assert logged(f"Task x raised unexpected: {trace}")["event"].endswith("IntegrityError: no\n[withheld]")
    assert logged("celery@one.example.org ready.")["event"] == "celery@one.example.org ready."
