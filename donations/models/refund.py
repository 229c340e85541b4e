"""Money that goes back by card: refunds asked for by staff or made at Stripe, and disputes opened by banks."""

from django.conf import settings
from django.db import models

from donations.models.gift import Gift
from nonprofit import clock
from nonprofit.money import Money


class Refund(models.Model):
    """One refund of a card gift, from the moment it is asked for. Booked when Stripe says it is true.

    Several can be of one gift; each has its own id at Stripe, and events are keyed by that (domain rule 70).
    """

    class State(models.TextChoices):
        # Above the limit it waits for a second person (Policy.refund_alone_up_to_minor).
        WAITING = "waiting", "waiting for a second person"
        REQUESTED = "requested", "to be sent to Stripe"
        PENDING = "pending", "on its way"
        SUCCEEDED = "succeeded", "refunded"
        FAILED = "failed", "failed"
        CANCELLED = "cancelled", "cancelled"
        # By the second person, or by Stripe before any money moved.
        REFUSED = "refused", "refused"

    class Reason(models.TextChoices):
        ASKED = "asked", "the supporter asked"
        DUPLICATE = "duplicate", "given twice by mistake"
        WRONG_AMOUNT = "wrong_amount", "wrong amount"
        FRAUD = "fraud", "not the supporter's own doing"
        OTHER = "other", "other"

    class Origin(models.TextChoices):
        STAFF = "staff", "by staff here"
        STRIPE = "stripe", "in Stripe's dashboard"

    gift = models.ForeignKey(Gift, on_delete=models.PROTECT, related_name="refunds")
    # Made with each form: the same form sent twice is the same refund.
    attempt = models.UUIDField(null=True, blank=True, unique=True, editable=False)
    amount_minor = models.PositiveBigIntegerField()
    state = models.CharField(max_length=10, choices=State.choices)
    reason = models.CharField(max_length=14, choices=Reason.choices, default=Reason.OTHER)
    note = models.CharField(max_length=300, blank=True)
    origin = models.CharField(max_length=8, choices=Origin.choices, default=Origin.STAFF)
    stripe_refund_id = models.CharField(max_length=80, null=True, blank=True, unique=True)
    trouble = models.CharField(max_length=200, blank=True, help_text="Stripe's reason where it failed.")
    requested_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.PROTECT, related_name="refunds_requested"
    )
    requested_at = models.DateTimeField(default=clock.now, editable=False)
    approved_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.PROTECT, related_name="refunds_approved"
    )
    decided_at = models.DateTimeField(null=True, blank=True)
    # Stripe's own instant of the refund, and of its failure.
    refunded_at = models.DateTimeField(null=True, blank=True)
    failed_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        permissions = [
            ("request_refund", "Can ask for a refund"),
            ("approve_refund", "Can approve another person's refund above the limit"),
        ]
        indexes = [
            models.Index(
                fields=["requested_at"],
                condition=models.Q(state__in=["waiting", "requested", "pending"]),
                name="refund_under_way",
            ),
        ]
        constraints = [
            models.CheckConstraint(condition=models.Q(amount_minor__gt=0), name="refund_amount_above_zero"),
            models.CheckConstraint(
                condition=models.Q(approved_by__isnull=True) | ~models.Q(approved_by=models.F("requested_by")),
                name="refund_approved_by_another",
            ),
        ]

    def __str__(self) -> str:
        return f"refund {self.pk} of {self.gift}"

    @property
    def amount(self) -> Money:
        return Money(self.amount_minor, self.gift.currency)

    @property
    def public_id(self) -> str:
        return f"RF-{self.pk:06d}"


class Dispute(models.Model):
    """A bank's question or chargeback about a payment. An inquiry moves no money (domain rule 72).

    status: Stripe's own word, as it stands now. gift: None where the payment is not one of ours.
    """

    class Status(models.TextChoices):
        WARNING_NEEDS_RESPONSE = "warning_needs_response", "inquiry, needs an answer"
        WARNING_UNDER_REVIEW = "warning_under_review", "inquiry, under review"
        WARNING_CLOSED = "warning_closed", "inquiry closed"
        NEEDS_RESPONSE = "needs_response", "needs an answer"
        UNDER_REVIEW = "under_review", "under review"
        PREVENTED = "prevented", "prevented"
        WON = "won", "won"
        LOST = "lost", "lost"

    stripe_dispute_id = models.CharField(max_length=80, unique=True)
    charge_id = models.CharField(max_length=80, db_index=True)
    gift = models.ForeignKey(Gift, null=True, blank=True, on_delete=models.PROTECT, related_name="disputes")
    amount_minor = models.PositiveBigIntegerField(help_text="What is disputed; can be a part of the gift.")
    currency = models.CharField(max_length=3)
    reason = models.CharField(max_length=60, help_text="Stripe's word for it.")
    status = models.CharField(max_length=24, choices=Status.choices)
    evidence_due_at = models.DateTimeField(null=True, blank=True)
    opened_at = models.DateTimeField()
    closed_at = models.DateTimeField(null=True, blank=True)
    # What staff decided to do about it, for the others who see the worklist.
    note = models.CharField(max_length=300, blank=True)
    changed_at = models.DateTimeField(default=clock.now, editable=False)

    class Meta:
        permissions = [("answer_dispute", "Can note what is done about a dispute")]
        indexes = [
            models.Index(
                fields=["evidence_due_at"],
                condition=models.Q(status__in=["warning_needs_response", "needs_response"]),
                name="dispute_needs_answer",
            ),
        ]

    def __str__(self) -> str:
        return f"dispute {self.stripe_dispute_id}"

    @property
    def amount(self) -> Money:
        return Money(self.amount_minor, self.currency)
