"""E-mails that supporters ask for, requests to be forgotten, and who decides on them."""

import django.db.models.deletion
import django.db.models.functions.text
from django.conf import settings
from django.db import migrations, models

import nonprofit.clock


class Migration(migrations.Migration):
    dependencies = [
        ("donations", "0029_how_supporters_want_receipts"),
        ("members", "0006_rights_of_memberships"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="EmailChange",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "kind",
                    models.CharField(
                        choices=[("main", "another main e-mail"), ("further", "a second e-mail")], max_length=8
                    ),
                ),
                ("old_email", models.EmailField(max_length=254, verbose_name="e-mail at the time")),
                ("new_email", models.EmailField(max_length=254, verbose_name="e-mail asked for")),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("asked", "waiting for the new mailbox"),
                            ("confirmed", "confirmed"),
                            ("replaced", "asked anew"),
                            ("stopped", "stopped from the old mailbox"),
                            ("taken_back", "taken back from the old mailbox"),
                            ("for_staff", "for staff: it belongs to another record"),
                            ("done", "looked at by staff"),
                        ],
                        default="asked",
                        max_length=12,
                    ),
                ),
                ("asked_at", models.DateTimeField(default=nonprofit.clock.now, editable=False)),
                ("confirmed_at", models.DateTimeField(blank=True, null=True)),
                ("ended_at", models.DateTimeField(blank=True, null=True)),
                (
                    "user",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="email_changes",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "verbose_name": "e-mail asked for",
                "verbose_name_plural": "e-mails asked for",
                "permissions": [("settle_emailchange", "Can say that somebody's request for an e-mail was looked at")],
                "indexes": [
                    models.Index(
                        condition=models.Q(("state", "for_staff")), fields=["-id"], name="email_change_for_staff"
                    )
                ],
                "constraints": [
                    models.UniqueConstraint(
                        condition=models.Q(("state", "asked")),
                        fields=("user", "kind"),
                        name="email_change_one_at_a_time",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("new_email", django.db.models.functions.text.Lower("new_email")),
                            ("old_email", django.db.models.functions.text.Lower("old_email")),
                        ),
                        name="email_change_is_lower_case",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="ErasureRequest",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("asked", "asked"),
                            ("done", "done"),
                            ("refused", "refused"),
                            ("withdrawn", "withdrawn"),
                        ],
                        default="asked",
                        max_length=10,
                    ),
                ),
                ("asked_at", models.DateTimeField(default=nonprofit.clock.now, editable=False)),
                ("decided_at", models.DateTimeField(blank=True, null=True)),
                ("reason", models.CharField(blank=True, max_length=300)),
                ("kept", models.JSONField(blank=True, default=list)),
                (
                    "decided_by",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "donor",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="erasure_requests",
                        to="donations.donor",
                    ),
                ),
            ],
            options={
                "verbose_name": "request to be forgotten",
                "verbose_name_plural": "requests to be forgotten",
                "permissions": [
                    ("decide_erasurerequest", "Can erase a person who asked for it, or refuse with a reason")
                ],
                "constraints": [
                    models.UniqueConstraint(
                        condition=models.Q(("state", "asked")), fields=("donor",), name="erasure_asked_once_at_a_time"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("state__in", ["done", "refused"]), _negated=True),
                            models.Q(
                                ("decided_at__isnull", False),
                                ("decided_by__isnull", False),
                                models.Q(("reason", ""), _negated=True),
                            ),
                            _connector="OR",
                        ),
                        name="erasure_decided_by_somebody_with_reason",
                    ),
                ],
            },
        ),
    ]
