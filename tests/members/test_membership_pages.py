"""The portal's membership page and the entitlement answer: true, and of nobody else."""

import re
from datetime import date, timedelta

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from django.test import Client
from pytest_django.fixtures import Settings

from donations.models import Donor
from members import entitlement, granting, memberships
from members.models import Fulfilment, Membership, MembershipPerson
from nonprofit import clock
from nonprofit.models import User
from tests import builders
from tests.members import people
from tests.members.membership import levels, tote

pytestmark = pytest.mark.django_db
PAGE, ASK = "/portal/membership/", "/members/entitlement/"
SITE = "https://www.harborlight.example"
FIRST, LATER = date(2026, 3, 3), date(2027, 4, 1)
SECRET = "a secret of thirty-two characters and more"


@pytest.fixture(autouse=True)
def _configured(settings: Settings) -> None:
    settings.ENTITLEMENT_KEY, settings.ENTITLEMENT_ORIGINS = SECRET, [SITE]


def member(client: Client, email: str = "ana@example.org", amount_minor: int = 60_00) -> Donor:
    """A member who is signed in."""
    levels()
    people.gave(email, amount_minor, donor_name="Ana Silva")
    client.force_login(User.objects.get_or_create(email=email)[0], backend="django.contrib.auth.backends.ModelBackend")
    donor = Donor.objects.get(email=email)
    Donor.objects.filter(pk=donor.pk).update(user=User.objects.get(email=email))
    return donor


def text(client: Client) -> str:
    response = client.get(PAGE)
    assert response.status_code == 200
    assert "no-store" in response["Cache-Control"]
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", response.content.decode()))


# --- the portal's page ------------------------------------------------------------------------------------------------


def test_it_says_level_end_and_why(client: Client) -> None:
    donor = member(client)
    shown, row = text(client), Membership.objects.get(donor=donor)
    assert row.current_through is not None
    end = f"{row.current_through:%B} {row.current_through.day}, {row.current_through.year}"
    assert f"A Friend Through {end}" in re.sub(r"\s+", " ", shown)
    assert f"carries you to {end} as a Friend." in shown


def carried_on(client: Client) -> Donor:
    """A Patron for a year, and a Friend for a year after it."""
    levels()
    people.gave("ana@example.org", 240_00, donor_name="Ana Silva", on=FIRST)
    return member(client)


def test_a_level_is_told_to_its_own_last_day_and_then_what_follows(client: Client) -> None:
    with clock.standing_at(clock.midnight(FIRST)):
        carried_on(client)
        shown, picture = text(client), client.get(PAGE + "card.svg").content.decode()
        assert "A Patron Through March 31, 2027 Then a Friend through March 31, 2028." in shown
        assert "Patron, Through March 2027, then Friend through March 2028</title>" in picture
    # The night's work has not been by, and the page knows the day all the same.
    with clock.standing_at(clock.midnight(LATER)):
        shown, picture = text(client), client.get(PAGE + "card.svg").content.decode()
        assert "A Friend Through March 31, 2028" in shown
        assert "Then a" not in shown
        assert "Friend, Through March 2028</title>" in picture
        assert "Patron" not in picture


def test_nobody_signed_in_is_sent_to_sign_in(client: Client) -> None:
    for address in (PAGE, PAGE + "card.svg"):
        assert client.get(address).status_code == 302
    for address in ("people/", "people/1/remove/", "benefits/1/", "wish/"):
        assert client.post(PAGE + address).status_code == 302


def test_who_is_no_member_yet_sees_what_it_takes(client: Client) -> None:
    levels()
    client.force_login(builders.staff(), backend="django.contrib.auth.backends.ModelBackend")
    shown = text(client)
    assert "You are not a member yet" in shown
    assert "A Friend $60 a year, or $5 a month" in shown
    assert client.get(PAGE + "card.svg").status_code == 404


def test_who_lapsed_reads_kind_words_and_one_button(client: Client) -> None:
    donor = member(client)
    memberships.recompute_many([donor.pk], today=clock.today() + timedelta(days=500))
    shown = text(client)
    assert "We miss you" in shown
    assert "Your membership ended on" in shown
    assert client.get(PAGE).content.decode().count('class="button"') == 1
    assert client.get(PAGE + "card.svg").status_code == 404


