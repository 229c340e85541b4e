"""What only grows, grows: PostgreSQL itself refuses UPDATE, DELETE and TRUNCATE."""

import pytest
from django.db import IntegrityError, connection, transaction

from donations import gifts
from donations.models import LedgerEntry, ReceiptBook
from donations.receipts import deliver, issue
from tests import builders
from tests.donations.test_settle import paid

GROWING = [
    ("donations_ledgerentry", "amount_minor = amount_minor + 1"),
    ("donations_attempt", "code = 'x'"),
    ("donations_receipt", "number = 'R-0'"),
    ("donations_receipt", "snapshot = '{}'"),
    ("donations_receiptpdf", "email_id = NULL"),
    ("nonprofit_storedfile", "content = ''"),
    ("nonprofit_auditentry", "actor = 'nobody'"),
]


@pytest.fixture
def issued(transactional_db: None) -> None:
    gift = builders.pending_gift()
    gifts.settle(gift.pk, paid(gift))
    (receipt_id,) = issue.issue_due()
    deliver.prepare(receipt_id)


def refused(statement: str) -> None:
    with pytest.raises(IntegrityError, match="refused"), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement)


@pytest.mark.parametrize(("table", "change"), GROWING)
def test_sql_cannot_change_or_remove_a_row(issued: None, table: str, change: str) -> None:
    refused(f"UPDATE {table} SET {change}")
    refused(f"DELETE FROM {table}")
    refused(f"TRUNCATE {table} CASCADE")
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT count(*) FROM {table}")
        assert cursor.fetchone()[0] >= 1


def test_the_receipt_book_never_goes_back(issued: None) -> None:
    assert ReceiptBook.objects.get().last_number == 1
    refused("UPDATE donations_receiptbook SET last_number = 0")
    refused("UPDATE donations_receiptbook SET year = 1999")
    refused("DELETE FROM donations_receiptbook")


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("kind", "amount"), [("gift", 0), ("gift", -100), ("fee", 100)], ids=["nothing", "negative gift", "positive fee"]
)
def test_a_ledger_line_whose_sign_does_not_fit_its_kind_is_refused(kind: str, amount: int) -> None:
    gift = builders.settled_gift()
    assert gift.settled_at
    assert gift.gift_on
    line = LedgerEntry(
        source="x",
        kind=kind,
        gift=gift,
        donor=gift.donor,
        fund=gift.fund,
        amount_minor=amount,
        currency="usd",
        happened_at=gift.settled_at,
        booked_on=gift.gift_on,
    )
    with pytest.raises(IntegrityError, match="ledger_"), transaction.atomic():
        line.save()


@pytest.mark.django_db
def test_the_same_fact_cannot_be_booked_twice() -> None:
    gift = builders.pending_gift()
    gifts.settle(gift.pk, paid(gift))
    line = LedgerEntry.objects.get(kind="gift")
    line.pk = None
    with pytest.raises(IntegrityError, match="ledger_each_fact_once"), transaction.atomic():
        line.save(force_insert=True)
