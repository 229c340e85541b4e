"""Gifts taken on the phone, and private addresses at which a gift can be paid."""

from typing import Self

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


class PaymentLinkQuerySet(models.QuerySet["PaymentLink"]):
    def waiting(self) -> Self:
        """Links that can still be paid and have not been."""
        unpaid = [Gift.Status.PENDING, Gift.Status.FAILED]
        return self.filter(gift__status__in=unpaid, expires_at__gt=clock.now())


class PaymentLink(models.Model):
    """The private address at which one gift can be paid by card until it expires. Its gift waits that long."""

    gift = models.OneToOneField(Gift, on_delete=models.PROTECT, related_name="payment_link")
    # Made from the row that asks: the same request is the same gift, link and letter.
    key = models.CharField(max_length=120, unique=True)
    asked_by = models.CharField(max_length=80, help_text='"staff:17"')
    note = models.CharField("what it is for, in words", max_length=300, blank=True)
    expires_at = models.DateTimeField()
    letters = models.PositiveSmallIntegerField(default=0, editable=False)
    created_at = models.DateTimeField(default=clock.now, editable=False)

    objects = PaymentLinkQuerySet.as_manager()

    def __str__(self) -> str:
        return f"payment link of {self.created_at:%Y-%m-%d}"

    @property
    def is_over(self) -> bool:
        return self.expires_at <= clock.now()
