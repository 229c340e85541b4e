"""The messages that arrived, read for people and for tests."""

from dataclasses import dataclass
from datetime import UTC, datetime
from email import policy
from email.message import EmailMessage
from email.parser import BytesParser
from sqlite3 import Row
from typing import Any

from sandbox.store import Store


@dataclass(frozen=True, slots=True)
class Attachment:
    name: str
    content_type: str
    content: bytes


@dataclass(frozen=True, slots=True)
class Message:
    """`sent_from` and `sent_to` are the envelope's; the rest is what the message says."""

    id: int
    arrived_at: datetime
    sent_from: str
    sent_to: list[str]
    subject: str
    headers: list[tuple[str, str]]
    text: str
    html: str
    attachments: list[Attachment]
    raw: bytes

    def as_json(self) -> dict[str, Any]:
        return {
            "id": self.id,
            "arrived_at": self.arrived_at.isoformat(),
            "from": self.sent_from,
            "to": self.sent_to,
            "subject": self.subject,
            "headers": [list(header) for header in self.headers],
            "text": self.text,
            "html": self.html,
            "attachments": [
                {
                    "name": item.name,
                    "content_type": item.content_type,
                    "bytes": len(item.content),
                    "path": f"/mail/{self.id}/attachments/{number}/",
                }
                for number, item in enumerate(self.attachments)
            ],
        }


def newest_first(store: Store, *, to: str = "", limit: int = 200) -> list[Message]:
    """Those sent to this address, or all."""
    rows = store.query("SELECT * FROM messages ORDER BY id DESC")
    wanted = [row for row in rows if not to or to.lower() in row["recipients"].lower().split("\n")]
    return [_read(row) for row in wanted[:limit]]


def latest(store: Store) -> int:
    """The number of the newest message; 0 when there is none."""
    return int(store.query("SELECT coalesce(max(id), 0) AS id FROM messages")[0]["id"])


def find(store: Store, number: int) -> Message | None:
    rows = store.query("SELECT * FROM messages WHERE id = ?", number)
    return _read(rows[0]) if rows else None


def _read(row: Row) -> Message:
    parsed = BytesParser(policy=policy.default).parsebytes(row["raw"])
    assert isinstance(parsed, EmailMessage)
    return Message(
        id=row["id"],
        arrived_at=datetime.fromtimestamp(row["at"], UTC),
        sent_from=row["sender"],
        sent_to=row["recipients"].split("\n"),
        subject=str(parsed.get("Subject", "")),
        headers=[(name, str(value)) for name, value in parsed.items()],
        text=_part(parsed, "plain"),
        html=_part(parsed, "html"),
        attachments=[_attachment(part) for part in parsed.iter_attachments()],
        raw=row["raw"],
    )


def _part(message: EmailMessage, kind: str) -> str:
    part = message.get_body(preferencelist=(kind,))
    return "" if part is None else str(part.get_content())


def _attachment(part: EmailMessage) -> Attachment:
    content = part.get_payload(decode=True)
    return Attachment(
        part.get_filename() or "attachment",
        part.get_content_type(),
        content if isinstance(content, bytes) else part.as_bytes(),
    )
