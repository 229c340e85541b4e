"""What members get beside our thanks: due with the gift that buys it, told on its receipt, sent once, counted.

A benefit that has a value must be on the receipt of the gift that bought it (IRC 6115), so it becomes due when that
gift settles and never by date alone. What the supporter declined beforehand is recorded as declined (domain rule 43).
"""

from dataclasses import dataclass

from django.db import transaction

from donations import benefits
from donations.models import Gift, GiftBenefit
from donations.rules import schedule
from members import memberships, rules
from members.models import Fulfilment, Level, LevelBenefit, Membership
from nonprofit import audit, clock
from nonprofit.models import User

ACTOR = memberships.ACTOR
STATE = Fulfilment.State


class CannotShip(ValueError):
    """It cannot be sent, or not be changed any more; the text says why to the person who asked."""


@dataclass(frozen=True, slots=True)
class Parcel:
    """Where it went. address: as written on it, "" for the supporter's own. tracking: the carrier's number, if any."""

    address: str = ""
    tracking: str = ""


def came_with(gift: Gift) -> None:
    """What this gift's level brings is due, and stands with the gift, so that its receipt tells it.

    A payment that buys a year brings the year's benefits; a monthly gift, or gifts that come to a level together, bring
    them once in a term. Call inside the settling transaction, once the membership is computed. Safe twice.
    """
    level = _brought(gift)
    if level is None or gift.donor_id is None:
        return
    declines = Membership.objects.filter(donor_id=gift.donor_id, declines_benefits=True).exists()
    chosen = dict(GiftBenefit.objects.filter(gift=gift).values_list("benefit_id", "is_declined"))
    for one in LevelBenefit.objects.filter(level=level, benefit__is_offered=True).select_related("benefit"):
        if one.benefit_id not in chosen:
            benefits.add(gift.pk, benefits.of_catalogue(one.benefit, is_declined=declines), actor=ACTOR)
        is_declined = chosen.get(one.benefit_id, declines)
        if one.is_shipped:
            fields = {
                "donor_id": gift.donor_id,
                "due_on": gift.gift_on,
                "state": STATE.DECLINED if is_declined else STATE.TO_SHIP,
            }
            Fulfilment.objects.get_or_create(gift=gift, level_benefit=one, defaults=fields)


def _brought(gift: Gift) -> Level | None:
    """The level whose benefits this gift brings, or None. IRA and foundation money bring nothing (rules 26, 29)."""
    payment = memberships.payment(gift)
    if payment is None or gift.donor_id is None or not rules.counts(payment) or not rules.may_bring_value(payment):
        return None
    row = Membership.objects.filter(donor_id=gift.donor_id).select_related("benefit_level").first()
    if row is None or row.benefit_level is None:
        return None
    if payment.repeats not in rules.MONTHS_CARRIED:
        bought = rules.bought(payment, memberships.levels())
        if bought is not None:
            return Level.objects.get(pk=bought.id)
    since = schedule.months_later(payment.on, -memberships.policy().term_months)
    had = GiftBenefit.objects.filter(gift__donor_id=gift.donor_id, gift__gift_on__gt=since, added_by=ACTOR)
    return None if had.exclude(gift=gift).exists() else row.benefit_level


def bought_still(gift: Gift) -> None:
    """What is left of a gift whose money moved buys what waits to be sent, or not: then it waits no longer.

    Locks the benefits of the gift. Safe twice; money that comes again brings them back.
    """
    rows = Fulfilment.objects.select_for_update(of=("self",)).select_related("level_benefit__level")
    payment = memberships.payment(gift)
    for row in rows.filter(gift=gift, state__in=[STATE.TO_SHIP, STATE.WITHDRAWN]).order_by("pk"):
        level = row.level_benefit.level
        is_bought = payment is not None and rules.counts(payment)
        if is_bought and payment is not None and level.kind == Level.Kind.DUES:
            is_bought = rules.yearly_minor(payment) >= level.from_minor
        _move(row, STATE.TO_SHIP if is_bought else STATE.WITHDRAWN, ACTOR)


def belongs_to(gift: Gift, was_donor_id: int | None) -> None:
    """What has not left yet goes to whose gift it is."""
    if was_donor_id is None or gift.donor_id is None or gift.donor_id == was_donor_id:
        return
    waiting = Fulfilment.objects.filter(gift=gift, donor_id=was_donor_id)
    waiting.exclude(state__in=[STATE.SENT, STATE.RETURNED]).update(donor_id=gift.donor_id)


