"""Draws the PDF of a receipt from its snapshot, and from nothing else."""

import datetime
import functools
import json
import logging
import os
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path

import typst

from donations.receipts import paper, qr, statement_sheet
from donations.rules import chain

logger = logging.getLogger(__name__)

ROOT = Path(__file__).resolve().parents[2]
DOCUMENTS = ROOT / "templates" / "documents"

# The snapshot names its template. A changed look gets a new name, so that an issued receipt can be drawn as it was.
# 1 is a gift by card in the words of `paper`; 2 brings its own title and facts, so that it can be any paper. 3 and 4
# are the same with the code that leads to the page where anybody can ask whether it is genuine.
TEMPLATES = dict.fromkeys(["receipt-1", "receipt-2", "receipt-3", "receipt-4"], "receipt.typ")
TEMPLATES["statement-1"] = "statement.typ"


class RenderError(Exception):
    """The receipt with this number could not be drawn; its snapshot or the template must be put right first."""

    def __init__(self, number: str, reason: str) -> None:
        super().__init__(f"receipt {number} could not be drawn: {reason}")
        self.number = number
        self.reason = reason


def pdf(snapshot: Mapping[str, object], *, copied_on: datetime.date | None = None) -> bytes:
    """The receipt as a tagged PDF/UA-1 and PDF/A-2a file; the same snapshot always gives the same bytes.

    copied_on: it is a copy made that day, and says so. Safe from several threads and after a fork. Raises RenderError.
    """
    number = str(snapshot.get("number", "without a number"))
    try:
        template = TEMPLATES[str(snapshot["template"])]
        issued_on = datetime.date.fromisoformat(str(snapshot["issued_on_iso"]))
        sheet = statement_sheet if template == "statement.typ" else paper
        facts = json.dumps(sheet.letter(snapshot), ensure_ascii=False)
        code = chain.code(snapshot)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise RenderError(number, f"its snapshot is not complete ({error!r})") from error
    if _inherited:
        return _in_fresh_process(snapshot, number, copied_on)
    inputs = {"letter": facts, "verification": code, "issued_on": issued_on.isoformat()} | _check(snapshot, code)
    inputs["directions"] = paper.directions(facts)
    if copied_on:
        inputs["copied"] = f"COPY, made on {copied_on:%B} {copied_on.day}, {copied_on.year}"
    several = inputs | {"pages": "several"}
    try:
        if statement_sheet.is_long(snapshot):
            return _drawn(template, several, issued_on)
        document = _drawn(template, inputs, issued_on)
        if not one_page(document):
            document = _drawn(template, several, issued_on)
    except typst.TypstError as error:
        raise RenderError(number, error.message) from error
    return document


def _check(snapshot: Mapping[str, object], code: str) -> dict[str, str]:
    """The picture and the address of the page that knows the code; nothing for papers made before there was one."""
    page = str(snapshot.get("check_url", ""))
    return {"qr": qr.svg(page, code), "check_page": page.partition("://")[2].rstrip("/")} if page else {}


def print_list(rows: Sequence[tuple[str, str, str, str]], organization: str, made_on: datetime.date) -> bytes:
    """The list that lies on a stack of papers to mail; rows: page, number, name and place of each."""
    count = f"{len(rows)} letters." if len(rows) != 1 else "1 letter."
    facts = {
        "title": paper.clean(f"Letters to mail, {made_on:%B} {made_on.day}, {made_on.year}, {organization}"),
        "count": count,
        "rows": [[paper.clean(cell) for cell in row] for row in rows],
    }
    written = json.dumps(facts, ensure_ascii=False)
    return _drawn("print_list.typ", {"letter": written, "directions": paper.directions(written)}, made_on)


def overlay(mark: str, words: str, on: datetime.date) -> bytes:
    """One page with `mark` across it and `words` at its top, to lie over the pages of a paper."""
    facts = json.dumps({"mark": mark, "words": paper.clean(words)}, ensure_ascii=False)
    return _drawn("void.typ", {"letter": facts, "directions": paper.directions(facts)}, on)


def one_page(document: bytes) -> bool:
    """Whether the document says so in its metadata, which PDF/A keeps uncompressed.

    A running head and page numbers make the compiler lay everything out twice; nearly every receipt needs neither.
    """
    return b"<xmpTPg:NPages>1</xmpTPg:NPages>" in document


# ---- The kept compiler ----------------------------------------------------------------------------------------------

_kept = threading.local()


def _compiler(template: str) -> typst.Compiler:
    """This thread's own compiler, which holds the parsed template and fonts; two threads must not share one."""
    compilers: dict[str, typst.Compiler] = _kept.__dict__
    if template not in compilers:
        compilers[template] = typst.Compiler(input=DOCUMENTS / template, root=DOCUMENTS, font_paths=_fonts())
    return compilers[template]


def _drawn(template: str, inputs: dict[str, str], issued_on: datetime.date) -> bytes:
    document = _compiler(template).compile(
        format="pdf",
        sys_inputs=inputs,
        pdf_standards=["ua-1", "a-2a"],
        timestamp=datetime.datetime.combine(issued_on, datetime.time(), datetime.UTC),
    )
    if not isinstance(document, bytes):
        raise TypeError("the compiler returned no bytes")
    return document


@functools.cache
def _fonts() -> typst.Fonts:
    """Only the fonts of the repository, so that a receipt looks the same on every machine."""
    return typst.Fonts(include_system_fonts=False, include_embedded_fonts=False, font_paths=[DOCUMENTS / "fonts"])


# ---- After a fork ---------------------------------------------------------------------------------------------------

# The compiler's threads do not survive a fork, and a child that inherits them would wait for them for ever.
# A Celery or granian worker forks first and draws later, so this is for the program that does it the other way round.
_inherited = False


def _after_fork() -> None:
    global _inherited
    _inherited = _inherited or _fonts.cache_info().currsize > 0


os.register_at_fork(after_in_child=_after_fork)


def _in_fresh_process(snapshot: Mapping[str, object], number: str, copied_on: datetime.date | None) -> bytes:
    """The same bytes from a Python of its own: right, and some ten times slower."""
    logger.warning(
        "receipt %s drawn in a process of its own: this one was forked after receipts had been drawn", number
    )
    command = [sys.executable, "-m", __spec__.name]
    asked = json.dumps([snapshot, copied_on.isoformat() if copied_on else None]).encode()
    try:
        drawn = subprocess.run(command, cwd=ROOT, input=asked, capture_output=True, timeout=60, check=False)
    except subprocess.TimeoutExpired as error:
        raise RenderError(number, "the process drawing it did not finish within a minute") from error
    if drawn.returncode:
        raise RenderError(number, drawn.stderr.decode(errors="replace").strip())
    return drawn.stdout


def _main() -> None:
    """Snapshot and day of the copy in, document out."""
    snapshot, day = json.load(sys.stdin.buffer)
    try:
        copied_on = datetime.date.fromisoformat(day) if day else None
        sys.stdout.buffer.write(pdf(snapshot, copied_on=copied_on))
    except RenderError as error:
        sys.exit(error.reason)


if __name__ == "__main__":
    _main()
