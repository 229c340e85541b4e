"""XLSX with typed cells: one interface, two writers, so that the young fast one can be replaced by the old slow one.

Text is written as text whatever it begins with, so no cell is ever a formula; ZIP codes and check numbers keep their
zeros. Dates are dates, amounts are numbers with two places.
"""

import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

import rustpy_xlsxwriter
import xlsxwriter

from donations.books.exports.columns import Column, Kind

SHEET = "Export"
PIECE = 256 * 1024
WIDTH = 16
LOOKS = {Kind.DATE: "yyyy-mm-dd", Kind.INSTANT: "yyyy-mm-dd hh:mm:ss", Kind.MONEY: "0.00", Kind.NUMBER: "0.000000"}
Records = Iterable[Mapping[str, Any]]


class Writer(Protocol):
    """Writes a workbook of one sheet to a path: a heading that stays in sight, then the records, at flat memory."""

    def __call__(self, path: Path, columns: Sequence[Column], records: Records) -> None: ...


def fast(path: Path, columns: Sequence[Column], records: Records) -> None:
    """By rustpy-xlsxwriter: ten times as fast as openpyxl (docs/decisions tells the figures)."""
    formats = {
        column.name: rustpy_xlsxwriter.Format().set_num_format(LOOKS[column.kind])
        for column in columns
        if column.kind in LOOKS
    }
    empty = [{column.name: None for column in columns}]
    book = rustpy_xlsxwriter.FastExcel(path).format(bold_headers=True).freeze(row=1)
    book.sheet(SHEET, _or(records, empty), column_width=WIDTH, column_formats=formats)
    book.save()


def _or(records: Records, empty: Records) -> Iterator[Mapping[str, Any]]:
    """The records; a sheet without any still has its heading."""
    is_empty = True
    for record in records:
        is_empty = False
        yield record
    if is_empty:
        yield from empty


def steady(path: Path, columns: Sequence[Column], records: Records) -> None:
    """By XlsxWriter, each cell with its type said: the stand-in, held to the same tests."""
    with xlsxwriter.Workbook(path, {"constant_memory": True}) as book:
        sheet = book.add_worksheet(SHEET)
        sheet.freeze_panes(1, 0)
        sheet.set_column(0, len(columns) - 1, WIDTH)
        bold = book.add_format({"bold": True})
        looks = {kind: book.add_format({"num_format": look}) for kind, look in LOOKS.items()}
        for place, column in enumerate(columns):
            sheet.write_string(0, place, column.name, bold)
        for row, record in enumerate(records, start=1):
            for place, column in enumerate(columns):
                if (value := record[column.name]) is not None:
                    _write(sheet, row, place, value, looks.get(column.kind))


def _write(sheet: Any, row: int, place: int, value: object, look: Any) -> None:
    match value:
        case bool():
            sheet.write_boolean(row, place, value)
        case int() | float():
            sheet.write_number(row, place, value, look)
        case str():
            sheet.write_string(row, place, value)
        case _:
            sheet.write_datetime(row, place, value, look)


def pieces(columns: Sequence[Column], records: Records, write: Writer = fast) -> Iterator[bytes]:
    """The workbook's bytes: a zip file, which is whole only when the last row is written."""
    with tempfile.TemporaryDirectory(prefix="export-") as folder:
        path = Path(folder) / "export.xlsx"
        write(path, columns, records)
        with path.open("rb") as file:
            while piece := file.read(PIECE):
                yield piece
