"""The verb that makes a supporter in place, while a batch is typed."""

from dataclasses import dataclass

from django.core.exceptions import PermissionDenied
from django.db import transaction

from donations import donors
from donations.models import Donor
from nonprofit import audit
from nonprofit.models import User, normal_email

RIGHT = "donations.add_donor"


@dataclass(frozen=True, slots=True)
class Newcomer:
    """A supporter as typed. kind: a Donor.Kind. Only the name is needed (domain rule 17)."""

    name: str
    kind: str = "individual"
    email: str = ""
    phone: str = ""
    address_line1: str = ""
    city: str = ""
    region: str = ""
    postal_code: str = ""


class AlreadyHere(ValueError):
    """Somebody is known by that e-mail, or under that name at that ZIP code; the text asks whether it is they."""

    def __init__(self, donor: Donor, text: str) -> None:
        super().__init__(text)
        self.donor = donor


@transaction.atomic(durable=True)
def add(who: Newcomer, user: User, *, is_sure: bool = False) -> Donor:
    """The supporter is on record. is_sure: a namesake at the same ZIP code was looked at and is somebody else.

    An e-mail has one owner, however sure. Raises AlreadyHere.
    """
    if not user.has_perm(RIGHT):
        raise PermissionDenied(RIGHT)
    email = normal_email(who.email)
    if email and (owner := donors.by_email(email)):
        raise AlreadyHere(owner, f"{owner.name} ({owner.public_id}) has this e-mail.")
    if not is_sure:
        namesakes = Donor.objects.current().filter(name__iexact=who.name, postal_code=who.postal_code)
        if namesake := namesakes.order_by("pk").first():
            where = f", {namesake.postal_code}" if namesake.postal_code else ""
            raise AlreadyHere(namesake, f"{namesake.name} ({namesake.public_id}{where}) is here already.")
    donor = Donor.objects.create(
        kind=who.kind,
        name=who.name,
        email=email or None,
        phone=who.phone,
        address_line1=who.address_line1,
        city=who.city,
        region=who.region,
        postal_code=who.postal_code,
        country="US" if who.postal_code or who.region else "",
    )
    audit.record(audit.staff(user), "add donor", donor, after={"kind": donor.kind})
    return donor
