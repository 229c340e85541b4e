"""Receipts rendered per CPU second: ours, WeasyPrint making the same letter, and bare typst."""

import functools
import importlib
import multiprocessing
import time
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack
from typing import Any

from benchmarks.letters import Maker
from benchmarks.result import Benchmark, Result

TEXTS = {
    "S0": "The Harbor Light, Inc. provided no goods or services in exchange for this contribution.",
    "S6": (
        "The Harbor Light, Inc. is tax-exempt under section 501(c)(3) of the Internal Revenue Code, EIN 00-1234567. "
        "Contributions are deductible to the extent allowed by law."
    ),
}


def rendering(quick: bool) -> list[Result]:
    """Turns about, each program in a process of its own, as it would be at work: what one keeps slows no other.

    Each document is another one, as in real life: the compiler would answer a second asking from its memory.
    """
    rounds = 14 if quick else 40
    turns = {"ours": 40, "html": 6, "bare": 40}
    found: dict[str, list[float]] = {program: [] for program in turns}
    spawn = multiprocessing.get_context("spawn")
    with ExitStack() as stack:
        processes = {program: stack.enter_context(ProcessPoolExecutor(1, spawn)) for program in turns}
        number = 0
        for turn in range(rounds + 1):
            for program, count in turns.items():
                rate = processes[program].submit(per_cpu_second, program, number, count).result()
                number += count
                if turn:  # the first turn only warms up
                    found[program].append(rate)
    # The best turn of each: whatever else the machine does meanwhile can only make a turn dearer.
    rates = {program: max(several) for program, several in found.items()}
    unit = "receipts per CPU second"
    return [
        Result("receipts", unit, rates["ours"], rates["html"], "WeasyPrint making the same letter", 8.0),
        Result("receipts", unit, rates["ours"], rates["bare"], "bare typst, nothing of ours around it", 0.85),
    ]


def per_cpu_second(program: str, first: int, count: int) -> float:
    """Documents numbered from `first`, made here, by the CPU time of all threads of this process."""
    prepare, make = _maker(program)
    documents = [prepare(snapshot(number)) for number in range(first, first + count)]
    started = time.process_time()
    for document in documents:
        if not make(document).startswith(b"%PDF-"):
            raise ValueError("that is no PDF")
    return count / (time.process_time() - started)


@functools.cache
def _maker(program: str) -> Maker:
    made: Maker = importlib.import_module(f"benchmarks.letters.{program}").maker()
    return made


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


BENCHMARKS: dict[str, Benchmark] = {"receipts": rendering}
