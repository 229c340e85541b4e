"""The portal's page of somebody's own details: changed by them, logged, and never anybody else's."""

import re

import pytest
from django.test import Client

from donations.models import Donor, Gift, Receipt
from donations.receipts import issue, print_run, statement_people
from nonprofit.models import AuditEntry, OutgoingEmail
from tests import builders
from tests.members import people

pytestmark = pytest.mark.django_db
PAGE = "/portal/details/"


@pytest.fixture
def ana(client: Client) -> Client:
    people.gave("ana@example.org", donor_name="Ana Silva", address_line1="1 Old Road", city="Port Haven")
    people.sign_in(client, "ana@example.org")
    return client


def typed(**values: str) -> dict[str, str]:
    return {"name": "Ana Silva", "receipts": "email", "address_line1": "1 Old Road", "city": "Port Haven", **values}


def test_what_they_type_is_so_and_the_log_says_it(ana: Client) -> None:
    answer = ana.post(PAGE, typed(name="Ana Luísa Silva", phone="555 0100", is_anonymous="on", salutation="Dear Ana"))
    assert (answer.status_code, answer["Location"]) == (302, PAGE)
    donor = Donor.objects.get()
    assert (donor.name, donor.phone, donor.is_anonymous, donor.salutation) == (
        "Ana Luísa Silva",
        "555 0100",
        True,
        "Dear Ana",
    )
    entry = AuditEntry.objects.get(action="change donor")
    assert (entry.actor, entry.target_id) == ("supporter", str(donor.pk))
    assert entry.before == {"name": "Ana Silva", "phone": "", "is_anonymous": False, "salutation": ""}
    assert entry.after["name"] == "Ana Luísa Silva"
    ana.post(PAGE, typed(name="Ana Luísa Silva", phone="555 0100", is_anonymous="on", salutation="Dear Ana"))
    assert AuditEntry.objects.filter(action="change donor").count() == 1, "nothing changed, nothing is logged"


def test_gifts_and_receipts_stay_as_they_are(ana: Client) -> None:
    receipt = people.receipted(Gift.objects.get())
    before = receipt.snapshot
    ana.post(PAGE, typed(name="Somebody New", address_line1="2 New Road"))
    gift = Gift.objects.get()
    assert (gift.donor_name, gift.address_line1) == ("Ana Silva", "1 Old Road")
    assert Receipt.objects.get().snapshot == before


def test_errors_stand_at_their_fields_and_what_was_typed_stays(ana: Client) -> None:
    wrong = typed(name="", phone="4242 4242 4242 4242", city="New Town", address_line1="", receipts="paper")
    answer = ana.post(PAGE, wrong)
    shown = re.sub(r"\s+", " ", answer.content.decode())
    assert answer.status_code == 422
    assert "Enter your name" in shown
    assert "looks like a card number" in shown
    assert "so that mail can reach you" in shown
    assert 'value="New Town"' in shown
    assert "4242 4242" not in shown
    assert Donor.objects.get().city == "Port Haven"
    assert not AuditEntry.objects.filter(action="change donor").exists()


def test_fields_that_are_not_theirs_are_never_written(ana: Client) -> None:
    other = builders.donor(name="Bob")
    ana.post(PAGE, typed(email="evil@example.org", is_deceased="on", kind="company", donor=str(other.pk), user="1"))
    donor = Donor.objects.get(email="ana@example.org")
    assert (donor.is_deceased, donor.kind) == (False, "individual")
    other.refresh_from_db()
    assert other.name == "Bob"


def test_who_wants_paper_gets_paper(ana: Client) -> None:
    ana.post(PAGE, typed(receipts="paper"))
    receipt = people.receipted(people.gave("ana@example.org", 3000, address_line1="1 Old Road", city="Port Haven"))
    assert not OutgoingEmail.objects.filter(key=receipt.mail_key).exists()
    assert receipt.pk in [sheet.receipt.pk for sheet in print_run.waiting().sheets]
    year = receipt.year
    assert not statement_people.by_email(year).exists()
    assert statement_people.on_paper(year).get() == Donor.objects.get()
    # A paper without an address cannot go by mail.
    unaddressed = people.receipted(people.gave("ana@example.org", 3100))
    assert OutgoingEmail.objects.filter(key=unaddressed.mail_key).exists()
    # Who later wants nothing on paper is written to by e-mail again: a receipt goes, whatever was wished.
    Donor.objects.update(is_not_mailed=True)
    again = people.receipted(people.gave("ana@example.org", 3200, address_line1="1 Old Road"))
    assert OutgoingEmail.objects.filter(key=again.mail_key).exists()
    assert statement_people.by_email(year).exists()


def test_who_waits_for_january_gets_no_letter_and_finds_the_receipt_here(ana: Client) -> None:
    ana.post(PAGE, typed(receipts="yearly"))
    gift = people.gave("ana@example.org", 3000)
    issue.issue_due()
    receipt = Receipt.objects.get(gift=gift)
    builders.drawn(receipt.pk)
    assert not OutgoingEmail.objects.filter(key=receipt.mail_key).exists()
    waiting = print_run.waiting()
    assert receipt.pk not in [sheet.receipt.pk for sheet in waiting.sheets]
    assert waiting.homeless == []
    assert receipt.number in ana.get("/portal/").content.decode()
    assert statement_people.by_email(receipt.year).get() == Donor.objects.get()


def test_who_gave_nothing_yet_and_who_is_not_signed_in(client: Client) -> None:
    assert client.get(PAGE)["Location"] == f"{people.CODE_PAGE}?next={PAGE}"
    assert client.post(PAGE, typed()).status_code == 302
    client.force_login(builders.staff(), backend="django.contrib.auth.backends.ModelBackend")
    assert "after your first gift" in client.get(PAGE).content.decode()
