"""How a supporter wants their receipts; who never said gets them by e-mail, as before."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("donations", "0028_subscriptions_to_settle"),
    ]

    operations = [
        migrations.AddField(
            model_name="donor",
            name="receipts",
            field=models.CharField(
                choices=[
                    ("email", "by e-mail, with each gift"),
                    ("paper", "on paper, by mail"),
                    ("yearly", "one statement in January"),
                ],
                db_default="email",
                default="email",
                max_length=6,
                verbose_name="receipts",
            ),
        ),
    ]
