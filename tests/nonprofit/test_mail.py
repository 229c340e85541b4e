"""The outbox against a real mail server: nothing lost, nothing doubled, and trouble named."""

import asyncio
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import time_machine
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session
from django.db import connection, transaction
from pytest_django.fixtures import Settings

from nonprofit import mail
from nonprofit.models import OutgoingEmail, StoredFile
from sandbox import mailbox
from sandbox.launch import free_port
from sandbox.server import Sandbox
from tests import builders

ROOT = Path(__file__).resolve().parents[2]
Status = OutgoingEmail.Status
NOON = datetime(2026, 11, 23, 17, tzinfo=UTC)


def letter(key: str = "notice:1", to: str = "ana@example.org", **options: object) -> OutgoingEmail:
    builders.organization()
    context = {"subject": "A word from us", "text": f"Letter {key}."}
    return mail.queue(key, to, "account_notice", context, **options)  # type: ignore[arg-type]


def states() -> list[tuple[str, str, int]]:
    return [(e.key, e.status, e.tries) for e in OutgoingEmail.objects.order_by("pk")]


@contextmanager
def later(waited: timedelta) -> Iterator[None]:
    with time_machine.travel(NOON + waited, tick=True):
        yield


@pytest.fixture(autouse=True)
def _noon(settings: Settings) -> Iterator[None]:
    # Django's test environment puts its own in place of the one that sends.
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    with time_machine.travel(NOON, tick=True):
        yield


@pytest.mark.django_db
def test_a_letter_arrives_with_all_its_parts(stripe_sandbox: Sandbox) -> None:
    paper = StoredFile.keep(b"%PDF-1.7 receipt", "application/pdf")
    queued = letter(to=" Ana@Example.org ", attachment=paper, attachment_name="receipt.pdf")
    assert mail.send_due() == 1
    (message,) = mailbox.newest_first(stripe_sandbox.store)
    sent = OutgoingEmail.objects.get()
    assert (message.sent_to, message.subject) == (["ana@example.org"], "A word from us")
    assert "Letter notice:1." in message.text
    assert "Letter notice:1." in message.html
    assert [(a.name, a.content_type, a.content) for a in message.attachments] == [
        ("receipt.pdf", "application/pdf", b"%PDF-1.7 receipt")
    ]
    headers = dict(message.headers)
    assert (headers["Message-ID"], headers["X-Letter"]) == (sent.message_id, queued.key)
    assert headers["Auto-Submitted"] == "auto-generated"
    assert headers["Reply-To"] == "giving@harborlight.example"
    assert (sent.status, sent.tries, sent.last_error) == (Status.SENT, 1, "")
    assert mail.send_due() == 0
    assert len(mailbox.newest_first(stripe_sandbox.store)) == 1


@pytest.mark.django_db
def test_one_key_is_one_letter(stripe_sandbox: Sandbox) -> None:
    first = letter()
    second = letter(to="bob@example.org")
    assert (first.pk, second.to) == (second.pk, "ana@example.org")
    assert mail.send_due() == 1


@pytest.mark.django_db
def test_a_subject_never_becomes_a_header(stripe_sandbox: Sandbox) -> None:
    builders.organization()
    mail.queue("notice:1", "ana@example.org", "account_notice", {"subject": "Hi\r\nBcc: eve@example.org", "text": "…"})
    mail.send_due()
    (message,) = mailbox.newest_first(stripe_sandbox.store)
    assert message.subject == "Hi Bcc: eve@example.org"
    assert message.sent_to == ["ana@example.org"]


@pytest.mark.django_db
@pytest.mark.parametrize("stage", ["rcpt", "data", "hangup", "connect"])
def test_trouble_for_now_is_tried_again(stripe_sandbox: Sandbox, stage: str) -> None:
    letter()
    stripe_sandbox.faults.add("mail", path=stage, code=451, count=1)
    assert mail.send_due() == 1
    assert states() == [("notice:1", Status.QUEUED, 1)]
    assert OutgoingEmail.objects.get().last_error
    assert mail.send_due() == 0, "not before its wait is over"
    with later(mail.WAITS[0] + timedelta(seconds=30)):
        assert mail.send_due() == 1
    assert states() == [("notice:1", Status.SENT, 2)]
    assert len(mailbox.newest_first(stripe_sandbox.store)) == 1


