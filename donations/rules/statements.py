"""What a yearly statement says: a supporter's gifts of a calendar year by section, and the sentences it carries.

A statement lists what the receipts already proved. Each amount stands in one section, and only cash, IRA distributions
and grants are ever added up, each by itself: since 2026 what can be deducted depends on which of them a gift is
(domain/receipts.md 1.5, Pub. L. 119-21). Never "fully deductible", never "if you itemize".
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from donations.rules import documents, sentences
from donations.rules.sentences import Library, Statement


class Section(StrEnum):
    """Where a gift stands, in the order of the page."""

    CASH = "cash"
    PROPERTY = "property"
    IRA = "ira"
    GRANT = "grant"
    # Others' gifts the supporter is thanked for, and gifts that are proved by other papers: in no total (rule 89).
    THANKED = "thanked"
    # Gifts that went back, whole or in part: what came and what went, a line each (domain rule 12).
    BACK = "back"


# By the kind of paper the gift has.
SECTIONS = {
    "tax_cash": Section.CASH,
    "tax_property": Section.PROPERTY,
    "qcd_letter": Section.IRA,
    "grant_letter": Section.GRANT,
    "bequest_letter": Section.GRANT,
    "thank_you": Section.THANKED,
}
# Nobody to send a statement to; and fund sponsors, who deduct nothing and mostly want no letters (domain rule 24).
WITHOUT = frozenset({"unknown", "daf_sponsor"})


@dataclass(frozen=True, slots=True)
class Back:
    """Money, or property, that went back on a day. minor: how much, in minor units, positive; 0 for property."""

    on: date
    minor: int
    what: str


@dataclass(frozen=True, slots=True)
class Given:
    """A gift as it stands now. Texts are as printed.

    minor: what came, in minor units; 0 for property and work. paper: the kind of its document. what: how it came, or
    what property it was. value_minor: what came with it is worth. number: of its receipt or letter. is_thanked: it is
    another's gift. is_disputed: a bank has the money while it asks. is_mistake: it was entered wrongly and never was.
    """

    pk: int
    on: date
    paper: str
    what: str
    minor: int = 0
    currency: str = "usd"
    number: str = ""
    benefit: str = ""
    value_minor: int = 0
    back: tuple[Back, ...] = ()
    is_taken_back: bool = False
    is_thanked: bool = False
    is_disputed: bool = False
    is_mistake: bool = False

    @property
    def kept_minor(self) -> int:
        return self.minor - sum(one.minor for one in self.back)


@dataclass(frozen=True, slots=True)
class Line:
    """A row of a section. minor: signed, None where no amount is said. limit_minor: None where no deduction is."""

    on: date
    what: str
    currency: str = "usd"
    minor: int | None = None
    number: str = ""
    note: str = ""
    benefit: str = ""
    value_minor: int = 0
    limit_minor: int | None = None


@dataclass(frozen=True, slots=True)
class Sum:
    """A section's total in one currency."""

    currency: str
    minor: int
    value_minor: int = 0
    limit_minor: int = 0


@dataclass(frozen=True, slots=True)
class Part:
    """A section with its lines, oldest first, and its totals: none where nothing may be added up."""

    section: Section
    lines: tuple[Line, ...]
    sums: tuple[Sum, ...] = ()


@dataclass(frozen=True, slots=True)
class Said:
    """The statement of a year. left_out: gifts not listed while a bank looks into their payment (domain rule 54)."""

    parts: tuple[Part, ...]
    left_out: int = 0
    is_abroad: bool = False

    def part(self, section: Section) -> Part | None:
        return next((part for part in self.parts if part.section == section), None)

    def total(self, section: Section, currency: str = "usd") -> int:
        """What the section comes to, in minor units; 0 where it has none in that currency."""
        part = self.part(section)
        return sum(one.minor for one in part.sums if one.currency == currency) if part else 0


def paper_of(kind: str, donor_kind: str) -> str:
    """The kind of document of a gift that has none of ours, like one that another platform receipted."""
    paper = documents.PAPERS[kind]
    return documents.INSTEAD.get(donor_kind, paper) if paper in documents.TAX else paper


def section_of(given: Given) -> Section:
    """Raises NoRule for a paper nobody has said a section of."""
    if given.is_thanked:
        return Section.THANKED
    if given.paper not in SECTIONS:
        raise documents.NoRule(f"no section of the yearly statement for a paper of kind {given.paper!r}")
    return SECTIONS[given.paper]


def of_year(gifts: Iterable[Given], *, is_abroad: bool = False) -> Said:
    """The statement of these gifts. Raises NoRule.

    Left out: what is disputed, while it is, and what was entered wrongly. What went back whole stands only among what
    went back; of what went back in part the rest stands in its section.
    """
    real = sorted((one for one in gifts if not one.is_mistake), key=lambda one: (one.on, one.pk))
    stated = [one for one in real if not one.is_disputed]
    found: dict[Section, list[Line]] = {section: [] for section in Section}
    for one in stated:
        section = section_of(one)
        if _stands(one):
            found[section].append(_line(one, section, is_abroad=is_abroad))
        if (one.back or one.is_taken_back) and not one.is_thanked:
            found[Section.BACK] += _both(one, section)
    parts = tuple(Part(section, tuple(lines), _sums(section, lines)) for section, lines in found.items() if lines)
    return Said(parts, left_out=len(real) - len(stated), is_abroad=is_abroad)


