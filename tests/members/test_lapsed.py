"""Lapsed lately: who stands there, how they may be reached by their own wishes, and who may see which of it."""

import re
from datetime import date, timedelta

import pytest
from django.contrib.auth.models import Permission
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from donations.models import Donor
from members import lapsed, memberships
from members.lapsed import Reach
from members.models import Level, Membership, NewsletterSubscription, NewsletterSuppression
from nonprofit import clock
from nonprofit.models import User
from tests import builders
from tests.members import people
from tests.members.membership import levels

pytestmark = pytest.mark.django_db
PAGE = "/admin/members/membership/lapsed/"


@pytest.fixture(autouse=True)
def offered() -> None:
    builders.campaign()
    levels()


def member(name: str, lapsed_ago: int, **wishes: object) -> Donor:
    """A Friend whose membership, with its grace, was over so many days ago."""
    email = f"{name.split()[0].lower()}@example.org"
    people.gave(email, 60_00, donor_name=name)
    Donor.objects.filter(email=email).update(**wishes)
    donor = Donor.objects.get(email=email)
    ended = clock.today() - timedelta(days=lapsed_ago + 1)
    facts = {"state": "lapsed", "grace_through": ended, "current_through": ended - timedelta(days=30)}
    Membership.objects.filter(donor=donor).update(**facts, looks_again_on=None)
    return donor


def shown(client: Client, query: str = "") -> str:
    response = client.get(PAGE + query)
    assert response.status_code == 200
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", response.content.decode()))


def test_who_lapsed_within_the_days_that_were_chosen_stands_there_the_newest_first(client: Client, sam: User) -> None:
    for name, days in (("Ana Silva", 0), ("Bob Stone", 29), ("Cal Reed", 89), ("Dee Moss", 364), ("Eve Long", 365)):
        member(name, days)
    people.gave("fay@example.org", 60_00, donor_name="Fay Current")
    page = shown(client)
    assert page.index("Ana Silva") < page.index("Bob Stone")
    assert "2 members lapsed within 30 days" in page
    for name in ("Cal Reed", "Dee Moss", "Eve Long", "Fay Current"):
        assert name not in page
    assert "3 members lapsed within 90 days" in shown(client, "?days=90")
    assert "4 members lapsed within a year" in shown(client, "?days=365")
    assert "2 members lapsed within 30 days" in shown(client, "?days=9999999999999999999")


def test_it_says_level_end_last_gift_and_how_to_reach_them(client: Client, sam: User) -> None:
    address = {"address_line1": "1 Pier", "city": "Port Haven", "region": "ME", "postal_code": "04000"}
    ana = member("Ana Silva", 5, phone="555-0142", **address)
    newest = people.gave("ana@example.org", 10_00, donor_name="Ana Silva", on=clock.today() - timedelta(days=400))
    row = Membership.objects.get(donor=ana)
    Membership.objects.filter(donor=ana).update(
        state="lapsed",
        level=Level.objects.get(name="a Friend"),
        grace_through=clock.today() - timedelta(days=6),
        current_through=date(2026, 10, 21),
    )
    page = shown(client)
    lapsed_on = clock.today() - timedelta(days=5)
    assert f"A Friend through October 21, 2026, lapsed on {lapsed_on:%B} {lapsed_on.day}, {lapsed_on.year}." in page
    assert "of $60.00 on" in page
    assert newest.public_id not in page
    assert "ana@example.org" in page
    assert "Phone 555-0142" in page
    assert "1 Pier" in page
    html = client.get(PAGE).content.decode()
    for address_of in (f"/admin/donations/donor/{ana.pk}/change/", f"/admin/members/membership/{row.pk}/change/"):
        assert address_of in html


@pytest.mark.parametrize(
    ("wishes", "expected"),
    [
        pytest.param({}, Reach("ana@example.org", "555", "1 Pier"), id="no wish"),
        pytest.param({"is_not_contacted": True}, Reach(wishes=("do not contact",)), id="no contact at all"),
        pytest.param({"is_not_mailed": True}, Reach("ana@example.org", "555", "", ("no paper mail",)), id="no paper"),
    ],
)
def test_a_wish_takes_the_way_away(wishes: dict[str, bool], expected: Reach) -> None:
    donor = builders.donor(email="ana@example.org", phone="555", address_line1="1 Pier", city="", **wishes)
    assert lapsed.reach([donor]) == {donor.pk: expected}


