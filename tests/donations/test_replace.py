"""A paper that is no longer true is void, and a new number with the facts as they stand names it."""

import io
import itertools
from datetime import timedelta

import pytest
from django.db import transaction
from django.db.models import F
from pypdf import PdfReader

from donations.models import Gift, LedgerEntry, Receipt, ReceiptBook, ReceiptDue, ReceiptVoid, Refund
from donations.receipts import deliver, issue, print_run, replace, taken_back
from donations.rules import chain
from nonprofit import clock, mail
from nonprofit.models import AuditEntry, OutgoingEmail
from tests import builders
from tests.donations import mailbag
from tests.donations.test_settle import at_once

REASON = ReceiptVoid.Reason


def refund(gift: Gift, minor: int, *, number: str = "") -> Gift:
    """Money went back, as the refund verb books it."""
    source = number or f"re_{gift.pk}_{Refund.objects.count()}"
    Refund.objects.create(
        gift=gift, amount_minor=minor, state="succeeded", stripe_refund_id=source, refunded_at=clock.now()
    )
    LedgerEntry.objects.create(
        source=source,
        kind="refund",
        gift=gift,
        donor=gift.donor,
        fund=gift.fund,
        amount_minor=-minor,
        currency=gift.currency,
        account="stripe",
        happened_at=clock.now(),
        booked_on=clock.today(),
    )
    Gift.objects.filter(pk=gift.pk).update(refunded_minor=F("refunded_minor") + minor)
    gift.refresh_from_db()
    if not gift.kept.minor:
        Gift.objects.filter(pk=gift.pk).update(status=Gift.Status.REFUNDED)
    return gift


def sent(receipt: Receipt) -> None:
    OutgoingEmail.objects.filter(key=receipt.mail_key).update(status="sent", sent_at=clock.now())


def numbers(gift: Gift) -> list[tuple[str, str]]:
    """Each paper of the gift, in order, with why it does not stand."""
    papers = Receipt.objects.filter(gift=gift).order_by("pk").select_related("void")
    return [(one.number, one.void.reason if hasattr(one, "void") else "") for one in papers]


def words_of(receipt: Receipt) -> str:
    pdf = builders.drawn(receipt.pk)
    return " ".join(PdfReader(io.BytesIO(bytes(pdf.file.content))).pages[0].extract_text().split())


def test_a_partial_refund_replaces_the_receipt_by_one_over_what_is_left(transactional_db: None) -> None:
    gift = builders.receipted_gift(amount_minor=10_000, covered_fee_minor=300)
    sent(old := gift.paper)
    refund(gift, 4000)
    voided = replace.replace(gift.pk, reason=REASON.REFUND, actor="stripe")
    gift.refresh_from_db()
    new = gift.paper
    year = clock.today().year
    assert voided is not None
    assert (voided.receipt, new.replaces, new.sequence) == (old, old, old.sequence + 1)
    assert numbers(gift) == [(f"R-{year}-000001", "refund"), (f"R-{year}-000002", "")]
    facts = new.snapshot
    assert (facts["gift"]["amount_minor"], facts["gift"]["given_minor"], facts["title"]) == (
        6000,
        10_000,
        "Receipt for your gift of $60.00",
    )
    today = issue.in_words(clock.today())
    assert facts["rows"][:3] == [
        ["Amount", "$60.00"],
        ["Given", f"$100.00 on {today}"],
        ["Refunded", f"$40.00 on {today}"],
    ]
    assert facts["rows"][-1] == ["Replaces", f"{old.number} of {today}"]
    why = "which no longer stands because part of the gift was refunded"
    assert f"This replaces {old.number} of {today}, {why}" in words_of(new)
    letter = deliver.letters(new).get()
    for text in (letter.text, letter.html):
        assert "because part of the gift was refunded" in text
        assert "$60.00" in text
    assert not OutgoingEmail.objects.filter(key__startswith="replaced:").exists(), "one letter tells all"
    assert chain.link(old.chain, new.snapshot) == new.chain == ReceiptBook.objects.get().last_chain


def test_refunds_in_any_order_and_twice_end_with_one_paper_over_the_rest(transactional_db: None) -> None:
    for order in itertools.permutations([1000, 2500, 4000]):
        gift = builders.receipted_gift(amount_minor=10_000)
        for minor in order:
            refund(gift, minor)
            first = replace.replace(gift.pk, reason=REASON.REFUND, actor="stripe")
            assert replace.replace(gift.pk, reason=REASON.REFUND, actor="stripe") == first
        gift.refresh_from_db()
        assert [why for _, why in numbers(gift)] == ["refund"] * 3 + [""]
        assert gift.paper.snapshot["gift"]["amount_minor"] == 2500
        assert [one["amount_minor"] for one in gift.paper.snapshot["refunds"]] == list(order)
        ledger = sum(gift.ledger_entries.exclude(kind="fee").values_list("amount_minor", flat=True))
        assert ledger == 2500, "the paper says what the ledger holds"


