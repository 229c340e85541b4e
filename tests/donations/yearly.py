"""Supporters with a past year, for tests of the statements that tell it."""

from datetime import UTC, date, datetime
from typing import Any

from donations.models import AnnualStatement, Dispute, Donor, Gift, LedgerEntry, Receipt, Refund, StatementDue
from donations.receipts import issue, making, statements
from donations.receipts.statements import Issued
from tests import builders
from tests.donations import mailbag

YEAR = 2026
# Past the day from which statements may go, in the middle of a New York day.
JANUARY = "2027-01-20T17:00:00+00:00"
HOME = {"address_line1": "12 Elm St", "city": "Boston", "region": "MA", "postal_code": "02139"}


def gave(kind: str = "check", *, on: date = date(2026, 3, 3), **fields: Any) -> Gift:
    """A gift of the year, booked, its paper made."""
    gift = mailbag.record(kind, on=on, **fields)
    issue.issue_due()
    making.prepare_all(list(Receipt.objects.filter(gift=gift).values_list("pk", flat=True)))
    return Gift.objects.get(pk=gift.pk)


def went(gift: Gift, kind: str, minor: int, *, on: date, status: str = "") -> None:
    """Money of the gift moved, as the verbs of cards book it. minor: signed, as in the ledger."""
    at = datetime(on.year, on.month, on.day, 17, tzinfo=UTC)
    LedgerEntry.objects.create(
        source=f"test:{kind}:{gift.pk}:{minor}:{on}",
        kind=kind,
        gift=gift,
        donor=gift.donor,
        fund=gift.fund,
        amount_minor=minor,
        currency=gift.currency,
        account="stripe",
        happened_at=at,
        booked_on=on,
    )
    _tell(gift, kind, minor, at, status)
    gift.refunded_minor -= minor if kind in ("refund", "refund_failed") else 0
    gift.status = status or gift.status
    gift.save(update_fields=["refunded_minor", "status"])


def _tell(gift: Gift, kind: str, minor: int, at: datetime, status: str) -> None:
    """The refund or dispute that the money is of."""
    if kind == "refund":
        paid = gift.payment_intent_id or ""
        Refund.objects.create(gift=gift, amount_minor=-minor, payment_id=paid, state="succeeded", refunded_at=at)
    elif kind == "refund_failed":
        Refund.objects.filter(gift=gift, amount_minor=minor).update(state="failed", failed_at=at)
    elif kind == "dispute":
        Dispute.objects.create(
            stripe_dispute_id=f"du_{gift.pk}",
            gift=gift,
            amount_minor=-minor,
            taken_minor=-minor,
            currency=gift.currency,
            status="lost" if status == "lost" else "needs_response",
            opened_at=at,
        )
    elif kind == "dispute_won":
        Dispute.objects.filter(gift=gift).update(status="won", taken_minor=0)


def due(*donors: Donor, year: int = YEAR) -> None:
    """They wait for a statement, outside any run."""
    StatementDue.objects.bulk_create([StatementDue(donor=donor, year=year) for donor in donors])


def issued() -> Issued:
    """What is due is numbered, drawn and its letters queued."""
    found = statements.issue_due()
    making.prepare_all(found.numbered)
    return found


def stated(donor: Donor, year: int = YEAR) -> AnnualStatement:
    """The supporter's newest statement."""
    return AnnualStatement.objects.filter(donor=donor, year=year).select_related("receipt").latest("version")


def lines(statement: AnnualStatement) -> dict[str, list[list[str]]]:
    """What it prints, by section."""
    return {section["code"]: section["lines"] for section in statement.receipt.snapshot["sections"]}


def supporter(**fields: Any) -> Donor:
    return builders.donor(**{**HOME, **fields})
