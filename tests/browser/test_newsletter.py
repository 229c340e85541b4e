"""The newsletter in a real browser: box, letter, button, choices, leaving; by phone, by keyboard, without script."""

import re

import pytest
from playwright.sync_api import Page, expect

from members.models import NewsletterNews, NewsletterSubscription, NewsletterSuppression
from members.newsletter import choices
from nonprofit import clock
from nonprofit.models import OutgoingEmail
from tests import builders
from tests.browser.looks import PHONE, assert_clean, visit
from tests.browser.signing_in import sign_in, sign_in_by_code
from tests.conftest import OpenPage
from tests.faults.books import wait
from tests.members import people
from tests.stack import Stack
from tests.watch import Watch

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.django_db]
ANA = "ana@example.org"


@pytest.fixture(autouse=True)
def newsroom(stack: Stack, watch: Watch) -> None:
    builders.campaign()
    watch.allow(r"postMessage")


def link(template: str, use: str) -> str:
    """The path of a link in the letter that really went out."""
    letters = OutgoingEmail.objects.filter(template=template, to=ANA, status="sent")
    wait(letters.exists)
    found = re.search(rf"(/newsletter/{use}/\S+/)", letters.latest("pk").text)
    assert found
    return found[1]


def status() -> dict[str, str]:
    return choices.chosen(ANA)


def press(page: Page, name: str) -> None:
    """By keyboard: reach the button with Tab, and press it."""
    for _ in range(40):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.textContent.trim()") == name:
            page.keyboard.press("Enter")
            return
    raise AssertionError(f"Tab never reached {name}")


def test_from_the_box_to_leaving_by_keyboard_on_a_phone(open_page: OpenPage, watch: Watch) -> None:
    watch.allow(r"status of 422")
    page = open_page(viewport=PHONE)
    page.goto("/newsletter/")
    page.get_by_label("E-mail address").focus()
    page.keyboard.type("ana@\n")
    expect(page.get_by_role("alert")).to_contain_text("name@example.org")
    expect(page.get_by_label("E-mail address")).to_have_value("ana@")
    page.get_by_label("E-mail address").focus()
    page.keyboard.press("Control+A")
    page.keyboard.type(f"{ANA}\n")
    expect(page.get_by_role("heading", level=1)).to_have_text("Now look into your mailbox")
    page.goto(link("newsletter_confirm", "confirm"))
    assert status() == {"newsletter": "wanted"}
    press(page, "Yes, send me the newsletter")
    expect(page.get_by_role("heading", level=1)).to_have_text("You are on the list")
    press(page, "Choose what we send you")
    expect(page.get_by_role("heading", level=1)).to_have_text("What we send you")
    expect(page.get_by_label("Weekly newsletter")).to_be_checked()
    page.get_by_label("Member news").focus()
    page.keyboard.press("Space")
    press(page, "Save")
    expect(page.get_by_role("status")).to_have_text("Saved.")
    assert status() == {"newsletter": "confirmed", "members": "confirmed"}
    page.goto(link("newsletter_welcome", "leave"))
    press(page, "Yes, take me off")
    expect(page.get_by_role("heading", level=1)).to_have_text("You have left")
    assert status() == {"newsletter": "unsubscribed", "members": "confirmed"}
    press(page, "What else we send you")
    expect(page.get_by_role("heading", level=1)).to_have_text("What we send you")
    press(page, "Stop all of them")
    expect(page.get_by_role("status")).to_contain_text("none of our newsletters")
    assert set(status().values()) == {"unsubscribed"}


def test_no_page_needs_a_script(open_page: OpenPage) -> None:
    page = open_page(viewport=PHONE, java_script_enabled=False)
    page.goto("/newsletter/")
    page.get_by_label("E-mail address").fill(ANA)
    page.get_by_role("button").click()
    page.goto(link("newsletter_confirm", "confirm"))
    page.get_by_role("button").click()
    page.get_by_role("link", name="Choose what we send you").click()
    page.get_by_role("button", name="Stop all of them").click()
    expect(page.get_by_text("none of our newsletters")).to_be_visible()
    assert status() == {"newsletter": "unsubscribed"}


