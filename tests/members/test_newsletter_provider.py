"""The mailing provider: told of each change by a real HTTP server in a thread, and given files that can be checked."""

import base64
import csv
import hashlib
import hmac
import io
import json
import os
import threading
import zipfile
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
import time_machine
from django.core.exceptions import ImproperlyConfigured
from django.test import Client
from pytest_django.fixtures import Settings

from members import tasks
from members.models import NewsletterExport, NewsletterNews, NewsletterSubscription, Purpose
from members.newsletter import choices, export, suppression, webhook
from nonprofit import clock, environment
from nonprofit.models import AuditEntry
from tests import builders
from tests.donations.test_settle import at_once
from tests.members import readers

pytestmark = pytest.mark.django_db
KEY, OLD_KEY = b"k" * 32, b"o" * 32
NOON = datetime(2026, 11, 23, 17, tzinfo=UTC)
ANA, BOB = "ana@example.org", "bob@example.org"


class Provider:
    """What a receiver has to do: check the signature, know each id once, ignore what is older than the newest."""

    def __init__(self) -> None:
        self.answers: list[int] = []  # for the next posts; then 200
        self.posts: list[dict[str, Any]] = []
        self.seen: set[str] = set()
        self.newest: dict[tuple[str, str], int] = {}
        self.lists: dict[tuple[str, str], str] = {}

    def take(self, headers: dict[str, str], body: bytes) -> int:
        message_id, seconds = headers["webhook-id"], headers["webhook-timestamp"]
        expected = hmac.new(KEY, f"{message_id}.{seconds}.".encode() + body, hashlib.sha256).digest()
        assert f"v1,{base64.b64encode(expected).decode()}" in headers["webhook-signature"].split()
        assert abs(clock.now().timestamp() - int(seconds)) < 300
        told = json.loads(body)
        self.posts.append(told)
        if self.answers and (answer := self.answers.pop(0)) != 200:
            return answer
        data = told["data"]
        key = (data["email"], data["list"])
        if message_id not in self.seen and data["sequence"] > self.newest.get(key, 0):
            self.newest[key], self.lists[key] = data["sequence"], data["what"]
        self.seen.add(message_id)
        return 200


@pytest.fixture
def provider(settings: Settings) -> Iterator[Provider]:
    receiver = Provider()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(receiver.take({name.lower(): value for name, value in self.headers.items()}, body))
            self.send_header("Location", "/elsewhere")
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    settings.NEWSLETTER_WEBHOOK_URL = f"http://127.0.0.1:{server.server_port}/hooks?for=us"
    settings.NEWSLETTER_WEBHOOK_SECRETS = [KEY, OLD_KEY]
    builders.organization()
    yield receiver
    server.shutdown()
    thread.join()
    server.server_close()


def choose(email: str, *lists: str) -> None:
    choices.choose(email, lists, source="portal", actor="supporter")


def statuses() -> list[str]:
    return list(NewsletterNews.objects.order_by("pk").values_list("status", flat=True))


def drain() -> int:
    told = 0
    while found := webhook.tell_due():
        told += found
    return told


def test_each_change_is_told_once_in_its_order(provider: Provider) -> None:
    choose(ANA, "newsletter", "members")
    choose(ANA, "members")
    choose(ANA, "newsletter", "members")
    choose(BOB, "newsletter")
    suppression.suppress(BOB, suppression.Reason.COMPLAINT)
    suppression.suppress("stranger@example.org", suppression.Reason.BOUNCE)
    assert drain() == 6
    assert drain() == 0
    ana = [(p["type"], p["data"]["list"]) for p in provider.posts if p["data"]["email"] == ANA]
    assert ana == [
        ("newsletter.confirmed", "newsletter"),
        ("newsletter.confirmed", "members"),
        ("newsletter.left", "newsletter"),
        ("newsletter.confirmed", "newsletter"),
    ]
    assert provider.lists[BOB, ""] == "suppressed"
    assert "stranger@example.org" not in str(provider.posts), "the provider never had it"
    assert set(statuses()) == {"told"}


def test_wishes_are_not_the_providers_business(provider: Provider, client: Client) -> None:
    readers.ask(client, ANA)
    client.post(readers.path_in(readers.letters(ANA)[0], "leave"))
    assert not NewsletterNews.objects.exists()


def test_without_an_address_nothing_waits(settings: Settings) -> None:
    builders.organization()
    settings.NEWSLETTER_WEBHOOK_URL = ""
    choose(ANA, "newsletter")
    assert not NewsletterNews.objects.exists()
    assert webhook.tell_due() == 0


@pytest.mark.parametrize("trouble", [500, 429, 404, 301])
def test_trouble_is_tried_again_with_growing_waits_and_holds_back_only_its_address(
    provider: Provider, trouble: int
) -> None:
    with time_machine.travel(NOON, tick=False) as moment:
        choose(ANA, "newsletter")
        choose(ANA)
        choose(BOB, "newsletter")
        provider.answers = [trouble]
        assert drain() == 2
        assert statuses() == ["waiting", "waiting", "told"]
        row = NewsletterNews.objects.order_by("pk")[0]
        assert (row.tries, row.last_error) == (1, f"HTTP {trouble}")
        assert row.next_try_at == clock.now() + webhook.WAITS[0]
        moment.shift(webhook.WAITS[0])
        assert drain() == 2
    assert provider.lists == {(ANA, "newsletter"): "left", (BOB, "newsletter"): "confirmed"}


