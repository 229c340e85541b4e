"""Tables of members, by noun."""

from members.models.newsletter import NewsletterSubscription

__all__ = ["NewsletterSubscription"]
