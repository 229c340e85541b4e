"""What the staff's lists and searches stand on at a million gifts, and the rights to two repairs."""

import django.contrib.postgres.indexes
import django.db.models.functions.text
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("donations", "0004_find_gifts_on_their_way"),
    ]

    operations = [
        migrations.AlterModelOptions(
            name="receipt",
            options={"permissions": [("resend_receipt", "Can send a receipt again")]},
        ),
        migrations.AlterModelOptions(
            name="stripeevent",
            options={
                "permissions": [("retry_stripeevent", "Can handle a Stripe event again")],
                "verbose_name": "Stripe event",
            },
        ),
        migrations.AddIndex(
            model_name="gift",
            index=models.Index(fields=["gift_on"], name="gift_by_date"),
        ),
        migrations.AddIndex(
            model_name="gift",
            index=django.contrib.postgres.indexes.GinIndex(
                django.contrib.postgres.indexes.OpClass(
                    django.db.models.functions.text.Upper("donor_name"), name="gin_trgm_ops"
                ),
                condition=models.Q(("donor__isnull", True)),
                name="gift_name_trigram",
            ),
        ),
        migrations.AddIndex(
            model_name="gift",
            index=django.contrib.postgres.indexes.GinIndex(
                django.contrib.postgres.indexes.OpClass(
                    django.db.models.functions.text.Upper("donor_email"), name="gin_trgm_ops"
                ),
                condition=models.Q(("donor__isnull", True)),
                name="gift_email_trigram",
            ),
        ),
        migrations.AddIndex(
            model_name="stripeevent",
            index=models.Index(
                condition=models.Q(("state__in", ["unmatched", "failed"])),
                fields=["received_at"],
                name="stripe_event_trouble",
            ),
        ),
    ]
