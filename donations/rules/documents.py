"""Which paper a gift gets, whom it is for and the sentences it must carry: the gift decides, nobody types them.

Texts are our drafting after the sources named; an organisation's lawyer approves them before launch. Sources, where no
other is named: domain/receipts.md 1.1 and 1.4, read 2026-11-23, which names the law and IRS publication of each row.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from donations.rules import benefits, sentences
from donations.rules.benefits import NOTHING, Benefit, SafeHarbor, Treated, Treatment
from donations.rules.sentences import Library, Statement
from nonprofit.money import Money

NoRule = benefits.NoRule


@dataclass(frozen=True, slots=True)
class Choices:
    """What the law leaves to the organization (POLICY in domain/receipts.md); `Policy` says why it is as it is.

    vehicle_receipt_up_to_minor: in cents; above it, or when nobody told a value, only Form 1098-C will do.
    """

    ira_letter_says_no_benefit: bool = True
    vehicle_receipt_up_to_minor: int = 500_00


@dataclass(frozen=True, slots=True)
class Given:
    """What decides the paper, and what its sentences name. Texts are as printed.

    kind: a Gift.Kind. frequency: a Gift.Frequency. donor_kind: a Donor.Kind, of the legal donor. donor_country: ISO
    3166-1 alpha-2, "" if not told; donor_region: as typed. payer: the legal donor's name. amount: what is left of the
    gift, None for property. description: what property or work it was. value_minor: what the books say, in cents; it
    decides about vehicles and benefits and is never printed. is_recognized: an advisor or employee is known, who is
    thanked beside the legal donor. benefits: all that came with it. harbor: the verified figures of the gift's own
    year. is_benefit_declined: what the desk's form says where no benefits are recorded, None where it did not ask.
    """

    kind: str
    organization: str
    ein: str
    frequency: str = "once"
    donor_kind: str = "individual"
    donor_country: str = ""
    donor_region: str = ""
    payer: str = ""
    amount: Money | None = None
    gift_on: str = ""
    description: str = ""
    custodian: str = ""
    value_minor: int | None = None
    is_benefit_declined: bool | None = None
    is_recognized: bool = False
    wants_no_letter: bool = False
    benefits: tuple[Benefit, ...] = ()
    harbor: SafeHarbor | None = None
    texts: Library = sentences.OURS
    choices: Choices = Choices()


@dataclass(frozen=True, slots=True)
class Document:
    """What to issue for a gift, and to whom: "donor" (the legal one) or "recognized" (advisor, employee).

    kind: "tax_cash", "tax_property" (written acknowledgments), "qcd_letter", "grant_letter", "thank_you",
    "bequest_letter", or "none". amount: what may be printed as given, None for property. deductible_minor: the most
    that may be deducted, in cents, None where we may not say. must_disclose: law makes us tell what the benefits were
    worth, so this paper has to arrive.
    """

    kind: str
    statements: tuple[Statement, ...] = ()
    to: str = "donor"
    amount: Money | None = None
    treated: Treated = NOTHING
    deductible_minor: int | None = None
    must_disclose: bool = False

    @property
    def series(self) -> str:
        """The book its number comes from: "R" for tax receipts, "L" for letters and thanks."""
        return "R" if self.kind in TAX else "L"

    @property
    def has_benefits(self) -> bool:
        """Whether anything came with the gift or was declined, so that the paper may have to tell of it."""
        return self.treated.treatment != Treatment.NONE


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
# What a paper says of how the benefits count; where nothing stands, the gift waits with the reason beneath.
_NO_BENEFIT = {Treatment.NONE: "S0", Treatment.WAIVED: "S0", Treatment.DISREGARDED: "S0"}
SAYS: dict[str, dict[Treatment, str]] = {
    "tax_cash": _NO_BENEFIT | {Treatment.INSUBSTANTIAL: "S2", Treatment.VALUED: "S1"},
    "tax_property": _NO_BENEFIT | {Treatment.INSUBSTANTIAL: "S2"},
    "qcd_letter": _NO_BENEFIT,
    "grant_letter": _NO_BENEFIT | {Treatment.INSUBSTANTIAL: "S2G"},
    # Thanks say nothing of benefits; to an advisor no more than incidental ones may have gone.
    "thank_you": _NO_BENEFIT | {Treatment.INSUBSTANTIAL: ""},
}
WAITS: dict[str, str] = {
    "tax_property": "Something of value came with this property, and its receipt may state no amounts. Ask the donor "
    "to decline it, or have an adviser word the paper.",
    "qcd_letter": "The benefits of this IRA gift were not declined, which spoils it for the donor. Ask them first.",
    # Domain rule 26; for a foundation it would be self-dealing.
    "grant_letter": "Something of more than incidental value came with this grant, and such money must not buy it "
    "(IRS Notice 2017-73). Have it declined, or paid for apart.",
    "thank_you": "Something of more than incidental value came with this gift, and no paper for it could say so (IRS "
    "Notice 2017-73). Have it declined, or paid for apart.",
}
NOT_DECLINED = (
    "A benefit came with this gift and was not declined, so no paper may say that nothing was given in return. "
    "Add on the gift's page what it was."
)
FOREIGN_MONEY = "What came with this gift is valued in dollars, and the gift is not. Ask finance how to word its paper."
# Work and 1098-C cars are no deductible gifts on our paper, an estate's distribution buys nothing.
_SILENT = frozenset({"services", "vehicle"})
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
    treated = _treated(given, paper)
    said = _STATEMENTS[paper](given, treated)
    if paper != "tax_cash" or given.amount is None:
        return Document(paper, said, to, given.amount, treated)
    payment = given.amount.minor
    limit, discloses = benefits.excess(payment, treated), benefits.must_disclose(payment, treated)
    return Document(paper, said, to, given.amount, treated, limit, discloses)


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
    paper, most = PAPERS[given.kind], given.choices.vehicle_receipt_up_to_minor
    if given.kind == "vehicle" and (given.value_minor is None or given.value_minor > most):
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


# ---- What came with it ----------------------------------------------------------------------------------------------


def _treated(given: Given, paper: str) -> Treated:
    """How the benefits count, where the paper has to do with them. Raises NoRule."""
    if paper == "bequest_letter" or (paper == "thank_you" and given.kind in _SILENT):
        return NOTHING
    if not given.benefits:
        return _recorded(given, paper)
    # Property has no amount; what the books say decides, and is not printed.
    payment = given.amount.minor if given.amount else given.value_minor
    yearly = payment * benefits.TIMES_A_YEAR[given.frequency] if payment is not None else None
    if benefits.counting(given.benefits, yearly):
        if paper == "qcd_letter":
            # Domain rule 29: also what would be insubstantial elsewhere, so no figures are needed to know.
            raise NoRule(WAITS[paper])
        if given.amount and given.amount.currency != "usd":
            raise NoRule(FOREIGN_MONEY)
    treated = benefits.treat(given.benefits, payment_minor=payment, yearly_minor=yearly, harbor=given.harbor)
    if treated.treatment not in SAYS[paper]:
        raise NoRule(WAITS[paper])
    return treated


def _recorded(given: Given, paper: str) -> Treated:
    """The desk asked only whether benefits were declined (domain rules 29, 43); what was accepted has no value told."""
    if given.is_benefit_declined is False and paper != "thank_you":
        raise NoRule(WAITS[paper] if paper == "qcd_letter" else NOT_DECLINED)
    return Treated(Treatment.WAIVED, benefits.WAIVED) if given.is_benefit_declined else NOTHING


# ---- What it says ---------------------------------------------------------------------------------------------------


def _say(given: Given, *codes: str, **facts: str) -> tuple[Statement, ...]:
    """These sentences with the gift's facts; each names only what it may. An empty code is nothing to say."""
    names = ("organization", "ein", "payer", "gift_on", "custodian", "description")
    known = {name: getattr(given, name) for name in names} | facts
    return tuple(given.texts.say(code, known) for code in codes if code)


