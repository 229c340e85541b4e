"""Promises in a real browser: a pledge made with the keyboard alone, its first part paid by a link, and clean pages."""

import re
from datetime import date, timedelta

import pytest
from playwright.sync_api import Locator, Page, expect

from donations.desk import matches, promises
from donations.models import Donor, Employer, Gift, Promise
from donations.rules.instalments import Schedule
from nonprofit import clock
from nonprofit.models import OutgoingEmail
from tests import builders
from tests.browser.looks import AXE_NOISE, PHONE, assert_clean, visit
from tests.browser.signing_in import sign_in
from tests.browser.supporter import Supporter
from tests.conftest import OpenPage
from tests.donations.test_promises import ACTOR, check, finance, part, parts, pledge
from tests.faults.books import assert_balanced, is_finished, state, wait
from tests.stack import Stack
from tests.watch import Watch

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.django_db]

DESK = "/admin/donations/"


@pytest.fixture(autouse=True)
def newsroom(stack: Stack) -> None:
    builders.campaign()


def tab_to(page: Page, wanted: Locator) -> None:
    """Press Tab until `wanted` has the focus."""
    for _ in range(80):
        page.keyboard.press("Tab")
        if wanted.evaluate("element => element === document.activeElement"):
            return
    raise AssertionError("the keyboard does not get there")


def test_a_pledge_in_four_quarters_and_its_first_part_by_link(stack: Stack, open_page: OpenPage, watch: Watch) -> None:
    alice = builders.donor(name="Alice Archer", email="alice@example.org")
    page = open_page(viewport={"width": 1280, "height": 900})
    sign_in(page, builders.staff("Staff"), f"{DESK}donor/{alice.pk}/change/")

    tab_to(page, page.get_by_role("link", name="New promise"))
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("New promise")
    tab_to(page, page.get_by_label("How much in all"))
    page.keyboard.type("1000.02")
    tab_to(page, page.get_by_label("Once"))
    expect(page.get_by_label("Number of parts")).to_be_hidden()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    expect(page.get_by_label("Quarterly")).to_be_checked()
    tab_to(page, page.get_by_label("First part due"))
    page.keyboard.type("12312026")
    expect(page.get_by_label("Number of parts")).to_have_value("4")
    page.keyboard.press("Enter")
    expect(page.locator(".messagelist")).to_contain_text("It counts as received only when gifts come")
    made = Promise.objects.get()
    assert [(str(one.due_on), one.amount_minor) for one in parts(made)] == [
        ("2026-12-31", 250_02),
        ("2027-03-31", 250_00),
        ("2027-06-30", 250_00),
        ("2027-09-30", 250_00),
    ]

    tab_to(page, page.get_by_role("link", name="Send a payment link: the part due 2026-12-31"))
    page.keyboard.press("Enter")
    expect(page.get_by_text("alice@example.org")).to_be_visible()
    tab_to(page, page.get_by_label("What it is for"))
    page.keyboard.press("Enter")
    expect(page.locator(".messagelist")).to_contain_text("A link to pay $250.02 is on its way to alice@example.org.")

    supporter = the_letters_page(open_page)
    supporter.type_card().page.locator("#submit").click()
    supporter.sees_thanks()
    wait(lambda: is_finished(1), what=state())
    # The letter with the link is one more beside the receipt.
    assert_balanced(stack, 1, repeated_mail=1)
    page.reload()
    first = page.get_by_role("row", name=re.compile("Dec. 31, 2026 .*paid"))
    expect(first).to_contain_text("$250.02")
    expect(page.locator(".sums")).to_contain_text("$750.00")
    gift = Gift.objects.get()
    assert (gift.donor, gift.promise_payment.part) == (alice, parts(made)[0])
    assert Donor.objects.count() == 1


def the_letters_page(open_page: OpenPage) -> Supporter:
    """The supporter opens the link in the letter on a phone."""
    letters = OutgoingEmail.objects.filter(template="payment_link", status="sent")
    wait(letters.exists)
    letter = letters.get().text
    assert "This is for your pledge of" in letter
    found = re.search(r"http\S+/give/pay/\S+/", letter)
    assert found
    page = open_page(viewport={"width": 390, "height": 844})
    page.goto(found.group(0))
    expect(Supporter(page).card.get_by_label("Card number")).to_be_visible()
    return Supporter(page)


def pages() -> dict[str, str]:
    """Every page about promises, with something on it."""
    today = clock.today()
    alice = builders.donor(name="Alice Archer", email="alice@example.org")
    schedule = Schedule("monthly", today - timedelta(days=40), 6)
    made = pledge("1200", donor=alice, schedule=schedule, description="At the gala dinner")
    first, second, *_ = parts(made)
    paid = check(alice, 150_00)
    promises.pay(first.pk, paid.pk, ACTOR)
    promises.write_off(second, "Agreed on the phone to skip this one", finance())
    pledge("", donor=alice, kind="stock", schedule=Schedule(), description="100 ACME from Schwab")
    waiting = check(alice, 90_00)
    bob = check(builders.donor(name="Bob Bell"), 250_00)
    acme = Employer.objects.create(name="Acme Corp", form_url="https://acme.example/match")
    match = matches.expect_match(bob.pk, acme, expected_on=date(2027, 1, 15), actor=ACTOR)
    grant = check(builders.donor(name="Fidelity Charitable", kind="daf_sponsor"), 500_00, kind="daf")
    grant.soft_credits.create(donor=alice, role="advisor")
    unknown = check(Donor.objects.create(name="Unidentified", kind="unknown"), 0, kind="stock")
    third = parts(made)[2]
    return {
        "the worklist": "promisepart/?stands=all",
        "an empty worklist": "promisepart/?q=P-999999",
        "a promise": f"promise/{made.pk}/change/",
        "a match": f"promise/{match.pk}/change/",
        "a new promise": f"promise/new/{alice.pk}/",
        "which gift paid it": f"promise/part/{third.pk}/paid-by/",
        "a part's change": f"promise/part/{third.pk}/change/",
        "a payment link": f"promise/part/{third.pk}/send-link/",
        "a write-off": f"promise/{made.pk}/write-off/",
        "no gift to attach": f"promise/part/{part(match).pk}/paid-by/",
        "an expected match": f"promise/match-of/{waiting.pk}/",
        "a nameless gift": f"promise/whose/{unknown.pk}/",
        "the supporter": f"donor/{alice.pk}/change/",
        "the gift": f"gift/{bob.pk}/change/",
        "employers": "employer/",
        "an employer": f"employer/{acme.pk}/change/",
    }


def test_the_pages_are_clean(stack: Stack, open_page: OpenPage, watch: Watch) -> None:
    wanted = pages()
    page = open_page(viewport=PHONE)
    sign_in(page, builders.staff("Administrator"), "/admin/")
    expect(page.get_by_text("Promises overdue")).to_be_visible()
    visit(page, watch, {what: DESK + address for what, address in wanted.items()})
    watch.allow(AXE_NOISE)
    page.goto(f"{DESK}promise/new/")
    page.get_by_label("On dates of their own").check()
    page.get_by_label("Dates", exact=True).fill("soon 500")
    page.get_by_role("button", name="Record the promise").click()
    expect(page.locator(".errorlist").first).to_be_visible()
    assert_clean(page, "a new promise with errors")