def test_the_card_has_name_level_and_end_and_nothing_that_runs(client: Client) -> None:
    donor = member(client)
    Donor.objects.filter(pk=donor.pk).update(name='<script>alert("x")</script>')
    picture = client.get(PAGE + "card.svg?save")
    words = picture.content.decode()
    assert picture["Content-Type"] == "image/svg+xml"
    assert picture["Content-Disposition"].startswith("attachment")
    assert "<script" not in words
    assert "Friend" in words


def test_a_benefit_is_declined_and_wanted_after_all(client: Client) -> None:
    friend, _ = levels()
    tote(friend)
    member(client)
    due = Fulfilment.objects.get()
    client.post(f"{PAGE}benefits/{due.pk}/", {"wish": "decline"})
    assert "You declined it" in text(client)
    client.post(f"{PAGE}benefits/{due.pk}/", {"wish": "accept"})
    assert "On its way soon" in text(client)
    client.post(f"{PAGE}wish/", {"declines": "on"})
    assert Membership.objects.get().declines_benefits


def test_people_are_added_and_removed(client: Client) -> None:
    donor = member(client)
    assert client.post(PAGE + "people/", {"name": ""}).status_code == 422
    client.post(PAGE + "people/", {"name": "Luis Silva"})
    person = MembershipPerson.objects.get(donor=donor)
    assert "Luis Silva" in text(client)
    client.post(f"{PAGE}people/{person.pk}/remove/")
    assert not MembershipPerson.objects.exists()


def test_nothing_of_anybody_else_is_shown_or_changed(client: Client) -> None:
    friend, _ = levels()
    tote(friend)
    other = member(client, "bob@example.org")
    granting.add_person(other.pk, "Bobs Partner", actor="supporter")
    theirs, person = Fulfilment.objects.get(), MembershipPerson.objects.get()
    stranger = Client()
    stranger.force_login(builders.staff(), backend="django.contrib.auth.backends.ModelBackend")
    assert "Bobs Partner" not in text(stranger)
    for address in (f"benefits/{theirs.pk}/", f"people/{person.pk}/remove/", "people/", "wish/"):
        assert stranger.post(PAGE + address, {"name": "x", "wish": "decline"}).status_code == 404
    theirs.refresh_from_db()
    assert theirs.state == "to_ship"
    assert MembershipPerson.objects.count() == 1
    assert not Membership.objects.get(donor=other).declines_benefits


# --- what the newsroom's site may know --------------------------------------------------------------------------------


def test_a_member_is_told_of_with_a_token_for_minutes(client: Client) -> None:
    donor = member(client)
    response = client.get(ASK, headers={"origin": SITE})
    told = response.json()
    assert (told["member"], told["state"], told["level"], told["seconds"]) == (True, "current", "a Friend", 600)
    claims = jwt.decode(told["token"], SECRET, algorithms=["HS256"], audience=SITE)
    assert claims["exp"] - claims["iat"] == 600
    assert claims["level"] == "a Friend"
    assert len(claims["sub"]) == 32
    assert str(donor.pk) != claims["sub"]
    assert set(claims) == {"iss", "aud", "sub", "level", "state", "iat", "exp"}
    assert response["Access-Control-Allow-Origin"] == SITE
    assert response["Access-Control-Allow-Credentials"] == "true"
    assert {"no-store", "private"} <= {word.strip() for word in response["Cache-Control"].split(",")}
    assert "Origin" in response["Vary"]
    assert not response.cookies


def test_no_level_is_told_after_its_last_day_whether_the_night_has_come_or_not(client: Client) -> None:
    with clock.standing_at(clock.midnight(FIRST)):
        donor = carried_on(client)
        granting.add_person(donor.pk, "Luis", "luis@example.org", actor="supporter")
    luis = Client()
    luis.force_login(User.objects.create_user("luis@example.org"), backend="django.contrib.auth.backends.ModelBackend")
    # Four minutes to midnight of the last day: the answer holds until then and not longer.
    with clock.standing_at(clock.midnight(LATER) - timedelta(minutes=4)):
        for who in (client, luis):
            told = who.get(ASK, headers={"origin": SITE}).json()
            assert (told["level"], told["seconds"]) == ("a Patron", 240)
    with clock.standing_at(clock.midnight(LATER)):
        for who in (client, luis):
            told = who.get(ASK, headers={"origin": SITE}).json()
            assert (told["level"], told["seconds"]) == ("a Friend", 600)
    with clock.standing_at(clock.midnight(date(2028, 6, 1))):
        assert [who.get(ASK, headers={"origin": SITE}).json()["member"] for who in (client, luis)] == [False, False]


