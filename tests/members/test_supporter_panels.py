"""Membership and newsletters on a supporter's page: as they stand, with links, and only for who may see them."""

import re
from datetime import timedelta

import pytest
from django.contrib.auth.models import Permission
from django.test import Client

from donations.models import Donor, DonorEmail
from members import granting, memberships
from members.models import Level, Membership, NewsletterSubscription, NewsletterSuppression
from nonprofit import clock
from nonprofit.models import User
from tests import builders
from tests.members import people
from tests.members.membership import levels

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def offered() -> None:
    builders.campaign()
    levels()


@pytest.fixture
def ana(sam: User) -> Donor:
    people.gave("ana@example.org", 60_00, donor_name="Ana Silva")
    return Donor.objects.get(email="ana@example.org")


def html(client: Client, donor: Donor) -> str:
    response = client.get(f"/admin/donations/donor/{donor.pk}/change/")
    assert response.status_code == 200
    return response.content.decode()


def panel(client: Client, donor: Donor, title: str) -> str:
    """The panel's words; "" where it is not on the page."""
    found = re.search(rf"<h2[^>]*>{title}</h2>(.*?)</section>", html(client, donor), re.DOTALL)
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", found[1])).strip() if found else ""


def subscribed(email: str, status: str = "confirmed", purpose: str = "newsletter") -> NewsletterSubscription:
    facts = {"source": "portal", "consent_at": clock.now()}
    return NewsletterSubscription.objects.create(email=email, purpose=purpose, status=status, **facts)


# --- membership -------------------------------------------------------------------------------------------------------


def test_a_member_stands_there_with_level_end_and_why(client: Client, ana: Donor) -> None:
    row = Membership.objects.get(donor=ana)
    assert row.current_through is not None
    said = panel(client, ana, "Membership")
    assert "current a Friend" in said
    assert f"carries you to {row.current_through:%B}" in said
    assert f'href="/admin/members/membership/{row.pk}/change/">The membership' in html(client, ana)


def test_a_level_that_ends_first_says_what_follows(client: Client, ana: Donor) -> None:
    for amount_minor in (240_00, 60_00):
        people.gave("ana@example.org", amount_minor, donor_name="Ana Silva")
    assert re.search(r"a Patron through .*\. Then a Friend through", panel(client, ana, "Membership"))


def test_for_life_lapsed_too_little_and_never(client: Client, ana: Donor, sam: User) -> None:
    memberships.recompute_many([ana.pk], today=clock.today() + timedelta(days=500))
    assert "lapsed a Friend" in panel(client, ana, "Membership")
    granting.for_life(ana.pk, Level.objects.get(name="a Patron"), why="for years", user=sam)
    assert "current a Patron for life" in panel(client, ana, "Membership")
    people.gave("bob@example.org", 1_00, donor_name="Bob Stone")
    little = panel(client, Donor.objects.get(email="bob@example.org"), "Membership")
    assert little.startswith("Not a member. Your gift of")
    assert "The membership" in little
    assert panel(client, builders.donor(name="Nobody"), "Membership") == "Not a member."


# --- newsletters ------------------------------------------------------------------------------------------------------


def test_each_list_of_each_address_says_how_far_its_consent_is_proven(client: Client, ana: Donor) -> None:
    DonorEmail.objects.create(donor=ana, email="ana@work.example", purpose="work")
    asked, on = subscribed("ana@work.example", "wanted"), subscribed("ana@example.org")
    subscribed("ana@example.org", "unsubscribed", "appeals")
    subscribed("stranger@example.org")
    said, page = panel(client, ana, "Newsletters"), html(client, ana)
    assert "ana@example.org Appeals for support unsubscribed portal" in said
    assert "ana@example.org Weekly newsletter confirmed portal" in said
    assert "ana@work.example Weekly newsletter asked for, not confirmed portal" in said
    assert "stranger" not in said
    for one in (asked, on):
        assert f'href="/admin/members/newslettersubscription/{one.pk}/change/"' in page


def test_a_mailbox_that_said_no_stands_there_on_a_list_or_not(client: Client, ana: Donor) -> None:
    assert panel(client, ana, "Newsletters") == "On no list."
    held = NewsletterSuppression.objects.create(email="ana@example.org", reason="complaint")
    assert "ana@example.org — — — — no letters: reported as spam" in panel(client, ana, "Newsletters")
    assert f'href="/admin/members/newslettersuppression/{held.pk}/change/"' in html(client, ana)
    subscribed("ana@example.org")
    said = panel(client, ana, "Newsletters")
    assert said.count("ana@example.org") == 1
    assert "no letters: reported as spam" in said
    NewsletterSuppression.objects.update(lifted_at=clock.now(), lifted_because="they called")
    assert "no letters" not in panel(client, ana, "Newsletters")
    assert panel(client, builders.donor(name="Nobody", email=None), "Newsletters") == "We know no e-mail of theirs."


def test_each_is_for_who_may_see_it(client: Client, ana: Donor) -> None:
    subscribed("ana@example.org")
    NewsletterSuppression.objects.create(email="ana@example.org", reason="complaint")
    user = builders.staff()
    client.force_login(user)

    def may(right: str) -> None:
        user.user_permissions.add(Permission.objects.get(codename=right))

    may("view_donor")
    page = html(client, ana)
    assert "Membership</h2>" not in page
    assert "Newsletters</h2>" not in page
    may("view_membership")
    assert "current a Friend" in panel(client, ana, "Membership")
    assert panel(client, ana, "Newsletters") == ""
    may("view_newslettersubscription")
    said = panel(client, ana, "Newsletters")
    assert "confirmed" in said
    assert "Mailbox" not in said
    assert "spam" not in said
    may("view_newslettersuppression")
    assert "no letters: reported as spam" in panel(client, ana, "Newsletters")
