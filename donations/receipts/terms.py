"""What papers are decided by beside the gifts: our name, texts, choices, verified years, and what came with each."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cached_property

from donations.models import GiftBenefit, Policy, SafeHarbor, StatementText
from donations.rules import benefits, sentences
from donations.rules.benefits import Benefit
from donations.rules.documents import Choices
from donations.rules.sentences import Library
from nonprofit import organization
from nonprofit.models import Organization


@dataclass
class Terms:
    """The same for all papers of a moment. Choices and years are read when the first gift asks for them.

    came_with: by the gift's id.
    """

    who: Organization
    texts: Library = sentences.OURS
    came_with: dict[int, tuple[Benefit, ...]] = field(default_factory=dict)
    _years: dict[int, benefits.SafeHarbor | None] = field(default_factory=dict)

    @cached_property
    def choices(self) -> Choices:
        """What the organization chose where the law leaves it to us."""
        chosen = Policy.get()
        return Choices(chosen.ira_letter_says_no_benefit, chosen.vehicle_receipt_up_to_minor)

    def harbor(self, year: int) -> benefits.SafeHarbor | None:
        """The verified figures of that year; None while nobody has verified them."""
        if year not in self._years:
            found = SafeHarbor.objects.filter(year=year, verified_at__isnull=False).first()
            self._years[year] = figures(found) if found else None
        return self._years[year]


def figures(year: SafeHarbor) -> benefits.SafeHarbor:
    """A year's row as the rules take it."""
    return benefits.SafeHarbor(year.year, year.low_cost_minor, year.minimum_gift_minor, year.cap_minor)


def of(gift_ids: Iterable[int], who: Organization | None = None) -> Terms:
    """The terms of these gifts, however many: two queries, and one for us where `who` is not given."""
    return Terms(who or organization.get(), library(), came_with(gift_ids))


def none() -> Terms:
    """Terms that read nothing, for whoever only asks which paper it would be."""
    return Terms(Organization())


def library() -> Library:
    """The texts that are said now: the newest version of each sentence the organization wrote itself."""
    rows = StatementText.objects.order_by("version").values_list("code", "version", "text")
    return Library({code: sentences.Text(version, text) for code, version, text in rows})


def came_with(gift_ids: Iterable[int]) -> dict[int, tuple[Benefit, ...]]:
    """What came with these gifts, by the gift's id; gifts with which nothing came are not in it."""
    found: dict[int, list[Benefit]] = defaultdict(list)
    for row in GiftBenefit.objects.filter(gift__in=list(gift_ids)).order_by("pk"):
        found[row.gift_id].append(facts(row))
    return {gift: tuple(rows) for gift, rows in found.items()}


def facts(row: GiftBenefit) -> Benefit:
    """A recorded benefit as the rules take it."""
    return Benefit(
        description=row.description,
        value_minor=row.value_minor,
        cost_minor=row.cost_minor,
        has_our_name=row.has_our_name,
        is_small_privilege=row.is_small_privilege,
        is_in_catalogue=row.benefit_id is not None,
        is_declined=row.is_declined,
    )
