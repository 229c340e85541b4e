"""An import from upload to gifts: whose they are, what is here already, and what happens twice, at once and killed."""

import os
import resource
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from allauth.account.models import EmailAddress
from django.db import connection, connections

from donations import signals
from donations.desk.imports import flow
from donations.desk.imports.errors import CannotImport
from donations.models import (
    Donor,
    DonorEmail,
    FormerId,
    Fund,
    Gift,
    GiftImport,
    GiftOrigin,
    LedgerEntry,
    ReceiptDue,
)
from nonprofit import clock
from nonprofit.models import AuditEntry, User
from tests import builders
from tests.donations import import_files, importing
from tests.donations.importing import ACTOR, row
from tests.donations.test_settle import at_once

PERSON = {"name": "Ana Silva", "email": "ana@example.org", "postal_code": "02139"}


def ids(*numbers: int) -> list[dict[str, str]]:
    return [row(**{"Donation ID": f"D{number}"}) for number in numbers]


def test_every_fact_of_a_row_is_kept(db: None) -> None:
    fund = builders.fund(code="200-INV", name="Investigations")
    appeal = builders.campaign(slug="spring", code="SP24", name="Spring appeal", is_default=False)
    made = importing.applied(
        [
            row(
                **{"Receipt Number": "R-77", "Fee": "1.03", "Supporter ID": "S9", "Donor Phone": "(555) 010-0100"},
                **{"Payment Method": "Check", "Check Number": "1042", "Fund": "investigations", "Campaign": "SP24"},
                **{"Address": "12 Elm St", "City": "Boston", "State": "MA", "Country": "United States"},
                **{"Frequency": "Monthly", "Anonymous": "yes", "Comment": "For the archive", "Status": "Succeeded"},
            )
        ]
    )
    assert made.state == "applied", made.trouble
    gift = Gift.objects.get()
    assert (gift.kind, gift.status, gift.frequency) == ("check", "settled", "monthly")
    assert (gift.amount_minor, gift.currency, gift.gift_on) == (2500, "usd", date(2024, 5, 6))
    assert gift.gift_date_basis == Gift.DateBasis.ORIGIN
    assert (gift.fund, gift.campaign) == (fund, appeal)
    assert (gift.donor_name, gift.donor_email, gift.donor_phone) == ("Ana Silva", "ana@example.org", "(555) 010-0100")
    assert gift.address_lines == ["12 Elm St", "Boston MA 02139"]
    assert (gift.note, gift.is_name_hidden) == ("For the archive", True)
    assert gift.settled_at == clock.midnight(date(2024, 5, 6))
    assert gift.detail.check_number == "1042"
    assert (gift.origin.external_id, gift.origin.receipt_number, gift.origin.line) == ("D1", "R-77", 2)
    assert list(gift.ledger_entries.order_by("kind").values_list("kind", "amount_minor", "source", "booked_on")) == [
        ("fee", -103, "import:fundraiseup:D1", date(2024, 5, 6)),
        ("gift", 2500, "import:fundraiseup:D1", date(2024, 5, 6)),
    ]
    donor = Donor.objects.get()
    assert (donor.name, donor.email, donor.city) == ("Ana Silva", "ana@example.org", "Boston")
    assert list(donor.former_ids.values_list("source", "value")) == [("fundraiseup", "S9")]


def test_all_that_is_not_known_is_told_and_comes_in_by_the_usual(db: None) -> None:
    made = importing.checked([row(Fund="Moon base", Campaign="Nobody's", Frequency="weekly")])
    assert sorted(made.summary["notices"]) == [
        ["campaign", "Nobody's", 1],
        ["frequency", "weekly", 1],
        ["fund", "Moon base", 1],
    ]
    flow.ask_apply(made.pk, actor=ACTOR)
    importing.done(made)
    gift = Gift.objects.get()
    assert (gift.fund.code, gift.campaign, gift.frequency) == ("100-GEN", None, "once")


KNOWN: list[tuple[str, dict[str, str], bool]] = [
    ("the former id", {"Supporter ID": "S9", "Name": "Anna S.", "Email": "new@example.org"}, True),
    ("the main e-mail", {"Email": "ANA@example.org", "Name": "A. S."}, True),
    ("a further e-mail", {"Email": "work@example.org", "Name": "A. S."}, True),
    ("name and postcode", {"Email": "", "Name": "ana  silva", "ZIP": "02139-1234"}, True),
    ("a name alone", {"Email": "", "ZIP": ""}, False),
    ("another e-mail", {"Email": "other@example.org"}, False),
    ("another number of the same platform", {"Email": "", "Supporter ID": "S10"}, False),
]


