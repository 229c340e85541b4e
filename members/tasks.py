"""Celery tasks of members: each calls a verb; the rows are the queue."""

from celery import shared_task

from members import memberships
from members.newsletter import optin, webhook
from nonprofit import nudge

CHUNK = 50


@shared_task(name="members.tasks.tell_provider")
def tell_provider() -> int:
    """Tell the mailing provider what is due; every minute, and woken by each change. Wakes itself for more."""
    tried = webhook.tell_due(CHUNK)
    if tried:
        # Of an address with several changes only the first was due.
        nudge.now("members.tasks.tell_provider")
    return tried


@shared_task(name="members.tasks.forget_unconfirmed")
def forget_unconfirmed() -> int:
    """Every night: addresses that nobody confirmed for thirty days are removed, and news told long ago."""
    forgotten = webhook.forget_told()
    while found := optin.forget_unconfirmed():
        forgotten += found
    return forgotten


@shared_task(name="members.tasks.age_memberships")
def age_memberships() -> int:
    """Every night: memberships whose standing changes by date alone."""
    return memberships.age()


@shared_task(name="members.tasks.recompute_memberships")
def recompute_memberships() -> int:
    """Everybody's membership anew: after a level or the policy was changed. Chunk by chunk, in flat memory."""
    return memberships.recompute_all()
