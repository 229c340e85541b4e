"""Checks that come back, entries that were wrong: what is booked, what becomes of the receipt, and who is told what."""

from typing import Any

import pytest
from django.db.models import Sum
from pytest_django.fixtures import Settings

from donations import reversals, signals
from donations.desk import returned
from donations.models import Donor, Gift, LedgerEntry, PrintedReceipt, PrintRun, Receipt, ReceiptVoid, Reversal
from donations.receipts import deliver
from nonprofit import clock, mail
from nonprofit.models import AuditEntry, OutgoingEmail, StoredFile
from tests import builders
from tests.donations import mailbag
from tests.donations.test_reversals import at_once, books

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def newsroom(settings: Settings) -> None:
    settings.REQUIRE_STAFF_MFA = False
    builders.campaign()


def sent(receipt: Receipt) -> None:
    OutgoingEmail.objects.filter(key=receipt.mail_key).update(status="sent", sent_at=clock.now())


def bounce(gift: Gift, fee: int = 1200) -> Reversal:
    return returned.bounce(gift.pk, builders.staff("Finance"), noticed_on=clock.today(), bank_fee_minor=fee, note="NSF")


def letters(gift: Gift) -> list[OutgoingEmail]:
    return list(OutgoingEmail.objects.filter(key=f"returned:{gift.pk}"))


def names_to_tell() -> list[str]:
    return [reversal.gift.donor_name for reversal in returned.to_tell()]


def assert_balanced() -> None:
    """Each gift's lines come to what its state says, and nobody is credited or charged with the bank's fee."""
    for gift in Gift.objects.exclude(donor=None):
        own = gift.ledger_entries.exclude(kind__in=["bank_fee", "fee"])
        net = own.aggregate(sum=Sum("amount_minor"))["sum"] or 0
        booked = gift.ledger_entries.filter(kind__in=["gift", "property"]).aggregate(sum=Sum("amount_minor"))["sum"]
        assert net == (0 if gift.status == "reversed" else booked or 0), gift
        assert (gift.status == "reversed") == hasattr(gift, "reversal")
        receipt = getattr(gift, "receipt", None)
        assert gift.status != "reversed" or receipt is None or hasattr(receipt, "void")
    for reversal in Reversal.objects.all():
        fees = LedgerEntry.objects.filter(gift=reversal.gift, kind="bank_fee")
        assert (fees.aggregate(sum=Sum("amount_minor"))["sum"] or 0) == -reversal.bank_fee_minor
    assert not LedgerEntry.objects.filter(kind="bank_fee", donor__isnull=False).exists()


# --- the verbs ------------------------------------------------------------------------------------------------------


def test_returned_before_the_receipt_the_supporter_is_told_and_no_receipt_comes() -> None:
    gift = mailbag.record(donor=builders.donor(name="Ana Silva", email="ana@example.org"))
    bounce(gift)
    assert books(gift) == [("bank_fee", -1200), ("gift", 5000), ("reversal", -5000)]
    assert not Receipt.objects.exists()
    (letter,) = letters(gift)
    assert (letter.to, letter.status) == ("ana@example.org", "queued")
    assert letter.subject == "Your check 1042 of $50.00 came back from the bank"
    for words in (letter.text, letter.html):
        assert "You owe us nothing" in words
        assert "no longer stands" not in words
    assert names_to_tell() == []
    assert_balanced()


def test_returned_after_the_receipt_it_is_void_and_the_letter_names_it() -> None:
    gift = mailbag.record(donor=builders.donor(name="Ana Silva", salutation="Dear Ana and Luis", email="a@example.org"))
    receipt = mailbag.receipted(gift)
    sent(receipt)
    bounce(gift)
    assert ReceiptVoid.objects.get().receipt == receipt
    assert ReceiptVoid.objects.get().reason == "nsf"
    (letter,) = letters(gift)
    assert letter.text.startswith("Dear Ana and Luis,\n")
    assert f"Receipt {receipt.number} no longer stands" in letter.text
    assert f"Receipt {receipt.number} no longer stands" in letter.html
    assert_balanced()


