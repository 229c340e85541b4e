"""Taking a receipt back: it is marked void and keeps its number; one that was not issued yet is never issued."""

from django.db import transaction

from donations.models import Gift, Receipt, ReceiptDue, ReceiptVoid
from donations.receipts import deliver, matched
from nonprofit import audit


@transaction.atomic
def void(gift_id: int, *, reason: str, actor: str, note: str = "") -> ReceiptVoid | None:
    """No receipt of this gift stands: one that was issued is void, one that waited is not issued, no letter leaves.

    reason: a ReceiptVoid.Reason. None when there was nothing to void. The number stays used (domain rule 47).
    Locks the gift, what was due, then the receipt. Safe twice and twice at once: the first void is returned.
    """
    gift = Gift.objects.select_for_update().get(pk=gift_id)
    # If a worker numbers it this moment, this waits for it, and the receipt is found below.
    held, _ = ReceiptDue.objects.filter(gift=gift).delete()
    matched.stop(gift, "the gift was reversed")
    if held:
        audit.record(actor, "hold receipt", gift, reason=note)
    receipt = last(gift)
    return None if receipt is None else mark(receipt, reason=reason, actor=actor, note=note)


def last(gift: Gift) -> Receipt | None:
    """The gift's last paper, void or not, locked."""
    return Receipt.objects.select_for_update(of=("self",)).filter(gift=gift).order_by("-pk").first()


def mark(receipt: Receipt, *, reason: str, actor: str, note: str = "") -> ReceiptVoid:
    """This paper is void and its letters that wait never leave. Call with the receipt locked; the first void stays."""
    voided, is_new = ReceiptVoid.objects.get_or_create(
        receipt=receipt, defaults={"reason": ReceiptVoid.Reason(reason), "note": note, "actor": actor}
    )
    if is_new:
        stopped = deliver.stop(receipt, "the receipt is void")
        audit.record(actor, "void receipt", receipt, reason=note, after={"reason": reason, "letters stopped": stopped})
    return voided
