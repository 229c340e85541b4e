"""Tables of members, by noun."""

from members.models.account import EmailChange, ErasureRequest
from members.models.membership import (
    Fulfilment,
    Level,
    LevelBenefit,
    Membership,
    MembershipGrant,
    MembershipPerson,
    MembershipPolicy,
)
from members.models.newsletter import (
    ConsentEntry,
    NewsletterExport,
    NewsletterNews,
    NewsletterSubscription,
    NewsletterSuppression,
    Purpose,
    SoftBounce,
)

__all__ = [
    "ConsentEntry",
    "EmailChange",
    "ErasureRequest",
    "Fulfilment",
    "Level",
    "LevelBenefit",
    "Membership",
    "MembershipGrant",
    "MembershipPerson",
    "MembershipPolicy",
    "NewsletterExport",
    "NewsletterNews",
    "NewsletterSubscription",
    "NewsletterSuppression",
    "Purpose",
    "SoftBounce",
]
