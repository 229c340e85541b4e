"""The deposit slip of a closed batch: what goes to the bank together, item by item, as a PDF."""

import datetime
import functools
import json

import typst

from donations.models import Batch, BatchRow, Gift
from donations.receipts import paper, render
from nonprofit import organization


class NothingToDeposit(ValueError):
    """This batch brings no paper to the bank; the text says why."""


def pdf(batch: Batch) -> bytes:
    """The slip as a tagged PDF: each check and money order, cash, subtotals, count and total. Only reads.

    Rows of one kind of gift that came as checks (a fund's grant, an IRA's distribution) are checks here. The same batch
    always gives the same bytes. Raises NothingToDeposit.
    """
    if batch.kind != Batch.Kind.CHECKS:
        raise NothingToDeposit("Wires and property are not taken to the bank.")
    if batch.status != Batch.Status.CLOSED:
        raise NothingToDeposit("The slip is printed once the batch is closed.")
    facts = json.dumps(_facts(batch), ensure_ascii=False)
    compiler = typst.Compiler(input=render.DOCUMENTS / "deposit-slip.typ", root=render.DOCUMENTS, font_paths=_fonts())
    document = compiler.compile(
        format="pdf",
        sys_inputs={"slip": facts, "directions": paper.directions(facts), "pages": "several"},
        pdf_standards=["ua-1", "a-2a"],
        timestamp=datetime.datetime.combine(batch.deposit_on, datetime.time(), datetime.UTC),
    )
    if not isinstance(document, bytes):
        raise TypeError("the compiler returned no bytes")
    return document


def _facts(batch: Batch) -> dict[str, object]:
    """Everything the slip prints."""
    rows = list(batch.rows.select_related("donor"))
    cash = [row for row in rows if row.kind == Gift.Kind.CASH]
    checks = [row for row in rows if row.kind != Gift.Kind.CASH]
    who = organization.get()
    return {
        "organization": paper.clean(who.legal_name),
        "contact": paper.clean(" · ".join([*who.address_lines, who.phone])),
        "brand_color": paper.legible(paper.color(who.brand_color)),
        "batch": batch.public_id,
        "deposit_on": f"{batch.deposit_on:%B} {batch.deposit_on.day}, {batch.deposit_on.year}",
        "date": [batch.deposit_on.year, batch.deposit_on.month, batch.deposit_on.day],
        "note": paper.clean(batch.note),
        "items": [[str(at), row.check_number or "—", _payer(row), _amount(row)] for at, row in enumerate(checks, 1)],
        "checks": [_count(len(checks), "check or money order", "checks and money orders"), _sum(batch, checks)],
        "cash": [_count(len(cash), "gift of cash", "gifts of cash"), _sum(batch, cash)],
        "total": [_count(len(rows), "item", "items"), _sum(batch, rows)],
    }


def _payer(row: BatchRow) -> str:
    """As printed on the check; where nobody typed it, the supporter."""
    return paper.clipped(paper.clean(row.payer_name or (row.donor.name if row.donor else "")), 70)


def _amount(row: BatchRow) -> str:
    return str(row.amount or "")


def _sum(batch: Batch, rows: list[BatchRow]) -> str:
    return str(batch.money(sum(row.amount_minor or 0 for row in rows)))


def _count(count: int, one: str, many: str) -> str:
    return f"{count} {one if count == 1 else many}"


@functools.cache
def _fonts() -> typst.Fonts:
    """Only the fonts of the repository, as in every document."""
    folder = render.DOCUMENTS / "fonts"
    return typst.Fonts(include_system_fonts=False, include_embedded_fonts=False, font_paths=[folder])