def _in_return(given: Given, treated: Treated, paper: str) -> tuple[Statement, ...]:
    """S0, S1 or S2: whether anything was given in return, and with S1 payment, value and excess (rules 38, 40, 41)."""
    code = SAYS[paper][treated.treatment]
    if code != "S1" or given.amount is None:
        return _say(given, code, description=treated.given)
    left = benefits.excess(given.amount.minor, treated)
    money = {"payment": given.amount.minor, "value": treated.value_minor, "excess": left}
    words = {name: str(Money(minor, given.amount.currency)) for name, minor in money.items()}
    return _say(given, code, description=treated.given, **words)


def _exempt(given: Given) -> tuple[Statement, ...]:
    """Who we are in tax law, in the words for the donor's country; and what their state wants said."""
    if given.donor_country not in ("", "US"):
        return _say(given, "S6A")
    of_state = f"ST-{given.donor_region.strip().upper()}"
    return _say(given, "S6", of_state if given.texts.has(of_state) else "")


def _cash(given: Given, treated: Treated) -> tuple[Statement, ...]:
    return *_in_return(given, treated, "tax_cash"), *_exempt(given)


def _property(given: Given, treated: Treated) -> tuple[Statement, ...]:
    """Described, never valued (domain rules 30, 32). Shares on an exchange need no appraisal, anything else may."""
    if names_value(given.description):
        raise NoRule("The description names a value, and no receipt for property may. Enter the gift again without it.")
    said = _say(given, "S3", "" if given.kind == "stock" else "S3C", "S3V" if given.kind == "vehicle" else "")
    return *said, *_in_return(given, treated, "tax_property"), *_exempt(given)


def _ira(given: Given, treated: Treated) -> tuple[Statement, ...]:
    """Rules 28, 29: from custodian to us, never "deductible", and nothing given in return."""
    direct = _say(given, "S5", amount=str(given.amount or ""))
    return (*direct, *_in_return(given, treated, "qcd_letter")) if given.choices.ira_letter_says_no_benefit else direct


def _grant(given: Given, treated: Treated) -> tuple[Statement, ...]:
    """To the foundation or fund itself: what it needs for its own books; no word on deduction."""
    return _in_return(given, treated, "grant_letter")


def _thanks(given: Given, treated: Treated) -> tuple[Statement, ...]:
    """Why this is no tax document, so that nobody mistakes it for one (domain rules 23, 32, 33)."""
    match given.kind:
        case "services":
            return _say(given, "S4S")
        case "vehicle":
            return _say(given, "S4V")
        case "payroll":
            return _say(given, "S4P" if given.donor_kind in _PERSONS else "S4R")
        case _:
            return _say(given, "S4")


def _bequest(given: Given, treated: Treated) -> tuple[Statement, ...]:
    """To the executor or trustee, whose accounts need it; no income-tax receipt for the family."""
    return _say(given, "S7")


_STATEMENTS: Mapping[str, Callable[[Given, Treated], tuple[Statement, ...]]] = {
    "tax_cash": _cash,
    "tax_property": _property,
    "qcd_letter": _ira,
    "grant_letter": _grant,
    "thank_you": _thanks,
    "bequest_letter": _bequest,
}
