"""Monthly and yearly gifts as the supporter agreed to them."""

from django.db import models

from donations.models.campaign import Fund
from donations.models.donor import Donor
from nonprofit import clock
from nonprofit.money import Money


class Plan(models.Model):
    """What a supporter agreed to give again and again, with the words they agreed to."""

    class Interval(models.TextChoices):
        MONTH = "month", "monthly"
        YEAR = "year", "yearly"

    class Status(models.TextChoices):
        STARTING = "starting", "waiting for the first gift"
        ACTIVE = "active", "active"
        ENDED = "ended", "ended"

    # Set when the first gift settles, like the gift's.
    donor = models.ForeignKey(Donor, null=True, blank=True, on_delete=models.PROTECT, related_name="plans")
    status = models.CharField(max_length=10, choices=Status.choices, default=Status.STARTING)
    interval = models.CharField(max_length=5, choices=Interval.choices)
    # Minor units without the covered fee, which is computed anew for each charge.
    amount_minor = models.PositiveIntegerField()
    currency = models.CharField(max_length=3, default="usd")
    is_fee_covered = models.BooleanField(default=False)
    fund = models.ForeignKey(Fund, on_delete=models.PROTECT)
    # Day of the month (1-31) that monthly dates are counted from; never the previous result.
    anchor_day = models.PositiveSmallIntegerField(null=True, blank=True)
    started_on = models.DateField(null=True, blank=True)
    next_due_on = models.DateField(null=True, blank=True, db_index=True)
    stripe_customer_id = models.CharField(max_length=80, blank=True)
    stripe_payment_method_id = models.CharField(max_length=80, blank=True)
    card_brand = models.CharField(max_length=20, blank=True)
    card_last4 = models.CharField(max_length=4, blank=True)
    card_expires_on = models.DateField(null=True, blank=True, help_text="Last day of the month on the card.")
    consent_text = models.TextField()
    consent_version = models.CharField(max_length=20)
    consent_at = models.DateTimeField()
    consent_ip = models.GenericIPAddressField(null=True, blank=True)
    created_at = models.DateTimeField(default=clock.now, editable=False)

    class Meta:
        constraints = [
            models.CheckConstraint(condition=models.Q(amount_minor__gt=0), name="plan_amount_above_zero"),
            models.CheckConstraint(
                condition=~models.Q(status="active")
                | models.Q(
                    next_due_on__isnull=False, anchor_day__range=(1, 31), started_on__isnull=False, donor__isnull=False
                )
                & ~models.Q(stripe_payment_method_id=""),
                name="plan_active_can_charge",
            ),
        ]

    def __str__(self) -> str:
        # No amount, as with gifts.
        return f"{self.get_interval_display()} gift, plan {self.pk}"

    @property
    def amount(self) -> Money:
        return Money(self.amount_minor, self.currency)
