"""One row of a file as a gift: every cell read, every fault named with its column."""

import hashlib
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from django.db import models

from donations.desk.imports import values
from donations.models import Campaign, Fund, Gift, GiftDetail, GiftImport, GiftOrigin
from nonprofit import card_numbers, clock

# Columns of Gift that are text as it is.
TEXTS = {
    "phone": "donor_phone",
    "address_line1": "address_line1",
    "address_line2": "address_line2",
    "city": "city",
    "region": "region",
    "postal_code": "postal_code",
    "note": "note",
}


def _length(model: type[models.Model], column: str) -> int:
    return int(getattr(model._meta.get_field(column), "max_length", 0))


LENGTHS = {column: _length(Gift, column) for column in [*TEXTS.values(), "donor_name"]}
CHECK_NUMBER = _length(GiftDetail, "check_number")
RECEIPT_NUMBER = _length(GiftOrigin, "receipt_number")
# With the source's name it is the ledger's proof, which has 120 characters.
ID = 80
SHOWN = 60
DIFFERENT = 1000


@dataclass(slots=True)
class Row:
    """A row as it is staged. Faulty ones have no facts."""

    line: int
    faults: list[dict[str, str]] = field(default_factory=list)
    external_id: str = ""
    has_own_id: bool = False
    former_id: str = ""
    email: str = ""
    amount_minor: int | None = None
    currency: str = ""
    gift_on: date | None = None
    facts: dict[str, Any] = field(default_factory=dict)


