"""Undoing an import: everything goes or nothing does, and the database itself lets nothing else go."""

from collections.abc import Callable

import pytest
from django.db import IntegrityError, connection, transaction
from django.http import HttpResponseBase
from django.test import Client
from django.urls import reverse

from donations import reversals
from donations.desk import merging
from donations.desk.imports import flow, undo
from donations.desk.imports.errors import CannotImport
from donations.models import (
    Donor,
    DonorNote,
    FormerId,
    Gift,
    GiftDetail,
    GiftImport,
    GiftOrigin,
    LedgerEntry,
    Month,
    ReceiptDue,
    SoftCredit,
    Tag,
)
from donations.receipts import issue
from nonprofit import audit, clock
from nonprofit.models import AuditEntry, User
from tests import builders
from tests.donations import import_files, importing
from tests.donations.importing import ACTOR, row
from tests.donations.test_imports import everything, ids, lose_the_connection
from tests.donations.test_settle import at_once

ALL = (Gift, Donor, GiftOrigin, GiftDetail, LedgerEntry, FormerId, ReceiptDue)


def counts() -> list[int]:
    return [model._default_manager.count() for model in ALL]


def test_undone_once_and_twice_it_is_gone_and_the_others_stand(transactional_db: None) -> None:
    builders.booked_gift(donor_email="ana@example.org")
    importing.finance()
    before = everything()
    made = importing.applied(
        [
            row(**{"Check Number": "17", "Supporter ID": "S1", "Fee": "1.00"}),
            row(**{"Donation ID": "D2", "Email": "new@example.org", "Supporter ID": "S2"}),
        ],
        wants_receipts=True,
    )
    assert counts() == [3, 2, 2, 1, 5, 2, 3]
    assert importing.undone(made).state == "undone"
    assert everything() == before
    flow.ask_undo(made.pk, actor=ACTOR)
    assert flow.carry_on(made.pk) == "undone"
    assert AuditEntry.objects.filter(action="undo import").count() == 1
    assert AuditEntry.objects.filter(action="apply import").count() == 1


def test_what_was_undone_can_be_read_otherwise_and_applied(db: None) -> None:
    made = importing.undone(importing.applied([row(Comment="x")]))
    columns = {code: heading for code, heading in made.columns.items() if code != "note"}
    flow.choose(made.pk, flow.Choice(columns, made.fund), actor=ACTOR)
    importing.done(made)
    flow.ask_apply(made.pk, actor=ACTOR)
    assert flow.carry_on(made.pk) == "applied"
    assert Gift.objects.get().note == ""


def test_undone_twice_at_once(transactional_db: None) -> None:
    made = importing.applied(ids(*range(50)))
    errors = at_once(4, lambda _: flow.ask_undo(made.pk, actor=ACTOR))
    errors += at_once(4, lambda _: flow.carry_on(made.pk))
    assert errors == []
    assert counts() == [0] * len(ALL)
    assert AuditEntry.objects.filter(action="undo import").count() == 1


def test_an_undo_that_is_killed_leaves_all_and_ends_whole_when_it_is_run_again(transactional_db: None) -> None:
    made = importing.applied(ids(*range(20)))
    flow.ask_undo(made.pk, actor=ACTOR)
    gone: list[bool] = []

    def killed(execute: Callable[..., object], sql: str, *rest: object) -> object:
        if "DELETE FROM donations_gift " in sql and not gone:
            gone.append(True)
            lose_the_connection()
        return execute(sql, *rest)

    with connection.execute_wrapper(killed), pytest.raises(Exception, match=r"terminat|closed|lost"):
        flow.carry_on(made.pk)
    connection.close()
    assert (Gift.objects.count(), LedgerEntry.objects.count()) == (20, 20)
    assert flow.sweep() == [made.pk]
    assert flow.carry_on(made.pk) == "undone"
    assert counts() == [0] * len(ALL)


def receipted(gift: Gift) -> None:
    issue.make_due(gift)
    issue.issue_due()


