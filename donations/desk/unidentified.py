"""Gifts without a name: a broker's transfer waits under an unknown donor until somebody knows whose it is (rule 31)."""

from django.db import transaction

from donations import donors
from donations.desk import promises
from donations.desk.promises import CannotPromise
from donations.models import Donor, Gift, PromisePart, PromisePayment, Receipt
from donations.receipts import issue
from nonprofit import audit

# What a gift keeps of its donor, as the receipt will print it.
AS_GIVEN = ("address_line1", "address_line2", "city", "region", "postal_code", "country")


@transaction.atomic
def identify(gift_id: int, donor_id: int, actor: str) -> Gift:
    """The nameless gift is this supporter's, as if it had come with their name, and its receipt is due to them.

    Locks the gift, then the supporter; safe twice. Only a gift whose donor is of kind "unknown" and of which nobody
    has a receipt. The ledger's line stays as it was booked: it only grows, and whose gift it is stands on the gift.
    A merged supporter is who they are today. Raises CannotPromise.
    """
    gift = Gift.objects.select_for_update(of=("self",)).select_related("donor").get(pk=gift_id)
    donor = donors.locked(Donor.objects.get(pk=donor_id))
    if gift.donor_id == donor.pk:
        return gift
    if gift.donor is None or gift.donor.kind != Donor.Kind.UNKNOWN or gift.status != Gift.Status.SETTLED:
        raise CannotPromise(f"{gift.public_id} has a donor already. A wrong entry is reversed and entered anew.")
    if Receipt.objects.filter(gift=gift).exists():
        raise CannotPromise(f"{gift.public_id} has a receipt already. Reverse it and enter it anew.")
    before = gift.donor_id
    gift.donor = donor
    gift.donor_name, gift.donor_email, gift.donor_phone = donor.name, donor.email or "", donor.phone
    for name in AS_GIVEN:
        setattr(gift, name, getattr(donor, name))
    gift.save(update_fields=["donor", "donor_name", "donor_email", "donor_phone", *AS_GIVEN])
    # Nobody could have a paper of it before.
    issue.make_due(gift)
    audit.record(actor, "identify gift", gift, before={"donor": before}, after={"donor": donor.pk})
    return gift


@transaction.atomic
def identify_and_pay(part_id: int, gift_id: int, actor: str) -> PromisePayment:
    """The nameless gift is the promiser's, and pays this part. Both or none; safe twice. Raises CannotPromise."""
    part = PromisePart.objects.select_related("promise").get(pk=part_id)
    identify(gift_id, part.promise.donor_id, actor)
    return promises.pay(part_id, gift_id, actor)
