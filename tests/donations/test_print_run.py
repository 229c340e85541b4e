"""Papers for people without an e-mail address: one PDF, each printed once, in the order of the post."""

import inspect
import threading
from io import BytesIO
from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.db import connection, transaction
from django.test import Client
from pypdf import PdfReader
from pytest_django.fixtures import Settings

from donations.models import Donor, PrintedReceipt, PrintRun, Receipt
from donations.receipts import deliver, issue, print_run, void
from nonprofit.models import AuditEntry, StoredFile
from tests import builders
from tests.donations.test_admin import desk
from tests.donations.test_kinds import by_kind, paper_of, recorded


@pytest.fixture(autouse=True)
def _one_factor(settings: Settings) -> None:
    settings.REQUIRE_STAFF_MFA = False


def waiting_paper(name: str, postal_code: str = "02139", *, kind: str = "check", **fields: Any) -> Receipt:
    """A paper, drawn, for a donor without an e-mail address."""
    home = {"address_line1": "12 Elm St", "city": "Boston", "region": "MA", "postal_code": postal_code}
    return paper_of(recorded(by_kind(kind), donor=builders.donor(name=name, email=None, **{**home, **fields})))


def pages(run: PrintRun) -> list[str]:
    return [page.extract_text() for page in PdfReader(BytesIO(bytes(run.file.content))).pages]


@pytest.mark.django_db
def test_a_run_holds_each_paper_by_zip_and_name_behind_its_list() -> None:
    late = waiting_paper("Zoe Adams", "90210")
    bob = waiting_paper("Bob Lind", "02139")
    alice = waiting_paper("Alice Novak", "02139", kind="ira")
    abroad = waiting_paper("Ève Noël", "01000", country="FR")
    paper_of(recorded(by_kind("check"), email="has@example.org"))

    run = print_run.make("staff:1")

    assert run is not None
    printed = list(PrintedReceipt.objects.values_list("receipt", "page"))
    assert printed == [(alice.pk, 2), (bob.pk, 3), (late.pk, 4), (abroad.pk, 5)]
    first, *letters = pages(run)
    assert "4 letters." in first
    for place, (receipt, text) in enumerate(zip([alice, bob, late, abroad], letters, strict=True), start=2):
        assert f"{place} {receipt.number} {receipt.snapshot['recipient']['name']}" in " ".join(first.split())
        assert receipt.number in text
    assert AuditEntry.objects.filter(action="make print run", actor="staff:1", after={"receipts": 4}).count() == 1
    assert print_run.make("staff:1") is None
    assert PrintRun.objects.count() == 1


@pytest.mark.django_db
def test_a_long_list_counts_its_own_pages() -> None:
    for n in range(60):
        recorded(by_kind("cash"), donor=builders.donor(name=f"Donor {n:02}", email=None, address_line1=f"{n} Elm St"))
    for receipt_id in issue.issue_due():
        builders.drawn(receipt_id)
    run = print_run.make("staff:1")
    assert run is not None
    texts = pages(run)
    begins = list(run.receipts.values_list("page", "receipt__number"))
    assert begins[0][0] == 3, "the list is two pages long"
    for page, number in begins:
        assert number in texts[page - 1]
    assert len(texts) == 62


@pytest.mark.django_db
def test_rules_81_and_83_flags_are_looked_at_when_it_is_printed() -> None:
    dead = waiting_paper("Dead Donor", is_deceased=True)
    proof = waiting_paper("No Mail", is_not_mailed=True, is_not_contacted=True)
    thanks = waiting_paper("No Thanks", kind="services", is_not_mailed=True)
    homeless = waiting_paper("No Home", address_line1="", city="", region="", postal_code="")
    gone = waiting_paper("Void Paper")
    void.void(gone.its_gift.pk, reason="nsf", actor="staff:1")

    found = print_run.waiting()
    assert [sheet.receipt for sheet in found.sheets] == [proof]
    assert found.kept_back == [dead, thanks]
    assert found.homeless == [homeless]
    run = print_run.make("staff:1")
    assert run is not None
    assert [one.receipt for one in run.receipts.all()] == [proof]

    Donor.objects.filter(name="Dead Donor").update(is_deceased=False)
    again = print_run.make("staff:1")
    assert again is not None
    assert [one.receipt for one in again.receipts.all()] == [dead]