def test_it_gives_up_in_sight_and_a_replay_never_turns_time_back(provider: Provider, client: Client) -> None:
    with time_machine.travel(NOON, tick=False) as moment:
        choose(ANA, "newsletter")
        provider.answers = [503] * (len(webhook.WAITS) + 1)
        for wait in [*webhook.WAITS, timedelta()]:
            assert drain() == 1
            moment.shift(wait)
        assert statuses() == ["given up"]
        choose(ANA)
        assert drain() == 1
        lost = NewsletterNews.objects.order_by("pk")[0]
        assert webhook.replay(lost.pk, "staff:1")
        assert not webhook.replay(lost.pk, "staff:1")
        assert drain() == 1
    assert provider.lists == {(ANA, "newsletter"): "left"}, "its number is older than what the provider knows"
    assert AuditEntry.objects.get(action="tell again").actor == "staff:1"


def test_an_answer_that_was_lost_repeats_the_same_id_and_bytes(provider: Provider) -> None:
    choose(ANA, "newsletter")
    provider.answers = [200]
    webhook.tell_due()
    # The worker died after the answer and before it wrote it down; its claim runs out.
    NewsletterNews.objects.update(status="waiting", told_at=None, next_try_at=clock.now())
    webhook.tell_due()
    assert provider.posts[0] == provider.posts[1]
    assert len(provider.seen) == 1


def test_a_worker_that_died_gives_its_claim_back(provider: Provider) -> None:
    with time_machine.travel(NOON, tick=False) as moment:
        choose(ANA, "newsletter")
        assert len(webhook._claim(50)) == 1
        assert webhook.tell_due() == 0, "somebody has it"
        moment.shift(webhook.CLAIM)
        assert webhook.tell_due() == 1


@pytest.mark.django_db(transaction=True)
def test_four_workers_at_once_tell_each_change_once_and_in_order(provider: Provider) -> None:
    for number in range(12):
        choose(ANA, *(["newsletter"] if number % 2 == 0 else []))
        choose(f"reader{number}@example.org", "newsletter")
    assert at_once(4, lambda _: [webhook.tell_due(5) for _ in range(40)]) == []
    drain()
    assert set(statuses()) == {"told"}
    told = [post["data"]["sequence"] for post in provider.posts if post["data"]["email"] == ANA]
    assert told == sorted(told)
    assert len(provider.posts) == len(provider.seen) == 24


def test_nobody_listening_puts_it_off(provider: Provider, settings: Settings) -> None:
    settings.NEWSLETTER_WEBHOOK_URL = "http://127.0.0.1:9/"
    choose(ANA, "newsletter")
    assert webhook.tell_due() == 1
    assert NewsletterNews.objects.get().last_error == "ConnectionRefusedError"


def test_told_news_are_removed_after_their_time(provider: Provider) -> None:
    choose(ANA, "newsletter")
    drain()
    assert tasks.forget_unconfirmed() == 0
    with time_machine.travel(clock.now() + timedelta(days=91), tick=False):
        assert tasks.forget_unconfirmed() == 1
    assert not NewsletterNews.objects.exists()


def test_only_sound_settings_are_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(os.environ, "KEYS", readers.SECRET)
    assert environment.signing_keys("KEYS") == [b"secret of the tests, 32 bytes!!!"]
    for bad in ("whsec_c2hvcnQ=", "whsec_%%%"):
        monkeypatch.setitem(os.environ, "KEYS", bad)
        with pytest.raises(ImproperlyConfigured):
            environment.signing_keys("KEYS")
    assert environment.is_safe_url("https://hooks.example/x")
    assert environment.is_safe_url("http://127.0.0.1:1/")
    assert not environment.is_safe_url("http://hooks.example/x")


# --- files ----------------------------------------------------------------------------------------------------------


def test_the_file_has_who_confirmed_and_can_be_checked(settings: Settings) -> None:
    settings.EXPORT_SIGNING_KEY = "the provider has it, too"
    builders.organization()
    clerk = builders.staff("Staff")
    for email in (ANA, BOB, "=cmd()@example.org", "+1@example.org"):
        choose(email, "newsletter")
    choose("charlie@example.org", "members")
    suppression.suppress(BOB, suppression.Reason.BOUNCE)
    NewsletterSubscription.objects.create(email="wish@example.org", source="box", consent_at=NOON)
    taken = export.take(Purpose.NEWSLETTER, by=clerk)
    with zipfile.ZipFile(io.BytesIO(taken.content)) as files:
        data, control = (files.read(name) for name in files.namelist())
    lines = list(csv.DictReader(io.StringIO(data.decode())))
    assert sorted(line["email"] for line in lines) == ["'+1@example.org", "'=cmd()@example.org", ANA]
    facts = json.loads(control)
    signature = facts.pop("signature").removeprefix("hmac-sha256:")
    text = json.dumps(facts, sort_keys=True, separators=(",", ":")).encode()
    assert signature == hmac.new(b"the provider has it, too", text, hashlib.sha256).hexdigest()
    assert (facts["sha256"], facts["rows"], facts["bytes"]) == (hashlib.sha256(data).hexdigest(), 3, len(data))
    row = NewsletterExport.objects.get()
    assert (row.made_by, row.rows, row.sha256) == (clerk, 3, facts["sha256"])
    assert AuditEntry.objects.get(action__startswith="export").after == {"rows": 3, "list": "newsletter"}
    leave = next(line["unsubscribe_url"] for line in lines if line["email"] == ANA)
    path = leave[leave.index("/newsletter/") :]
    assert Client(enforce_csrf_checks=True).post(path, {"List-Unsubscribe": "One-Click"}).status_code == 200
    assert choices.chosen(ANA) == {"newsletter": "unsubscribed"}
