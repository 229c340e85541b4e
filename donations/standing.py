"""How a card gift stands after refunds and disputes: what is left of it, its state, its paper, who must hear of it.

Worked out anew from the facts each time, so that the order in which they came, and how often, means nothing.
"""

from dataclasses import dataclass
from datetime import datetime

from django.db.models import Q, Sum

from donations import gateway, signals
from donations.models import Fund, Gift, LedgerEntry, Month, ReceiptDue, ReceiptVoid, Refund
from donations.models.refund import CLOSED
from donations.receipts import replace, void
from donations.rules import gift_moves
from nonprofit import audit, clock

ACTOR = "stripe"
# A paper void for one of these is issued again when the money came again; any other void was somebody's decision.
WENT_BACK = (ReceiptVoid.Reason.REFUND, ReceiptVoid.Reason.DISPUTE_LOST)


@dataclass(frozen=True, slots=True)
class Line:
    """One line of money that moved, to be booked. source: what proves it, with `kind` once."""

    kind: LedgerEntry.Kind
    source: str
    amount_minor: int
    currency: str
    balance: gateway.Balance | None = None


def book(gift: Gift, line: Line, happened_at: datetime) -> LedgerEntry | None:
    """The line is in the ledger, on the first open day; None when it was there before."""
    entry, is_new = LedgerEntry.objects.get_or_create(
        source=line.source, kind=line.kind, defaults=_fields(gift, line, happened_at)
    )
    return entry if is_new else None


def _fields(gift: Gift, line: Line, happened_at: datetime) -> dict[str, object]:
    is_ours = line.kind in (LedgerEntry.Kind.DISPUTE_FEE, LedgerEntry.Kind.DISPUTE_FEE_BACK, LedgerEntry.Kind.FEE)
    balance = line.balance
    return {
        "gift": gift,
        # What Stripe takes for a dispute is our expense: no part of what the supporter gave or got back.
        "donor": None if is_ours else gift.donor,
        "fund": free_fund(gift) if is_ours else gift.fund,
        "amount_minor": line.amount_minor,
        "currency": line.currency,
        "account": LedgerEntry.Account.STRIPE,
        "happened_at": happened_at,
        "booked_on": Month.objects.first_open(clock.local_date(happened_at)),
        "balance_transaction_id": balance.id if balance else "",
        "reporting_category": balance.reporting_category if balance else "",
    }


def free_fund(gift: Gift) -> Fund:
    """What bears an expense of ours: money given for a purpose is not spent on it."""
    if gift.fund.restriction == Fund.Restriction.NONE:
        return gift.fund
    return Fund.objects.filter(restriction=Fund.Restriction.NONE).first() or gift.fund


def settle(gift: Gift, entries: list[LedgerEntry]) -> None:
    """The gift says what is left of it and how it stands; the audit log and the listeners follow, and `paper` must.

    entries: the lines just booked, of this gift's own payment. Listeners hear of each line, and of a change that came
    without one. Call with the gift locked, after the refund or dispute is written down; safe to call again.
    """
    if gift.settled_at is None:
        raise ValueError(f"{gift.public_id} has not been settled: nothing can go back of it")
    before, was_worth = _said(gift), _worth(gift)
    gift.refunded_minor = min(_refunded(gift) + _lost(gift), gift.amount_minor)
    status = _status(gift)
    if status != gift.status and not gift_moves.may_move(gift.status, status):
        raise ValueError(f"{gift.public_id} is {gift.status} and cannot become {status}")
    gift.status = status
    after = _said(gift)
    if after != before:
        gift.changed_at = clock.now()
        gift.save(update_fields=["status", "refunded_minor", "changed_at"])
        audit.record(ACTOR, "gift stands anew", gift, before=before, after=after)
    if not _tell(gift, entries) and after != before:
        # The line was booked before, as that of a refund on its way, or none comes, as when a bank keeps what it took.
        moved = signals.gift_restored if _worth(gift) > was_worth else signals.gift_reversed
        moved.send(sender=Gift, gift=gift, entry=None)


