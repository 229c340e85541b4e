"""Celery tasks of the floor."""

from celery import shared_task

from nonprofit import mail, nudge


@shared_task(name="nonprofit.tasks.send_mail")
def send_mail() -> int:
    """Send letters that are due, a chunk over one connection; wakes itself while there are more."""
    tried = mail.send_due(limit=50)
    if tried == 50:
        nudge.now("nonprofit.tasks.send_mail")
    return tried
