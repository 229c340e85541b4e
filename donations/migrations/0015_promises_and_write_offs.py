"""Promises are made once a form, payments say who attached them, write-offs are events, intentions are private."""

import uuid

import django.db.models.deletion
from django.apps.registry import Apps
from django.db import migrations, models
from django.db.backends.base.schema import BaseDatabaseSchemaEditor

import nonprofit.clock

# Plain code, the same for every migration that gives rights.
from nonprofit.append_only import protect, unprotect
from nonprofit.staff_groups import grant, revoke

WRITE_OFFS = "donations_partwriteoff"
GROUPS = {"Administrator": ["donations.seebequests_promise"]}


def give(apps: Apps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    for group, rights in GROUPS.items():
        grant(apps, group, rights)


def take(apps: Apps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    for group, rights in GROUPS.items():
        revoke(apps, group, rights)


class Migration(migrations.Migration):
    dependencies = [("donations", "0014_imports_that_can_be_undone")]
    operations = [
        migrations.CreateModel(
            name="PartWriteOff",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "deed",
                    models.CharField(
                        choices=[("written_off", "written off"), ("taken_back", "expected again")], max_length=12
                    ),
                ),
                ("on", models.DateField()),
                ("amount_minor", models.PositiveBigIntegerField(blank=True, null=True)),
                ("reason", models.CharField(max_length=200)),
                ("actor", models.CharField(max_length=80)),
                ("at", models.DateTimeField(default=nonprofit.clock.now, editable=False)),
                (
                    "part",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="write_offs",
                        to="donations.promisepart",
                    ),
                ),
            ],
            options={"verbose_name": "write-off", "ordering": ["pk"]},
        ),
        migrations.AddConstraint(
            model_name="partwriteoff",
            constraint=models.CheckConstraint(
                condition=models.Q(("reason", ""), _negated=True), name="part_write_off_has_reason"
            ),
        ),
        migrations.RunSQL(protect(WRITE_OFFS), unprotect(WRITE_OFFS)),
        migrations.AlterModelOptions(
            name="promise",
            options={
                "permissions": [
                    ("writeoff_promise", "Can write off a promise"),
                    ("seebequests_promise", "Can see and record intentions to leave something in a will"),
                ]
            },
        ),
        migrations.AlterModelOptions(
            name="promisepart",
            options={
                "ordering": ["due_on", "pk"],
                "verbose_name": "promise due",
                "verbose_name_plural": "promises due",
            },
        ),
        # The table is as new as this migration's release: there are no rows for which one default would be too few.
        migrations.AddField(
            model_name="promise",
            name="attempt",
            field=models.UUIDField(default=uuid.uuid4, editable=False, unique=True),
        ),
        migrations.AddField(
            model_name="promisepayment",
            name="actor",
            field=models.CharField(default="", max_length=80),
            preserve_default=False,
        ),
        migrations.AddField(
            model_name="promisepayment",
            name="at",
            field=models.DateTimeField(default=nonprofit.clock.now, editable=False),
        ),
        migrations.AddField(
            model_name="promisepayment",
            name="papers_checked_by",
            field=models.CharField(blank=True, help_text='"staff:17"', max_length=80),
        ),
        migrations.AlterField(
            model_name="promisepart",
            name="due_on",
            field=models.DateField(blank=True, null=True, verbose_name="due"),
        ),
        migrations.AddConstraint(
            model_name="promisepart",
            constraint=models.CheckConstraint(
                condition=models.Q(("amount_minor__isnull", True), ("amount_minor__gt", 0), _connector="OR"),
                name="promise_part_above_zero",
            ),
        ),
        migrations.RunPython(give, take),
    ]
