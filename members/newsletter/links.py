"""Addresses in our newsletter letters, signed: nobody can make one up or count through them, and no e-mail is in them.

Leaving works for ever; confirming for a week and only for what was asked for last; preferences for a year, because
with them lists can also be joined.
"""

import re
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.core.signing import BadSignature, Signer
from django.urls import reverse

from members.models import NewsletterSubscription
from nonprofit import clock

CONFIRM_WITHIN = timedelta(days=7)
PREFERENCES_WITHIN = timedelta(days=366)
CONFIRM, LEAVE, PREFERENCES = "confirm", "leave", "preferences"
_BODY = re.compile(r"(\d{1,18})-(\d{1,12})")


@dataclass(frozen=True, slots=True)
class Ticket:
    """What a signed address says: whose subscription, and the second in which it was written."""

    subscription_id: int
    seconds: int

    def is_older_than(self, span: timedelta) -> bool:
        return clock.now().timestamp() - self.seconds > span.total_seconds()

    def is_before(self, instant: datetime) -> bool:
        return self.seconds < int(instant.timestamp())


def token(row: NewsletterSubscription, use: str) -> str:
    """A signed token for one use: "confirm", "leave" or "preferences"; none of them does another's work."""
    return _signer(use).sign(f"{row.pk}-{int(clock.now().timestamp())}")


def url(row: NewsletterSubscription, use: str) -> str:
    """The whole address that a letter says."""
    return settings.BASE_URL + reverse(f"newsletter:{use}", args=[token(row, use)])


def read(token: str, use: str) -> Ticket | None:
    """What the token says, or None if we did not write it for this use. How old it may be is the caller's to say."""
    try:
        body = _BODY.fullmatch(_signer(use).unsign(token))
    except BadSignature:
        return None
    return Ticket(int(body[1]), int(body[2])) if body else None


def _signer(use: str) -> Signer:
    return Signer(sep=".", salt=f"newsletter.{use}")
