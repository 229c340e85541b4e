"""Gifts that come by mail, phone call, broker or bank: what staff record of them, in batches with control totals."""

import uuid
from typing import Any, Self

from django.conf import settings
from django.db import models

from donations.models.campaign import Campaign, Fund
from donations.models.donor import Donor
from donations.models.gift import Gift
from nonprofit import clock
from nonprofit.money import Money


class OfflineFacts(models.Model):
    """The facts a kind of gift can have beside amount, donor and fund. Each kind asks for its own (rules/kinds.py)."""

    class SentBy(models.TextChoices):
        USPS = "usps", "U.S. mail"
        COURIER = "courier", "courier"
        HAND = "hand", "by hand"
        BILL_PAY = "bill_pay", "bank bill-pay"

    check_number = models.CharField(max_length=20, blank=True)
    check_on = models.DateField("date on the check", null=True, blank=True)
    sent_by = models.CharField("came by", max_length=10, choices=SentBy.choices, blank=True)
    postmarked_on = models.DateField("postmark", null=True, blank=True)
    received_on = models.DateField("received", null=True, blank=True)
    # The day the bank, broker, wallet or payroll office says it happened; which one depends on the kind.
    credited_on = models.DateField("credited", null=True, blank=True)
    payer_name = models.CharField("payer as printed", max_length=200, blank=True)
    reference = models.CharField(
        max_length=80, blank=True, help_text="The payer's own number: grant, transfer, remittance, lot."
    )
    custodian = models.CharField(max_length=120, blank=True, help_text="Who holds the IRA, like Fidelity.")
    advised_fund = models.CharField(
        "donor-advised fund", max_length=120, blank=True, help_text="Its name, if the sponsor tells it."
    )
    ticker = models.CharField("ticker or coin", max_length=20, blank=True)
    # Shares have up to 4 places, coins 8 (satoshi) to 18 (wei).
    quantity = models.DecimalField(max_digits=36, decimal_places=18, null=True, blank=True)
    property_description = models.CharField("description", max_length=300, blank=True)
    # What the books carry property at. It is never printed on a receipt (receipts.md 1, point 4).
    internal_value_minor = models.PositiveBigIntegerField("value for the books", null=True, blank=True)
    vehicle_number = models.CharField("VIN", max_length=17, blank=True)
    # Benefits offered and declined at the moment of giving; null where the question does not arise.
    is_benefit_declined = models.BooleanField("benefits declined", null=True, blank=True)

    class Meta:
        abstract = True

    @classmethod
    def fact_names(cls) -> list[str]:
        """The columns every holder of facts has."""
        return [field.name for field in OfflineFacts._meta.get_fields()]

    def facts(self) -> dict[str, Any]:
        """The facts as they stand, by column."""
        return {name: getattr(self, name) for name in self.fact_names()}


class BatchQuerySet(models.QuerySet["Batch"]):
    def open(self) -> Self:
        """Batches that are still being entered."""
        return self.filter(status=Batch.Status.OPEN)


