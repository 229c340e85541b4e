"""Card gifts whose money went back: refunds in full and in part, a dispute that is open, and one that was lost."""

from datetime import datetime, timedelta
from random import Random
from string import ascii_letters, digits

from donations import disputes, gateway, refunds
from donations.models import Gift
from nonprofit import clock

# Stripe's price for a dispute. https://stripe.com/pricing (read 2026-11-26)
DISPUTE_FEE_MINOR = 15_00


def write(now: datetime, chance: Random) -> None:
    """As Stripe would have told it, through the verbs that its events call. Call where the ledger can still change."""
    # Some days ago, so that the weeks since have brought in what it took.
    at = now - timedelta(days=10)
    once = Gift.objects.settled().filter(kind=Gift.Kind.CARD, plan=None, settled_at__lt=at - timedelta(hours=1))
    # Not Ana's: hers is the portal that the walk through the demo shows.
    others = once.exclude(donor_email="ana@example.org").filter(amount_minor__gte=20_00)
    full, part, asked, lost = others.order_by("amount_minor", "-settled_at", "pk")[:4]
    refunds.apply(full.pk, _refund(full, full.amount_minor, at, chance))
    refunds.apply(part.pk, _refund(part, part.amount_minor // 2, at, chance))
    disputes.apply(_dispute(asked, "needs_response", at, chance), asked.pk)
    disputes.apply(_dispute(lost, "lost", at, chance), lost.pk)


def _refund(gift: Gift, minor: int, at: datetime, chance: Random) -> gateway.Refund:
    refund_id, charge = f"re_{_random(chance)}", _charge(gift)
    balance = _movement(-minor, 0, "refund", refund_id, at, chance)
    payment = gift.payment_intent_id or ""
    return gateway.Refund(refund_id, minor, gift.currency, "succeeded", payment, charge, at, balance)


def _dispute(gift: Gift, status: str, at: datetime, chance: Random) -> gateway.Dispute:
    dispute_id = f"du_{_random(chance)}"
    return gateway.Dispute(
        id=dispute_id,
        charge_id=_charge(gift),
        payment_id=gift.payment_intent_id or "",
        amount_minor=gift.amount_minor,
        currency=gift.currency,
        reason="fraudulent" if status == "lost" else "product_not_received",
        status=status,
        created_at=at,
        evidence_due_at=None if status == "lost" else clock.now() + timedelta(days=5),
        as_of=clock.now(),
        balances=(_movement(-gift.amount_minor, DISPUTE_FEE_MINOR, "dispute", dispute_id, at, chance),),
    )


def _movement(minor: int, fee_minor: int, what: str, of: str, at: datetime, chance: Random) -> gateway.Balance:
    kind = "adjustment" if what == "dispute" else what
    day = clock.local_date(at)
    net = minor - fee_minor
    return gateway.Balance(f"txn_{_random(chance)}", minor, fee_minor, net, "usd", what, kind, of, at, day)


def _charge(gift: Gift) -> str:
    return gift.ledger_entries.get(kind="gift").source


def _random(chance: Random) -> str:
    return "".join(chance.choices(ascii_letters + digits, k=24))
