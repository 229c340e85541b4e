"""What the mailing provider must learn, written down with the change itself; `webhook` tells it."""

from django.conf import settings
from django.db import connection

from members.models import ConsentEntry, NewsletterNews
from nonprofit import nudge

_LOCK = 4_270_051


def tell(entry: ConsentEntry, email: str) -> None:
    """The entry waits to be told, if there is anybody to tell. Call last in the transaction of the change.

    Numbers are given out one transaction at a time, so that the order of numbers is the order in which changes became
    true: the receiver may ignore whatever is older than the newest it knows of an address.
    """
    if not settings.NEWSLETTER_WEBHOOK_URL:
        return
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_LOCK])
    NewsletterNews.objects.create(
        entry_id=entry.pk, email=email, purpose=entry.purpose, what=entry.what, happened_at=entry.at
    )
    nudge.after_commit("members.tasks.tell_provider")
