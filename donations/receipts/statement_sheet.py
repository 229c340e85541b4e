"""Turns a statement's snapshot into what its template prints: text that any font can set, lines that fit."""

from collections.abc import Mapping
from typing import Any

from donations.receipts import paper

# Characters that surely fit on one line of the column, by the section's number of columns; two lines of what a gift
# was are normal, and a row of unknown height is laid out twice.
_SHORT = {6: 24, 5: 38, 4: 48, 3: 62}


def letter(snapshot: Mapping[str, Any]) -> dict[str, Any]:
    """Everything the template prints. Raises KeyError, TypeError or ValueError when the snapshot lacks a fact."""
    number = paper.clean(snapshot["number"])
    language, _, region = paper.clean(snapshot["locale"]).partition("-")
    replaces = paper.clean(snapshot["replaces"])
    return {
        "language": language,
        "region": region or None,
        "number": number,
        "version": f"Version {int(snapshot['version'])}, replaces {replaces}" if replaces else "",
        "issued_on": paper.clean(snapshot["issued_on"]),
        "organization": paper.letterhead(snapshot["organization"]),
        **paper.window(snapshot["recipient"]),
        "title": paper.clean(snapshot["title"]),
        "salutation": paper.clipped(paper.clean(snapshot["salutation"]), 160),
        "thanks": paper.paragraphs(snapshot["thanks"]),
        "summary": [[paper.clean(label), paper.clean(value)] for label, value in snapshot["summary"]],
        "sections": [_section(one) for one in snapshot["sections"]],
        "heading": paper.clean(snapshot["heading"]),
        "statements": [part for one in snapshot["statements"] for part in paper.paragraphs(one["text"])],
    }


def is_long(snapshot: Mapping[str, Any]) -> bool:
    """Surely several pages, so that nobody need draw it once to find that out."""
    return sum(len(one["lines"]) + 3 for one in snapshot.get("sections", ())) > 16


def _section(section: Mapping[str, Any]) -> dict[str, Any]:
    width = len(section["columns"])
    most = _SHORT[width]
    lines = [[paper.clean(cell) for cell in line] for line in section["lines"]]
    return {
        "title": paper.clean(section["title"]),
        "columns": [paper.clean(name) for name in section["columns"]],
        "lines": lines,
        "fits": [line[1].isascii() and len(line[1]) <= most for line in lines],
        "totals": [[paper.clean(cell) for cell in line] for line in section["totals"]],
    }