def test_the_box_stands_on_another_site(open_page: OpenPage, stack: Stack, watch: Watch) -> None:
    """The snippet of docs/newsletter.md, on a page that is not ours."""
    page = open_page(viewport=PHONE)
    box = f"""<form method="post" action="{stack.url}/newsletter/">
        <label>E-mail <input type="email" name="email"></label>
        <input type="text" name="website" hidden><button>Join</button></form>"""
    watch.allow(r"request to http://news\.example/")
    page.route("**/news.example/", lambda route: route.fulfill(content_type="text/html", body=box))
    page.goto("http://news.example/")
    page.get_by_label("E-mail").fill(ANA)
    page.get_by_role("button", name="Join").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Now look into your mailbox")
    assert status() == {"newsletter": "wanted"}


def test_every_page_is_clean(open_page: OpenPage, watch: Watch) -> None:
    watch.allow(r"status of (422|404)")
    page = open_page(viewport=PHONE)
    page.goto("/newsletter/")
    assert_clean(page, "the box")
    page.get_by_label("E-mail address").fill("ana@")
    page.get_by_role("button").click()
    assert_clean(page, "the box with an error")
    page.get_by_label("E-mail address").fill(ANA)
    page.get_by_role("button").click()
    assert_clean(page, "look into your mailbox")
    page.goto(link("newsletter_confirm", "confirm"))
    assert_clean(page, "confirming")
    page.get_by_role("button").click()
    assert_clean(page, "confirmed")
    page.goto(link("newsletter_welcome", "preferences"))
    assert_clean(page, "preferences")
    page.get_by_role("button", name="Save").click()
    assert_clean(page, "saved")
    page.goto(link("newsletter_welcome", "leave"))
    assert_clean(page, "leaving")
    page.get_by_role("button").click()
    assert_clean(page, "left")
    for use in ("confirm", "leave", "preferences"):
        page.goto(f"/newsletter/{use}/1-1.x/")
        assert_clean(page, f"no such link to {use}")


def test_the_portals_page(open_page: OpenPage, watch: Watch) -> None:
    people.gave(ANA, wants_newsletter=True)
    page = open_page(viewport=PHONE)
    sign_in_by_code(page, ANA)
    page.get_by_role("link", name="Newsletter").first.click()
    expect(page.get_by_text("Waits for you to confirm")).to_be_visible()
    assert_clean(page, "the portal's newsletter page")
    page.get_by_label("Weekly newsletter").check()
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("status")).to_have_text("Saved.")
    assert status() == {"newsletter": "confirmed"}


def test_the_desks_pages_are_clean(open_page: OpenPage, watch: Watch) -> None:
    choices.choose(ANA, ["newsletter"], source="portal", actor="supporter")
    row = NewsletterSubscription.objects.get()
    no = NewsletterSuppression.objects.create(email=ANA, reason="bounce", code="5.1.1")
    news = NewsletterNews.objects.create(
        entry_id=1, email=ANA, what="left", happened_at=clock.now(), status="given up", last_error="HTTP 500"
    )
    page = open_page(viewport=PHONE)
    sign_in(page, builders.staff("Staff"), "/admin/")
    pages = {
        "subscriptions": "newslettersubscription/",
        "a subscription": f"newslettersubscription/{row.pk}/change/",
        "suppressed addresses": "newslettersuppression/",
        "a suppressed address": f"newslettersuppression/{no.pk}/change/",
        "news": "newsletternews/",
        "news given up": f"newsletternews/{news.pk}/change/",
        "the log": "consententry/",
        "exports": "newsletterexport/",
    }
    visit(page, watch, {what: f"/admin/members/{address}" for what, address in pages.items()})
