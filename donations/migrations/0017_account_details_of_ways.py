"""Account details of wires and shares, shown on request; only administrators may change them."""

import django.core.validators
import django.db.models.deletion
from django.apps.registry import Apps
from django.db import migrations, models
from django.db.backends.base.schema import BaseDatabaseSchemaEditor

# Plain code, the same for every migration that gives rights.
from nonprofit.staff_groups import grant, revoke

SEE = ["donations.view_accountdetail"]
EDIT = [f"donations.{action}_accountdetail" for action in ("add", "change", "delete")]
GROUPS = {"Staff": SEE, "Finance": SEE, "Administrator": [*SEE, *EDIT]}


def give(apps: Apps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    for group, rights in GROUPS.items():
        grant(apps, group, rights)


def take(apps: Apps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    """The groups stay with their people; only these rights go."""
    for group, rights in GROUPS.items():
        revoke(apps, group, rights)


class Migration(migrations.Migration):
    dependencies = [
        ("donations", "0016_turn_the_pages_of_lists"),
        ("auth", "0012_alter_user_first_name_max_length"),
        ("contenttypes", "0002_remove_content_type_name"),
    ]
    operations = [
        migrations.CreateModel(
            name="AccountDetail",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "label",
                    models.CharField(help_text='Like "Routing number" or "DTC number".', max_length=60),
                ),
                ("value", models.CharField(max_length=120)),
                ("position", models.PositiveSmallIntegerField(default=0)),
                (
                    "way",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="account_details",
                        to="donations.way",
                    ),
                ),
            ],
            options={"ordering": ["way", "position", "pk"]},
        ),
        migrations.AlterField(
            model_name="campaign",
            name="code",
            field=models.CharField(
                help_text="As in the books, like YE26.",
                max_length=20,
                unique=True,
                validators=[
                    django.core.validators.RegexValidator(
                        "^[0-9A-Z]+(-[0-9A-Z]+)*$", "Capital letters and digits only, like YE26."
                    )
                ],
            ),
        ),
        migrations.RunPython(give, take),
    ]
