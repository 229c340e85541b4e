"""Who raised the limit up to which one person refunds alone: it does not count for themselves."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("donations", "0031_payouts_either_way"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.AddField(
            model_name="policy",
            name="refund_limit_by",
            field=models.ForeignKey(
                blank=True,
                editable=False,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.AlterField(
            model_name="policy",
            name="refund_alone_up_to_minor",
            field=models.PositiveIntegerField(
                default=25000,
                help_text="Above it a second person approves: whoever refunds to another card than was charged, or to themselves, would be alone otherwise. Whoever raised it last stays at $250 themselves.",
                verbose_name="refunds by one person up to (cents)",
            ),
        ),
    ]