def test_who_had_the_receipt_by_a_later_e_mail_is_told_that_it_was_wrong() -> None:
    gift = mailbag.record(donor=builders.donor(name="Bob Hale", email=None))
    receipt = mailbag.receipted(gift)
    Donor.objects.filter(gifts=gift).update(email="bob@example.org")
    again = deliver.resend(receipt.pk, "staff:1")
    OutgoingEmail.objects.filter(pk=again.pk).update(status="sent", sent_at=clock.now())
    returned.correct(gift.pk, builders.staff("Finance"), wrong="wrong_amount", note="$50, not $500")
    assert (len(letters(gift)), names_to_tell()) == (1, [])
    OutgoingEmail.objects.filter(pk=letters(gift)[0].pk).update(status="failed")
    assert names_to_tell() == ["Bob Hale"]


def test_a_receipt_still_in_the_outbox_does_not_leave() -> None:
    gift = mailbag.record()
    receipt = mailbag.receipted(gift)
    bounce(gift)
    assert not OutgoingEmail.objects.filter(key=receipt.mail_key, status="queued").exists()
    assert len(letters(gift)) == 1


@pytest.mark.parametrize(
    ("fields", "why"),
    [
        ({"email": None}, "has no e-mail"),
        ({"is_deceased": True}, "has died"),
        ({"is_not_contacted": True}, "asked not to be contacted"),
        ({"wants_no_letter": True}, "wants no letters"),
    ],
)
def test_where_no_letter_may_go_a_person_is_asked_to_tell(fields: dict[str, Any], why: str) -> None:
    donor = builders.donor(name="Bob Hale", **fields)
    gift = mailbag.record(donor=donor)
    bounce(gift)
    assert letters(gift) == []
    assert returned.why_silent(donor) == why
    assert names_to_tell() == ["Bob Hale"]
    colleague = builders.staff("Finance")
    assert returned.told(gift.pk, colleague, how="Called, sends a new one")
    assert names_to_tell() == []
    assert not returned.told(gift.pk, colleague, how="again")
    assert AuditEntry.objects.get(action=returned.TOLD).reason == "Called, sends a new one"


def test_a_letter_that_never_arrived_puts_the_supporter_on_the_list() -> None:
    gift = mailbag.record(donor=builders.donor(name="Bob Hale"))
    bounce(gift)
    assert names_to_tell() == []
    OutgoingEmail.objects.filter(key=f"returned:{gift.pk}").update(status="failed")
    assert names_to_tell() == ["Bob Hale"]


def test_rule_13_a_replacement_is_a_new_gift_and_the_old_one_stays_returned() -> None:
    donor = builders.donor()
    gift = mailbag.record(donor=donor)
    bounce(gift)
    again = mailbag.record(donor=donor, check_number="1050")
    receipt = mailbag.receipted(again)
    gift.refresh_from_db()
    assert (gift.status, again.status) == ("reversed", "settled")
    assert receipt.gift == again
    assert LedgerEntry.objects.filter(donor=donor).aggregate(sum=Sum("amount_minor"))["sum"] == 5000
    assert_balanced()


def test_corrected_before_any_receipt_left_nobody_is_written_to() -> None:
    queued = mailbag.record(check_number="1043")
    mailbag.receipted(queued)
    waiting = mailbag.record()
    for gift in (waiting, queued):
        returned.correct(gift.pk, builders.staff("Finance"), wrong="wrong_amount", note="typed 500 for 50")
        assert letters(gift) == []
    assert names_to_tell() == []
    assert ReceiptVoid.objects.get().reason == "wrong_amount"
    assert not OutgoingEmail.objects.filter(template="receipt", status="queued").exists()
    assert_balanced()


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ("wrong_amount", "a wrong amount"),
        ("wrong_date", "a wrong date"),
        ("wrong_donor", "meant for somebody else"),
        ("other", "within two weeks"),
    ],
)
def test_corrected_after_the_receipt_left_it_is_called_back_in_fitting_words(wrong: str, words: str) -> None:
    gift = mailbag.record()
    receipt = mailbag.receipted(gift)
    sent(receipt)
    returned.correct(gift.pk, builders.staff("Finance"), wrong=wrong, note="a slip of the hand")
    (letter,) = letters(gift)
    assert letter.subject == f"Please do not use receipt {receipt.number}"
    for body in (letter.text, letter.html):
        assert words in body
        assert "The mistake was ours" in body
        assert "bank" not in body.replace("Bank", "")
    assert books(gift) == [("gift", 5000), ("reversal", -5000)]
    assert_balanced()


