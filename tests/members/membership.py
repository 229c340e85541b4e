"""Levels, and supporters who become members as in life: by checks in batches and cards at the stand-in."""

from datetime import date, timedelta
from uuid import uuid4

from donations.desk import batches, rows
from donations.models import Benefit, Donor, Gift
from members.models import Level, LevelBenefit
from nonprofit import clock
from nonprofit.models import User
from nonprofit.money import Money
from tests import builders


def levels() -> tuple[Level, Level]:
    """A Friend for $60 a year, a Patron for $240."""
    friend, _ = Level.objects.get_or_create(name="a Friend", defaults={"from_minor": 60_00, "position": 1})
    patron, _ = Level.objects.get_or_create(name="a Patron", defaults={"from_minor": 240_00, "position": 2})
    return friend, patron


def tote(level: Level, *, in_stock: int | None = None, **fields: object) -> LevelBenefit:
    """A bag worth $15 that members of this level get."""
    defaults = {"name": "Tote", "description": "a tote bag", "value_minor": 15_00, "cost_minor": 6_00}
    benefit = Benefit.objects.create(**{**defaults, **fields})
    return LevelBenefit.objects.create(level=level, benefit=benefit, in_stock=in_stock)


def check_from(donor: Donor, amount_minor: int, *, on: date | None = None, user: User | None = None) -> Gift:
    """A check that was typed into a batch and booked when the batch closed; it came on `on`."""
    builders.campaign()
    user, day = user or builders.staff("Staff"), on or clock.today()
    header = batches.Header(
        kind="checks",
        expected_count=1,
        expected_total=Money(amount_minor),
        deposit_on=clock.today(),
        fund=builders.fund(),
    )
    batch = batches.open(header, user)
    facts = {"check_number": "1001", "received_on": day}
    rows.save(batch.pk, rows.Typed(attempt=uuid4(), amount_minor=amount_minor, donor_id=donor.pk, facts=facts), user)
    batches.close(batch.pk, user)
    return Gift.objects.filter(donor=donor).order_by("-pk")[0]


def ago(days: int) -> date:
    return clock.today() - timedelta(days=days)