def credited(gift: Gift) -> None:
    SoftCredit.objects.create(gift=gift, donor=builders.donor(), role="spouse")


def noted(gift: Gift) -> None:
    assert gift.donor is not None
    DonorNote.objects.create(donor=gift.donor, text="Likes tea", author=importing.finance())


def tagged(gift: Gift) -> None:
    assert gift.donor is not None
    Tag.objects.create(name="board").donors.add(gift.donor)


def gave_again(gift: Gift) -> None:
    builders.settled_gift(donor=gift.donor)


def merged(gift: Gift) -> None:
    assert gift.donor is not None
    merging.merge(builders.donor().pk, gift.donor.pk, user=importing.finance())


def reversed_(gift: Gift) -> None:
    reversals.reverse(gift.pk, reason="wrong_entry", noticed_on=clock.today(), actor=ACTOR)


def edited(gift: Gift) -> None:
    assert gift.donor is not None
    audit.record(ACTOR, "change donor", gift.donor)


def closed(gift: Gift) -> None:
    day = LedgerEntry.objects.filter(gift=gift).latest("booked_on").booked_on
    Month.objects.create(
        starts_on=day.replace(day=1), state="closed", closed_by=importing.finance(), closed_at=clock.now()
    )


BUILT: list[tuple[Callable[[Gift], None], str]] = [
    (receipted, "1 receipt on a gift"),
    (credited, "1 soft credit on a gift"),
    (noted, "1 note of a supporter who came with it"),
    (tagged, "1 tag-donor relationship of a supporter who came with it"),
    (gave_again, "1 later gift of a supporter who came with it"),
    (merged, "1 merge"),
    (reversed_, "1 gift was reversed"),
    (closed, "2 ledger lines in closed months"),
    (edited, "1 change by staff to a supporter who came with it"),
]


@pytest.mark.parametrize(("build", "reason"), BUILT, ids=[build.__name__ for build, _ in BUILT])
def test_it_is_refused_once_something_was_built_on_it(
    transactional_db: None, build: Callable[[Gift], None], reason: str
) -> None:
    made = importing.applied(ids(1, 2))
    build(Gift.objects.order_by("pk")[0])
    before = everything()
    with pytest.raises(CannotImport, match=reason):
        flow.ask_undo(made.pk, actor=ACTOR)
    # Nor when it was built after the button was pressed.
    GiftImport.objects.filter(pk=made.pk).update(state="undoing")
    importing.done(made)
    assert made.state == "applied"
    assert reason in made.trouble
    assert everything() == before


def test_every_table_that_points_at_a_gift_or_a_supporter_is_looked_at() -> None:
    gift = {table for table, _, _ in undo._pointing_at(Gift, undo.OF_GIFT)}
    assert {"donations_receipt", "donations_reversal", "donations_promisepayment", "donations_batchrow"} <= gift
    donor = {table for table, _, _ in undo._pointing_at(Donor, undo.OF_DONOR)}
    assert {"donations_plan", "donations_promise", "donations_softcredit", "donations_tag_donors"} <= donor


def refused(statement: str, values: list[int] | None = None) -> None:
    with pytest.raises(IntegrityError, match="refused"):
        _run(statement, values)


@transaction.atomic
def _run(statement: str, values: list[int] | None) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")


