"""The mailbox: what comes by SMTP can be read; refusals come when asked for."""

import json
import smtplib
import socket
import urllib.error
import urllib.request
from email.message import EmailMessage
from typing import Any

import pytest

from sandbox.options import Options
from sandbox.server import Sandbox
from tests.sandbox.test_faults import control


def send(sandbox: Sandbox, to: str = "alice@example.org", subject: str = "Your receipt") -> None:
    message = EmailMessage()
    message["From"] = "The Sample <giving@sample.example>"
    message["To"] = to
    message["Subject"] = subject
    message.set_content("Thank you, Łukasz. https://sample.example/thanks/?a=1&b=2.\n")
    message.add_alternative("<h1>Thank you</h1><script>alert(1)</script>", subtype="html")
    message.add_attachment(b"%PDF-1.7 receipt", maintype="application", subtype="pdf", filename="Receipt Ł.pdf")
    with smtplib.SMTP("127.0.0.1", sandbox.smtp_port, timeout=5) as connection:
        connection.send_message(message)


def fetch(sandbox: Sandbox, path: str) -> tuple[str, Any]:
    with urllib.request.urlopen(sandbox.url + path, timeout=5) as reply:
        return reply.read().decode(), reply.headers


def messages(sandbox: Sandbox, to: str = "") -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(fetch(sandbox, f"/mail.json?to={to}")[0])["messages"]
    return found


def test_a_message_is_kept_with_its_parts(sandbox: Sandbox) -> None:
    send(sandbox)
    send(sandbox, to="bob@example.org", subject="Another")
    assert [message["subject"] for message in messages(sandbox)] == ["Another", "Your receipt"]
    (message,) = messages(sandbox, to="Alice@Example.org")
    assert message["to"] == ["alice@example.org"]
    assert "Łukasz" in message["text"]
    assert "<h1>Thank you</h1>" in message["html"]
    (attachment,) = message["attachments"]
    assert (attachment["name"], attachment["content_type"]) == ("Receipt Ł.pdf", "application/pdf")
    body, headers = fetch(sandbox, attachment["path"])
    assert (body, headers["Content-Type"]) == ("%PDF-1.7 receipt", "application/pdf")
    assert headers["Content-Disposition"].startswith("inline")
    assert fetch(sandbox, attachment["path"] + "?download=1")[1]["Content-Disposition"].startswith("attachment")


def test_the_pages_show_mail_safely(sandbox: Sandbox) -> None:
    send(sandbox, subject="<b>bold</b>")
    listed, _headers = fetch(sandbox, "/mail/")
    assert "&lt;b&gt;bold&lt;/b&gt;" in listed
    page, headers = fetch(sandbox, "/mail/1/")
    assert 'href="https://sample.example/thanks/?a=1&amp;b=2"' in page
    assert 'sandbox="allow-same-origin allow-popups allow-popups-to-escape-sandbox"' in page
    assert "'unsafe-inline'" not in headers["Content-Security-Policy"]
    assert "script-src" not in fetch(sandbox, "/mail/1/html/")[1]["Content-Security-Policy"]
    assert "default-src 'none'" in fetch(sandbox, "/mail/1/html/")[1]["Content-Security-Policy"]


@pytest.mark.parametrize("path", ["/mail/9/", "/mail/1/attachments/7/", "/mail/x/", "/payments/pi_none/", "/nothing"])
def test_what_is_not_there_is_not_found(sandbox: Sandbox, path: str) -> None:
    send(sandbox)
    with pytest.raises(urllib.error.HTTPError) as caught:
        fetch(sandbox, path)
    assert caught.value.code == 404
    caught.value.close()


def test_recipients_can_be_refused_for_a_while(sandbox: Sandbox) -> None:
    control(sandbox, "POST", "smtp", {"stage": "rcpt", "code": 451, "count": 2})
    for _ in range(2):
        with pytest.raises(smtplib.SMTPRecipientsRefused) as caught:
            send(sandbox)
        assert caught.value.recipients["alice@example.org"][0] == 451
    send(sandbox)
    assert len(messages(sandbox)) == 1


def test_content_can_be_refused_until_cleared(sandbox: Sandbox) -> None:
    control(sandbox, "POST", "smtp", {"stage": "data", "code": 550})
    for _ in range(3):
        with pytest.raises(smtplib.SMTPDataError) as caught:
            send(sandbox)
        assert caught.value.smtp_code == 550
    control(sandbox, "DELETE", "smtp")
    send(sandbox)
    assert len(messages(sandbox)) == 1


def test_connections_can_be_refused(sandbox: Sandbox) -> None:
    control(sandbox, "POST", "smtp", {"stage": "connect", "code": 421, "count": 1})
    with pytest.raises(smtplib.SMTPConnectError) as caught:
        send(sandbox)
    assert caught.value.smtp_code == 421
    control(sandbox, "POST", "smtp", {"stage": "hangup", "count": 1})
    with pytest.raises(smtplib.SMTPServerDisconnected):
        send(sandbox)
    send(sandbox)
    assert len(messages(sandbox)) == 1


def test_only_the_newest_messages_are_kept() -> None:
    with Sandbox(Options(mail_kept=2)) as small:
        for number in range(4):
            send(small, subject=f"Number {number}")
        assert [message["subject"] for message in messages(small)] == ["Number 3", "Number 2"]


def test_it_listens_on_the_loopback_address_only(sandbox: Sandbox) -> None:
    for port in (sandbox.http_port, sandbox.smtp_port):
        with socket.socket() as other, pytest.raises(OSError, match="refused"):
            other.connect(("127.0.0.2", port))