@pytest.mark.django_db
def test_an_advisors_thanks_go_to_the_advisors_home() -> None:
    advisor = builders.donor(name="Bob Lind", email=None, address_line1="3 Oak Road", city="Salem", postal_code="01970")
    sponsor = builders.donor(kind="daf_sponsor", name="Trust", email="trust@example.org", postal_code="99999")
    receipt = paper_of(recorded(by_kind("daf"), donor=sponsor, person=advisor))
    assert receipt.pdf.email is None
    (sheet,) = print_run.waiting().sheets
    assert (sheet.name, sheet.place, sheet.order[1]) == ("Bob Lind", "Salem 01970", "01970")


@pytest.mark.django_db
def test_mailed_is_marked_once() -> None:
    waiting_paper("Alice Novak")
    run = print_run.make("staff:1")
    assert run is not None
    first = print_run.mark_mailed(run.pk, "staff:1").mailed_at
    assert print_run.mark_mailed(run.pk, "staff:2").mailed_at == first is not None
    assert AuditEntry.objects.filter(action="mark print run mailed").count() == 1


def test_pressed_by_four_at_once_each_paper_is_printed_once(transactional_db: None) -> None:
    receipts = [waiting_paper(f"Donor {n}") for n in range(6)]
    made: list[PrintRun | None] = []
    errors: list[BaseException] = []
    gate = threading.Barrier(4)

    def press() -> None:
        try:
            gate.wait(20)
            made.append(print_run.make("staff:1"))
        except BaseException as error:
            errors.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=press) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert errors == []
    assert PrintedReceipt.objects.count() == 6
    assert set(PrintedReceipt.objects.values_list("receipt", flat=True)) == {receipt.pk for receipt in receipts}
    runs = [run for run in made if run]
    assert sum(len(pages(run)) - 1 for run in runs) == 6


class Killed(Exception):
    pass


@pytest.mark.django_db
def test_a_run_killed_before_its_commit_printed_nothing() -> None:
    waiting_paper("Alice Novak")
    files = StoredFile.objects.count()

    def make_and_die() -> None:
        with transaction.atomic():
            inspect.unwrap(print_run.make)("staff:1")
            assert PrintRun.objects.count() == 1
            raise Killed

    with pytest.raises(Killed):
        make_and_die()
    assert (PrintRun.objects.count(), PrintedReceipt.objects.count(), StoredFile.objects.count()) == (0, 0, files)
    assert print_run.make("staff:1") is not None


# ---- The pages ------------------------------------------------------------------------------------------------------

LIST = "/admin/donations/printrun/"


@pytest.mark.django_db
def test_the_page_says_what_waits_and_the_button_makes_it() -> None:
    waiting_paper("Alice Novak")
    homeless = waiting_paper("No Home", address_line1="", city="", region="", postal_code="")
    staff = desk("Staff")
    shown = staff.get(LIST).content.decode()
    assert "<strong>1</strong> letter that no e-mail carries" in shown
    assert "No postal address is known for <a href" in shown
    assert homeless.number in shown

    answer = staff.post(f"{LIST}make/", follow=True)
    run = PrintRun.objects.get()
    assert answer.redirect_chain == [(f"{LIST}{run.pk}/change/", 302)]
    page = answer.content.decode()
    assert "1 letter to print." in page
    assert "to be mailed" in page
    pdf = staff.get(f"{LIST}{run.pk}/pdf/")
    assert (pdf.content, pdf["Content-Type"]) == (bytes(run.file.content), "application/pdf")

    mailed = staff.post(f"{LIST}{run.pk}/mailed/", follow=True).content.decode()
    assert f"Run {run.pk} is marked as mailed." in mailed
    assert "It is in the mail" not in mailed
    assert "Nothing waits" in staff.post(f"{LIST}make/", follow=True).content.decode()


