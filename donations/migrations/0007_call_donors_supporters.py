"""The people who give are called supporters wherever staff read it."""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [
        ("donations", "0006_staff_groups"),
    ]

    operations = [
        migrations.AlterModelOptions(
            name="donor",
            options={"verbose_name": "supporter"},
        ),
    ]
