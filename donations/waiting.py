"""What a supporter on the thank-you page is told, and how the truth is hurried along."""

from datetime import timedelta

from django.db.models import QuerySet
from django.urls import reverse

from donations import pages
from donations.models import Gift, Receipt
from nonprofit import clock, nudge
from nonprofit.limits import Limit, allow

# Stripe's webhook takes a second or two; after this long we ask instead of waiting.
PATIENCE = timedelta(seconds=4)
ASK = Limit("check gift", "1 per 5 seconds")
MESSAGES = {
    "pending": "We are waiting for your bank. This takes a few seconds.",
    "processing": "Your bank is still working on it. You can close this page: we will e-mail you when it is done.",
    "settled": "Thank you. Your gift has arrived.",
    "failed": "Your bank declined this card. Nothing was charged.",
    "expired": "This gift was not finished, so nothing was charged.",
    "reversed": "This gift was taken back.",
    "refunded": "This gift was refunded.",
    "disputed": "The bank is looking into this gift.",
    "lost": "The bank has given this gift back to the cardholder.",
}


def gifts() -> QuerySet[Gift]:
    """Gifts with all that the thank-you page tells of them."""
    return Gift.objects.select_related("campaign", "fund", "plan", "receipt__pdf", "payment_link")


def told(gift: Gift) -> dict[str, str | None]:
    """The gift's state as the page and its script read it."""
    receipt: Receipt | None = gift.receipt
    state = "due"
    if receipt is not None:
        state = "sent" if hasattr(receipt, "pdf") else "numbered"
    return {
        "state": gift.status,
        "receipt": receipt.number if receipt else None,
        "receipt_state": state,
        "message": MESSAGES[gift.status],
    }


def retry(gift: Gift) -> str:
    """Where an unpaid gift can still be paid: at its private link if it came by one, or on the page it was begun on."""
    if hasattr(gift, "payment_link"):
        return reverse("donations:pay", args=[gift.token])
    form = pages.address(gift.campaign) if gift.campaign else reverse("donations:give")
    return f"{form}?gift={gift.token}"


def hurry(gift: Gift) -> None:
    """Let a worker ask Stripe how an unsettled gift stands, at most every few seconds."""
    waits = gift.status in (Gift.Status.PENDING, Gift.Status.PROCESSING, Gift.Status.FAILED)
    if waits and gift.changed_at < clock.now() - PATIENCE and allow([(ASK, str(gift.pk))]) is None:
        nudge.now("donations.tasks.check_gift", gift.pk)


def masked(email: str) -> str:
    """ "ana@example.org" as "a…@example.org": enough for its owner, nothing for anybody else."""
    name, at, domain = email.partition("@")
    return f"{name[:1]}…@{domain}" if at else ""
