"""Signing in with a code by e-mail: who gets one, what it opens, and what a stranger can learn (nothing)."""

import re
import threading
from collections.abc import Callable
from datetime import timedelta
from http import HTTPStatus

import pytest
import time_machine
from allauth.account.models import EmailAddress
from django.db import connection
from django.http import HttpResponse, HttpResponseBase
from django.test import Client
from django.test.utils import CaptureQueriesContext

from donations.models import Donor
from members import accounts
from nonprofit import clock
from nonprofit.models import OutgoingEmail, User
from tests import builders
from tests.members import people

FORM_TOKEN = re.compile(r'name="csrfmiddlewaretoken" value="[^"]+"')


def body(response: HttpResponseBase) -> str:
    assert isinstance(response, HttpResponse)
    return FORM_TOKEN.sub("", response.content.decode())


@pytest.mark.django_db
def test_a_supporter_signs_in_for_the_first_time(client: Client) -> None:
    gift = people.gave("ana@example.org")
    asked = people.ask_for_code(client, " Ana@Example.org")
    assert (asked.status_code, asked["Location"]) == (302, people.CONFIRM_PAGE)
    assert Donor.objects.get(email="ana@example.org").user is None, "nothing is theirs before the code"

    (letter,) = people.letters("ana@example.org")
    answer = client.post(people.CONFIRM_PAGE, {"code": people.code_in(letter).lower().replace("-", " ")})

    assert (answer.status_code, answer["Location"]) == (302, "/portal/")
    user = User.objects.get()
    assert (user.email, user.is_staff, user.has_usable_password()) == ("ana@example.org", False, False)
    assert Donor.objects.get(email="ana@example.org").user == user
    assert list(EmailAddress.objects.values_list("email", "verified", "primary")) == [("ana@example.org", True, True)]
    assert str(gift.amount) in body(client.get("/portal/"))


@pytest.mark.django_db
def test_signing_in_leads_to_where_one_wanted_to_go(client: Client) -> None:
    people.gave("ana@example.org")
    first = client.get("/portal/receipts/R-2026-000001/")
    assert first["Location"] == f"{people.CODE_PAGE}?next=/portal/receipts/R-2026-000001/"
    assert client.get("/accounts/login/?next=/portal/")["Location"] == f"{people.CODE_PAGE}?next=%2Fportal%2F"
    answer = people.sign_in(client, "ana@example.org", next="/portal/receipts/R-2026-000001/")
    assert answer["Location"] == "/portal/receipts/R-2026-000001/"


@pytest.mark.django_db
def test_nobody_is_sent_to_another_site(client: Client) -> None:
    people.gave("ana@example.org")
    assert people.sign_in(client, "ana@example.org", next="https://evil.example/")["Location"] == "/portal/"


@pytest.mark.django_db
def test_known_unknown_and_closed_addresses_get_the_same_answer() -> None:
    people.gave("known@example.org")
    User.objects.create_user("closed@example.org", is_active=False)
    answers = []
    for who in ("known", "nobody", "closed"):
        browser = Client()
        asked = people.ask_for_code(browser, f"{who}@example.org")
        shown = browser.get(asked["Location"])
        wrong = browser.post(people.CONFIRM_PAGE, {"code": "BBBB-BBBB"})
        pages = [body(page).replace(who, "…") for page in (shown, wrong)]
        answers.append((asked.status_code, asked["Location"], shown.status_code, wrong.status_code, *pages))
        assert len(people.letters(f"{who}@example.org")) == 1
    assert answers[0] == answers[1] == answers[2]
    assert [
        letter.template for who in ("known", "nobody", "closed") for letter in people.letters(f"{who}@example.org")
    ] == [
        "sign_in_code",
        "unknown_address",
        "sign_in_closed",
    ]
    assert set(User.objects.values_list("email", flat=True)) == {"known@example.org", "closed@example.org"}


@pytest.mark.django_db
def test_an_unknown_address_costs_about_the_same_work() -> None:
    people.gave("known@example.org")
    people.ask_for_code(Client(), "known@example.org")
    spent = []
    for who in ("known", "nobody"):
        with CaptureQueriesContext(connection) as queries:
            people.ask_for_code(Client(), f"{who}@example.org")
        spent.append(len(queries))
    assert abs(spent[0] - spent[1]) <= 2, spent


