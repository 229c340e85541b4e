"""Subscriptions at Stripe that are still to be ended or to run out."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("donations", "0027_rights_of_renewals"),
    ]

    operations = [
        migrations.AddField(
            model_name="plan",
            name="at_stripe",
            field=models.CharField(
                blank=True,
                choices=[
                    ("cancel", "to be ended at once"),
                    ("run_out", "to run out with its period, and go on with us"),
                ],
                editable=False,
                max_length=8,
            ),
        ),
    ]
