"""Plans that recur: their states, limits and provider; installments, and how charging goes on by itself."""

import django.core.validators
import django.db.models.deletion
from django.apps.registry import Apps
from django.conf import settings
from django.db import migrations, models
from django.db.backends.base.schema import BaseDatabaseSchemaEditor

import nonprofit.clock


def say_why_they_ended(apps: Apps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    """Plans that ended before reasons were kept were stopped by their supporters: there was no other way."""
    plans = apps.get_model("donations", "Plan").objects.filter(status="ended", ended_at=None)
    plans.update(end="asked", ended_at=models.F("created_at"))


class Migration(migrations.Migration):
    dependencies = [
        ("donations", "0025_choices_to_edit"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="ChargeDay",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("on", models.DateField(unique=True)),
                ("claimed", models.PositiveIntegerField(default=0)),
                ("claimed_minor", models.PositiveBigIntegerField(default=0)),
                ("paid", models.PositiveIntegerField(default=0)),
                ("declined", models.PositiveIntegerField(default=0)),
                ("stopped_why", models.CharField(blank=True, max_length=200)),
                ("stopped_at", models.DateTimeField(blank=True, null=True)),
            ],
            options={
                "ordering": ["-on"],
            },
        ),
        migrations.CreateModel(
            name="Installment",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("due_on", models.DateField()),
                (
                    "status",
                    models.CharField(
                        choices=[
                            ("scheduled", "to be charged"),
                            ("charging", "being charged"),
                            ("unknown", "outcome not known yet"),
                            ("processing", "the bank is processing it"),
                            ("retrying", "declined, tried again later"),
                            ("waiting", "waiting for the supporter"),
                            ("paid", "paid"),
                            ("failed", "not paid"),
                            ("skipped", "left out"),
                        ],
                        default="scheduled",
                        max_length=10,
                    ),
                ),
                (
                    "reason",
                    models.CharField(
                        blank=True,
                        choices=[
                            ("asked", "the supporter asked to skip it"),
                            ("paused", "the plan was paused"),
                            ("outage", "we could not charge in time, and do not charge twice to catch up"),
                            ("stopped", "the plan was stopped"),
                            ("no_card", "there was no card that worked"),
                            ("declined", "every try was declined"),
                            ("staff", "staff left it out"),
                        ],
                        max_length=10,
                    ),
                ),
                ("amount_minor", models.PositiveIntegerField(help_text="The covered fee included.")),
                ("covered_fee_minor", models.PositiveIntegerField(default=0)),
                ("currency", models.CharField(max_length=3)),
                (
                    "tries",
                    models.PositiveSmallIntegerField(
                        default=0, help_text="How often a card was asked, this time included."
                    ),
                ),
                ("next_try_at", models.DateTimeField(blank=True, null=True)),
                ("claimed_at", models.DateTimeField(blank=True, null=True)),
                ("sent_at", models.DateTimeField(blank=True, null=True)),
                ("stripe_payment_method_id", models.CharField(blank=True, max_length=80)),
                ("code", models.CharField(blank=True, help_text="Stripe's code of the last decline.", max_length=60)),
                ("made_at", models.DateTimeField(default=nonprofit.clock.now, editable=False)),
                ("done_at", models.DateTimeField(blank=True, null=True)),
            ],
            options={
                "ordering": ["-due_on", "-pk"],
            },
        ),
        migrations.CreateModel(
            name="Renewals",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("is_on", models.BooleanField(default=True, verbose_name="charging is on")),
                (
                    "from_hour",
                    models.PositiveSmallIntegerField(
                        default=8,
                        help_text="Local time: a bank's message wakes nobody.",
                        validators=[django.core.validators.MaxValueValidator(23)],
                        verbose_name="not before this hour",
                    ),
                ),
                (
                    "most_count",
                    models.PositiveIntegerField(
                        default=20000,
                        help_text="What goes beyond waits for a person to look.",
                        verbose_name="most charges a day",
                    ),
                ),
                (
                    "most_minor",
                    models.PositiveBigIntegerField(
                        default=100000000,
                        help_text="What goes beyond waits for a person to look.",
                        verbose_name="most money a day (cents)",
                    ),
                ),
                (
                    "most_declined_percent",
                    models.PositiveSmallIntegerField(
                        default=40,
                        help_text="Percent of a day's charges, once there are fifty: then something is wrong, and going on makes banks distrust us.",
                        validators=[
                            django.core.validators.MinValueValidator(5),
                            django.core.validators.MaxValueValidator(100),
                        ],
                        verbose_name="stop when so many are declined",
                    ),
                ),
                (
                    "ends_unpaid_after_days",
                    models.PositiveSmallIntegerField(
                        default=60,
                        help_text="Counted from the first decline. The supporter is told, and can restart in the portal.",
                        validators=[
                            django.core.validators.MinValueValidator(15),
                            django.core.validators.MaxValueValidator(365),
                        ],
                        verbose_name="end a plan without a card after days",
                    ),
                ),
            ],
            options={
                "verbose_name_plural": "charging",
            },
        ),
        migrations.AlterModelOptions(
            name="plan",
            options={
                "permissions": [
                    ("manage_plan", "Can change, pause and stop supporters' monthly gifts for them"),
                    ("run_plan", "Can stop and resume all charging, and see what tomorrow brings"),
                    ("adopt_plan", "Can bring subscriptions over from Stripe"),
                ]
            },
        ),
        migrations.RemoveConstraint(
            model_name="plan",
            name="plan_active_can_charge",
        ),
        migrations.AddField(
            model_name="plan",
            name="campaign",
            field=models.ForeignKey(
                blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, to="donations.campaign"
            ),
        ),
        migrations.AddField(
            model_name="plan",
            name="end",
            field=models.CharField(
                blank=True,
                choices=[
                    ("asked", "the supporter stopped it"),
                    ("staff", "staff stopped it"),
                    ("failed", "no card worked any more"),
                    ("completed", "it came to its agreed end"),
                    ("deceased", "the supporter has died"),
                    ("succeeded", "another plan took its place"),
                    ("elsewhere", "it was ended at Stripe"),
                ],
                max_length=10,
                verbose_name="why it ended",
            ),
        ),
        migrations.AddField(
            model_name="plan",
            name="end_reason",
            field=models.CharField(blank=True, max_length=300, verbose_name="in their words"),
        ),
        migrations.AddField(
            model_name="plan",
            name="ended_at",
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name="plan",
            name="ends_after_count",
            field=models.PositiveSmallIntegerField(
                blank=True,
                help_text="So many gifts, the first one included.",
                null=True,
                validators=[django.core.validators.MinValueValidator(1)],
            ),
        ),
        migrations.AddField(
            model_name="plan",
            name="ends_after_minor",
            field=models.PositiveBigIntegerField(
                blank=True,
                help_text="Cents in all, covered fees not counted.",
                null=True,
                validators=[django.core.validators.MinValueValidator(1)],
            ),
        ),
        migrations.AddField(
            model_name="plan",
            name="ends_on",
            field=models.DateField(blank=True, help_text="No gift after this day.", null=True),
        ),
        migrations.AddField(
            model_name="plan",
            name="follows",
            field=models.OneToOneField(
                blank=True,
                editable=False,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="followed_by",
                to="donations.plan",
            ),
        ),
        migrations.AddField(
            model_name="plan",
            name="paused_until",
            field=models.DateField(blank=True, help_text="Dates before this day are left out.", null=True),
        ),
        migrations.AddField(
            model_name="plan",
            name="provider",
            field=models.CharField(
                choices=[("ours", "our own schedule"), ("stripe", "managed at Stripe")], default="ours", max_length=6
            ),
        ),
        migrations.AddField(
            model_name="plan",
            name="status_at",
            field=models.DateTimeField(default=nonprofit.clock.now, editable=False),
        ),
        migrations.AddField(
            model_name="plan",
            name="stripe_subscription_id",
            field=models.CharField(blank=True, max_length=80, null=True, unique=True),
        ),
        migrations.AddField(
            model_name="plan",
            name="tribute",
            field=models.CharField(blank=True, help_text='"honor", "memory" or nothing, as on the gift.', max_length=8),
        ),
        migrations.AddField(
            model_name="plan",
            name="tribute_name",
            field=models.CharField(blank=True, max_length=120),
        ),
        migrations.AddField(
            model_name="plan",
            name="trouble_since",
            field=models.DateField(blank=True, editable=False, null=True),
        ),
        migrations.AddField(
            model_name="plan",
            name="waiting_for",
            field=models.CharField(
                blank=True,
                choices=[("card", "another card"), ("authentication", "the supporter's yes at their bank")],
                max_length=16,
            ),
        ),
        migrations.AlterField(
            model_name="gift",
            name="frequency",
            field=models.CharField(
                choices=[
                    ("once", "One-time gift"),
                    ("monthly", "Monthly gift"),
                    ("quarterly", "Quarterly gift"),
                    ("yearly", "Yearly gift"),
                ],
                default="once",
                max_length=10,
            ),
        ),
        migrations.AlterField(
            model_name="plan",
            name="interval",
            field=models.CharField(
                choices=[("month", "monthly"), ("quarter", "quarterly"), ("year", "yearly")], max_length=8
            ),
        ),
        migrations.AlterField(
            model_name="plan",
            name="next_due_on",
            field=models.DateField(blank=True, null=True),
        ),
        migrations.AlterField(
            model_name="plan",
            name="status",
            field=models.CharField(
                choices=[
                    ("starting", "waiting for the first gift"),
                    ("active", "active"),
                    ("paused", "paused"),
                    ("past_due", "past due, trying again"),
                    ("waiting", "waiting for the supporter"),
                    ("ended", "ended"),
                ],
                default="starting",
                max_length=10,
            ),
        ),
        migrations.AlterField(
            model_name="plan",
            name="stripe_payment_method_id",
            field=models.CharField(blank=True, db_index=True, max_length=80),
        ),
        migrations.AddIndex(
            model_name="plan",
            index=models.Index(
                condition=models.Q(("provider", "ours"), ("status__in", ["active", "paused", "past_due", "waiting"])),
                fields=["next_due_on", "id"],
                name="plan_due",
            ),
        ),
        migrations.AddIndex(
            model_name="plan",
            index=models.Index(fields=["status", "id"], name="plan_by_status"),
        ),
        migrations.AddIndex(
            model_name="plan",
            index=models.Index(
                condition=models.Q(("status__in", ["active", "paused", "past_due", "waiting"])),
                fields=["card_expires_on"],
                name="plan_by_card_expiry",
            ),
        ),
        migrations.RunPython(say_why_they_ended, migrations.RunPython.noop),
        migrations.AddConstraint(
            model_name="plan",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("status__in", ["active", "paused", "past_due", "waiting"]), _negated=True),
                    ("provider", "stripe"),
                    models.Q(
                        ("anchor_day__range", (1, 31)),
                        ("donor__isnull", False),
                        ("next_due_on__isnull", False),
                        ("started_on__isnull", False),
                        models.Q(("stripe_payment_method_id", ""), _negated=True),
                        models.Q(("stripe_customer_id", ""), _negated=True),
                    ),
                    _connector="OR",
                ),
                name="plan_running_can_charge",
            ),
        ),
        migrations.AddConstraint(
            model_name="plan",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("ended_at__isnull", False), ("status", "ended"), models.Q(("end", ""), _negated=True)),
                    models.Q(models.Q(("status", "ended"), _negated=True), ("end", ""), ("ended_at__isnull", True)),
                    _connector="OR",
                ),
                name="plan_ended_says_why",
            ),
        ),
        migrations.AddConstraint(
            model_name="plan",
            constraint=models.CheckConstraint(
                condition=models.Q(("status", "waiting"), ("waiting_for", ""), _connector="XOR"),
                name="plan_waiting_says_for_what",
            ),
        ),
        migrations.AddConstraint(
            model_name="plan",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("status", "paused"), _negated=True), ("paused_until__isnull", False), _connector="OR"
                ),
                name="plan_paused_until_a_day",
            ),
        ),
        migrations.AddConstraint(
            model_name="plan",
            constraint=models.CheckConstraint(
                condition=models.Q(("provider", "ours"), ("stripe_subscription_id__isnull", False), _connector="OR"),
                name="plan_at_stripe_has_a_subscription",
            ),
        ),
        migrations.AddField(
            model_name="chargeday",
            name="let_go_on_by",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.AddField(
            model_name="installment",
            name="gift",
            field=models.OneToOneField(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="installment",
                to="donations.gift",
            ),
        ),
        migrations.AddField(
            model_name="installment",
            name="plan",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="installments", to="donations.plan"
            ),
        ),
        migrations.AddField(
            model_name="renewals",
            name="changed_by",
            field=models.ForeignKey(
                blank=True,
                editable=False,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.AddIndex(
            model_name="installment",
            index=models.Index(
                condition=models.Q(("status__in", ["scheduled", "retrying", "charging", "unknown"])),
                fields=["next_try_at", "id"],
                name="installment_to_charge",
            ),
        ),
        migrations.AddIndex(
            model_name="installment",
            index=models.Index(fields=["due_on", "status"], name="installment_by_date"),
        ),
        migrations.AddIndex(
            model_name="installment",
            index=models.Index(
                condition=models.Q(("status", "paid"), _negated=True),
                fields=["status", "due_on"],
                name="installment_by_status",
            ),
        ),
        migrations.AddConstraint(
            model_name="installment",
            constraint=models.UniqueConstraint(fields=("plan", "due_on"), name="installment_once_a_date"),
        ),
        migrations.AddConstraint(
            model_name="installment",
            constraint=models.UniqueConstraint(
                condition=models.Q(
                    ("status__in", ["scheduled", "charging", "unknown", "processing", "retrying", "waiting"])
                ),
                fields=("plan",),
                name="installment_one_open",
            ),
        ),
        migrations.AddConstraint(
            model_name="installment",
            constraint=models.CheckConstraint(
                condition=models.Q(("covered_fee_minor__lt", models.F("amount_minor"))),
                name="installment_fee_inside_amount",
            ),
        ),
        migrations.AddConstraint(
            model_name="installment",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("status__in", ["failed", "skipped"]), _negated=True),
                    models.Q(("reason", ""), _negated=True),
                    _connector="OR",
                ),
                name="installment_unpaid_says_why",
            ),
        ),
        migrations.AddConstraint(
            model_name="installment",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("status__in", ["paid", "charging", "unknown", "processing"]), _negated=True),
                    ("gift__isnull", False),
                    _connector="OR",
                ),
                name="installment_charged_has_a_gift",
            ),
        ),
        migrations.AddConstraint(
            model_name="renewals",
            constraint=models.CheckConstraint(condition=models.Q(("pk", 1)), name="renewals_is_one_row"),
        ),
    ]
