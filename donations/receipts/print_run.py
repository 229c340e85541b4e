"""Papers that go out by mail: those without an e-mail address, gathered into one PDF for window envelopes."""

import io
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace

from django.db import transaction
from django.db.models import Exists, OuterRef, QuerySet
from pypdf import PdfReader

from donations.models import PrintedReceipt, PrintRun, Receipt, ReceiptPdf
from donations.receipts import bound, deliver, events, issue, render
from nonprofit import audit, clock, organization
from nonprofit.models import OutgoingEmail, StoredFile

# A stack that a person can fold in a morning, and a file that opens at once; the rest is the next run's.
MOST = 400
# So many are looked at and sorted at once, the oldest first; more only where too few of them can be printed.
LOOKED_AT = 5000


@dataclass(frozen=True, slots=True)
class Sheet:
    """A paper to print: its PDF, and whom the envelope is for."""

    receipt: Receipt
    name: str
    place: str
    order: tuple[bool, str, str, int]
    # Why it is on paper although there is an e-mail address; "" where there is none.
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Waiting:
    """What waits for paper. kept_back: their records say that nothing may go; homeless: no postal address is known.

    to_call: the e-mail came back, the paper is needed, and no postal address is known either.
    """

    sheets: list[Sheet]
    kept_back: list[Receipt]
    homeless: list[Receipt]
    to_call: list[tuple[Receipt, str]] = field(default_factory=list)


def waiting(at_once: int = LOOKED_AT) -> Waiting:
    """The papers that no e-mail carries and no run has printed, by ZIP code and name; flags as they are now (rule 83).

    Among them those whose e-mail came back and which their supporter needs.

    Proof goes out even to people who want no mail, thanks do not, and nothing goes to the dead (rules 81, 83). Papers
    that can go nowhere stay for ever, so looking goes on until there is a run's worth of others.
    """
    found, last = Waiting([], [], []), 0
    while True:
        receipts = list(_unprinted().filter(pk__gt=last)[:at_once])
        more = _sorted_out(receipts)
        found.sheets.extend(more.sheets)
        found.kept_back.extend(more.kept_back)
        found.homeless.extend(more.homeless)
        if len(receipts) < at_once or len(found.sheets) >= MOST:
            break
        last = receipts[-1].pk
    _add_undelivered(found)
    found.sheets.sort(key=lambda sheet: sheet.order)
    return found


def count() -> int:
    """How many papers wait for a run, those that may not go among them."""
    return _unprinted().count() + len(events.undelivered())


def to_call() -> list[tuple[Receipt, str]]:
    """Papers that did not arrive, are needed, and cannot be mailed: somebody asks for an address. With the reason."""
    found = Waiting([], [], [])
    _add_undelivered(found)
    return found.to_call


def _add_undelivered(found: Waiting, among: Collection[int] | None = None) -> None:
    """What came back and is needed, as a sheet with its reason. among: only these receipts."""
    for receipt, reason in events.undelivered():
        if among is not None and receipt.pk not in among:
            continue
        if not deliver.recipient(receipt).may_get(on_paper=True):
            found.kept_back.append(receipt)
        elif sheet := _sheet(receipt):
            found.sheets.append(replace(sheet, reason=reason))
        else:
            found.to_call.append((receipt, reason))


def _unprinted() -> QuerySet[Receipt]:
    printed = Exists(PrintedReceipt.objects.filter(receipt=OuterRef("pk")).live())
    found = Receipt.objects.filter(~printed, pdf__isnull=False, pdf__email__isnull=True, void__isnull=True)
    return found.select_related("gift__donor", "statement__donor").order_by("pk")


def _sorted_out(receipts: Sequence[Receipt] | QuerySet[Receipt]) -> Waiting:
    found, emailed = Waiting([], [], []), _emailed(receipts)
    for receipt in receipts:
        if f"{receipt.mail_key}:again:0" in emailed:
            continue
        to = deliver.recipient(receipt)
        if to.waits_for_january(receipt):
            continue
        if not to.may_get(on_paper=True):
            found.kept_back.append(receipt)
        elif sheet := _sheet(receipt):
            found.sheets.append(sheet)
        else:
            found.homeless.append(receipt)
    found.sheets.sort(key=lambda sheet: sheet.order)
    return found


def _emailed(receipts: Sequence[Receipt] | QuerySet[Receipt]) -> set[str]:
    """Keys of the letters that carried them after all, to an address found later: one way of arriving is enough."""
    keys = [f"{receipt.mail_key}:again:0" for receipt in receipts]
    status = OutgoingEmail.Status
    sent = OutgoingEmail.objects.filter(key__in=keys, status__in=[status.SENT, status.QUEUED])
    return set(sent.values_list("key", flat=True))


def _sheet(receipt: Receipt) -> Sheet | None:
    """Sorted as the post office likes it: ours before abroad, then ZIP code, then name. None without an address."""
    facts = receipt.snapshot
    to = facts.get("recipient") or facts["donor"]
    if not to["address_lines"]:
        return None
    person = issue.recognized_for(receipt.its_gift) if to.get("is") == "recognized" else None
    home = person or receipt.gift or receipt.statement.donor
    order = (home.country not in ("", "US"), home.postal_code, to["name"].casefold(), receipt.pk)
    return Sheet(receipt, to["name"], to["address_lines"][-1], order)


