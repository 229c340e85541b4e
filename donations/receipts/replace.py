"""Putting a receipt right: what is not true any more becomes void, and a new number with the facts of now names it."""

from django.db import transaction

from donations.models import Gift, Receipt, ReceiptDue, ReceiptVoid
from donations.receipts import changed, issue, statement_due, taken_back, terms, void
from donations.rules import documents
from nonprofit import audit, clock, nudge, organization

RENDER = "donations.tasks.render_receipts"


class NotDue(ValueError):
    """No paper is due for the gift; the text says why to the person who asked."""


@transaction.atomic
def replace(
    gift_id: int, *, reason: str, actor: str, note: str = "", instead_of: int | None = None
) -> ReceiptVoid | None:
    """The gift's paper says what is true now: the current one is void, a new one naming it is numbered, all at once.

    Call it after the facts were changed: a refund booked, a donor put right. reason: a ReceiptVoid.Reason.
    Where nothing is left, or no paper is due any more, the current one is only void. Where none was issued yet, it
    stays due and will say the new facts; None is returned then. New facts without a rule wait with their trouble.
    The supporter is told in words that fit the reason: by the new paper's own letter ("receipt:<its pk>"), or by the
    letter "replaced:<old receipt pk>" where no new paper follows to them.

    instead_of: the receipt somebody looked at and wants replaced although what it says is still true.

    Locks the gift, what was due, the receipt and the book. Safe twice, twice at once and when killed: a paper that says
    the truth is not replaced, and the void of the one before it is returned; a paper already void stays as it is.
    """
    gift = _locked(gift_id)
    current = void.last(gift)
    if current is None:
        return _not_issued_yet(gift, reason=reason, actor=actor, note=note)
    if instead_of is not None and instead_of != current.pk:
        return ReceiptVoid.objects.filter(receipt=instead_of).first()
    if voided := ReceiptVoid.objects.filter(receipt=current).first():
        return voided
    if instead_of is None and _says_the_truth(current, gift):
        return ReceiptVoid.objects.filter(receipt=current.replaces_id).first() if current.replaces_id else None
    # A statement of the year names the paper that falls.
    statement_due.changed(gift)
    # What had left is asked before the letters that still wait are stopped.
    had_left = taken_back.has_left(current)
    if not is_due(gift):
        voided, new = void.void(gift.pk, reason=reason, actor=actor, note=note), None
    else:
        voided = void.mark(current, reason=reason, actor=actor, note=note)
        new = _number_or_wait(gift, current, actor)
    if voided:
        taken_back.tell(voided, is_told_by_new_paper=new is not None, had_left=had_left)
    return voided


@transaction.atomic
def reissue(gift_id: int, *, actor: str, note: str = "") -> Receipt | None:
    """A gift that stands again has a paper again, naming the void one: a dispute won, a refund that came back.

    Locks as `replace` does. Safe twice: a paper that stands is returned. None where it waits with its trouble, or where
    nothing was ever issued and it is due. Raises NotDue for a gift of which nothing is left.
    """
    gift = _locked(gift_id)
    if not is_due(gift):
        raise NotDue("Nothing is left of this gift, so no paper is due for it.")
    current = void.last(gift)
    if current is None:
        issue.make_due(gift)
        return None
    if not ReceiptVoid.objects.filter(receipt=current).exists():
        return current
    if ReceiptDue.objects.filter(gift=gift).exists():
        return None
    audit.record(actor, "issue receipt again", current, reason=note)
    statement_due.changed(gift)
    return _number_or_wait(gift, current, actor)


def is_due(gift: Gift) -> bool:
    """Whether something of the gift is left that a paper can be about."""
    return gift.status == Gift.Status.SETTLED and (gift.is_property or gift.kept.minor > 0)


def _locked(gift_id: int) -> Gift:
    gifts = Gift.objects.select_for_update(of=("self",))
    return gifts.select_related("fund", "donor", "detail").get(pk=gift_id)


def _not_issued_yet(gift: Gift, *, reason: str, actor: str, note: str) -> ReceiptVoid | None:
    """It is due with the facts as they will stand when it is numbered, unless nothing is left."""
    if not is_due(gift):
        return void.void(gift.pk, reason=reason, actor=actor, note=note)
    waiting = ReceiptDue.objects.select_for_update().filter(gift=gift)
    # What it waited for may have been put right.
    if waiting.exclude(trouble="").update(trouble="", due_at=clock.now()):
        nudge.after_commit("donations.tasks.issue_receipts")
    return None


def _says_the_truth(current: Receipt, gift: Gift) -> bool:
    """Whether the paper is still right about its gift; one for which there is no rule now is not."""
    if not is_due(gift):
        return False
    try:
        now = issue.snapshot(gift, organization.get())
    except documents.NoRule:
        return False
    return changed.says_the_same(current.snapshot, now)


def _number_or_wait(gift: Gift, old: Receipt, actor: str) -> Receipt | None:
    """The paper that follows `old`, numbered; None where it waits or the rules give the gift none any more."""
    who = organization.get()
    try:
        settled = issue.settled(gift, terms.of([gift.pk], who))
        if settled.document == documents.NONE:
            audit.record(actor, "no receipt", gift)
            return None
        facts = issue.snapshot(gift, who, changed.replaced(old, gift))
    except documents.NoRule as error:
        ReceiptDue.objects.get_or_create(gift=gift, defaults={"trouble": str(error)[:300]})
        return None
    new = issue.number(settled.document.series, [issue.Draft(facts, gift.pk, old.pk)])
    issue.point(new)
    audit.record(actor, "replace receipt", old, after={"by": new[0].number})
    nudge.after_commit(RENDER, [new[0].pk])
    return new[0]
