"""Mailboxes that say no: what bounces and complaints mean, and the last question before a newsletter letter goes."""

import re
from datetime import timedelta

from django.db import transaction

from members.models import ConsentEntry, NewsletterSubscription, NewsletterSuppression, SoftBounce
from members.newsletter import consent, news
from nonprofit import audit, clock, mail, mail_news
from nonprofit.models import OutgoingEmail, User

What, Status, Reason = ConsentEntry.What, NewsletterSubscription.Status, NewsletterSuppression.Reason
# So many letters that did not arrive within so many days are no passing trouble.
SOFT_LIMIT = 4
SOFT_WITHIN = timedelta(days=30)
_ENHANCED = re.compile(r"\b([45])\.(\d{1,3})\.(\d{1,3})\b")
_BASIC = re.compile(r"\b[45]\d\d\b")


def is_passing(code: str) -> bool:
    """Whether a bounce with this code may be over tomorrow; one without a code is not.

    RFC 3463 (read 2026-11-26): 4.x.x passes; of the lasting ones x.2.2 is a full mailbox and x.7.x an objection to us
    or to the text. Neither says that nobody lives there.
    """
    if found := _ENHANCED.search(code):
        return found[1] == "4" or found[2] == "7" or (found[2], found[3]) == ("2", "2")
    basic = _BASIC.search(code)
    return basic is not None and basic[0].startswith("4")


@mail_news.on_news
def _mailbox_said(letter: OutgoingEmail, about: mail_news.News) -> None:
    """A bounce or complaint about any letter of ours. Called with the letter locked; safe twice."""
    if about.kind == mail_news.Kind.DELIVERED:
        SoftBounce.objects.filter(email=letter.to, at__lt=about.at).delete()
        return
    if NewsletterSuppression.objects.filter(email=letter.to, lifted_at__gte=about.at).exists():
        # Old news, told once more, must not undo what staff have found out since.
        return
    if about.kind == mail_news.Kind.COMPLAINED:
        suppress(letter.to, Reason.COMPLAINT, about.code)
    elif not is_passing(about.code):
        suppress(letter.to, Reason.BOUNCE, about.code)
    else:
        SoftBounce.objects.get_or_create(letter_id=letter.pk, defaults={"email": letter.to, "at": about.at})
        since = clock.now() - SOFT_WITHIN
        if SoftBounce.objects.filter(email=letter.to, at__gte=since).count() >= SOFT_LIMIT:
            suppress(letter.to, Reason.SOFT, about.code)


@transaction.atomic
def suppress(email: str, reason: NewsletterSuppression.Reason, code: str = "") -> bool:
    """No newsletter goes to this address any more; False when none went before. Safe twice and twice at once."""
    row, is_new = NewsletterSuppression.objects.get_or_create(
        email=email, lifted_at=None, defaults={"reason": reason, "code": code[:40]}
    )
    if is_new:
        entry = consent.record(row.email, "", What.SUPPRESSED, source=reason, actor="mail")
        _tell(entry, row.email)
    return is_new


@transaction.atomic
def lift(suppression_id: int, *, by: User, because: str) -> bool:
    """Newsletters may go there again: what was confirmed still is. False when it was lifted before. Locks; safe twice.

    Raises ValueError without a reason.
    """
    if not because.strip():
        raise ValueError("Say why newsletters may go there again.")
    row = NewsletterSuppression.objects.select_for_update().get(pk=suppression_id)
    if row.lifted_at is not None:
        return False
    row.lifted_at, row.lifted_by, row.lifted_because = clock.now(), by, because.strip()[:300]
    row.save(update_fields=["lifted_at", "lifted_by", "lifted_because"])
    # A mailbox that works again begins anew.
    SoftBounce.objects.filter(email=row.email).delete()
    who = audit.staff(by)
    audit.record(who, "lift suppression", row, reason=row.lifted_because)
    entry = consent.record(row.email, "", What.LIFTED, source="staff", actor=who)
    _tell(entry, row.email)
    return True


def _tell(entry: ConsentEntry, email: str) -> None:
    # The provider knows only of who has confirmed something.
    if NewsletterSubscription.objects.filter(email=email, status=Status.CONFIRMED).exists():
        news.tell(entry, email)


@mail.before_sending
def _must_not_go(letter: OutgoingEmail) -> str:
    """Why a letter of a list must not leave any more: asked when it goes, long after it was queued perhaps."""
    if not letter.list_name:
        return ""
    if NewsletterSuppression.objects.filter(email=letter.to, lifted_at=None).exists():
        return "the mailbox has said no"
    on = NewsletterSubscription.objects.filter(email=letter.to, purpose=letter.list_name)
    return "" if on.exclude(status=Status.UNSUBSCRIBED).exists() else "left the list"
