"""What people would use instead: a stock Celery application with one message for each receipt."""

import os

from celery import Celery

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "nonprofit.settings")

QUEUE = "one_by_one"
app = Celery("one_by_one")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.conf.task_default_queue = QUEUE


@app.task(name="benchmarks.one_by_one.receipt")  # type: ignore[untyped-decorator]
def receipt() -> None:
    """Number one receipt, make and keep its PDF, and send its letter over a connection of its own."""
    from donations.receipts import issue, making
    from nonprofit import mail

    for pk in issue.issue_due(limit=1):
        making.prepare_all([pk])
    mail.send_due(limit=1)
