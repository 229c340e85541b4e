"""More Ways to Give: account details only on request, and a slip that says whose it is and what it answers."""

import re

import pytest
from django.contrib.auth.models import Group
from django.test import Client
from hypothesis import given
from hypothesis import strategies as st

from donations.models import AccountDetail, Way
from donations.rules import slip_code
from nonprofit.models import AuditEntry, User
from tests import builders

pytestmark = pytest.mark.django_db

codes = st.builds(
    slip_code.SlipCode, st.integers(0, 10**9), st.from_regex(r"[0-9A-Z]{1,8}(-[0-9A-Z]{1,6})?", fullmatch=True)
)


@pytest.fixture
def wire() -> Way:
    builders.campaign()
    way = Way.objects.create(kind="wire", title="By wire", body="Please tell us first.", position=1)
    AccountDetail.objects.create(way=way, label="Routing number", value="011000015", position=1)
    AccountDetail.objects.create(way=way, label="Account number", value="70000042", position=2)
    return way


# --- account details --------------------------------------------------------------------------------------------------


def test_account_numbers_stand_in_no_page_that_has_an_address(client: Client, wire: Way) -> None:
    page = client.get("/ways/").content.decode()
    assert "70000042" not in page
    assert f'action="/ways/{wire.pk}/account/"' in page
    assert client.get(f"/ways/{wire.pk}/account/").status_code == 405


def test_a_person_who_asks_sees_them_once_and_nothing_keeps_them(client: Client, wire: Way) -> None:
    answer = client.post(f"/ways/{wire.pk}/account/")
    page = answer.content.decode()
    assert answer.status_code == 200
    assert page.index("Routing number") < page.index("011000015") < page.index("70000042")
    assert "no-store" in answer["Cache-Control"]
    assert 'name="robots" content="noindex' in page


def test_asking_needs_the_form_of_our_page(wire: Way) -> None:
    assert Client(enforce_csrf_checks=True).post(f"/ways/{wire.pk}/account/").status_code == 403


def test_a_robot_that_asks_on_and_on_is_told_to_call(client: Client, wire: Way) -> None:
    answers = [client.post(f"/ways/{wire.pk}/account/", REMOTE_ADDR="203.0.113.77") for _ in range(11)]
    assert [answer.status_code for answer in answers] == [200] * 10 + [429]
    assert "70000042" not in answers[-1].content.decode()
    assert "(555) 010-0142" in answers[-1].content.decode()


def test_hidden_ways_and_ways_without_details_have_none_to_show(client: Client, wire: Way) -> None:
    bare = Way.objects.create(kind="other", title="By pigeon", body="One")
    assert client.post(f"/ways/{bare.pk}/account/").status_code == 404
    Way.objects.filter(pk=wire.pk).update(is_shown=False)
    assert client.post(f"/ways/{wire.pk}/account/").status_code == 404


@pytest.mark.parametrize(
    ("group", "may"), [("Staff", False), ("Finance", False), ("Data entry", False), ("Administrator", True)]
)
def test_where_money_goes_is_changed_by_administrators_only(client: Client, wire: Way, group: str, may: bool) -> None:
    person = User.objects.create_user(f"{group.replace(' ', '')}@example.org".lower(), None, is_staff=True)
    person.groups.add(Group.objects.get(name=group))
    client.force_login(person)
    row = wire.account_details.get(label="Account number")
    typed = {"way": wire.pk, "label": "Account number", "value": "99999999", "position": 2}
    answer = client.post(f"/admin/donations/accountdetail/{row.pk}/change/", typed)
    row.refresh_from_db()
    assert (answer.status_code, row.value) == ((302, "99999999") if may else (403, "70000042"))
    entry = AuditEntry.objects.filter(action="change accountdetail").first()
    assert (entry is not None) == may
    if entry:
        assert (entry.before["value"], entry.after["value"]) == ("70000042", "99999999")


# --- the slip's code --------------------------------------------------------------------------------------------------


@given(codes)
def test_a_code_is_read_as_it_was_printed(code: slip_code.SlipCode) -> None:
    assert slip_code.read(str(code)) == code
    assert slip_code.read(f"  {str(code).lower().replace('-', ' ')} ") == code


@given(codes, st.data())
def test_one_wrong_character_is_always_found(code: slip_code.SlipCode, data: st.DataObject) -> None:
    words = str(code)
    place = data.draw(st.sampled_from([i for i, c in enumerate(words) if c != "-" and i > 0]))
    wrong = data.draw(st.sampled_from([c for c in slip_code.ALPHABET if c != words[place]]))
    assert slip_code.read(words[:place] + wrong + words[place + 1 :]) is None


@pytest.mark.parametrize("text", ["", "D12", "YE26", "D1077-YE26", "1077-YE26-K", "D-YE26-K", "R-2026-000142"])
def test_other_things_are_no_codes(text: str) -> None:
    assert slip_code.read(text) is None


def test_the_check_character_is_that_of_iso_7064() -> None:
    # The standard's own example for MOD 37,36: "A12425GABC1234002" has the check character "M".
    assert slip_code._check("A12425GABC1234002") == "M"


# --- the slip ---------------------------------------------------------------------------------------------------------


def _code(page: str) -> slip_code.SlipCode | None:
    found = re.search(r"Slip <strong>([^<]+)</strong>", page)
    return slip_code.read(found[1]) if found else None


def test_a_visitors_slip_names_the_campaign_and_nobody(client: Client) -> None:
    builders.campaign()
    builders.campaign(slug="spring", code="SP27", is_default=False)
    assert _code(client.get("/ways/reply-slip/").content.decode()) == slip_code.SlipCode(0, "YE26")
    page = client.get("/ways/reply-slip/?campaign=spring").content.decode()
    assert _code(page) == slip_code.SlipCode(0, "SP27")
    assert "<svg" in page
    assert client.get("/ways/reply-slip/?campaign=nowhere").status_code == 404


def test_a_supporters_own_slip_is_filled_in_and_finds_them(client: Client) -> None:
    builders.campaign()
    donor = builders.donor(name="Ana Silva", address_line1="12 Elm Street", city="Boston", postal_code="02139")
    donor.user = User.objects.create_user(str(donor.email), None)
    donor.save()
    client.force_login(donor.user)
    answer = client.get("/ways/reply-slip/")
    page = answer.content.decode()
    assert _code(page) == slip_code.SlipCode(donor.pk, "YE26")
    assert "12 Elm Street" in page
    assert "no-store" in answer["Cache-Control"]
