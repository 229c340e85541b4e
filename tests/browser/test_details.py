"""Details, e-mails and data in a real browser: by phone, by keyboard, both mailboxes, light and dark, axe clean."""

import re
import zipfile
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from donations.models import Donor
from members.models import ErasureRequest
from nonprofit.models import OutgoingEmail, User
from tests import builders
from tests.browser.looks import AXE_NOISE, PHONE, assert_clean, visit
from tests.browser.signing_in import sign_in, sign_in_by_code
from tests.conftest import OpenPage
from tests.faults.books import wait
from tests.members import people
from tests.stack import Stack
from tests.watch import Watch

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.django_db]
ANA, NEW = "ana@example.org", "ana.new@example.org"


@pytest.fixture(autouse=True)
def ana(stack: Stack, watch: Watch) -> None:
    watch.allow(r"postMessage|status of 422")
    builders.campaign()
    people.gave(ANA, donor_name="Ana Silva", address_line1="1 Old Road", city="Port Haven")


def press(page: Page, name: str) -> None:
    """By keyboard: reach the button or link with Tab, and press it."""
    for _ in range(60):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.textContent.trim()") == name:
            page.keyboard.press("Enter")
            return
    raise AssertionError(f"Tab never reached {name}")


def link(to: str, template: str) -> str:
    """The path in the letter that really went out."""
    letters = OutgoingEmail.objects.filter(template=template, to=to, status="sent")
    wait(letters.exists)
    found = re.search(r"(/portal/emails/\S+/)", letters.latest("pk").text)
    assert found
    return found[1]


def test_details_by_keyboard_on_a_phone(open_page: OpenPage) -> None:
    page = open_page(viewport=PHONE)
    sign_in_by_code(page, ANA)
    press(page, "Details")
    expect(page.get_by_role("heading", name="Your details")).to_be_visible()
    assert_clean(page, "details")
    page.get_by_label("Name", exact=True).fill("")
    page.get_by_label("City").fill("New Haven")
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert")).to_contain_text("Enter your name")
    expect(page.get_by_label("City")).to_have_value("New Haven")
    assert_clean(page, "details with an error")
    page.get_by_label("Name", exact=True).fill("Ana Luísa Silva")
    page.keyboard.press("Enter")
    expect(page.get_by_text("Saved.")).to_be_visible()
    donor = Donor.objects.get()
    assert (donor.name, donor.city) == ("Ana Luísa Silva", "New Haven")


def test_another_e_mail_from_mailbox_to_mailbox(open_page: OpenPage) -> None:
    page = open_page(viewport=PHONE)
    sign_in_by_code(page, ANA, "/portal/emails/")
    assert_clean(page, "e-mails")
    page.get_by_label("New e-mail address").first.fill(NEW)
    page.keyboard.press("Enter")
    expect(page.get_by_text("until then nothing changes")).to_be_visible()
    assert_clean(page, "e-mails, one that waits")
    page.goto(link(NEW, "email_confirm"))
    assert_clean(page, "confirming an e-mail")
    press(page, "Yes, this address is mine")
    expect(page.get_by_text("you are signed out everywhere")).to_be_visible()
    assert User.objects.get().email == NEW
    page.goto(link(ANA, "email_changing"))
    assert_clean(page, "this was not me")
    press(page, "This was not me")
    expect(page.get_by_role("heading", name="It is taken back")).to_be_visible()
    assert_clean(page, "taken back")
    assert User.objects.get().email == Donor.objects.get().email == ANA


def test_taking_data_along_and_asking_to_be_erased(open_page: OpenPage, tmp_path: Path) -> None:
    page = open_page(viewport=PHONE)
    sign_in_by_code(page, ANA, "/portal/data/")
    assert_clean(page, "data")
    with page.expect_download() as download:
        page.get_by_role("button", name="Download everything").press("Enter")
    path = tmp_path / "data.zip"
    download.value.save_as(path)
    assert "gifts.csv" in zipfile.ZipFile(path).namelist()
    page.get_by_role("button", name="Ask to be erased").press("Enter")
    expect(page.get_by_role("alert")).to_contain_text("Tick the box")
    assert_clean(page, "data with an error")
    page.get_by_label("Yes, erase what you hold").press("Space")
    page.get_by_role("button", name="Ask to be erased").press("Enter")
    expect(page.get_by_text("You asked for this on")).to_be_visible()
    assert_clean(page, "data, asked to be erased")
    assert ErasureRequest.objects.get().state == "asked"


def test_the_desks_pages_are_clean(open_page: OpenPage, watch: Watch) -> None:
    row = ErasureRequest.objects.create(donor=Donor.objects.get())
    page = open_page(viewport=PHONE)
    sign_in(page, builders.staff("Administrator"), "/admin/")
    watch.forget(AXE_NOISE)
    desk = "/admin/members"
    pages = {
        "requests to be forgotten": f"{desk}/erasurerequest/",
        "a request": f"{desk}/erasurerequest/{row.pk}/change/",
        "erasing": f"{desk}/erasurerequest/{row.pk}/erase/",
        "refusing": f"{desk}/erasurerequest/{row.pk}/refuse/",
        "e-mails asked for": f"{desk}/emailchange/",
    }
    visit(page, watch, pages)
