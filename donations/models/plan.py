"""Monthly, quarterly and yearly gifts as the supporter agreed to them."""

from typing import Self

from django.core.validators import MinValueValidator
from django.db import models

from donations.models.campaign import Campaign, Fund
from donations.models.donor import Donor
from nonprofit import clock
from nonprofit.models import User
from nonprofit.money import Money


class PlanQuerySet(models.QuerySet["Plan"]):
    def visible_to(self, user: User) -> Self:
        """What `user` may see and change in the portal: their own plans and nobody else's."""
        return self.filter(donor__user=user)

    def running(self) -> Self:
        """Plans that will be charged again, by us or by Stripe, if nothing happens."""
        return self.filter(status__in=Plan.RUNNING)

    def ours(self) -> Self:
        """Plans whose schedule we keep; those managed at Stripe are charged there."""
        return self.filter(provider=Plan.Provider.OURS)


class Plan(models.Model):
    """What a supporter agreed to give again and again, with the words they agreed to.

    Changed only by the verbs of `donations.recurring.plans`, under its lock; each change is in the audit log.
    """

    class Interval(models.TextChoices):
        MONTH = "month", "monthly"
        QUARTER = "quarter", "quarterly"
        YEAR = "year", "yearly"

    class Provider(models.TextChoices):
        OURS = "ours", "our own schedule"
        STRIPE = "stripe", "managed at Stripe"

    class Status(models.TextChoices):
        STARTING = "starting", "waiting for the first gift"
        ACTIVE = "active", "active"
        PAUSED = "paused", "paused"
        # The last charge was declined and is tried again by itself.
        PAST_DUE = "past_due", "past due, trying again"
        # Only the supporter can help: with another card, or by authenticating at their bank.
        WAITING = "waiting", "waiting for the supporter"
        ENDED = "ended", "ended"

    class WaitingFor(models.TextChoices):
        CARD = "card", "another card"
        AUTHENTICATION = "authentication", "the supporter's yes at their bank"

    class End(models.TextChoices):
        ASKED = "asked", "the supporter stopped it"
        STAFF = "staff", "staff stopped it"
        FAILED = "failed", "no card worked any more"
        COMPLETED = "completed", "it came to its agreed end"
        DECEASED = "deceased", "the supporter has died"
        # Its successor goes on: restarted, or taken over from Stripe.
        SUCCEEDED = "succeeded", "another plan took its place"
        ELSEWHERE = "elsewhere", "it was ended at Stripe"

    class AtStripe(models.TextChoices):
        """What is still to be done about its subscription; done, or nothing to do, is empty."""

        CANCEL = "cancel", "to be ended at once"
        RUN_OUT = "run_out", "to run out with its period, and go on with us"

    RUNNING = (Status.ACTIVE, Status.PAUSED, Status.PAST_DUE, Status.WAITING)

    # Set when the first gift settles, like the gift's.
    donor = models.ForeignKey(Donor, null=True, blank=True, on_delete=models.PROTECT, related_name="plans")
    provider = models.CharField(max_length=6, choices=Provider.choices, default=Provider.OURS)
    stripe_subscription_id = models.CharField(max_length=80, null=True, blank=True, unique=True)
    at_stripe = models.CharField(max_length=8, choices=AtStripe.choices, blank=True, editable=False)
    status = models.CharField(max_length=10, choices=Status.choices, default=Status.STARTING)
    waiting_for = models.CharField(max_length=16, choices=WaitingFor.choices, blank=True)
    # When it came into this state, and since when no charge has gone through (None while all is well).
    status_at = models.DateTimeField(default=clock.now, editable=False)
    trouble_since = models.DateField(null=True, blank=True, editable=False)
    interval = models.CharField(max_length=8, choices=Interval.choices)
    # Minor units without the covered fee, which is computed anew for each charge.
    amount_minor = models.PositiveIntegerField()
    currency = models.CharField(max_length=3, default="usd")
    is_fee_covered = models.BooleanField(default=False)
    fund = models.ForeignKey(Fund, on_delete=models.PROTECT)
    # Whose prices the covered fee is computed by; None is the default campaign.
    campaign = models.ForeignKey(Campaign, null=True, blank=True, on_delete=models.PROTECT)
    tribute = models.CharField(max_length=8, blank=True, help_text='"honor", "memory" or nothing, as on the gift.')
    tribute_name = models.CharField(max_length=120, blank=True)
    # Day of the month (1-31) that dates are counted from; never the previous result.
    anchor_day = models.PositiveSmallIntegerField(null=True, blank=True)
    started_on = models.DateField(null=True, blank=True)
    # The next date that has no installment yet; while paused it goes on counting (domain rule 57).
    next_due_on = models.DateField(null=True, blank=True)
    paused_until = models.DateField(null=True, blank=True, help_text="Dates before this day are left out.")
    # Agreed limits; each may be empty.
    ends_on = models.DateField(null=True, blank=True, help_text="No gift after this day.")
    ends_after_count = models.PositiveSmallIntegerField(
        null=True, blank=True, validators=[MinValueValidator(1)], help_text="So many gifts, the first one included."
    )
    ends_after_minor = models.PositiveBigIntegerField(
        null=True, blank=True, validators=[MinValueValidator(1)], help_text="Cents in all, covered fees not counted."
    )
    end = models.CharField("why it ended", max_length=10, choices=End.choices, blank=True)
    end_reason = models.CharField("in their words", max_length=300, blank=True)
    ended_at = models.DateTimeField(null=True, blank=True)
    # The plan whose place this one took: restarting is a new agreement (domain rule 57).
    follows = models.OneToOneField(
        "self", null=True, blank=True, on_delete=models.PROTECT, related_name="followed_by", editable=False
    )
    stripe_customer_id = models.CharField(max_length=80, blank=True)
    stripe_payment_method_id = models.CharField(max_length=80, blank=True, db_index=True)
    card_brand = models.CharField(max_length=20, blank=True)
    card_last4 = models.CharField(max_length=4, blank=True)
    card_expires_on = models.DateField(null=True, blank=True, help_text="Last day of the month on the card.")
    consent_text = models.TextField()
    consent_version = models.CharField(max_length=20)
    consent_at = models.DateTimeField()
    consent_ip = models.GenericIPAddressField(null=True, blank=True)
    created_at = models.DateTimeField(default=clock.now, editable=False)

    objects = PlanQuerySet.as_manager()

    class Meta:
        permissions = [
            ("manage_plan", "Can change, pause and stop supporters' monthly gifts for them"),
            ("run_plan", "Can stop and resume all charging, and see what tomorrow brings"),
            ("adopt_plan", "Can bring subscriptions over from Stripe"),
        ]
        constraints = [
            models.CheckConstraint(condition=models.Q(amount_minor__gt=0), name="plan_amount_above_zero"),
            models.CheckConstraint(
                condition=~models.Q(status__in=["active", "paused", "past_due", "waiting"])
                | models.Q(provider="stripe")
                | models.Q(
                    next_due_on__isnull=False, anchor_day__range=(1, 31), started_on__isnull=False, donor__isnull=False
                )
                & ~models.Q(stripe_payment_method_id="")
                & ~models.Q(stripe_customer_id=""),
                name="plan_running_can_charge",
            ),
            models.CheckConstraint(
                condition=models.Q(status="ended", ended_at__isnull=False) & ~models.Q(end="")
                | ~models.Q(status="ended") & models.Q(ended_at__isnull=True, end=""),
                name="plan_ended_says_why",
            ),
            models.CheckConstraint(
                condition=models.Q(status="waiting") ^ models.Q(waiting_for=""), name="plan_waiting_says_for_what"
            ),
            models.CheckConstraint(
                condition=~models.Q(status="paused") | models.Q(paused_until__isnull=False),
                name="plan_paused_until_a_day",
            ),
            models.CheckConstraint(
                condition=models.Q(provider="ours") | models.Q(stripe_subscription_id__isnull=False),
                name="plan_at_stripe_has_a_subscription",
            ),
        ]
        indexes = [
            # What beat looks for: only what runs and is ours is in it.
            models.Index(
                fields=["next_due_on", "id"],
                condition=models.Q(status__in=["active", "paused", "past_due", "waiting"], provider="ours"),
                name="plan_due",
            ),
            models.Index(fields=["status", "id"], name="plan_by_status"),
            models.Index(
                fields=["card_expires_on"],
                condition=models.Q(status__in=["active", "paused", "past_due", "waiting"]),
                name="plan_by_card_expiry",
            ),
        ]

    def __str__(self) -> str:
        # No amount, as with gifts.
        return f"{self.get_interval_display()} gift, plan {self.pk}"

    @property
    def public_id(self) -> str:
        return f"M-{self.pk:07d}"

    @property
    def amount(self) -> Money:
        return Money(self.amount_minor, self.currency)

    @property
    def is_running(self) -> bool:
        return self.status in self.RUNNING

    @property
    def is_ours(self) -> bool:
        return self.provider == self.Provider.OURS
