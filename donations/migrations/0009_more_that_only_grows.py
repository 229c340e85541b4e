"""Reversals, voided and printed receipts refuse UPDATE, DELETE and TRUNCATE."""

from django.db import migrations

from nonprofit.append_only import protect, unprotect

TABLES = ["donations_reversal", "donations_receiptvoid", "donations_printedreceipt"]


class Migration(migrations.Migration):
    dependencies = [("donations", "0008_offline_desk_and_people")]
    operations = [migrations.RunSQL(protect(table), unprotect(table)) for table in TABLES]
