"""Gifts taken on the phone: who took the call, and the words the caller agreed to."""

from django.conf import settings
from django.db import models

from donations.models.gift import Gift
from nonprofit import clock


class PhoneCall(models.Model):
    """The call in which a gift was promised. No card number is ever kept: the caller's card goes to Stripe's fields."""

    class PaidBy(models.TextChoices):
        CARD = "card", "card typed on the call"
        LINK = "link", "payment link by e-mail"

    gift = models.OneToOneField(Gift, on_delete=models.PROTECT, related_name="phone_call")
    taken_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    taken_at = models.DateTimeField(default=clock.now, editable=False)
    paid_by = models.CharField(max_length=4, choices=PaidBy.choices)
    # Read aloud exactly so, and the caller said yes (domain rule 22).
    consent_text = models.TextField()
    consent_version = models.CharField(max_length=20)

    def __str__(self) -> str:
        return f"call of {self.taken_at:%Y-%m-%d}"
