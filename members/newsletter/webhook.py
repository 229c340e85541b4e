"""Telling the mailing provider of each change: one signed POST for each, until it says 2xx or we give up.

The form is Standard Webhooks (https://www.standardwebhooks.com, read 2026-11-26); receivers have libraries for it:

    webhook-id: msg_<number>              the same at every try: who has seen it answers 200 and does nothing
    webhook-timestamp: <seconds since 1970>
    webhook-signature: v1,<base64 of HMAC-SHA256 of "<id>.<timestamp>.<body>"> and one more for each key while rotating

    {"type": "newsletter.confirmed", "timestamp": "<when it became true>",
     "data": {"sequence": 17, "email": "ana@example.org", "list": "newsletter", "what": "confirmed"}}

type: newsletter.confirmed, .left, .suppressed, .lifted; list: empty where it is about the mailbox, and so about every
list. The sequence grows with each change: what is older than the newest known of an address is to be ignored, which
matters only after something was given up and sent anew.
"""

import base64
import hashlib
import hmac
import http.client
import json
import logging
from datetime import timedelta
from urllib.parse import urlsplit

from django.conf import settings
from django.db import transaction
from django.db.models import Exists, OuterRef

from members.models import NewsletterNews
from nonprofit import audit, clock, nudge

logger = logging.getLogger(__name__)

Status = NewsletterNews.Status
# After the last wait it is given up and stands in the admin: about three days in all.
WAITS = [timedelta(minutes=m) for m in (1, 5, 15, 60, 180, 360, 720, 1440, 1440)]
# A worker that claimed news and died gives them back after this long.
CLAIM = timedelta(minutes=5)
TIMEOUT = 10
TOLD_FOR = timedelta(days=90)


def tell_due(limit: int = 50) -> int:
    """Tell up to `limit` news that are due; how many were tried. Safe to run at once, often, and to be killed.

    Of one address the earlier goes first: what waits or is being told holds back what came after. A crash between the
    provider's answer and ours repeats one POST with the same id.
    """
    if not settings.NEWSLETTER_WEBHOOK_URL:
        return 0
    claimed = _claim(limit)
    give_back_at = clock.now() + CLAIM / 2
    for row in claimed:
        if clock.now() > give_back_at:
            break
        _tell(row)
    return len(claimed)


@transaction.atomic
def replay(news_id: int, actor: str) -> bool:
    """News that were given up wait anew; False for others. Locks them; safe twice. In the audit log."""
    row = NewsletterNews.objects.select_for_update().get(pk=news_id)
    if row.status != Status.GIVEN_UP:
        return False
    audit.record(actor, "tell again", row, before={"tries": row.tries, "trouble": row.last_error})
    row.status, row.tries, row.next_try_at = Status.WAITING, 0, clock.now()
    row.save(update_fields=["status", "tries", "next_try_at"])
    nudge.after_commit("members.tasks.tell_provider")
    return True


@transaction.atomic
def forget_told() -> int:
    """What was told long ago is removed: it holds addresses, and the log has the fact. Safe twice."""
    gone, _ = NewsletterNews.objects.filter(status=Status.TOLD, told_at__lt=clock.now() - TOLD_FOR).delete()
    return gone


def body(row: NewsletterNews) -> bytes:
    """What is posted: the same bytes at every try."""
    told = {
        "type": f"newsletter.{row.what}",
        "timestamp": row.happened_at.isoformat(),
        "data": {"sequence": row.pk, "email": row.email, "list": row.purpose, "what": row.what},
    }
    return json.dumps(told, separators=(",", ":")).encode()


def signature(message_id: str, seconds: int, content: bytes) -> str:
    """The header's value: one signature for each of our keys, the newest first."""
    text = f"{message_id}.{seconds}.".encode() + content
    digests = [hmac.new(key, text, hashlib.sha256).digest() for key in settings.NEWSLETTER_WEBHOOK_SECRETS]
    return " ".join(f"v1,{base64.b64encode(digest).decode()}" for digest in digests)


@transaction.atomic
def _claim(limit: int) -> list[NewsletterNews]:
    now = clock.now()
    before = NewsletterNews.objects.filter(status=Status.WAITING, email=OuterRef("email"), pk__lt=OuterRef("pk"))
    due = NewsletterNews.objects.filter(~Exists(before), status=Status.WAITING, next_try_at__lte=now)
    rows = list(due.order_by("pk").select_for_update(skip_locked=True)[:limit])
    # Somebody else may have claimed one between our look and our lock; the lock shows it as it is now.
    rows = [row for row in rows if row.next_try_at <= now]
    NewsletterNews.objects.filter(pk__in=[row.pk for row in rows]).update(next_try_at=now + CLAIM)
    return rows


def _tell(row: NewsletterNews) -> None:
    trouble = _post(row)
    mine = NewsletterNews.objects.filter(pk=row.pk, status=Status.WAITING)
    if not trouble:
        mine.update(status=Status.TOLD, told_at=clock.now(), tries=row.tries + 1, last_error="")
        return
    gives_up = row.tries >= len(WAITS)
    mine.update(
        status=Status.GIVEN_UP if gives_up else Status.WAITING,
        tries=row.tries + 1,
        next_try_at=clock.now() + WAITS[min(row.tries, len(WAITS) - 1)],
        last_error=trouble,
    )
    logger.warning("provider not told", extra={"news": row.pk, "trouble": trouble, "final": gives_up})


def _post(row: NewsletterNews) -> str:
    """One try; what went wrong, or "". No redirect is followed: it would carry an address to somewhere else."""
    url = urlsplit(settings.NEWSLETTER_WEBHOOK_URL)
    content, message_id, seconds = body(row), f"msg_{row.pk}", int(clock.now().timestamp())
    headers = {
        "Content-Type": "application/json",
        "User-Agent": "more-ways-to-give",
        "webhook-id": message_id,
        "webhook-timestamp": str(seconds),
        "webhook-signature": signature(message_id, seconds, content),
    }
    kind = http.client.HTTPSConnection if url.scheme == "https" else http.client.HTTPConnection
    connection = kind(url.hostname or "", url.port, timeout=TIMEOUT)
    try:
        connection.request("POST", (url.path or "/") + (f"?{url.query}" if url.query else ""), content, headers)
        status = connection.getresponse().status
    except (OSError, http.client.HTTPException) as error:
        return type(error).__name__
    finally:
        connection.close()
    return "" if 200 <= status < 300 else f"HTTP {status}"
