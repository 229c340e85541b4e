"""A printer that broke off: what came out stays printed, the rest waits again, and nothing lies in two stacks."""

import pytest

from donations.models import PrintedReceipt, PrintRun, Receipt
from donations.receipts import print_run
from nonprofit.models import AuditEntry, Organization
from tests import builders
from tests.donations.test_kinds import by_kind, paper_of, recorded
from tests.donations.test_print_run import waiting_paper
from tests.donations.test_settle import at_once

HOME = {"address_line1": "12 Elm St", "city": "Boston", "region": "MA", "postal_code": "02139"}


def stack(count: int = 5) -> tuple[PrintRun, list[Receipt]]:
    """A run of letters of one page each, behind a list of one page: letter n is on page n + 2."""
    receipts = [waiting_paper(f"Donor {n:02}") for n in range(count)]
    run = print_run.make("staff:1")
    assert run is not None
    return run, receipts


def live() -> list[int]:
    return sorted(PrintedReceipt.objects.all().live().values_list("receipt", flat=True))


def test_after_the_last_good_page_letters_wait_again(transactional_db: None) -> None:
    run, receipts = stack()
    before = bytes(run.file.content)
    for _ in range(2):
        broken = print_run.cancel(run.pk, last_good_page=4, actor="staff:1")
        assert broken.last_good_page == 4
    assert live() == [one.pk for one in receipts[:3]], "pages 2 to 4 came out"
    assert [sheet.receipt for sheet in print_run.waiting().sheets] == receipts[3:]
    again = print_run.make("staff:1")
    assert again is not None
    assert [one.receipt for one in again.receipts.all()] == receipts[3:]
    assert live() == sorted(one.pk for one in receipts), "each in one stack that counts"
    assert bytes(PrintRun.objects.get(pk=run.pk).file.content) == before
    deed = AuditEntry.objects.get(action="break off print run")
    assert deed.after == {"last good page": 4, "wait again": 2}
    # What came out can be mailed.
    print_run.mark_mailed(run.pk, "staff:1")
    assert PrintedReceipt.objects.all().mailed().count() == 3


def test_nothing_came_out(transactional_db: None) -> None:
    run, receipts = stack(2)
    print_run.cancel(run.pk, last_good_page=0, actor="staff:1")
    assert live() == []
    assert len(print_run.waiting().sheets) == len(receipts)
    with pytest.raises(print_run.CannotMail):
        print_run.mark_mailed(run.pk, "staff:1")


def test_a_letter_broken_off_in_its_middle_is_printed_again_whole(transactional_db: None) -> None:
    first = waiting_paper("Donor 1")
    builders.organization()
    Organization.objects.update(receipt_thanks="Thank you. " * 500)
    long = paper_of(recorded(by_kind("check"), donor=builders.donor(name="Donor 2", email=None, **HOME)))
    Organization.objects.update(receipt_thanks="Thank you.")
    last = paper_of(recorded(by_kind("check"), donor=builders.donor(name="Donor 3", email=None, **HOME)))
    run = print_run.make("staff:1")
    assert run is not None
    assert list(run.receipts.values_list("receipt", "page")) == [(first.pk, 2), (long.pk, 3), (last.pk, 6)]
    print_run.cancel(run.pk, last_good_page=4, actor="staff:1")
    assert live() == [first.pk]
    assert [sheet.receipt for sheet in print_run.waiting().sheets] == [long, last]


def test_what_cannot_be_broken_off_says_why_and_stays(transactional_db: None) -> None:
    run, _ = stack(2)
    for page in (-1, 3, 99):
        with pytest.raises(print_run.CannotCancel, match="has 3 pages"):
            print_run.cancel(run.pk, last_good_page=page, actor="staff:1")
    print_run.mark_mailed(run.pk, "staff:1")
    with pytest.raises(print_run.CannotCancel, match="in the mail"):
        print_run.cancel(run.pk, last_good_page=2, actor="staff:1")
    run.refresh_from_db()
    assert run.cancelled_at is None
    assert not AuditEntry.objects.filter(action="break off print run").exists()


def test_broken_off_and_printed_again_by_several_at_once_each_lies_in_one_stack(transactional_db: None) -> None:
    run, receipts = stack(6)

    def work(n: int) -> None:
        if n < 3:
            print_run.cancel(run.pk, last_good_page=3, actor=f"staff:{n}")
        else:
            print_run.make(f"staff:{n}")

    assert at_once(8, work) == []
    print_run.make("staff:9")
    assert live() == sorted(one.pk for one in receipts)
    assert AuditEntry.objects.filter(action="break off print run").count() == 1
    assert Receipt.objects.count() == 6