def test_two_refunds_told_by_one_call_are_one_new_paper(transactional_db: None) -> None:
    gift = builders.receipted_gift(amount_minor=10_000)
    refund(gift, 1000)
    refund(gift, 2000)
    replace.replace(gift.pk, reason=REASON.REFUND, actor="stripe")
    replace.replace(gift.pk, reason=REASON.REFUND, actor="stripe")
    assert [why for _, why in numbers(gift)] == ["refund", ""]


def test_a_full_refund_only_voids_and_the_supporter_is_told(transactional_db: None) -> None:
    gift = builders.receipted_gift(amount_minor=2500)
    sent(gift.paper)
    refund(gift, 2500)
    for _ in range(2):
        voided = replace.replace(gift.pk, reason=REASON.REFUND, actor="stripe")
        assert voided is not None
    assert [why for _, why in numbers(gift)] == ["refund"]
    letter = OutgoingEmail.objects.get(key=f"replaced:{gift.paper.pk}")
    assert letter.to == "ana@example.org"
    for text in (letter.text, letter.html):
        assert "We have refunded your gift of $25.00" in text
        assert gift.paper.number in text
    assert not taken_back.to_tell().exists()


def test_a_receipt_that_never_left_is_not_named_to_anybody(transactional_db: None) -> None:
    gift = builders.receipted_gift()
    OutgoingEmail.objects.update(next_try_at=clock.now() - timedelta(minutes=1))
    refund(gift, 2500)
    replace.replace(gift.pk, reason=REASON.REFUND, actor="stripe")
    assert deliver.letters(gift.paper).get().status == "stopped"
    letter = OutgoingEmail.objects.get(key=f"replaced:{gift.paper.pk}")
    assert "refunded" in letter.text
    assert gift.paper.number not in letter.text + letter.subject


def test_a_lost_dispute_voids_and_a_won_one_is_reissued_naming_the_void(transactional_db: None) -> None:
    lost = builders.receipted_gift(amount_minor=5000, donor_email="lost@example.org", donor_name="Lou Ost")
    sent(lost.paper)
    Gift.objects.filter(pk=lost.pk).update(status=Gift.Status.LOST)
    replace.replace(lost.pk, reason=REASON.DISPUTE_LOST, actor="stripe")
    letter = OutgoingEmail.objects.get(key=f"replaced:{lost.paper.pk}")
    assert "Your bank has given you back the gift of $50.00" in letter.text
    with pytest.raises(replace.NotDue):
        replace.reissue(lost.pk, actor="stripe")

    Gift.objects.filter(pk=lost.pk).update(status=Gift.Status.SETTLED)
    again = replace.reissue(lost.pk, actor="stripe")
    assert again is not None
    assert replace.reissue(lost.pk, actor="stripe") == again
    assert again.replaces == lost.paper
    assert [why for _, why in numbers(lost)] == ["dispute_lost", ""]
    assert again.snapshot["gift"]["amount_minor"] == 5000


def test_what_was_not_issued_yet_stays_due_and_says_the_new_facts(transactional_db: None) -> None:
    gift = refund(builders.booked_gift(amount_minor=10_000), 4000)
    assert replace.replace(gift.pk, reason=REASON.REFUND, actor="stripe") is None
    assert ReceiptDue.objects.filter(gift=gift).exists()
    issue.issue_due()
    receipt = Receipt.objects.get(gift=gift)
    assert (receipt.snapshot["gift"]["amount"], receipt.replaces) == ("$60.00", None)

    whole = refund(builders.booked_gift(amount_minor=1000, donor_email="w@example.org"), 1000)
    assert replace.replace(whole.pk, reason=REASON.REFUND, actor="stripe") is None
    assert not ReceiptDue.objects.exists()
    assert issue.issue_due() == []


