"""Promises: pledges, announced grants, expected matches and stock. Never counted as received (domain rules 33-36)."""

from django.core.validators import MinValueValidator
from django.db import models
from django.db.models.functions import Upper

from donations.models.campaign import Campaign, Fund
from donations.models.donor import Donor
from donations.models.gift import Gift
from nonprofit import clock
from nonprofit.money import Money


class Promise(models.Model):
    """What somebody said they will give. It is no money: no receipt, no ledger line, no total until a gift arrives."""

    class Kind(models.TextChoices):
        PLEDGE = "pledge", "pledge"
        GRANT = "grant", "announced grant"
        MATCH = "match", "expected match"
        STOCK = "stock", "expected stock"
        BEQUEST = "bequest", "bequest intention"

    kind = models.CharField(max_length=10, choices=Kind.choices)
    donor = models.ForeignKey(Donor, on_delete=models.PROTECT, related_name="promises", verbose_name="promised by")
    # A match: whose gift it doubles. The promise is the company's, never the employee's (rule 34).
    matched_gift = models.ForeignKey(
        Gift, null=True, blank=True, on_delete=models.PROTECT, related_name="matches_expected"
    )
    description = models.CharField(max_length=200, blank=True, help_text="Grant reference, shares, the company's form.")
    currency = models.CharField(max_length=3, default="usd")
    fund = models.ForeignKey(Fund, on_delete=models.PROTECT)
    campaign = models.ForeignKey(Campaign, null=True, blank=True, on_delete=models.PROTECT)
    promised_on = models.DateField()
    note = models.CharField(max_length=1000, blank=True)
    created_by = models.CharField(max_length=80, help_text='"staff:17"')
    created_at = models.DateTimeField(default=clock.now, editable=False)

    class Meta:
        permissions = [("writeoff_promise", "Can write off a promise")]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(matched_gift__isnull=True) | models.Q(kind="match"),
                name="promise_gift_only_of_match",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.public_id} {self.get_kind_display()}"

    @property
    def public_id(self) -> str:
        return f"P-{self.pk:06d}"


class PromisePart(models.Model):
    """One dated part of a promise: open, paid by gifts, or written off with a reason."""

    promise = models.ForeignKey(Promise, on_delete=models.PROTECT, related_name="parts")
    due_on = models.DateField(null=True, blank=True)
    # Null for stock and intentions without a figure.
    amount_minor = models.PositiveBigIntegerField(null=True, blank=True, validators=[MinValueValidator(1)])
    written_off_on = models.DateField(null=True, blank=True)
    write_off_reason = models.CharField(max_length=200, blank=True)
    # The link by which it can be paid online was last sent then.
    link_sent_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["due_on", "pk"]
        indexes = [
            models.Index(
                fields=["due_on"], condition=models.Q(written_off_on__isnull=True), name="promise_part_by_due_date"
            )
        ]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(written_off_on__isnull=True) | ~models.Q(write_off_reason=""),
                name="promise_write_off_has_reason",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.promise.public_id}, due {self.due_on or 'some day'}"

    @property
    def amount(self) -> Money | None:
        return None if self.amount_minor is None else Money(self.amount_minor, self.promise.currency)


class PromisePayment(models.Model):
    """A settled gift that paid a part of a promise. A gift pays one part only."""

    part = models.ForeignKey(PromisePart, on_delete=models.PROTECT, related_name="payments")
    gift = models.OneToOneField(Gift, on_delete=models.PROTECT, related_name="promise_payment")

    def __str__(self) -> str:
        return f"{self.gift} for {self.part}"


class Employer(models.Model):
    """A company that matches gifts, as staff know it: who pays, and where its form is."""

    name = models.CharField(max_length=120)
    donor = models.OneToOneField(Donor, null=True, blank=True, on_delete=models.PROTECT, related_name="employer")
    form_url = models.URLField(blank=True)
    note = models.CharField(max_length=300, blank=True)

    class Meta:
        constraints = [models.UniqueConstraint(Upper("name"), name="employer_name_once")]

    def __str__(self) -> str:
        return self.name
