"""Stripe's books here: each movement of the balance stored once, payouts with their lines, and what they book.

What a movement is of is not stored: a ledger line of its source, or of its own id, is its counterpart (compare.py).
"""

import logging
from collections.abc import Iterable, Sequence
from datetime import timedelta

from django.db import connection, transaction
from django.db.models import Sum

from donations import gateway
from donations.models import BalanceSweep, BalanceTransaction, LedgerEntry, Month, Payout
from nonprofit import audit, clock

logger = logging.getLogger(__name__)

# Stripe can list a movement a little late; payouts change until the bank has them, failed ones for days after.
OVERLAP, PAYOUTS_BACK = timedelta(hours=2), timedelta(days=45)
CHUNK = 1000
# "payout" and "payout_reversal" are what a payout itself does to the balance; everything else is inside of one.
OF_PAYOUTS = ("payout", "payout_reversal")
# Stripe's own fees, by reporting category: no gift's. Stripe, "Reporting categories",
# https://docs.stripe.com/reports/reporting-categories (read 2026-11-26).
FEES = ("fee", "network_cost", "tax")
CAME_BACK = ("failed", "canceled")


def sweep() -> int:
    """Stripe's movements and payouts since the last time are here; how many movements were new. Safe at once.

    Call outside any transaction. Begins where our books begin. Raises GatewayUnavailable; the next one starts again.
    """
    started = clock.now()
    last = BalanceSweep.objects.filter(pk=1).first()
    first = LedgerEntry.objects.filter(account=LedgerEntry.Account.STRIPE).order_by("happened_at").first()
    begin = first.happened_at if first else started
    since = last.swept_until - OVERLAP if last else begin - OVERLAP
    before = gateway.balance()
    found = _store_all(gateway.balance_transactions(since=since))
    # Money that moved while the list was read would look like a difference.
    held = before if gateway.balance() == before else None
    _remember(started, held)
    for payout in gateway.payouts_since(started - PAYOUTS_BACK if last else min(since, started - PAYOUTS_BACK)):
        _take(payout)
    book_own()
    return found


def _remember(started: object, held: "dict[str, gateway.Holding] | None") -> None:
    told: dict[str, object] = {"swept_until": started}
    if held is not None:
        told["balance"] = {currency: one.balance_minor for currency, one in held.items()}
        told["balance_at"] = started
    BalanceSweep.objects.update_or_create(pk=1, defaults=told)


def follow(payout_id: str) -> Payout:
    """The payout, its lines and its line in the ledger are as Stripe has them now. Call outside any transaction.

    For events payout.*: in any order, twice, twice at once. Raises GatewayUnavailable, GatewayRefused.
    """
    return _take(gateway.retrieve_payout(payout_id))


def _take(told: gateway.Payout) -> Payout:
    payout = _keep(told)
    if payout.tied_at is None and told.is_automatic and payout.status not in CAME_BACK:
        # Its lines are complete when Stripe says so; until then what is there is stored.
        _store_all(gateway.balance_transactions(payout=told.id), payout)
        if told.is_reconcilable:
            tie(payout.pk)
    book_payout(payout.pk)
    return Payout.objects.get(pk=payout.pk)


@transaction.atomic(durable=True)
def _keep(told: gateway.Payout) -> Payout:
    """The payout's row says what Stripe says. Locks it."""
    said = {
        "amount_minor": told.amount_minor,
        "currency": told.currency,
        "status": told.status,
        "is_automatic": told.is_automatic,
        "created_at": told.created_at,
        "arrival_on": told.arrival_on,
    }
    Payout.objects.get_or_create(stripe_payout_id=told.id, defaults=said)
    payout = Payout.objects.select_for_update().get(stripe_payout_id=told.id)
    if any(getattr(payout, name) != value for name, value in said.items()):
        for name, value in said.items():
            setattr(payout, name, value)
        payout.changed_at = clock.now()
        payout.save()
    return payout


@transaction.atomic(durable=True)
def tie(payout_id: int) -> bool:
    """Whether the payout's lines come to its amount; then that is on record. Locks it; safe twice."""
    payout = Payout.objects.select_for_update().get(pk=payout_id)
    if payout.tied_at is None and lines_sum(payout) == payout.amount_minor:
        payout.tied_at = clock.now()
        payout.save(update_fields=["tied_at"])
    return payout.tied_at is not None


def lines_sum(payout: Payout) -> int:
    """What the payout's lines come to, in minor units."""
    return int(payout.lines.aggregate(sum=Sum("net_minor"))["sum"] or 0)


# ---- Storing ---------------------------------------------------------------------------------------------------------


def _store_all(told: Iterable[gateway.Balance], payout: Payout | None = None) -> int:
    found, part = 0, []
    for one in told:
        part.append(one)
        if len(part) == CHUNK:
            found += store(part, payout)
            part = []
    return found + store(part, payout)


@transaction.atomic
def store(told: Sequence[gateway.Balance], payout: Payout | None = None) -> int:
    """Each of these movements is stored, of that payout where one is given; how many were new. Safe twice and at once.

    PostgreSQL refuses any other change to a movement that is here.
    """
    if not told:
        return 0
    ids = [one.id for one in told]
    have = set(BalanceTransaction.objects.filter(stripe_id__in=ids).values_list("stripe_id", flat=True))
    new = [_movement(one) for one in told if one.id not in have]
    BalanceTransaction.objects.bulk_create(new, ignore_conflicts=True)
    if payout is not None:
        inside = [one.id for one in told if one.reporting_category not in OF_PAYOUTS]
        BalanceTransaction.objects.filter(stripe_id__in=inside, payout__isnull=True).update(payout=payout)
    return len(new)