@transaction.atomic
def ship(fulfilment_id: int, parcel: Parcel, *, user: User) -> Fulfilment:
    """It has left: where to, when, with which number; one less in stock. Safe twice and twice at once.

    Locks the row, then its stock. Raises CannotShip.
    """
    row = _locked(fulfilment_id)
    if row.state == STATE.SENT:
        return row
    if row.state != STATE.TO_SHIP:
        raise CannotShip(f"It is {row.get_state_display()}: nothing is to be sent.")
    if row.donor.is_deceased:
        raise CannotShip("This supporter has died.")
    address = parcel.address.strip() or own_address(row)
    if not address:
        raise CannotShip("There is no address. Ask for one, or type it here.")
    _take_from_stock(row.level_benefit_id)
    row.address, row.tracking, row.sent_at, row.changed_by = address[:600], parcel.tracking[:80], clock.now(), user
    row.save(update_fields=["address", "tracking", "sent_at", "changed_by"])
    _move(row, STATE.SENT, audit.staff(user))
    return row


def own_address(row: Fulfilment) -> str:
    """The supporter's address as it stands, with the name for the envelope; "" where there is none."""
    donor = row.donor
    if not donor.address_line1:
        return ""
    return "\n".join([donor.addressee or donor.name, *donor.address_lines])


def _take_from_stock(level_benefit_id: int) -> None:
    held = LevelBenefit.objects.select_for_update().get(pk=level_benefit_id)
    if held.in_stock is None:
        return
    if held.in_stock == 0:
        raise CannotShip("There is none left in stock.")
    held.in_stock -= 1
    held.save(update_fields=["in_stock"])


@transaction.atomic
def returned(fulfilment_id: int, *, user: User, is_back_in_stock: bool = False) -> Fulfilment:
    """The parcel came back. Safe twice. Locks the row, then its stock. Raises CannotShip."""
    row = _locked(fulfilment_id)
    if row.state == STATE.RETURNED:
        return row
    if row.state != STATE.SENT:
        raise CannotShip("Only what was sent can come back.")
    if is_back_in_stock:
        held = LevelBenefit.objects.select_for_update().get(pk=row.level_benefit_id)
        if held.in_stock is not None:
            held.in_stock += 1
            held.save(update_fields=["in_stock"])
    _move(row, STATE.RETURNED, audit.staff(user))
    return row


@transaction.atomic
def again(fulfilment_id: int, *, user: User) -> Fulfilment:
    """What came back is to be sent once more. Safe twice. Raises CannotShip."""
    row = _locked(fulfilment_id)
    if row.state not in (STATE.RETURNED, STATE.TO_SHIP):
        raise CannotShip("Only what came back is sent again.")
    _move(row, STATE.TO_SHIP, audit.staff(user))
    return row


@transaction.atomic
def decline(fulfilment_id: int, *, actor: str) -> Fulfilment:
    """The member does not want it; nothing is sent. The receipt stays: it tells what was offered with the gift.

    Safe twice. Raises CannotShip.
    """
    row = _locked(fulfilment_id)
    if row.state not in (STATE.TO_SHIP, STATE.DECLINED):
        raise CannotShip(f"It is {row.get_state_display()}, so it cannot be declined any more.")
    _move(row, STATE.DECLINED, actor)
    return row


@transaction.atomic
def accept(fulfilment_id: int, *, actor: str) -> Fulfilment:
    """The member wants it after all. Refused where the gift's receipt says that it was declined. Raises CannotShip."""
    row = _locked(fulfilment_id)
    if row.state not in (STATE.TO_SHIP, STATE.DECLINED):
        raise CannotShip(f"It is {row.get_state_display()}.")
    told = GiftBenefit.objects.filter(gift=row.gift_id, benefit=row.level_benefit.benefit_id, is_declined=True)
    if row.gift_id and told.exists():
        raise CannotShip(
            "Your receipt says that you declined it, and you may have deducted the whole gift. Please write to us."
        )
    _move(row, STATE.TO_SHIP, actor)
    return row


@transaction.atomic
def wish(donor_id: int, *, declines: bool, actor: str) -> None:
    """From the next gift on the member wants nothing sent, or wants it again. Locks the membership. Safe twice."""
    row = Membership.objects.select_for_update().filter(donor_id=donor_id).first()
    if row is None or row.declines_benefits == declines:
        return
    row.declines_benefits = declines
    row.save(update_fields=["declines_benefits"])
    audit.record(
        actor, "change wish for benefits", row, before={"declines": not declines}, after={"declines": declines}
    )


def _locked(fulfilment_id: int) -> Fulfilment:
    rows = Fulfilment.objects.select_for_update(of=("self",)).select_related("donor", "level_benefit__benefit")
    return rows.get(pk=fulfilment_id)


def _move(row: Fulfilment, state: Fulfilment.State, actor: str) -> None:
    if row.state == state:
        return
    before = {"state": str(row.state)}
    row.state = state
    row.save(update_fields=["state"])
    audit.record(actor, "benefit", row, before=before, after={"state": str(state)})
