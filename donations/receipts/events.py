"""What became of a paper: each step from the queue to the supporter's hands, and those that did not arrive."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum

from django.db.models import F, Q

from donations.models import PrintedReceipt, Receipt, ReceiptEvent
from donations.receipts import deliver
from nonprofit import clock, mail_news
from nonprofit.models import OutgoingEmail

KIND = ReceiptEvent.Kind
# A gift from here on proves nothing without the charity's own paper (IRC 170(f)(8)(A)), in cents.
NEEDS_PAPER_FROM_MINOR = 250_00
# The statement that a benefit was valued: without the paper the deduction is lost, whatever the amount.
VALUED = "S1"


class Standing(StrEnum):
    """Where the delivery stands, in the words of the receipts register."""

    NONE = "none"
    QUEUED = "queued"
    SENT = "sent"
    DELIVERED = "delivered"
    BOUNCED = "bounced"
    MAILED = "mailed"


@dataclass(frozen=True, slots=True)
class Step:
    """One step of the way. what: as staff read it; actor: who did it, as the audit log names actors."""

    at: datetime
    what: str
    detail: str = ""
    actor: str = ""


def delivery(receipt: Receipt) -> list[Step]:
    """The paper's way, oldest step first: letters, the mail server's answers, the portal, print runs, copies, void."""
    steps = [*_of_letters(receipt), *_of_events(receipt), *_of_prints(receipt)]
    steps += [Step(copy.made_at, "copy made", actor=copy.made_by) for copy in receipt.copies.all()]
    if hasattr(receipt, "void"):
        steps.append(Step(receipt.void.voided_at, "void", receipt.void.get_reason_display(), receipt.void.actor))
    return sorted(steps, key=lambda step: step.at)


def _of_letters(receipt: Receipt) -> Iterator[Step]:
    for letter in deliver.letters(receipt):
        yield Step(letter.queued_at, "queued", letter.to)
        if letter.sent_at:
            yield Step(letter.sent_at, "sent", letter.message_id)
        elif letter.status == OutgoingEmail.Status.FAILED:
            yield Step(letter.next_try_at, "given up", letter.last_error)
        elif letter.status == OutgoingEmail.Status.STOPPED:
            yield Step(letter.queued_at, "not sent after all", letter.last_error)


def _of_events(receipt: Receipt) -> Iterator[Step]:
    for event in receipt.events.all():
        yield Step(event.at, event.get_kind_display(), event.detail, event.actor)


def _of_prints(receipt: Receipt) -> Iterator[Step]:
    for printed in receipt.prints.select_related("run"):
        run = printed.run
        yield Step(run.made_at, f"printed in run {run.pk}", f"page {printed.page}", run.made_by)
        if run.cancelled_at and not printed.came_out:
            yield Step(run.cancelled_at, f"run {run.pk} broken off before it")
        elif run.mailed_at:
            yield Step(run.mailed_at, f"mailed with run {run.pk}")


def standing(receipt: Receipt) -> Standing:
    """One word for the whole way; arriving in any one way is enough."""
    if any(printed.came_out and printed.run.mailed_at for printed in receipt.prints.select_related("run")):
        return Standing.MAILED
    kinds = set(receipt.events.values_list("kind", flat=True))
    if KIND.OPENED in kinds:
        return Standing.DELIVERED
    letter = deliver.letters(receipt).last()
    if letter is None or letter.status == OutgoingEmail.Status.STOPPED:
        return Standing.NONE
    if has_bounced(letter, receipt):
        return Standing.BOUNCED
    if letter.status == OutgoingEmail.Status.QUEUED:
        return Standing.QUEUED
    return Standing.DELIVERED if KIND.DELIVERED in kinds else Standing.SENT


# --- what happens ---------------------------------------------------------------------------------------------------


def opened(receipt: Receipt, actor: str) -> None:
    """Its supporter fetched it in the portal; written down once a day."""
    today = clock.midnight(clock.today())
    if not ReceiptEvent.objects.filter(receipt=receipt, kind=KIND.OPENED, at__gte=today).exists():
        ReceiptEvent.objects.create(receipt=receipt, kind=KIND.OPENED, actor=actor)


def sent_back(receipt: Receipt, actor: str, detail: str = "") -> None:
    """The post office brought the paper back."""
    ReceiptEvent.objects.create(receipt=receipt, kind=KIND.SENT_BACK, detail=detail[:200], actor=actor)


@mail_news.on_news
def _letter_arrived_or_not(letter: OutgoingEmail, news: mail_news.News) -> None:
    """What the mail server learned of a letter that carried a receipt. Called with the letter locked; safe twice."""
    number = letter.key.removeprefix(deliver.KEY).partition(":")[0]
    if not (letter.key.startswith(deliver.KEY) and number.isdigit()):
        return
    # A complaint arrived: the letter was read.
    kind = KIND.BOUNCED if news.kind == mail_news.Kind.BOUNCED else KIND.DELIVERED
    detail = _detail(letter, news.code)
    if Receipt.objects.filter(pk=number).exists():
        same = ReceiptEvent.objects.filter(receipt_id=number, kind=kind, detail__startswith=_detail(letter))
        if not same.exists():
            ReceiptEvent.objects.create(receipt_id=number, kind=kind, detail=detail, actor="mail", at=news.at)


def _detail(letter: OutgoingEmail, code: str = "") -> str:
    return f"letter {letter.pk}: {code}"[:200]


# --- what did not arrive --------------------------------------------------------------------------------------------


def has_bounced(letter: OutgoingEmail, receipt: Receipt) -> bool:
    """Whether this letter did not reach its mailbox, by our server's word or by the one it was handed to."""
    if letter.status == OutgoingEmail.Status.FAILED:
        return True
    return receipt.events.filter(kind=KIND.BOUNCED, detail__startswith=_detail(letter)).exists()


