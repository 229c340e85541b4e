"""Memberships follow settled money through the real verbs: once, twice, at once, killed, refunded, merged."""

import random
from datetime import date, timedelta
from typing import Any

import pytest
from django.db import IntegrityError, transaction

from donations import corrections, disputes, gifts, refunds, reversals
from donations.desk import merging
from donations.models import Donor, Gift, GiftBenefit, LedgerEntry, Receipt, SafeHarbor
from donations.receipts import issue
from members import fulfilment, granting, memberships
from members.models import Fulfilment, Level, Membership, MembershipGrant, MembershipPerson
from nonprofit import clock
from nonprofit.models import AuditEntry, User
from tests import builders
from tests.donations import money_back
from tests.donations.test_settle import at_once
from tests.members import people
from tests.members.membership import ago, check_from, levels, tote
from tests.members.recount import recount, stored

pytestmark = pytest.mark.django_db


@pytest.fixture
def clerk() -> User:
    return builders.staff("Administrator")


@pytest.fixture
def ana() -> Donor:
    builders.campaign()
    return builders.donor(name="Ana Silva", email="ana@example.org", address_line1="1 Pier", city="Port Haven")


def membership(donor: Donor) -> Membership:
    return Membership.objects.select_related("level").get(donor=donor)


def monthly(donor: Donor, months_ago: int, amount_minor: int = 500) -> Gift:
    day = clock.today() - timedelta(days=30 * months_ago)
    return people.gave(donor.email or "", amount_minor, on=day, frequency="monthly")


def why(donor: Donor) -> list[str]:
    return [one["text"] for one in membership(donor).why]


def test_a_yearly_check_and_a_monthly_card_are_one_membership(ana: Donor) -> None:
    """Must show 4."""
    levels()
    for months in (3, 2, 1, 0):
        monthly(ana, months)
    by_card = membership(ana)
    assert (str(by_card.level), by_card.state) == ("a Friend", "current")
    check_from(ana, 240_00)
    both = membership(ana)
    assert Membership.objects.count() == 1
    assert str(both.level) == "a Patron"
    assert both.joined_on == ago(90)
    # A year is added to where the card had carried.
    assert both.current_through
    assert by_card.current_through
    assert both.current_through > by_card.current_through + timedelta(days=360)
    assert stored(ana.pk) == recount(ana.pk)
    assert any("check" in one for one in why(ana))
    assert any("monthly gift" in one for one in why(ana))


def test_a_bounced_check_shortens_to_what_the_card_carries(ana: Donor) -> None:
    """Must show 4: by rule, and never silently."""
    levels()
    monthly(ana, 0)
    by_card = membership(ana)
    gift = check_from(ana, 240_00)
    reversals.reverse(gift.pk, reason="bounced", noticed_on=clock.today(), actor="staff:1")
    after = membership(ana)
    assert (after.current_through, after.level) == (by_card.current_through, by_card.level)
    assert any("came back from the bank, so what it had added is taken off" in one for one in why(ana))
    told = AuditEntry.objects.filter(action="membership stands anew", target_id=str(after.pk)).latest("pk")
    assert "current_through" in told.after
    assert stored(ana.pk) == recount(ana.pk)


def test_a_refund_at_stripe_ends_it_and_one_that_fails_brings_it_back(ana: Donor) -> None:
    levels()
    gift = people.gave("ana@example.org", 60_00)
    assert membership(ana).state == "current"
    refunds.apply(gift.pk, money_back.refund(gift, 1, 60_00))
    gone = membership(ana)
    assert (gone.state, gone.level, gone.current_through) == ("never", None, None)
    assert why(ana) == [
        f"Your gift of {clock.today():%B} {clock.today().day}, {clock.today().year} was refunded, so what it had added "
        "is taken off again."
    ]
    refunds.apply(gift.pk, money_back.refund(gift, 1, 60_00, "failed"))
    assert membership(ana).state == "current"
    assert stored(ana.pk) == recount(ana.pk)


def test_a_part_that_a_bank_keeps_leaves_the_membership_of_the_rest(ana: Donor) -> None:
    """Nothing more moves when a dispute is lost, and yet the gift counts again."""
    levels()
    gift = people.gave("ana@example.org", 240_00)
    disputes.apply(money_back.dispute(gift, "needs_response", amount_minor=100_00), gift.pk)
    assert membership(ana).level is None
    disputes.apply(money_back.dispute(gift, "lost", amount_minor=100_00), gift.pk)
    assert str(membership(ana).level) == "a Friend"
    assert stored(ana.pk) == recount(ana.pk)