@pytest.mark.django_db
@pytest.mark.parametrize(("stage", "code"), [("rcpt", 550), ("data", 554)])
def test_a_refusal_for_good_is_given_up_and_stops_nobody_else(stripe_sandbox: Sandbox, stage: str, code: int) -> None:
    letter("notice:1", "gone@example.org")
    letter("notice:2", "bob@example.org")
    stripe_sandbox.faults.add("mail", path=stage, code=code, count=1)
    assert mail.send_due() == 2
    assert states() == [("notice:1", Status.FAILED, 1), ("notice:2", Status.SENT, 1)]
    assert str(code) in OutgoingEmail.objects.get(key="notice:1").last_error
    with later(timedelta(days=4)):
        assert mail.send_due() == 0
    assert [m.sent_to for m in mailbox.newest_first(stripe_sandbox.store)] == [["bob@example.org"]]


@pytest.mark.django_db
def test_a_server_that_hangs_up_on_one_letter_gets_the_next_over_a_new_line(stripe_sandbox: Sandbox) -> None:
    for n in range(1, 4):
        letter(f"notice:{n}", f"donor{n}@example.org")
    stripe_sandbox.faults.add("mail", path="data", code=421, count=1)
    assert mail.send_due() == 3
    assert states() == [
        ("notice:1", Status.QUEUED, 1),
        ("notice:2", Status.SENT, 1),
        ("notice:3", Status.SENT, 1),
    ]


@pytest.mark.django_db
def test_nobody_listening_puts_every_letter_off(stripe_sandbox: Sandbox, settings: Settings) -> None:
    letter("notice:1")
    letter("notice:2")
    real, settings.EMAIL_PORT = settings.EMAIL_PORT, free_port()
    assert mail.send_due() == 2
    assert states() == [("notice:1", Status.QUEUED, 1), ("notice:2", Status.QUEUED, 1)]
    assert set(OutgoingEmail.objects.values_list("last_error", flat=True)) == {"ConnectionRefusedError"}
    settings.EMAIL_PORT = real
    with later(timedelta(minutes=2)):
        assert mail.send_due() == 2
    assert len(mailbox.newest_first(stripe_sandbox.store)) == 2


@pytest.mark.django_db
def test_after_the_last_wait_a_person_decides(stripe_sandbox: Sandbox, settings: Settings) -> None:
    letter()
    settings.EMAIL_PORT = free_port()
    waited = timedelta(seconds=1)
    for wait in [*mail.WAITS, timedelta()]:
        with later(waited):
            assert mail.send_due() == 1
        waited += wait + timedelta(seconds=1)
    assert states() == [("notice:1", Status.FAILED, len(mail.WAITS) + 1)]
    with later(waited + timedelta(days=30)):
        assert mail.send_due() == 0


@pytest.mark.django_db
def test_a_letter_that_no_mail_can_carry_is_given_up_alone(stripe_sandbox: Sandbox) -> None:
    letter("notice:1")
    OutgoingEmail.objects.update(subject="two\nlines")
    letter("notice:2", "bob@example.org")
    assert mail.send_due() == 2
    assert states() == [("notice:1", Status.FAILED, 1), ("notice:2", Status.SENT, 1)]


