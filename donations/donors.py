"""Verbs for the people who give."""

from donations.models import Donor, Gift
from nonprofit.models import normal_email


def of(gift: Gift) -> Donor:
    """The donor of a gift that is being settled: found by e-mail, or made from what was typed.

    What is already known is never overwritten (a gift with another name or address keeps it for itself).
    Call inside the settling transaction; safe when two gifts of one new donor settle at once.
    """
    if gift.donor is not None:
        return gift.donor
    typed = {
        "name": gift.donor_name,
        "phone": gift.donor_phone,
        "address_line1": gift.address_line1,
        "address_line2": gift.address_line2,
        "city": gift.city,
        "region": gift.region,
        "postal_code": gift.postal_code,
        "country": gift.country,
    }
    if not gift.donor_email:
        return Donor.objects.create(**typed)
    donor, _ = Donor.objects.get_or_create(email=normal_email(gift.donor_email), defaults=typed)
    return donor
