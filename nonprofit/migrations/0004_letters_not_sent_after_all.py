"""A letter can be stopped before it goes."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("nonprofit", "0003_given_up_letters")]
    operations = [
        migrations.AlterField(
            model_name="outgoingemail",
            name="status",
            field=models.CharField(
                choices=[
                    ("queued", "waiting to be sent"),
                    ("sent", "sent"),
                    ("failed", "given up"),
                    ("stopped", "not sent after all"),
                ],
                default="queued",
                max_length=10,
            ),
        ),
    ]
