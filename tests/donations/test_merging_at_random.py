"""Merges, un-merges, gifts, plans and sign-ins in any order: everything leads to the right supporter (issue 3, line 6).

The rule they are held to: what came to a record belongs to whoever that record is today. It is as simple as that,
however many merges lie between.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest
from allauth.account.models import EmailAddress
from django.db import transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from donations import donors
from donations.desk import find, merging
from donations.models import Donor, DonorEmail, DonorMerge, Gift, LedgerEntry, Plan, Receipt, SoftCredit
from donations.receipts import issue
from members import accounts
from nonprofit.models import User
from tests import builders
from tests.donations.test_merging import picture

pytestmark = pytest.mark.django_db

PEOPLE = 4


@dataclass
class World:
    """What was done, remembered apart from the database: to which record each thing came."""

    clerk: User
    records: list[Donor]
    emails: list[str]
    homes: dict[tuple[str, int], int] = field(default_factory=dict)
    into: dict[int, int] = field(default_factory=dict)
    receipts: dict[str, int] = field(default_factory=dict)

    def today(self, pk: int) -> int:
        while pk in self.into:
            pk = self.into[pk]
        return pk


Deed = Callable[[World, int, int], None]


def give(world: World, one: int, _: int) -> None:
    """A card gift by whatever e-mail that record once had; it comes to whoever that is today."""
    gift = builders.booked_gift(donor_email=world.emails[one], donor_name="Ana")
    world.homes["gift", gift.pk] = world.today(world.records[one].pk)


def receipt(world: World, *_: int) -> None:
    issue.issue_due()
    for made in Receipt.objects.exclude(number__in=world.receipts):
        world.receipts[made.number] = made.its_gift.pk


def plan(world: World, one: int, _: int) -> None:
    owner = world.today(world.records[one].pk)
    world.homes["plan", builders.starting_plan(donor_id=owner).pk] = owner


def thank(world: World, one: int, _: int) -> None:
    owner = world.today(world.records[one].pk)
    gift = builders.settled_gift(donor=builders.donor(email=None))
    credit = SoftCredit.objects.create(gift=gift, donor_id=owner, role="spouse")
    world.homes["softcredit", credit.pk] = owner


def further_email(world: World, one: int, other: int) -> None:
    owner, address = world.today(world.records[one].pk), f"more{one}.{other}@example.org"
    if not DonorEmail.objects.filter(email=address).exists():
        world.homes["donoremail", DonorEmail.objects.create(donor_id=owner, email=address).pk] = owner


def sign_in(world: World, one: int, _: int) -> None:
    user = accounts.open_for(world.emails[one])
    if user is not None:
        EmailAddress.objects.filter(user=user, email=user.email).update(verified=True)
        accounts.link_donor(user)


def merge(world: World, one: int, other: int) -> None:
    kept, gone = world.records[one], world.records[other]
    try:
        merging.merge(kept.pk, gone.pk, user=world.clerk, choices={"sign_in": "gone", "name": "gone"})
    except merging.CannotMerge:
        assert one == other or {kept.pk, gone.pk} & world.into.keys()
        return
    world.into[gone.pk] = kept.pk


def unmerge(world: World, one: int, _: int) -> None:
    standing = list(DonorMerge.objects.filter(undone_at=None).order_by("pk"))
    if not standing:
        return
    record = standing[one % len(standing)]
    try:
        merging.unmerge(record.pk, user=world.clerk)
    except merging.CannotMerge:
        newer = [later for later in standing if later.pk > record.pk]
        assert any(record.kept_id in (later.kept_id, later.gone_id) for later in newer)
        return
    del world.into[record.gone_id]


def there_and_back(world: World, one: int, other: int) -> None:
    """Taking a merge back leaves every row as it was before."""
    before = picture()
    try:
        record = merging.merge(world.records[one].pk, world.records[other].pk, user=world.clerk)
    except merging.CannotMerge:
        assert picture() == before
        return
    if record.gone_id in world.into:
        # It stood before: this was the second press of the same button.
        assert picture() == before
        return
    merging.unmerge(record.pk, user=world.clerk)
    assert picture() == before


DEEDS: list[Deed] = [give, give, receipt, plan, thank, further_email, sign_in, merge, merge, unmerge, there_and_back]
MODELS: dict[str, Any] = {"gift": Gift, "plan": Plan, "softcredit": SoftCredit, "donoremail": DonorEmail}


def check(world: World) -> None:
    """Nothing is lost, nothing is doubled, and everything leads to the right supporter."""
    for (kind, pk), home in world.homes.items():
        row = MODELS[kind].objects.get(pk=pk)
        assert row.donor_id == world.today(home), (kind, pk)
    given = [pk for kind, pk in world.homes if kind == "gift"]
    for pk in given:
        assert LedgerEntry.objects.filter(gift_id=pk, kind="gift").count() == 1
    assert sum(donor.gifts.filter(pk__in=given).count() for donor in Donor.objects.all()) == len(given)
    for number, gift_id in world.receipts.items():
        assert Receipt.objects.get(number=number).gift_id == gift_id
    for record, email in zip(world.records, world.emails, strict=True):
        today = world.today(record.pk)
        assert [match.donor_id for match in find.find(record.public_id)] == [today]
        found = donors.by_email(email)
        assert found is not None
        assert found.pk == today
        further = DonorEmail.objects.filter(email=email).count()
        assert further + Donor.objects.filter(email=email).count() == 1
    for donor in Donor.objects.filter(merged_into__isnull=False):
        assert (donor.user_id, donor.email) == (None, None)
    for donor in Donor.objects.filter(user__isnull=False):
        # Whoever signs in sees the record that their own mailbox leads to, and no other.
        assert donors.by_email(donor.user.email if donor.user else "") == donor


@settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(
    deeds=st.lists(
        st.tuples(st.sampled_from(DEEDS), st.integers(0, PEOPLE - 1), st.integers(0, PEOPLE - 1)),
        min_size=4,
        max_size=18,
    )
)
def test_in_any_order_everything_leads_to_the_right_supporter(deeds: list[tuple[Deed, int, int]]) -> None:
    point = transaction.savepoint()
    try:
        records = [builders.donor(name=f"Ana {number}", email=f"ana{number}@example.org") for number in range(PEOPLE)]
        world = World(builders.staff("Administrator"), records, [record.email or "" for record in records])
        for deed, one, other in deeds:
            deed(world, one, other)
            check(world)
    finally:
        transaction.savepoint_rollback(point)