@pytest.mark.parametrize(("by", "cells", "is_known"), KNOWN, ids=[case[0] for case in KNOWN])
def test_a_supporter_is_found(db: None, by: str, cells: dict[str, str], is_known: bool) -> None:
    ana = builders.donor(**PERSON)
    DonorEmail.objects.create(donor=ana, email="work@example.org")
    FormerId.objects.create(donor=ana, source="fundraiseup", value="S9")
    FormerId.objects.create(donor=builders.donor(), source="paypal", value="S10")
    importing.applied([row(**cells)])
    assert (Gift.objects.get().donor == ana) is is_known
    ana.refresh_from_db()
    assert (ana.name, ana.email) == ("Ana Silva", "ana@example.org")


def test_a_merged_supporter_is_followed(db: None) -> None:
    kept, gone = builders.donor(), builders.donor(email="old@example.org")
    FormerId.objects.create(donor=gone, source="fundraiseup", value="S9")
    Donor.objects.filter(pk=gone.pk).update(merged_into=kept)
    importing.applied([row(**{"Supporter ID": "S9"}), row(**{"Donation ID": "D2", "Email": "old@example.org"})])
    assert set(Gift.objects.values_list("donor", flat=True)) == {kept.pk}


def test_a_new_supporter_is_made_once_for_the_whole_file(db: None) -> None:
    people = [
        {"Email": "a@example.org", "Supporter ID": "1"},
        {"Email": "b@example.org", "Supporter ID": "1"},
        {"Email": "b@example.org", "Supporter ID": ""},
        {"Email": "", "Supporter ID": "1"},
        {"Email": "", "Supporter ID": ""},
        {"Email": "c@example.org", "Supporter ID": "", "ZIP": "10001"},
        {"Email": "", "Supporter ID": "", "ZIP": ""},
        {"Email": "", "Supporter ID": "", "ZIP": ""},
    ]
    made = importing.checked([row(**{"Donation ID": f"D{n}"}, **person) for n, person in enumerate(people)])
    assert (made.summary["known"], made.summary["new"]) == (0, 4)
    flow.ask_apply(made.pk, actor=ACTOR)
    importing.done(made)
    gifts = dict(Gift.objects.order_by("pk").values_list("origin__line", "donor"))
    assert len({gifts[line] for line in (2, 3, 4, 5, 6)}) == 1
    assert len(set(gifts.values())) == 4
    assert set(Donor.objects.values_list("email", flat=True)) == {"a@example.org", "c@example.org", None}


def test_the_same_file_twice_changes_nothing_the_second_time(db: None) -> None:
    importing.applied(ids(1, 2, 3))
    second = importing.checked(ids(1, 2, 3))
    assert second.summary["states"] == {"duplicate": 3}
    with pytest.raises(CannotImport, match="nothing to apply"):
        flow.ask_apply(second.pk, actor=ACTOR)
    assert (Gift.objects.count(), Donor.objects.count(), LedgerEntry.objects.count()) == (3, 1, 3)


def test_rows_without_an_id_are_known_by_what_they_say(db: None) -> None:
    plain = {"Date": "2024-05-06", "Amount": "25", "Name": "Ana", "Email": "ana@example.org"}
    rows = [plain, plain, {**plain, "Amount": "30"}]
    first = importing.applied(rows, source="spreadsheet")
    assert first.summary["applied"]["sums"] == [["usd", 3, 8000, 0]]
    again = importing.checked(
        [plain, plain, {**plain, "Amount": "30"}, {**plain, "Amount": "35"}], source="spreadsheet"
    )
    assert again.summary["states"] == {"duplicate": 3, "ready": 1}


def test_an_id_stands_once_in_a_file(db: None) -> None:
    made = importing.checked(ids(1, 2, 1))
    assert importing.faults(made) == [(4, "Donation ID", "Row 2 has the same id: a gift comes in once.")]
    assert made.summary["states"] == {"ready": 2, "faulty": 1}


