"""The rows that will not come in, and why, as people read them and as a file for whoever corrects them."""

import csv
from collections.abc import Iterator

from donations.models import GiftImport, ImportRow

HEADINGS = ("Row", "Column", "Problem", "What it says")
# What a spreadsheet would run as a formula (domain rule 91).
FORMULA = ("=", "+", "-", "@", "\t", "\r")


def of(gift_import: GiftImport) -> Iterator[tuple[int, str, str, str]]:
    """(row, column, problem, value) of every row that is not ready, in the file's order, read as they are asked for."""
    rows = ImportRow.objects.filter(gift_import=gift_import).exclude(state=ImportRow.State.READY).order_by("line")
    told = rows.values_list("line", "state", "faults", "external_id", "twin_id")
    for line, state, faults, external_id, twin in told.iterator(chunk_size=2_000):
        if state == ImportRow.State.FAULTY:
            for fault in faults:
                yield line, fault["column"], fault["text"], fault["value"]
        elif state == ImportRow.State.DUPLICATE:
            yield line, "", f"This gift is already here: G-{twin:08d}.", external_id
        else:
            yield line, "", f"Same supporter, date and amount as G-{twin:08d}, which is already here.", external_id


def harmless(cell: str) -> str:
    """The cell as text for a spreadsheet, also where it begins like a formula."""
    return f"'{cell}" if cell.startswith(FORMULA) else cell


class _Line:
    """A file for csv.writer that hands each line back."""

    def write(self, line: str) -> str:
        return line


def as_csv(gift_import: GiftImport) -> Iterator[str]:
    """The lines of the problem list. It begins with a mark by which Excel knows that it is UTF-8."""
    writer = csv.writer(_Line())
    yield "\ufeff" + str(writer.writerow(HEADINGS))
    for line, *cells in of(gift_import):
        yield str(writer.writerow([line, *map(harmless, cells)]))
