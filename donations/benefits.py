"""What comes with gifts: offered on giving pages, recorded by staff, declined; and the years that say what counts."""

from collections.abc import Sequence
from dataclasses import dataclass

from django.db import transaction

from donations.models import Benefit, Gift, GiftBenefit, Receipt, ReceiptDue, ReceiptVoid, SafeHarbor
from donations.receipts import issue, replace
from nonprofit import audit, clock
from nonprofit.models import User

SUPPORTER = "supporter"
# Gifts of which nothing is left: no paper will tell what came with them.
OVER = frozenset({Gift.Status.REVERSED, Gift.Status.REFUNDED, Gift.Status.LOST})


@dataclass(frozen=True, slots=True)
class Came:
    """Something that came with a gift, or was offered and declined. Amounts in cents; benefit: of the catalogue."""

    description: str
    value_minor: int
    cost_minor: int
    has_our_name: bool = False
    is_small_privilege: bool = False
    is_declined: bool = False
    benefit: Benefit | None = None


def of_catalogue(benefit: Benefit, *, is_declined: bool = False) -> Came:
    """What the catalogue says of it now."""
    return Came(
        benefit.description,
        benefit.value_minor,
        benefit.cost_minor,
        benefit.has_our_name,
        benefit.is_small_privilege,
        is_declined,
        benefit,
    )


class CannotChange(ValueError):
    """What came with the gift cannot be recorded so; the text says why and what to do."""


def choose(gift: Gift, offered: Sequence[Came], *, is_new: bool) -> None:
    """What the giving page offered for this gift and what of it was declined stands with it.

    Call while starting the gift, under its lock: an unpaid gift that is sent again takes over what was changed.
    """
    if not is_new:
        GiftBenefit.objects.filter(gift=gift, added_by=SUPPORTER).delete()
    if offered:
        GiftBenefit.objects.bulk_create([_row(gift, came, SUPPORTER) for came in offered])


@transaction.atomic
def add(gift_id: int, came: Came, *, actor: str, replacing: str = "") -> GiftBenefit:
    """Staff recorded that it came with the gift, or was declined then; a paper that waited for it is looked at again.

    replacing: why the paper that stands is replaced by one that tells it; without it a gift with such a paper is
    refused. Locks the gift, then what is due and the book. Safe twice and twice at once: the same thing comes once.
    Raises CannotChange.
    """
    gift = _changeable(gift_id, replacing)
    same = GiftBenefit.objects.filter(gift=gift)
    if found := same.filter(benefit=came.benefit, description=came.description).first():
        return found
    if came.benefit and same.filter(benefit=came.benefit).exists():
        raise CannotChange(f"“{came.benefit}” stands with this gift already. If there were two, say so in a new line.")
    row = _row(gift, came, actor)
    row.save()
    audit.record(actor, "add benefit", gift, reason=replacing, after=_told(row))
    _tell_papers(gift, actor, replacing)
    return row


@transaction.atomic
def mark(row_id: int, *, is_declined: bool, actor: str, replacing: str = "") -> GiftBenefit:
    """It was declined when the gift was made, or was taken after all (domain rule 43). Locks and refuses as `add`."""
    gift_id = GiftBenefit.objects.values_list("gift_id", flat=True).get(pk=row_id)
    gift = _changeable(gift_id, replacing)
    row = GiftBenefit.objects.get(pk=row_id)
    if row.is_declined == is_declined:
        return row
    row.is_declined = is_declined
    row.save(update_fields=["is_declined"])
    action = "mark benefit declined" if is_declined else "mark benefit taken"
    audit.record(actor, action, gift, reason=replacing, after={"benefit": row.description})
    _tell_papers(gift, actor, replacing)
    return row


@transaction.atomic
def verify(year_id: int, *, by: User) -> int:
    """A person looked the year's figures up: from now on they decide. How many waiting papers are looked at again.

    Locks the year. Safe twice: the first person stays on record.
    """
    year = SafeHarbor.objects.select_for_update().get(pk=year_id)
    if year.verified_at:
        return 0
    year.verified_by, year.verified_at = by, clock.now()
    year.save(update_fields=["verified_by", "verified_at"])
    figures = {name: getattr(year, name) for name in ("low_cost_minor", "minimum_gift_minor", "cap_minor", "source")}
    audit.record(audit.staff(by), "verify safe-harbor year", year, after={"year": year.year, **figures})
    waiting = ReceiptDue.objects.filter(gift__gift_on__year=year.year).exclude(trouble="")
    return issue.look_again_at_all(waiting.filter(gift__in=GiftBenefit.objects.values("gift")), audit.staff(by))


def _changeable(gift_id: int, replacing: str) -> Gift:
    """The gift, locked, if nothing that stands already says what came with it."""
    gift = Gift.objects.select_for_update(of=("self",)).get(pk=gift_id)
    if gift.status in OVER:
        raise CannotChange("Nothing is left of this gift, so no paper will tell what came with it.")
    stands = Receipt.objects.filter(gift=gift).exclude(pk__in=ReceiptVoid.objects.values("receipt")).first()
    if stands and not replacing:
        raise CannotChange(
            f"{stands.number} already says what came with this gift. Say why it is wrong, and it is replaced."
        )
    return gift


def _tell_papers(gift: Gift, actor: str, replacing: str) -> None:
    issue.look_again_at_all(ReceiptDue.objects.filter(gift=gift).exclude(trouble=""), actor)
    if replacing:
        replace.replace(gift.pk, reason=ReceiptVoid.Reason.WRONG_BENEFIT, actor=actor, note=replacing)


def _row(gift: Gift, came: Came, added_by: str) -> GiftBenefit:
    facts = {name: getattr(came, name) for name in Came.__slots__}
    return GiftBenefit(gift=gift, added_by=added_by, **facts)


def _told(row: GiftBenefit) -> dict[str, object]:
    facts = ("description", "value_minor", "cost_minor", "has_our_name", "is_small_privilege", "is_declined")
    return {name: getattr(row, name) for name in facts}
