"""What only grows, grows: PostgreSQL itself refuses UPDATE, DELETE and TRUNCATE."""

import pytest
from django.db import IntegrityError, connection, transaction

from donations import gifts, reversals
from donations.models import (
    BalanceTransaction,
    Export,
    ExportDownload,
    ExportPart,
    LedgerEntry,
    Month,
    Payout,
    PrintedReceipt,
    PrintRun,
    Receipt,
    ReceiptBook,
    ReceiptCopy,
    ReceiptEvent,
    StatementText,
)
from donations.receipts import issue, void
from nonprofit import clock
from tests import builders
from tests.donations import mailbag
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


# Of receipts' life and the books of account.
GROWING_SINCE = [
    ("donations_receipt", "chain = repeat('0', 64)"),
    ("donations_receipt", "replaces_id = NULL, gift_id = NULL"),
    ("donations_receiptvoid", "reason = 'other'"),
    ("donations_receiptcopy", "made_by = 'nobody'"),
    ("donations_receiptevent", "kind = 'delivered'"),
    ("donations_printedreceipt", "page = 99"),
    ("donations_reversal", "note = 'x'"),
    ("donations_statementtext", "text = 'x'"),
    ("donations_balancetransaction", "amount_minor = 1, net_minor = 1, fee_minor = 0"),
    ("donations_balancetransaction", "payout_id = NULL"),
    ("donations_exportpart", "content = ''"),
    ("donations_exportdownload", "what = 'control'"),
    ("donations_ledgerentry", "booked_on = booked_on + 40"),
    ("nonprofit_auditentry", "after = '{}'"),
]


@pytest.fixture
def issued(transactional_db: None) -> None:
    gift = builders.pending_gift()
    gifts.settle(gift.pk, paid(gift))
    (receipt_id,) = issue.issue_due()
    builders.drawn(receipt_id)


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


@pytest.fixture
def lived(issued: None) -> None:
    """A receipt with everything that can happen to one, and a row of each of the books, in a month that is closed."""
    receipt, clerk = Receipt.objects.get(), builders.staff("Finance")
    file = receipt.pdf.file
    ReceiptCopy.objects.create(receipt=receipt, file=file, made_by="staff:1")
    ReceiptEvent.objects.create(receipt=receipt, kind="bounced", actor="mail")
    run = PrintRun.objects.create(file=file, made_by="staff:1")
    PrintedReceipt.objects.create(run=run, receipt=receipt, page=2)
    void.void(receipt.its_gift.pk, reason="other", actor="staff:1")
    check = mailbag.record()
    reversals.reverse(check.pk, reason="wrong_entry", noticed_on=clock.today(), actor="staff:1")
    StatementText.objects.create(code="S0", version=2, text="Nothing was given in return.", written_by="staff:1")
    payout = Payout.objects.create(
        stripe_payout_id="po_1",
        amount_minor=100,
        currency="usd",
        status="paid",
        created_at=clock.now(),
        arrival_on=clock.today(),
    )
    BalanceTransaction.objects.create(
        stripe_id="txn_9",
        type="charge",
        reporting_category="charge",
        amount_minor=200,
        fee_minor=10,
        net_minor=190,
        currency="usd",
        created_at=clock.now(),
        created_on=clock.today(),
        available_on=clock.today(),
        payout=payout,
    )
    export = Export.objects.create(profile="ledger", made_by="staff:1")
    ExportPart.objects.create(export=export, position=1, content=b"x")
    ExportDownload.objects.create(export=export, user=clerk)
    this_month = clock.today().replace(day=1)
    Month.objects.create(starts_on=this_month, state="closed", closed_by=clerk, closed_at=clock.now())


@pytest.mark.parametrize(("table", "change"), GROWING_SINCE)
def test_sql_cannot_change_what_happened_to_receipts_and_books(lived: None, table: str, change: str) -> None:
    refused(f"UPDATE {table} SET {change}")
    refused(f"DELETE FROM {table}")
    refused(f"TRUNCATE {table} CASCADE")
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT count(*) FROM {table}")
        assert cursor.fetchone()[0] >= 1


def test_no_line_slips_into_a_closed_month_and_the_next_day_takes_it(lived: None) -> None:
    line = LedgerEntry.objects.filter(kind="gift").order_by("pk")[0]
    line.pk, line.source = None, "slipped:in"
    refused(
        "INSERT INTO donations_ledgerentry (source, kind, gift_id, fund_id, amount_minor, currency, account,"
        " happened_at, booked_on, balance_transaction_id, reporting_category, recorded_at)"
        " SELECT 'slipped:in', 'gift', gift_id, fund_id, 100, 'usd', 'stripe', now(),"
        f" '{clock.today()}'::date, '', '', now() FROM donations_ledgerentry LIMIT 1"
    )
    line.booked_on = Month.objects.first_open(clock.today())
    line.save(force_insert=True)
    assert (line.booked_on.day, line.booked_on > clock.today()) == (1, True)


def test_the_only_thing_a_movement_of_the_balance_learns_later_is_its_payout(lived: None) -> None:
    BalanceTransaction.objects.create(
        stripe_id="txn_10",
        type="charge",
        reporting_category="charge",
        amount_minor=1,
        fee_minor=0,
        net_minor=1,
        currency="usd",
        created_at=clock.now(),
        created_on=clock.today(),
        available_on=clock.today(),
    )
    assert BalanceTransaction.objects.filter(stripe_id="txn_10").update(payout=Payout.objects.get()) == 1
    refused("UPDATE donations_balancetransaction SET payout_id = NULL WHERE stripe_id = 'txn_10'")


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
