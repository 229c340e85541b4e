"""The pages of a receipt's life in the admin: put right, copied, shown void, explained, told, broken off."""

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from pytest_django.fixtures import Settings

from donations.models import Donor, Gift, PrintRun, Receipt, ReceiptCopy, ReceiptVoid
from donations.receipts import print_run, replace
from nonprofit.models import AuditEntry, OutgoingEmail
from tests import builders
from tests.donations import mailbag
from tests.donations.test_admin import desk
from tests.donations.test_print_run import waiting_paper
from tests.donations.test_replace import refund, sent


@pytest.fixture(autouse=True)
def _one_factor(settings: Settings) -> None:
    settings.REQUIRE_STAFF_MFA = False


def words(client: Client, name: str, *args: Any, **query: str) -> str:
    answer = client.get(reverse(f"admin:{name}", args=args), query)
    assert answer.status_code == 200, answer.status_code
    return " ".join(answer.content.decode().split())


def check_gift() -> Gift:
    gift = mailbag.record("check", donor=builders.donor(name="Alice Novak", email="alice@example.org"))
    sent(mailbag.receipted(gift))
    return Gift.objects.get(pk=gift.pk)


def test_a_paper_is_put_right_after_a_look_at_what_will_happen(transactional_db: None) -> None:
    client, gift = desk("Finance"), check_gift()
    old = gift.paper
    url = reverse("admin:donations_receipt_correct", args=[old.pk])
    assert "Something on it is wrong" in words(client, "donations_receipt_change", old.pk)
    bob = builders.donor(name="Bob Lind", email="bob@example.org")
    typed = {"donor": bob.public_id, "note": "two of that name"}
    shown = client.post(url, {**typed, "step": "look"}).content.decode()
    assert "This will happen" in shown
    assert "To alice@example.org" in shown
    assert "Bob Lind" in shown
    assert not ReceiptVoid.objects.exists()
    answer = client.post(url, {**typed, "step": "do"}, follow=True)
    gift.refresh_from_db()
    assert f"{old.number} is void, and {gift.paper.number} takes its place." in answer.content.decode()
    assert gift.donor == bob
    page = words(client, "donations_receipt_change", old.pk)
    assert "with VOID across it" in page
    assert gift.paper.number in page
    assert "is void already" in words(client, "donations_receipt_correct", old.pk)


def test_it_can_be_printed_again_as_we_know_it_now(transactional_db: None) -> None:
    client, gift = desk("Finance"), check_gift()
    old = gift.paper
    url = reverse("admin:donations_receipt_correct", args=[old.pk])
    for _ in range(2):
        client.post(url, {"as_it_is": "on", "note": "the letterhead was wrong", "step": "do"})
    assert Receipt.objects.filter(gift=gift).count() == 2
    refused = client.post(url, {"note": "nothing said", "step": "look"}).content.decode()
    assert "is void already" in refused


def test_forms_that_say_nothing_or_two_things_are_refused(transactional_db: None) -> None:
    client, gift = desk("Finance"), check_gift()
    url = reverse("admin:donations_receipt_correct", args=[gift.paper.pk])
    for typed in ({"note": "x"}, {"note": "x", "name": "A", "as_it_is": "on"}, {"name": "A"}):
        for step in ("look", "do"):
            client.post(url, {**typed, "step": step})
    assert not ReceiptVoid.objects.exists()
    assert not AuditEntry.objects.filter(action="correct gift").exists()


def test_a_copy_is_made_by_a_button_and_opened(transactional_db: None) -> None:
    client, gift = desk("Finance"), check_gift()
    answer = client.post(reverse("admin:donations_receipt_copy", args=[gift.paper.pk]), follow=True)
    copy = ReceiptCopy.objects.get()
    assert f"A copy of {gift.paper.number} is made" in answer.content.decode()
    pdf = client.get(reverse("admin:donations_receipt_copied", args=[copy.pk]))
    assert (pdf["Content-Type"], pdf.content[:5]) == ("application/pdf", b"%PDF-")
    replace.replace(gift.pk, reason="other", actor="staff:1", instead_of=gift.paper.pk)
    answer = client.post(reverse("admin:donations_receipt_copy", args=[gift.paper.pk]), follow=True)
    assert "copies are made only of papers that stand" in answer.content.decode()
    void = client.get(reverse("admin:donations_receipt_voided", args=[gift.paper.pk]))
    assert void.content[:5] == b"%PDF-"


