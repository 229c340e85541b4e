"""Making a numbered receipt's PDF, keeping its bytes, and queueing the letter that carries it."""

from collections.abc import Callable

from django.conf import settings
from django.db import transaction

from donations.models import Receipt, ReceiptPdf
from donations.receipts import render
from nonprofit import mail
from nonprofit.models import OutgoingEmail, StoredFile


def prepare(receipt_id: int) -> ReceiptPdf:
    """The receipt's PDF is stored and its letter queued. Rendering happens outside the transaction.

    Safe twice, twice at once and when killed: bytes, letter and receipt are tied in one transaction, once.
    """
    receipt = Receipt.objects.select_related("gift", "pdf").get(pk=receipt_id)
    if hasattr(receipt, "pdf"):
        return receipt.pdf
    return _keep(receipt, render.pdf(receipt.snapshot))


@transaction.atomic(durable=True)
def _keep(receipt: Receipt, content: bytes) -> ReceiptPdf:
    Receipt.objects.select_for_update().get(pk=receipt.pk)
    if kept := ReceiptPdf.objects.filter(receipt=receipt).first():
        return kept
    file = StoredFile.keep(content, "application/pdf")
    email = letter(receipt, file) if receipt.gift.donor_email else None
    return ReceiptPdf.objects.create(receipt=receipt, file=file, email=email)


def letter(
    receipt: Receipt, file: StoredFile, *, key: str = "", write: Callable[..., OutgoingEmail] = mail.queue
) -> OutgoingEmail:
    """The letter that carries the receipt, queued, or made by `write`. key: the receipt's own unless it goes again."""
    return write(
        key or receipt.mail_key,
        receipt.gift.donor_email,
        "receipt",
        {"receipt": receipt.snapshot, "portal_url": f"{settings.BASE_URL}/portal/"},
        attachment=file,
        attachment_name=f"receipt-{receipt.number}.pdf",
    )