@transaction.atomic(durable=True)
def make(actor: str) -> PrintRun | None:
    """Up to MOST waiting papers are one PDF, with a list of them on top, and are not printed again. None: none wait.

    Locks the receipts it takes (SKIP LOCKED): two people pressing at once never print one twice, and a run that was
    killed halfway printed none.
    """
    wanted = [sheet.receipt.pk for sheet in waiting().sheets[:MOST]]
    locked = Receipt.objects.filter(pk__in=wanted).select_for_update(skip_locked=True, of=("self",))
    taken = set(locked.values_list("pk", flat=True))
    # Another run may have committed between looking and locking; what is read now is true until we commit.
    found = _sorted_out(_unprinted().filter(pk__in=taken))
    _add_undelivered(found, among=taken)
    sheets = sorted(found.sheets, key=lambda sheet: sheet.order)
    if not sheets:
        return None
    content, pages = _bound(sheets)
    run = PrintRun.objects.create(file=StoredFile.keep(content, "application/pdf"), made_by=actor)
    PrintedReceipt.objects.bulk_create(
        [PrintedReceipt(run=run, receipt=sheet.receipt, page=page) for sheet, page in zip(sheets, pages, strict=True)]
    )
    audit.record(actor, "make print run", run, after={"receipts": len(sheets)})
    return run


class CannotCancel(ValueError):
    """The run cannot be broken off so; the text says why to the person who asked."""


class CannotMail(ValueError):
    """The run cannot have been mailed; the text says why to the person who asked."""


@transaction.atomic(durable=True)
def cancel(run_id: int, *, last_good_page: int, actor: str) -> PrintRun:
    """The printer broke off after `last_good_page` of the PDF: letters that came out whole stay printed, others wait.

    0 when nothing came out. A letter broken off in its middle waits again, whole. The list on top and the PDF stay as
    they were made. Locks the run; safe twice: the first answer stays. Raises CannotCancel.
    """
    run = PrintRun.objects.select_for_update().get(pk=run_id)
    if run.cancelled_at is not None:
        return run
    if run.mailed_at is not None:
        raise CannotCancel("This run is in the mail already.")
    ends = _ends(run)
    most = ends[-1] - 1
    if not 0 <= last_good_page <= most:
        raise CannotCancel(f"The run has {ends[-1]} pages. Say the last one that came out well, from 0 to {most}.")
    run.cancelled_at = clock.now()
    run.last_good_page = max((end for end in ends if end <= last_good_page), default=0)
    run.save(update_fields=["cancelled_at", "last_good_page"])
    wait = run.receipts.exclude(pk__in=run.receipts.live()).count()
    audit.record(actor, "break off print run", run, after={"last good page": last_good_page, "wait again": wait})
    return run


def _ends(run: PrintRun) -> list[int]:
    """The last page of each letter, in order. A letter ends where the next begins, the last one by its own length."""
    printed = list(run.receipts.select_related("receipt__pdf__file"))
    last = PdfReader(io.BytesIO(bytes(printed[-1].receipt.pdf.file.content)))
    return [one.page - 1 for one in printed[1:]] + [printed[-1].page + len(last.pages) - 1]


@transaction.atomic(durable=True)
def mark_mailed(run_id: int, actor: str) -> PrintRun:
    """The run's letters are in the mail; of a run that was broken off, those that came out.

    Locks the run; safe twice: the first day stays. Raises CannotMail when none came out.
    """
    run = PrintRun.objects.select_for_update().get(pk=run_id)
    if not run.receipts.live().exists():
        raise CannotMail("No letter of this run came out of the printer.")
    if run.mailed_at is None:
        run.mailed_at = clock.now()
        run.save(update_fields=["mailed_at"])
        audit.record(actor, "mark print run mailed", run)
    return run


def _bound(sheets: Sequence[Sheet]) -> tuple[bytes, list[int]]:
    """All papers behind their list, and the page on which each begins. The PDFs are those that were stored at issue."""
    stored = dict(
        ReceiptPdf.objects.filter(receipt__in=[sheet.receipt.pk for sheet in sheets]).values_list(
            "receipt_id", "file__content"
        )
    )
    papers = [PdfReader(io.BytesIO(bytes(stored[sheet.receipt.pk]))) for sheet in sheets]
    lengths = [len(paper.pages) for paper in papers]
    listed, pages = _list(sheets, lengths)
    return bound.together([listed, *papers]), pages


def _list(sheets: Sequence[Sheet], lengths: Sequence[int]) -> tuple[PdfReader, list[int]]:
    """The list of papers. It says on which page each begins, so it is drawn again when it is longer than thought."""
    own = 1
    while True:
        pages = [own + 1 + sum(lengths[:place]) for place in range(len(sheets))]
        rows = [
            (str(page), sheet.receipt.number, sheet.name, sheet.place)
            for page, sheet in zip(pages, sheets, strict=True)
        ]
        drawn = PdfReader(io.BytesIO(render.print_list(rows, organization.get().name, clock.today())))
        if len(drawn.pages) <= own:
            return drawn, pages
        own = len(drawn.pages)