def test_a_part_that_went_back_lowers_the_level(ana: Donor) -> None:
    levels()
    gift = people.gave("ana@example.org", 240_00)
    refunds.apply(gift.pk, money_back.refund(gift, 1, 100_00))
    assert str(membership(ana).level) == "a Friend"
    assert stored(ana.pk) == recount(ana.pk)


def test_without_levels_nobody_is_anything_and_nothing_is_written(ana: Donor) -> None:
    people.gave("ana@example.org", 60_00)
    assert not Membership.objects.exists()
    assert memberships.age() == 0


def test_recomputing_twice_changes_and_logs_nothing(ana: Donor) -> None:
    levels()
    people.gave("ana@example.org", 60_00)
    logged = AuditEntry.objects.count()
    before = Membership.objects.values().get()
    assert memberships.recompute_many([ana.pk]) == 0
    assert memberships.recompute_all() == Donor.objects.count()
    assert Membership.objects.values().get() == before
    assert AuditEntry.objects.count() == logged


def test_gifts_that_settle_at_once_all_count(transactional_db: None) -> None:
    levels()
    donor = builders.donor(email="ana@example.org")
    builders.campaign()
    begun = [builders.pending_gift(amount_minor=60_00, payment_intent_id=f"pi_{n}") for n in range(6)]
    assert at_once(6, lambda n: gifts.settle(begun[n].pk, builders.payment(begun[n]))) == []
    assert Membership.objects.count() == 1
    assert stored(donor.pk) == recount(donor.pk)
    through = membership(donor).current_through
    assert through is not None
    assert through.year == clock.today().year + 6 or through.year == clock.today().year + 7


def test_recomputed_at_once_from_many_threads_is_one_row(transactional_db: None) -> None:
    donor = builders.donor(email="ana@example.org")
    people.gave("ana@example.org", 60_00)
    levels()
    assert at_once(8, lambda _: memberships.recompute(donor.pk)) == []
    assert membership(donor).state == "current"
    assert AuditEntry.objects.filter(action="membership stands anew").count() == 1


def test_killed_before_the_end_has_done_nothing(ana: Donor) -> None:
    levels()

    class Killed(Exception):
        pass

    def give_and_die() -> None:
        with transaction.atomic():
            people.gave("ana@example.org", 60_00)
            raise Killed

    with pytest.raises(Killed):
        give_and_die()
    assert not Membership.objects.exists()
    assert not Gift.objects.filter(status="settled").exists()


def test_by_night_current_becomes_grace_and_lapsed(ana: Donor) -> None:
    levels()
    people.gave("ana@example.org", 60_00, on=date(2025, 3, 3))
    memberships.recompute_many([ana.pk], today=date(2026, 3, 31))
    assert membership(ana).state == "current"
    assert memberships.age(date(2026, 4, 1)) == 1
    assert membership(ana).state == "grace"
    assert memberships.age(date(2026, 4, 30)) == 0
    assert memberships.age(date(2026, 5, 1)) == 1
    assert membership(ana).state == "lapsed"
    assert memberships.age(date(2026, 5, 1)) == 0


# --- what was given, and by whom -------------------------------------------------------------------------------------


def test_a_gift_membership_has_payer_and_member(ana: Donor, clerk: User) -> None:
    """Rule 66: the payer has the receipt, the member the standing."""
    levels()
    aunt = builders.donor(name="May Silva", email="may@example.org")
    gift = people.gave("may@example.org", 60_00, donor_name="May Silva")
    assert membership(aunt).state == "current"
    granting.from_gift(ana.pk, gift.pk, why="for her birthday", user=clerk)
    granting.from_gift(ana.pk, gift.pk, why="for her birthday", user=clerk)
    assert (membership(aunt).state, membership(ana).state) == ("never", "current")
    assert why(ana)[0].startswith("The membership that May Silva gave you on ")
    issue.issue_due()
    assert Receipt.objects.get(gift=gift).its_gift.donor == aunt
    for donor in (ana, aunt):
        assert stored(donor.pk) == recount(donor.pk)
    # Its refund shortens the member's, whoever paid.
    refunds.apply(gift.pk, money_back.refund(gift, 1, 60_00))
    assert membership(ana).state == "never"
    assert MembershipGrant.objects.count() == 1


