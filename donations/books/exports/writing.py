"""A file's bytes, piece by piece: CSV as the server copies it out, workbooks by way of a file on disk."""

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from donations.books.exports import workbook
from donations.books.exports.columns import Format
from donations.books.exports.reading import Reader

# Rows in a piece: a quarter of a megabyte or so of a ledger.
GATHERED = 500
# What makes Excel read a CSV file as UTF-8.
MARK = "\ufeff"
Progress = Callable[[int], None]
Line = bytes | bytearray | memoryview


@dataclass(slots=True)
class Written:
    """What was written so far."""

    rows: int = 0
    size: int = 0
    digest: "hashlib._Hash" = field(default_factory=hashlib.sha256)

    def add(self, piece: bytes) -> bytes:
        self.size += len(piece)
        self.digest.update(piece)
        return piece

    @property
    def sha256(self) -> str:
        return self.digest.hexdigest()


def pieces(reader: Reader, format: str, written: Written, progress: Progress) -> Iterator[bytes]:
    """The file's bytes. written: told of each piece. progress: called with the rows so far, about once a piece."""
    make = _workbook if format == Format.XLSX else _csv
    for piece in make(reader, format, written, progress):
        yield written.add(piece)


def _csv(reader: Reader, format: str, written: Written, progress: Progress) -> Iterator[bytes]:
    heading = ",".join(reader.query.table.heading) + "\r\n"
    yield ((MARK if format == Format.SPREADSHEET else "") + heading).encode()
    gathered: list[Line] = []
    for line in reader.lines(format):
        gathered.append(line)
        if len(gathered) == GATHERED:
            yield _ended(gathered)
            written.rows += len(gathered)
            gathered.clear()
            progress(written.rows)
    yield _ended(gathered)
    written.rows += len(gathered)


def _ended(lines: list[Line]) -> bytes:
    """The lines with the ends that RFC 4180 asks for; line feeds inside a quoted cell stay what they are."""
    block = b"".join(lines)
    if block.count(b"\n") == len(lines):
        return block.replace(b"\n", b"\r\n")
    return b"".join(bytes(line)[:-1] + b"\r\n" for line in lines)


def _workbook(reader: Reader, format: str, written: Written, progress: Progress) -> Iterator[bytes]:
    def counted() -> Iterator[dict[str, object]]:
        for record in reader.records(format):
            written.rows += 1
            if written.rows % GATHERED == 0:
                progress(written.rows)
            yield record

    yield from workbook.pieces(reader.query.table.columns, counted())
