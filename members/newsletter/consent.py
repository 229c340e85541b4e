"""The log of consent: appending to it, and reading from it what stands."""

from dataclasses import dataclass

from django.conf import settings

from members.models import ConsentEntry, NewsletterSubscription
from members.newsletter.words import Words
from nonprofit import pseudonyms

What = ConsentEntry.What
Status = NewsletterSubscription.Status
NO_WORDS = Words("", "")
# What an entry makes of a subscription; "" takes the row away.
LEADS_TO = {What.ASKED: Status.WANTED, What.CONFIRMED: Status.CONFIRMED, What.LEFT: Status.UNSUBSCRIBED}


@dataclass(frozen=True, slots=True)
class Standing:
    """What the log says of an address and a list. status: None where nothing is kept of it."""

    status: Status | None
    is_suppressed: bool


def record(
    email: str,
    purpose: str,
    what: ConsentEntry.What,
    *,
    source: str,
    actor: str,
    ip: str | None = None,
    words: Words = NO_WORDS,
) -> ConsentEntry:
    """Append to the log. Call inside the transaction that changes what stands.

    ip: kept only of who confirms: of the others we do not know that it was the mailbox's owner, and nothing here can be
    taken out again.
    """
    return ConsentEntry.objects.create(
        pseudonym=pseudonyms.of(email),
        purpose=purpose,
        what=what,
        source=source[:40],
        actor=actor,
        ip=ip if what == What.CONFIRMED and settings.KEEP_CONSENT_IP else None,
        words=words.text,
        words_version=words.version,
    )


def standing(email: str, purpose: str) -> Standing:
    """What the log alone says now; the tables beside it must say the same (tests/members/test_consent.py)."""
    status: Status | None = None
    is_suppressed = False
    entries = ConsentEntry.objects.filter(pseudonym=pseudonyms.of(email), purpose__in=(purpose, ""))
    for entry in entries.order_by("pk"):
        what = What(entry.what)
        if what in (What.SUPPRESSED, What.LIFTED):
            is_suppressed = what == What.SUPPRESSED
        # Asking again changes nothing for who has confirmed.
        elif not (what == What.ASKED and status == Status.CONFIRMED):
            status = LEADS_TO.get(what)
    return Standing(status, is_suppressed)