def test_facts_without_a_rule_void_the_old_and_wait_with_their_trouble(transactional_db: None) -> None:
    gift = mailbag.record("in_kind")
    old = mailbag.receipted(gift)
    gift.detail.property_description = "A desk worth $500"
    gift.detail.save()
    assert replace.replace(gift.pk, reason=REASON.OTHER, actor="staff:1") is not None
    waiting = ReceiptDue.objects.get(gift=gift)
    assert "names a value" in waiting.trouble
    gift.detail.property_description = "A desk"
    gift.detail.save()
    issue.look_again(waiting.pk, "staff:1")
    (pk,) = issue.issue_due()
    new = Receipt.objects.get(pk=pk)
    assert (new.replaces, new.snapshot["replaces"]["number"]) == (old, old.number)


def test_somebody_may_replace_a_paper_that_is_true_but_only_the_one_they_saw(transactional_db: None) -> None:
    gift = builders.receipted_gift()
    seen = gift.paper
    assert replace.replace(gift.pk, reason=REASON.OTHER, actor="staff:1") is None, "it says the truth"
    assert [why for _, why in numbers(gift)] == [""]
    for _ in range(3):
        voided = replace.replace(gift.pk, reason=REASON.OTHER, actor="staff:1", note="smudged", instead_of=seen.pk)
        assert voided is not None
        assert voided.receipt == seen
    assert [why for _, why in numbers(gift)] == ["other", ""]
    assert AuditEntry.objects.filter(action="replace receipt", target_id=str(seen.pk)).count() == 1


def test_without_e_mail_the_new_paper_goes_out_by_mail_and_the_old_one_does_not(transactional_db: None) -> None:
    donor = builders.donor(email=None, address_line1="1 Elm St", city="Boston", region="MA", postal_code="02139")
    gift = mailbag.record("check", donor=donor, amount_minor=10_000)
    old = mailbag.receipted(gift)
    refund(gift, 4000)
    replace.replace(gift.pk, reason=REASON.REFUND, actor="staff:1")
    gift.refresh_from_db()
    builders.drawn(gift.paper.pk)
    assert [sheet.receipt for sheet in print_run.waiting().sheets] == [gift.paper]
    assert gift.paper.replaces == old
    assert not taken_back.to_tell().exists(), "the new paper tells it"


def test_whom_no_letter_reaches_stands_on_the_list_until_told(transactional_db: None) -> None:
    donor = builders.donor(email=None, address_line1="1 Elm St", city="Boston", region="MA", postal_code="02139")
    gift = mailbag.record("check", donor=donor)
    old = mailbag.receipted(gift)
    run = print_run.make("staff:1")
    assert run is not None
    refund(gift, 5000)
    replace.replace(gift.pk, reason=REASON.REFUND, actor="staff:1")
    assert not taken_back.to_tell().exists(), "it has not left"
    print_run.mark_mailed(run.pk, "staff:1")
    assert [void.receipt for void in taken_back.to_tell()] == [old]
    assert taken_back.told(old.pk, "staff:1", how="called")
    assert not taken_back.told(old.pk, "staff:1", how="called")
    assert not taken_back.to_tell().exists()


def test_eight_at_once_replace_once(transactional_db: None) -> None:
    gift = refund(builders.receipted_gift(amount_minor=10_000), 4000)
    assert at_once(8, lambda _: replace.replace(gift.pk, reason=REASON.REFUND, actor="stripe")) == []
    assert [why for _, why in numbers(gift)] == ["refund", ""]
    assert Receipt.objects.count() == ReceiptBook.objects.get().last_number == 2


def test_killed_before_commit_nothing_happened_and_the_number_is_not_used(transactional_db: None) -> None:
    gift = refund(builders.receipted_gift(amount_minor=10_000), 4000)

    class Killed(Exception):
        pass

    def replace_and_die() -> None:
        with transaction.atomic():
            replace.replace(gift.pk, reason=REASON.REFUND, actor="stripe")
            raise Killed

    with pytest.raises(Killed):
        replace_and_die()
    assert [why for _, why in numbers(gift)] == [""]
    assert deliver.letters(gift.paper).get().status == "queued"
    assert ReceiptBook.objects.get().last_number == 1
    replace.replace(gift.pk, reason=REASON.REFUND, actor="stripe")
    assert [sequence for sequence in Receipt.objects.values_list("sequence", flat=True).order_by("pk")] == [1, 2]


def test_a_letter_about_a_void_paper_does_not_go_to_the_dead(transactional_db: None) -> None:
    gift = builders.receipted_gift()
    sent(gift.paper)
    refund(gift, 2500)
    replace.replace(gift.pk, reason=REASON.REFUND, actor="stripe")
    assert gift.donor
    gift.donor.is_deceased = True
    gift.donor.save()
    mail.send_due()
    assert OutgoingEmail.objects.get(key=f"replaced:{gift.paper.pk}").status == "stopped"
