"""What an export's column holds, and how each format writes it in SQL: the database does it all, row for row.

A blank cell is always an empty one: NULL and "" are both written as nothing, never as a quoted empty text.
"""

from dataclasses import dataclass
from enum import Enum

from donations.models import Export
from nonprofit.money import ZERO_DECIMAL

Format = Export.Format


class Kind(Enum):
    """What a column holds. CODE: made by us from a fixed alphabet; WORD: typed by staff in one line, like
    a fund's code; TEXT: whatever people typed.
    """

    CODE = "code"
    WORD = "word"
    TEXT = "text"
    DATE = "date"
    INSTANT = "instant"
    MONEY = "money"
    NUMBER = "number"
    COUNT = "count"
    FLAG = "flag"


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a file: its heading, what it holds and the SQL that says it. Without SQL we have no such fact.

    is_note: internal remarks, which files for programs leave blank.
    """

    name: str
    kind: Kind = Kind.CODE
    sql: str = "NULL"
    is_note: bool = False


# ---- Values in SQL ---------------------------------------------------------------------------------------------

_WHOLE = ", ".join(f"'{code}'" for code in sorted(ZERO_DECIMAL))
# What makes a spreadsheet take a cell for a formula, also in fullwidth, which Excel folds to ASCII.
_SIGNS = "=+@＝＋－＠-"
_APOSTROPHE = "''''"
# What lines end with becomes a space: a formula after a line break is one, too.
_BREAKS = "\t\n\v\f\r\x85\u2028\u2029"
# Other control characters, and marks that hide in text or make it run from right to left, go.
_GONE = "".join(
    map(chr, (*range(1, 9), *range(14, 32), *range(127, 133), *range(134, 160), 0x061C, 0x200B, 0x200E, 0x200F))
) + "".join(map(chr, (*range(0x202A, 0x202F), *range(0x2060, 0x206A), 0xFEFF)))
_SPACES = " \u00a0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u202f\u205f\u3000"


def literal(text: str) -> str:
    """The text as SQL writes it, in a query whose parameters are named with %."""
    return "'" + text.replace("'", "''").replace("%", "%%") + "'"


def major(minor: str, currency: str) -> str:
    """Whole minor units as a decimal: 2500 is 25.00, and 500 yen are 500."""
    return f"CASE WHEN {currency} = 'usd' OR {currency} NOT IN ({_WHOLE}) THEN {minor} * 0.01 ELSE {minor} END"


def dollars(minor: str) -> str:
    """Cents as a decimal."""
    return f"({minor}) * 0.01"


def padded(number: str, places: int) -> str:
    """A number with leading zeros, never cut: 42 in seven places is 0000042."""
    most = 10**places
    return f"CASE WHEN {number} < {most} THEN right(({number} + {most})::text, {places}) ELSE {number}::text END"


def public_id(prefix: str, number: str, places: int) -> str:
    """As the models' `public_id` says it; NULL where there is no row."""
    return f"'{prefix}-' || {padded(number, places)}"


def year(day: str) -> str:
    """The day's year; a third of what extract takes."""
    return f"left(({day})::text, 4)"


def local(instant: str) -> str:
    """The organization's wall clock at that instant."""
    return f"({instant} AT TIME ZONE %(zone)s)"


def chosen(value: str, names: dict[str, str], otherwise: str = "NULL") -> str:
    """The schema's word for each of ours."""
    whens = " ".join(f"WHEN {literal(ours)} THEN {literal(theirs)}" for ours, theirs in names.items())
    return f"CASE {value} {whens} ELSE {otherwise} END"


# ---- Values as each format writes them ---------------------------------------------------------------------------


def written(column: Column, format: str) -> str:
    """The column's SQL as this format takes it."""
    if column.sql == "NULL" or (column.is_note and format == Format.CSV):
        return "NULL::text"
    match column.kind:
        case Kind.TEXT:
            return _text(column.sql, format)
        case Kind.WORD:
            return _word(column.sql, format)
        case Kind.INSTANT:
            return local(f"date_trunc('second', {column.sql})") if format == Format.XLSX else _instant(column.sql)
        case Kind.MONEY | Kind.NUMBER:
            return f"({column.sql})::float8" if format == Format.XLSX else f"({column.sql})"
        case Kind.FLAG:
            return column.sql if format == Format.XLSX else f"CASE WHEN {column.sql} THEN 'TRUE' ELSE 'FALSE' END"
        case _:
            return column.sql


def _instant(instant: str) -> str:
    # JSON's form is ISO 8601 with the offset of the session's zone, four times as fast as to_char.
    return f"btrim(to_json(date_trunc('second', {instant}))::text, '\"')"


def _word(text: str, format: str) -> str:
    if format != Format.SPREADSHEET:
        return f"nullif({text}, '')"
    # The first character decides, which costs a twentieth of looking at all.
    suspicious = ", ".join(str(ord(sign)) for sign in _SIGNS + _SPACES + _BREAKS)
    return f"CASE WHEN ascii({text}) IN ({suspicious}) THEN {_text(text, format)} ELSE nullif({text}, '') END"


def _text(text: str, format: str) -> str:
    if format == Format.CSV:
        return f"nullif({text}, '')"
    marks = f"[{_BREAKS}{_GONE}]"
    harmless = f"translate({text}, {literal(_BREAKS + _GONE)}, {literal(' ' * len(_BREAKS))})"
    if format == Format.XLSX:
        # A workbook says which cells are text.
        return f"CASE WHEN {text} ~ {literal(marks)} THEN {harmless} ELSE nullif({text}, '') END"
    formula = f"^[{_SPACES}]*[{_SIGNS}]"
    guarded = f"CASE WHEN {harmless} ~ {literal(formula)} THEN {_APOSTROPHE} || {harmless} ELSE {harmless} END"
    # One look at what is nearly always harmless.
    return f"CASE WHEN {text} ~ {literal(f'{formula}|{marks}')} THEN {guarded} ELSE nullif({text}, '') END"
