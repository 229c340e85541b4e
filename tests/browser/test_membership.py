"""The membership page in a real browser: every state of it, phone and desk, light and dark, by keyboard, axe clean."""

from datetime import timedelta

import pytest
from playwright.sync_api import expect

from donations.models import Donor
from members import memberships
from members.models import (
    Fulfilment,
    Membership,
    MembershipPerson,
    NewsletterSubscription,
    NewsletterSuppression,
)
from nonprofit import clock
from nonprofit.models import User
from tests import builders
from tests.browser.looks import AXE_NOISE, PHONE, assert_clean, visit
from tests.browser.signing_in import sign_in
from tests.conftest import OpenPage
from tests.members import people
from tests.members.membership import levels, tote
from tests.stack import Stack
from tests.watch import Watch

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.django_db]
PAGE = "/portal/membership/"


@pytest.fixture
def ana(stack: Stack, watch: Watch) -> User:
    """A Friend with a bag on its way."""
    watch.allow(r"postMessage")
    builders.campaign()
    friend, _ = levels()
    tote(friend)
    user = User.objects.create_user("ana@example.org")
    builders.donor(name="Ana Silva", email="ana@example.org", user=user)
    people.gave("ana@example.org", 60_00)
    return user


def test_a_member_sees_level_card_and_why(ana: User, open_page: OpenPage) -> None:
    page = open_page(viewport=PHONE)
    sign_in(page, ana, PAGE)
    expect(page.locator(".member-level")).to_have_text("A Friend")
    expect(page.get_by_text("carries you to")).to_be_visible()
    expect(page.get_by_role("img", name="Your membership card")).to_be_visible()
    assert page.evaluate("document.querySelector('.member-card img').naturalWidth") > 0
    assert_clean(page, "the membership")


def test_a_level_that_ends_before_the_membership_says_what_follows(ana: User, open_page: OpenPage) -> None:
    for amount_minor in (240_00, 60_00):
        people.gave("ana@example.org", amount_minor)
    page = open_page(viewport=PHONE)
    sign_in(page, ana, PAGE)
    expect(page.locator(".member-level")).to_have_text("A Patron")
    expect(page.get_by_text("Then a Friend through")).to_be_visible()
    assert_clean(page, "two levels after each other")


def test_the_desks_pages_are_clean(ana: User, open_page: OpenPage, watch: Watch) -> None:
    row, due = Membership.objects.get(), Fulfilment.objects.get()
    for number, wish in enumerate(("is_anonymous", "is_not_contacted", "is_not_mailed")):
        people.gave(f"gone-{number}@example.org", 60_00, donor_name=f"Gone {number}")
        gone = Donor.objects.filter(email=f"gone-{number}@example.org")
        gone.update(**{wish: True}, phone="(555) 010-0142", address_line1="1 Pier", city="Port Haven")
        ended = clock.today() - timedelta(days=number + 2)
        Membership.objects.filter(donor__in=gone).update(state="lapsed", current_through=ended, grace_through=ended)
    NewsletterSuppression.objects.create(email="gone-2@example.org", reason="bounce")
    NewsletterSubscription.objects.create(
        email="ana@example.org", status="confirmed", source="portal", consent_at=clock.now()
    )
    page = open_page(viewport=PHONE)
    sign_in(page, builders.staff("Administrator"), "/admin/")
    watch.forget(AXE_NOISE)
    desk = "/admin/members"
    pages = {
        "members": f"{desk}/membership/",
        "lapsed lately": f"{desk}/membership/lapsed/",
        "a member among supporters": f"/admin/donations/donor/{row.donor_id}/change/",
        "a membership": f"{desk}/membership/{row.pk}/change/",
        "giving one": f"{desk}/membership/{row.pk}/give/",
        "what is to be sent": f"{desk}/fulfilment/",
        "a parcel": f"{desk}/fulfilment/{due.pk}/change/",
        "sending it": f"{desk}/fulfilment/{due.pk}/ship/",
        "levels": f"{desk}/level/",
    }
    visit(page, watch, pages)


def test_declining_and_sharing_by_keyboard(ana: User, open_page: OpenPage) -> None:
    page = open_page(viewport=PHONE)
    sign_in(page, ana, PAGE)
    page.get_by_role("button", name="No, thank you").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_text("We will not send it")).to_be_visible()
    assert Fulfilment.objects.get().state == "declined"
    page.get_by_text("Add somebody in your household").focus()
    page.keyboard.press("Enter")
    page.get_by_label("Name").fill("Luis Silva")
    page.keyboard.press("Enter")
    expect(page.get_by_text("Luis Silva shares your membership")).to_be_visible()
    assert MembershipPerson.objects.get().name == "Luis Silva"
    assert_clean(page, "a shared membership")


def test_who_lapsed_and_who_is_none_yet(ana: User, open_page: OpenPage) -> None:
    row = Membership.objects.get()
    memberships.recompute_many([row.donor_id], today=clock.today() + timedelta(days=500))
    page = open_page(viewport=PHONE)
    sign_in(page, ana, PAGE)
    expect(page.get_by_role("heading", name="We miss you")).to_be_visible()
    expect(page.get_by_role("link", name="Join again")).to_be_visible()
    assert_clean(page, "a lapsed membership")
    Membership.objects.filter(pk=row.pk).update(state="never", level=None, joined_on=None)
    page.reload()
    expect(page.get_by_role("heading", name="You are not a member yet")).to_be_visible()
    expect(page.get_by_text("$60 a year, or $5 a month")).to_be_visible()
    assert_clean(page, "no membership yet")
