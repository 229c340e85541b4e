"""The sentences papers can carry: when each is said, after which source, and which facts it names.

The texts here are version 1 of each and never change: a changed sentence is a new version, which the organization
writes (`StatementText`). Its lawyer approves them all before launch.
"""

import re
import string
from collections.abc import Mapping
from dataclasses import dataclass, field

from donations.rules.benefits import NoRule


@dataclass(frozen=True, slots=True)
class Statement:
    """A sentence on a paper. `code` and `version` stay the same as long as the words do."""

    code: str
    version: str
    text: str


@dataclass(frozen=True, slots=True)
class Sentence:
    """A sentence as it can be said. facts: what it may name; must: what it has to."""

    when: str
    source: str
    text: str
    facts: tuple[str, ...] = ("organization",)
    must: tuple[str, ...] = ()


SENTENCES: dict[str, Sentence] = {
    "S0": Sentence(
        "Nothing was given in return, or it was declined or need not be counted.",
        # Without it the deduction is lost: Durden v. Commissioner, T.C. Memo 2012-140.
        "IRC 170(f)(8)(B)(ii); IRS Pub. 1771",
        "{organization} provided no goods or services in exchange for this contribution.",
    ),
    "S1": Sentence(
        "Something was given in return, and its value counts.",
        "IRC 6115; Treas. Reg. 1.170A-1(h)(4)",
        "In exchange we provided {description}, which we estimate in good faith to be worth {value}. The amount of "
        "your contribution that is deductible for U.S. federal income tax purposes is limited to the excess of your "
        "payment over the value of those goods or services: {payment} − {value} = {excess}.",
        ("organization", "description", "payment", "value", "excess"),
        ("description", "value", "excess"),
    ),
    "S2": Sentence(
        "What was given in return is of insubstantial value.",
        "Rev. Proc. 90-12 and 92-49; Treas. Reg. 1.170A-13(f)(8)(i)(A)",
        "The benefits you received are of insubstantial value under IRS guidelines; the amount you may deduct is not "
        "reduced by them.",
        ("organization", "description"),
    ),
    "S2G": Sentence(
        "The same, on a letter about a grant, which says nothing of deductions.",
        "Rev. Proc. 90-12; Notice 2017-73 (incidental benefits)",
        "In exchange for this grant {organization} provided no goods or services but benefits of insubstantial value "
        "under IRS guidelines.",
        ("organization", "description"),
    ),
    "S3": Sentence(
        "Property is described and never valued.",
        "IRC 170(f)(8)(B)(i); IRS Pub. 1771, noncash contributions",
        "On {gift_on}, {organization} received: {description}. "
        "We do not assign a value; the value is yours to determine.",
        ("organization", "description", "gift_on"),
        ("description", "gift_on"),
    ),
    "S3C": Sentence(
        "Property that is no share traded on an exchange.",
        "Form 8283, Section B; Treas. Reg. 1.170A-16(d)",
        "If you claim more than $5,000 for it, you may need a qualified appraisal and our signature on IRS Form 8283.",
    ),
    "S3V": Sentence(
        "A vehicle worth little: the claim, not our books, decides whether Form 1098-C is needed.",
        "IRC 170(f)(12)(A); IRS, Form 1098-C",
        "If you claim more than $500 for it, you need IRS Form 1098-C from us; please tell us within 30 days.",
    ),
    "S4": Sentence(
        "Thanks to an advisor or a matched employee: somebody else is the legal donor.",
        "IRS Notice 2017-73; Pub. 526",
        "This letter is our thanks. Because the gift came from {payer}, it is not an acknowledgment for tax purposes.",
        ("organization", "payer"),
        ("payer",),
    ),
    "S4P": Sentence(
        "Thanks for giving from one's pay.",
        "IRS Notice 2006-110",
        "This letter is our thanks. For tax purposes your record of gifts from your pay is your pay stub or Form W-2, "
        "together with your pledge card.",
    ),
    "S4R": Sentence(
        "To the employer or federation that sends what others gave from their pay.",
        "IRS Notice 2006-110",
        "This letter confirms what you sent us on behalf of people who give from their pay. "
        "It is not an acknowledgment for tax purposes.",
    ),
    "S4S": Sentence(
        "Work and the use of space are no deductible gifts.",
        "Treas. Reg. 1.170A-1(g); IRS Pub. 526",
        "This letter is our thanks. Tax law does not count work or the use of space as a deductible gift, "
        "so it is not an acknowledgment for tax purposes.",
    ),
    "S4V": Sentence(
        "A vehicle for which only Form 1098-C proves the gift.",
        "IRC 170(f)(12)",
        "This letter is our thanks and not an acknowledgment for tax purposes. "
        "For your taxes {organization} sends you IRS Form 1098-C within 30 days of the vehicle's sale, "
        "or of your gift if we keep it.",
    ),
    "S5": Sentence(
        "Straight from an IRA; which tax year it belongs to is the custodian's Form 1099-R to say.",
        "IRC 408(d)(8)",
        "We received {amount} on {gift_on} directly from {custodian}, from your IRA. {organization} is a public "
        "charity eligible to receive qualified charitable distributions; it is not a donor-advised fund or supporting "
        "organization. This letter does not state that the amount is deductible.",
        ("organization", "amount", "gift_on", "custodian"),
        ("amount", "gift_on", "custodian"),
    ),
    "S6": Sentence(
        "Every tax receipt: who we are in tax law.",
        "IRC 170(c), 501(c)(3)",
        "{organization} is tax-exempt under section 501(c)(3) of the Internal Revenue Code, EIN {ein}. "
        "Contributions are deductible to the extent allowed by law.",
        ("organization", "ein"),
    ),
    "S6A": Sentence(
        "The same for donors outside the United States: no word on deductions in their country.",
        "domain/receipts.md 1.1",
        "{organization} is tax-exempt under section 501(c)(3) of the United States Internal Revenue Code, EIN {ein}. "
        "If you pay tax outside the United States, please ask your own adviser whether this gift is deductible there.",
        ("organization", "ein"),
    ),
    "S7": Sentence(
        "For the executor's or trustee's accounts: no income-tax deduction of the family's.",
        "domain/receipts.md 1.1",
        "This letter confirms to the executor or trustee that {organization} received the distribution described "
        "above. It is not an income-tax receipt for any person.",
    ),
}
# What some states want on papers to their residents, by state: "ST-FL". Only where the organization wrote one.
OF_STATE = re.compile(r"ST-[A-Z]{2}")
_STATE = Sentence("A state's registration sentence, on tax receipts to its residents.", "the state's law", "")
# What no paper may say since Pub. L. 119-21, with its floors, its caps and its deduction for those who do not itemize.
NEVER = re.compile(r"fully\s+(tax[- ]?)?deductible|\bitemi[sz]", re.IGNORECASE)
_PARSED = string.Formatter()


