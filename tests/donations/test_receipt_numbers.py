"""Receipt numbers: in blocks, without a gap or a double, whoever crashes."""

import inspect
import random
import threading

import pytest
import time_machine
from django.db import transaction

from donations import gifts
from donations.models import Gift, LedgerEntry, Receipt, ReceiptBook, ReceiptDue
from donations.receipts import issue
from donations.rules import chain
from tests import builders
from tests.donations.test_settle import at_once, paid


def numbers() -> list[int]:
    return sorted(Receipt.objects.values_list("sequence", flat=True))


def test_numbering_twice_gives_each_gift_one_receipt(transactional_db: None) -> None:
    for n in range(5):
        issue.make_due(builders.settled_gift(amount_minor=1000 + n))
    first = issue.issue_due(3)
    second = issue.issue_due(3)
    assert (len(first), len(second), issue.issue_due(3)) == (3, 2, [])
    assert numbers() == [1, 2, 3, 4, 5]
    receipt = Receipt.objects.order_by("sequence").first()
    assert receipt is not None
    assert receipt.number == f"R-{receipt.year}-000001"
    assert receipt.snapshot["number"] == receipt.number
    assert receipt.snapshot["gift"]["amount_minor"] == receipt.its_gift.amount_minor


def test_the_issue_year_is_the_organisations_year(transactional_db: None) -> None:
    issue.make_due(builders.settled_gift())
    with time_machine.travel("2027-01-01T04:59:00+00:00", tick=False):
        ReceiptDue.objects.update(due_at="2026-12-31T00:00:00+00:00")
        issue.issue_due()
    issue.make_due(builders.settled_gift())
    with time_machine.travel("2027-01-01T05:01:00+00:00", tick=False):
        ReceiptDue.objects.update(due_at="2026-12-31T00:00:00+00:00")
        issue.issue_due()
    assert list(Receipt.objects.order_by("pk").values_list("number", flat=True)) == ["R-2026-000001", "R-2027-000001"]


@pytest.mark.django_db
def test_what_a_block_gives_back_is_what_it_stored() -> None:
    names = ['=1+1 "%s" {}', "tab\tand\nnewline\\", "\u202eright to left", "\U0001f4f0 O’Hara", "$1 %(now)s"]
    gifts_of = [builders.settled_gift(donor_name=name) for name in names]
    old = issue.number("R", [issue.Draft({"name": "first", "none": None, "yes": True}, gifts_of[0].pk)])[0]
    made = issue.number(
        "R",
        [issue.Draft({"name": gift.donor_name}, gift.pk, old.pk if gift == gifts_of[0] else None) for gift in gifts_of],
    )

    stored = list(Receipt.objects.order_by("sequence"))
    assert [one.snapshot.get("name") for one in stored] == ["first", *names]
    columns = [field.attname for field in Receipt._meta.concrete_fields]
    for mine, theirs in zip([old, *made], stored, strict=True):
        assert [getattr(mine, name) for name in columns] == [getattr(theirs, name) for name in columns]
        assert not mine._state.adding
    last = ""
    for one in stored:
        last = chain.link(last, one.snapshot)
        assert (one.chain, one.code) == (last, chain.code(one.snapshot))
    assert ReceiptBook.objects.get().last_chain == last


def test_sixty_gifts_settled_at_once_with_twenty_crashing_leave_no_gap_and_no_double(transactional_db: None) -> None:
    started = [builders.pending_gift(payment_intent_id=f"pi_{n}", donor_email=f"p{n}@example.org") for n in range(60)]
    crashing = set(random.Random(7).sample(range(60), 20))
    killed = threading.Semaphore(0)

    class Killed(Exception):
        pass

    def settle_and_number(n: int, *, may_crash: bool) -> None:
        with transaction.atomic():
            gifts.settle(started[n].pk, paid(started[n], charge_id=f"ch_{n}"))
            if may_crash and n in crashing:
                killed.release()
                raise Killed
        if n % 3 == 0:
            issue.issue_due(limit=7)

    errors = at_once(60, lambda n: settle_and_number(n, may_crash=True))
    assert len(errors) == 20
    assert all(isinstance(error, Killed) for error in errors)
    assert Gift.objects.settled().count() == 40

    # The crashed ones come again, as the inbox brings them, while several workers number.
    again = sorted(crashing)
    assert at_once(20, lambda n: settle_and_number(again[n], may_crash=False)) == []
    at_once(4, lambda _: number_until_done())

    assert Gift.objects.settled().count() == 60
    assert numbers() == list(range(1, 61))
    assert ReceiptBook.objects.get().last_number == 60
    assert Receipt.objects.values("gift").distinct().count() == 60
    assert LedgerEntry.objects.filter(kind="gift").count() == LedgerEntry.objects.filter(kind="fee").count() == 60
    assert ReceiptDue.objects.count() == 0


def number_until_done() -> None:
    while issue.issue_due(limit=7):
        pass


def test_a_worker_killed_before_commit_gives_its_numbers_back(transactional_db: None) -> None:
    for n in range(6):
        issue.make_due(builders.settled_gift(amount_minor=1000 + n))

    class Killed(Exception):
        pass

    def number_and_die() -> None:
        with transaction.atomic():
            # Without its own outermost transaction, so that ours around it can be the one that dies.
            inspect.unwrap(issue.issue_due)(4)
            raise Killed

    with pytest.raises(Killed):
        number_and_die()
    assert Receipt.objects.count() == 0
    assert len(issue.issue_due(6)) == 6
    assert numbers() == [1, 2, 3, 4, 5, 6]
