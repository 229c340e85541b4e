"""A bank's statement file as lines: CSV with the headings American banks use, OFX and QFX in both their syntaxes.

OFX 1.6 is SGML, OFX 2.2 is XML; QFX is either with Intuit's tags. https://financialdataexchange.org/ofx
"""

import codecs
import csv
import io
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal, InvalidOperation

from ofxtools.Parser import ParseError, TreeBuilder

from nonprofit import card_numbers, money

LIMIT = 5 * 1024 * 1024
DELIMITERS = ",;\t|"
# Banks write the account's name and balance above the headings.
PREAMBLE = 30
SHOWN = 20
# What a column can be, by the headings that banks give it; the first one that fits is taken.
HEADINGS: Mapping[str, tuple[str, ...]] = {
    "date": (
        *("posting date", "posted date", "post date", "date posted", "booking date", "date"),
        *("transaction date", "trans date", "effective date", "value date", "processed date", "as of date"),
    ),
    "amount": ("amount", "transaction amount", "amount usd", "net amount", "amt"),
    "debit": ("debit", "debits", "debit amount", "withdrawal", "withdrawals", "withdrawal amount", "money out"),
    "credit": ("credit", "credits", "credit amount", "deposit", "deposits", "deposit amount", "money in"),
    "description": (
        *("description", "transaction description", "original description", "payee", "name", "narrative"),
        *("transaction", "memo", "details", "extended text"),
    ),
    "sign": (
        "details",
        "type",
        "credit debit",
        "debit credit",
        "cr dr",
        "dr cr",
        "credit or debit",
        "transaction type",
    ),
    "id": ("transaction id", "fitid", "unique id", "transaction number", "trace number"),
    "balance": ("balance", "running balance", "running bal", "account balance", "ledger balance"),
    "account": ("account", "account number", "account no", "account id"),
}
# What finance may choose where the headings are of another kind; the others are read if they are there.
CHOSEN = ("date", "description", "amount", "debit", "credit")
DATES = ("%m/%d/%Y", "%m/%d/%y", "%Y-%m-%d", "%m-%d-%Y", "%d-%b-%Y", "%d-%b-%y", "%b %d, %Y", "%b %d %Y", "%Y%m%d")
OUT, IN = ("debit", "dr", "d", "withdrawal"), ("credit", "cr", "c", "deposit")
# Words of people in OFX; ids are left alone, and of an account's number only its end is kept.
WORDS = re.compile(r"(<(?:NAME|MEMO|EXTDNAME|PAYEE|NAME2)>)([^<\r\n]*)")
NUMBER = re.compile(r"(<ACCTID>)([^<\r\n]*)")


class Unreadable(ValueError):
    """The file is no statement that we can read, or of another account; a sentence for the person who uploaded it."""


@dataclass(frozen=True, slots=True)
class Line:
    """A line as the bank wrote it. bank_id: the bank's own id of it, or "". amount_minor: signed, positive came in."""

    bank_id: str
    posted_on: date
    amount_minor: int
    description: str


@dataclass(frozen=True, slots=True)
class Opened:
    """A file as text of ours: whatever it was written in, without card numbers and whole account numbers."""

    format: str
    text: str


@dataclass(frozen=True, slots=True)
class Statement:
    """What a file says. account_ends: of the accounts in it, where it says so. columns: how a CSV was read."""

    lines: list[Line]
    problems: list[str]
    account_ends: list[str] = field(default_factory=list)
    headings: list[str] = field(default_factory=list)
    columns: dict[str, str] = field(default_factory=dict)


def opened(content: bytes, name: str) -> Opened:
    """The uploaded file as text. Raises Unreadable."""
    if not content:
        raise Unreadable("The file is empty.")
    if len(content) > LIMIT:
        raise Unreadable("The file is larger than 5 MB. Download a shorter time from your bank.")
    text = _decoded(content)
    start = text.find("<OFX>")
    if start >= 0:
        is_qfx = name.lower().endswith(".qfx") or "<INTU." in text
        kept = WORDS.sub(lambda found: found[1] + card_numbers.without(found[2]), text[start:])
        return Opened("qfx" if is_qfx else "ofx", NUMBER.sub(lambda found: found[1] + _end(found[2]), kept))
    if name.lower().endswith((".ofx", ".qfx")) or text.lstrip().startswith(("OFXHEADER", "<?OFX")):
        raise Unreadable("The file says it is OFX and holds no statement. Download it from your bank again.")
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerows([card_numbers.without(cell) for cell in row] for row in _rows(text))
    return Opened("csv", out.getvalue())


def statement(file: Opened, *, account_end: str, currency: str, columns: Mapping[str, str] | None = None) -> Statement:
    """The file's lines, of the account that ends in `account_end` ("" where that is not known).

    columns: which heading is which, where a person chose. Raises Unreadable, also where it is of another account.
    """
    if file.format == "csv":
        found = _of_csv(file.text, currency, columns or {})
    else:
        found = _of_ofx(file.text, account_end, currency)
    others = [end for end in found.account_ends if account_end and not _is_same(end, account_end)]
    if others:
        raise Unreadable(_another(others[0], account_end))
    return found