def test_the_ledger_lets_go_of_nothing_else(transactional_db: None) -> None:
    ordinary = builders.booked_gift()
    made = importing.applied(ids(1))
    gift = Gift.objects.get(origin__isnull=False)
    LedgerEntry.objects.create(
        source=f"reversal:{gift.pk}",
        kind="reversal",
        gift=gift,
        fund=gift.fund,
        amount_minor=-2500,
        currency="usd",
        happened_at=clock.now(),
        booked_on=clock.today(),
    )
    by_gift = "DELETE FROM donations_ledgerentry WHERE gift_id = %s AND kind = 'gift'"
    refused(by_gift, [gift.pk])
    refused("DELETE FROM donations_giftorigin")
    refused("UPDATE donations_giftorigin SET gift_id = %s", [ordinary.pk])
    refused("TRUNCATE donations_giftorigin")
    GiftImport.objects.filter(pk=made.pk).update(state="undoing")
    # An ordinary line; a later line on an imported gift; a line whose gift would stay; and no line may be rewritten.
    refused(by_gift, [ordinary.pk])
    refused("DELETE FROM donations_ledgerentry WHERE kind = 'reversal'")
    refused(by_gift, [gift.pk])
    refused("UPDATE donations_ledgerentry SET source = 'import:fundraiseup:D1' WHERE gift_id = %s", [ordinary.pk])
    refused("TRUNCATE donations_ledgerentry")
    # Not even where somebody makes an ordinary gift look like an imported one.
    GiftOrigin.objects.create(gift=ordinary, gift_import=made, source="stripe", external_id="x")
    refused(by_gift, [ordinary.pk])
    assert LedgerEntry.objects.count() == 4


# --- who may -------------------------------------------------------------------------------------------------------

PAGES = ["changelist", "upload"]
OF_ONE = ["change", "columns", "apply", "undo", "progress", "problems"]
MAY_LOOK = {"changelist", "change", "progress", "problems"}


def ask(client: Client, name: str, made: GiftImport) -> HttpResponseBase:
    """The page by GET, the verbs by POST."""
    url = reverse(f"admin:donations_giftimport_{name}", args=[made.pk] if name in OF_ONE else [])
    return client.post(url) if name in ("apply", "undo") else client.get(url)


@pytest.mark.parametrize("name", [*PAGES, *OF_ONE])
def test_who_may_import(db: None, client: Client, name: str) -> None:
    made = importing.checked(ids(1))
    for wrong in (User.objects.create_user("somebody@example.org"), builders.staff("Data entry"), builders.staff()):
        client.force_login(wrong)
        assert ask(client, name, made).status_code in (302, 403)
        assert GiftImport.objects.get().state == "checked"
    client.force_login(builders.staff("Staff"))
    assert ask(client, name, made).status_code == (200 if name in MAY_LOOK else 403)
    assert GiftImport.objects.get().state == "checked"
    client.force_login(builders.staff("Finance"))
    answer = ask(client, name, made)
    assert answer.status_code == (302 if name in ("apply", "undo") else 200)
    assert GiftImport.objects.get().state == ("applying" if name == "apply" else "checked")
    if name in ("apply", "undo"):
        assert client.get(reverse(f"admin:donations_giftimport_{name}", args=[made.pk])).status_code == 405


def test_from_upload_to_undo_by_the_pages(db: None, client: Client) -> None:
    builders.campaign()
    client.force_login(importing.finance())
    file = import_files.small([*ids(1, 2), row(Amount="abc")])
    file.name = "gifts.csv"
    answer = client.post(
        reverse("admin:donations_giftimport_upload"), {"source": "other", "name": "Give It", "file": file}
    )
    made = GiftImport.objects.get()
    assert (made.source, made.file_name) == ("give-it", "gifts.csv")
    page = client.get(answer["Location"])
    said = {field.html_name: field.value() or "" for field in page.context["form"].columns()}
    said |= {"fund": made.fund_id, "currency": "USD", "date_order": "mdy"}
    wrong = client.post(answer["Location"], {**said, "column-amount": "", "currency": "QQQ"})
    assert wrong.status_code == 422
    assert b"Say which column holds the amount." in wrong.content
    assert b"We do not know this currency." in wrong.content
    client.post(answer["Location"], said)
    importing.done(made)
    preview = client.get(reverse("admin:donations_giftimport_change", args=[made.pk])).content.decode()
    assert "Bring in 2 gifts" in preview
    assert "This is no amount." in preview
    client.post(reverse("admin:donations_giftimport_apply", args=[made.pk]))
    importing.done(made)
    assert "$50.00" in client.get(reverse("admin:donations_giftimport_change", args=[made.pk])).content.decode()
    client.post(reverse("admin:donations_giftimport_undo", args=[made.pk]))
    assert importing.done(made).state == "undone"
