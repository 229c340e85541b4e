"""The uploaded file as rows of text: what it is written in, and reading it piece by piece, however large it is."""

import codecs
import csv
import hashlib
import io
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import BinaryIO

from django.db import connection

from donations.desk.imports import mapping, sources
from nonprofit import card_numbers, clock

LIMIT = 50 * 1024 * 1024
PIECE = 1024 * 1024
# A compressed value is unpacked from its beginning for each piece, so pieces read back are larger.
SLICE = 4 * PIECE
DELIMITERS = ",;\t|"
COLUMNS = 200
SAMPLES = 3
SHOWN = 10
# Between two cells, so that no run of digits reaches from one into the next.
APART = " x "


class Unreadable(ValueError):
    """The file cannot be read as a table; the text is a sentence for the person who uploaded it."""


@dataclass(frozen=True, slots=True)
class Table:
    """What a file is. headings: each another one. samples: the first rows. rows: how many lines follow the heading."""

    encoding: str
    delimiter: str
    headings: list[str]
    samples: list[list[str]]
    rows: int
    size: int


def inspect(file: BinaryIO, source: str) -> Table:
    """What an uploaded file is, read to its end and not kept. Raises Unreadable, also where a card number stands."""
    size = file.seek(0, io.SEEK_END)
    if not size:
        raise Unreadable("The file is empty.")
    if size > LIMIT:
        raise Unreadable(
            f"The file has {size / PIECE:.0f} MB; {LIMIT // PIECE} MB is the most. Split it, for example by year."
        )
    encoding = _encoding(file)
    with _text(file, encoding) as text:
        delimiter = _delimiter(text)
    with _text(file, encoding) as text:
        lines = rows(text, delimiter)
        _, first = next(lines, (1, []))
        headings = _headings(first)
        samples, count = _look_through(lines, headings, source)
    if not count:
        raise Unreadable("The file has headings and no rows below them.")
    return Table(encoding, delimiter, headings, samples, count, size)


def _headings(first: list[str]) -> list[str]:
    headings = distinct(first)
    if len(headings) < 2:
        raise Unreadable("The first line must hold the headings of at least two columns, like Date and Amount.")
    if len(headings) > COLUMNS:
        raise Unreadable(f"The file has {len(headings)} columns; {COLUMNS} is the most.")
    return headings


def _look_through(
    lines: Iterator[tuple[int, list[str]]], headings: list[str], source: str
) -> tuple[list[list[str]], int]:
    """The first rows and how many there are. Raises Unreadable where a card number stands."""
    proposed = mapping.propose(source, headings, mapping.remembered(source))
    numbers = {proposed.get(code) for code in sources.NUMBERS}
    looked_at = [place for place, heading in enumerate(headings) if heading not in numbers]
    samples: list[list[str]] = []
    found: list[str] = []
    count = 0
    for line, cells in lines:
        count += 1
        if len(samples) < SAMPLES:
            samples.append([cell[:60] for cell in cells])
        joined = APART.join(cells)
        if card_numbers.RUN.search(joined) or not joined.isascii():
            for place in looked_at:
                if place < len(cells) and card_numbers.find(cells[place]):
                    found.append(f"row {line}, “{headings[place]}”")
            found += [f"row {line}" for cell in cells[len(headings) :] if card_numbers.find(cell)]
    if found:
        more = f" and {len(found) - SHOWN} more" if len(found) > SHOWN else ""
        raise Unreadable(
            f"There is what looks like a card number in {'; '.join(found[:SHOWN])}{more}. We must not keep those, so "
            "nothing was kept. Take them out of the file and upload it again."
        )
    return samples, count


def _encoding(file: BinaryIO) -> str:
    file.seek(0)
    head = file.read(4096)
    if head.startswith(b"PK\x03\x04") or head.startswith(b"\xd0\xcf\x11\xe0"):
        raise Unreadable("This is an Excel workbook. In Excel, save it as “CSV UTF-8” and upload that file.")
    if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        candidates = ["utf-16"]
    elif b"\0" in head:
        is_little = head[1::2].count(0) > head[0::2].count(0)
        candidates = ["utf-16-le" if is_little else "utf-16-be"]
    else:
        candidates = ["utf-8-sig", "cp1252"]
    return next((name for name in candidates if _decodes(file, name)), "") or _not_text()


def _not_text() -> str:
    raise Unreadable("This is not a text file we can read. Save it as CSV, best in UTF-8, and upload it again.")


