"""Memberships that do not follow from the member's own money, and the people who share one."""

from datetime import date

from django.db import transaction

from donations import donors
from donations.models import Donor, Gift
from members import memberships, rules
from members.models import Fulfilment, Level, Membership, MembershipGrant, MembershipPerson
from nonprofit import audit, clock
from nonprofit.models import User, normal_email

KIND = MembershipGrant.Kind
# Rule 26: a fund's grant may not be split with, or bring, a membership for a person; rule 29 likewise for an IRA.
NOT_GIVEN_AWAY = (Gift.Kind.DAF, Gift.Kind.FOUNDATION, Gift.Kind.IRA)
PEOPLE = 12


class CannotGrant(ValueError):
    """The membership cannot be given so; the text says why to the person who asked."""


@transaction.atomic
def complimentary(donor_id: int, level: Level, *, ends_on: date, why: str, user: User) -> MembershipGrant:
    """The supporter is a member to that day without having paid. Locks the supporter and the membership.

    Safe twice: the same membership to the same day is given once. Raises CannotGrant.
    """
    donor = _member(donor_id, why, user)
    if ends_on < clock.today():
        raise CannotGrant("The last day lies in the past.")
    held = MembershipGrant.objects.filter(donor=donor, kind=KIND.COMPLIMENTARY, ended_on=None)
    same = held.filter(level=level, ends_on=ends_on).first()
    return same or _make(donor, KIND.COMPLIMENTARY, why, user, level=level, ends_on=ends_on)


@transaction.atomic
def for_life(donor_id: int, level: Level, *, why: str, user: User) -> MembershipGrant:
    """The supporter is a member for life. Locks the supporter and the membership. Safe twice. Raises CannotGrant."""
    donor = _member(donor_id, why, user)
    same = MembershipGrant.objects.filter(donor=donor, kind=KIND.LIFE, level=level, ended_on=None).first()
    return same or _make(donor, KIND.LIFE, why, user, level=level)


@transaction.atomic
def from_gift(donor_id: int, gift_id: int, *, why: str, user: User) -> MembershipGrant:
    """What somebody gave makes another a member: the payer keeps the receipt, the member has the standing (rule 66).

    Locks the member's record, the gift, then both memberships. Safe twice. Raises CannotGrant.
    """
    donor = _member(donor_id, why, user)
    gift = Gift.objects.select_for_update(of=("self",)).get(pk=gift_id)
    held = MembershipGrant.objects.filter(gift=gift, ended_on=None).first()
    if held is not None and held.donor_id == donor.pk:
        return held
    if held is not None:
        raise CannotGrant(f"{gift.public_id} already gives a membership to somebody else.")
    if gift.status != Gift.Status.SETTLED or gift.donor_id is None:
        raise CannotGrant(f"Only a received gift gives a membership; this one is {gift.get_status_display()}.")
    if gift.donor_id == donor.pk:
        raise CannotGrant("That is their own gift: it counts for them already.")
    if gift.kind in NOT_GIVEN_AWAY:
        raise CannotGrant(f"A {gift.get_kind_display()} may not buy a membership for somebody else.")
    given = memberships.payment(gift, giver=gift.donor_name)
    levels = memberships.levels()
    if given is None or not rules.counts(given):
        raise CannotGrant("No money of this gift is left that could buy a membership.")
    if rules.bought(given, levels) is None and not any(one.is_cumulative for one in levels):
        raise CannotGrant("It is less than a year of the lowest level asks for.")
    made = _make(donor, KIND.GIFT, why, user, gift=gift)
    Fulfilment.objects.filter(gift=gift, state__in=["to_ship", "declined"]).update(donor=donor)
    memberships.recompute_many([gift.donor_id])
    return made


@transaction.atomic
def end(grant_id: int, *, why: str, user: User) -> MembershipGrant:
    """The membership is taken back from today on; a gift counts for its giver again. Locks the grant, the membership.

    Safe twice. Raises CannotGrant.
    """
    grant = MembershipGrant.objects.select_for_update(of=("self",)).select_related("gift", "donor").get(pk=grant_id)
    if grant.ended_on is not None:
        return grant
    _member(grant.donor_id, why, user)
    grant.ended_on, grant.ended_why = clock.today(), why.strip()[:300]
    grant.save(update_fields=["ended_on", "ended_why"])
    audit.record(audit.staff(user), "end membership", grant.donor, reason=grant.ended_why, after={"grant": grant.pk})
    memberships.recompute_many([grant.donor_id, *([grant.gift.donor_id] if grant.gift and grant.gift.donor_id else [])])
    return grant


def _member(donor_id: int, why: str, user: User) -> Donor:
    donor = donors.locked(Donor.objects.get(pk=donor_id))
    if not why.strip():
        raise CannotGrant("Say in a few words why.")
    if donor.user_id == user.pk:
        # Domain rule 92: nobody decides alone about themselves.
        raise CannotGrant("This is your own membership: please ask a colleague.")
    return donor


def _make(
    donor: Donor, kind: str, why: str, user: User, *, level: Level | None = None, ends_on: date | None = None,
    gift: Gift | None = None,
) -> MembershipGrant:  # fmt: skip
    made = MembershipGrant.objects.create(
        donor=donor,
        kind=kind,
        level=level,
        gift=gift,
        starts_on=clock.today(),
        ends_on=ends_on,
        why=why.strip()[:300],
        made_by=audit.staff(user),
    )
    after = {"grant": made.pk, "kind": kind, "level": str(level or ""), "ends_on": str(ends_on or "")}
    audit.record(made.made_by, "give membership", donor, reason=made.why, after=after)
    memberships.recompute_many([donor.pk])
    return made


# ---- People who share a membership -----------------------------------------------------------------------------------


@transaction.atomic
def add_person(donor_id: int, name: str, email: str = "", *, actor: str) -> MembershipPerson:
    """Somebody shares the membership. Locks the membership. Safe twice: the same name is there once.

    Raises CannotGrant.
    """
    row = Membership.objects.select_for_update().filter(donor_id=donor_id).first()
    if row is None or not row.is_member:
        raise CannotGrant("There is no membership at this moment that somebody could share.")
    words, address = " ".join(name.split())[:200], normal_email(email) if email else ""
    if not words:
        raise CannotGrant("Enter a name.")
    people = MembershipPerson.objects.filter(donor_id=donor_id)
    if found := people.filter(name=words).first():
        return found
    if people.count() >= PEOPLE:
        raise CannotGrant(f"A membership is shared by {PEOPLE} people at most. Please write to us.")
    made = MembershipPerson.objects.create(donor_id=donor_id, name=words, email=address, added_by=actor)
    audit.record(actor, "add person to membership", row, after={"person": made.pk})
    return made


@transaction.atomic
def remove_person(person_id: int, *, actor: str) -> None:
    """They no longer share it; the log remembers the number. Safe twice."""
    person = MembershipPerson.objects.select_for_update().filter(pk=person_id).first()
    if person is None:
        return
    row = Membership.objects.get(donor_id=person.donor_id)
    audit.record(actor, "remove person from membership", row, before={"person": person.pk})
    person.delete()
