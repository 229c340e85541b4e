"""What was wished before the log began is in it; log and exports only grow; and who may do what with the newsletter."""

from django.apps.registry import Apps
from django.db import migrations
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.models import F

# Plain code, the same for every migration that needs it.
from nonprofit import pseudonyms
from nonprofit.append_only import protect, unprotect
from nonprofit.staff_groups import grant, revoke

TABLES = ["members_consententry", "members_newsletterexport"]
SEE = [
    "members.view_consententry",
    "members.view_newslettersuppression",
    "members.view_newsletternews",
    "members.view_newsletterexport",
]
RUN = [
    "members.leave_newslettersubscription",
    "members.export_newslettersubscription",
    "members.lift_newslettersuppression",
    "members.replay_newsletternews",
]
GROUPS = {"Staff": [*SEE, *RUN], "Finance": SEE, "Administrator": [*SEE, *RUN]}
# What the log must say for each state that a row can have had.
STEPS = {"wanted": ["asked"], "confirmed": ["asked", "confirmed"], "unsubscribed": ["asked", "left"]}
BATCH = 2000


def carry_over(apps: Apps, schema_editor: BaseDatabaseSchemaEditor | None) -> None:
    """Each subscription has its entries in the log. Safe to run again: whoever has any is left alone.

    The exact words and the version were not kept then, so none are made up. Who only wished keeps the day of this
    migration as the beginning of the thirty days in which to confirm: nobody was asked before.
    """
    subscriptions = apps.get_model("members", "NewsletterSubscription")
    entries = apps.get_model("members", "ConsentEntry")
    subscriptions.objects.exclude(status="wanted").update(changed_at=F("consent_at"))
    known = set(entries.objects.values_list("pseudonym", flat=True))
    new = []
    for row in subscriptions.objects.order_by("pk").iterator(chunk_size=BATCH):
        pseudonym = pseudonyms.of(row.email)
        if pseudonym in known:
            continue
        new += [
            entries(
                at=row.consent_at,
                pseudonym=pseudonym,
                purpose=row.purpose,
                what=what,
                source=row.source,
                actor="carried over",
            )
            for what in STEPS[row.status]
        ]
    entries.objects.bulk_create(new, batch_size=BATCH)


def give(apps: Apps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    for group, rights in GROUPS.items():
        grant(apps, group, rights)


def take(apps: Apps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    for group, rights in GROUPS.items():
        revoke(apps, group, rights)


class Migration(migrations.Migration):
    dependencies = [
        ("members", "0003_newsletter_lists_and_consent"),
        ("nonprofit", "0002_append_only"),
        ("donations", "0006_staff_groups"),
        ("auth", "0012_alter_user_first_name_max_length"),
        ("contenttypes", "0002_remove_content_type_name"),
    ]
    operations = [
        migrations.RunPython(carry_over, migrations.RunPython.noop),
        *[migrations.RunSQL(protect(table), unprotect(table)) for table in TABLES],
        migrations.RunPython(give, take),
    ]
