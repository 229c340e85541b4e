"""Every paper can be heard: tags, language, title, alternative texts, headings, as PDF/UA-1 wants them."""

import io
from collections.abc import Callable
from datetime import date
from typing import Any

import pikepdf
import pytest
import time_machine
from pikepdf import Dictionary, Name

from donations.models import GiftBenefit, Receipt, SafeHarbor
from donations.receipts import copies, issue, print_run, replace
from nonprofit import clock
from tests import builders, pdf_ua
from tests.donations import mailbag, yearly
from tests.donations.test_print_run import waiting_paper
from tests.donations.test_replace import refund


def content(receipt: Receipt) -> bytes:
    return bytes(builders.drawn(receipt.pk).file.content)


def tax_receipt() -> bytes:
    return content(builders.receipted_gift(amount_minor=25_000, covered_fee_minor=750).paper)


def quid_pro_quo() -> bytes:
    SafeHarbor.objects.filter(year=clock.today().year).update(
        verified_by=builders.staff("Finance"), verified_at=clock.now()
    )
    gift = builders.booked_gift(amount_minor=12_000)
    GiftBenefit.objects.create(
        gift=gift, description="12 issues of the print magazine", value_minor=3000, cost_minor=1200, added_by="staff:1"
    )
    issue.issue_due()
    receipt = Receipt.objects.get(gift=gift)
    assert "S1" in {statement["code"] for statement in receipt.snapshot["statements"]}
    return content(receipt)


def property_receipt() -> bytes:
    return content(mailbag.receipted(mailbag.record("stock")))


def ira_letter() -> bytes:
    return content(mailbag.receipted(mailbag.record("ira")))


def replacement() -> bytes:
    gift = refund(builders.receipted_gift(amount_minor=10_000), 4000)
    replace.replace(gift.pk, reason="refund", actor="stripe")
    gift.refresh_from_db()
    return content(gift.paper)


def copy() -> bytes:
    receipt = builders.receipted_gift().paper
    return bytes(copies.make(receipt.pk, actor="staff:1").file.content)


def void_paper() -> bytes:
    gift = refund(builders.receipted_gift(amount_minor=10_000), 4000)
    old = gift.paper
    replace.replace(gift.pk, reason="refund", actor="stripe")
    return copies.voided(Receipt.objects.get(pk=old.pk))


def stack() -> bytes:
    for name in ("Alice Novak", "Bob Lind", "Ève Noël"):
        waiting_paper(name)
    run = print_run.make("staff:1")
    assert run is not None
    return bytes(run.file.content)


def statement() -> bytes:
    """Of three pages."""
    with time_machine.travel(yearly.JANUARY, tick=False):
        donor = builders.donor(name="Alice Novak", email="alice@example.org")
        for n in range(80):
            mailbag.record("check", donor=donor, on=date(yearly.YEAR, n % 12 + 1, 3), check_number=str(1000 + n))
        issue.issue_due(100)
        yearly.due(donor)
        yearly.issued()
        pdf = content(yearly.stated(donor).receipt)
    assert len(pikepdf.open(io.BytesIO(pdf)).pages) >= 3
    return pdf


PAPERS: dict[str, Callable[[], bytes]] = {
    "tax receipt": tax_receipt,
    "quid pro quo": quid_pro_quo,
    "property": property_receipt,
    "IRA letter": ira_letter,
    "replacement": replacement,
    "copy": copy,
    "void": void_paper,
    "print run": stack,
    "statement": statement,
}


@pytest.mark.parametrize("name", PAPERS)
def test_it_is_pdf_ua_as_far_as_a_program_can_tell(transactional_db: None, name: str) -> None:
    assert pdf_ua.faults(PAPERS[name]()) == []


# --- the check itself finds what is wrong --------------------------------------------------------------------------


def _untagged(pdf: pikepdf.Pdf) -> None:
    page = pdf.pages[0]
    page.contents_add(pdf.make_stream(b"0 0 10 10 re f"))


def _without(*path: str) -> Callable[[pikepdf.Pdf], None]:
    def spoil(pdf: pikepdf.Pdf) -> None:
        node: Any = pdf.Root
        for part in path[:-1]:
            node = node[part]
        del node[path[-1]]

    return spoil


def _without_alternative(pdf: pikepdf.Pdf) -> None:
    for element in pdf_ua._elements(pdf.Root.StructTreeRoot):
        if str(element.S) == "/Figure":
            del element["/Alt"]


def _without_scope(pdf: pikepdf.Pdf) -> None:
    for element in pdf_ua._elements(pdf.Root.StructTreeRoot):
        if str(element.S) == "/TH":
            element["/A"] = Dictionary(O=Name.Table)


def _skipping_a_level(pdf: pikepdf.Pdf) -> None:
    for element in pdf_ua._elements(pdf.Root.StructTreeRoot):
        if str(element.S) == "/H2":
            element["/S"] = Name.H4


def _forgotten_in_the_tree(pdf: pikepdf.Pdf) -> None:
    first = next(e for e in pdf_ua._elements(pdf.Root.StructTreeRoot) if str(e.S) == "/H1")
    del first["/K"]


@pytest.mark.parametrize(
    ("spoil", "fault"),
    [
        (_untagged, "neither tagged nor artifacts"),
        (_without("/Lang"), "no language"),
        (_without("/ViewerPreferences"), "does not show the title"),
        (_without("/StructTreeRoot", "/ParentTree"), "cannot be found from its place"),
        (_without("/MarkInfo"), "not marked as tagged"),
        (_without_alternative, "without alternative text"),
        (_without_scope, "does not say what it heads"),
        (_skipping_a_level, "a heading of level 4 follows one of level 1"),
        (_forgotten_in_the_tree, "is not in the tree"),
    ],
)
def test_the_check_finds_what_is_spoiled(
    transactional_db: None, spoil: Callable[[pikepdf.Pdf], None], fault: str
) -> None:
    with pikepdf.open(io.BytesIO(tax_receipt())) as pdf:
        spoil(pdf)
        spoiled = io.BytesIO()
        pdf.save(spoiled)
    assert [found for found in pdf_ua.faults(spoiled.getvalue()) if fault in found]
