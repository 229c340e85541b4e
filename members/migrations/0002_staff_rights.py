"""All staff see who asked for the newsletter."""

from django.apps.registry import Apps
from django.db import migrations
from django.db.backends.base.schema import BaseDatabaseSchemaEditor

# Plain code, the same for every migration that gives rights.
from nonprofit.staff_groups import grant, revoke

GROUPS = ["Staff", "Finance", "Administrator"]
RIGHTS = ["members.view_newslettersubscription"]


def give(apps: Apps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    for group in GROUPS:
        grant(apps, group, RIGHTS)


def take(apps: Apps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    for group in GROUPS:
        revoke(apps, group, RIGHTS)


class Migration(migrations.Migration):
    dependencies = [("members", "0001_newsletter_subscriptions"), ("donations", "0006_staff_groups")]
    operations = [migrations.RunPython(give, take)]
