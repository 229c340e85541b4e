"""Celery tasks of members: each calls a verb; the rows are the queue."""

from celery import shared_task

from members.newsletter import optin


@shared_task(name="members.tasks.forget_unconfirmed")
def forget_unconfirmed() -> int:
    """Every night: addresses that nobody confirmed for thirty days are removed."""
    forgotten = 0
    while found := optin.forget_unconfirmed():
        forgotten += found
    return forgotten