def _decodes(file: BinaryIO, encoding: str) -> bool:
    decoder = codecs.getincrementaldecoder(encoding)()
    file.seek(0)
    try:
        while piece := file.read(PIECE):
            if "\0" in decoder.decode(piece):
                return False
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return False
    return True


@contextmanager
def _text(file: BinaryIO, encoding: str) -> Iterator[io.TextIOBase]:
    """The file as text from its beginning; it stays open, being somebody else's."""
    file.seek(0)
    text = io.TextIOWrapper(file, encoding=encoding, newline="")
    try:
        yield text
    finally:
        text.detach()


def _delimiter(text: io.TextIOBase) -> str:
    """What stands most often between the headings, outside quotation marks."""
    line, is_quoted = text.readline(), False
    counts: Counter[str] = Counter()
    for character in line:
        if character == '"':
            is_quoted = not is_quoted
        elif character in DELIMITERS and not is_quoted:
            counts[character] += 1
    return counts.most_common(1)[0][0] if counts else ","


def rows(text: io.TextIOBase, delimiter: str) -> Iterator[tuple[int, list[str]]]:
    """(number, cells) of each row as a spreadsheet numbers them, the heading being 1; empty ones are left out.

    Raises Unreadable, with the row, where quotation marks do not close: guessing there would lose gifts.
    """
    reader = csv.reader(text, delimiter=delimiter, strict=True)
    number = 0
    try:
        for number, cells in enumerate(reader, start=1):
            if any(cell and not cell.isspace() for cell in cells):
                yield number, cells
    except csv.Error as error:
        raise Unreadable(
            f"Row {number + 1} cannot be read: a quotation mark stands where none can be, or is never closed. "
            "Correct that row and upload the file again."
        ) from error


def distinct(headings: Sequence[str]) -> list[str]:
    """Headings trimmed, a second "Name" called "Name (2)", a column without one "Column 5" unless it ends the line."""
    cells = [" ".join(heading.split())[:80] for heading in headings]
    while cells and not cells[-1]:
        cells.pop()
    seen: Counter[str] = Counter()
    named = []
    for place, cell in enumerate(cells, start=1):
        name = cell or f"Column {place}"
        seen[name] += 1
        named.append(name if seen[name] == 1 else f"{name} ({seen[name]})")
    return named


def keep(file: BinaryIO) -> int:
    """The file's bytes stand in StoredFile; its id. The pieces are put together by the database, not here.

    Call inside the transaction that needs it.
    """
    file.seek(0)
    digest, size = hashlib.sha256(), 0
    with connection.cursor() as cursor:
        cursor.execute("CREATE TEMP TABLE import_piece (place int, content bytea) ON COMMIT DROP")
        place = 0
        while piece := file.read(PIECE):
            digest.update(piece)
            size += len(piece)
            cursor.execute("INSERT INTO import_piece VALUES (%s, %s)", [place, piece])
            place += 1
        cursor.execute(
            """INSERT INTO nonprofit_storedfile (content, content_type, size, sha256, created_at)
               SELECT string_agg(content, ''::bytea ORDER BY place), 'text/csv', %s, %s, %s FROM import_piece
               RETURNING id""",
            [size, digest.hexdigest(), clock.now()],
        )
        (pk,) = cursor.fetchone() or (0,)
        cursor.execute("DROP TABLE import_piece")
    return int(pk)


class _Stored(io.RawIOBase):
    """The bytes of a StoredFile, a slice at a time."""

    def __init__(self, pk: int) -> None:
        self._pk, self._at = pk, 0
        self._slice = memoryview(b"")

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: "memoryview") -> int:  # type: ignore[override]
        if not self._slice:
            with connection.cursor() as cursor:
                cursor.execute(
                    "SELECT substring(content FROM %s FOR %s) FROM nonprofit_storedfile WHERE id = %s",
                    [self._at + 1, SLICE, self._pk],
                )
                (found,) = cursor.fetchone() or (b"",)
            self._slice = memoryview(bytes(found))
            self._at += len(self._slice)
        count = min(len(buffer), len(self._slice))
        buffer[:count] = self._slice[:count]
        self._slice = self._slice[count:]
        return count


def stored_rows(pk: int, encoding: str, delimiter: str) -> Iterator[tuple[int, list[str]]]:
    """The rows of a kept file, the heading first. Raises Unreadable."""
    raw = io.BufferedReader(_Stored(pk), buffer_size=64 * 1024)
    return rows(io.TextIOWrapper(raw, encoding=encoding, newline=""), delimiter)
