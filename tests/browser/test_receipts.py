"""The life of a receipt in a real browser: checked by its code, put right by keyboard, explained; on phone and desk."""

import pytest
from playwright.sync_api import expect

from donations.models import Gift, Receipt
from donations.receipts import print_run, replace
from nonprofit import clock
from nonprofit.models import OutgoingEmail
from tests import builders
from tests.browser.looks import PHONE, assert_clean, visit
from tests.browser.signing_in import sign_in
from tests.conftest import OpenPage
from tests.donations import mailbag
from tests.donations.test_print_run import waiting_paper
from tests.donations.test_replace import refund
from tests.stack import Stack
from tests.watch import Watch

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.django_db]
RECEIPTS = "/admin/donations/receipt/"


@pytest.fixture
def papers(stack: Stack) -> tuple[Receipt, Receipt]:
    """A void paper and the one that replaced it; its letter has left."""
    builders.campaign()
    gift = mailbag.record("check", donor=builders.donor(name="Alice Novak", email="alice@example.org"))
    old = mailbag.receipted(gift)
    OutgoingEmail.objects.filter(key=old.mail_key).update(status="sent", sent_at=clock.now())
    refund(gift, 1000)
    replace.replace(gift.pk, reason="refund", actor="staff:1")
    gift.refresh_from_db()
    builders.drawn(gift.paper.pk)
    return old, gift.paper


def test_anybody_checks_a_paper_by_its_code(papers: tuple[Receipt, Receipt], open_page: OpenPage, watch: Watch) -> None:
    watch.allow(r"status of 404")
    old, new = papers
    page = open_page(viewport=PHONE)
    page.goto("/receipts/check/")
    assert_clean(page, "the form")
    for code, says in ((new.code.lower(), "is genuine"), (old.code, "is void"), ("aaaa bbbb cccc", "do not know")):
        page.get_by_label("code").fill(code)
        page.keyboard.press("Enter")
        expect(page.locator("h1")).to_contain_text(says)
        assert_clean(page, says)
        assert "Alice" not in page.content()


def test_a_paper_is_put_right_by_keyboard(papers: tuple[Receipt, Receipt], open_page: OpenPage) -> None:
    _, new = papers
    page = open_page(viewport={"width": 1280, "height": 900})
    sign_in(page, builders.staff("Finance"), f"{RECEIPTS}{new.pk}/change/")
    page.get_by_role("link", name="Something on it is wrong").focus()
    page.keyboard.press("Enter")
    page.get_by_label("Name on the paper").fill("Alice Nowak")
    page.get_by_label("What was wrong").fill("misread")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="This will happen")).to_be_visible()
    expect(page.get_by_text("To alice@example.org")).to_be_visible()
    assert Gift.objects.get().donor_name == "Alice Novak"
    page.get_by_role("button", name=f"Replace {new.number}").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_text("takes its place")).to_be_visible()
    assert Gift.objects.get().donor_name == "Alice Nowak"


def test_the_pages_are_clean(papers: tuple[Receipt, Receipt], open_page: OpenPage, watch: Watch) -> None:
    old, new = papers
    waiting_paper("Dora Quill")
    run = print_run.make("staff:1")
    assert run is not None
    page = open_page(viewport=PHONE)
    sign_in(page, builders.staff("Administrator"), RECEIPTS)
    book = new.number[:6]
    addresses = {
        "list": RECEIPTS,
        "void": f"{RECEIPTS}{old.pk}/change/",
        "stands": f"{RECEIPTS}{new.pk}/change/",
        "correct": f"{RECEIPTS}{new.pk}/correct/",
        "numbers": f"{RECEIPTS}numbers/?book={book}",
        "to-tell": f"{RECEIPTS}to-tell/",
        "broken-off": f"/admin/donations/printrun/{run.pk}/broken-off/",
    }
    visit(page, watch, addresses)
