"""Telling that a paper no longer stands, where no new one tells it, and listing those whom no letter reaches."""

from django.db import transaction
from django.db.models import CharField, Exists, F, OuterRef, Q, QuerySet, Value
from django.db.models.fields.json import KeyTextTransform, KeyTransform
from django.db.models.functions import Cast, Concat

from donations.models import Donor, PrintedReceipt, Receipt, ReceiptEvent, ReceiptVoid
from donations.receipts import changed, deliver
from donations.rules import documents
from nonprofit import audit, clock, mail, nudge
from nonprofit.models import AuditEntry, OutgoingEmail

KEY = "replaced:"
TOLD = "tell of void receipt"
REASON = ReceiptVoid.Reason
# Money that went back is told as such; everything else was our mistake.
MONEY_WENT_BACK = frozenset({REASON.REFUND, REASON.DISPUTE_LOST, REASON.BOUNCED})
# Of a wrong donor the new paper goes to somebody else: the old one's supporter still has to hear of it.
WAS_ANOTHERS = Q(reason=REASON.WRONG_DONOR) & ~Q(was=F("now"))


def has_left(receipt: Receipt | None) -> bool:
    """Whether the supporter may have it: on paper, by e-mail, from the portal, or with the mail server this moment."""
    if receipt is None:
        return False
    status = OutgoingEmail.Status
    gone = Q(status=status.SENT) | Q(status=status.QUEUED, tries=0, next_try_at__gt=clock.now())
    on_paper = PrintedReceipt.objects.filter(receipt=receipt).mailed()
    opened = ReceiptEvent.objects.filter(receipt=receipt, kind=ReceiptEvent.Kind.OPENED)
    return deliver.letters(receipt).filter(gone).exists() or on_paper.exists() or opened.exists()


def tell(voided: ReceiptVoid, *, is_told_by_new_paper: bool, had_left: bool) -> OutgoingEmail | None:
    """The letter that the paper no longer stands is queued, where one is called for and there is an address.

    A new paper to the same supporter tells it by itself. Nobody is told of a paper they never had, but money that goes
    back is always told. Call inside the transaction that voids; safe twice.
    """
    if is_told_by_new_paper and not _is_anothers(voided):
        return None
    if not had_left and voided.reason != REASON.REFUND:
        return None
    to = _address(voided.receipt)
    if not to:
        return None
    facts = voided.receipt.snapshot
    gift = facts["gift"]
    words = {
        "salutation": facts["salutation"],
        "paper": facts.get("paper", "Receipt").lower(),
        "receipt_number": voided.receipt.number if had_left else "",
        "amount": gift["amount"],
        "gift_on": gift["gift_on"],
        "reason": voided.reason,
        "wrong": voided.reason,
    }
    template = "receipt_taken_back" if voided.reason in MONEY_WENT_BACK else "receipt_withdrawn"
    letter = mail.queue(f"{KEY}{voided.receipt_id}", to, template, words)
    nudge.after_commit("nonprofit.tasks.send_mail")
    return letter


def _address(receipt: Receipt) -> str:
    """Where they had it; or where it would have gone, unless it was made out to the wrong supporter."""
    sent = deliver.letters(receipt).exclude(status=OutgoingEmail.Status.STOPPED).last()
    if sent:
        return sent.to
    is_anothers = receipt.gift is not None and changed.is_anothers(receipt, receipt.gift)
    return "" if is_anothers else deliver.recipient(receipt).email


def _is_anothers(voided: ReceiptVoid) -> bool:
    gift = voided.receipt.gift
    return voided.reason == REASON.WRONG_DONOR and gift is not None and changed.is_anothers(voided.receipt, gift)


@mail.before_sending
def _still_wanted(email: OutgoingEmail) -> str:
    """Flags are looked at when a letter leaves (domain rule 83); it goes to whomever their paper would go to."""
    number = email.key.removeprefix(KEY)
    if not (email.key.startswith(KEY) and number.isdigit()):
        return ""
    receipt = Receipt.objects.filter(pk=number).only("snapshot").first()
    donor = Donor.objects.filter(email=email.to).first()
    if receipt is None or donor is None:
        return ""
    paper = receipt.snapshot.get("kind", "tax_cash")
    flags = (donor.is_deceased, donor.is_not_contacted, donor.is_not_mailed)
    is_fine = documents.may_leave(
        paper, is_deceased=flags[0], is_not_contacted=flags[1], is_not_mailed=flags[2], on_paper=False
    )
    return "" if is_fine else "the supporter's record says so"


# --- people to tell -------------------------------------------------------------------------------------------------


def _donor(snapshot: str) -> KeyTextTransform:
    return KeyTextTransform("id", KeyTransform("donor", snapshot))


def to_tell() -> QuerySet[ReceiptVoid]:
    """Void papers that a supporter has and has not heard of: no letter could go, no new paper follows to them.

    Gifts that were taken back by the desk stand on its own list. Oldest first.
    """
    status = OutgoingEmail.Status
    its_key = Concat(Value(KEY), Cast("receipt_id", CharField()))
    letters = OutgoingEmail.objects.filter(key=OuterRef("letter_key"), status__in=[status.QUEUED, status.SENT])
    done = AuditEntry.objects.filter(
        action=TOLD, target_type="receipt", target_id=Cast(OuterRef("receipt_id"), CharField())
    )
    by_mail = Q(receipt__pdf__email__status=status.SENT)
    on_paper = Q(Exists(PrintedReceipt.objects.filter(receipt=OuterRef("receipt")).mailed()))
    opened = Q(Exists(ReceiptEvent.objects.filter(receipt=OuterRef("receipt"), kind=ReceiptEvent.Kind.OPENED)))
    return (
        ReceiptVoid.objects.exclude(receipt__series="S")
        .annotate(was=_donor("receipt__snapshot"), now=_donor("receipt__replaced_by__snapshot"))
        .filter(Q(receipt__replaced_by__isnull=True) | WAS_ANOTHERS)
        .filter(receipt__gift__reversal__isnull=True)
        .filter(by_mail | on_paper | opened)
        .annotate(letter_key=its_key)
        .filter(~Exists(letters), ~Exists(done))
        .select_related("receipt__gift__donor")
        .order_by("voided_at", "pk")
    )


@transaction.atomic(durable=True)
def told(receipt_id: int, actor: str, *, how: str) -> bool:
    """The supporter was told, `how` in a few words; False when that was noted before. Locks the receipt; safe twice."""
    receipt = Receipt.objects.select_for_update(of=("self",)).get(pk=receipt_id)
    if AuditEntry.objects.filter(action=TOLD, target_type="receipt", target_id=str(receipt.pk)).exists():
        return False
    audit.record(actor, TOLD, receipt, reason=how[:300])
    return True