def _tell(gift: Gift, entries: list[LedgerEntry]) -> bool:
    """The listeners hear of each line of the gift's money; whether there was one."""
    moved = {
        LedgerEntry.Kind.REFUND: signals.gift_reversed,
        LedgerEntry.Kind.DISPUTE: signals.gift_reversed,
        LedgerEntry.Kind.REFUND_FAILED: signals.gift_restored,
        LedgerEntry.Kind.DISPUTE_WON: signals.gift_restored,
    }
    told = [entry for entry in entries if entry.kind in moved]
    for entry in told:
        moved[LedgerEntry.Kind(entry.kind)].send(sender=Gift, gift=gift, entry=entry)
    return bool(told)


def _said(gift: Gift) -> dict[str, object]:
    return {"status": str(gift.status), "refunded_minor": gift.refunded_minor}


def _worth(gift: Gift) -> int:
    """What counts of it now, in minor units; nothing while a bank has the money and asks."""
    return gift.kept.minor if gift.status == Gift.Status.SETTLED else 0


def _refunded(gift: Gift) -> int:
    done = Refund.objects.of_own_payment(gift).filter(state=Refund.State.SUCCEEDED)
    return done.aggregate(sum=Sum("amount_minor"))["sum"] or 0


def _lost(gift: Gift) -> int:
    """What banks took for good. While a dispute is open nobody knows, and the gift says so by its state."""
    return gift.disputes.filter(status__in=CLOSED).aggregate(sum=Sum("taken_minor"))["sum"] or 0


def _status(gift: Gift) -> Gift.Status:
    status = Gift.Status
    if gift.disputes.exclude(status__in=CLOSED).filter(taken_minor__gt=0).exists():
        return status.DISPUTED
    if gift.kept.minor > 0:
        return status.SETTLED
    return status.LOST if _lost(gift) > 0 else status.REFUNDED


def paper(gift: Gift, because: str) -> None:
    """The gift's paper is true: it stands, is void, says the lesser amount, or is issued again. Numbers: call it last.

    because: the ReceiptVoid.Reason, if it falls. Call with the gift locked; safe to call again.
    """
    if gift.status == Gift.Status.DISPUTED:
        # What was issued stands until the bank has decided; what was not waits until then.
        if gift.receipt_id is None and ReceiptDue.objects.filter(gift=gift).exists():
            void.void(gift.pk, reason=because, actor=ACTOR)
    elif gift.status == Gift.Status.REFUNDED:
        # The letter about the refund tells it.
        void.void(gift.pk, reason=because, actor=ACTOR)
    elif gift.status == Gift.Status.SETTLED and _fell(gift):
        replace.reissue(gift.pk, actor=ACTOR)
    else:
        # Lost: void, and they are told if they have it. Less is left: replaced. Nothing changed: it stays.
        replace.replace(gift.pk, reason=because, actor=ACTOR)


def _fell(gift: Gift) -> bool:
    """Whether its paper is missing only because money had gone back."""
    last = void.last(gift)
    if last is None:
        return not ReceiptDue.objects.filter(gift=gift).exists()
    return ReceiptVoid.objects.filter(receipt=last, reason__in=WENT_BACK).exists()


def spoken_for(gift: Gift) -> int:
    """What refunds under way will take of the gift, in minor units."""
    under_way = (
        Refund.objects.under_way().filter(gift=gift).filter(Q(payment_id=gift.payment_intent_id) | Q(payment_id=""))
    )
    return under_way.aggregate(sum=Sum("amount_minor"))["sum"] or 0


def left(gift: Gift) -> int:
    """What can still be refunded of the gift, in minor units. True for as long as the gift is locked."""
    return max(gift.kept.minor - spoken_for(gift), 0)
