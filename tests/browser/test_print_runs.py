"""The print run in a real browser: what waits, the button by keyboard, the PDF, and that it was mailed."""

from io import BytesIO

import pytest
from playwright.sync_api import expect
from pypdf import PdfReader

from donations.models import Donor, PrintRun
from donations.receipts import print_run
from tests import builders
from tests.browser.looks import PHONE, visit
from tests.browser.signing_in import sign_in
from tests.conftest import OpenPage
from tests.donations.test_print_run import waiting_paper
from tests.stack import Stack
from tests.watch import Watch

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.django_db]
LIST = "/admin/donations/printrun/"


@pytest.fixture
def mailroom(stack: Stack) -> None:
    builders.campaign()
    waiting_paper("Łucja Nowak", "02139")
    waiting_paper("Alice Novak", "02138", kind="stock")
    waiting_paper("Nobody Home", address_line1="", city="", region="", postal_code="")


def test_a_run_is_made_and_mailed_by_keyboard(mailroom: None, stack: Stack, open_page: OpenPage) -> None:
    page = open_page(viewport={"width": 1280, "height": 900})
    sign_in(page, builders.staff("Staff"), LIST)
    expect(page.get_by_text("2 letters that no e-mail carries")).to_be_visible()
    page.get_by_role("button", name="Make a print run").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_text("2 letters to print.")).to_be_visible()
    run = PrintRun.objects.get()

    expect(page.get_by_role("link", name="Open it to print")).to_have_attribute("href", f"{LIST}{run.pk}/pdf/")
    answer = page.request.get(f"{LIST}{run.pk}/pdf/")
    texts = [one.extract_text() for one in PdfReader(BytesIO(answer.body())).pages]
    assert "Letters to mail" in texts[0]
    assert ["50 shares" in texts[1], "Łucja Nowak" in texts[2]] == [True, True]

    page.get_by_role("button", name="It is in the mail").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_text(f"Run {run.pk} is marked as mailed.")).to_be_visible()


def test_the_pages_are_clean(mailroom: None, stack: Stack, open_page: OpenPage, watch: Watch) -> None:
    waiting_paper("Zoe Late", "99999")
    run = print_run.make("staff:1")
    assert run is not None
    Donor.objects.filter(name="Zoe Late").update(is_deceased=True)
    waiting_paper("Bob Lind", "02139")
    page = open_page(viewport=PHONE)
    sign_in(page, builders.staff("Administrator"), LIST)
    visit(page, watch, {"the print runs": LIST, "a print run": f"{LIST}{run.pk}/change/"})
