"""Who sees e-mails that supporters ask for and requests to be forgotten, and who decides on them."""

from django.apps.registry import Apps
from django.db import migrations
from django.db.backends.base.schema import BaseDatabaseSchemaEditor

# Plain code, the same for every migration that gives rights.
from nonprofit.staff_groups import grant, revoke

SEE = ["members.view_emailchange", "members.view_erasurerequest"]
SETTLE, ERASE = ["members.settle_emailchange"], ["members.decide_erasurerequest"]
GROUPS = {"Staff": [*SEE, *SETTLE], "Finance": [*SEE, *ERASE], "Administrator": [*SEE, *SETTLE, *ERASE]}


def give(apps: Apps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    for group, rights in GROUPS.items():
        grant(apps, group, rights)


def take(apps: Apps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    for group, rights in GROUPS.items():
        revoke(apps, group, rights)


class Migration(migrations.Migration):
    dependencies = [
        ("members", "0007_emails_and_requests_to_be_forgotten"),
        ("auth", "0012_alter_user_first_name_max_length"),
        ("contenttypes", "0002_remove_content_type_name"),
    ]
    operations = [migrations.RunPython(give, take)]