@pytest.mark.django_db
def test_a_code_dies_after_three_wrong_tries(client: Client) -> None:
    people.gave("ana@example.org")
    people.ask_for_code(client, "ana@example.org")
    code = people.code_in(people.letters("ana@example.org")[0])
    assert client.post(people.CONFIRM_PAGE, {"code": "BBBB-BBBB"}).status_code == 200
    assert client.post(people.CONFIRM_PAGE, {"code": "CCCC-CCCC"}).status_code == 200
    last = client.post(people.CONFIRM_PAGE, {"code": "DDDD-DDDD"})
    assert last["Location"] == people.CODE_PAGE
    assert client.post(people.CONFIRM_PAGE, {"code": code})["Location"] == people.CODE_PAGE
    assert client.get("/portal/").status_code == 302


@pytest.mark.django_db
def test_a_code_dies_after_ten_minutes(client: Client) -> None:
    people.gave("ana@example.org")
    people.ask_for_code(client, "ana@example.org")
    code = people.code_in(people.letters("ana@example.org")[0])
    with time_machine.travel(clock.now() + timedelta(minutes=10, seconds=2)):
        assert client.post(people.CONFIRM_PAGE, {"code": code})["Location"] == people.CODE_PAGE
    assert client.get("/portal/").status_code == 302


@pytest.mark.django_db
def test_a_code_opens_only_the_browser_that_asked_for_it() -> None:
    people.gave("ana@example.org")
    asker, thief = Client(), Client()
    people.ask_for_code(asker, "ana@example.org")
    code = people.code_in(people.letters("ana@example.org")[0])
    assert thief.post(people.CONFIRM_PAGE, {"code": code})["Location"] == people.CODE_PAGE
    people.ask_for_code(thief, "ana@example.org")
    assert thief.post(people.CONFIRM_PAGE, {"code": code}).status_code == 200
    assert thief.get("/portal/").status_code == 302


@pytest.mark.django_db
def test_asking_too_often_is_refused_alike_for_known_and_unknown() -> None:
    people.gave("known@example.org")
    refusals = []
    for who in ("known", "nobody"):
        for _ in range(5):
            assert people.ask_for_code(Client(), f"{who}@example.org").status_code == 302
        refused = people.ask_for_code(Client(), f"{who}@example.org")
        refusals.append((refused.status_code, body(refused).replace(who, "…")))
        assert len(people.letters(f"{who}@example.org")) == 5
    assert refusals[0] == refusals[1]
    assert "try again in a quarter of an hour" in refusals[0][1]


@pytest.mark.django_db
def test_one_visitor_cannot_ask_for_the_whole_town() -> None:
    builders.organization()
    for n in range(40):
        assert people.ask_for_code(Client(REMOTE_ADDR="10.0.0.1"), f"person{n}@example.org").status_code == 302
    assert people.ask_for_code(Client(REMOTE_ADDR="10.0.0.1"), "person40@example.org").status_code == 200
    assert people.ask_for_code(Client(REMOTE_ADDR="10.0.0.2"), "person41@example.org").status_code == 302
    assert not people.letters("person40@example.org")


@pytest.mark.django_db
def test_an_address_that_was_only_typed_brings_no_gifts(client: Client) -> None:
    people.gave("ana@example.org")
    user = User.objects.create_user("ana@example.org")
    EmailAddress.objects.create(user=user, email="ana@example.org", primary=True, verified=False)
    assert accounts.link_donor(user) is False
    client.force_login(user)
    assert "$25.00" not in body(client.get("/portal/"))
    assert Donor.objects.get(email="ana@example.org").user is None


@pytest.mark.django_db
def test_a_gift_after_signing_in_belongs_to_the_account_at_once(client: Client) -> None:
    builders.organization()
    User.objects.create_user("staff@example.org", is_staff=True)
    people.sign_in(client, "staff@example.org")
    people.gave("staff@example.org", 7700)
    assert "$77.00" in body(client.get("/portal/"))


@pytest.mark.django_db
def test_after_staff_changed_an_address_the_old_one_opens_nothing(client: Client) -> None:
    people.gave("old@example.org")
    people.sign_in(client, "old@example.org")
    user = User.objects.get(email="old@example.org")
    Donor.objects.filter(user=user).update(email="new@example.org")
    User.objects.filter(pk=user.pk).update(email="new@example.org")

    people.ask_for_code(Client(), "old@example.org")
    assert people.letters("old@example.org")[-1].template == "unknown_address"
    browser = Client()
    people.sign_in(browser, "new@example.org")
    assert "$25.00" in body(browser.get("/portal/"))
    assert list(EmailAddress.objects.values_list("user", "email", "verified")) == [(user.pk, "new@example.org", True)]


