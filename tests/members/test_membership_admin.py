"""Members in the admin: lists with filters, the verbs behind the pages, and what is to be sent."""

from datetime import timedelta

import pytest
from django.test import Client

from donations.models import Donor
from members import granting, memberships
from members.models import Fulfilment, Level, Membership, MembershipGrant, MembershipPerson
from nonprofit import clock
from nonprofit.models import User
from tests import builders
from tests.members import people
from tests.members.membership import levels, tote

pytestmark = pytest.mark.django_db
LIST, SHIPPING = "/admin/members/membership/", "/admin/members/fulfilment/"


@pytest.fixture
def ana(sam: User) -> Donor:
    friend, _ = levels()
    tote(friend, in_stock=3)
    people.gave("ana@example.org", 60_00, donor_name="Ana Silva", address_line1="1 Pier", city="Port Haven")
    return Donor.objects.get(email="ana@example.org")


def shown(client: Client, address: str) -> str:
    response = client.get(address)
    assert response.status_code == 200, address
    return str(response.content.decode())


def test_the_list_finds_members_by_state_level_end_and_name(client: Client, ana: Donor) -> None:
    builders.donor(name="Nobody")
    friend = Level.objects.get(name="a Friend")
    for query, is_there in {
        "": True,
        "?state__exact=current": True,
        "?state__exact=lapsed": False,
        f"?level__id__exact={friend.pk}": True,
        "?ends=30": False,
        "?q=silva": True,
        "?q=xyzzy": False,
    }.items():
        assert ("Ana Silva" in shown(client, LIST + query)) is is_there, query
    Membership.objects.update(current_through=clock.today() + timedelta(days=9))
    assert "Ana Silva" in shown(client, LIST + "?ends=30")
    memberships.recompute_many([ana.pk], today=clock.today() + timedelta(days=500))
    assert "Ana Silva" in shown(client, LIST + "?state__exact=lapsed")


def test_its_page_says_why_and_its_verbs_ask_for_a_reason(client: Client, ana: Donor) -> None:
    row = Membership.objects.get(donor=ana)
    page = shown(client, f"{LIST}{row.pk}/change/")
    assert "carries you to" in page
    assert "$60" not in page
    patron = Level.objects.get(name="a Patron")
    assert client.post(f"{LIST}{row.pk}/give/", {"level": patron.pk, "why": ""}).status_code == 422
    assert not MembershipGrant.objects.exists()
    assert client.post(f"{LIST}{row.pk}/give/", {"level": patron.pk, "why": "for years"}).status_code == 302
    grant = MembershipGrant.objects.get()
    row.refresh_from_db()
    assert (grant.kind, row.current_through) == ("life", None)
    client.post(f"{LIST}grant/{grant.pk}/end/", {"why": "a mistake"})
    row.refresh_from_db()
    assert row.current_through is not None
    client.post(f"{LIST}{row.pk}/add-person/", {"name": "Luis"})
    person = MembershipPerson.objects.get()
    client.post(f"{LIST}person/{person.pk}/remove/", {"why": "moved out"})
    assert not MembershipPerson.objects.exists()


def test_its_page_says_a_level_to_its_own_last_day(client: Client, ana: Donor) -> None:
    row = Membership.objects.get(donor=ana)
    assert row.current_through is not None
    people.gave("ana@example.org", 240_00, donor_name="Ana Silva")
    page = shown(client, f"{LIST}{row.pk}/change/")
    assert "Then a Friend" not in page
    people.gave("ana@example.org", 60_00, donor_name="Ana Silva")
    page = shown(client, f"{LIST}{row.pk}/change/")
    ends = (row.current_through.year + 1, row.current_through.year + 2)
    assert f", {ends[0]}. Then a Friend through" in page
    assert f", {ends[1]}." in page


def test_a_gift_membership_from_the_page(client: Client, ana: Donor) -> None:
    gift = people.gave("may@example.org", 240_00, donor_name="May Silva")
    row = Membership.objects.get(donor=ana)
    assert client.post(f"{LIST}{row.pk}/from-gift/", {"gift": "G-99999999", "why": "so"}).status_code == 422
    assert client.post(f"{LIST}{row.pk}/from-gift/", {"gift": gift.public_id, "why": "her niece"}).status_code == 302
    row.refresh_from_db()
    assert str(row.level) == "a Patron"


def test_what_waits_is_listed_exported_sent_and_comes_back(client: Client, ana: Donor) -> None:
    due = Fulfilment.objects.get()
    assert "1 Pier" in shown(client, SHIPPING + "?state__exact=to_ship")
    assert "Benefits to send" in shown(client, "/admin/")
    Donor.objects.filter(pk=ana.pk).update(addressee="=Ana")
    assert "'=Ana,1 Pier" in shown(client, SHIPPING + "to-ship.csv")
    assert "1 Pier" in shown(client, f"{SHIPPING}{due.pk}/ship/")
    assert client.post(f"{SHIPPING}{due.pk}/ship/", {"address": ""}).status_code == 422
    assert client.post(f"{SHIPPING}{due.pk}/ship/", {"address": "Ana\n1 Pier", "tracking": "1Z"}).status_code == 302
    due.refresh_from_db()
    assert (due.state, due.tracking, due.address, due.level_benefit.in_stock) == ("sent", "1Z", "Ana\n1 Pier", 2)
    client.post(f"{SHIPPING}{due.pk}/returned/", {"is_back_in_stock": "on"})
    client.post(f"{SHIPPING}{due.pk}/again/", {})
    client.post(f"{SHIPPING}{due.pk}/decline/", {})
    due.refresh_from_db()
    assert (due.state, Fulfilment.objects.get().level_benefit.in_stock) == ("declined", 3)


def test_finance_sees_and_changes_nothing(client: Client, ana: Donor) -> None:
    client.force_login(builders.staff("Finance"), backend="django.contrib.auth.backends.ModelBackend")
    row, due = Membership.objects.get(donor=ana), Fulfilment.objects.get()
    page = shown(client, f"{LIST}{row.pk}/change/")
    assert "Give one" not in page
    for address in (f"{LIST}{row.pk}/give/", f"{SHIPPING}{due.pk}/ship/"):
        assert client.post(address, {"why": "x", "address": "x"}).status_code == 403
    assert client.get(SHIPPING + "to-ship.csv").status_code == 403
    due.refresh_from_db()
    assert due.state == "to_ship"


def test_changing_a_level_is_for_administrators_and_computes_everybody_anew(client: Client, ana: Donor) -> None:
    friend = Level.objects.get(name="a Friend")
    address = f"/admin/members/level/{friend.pk}/change/"
    typed = {"name": "a Friend", "from_minor": "100", "kind": "dues", "position": 1, "is_offered": "on"}
    assert client.post(address, typed).status_code == 403
    client.force_login(builders.staff("Administrator"), backend="django.contrib.auth.backends.ModelBackend")
    assert client.post(address, typed).status_code == 302
    friend.refresh_from_db()
    assert friend.from_minor == 100_00
    memberships.recompute_all()
    assert Membership.objects.get(donor=ana).state == "never"
    assert granting.PEOPLE > 1