def _another(theirs: str, ours: str) -> str:
    return (
        f"This file is of the account that ends in {theirs}; you chose the one that ends in {ours}. Nothing was read."
    )


def _is_same(end: str, ours: str) -> bool:
    return end.endswith(ours) or ours.endswith(end)


def _end(number: str) -> str:
    return re.sub(r"\W", "", number)[-4:]


# ---- Text ------------------------------------------------------------------------------------------------------------


def _decoded(content: bytes) -> str:
    if content.startswith((b"PK\x03\x04", b"\xd0\xcf\x11\xe0", b"%PDF")):
        raise Unreadable("This is a workbook or a PDF. Download the statement as CSV, OFX or QFX instead.")
    head = content[:4096]
    if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        encodings = ["utf-16"]
    elif b"\0" in head:
        encodings = ["utf-16-le" if head[1::2].count(0) > head[0::2].count(0) else "utf-16-be"]
    else:
        # What the file says of itself is often wrong; UTF-8 is not taken for anything else by chance.
        encodings = ["utf-8-sig", "cp1252"]
    for encoding in encodings:
        try:
            text = content.decode(encoding)
        except UnicodeDecodeError:
            continue
        # A statement is English: other scripts everywhere mean that the guess was wrong.
        if not re.search(r"[\x00-\x08\x0e-\x1f]", text) and 2 * sum(map(str.isascii, text)) > len(text):
            return text
    raise Unreadable("We cannot read the letters of this file. Save it as CSV in UTF-8 and upload it again.")


