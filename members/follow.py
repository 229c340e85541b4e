"""What members do when something happens to a gift."""

from donations.models import Donor, Gift, GiftImport
from members import accounts
from members.newsletter import optin, words
from nonprofit.models import User


def gift_settled(gift: Gift, **_: object) -> None:
    """The gift belongs to the account of its proven mailbox, and a tick for the newsletter asks that mailbox once.

    Runs inside the settling transaction: it commits with the money or not at all. Nobody is written to for an attempt
    that was not paid (domain rule 87): who tries stolen cards types other people's addresses. Safe twice.
    """
    if gift.donor is not None:
        accounts.link_user(gift.donor)
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

    Asks only for those who have an account: of the other thousands nothing is loaded. Safe twice.
    """
    came = Donor.objects.filter(origin__gift_import=gift_import, user=None, email__isnull=False)
    for user in User.objects.filter(email__in=came.values("email")).iterator():
        accounts.link_donor(user)
