"""The nightly comparison: what Stripe, the bank, the receipts and our books say of the same money, in both directions.

It writes down what does not tie, by a name that stays the same, and marks what tied itself meanwhile as gone. It may
add facts through their own verbs first; it never edits a gift or a line and never brings a gift back to life.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import Any

from django.core.exceptions import PermissionDenied
from django.db import connection, transaction

from donations import disputes, gateway, gifts, refunds
from donations.books import balance, bank, finders
from donations.models import BalanceSweep, Difference, Gift, Month
from donations.receipts import gaps
from nonprofit import audit, clock
from nonprofit.models import User

logger = logging.getLogger(__name__)

RIGHT = "donations.explain_difference"
# Any number that no other advisory lock of ours has: one comparison at a time.
_COMPARING = 4_240_013
# Stripe and we need a moment for the same fact.
GRACE = timedelta(hours=1)
# Facts asked for anew in one night; a fault of thousands is for a person.
MOST = 200


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a comparison found. new: differences that were not there before. open: all that wait for a person."""

    new: int
    gone: int
    open: int


def nightly() -> Outcome:
    """Everything is read from Stripe, missing facts are added, and what still does not tie is written down.

    Call outside any transaction. When Stripe cannot be reached, what is here is compared.
    """
    try:
        balance.sweep()
        add_facts()
    except gateway.GatewayUnavailable as error:
        logger.warning("Stripe's books not read, compared what is here", extra={"error": str(error)})
    bank.match()
    gaps.look()
    return run()


def add_facts() -> int:
    """What does not come to its movement is asked for at Stripe once more; how much was.

    A fee that Stripe did not know when the gift was settled, a refund or a dispute whose event was lost are booked so,
    by their own verbs. Raises GatewayUnavailable.
    """
    with connection.cursor() as cursor:
        cursor.execute(finders.GIFTS_TO_ASK, {"limit": MOST})
        ids = [pk for (pk,) in cursor.fetchall()]
        cursor.execute(finders.BACK_TO_ASK, {"limit": MOST, "now": clock.now() - GRACE})
        back = cursor.fetchall()
    asked: list[tuple[str, Callable[[], object]]] = [
        (f"gift {gift.pk}", partial(gifts.check, gift)) for gift in Gift.objects.filter(pk__in=ids)
    ]
    asked += [(source, partial(_went_back, category, source)) for category, source in dict.fromkeys(back)]
    for what, ask in asked:
        try:
            ask()
        except gateway.GatewayRefused as error:
            logger.warning("not asked for", extra={"what": what, "error": error.code})
    return len(asked)


def _went_back(category: str, source: str) -> None:
    """The refund or dispute of that id is booked as it stands at Stripe now, if it is of a gift of ours."""
    if category.startswith("refund"):
        told = gateway.retrieve_refund(source)
        if gift := _of(told.payment_id):
            refunds.apply(gift.pk, told)
        return
    dispute = gateway.retrieve_dispute(source)
    if gift := _of(dispute.payment_id):
        disputes.apply(dispute, gift.pk)


def _of(payment_id: str) -> Gift | None:
    """The gift whose payment that is, once its money is booked."""
    return Gift.objects.filter(payment_intent_id=payment_id, settled_at__isnull=False).first()


@transaction.atomic(durable=True)
def run() -> Outcome:
    """Differences are as the books are now: new ones written, those that went away marked, the rest left as they are.

    A difference of a closed month counts in the first open one: the closed one does not change. Safe twice and at once.
    """
    swept = BalanceSweep.objects.filter(pk=1).first()
    said: dict[str, Any] = {
        "now": clock.now() - GRACE,
        "today": clock.today(),
        "zone": clock.zone_name(),
        "first_open": Month.objects.first_open(),
        "is_swept": swept is not None,
        "swept_until": (swept.swept_until if swept else clock.now()) - GRACE,
    }
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_COMPARING])
        cursor.execute(finders.TABLE)
        for sql in finders.ALL:
            cursor.execute(f"INSERT INTO found {sql} ON CONFLICT DO NOTHING", said)
        cursor.execute(finders.KEEP, said)
        new = [(key, kind) for key, kind, is_new in cursor.fetchall() if is_new]
        cursor.execute(finders.GONE, [clock.now()])
        gone = cursor.rowcount
        cursor.execute("DROP TABLE found")
    for key, kind in new:
        # The alarm: whoever watches the log hears of it, and the desk shows it.
        logger.error("does not tie", extra={"difference": key, "kind": kind})
    return Outcome(len(new), gone, Difference.objects.open().count())


@transaction.atomic(durable=True)
def explain(difference_id: int, text: str, *, user: User) -> Difference:
    """The difference has its cause in words and stops nobody any more. Locks it; safe twice. Raises ValueError."""
    if not user.has_perm(RIGHT):
        raise PermissionDenied(RIGHT)
    row = Difference.objects.select_for_update().get(pk=difference_id)
    words = " ".join(text.split())[:300]
    if not words:
        raise ValueError("Say in a few words where it comes from.")
    if row.explanation == words:
        return row
    if row.gone_at is not None:
        raise ValueError("It went away by itself; there is nothing to explain any more.")
    if row.explanation and Month.objects.first_open(row.day) != row.day:
        raise ValueError("Its month is closed: the explanation it was closed with stays.")
    before, row.explanation = row.explanation, words
    row.explained_by, row.explained_at = user, clock.now()
    row.save(update_fields=["explanation", "explained_by", "explained_at"])
    audit.record(audit.staff(user), "explain difference", row, reason=words, before={"explanation": before})
    return row
