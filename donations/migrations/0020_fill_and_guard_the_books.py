"""Old rows get their account, code and chain; new tables that only grow refuse changes; closed months refuse lines."""

from django.apps.registry import Apps
from django.db import migrations
from django.db.backends.base.schema import BaseDatabaseSchemaEditor

from donations.rules import chain
from nonprofit.append_only import protect, unprotect

ONLY_GROW = [
    *("donations_receiptcopy", "donations_receiptevent", "donations_statementtext"),
    *("donations_exportpart", "donations_exportdownload"),
]

ACCOUNTS = """
ALTER TABLE donations_ledgerentry DISABLE TRIGGER refuse_change;
UPDATE donations_ledgerentry entry SET account = CASE
        WHEN entry.kind IN ('property', 'property_back') THEN 'property'
        WHEN entry.kind = 'bank_fee' THEN 'bank'
        WHEN EXISTS (SELECT 1 FROM donations_giftorigin origin WHERE origin.gift_id = entry.gift_id) THEN 'former'
        WHEN gift.kind IN ('card', 'phone') THEN 'stripe'
        ELSE 'bank' END
    FROM donations_gift gift WHERE gift.id = entry.gift_id AND entry.account = '';
UPDATE donations_ledgerentry SET account = 'bank' WHERE account = '';
ALTER TABLE donations_ledgerentry ENABLE TRIGGER refuse_change;
UPDATE donations_gift gift SET receipt_id = receipt.id FROM donations_receipt receipt WHERE receipt.gift_id = gift.id;
"""

# The lock is held shared by everybody who books and alone by whoever closes (BOOKING_LOCK in models/books.py), so no
# line can slip into a month while it closes. Once a statement, not once a row: imports bring lines by the thousand.
GUARD = """
CREATE FUNCTION refuse_closed_month() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE day date;
BEGIN
    PERFORM pg_advisory_xact_lock_shared(4240011);
    SELECT min(booked_on) INTO day FROM lines;
    IF EXISTS (SELECT 1 FROM donations_month WHERE state IN ('closed', 'reopening')
               AND day < starts_on + interval '1 month') THEN
        RAISE EXCEPTION 'a ledger line on % refused: that month is closed', day USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER refuse_line_in_closed_month AFTER INSERT ON donations_ledgerentry
    REFERENCING NEW TABLE AS lines FOR EACH STATEMENT EXECUTE FUNCTION refuse_closed_month();
CREATE TRIGGER refuse_loss_in_closed_month AFTER DELETE ON donations_ledgerentry
    REFERENCING OLD TABLE AS lines FOR EACH STATEMENT EXECUTE FUNCTION refuse_closed_month();
CREATE FUNCTION refuse_change_of_balance() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'UPDATE' AND OLD.payout_id IS NULL AND to_jsonb(NEW) - 'payout_id' = to_jsonb(OLD) - 'payout_id' THEN
        RETURN NEW;
    END IF;
    RAISE EXCEPTION '% of % refused: Stripe''s movements stay as they were told', TG_OP, TG_TABLE_NAME
        USING ERRCODE = 'restrict_violation';
END $$;
CREATE TRIGGER refuse_change BEFORE UPDATE OR DELETE ON donations_balancetransaction
    FOR EACH ROW EXECUTE FUNCTION refuse_change_of_balance();
CREATE TRIGGER refuse_truncate BEFORE TRUNCATE ON donations_balancetransaction
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
"""
NO_GUARD = """
DROP TRIGGER refuse_truncate ON donations_balancetransaction;
DROP TRIGGER refuse_change ON donations_balancetransaction;
DROP FUNCTION refuse_change_of_balance();
DROP TRIGGER refuse_loss_in_closed_month ON donations_ledgerentry;
DROP TRIGGER refuse_line_in_closed_month ON donations_ledgerentry;
DROP FUNCTION refuse_closed_month();
"""


def chain_up(apps: Apps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    """Receipts numbered before there was a chain are put into it, in the order of their numbers."""
    receipts, books = apps.get_model("donations", "Receipt"), apps.get_model("donations", "ReceiptBook")
    if not receipts.objects.filter(chain="").exists():
        return
    schema_editor.execute("ALTER TABLE donations_receipt DISABLE TRIGGER refuse_change")
    for book in books.objects.all():
        last = ""
        of_book = receipts.objects.filter(series=book.series, year=book.year).order_by("sequence")
        for receipt in of_book.iterator():
            last = chain.link(last, receipt.snapshot)
            receipts.objects.filter(pk=receipt.pk).update(code=chain.code(receipt.snapshot), chain=last)
        books.objects.filter(pk=book.pk).update(last_chain=last)
    schema_editor.execute("ALTER TABLE donations_receipt ENABLE TRIGGER refuse_change")


class Migration(migrations.Migration):
    dependencies = [("donations", "0019_receipts_and_books")]
    operations = [
        migrations.RunSQL(ACCOUNTS, migrations.RunSQL.noop),
        migrations.RunPython(chain_up, migrations.RunPython.noop),
        *[migrations.RunSQL(protect(table), unprotect(table)) for table in ONLY_GROW],
        migrations.RunSQL(GUARD, NO_GUARD),
    ]
