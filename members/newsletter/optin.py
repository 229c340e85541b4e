"""Joining the newsletter: asked for by anybody, confirmed by who has the mailbox, forgotten when nobody answers."""

from datetime import datetime, timedelta
from enum import StrEnum

from django.db import transaction
from django.db.models import Q

from members.models import ConsentEntry, NewsletterSubscription, Purpose
from members.newsletter import consent, letters, links, news, words
from members.newsletter.words import Words
from nonprofit import clock
from nonprofit.models import normal_email

What, Status = ConsentEntry.What, NewsletterSubscription.Status
# Whoever never answers is a stranger whose address somebody typed: it is not ours to keep.
UNCONFIRMED_FOR = timedelta(days=30)


class Outcome(StrEnum):
    """What became of a link that was followed to its button."""

    CONFIRMED = "confirmed"
    ALREADY = "already"
    # Too old; the same page sends another letter.
    EXPIRED = "expired"
    # Of an earlier wish, of somebody who has left since, or of nobody any more.
    USED = "used"


@transaction.atomic
def want(
    email: str,
    *,
    source: str,
    consent_at: datetime,
    shown: Words,
    consent_ip: str | None = None,
    gift_id: int | None = None,
) -> NewsletterSubscription:
    """The address is "wanted" and gets one letter that asks; who confirmed before stays confirmed.

    Safe twice and twice at once: a gift asks once, and somebody who types an address again and again gets few letters.
    Who had left wants it again only by a consent given after leaving. Locks the row.
    """
    given = {"source": source, "consent_at": consent_at, "consent_ip": consent_ip, "gift_id": gift_id}
    rows = NewsletterSubscription.objects.select_for_update()
    row, is_new = rows.get_or_create(
        email=normal_email(email), purpose=Purpose.NEWSLETTER, defaults={**given, "changed_at": clock.now()}
    )
    if row.status == Status.CONFIRMED:
        if gift_id is None:
            letters.already(row)
        return row
    if not is_new:
        has_asked = row.status == Status.WANTED and gift_id is not None and row.gift_id == gift_id
        is_older = row.status == Status.UNSUBSCRIBED and consent_at <= row.changed_at
        if has_asked or is_older:
            return row
        if row.status == Status.UNSUBSCRIBED:
            row.status, row.changed_at, row.letters, row.letter_at = Status.WANTED, clock.now(), 0, None
        for name, value in given.items():
            setattr(row, name, value)
        row.save()
    consent.record(row.email, row.purpose, What.ASKED, source=source, actor="visitor", words=shown)
    if letters.may_ask_again(row):
        letters.ask(row)
    return row


@transaction.atomic
def confirm(ticket: links.Ticket, *, ip: str | None = None) -> Outcome:
    """Who has the mailbox said yes: the address is confirmed, the provider is told. Safe twice and twice at once."""
    row = _locked(ticket)
    if row is None or row.status == Status.UNSUBSCRIBED or ticket.is_before(row.changed_at):
        # A confirmed row has changed since its letter; following the link once more is no mistake.
        is_done = row is not None and row.status == Status.CONFIRMED
        return Outcome.ALREADY if is_done else Outcome.USED
    if row.status == Status.CONFIRMED:
        return Outcome.ALREADY
    if ticket.is_older_than(links.CONFIRM_WITHIN):
        return Outcome.EXPIRED
    make_confirmed(row, source="letter", actor="visitor", shown=words.CONFIRM, ip=ip)
    letters.welcome(row)
    return Outcome.CONFIRMED


def make_confirmed(
    row: NewsletterSubscription, *, source: str, actor: str, shown: Words, ip: str | None = None
) -> None:
    """The row is confirmed, in the log and for the provider. For verbs that hold its lock and know the mailbox."""
    row.status, row.changed_at = Status.CONFIRMED, clock.now()
    row.save(update_fields=["status", "changed_at"])
    entry = consent.record(row.email, row.purpose, What.CONFIRMED, source=source, actor=actor, ip=ip, words=shown)
    news.tell(entry, row.email)


@transaction.atomic
def send_again(ticket: links.Ticket) -> bool:
    """Another letter with a new link, for whoever holds an old one; False when it is not wanted, or too soon."""
    row = _locked(ticket)
    if row is None or row.status != Status.WANTED or ticket.is_before(row.changed_at):
        return False
    return _ask_again(row)


@transaction.atomic
def send_again_for(subscription_id: int) -> bool:
    """The same for staff who are asked where the letter is."""
    rows = NewsletterSubscription.objects.select_for_update().filter(pk=subscription_id, status=Status.WANTED)
    row = rows.first()
    return row is not None and _ask_again(row)


def _ask_again(row: NewsletterSubscription) -> bool:
    if not letters.may_ask_again(row):
        return False
    letters.ask(row)
    return True


@transaction.atomic
def forget_unconfirmed(limit: int = 500) -> int:
    """Rows that nobody confirmed for thirty days are removed, the log keeps a pseudonym; how many. Safe twice."""
    before = clock.now() - UNCONFIRMED_FOR
    old = NewsletterSubscription.objects.filter(
        Q(letter_at__lt=before) | Q(letter_at__isnull=True), status=Status.WANTED, changed_at__lt=before
    )
    rows = list(old.order_by("pk").select_for_update(skip_locked=True)[:limit])
    for row in rows:
        consent.record(row.email, row.purpose, What.FORGOTTEN, source="30 days", actor="task")
        row.delete()
    return len(rows)


def _locked(ticket: links.Ticket) -> NewsletterSubscription | None:
    return NewsletterSubscription.objects.select_for_update().filter(pk=ticket.subscription_id).first()
