"""Staff, Finance and Administrator, and what each may see and do."""

from django.apps.registry import Apps
from django.db import migrations
from django.db.backends.base.schema import BaseDatabaseSchemaEditor

# Plain code, the same for every migration that gives rights.
from nonprofit.staff_groups import grant, revoke

# Answer supporters: everybody and every gift, with its receipt and letters; the texts of the pages.
SEE_SUPPORTERS = [
    "donations.view_donor",
    "donations.view_gift",
    "donations.view_attempt",
    "donations.view_plan",
    "donations.view_receipt",
    "donations.view_receiptdue",
    "donations.view_campaign",
    "donations.view_fund",
    "donations.view_way",
    "nonprofit.view_organization",
    "nonprofit.view_outgoingemail",
]
EDIT_TEXTS = ["donations.change_campaign", "donations.add_way", "donations.change_way"]
# The books: ledger, Stripe's events and the audit log; receipts and letters again; the funds.
SEE_BOOKS = [
    "donations.view_ledgerentry",
    "donations.view_receiptbook",
    "donations.view_stripeevent",
    "nonprofit.view_auditentry",
]
MEND = ["donations.resend_receipt", "donations.retry_stripeevent", "nonprofit.resend_outgoingemail"]
EDIT_FUNDS = ["donations.add_fund", "donations.change_fund"]
RUN = [
    "donations.add_campaign",
    "donations.delete_way",
    "nonprofit.change_organization",
    "nonprofit.view_user",
    "nonprofit.add_user",
    "nonprofit.change_user",
    "auth.view_group",
]
GROUPS = {
    "Staff": [*SEE_SUPPORTERS, *EDIT_TEXTS],
    "Finance": [*SEE_SUPPORTERS, *SEE_BOOKS, *MEND, *EDIT_FUNDS],
    "Administrator": [*SEE_SUPPORTERS, *EDIT_TEXTS, *SEE_BOOKS, *MEND, *EDIT_FUNDS, *RUN],
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
        ("donations", "0005_admin_lists"),
        ("nonprofit", "0003_given_up_letters"),
        ("auth", "0012_alter_user_first_name_max_length"),
        ("contenttypes", "0002_remove_content_type_name"),
    ]
    operations = [migrations.RunPython(give, take)]
