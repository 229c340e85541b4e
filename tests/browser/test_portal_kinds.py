"""Every kind of gift in a supporter's portal, and a check that comes back, in a real browser: clean, by keyboard."""

import re
from datetime import timedelta

import pytest
from playwright.sync_api import Page, expect

from donations import reversals
from donations.models import Donor, Gift, Receipt, SoftCredit
from donations.receipts import issue
from nonprofit import clock
from nonprofit.models import OutgoingEmail, User
from tests import builders
from tests.browser.looks import AXE_NOISE, PHONE, assert_clean
from tests.browser.signing_in import sign_in, sign_in_by_code
from tests.conftest import OpenPage
from tests.donations import mailbag
from tests.faults.books import wait
from tests.members import people
from tests.stack import Stack
from tests.watch import Watch

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.django_db]


@pytest.fixture
def ana(stack: Stack) -> User:
    """She gave in every way there is; one check came back."""
    builders.campaign()
    donor = builders.donor(name="Ana Silva", email="ana@example.org")
    user = User.objects.create_user("ana@example.org")
    today = clock.today()
    people.gave("ana@example.org", 2500, on=today)
    people.gave("ana@example.org", 7500, on=today, kind="phone")
    for days, kind in enumerate(("check", "money_order", "wire", "stock", "crypto", "ira", "in_kind", "services"), 1):
        mailbag.record(kind, donor=donor, on=today - timedelta(days=days))
    returned = mailbag.record("check", donor=donor, on=today - timedelta(days=9), check_number="1043")
    sponsor = builders.donor(name="Fidelity Charitable", email=None, kind=Donor.Kind.DAF_SPONSOR)
    company = builders.donor(name="Northeast Lobster Company", email=None, kind=Donor.Kind.COMPANY)
    recognized = [(donor, SoftCredit.Role.ADVISOR)]
    mailbag.record("daf", donor=sponsor, on=today - timedelta(days=10), recognized=recognized, amount_minor=250_000)
    mailbag.record(
        "match", donor=company, on=today - timedelta(days=11), recognized=[(donor, SoftCredit.Role.EMPLOYEE)]
    )
    for pk in issue.issue_due():
        builders.drawn(pk)
    reversals.reverse(returned.pk, reason="bounced", noticed_on=today, actor="staff:1", bank_fee_minor=1200)
    return user


def test_the_portal_of_somebody_who_gave_in_every_way(ana: User, open_page: OpenPage, watch: Watch) -> None:
    page = open_page(viewport=PHONE)
    sign_in_by_code(page, ana.email)
    expect(page.get_by_role("heading", name="Ana Silva")).to_be_visible()
    for closed in page.locator("details.year:not([open]) summary").all():
        closed.click()
    for words in (
        "Check 1042",
        "Money order 778",
        "Bank transfer",
        "50 shares of ACME",
        "0.25 BTC",
        "From your IRA at Fidelity",
        "Two desks and a lamp",
        "Forty hours of legal advice",
        "From Fidelity Charitable, recommended by you",
        "From Northeast Lobster Company, to match your gift",
        "by phone, with a card ending 4242",
        "Check 1043 came back from the bank",
    ):
        expect(page.locator(".history").get_by_text(words, exact=False).first).to_be_visible()
    expect(page.locator(".figure-value")).to_have_text("$300.00")
    assert "$12" not in page.locator("main").inner_text()
    watch.allow(r"postMessage")
    assert_clean(page, "the portal")
    watch.allow(r"status of 410")
    void = Receipt.objects.get(void__isnull=False)
    expect(page.get_by_text(f"{void.number} is void")).to_be_visible()
    page.goto(f"/portal/receipts/{void.number}/")
    expect(page.get_by_role("heading", level=1)).to_have_text(f"{void.number} is void")
    assert_clean(page, "a void receipt")


@pytest.fixture
def bob(stack: Stack) -> Gift:
    """A check whose receipt has been mailed to him, and another of somebody without e-mail that came back."""
    builders.campaign()
    gift = mailbag.record(donor=builders.donor(name="Bob Hale", email="bob@example.org"), check_number="2211")
    receipt = mailbag.receipted(gift)
    OutgoingEmail.objects.filter(key=receipt.mail_key).update(status="sent", sent_at=clock.now())
    silent = mailbag.record(donor=builders.donor(name="Ruth Abbott", email=None, phone="(555) 010-0164"))
    reversals.reverse(silent.pk, reason="bounced", noticed_on=clock.today(), actor="staff:1")
    return gift


def test_the_pages_of_a_returned_check_are_clean(bob: Gift, open_page: OpenPage, watch: Watch) -> None:
    page = open_page(viewport=PHONE)
    sign_in(page, builders.staff("Finance"), "/admin/")
    expect(page.get_by_text("Returned gifts to tell people of")).to_be_visible()
    of_gift = f"/admin/donations/reversal/of-gift/{bob.pk}/"
    watch.allow(AXE_NOISE)
    for what, address in (
        ("reversals", "/admin/donations/reversal/"),
        ("finding", "/admin/donations/reversal/find/?q=2211"),
        ("finding nothing", "/admin/donations/reversal/find/?q=31337"),
        ("people to tell", "/admin/donations/reversal/to-tell/"),
        ("a wrong entry", f"{of_gift}wrong/"),
        ("the ledger with its sums", "/admin/donations/ledgerentry/?kind__exact=gift"),
        ("a returned check", f"{of_gift}returned/"),
    ):
        page.goto(address)
        assert_clean(page, what)
    page.get_by_label("What the bank charges us").fill("twelve")
    page.get_by_role("button", name="Show what will happen").click()
    expect(page.get_by_text("Enter an amount in numbers")).to_be_visible()
    assert_clean(page, "a returned check with an error")
    page.get_by_label("What the bank charges us").fill("12")
    page.get_by_role("button", name="Show what will happen").click()
    expect(page.get_by_role("heading", name="This will happen")).to_be_visible()
    assert_clean(page, "what will happen")


def test_a_check_comes_back_by_keyboard_alone(bob: Gift, stack: Stack, page: Page) -> None:
    sign_in(page, builders.staff("Finance"), "/admin/donations/reversal/find/")
    page.wait_for_selector("#check:focus")
    page.keyboard.type("2211\n")
    page.get_by_role("link", name="Returned by the bank").focus()
    page.keyboard.press("Enter")
    page.get_by_label("What the bank charges us").focus()
    page.keyboard.type("12")
    page.keyboard.press("Tab")
    page.keyboard.type("Account closed\n")
    expect(page.get_by_role("heading", name="This will happen")).to_be_visible()
    expect(page.locator(".letter-text")).to_contain_text("You owe us nothing")
    page.get_by_role("button", name="Book it as returned").focus()
    page.keyboard.press("Enter")
    expect(page.locator(".messagelist")).to_contain_text("booked as returned")
    wait(OutgoingEmail.objects.filter(key=f"returned:{bob.pk}", status="sent").exists)
    expect(page.get_by_role("row", name=re.compile(r"\d bank's fee reversal"))).to_contain_text("-$12.00")
