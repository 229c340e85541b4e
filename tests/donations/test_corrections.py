"""A wrong supporter, name or date under a paper: the fact and the paper change together, and nothing else does."""

from datetime import date, timedelta
from typing import Any

import pytest
from django.db import transaction

from donations import corrections
from donations.corrections import CannotCorrect, Correction
from donations.models import Donor, Gift, LedgerEntry, Month, Receipt, ReceiptDue, ReceiptEvent, ReceiptVoid
from donations.receipts import deliver, taken_back
from nonprofit import audit, clock
from nonprofit.models import AuditEntry, OutgoingEmail
from tests import builders
from tests.donations import mailbag
from tests.donations.test_replace import numbers, sent
from tests.donations.test_settle import at_once


def bob() -> Donor:
    return builders.donor(
        name="Bob Lind",
        email="bob@example.org",
        address_line1="3 Oak Road",
        city="Salem",
        region="MA",
        postal_code="01970",
    )


def check_gift(**fields: Any) -> Gift:
    """A check of Alice's, receipted, whose letter has left."""
    alice = Donor.objects.filter(email="alice@example.org").first() or builders.donor(
        name="Alice Novak", email="alice@example.org"
    )
    gift = mailbag.record("check", donor=alice, amount_minor=10_000, **fields)
    sent(mailbag.receipted(gift))
    return Gift.objects.get(pk=gift.pk)


def test_a_wrong_supporter_gets_no_paper_and_is_told_and_the_right_one_gets_it(transactional_db: None) -> None:
    gift, right = check_gift(), bob()
    old, lines = gift.paper, list(LedgerEntry.objects.values())
    voided = corrections.correct(gift.pk, Correction(donor=right, note="two Novaks"), actor="staff:1")
    assert voided is not None
    gift.refresh_from_db()
    assert (gift.donor, gift.donor_name, gift.city) == (right, "Bob Lind", "Salem")
    new = gift.paper
    assert (new.replaces, voided.receipt, voided.reason) == (old, old, "wrong_donor")
    assert new.snapshot["donor"] == {
        "id": right.public_id,
        "name": "Bob Lind",
        "address_lines": ["3 Oak Road", "Salem MA 01970"],
    }
    # Alice is told that hers was meant for somebody else; neither reads the other's name.
    told = OutgoingEmail.objects.get(key=f"replaced:{old.pk}")
    assert told.to == "alice@example.org"
    assert "It was meant for somebody else" in told.text
    builders.drawn(new.pk)
    paper = deliver.letters(new).get()
    assert paper.to == "bob@example.org"
    assert "Bob" not in told.text + told.html
    assert "Alice" not in paper.text + paper.html + str(new.snapshot)
    assert "no longer stands" not in paper.text, "Bob never had the other"
    assert ["Replaces", f"{old.number} of {old.snapshot['issued_on']}"] in new.snapshot["rows"]
    assert list(LedgerEntry.objects.values()) == lines, "the ledger is history"
    deed = AuditEntry.objects.get(action="correct gift")
    assert (deed.before["donor_id"], deed.after["donor_id"], deed.reason) == (
        str(old.its_gift.ledger_entries.values_list("donor", flat=True)[0]),
        str(right.pk),
        "two Novaks",
    )
    assert "Novak" not in str(deed.after) + str(deed.before), "the log keeps ids"


def test_a_wrong_supporter_on_paper_stands_on_the_list_of_people_to_tell(transactional_db: None) -> None:
    gift = check_gift()
    OutgoingEmail.objects.all().update(status="stopped", sent_at=None)
    ReceiptEvent.objects.create(receipt=gift.paper, kind="opened", actor="supporter")
    corrections.correct(gift.pk, Correction(donor=bob(), note="mixed up"), actor="staff:1")
    assert [void.receipt for void in taken_back.to_tell()] == [gift.paper]


def test_a_misspelled_name_stays_with_its_supporter_who_is_told_by_the_new_paper(transactional_db: None) -> None:
    gift = check_gift()
    old = gift.paper
    corrections.correct(gift.pk, Correction(name="Alice  Nowak", note="misread"), actor="staff:1")
    gift.refresh_from_db()
    assert gift.paper.snapshot["donor"]["name"] == "Alice Nowak"
    builders.drawn(gift.paper.pk)
    letter = deliver.letters(gift.paper).get()
    assert f"This replaces {old.number}" in letter.text
    assert "it was not made out to the right name" in letter.text
    assert not OutgoingEmail.objects.filter(key__startswith="replaced:").exists()
    assert not taken_back.to_tell().exists()


