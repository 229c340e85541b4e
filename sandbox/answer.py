"""A finished HTTP answer of the pages, files and controls."""

import json
from dataclasses import dataclass, field
from typing import Any

PAGE_POLICY = (
    "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "frame-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    body: bytes
    content_type: str
    headers: dict[str, str] = field(default_factory=dict)

    @classmethod
    def text(cls, text: str, *, status: int = 200) -> "Answer":
        return cls(status, text.encode(), "text/plain; charset=utf-8")

    @classmethod
    def json(cls, value: Any, *, status: int = 200) -> "Answer":
        return cls(status, json.dumps(value, ensure_ascii=False).encode(), "application/json")

    @classmethod
    def page(cls, html: str, *, status: int = 200, policy: str = PAGE_POLICY) -> "Answer":
        return cls(status, html.encode(), "text/html; charset=utf-8", {"Content-Security-Policy": policy})

    @classmethod
    def to(cls, address: str) -> "Answer":
        return cls(303, b"", "text/plain; charset=utf-8", {"Location": address})


def not_found(what: str = "page") -> Answer:
    return Answer.text(f"There is no such {what} here.", status=404)
