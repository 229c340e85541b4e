"""The sentences papers can carry, each with its code, version and source. A changed sentence gets a new version."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Statement:
    """A sentence on a paper. `code` and `version` stay the same as long as the words do."""

    code: str
    version: str
    text: str


def no_goods_or_services(organization: str) -> Statement:
    """Every acknowledgment says whether anything was given in return, whatever the amount.

    IRC 170(f)(8)(B)(ii); IRS Pub. 1771; Durden v. Commissioner, T.C. Memo 2012-140: without it the deduction is lost.
    """
    return Statement("S0", "1", f"{organization} provided no goods or services in exchange for this contribution.")


def described(organization: str, description: str, gift_on: str) -> Statement:
    """Property is described and never valued. IRC 170(f)(8)(B)(i); IRS Pub. 1771, noncash contributions."""
    text = (
        f"On {gift_on}, {organization} received: {description}. "
        "We do not assign a value; the value is yours to determine."
    )
    return Statement("S3", "1", text)


def appraisal() -> Statement:
    """Form 8283, Section B; not for shares traded on an exchange. Treas. Reg. 1.170A-16(d)."""
    text = (
        "If you claim more than $5,000 for it, you may need a qualified appraisal and our signature on IRS Form 8283."
    )
    return Statement("S3C", "1", text)


def small_vehicle() -> Statement:
    """The claim, not our books, decides whether Form 1098-C is needed. IRC 170(f)(12)(A); IRS, Form 1098-C."""
    text = "If you claim more than $500 for it, you need IRS Form 1098-C from us; please tell us within 30 days."
    return Statement("S3V", "1", text)


def only_thanks(payer: str) -> Statement:
    """To an advisor or a matched employee: somebody else is the legal donor. IRS Notice 2017-73; Pub. 526."""
    text = (
        f"This letter is our thanks. Because the gift came from {payer}, it is not an acknowledgment for tax purposes."
    )
    return Statement("S4", "1", text)


def payroll() -> Statement:
    """Withheld pay is proven by pay stub or W-2 with the pledge card. IRS Notice 2006-110."""
    text = (
        "This letter is our thanks. For tax purposes your record of gifts from your pay is your pay stub or Form W-2, "
        "together with your pledge card."
    )
    return Statement("S4P", "1", text)


def remittance() -> Statement:
    """To the employer or federation that sends what others gave. IRS Notice 2006-110."""
    text = (
        "This letter confirms what you sent us on behalf of people who give from their pay. "
        "It is not an acknowledgment for tax purposes."
    )
    return Statement("S4R", "1", text)


def services() -> Statement:
    """Work and the use of space are not deductible gifts. Treas. Reg. 1.170A-1(g); IRS Pub. 526."""
    text = (
        "This letter is our thanks. Tax law does not count work or the use of space as a deductible gift, "
        "so it is not an acknowledgment for tax purposes."
    )
    return Statement("S4S", "1", text)


def vehicle(organization: str) -> Statement:
    """Above $500 only Form 1098-C proves the gift; no other paper may look like it. IRC 170(f)(12)."""
    text = (
        "This letter is our thanks and not an acknowledgment for tax purposes. "
        f"For your taxes {organization} sends you IRS Form 1098-C within 30 days of the vehicle's sale, "
        "or of your gift if we keep it."
    )
    return Statement("S4V", "1", text)


def ira(organization: str, amount: str, received_on: str, custodian: str) -> Statement:
    """Straight from the custodian to a charity that may receive it; the word "deductible" only to deny it.

    IRC 408(d)(8). Which tax year it belongs to is the custodian's Form 1099-R to say.
    """
    text = (
        f"We received {amount} on {received_on} directly from {custodian}, from your IRA. {organization} is a public "
        "charity eligible to receive qualified charitable distributions; it is not a donor-advised fund or supporting "
        "organization. This letter does not state that the amount is deductible."
    )
    return Statement("S5", "1", text)


def exempt(organization: str, ein: str) -> Statement:
    """Who we are in tax law. IRC 170(c), 501(c)(3); never "fully deductible": Pub. L. 119-21 has floors and caps."""
    text = (
        f"{organization} is tax-exempt under section 501(c)(3) of the Internal Revenue Code, EIN {ein}. "
        "Contributions are deductible to the extent allowed by law."
    )
    return Statement("S6", "1", text)


def abroad(organization: str, ein: str) -> Statement:
    """For donors outside the United States: no word on deductibility in their country (domain/receipts.md 1.1)."""
    text = (
        f"{organization} is tax-exempt under section 501(c)(3) of the United States Internal Revenue Code, EIN {ein}. "
        "If you pay tax outside the United States, please ask your own adviser whether this gift is deductible there."
    )
    return Statement("S6A", "1", text)


def bequest(organization: str) -> Statement:
    """For the executor's or trustee's accounts. An estate's gift is no income-tax deduction of the family's."""
    text = (
        f"This letter confirms to the executor or trustee that {organization} received the distribution described "
        "above. It is not an income-tax receipt for any person."
    )
    return Statement("S7", "1", text)
