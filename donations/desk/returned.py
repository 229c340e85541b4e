"""Gifts that come back: a check the bank returned, an entry that was wrong, and how the supporter learns of it."""

from dataclasses import dataclass
from datetime import date

from django.conf import settings
from django.db import transaction
from django.db.models import CharField, Exists, OuterRef, Q, QuerySet, Value
from django.db.models.functions import Cast, Concat

from donations import reversals
from donations.models import Donor, Gift, LedgerEntry, PrintedReceipt, Receipt, ReceiptVoid, Reversal
from donations.receipts import deliver, issue, taken_back
from nonprofit import audit, clock, mail, nudge
from nonprofit.models import AuditEntry, OutgoingEmail, User
from nonprofit.money import Money

KEY = "returned:"
TOLD = "tell of returned gift"
# What was wrong, as the void receipt says it.
WRONGS = tuple(reason for reason in ReceiptVoid.Reason if reason != ReceiptVoid.Reason.BOUNCED)


@dataclass(frozen=True, slots=True)
class Notice:
    """What staff know. reason: a Reversal.Reason; on: the bank's day, or the day the mistake was found.

    bank_fee_minor: cents of the gift's currency. wrong: a ReceiptVoid.Reason, where the entry was wrong.
    """

    reason: str
    on: date
    bank_fee_minor: int = 0
    wrong: str = ""
    note: str = ""


@dataclass(frozen=True, slots=True)
class Outlook:
    """What will happen, before it does. receipt, not_written: a sentence each; letter: as it would leave, or None."""

    lines: tuple[tuple[str, Money], ...]
    receipt: str
    letter: OutgoingEmail | None
    not_written: str


def outlook(gift: Gift, notice: Notice, user: User) -> Outlook:
    """What `apply` would do, by the same rules; nothing is written. Raises CannotReverse."""
    _check(gift, notice, user)
    receipt = _receipt(gift)
    reason, silent = _why_no_letter(gift, notice, receipt)
    return Outlook(
        lines=tuple(
            (LedgerEntry.Kind(kind).label, Money(minor, gift.currency))
            for kind, minor, _ in reversals.lines(gift, notice.bank_fee_minor)
        ),
        receipt=_of_receipt(receipt),
        letter=None if silent else mail.compose(*_letter(gift, notice, receipt)),
        not_written=reason,
    )


def bounce(gift_id: int, user: User, *, noticed_on: date, bank_fee_minor: int = 0, note: str = "") -> Reversal:
    """The bank returned the gift: it is reversed, and its supporter is told in kind words. See `apply`."""
    return apply(gift_id, Notice(Reversal.Reason.BOUNCED, noticed_on, bank_fee_minor, note=note), user)


def correct(gift_id: int, user: User, *, wrong: str, note: str) -> Reversal:
    """The gift was entered wrongly: it is reversed today; only a receipt that had left is called back. See `apply`."""
    return apply(gift_id, Notice(Reversal.Reason.WRONG_ENTRY, clock.today(), wrong=wrong, note=note), user)


@transaction.atomic(durable=True)
def apply(gift_id: int, notice: Notice, user: User) -> Reversal:
    """The gift is taken back and the letter about it queued; without one it stands on the list of people to tell.

    Locks the gift. Safe twice, twice at once and when killed: the first reversal is returned and nobody is written to
    again. A replacement is a new gift (domain rule 13). Raises CannotReverse.
    """
    gift = Gift.objects.select_for_update(of=("self",)).select_related("donor").get(pk=gift_id)
    if gift.status == Gift.Status.REVERSED:
        return gift.reversal
    _check(gift, notice, user)
    # What had left is asked before the reversal stops the letters that still wait.
    receipt = _receipt(gift)
    _, is_silent = _why_no_letter(gift, notice, receipt)
    reversal = reversals.reverse(
        gift.pk,
        reason=notice.reason,
        noticed_on=notice.on,
        actor=audit.staff(user),
        bank_fee_minor=notice.bank_fee_minor,
        note=notice.note,
        void_as=notice.wrong,
    )
    if not is_silent:
        mail.queue(*_letter(gift, notice, receipt))
        nudge.after_commit("nonprofit.tasks.send_mail")
    return reversal


def _check(gift: Gift, notice: Notice, user: User) -> None:
    if notice.reason == Reversal.Reason.WRONG_ENTRY and not notice.note.strip():
        raise reversals.CannotReverse("Say in a few words what was wrong.")
    if gift.donor is not None and gift.donor.user_id == user.pk:
        # Domain rule 92: nobody decides alone about their own gift.
        raise reversals.CannotReverse("This is your own gift: please ask a colleague.")
    reversals.check(gift, reason=notice.reason, noticed_on=notice.on, bank_fee_minor=notice.bank_fee_minor)


def key(gift: Gift) -> str:
    """The key of the letter that tells of a gift taken back; each gift has one."""
    return f"{KEY}{gift.pk}"


def why_silent(donor: Donor) -> str:
    """Why no letter goes to this supporter by itself; "" when one may."""
    if donor.is_deceased:
        return "has died"
    if donor.is_not_contacted:
        return "asked not to be contacted"
    if donor.wants_no_letter:
        return "wants no letters"
    return "" if donor.email else "has no e-mail"