def test_what_may_not_be_given_says_why_and_changes_nothing(ana: Donor, clerk: User) -> None:
    levels()
    sponsor = builders.donor(name="Charity Fund", kind="daf_sponsor")
    refused = {
        builders.settled_gift(donor=sponsor, kind="daf", amount_minor=60_00): "donor-advised fund grant may not buy",
        builders.settled_gift(donor=ana, amount_minor=60_00): "their own gift",
        builders.settled_gift(donor=sponsor, amount_minor=60_00, status="reversed"): "Only a received gift",
    }
    for gift, words in refused.items():
        with pytest.raises(granting.CannotGrant, match=words):
            granting.from_gift(ana.pk, gift.pk, why="so", user=clerk)
    own = builders.donor(user=clerk)
    friend = Level.objects.get(name="a Friend")
    with pytest.raises(granting.CannotGrant, match="ask a colleague"):
        granting.for_life(own.pk, friend, why="so", user=clerk)
    with pytest.raises(granting.CannotGrant, match="why"):
        granting.for_life(ana.pk, friend, why=" ", user=clerk)
    with pytest.raises(granting.CannotGrant, match="past"):
        granting.complimentary(ana.pk, friend, ends_on=ago(1), why="so", user=clerk)
    assert not MembershipGrant.objects.exists()
    assert not AuditEntry.objects.filter(action="give membership").exists()


def test_complimentary_and_life_and_taken_back(ana: Donor, clerk: User) -> None:
    friend, patron = levels()
    end = clock.today() + timedelta(days=90)
    first = granting.complimentary(ana.pk, friend, ends_on=end, why="spoke at our event", user=clerk)
    assert granting.complimentary(ana.pk, friend, ends_on=end, why="again", user=clerk) == first
    assert membership(ana).current_through == end
    life = granting.for_life(ana.pk, patron, why="gave us the building", user=clerk)
    assert (membership(ana).current_through, str(membership(ana).level)) == (None, "a Patron")
    assert stored(ana.pk) == recount(ana.pk)
    granting.end(life.pk, why="a mistake", user=clerk)
    assert (membership(ana).current_through, str(membership(ana).level)) == (end, "a Friend")
    assert stored(ana.pk) == recount(ana.pk)
    assert AuditEntry.objects.filter(action="give membership").count() == 2


def test_soft_credit_and_sponsors_make_no_member(ana: Donor) -> None:
    levels()
    sponsor = builders.donor(name="Charity Fund", kind="daf_sponsor")
    gift = builders.settled_gift(donor=sponsor, kind="daf", amount_minor=500_00)
    gift.soft_credits.create(donor=ana, role="advisor")
    memberships.recompute_many([ana.pk, sponsor.pk])
    assert membership(ana).state == membership(sponsor).state == "never"


def test_people_share_it(ana: Donor) -> None:
    with pytest.raises(granting.CannotGrant):
        granting.add_person(ana.pk, "Luis", actor="supporter")
    levels()
    people.gave("ana@example.org", 60_00)
    luis = granting.add_person(ana.pk, " Luis  Silva ", "Luis@Example.org", actor="supporter")
    assert granting.add_person(ana.pk, "Luis Silva", actor="supporter") == luis
    assert (luis.name, luis.email) == ("Luis Silva", "luis@example.org")
    granting.remove_person(luis.pk, actor="supporter")
    granting.remove_person(luis.pk, actor="supporter")
    assert not MembershipPerson.objects.exists()


# --- one supporter of two records, and the right one -----------------------------------------------------------------


def picture() -> list[Any]:
    tables = (Membership, MembershipGrant, MembershipPerson, Fulfilment)
    left_out = ("id", "computed_at")
    return [
        sorted(
            (tuple((k, v) for k, v in row.items() if k not in left_out) for row in model._default_manager.values()),
            key=repr,
        )
        for model in tables
    ]