def test_a_date_in_a_closed_month_is_put_right_and_no_line_moves(transactional_db: None) -> None:
    day = clock.today().replace(day=1) - timedelta(days=10)
    gift = check_gift(on=day)
    Month.objects.create(
        starts_on=day.replace(day=1), state="closed", closed_by=builders.staff("Finance"), closed_at=clock.now()
    )
    lines = list(LedgerEntry.objects.values())
    right = day - timedelta(days=day.day + 3)
    corrections.correct(gift.pk, Correction(gift_on=right, note="the postmark"), actor="staff:1")
    gift.refresh_from_db()
    assert (gift.gift_on, gift.gift_date_basis, gift.detail.date_reason) == (right, "staff", "the postmark")
    assert gift.paper.snapshot["gift"]["gift_on_iso"] == right.isoformat()
    assert ReceiptVoid.objects.get().reason == "wrong_date"
    assert list(LedgerEntry.objects.values()) == lines


def test_twice_and_at_once_it_is_one_new_paper(transactional_db: None) -> None:
    gift, right = check_gift(), bob()
    correction = Correction(donor=right, note="two Novaks")
    assert at_once(6, lambda _: corrections.correct(gift.pk, correction, actor="staff:1")) == []
    first = corrections.correct(gift.pk, correction, actor="staff:1")
    assert [why for _, why in numbers(gift)] == ["wrong_donor", ""]
    assert first == ReceiptVoid.objects.get()
    assert AuditEntry.objects.filter(action="correct gift").count() == 1
    assert OutgoingEmail.objects.filter(key__startswith="replaced:").count() == 1


def test_killed_before_commit_gift_and_paper_are_as_they_were(transactional_db: None) -> None:
    gift = check_gift()

    class Killed(Exception):
        pass

    def correct_and_die() -> None:
        with transaction.atomic():
            corrections.correct(gift.pk, Correction(donor=bob(), note="x"), actor="staff:1")
            raise Killed

    with pytest.raises(Killed):
        correct_and_die()
    gift.refresh_from_db()
    assert gift.donor_name == "Alice Novak"
    assert [why for _, why in numbers(gift)] == [""]


def test_what_waits_for_its_paper_is_put_right_without_any_void(transactional_db: None) -> None:
    gift = mailbag.record("check", donor=builders.donor(name="Alice Novak"))
    assert corrections.correct(gift.pk, Correction(donor=bob(), note="early enough"), actor="staff:1") is None
    assert ReceiptDue.objects.filter(gift=gift).exists()
    assert mailbag.receipted(gift).snapshot["donor"]["name"] == "Bob Lind"
    assert not OutgoingEmail.objects.filter(key__startswith="replaced:").exists()


def test_what_cannot_be_put_right_says_why_and_changes_nothing(transactional_db: None) -> None:
    me = builders.staff("Finance", email="me@example.org")
    mine = builders.donor(name="Me", email="me2@example.org", user=me)
    gift, card = check_gift(), builders.receipted_gift()
    sponsor = builders.donor(name="Trust", kind="daf_sponsor")
    gone = builders.donor(name="Old", merged_into=sponsor)
    nameless = builders.donor(name="Unknown", kind="unknown", email=None)
    ira = mailbag.record("ira", donor=builders.donor())
    before = list(Gift.objects.order_by("pk").values())
    tomorrow, someone = clock.today() + timedelta(days=1), bob()
    for one, right, words in (
        (gift, Correction(donor=someone), "in a few words"),
        (gift, Correction(note="x"), "what is true instead"),
        (gift, Correction(donor=mine, note="x"), "your own gift"),
        (gift, Correction(donor=gone, note="x"), "was merged"),
        (gift, Correction(donor=nameless, note="x"), "nameless"),
        (gift, Correction(gift_on=tomorrow, note="x"), "lies ahead"),
        (card, Correction(gift_on=date(2026, 1, 1), note="x"), "dated by its charge"),
        (ira, Correction(donor=sponsor, note="x"), "whose IRA it is"),
    ):
        with pytest.raises(CannotCorrect, match=words):
            corrections.correct(one.pk, right, actor=audit.staff(me))
    assert list(Gift.objects.order_by("pk").values()) == before
    assert not ReceiptVoid.objects.exists()
    assert not OutgoingEmail.objects.filter(key__startswith="replaced:").exists()


def test_what_will_happen_is_shown_and_nothing_is_written(transactional_db: None) -> None:
    gift = check_gift()
    counts = (Receipt.objects.count(), OutgoingEmail.objects.count(), AuditEntry.objects.count())
    shown = corrections.outlook(gift.pk, Correction(donor=bob(), note="x"), actor="staff:1")
    assert ["Given by", "Bob Lind"] in shown.facts["rows"]
    assert [letter.to for letter in shown.letters] == ["alice@example.org", "bob@example.org"]
    assert (Receipt.objects.count(), OutgoingEmail.objects.count(), AuditEntry.objects.count()) == counts
    gift.refresh_from_db()
    assert gift.donor_name == "Alice Novak"
