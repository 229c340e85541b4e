"""Which paper a gift gets, whom it is for and the sentences it must carry: the gift decides, nobody types them.

Texts are our drafting after the sources named; an organisation's lawyer approves them before launch. Sources, where no
other is named: domain/receipts.md 1.1 and 1.4, read 2026-11-23, which names the law and IRS publication of each row.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from donations.rules import sentences
from donations.rules.sentences import Statement

# ---- Choices of ours where the law leaves one (POLICY in domain/receipts.md) ----------------------------------------

# An IRA gift needs the same proof as a deductible one, and any benefit spoils it; the sentence is that proof. Advisers
# disagree whether to print it (domain rule 28), so it can be left out here.
IRA_LETTER_SAYS_NO_BENEFIT = True
# Up to this value an ordinary receipt is enough; above it, or when nobody said, the law wants Form 1098-C, which we do
# not make, and no other paper may look like one (IRC 170(f)(12)). Minor units of US dollars.
VEHICLE_RECEIPT_UP_TO_MINOR = 500_00


@dataclass(frozen=True, slots=True)
class Given:
    """What decides the paper, and what its sentences name. Texts are as printed.

    kind: a Gift.Kind. donor_kind: a Donor.Kind, of the legal donor. donor_country: ISO 3166-1 alpha-2, "" if not told.
    payer: the legal donor's name. description: what property or work it was. value_minor: what the books say, in cents;
    it decides about vehicles and is never printed. is_benefit_declined: None where nothing was offered.
    is_recognized: an advisor or employee is known, who is thanked beside the legal donor.
    """

    kind: str
    organization: str
    ein: str
    donor_kind: str = "individual"
    donor_country: str = ""
    payer: str = ""
    amount: str = ""
    gift_on: str = ""
    description: str = ""
    custodian: str = ""
    value_minor: int | None = None
    is_benefit_declined: bool | None = None
    is_recognized: bool = False
    wants_no_letter: bool = False


@dataclass(frozen=True, slots=True)
class Document:
    """What to issue for a gift, and to whom: "donor" (the legal one) or "recognized" (advisor, employee).

    kind: "tax_cash", "tax_property" (written acknowledgments), "qcd_letter", "grant_letter", "thank_you",
    "bequest_letter", or "none".
    """

    kind: str
    statements: tuple[Statement, ...] = ()
    to: str = "donor"

    @property
    def series(self) -> str:
        """The book its number comes from: "R" for tax receipts, "L" for letters and thanks."""
        return "R" if self.kind in TAX else "L"


class NoRule(ValueError):
    """A gift for which no rule says which paper it gets; it waits for a person, who reads this text."""


NONE = Document("none")
TAX = frozenset({"tax_cash", "tax_property"})
# What the receiver needs to prove something; it goes out even to people who want no mail (domain rule 81).
PROOF = TAX | {"qcd_letter", "grant_letter", "bequest_letter"}

PAPERS: dict[str, str] = {
    "card": "tax_cash",
    "phone": "tax_cash",
    "check": "tax_cash",
    "cash": "tax_cash",
    "money_order": "tax_cash",
    "wire": "tax_cash",
    "stock": "tax_property",
    "crypto": "tax_property",
    "daf": "thank_you",
    "foundation": "grant_letter",
    "ira": "qcd_letter",
    "match": "tax_cash",
    # Proof is the pay stub with the pledge card (Notice 2006-110).
    "payroll": "thank_you",
    "in_kind": "tax_property",
    # Work and the use of space are no deductible gifts (IRS Pub. 526).
    "services": "thank_you",
    "vehicle": "tax_property",
    "bequest": "bequest_letter",
    # Money that came in a way we have no name for: an amount and a day, like cash. Things are "in_kind".
    "other": "tax_cash",
}
# Instead of a tax receipt, by who the legal donor is, however the money came (domain rules 16, 23).
INSTEAD: dict[str, str] = {
    "foundation": "grant_letter",
    "government": "grant_letter",
    "daf_sponsor": "thank_you",
    "estate": "bequest_letter",
}
_PERSONS = frozenset({"individual", "household"})
_OTHERS = frozenset({"company", "foundation", "daf_sponsor", "government", "estate"})
# Who cannot be the legal donor of a kind, and what staff probably meant.
WRONG_DONORS: dict[str, tuple[frozenset[str], str]] = {
    "daf": (_PERSONS, "The legal donor of this grant is the fund's sponsor; the person is its advisor, whom we thank."),
    "foundation": (_PERSONS, "The legal donor of this grant is the foundation, not a person of the family."),
    "match": (_PERSONS, "The legal donor of a match is the company or its foundation; the employee is thanked."),
    "ira": (_OTHERS, "The legal donor is the person whose IRA it is, not the custodian."),
}
_VALUE = re.compile(r"[$€£]\s*\d|\d[\d.,]*\s*(?:dollars?|usd|euros?|eur)\b", re.IGNORECASE)


def for_gift(given: Given) -> Document:
    """The document for a gift. Raises NoRule when something about it must be put right by a person first."""
    if given.kind not in PAPERS:
        raise NoRule(f"no document rule for a gift of kind {given.kind!r}")
    if given.donor_kind == "unknown":
        # Loose cash, shares without a name: there is nobody to give a paper to (domain rules 31, 79).
        return NONE
    if trouble := wrong_donor(given.kind, given.donor_kind):
        raise NoRule(trouble)
    paper, to = _addressed(given, _paper(given))
    if paper == "none":
        return NONE
    return Document(paper, _STATEMENTS[paper](given), to)


def trouble(given: Given) -> str:
    """Why this gift would wait for a person instead of getting its paper, for whoever types it, or ""."""
    try:
        for_gift(given)
    except NoRule as error:
        return str(error)
    return ""


def wrong_donor(kind: str, donor_kind: str) -> str:
    """Why a donor of `donor_kind` cannot be the legal donor of such a gift; "" when it can."""
    refused, why = WRONG_DONORS.get(kind, (frozenset[str](), ""))
    return why if donor_kind in refused else ""


def names_value(description: str) -> bool:
    """Whether a description of property says what it is worth, which no receipt may (domain rules 30, 32)."""
    return bool(_VALUE.search(description))


def may_leave(paper: str, *, is_deceased: bool, is_not_contacted: bool, is_not_mailed: bool, on_paper: bool) -> bool:
    """Whether a paper may go to somebody with these flags, looked at when it goes (domain rules 81, 83).

    Nothing goes to the dead. Proof goes to everybody else; thanks do not go to those who want none.
    """
    if is_deceased:
        return False
    return paper in PROOF or not (is_not_contacted or (on_paper and is_not_mailed))


def _paper(given: Given) -> str:
    paper = PAPERS[given.kind]
    if given.kind == "vehicle" and (given.value_minor is None or given.value_minor > VEHICLE_RECEIPT_UP_TO_MINOR):
        return "thank_you"
    return INSTEAD.get(given.donor_kind, paper) if paper in TAX else paper


def _addressed(given: Given, paper: str) -> tuple[str, str]:
    """The paper and whom it is for. A sponsor's grant is thanked to its advisor; without one, it is a grant letter.

    A fund or foundation that wants no letters for its grants gets none (domain rules 23-25).
    """
    if paper == "thank_you" and given.donor_kind == "daf_sponsor":
        if given.is_recognized:
            return "thank_you", "recognized"
        paper = "grant_letter"
    if paper == "grant_letter" and given.wants_no_letter:
        return "none", "donor"
    return paper, "donor"


def _no_benefit(given: Given) -> Statement:
    """S0 is true only if nothing was given in return; what was accepted has a value that nobody told us."""
    if given.is_benefit_declined is False:
        raise NoRule(
            "A benefit came with this gift and was not declined, so no paper may say that nothing was given in return."
            if given.kind != "ira"
            else "The benefits of this IRA gift were not declined, which spoils it for the donor. Ask them first."
        )
    return sentences.no_goods_or_services(given.organization)


def _exempt(given: Given) -> Statement:
    exempt = sentences.abroad if given.donor_country not in ("", "US") else sentences.exempt
    return exempt(given.organization, given.ein)


def _cash(given: Given) -> tuple[Statement, ...]:
    return _no_benefit(given), _exempt(given)


def _property(given: Given) -> tuple[Statement, ...]:
    """Described, never valued (domain rules 30, 32). Shares on an exchange need no appraisal, anything else may."""
    if names_value(given.description):
        raise NoRule("The description names a value, and no receipt for property may. Enter the gift again without it.")
    said = [sentences.described(given.organization, given.description, given.gift_on)]
    if given.kind != "stock":
        said.append(sentences.appraisal())
    if given.kind == "vehicle":
        said.append(sentences.small_vehicle())
    return *said, _no_benefit(given), _exempt(given)


def _ira(given: Given) -> tuple[Statement, ...]:
    """Rules 28, 29: from custodian to us, never "deductible", and nothing given in return."""
    direct = sentences.ira(given.organization, given.amount, given.gift_on, given.custodian)
    no_benefit = _no_benefit(given)
    return (direct, no_benefit) if IRA_LETTER_SAYS_NO_BENEFIT else (direct,)


def _grant(given: Given) -> tuple[Statement, ...]:
    """To the foundation or fund itself: what it needs for its own books; no word on deduction."""
    return (_no_benefit(given),)


def _thanks(given: Given) -> tuple[Statement, ...]:
    """Why this is no tax document, so that nobody mistakes it for one (domain rules 23, 32, 33)."""
    if given.kind == "services":
        return (sentences.services(),)
    if given.kind == "vehicle":
        return (sentences.vehicle(given.organization),)
    if given.kind == "payroll":
        return (sentences.payroll() if given.donor_kind in _PERSONS else sentences.remittance(),)
    return (sentences.only_thanks(given.payer),)


def _bequest(given: Given) -> tuple[Statement, ...]:
    """To the executor or trustee, whose accounts need it; no income-tax receipt for the family."""
    return (sentences.bequest(given.organization),)


_STATEMENTS: Mapping[str, Callable[[Given], tuple[Statement, ...]]] = {
    "tax_cash": _cash,
    "tax_property": _property,
    "qcd_letter": _ira,
    "grant_letter": _grant,
    "thank_you": _thanks,
    "bequest_letter": _bequest,
}