def test_a_merge_moves_memberships_and_taking_it_back_brings_them_back(ana: Donor, clerk: User) -> None:
    friend, patron = levels()
    tote(patron)
    other = builders.donor(name="Anna Silva", email="anna@work.example")
    people.gave("ana@example.org", 60_00)
    people.gave("anna@work.example", 240_00)
    granting.complimentary(other.pk, friend, ends_on=clock.today() + timedelta(days=9), why="so", user=clerk)
    granting.add_person(other.pk, "Luis", actor="staff:1")
    before = picture()
    record = merging.merge(ana.pk, other.pk, user=clerk)
    assert (membership(other).state, str(membership(ana).level)) == ("never", "a Patron")
    assert set(MembershipGrant.objects.values_list("donor", flat=True)) == {ana.pk}
    assert set(Fulfilment.objects.values_list("donor", flat=True)) == {ana.pk}
    assert MembershipPerson.objects.get().donor == ana
    for donor in (ana, other):
        assert stored(donor.pk) == recount(donor.pk)
    merging.unmerge(record.pk, user=clerk)
    assert picture() == before


def test_a_gift_that_was_anothers_takes_the_membership_along(ana: Donor, clerk: User) -> None:
    levels()
    bob = builders.donor(name="Bob")
    gift = check_from(bob, 60_00)
    corrections.correct(gift.pk, corrections.Correction(donor=ana, note="it was hers"), actor=f"staff:{clerk.pk}")
    assert (membership(bob).state, membership(ana).state) == ("never", "current")


# --- what is sent ----------------------------------------------------------------------------------------------------


def verified() -> None:
    who, now = builders.staff(), clock.now()
    SafeHarbor.objects.update_or_create(
        year=clock.today().year,
        defaults={
            "low_cost_minor": 13_90,
            "minimum_gift_minor": 69_50,
            "cap_minor": 139_00,
            "source": "Rev. Proc.",
            "verified_by": who,
            "verified_at": now,
        },
    )


def test_a_benefit_is_due_with_the_gift_and_its_value_is_on_the_receipt(ana: Donor, clerk: User) -> None:
    friend, _ = levels()
    bag = tote(friend, in_stock=1)
    verified()
    gift = people.gave("ana@example.org", 60_00)
    due = Fulfilment.objects.get()
    assert (due.state, due.gift, due.donor) == ("to_ship", gift, ana)
    issue.issue_due()
    assert Receipt.objects.get(gift=gift).snapshot["benefits"]["value"] == "$15.00"
    fulfilment.ship(due.pk, fulfilment.Parcel(tracking="1Z9"), user=clerk)
    fulfilment.ship(due.pk, fulfilment.Parcel(tracking="1Z9"), user=clerk)
    due.refresh_from_db()
    bag.refresh_from_db()
    assert (due.state, due.tracking, bag.in_stock) == ("sent", "1Z9", 0)
    assert due.address.startswith("Ana Silva\n1 Pier")
    fulfilment.returned(due.pk, user=clerk, is_back_in_stock=True)
    fulfilment.again(due.pk, user=clerk)
    bag.refresh_from_db()
    assert bag.in_stock == 1


def test_what_is_declined_beforehand_is_not_counted_on_the_receipt(ana: Donor) -> None:
    """Rule 43."""
    friend, _ = levels()
    tote(friend)
    people.gave("ana@example.org", 5_00)
    fulfilment.wish(ana.pk, declines=True, actor="supporter")
    gift = people.gave("ana@example.org", 60_00)
    assert GiftBenefit.objects.get(gift=gift).is_declined
    declined = Fulfilment.objects.get()
    assert declined.state == "declined"
    with pytest.raises(fulfilment.CannotShip, match="Your receipt says"):
        fulfilment.accept(declined.pk, actor="supporter")


def test_a_monthly_gift_brings_the_benefits_once_a_year(ana: Donor) -> None:
    friend, _ = levels()
    tote(friend)
    for months in (14, 13, 2, 1, 0):
        with clock.standing_at(clock.now() - timedelta(days=30 * months)):
            people.gave("ana@example.org", 5_00, frequency="monthly")
    assert Fulfilment.objects.count() == 2


def test_what_was_refunded_is_not_sent(ana: Donor, clerk: User) -> None:
    friend, _ = levels()
    tote(friend)
    gift = people.gave("ana@example.org", 60_00)
    due = Fulfilment.objects.get()
    refunds.apply(gift.pk, money_back.refund(gift, 1, 60_00))
    with pytest.raises(fulfilment.CannotShip, match="no longer due"):
        fulfilment.ship(due.pk, fulfilment.Parcel(), user=clerk)
    refunds.apply(gift.pk, money_back.refund(gift, 1, 60_00, "failed"))
    due.refresh_from_db()
    assert due.state == "to_ship"


