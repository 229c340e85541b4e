"""Refunds and disputes in a real browser: a refund from form to letter, and pages that are clean in every look."""

import pytest
from playwright.sync_api import Page, expect

from donations import disputes, refunds
from donations.models import Dispute, Gift, Policy, Refund
from nonprofit.models import OutgoingEmail
from nonprofit.money import Money
from tests import builders
from tests.browser.looks import AXE_NOISE, PHONE, assert_clean
from tests.browser.signing_in import sign_in
from tests.conftest import OpenPage
from tests.donations import money_back
from tests.faults.books import is_finished, state, wait
from tests.faults.giver import Giver
from tests.stack import Stack
from tests.watch import Watch

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.django_db]


def test_a_refund_from_the_gifts_page_to_the_supporters_letter(stack: Stack, page: Page) -> None:
    """By keyboard alone; Stripe, the books, the new receipt and both letters follow by themselves."""
    builders.campaign()
    Giver(stack).give()
    wait(lambda: is_finished(1), 60.0, what=state())
    gift = Gift.objects.get()
    sign_in(page, builders.staff("Staff"), f"/admin/donations/gift/{gift.pk}/change/")
    page.get_by_role("link", name="Refund it").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_label("Amount", exact=True)).to_have_value("25")
    page.get_by_label("Amount", exact=True).focus()
    page.keyboard.press("Control+A")
    page.keyboard.type("10")
    page.get_by_label("The supporter asked").focus()
    page.keyboard.press("Space")
    page.get_by_label("Note", exact=True).focus()
    page.keyboard.type("Meant to give 15\n")
    expect(page.get_by_role("heading", name="This will happen")).to_be_visible()
    expect(page.locator(".letter-text")).to_contain_text("We have refunded $10.00 of your gift of $25.00")
    page.get_by_role("button", name="Refund it").focus()
    page.keyboard.press("Enter")
    expect(page.locator(".messagelist")).to_contain_text("on its way to Stripe")
    wait(Refund.objects.filter(state="succeeded").exists, 60.0, what=state())
    wait(OutgoingEmail.objects.filter(template="refund", status="sent").exists, 60.0, what=state())
    page.reload()
    expect(page.get_by_role("row", name="Kept")).to_contain_text("$15.00")
    wait(lambda: Gift.objects.get().paper.snapshot["gift"]["amount"] == "$15.00", 60.0)


def test_the_pages_of_refunds_and_disputes_are_clean(stack: Stack, open_page: OpenPage, watch: Watch) -> None:
    builders.campaign()
    gift = builders.receipted_gift(amount_minor=50_000, payment_intent_id="pi_ana")
    other = builders.receipted_gift(amount_minor=7_500, payment_intent_id="pi_bob", donor_email="bob@example.org")
    Policy.objects.update_or_create(pk=1, defaults={"refund_alone_up_to_minor": 25_000})
    waiting = refunds.request(gift.pk, refunds.Wish(Money(30_000), "asked"), user=builders.staff("Staff"))
    disputes.apply(money_back.dispute(other, "needs_response"), other.pk)
    page = open_page(viewport=PHONE)
    sign_in(page, builders.staff("Finance"), "/admin/")
    expect(page.get_by_text("Refunds to agree to")).to_be_visible()
    watch.allow(AXE_NOISE)
    for what, address in (
        ("refunds", "/admin/donations/refund/"),
        ("a refund", f"/admin/donations/refund/{waiting.pk}/change/"),
        ("deciding", f"/admin/donations/refund/{waiting.pk}/decide/"),
        ("disputes", "/admin/donations/dispute/"),
        ("the worklist", "/admin/donations/dispute/worklist/"),
        ("a dispute", f"/admin/donations/dispute/{Dispute.objects.get().pk}/change/"),
        ("a gift with a refund", f"/admin/donations/gift/{gift.pk}/change/"),
        ("asking", f"/admin/donations/refund/of-gift/{gift.pk}/"),
    ):
        page.goto(address)
        assert_clean(page, what)
    page.get_by_label("Amount", exact=True).fill("999")
    page.get_by_label("Other", exact=True).check()
    page.get_by_role("button", name="Show what will happen").click()
    expect(page.get_by_role("alert")).to_contain_text("more than is left")
    assert_clean(page, "asking for too much")
    page.get_by_label("Amount", exact=True).fill("100")
    page.get_by_role("button", name="Show what will happen").click()
    expect(page.get_by_role("heading", name="This will happen")).to_be_visible()
    assert_clean(page, "what will happen")
