"""Every number is explained, and whoever changes a paper past the triggers is found."""

import pytest
from django.db import connection

from donations.models import Difference, Receipt
from donations.receipts import gaps, issue, replace, void
from donations.rules import chain
from nonprofit import clock
from tests import builders
from tests.donations import mailbag
from tests.donations.test_replace import refund


def tamper(statement: str) -> None:
    """As somebody who owns the database could."""
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE donations_receipt DISABLE TRIGGER ALL")
        cursor.execute(statement)
        cursor.execute("ALTER TABLE donations_receipt ENABLE TRIGGER ALL")


@pytest.fixture
def book(transactional_db: None) -> str:
    """Five numbers: two issued, one replaced by another, one void, and one that is being made. And a letter's."""
    gifts = [builders.receipted_gift(amount_minor=10_000 + n, donor_email=f"d{n}@example.org") for n in range(3)]
    refund(gifts[0], 4000)
    replace.replace(gifts[0].pk, reason="refund", actor="stripe")
    gifts[0].refresh_from_db()
    builders.drawn(gifts[0].paper.pk)
    void.void(gifts[1].pk, reason="other", actor="staff:1")
    mailbag.receipted(mailbag.record("services"))
    builders.booked_gift(donor_email="draft@example.org")
    issue.issue_due()
    return f"R-{clock.today().year}"


def the_book(name: str) -> gaps.Book:
    return next(one for one in gaps.books() if one.name == name)


def test_every_integer_is_explained(book: str) -> None:
    found = the_book(book)
    assert (found.last, found.issued, found.draft, found.void, found.replaced) == (5, 2, 1, 1, 1)
    assert found.is_whole
    assert {one.name for one in gaps.books()} == {book, book.replace("R", "L")}
    assert all(gaps.check_chain(one.series, one.year) is None for one in gaps.books())
    assert (gaps.look(), gaps.look_at_chains(), Difference.objects.count()) == (0, 0, 0)
    states = {one.sequence: one.state for one in Receipt.objects.filter(series="R").with_state()}
    assert states == {one.sequence: one.state for one in Receipt.objects.filter(series="R")}
    assert sorted(states.values()) == ["draft", "issued", "issued", "replaced", "void"]


def test_a_paper_taken_away_is_missed_once_and_gone_when_it_is_back(book: str) -> None:
    last = Receipt.objects.filter(series="R").order_by("-sequence").first()
    assert last is not None
    tamper(f"DELETE FROM donations_receiptpdf WHERE receipt_id = {last.pk}") if hasattr(last, "pdf") else None
    tamper(f"UPDATE donations_gift SET receipt_id = NULL WHERE receipt_id = {last.pk}")
    tamper(f"DELETE FROM donations_receipt WHERE id = {last.pk}")
    assert the_book(book).missing == (last.number,)
    for _ in range(2):
        assert gaps.look() == 1
    difference = Difference.objects.get()
    assert (difference.key, difference.kind, difference.day) == (
        f"number:{last.number}",
        "number_unexplained",
        clock.today(),
    )
    broken = gaps.check_chain("R", last.year)
    assert broken is not None
    assert (broken.number, broken.why) == (last.number, "the book ends elsewhere than its last paper")
    last.save(force_insert=True)
    assert gaps.look() == 0
    difference.refresh_from_db()
    assert difference.gone_at is not None


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ("snapshot = jsonb_set(snapshot, '{gift,amount_minor}', '999999')", "its facts are not those"),
        ("chain = repeat('0', 64)", "it does not follow"),
        ("code = 'AAAA-BBBB-CCCC'", "its facts are not those"),
        ("number = 'R-1999-000001'", "it prints another number"),
    ],
)
def test_a_paper_changed_past_the_triggers_is_named(book: str, change: str, why: str) -> None:
    second = Receipt.objects.get(series="R", sequence=2)
    number = "R-1999-000001" if change.startswith("number") else second.number
    tamper(f"UPDATE donations_receipt SET {change} WHERE id = {second.pk}")
    broken = gaps.check_chain("R", second.year)
    assert broken is not None
    assert broken.number == number
    assert broken.why.startswith(why)
    assert gaps.look_at_chains() == 1
    assert number in Difference.objects.get(key__startswith=f"chain:{number}:").about


def test_one_who_forges_code_and_chain_of_a_paper_is_found_at_the_next(book: str) -> None:
    second = Receipt.objects.get(series="R", sequence=2)
    first = Receipt.objects.get(series="R", sequence=1)
    forged = second.snapshot | {"thanks": "Thanks a million"}
    code, link = chain.code(forged), chain.link(first.chain, forged)
    tamper(
        'UPDATE donations_receipt SET snapshot = snapshot || \'{"thanks": "Thanks a million"}\', '
        f"code = '{code}', chain = '{link}' WHERE id = {second.pk}"
    )
    broken = gaps.check_chain("R", second.year)
    assert broken is not None
    assert broken.number.endswith("000003")


def test_a_paper_slipped_in_behind_the_last_number_is_found(book: str) -> None:
    last = Receipt.objects.filter(series="R").order_by("-sequence")[0]
    tamper(f"UPDATE donations_receipt SET sequence = 77 WHERE id = {last.pk}")
    found = the_book(book)
    assert (found.beyond, found.missing) == (1, (last.number,))
    assert gaps.look() == 2


def test_a_paper_numbered_while_the_chain_is_read_breaks_nothing(book: str, monkeypatch: pytest.MonkeyPatch) -> None:
    link = chain.link

    def slow(previous: str, snapshot: dict[str, object]) -> str:
        if not previous:
            monkeypatch.setattr(chain, "link", link)
            builders.booked_gift(donor_email="meanwhile@example.org")
            issue.issue_due()
        return link(previous, snapshot)

    monkeypatch.setattr(chain, "link", slow)
    assert gaps.check_chain("R", clock.today().year) is None
    assert the_book(book).last == 6


def test_one_break_that_was_explained_does_not_hide_another(book: str) -> None:
    tamper("UPDATE donations_receipt SET code = 'AAAA-BBBB-CCCC' WHERE series = 'R' AND sequence = 4")
    assert gaps.look_at_chains() == 1
    Difference.objects.update(explanation="A drill.")
    tamper("UPDATE donations_receipt SET code = 'AAAA-BBBB-CCCC' WHERE series = 'R' AND sequence = 2")
    assert gaps.look_at_chains() == 1
    assert (
        Difference.objects.filter(explanation="", gone_at__isnull=True).get().about.startswith(f"the chain of {book}")
    )
