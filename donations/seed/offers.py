"""What the newsroom's supporters get: a tote bag, the printed magazine; taken by most, declined by others."""

from datetime import date

from donations import benefits
from donations.models import Benefit, Campaign, Donor, Gift, GiftBenefit, SafeHarbor
from nonprofit.models import User

YEARS = 4
FIGURES = ("low_cost_minor", "minimum_gift_minor", "cap_minor")


def catalogue(campaign: Campaign) -> list[Benefit]:
    """Two things that come with gifts of some size, and a privilege that everybody has and that never counts."""
    return Benefit.objects.bulk_create(
        [
            Benefit(
                name="Tote bag",
                description="a Harbor Light tote bag",
                value_minor=18_00,
                cost_minor=9_00,
                has_our_name=True,
                campaign=campaign,
                from_minor=60_00,
            ),
            Benefit(
                name="Print magazine",
                description="4 issues of our printed magazine",
                value_minor=36_00,
                cost_minor=20_00,
                campaign=campaign,
                from_minor=120_00,
            ),
            Benefit(
                name="Early sign-up",
                description="early sign-up for our talks",
                value_minor=10_00,
                cost_minor=0,
                is_small_privilege=True,
            ),
        ]
    )


def years(today: date, by: User) -> None:
    """The years of the demo's gifts are verified; one that nobody has published yet borrows invented figures."""
    for year in range(today.year - YEARS, today.year + 1):
        known = SafeHarbor.objects.filter(year__lte=year).first() or SafeHarbor.objects.order_by("year").first()
        figures = {name: getattr(known, name) for name in FIGURES} if known else dict.fromkeys(FIGURES, 10_00)
        row, _ = SafeHarbor.objects.get_or_create(year=year, defaults={**figures, "source": "Invented, for the demo"})
        benefits.verify(row.pk, by=by)


def came_with(gifts: list[Gift]) -> None:
    """What the page offered for these gifts: most took it, every third declined."""
    offered = list(Benefit.objects.filter(campaign__isnull=False).order_by("pk"))
    rows: list[GiftBenefit] = []
    # A foundation's money must not buy them: its paper would wait for a person.
    people = [gift for gift in gifts if gift.donor and gift.donor.kind == Donor.Kind.INDIVIDUAL]
    large = [gift for gift in people if gift.frequency == Gift.Frequency.ONCE and gift.kind == Gift.Kind.CARD]
    for number, gift in enumerate(large):
        net = gift.amount_minor - gift.covered_fee_minor
        for one in offered:
            if one.campaign_id == gift.campaign_id and one.from_minor <= net:
                came = benefits.of_catalogue(one, is_declined=number % 3 == 0)
                facts = {name: getattr(came, name) for name in benefits.Came.__slots__}
                rows.append(GiftBenefit(gift=gift, added_by=benefits.SUPPORTER, added_at=gift.started_at, **facts))
    GiftBenefit.objects.bulk_create(rows)
