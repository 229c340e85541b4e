"""Money that goes back by card: refunds asked for by staff or made at Stripe, and disputes opened by banks."""

from typing import Self

from django.conf import settings
from django.db import models

from donations.models.gift import Gift
from nonprofit import clock
from nonprofit.money import Money

# Stripe's words; the bank has decided, and what a dispute took stays or came back.
CLOSED = ["warning_closed", "prevented", "won", "lost"]
TO_ANSWER = ["warning_needs_response", "needs_response", "appeal_needs_response"]


class RefundQuerySet(models.QuerySet["Refund"]):
    def under_way(self) -> Self:
        """Those that may still take money: of what a gift is worth, they are spoken for."""
        return self.filter(state__in=[Refund.State.WAITING, Refund.State.REQUESTED, Refund.State.PENDING])

    def of_own_payment(self, gift: Gift) -> Self:
        """Those of the payment that the gift counts; a gift paid twice by mistake has refunds of the other one, too."""
        return self.filter(gift=gift, payment_id=gift.payment_intent_id or "")


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
    # The payment it is of: the gift's own, or the second one of a gift that was paid twice.
    payment_id = models.CharField(max_length=80, blank=True)
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

    objects = RefundQuerySet.as_manager()

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


class DisputeQuerySet(models.QuerySet["Dispute"]):
    def open(self) -> Self:
        """Those the bank has not decided."""
        return self.exclude(status__in=CLOSED)

    def to_answer(self) -> Self:
        """Those that wait for our evidence, the most urgent first."""
        return self.filter(status__in=TO_ANSWER).order_by("evidence_due_at", "pk")


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
        APPEAL_NEEDS_RESPONSE = "appeal_needs_response", "appeal, needs an answer"
        APPEAL_UNDER_REVIEW = "appeal_under_review", "appeal, under review"
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
    # What it took and has not given back, its fees apart: none for an inquiry, none once it is won.
    taken_minor = models.PositiveBigIntegerField(default=0)
    opened_at = models.DateTimeField()
    closed_at = models.DateTimeField(null=True, blank=True)
    # What staff decided to do about it, for the others who see the worklist.
    note = models.CharField(max_length=300, blank=True)
    # When Stripe was asked for what stands here: an older answer that comes in later changes nothing.
    changed_at = models.DateTimeField(default=clock.now, editable=False)

    objects = DisputeQuerySet.as_manager()

    class Meta:
        permissions = [("answer_dispute", "Can note what is done about a dispute")]
        indexes = [
            models.Index(
                fields=["evidence_due_at"],
                condition=models.Q(status__in=TO_ANSWER),
                name="dispute_needs_answer",
            ),
        ]

    def __str__(self) -> str:
        return f"dispute {self.stripe_dispute_id}"

    @property
    def is_open(self) -> bool:
        return self.status not in CLOSED

    @property
    def needs_answer(self) -> bool:
        return self.status in TO_ANSWER

    @property
    def amount(self) -> Money:
        return Money(self.amount_minor, self.currency)
