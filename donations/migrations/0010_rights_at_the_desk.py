"""Who may enter, close, override, merge, import, take calls, reverse, print, and see amounts."""

from django.apps.registry import Apps
from django.db import migrations
from django.db.backends.base.schema import BaseDatabaseSchemaEditor

# Plain code, the same for every migration that gives rights.
from nonprofit.staff_groups import grant, revoke

# Types the mail and nothing else: finds supporters and makes new ones, sees the batch's own rows, no other amounts.
ENTER = ["donations.enter_batch", "donations.view_batch", "donations.view_donor", "donations.add_donor"]
SEE = [
    "donations.seeamounts_gift",
    "donations.view_batch",
    "donations.view_promise",
    "donations.view_employer",
    "donations.view_giftimport",
    "donations.view_printrun",
    "donations.view_donormerge",
    "donations.view_tag",
]
PEOPLE = [
    "donations.add_donor",
    "donations.change_donor",
    "donations.merge_donor",
    "donations.add_tag",
    "donations.change_tag",
]
DESK = [
    "donations.enter_batch",
    "donations.close_batch",
    "donations.phone_gift",
    "donations.add_promise",
    "donations.change_promise",
    "donations.add_employer",
    "donations.change_employer",
    "donations.make_printrun",
]
BOOKS = [
    "donations.close_batch",
    "donations.override_batch",
    "donations.reverse_gift",
    "donations.writeoff_promise",
    "donations.run_giftimport",
    "donations.make_printrun",
]
GROUPS = {
    "Data entry": ENTER,
    "Staff": [*SEE, *PEOPLE, *DESK],
    "Finance": [*SEE, *BOOKS],
    "Administrator": [*SEE, *PEOPLE, *DESK, *BOOKS],
}


def give(apps: Apps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    for group, rights in GROUPS.items():
        grant(apps, group, rights)


def take(apps: Apps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    """The groups stay with their people; only these rights go."""
    for group, rights in GROUPS.items():
        revoke(apps, group, rights)


class Migration(migrations.Migration):
    dependencies = [
        ("donations", "0009_more_that_only_grows"),
        ("auth", "0012_alter_user_first_name_max_length"),
        ("contenttypes", "0002_remove_content_type_name"),
    ]
    operations = [migrations.RunPython(give, take)]