def _movement(told: gateway.Balance) -> BalanceTransaction:
    return BalanceTransaction(
        stripe_id=told.id,
        source_id=told.source_id,
        type=told.type,
        reporting_category=told.reporting_category,
        amount_minor=told.amount_minor,
        fee_minor=told.fee_minor,
        net_minor=told.net_minor,
        currency=told.currency,
        created_at=told.created_at,
        created_on=clock.local_date(told.created_at),
        available_on=told.available_on,
        description=told.description[:200],
    )


# ---- Booking what is of no gift --------------------------------------------------------------------------------------


@transaction.atomic(durable=True)
def book_payout(payout_id: int) -> None:
    """A payout that reached the bank is in the ledger on its arrival; one that came back after that, too. Locks it.

    Until it arrives the money is ours at Stripe, on its way; so the clearing account is what Stripe has of ours, in
    transit included. One below nothing is what Stripe took from the bank. Safe twice: each line has its source.
    """
    payout = Payout.objects.select_for_update().get(pk=payout_id)
    kinds = LedgerEntry.Kind
    if payout.status == "paid":
        _book_payout(payout, kinds.PAYOUT)
    elif (
        payout.status in CAME_BACK
        and LedgerEntry.objects.filter(source=payout.stripe_payout_id, kind=kinds.PAYOUT).exists()
    ):
        _book_payout(payout, kinds.PAYOUT_FAILED)


def _book_payout(payout: Payout, kind: LedgerEntry.Kind) -> None:
    came_back = kind == LedgerEntry.Kind.PAYOUT_FAILED
    minor = payout.amount_minor if came_back else -payout.amount_minor
    happened_at = clock.now() if came_back else clock.midnight(payout.arrival_on)
    _, is_new = LedgerEntry.objects.get_or_create(
        source=payout.stripe_payout_id,
        kind=kind,
        defaults={
            "amount_minor": minor,
            "currency": payout.currency,
            "account": LedgerEntry.Account.STRIPE,
            "happened_at": happened_at,
            "booked_on": Month.objects.first_open(clock.local_date(happened_at)),
            "reporting_category": "payout_reversal" if came_back else "payout",
        },
    )
    if is_new:
        audit.record("stripe", f"book {kind}", payout, after={"amount_minor": minor})


_OWN = """
SELECT bt.id FROM donations_balancetransaction bt WHERE bt.net_minor <> 0
    AND bt.reporting_category = ANY(%(fees)s)
    AND NOT EXISTS (SELECT 1 FROM donations_ledgerentry l WHERE l.source = bt.stripe_id)
    AND NOT EXISTS (SELECT 1 FROM donations_ledgerentry l WHERE l.source = bt.source_id AND bt.source_id <> '')
ORDER BY bt.id
"""


def book_own() -> int:
    """Stripe's own fees that are of no gift are in the ledger; how many were new. A charge is never booked so."""
    with connection.cursor() as cursor:
        cursor.execute(_OWN, {"fees": list(FEES)})
        ids = [pk for (pk,) in cursor.fetchall()]
    return sum(_book_movement(pk, "task", "Stripe's own fee") for pk in ids)


@transaction.atomic(durable=True)
def adjust(movement_id: int, reason: str, *, actor: str) -> bool:
    """A movement that is nobody's gift is booked as an adjustment, for a reason; False when it is in the ledger.

    Locks the movement. Raises ValueError for a charge, a refund, a dispute or a payout: those have verbs of their own.
    """
    movement = BalanceTransaction.objects.select_for_update().get(pk=movement_id)
    if not may_adjust(movement):
        raise ValueError("Only what is of no gift can be adjusted.")
    if not reason.strip():
        raise ValueError("Say in a few words what it is.")
    return _book(movement, actor, reason.strip()[:300])


def may_adjust(movement: BalanceTransaction) -> bool:
    """Whether a person may book it: it is no charge, refund, dispute or payout, and Stripe names no such thing."""
    own = movement.reporting_category.partition("_")[0] not in ("charge", "refund", "dispute", "payout", "partial")
    return own and not movement.source_id.startswith(("ch_", "py_", "re_", "pyr_", "du_", "dp_", "po_"))


@transaction.atomic(durable=True)
def _book_movement(movement_id: int, actor: str, reason: str) -> bool:
    return _book(BalanceTransaction.objects.select_for_update().get(pk=movement_id), actor, reason)


def _book(movement: BalanceTransaction, actor: str, reason: str) -> bool:
    is_fee = movement.reporting_category in FEES and movement.net_minor < 0
    if LedgerEntry.objects.filter(source=movement.stripe_id).exists():
        return False
    LedgerEntry.objects.create(
        source=movement.stripe_id,
        kind=LedgerEntry.Kind.STRIPE_FEE if is_fee else LedgerEntry.Kind.ADJUSTMENT,
        amount_minor=movement.net_minor,
        currency=movement.currency,
        account=LedgerEntry.Account.STRIPE,
        happened_at=movement.created_at,
        booked_on=Month.objects.first_open(movement.created_on),
        balance_transaction_id=movement.stripe_id,
        reporting_category=movement.reporting_category[:40],
    )
    audit.record(actor, "book movement", movement, reason=reason, after={"net_minor": movement.net_minor})
    return True