@mail.before_sending
def _still_wanted(email: OutgoingEmail) -> str:
    """Flags are looked at when a letter leaves, not only when it was queued (domain rule 83)."""
    number = email.key.removeprefix(KEY)
    if not (email.key.startswith(KEY) and number.isdigit()):
        return ""
    donor = Donor.objects.filter(gifts=int(number)).first()
    return f"the supporter {why}" if donor and (why := why_silent(donor)) else ""


def _why_no_letter(gift: Gift, notice: Notice, receipt: Receipt | None) -> tuple[str, bool]:
    """The sentence for staff, and whether no letter goes out."""
    if notice.reason == Reversal.Reason.WRONG_ENTRY and not taken_back.has_left(receipt):
        return "No letter: the supporter has had no receipt for it.", True
    silent = why_silent(gift.donor) if gift.donor else "is not known"
    if not silent:
        return "", False
    return f"No letter: {gift.donor_name} {silent}. It will stand on the list of people to tell.", True


def _receipt(gift: Gift) -> Receipt | None:
    return Receipt.objects.filter(gift=gift, void__isnull=True).first()


def _of_receipt(receipt: Receipt | None) -> str:
    if receipt is None:
        return "No receipt has been issued, and none will be."
    printed = PrintedReceipt.objects.filter(receipt=receipt, run__mailed_at__isnull=True).live().first()
    if printed:
        where = f"print run {printed.run_id}, page {printed.page}"
        return f"Receipt {receipt.number} becomes void. It is in {where}, not mailed yet: please take it out."
    if taken_back.has_left(receipt):
        return f"Receipt {receipt.number} becomes void. The supporter has it."
    return f"Receipt {receipt.number} becomes void. It has not left, and will not."


def _letter(gift: Gift, notice: Notice, receipt: Receipt | None) -> tuple[str, str, str, dict[str, object]]:
    """What mail.queue and mail.compose take: key, address, template and its words."""
    donor = gift.donor
    assert donor is not None
    assert gift.gift_on is not None
    is_bounced = notice.reason == Reversal.Reason.BOUNCED
    facts = getattr(gift, "detail", None)
    salutation = donor.salutation or f"Dear {gift.donor_name}"
    words: dict[str, object] = {
        "salutation": f"{salutation.rstrip(' ,')},",
        "what": _what(gift, facts.check_number if facts else ""),
        "amount": "" if gift.is_property else str(gift.amount),
        "gift_on": issue.in_words(gift.gift_on),
        "noticed_on": issue.in_words(notice.on),
        "receipt_number": receipt.number if receipt else "",
        "wrong": notice.wrong,
        "give_url": f"{settings.BASE_URL}/give/",
        "ways_url": f"{settings.BASE_URL}/ways/",
    }
    return key(gift), donor.email or "", "check_returned" if is_bounced else "receipt_withdrawn", words


def _what(gift: Gift, check_number: str) -> str:
    if not check_number:
        return "bank payment" if gift.kind == Gift.Kind.WIRE else "gift"
    return f"{'money order' if gift.kind == Gift.Kind.MONEY_ORDER else 'check'} {check_number}"


# --- people to tell -------------------------------------------------------------------------------------------------


def to_tell() -> QuerySet[Reversal]:
    """Reversals of which the supporter has not heard: no letter could go, or it did not arrive. Oldest first."""
    its_key = Concat(Value(KEY), Cast("gift_id", CharField()))
    on_the_way = [OutgoingEmail.Status.QUEUED, OutgoingEmail.Status.SENT]
    letters = OutgoingEmail.objects.filter(key=OuterRef("letter_key"), status__in=on_the_way)
    done = AuditEntry.objects.filter(action=TOLD, target_type="gift", target_id=Cast(OuterRef("gift_id"), CharField()))
    by_mail = Q(gift__receipt__pdf__email__status=OutgoingEmail.Status.SENT)
    # Sent later, to an address found since: the first of these carries its paper for the first time, or once more.
    later = [Concat(Value(deliver.KEY), Cast("gift__receipt__pk", CharField()), Value(f":again:{n}")) for n in (0, 1)]
    sent_later = Q(key=OuterRef("first_again")) | Q(key=OuterRef("second_again"))
    by_mail |= Q(Exists(OutgoingEmail.objects.filter(sent_later, status=OutgoingEmail.Status.SENT)))
    has_receipt = by_mail | Q(Exists(PrintedReceipt.objects.filter(receipt=OuterRef("gift__receipt")).mailed()))
    return (
        Reversal.objects.annotate(letter_key=its_key, first_again=later[0], second_again=later[1])
        .filter(Q(reason=Reversal.Reason.BOUNCED) | has_receipt)
        .filter(~Exists(letters), ~Exists(done))
        .select_related("gift__donor")
        .order_by("noticed_on", "pk")
    )


@transaction.atomic(durable=True)
def told(gift_id: int, user: User, *, how: str) -> bool:
    """The supporter was told, `how` in a few words, or need not be; False when that was noted before. Safe twice."""
    gift = Gift.objects.select_for_update().get(pk=gift_id)
    if AuditEntry.objects.filter(action=TOLD, target_type="gift", target_id=str(gift.pk)).exists():
        return False
    audit.record(audit.staff(user), TOLD, gift, reason=how[:300])
    return True