@pytest.mark.django_db
def test_a_paper_without_an_address_is_shown_in_its_stack() -> None:
    receipt = waiting_paper("Alice Novak")
    run = print_run.make("staff:1")
    assert run is not None
    nowhere = Receipt.objects.create(
        series="R",
        year=2020,
        sequence=1,
        number="R-2020-000001",
        gift=builders.settled_gift(),
        snapshot=receipt.snapshot | {"recipient": {"is": "donor", "name": "Bob Lind", "address_lines": []}},
    )
    PrintedReceipt.objects.create(run=run, receipt=nowhere, page=9)
    page = desk("Staff").get(f"{LIST}{run.pk}/change/")
    assert page.status_code == 200
    assert "Bob Lind" in page.content.decode()


@pytest.mark.django_db
def test_papers_that_can_go_nowhere_never_keep_others_from_being_printed() -> None:
    for _ in range(3):
        waiting_paper("Nobody", "", address_line1="", city="", region="")
    waiting_paper("Alice Novak")
    found = print_run.waiting(at_once=2)
    assert ([sheet.name for sheet in found.sheets], len(found.homeless)) == (["Alice Novak"], 3)


@pytest.mark.django_db
def test_rule_83_what_became_void_or_flagged_since_is_to_be_taken_out() -> None:
    receipt = waiting_paper("Alice Novak")
    waiting_paper("Bob Lind")
    run = print_run.make("staff:1")
    assert run is not None
    void.void(receipt.its_gift.pk, reason="nsf", actor="staff:1")
    Donor.objects.filter(name="Bob Lind").update(is_deceased=True)
    page = desk("Staff").get(f"{LIST}{run.pk}/change/").content.decode()
    assert "void: take it out" in page
    assert "take it out: the supporter&#x27;s record says so" in page
    shown = desk("Finance").get(f"/admin/donations/receipt/{receipt.pk}/change/").content.decode()
    assert "VOID since" in shown
    assert "returned by the bank" in shown


@pytest.mark.django_db
@pytest.mark.parametrize(("group", "may"), [("Data entry", 403), ("", 403), ("Staff", 302), ("Finance", 302)])
def test_only_those_who_may_make_runs(group: str, may: int) -> None:
    waiting_paper("Alice Novak")
    wanted = print_run.waiting().sheets
    person = desk(group)
    assert person.post(f"{LIST}make/").status_code == may
    assert PrintRun.objects.count() == (may == 302)
    if may == 403:
        run = print_run.make("staff:1")
        assert run is not None
        assert person.get(f"{LIST}{run.pk}/pdf/").status_code == 403
        assert person.post(f"{LIST}{run.pk}/mailed/").status_code == 403
        assert PrintRun.objects.get().mailed_at is None
        assert person.get(LIST).status_code == 403
    assert len(wanted) == 1


@pytest.mark.django_db
def test_a_look_changes_nothing() -> None:
    waiting_paper("Alice Novak")
    assert desk("Staff").get(f"{LIST}make/").status_code == 405
    assert not PrintRun.objects.exists()


@pytest.mark.django_db
def test_a_paper_that_went_by_e_mail_after_all_is_not_printed() -> None:
    receipt = waiting_paper("Alice Novak")
    Donor.objects.filter(name="Alice Novak").update(email="alice@example.org")
    deliver.resend(receipt.pk, "staff:1")
    assert print_run.waiting().sheets == []
    assert print_run.make("staff:1") is None


@pytest.mark.django_db
def test_papers_name_amounts_and_open_only_for_those_who_may_see_them() -> None:
    receipt = waiting_paper("Alice Novak")
    run = print_run.make("staff:1")
    assert run is not None
    user = builders.staff()
    user.user_permissions.set(Permission.objects.filter(codename__in=["view_receipt", "view_printrun"]))
    client = Client()
    client.force_login(user)
    addresses = [f"{LIST}{run.pk}/pdf/", f"/admin/donations/receipt/{receipt.pk}/pdf/"]
    assert [client.get(address).status_code for address in addresses] == [403, 403]
    for page in (f"{LIST}{run.pk}/change/", f"/admin/donations/receipt/{receipt.pk}/change/"):
        shown = client.get(page)
        assert shown.status_code == 200
        assert "500.00" not in shown.content.decode()
    user.user_permissions.add(Permission.objects.get(codename="seeamounts_gift"))
    assert [client.get(address).status_code for address in addresses] == [200, 200]
