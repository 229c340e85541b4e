"""Draws the PDF of a receipt from its snapshot, and from nothing else."""

import base64
import datetime
import functools
import hashlib
import json
import logging
import os
import re
import subprocess
import sys
import threading
import unicodedata
from collections.abc import Mapping
from pathlib import Path

import typst

logger = logging.getLogger(__name__)

DOCUMENTS = Path(__file__).resolve().parents[2] / "templates" / "documents"

# The snapshot names its template. A changed look gets a new name, so that an issued receipt can be drawn as it was.
TEMPLATES = {"receipt-1": "receipt.typ"}

# The only strings that may hold several paragraphs; everywhere else a line break is a space.
PARAGRAPHS = frozenset({"thanks", "text"})

_BREAKS = re.compile(r"[ \t]*(?:\r\n|[\n\r\x0b\x0c\x85\u2028\u2029])[ \t]*")
_CONTROLS = re.compile(r"[\x00-\x09\x0b-\x1f\x7f-\x9f]")
# Overrides could make a printed amount or name read differently from the stored one; a byte order mark is no text.
_DIRECTION_OVERRIDES = re.compile(r"[\u202a-\u202e\u2066-\u2069\ufeff]")
# PDF/A-2a forbids private-use characters, UTF-8 half a surrogate pair, XMP metadata the noncharacters.
_WITHOUT_MEANING = re.compile(
    "[\ud800-\udfff\ue000-\uf8ff\ufdd0-\ufdef\ufffe\uffff\U000f0000-\U0010ffff"
    + "".join(f"{chr(plane << 16 | 0xFFFE)}{chr(plane << 16 | 0xFFFF)}" for plane in range(1, 15))
    + "]"
)
# Scripts written without spaces (Thai to Khmer, and East Asia) break lines by themselves.
_UNBROKEN = re.compile(
    r"[^\s\u0e00-\u109f\u1780-\u17ff\u2e80-\ud7ff\uf900-\ufaff\uff00-\uffef\U00020000-\U0003ffff]{40,}"
)


class RenderError(Exception):
    """The receipt with this number could not be drawn; its snapshot or the template must be put right first."""

    def __init__(self, number: str, reason: str) -> None:
        super().__init__(f"receipt {number} could not be drawn: {reason}")
        self.number = number
        self.reason = reason


def pdf(snapshot: Mapping[str, object]) -> bytes:
    """The receipt as a tagged PDF/UA-1 and PDF/A-2a file; the same snapshot always gives the same bytes.

    Safe to call from several threads and after a fork. Raises RenderError.
    """
    number = str(snapshot.get("number", "without a number"))
    try:
        template = TEMPLATES[str(snapshot["template"])]
        issued_on = datetime.date.fromisoformat(str(snapshot["issued_on_iso"]))
        facts = json.dumps(_printable(snapshot), ensure_ascii=False)
        code = verification_code(snapshot)
    except (KeyError, TypeError, ValueError) as error:
        raise RenderError(number, f"its snapshot is not complete ({error!r})") from error
    if _inherited:
        return _in_fresh_process(snapshot, number)
    try:
        document = _compiler(template).compile(
            format="pdf",
            sys_inputs={"receipt": facts, "verification": code},
            pdf_standards=["ua-1", "a-2a"],
            timestamp=datetime.datetime.combine(issued_on, datetime.time(), datetime.UTC),
        )
    except typst.TypstError as error:
        raise RenderError(number, error.message) from error
    if not isinstance(document, bytes):
        raise RenderError(number, "the compiler returned no document")
    return document


def verification_code(snapshot: Mapping[str, object]) -> str:
    """A short digest of every fact in the snapshot, printed at the foot: altered paper no longer matches it."""
    canonical = json.dumps(snapshot, sort_keys=True, separators=(",", ":"))
    code = base64.b32encode(hashlib.sha256(canonical.encode()).digest()[:10]).decode()
    return f"{code[:4]}-{code[4:8]}-{code[8:12]}"


# ---- The kept compiler ----------------------------------------------------------------------------------------------

_kept = threading.local()


def _compiler(template: str) -> typst.Compiler:
    """This thread's own compiler, which holds the parsed template and fonts; two threads must not share one."""
    compilers: dict[str, typst.Compiler] = _kept.__dict__
    if template not in compilers:
        compilers[template] = typst.Compiler(input=DOCUMENTS / template, root=DOCUMENTS, font_paths=_fonts())
    return compilers[template]


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


def _in_fresh_process(snapshot: Mapping[str, object], number: str) -> bytes:
    """The same bytes from a Python of its own: right, and some ten times slower."""
    logger.warning(
        "receipt %s drawn in a process of its own: this one was forked after receipts had been drawn", number
    )
    command = [sys.executable, "-P", str(Path(__file__).resolve())]
    try:
        drawn = subprocess.run(
            command, input=json.dumps(snapshot).encode(), capture_output=True, timeout=60, check=False
        )
    except subprocess.TimeoutExpired as error:
        raise RenderError(number, "the process drawing it did not finish within a minute") from error
    if drawn.returncode:
        raise RenderError(number, drawn.stderr.decode(errors="replace").strip())
    return drawn.stdout


def _main() -> None:
    """Snapshot in, document out."""
    try:
        sys.stdout.buffer.write(pdf(json.load(sys.stdin.buffer)))
    except RenderError as error:
        sys.exit(error.reason)


# ---- What can be printed --------------------------------------------------------------------------------------------


def _printable(value: object, key: str = "") -> object:
    """The same facts with every string fit for paper."""
    if isinstance(value, str):
        return _clean(value, paragraphs=key in PARAGRAPHS)
    if isinstance(value, Mapping):
        return {name: _printable(part, name) for name, part in value.items()}
    if isinstance(value, list | tuple):
        return [_printable(part, key) for part in value]
    return value


def _clean(words: str, *, paragraphs: bool) -> str:
    if not (words.isascii() and words.isprintable()):
        words = _BREAKS.sub("\n" if paragraphs else " ", words)
        words = _CONTROLS.sub(" ", words)
        words = _DIRECTION_OVERRIDES.sub("", words)
        words = _WITHOUT_MEANING.sub("\ufffd", words)
    return _UNBROKEN.sub(_allow_breaks, words) if len(words) >= 40 else words


def _allow_breaks(run: re.Match[str]) -> str:
    """Zero-width spaces about every twenty characters, so that a word longer than the line stays on the paper."""
    pieces: list[str] = []
    for place, character in enumerate(run.group()):
        if place % 20 == 0 and place and not unicodedata.combining(character):
            pieces.append("\u200b")
        pieces.append(character)
    return "".join(pieces)


if __name__ == "__main__":
    _main()