def test_somebody_not_signed_in_is_no_member_and_gets_no_cookie(client: Client) -> None:
    response = client.get(ASK, headers={"origin": SITE})
    assert response.json() == {"member": False, "state": "never", "level": None}
    assert not response.cookies


@pytest.mark.parametrize(
    "headers", [{"origin": "https://evil.example"}, {"origin": "null"}, {"sec-fetch-site": "cross-site"}]
)
def test_another_site_learns_nothing(client: Client, headers: dict[str, str]) -> None:
    member(client)
    response = client.get(ASK, headers=headers)
    assert response.status_code == 403
    assert response.json() == {"error": "This site may not ask."}
    assert "Access-Control-Allow-Origin" not in response
    assert not response.cookies


def test_an_old_a_changed_and_a_misdirected_token_are_refused(client: Client) -> None:
    member(client)
    with clock.standing_at(clock.now() - timedelta(minutes=11)):
        old = client.get(ASK, headers={"origin": SITE}).json()["token"]
    with pytest.raises(jwt.ExpiredSignatureError):
        jwt.decode(old, SECRET, algorithms=["HS256"], audience=SITE)
    token = client.get(ASK, headers={"origin": SITE}).json()["token"]
    head, body, signature = token.split(".")
    forged = jwt.encode({"level": "a Patron", "aud": SITE}, "x" * 40, algorithm="HS256").split(".")[1]
    for changed in (f"{head}.{forged}.{signature}", f"{head}.{body}."):
        with pytest.raises(jwt.InvalidSignatureError):
            jwt.decode(changed, SECRET, algorithms=["HS256"], audience=SITE)
    with pytest.raises(jwt.InvalidAudienceError):
        jwt.decode(token, SECRET, algorithms=["HS256"], audience="https://another.example")


def test_two_people_have_two_names_and_each_sees_only_their_own(client: Client) -> None:
    member(client)
    other = Client()
    member(other, "bob@example.org", 240_00)
    tokens = [who.get(ASK, headers={"origin": SITE}).json() for who in (client, other)]
    assert [one["level"] for one in tokens] == ["a Friend", "a Patron"]
    subs = {jwt.decode(one["token"], SECRET, algorithms=["HS256"], audience=SITE)["sub"] for one in tokens}
    assert len(subs) == 2


def test_who_shares_a_membership_has_it_too_until_it_ends(client: Client) -> None:
    donor = member(client)
    granting.add_person(donor.pk, "Luis", "luis@example.org", actor="supporter")
    luis = Client()
    luis.force_login(User.objects.create_user("luis@example.org"), backend="django.contrib.auth.backends.ModelBackend")
    assert luis.get(ASK, headers={"origin": SITE}).json()["level"] == "a Friend"
    memberships.recompute_many([donor.pk], today=clock.today() + timedelta(days=500))
    assert luis.get(ASK, headers={"origin": SITE}).json()["member"] is False


def test_a_private_key_signs_and_its_public_half_verifies(client: Client, settings: Settings) -> None:
    member(client)
    private = ec.generate_private_key(ec.SECP256R1())
    pem, plain = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    settings.ENTITLEMENT_KEY = private.private_bytes(serialization.Encoding.PEM, pem, plain).decode()
    public = client.get(ASK + "key/").content.decode()
    assert public.startswith("-----BEGIN PUBLIC KEY-----")
    token = client.get(ASK, headers={"origin": SITE}).json()["token"]
    assert jwt.decode(token, public, algorithms=["ES256"], audience=SITE)["state"] == "current"
    assert entitlement.signer() is not None


def test_without_a_key_there_is_no_answer(client: Client, settings: Settings) -> None:
    assert client.get(ASK + "key/").status_code == 404
    settings.ENTITLEMENT_KEY = ""
    assert client.get(ASK, headers={"origin": SITE}).status_code == 404