def test_a_mailbox_that_said_no_and_an_owner_who_left_appeals_are_not_written_to() -> None:
    bounced, left, on = (builders.donor(email=f"{name}@example.org", phone="555") for name in ("a", "b", "c"))
    lifted = builders.donor(email="d@example.org")
    NewsletterSuppression.objects.create(email="a@example.org", reason="bounce")
    NewsletterSuppression.objects.create(
        email="d@example.org", reason="bounce", lifted_at=clock.now(), lifted_because="a typo"
    )
    for email, purpose, status in (
        ("b@example.org", "appeals", "unsubscribed"),
        ("c@example.org", "newsletter", "unsubscribed"),
    ):
        facts = {"source": "portal", "consent_at": clock.now()}
        NewsletterSubscription.objects.create(email=email, purpose=purpose, status=status, **facts)
    found = lapsed.reach([bounced, left, on, lifted])
    assert found[bounced.pk] == Reach("", "555", "", ("no e-mail: the mailbox does not exist",))
    assert found[left.pk] == Reach("", "555", "", ("no e-mail: wants no appeals",))
    assert (found[on.pk].email, found[lifted.pk].email) == ("c@example.org", "d@example.org")


def test_nobody_is_asked_who_has_died_and_who_wants_no_contact_is_told_so(client: Client, sam: User) -> None:
    member("Ana Silva", 5, is_deceased=True)
    member("Bob Stone", 5, is_not_contacted=True, phone="555-0142")
    page = shown(client)
    assert "Ana Silva" not in page
    assert "Bob Stone" in page
    assert "Do not contact" in page
    assert "555-0142" not in page
    assert "bob@example.org" not in page


def test_fifty_at_once_in_the_same_number_of_statements(client: Client, sam: User) -> None:
    member("Ana Silva", 5)
    with CaptureQueriesContext(connection) as few:
        shown(client)
    for number in range(51):
        member(f"N{number} Stone", 6)
    with CaptureQueriesContext(connection) as many:
        page = shown(client)
    assert len(many) == len(few)
    assert "52 members lapsed" in page
    assert "Lapsed earlier" in page
    assert "Lapsed later" in shown(client, "?days=30&p=2")
    assert shown(client, "?p=nonsense").count("lapsed on") == 50


def test_it_is_found_on_the_desk_and_in_the_list(client: Client, sam: User) -> None:
    member("Ana Silva", 5)
    desk = client.get("/admin/").content.decode()
    assert f'<a href="{PAGE}?days=30"><strong>1</strong> <span>Members lapsed</span></a>' in desk
    assert PAGE in client.get("/admin/members/membership/").content.decode()


def test_a_newsroom_without_levels_has_no_figure(client: Client, sam: User) -> None:
    Level.objects.all().delete()
    assert "Members lapsed" not in client.get("/admin/").content.decode()
    assert "Nobody lapsed within 30 days." in shown(client)


def test_each_part_is_for_who_may_see_it(client: Client, sam: User) -> None:
    member("Ana Silva", 5, phone="555-0142")
    client.force_login(builders.staff("Data entry"))
    assert client.get(PAGE).status_code == 403
    user = builders.staff()
    user.user_permissions.add(Permission.objects.get(codename="view_membership"))
    client.force_login(user)
    page = shown(client)
    assert "Ana Silva" in page
    for hidden in ("555-0142", "ana@example.org", "Last gift", "$"):
        assert hidden not in page
    user.user_permissions.add(Permission.objects.get(codename="view_gift"))
    page = shown(client)
    assert "Last gift" in page
    assert "$" not in page


def test_who_comes_back_leaves_the_page(client: Client, sam: User) -> None:
    ana = member("Ana Silva", 5)
    assert "Ana Silva" in shown(client)
    memberships.recompute(ana.pk)
    assert "Ana Silva" not in shown(client)
