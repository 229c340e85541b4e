"""Copies of a paper: the same number and facts, marked COPY and dated; and how a void one is shown to staff."""

import functools
import io
import re
from datetime import date

from django.db import transaction
from pypdf import PdfReader, PdfWriter
from pypdf.generic import StreamObject

from donations.models import Receipt, ReceiptCopy, ReceiptVoid
from donations.receipts import render, wording
from nonprofit import audit, clock
from nonprofit.models import StoredFile

_DC_TITLE = re.compile(rb"(<dc:title>.*?<rdf:li[^>]*>)", re.DOTALL)


class CannotCopy(ValueError):
    """No copy can be made; the text says why to the person who asked."""


def make(receipt_id: int, *, actor: str) -> ReceiptCopy:
    """A copy of the paper with today's date is kept and counted. Drawing happens outside the transaction.

    Asked again the same day by the same person it is the same copy, counted once. Raises CannotCopy.
    """
    receipt = Receipt.objects.select_related("void").get(pk=receipt_id)
    _check(receipt)
    if made := _made_today(receipt, actor):
        return made
    return _keep(receipt, render.pdf(receipt.snapshot, copied_on=clock.today()), actor)


@transaction.atomic(durable=True)
def _keep(receipt: Receipt, content: bytes, actor: str) -> ReceiptCopy:
    """Locks the receipt: a void that came meanwhile is seen, and two presses are one copy."""
    locked = Receipt.objects.select_for_update(of=("self",)).get(pk=receipt.pk)
    _check(locked)
    if made := _made_today(locked, actor):
        return made
    file = StoredFile.of(content, "application/pdf")
    same = StoredFile.objects.filter(sha256=file.sha256, size=file.size, receiptcopy__isnull=False).first()
    if same is None:
        file.save(force_insert=True)
    copy = ReceiptCopy.objects.create(receipt=locked, file=same or file, made_by=actor)
    audit.record(actor, "copy receipt", locked, after={"copies": locked.copies.count()})
    return copy


def _check(receipt: Receipt) -> None:
    if ReceiptVoid.objects.filter(receipt=receipt).exists():
        raise CannotCopy("This paper is void; copies are made only of papers that stand.")
    if receipt.state == Receipt.State.DRAFT:
        raise CannotCopy("This paper is still being made.")


def _made_today(receipt: Receipt, actor: str) -> ReceiptCopy | None:
    since = clock.midnight(clock.today())
    return ReceiptCopy.objects.filter(receipt=receipt, made_by=actor, made_at__gte=since).order_by("-pk").first()


# --- a void paper ---------------------------------------------------------------------------------------------------


def voided(receipt: Receipt) -> bytes:
    """The stored PDF of a void paper with VOID across each page, since when and why; what is stored stays as it was.

    The words lie over the page as an artifact, so the paper's own tags stay whole; its title begins with VOID.
    """
    void: ReceiptVoid = receipt.void
    since = f"Since {wording.in_words(clock.local_date(void.voided_at))}: {void.get_reason_display()}"
    new: Receipt | None = getattr(receipt, "replaced_by", None)
    words = f"{since}. Replaced by {new.number}." if new else f"{since}."
    over = PdfReader(io.BytesIO(_overlay(words, clock.local_date(void.voided_at)))).pages[0]
    writer = PdfWriter(clone_from=io.BytesIO(bytes(receipt.pdf.file.content)))
    for page in writer.pages:
        page.merge_page(over)
    _retitled(writer, "VOID: ")
    whole = io.BytesIO()
    writer.write(whole)
    return whole.getvalue()


@functools.lru_cache(maxsize=32)
def _overlay(words: str, on: date) -> bytes:
    return render.overlay("VOID", words, on)


def _retitled(writer: PdfWriter, before: str) -> None:
    """The title people hear first, in both places where a PDF keeps it."""
    known = writer.metadata
    title = known.title or "" if known else ""
    writer.add_metadata({"/Title": f"{before}{title}"})
    stream = writer.root_object["/Metadata"].get_object()
    if isinstance(stream, StreamObject):
        stream.set_data(_DC_TITLE.sub(rb"\g<1>" + before.encode(), stream.get_data(), count=1))