class Batch(models.Model):
    """A bundle of gifts entered together, with a count and a total made before the first row is typed.

    Nothing of it is booked until it closes; then every row becomes a gift, all or none (domain rules 9-11).
    """

    class Kind(models.TextChoices):
        CHECKS = "checks", "checks and cash"
        WIRES = "wires", "wires and bank credits"
        PROPERTY = "property", "stock, crypto and goods"

    class Status(models.TextChoices):
        OPEN = "open", "open"
        CLOSED = "closed", "closed"
        DISCARDED = "discarded", "discarded"

    # Made with each header form: the same form sent twice is the same batch.
    attempt = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    kind = models.CharField(max_length=10, choices=Kind.choices, default=Kind.CHECKS)
    status = models.CharField(max_length=10, choices=Status.choices, default=Status.OPEN)
    # Holds checks dated later than the day they came; nobody counted it, its rows are put there one by one.
    is_postdated = models.BooleanField("postdated checks", default=False, editable=False)
    expected_count = models.PositiveIntegerField(help_text="How many items are in the bundle.")
    # Money only: property is counted, not added.
    expected_total_minor = models.PositiveBigIntegerField("expected total")
    currency = models.CharField(max_length=3, default="usd")
    deposit_on = models.DateField("deposit date", help_text="The day it goes to the bank.")
    fund = models.ForeignKey(Fund, on_delete=models.PROTECT, help_text="Used unless a row says another.")
    campaign = models.ForeignKey(Campaign, null=True, blank=True, on_delete=models.PROTECT)
    note = models.CharField(max_length=300, blank=True)
    opened_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="batches_opened")
    opened_at = models.DateTimeField(default=clock.now, editable=False)
    closed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.PROTECT, related_name="batches_closed"
    )
    closed_at = models.DateTimeField(null=True, blank=True)
    # Someone else let it close although it did not balance, and why.
    overridden_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.PROTECT, related_name="batches_overridden"
    )
    override_reason = models.CharField(max_length=300, blank=True)
    # The one line on the bank statement that this deposit is.
    bank_reference = models.CharField(max_length=80, blank=True)

    objects = BatchQuerySet.as_manager()

    class Meta:
        verbose_name_plural = "batches"
        permissions = [
            ("enter_batch", "Can enter gifts into batches"),
            ("close_batch", "Can close a batch"),
            ("override_batch", "Can let another person's batch close although it does not balance"),
        ]
        indexes = [models.Index(fields=["status", "-opened_at"], name="batch_open_first")]
        constraints = [
            models.CheckConstraint(
                condition=~models.Q(status="closed") | models.Q(closed_at__isnull=False, closed_by__isnull=False),
                name="batch_closed_says_by_whom",
            ),
            models.CheckConstraint(
                condition=models.Q(overridden_by__isnull=True) | ~models.Q(override_reason=""),
                name="batch_override_has_reason",
            ),
        ]

    def __str__(self) -> str:
        return self.public_id

    @property
    def public_id(self) -> str:
        return f"B-{clock.local_date(self.opened_at).year}-{self.pk:04d}"

    @property
    def expected_total(self) -> Money:
        return self.money(self.expected_total_minor)

    def money(self, minor: int) -> Money:
        """That many minor units of the batch's currency."""
        return Money(minor, self.currency)


class BatchRow(OfflineFacts):
    """One item of a batch as typed. Unfinished rows are kept too, so that a closed browser loses nothing."""

    batch = models.ForeignKey(Batch, on_delete=models.PROTECT, related_name="rows")
    position = models.PositiveIntegerField()
    # Made by the page with each new row: the same row sent twice is the same row.
    attempt = models.UUIDField(unique=True, editable=False)
    kind = models.CharField(max_length=16, choices=Gift.Kind.choices, default=Gift.Kind.CHECK)
    donor = models.ForeignKey(
        Donor, null=True, blank=True, on_delete=models.PROTECT, related_name="batch_rows", verbose_name="legal donor"
    )
    # The person to thank where the law sees another donor: advisor, employee (domain rules 23, 33).
    recognized = models.ForeignKey(
        Donor, null=True, blank=True, on_delete=models.PROTECT, related_name="batch_rows_recognized"
    )
    amount_minor = models.PositiveBigIntegerField(null=True, blank=True)
    fund = models.ForeignKey(Fund, null=True, blank=True, on_delete=models.PROTECT)
    campaign = models.ForeignKey(Campaign, null=True, blank=True, on_delete=models.PROTECT)
    # Set where staff put another date than the rule proposes; the reason is required with it.
    gift_on_override = models.DateField("gift date", null=True, blank=True)
    date_reason = models.CharField(max_length=200, blank=True)
    promise_part = models.ForeignKey(
        "donations.PromisePart", null=True, blank=True, on_delete=models.PROTECT, related_name="batch_rows"
    )
    tribute = models.CharField(max_length=8, choices=Gift.Tribute.choices, blank=True)
    tribute_name = models.CharField(max_length=120, blank=True)
    note = models.CharField(max_length=1000, blank=True)
    is_name_hidden = models.BooleanField("name not shown publicly", default=False)
    # What was typed and cannot be read yet, by field, so that a half-typed row comes back as it was.
    unread = models.JSONField(default=dict, blank=True)
    # What the duplicate warning said and that it was seen.
    is_duplicate_accepted = models.BooleanField(default=False)
    entered_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    entered_at = models.DateTimeField(default=clock.now, editable=False)
    gift = models.OneToOneField(Gift, null=True, blank=True, on_delete=models.PROTECT, related_name="batch_row")

    class Meta:
        ordering = ["position"]
        constraints = [models.UniqueConstraint(fields=["batch", "position"], name="batch_row_position_once")]
        indexes = [
            models.Index(
                fields=["donor", "check_number"], condition=~models.Q(check_number=""), name="batch_row_by_check"
            )
        ]

    def __str__(self) -> str:
        return f"{self.batch}, row {self.position}"

    @property
    def amount(self) -> Money | None:
        return None if self.amount_minor is None else Money(self.amount_minor, self.batch.currency)


