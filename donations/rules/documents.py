"""Which paper a gift gets and the sentences it must carry: the kind of gift decides, nobody types them.

Texts are our drafting after the sources named; an organisation's lawyer approves them before launch.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Statement:
    """A sentence on a receipt. `code` and `version` stay the same as long as the words do."""

    code: str
    version: str
    text: str


@dataclass(frozen=True, slots=True)
class Document:
    """What to issue for a gift. kind: "tax_cash" is a written acknowledgment of a gift of money."""

    kind: str
    statements: tuple[Statement, ...]


class NoRule(ValueError):
    """A gift for which no rule says which paper it gets; it waits for a person."""


def for_gift(*, kind: str, organization: str, ein: str, donor_country: str) -> Document:
    """The document for a gift of `kind` ("card") without benefits.

    donor_country: ISO 3166-1 alpha-2, "" when not told. Raises NoRule for kinds it does not know.
    """
    if kind != "card":
        raise NoRule(f"no document rule for a gift of kind {kind!r}")
    exempt = _abroad if donor_country not in ("", "US") else _exempt
    return Document("tax_cash", (_no_goods_or_services(organization), exempt(organization, ein)))


def _no_goods_or_services(organization: str) -> Statement:
    """Every acknowledgment says whether anything was given in return, whatever the amount.

    IRC 170(f)(8)(B)(ii); IRS Pub. 1771; Durden v. Commissioner, T.C. Memo 2012-140: without it the deduction is lost.
    """
    return Statement("S0", "1", f"{organization} provided no goods or services in exchange for this contribution.")


def _exempt(organization: str, ein: str) -> Statement:
    """Who we are in tax law. IRC 170(c), 501(c)(3); never "fully deductible": Pub. L. 119-21 has floors and caps."""
    text = (
        f"{organization} is tax-exempt under section 501(c)(3) of the Internal Revenue Code, EIN {ein}. "
        "Contributions are deductible to the extent allowed by law."
    )
    return Statement("S6", "1", text)


def _abroad(organization: str, ein: str) -> Statement:
    """For donors outside the United States: no word on deductibility in their country (domain/receipts.md 1.1)."""
    text = (
        f"{organization} is tax-exempt under section 501(c)(3) of the United States Internal Revenue Code, EIN {ein}. "
        "If you pay tax outside the United States, please ask your own adviser whether this gift is deductible there."
    )
    return Statement("S6A", "1", text)
