"""Who lapsed lately, and how each of them may be reached by their own wishes. Reading only."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, timedelta

from django.db.models import QuerySet

from donations.models import Donor, Gift
from members.models import Membership, NewsletterSubscription, NewsletterSuppression, Purpose
from members.rules import DAY


@dataclass(frozen=True, slots=True)
class Reach:
    """How somebody may be asked to come back. A way that they, or their mailbox, said no to is "" and in wishes."""

    email: str = ""
    phone: str = ""
    address: str = ""
    wishes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Lapsed:
    """A member who lapsed. on: the first day without; gift: their newest that stands, None where they gave none."""

    membership: Membership
    on: date
    gift: Gift | None
    reach: Reach


def lately(today: date, days: int) -> QuerySet[Membership]:
    """Memberships whose grace ended within so many days, the newest first; nobody is asked who has died."""
    rows = Membership.objects.filter(state=Membership.State.LAPSED, donor__is_deceased=False, donor__merged_into=None)
    since = today - timedelta(days=days)
    return rows.filter(grace_through__gte=since).select_related("donor", "level").order_by("-grace_through", "-pk")


def told(rows: Collection[Membership]) -> list[Lapsed]:
    """The same with what a person needs who writes or calls; three statements for all of them."""
    gifts = _newest_gifts([row.donor_id for row in rows])
    ways = reach([row.donor for row in rows])
    return [
        Lapsed(row, row.grace_through + DAY, gifts.get(row.donor_id), ways[row.donor_id])
        for row in rows
        if row.grace_through is not None
    ]


def _newest_gifts(donor_ids: Collection[int]) -> dict[int, Gift]:
    gifts = Gift.objects.settled().filter(donor_id__in=donor_ids).order_by("donor_id", "-gift_on", "-pk")
    return {gift.donor_id: gift for gift in gifts.distinct("donor_id") if gift.donor_id is not None}


def reach(donors: Collection[Donor]) -> dict[int, Reach]:
    """By supporter. Who wants no contact has no way at all; no paper means no address; a mailbox that bounced or
    complained, or whose owner left the list of appeals, is not written to (domain rules 80, 81, 83)."""
    emails = [donor.email for donor in donors if donor.email]
    held = NewsletterSuppression.objects.filter(email__in=emails, lifted_at=None)
    silent = {row.email: row.get_reason_display() for row in held}
    left = NewsletterSubscription.objects.filter(
        email__in=emails, purpose=Purpose.APPEALS, status=NewsletterSubscription.Status.UNSUBSCRIBED
    )
    silent |= {email: "wants no appeals" for email in left.values_list("email", flat=True)}
    return {donor.pk: _reach(donor, silent.get(donor.email or "", "")) for donor in donors}


def _reach(donor: Donor, silent: str) -> Reach:
    if donor.is_not_contacted:
        return Reach(wishes=("do not contact",))
    wishes = [f"no e-mail: {silent}"] if silent else []
    wishes += ["no paper mail"] if donor.is_not_mailed else []
    return Reach(
        email="" if silent else donor.email or "",
        phone=donor.phone,
        address="" if donor.is_not_mailed else ", ".join(donor.address_lines),
        wishes=tuple(wishes),
    )