@pytest.mark.django_db
def test_switching_sign_in_off_stops_a_code_that_was_sent(client: Client) -> None:
    people.gave("ana@example.org")
    people.ask_for_code(client, "ana@example.org")
    User.objects.update(is_active=False)
    answer = client.post(people.CONFIRM_PAGE, {"code": people.code_in(people.letters("ana@example.org")[0])})
    assert answer["Location"] == "/accounts/inactive/"
    assert client.get("/accounts/inactive/").status_code == 200
    assert client.get("/portal/").status_code == 302


@pytest.mark.django_db
@pytest.mark.parametrize(
    "path",
    ["signup/", "email/", "password/change/", "password/set/", "password/reset/", "password/reset/key/1-abc/"],
)
def test_pages_we_do_not_offer_do_not_exist(client: Client, path: str) -> None:
    builders.organization()
    assert client.get(f"/accounts/{path}").status_code == HTTPStatus.NOT_FOUND
    assert client.post(f"/accounts/{path}", {"email": "eve@example.org", "password1": "x"}).status_code == 404
    assert not User.objects.exists()


@pytest.mark.django_db
def test_a_password_opens_nothing(client: Client) -> None:
    builders.organization()
    User.objects.create_user("staff@example.org", "correct horse", is_staff=True)
    assert (
        client.post("/accounts/login/", {"login": "staff@example.org", "password": "correct horse"}).status_code == 405
    )
    assert client.get("/portal/").status_code == 302


@pytest.mark.django_db
@pytest.mark.parametrize(
    "typed",
    [
        "",
        "ana",
        "a" * 10_000 + "@example.org",
        f"{'a' * 60}@{'b' * 60}.{'c' * 60}.{'d' * 60}.{'e' * 60}.example",
        "ana\x00@example.org",
        "ana\r\nBcc: eve@example.org",
        "<script>alert(1)</script>@example.org",
        "李@example.org",
        "ana@example.org, eve@example.org",
    ],
)
def test_what_is_no_address_is_said_so_and_nothing_is_sent(client: Client, typed: str) -> None:
    builders.organization()
    answer = people.ask_for_code(client, typed)
    assert answer.status_code == 200
    assert 'id="id_email_error"' in body(answer)
    assert "<script>alert" not in body(answer)
    assert not OutgoingEmail.objects.exists()
    assert not User.objects.exists()


@pytest.mark.django_db
def test_a_code_in_another_script_is_a_wrong_code(client: Client) -> None:
    people.gave("ana@example.org")
    people.ask_for_code(client, "ana@example.org")
    for typed in ("李李李李", "\x00", "B" * 10_000):
        assert client.post(people.CONFIRM_PAGE, {"code": typed}).status_code in (200, 302)
    assert client.get("/portal/").status_code == 302


@pytest.mark.django_db
def test_a_body_that_is_not_text_is_refused_in_a_sentence(client: Client) -> None:
    builders.organization()
    answer = client.post(
        people.CODE_PAGE, b"email=%FF%FEana@example.org", content_type="application/x-www-form-urlencoded"
    )
    assert (answer.status_code, "UTF-8" in answer.content.decode()) == (400, True)


@pytest.mark.django_db(transaction=True)
def test_asking_twice_at_once_makes_one_account() -> None:
    people.gave("ana@example.org")
    together, answers = threading.Barrier(4), []

    def ask() -> None:
        try:
            together.wait()
            answers.append(people.ask_for_code(Client(), "ana@example.org").status_code)
        finally:
            connection.close()

    everyone: list[Callable[[], None]] = [ask] * 4
    threads = [threading.Thread(target=work) for work in everyone]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == [302] * 4
    assert User.objects.count() == EmailAddress.objects.count() == 1
    assert len({people.code_in(letter) for letter in people.letters("ana@example.org")}) == 4


@pytest.mark.django_db
def test_signing_out_ends_it(client: Client) -> None:
    people.gave("ana@example.org")
    people.sign_in(client, "ana@example.org")
    assert client.get("/accounts/logout/").status_code == 200
    assert client.get("/portal/").status_code == 200, "asking is not leaving"
    assert client.post("/accounts/logout/")["Location"] == "/"
    assert client.get("/portal/").status_code == 302