def test_a_gift_that_looks_like_one_already_here_waits_for_a_person(db: None) -> None:
    ana = builders.donor(**PERSON)
    twin = builders.settled_gift(donor=ana, gift_on=date(2024, 5, 6), amount_minor=2500)
    made = importing.checked([*ids(1), row(**{"Donation ID": "D2", "Amount": "26"})])
    assert made.summary["states"] == {"ready": 1, "alike": 1}
    assert made.rows.get(state="alike").twin_id == twin.pk
    flow.ask_apply(made.pk, actor=ACTOR, brings_alike=True)
    importing.done(made)
    assert GiftOrigin.objects.count() == 2


def test_a_platforms_own_ids_tell_two_gifts_of_one_day_apart(db: None) -> None:
    importing.applied(ids(1))
    assert importing.checked(ids(2)).summary["states"] == {"ready": 1}


def test_no_receipt_is_due_unless_it_is_asked_for(db: None) -> None:
    importing.applied(ids(1))
    assert ReceiptDue.objects.count() == 0
    importing.applied(ids(2, 3), wants_receipts=True)
    assert set(ReceiptDue.objects.values_list("gift__origin__external_id", flat=True)) == {"D2", "D3"}


def test_an_imported_gift_is_in_the_account_of_its_proven_mailbox(db: None) -> None:
    told: list[Gift] = []

    def listen(gift: Gift, **_: object) -> None:
        told.append(gift)

    user = User.objects.create_user("ana@example.org")
    EmailAddress.objects.create(user=user, email=user.email, verified=True, primary=True)
    User.objects.create_user("bob@example.org")
    signals.gift_settled.connect(listen)
    try:
        importing.applied([*ids(1), row(**{"Donation ID": "D2", "Email": "bob@example.org"})])
    finally:
        signals.gift_settled.disconnect(listen)
    assert [gift.origin.external_id for gift in Gift.objects.visible_to(user)] == ["D1"]
    assert Donor.objects.get(email="bob@example.org").user is None
    assert told == []


def test_each_step_is_in_the_audit_log(db: None) -> None:
    importing.undone(importing.applied(ids(1)))
    entries = AuditEntry.objects.filter(target_type="giftimport").order_by("pk")
    who = f"staff:{importing.finance().pk}"
    assert list(entries.values_list("actor", "action")) == [
        (who, "upload import"),
        (ACTOR, "apply import"),
        (ACTOR, "undo import"),
    ]
    assert entries[1].after["sums"] == [["usd", 1, 2500, 0]]


def test_what_cannot_be_done_now_is_refused(db: None) -> None:
    made = importing.upload(import_files.small(ids(1)))
    for verb in (flow.ask_apply, flow.ask_undo):
        with pytest.raises(CannotImport, match="Only a"):
            verb(made.pk, actor=ACTOR)
    importing.applied(ids(2))
    later = GiftImport.objects.latest("pk")
    with pytest.raises(CannotImport, match="cannot be chosen now"):
        flow.choose(later.pk, flow.Choice(later.columns, later.fund), actor=ACTOR)


def test_applied_twice_and_twice_at_once_it_comes_in_once(transactional_db: None) -> None:
    made = importing.checked(ids(*range(50)))
    errors = at_once(4, lambda _: flow.ask_apply(made.pk, actor=ACTOR))
    errors += at_once(4, lambda _: flow.carry_on(made.pk))
    flow.ask_apply(made.pk, actor=ACTOR)
    assert (errors, flow.carry_on(made.pk)) == ([], "applied")
    assert (Gift.objects.count(), LedgerEntry.objects.count(), Donor.objects.count()) == (50, 50, 1)
    assert AuditEntry.objects.filter(action="apply import").count() == 1


def test_the_same_file_applied_twice_at_once_comes_in_once(transactional_db: None) -> None:
    both = [importing.checked(ids(*range(50))) for _ in range(2)]
    for made in both:
        flow.ask_apply(made.pk, actor=ACTOR)
    assert at_once(2, lambda n: flow.carry_on(both[n].pk)) == []
    assert set(GiftImport.objects.values_list("state", flat=True)) == {"applied"}
    assert (Gift.objects.count(), Donor.objects.count()) == (50, 1)


