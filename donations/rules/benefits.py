"""How what came with a gift counts: nothing, declined, a small membership's privilege, insubstantial, or valued.

Each function below is one rule; `treat` asks them in this order, and the first that holds decides. Sources, where no
other is named: domain/receipts.md 1.2 and 1.3, read 2026-11-23, which name law and IRS publication of each.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

# Statutory and not indexed. Treas. Reg. 1.170A-13(f)(8)(i)(B): memberships; IRC 6115: a disclosure above it.
SMALL_MEMBERSHIP_MINOR = 75_00
DISCLOSURE_ABOVE_MINOR = 75_00
# Two percent, without fractions: the value times this is at most the payment.
TWO_PERCENT = 50
TIMES_A_YEAR = {"once": 1, "monthly": 12, "yearly": 1}


class NoRule(ValueError):
    """A gift for which no rule says which paper it gets; it waits for a person, who reads this text."""


class Treatment(StrEnum):
    """How what came with a gift counts."""

    NONE = "none"
    WAIVED = "waived"
    DISREGARDED = "disregarded"
    INSUBSTANTIAL = "insubstantial"
    VALUED = "valued"


@dataclass(frozen=True, slots=True)
class Benefit:
    """Something that came with a gift. value_minor: what anybody else would pay; cost_minor: what it cost us; cents.

    is_small_privilege: used often, of a membership for $75 a year or less. is_in_catalogue: the catalogue offers it to
    everybody, such a privilege from $75 a year or less; one that was typed for this gift alone proves no small package.
    """

    description: str
    value_minor: int
    cost_minor: int = 0
    has_our_name: bool = False
    is_small_privilege: bool = False
    is_in_catalogue: bool = False
    is_declined: bool = False


@dataclass(frozen=True, slots=True)
class SafeHarbor:
    """A calendar year's verified figures, in cents. Rev. Proc. 90-12, 92-49 and each year's indexing."""

    year: int
    low_cost_minor: int
    minimum_gift_minor: int
    cap_minor: int


@dataclass(frozen=True, slots=True)
class Treated:
    """How it counts, and by which rule.

    value_minor: what is taken off the payment; zero unless valued. given: in words what was given and is told of.
    declined: in words what was offered and not wanted. safe_harbor_year: whose figures decided, if any did.
    """

    treatment: Treatment = Treatment.NONE
    rule: str = "nothing was given in return"
    value_minor: int = 0
    given: str = ""
    declined: str = ""
    safe_harbor_year: int | None = None


NOTHING = Treated()


def treat(
    benefits: Sequence[Benefit], *, payment_minor: int | None, yearly_minor: int | None, harbor: SafeHarbor | None
) -> Treated:
    """How these benefits of one payment count. Benefits that count need `harbor`, the figures of the gift's own year.

    payment_minor: the whole payment in cents, None where nobody says what the gift is worth. yearly_minor: the same
    over a year, a monthly gift twelve times. Raises NoRule when there are no verified figures.
    """
    if not benefits:
        return NOTHING
    declined = in_words([one.description for one in benefits if one.is_declined])
    if all(one.is_declined for one in benefits):
        return Treated(Treatment.WAIVED, WAIVED, declined=declined)
    counted = counting(benefits, yearly_minor)
    if not counted:
        return Treated(Treatment.DISREGARDED, DISREGARDED, declined=declined)
    if harbor is None:
        raise NoRule(UNVERIFIED)
    given, year = in_words([one.description for one in counted]), harbor.year
    for rule, holds in INSUBSTANTIAL.items():
        if payment_minor is not None and holds(counted, payment_minor, harbor):
            return Treated(Treatment.INSUBSTANTIAL, rule, 0, given, declined, year)
    return Treated(Treatment.VALUED, VALUED, _value(counted), given, declined, year)


def counting(benefits: Sequence[Benefit], yearly_minor: int | None) -> list[Benefit]:
    """The benefits that were given and that no exclusion takes away."""
    return [
        one
        for one in benefits
        if not (one.is_declined or is_small_privilege(one, yearly_minor) or is_without_value(one))
    ]


# ---- The rules ------------------------------------------------------------------------------------------------------

WAIVED = "43: declined when it was given"
DISREGARDED = "42: privileges of a small membership"
VALUED = "41: its fair market value counts"
UNVERIFIED = (
    "Something came with this gift, and nobody has verified the safe-harbor figures of its year. Have them verified "
    "under Safe-harbor years; then this paper is made by itself. Figures of another year are never used."
)


def is_small_privilege(benefit: Benefit, yearly_minor: int | None) -> bool:
    """Privileges used often, of a membership for $75 a year or less, do not count; nor do they for who gives more.

    Treas. Reg. 1.170A-13(f)(8)(i)(B); IRS Pub. 1771. $6 a month is $72 a year and passes, $7 a month is $84 and does
    not, unless everybody gets the same from $75 a year on.
    """
    if not benefit.is_small_privilege:
        return False
    return benefit.is_in_catalogue or (yearly_minor is not None and yearly_minor <= SMALL_MEMBERSHIP_MINOR)


def is_without_value(benefit: Benefit) -> bool:
    """A newsletter about our own work that nobody could buy has neither value nor cost. Rev. Proc. 90-12."""
    return benefit.value_minor == 0 and benefit.cost_minor == 0


def is_within_two_percent(benefits: Sequence[Benefit], payment_minor: int, harbor: SafeHarbor) -> bool:
    """All of it together is worth two percent of the payment at most, and not more than the year's cap.

    Rev. Proc. 90-12, as indexed.
    """
    value = _value(benefits)
    return value * TWO_PERCENT <= payment_minor and value <= harbor.cap_minor


def is_token(benefits: Sequence[Benefit], payment_minor: int, harbor: SafeHarbor) -> bool:
    """A payment of some size, for which nothing was given but cheap items with our name: their cost to us decides.

    Rev. Proc. 90-12 and 92-49, as indexed. One thing without our name, and all of it counts with its value.
    """
    return (
        payment_minor >= harbor.minimum_gift_minor
        and all(one.has_our_name for one in benefits)
        and sum(one.cost_minor for one in benefits) <= harbor.low_cost_minor
    )


INSUBSTANTIAL = {
    "42: two percent (Rev. Proc. 90-12)": is_within_two_percent,
    "42: token with our name (Rev. Proc. 90-12)": is_token,
}


def excess(payment_minor: int, treated: Treated) -> int:
    """What may be deducted at most: the payment less the value that counts, never below zero. IRC 6115(a)(1)."""
    return max(0, payment_minor - treated.value_minor)


def must_disclose(payment_minor: int, treated: Treated) -> bool:
    """Whether law makes us say what it was worth: the whole payment decides, not what is left. IRC 6115(b).

    We say it whenever something counts: below $75 the donor needs it all the same (Treas. Reg. 1.170A-1(h)).
    """
    return treated.treatment == Treatment.VALUED and payment_minor > DISCLOSURE_ABOVE_MINOR


def in_words(descriptions: Sequence[str]) -> str:
    """Several things as one would say them: "a tote bag, a mug and a book"."""
    return " and ".join(filter(None, [", ".join(descriptions[:-1]), *descriptions[-1:]]))


def _value(benefits: Sequence[Benefit]) -> int:
    return sum(one.value_minor for one in benefits)
