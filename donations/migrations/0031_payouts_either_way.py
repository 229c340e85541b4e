"""A payout below nothing is what Stripe takes from the bank: payouts and their return may have either sign."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("donations", "0030_dates_that_nobody_answered"),
    ]

    operations = [
        migrations.RemoveConstraint(
            model_name="ledgerentry",
            name="ledger_sign_fits_kind",
        ),
        migrations.AddConstraint(
            model_name="ledgerentry",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(
                        ("amount_minor__gt", 0),
                        ("kind__in", ["gift", "property", "refund_failed", "dispute_won", "dispute_fee_back"]),
                    ),
                    models.Q(
                        ("amount_minor__lt", 0),
                        (
                            "kind__in",
                            [
                                "fee",
                                "reversal",
                                "property_back",
                                "bank_fee",
                                "refund",
                                "dispute",
                                "dispute_fee",
                                "stripe_fee",
                            ],
                        ),
                    ),
                    ("kind__in", ["payout", "payout_failed", "adjustment"]),
                    _connector="OR",
                ),
                name="ledger_sign_fits_kind",
            ),
        ),
    ]