def undelivered() -> list[tuple[Receipt, str]]:
    """Standing papers that are needed, whose last letter did not arrive, and that went no other way; with the reason.

    Oldest first. Bounces and given-up letters are few, so they are found from there; those of earlier years are over:
    their supporters have filed.
    """
    bounced = set(ReceiptEvent.objects.filter(kind=KIND.BOUNCED).values_list("receipt_id", flat=True))
    failed = OutgoingEmail.objects.filter(status=OutgoingEmail.Status.FAILED, key__startswith=deliver.KEY)
    for key in failed.values_list("key", flat=True):
        number = key.removeprefix(deliver.KEY).partition(":")[0]
        bounced |= {int(number)} if number.isdigit() else set()
    opened_ones = ReceiptEvent.objects.filter(receipt__in=bounced, kind=KIND.OPENED).values("receipt")
    last_year = clock.midnight(date(clock.today().year - 1, 1, 1))
    receipts = (
        Receipt.objects.filter(_needed(), pk__in=bounced, issued_at__gte=last_year)
        .filter(void__isnull=True, pdf__isnull=False)
        .exclude(pk__in=opened_ones)
        .exclude(pk__in=PrintedReceipt.objects.filter(receipt__in=bounced).live().values("receipt"))
        .select_related("gift__donor", "statement__donor")
        .order_by("pk")
    )
    found = []
    for receipt in receipts:
        letter = deliver.letters(receipt).last()
        if letter is not None and has_bounced(letter, receipt):
            found.append((receipt, _why(letter, receipt)))
    return found


def _needed() -> Q:
    """Papers that must go by mail when e-mail does not arrive: their supporter loses the deduction without them.

    Gifts of $250 or more and those with a valued benefit, at once; in January, while there is still time before people
    file, every one (receipts.md 1.0, "contemporaneous"; domain rule 39).
    """
    if clock.today().month == 1:
        return Q()
    is_large = Q(gift__amount_minor__gte=NEEDS_PAPER_FROM_MINOR + F("gift__refunded_minor"))
    return is_large | Q(gift__isnull=True) | Q(snapshot__statements__contains=[{"code": VALUED}])


def _why(letter: OutgoingEmail, receipt: Receipt) -> str:
    last = receipt.events.filter(kind=KIND.BOUNCED, detail__startswith=_detail(letter)).last()
    code = last.detail.partition(": ")[2] if last else letter.last_error
    return f"the e-mail came back{f' ({code})' if code else ''}"
