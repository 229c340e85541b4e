"""Verbs for what supporters write about themselves. Gifts and receipts that are there keep what stands on them."""

from collections.abc import Mapping
from typing import Any

from django.db import transaction

from donations import donors
from donations.models import Donor
from nonprofit import audit
from nonprofit.models import User

SUPPORTER = "supporter"
ADDRESS = ("address_line1", "address_line2", "city", "region", "postal_code", "country")
WISHES = ("receipts", "is_not_mailed", "is_anonymous")
OWN = ("name", "salutation", "phone", *ADDRESS, *WISHES)


def of(user: User) -> Donor | None:
    """The record of who is signed in, as who they are today."""
    return Donor.objects.current().filter(user=user).first()


@transaction.atomic
def change(donor_id: int, values: Mapping[str, Any]) -> list[str]:
    """The supporter's record says what they typed; the names of what changed. Locks it. Safe twice.

    Nothing but the columns in OWN is written, and of those only what differs; the log has them as before and after.
    """
    donor = donors.locked(Donor.objects.get(pk=donor_id))
    changed = [name for name in OWN if name in values and values[name] != getattr(donor, name)]
    if changed:
        before = {name: getattr(donor, name) for name in changed}
        for name in changed:
            setattr(donor, name, values[name])
        donor.save(update_fields=changed)
        after = {name: values[name] for name in changed}
        audit.record(SUPPORTER, "change donor", donor, before=before, after=after)
    return changed
