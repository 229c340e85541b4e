"""The dates of plans and what came of each; and how charging goes on by itself, within caps."""

from typing import Self

from django.conf import settings
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models

from donations.models.plan import Plan
from nonprofit import clock
from nonprofit.money import Money


class Installment(models.Model):
    """One date of a plan, and what came of it: exactly one row for each date that passed, charged or with its reason.

    At most one PaymentIntent is ever made for it, and so at most one charge. Changed under the plan's lock.
    """

    class Status(models.TextChoices):
        SCHEDULED = "scheduled", "to be charged"
        # A worker has it, and what it does is safe to repeat by another.
        CHARGING = "charging", "being charged"
        # Stripe was asked and did not answer: nothing is done until it has been asked how it stands.
        UNKNOWN = "unknown", "outcome not known yet"
        PROCESSING = "processing", "the bank is processing it"
        RETRYING = "retrying", "declined, tried again later"
        WAITING = "waiting", "waiting for the supporter"
        PAID = "paid", "paid"
        FAILED = "failed", "not paid"
        SKIPPED = "skipped", "left out"

    class Reason(models.TextChoices):
        ASKED = "asked", "the supporter asked to skip it"
        PAUSED = "paused", "the plan was paused"
        OUTAGE = "outage", "we could not charge in time, and do not charge twice to catch up"
        STOPPED = "stopped", "the plan was stopped"
        NO_CARD = "no_card", "there was no card that worked"
        DECLINED = "declined", "every try was declined"
        UNANSWERED = "unanswered", "the bank's question was not answered"
        STAFF = "staff", "staff left it out"

    OPEN = (Status.SCHEDULED, Status.CHARGING, Status.UNKNOWN, Status.PROCESSING, Status.RETRYING, Status.WAITING)
    # Stripe may be charging it now.
    IN_FLIGHT = (Status.CHARGING, Status.UNKNOWN, Status.PROCESSING)

    plan = models.ForeignKey(Plan, on_delete=models.PROTECT, related_name="installments")
    due_on = models.DateField()
    status = models.CharField(max_length=10, choices=Status.choices, default=Status.SCHEDULED)
    reason = models.CharField(max_length=10, choices=Reason.choices, blank=True)
    # As it is charged: taken from the plan at the first try and never changed after (domain rule 56).
    amount_minor = models.PositiveIntegerField(help_text="The covered fee included.")
    covered_fee_minor = models.PositiveIntegerField(default=0)
    currency = models.CharField(max_length=3)
    # Made with the first try; its PaymentIntent is the installment's.
    gift = models.OneToOneField(
        "donations.Gift", null=True, blank=True, on_delete=models.PROTECT, related_name="installment"
    )
    tries = models.PositiveSmallIntegerField(default=0, help_text="How often a card was asked, this time included.")
    next_try_at = models.DateTimeField(null=True, blank=True)
    claimed_at = models.DateTimeField(null=True, blank=True)
    # Since when this try's charge may be at Stripe: written before it is sent.
    sent_at = models.DateTimeField(null=True, blank=True)
    # The card that this try asks: a try that is repeated after a crash asks the same one.
    stripe_payment_method_id = models.CharField(max_length=80, blank=True)
    code = models.CharField(max_length=60, blank=True, help_text="Stripe's code of the last decline.")
    made_at = models.DateTimeField(default=clock.now, editable=False)
    done_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-due_on", "-pk"]
        constraints = [
            models.UniqueConstraint(fields=["plan", "due_on"], name="installment_once_a_date"),
            models.UniqueConstraint(
                fields=["plan"],
                condition=models.Q(
                    status__in=["scheduled", "charging", "unknown", "processing", "retrying", "waiting"]
                ),
                name="installment_one_open",
            ),
            models.CheckConstraint(
                condition=models.Q(covered_fee_minor__lt=models.F("amount_minor")), name="installment_fee_inside_amount"
            ),
            models.CheckConstraint(
                condition=~models.Q(status__in=["failed", "skipped"]) | ~models.Q(reason=""),
                name="installment_unpaid_says_why",
            ),
            models.CheckConstraint(
                condition=~models.Q(status__in=["paid", "charging", "unknown", "processing"])
                | models.Q(gift__isnull=False),
                name="installment_charged_has_a_gift",
            ),
        ]
        indexes = [
            models.Index(
                fields=["next_try_at", "id"],
                condition=models.Q(status__in=["scheduled", "retrying", "charging", "unknown"]),
                name="installment_to_charge",
            ),
            models.Index(fields=["due_on", "status"], name="installment_by_date"),
            models.Index(fields=["status", "due_on"], condition=~models.Q(status="paid"), name="installment_by_status"),
        ]

    def __str__(self) -> str:
        return f"{self.due_on:%Y-%m-%d} of plan {self.plan_id}"

    @property
    def amount(self) -> Money:
        return Money(self.amount_minor, self.currency)

    @property
    def is_open(self) -> bool:
        return self.status in self.OPEN


class Renewals(models.Model):
    """How charging goes on by itself: one row, with its kill switch and its caps."""

    is_on = models.BooleanField("charging is on", default=True)
    from_hour = models.PositiveSmallIntegerField(
        "not before this hour",
        default=8,
        validators=[MaxValueValidator(23)],
        help_text="Local time: a bank's message wakes nobody.",
    )
    most_count = models.PositiveIntegerField(
        "most charges a day", default=20_000, help_text="What goes beyond waits for a person to look."
    )
    most_minor = models.PositiveBigIntegerField(
        "most money a day (cents)", default=100_000_000, help_text="What goes beyond waits for a person to look."
    )
    most_declined_percent = models.PositiveSmallIntegerField(
        "stop when so many are declined",
        default=40,
        validators=[MinValueValidator(5), MaxValueValidator(100)],
        help_text="Percent of a day's charges, once there are fifty: then something is wrong, and going on makes banks "
        "distrust us.",
    )
    ends_unpaid_after_days = models.PositiveSmallIntegerField(
        "end a plan without a card after days",
        default=60,
        validators=[MinValueValidator(15), MaxValueValidator(365)],
        help_text="Counted from the first decline. The supporter is told, and can restart in the portal.",
    )
    changed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.PROTECT, related_name="+", editable=False
    )

    class Meta:
        verbose_name_plural = "charging"
        constraints = [models.CheckConstraint(condition=models.Q(pk=1), name="renewals_is_one_row")]

    def __str__(self) -> str:
        return "Charging of monthly gifts"

    @classmethod
    def get(cls) -> Self:
        """The row as it stands; the defaults where nobody has changed any."""
        return cls.objects.filter(pk=1).first() or cls(pk=1)


class ChargeDay(models.Model):
    """One day of charging: what was claimed against the caps, and why it stopped, if it did."""

    on = models.DateField(unique=True)
    claimed = models.PositiveIntegerField(default=0)
    claimed_minor = models.PositiveBigIntegerField(default=0)
    paid = models.PositiveIntegerField(default=0)
    declined = models.PositiveIntegerField(default=0)
    stopped_why = models.CharField(max_length=200, blank=True)
    stopped_at = models.DateTimeField(null=True, blank=True)
    # Staff looked at it and let it go on: caps and decline share do not stop it again today.
    let_go_on_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )

    class Meta:
        ordering = ["-on"]

    def __str__(self) -> str:
        return f"{self.on:%Y-%m-%d}"
