"""Kept files and the audit log refuse UPDATE, DELETE and TRUNCATE."""

from django.db import migrations

# Plain SQL text, the same for every table that only grows.
from nonprofit.append_only import DROP_FUNCTION, FUNCTION, protect, unprotect

TABLES = ["nonprofit_storedfile", "nonprofit_auditentry"]


class Migration(migrations.Migration):
    dependencies = [("nonprofit", "0001_tables")]
    operations = [
        migrations.RunSQL(FUNCTION, DROP_FUNCTION),
        *[migrations.RunSQL(protect(table), unprotect(table)) for table in TABLES],
    ]