def test_the_list_tells_states_and_books(transactional_db: None) -> None:
    client, gift = desk("Finance"), check_gift()
    old = gift.paper
    refund(gift, 1000)
    replace.replace(gift.pk, reason="refund", actor="staff:1")
    gift.refresh_from_db()
    thanks = mailbag.receipted(mailbag.record("services"))
    everything = words(client, "donations_receipt_changelist")
    assert all(one.number in everything for one in (old, gift.paper, thanks))
    for query, shown, hidden in (
        ({"series": "L"}, thanks, old),
        ({"state": "replaced"}, old, thanks),
        ({"state": "draft"}, gift.paper, old),
    ):
        page = words(client, "donations_receipt_changelist", **query)
        assert (shown.number in page, hidden.number in page) == (True, False), query


def test_numbers_are_explained_and_the_chain_is_computed_on_request(transactional_db: None) -> None:
    client, gift = desk("Finance"), check_gift()
    book = gift.paper.number[:6]
    page = words(client, "donations_receipt_numbers")
    assert "all explained" in page
    assert "holds from the first number to the last" not in page
    assert "holds from the first number to the last" in words(client, "donations_receipt_numbers", book=book)
    assert desk("Staff").get(reverse("admin:donations_receipt_numbers")).status_code == 403


def test_whom_no_letter_reaches_is_told_and_noted(transactional_db: None) -> None:
    client = desk("Finance")
    receipt = waiting_paper("Dora Quill")
    run = print_run.make("staff:1")
    assert run is not None
    print_run.mark_mailed(run.pk, "staff:1")
    gift = refund(receipt.its_gift, receipt.its_gift.amount_minor)
    replace.replace(gift.pk, reason="refund", actor="staff:1")
    assert "Void papers to tell people of" in words(client, "index")
    assert "Dora Quill" in words(client, "donations_receipt_to_tell")
    url = reverse("admin:donations_receipt_told", args=[receipt.pk])
    client.post(url, {"how": " "})
    assert "Dora Quill" in words(client, "donations_receipt_to_tell")
    client.post(url, {"how": "called"})
    assert "Nobody waits to be told" in words(client, "donations_receipt_to_tell")


def test_a_run_that_broke_off_is_told_by_its_page(transactional_db: None) -> None:
    client = desk("Finance")
    for name in ("Alice Novak", "Bob Lind"):
        waiting_paper(name)
    run = print_run.make("staff:1")
    assert run is not None
    url = reverse("admin:donations_printrun_broken_off", args=[run.pk])
    assert "It broke off" in words(client, "donations_printrun_change", run.pk)
    assert "has 3 pages" in client.post(url, {"last_good_page": "9"}).content.decode()
    answer = client.post(url, {"last_good_page": "2"}, follow=True).content.decode()
    assert "did not come out" in answer
    assert PrintRun.objects.get().last_good_page == 2
    assert "Bob" in words(client, "donations_printrun_changelist") or print_run.count() == 1


def test_what_came_back_stands_on_the_page_of_print_runs(transactional_db: None) -> None:
    client = desk("Finance")
    home = {"address_line1": "12 Elm St", "city": "Boston", "region": "MA", "postal_code": "02139"}
    mailed = builders.receipted_gift(amount_minor=50_000, donor_email="a@example.org", **home).paper
    called = builders.receipted_gift(amount_minor=50_000, donor_email="b@example.org").paper
    OutgoingEmail.objects.update(status="failed", last_error="550")
    page = words(client, "donations_printrun_changelist")
    assert f"{mailed.number}</a> (the e-mail came back (550))" in page
    assert "To call:" in page
    assert called.number in page
    Donor.objects.filter(email="a@example.org").update(is_deceased=True)
    assert "The supporter's record says that nothing may go for" in words(client, "donations_printrun_changelist")
