"""Who sees installments, changes monthly gifts for supporters, and may stop all charging."""

from django.apps.registry import Apps
from django.db import migrations
from django.db.backends.base.schema import BaseDatabaseSchemaEditor

# Plain code, the same for every migration that gives rights.
from nonprofit.staff_groups import grant, revoke

SEE = ["donations.view_installment", "donations.view_chargeday", "donations.view_renewals"]
CHANGE = ["donations.manage_plan"]
RUN = ["donations.run_plan", "donations.adopt_plan", "donations.change_renewals"]
GROUPS = {
    "Staff": [*SEE, *CHANGE],
    "Finance": [*SEE, *RUN],
    "Administrator": [*SEE, *CHANGE, *RUN],
}


def give(apps: Apps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    for group, rights in GROUPS.items():
        grant(apps, group, rights)


def take(apps: Apps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    for group, rights in GROUPS.items():
        revoke(apps, group, rights)


class Migration(migrations.Migration):
    dependencies = [
        ("donations", "0026_plans_that_recur"),
        ("auth", "0012_alter_user_first_name_max_length"),
        ("contenttypes", "0002_remove_content_type_name"),
    ]
    operations = [migrations.RunPython(give, take)]
