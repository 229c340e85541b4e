"""Numbering receipts: due gifts become receipts with a snapshot of every fact they will print."""

import logging
from datetime import date, timedelta
from typing import Any

from django.db import connection, transaction

from donations.models import Gift, Receipt, ReceiptDue
from donations.rules import documents
from nonprofit import clock, nudge, organization
from nonprofit.models import Organization

logger = logging.getLogger(__name__)

SERIES = "R"
SCHEMA = TEMPLATE = "receipt-1"
# A gift that cannot be receipted yet is looked at again after this long, and stands in the admin meanwhile.
AGAIN = timedelta(hours=1)


def make_due(gift: Gift) -> None:
    """The settled gift waits for its receipt, unless it has one. Call inside the settling transaction; safe twice."""
    if not Receipt.objects.filter(gift=gift).exists():
        ReceiptDue.objects.get_or_create(gift=gift)
        nudge.after_commit("donations.tasks.issue_receipts")


@transaction.atomic(durable=True)
def issue_due(limit: int = 100) -> list[int]:
    """Number up to `limit` due gifts as one block, without a gap; ids of the new receipts in number order.

    Locks the due rows (SKIP LOCKED, so several workers share the work) and, last and shortest, the year's book.
    Safe at once and when killed: either a block is committed with its receipts or no number was used.
    """
    due = list(
        ReceiptDue.objects.filter(due_at__lte=clock.now())
        .select_related("gift__fund")
        .order_by("due_at", "pk")
        .select_for_update(skip_locked=True, of=("self",))[:limit]
    )
    if not due:
        return []
    who, today = organization.get(), clock.today()
    ready: list[tuple[ReceiptDue, dict[str, Any]]] = []
    for row in due:
        try:
            ready.append((row, snapshot(row.gift, who)))
        except documents.NoRule as error:
            logger.error("no receipt rule", extra={"gift": row.gift_id})
            ReceiptDue.objects.filter(pk=row.pk).update(trouble=str(error)[:300], due_at=clock.now() + AGAIN)
    first = _take_numbers(today.year, len(ready)) if ready else 0
    receipts = []
    for sequence, (row, facts) in enumerate(ready, start=first):
        number = f"{SERIES}-{today.year}-{sequence:06d}"
        facts |= {"number": number, "issued_on": in_words(today), "issued_on_iso": today.isoformat()}
        receipts.append(
            Receipt(
                series=SERIES, year=today.year, sequence=sequence, number=number, gift_id=row.gift_id, snapshot=facts
            )
        )
    Receipt.objects.bulk_create(receipts)
    ReceiptDue.objects.filter(pk__in=[row.pk for row, _ in ready]).delete()
    return [receipt.pk for receipt in receipts]


def _take_numbers(year: int, count: int) -> int:
    """Take `count` numbers from the year's locked counter; the first of them. A rollback gives them back."""
    with connection.cursor() as cursor:
        cursor.execute(
            """INSERT INTO donations_receiptbook AS book (series, year, last_number) VALUES (%s, %s, %s)
                ON CONFLICT (series, year) DO UPDATE SET last_number = book.last_number + excluded.last_number
                RETURNING last_number""",
            [SERIES, year, count],
        )
        row = cursor.fetchone()
    return int(row[0]) - count + 1


def snapshot(gift: Gift, who: Organization) -> dict[str, Any]:
    """Every fact the receipt will print, as printed, without its number. Raises NoRule."""
    document = documents.for_gift(kind=gift.kind, organization=who.legal_name, ein=who.ein, donor_country=gift.country)
    if gift.gift_on is None:
        raise documents.NoRule(f"gift {gift.pk} has no date")
    return {
        "schema": SCHEMA,
        "template": TEMPLATE,
        "locale": "en-US",
        "kind": document.kind,
        "organization": {
            "name": who.legal_name,
            "address_lines": who.address_lines,
            "ein": who.ein,
            "phone": who.phone,
            "email": who.email,
            "website": who.website,
            "brand_color": who.brand_color,
            "accent_color": who.accent_color,
            "signatory_name": who.signatory_name,
            "signatory_title": who.signatory_title,
        },
        "donor": {"name": gift.donor_name, "address_lines": gift.address_lines},
        "salutation": f"Dear {gift.donor_name},",
        "gift": {
            "id": gift.public_id,
            "amount": str(gift.amount),
            "amount_minor": gift.amount_minor,
            "currency": gift.currency,
            "gift_on": in_words(gift.gift_on),
            "gift_on_iso": gift.gift_on.isoformat(),
            "method": method(gift),
            "frequency": gift.get_frequency_display(),
            "fund": gift.fund.name,
            "covered_fee": str(gift.covered_fee) if gift.covered_fee else "",
            "tribute": f"{gift.get_tribute_display()} {gift.tribute_name}" if gift.tribute else "",
        },
        "thanks": who.receipt_thanks,
        "statements": [{"code": s.code, "version": s.version, "text": s.text} for s in document.statements],
    }


BRANDS = {"visa": "Visa", "mastercard": "Mastercard", "amex": "American Express", "discover": "Discover"}


def method(gift: Gift) -> str:
    """How the gift came, as printed: "Visa card ending 4242"."""
    if gift.card_last4:
        return f"{BRANDS.get(gift.card_brand, gift.card_brand.title())} card ending {gift.card_last4}"
    return "Card"


def in_words(day: date) -> str:
    """A date in words for letters: "November 23, 2026"."""
    return f"{day:%B} {day.day}, {day.year}"
