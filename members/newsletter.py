"""Verbs for the newsletter."""

from datetime import datetime

from members.models import NewsletterSubscription
from nonprofit.models import normal_email


def want(
    email: str, *, source: str, consent_at: datetime, consent_ip: str | None = None, gift_id: int | None = None
) -> NewsletterSubscription:
    """The address is on the list as "wanted"; who confirmed before stays confirmed. Safe twice and twice at once.

    Who had left and ticks again wants it again, with the new consent.
    """
    Status = NewsletterSubscription.Status
    consent = {"source": source, "consent_at": consent_at, "consent_ip": consent_ip, "gift_id": gift_id}
    row, is_new = NewsletterSubscription.objects.get_or_create(email=normal_email(email), defaults=consent)
    if not is_new:
        left = NewsletterSubscription.objects.filter(pk=row.pk, status=Status.UNSUBSCRIBED, consent_at__lt=consent_at)
        if left.update(status=Status.WANTED, **consent):
            row.refresh_from_db()
    return row
