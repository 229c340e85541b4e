"""Papers that go out by mail: those without an e-mail address, gathered into one PDF for window envelopes."""

import io
from collections.abc import Sequence
from dataclasses import dataclass

from django.db import transaction
from django.db.models import QuerySet
from pypdf import PdfReader, PdfWriter

from donations.models import PrintedReceipt, PrintRun, Receipt, ReceiptPdf
from donations.receipts import deliver, issue, render
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


@dataclass(frozen=True, slots=True)
class Waiting:
    """What waits for paper. kept_back: their records say that nothing may go; homeless: no postal address is known."""

    sheets: list[Sheet]
    kept_back: list[Receipt]
    homeless: list[Receipt]


def waiting(at_once: int = LOOKED_AT) -> Waiting:
    """The papers that no e-mail carries and no run has printed, by ZIP code and name; flags as they are now (rule 83).

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
    found.sheets.sort(key=lambda sheet: sheet.order)
    return found


def count() -> int:
    """How many papers no e-mail carries and no run has printed, those that may not go among them. One cheap query."""
    return _unprinted().count()


def _unprinted() -> QuerySet[Receipt]:
    found = Receipt.objects.filter(pdf__isnull=False, pdf__email__isnull=True, prints__isnull=True, void__isnull=True)
    return found.select_related("gift__donor").order_by("pk")


def _sorted_out(receipts: Sequence[Receipt] | QuerySet[Receipt]) -> Waiting:
    found, emailed = Waiting([], [], []), _emailed(receipts)
    for receipt in receipts:
        if f"{receipt.mail_key}:again:0" in emailed:
            continue
        to = deliver.recipient(receipt)
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
    to = facts.get("recipient", facts["donor"])
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
    sheets = _sorted_out(_unprinted().filter(pk__in=taken)).sheets
    if not sheets:
        return None
    content, pages = _bound(sheets)
    run = PrintRun.objects.create(file=StoredFile.keep(content, "application/pdf"), made_by=actor)
    PrintedReceipt.objects.bulk_create(
        [PrintedReceipt(run=run, receipt=sheet.receipt, page=page) for sheet, page in zip(sheets, pages, strict=True)]
    )
    audit.record(actor, "make print run", run, after={"receipts": len(sheets)})
    return run


@transaction.atomic(durable=True)
def mark_mailed(run_id: int, actor: str) -> PrintRun:
    """The run's letters are in the mail. Locks the run; safe twice: the first day stays."""
    run = PrintRun.objects.select_for_update().get(pk=run_id)
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
    writer = PdfWriter()
    for paper in (listed, *papers):
        writer.append(paper, import_outline=False)
    writer.add_metadata({"/Title": f"Receipts to mail, {clock.today():%Y-%m-%d}"})
    whole = io.BytesIO()
    writer.write(whole)
    return whole.getvalue(), pages


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
