"""Receipts rendered per CPU second: ours, WeasyPrint making the same letter, and bare typst."""

import datetime
import json
import statistics
import time
from collections.abc import Callable, Mapping
from typing import Any

import typst

from benchmarks import receipt_html
from benchmarks.result import Benchmark, Result
from donations.receipts import paper, render

TEXTS = {
    "S0": "The Harbor Light, Inc. provided no goods or services in exchange for this contribution.",
    "S6": (
        "The Harbor Light, Inc. is tax-exempt under section 501(c)(3) of the Internal Revenue Code, EIN 00-1234567. "
        "Contributions are deductible to the extent allowed by law."
    ),
}


Maker = Callable[[dict[str, Any]], bytes]


def rendering(quick: bool) -> list[Result]:
    """Each document is another one, as in real life: the compiler would answer a second asking from its memory."""
    rounds, ours, theirs = (5, 60, 8) if quick else (15, 100, 12)
    makers: list[tuple[Maker, int]] = [
        (render.pdf, ours),
        (receipt_html.maker(render.DOCUMENTS / "fonts"), theirs),
        (_bare_maker(), ours),
    ]
    found: list[list[float]] = [[], [], []]
    number = 0
    for turn in range(rounds + 1):
        for place, (make, count) in enumerate(makers):
            rate = _per_cpu_second(make, [snapshot(number + n) for n in range(count)])
            number += count
            if turn:  # the first turn only warms up
                found[place].append(rate)
    drawn, weasyprint, bare = map(statistics.median, found)
    unit = "receipts per CPU second"
    return [
        Result("receipts", unit, drawn, weasyprint, "WeasyPrint making the same letter", 8.0),
        Result("receipts", unit, drawn, bare, "bare typst, nothing of ours around it", 0.85),
    ]


def _per_cpu_second(make: Maker, documents: list[dict[str, Any]]) -> float:
    """Counts the CPU time of all threads of this process."""
    started = time.process_time()
    for document in documents:
        if not make(document).startswith(b"%PDF-"):
            raise ValueError("that is no PDF")
    return len(documents) / (time.process_time() - started)


def snapshot(number: int) -> dict[str, Any]:
    """A receipt's facts; every number another donor and amount."""
    amount = f"${25 + number % 400}.00"
    return {
        "schema": "receipt-1",
        "template": "receipt-1",
        "locale": "en-US",
        "number": f"R-2026-{number:06d}",
        "issued_on": "November 23, 2026",
        "issued_on_iso": "2026-11-23",
        "organization": {
            "name": "The Harbor Light, Inc.",
            "address_lines": ["1 Pier Street", "Port Haven, ME 04000"],
            "ein": "00-1234567",
            "phone": "(555) 010-0142",
            "email": "giving@harborlight.example",
            "website": "https://harborlight.example",
            "brand_color": "#111111",
            "accent_color": "#b3261e",
            "signatory_name": "Ruth Okafor",
            "signatory_title": "Publisher",
        },
        "donor": {"name": f"Donor Number {number}", "address_lines": [f"{number} Elm Street", "Boston MA 02139"]},
        "salutation": f"Dear Donor Number {number},",
        "gift": {
            "id": f"G-{number:08d}",
            "amount": amount,
            "amount_minor": (25 + number % 400) * 100,
            "currency": "usd",
            "gift_on": "November 23, 2026",
            "gift_on_iso": "2026-11-23",
            "method": "Visa card ending 4242",
            "frequency": "One-time gift",
            "fund": "General support",
            "covered_fee": "$1.06",
            "tribute": "In honor of Maria",
        },
        "thanks": "Thank you. Your gift pays for reporting that answers to readers and to nobody else.",
        "statements": [{"code": code, "version": "1", "text": text} for code, text in TEXTS.items()],
    }


def _bare_maker() -> Maker:
    """typst with our template, fonts and standards in a kept compiler, and nothing of ours around it."""
    fonts = typst.Fonts(
        include_system_fonts=False, include_embedded_fonts=False, font_paths=[render.DOCUMENTS / "fonts"]
    )
    compiler = typst.Compiler(input=render.DOCUMENTS / "receipt.typ", root=render.DOCUMENTS, font_paths=fonts)
    issued_at = datetime.datetime(2026, 11, 23, tzinfo=datetime.UTC)

    def make(facts: Mapping[str, Any]) -> bytes:
        inputs = {
            "letter": json.dumps(paper.letter(facts)),
            "issued_on": "2026-11-23",
            "verification": "AAAA-BBBB-CCCC",
            "directions": "left to right",
        }
        made = compiler.compile(format="pdf", sys_inputs=inputs, pdf_standards=["ua-1", "a-2a"], timestamp=issued_at)
        if not isinstance(made, bytes):
            raise TypeError("the compiler returned no document")
        return made

    return make


BENCHMARKS: dict[str, Benchmark] = {"receipts": rendering}