class BadText(ValueError):
    """A text that cannot be a version of that sentence; for the person who wrote it."""


@dataclass(frozen=True, slots=True)
class Text:
    """A version of a sentence, with {names} where facts go."""

    version: int
    template: str


@dataclass(frozen=True, slots=True)
class Library:
    """The texts that are said now: the organization's own where it wrote one, ours else."""

    own: Mapping[str, Text] = field(default_factory=dict)

    def text(self, code: str) -> Text:
        """The version that is said now. Raises KeyError for a sentence there is not."""
        return self.own.get(code) or Text(1, SENTENCES[code].text)

    def say(self, code: str, facts: Mapping[str, str]) -> Statement:
        """The sentence with its facts; it is given no other facts than it may name. Raises NoRule."""
        text = self.text(code)
        told = {name: facts[name] for name in sentence(code).facts if name in facts}
        try:
            return Statement(code, str(text.version), text.template.format_map(told))
        except (KeyError, IndexError, AttributeError, ValueError) as error:
            raise NoRule(
                f"The text of {code}, version {text.version}, names {error}, which this gift has not. "
                "Write a new version of it under Statement texts."
            ) from error

    def has(self, code: str) -> bool:
        """Whether there is something to say under that code."""
        return code in self.own or code in SENTENCES

    def changed(self, code: str, text: Text) -> "Library":
        """The same with one text in another version."""
        return Library({**self.own, code: text})


OURS = Library()


def sentence(code: str) -> Sentence:
    """What there is to know about a sentence. Raises KeyError."""
    return _STATE if OF_STATE.fullmatch(code) else SENTENCES[code]


def check(code: str, template: str) -> None:
    """Whether `template` can be a version of that sentence. Raises BadText, which names what is wrong."""
    if not (OF_STATE.fullmatch(code) or code in SENTENCES):
        raise BadText(f"There is no sentence {code}. A state's own is called like ST-FL.")
    known = sentence(code)
    named = _named(template)
    may = ", ".join(f"{{{name}}}" for name in known.facts)
    for name in named:
        if name not in known.facts:
            raise BadText(f"{code} knows no {{{name}}}. It can name {may}.")
    for name in known.must:
        if name not in named:
            raise BadText(f"{code} must name {{{name}}}: {known.source} asks for it.")
    if found := NEVER.search(template):
        raise BadText(f"No paper may say “{found[0]}”: since 2026 floors and caps decide that (Pub. L. 119-21).")


def _named(template: str) -> set[str]:
    """The facts a template names, each as a plain {name}."""
    try:
        parts = list(_PARSED.parse(template))
    except ValueError as error:
        raise BadText("A { or } stands alone. Write a fact like {organization}.") from error
    for _, name, form, conversion in parts:
        if name is not None and (form or conversion or not name.isidentifier()):
            raise BadText(f"“{{{name}}}” is not a plain name. Write a fact like {{organization}}.")
    return {name for _, name, _, _ in parts if name is not None}
