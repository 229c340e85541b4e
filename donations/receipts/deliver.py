"""Whom a numbered paper is for, whether it may go to them by e-mail, and the letter that carries it."""

from collections.abc import Callable
from dataclasses import dataclass

from django.conf import settings
from django.db import transaction
from django.db.models import Q, QuerySet

from donations.models import Donor, Plan, Receipt, ReceiptPdf, ReceiptVoid
from donations.receipts import issue, statement_words, wording
from donations.rules import documents
from nonprofit import audit, clock, mail, nudge
from nonprofit.models import OutgoingEmail, StoredFile

KEY = "receipt:"


@dataclass(frozen=True, slots=True)
class Recipient:
    """Whom a paper is for, as they stand now: flags and addresses may have changed since it was issued."""

    donor: Donor | None
    email: str
    paper: str

    def may_get(self, *, on_paper: bool) -> bool:
        """Whether it may leave for them now (domain rules 81, 83)."""
        return self.donor is None or documents.may_leave(
            self.paper,
            is_deceased=self.donor.is_deceased,
            is_not_contacted=self.donor.is_not_contacted,
            is_not_mailed=self.donor.is_not_mailed,
            on_paper=on_paper,
        )

    def waits_for_january(self, receipt: Receipt) -> bool:
        """Whether they want no letter with each gift: the paper stands in the portal, and the statement says it all."""
        return (
            receipt.gift_id is not None
            and self.donor is not None
            and self.donor.receipts == Donor.Receipts.YEARLY
            and bool(self.email)
        )

    def wants_email(self, receipt: Receipt) -> bool:
        """Whether it goes by e-mail, as they wish now; also who wants paper, where the paper has no address on it."""
        printed = receipt.snapshot.get("recipient") or receipt.snapshot.get("donor") or {}
        is_on_paper = self.donor is not None and self.donor.is_on_paper and bool(printed.get("address_lines"))
        return bool(self.email) and not is_on_paper and not self.waits_for_january(receipt)


def recipient(receipt: Receipt) -> Recipient:
    """The legal donor, at the address given with the gift or else the one we have; or who is recognized.

    Of a yearly statement: the supporter whose it is, or who that record became by a merge.
    """
    facts = receipt.snapshot
    if receipt.gift is None:
        donor = receipt.statement.donor
        while donor.merged_into is not None:
            donor = donor.merged_into
        return Recipient(donor, donor.email or "", facts.get("kind", "statement"))
    gift = receipt.gift
    paper = facts.get("kind", "tax_cash")
    if facts.get("recipient", {}).get("is") == "recognized":
        person = issue.recognized_for(gift)
        return Recipient(person, (person.email or "") if person else "", paper)
    return Recipient(gift.donor, gift.donor_email or (gift.donor.email if gift.donor else "") or "", paper)


class CannotResend(Exception):
    """The receipt cannot go out again; the text says why to the person who asked."""


@transaction.atomic(durable=True)
def resend(receipt_id: int, actor: str) -> OutgoingEmail:
    """The receipt, with the PDF as it was issued, waits to be sent to its donor once more. Locks the receipt.

    Asked twice before the first was sent, it goes once: the waiting letter is returned. Raises CannotResend.
    """
    receipt = (
        Receipt.objects.select_for_update(of=("self",)).select_related("gift__donor", "gift__plan").get(pk=receipt_id)
    )
    if why := objection(receipt):
        raise CannotResend(f"It cannot be sent: {why}.")
    kept = ReceiptPdf.objects.select_related("file").filter(receipt=receipt).first()
    if kept is None:
        raise CannotResend("This receipt is still being made; its letter leaves by itself.")
    if not recipient(receipt).email:
        raise CannotResend("There is no e-mail address to send this receipt to.")
    if waiting := letters(receipt).filter(status=OutgoingEmail.Status.QUEUED).first():
        return waiting
    sent = letter(receipt, kept.file, key=f"{receipt.mail_key}:again:{letters(receipt).count()}")
    audit.record(actor, "send receipt again", receipt, after={"letter": sent.key})
    nudge.after_commit("nonprofit.tasks.send_mail")
    return sent


def letters(receipt: Receipt) -> QuerySet[OutgoingEmail]:
    """Every letter that carried this receipt."""
    own = Q(key=receipt.mail_key) | Q(key__startswith=f"{receipt.mail_key}:again:")
    return OutgoingEmail.objects.filter(own).order_by("pk")


def letter(
    receipt: Receipt, file: StoredFile, *, key: str = "", write: Callable[..., OutgoingEmail] = mail.queue
) -> OutgoingEmail:
    """The letter that carries the receipt, queued, or made by `write`. key: the receipt's own unless it goes again."""
    facts = receipt.snapshot
    context = {"receipt": facts, "portal_url": f"{settings.BASE_URL}/portal/", "next_on": _next_on(receipt)}
    template = "receipt_paper" if "rows" in facts else "receipt"
    if receipt.gift_id is None:
        template, context["parts"] = "statement", statement_words.told(facts)
    return write(
        key or receipt.mail_key,
        recipient(receipt).email,
        template,
        context,
        attachment=file,
        attachment_name=f"{facts.get('paper', 'receipt').lower()}-{receipt.number}.pdf",
    )


def _next_on(receipt: Receipt) -> str:
    """When the gift comes again, in words; "" for one that comes once, and while nobody can say."""
    plan = receipt.gift.plan if receipt.gift else None
    if plan is None or plan.status != Plan.Status.ACTIVE or not plan.next_due_on or plan.next_due_on <= clock.today():
        return ""
    return wording.in_words(plan.next_due_on)


def objection(receipt: Receipt) -> str:
    """Why the receipt must not go to anybody by e-mail any more, or ""."""
    if ReceiptVoid.objects.filter(receipt=receipt).exists():
        return "the receipt is void"
    return "" if recipient(receipt).may_get(on_paper=False) else "the supporter's record says so"


@mail.before_sending
def _still_wanted(email: OutgoingEmail) -> str:
    number = email.key.removeprefix(KEY).partition(":")[0]
    if not (email.key.startswith(KEY) and number.isdigit()):
        return ""
    receipt = Receipt.objects.select_related("gift__donor").filter(pk=number).first()
    return objection(receipt) if receipt else ""


def stop(receipt: Receipt, why: str) -> int:
    """Letters with this receipt that were not sent yet never leave; how many. Call inside the transaction."""
    waiting = letters(receipt).filter(status=OutgoingEmail.Status.QUEUED).values_list("pk", flat=True)
    return sum(mail.stop(pk, why) for pk in waiting)