class GiftDetail(OfflineFacts):
    """What staff recorded about a gift that did not come through the giving page. Written once, when it is booked."""

    gift = models.OneToOneField(Gift, on_delete=models.PROTECT, related_name="detail")
    batch = models.ForeignKey(Batch, null=True, blank=True, on_delete=models.PROTECT, related_name="details")
    # The rule's proposal where staff decided otherwise, and why.
    proposed_gift_on = models.DateField(null=True, blank=True)
    date_reason = models.CharField(max_length=200, blank=True)

    class Meta:
        indexes = [
            models.Index(fields=["check_number"], condition=~models.Q(check_number=""), name="detail_by_check"),
        ]

    def __str__(self) -> str:
        return f"details of {self.gift}"


class SoftCredit(models.Model):
    """A person to thank for another legal donor's gift. Never part of any cash total (domain rule 89)."""

    class Role(models.TextChoices):
        ADVISOR = "advisor", "fund advisor"
        EMPLOYEE = "employee", "matched employee"
        SPOUSE = "spouse", "spouse"
        FAMILY = "family", "family member"
        OTHER = "other", "recognized"

    gift = models.ForeignKey(Gift, on_delete=models.PROTECT, related_name="soft_credits")
    donor = models.ForeignKey(Donor, on_delete=models.PROTECT, related_name="soft_credits")
    role = models.CharField(max_length=10, choices=Role.choices)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["gift", "donor"], name="soft_credit_once_a_gift")]

    def __str__(self) -> str:
        return f"{self.donor}, {self.get_role_display()}"


class Reversal(models.Model):
    """A settled gift whose money went back or was never there: an equal negative line in the ledger (rule 12).

    Grows only, with its ledger entries. A replacement is a new gift (rule 13); the reversed one stays reversed.
    """

    class Reason(models.TextChoices):
        BOUNCED = "bounced", "returned by the bank"
        WRONG_ENTRY = "wrong_entry", "entered wrongly"

    gift = models.OneToOneField(Gift, on_delete=models.PROTECT, related_name="reversal")
    reason = models.CharField(max_length=16, choices=Reason.choices)
    # The day of the bank's notice, or the day the mistake was found; the ledger line is booked on it.
    noticed_on = models.DateField()
    bank_fee_minor = models.PositiveIntegerField(default=0)
    note = models.CharField(max_length=300, blank=True)
    actor = models.CharField(max_length=80)
    at = models.DateTimeField(default=clock.now, editable=False)

    class Meta:
        verbose_name_plural = "returned and corrected"

    def __str__(self) -> str:
        return f"{self.get_reason_display()}, {self.noticed_on:%Y-%m-%d}"
