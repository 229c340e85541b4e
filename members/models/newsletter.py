"""Who wants our letters."""

from django.db import models
from django.db.models.functions import Lower


class NewsletterSubscription(models.Model):
    """An address that was given to us for the newsletter, and how far its owner's consent is proven.

    A tick on the giving page makes the row "wanted" and nothing more: anybody can type anybody's address, so no
    newsletter goes out before the owner has confirmed. The letter that asks for it belongs to a later issue; until then
    rows stay "wanted".
    """

    class Status(models.TextChoices):
        WANTED = "wanted", "asked for, not confirmed"
        CONFIRMED = "confirmed", "confirmed"
        UNSUBSCRIBED = "unsubscribed", "unsubscribed"

    email = models.EmailField("e-mail", max_length=254, unique=True)
    status = models.CharField(max_length=12, choices=Status.choices, default=Status.WANTED)
    source = models.CharField(max_length=40, help_text='Where the consent was given, like "giving page".')
    consent_at = models.DateTimeField()
    consent_ip = models.GenericIPAddressField(null=True, blank=True)
    # The gift whose form had the tick. A plain id: the consent stands also when nobody looks at the gift any more.
    gift_id = models.BigIntegerField("gift", null=True, blank=True)

    class Meta:
        constraints = [
            models.CheckConstraint(condition=models.Q(email=Lower("email")), name="newsletter_email_is_lower_case"),
        ]

    def __str__(self) -> str:
        return f"{self.email} ({self.get_status_display()})"
