"""Tables of members, by noun."""

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
    "NewsletterExport",
    "NewsletterNews",
    "NewsletterSubscription",
    "NewsletterSuppression",
    "Purpose",
    "SoftBounce",
]
