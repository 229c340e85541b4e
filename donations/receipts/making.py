"""Making numbered papers by the dozen: each drawn, then all kept with their letters in one transaction."""

import logging
from collections.abc import Collection, Mapping, Sequence
from datetime import timedelta

from django.db import transaction
from django.db.models import F, Q, QuerySet

from donations.models import Receipt, ReceiptPdf, ReceiptVoid, RenderTrouble
from donations.receipts import deliver, render
from nonprofit import audit, clock, mail, nudge, organization
from nonprofit.models import Organization, OutgoingEmail, StoredFile

logger = logging.getLogger(__name__)

# What could not be made is tried again after this long, or when somebody asks.
AGAIN = timedelta(hours=1)


def prepare_all(receipt_ids: Collection[int]) -> int:
    """The papers' PDFs are stored and their letters queued; how many were made. They are drawn outside the transaction.

    One that cannot be drawn or kept stops no other: it keeps its number and is on the list with its reason. Safe twice,
    twice at once and when killed: bytes, letter and receipt are tied in one transaction, once.
    """
    found = Receipt.objects.filter(pk__in=receipt_ids, pdf__isnull=True).order_by("pk")
    receipts = list(found.select_related("gift__donor", "gift__plan", "statement__donor"))
    drawn: dict[int, bytes] = {}
    for receipt in receipts:
        try:
            drawn[receipt.pk] = render.pdf(receipt.snapshot)
        except Exception as error:
            # The others must not wait for it, whatever it is.
            logger.exception("receipt not drawn", extra={"receipt": receipt.pk})
            _note(receipt, error)
    return _keep([receipt for receipt in receipts if receipt.pk in drawn], drawn)


def unmade() -> QuerySet[Receipt]:
    """Numbered papers without a PDF that nobody tried to make of late."""
    tried = Q(trouble__last_at__gt=clock.now() - AGAIN)
    return Receipt.objects.filter(pdf__isnull=True).exclude(tried).order_by("pk")


@transaction.atomic
def try_again(trouble_id: int, actor: str) -> bool:
    """A paper that could not be made is made now: somebody put it right. False when it was made meanwhile. Safe twice.

    Locks the note of its trouble.
    """
    trouble = RenderTrouble.objects.select_for_update(of=("self",)).select_related("receipt").filter(pk=trouble_id)
    found = trouble.first()
    if found is None:
        return False
    audit.record(actor, "make paper again", found.receipt, before={"trouble": found.reason, "tries": found.tries})
    nudge.after_commit("donations.tasks.render_receipts", [found.receipt_id])
    return True


def _keep(receipts: Sequence[Receipt], drawn: Mapping[int, bytes]) -> int:
    try:
        return _keep_together(receipts, drawn)
    except Exception:
        # One of them, or the database for a moment: by themselves, so that it is known which.
        logger.exception("receipts not kept together", extra={"receipts": [receipt.pk for receipt in receipts]})
    return sum(_keep_alone(receipt, drawn) for receipt in receipts)


def _keep_alone(receipt: Receipt, drawn: Mapping[int, bytes]) -> int:
    try:
        return _keep_together([receipt], drawn)
    except Exception as error:
        logger.exception("receipt not kept", extra={"receipt": receipt.pk})
        _note(receipt, error)
        return 0


@transaction.atomic(durable=True)
def _keep_together(receipts: Sequence[Receipt], drawn: Mapping[int, bytes]) -> int:
    """Locks the receipts."""
    ids = [receipt.pk for receipt in receipts]
    list(Receipt.objects.filter(pk__in=ids).order_by("pk").select_for_update().values_list("pk", flat=True))
    kept = set(ReceiptPdf.objects.filter(receipt__in=ids).values_list("receipt_id", flat=True))
    void = set(ReceiptVoid.objects.filter(receipt__in=ids).values_list("receipt_id", flat=True))
    left = [receipt for receipt in receipts if receipt.pk not in kept]
    files = StoredFile.objects.bulk_create([StoredFile.of(drawn[receipt.pk], "application/pdf") for receipt in left])
    who = organization.get()
    letters = {
        receipt.pk: _letter(receipt, file, who)
        for receipt, file in zip(left, files, strict=True)
        if receipt.pk not in void
    }
    OutgoingEmail.objects.bulk_create([letter for letter in letters.values() if letter])
    ReceiptPdf.objects.bulk_create(
        [
            ReceiptPdf(receipt=receipt, file=file, email=letters.get(receipt.pk))
            for receipt, file in zip(left, files, strict=True)
        ]
    )
    RenderTrouble.objects.filter(receipt__in=ids).delete()
    return len(left)


def _letter(receipt: Receipt, file: StoredFile, who: Organization) -> OutgoingEmail | None:
    """None: no e-mail carries it."""
    to = deliver.recipient(receipt)
    if not to.wants_email(receipt) or not to.may_get(on_paper=False):
        return None

    def composed(*given: object, **named: object) -> OutgoingEmail:
        return mail.compose(*given, **named, who=who)  # type: ignore[arg-type]

    return deliver.letter(receipt, file, write=composed)


def _note(receipt: Receipt, error: Exception) -> None:
    """The paper is on the list with its reason."""
    reason = (error.reason if isinstance(error, render.RenderError) else f"{type(error).__name__}")[:300]
    now = clock.now()
    RenderTrouble.objects.update_or_create(
        receipt=receipt,
        defaults={"reason": reason, "tries": F("tries") + 1, "last_at": now},
        create_defaults={"reason": reason, "first_at": now, "last_at": now},
    )
