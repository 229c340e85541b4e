"""Finding a supporter while somebody types: by name, e-mail, phone, postcode, and numbers old and new."""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from django.db.models import Q

from donations.models import Donor, FormerId

PUBLIC_ID = re.compile(r"^D-?0*(\d{1,15})$", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Match:
    """A supporter that fits what was typed. detail: city and state, e-mail or phone, to tell namesakes apart."""

    donor_id: int
    public_id: str
    name: str
    detail: str
    kind: str


def find(text: str, limit: int = 8) -> list[Match]:
    """At most `limit` supporters that fit `text`, the best first. Only reads."""
    text = " ".join(text.replace("\x00", "").split())[:100]
    if not text:
        return []
    return [_match(donor) for donor in _donors(text, limit)]


def _donors(text: str, limit: int) -> Iterable[Donor]:
    number = PUBLIC_ID.match(text)
    if number:
        return Donor.objects.current().filter(pk=int(number[1]))
    former = list(FormerId.objects.filter(value=text).values_list("donor_id", flat=True)[:limit])
    every = Q()
    for word in text.split()[:5]:
        every &= Q(name__icontains=word) | Q(email__istartswith=word) | Q(postal_code__startswith=word)
    found = Donor.objects.current().filter(every | Q(pk__in=former) | Q(further_emails__email__startswith=text.lower()))
    return found.distinct().order_by("name", "pk")[:limit]


def _match(donor: Donor) -> Match:
    place = ", ".join(part for part in (donor.city, donor.region) if part)
    parts = [part for part in (place, donor.email or donor.phone) if part]
    return Match(donor.pk, donor.public_id, donor.name, " · ".join(parts), donor.kind)