@pytest.mark.django_db(transaction=True)
def test_two_workers_share_and_send_each_letter_once(stripe_sandbox: Sandbox) -> None:
    for n in range(40):
        letter(f"notice:{n}", f"donor{n}@example.org")
    together, tried = threading.Barrier(2), []

    def work() -> None:
        try:
            together.wait()
            tried.append(mail.send_due(limit=20))
        finally:
            connection.close()

    workers = [threading.Thread(target=work) for _ in range(2)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert sum(tried) + mail.send_due(limit=40) == 40
    assert {status for _, status, _ in states()} == {Status.SENT}
    arrived = sorted(m.sent_to[0] for m in mailbox.newest_first(stripe_sandbox.store))
    assert arrived == sorted(f"donor{n}@example.org" for n in range(40))


@pytest.mark.django_db(transaction=True)
def test_a_letter_of_a_transaction_that_failed_was_never_written(stripe_sandbox: Sandbox) -> None:
    def fails() -> None:
        with transaction.atomic():
            letter()
            raise LookupError

    with pytest.raises(LookupError):
        fails()
    assert mail.send_due() == 0
    assert not mailbox.newest_first(stripe_sandbox.store)


class _Slow:
    """A mail server that takes six minutes over each letter."""

    def __init__(self, clock: time_machine.Traveller) -> None:
        self.clock = clock

    async def handle_DATA(self, _server: SMTP, _session: Session, _envelope: Envelope) -> str:
        self.clock.shift(timedelta(minutes=6))
        return "250 2.0.0 Kept"


@pytest.mark.django_db
def test_a_slow_server_does_not_outlast_the_claim(settings: Settings) -> None:
    letter("notice:1")
    letter("notice:2")
    with time_machine.travel(NOON + timedelta(seconds=1), tick=True) as traveller:
        server = Controller(_Slow(traveller), hostname="127.0.0.1", port=free_port())
        server.start()
        settings.EMAIL_PORT = server.port
        try:
            mail.send_due()
            assert states() == [("notice:1", Status.SENT, 1), ("notice:2", Status.QUEUED, 0)]
            assert mail.send_due() == 0, "the claim is not over"
            traveller.shift(mail.CLAIM)
            assert mail.send_due() == 1
        finally:
            server.stop()
    assert states() == [("notice:1", Status.SENT, 1), ("notice:2", Status.SENT, 1)]


class _Watched:
    """A mail server that keeps the letter and says so only once the worker is dead: so it cannot mark it as sent."""

    def __init__(self) -> None:
        self.arrived: list[str] = []
        self.got_one = threading.Event()
        self.is_dead = threading.Event()

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:
        self.arrived.append(envelope.rcpt_tos[0])
        self.got_one.set()
        await asyncio.to_thread(self.is_dead.wait, 60)
        return "250 2.0.0 Kept"


def database_url() -> str:
    return (
        f"{str(os.environ['DATABASE_URL']).partition('?')[0].rpartition('/')[0]}/{connection.settings_dict['NAME']}"
        + (f"?{query}" if (query := str(os.environ["DATABASE_URL"]).partition("?")[2]) else "")
    )


def start_worker(port: int) -> subprocess.Popen[bytes]:
    program = "import django; django.setup(); from nonprofit import mail; mail.send_due()"
    environment = {**os.environ, "DATABASE_URL": database_url(), "EMAIL_URL": f"smtp://127.0.0.1:{port}"}
    return subprocess.Popen([sys.executable, "-c", program], cwd=ROOT, env=environment)


@pytest.mark.django_db(transaction=True)
def test_a_worker_killed_between_sending_and_marking_repeats_one_letter_once(
    stripe_sandbox: Sandbox, settings: Settings
) -> None:
    letter()
    OutgoingEmail.objects.update(next_try_at=datetime(2026, 1, 1, tzinfo=UTC))
    watched = _Watched()
    server = Controller(watched, hostname="127.0.0.1", port=free_port())
    server.start()
    try:
        worker = start_worker(server.port)
        assert watched.got_one.wait(60)
        worker.send_signal(signal.SIGKILL)
        worker.wait()
        watched.is_dead.set()
        assert [status for _, status, _ in states()] == [Status.QUEUED], "sent, and nobody wrote it down"
        settings.EMAIL_PORT = server.port
        OutgoingEmail.objects.update(next_try_at=NOON + mail.CLAIM)
        assert mail.send_due() == 0, "still claimed by the dead worker"
        with later(mail.CLAIM + timedelta(seconds=1)):
            # PostgreSQL needs a moment to notice that the dead worker is gone, and its lock with it.
            deadline = time.monotonic() + 20
            while (sent := mail.send_due()) == 0 and time.monotonic() < deadline:
                time.sleep(0.1)
            assert sent == 1
            assert mail.send_due() == 0
    finally:
        server.stop()
    assert watched.arrived == ["ana@example.org"] * 2
    assert [status for _, status, _ in states()] == [Status.SENT]
