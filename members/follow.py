"""What members do when something happens to a gift."""

from donations.models import Donor, Gift, GiftImport, GiftOrigin
from members import accounts, fulfilment, memberships
from members.models import Level
from members.newsletter import optin, words
from nonprofit.models import User


def gift_settled(gift: Gift, **_: object) -> None:
    """The gift belongs to the account of its proven mailbox, and a tick for the newsletter asks that mailbox once.

    Runs inside the settling transaction: it commits with the money or not at all. Nobody is written to for an attempt
    that was not paid (domain rule 87): who tries stolen cards types other people's addresses. Safe twice.
    """
    if gift.donor is not None:
        accounts.link_user(gift.donor)
        memberships.recompute_many([gift.donor.pk])
        fulfilment.came_with(gift)
    if gift.wants_newsletter and gift.donor_email:
        optin.want(
            gift.donor_email,
            source="giving page",
            consent_at=gift.started_at,
            shown=words.TICK,
            gift_id=gift.pk,
        )


def gifts_imported(gift_import: GiftImport, **_: object) -> None:
    """Supporters who came with an import belong to the accounts of their proven mailboxes. Nobody is put on a list.

    Of accounts asks only for those who have one: of the other thousands nothing is loaded. Everybody's membership
    stands as these gifts say; nothing is sent for them, the other platform did. Safe twice.
    """
    came = Donor.objects.filter(origin__gift_import=gift_import, user=None, email__isnull=False)
    for user in User.objects.filter(email__in=came.values("email")).iterator():
        accounts.link_donor(user)
    if not Level.objects.exists():
        return
    # From the import's own rows, and not in the supporters' order: tables that were filled this minute have no
    # statistics yet, and the database would look through all of them once for each gift.
    gave = GiftOrigin.objects.filter(gift_import=gift_import).values_list("gift__donor_id", flat=True)
    memberships.recompute_each(sorted({donor_id for donor_id in gave if donor_id is not None}))


def money_moved(gift: Gift, **_: object) -> None:
    """Money of a gift went back, or came again: the membership stands as what is left says (rule 64)."""
    memberships.recompute_many(memberships.touched_by(gift))
    fulfilment.bought_still(gift)


def gift_corrected(gift: Gift, was_donor_id: int | None, **_: object) -> None:
    """A gift was another's, or of another day: both memberships stand anew, and what it bought goes to whose it is."""
    memberships.recompute_many({*memberships.touched_by(gift), *([was_donor_id] if was_donor_id else [])})
    fulfilment.belongs_to(gift, was_donor_id)


def import_undone(donor_ids: list[int], **_: object) -> None:
    """Supporters who were here before an import that was taken back stand as before it."""
    memberships.recompute_each(donor_ids)


def donors_merged(kept: Donor, gone: Donor, **_: object) -> None:
    """Gifts and grants are with one record now, or with two again: both stand as what they have says.

    Locks without waiting, as the merge does.
    """
    memberships.recompute_many([kept.pk, gone.pk], nowait=True)
