"""Private addresses at which one gift can be paid by card."""

import django.db.models.deletion
from django.db import migrations, models

import nonprofit.clock


class Migration(migrations.Migration):
    dependencies = [("donations", "0017_account_details_of_ways")]
    operations = [
        migrations.CreateModel(
            name="PaymentLink",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("key", models.CharField(max_length=120, unique=True)),
                ("asked_by", models.CharField(help_text='"staff:17"', max_length=80)),
                ("note", models.CharField(blank=True, max_length=300, verbose_name="what it is for, in words")),
                ("expires_at", models.DateTimeField()),
                ("letters", models.PositiveSmallIntegerField(default=0, editable=False)),
                ("created_at", models.DateTimeField(default=nonprofit.clock.now, editable=False)),
                (
                    "gift",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="payment_link",
                        to="donations.gift",
                    ),
                ),
            ],
        ),
    ]
