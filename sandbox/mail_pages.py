"""The mailbox as a person reads it: the list, one message, its parts."""

import re
from html import escape
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, quote

from sandbox import layout, mailbox
from sandbox.answer import Answer, not_found
from sandbox.dispatch import Request
from sandbox.mailbox import Attachment, Message

if TYPE_CHECKING:
    from sandbox.server import Sandbox

ADDRESS = re.compile(r"^/mail/(\d{1,15})/(?:(html)/|(raw)/|attachments/(\d{1,4})/)?$")
# A message is somebody else's HTML: no scripts, nothing from outside, and links open on their own.
MESSAGE_POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; img-src data:; form-action 'none'; base-uri 'none'; "
    "frame-ancestors 'self'"
)
SHOWN_INLINE = {"application/pdf", "image/png", "image/jpeg", "image/gif", "text/plain"}
TOLD = ("From", "To", "Subject", "Date", "Reply-To", "Message-ID")


def answer(sandbox: "Sandbox", request: Request) -> Answer:
    given = {name: values[-1] for name, values in parse_qs(request.query).items()}
    if request.path == "/mail.json":
        found = mailbox.newest_first(sandbox.store, to=given.get("to", ""))
        return Answer.json({"messages": [message.as_json() for message in found]})
    if request.path == "/mail":
        return Answer.to("/mail/")
    if request.path == "/mail/":
        return _list(sandbox)
    if request.path == "/mail/latest":
        return Answer.json({"latest": mailbox.latest(sandbox.store)})
    match = ADDRESS.match(request.path)
    message = mailbox.find(sandbox.store, int(match[1])) if match else None
    if match is None or message is None:
        return not_found("message")
    if match[2]:
        return Answer.page('<base target="_blank">' + message.html, policy=MESSAGE_POLICY)
    if match[3]:
        return Answer(200, message.raw, "text/plain; charset=utf-8")
    if match[4]:
        return _attachment(message, int(match[4]), download="download" in given)
    return _message(message)


def _list(sandbox: "Sandbox") -> Answer:
    rows = [
        [
            f'<a href="/mail/{message.id}/">{escape(message.subject or "(no subject)")}</a>',
            escape(", ".join(message.sent_to)),
            str(len(message.attachments) or ""),
            layout.when(message.arrived_at.timestamp()),
        ]
        for message in mailbox.newest_first(sandbox.store)
    ]
    empty = "No mail yet. Whatever the site sends appears here by itself."
    headings = ["Subject", "To", "Attachments", "Arrived"]
    latest = mailbox.latest(sandbox.store)
    main = f'<h1>Mailbox</h1><div data-latest="{latest}">' + layout.table(
        "Messages, newest first, times in UTC", headings, rows, empty
    )
    return layout.page("Mailbox", main + "</div>", here="/mail/")


def _message(message: Message) -> Answer:
    headers = dict(message.headers)
    facts = "".join(f"<div><dt>{name}</dt><dd>{escape(headers[name])}</dd></div>" for name in TOLD if name in headers)
    main = f"<h1>{escape(message.subject or '(no subject)')}</h1><dl>{facts}</dl>"
    if message.attachments:
        items = "".join(_link(message, number, item) for number, item in enumerate(message.attachments))
        main += f"<h2>Attachments</h2><ul>{items}</ul>"
    if message.html:
        main += (
            f'<h2>Message</h2><iframe class="mail" title="The message as HTML" src="/mail/{message.id}/html/" '
            'sandbox="allow-same-origin allow-popups allow-popups-to-escape-sandbox"></iframe>'
        )
    if message.text:
        text = f'<pre tabindex="0" role="region" aria-label="The message as text">{linked(message.text)}</pre>'
        main += f"<h2>Text</h2>{text}"
    main += f'<p><a href="/mail/{message.id}/raw/">The message as it was sent</a></p>'
    return layout.page(message.subject or "Message", main)


def linked(text: str) -> str:
    """The text as HTML, its addresses as links."""
    pieces = re.split(r"(https?://[^\s<>\"]+[^\s<>\".,;:)])", text)
    return "".join(
        f'<a href="{escape(piece)}" rel="noreferrer">{escape(piece)}</a>' if index % 2 else escape(piece)
        for index, piece in enumerate(pieces)
    )


def _link(message: Message, number: int, item: Attachment) -> str:
    address = f"/mail/{message.id}/attachments/{number}/"
    size = f"{len(item.content):,} bytes"
    save = f'<a href="{address}?download=1" aria-label="Save {escape(item.name)}">save</a>'
    return f'<li><a href="{address}">{escape(item.name)}</a> ({escape(item.content_type)}, {size}, {save})</li>'


def _attachment(message: Message, number: int, *, download: bool) -> Answer:
    if number >= len(message.attachments):
        return not_found("attachment")
    item = message.attachments[number]
    inline = item.content_type in SHOWN_INLINE and not download
    disposition = f"{'inline' if inline else 'attachment'}; filename*=UTF-8''{quote(item.name, safe='')}"
    kind = item.content_type if inline else "application/octet-stream"
    return Answer(200, item.content, kind, {"Content-Disposition": disposition})
