"""What the mail service learns after it took a letter: delivered, bounced, complained of. Signed, generic, any order.

A service posts JSON to /mail/events/ (or a few lines of its own webhook's translation do):

    {"events": [{"message_id": "<1764163200.7.9.42@give.example.org>", "event": "bounced", "code": "5.1.1",
                 "at": "2026-11-26T14:00:00Z"}]}

with the header `Mail-Signature: t=<seconds since 1970>,v1=<hex>`, where v1 is HMAC-SHA256 of "<t>.<body>" with one of
MAIL_EVENT_SECRETS. event: "delivered", "bounced" or "complained"; code: the server's, never an address; at: optional.
"""

import hashlib
import hmac
import json
import logging
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from django.conf import settings
from django.db import transaction
from django.http import HttpRequest, HttpResponse, HttpResponseBadRequest, HttpResponseNotFound
from django.utils.dateparse import parse_datetime
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from nonprofit import clock
from nonprofit.models import OutgoingEmail

logger = logging.getLogger(__name__)

# A message older than this was recorded and is played again.
TOLERANCE_SECONDS = 300
MOST_EVENTS = 1000
MOST_BYTES = 1_000_000
# As mail.py makes it: the letter's row stands in its Message-ID.
_MESSAGE_ID = re.compile(r"<[\d.]*?\.(\d{1,18})@[^@<>\s]+>")
_HEADER = re.compile(r"t=(\d{1,12}),v1=([0-9a-f]{64})")
# Codes only: what could be an address or a name is left out.
_CODE = re.compile(r"[A-Za-z0-9 ._\-]{0,40}")


class Kind(StrEnum):
    DELIVERED = "delivered"
    BOUNCED = "bounced"
    COMPLAINED = "complained"


@dataclass(frozen=True, slots=True)
class News:
    """What became of a letter. code: the mail server's, like "5.1.1"; at: when, as the service says."""

    kind: Kind
    code: str
    at: datetime


Listener = Callable[[OutgoingEmail, News], None]
_listeners: list[Listener] = []


def on_news(listener: Listener) -> Listener:
    """Decorator: `listener(letter, news)` is called with the letter locked, inside its transaction; safe to repeat."""
    _listeners.append(listener)
    return listener


def signed(secret: str, seconds: int, body: bytes) -> str:
    """The header's value for this body."""
    digest = hmac.new(secret.encode(), f"{seconds}.".encode() + body, hashlib.sha256).hexdigest()
    return f"t={seconds},v1={digest}"


def is_signed(header: str, body: bytes) -> bool:
    """Whether one of our secrets signed exactly this body within the last minutes."""
    match = _HEADER.fullmatch(header)
    if match is None or abs(clock.now().timestamp() - int(match[1])) > TOLERANCE_SECONDS:
        return False
    return any(
        hmac.compare_digest(signed(secret, int(match[1]), body), header) for secret in settings.MAIL_EVENT_SECRETS
    )


@csrf_exempt
@require_POST
def receive(request: HttpRequest) -> HttpResponse:
    """200 once everything in it is written down (again: also 200); 400 for what no secret of ours signed just now."""
    if not settings.MAIL_EVENT_SECRETS:
        return HttpResponseNotFound("not in use", content_type="text/plain")
    too_long = int(request.META.get("CONTENT_LENGTH") or 0) > MOST_BYTES
    if too_long or not is_signed(request.META.get("HTTP_MAIL_SIGNATURE", ""), request.body):
        logger.warning("mail events refused")
        return HttpResponseBadRequest("signature refused", content_type="text/plain")
    try:
        events = list(_read(json.loads(request.body)))
    except (ValueError, TypeError, KeyError, AttributeError):
        return HttpResponseBadRequest("not in the documented form", content_type="text/plain")
    taken = sum(take(message_id, news) for message_id, news in events)
    return HttpResponse(f"{taken} of {len(events)} are letters of ours", content_type="text/plain")


def _read(body: Any) -> Iterator[tuple[str, News]]:
    for event in body["events"][:MOST_EVENTS]:
        at = parse_datetime(event["at"]) if event.get("at") else clock.now()
        if at is None or at.tzinfo is None:
            raise ValueError("an instant needs its zone")
        code = str(event.get("code", ""))
        yield str(event["message_id"]), News(Kind(event["event"]), code if _CODE.fullmatch(code) else "", at)


@transaction.atomic
def take(message_id: str, news: News) -> bool:
    """The news is written down with whoever listens; False for a letter that is none of ours. Locks it; safe twice."""
    match = _MESSAGE_ID.fullmatch(message_id.strip())
    letters = OutgoingEmail.objects.select_for_update(of=("self",)).filter(message_id=message_id.strip())
    letter = letters.filter(pk=int(match[1])).first() if match else None
    if letter is None:
        return False
    if news.kind != Kind.DELIVERED:
        letter.last_error = f"{news.kind} {news.code}".strip()
        letter.save(update_fields=["last_error"])
    for listener in _listeners:
        listener(letter, news)
    return True