def test_ira_money_brings_nothing_of_value(ana: Donor) -> None:
    friend, _ = levels()
    tote(friend)
    gift = builders.settled_gift(donor=ana, kind="ira", amount_minor=60_00)
    memberships.recompute(ana.pk)
    fulfilment.came_with(gift)
    assert membership(ana).state == "current"
    assert not Fulfilment.objects.exists()
    assert not GiftBenefit.objects.exists()


def test_the_last_one_in_stock_is_sent_once(transactional_db: None) -> None:
    friend, _ = levels()
    tote(friend, in_stock=1)
    for name in ("ana", "bob", "cleo"):
        builders.donor(email=f"{name}@example.org", address_line1="1 Pier")
        people.gave(f"{name}@example.org", 60_00)
    due, user = list(Fulfilment.objects.all()), builders.staff("Staff")
    errors = at_once(3, lambda n: fulfilment.ship(due[n].pk, fulfilment.Parcel(), user=user))
    assert [type(error) for error in errors] == [fulfilment.CannotShip] * 2
    assert Fulfilment.objects.filter(state="sent").count() == 1


# --- what the database holds by itself, and a second count -----------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "fields"),
    [
        ("membership_grant_fits_kind", {"kind": "life", "ends_on": date(2030, 1, 1)}),
        ("membership_grant_ends_after_start", {"kind": "complimentary", "ends_on": date(2020, 1, 1)}),
    ],
)
def test_a_grant_that_fits_no_kind_is_refused(ana: Donor, name: str, fields: dict[str, Any]) -> None:
    friend, _ = levels()
    with pytest.raises(IntegrityError, match=name):
        MembershipGrant.objects.create(
            donor=ana, level=friend, starts_on=date(2026, 1, 1), why="so", made_by="x", **fields
        )


@pytest.mark.parametrize(
    ("name", "fields"),
    [
        ("membership_has_level_and_day", {"state": "current"}),
        ("membership_grace_after_end", {"current_through": date(2026, 2, 1), "grace_through": date(2026, 1, 1)}),
    ],
)
def test_a_membership_that_cannot_be_is_refused(ana: Donor, name: str, fields: dict[str, Any]) -> None:
    with pytest.raises(IntegrityError, match=name):
        Membership.objects.create(donor=ana, **fields)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_a_second_count_from_the_ledger_agrees(seed: int) -> None:
    """Random supporters with random gifts over four years, some of which went back: the product and `recount` agree."""
    chance, today = random.Random(seed), date(2026, 6, 15)
    levels()
    Level.objects.create(name="in the Circle", from_minor=200_00, kind="cumulative")
    builders.campaign()
    donors = [builders.donor() for _ in range(30)]
    number = 0
    for donor in donors:
        for _ in range(chance.randint(0, 9)):
            number += 1
            _gift(donor, chance, today, number)
    memberships.recompute_many([donor.pk for donor in donors], today=today)
    for donor in donors:
        assert stored(donor.pk) == recount(donor.pk, today), (seed, donor.pk)
    assert {row.state for row in Membership.objects.all()} >= {"current", "never", "lapsed"}


def _gift(donor: Donor, chance: random.Random, today: date, number: int) -> None:
    amount = chance.choice([4_99, 5_00, 20_00, 60_00, 240_00])
    kind = chance.choice(["card", "check", "ira", "daf"])
    often = chance.choice(["once", "monthly", "monthly", "quarterly", "yearly"])
    day = today - timedelta(days=chance.randint(0, 1400))
    status = chance.choice(["settled"] * 6 + ["refunded", "reversed", "lost", "disputed"])
    back = {"settled": chance.choice([0, 0, 0, amount // 2]), "refunded": amount, "lost": amount}.get(status, 0)
    gift = builders.settled_gift(
        donor=donor, amount_minor=amount, kind=kind, frequency=often, gift_on=day, status=status, refunded_minor=back
    )
    taken = amount if status in ("reversed", "disputed") else back
    lines = [("gift", amount)] + ([("refund" if status != "reversed" else "reversal", -taken)] if taken else [])
    for line, minor in lines:
        LedgerEntry.objects.create(
            source=f"x:{number}", kind=line, gift=gift, donor=donor, amount_minor=minor, currency="usd",
            account="bank", happened_at=clock.now(), booked_on=clock.today(), fund=gift.fund,
        )  # fmt: skip
