"""The verbs of disputes: what a bank did is booked as it was, and what staff decide to do about it is noted."""

from django.db import transaction

from donations import gateway, standing
from donations.models import Dispute, Gift, LedgerEntry, ReceiptVoid
from donations.models.refund import CLOSED
from nonprofit import audit, clock
from nonprofit.models import User


@transaction.atomic
def apply(told: gateway.Dispute, gift_id: int | None) -> Dispute:
    """What Stripe says of a dispute is on record and in the books: lines, gift, paper, audit, all or nothing.

    gift_id: None where the payment is none of ours; then only the row is kept, for the worklist. An inquiry moves no
    money and touches no paper (domain rule 72). Locks the gift, then the dispute. Safe twice, twice at once and in any
    order: lines are known by their balance transaction, an answer asked for earlier never overwrites a later one, and
    the gift's state is worked out anew. Call it when the payment itself is settled.
    """
    gift = None
    if gift_id is not None:
        gift = Gift.objects.select_for_update(of=("self",)).select_related("donor", "fund").get(pk=gift_id)
    dispute, is_new = Dispute.objects.get_or_create(stripe_dispute_id=told.id, defaults=_fields(told, gift))
    dispute = Dispute.objects.select_for_update(of=("self",)).get(pk=dispute.pk)
    if not is_new and told.as_of < dispute.changed_at:
        return dispute
    before = {} if is_new else {"status": dispute.status, "amount_minor": dispute.amount_minor}
    for name, value in _fields(told, gift).items():
        setattr(dispute, name, value)
    dispute.closed_at = (dispute.closed_at or clock.now()) if told.status in CLOSED else None
    dispute.save()
    after = {"status": dispute.status, "amount_minor": dispute.amount_minor}
    if before != after:
        audit.record("stripe", "dispute", dispute, reason=told.reason, before=before, after=after)
    if gift is not None and _is_of_own_payment(gift, told):
        standing.settle(gift, _book(gift, told))
        standing.paper(gift, ReceiptVoid.Reason.DISPUTE_LOST)
    elif gift is not None:
        # The second payment of a gift that was paid twice by mistake: the gift itself is as it was.
        _book(gift, told)
    return dispute


def _is_of_own_payment(gift: Gift, told: gateway.Dispute) -> bool:
    return told.payment_id == gift.payment_intent_id


def _fields(told: gateway.Dispute, gift: Gift | None) -> dict[str, object]:
    own = gift if gift is None or _is_of_own_payment(gift, told) else None
    return {
        "charge_id": told.charge_id,
        "gift": own,
        "amount_minor": told.amount_minor,
        "currency": told.currency,
        "reason": told.reason,
        "status": told.status,
        "evidence_due_at": told.evidence_due_at,
        "opened_at": told.created_at,
        "taken_minor": max(-sum(balance.amount_minor for balance in told.balances), 0),
        "changed_at": told.as_of,
    }


def _book(gift: Gift, told: gateway.Dispute) -> list[LedgerEntry]:
    """A line for each movement, by its balance transaction, and one for its fee; the new ones."""
    kind, booked = LedgerEntry.Kind, []
    for balance in told.balances:
        amount, fee = balance.amount_minor, balance.fee_minor
        lines = [
            (kind.DISPUTE if amount < 0 else kind.DISPUTE_WON, amount),
            # Where the account's country has it so, Stripe gives the fee back with the money.
            (kind.DISPUTE_FEE if fee > 0 else kind.DISPUTE_FEE_BACK, -fee),
        ]
        booked += [
            standing.book(gift, standing.Line(what, balance.id, minor, balance.currency, balance), balance.created_at)
            for what, minor in lines
            if minor
        ]
    return [entry for entry in booked if entry is not None]


@transaction.atomic(durable=True)
def note(dispute_id: int, text: str, *, user: User) -> Dispute:
    """What staff do about it stands on the worklist for the others. Locks the dispute; safe twice."""
    dispute = Dispute.objects.select_for_update(of=("self",)).get(pk=dispute_id)
    if dispute.note != text:
        audit.record(audit.staff(user), "note on dispute", dispute, before={"note": dispute.note}, after={"note": text})
        dispute.note = text
        dispute.save(update_fields=["note"])
    return dispute


def refetch(dispute_id: int) -> Dispute:
    """An open dispute is asked for at Stripe, and what is true now is booked. Outside any transaction."""
    dispute = Dispute.objects.get(pk=dispute_id)
    return apply(gateway.retrieve_dispute(dispute.stripe_dispute_id), dispute.gift_id)


def undecided() -> list[int]:
    """Disputes that the bank has not decided, the oldest first."""
    return list(Dispute.objects.open().order_by("opened_at").values_list("pk", flat=True)[:500])
