"""Lists of gifts turn their pages by amount or date with the primary key, and find rarer kinds and states at once."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("donations", "0015_promises_and_write_offs")]
    operations = [
        migrations.RemoveIndex(model_name="gift", name="gift_by_amount"),
        migrations.RemoveIndex(model_name="gift", name="gift_by_date"),
        migrations.AddIndex(
            model_name="gift", index=models.Index(fields=["amount_minor", "id"], name="gift_by_amount")
        ),
        migrations.AddIndex(model_name="gift", index=models.Index(fields=["gift_on", "id"], name="gift_by_date")),
        migrations.AddIndex(
            model_name="gift",
            index=models.Index(
                condition=models.Q(("kind", "card"), _negated=True), fields=["kind", "-started_at"], name="gift_by_kind"
            ),
        ),
        migrations.AddIndex(
            model_name="gift",
            index=models.Index(
                condition=models.Q(("status", "settled"), _negated=True),
                fields=["status", "-started_at"],
                name="gift_by_status",
            ),
        ),
    ]
