"""The newsletter's pages: the box, the confirming button, leaving as mail programs do it. One answer for everybody."""

import re
from datetime import timedelta

import pytest
import time_machine
from django.test import Client
from pytest_django.fixtures import Settings

from members.models import ConsentEntry, NewsletterSubscription
from members.newsletter import links
from nonprofit import clock, mail
from nonprofit.models import OutgoingEmail
from sandbox import mailbox
from sandbox.server import Sandbox
from tests import builders
from tests.donations.test_settle import at_once
from tests.members import people, readers
from tests.members.readers import ask, join, letters, log, path_in, states

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _newsroom() -> None:
    builders.organization()


def test_the_box_asks_and_the_button_confirms(client: Client) -> None:
    answer = ask(client, " Ana@Example.org ", REMOTE_ADDR="x")
    assert (answer.status_code, answer["Location"]) == (302, "/newsletter/sent/")
    assert states() == [("ana@example.org", "newsletter", "wanted")]
    path = path_in(letters("ana@example.org")[0], "confirm")
    for method in (client.get, client.head, client.get):
        assert method(path).status_code == 200
    assert states() == [("ana@example.org", "newsletter", "wanted")], "scanners follow links"
    page = client.post(path)
    assert "You are on the list" in page.content.decode()
    assert (page["X-Robots-Tag"], page["Referrer-Policy"]) == ("noindex", "same-origin")
    assert "already" in client.post(path).content.decode()
    assert states() == [("ana@example.org", "newsletter", "confirmed")]
    confirmed = ConsentEntry.objects.get(what="confirmed")
    assert (confirmed.ip, confirmed.words_version, confirmed.source) == ("127.0.0.1", "confirm-1", "letter")


def test_no_ip_address_is_kept_where_that_is_not_lawful(client: Client, settings: Settings) -> None:
    settings.KEEP_CONSENT_IP = False
    join(client, "ana@example.org")
    assert not ConsentEntry.objects.exclude(ip=None).exists()


def test_the_answer_is_the_same_whoever_it_is_about(client: Client) -> None:
    join(client, "known@example.org")
    left = join(client, "left@example.org")
    Client().post(links.url(left, links.LEAVE).removeprefix("https://example.org"))
    people.gave("donor@example.org")
    seen = set()
    for address in ("known@example.org", "left@example.org", "donor@example.org", "new@example.org"):
        answer = ask(Client(), address)
        assert isinstance(answer.headers, object)
        seen.add((answer.status_code, answer["Location"], bytes(getattr(answer, "content", b""))))
    robot = ask(Client(), "robot@example.org", website="https://spam.example")
    seen.add((robot.status_code, robot["Location"], bytes(getattr(robot, "content", b""))))
    assert len(seen) == 1
    assert not NewsletterSubscription.objects.filter(email="robot@example.org").exists()
    (already,) = letters("known@example.org", "newsletter_already")
    assert "comes here already" in already.text
    ask(client, "known@example.org")
    assert letters("known@example.org", "newsletter_already") == [already], "once a day"


@pytest.mark.parametrize("typed", ["", "ana@", "ana@@example.org", "4242 4242 4242 4242", "<b>x</b>", "a" * 300])
def test_bad_input_is_shown_again_and_nobody_is_written_to(client: Client, typed: str) -> None:
    answer = client.post("/newsletter/", {"email": typed})
    page = answer.content.decode()
    assert answer.status_code == 422
    assert 'aria-invalid="true"' in page
    assert "4242" not in page
    assert "<b>x</b>" not in page
    if typed == "ana@":
        assert 'value="ana@"' in page
    assert not OutgoingEmail.objects.exists()
    assert states() == []


def test_the_box_works_from_any_site_without_cookies_and_without_our_page() -> None:
    stranger = Client(enforce_csrf_checks=True)
    answer = stranger.post("/newsletter/", {"email": "ana@example.org"}, headers={"Origin": "https://news.example"})
    assert answer.status_code == 302
    assert states() == [("ana@example.org", "newsletter", "wanted")]


def test_whoever_types_too_much_waits_and_keeps_what_was_typed(client: Client) -> None:
    answers = [ask(client, "ana@example.org").status_code for _ in range(7)]
    assert answers == [302] * 6 + [429]
    many = [ask(client, f"reader{number}@example.org").status_code for number in range(30)]
    assert many[:23] == [302] * 23
    assert many[-1] == 429
    page = ask(client, "zoe@example.org")
    assert 'value="zoe@example.org"' in bytes(getattr(page, "content", b"")).decode()
    assert not letters("zoe@example.org")


def test_a_forged_or_cut_link_does_nothing(client: Client) -> None:
    row = join(client, "ana@example.org")
    good = links.token(row, links.LEAVE)
    for use in ("confirm", "leave", "preferences"):
        for token in (good[:-1], f"{row.pk}-1.x", "1", good.replace("-", "~")):
            path = f"/newsletter/{use}/{token}/"
            assert client.get(path).status_code == 404
            assert client.post(path).status_code == 404
    for use in ("confirm", "preferences"):
        assert client.post(f"/newsletter/{use}/{good}/").status_code == 404, "a leaving link does only that"
    assert states() == [("ana@example.org", "newsletter", "confirmed")]


