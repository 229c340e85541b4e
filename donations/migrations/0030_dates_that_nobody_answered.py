"""A reason for dates whose bank asked its customer and was not answered."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("donations", "0029_how_supporters_want_receipts"),
    ]

    operations = [
        migrations.AlterField(
            model_name="installment",
            name="reason",
            field=models.CharField(
                blank=True,
                choices=[
                    ("asked", "the supporter asked to skip it"),
                    ("paused", "the plan was paused"),
                    ("outage", "we could not charge in time, and do not charge twice to catch up"),
                    ("stopped", "the plan was stopped"),
                    ("no_card", "there was no card that worked"),
                    ("declined", "every try was declined"),
                    ("unanswered", "the bank's question was not answered"),
                    ("staff", "staff left it out"),
                ],
                max_length=10,
            ),
        ),
    ]
