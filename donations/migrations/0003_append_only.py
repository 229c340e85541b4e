"""The ledger, the attempts and issued receipts refuse UPDATE, DELETE and TRUNCATE; the receipt book never goes back."""

from django.db import migrations

from nonprofit.append_only import protect, unprotect

TABLES = ["donations_ledgerentry", "donations_attempt", "donations_receipt", "donations_receiptpdf"]

BOOK = """
CREATE FUNCTION refuse_lower_number() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'receipt book %-% refused: a number that was given is never taken back', OLD.series, OLD.year
        USING ERRCODE = 'restrict_violation';
END $$;
CREATE TRIGGER refuse_lower_number BEFORE UPDATE ON donations_receiptbook FOR EACH ROW
    WHEN (NEW.last_number < OLD.last_number OR NEW.series <> OLD.series OR NEW.year <> OLD.year)
    EXECUTE FUNCTION refuse_lower_number();
CREATE TRIGGER refuse_delete BEFORE DELETE ON donations_receiptbook FOR EACH ROW
    EXECUTE FUNCTION refuse_lower_number();
"""
NO_BOOK = """
DROP TRIGGER refuse_delete ON donations_receiptbook;
DROP TRIGGER refuse_lower_number ON donations_receiptbook;
DROP FUNCTION refuse_lower_number();
"""


class Migration(migrations.Migration):
    dependencies = [("donations", "0002_tables"), ("nonprofit", "0002_append_only")]
    operations = [
        *[migrations.RunSQL(protect(table), unprotect(table)) for table in TABLES],
        migrations.RunSQL(BOOK, NO_BOOK),
    ]
