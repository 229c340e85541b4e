"""A bank statement is looked at before its lines are brought in."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("donations", "0021_rights_of_finance")]
    operations = [
        migrations.AddField(
            model_name="bankimport",
            name="columns",
            field=models.JSONField(blank=True, default=dict),
        ),
        migrations.AddField(
            model_name="bankimport",
            name="applied_at",
            field=models.DateTimeField(blank=True, null=True, verbose_name="brought in"),
        ),
    ]
