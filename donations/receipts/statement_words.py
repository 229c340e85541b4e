"""What a yearly statement prints, as words: the snapshot that is numbered, drawn and written in the e-mail."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from donations.models import Donor
from donations.receipts import issue, wording
from donations.receipts.statement_facts import Facts
from donations.rules import statements
from donations.rules.sentences import Library
from donations.rules.statements import Line, Part, Said, Section, Sum
from nonprofit.models import Organization
from nonprofit.money import Money

LOOK = "statement-1"
TITLES = {
    Section.CASH: "Cash gifts",
    Section.PROPERTY: "Property, described without a value",
    Section.IRA: "Gifts from your IRA",
    Section.GRANT: "Grants and distributions",
    Section.THANKED: "Gifts we thank you for, in no total",
    Section.BACK: "Refunded and returned",
}
_FIRST = ("Date", "Gift")
COLUMNS = {
    Section.CASH: (*_FIRST, "Receipt", "Amount", "Value received", "Deductible limit"),
    Section.PROPERTY: (*_FIRST, "Receipt"),
    Section.IRA: (*_FIRST, "Letter", "Amount"),
    Section.GRANT: (*_FIRST, "Letter", "Amount"),
    Section.THANKED: (*_FIRST, "Letter"),
    Section.BACK: (*_FIRST, "Receipt", "Amount"),
}
NONE = "—"


def snapshot(facts: Facts, year: int, who: Organization, texts: Library) -> tuple[dict[str, Any], Said]:
    """Every fact the supporter's statement will print, without number and version, and what it says. Raises NoRule."""
    donor = facts.donor
    is_abroad = donor.country not in ("", "US")
    said = statements.of_year(facts.gifts, is_abroad=is_abroad)
    lines = donor.address_lines if donor.address_line1 else list(facts.address)
    sentences = statements.statements(said, organization=who.legal_name, ein=who.ein, texts=texts)
    return {
        "schema": LOOK,
        "template": LOOK,
        "locale": "en-US",
        "kind": "statement",
        "paper": "Statement",
        "year": year,
        "organization": issue.letterhead(who),
        "donor": {"name": donor.name, "address_lines": lines},
        "recipient": {"is": "donor", "name": donor.addressee or donor.name, "address_lines": lines},
        "salutation": salutation(donor),
        "title": f"Your gifts in {year}",
        "thanks": f"Thank you for standing with us in {year}. Here is what we recorded.",
        "summary": _summary(said),
        "sections": [_section(part, is_abroad=is_abroad) for part in said.parts],
        "gifts": [f"G-{one.pk:08d}" for one in facts.gifts if not (one.is_mistake or one.is_disputed)],
        "heading": "For your tax records",
        "statements": [{"code": one.code, "version": one.version, "text": one.text} for one in sentences],
    }, said


def as_version(facts: dict[str, Any], version: int, older: Mapping[str, Any] | None) -> dict[str, Any]:
    """The same with its version, and what it replaces. older: the snapshot of the version before."""
    replaces = older["number"] if older else ""
    thanks = facts["thanks"]
    if older:
        thanks += (
            f" Something changed since statement {replaces} of {older['issued_on']}; this one replaces it, so please "
            "use only this one."
        )
    return facts | {"version": version, "replaces": replaces, "thanks": thanks}


def is_same(facts: Mapping[str, Any], older: Mapping[str, Any]) -> bool:
    """Whether both say the same of one person's gifts; a new address alone is no new paper (receipts.md 2.2, 4)."""
    return _told(facts) == _told(older)


def _told(facts: Mapping[str, Any]) -> tuple[Any, ...]:
    said = [(one["code"], one["version"]) for one in facts["statements"]]
    return facts["year"], facts["donor"]["name"], facts["sections"], said


def salutation(donor: Donor) -> str:
    """As the household wants it, where that is known (domain rule 52); else by name."""
    if donor.salutation:
        return f"{donor.salutation.rstrip(',')},"
    if donor.kind == Donor.Kind.ESTATE:
        return "Dear Executor or Trustee,"
    return f"Dear {donor.name}," if donor.kind in wording.PERSONS else f"Dear friends at {donor.name},"