def _rows(text: str) -> Iterator[list[str]]:
    sample = text[:4096]
    delimiter = max(DELIMITERS, key=sample.count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    while True:
        try:
            row = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            raise Unreadable(f"Line {reader.line_num} has a quotation mark that is never closed.") from error
        yield row


# ---- CSV -------------------------------------------------------------------------------------------------------------


def _plain(heading: str) -> str:
    return " ".join(re.sub(r"[^a-z ]+", " ", heading.lower()).split())


def _proposed(headings: Sequence[str]) -> dict[str, str]:
    """Which column is what, by its heading."""
    plain = {_plain(heading): heading for heading in reversed(headings) if heading.strip()}
    found: dict[str, str] = {}
    for what, names in HEADINGS.items():
        heading = next((plain[name] for name in names if name in plain and plain[name] not in found.values()), None)
        if heading is not None:
            found[what] = heading
    if "amount" in found:
        # A bank that writes both also writes a signed amount; one of them is enough.
        found = {what: heading for what, heading in found.items() if what not in ("debit", "credit")}
    return found


def _has_all(columns: Mapping[str, str]) -> bool:
    return "date" in columns and ("amount" in columns or "credit" in columns or "debit" in columns)


def _of_csv(text: str, currency: str, chosen: Mapping[str, str]) -> Statement:
    rows = list(csv.reader(io.StringIO(text, newline="")))
    place = next((n for n, row in enumerate(rows[:PREAMBLE]) if _has_all(_proposed(row))), None)
    if place is None:
        # Nothing we know: the first line of several cells holds the headings, and a person says what they are.
        place = next((n for n, row in enumerate(rows[:PREAMBLE]) if sum(bool(cell.strip()) for cell in row) > 2), None)
    if place is None:
        raise Unreadable("There is no line of headings, like Date, Description and Amount. Is it a bank's CSV file?")
    headings = [cell.strip() for cell in rows[place]]
    columns = _proposed(headings)
    if chosen:
        kept = {what: heading for what, heading in columns.items() if what not in CHOSEN}
        columns = kept | {what: heading for what, heading in chosen.items() if heading in headings}
    if not _has_all(columns):
        return Statement([], ["Say which column is the date and which the amount."], [], headings, columns)
    reader = _Reader(headings, columns, currency)
    for number, row in enumerate(rows[place + 1 :], start=place + 2):
        if any(cell.strip() for cell in row):
            reader.read(number, row)
    return Statement(reader.lines, reader.problems, sorted(reader.ends), headings, columns)


class _Reader:
    """Reads the rows of a CSV, one by one."""

    def __init__(self, headings: Sequence[str], columns: Mapping[str, str], currency: str) -> None:
        self._places = {what: headings.index(heading) for what, heading in columns.items()}
        self._currency = currency
        self._seen: dict[tuple[str, ...], int] = {}
        self.lines: list[Line] = []
        self.problems: list[str] = []
        self.ends: set[str] = set()

    def read(self, number: int, row: Sequence[str]) -> None:
        cells = {what: row[at].strip() if at < len(row) else "" for what, at in self._places.items()}
        try:
            posted_on, minor = _day(cells["date"]), self._amount(cells)
        except ValueError as error:
            self.problems.append(f"Row {number}: {error}")
            return
        whole = tuple(cell.strip() for cell in row)
        first = self._seen.setdefault(whole, number)
        if first != number and (cells.get("balance") or cells.get("id")):
            # Two payments alike leave two balances: the same balance is the same line, written twice.
            self.problems.append(f"Row {number} repeats row {first}; it is brought in once.")
            return
        if first != number:
            self.problems.append(f"Rows {first} and {number} say the same; both are brought in, as two payments.")
        if end := _end(cells.get("account", "")):
            self.ends.add(end)
        if minor:
            text = " ".join(cells.get("description", "").split())[:300]
            self.lines.append(Line(cells.get("id", "")[:60], posted_on, minor, text))

    def _amount(self, cells: Mapping[str, str]) -> int:
        if "amount" in cells:
            minor = _minor(cells["amount"], self._currency)
            sign = _plain(cells.get("sign", ""))
            return -minor if minor > 0 and sign in OUT else minor
        came = _minor(cells["credit"], self._currency) if cells.get("credit") else 0
        went = _minor(cells["debit"], self._currency) if cells.get("debit") else 0
        return abs(came) - abs(went)


def _day(text: str) -> date:
    word = text.split(" ")[0] if re.match(r"\d+[/-]\d+[/-]\d+ ", text) else text
    for form in DATES:
        try:
            # A day, not an instant: no time zone is meant.
            day = datetime.strptime(word, form).date()  # noqa: DTZ007
        except ValueError:
            continue
        if 2000 <= day.year <= 2100:
            return day
    raise ValueError(f"“{text[:40]}” is not a date we know; month/day/year is understood.")


def _minor(text: str, currency: str) -> int:
    """ "$1,234.50", "(12.00)", "-12.00" and "12.00-" in minor units."""
    word = re.sub(r"[$\s\u00a0]", "", text).replace("\u2212", "-")
    is_out = (word.startswith("(") and word.endswith(")")) or word.endswith("-") or word.startswith("-")
    digits = word.strip("()+-")
    if not re.fullmatch(r"\d{1,3}(,\d{3})*(\.\d+)?|\d*\.?\d+|\d+\.", digits):
        raise ValueError(f"“{text[:40]}” is not an amount.")
    try:
        minor = Decimal(digits.replace(",", "")).scaleb(money.places(currency))
    except InvalidOperation as error:
        raise ValueError(f"“{text[:40]}” is not an amount.") from error
    if minor != minor.to_integral_value() or minor > 10**15:
        raise ValueError(f"“{text[:40]}” is not an amount in whole cents.")
    return -int(minor) if is_out else int(minor)


# ---- OFX -------------------------------------------------------------------------------------------------------------


def _of_ofx(text: str, account_end: str, currency: str) -> Statement:
    damaged = Unreadable("The file breaks off or is damaged. Download it from your bank again.")
    if not text.rstrip().endswith("</OFX>"):
        raise damaged
    builder = TreeBuilder()
    try:
        builder.feed(text)
        root = builder.close()
    except (ParseError, AssertionError, IndexError) as error:
        raise damaged from error
    found = [(_end(one.findtext(".//ACCTID") or ""), one) for tag in ("STMTRS", "CCSTMTRS") for one in root.iter(tag)]
    if not found:
        raise Unreadable("The file holds no bank statement.")
    ours = [one for end, one in found if not account_end or _is_same(end, account_end)]
    if not ours:
        raise Unreadable(_another(" and ".join(sorted({end for end, _ in found})), account_end))
    if len(ours) > 1:
        raise Unreadable("The file holds several accounts. Write the last four digits of this one into its page first.")
    one = ours[0]
    theirs = (one.findtext("CURDEF") or currency).lower()
    if theirs != currency:
        raise Unreadable(f"The file is in {theirs.upper()}; this account is in {currency.upper()}.")
    lines, problems, seen = [], [], set()
    for number, entry in enumerate(one.iter("STMTTRN"), start=1):
        said = {child.tag: _words(child.text or "") for child in entry}
        try:
            posted_on, minor = _day(said.get("DTPOSTED", "")[:8]), _minor(said.get("TRNAMT", ""), currency)
        except ValueError as error:
            problems.append(f"Entry {number}: {error}")
            continue
        bank_id = said.get("FITID", "")
        if bank_id and bank_id in seen:
            problems.append(f"Entry {number} has the same id as one before ({bank_id[:40]}); it is brought in once.")
            continue
        seen.add(bank_id)
        words = list(dict.fromkeys(said[tag] for tag in ("NAME", "MEMO") if said.get(tag)))
        number_on_it = f" no. {said['CHECKNUM']}" if said.get("CHECKNUM") else ""
        if minor:
            lines.append(Line(bank_id, posted_on, minor, (" · ".join(words) + number_on_it).strip()[:300]))
    ends = [_end(ours[0].findtext(".//ACCTID") or "")]
    return Statement(lines, problems, [end for end in ends if end])


def _words(text: str) -> str:
    for code, character in (("&lt;", "<"), ("&gt;", ">"), ("&nbsp;", " "), ("&amp;", "&")):
        text = text.replace(code, character)
    return " ".join(text.split())
