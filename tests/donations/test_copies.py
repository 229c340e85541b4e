"""A copy is the same paper and says that it is one; a void paper can be looked at and never handed out."""

import hashlib
import io
from datetime import timedelta

import pikepdf
import pytest
import time_machine

from donations.models import Receipt, ReceiptCopy
from donations.receipts import copies, issue, render, replace, void
from donations.rules import chain
from nonprofit import clock
from nonprofit.models import AuditEntry, StoredFile
from tests import builders
from tests.donations import mailbag
from tests.donations.test_render import elements, read, snapshot, text
from tests.donations.test_replace import refund
from tests.donations.test_settle import at_once


def test_rule_49_a_copy_has_the_same_number_and_facts_and_says_copy(transactional_db: None) -> None:
    receipt = builders.receipted_gift().paper
    before = bytes(receipt.pdf.file.content)
    copy = copies.make(receipt.pk, actor="staff:1")
    pdf = bytes(copy.file.content)
    said = text(pdf)
    today = clock.today()
    assert f"COPY, made on {today:%B} {today.day}, {today.year}" in said
    assert receipt.number in said
    assert chain.code(receipt.snapshot) in said
    assert str(read(pdf).metadata.title).startswith(f"COPY of Receipt {receipt.number}")  # type: ignore[union-attr]
    without_marks = said.replace(f"COPY, made on {today:%B} {today.day}, {today.year} ", "").replace("COPY ", "")
    assert without_marks.split() == [word for word in text(before).split()]
    assert bytes(StoredFile.objects.get(pk=receipt.pdf.file_id).content) == before


def test_copies_are_counted_once_a_day_and_person(transactional_db: None) -> None:
    receipt = builders.receipted_gift().paper
    assert at_once(6, lambda _: copies.make(receipt.pk, actor="staff:1")) == []
    assert ReceiptCopy.objects.filter(receipt=receipt).count() == 1
    other = copies.make(receipt.pk, actor="staff:2")
    assert receipt.copies.count() == 2
    assert other.file == ReceiptCopy.objects.get(made_by="staff:1").file, "the same bytes are kept once"
    with time_machine.travel(clock.now() + timedelta(days=1), tick=False):
        later = copies.make(receipt.pk, actor="staff:1")
    assert receipt.copies.count() == 3
    assert later.file != other.file, "it carries another day"
    assert AuditEntry.objects.filter(action="copy receipt", target_id=str(receipt.pk)).count() == 3


def test_no_copy_of_what_is_void_or_not_made_yet(transactional_db: None) -> None:
    gift = builders.receipted_gift()
    void.void(gift.pk, reason="other", actor="staff:1")
    draft = mailbag.record()
    issue.issue_due()
    for receipt, words in ((gift.paper, "is void"), (Receipt.objects.get(gift=draft), "still being made")):
        with pytest.raises(copies.CannotCopy, match=words):
            copies.make(receipt.pk, actor="staff:1")
    assert not ReceiptCopy.objects.exists()
    assert not AuditEntry.objects.filter(action="copy receipt").exists()


def test_papers_of_the_first_looks_can_be_copied_too() -> None:
    plain = render.pdf(snapshot())
    copied = render.pdf(snapshot(), copied_on=clock.today())
    assert "COPY" in text(copied)
    assert "Is this paper genuine?" not in text(plain) + text(copied)


def test_a_void_paper_is_shown_with_void_across_it_and_its_bytes_stay(transactional_db: None) -> None:
    gift = builders.receipted_gift(amount_minor=10_000)
    old = gift.paper
    digest = old.pdf.file.sha256
    refund(gift, 4000)
    replace.replace(gift.pk, reason="refund", actor="stripe")
    old = Receipt.objects.get(pk=old.pk)
    shown = copies.voided(old)
    said = text(shown)
    today = clock.today()
    assert f"VOID. Since {today:%B} {today.day}, {today.year}: refunded. Replaced by {old.replaced_by.number}." in said
    assert "$100.00" in said
    kept = StoredFile.objects.get(pk=old.pdf.file_id)
    assert hashlib.sha256(bytes(kept.content)).hexdigest() == digest == kept.sha256
    with pikepdf.open(io.BytesIO(shown)) as pdf:
        assert str(pdf.docinfo["/Title"]).startswith(f"VOID: Receipt {old.number}")
        with pdf.open_metadata() as meta:
            assert str(meta["dc:title"]).startswith(f"VOID: Receipt {old.number}")
    assert list(elements(shown)) == list(elements(bytes(kept.content))), "the overlay is an artifact"