def _section(part: Part, *, is_abroad: bool) -> dict[str, Any]:
    columns = COLUMNS[part.section]
    if is_abroad and part.section == Section.CASH:
        # What is deductible in another country is not ours to say (domain/receipts.md 1.1).
        columns = columns[:-1]
    return {
        "code": part.section.value,
        "title": TITLES[part.section],
        "columns": list(columns),
        "lines": [_cells(line, len(columns)) for line in part.lines],
        "totals": [_total(one, len(columns)) for one in part.sums],
    }


def _cells(line: Line, width: int) -> list[str]:
    what = f"{line.what}, {line.note}" if line.note else line.what
    if line.benefit:
        what = f"{what}. In return: {line.benefit}"
    cells = [
        short(line.on),
        what,
        line.number or NONE,
        NONE if line.minor is None else str(Money(line.minor, line.currency)),
        str(Money(line.value_minor, line.currency)) if line.value_minor else "none",
        NONE if line.limit_minor is None else str(Money(line.limit_minor, line.currency)),
    ]
    return cells[:width]


def _total(one: Sum, width: int) -> list[str]:
    cells = [
        "",
        "Total",
        "",
        str(Money(one.minor, one.currency)),
        str(Money(one.value_minor, one.currency)) if one.value_minor else "none",
        str(Money(one.limit_minor, one.currency)),
    ]
    return cells[:width]


def _summary(said: Said) -> list[list[str]]:
    """The subtotals, each by itself: they are different things in tax law and are never added up."""
    if len(said.parts) < 2:
        # The section's own total says it all.
        return []
    rows = []
    for part in said.parts:
        if part.section in (Section.CASH, Section.IRA, Section.GRANT):
            for one in part.sums:
                rows.append([_named(part.section), str(Money(one.minor, one.currency))])
                if one.value_minor and not said.is_abroad:
                    rows.append(["less value received", str(Money(one.limit_minor, one.currency))])
        elif part.section == Section.PROPERTY:
            rows.append(["Property", f"{_count(len(part.lines))}, described without a value"])
        elif part.section == Section.THANKED:
            rows.append(["Gifts we thank you for", f"{_count(len(part.lines))}, in no total"])
    return rows


def _named(section: Section) -> str:
    return {Section.IRA: "From your IRA"}.get(section, TITLES[section])


def _count(number: int) -> str:
    return f"{number} gift{'' if number == 1 else 's'}"


def short(day: date) -> str:
    """A date in a table: "Dec 31, 2026"."""
    return f"{day:%b} {day.day}, {day.year}"


# ---- The e-mail ------------------------------------------------------------------------------------------------------

# Above so many lines the letter would be cut off by mail programs (at 102 kB); the PDF has them all.
MOST_LINES = 60


def told(facts: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The sections as the e-mail tells them, a date and a sentence to each line: six columns fit on no phone."""
    return [
        {
            "title": section["title"],
            "rows": [(line[0], _sentence(section["columns"], line)) for line in section["lines"]],
            "totals": [_sentence(section["columns"], line) for line in section["totals"]],
        }
        for section in facts["sections"]
        if sum(len(one["lines"]) for one in facts["sections"]) <= MOST_LINES
    ]


def _sentence(columns: Sequence[str], line: Sequence[str]) -> str:
    """ "Visa card ending 4242, R-2026-000142, $50.00, value received $30.00, deductible limit $20.00"."""
    what, number, *amounts = line[1:]
    is_plain = amounts[1:2] == ["none"] and bool(line[0])
    named = [
        value if place == 0 else f"{name.lower()} {value}"
        for place, (name, value) in enumerate(zip(columns[3:], amounts, strict=True))
        if value != NONE and not (is_plain and place)
    ]
    return ", ".join([what, *([number] if number not in ("", NONE) else []), *named])
