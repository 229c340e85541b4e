"""The choices that the law leaves to us stand in a row with their defaults, for finance to change."""

from django.apps.registry import Apps
from django.db import migrations
from django.db.backends.base.schema import BaseDatabaseSchemaEditor


def make(apps: Apps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    apps.get_model("donations", "Policy").objects.get_or_create(pk=1)


class Migration(migrations.Migration):
    dependencies = [("donations", "0024_refunds_by_payment_and_disputes_taken")]
    operations = [migrations.RunPython(make, migrations.RunPython.noop)]
