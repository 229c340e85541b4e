"""Staff and their second factor: the desk opens only with both, and an old session cannot add one."""

import re
from datetime import timedelta

import pytest
import time_machine
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal import auth
from django.test import Client
from pytest_django.fixtures import DjangoCaptureOnCommitCallbacks, Settings

from nonprofit import clock
from nonprofit.models import OutgoingEmail, User
from tests import builders
from tests.members import people

APP = "/accounts/2fa/totp/activate/"


@pytest.fixture(autouse=True)
def _required(settings: Settings) -> None:
    settings.REQUIRE_STAFF_MFA = True
    builders.organization()
    User.objects.create_superuser("staff@example.org")


def digits(secret: str) -> str:
    """What the app on the phone shows now."""
    return str(auth.format_hotp_value(auth.hotp_value(secret, next(auth.yield_hotp_counters_from_time()))))


def set_up(client: Client) -> str:
    """The app is set up; its secret."""
    found = re.search(r'<code class="key">([A-Z2-7]+)</code>', client.get(APP).content.decode())
    assert found
    answer = client.post(APP, {"code": digits(found[1])})
    assert answer["Location"] == "/accounts/2fa/recovery-codes/"
    return found[1]


@pytest.mark.django_db
def test_staff_are_led_to_set_up_a_second_factor_and_then_in(client: Client) -> None:
    assert people.sign_in(client, "staff@example.org", next="/admin/")["Location"] == "/admin/"
    asked = client.get("/admin/", follow=True)
    assert asked.redirect_chain[-1][0] == "/accounts/2fa/"
    assert "Set up the app" in asked.content.decode()

    set_up(client)

    codes = client.get("/accounts/2fa/recovery-codes/").content.decode()
    assert codes.count("<li><code>") == 10
    assert client.get("/accounts/2fa/recovery-codes/download/").status_code == 200
    assert client.get("/admin/").status_code == 200
    index = client.get("/accounts/2fa/").content.decode()
    assert "Go to the desk" in index
    assert "Remove the app" in index


@pytest.mark.django_db
def test_the_next_sign_in_asks_for_both(client: Client) -> None:
    people.sign_in(client, "staff@example.org")
    secret = set_up(client)
    with time_machine.travel(clock.now() + timedelta(minutes=5)):
        browser = Client()
        assert people.sign_in(browser, "staff@example.org", next="/admin/")["Location"] == "/accounts/2fa/authenticate/"
        assert browser.get("/admin/").status_code == 302, "the first factor alone opens nothing"
        assert browser.get("/portal/").status_code == 302
        assert "second factor" in browser.get("/accounts/2fa/authenticate/").content.decode()
        assert browser.post("/accounts/2fa/authenticate/", {"code": "000000"}).status_code == 200
        assert browser.post("/accounts/2fa/authenticate/", {"code": digits(secret)})["Location"] == "/admin/"
        assert browser.get("/admin/").status_code == 200


@pytest.mark.django_db
def test_a_recovery_code_lets_in_once(client: Client) -> None:
    people.sign_in(client, "staff@example.org")
    set_up(client)
    code = re.findall(r"<li><code>([^<]+)</code>", client.get("/accounts/2fa/recovery-codes/").content.decode())[0]
    first, second = Client(), Client()
    people.sign_in(first, "staff@example.org")
    assert first.post("/accounts/2fa/authenticate/", {"code": code})["Location"] == "/portal/"
    people.sign_in(second, "staff@example.org")
    assert second.post("/accounts/2fa/authenticate/", {"code": code}).status_code == 200


@pytest.mark.django_db
def test_an_old_session_must_prove_itself_before_it_adds_a_factor(client: Client) -> None:
    people.sign_in(client, "staff@example.org")
    with time_machine.travel(clock.now() + timedelta(hours=2)):
        for path in (APP, "/accounts/2fa/webauthn/add/"):
            answer = client.get(path)
            assert answer["Location"].startswith("/accounts/again/?next=%2Faccounts%2F2fa%2F"), path
        assert client.post(APP, {"code": "123456"})["Location"].startswith("/accounts/again/")
        assert not Authenticator.objects.exists()
        page = client.get(f"/accounts/again/?next={APP}").content.decode()
        assert f'name="next" value="{APP}"' in page
        again = client.post("/accounts/again/", {"next": APP})
        assert again["Location"] == f"{people.CODE_PAGE}?next=%2Faccounts%2F2fa%2Ftotp%2Factivate%2F"
        assert client.get("/portal/").status_code == 302, "signed out meanwhile"
        assert people.sign_in(client, "staff@example.org", next=APP)["Location"] == APP
        set_up(client)
    assert Authenticator.objects.filter(type="totp").count() == 1


@pytest.mark.django_db
def test_signing_in_again_leads_nowhere_else(client: Client) -> None:
    people.sign_in(client, "staff@example.org")
    assert "evil" not in client.get("/accounts/again/?next=https://evil.example/").content.decode()
    assert client.post("/accounts/again/", {"next": "https://evil.example/"})["Location"] == people.CODE_PAGE


@pytest.mark.django_db
def test_removing_the_factor_needs_the_factor(client: Client) -> None:
    people.sign_in(client, "staff@example.org")
    secret = set_up(client)
    with time_machine.travel(clock.now() + timedelta(hours=2)):
        asked = client.post("/accounts/2fa/totp/deactivate/")
        assert asked["Location"].startswith("/accounts/2fa/reauthenticate/")
        assert client.get(asked["Location"]).status_code == 200
        assert Authenticator.objects.filter(type="totp").exists()
        client.post(asked["Location"], {"code": digits(secret)})
        client.post("/accounts/2fa/totp/deactivate/")
    assert not Authenticator.objects.filter(type="totp").exists()


@pytest.mark.django_db
def test_a_supporter_never_sees_the_desk(client: Client) -> None:
    people.gave("ana@example.org")
    people.sign_in(client, "ana@example.org")
    set_up(client)
    assert client.get("/admin/", follow=True).status_code == 403


@pytest.mark.django_db
def test_every_page_of_the_second_factor_opens(client: Client) -> None:
    people.sign_in(client, "staff@example.org")
    assert client.get("/accounts/2fa/webauthn/add/").status_code == 200
    set_up(client)
    for path in ("", "totp/deactivate/", "recovery-codes/", "recovery-codes/generate/", "webauthn/", "webauthn/add/"):
        assert client.get(f"/accounts/2fa/{path}").status_code == 200, path


@pytest.mark.django_db
def test_a_new_factor_is_told_to_its_owner(
    client: Client, django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks
) -> None:
    people.sign_in(client, "staff@example.org")
    with django_capture_on_commit_callbacks(execute=True):
        set_up(client)
    letter = OutgoingEmail.objects.filter(template="account_notice").latest("pk")
    assert letter.to == "staff@example.org"
    assert "Authenticator app activated." in letter.text
    assert "(555) 010-0142" in letter.text
    assert "Authenticator app activated." in letter.html
