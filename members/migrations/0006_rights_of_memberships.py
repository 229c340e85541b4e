"""Who sees members, gives memberships, sends benefits, and decides what levels there are."""

from django.apps.registry import Apps
from django.db import migrations
from django.db.backends.base.schema import BaseDatabaseSchemaEditor

# Plain code, the same for every migration that gives rights.
from nonprofit.staff_groups import grant, revoke

SEE = [
    *("members.view_level", "members.view_levelbenefit", "members.view_membership"),
    *("members.view_membershipperson", "members.view_membershipgrant", "members.view_fulfilment"),
]
DESK = ["members.manage_membership", "members.ship_fulfilment"]
DECIDE = [
    *("members.add_level", "members.change_level", "members.add_levelbenefit", "members.change_levelbenefit"),
    *("members.delete_levelbenefit", "members.view_membershippolicy", "members.change_membershippolicy"),
]
GROUPS = {"Staff": [*SEE, *DESK], "Finance": SEE, "Administrator": [*SEE, *DESK, *DECIDE]}


def give(apps: Apps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    for group, rights in GROUPS.items():
        grant(apps, group, rights)


def take(apps: Apps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    for group, rights in GROUPS.items():
        revoke(apps, group, rights)


class Migration(migrations.Migration):
    dependencies = [
        ("members", "0005_memberships"),
        ("auth", "0012_alter_user_first_name_max_length"),
        ("contenttypes", "0002_remove_content_type_name"),
    ]
    operations = [migrations.RunPython(give, take)]