@pytest.mark.parametrize("is_mailed", [True, False])
def test_a_receipt_that_left_on_paper_is_called_back_by_a_person(is_mailed: bool) -> None:
    gift = mailbag.record(donor=builders.donor(name="Bob Hale", email=None))
    receipt = mailbag.receipted(gift)
    run = PrintRun.objects.create(file=StoredFile.keep(b"%PDF-run", "application/pdf"), made_by="staff:1")
    PrintedReceipt.objects.create(run=run, receipt=receipt, page=3)
    PrintRun.objects.update(mailed_at=clock.now() if is_mailed else None)
    notice = returned.Notice("wrong_entry", clock.today(), wrong="wrong_amount", note="typed 500 for 50")
    outlook = returned.outlook(gift, notice, builders.staff("Finance"))
    assert ("please take it out" in outlook.receipt) != is_mailed
    returned.apply(gift.pk, notice, builders.staff("Finance"))
    assert names_to_tell() == (["Bob Hale"] if is_mailed else [])


def test_what_is_foreseen_is_what_happens() -> None:
    gift = mailbag.record()
    sent(mailbag.receipted(gift))
    notice, user = returned.Notice("bounced", clock.today(), 1200), builders.staff("Finance")
    outlook = returned.outlook(gift, notice, user)
    assert not Reversal.objects.exists()
    assert outlook.letter is not None
    returned.apply(gift.pk, notice, user)
    assert [(kind, money.minor) for kind, money in outlook.lines] == [("reversal", -5000), ("bank's fee", -1200)]
    (letter,) = letters(gift)
    assert (letter.subject, letter.text, letter.html) == (
        outlook.letter.subject,
        outlook.letter.text,
        outlook.letter.html,
    )


def test_rule_92_nobody_takes_back_their_own_gift_and_a_correction_says_why() -> None:
    user = builders.staff("Finance")
    own, other = mailbag.record(donor=builders.donor(user=user)), mailbag.record()
    with pytest.raises(reversals.CannotReverse, match="ask a colleague"):
        returned.bounce(own.pk, user, noticed_on=clock.today())
    with pytest.raises(reversals.CannotReverse, match="what was wrong"):
        returned.correct(other.pk, user, wrong="other", note=" ")
    assert not Reversal.objects.exists()
    assert not OutgoingEmail.objects.filter(key__startswith="returned:").exists()


@pytest.mark.django_db(transaction=True)
def test_returned_by_two_at_once_the_supporter_is_told_once() -> None:
    gift = mailbag.record()
    user = builders.staff("Finance")
    assert at_once(6, lambda: returned.bounce(gift.pk, user, noticed_on=clock.today(), bank_fee_minor=1200)) == []
    assert len(letters(gift)) == 1
    assert_balanced()


def test_whoever_comes_second_finds_the_first_reversal_and_writes_nothing() -> None:
    gift = mailbag.record()
    returned.correct(gift.pk, builders.staff("Finance"), wrong="other", note="twice in the batch")
    reversal = bounce(gift)
    assert reversal.reason == "wrong_entry"
    assert letters(gift) == []
    assert books(gift) == [("gift", 5000), ("reversal", -5000)]


def test_rule_83_somebody_who_died_meanwhile_is_not_written_to_and_stands_on_the_list() -> None:
    gift = mailbag.record(donor=builders.donor(name="Bob Hale"))
    bounce(gift)
    Donor.objects.filter(name="Bob Hale").update(is_deceased=True)
    mail.send_due()
    (letter,) = letters(gift)
    assert letter.status != "sent"
    assert letter.sent_at is None
    assert names_to_tell() == ["Bob Hale"]


@pytest.mark.django_db(transaction=True)
def test_killed_on_the_way_nothing_is_booked_and_nobody_written_to_and_the_next_try_does_both() -> None:
    gift, user = mailbag.record(), builders.staff("Finance")
    receipt = mailbag.receipted(gift)

    class Killed(Exception):
        pass

    def die(**_: object) -> None:
        raise Killed

    signals.gift_reversed.connect(die)
    try:
        with pytest.raises(Killed):
            returned.bounce(gift.pk, user, noticed_on=clock.today(), bank_fee_minor=1200)
    finally:
        signals.gift_reversed.disconnect(die)
    assert books(gift) == [("gift", 5000)]
    assert letters(gift) == []
    assert OutgoingEmail.objects.get(key=receipt.mail_key).status == "queued"
    assert not ReceiptVoid.objects.exists()

    returned.bounce(gift.pk, user, noticed_on=clock.today(), bank_fee_minor=1200)
    assert len(letters(gift)) == 1
    assert_balanced()
