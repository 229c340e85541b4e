"""Letters that were given up wait for a person: an index to find them, and the right to send one again."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("nonprofit", "0002_append_only"),
    ]

    operations = [
        migrations.AlterModelOptions(
            name="outgoingemail",
            options={"permissions": [("resend_outgoingemail", "Can send an e-mail again")], "verbose_name": "e-mail"},
        ),
        migrations.AddIndex(
            model_name="outgoingemail",
            index=models.Index(condition=models.Q(("status", "failed")), fields=["queued_at"], name="email_given_up"),
        ),
    ]
