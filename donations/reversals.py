"""The verb that takes a settled gift back: a check the bank returned, or an entry that was wrong."""

from datetime import date

from django.db import transaction
from django.db.models import Min, Sum

from donations import signals
from donations.models import Fund, Gift, GiftOrigin, LedgerEntry, Month, ReceiptVoid, Reversal
from donations.receipts import void
from donations.rules import gift_moves, returns
from nonprofit import audit, clock

VOIDED_AS = {
    Reversal.Reason.BOUNCED: ReceiptVoid.Reason.BOUNCED,
    Reversal.Reason.WRONG_ENTRY: ReceiptVoid.Reason.OTHER,
}
# What each line of a gift becomes when it is taken back.
OPPOSITE = {
    LedgerEntry.Kind.GIFT: LedgerEntry.Kind.REVERSAL,
    LedgerEntry.Kind.PROPERTY: LedgerEntry.Kind.PROPERTY_REVERSAL,
}


class CannotReverse(ValueError):
    """The gift cannot be taken back so; the text says why to the person who asked."""


@transaction.atomic
def reverse(
    gift_id: int,
    *,
    reason: str,
    noticed_on: date,
    actor: str,
    bank_fee_minor: int = 0,
    note: str = "",
    void_as: str = "",
) -> Reversal:
    """The gift is reversed: an equal negative line on the notice date, the bank's fee, its receipt void or held, audit.

    reason: a Reversal.Reason. bank_fee_minor: cents of the gift's currency, an expense of ours (domain rule 12).
    void_as: the ReceiptVoid.Reason where it is more than `reason` says. Locks the gift, then what its receipt waits in.
    Safe twice, twice at once and when killed: a gift is reversed once, and the first reversal is returned.
    Raises CannotReverse.
    """
    gift = Gift.objects.select_for_update().get(pk=gift_id)
    if gift.status == Gift.Status.REVERSED:
        return gift.reversal
    check(gift, reason=reason, noticed_on=noticed_on, bank_fee_minor=bank_fee_minor)
    reversal = Reversal.objects.create(
        gift=gift, reason=reason, noticed_on=noticed_on, bank_fee_minor=bank_fee_minor, note=note, actor=actor
    )
    gift.status, gift.changed_at = Gift.Status.REVERSED, clock.now()
    gift.save(update_fields=["status", "changed_at"])
    booked = [_book(gift, *line, noticed_on) for line in lines(gift, bank_fee_minor)]
    voided = void.void(gift.pk, reason=void_as or VOIDED_AS[Reversal.Reason(reason)], actor=actor, note=note)
    _write_down(reversal, voided)
    # Services, and goods that the books carry at nothing, have no line to show.
    entry = next((one for one in booked if one.kind != LedgerEntry.Kind.BANK_FEE), None)
    signals.gift_reversed.send(sender=Gift, gift=gift, entry=entry)
    return reversal


def _write_down(reversal: Reversal, voided: ReceiptVoid | None) -> None:
    reason, note = reversal.get_reason_display(), reversal.note
    audit.record(
        reversal.actor,
        "reverse gift",
        reversal.gift,
        reason=f"{reason}{f': {note}' if note else ''}"[:300],
        before={"status": Gift.Status.SETTLED},
        after={
            "status": Gift.Status.REVERSED,
            "noticed_on": reversal.noticed_on.isoformat(),
            "bank_fee_minor": reversal.bank_fee_minor,
            "receipt": voided.receipt.number if voided else "",
        },
    )


def check(gift: Gift, *, reason: str, noticed_on: date, bank_fee_minor: int = 0) -> None:
    """Raises CannotReverse if the gift may not be taken back so."""
    is_imported = GiftOrigin.objects.filter(gift=gift).exists()
    if gift.payment_intent_id or (gift.kind in returns.BY_CARD and not is_imported):
        raise CannotReverse("This gift was paid by card: its money goes back through a refund, not by the desk.")
    if not gift_moves.may_move(gift.status, Gift.Status.REVERSED):
        raise CannotReverse(f"Only a received gift can be taken back; this one is {gift.get_status_display()}.")
    if reason == Reversal.Reason.BOUNCED and not returns.may_bounce(gift.kind):
        raise CannotReverse(f"A bank does not return a gift of this kind ({gift.get_kind_display()}).")
    if bank_fee_minor < 0 or (bank_fee_minor and reason != Reversal.Reason.BOUNCED):
        raise CannotReverse("Only the bank's charge for a returned gift is booked as its fee.")
    if noticed_on > clock.today():
        raise CannotReverse("The date lies ahead: give the day of the bank's notice, or today.")
    booked_on = gift.ledger_entries.aggregate(first=Min("booked_on"))["first"]
    settled_on = clock.local_date(gift.settled_at or gift.changed_at)
    first = returns.earliest_notice(booked_on=booked_on, settled_on=settled_on)
    if noticed_on < first:
        raise CannotReverse(f"The date is before the gift was booked on {first:%B} {first.day}, {first.year}.")


def lines(gift: Gift, bank_fee_minor: int = 0) -> list[tuple[LedgerEntry.Kind, int, Fund]]:
    """What the reversal books: (kind, signed minor units, fund) of each line."""
    sums = gift.ledger_entries.filter(kind__in=OPPOSITE).values_list("kind").annotate(sum=Sum("amount_minor"))
    found = [(OPPOSITE[LedgerEntry.Kind(kind)], -minor, gift.fund) for kind, minor in sums.order_by("kind")]
    if bank_fee_minor:
        found.append((LedgerEntry.Kind.BANK_FEE, -bank_fee_minor, _free_fund(gift)))
    return found


def _free_fund(gift: Gift) -> Fund:
    """What bears the bank's fee: money given for a purpose is not spent on it."""
    if gift.fund.restriction == Fund.Restriction.NONE:
        return gift.fund
    return Fund.objects.filter(restriction=Fund.Restriction.NONE).first() or gift.fund


def _book(gift: Gift, kind: LedgerEntry.Kind, amount_minor: int, fund: Fund, booked_on: date) -> LedgerEntry:
    is_fee = kind == LedgerEntry.Kind.BANK_FEE
    return LedgerEntry.objects.create(
        source=f"reversal:{gift.pk}",
        kind=kind,
        gift=gift,
        # The fee is ours, not the supporter's: it is in no sum of what they gave.
        donor=None if is_fee else gift.donor,
        fund=fund,
        amount_minor=amount_minor,
        currency=gift.currency,
        happened_at=clock.now(),
        account=_account(gift, kind),
        booked_on=Month.objects.first_open(booked_on),
    )


def _account(gift: Gift, kind: LedgerEntry.Kind) -> LedgerEntry.Account:
    """Money leaves the account that it came into; the bank's fee always leaves the bank."""
    if kind == LedgerEntry.Kind.BANK_FEE:
        return LedgerEntry.Account.BANK
    came = gift.ledger_entries.filter(kind__in=OPPOSITE).values_list("account", flat=True).first()
    return LedgerEntry.Account(came or LedgerEntry.Account.BANK)
