"""What members do when something happens to a gift."""

from donations.models import Gift
from members import accounts, newsletter


def gift_settled(gift: Gift, **_: object) -> None:
    """The gift belongs to the account of its proven mailbox, and a tick for the newsletter is on record.

    Runs inside the settling transaction: it commits with the money or not at all. Safe twice.
    """
    if gift.donor is not None:
        accounts.link_user(gift.donor)
    if gift.wants_newsletter and gift.donor_email:
        newsletter.want(gift.donor_email, source="giving page", consent_at=gift.started_at, gift_id=gift.pk)