@dataclass
class Reader:
    """Reads the rows of one file. notices: what was taken otherwise than it stands, by column and value."""

    columns: Mapping[str, str]
    headings: Sequence[str]
    usual_currency: str
    date_order: str
    funds: Mapping[str, int]
    campaigns: Mapping[str, int]
    today: date
    notices: Counter[tuple[str, str]] = field(default_factory=Counter)

    @classmethod
    def of(cls, gift_import: GiftImport) -> "Reader":
        """A reader with the choices of this import and the funds and campaigns of this moment."""
        return cls(
            columns=gift_import.columns,
            headings=gift_import.headings,
            usual_currency=gift_import.currency,
            date_order=gift_import.date_order,
            funds=_by_name(Fund.objects.values_list("pk", "code", "name")),
            campaigns=_by_name(Campaign.objects.values_list("pk", "code", "name")),
            today=clock.today(),
        )

    def __post_init__(self) -> None:
        self._places = {code: self.headings.index(heading) for code, heading in self.columns.items()}

    def read(self, line: int, cells: list[str]) -> Row:
        """The row as a gift, or with its faults: {"column", "text", "value"}."""
        row = Row(line)
        if len(cells) > len(self.headings) and any(cell.strip() for cell in cells[len(self.headings) :]):
            text = f"The row has more cells than the {len(self.headings)} headings: is a quotation mark missing?"
            row.faults.append({"column": "", "text": text, "value": ""})
            return row
        said = {}
        for code, place in self._places.items():
            if place < len(cells) and (cell := cells[place]):
                # Spreadsheets write ="0123" to keep a zero; some programs end texts with NUL.
                cell = " ".join(cell.replace("\0", "").split()) if code != "note" else cell.replace("\0", "").strip()
                if cell:
                    said[code] = cell
        self._money(row, said)
        self._people(row, said)
        self._rest(row, said)
        if not row.faults:
            self._name(row, said, cells)
        return row

    def _try(self, row: Row, code: str, said: Mapping[str, str], read: Callable[[str], Any]) -> Any:
        """What `read` makes of the cell; None and a fault where it cannot."""
        try:
            return read(said[code])
        except values.Fault as fault:
            self._fault(row, code, str(fault), said[code])
            return None

    def _fault(self, row: Row, code: str, text: str, value: str = "") -> None:
        column = self.columns.get(code) or ""
        row.faults.append({"column": column, "text": text, "value": value[:SHOWN]})

    def _too_long(self, row: Row, code: str, text: str, most: int) -> None:
        self._fault(row, code, f"This is too long: {most} characters at most.", text)

    def _money(self, row: Row, said: Mapping[str, str]) -> None:
        currency = self._try(row, "currency", said, values.currency) if "currency" in said else ""
        if "amount" not in said:
            self._fault(row, "amount", "The amount is missing.")
        elif currency is not None:
            found = self._try(row, "amount", said, lambda text: values.amount(text, currency, self.usual_currency))
            if found:
                row.amount_minor, row.currency = found
        if "fee" in said and row.amount_minor:
            fee = self._try(row, "fee", said, lambda text: values.fee(text, row.currency))
            if fee and fee >= row.amount_minor:
                self._fault(row, "fee", "The fee is not smaller than the gift.", said["fee"])
            elif fee:
                row.facts["fee_minor"] = fee
        if "date" not in said:
            self._fault(row, "date", "The date is missing.")
        else:
            row.gift_on = self._try(row, "date", said, lambda text: values.day(text, self.date_order, self.today))
        if "status" in said:
            self._try(row, "status", said, values.require_done)

    def _people(self, row: Row, said: Mapping[str, str]) -> None:
        name = said.get("name") or " ".join(filter(None, (said.get("first_name"), said.get("last_name"))))
        if not name:
            code = "name" if "name" in self.columns else "last_name"
            self._fault(row, code, "The name is missing.")
        self._text(row, "donor_name", name, "name" if "name" in said else "last_name")
        if "email" in said:
            row.email = self._try(row, "email", said, values.email) or ""
        row.former_id = self._id(row, "donor_external_id", said)
        if "country" in said:
            row.facts["country"] = self._try(row, "country", said, values.country)
        if "anonymous" in said and self._try(row, "anonymous", said, values.flag):
            row.facts["is_name_hidden"] = True

    def _rest(self, row: Row, said: Mapping[str, str]) -> None:
        for code, column in TEXTS.items():
            if code in said:
                self._text(row, column, said[code], code)
        if check := said.get("check_number", ""):
            self._limited(row, "check_number", check, CHECK_NUMBER)
        if receipt := said.get("receipt_number", ""):
            self._limited(row, "receipt_number", receipt, RECEIPT_NUMBER)
        row.facts["kind"] = "check" if check else "card"
        if "kind" in said:
            row.facts["kind"] = self._try(row, "kind", said, values.kind)
        if rhythm := said.get("frequency"):
            row.facts["frequency"] = values.frequency(rhythm) or self._otherwise("frequency", rhythm)
        if "fund" in said:
            row.facts["fund_id"] = self._known("fund", said["fund"], self.funds)
        if "campaign" in said:
            row.facts["campaign_id"] = self._known("campaign", said["campaign"], self.campaigns)

    def _known(self, code: str, name: str, ours: Mapping[str, int]) -> int | None:
        found = ours.get(name.casefold())
        if found is None:
            self._otherwise(code, name)
        return found

    def _otherwise(self, code: str, value: str) -> str:
        """Note that the value is none of ours; a file full of different ones is not kept in memory."""
        if (code, value[:SHOWN]) in self.notices or len(self.notices) < DIFFERENT:
            self.notices[code, value[:SHOWN]] += 1
        return ""

    def _text(self, row: Row, column: str, text: str, code: str) -> None:
        if len(text) > LENGTHS[column]:
            self._too_long(row, code, text, LENGTHS[column])
        elif code != "phone" and card_numbers.RUN.search(text) and card_numbers.find(text):
            # Without the value: it must stand nowhere.
            self._fault(row, code, card_numbers.SENTENCE)
        elif text:
            row.facts[column] = text

    def _limited(self, row: Row, code: str, text: str, length: int) -> None:
        if len(text) > length:
            self._too_long(row, code, text, length)
        else:
            row.facts[code] = text

    def _id(self, row: Row, code: str, said: Mapping[str, str]) -> str:
        text = said.get(code, "")
        if len(text) > ID:
            self._too_long(row, code, text, ID)
            return ""
        return text

    def _name(self, row: Row, said: Mapping[str, str], cells: list[str]) -> None:
        """Give the row the id by which it is known for ever: the platform's, or one made from all its cells."""
        row.external_id = self._id(row, "external_id", said)
        row.has_own_id = bool(row.external_id)
        if not row.has_own_id and not row.faults:
            whole = "\x1f".join(cells).rstrip("\x1f")
            row.external_id = f"row-{hashlib.sha256(whole.encode()).hexdigest()[:32]}"


def _by_name(rows: Any) -> dict[str, int]:
    """Ids by code and by name, small letters; a code goes before a name."""
    found: dict[str, int] = {}
    for pk, _, name in rows:
        found.setdefault(name.casefold(), pk)
    for pk, code, _ in rows:
        found[code.casefold()] = pk
    return found
