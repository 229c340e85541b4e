"""Leaving a list, and choosing among them: by whoever holds a signed link, is signed in, or calls us."""

from collections.abc import Collection

from django.db import transaction

from members.models import ConsentEntry, NewsletterSubscription, NewsletterSuppression, Purpose
from members.newsletter import consent, news, optin, words
from nonprofit import audit, clock
from nonprofit.models import normal_email

What, Status = ConsentEntry.What, NewsletterSubscription.Status


@transaction.atomic
def leave(subscription_id: int, *, source: str, actor: str = "visitor") -> bool:
    """The address is off that list; False when it was not on it. Locks the row; safe twice and twice at once."""
    row = NewsletterSubscription.objects.select_for_update().filter(pk=subscription_id).first()
    return row is not None and _leave(row, source, actor)


@transaction.atomic
def leave_for(subscription_id: int, *, actor: str) -> bool:
    """Staff take an address off for its owner, who called or wrote. In the audit log; safe twice."""
    if not leave(subscription_id, source="asked staff", actor=actor):
        return False
    audit.record(actor, "take off the list", NewsletterSubscription.objects.get(pk=subscription_id))
    return True


@transaction.atomic
def choose(email: str, wanted: Collection[str], *, source: str, actor: str, ip: str | None = None) -> list[Purpose]:
    """The address is on exactly the wanted lists; those that changed. Safe twice and twice at once.

    Only for who has proven the mailbox: joining here needs no letter. Locks the address's rows in the order of the
    lists.
    """
    address = normal_email(email)
    return [
        purpose
        for purpose in Purpose
        if (_join if purpose in wanted else _quit)(address, purpose, source=source, actor=actor, ip=ip)
    ]


def chosen(email: str) -> dict[str, str]:
    """Status by list, of those there is any of."""
    rows = NewsletterSubscription.objects.filter(email=normal_email(email))
    return dict(rows.values_list("purpose", "status"))


def is_suppressed(email: str) -> bool:
    """Whether the mailbox has told us to stop."""
    return NewsletterSuppression.objects.filter(email=normal_email(email), lifted_at=None).exists()


def _join(email: str, purpose: Purpose, *, source: str, actor: str, ip: str | None) -> bool:
    now = clock.now()
    given = {"source": source, "consent_at": now, "consent_ip": ip, "changed_at": now}
    rows = NewsletterSubscription.objects.select_for_update()
    row, is_new = rows.get_or_create(email=email, purpose=purpose, defaults=given)
    if not is_new and row.status == Status.CONFIRMED:
        return False
    row.source, row.consent_at, row.consent_ip, row.gift_id = source, now, ip, None
    row.save()
    optin.make_confirmed(row, source=source, actor=actor, shown=words.CHOICES[purpose], ip=ip)
    return True


def _quit(email: str, purpose: Purpose, *, source: str, actor: str, ip: str | None) -> bool:
    row = NewsletterSubscription.objects.select_for_update().filter(email=email, purpose=purpose).first()
    return row is not None and _leave(row, source, actor)


def _leave(row: NewsletterSubscription, source: str, actor: str) -> bool:
    if row.status == Status.UNSUBSCRIBED:
        return False
    was_on_it = row.status == Status.CONFIRMED
    row.status, row.changed_at = Status.UNSUBSCRIBED, clock.now()
    row.save(update_fields=["status", "changed_at"])
    entry = consent.record(row.email, row.purpose, What.LEFT, source=source, actor=actor)
    if was_on_it:
        # Of who never confirmed the provider was never told.
        news.tell(entry, row.email)
    return True
