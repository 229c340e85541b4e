"""The control file beside an export: what a program or an auditor checks the file by."""

import json
from datetime import datetime
from typing import Any

from django.conf import settings

from donations.books.exports import journals
from donations.books.exports.reading import Reader
from donations.books.exports.writing import Written
from donations.models import Export

MADE_OF = {
    Export.Format.CSV: "CSV, UTF-8, CRLF, values as they are",
    Export.Format.SPREADSHEET: "CSV, UTF-8 with byte order mark, CRLF; text that a spreadsheet would compute has a '",
    Export.Format.XLSX: "Excel workbook, typed cells, local time without zone",
}


def said(export: Export, reader: Reader, written: Written, as_of: datetime) -> dict[str, Any]:
    """The control file's content. Sums are of the same moment as the rows."""
    table = reader.query.table
    found: dict[str, Any] = {
        "export": export.public_id,
        "profile": export.profile,
        "schema": table.schema,
        "format": MADE_OF[Export.Format(export.format)],
        "file": file_name(export),
        "sha256": written.sha256,
        "bytes": written.size,
        "rows": written.rows,
        "sums": reader.sums(),
        "filter": reader.query.filters.as_json(),
        "filter_in_words": str(reader.query.filters),
        "as_of": as_of.isoformat(),
        "time_zone": settings.TIME_ZONE,
        "columns": table.heading,
    }
    if export.month:
        found["month"] = f"{export.month.starts_on:%Y-%m}"
    if export.profile == Export.Profile.JOURNAL_XERO and written.rows > journals.XERO_LINES:
        found["note"] = (
            f"Xero's help names {journals.XERO_LINES} lines as the most in one file; this one has {written.rows}. Take "
            "fewer days at a time if Xero refuses it: journals never share lines."
        )
    return found


def as_file(export: Export) -> bytes:
    """As it is downloaded."""
    # The database keeps no order of names.
    said = sorted(export.control.items(), key=lambda item: (item[0] == "columns", item[0]))
    return json.dumps(dict(said), indent=2, ensure_ascii=False).encode() + b"\n"


def file_name(export: Export) -> str:
    """Like X-2026-01-00012-ledger.csv."""
    ending = "xlsx" if export.format == Export.Format.XLSX else "csv"
    return f"{export.public_id}-{export.profile}.{ending}"