def test_an_old_link_offers_a_new_one(client: Client) -> None:
    ask(client, "ana@example.org")
    path = path_in(letters("ana@example.org")[0], "confirm")
    with time_machine.travel(clock.now() + timedelta(days=8), tick=True):
        assert "too old" in client.get(path).content.decode()
        assert "too old" in client.post(path).content.decode()
        assert client.post(f"{path}again/").status_code == 302
        assert client.get(f"{path}again/").status_code == 405
        newest = letters("ana@example.org")
        assert len(newest) == 2
        assert "You are on the list" in client.post(path_in(newest[1], "confirm")).content.decode()


# --- leaving as mail programs do it ---------------------------------------------------------------------------------


def one_click(path: str) -> int:
    """What Gmail sends (RFC 8058, 3.2): no cookies, no token, this body."""
    program = Client(enforce_csrf_checks=True)
    body = "List-Unsubscribe=One-Click"
    answer = program.post(path, body, content_type="application/x-www-form-urlencoded", headers={"User-Agent": "Gmail"})
    assert not program.cookies
    return answer.status_code


def header_path(headers: dict[str, str]) -> str:
    found = re.fullmatch(r"<http://[^/]+(/newsletter/leave/[^>]+/)>", headers["List-Unsubscribe"].strip())
    assert found, headers["List-Unsubscribe"]
    return found[1]


def test_one_click_leaves_and_is_accepted_again_and_again(
    client: Client, stripe_sandbox: Sandbox, settings: Settings
) -> None:
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    join(client, "ana@example.org")
    mail.send_due()
    welcome = mailbox.newest_first(stripe_sandbox.store)[0]
    headers = dict(welcome.headers)
    assert headers["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert headers["List-Id"].startswith("<newsletter.")
    path = header_path(headers)
    assert "ana" not in path
    assert "Yes, take me off" in client.get(path).content.decode()
    client.head(path)
    assert states() == [("ana@example.org", "newsletter", "confirmed")], "a look changes nothing"
    assert [one_click(path) for _ in range(3)] == [200, 200, 200]
    assert states() == [("ana@example.org", "newsletter", "unsubscribed")]
    assert log("ana@example.org")[-1] == ("newsletter", "left")
    assert len(log("ana@example.org")) == 3
    assert ConsentEntry.objects.get(what="left").source == "one click"
    assert "You have left" in client.get(path).content.decode()
    with time_machine.travel(clock.now() + timedelta(days=4000), tick=True):
        assert one_click(path) == 200, "a link to leave never gets too old"


def test_receipts_and_codes_cannot_be_left(client: Client, stripe_sandbox: Sandbox, settings: Settings) -> None:
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    people.receipted(people.gave("ana@example.org", wants_newsletter=True))
    people.ask_for_code(client, "ana@example.org")
    mail.send_due()
    sent = {
        OutgoingEmail.objects.get(key=dict(m.headers)["X-Letter"]).template: dict(m.headers)
        for m in mailbox.newest_first(stripe_sandbox.store)
    }
    assert set(sent) == {"receipt", "sign_in_code", "newsletter_confirm"}
    for template in ("receipt", "sign_in_code"):
        assert not [name for name in sent[template] if name.startswith("List-")]
    assert "List-Unsubscribe" in sent["newsletter_confirm"]


def test_a_letter_that_waits_does_not_go_to_who_has_left_meanwhile(client: Client) -> None:
    row = join(client, "ana@example.org")
    Client().post(f"/newsletter/leave/{links.token(row, links.LEAVE)}/")
    mail.send_due()
    welcome = letters("ana@example.org", "newsletter_welcome")[0]
    assert (welcome.status, welcome.last_error) == ("stopped", "left the list")


@pytest.mark.django_db(transaction=True)
def test_leaving_eight_times_at_once_is_leaving_once(client: Client) -> None:
    row = join(client, "ana@example.org")
    path = f"/newsletter/leave/{links.token(row, links.LEAVE)}/"
    assert at_once(8, lambda _: one_click(path)) == []
    assert [what for _, what in log("ana@example.org")].count("left") == 1


def test_who_withdraws_before_confirming_cannot_be_confirmed_by_that_letter(client: Client) -> None:
    ask(client, "ana@example.org")
    letter = letters("ana@example.org")[0]
    assert one_click(path_in(letter, "leave")) == 200
    assert "no longer works" in client.post(path_in(letter, "confirm")).content.decode()
    assert states() == [("ana@example.org", "newsletter", "unsubscribed")]


def test_one_click_works_also_after_the_row_is_gone(client: Client) -> None:
    row = join(client, "ana@example.org")
    path = f"/newsletter/leave/{links.token(row, links.LEAVE)}/"
    NewsletterSubscription.objects.all().delete()
    assert one_click(path) == 200
    assert readers.states() == []
