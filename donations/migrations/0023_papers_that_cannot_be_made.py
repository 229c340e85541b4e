"""Numbered papers that could not be drawn stand on a list with their reason."""

import django.db.models.deletion
from django.db import migrations, models

import nonprofit.clock


class Migration(migrations.Migration):
    dependencies = [
        ("donations", "0022_look_before_bringing_in"),
    ]

    operations = [
        migrations.CreateModel(
            name="RenderTrouble",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("reason", models.CharField(max_length=300)),
                ("tries", models.PositiveIntegerField(default=1)),
                ("first_at", models.DateTimeField(default=nonprofit.clock.now, verbose_name="first tried")),
                ("last_at", models.DateTimeField(default=nonprofit.clock.now, verbose_name="last tried")),
                (
                    "receipt",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT, related_name="trouble", to="donations.receipt"
                    ),
                ),
            ],
            options={
                "verbose_name": "paper that could not be made",
                "verbose_name_plural": "papers that could not be made",
                "default_permissions": (),
            },
        ),
    ]
