"""The January run over everybody, with the worker killed three times while the mail server is away."""

import os
import time
from contextlib import suppress
from datetime import date

import pytest
from django.db.models import Count, Sum

from donations.models import AnnualStatement, LedgerEntry, Receipt, ReceiptBook, ReceiptPdf, StatementDue, StatementRun
from donations.receipts import statement_runs
from nonprofit.models import OutgoingEmail
from tests import crowd
from tests.faults import books
from tests.stack import Stack

# Statements are numbered a hundred at a time: so many that each kill comes in the midst of that. SUPPORTERS=20000 tries
# it at the size of a large newsroom.
SUPPORTERS = int(os.environ.get("SUPPORTERS", "600"))
# The worker is killed when so many papers are made: while statements are numbered, in the middle, and near the end.
KILLED_AT = (SUPPORTERS // 100, SUPPORTERS * 2 // 5, SUPPORTERS * 3 // 4)


def made() -> int:
    return ReceiptPdf.objects.filter(receipt__series="S").count()


def clock_strikes(stack: Stack) -> None:
    """A while goes by: what the dead left behind is found."""
    books.time_passes()
    for task in ("donations.tasks.sweep_statements", "donations.tasks.sweep_receipts"):
        books.run(stack, task)


def work(stack: Stack, count: int) -> None:
    """The worker makes so many papers; whenever it has nothing to do, the clock strikes."""
    deadline = time.monotonic() + max(600, SUPPORTERS // 5)
    while made() < count:
        assert time.monotonic() < deadline, f"{made()} of {count} papers"
        # A worker that is busy is left to it.
        with suppress(TimeoutError):
            stack.wait_until_idle(2)
            clock_strikes(stack)


@pytest.mark.slow
@pytest.mark.django_db
def test_killed_three_times_everybody_has_one_statement_and_one_letter(stack: Stack) -> None:
    # Letters are counted in the outbox: sending twenty thousand is another test's matter.
    stack.sandbox.stop()
    people = crowd.come(SUPPORTERS)
    run = statement_runs.plan(crowd.YEAR, not_before=date(crowd.YEAR + 1, 1, 15), actor="staff:1")
    books.run(stack, "donations.tasks.sweep_statements")
    books.wait(lambda: StatementRun.objects.get().state == "counted", 240, what="counted")
    run.refresh_from_db()
    assert (run.counts["statements"], run.counts["email"]) == (SUPPORTERS, SUPPORTERS)
    assert run.counts["sums"] == [["cash", "usd", people.kept_minor, people.kept_minor]]

    statement_runs.start(run.pk, "staff:1")
    for count in KILLED_AT:
        work(stack, count)
        stack.worker.kill()
        assert made() < SUPPORTERS
        assert count > KILLED_AT[0] or StatementDue.objects.exists(), "all were numbered before the first kill"
        # A killed worker takes the messages it held with it.
        books.forget_messages(stack)
        stack.worker.start()
    work(stack, SUPPORTERS)
    statement_runs.sweep()

    run.refresh_from_db()
    assert run.state == "done"
    assert StatementDue.objects.count() == 0
    assert_one_each()
    assert_the_ledger_says_the_same(people)


def assert_one_each() -> None:
    """Each supporter has one statement, each statement one number, one PDF and one letter, to that supporter."""
    statements = AnnualStatement.objects.values("donor").annotate(count=Count("pk"))
    assert statements.count() == SUPPORTERS
    assert not statements.exclude(count=1).exists()
    assert ReceiptBook.objects.get(series="S").last_number == SUPPORTERS
    numbers = Receipt.objects.filter(series="S").order_by("sequence").values_list("sequence", flat=True)
    assert list(numbers) == list(range(1, SUPPORTERS + 1))
    letters = OutgoingEmail.objects.filter(template="statement")
    assert letters.count() == SUPPORTERS
    assert letters.values("to").distinct().count() == SUPPORTERS
    carried = ReceiptPdf.objects.filter(receipt__series="S")
    assert carried.values("email").distinct().count() == SUPPORTERS
    for pdf in carried.select_related("receipt__statement__donor", "email")[:: SUPPORTERS // 50]:
        assert pdf.email is not None
        assert pdf.email.key == pdf.receipt.mail_key
        assert pdf.email.to == pdf.receipt.statement.donor.email


def assert_the_ledger_says_the_same(people: crowd.Crowd) -> None:
    """To the cent, in all and for each supporter."""
    cash = AnnualStatement.objects.aggregate(sum=Sum("cash_minor"))["sum"]
    assert cash == people.kept_minor
    booked = LedgerEntry.objects.filter(kind__in=["gift", "refund"]).values("donor").annotate(sum=Sum("amount_minor"))
    told = dict(AnnualStatement.objects.values_list("donor", "cash_minor"))
    assert told == dict(booked.values_list("donor", "sum"))
