"""Verbs for the people who give."""

from django.db import transaction

from donations.models import Donor, DonorNote, Gift
from nonprofit import audit
from nonprofit.models import User, normal_email


def of(gift: Gift) -> Donor:
    """The donor of a gift that is being settled: found by any e-mail of theirs, or made from what was typed.

    What is already known is never overwritten (a gift with another name or address keeps it for itself). Locks the
    donor, so that a merge waits for the gift or the gift follows the merge.
    Call inside the settling transaction; safe when two gifts of one new donor settle at once.
    """
    if gift.donor is not None:
        return locked(gift.donor)
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
    donor = by_email(gift.donor_email)
    if donor is None:
        donor, _ = Donor.objects.get_or_create(email=normal_email(gift.donor_email), defaults=typed)
    return locked(donor)


def by_email(email: str) -> Donor | None:
    """The supporter whose e-mail this is, the main one or a further one, as who they are today."""
    address = normal_email(email)
    donor = Donor.objects.filter(email=address).first()
    donor = donor or Donor.objects.filter(further_emails__email=address).first()
    return None if donor is None else became(donor)


def became(donor: Donor) -> Donor:
    """Who this record is today: itself, or what it was merged into, however often."""
    while donor.merged_into is not None:
        donor = donor.merged_into
    return donor


@transaction.atomic
def note(donor: Donor, text: str, author: User) -> DonorNote:
    """The note stands with the supporter as who they are today; the log says that, and not its words."""
    made = DonorNote.objects.create(donor=became(donor), text=text, author=author)
    audit.record(audit.staff(author), "add note", made.donor, after={"note": made.pk})
    return made


def locked(donor: Donor) -> Donor:
    """The record as who it is today, which no merge can change before this transaction ends."""
    held = Donor.objects.select_for_update(no_key=True).get(pk=donor.pk)
    return held if held.merged_into_id is None else locked(became(held))
