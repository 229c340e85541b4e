"""Making a numbered receipt's PDF, keeping its bytes, and queueing the letter that carries it."""

from collections.abc import Callable

from django.conf import settings
from django.db import transaction
from django.db.models import Q, QuerySet

from donations.models import Receipt, ReceiptPdf
from donations.receipts import render
from nonprofit import audit, mail, nudge
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


class CannotResend(Exception):
    """The receipt cannot go out again; the text says why to the person who asked."""


@transaction.atomic(durable=True)
def resend(receipt_id: int, actor: str) -> OutgoingEmail:
    """The receipt, with the PDF as it was issued, waits to be sent to its donor once more. Locks the receipt.

    Asked twice before the first was sent, it goes once: the waiting letter is returned. Raises CannotResend.
    """
    receipt = Receipt.objects.select_for_update().get(pk=receipt_id)
    kept = ReceiptPdf.objects.select_related("file").filter(receipt=receipt).first()
    if kept is None:
        raise CannotResend("This receipt is still being made; its letter leaves by itself.")
    if not receipt.gift.donor_email:
        raise CannotResend("There is no e-mail address to send this receipt to.")
    if waiting := letters(receipt).filter(status=OutgoingEmail.Status.QUEUED).first():
        return waiting
    sent = letter(receipt, kept.file, key=f"{receipt.mail_key}:again:{letters(receipt).count()}")
    audit.record(actor, "send receipt again", receipt, after={"letter": sent.key})
    nudge.after_commit("nonprofit.tasks.send_mail")
    return sent


def letters(receipt: Receipt) -> QuerySet[OutgoingEmail]:
    """Every letter that carried this receipt."""
    own = Q(key=receipt.mail_key) | Q(key__startswith=f"{receipt.mail_key}:again:")
    return OutgoingEmail.objects.filter(own).order_by("pk")


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


def stop(receipt: Receipt) -> int:
    """Letters with this receipt that were not sent yet are given up; how many."""
    waiting = letters(receipt).filter(status=OutgoingEmail.Status.QUEUED).select_for_update(of=("self",))
    return OutgoingEmail.objects.filter(pk__in=list(waiting.values_list("pk", flat=True))).update(
        status=OutgoingEmail.Status.FAILED, last_error="stopped: the receipt is void"
    )
