"""Levels and memberships of the fictional newsroom, when `manage.py seed` has told its three years of gifts."""

from datetime import timedelta
from typing import Any

from donations.models import Benefit, Donor
from members import fulfilment, granting, memberships
from members.models import Fulfilment, Level, LevelBenefit, Membership
from nonprofit import clock
from nonprofit.models import User

LEVELS = (
    ("a Friend", 60_00, "dues", "You keep one page of the county free to read."),
    ("a Neighbor", 120_00, "dues", "You keep a reporter at every council meeting for a day."),
    ("a Patron", 300_00, "dues", "You send a reporter out for a week."),
    ("in the Lighthouse Circle", 1_000_00, "cumulative", "All your gifts of a year together keep the light on."),
)


def seeded(**_: Any) -> None:
    """There are levels, everybody's membership stands, somebody is a member for life, and parcels wait."""
    levels = [
        Level.objects.create(name=name, from_minor=minor, kind=kind, description=words, position=place)
        for place, (name, minor, kind, words) in enumerate(LEVELS, 1)
    ]
    bag = Benefit.objects.create(
        name="Harbor tote", description="a tote bag", value_minor=18_00, cost_minor=7_00, has_our_name=True
    )
    words = "a seat at newsroom talks"
    talk = Benefit.objects.create(name="Newsroom talks", description=words, value_minor=0, cost_minor=0)
    with_bag = LevelBenefit.objects.create(level=levels[2], benefit=bag, in_stock=40)
    for level in levels:
        LevelBenefit.objects.create(level=level, benefit=talk, is_shipped=False)
    memberships.recompute_all()
    clerk = User.objects.filter(email="staff@example.org").first() or User.objects.filter(is_staff=True).first()
    if clerk is not None:
        _given(levels, with_bag, clerk)


def _given(levels: list[Level], with_bag: LevelBenefit, clerk: User) -> None:
    others = Donor.objects.filter(membership__state="never", kind=Donor.Kind.INDIVIDUAL).exclude(user=clerk)
    some = list(others.order_by("pk")[:2])
    if len(some) == 2:
        granting.for_life(some[0].pk, levels[2], why="Founded the newsroom", user=clerk)
        end = clock.today() + timedelta(days=200)
        granting.complimentary(some[1].pk, levels[0], ends_on=end, why="Spoke at our open day", user=clerk)
    patrons = Membership.objects.filter(benefit_level=levels[2], donor__address_line1__gt="").order_by("pk")[:4]
    for row in patrons:
        Fulfilment.objects.create(donor_id=row.donor_id, level_benefit=with_bag, due_on=clock.today())
    for sent in Fulfilment.objects.order_by("pk")[:2]:
        fulfilment.ship(sent.pk, fulfilment.Parcel(tracking=f"1Z999AA1{sent.pk:08d}"), user=clerk)