def lose_the_connection(**_: Any) -> None:
    """What the database sees when a worker is killed."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        (pid,) = cursor.fetchone() or (0,)
    other = connections.create_connection("default")
    with other.cursor() as cursor:
        cursor.execute("SELECT pg_terminate_backend(%s)", [pid])
    other.close()


def test_an_apply_that_is_killed_leaves_nothing_and_ends_whole_when_it_is_run_again(transactional_db: None) -> None:
    made = importing.checked(ids(*range(50)))
    flow.ask_apply(made.pk, actor=ACTOR)
    signals.gifts_imported.connect(lose_the_connection)
    try:
        with pytest.raises(Exception, match=r"terminat|closed|lost"):
            flow.carry_on(made.pk)
    finally:
        signals.gifts_imported.disconnect(lose_the_connection)
    connection.close()
    assert Gift.objects.count() == Donor.objects.count() == LedgerEntry.objects.count() == 0
    assert flow.sweep() == [made.pk]
    assert flow.carry_on(made.pk) == "applied"
    assert (Gift.objects.count(), LedgerEntry.objects.count()) == (50, 50)


def test_a_check_that_is_killed_begins_again(transactional_db: None) -> None:
    made = importing.upload(import_files.small(ids(*range(10))))
    flow.choose(made.pk, flow.Choice(made.columns, Fund.objects.get()), actor=ACTOR)
    made.rows.create(line=2, state="ready", facts={})
    assert flow.sweep() == [made.pk]
    assert flow.carry_on(made.pk) == "checked"
    assert made.rows.filter(state="ready").count() == 10


# --- 100,000 rows -------------------------------------------------------------------------------------------------

NOT_COMPARED = {
    *("donations_giftimport", "donations_importrow", "donations_importmapping", "nonprofit_auditentry"),
    "nonprofit_storedfile",
}


def everything() -> dict[str, int]:
    """A number for the whole content of each table but those of imports, the audit log and kept files."""
    found = {}
    with connection.cursor() as cursor:
        cursor.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY 1")
        for (table,) in cursor.fetchall():
            if table not in NOT_COMPARED:
                cursor.execute(f"SELECT count(*), sum(hashtextextended(t::text, 0)) FROM {table} t")
                found[table] = hash(cursor.fetchone())
    return found


def peak_kb() -> int:
    """The most memory this process has had so far."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


# IMPORT_ROWS=100000 tries the size of a newsroom that moves here with all its history.
ROWS = int(os.environ.get("IMPORT_ROWS", "20000"))
FAULTS = ROWS // 200


@pytest.mark.slow
def test_a_large_file_with_many_faults(transactional_db: None, tmp_path: Path) -> None:
    builders.campaign()
    for number in range(300):
        builders.donor(name=f"Donor Number {number}", email=f"donor{number}@example.org")
    builders.booked_gift()
    planted = import_files.generate(tmp_path / "gifts.csv", rows=ROWS, faults=FAULTS)
    with planted.path.open("rb") as file:
        made = importing.upload(file)
    before, memory = everything(), peak_kb()

    flow.choose(made.pk, flow.Choice(made.columns, made.fund), actor=ACTOR)
    importing.done(made)
    assert made.summary["states"] == {"ready": ROWS - FAULTS, "faulty": FAULTS}
    assert made.summary["totals"] == planted.totals
    by_month: dict[str, int] = {}
    for month, _, count, _ in made.summary["months"]:
        by_month[month] = by_month.get(month, 0) + count
    assert by_month == planted.months
    found = {line: (column, text) for line, column, text in importing.faults(made)}
    assert {line: found[line][0] for line in found} == {line: column for line, (column, _) in planted.faults.items()}
    assert [line for line, (_, words) in planted.faults.items() if words not in found[line][1]] == []

    flow.ask_apply(made.pk, actor=ACTOR)
    importing.done(made)
    assert made.state == "applied", made.trouble
    assert [[c, n, total] for c, n, total, _ in made.summary["applied"]["sums"]] == [
        [currency, *planted.totals[currency]] for currency in sorted(planted.totals)
    ]
    assert peak_kb() - memory < 32_000, "memory grows with the file"
    sums = LedgerEntry.objects.filter(source__startswith="import:", kind="gift").values_list("currency", "amount_minor")
    totals: dict[str, int] = {}
    for currency, minor in sums.iterator():
        totals[currency] = totals.get(currency, 0) + minor
    assert totals == {currency: minor for currency, (_, minor) in planted.totals.items()}

    with planted.path.open("rb") as file:
        again = importing.upload(file)
    applied_state = everything()
    flow.choose(again.pk, flow.Choice(again.columns, again.fund), actor=ACTOR)
    importing.done(again)
    assert again.summary["states"] == {"duplicate": ROWS - FAULTS, "faulty": FAULTS}
    assert everything() == applied_state

    importing.undone(made)
    assert made.state == "undone", made.trouble
    assert everything() == before