def _stands(one: Given) -> bool:
    """Whether anything of it is left; property is there or is not, others' gifts are not ours to reckon."""
    return not one.is_taken_back and (one.minor == 0 or one.kept_minor > 0)


def _line(one: Given, section: Section, *, is_abroad: bool) -> Line:
    if section in (Section.PROPERTY, Section.THANKED):
        # Property is described and never valued (rules 30, 32); thanks carry no amount that anybody could add up.
        return Line(one.on, one.what, one.currency, number=one.number)
    note = "after what went back" if one.back else ""
    if section != Section.CASH:
        return Line(one.on, one.what, one.currency, one.kept_minor, one.number, note)
    limit = None if is_abroad else max(0, one.kept_minor - one.value_minor)
    return Line(one.on, one.what, one.currency, one.kept_minor, one.number, note, one.benefit, one.value_minor, limit)


def _both(one: Given, section: Section) -> list[Line]:
    """What came, and beneath it each part that went back."""
    has_amount = section not in (Section.PROPERTY, Section.THANKED) and one.minor > 0
    came = Line(one.on, one.what, one.currency, one.minor if has_amount else None, one.number)
    went = [Line(back.on, back.what, one.currency, -back.minor if has_amount else None) for back in one.back]
    return [came, *went]


def _sums(section: Section, lines: Sequence[Line]) -> tuple[Sum, ...]:
    if section in (Section.PROPERTY, Section.THANKED, Section.BACK):
        return ()
    return tuple(
        Sum(
            currency,
            sum(line.minor or 0 for line in lines if line.currency == currency),
            sum(line.value_minor for line in lines if line.currency == currency),
            sum(line.limit_minor or 0 for line in lines if line.currency == currency),
        )
        for currency in sorted({line.currency for line in lines})
    )


# ---- Sentences ------------------------------------------------------------------------------------------------------


def same_gifts() -> Statement:
    """A statement proves nothing twice: each gift counts once, whichever paper shows it (domain/receipts.md 2.2, 6)."""
    return Statement("Y0", "1", "Lists the same gifts as the receipts shown; it is not an additional contribution.")


def no_values() -> Statement:
    """Property is described and never valued. IRC 170(f)(8)(B)(i); IRS Pub. 1771."""
    return Statement("Y1", "1", "We do not assign a value to property; the value is yours to determine.")


def ira_apart() -> Statement:
    """Not to be deducted once more, and whose tax year is the custodian's to say. IRC 408(d)(8)."""
    text = (
        "Gifts from your IRA are confirmed by the letters named. They are not part of the cash gifts, and this "
        "statement does not state that they are deductible."
    )
    return Statement("Y2", "1", text)


def only_recognized() -> Statement:
    """Somebody else is the legal donor, or another paper is the proof. Notice 2017-73; Notice 2006-110; Pub. 526."""
    text = (
        "We list these with our thanks. They are in no total, and this statement is not an acknowledgment of them for "
        "tax purposes."
    )
    return Statement("Y3", "1", text)


def left_out(count: int) -> Statement:
    """A payment that a bank looks into is neither here nor gone (domain rule 54)."""
    few = "One gift is" if count == 1 else f"{count} gifts are"
    its = "its payment" if count == 1 else "their payments"
    return Statement(
        "Y4", "1", f"{few} not listed while a bank looks into {its}; you get a new statement when that is over."
    )


def grants_apart() -> Statement:
    """Foundations and estates need the amount for their books; no word on deduction."""
    return Statement("Y5", "1", "Grants and distributions are confirmed by the letters named.")


def nothing() -> Statement:
    """Of a new version, when everything that an older one listed is gone."""
    return Statement("Y6", "1", "We have no gifts of yours on record for this year.")


def statements(said: Said, *, organization: str, ein: str, texts: Library = sentences.OURS) -> tuple[Statement, ...]:
    """The sentences at the end, as the sections ask for them. texts: as the organization words what receipts say."""
    sections = {part.section for part in said.parts}
    chosen = [same_gifts()] if said.parts else [nothing()]
    if Section.PROPERTY in sections:
        chosen.append(no_values())
    if Section.IRA in sections:
        chosen.append(ira_apart())
    if Section.GRANT in sections:
        chosen.append(grants_apart())
    if Section.THANKED in sections:
        chosen.append(only_recognized())
    if said.left_out:
        chosen.append(left_out(said.left_out))
    if sections & {Section.CASH, Section.PROPERTY}:
        code = "S6A" if said.is_abroad else "S6"
        chosen.append(texts.say(code, {"organization": organization, "ein": ein}))
    return tuple(chosen)
