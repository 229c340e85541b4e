"""Gifts and the attempts to pay them."""

import uuid
from datetime import date, datetime
from typing import TYPE_CHECKING, Self

from django.contrib.postgres.indexes import GinIndex, OpClass
from django.db import models
from django.db.models.functions import Upper

from donations.models.campaign import Campaign, Fund
from donations.models.donor import Donor, address_lines
from donations.models.plan import Plan
from nonprofit import clock
from nonprofit.models import User
from nonprofit.money import Money

if TYPE_CHECKING:
    from donations.models.receipt import Receipt


class GiftQuerySet(models.QuerySet["Gift"]):
    def settled(self) -> Self:
        """Gifts whose money we have."""
        return self.filter(status=Gift.Status.SETTLED)

    def between(self, start: date, end: date) -> Self:
        """Gifts dated from `start` to `end`, both included."""
        return self.filter(gift_on__range=(start, end))

    def visible_to(self, user: User) -> Self:
        """What `user` may see in the portal: their own donor's gifts and nobody else's."""
        return self.filter(donor__user=user)

    def abandoned(self, before: datetime) -> Self:
        """Gifts begun and never paid, last touched before `before`; those with a payment link wait as long as it.

        Not a plan's later gifts: their installments decide when to give up.
        """
        unpaid = self.filter(status__in=[Gift.Status.PENDING, Gift.Status.FAILED], changed_at__lt=before)
        unpaid = unpaid.filter(installment=None)
        return unpaid.exclude(payment_link__expires_at__gt=clock.now())


class Gift(models.Model):
    """One gift, from the moment it is started. Money that arrived is in the ledger; this row says what it was for."""

    class Kind(models.TextChoices):
        CARD = "card", "card"
        PHONE = "phone", "card by phone"
        CHECK = "check", "check"
        CASH = "cash", "cash"
        MONEY_ORDER = "money_order", "money order"
        WIRE = "wire", "wire or bank credit"
        STOCK = "stock", "stock"
        CRYPTO = "crypto", "crypto"
        DAF = "daf", "donor-advised fund grant"
        FOUNDATION = "foundation", "private foundation grant"
        IRA = "ira", "IRA charitable distribution"
        MATCH = "match", "employer match"
        PAYROLL = "payroll", "payroll giving"
        IN_KIND = "in_kind", "goods in kind"
        SERVICES = "services", "services"
        VEHICLE = "vehicle", "vehicle"
        BEQUEST = "bequest", "bequest"
        OTHER = "other", "other"

    class Status(models.TextChoices):
        PENDING = "pending", "started"
        PROCESSING = "processing", "processing"
        SETTLED = "settled", "received"
        FAILED = "failed", "declined"
        EXPIRED = "expired", "abandoned"
        REVERSED = "reversed", "reversed"
        REFUNDED = "refunded", "refunded"
        # The bank has taken the money back while it asks; it comes back when the dispute is won.
        DISPUTED = "disputed", "disputed"
        LOST = "lost", "lost in a dispute"

    class Frequency(models.TextChoices):
        ONCE = "once", "One-time gift"
        MONTHLY = "monthly", "Monthly gift"
        QUARTERLY = "quarterly", "Quarterly gift"
        YEARLY = "yearly", "Yearly gift"

    # What pages ask for; a quarterly gift comes of changing a monthly one.
    ASKED_FOR = (Frequency.ONCE, Frequency.MONTHLY, Frequency.YEARLY)

    class Tribute(models.TextChoices):
        NONE = "", "no"
        HONOR = "honor", "In honor of"
        MEMORY = "memory", "In memory of"

    class DateBasis(models.TextChoices):
        CHARGE = "charge", "day of the charge"
        POSTMARK = "postmark", "day of the postmark"
        RECEIVED = "received", "day it was received"
        CHECK = "check", "date on the check, which is later"
        BANK = "bank", "day the bank paid or credited it"
        TRANSFER = "transfer", "day the shares or coins arrived"
        DELIVERY = "delivery", "day it was delivered"
        PAYROLL = "payroll", "day it was withheld"
        DISTRIBUTION = "distribution", "day of the distribution"
        STAFF = "staff", "set by staff, with a reason"
        ORIGIN = "origin", "as the former platform recorded it"

    # The thank-you page's address; cannot be guessed.
    token = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    # Made with each rendered form: the same form sent twice is the same gift.
    form_attempt = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    # Raised when a declined gift is changed and tried again; part of the keys we send Stripe.
    revision = models.PositiveSmallIntegerField(default=0, editable=False)
    # Set when the gift settles: testers of stolen cards type real people's addresses, and make no donor (rule 87).
    donor = models.ForeignKey(Donor, null=True, blank=True, on_delete=models.PROTECT, related_name="gifts")
    plan = models.ForeignKey(Plan, null=True, blank=True, on_delete=models.PROTECT, related_name="gifts")
    kind = models.CharField(max_length=16, choices=Kind.choices, default=Kind.CARD)
    status = models.CharField(max_length=10, choices=Status.choices, default=Status.PENDING)
    frequency = models.CharField(max_length=10, choices=Frequency.choices, default=Frequency.ONCE)
    # Minor units, the covered fee included. Zero for property: its value is in the detail and never on a receipt.
    amount_minor = models.PositiveBigIntegerField("amount (minor units)")
    covered_fee_minor = models.PositiveIntegerField(default=0)
    # What went back so far, changed with each refund under the gift's lock; the ledger proves it.
    refunded_minor = models.PositiveBigIntegerField(default=0, editable=False)
    currency = models.CharField(max_length=3, default="usd")
    fund = models.ForeignKey(Fund, on_delete=models.PROTECT)
    campaign = models.ForeignKey(Campaign, null=True, blank=True, on_delete=models.PROTECT)
    # As given with this gift: the legal donor's name and address for the receipt.
    donor_name = models.CharField(max_length=200)
    donor_email = models.EmailField(max_length=254, blank=True)
    donor_phone = models.CharField(max_length=40, blank=True)
    address_line1 = models.CharField(max_length=120, blank=True)
    address_line2 = models.CharField(max_length=120, blank=True)
    city = models.CharField(max_length=80, blank=True)
    region = models.CharField("state", max_length=40, blank=True)
    postal_code = models.CharField("ZIP code", max_length=20, blank=True)
    country = models.CharField(max_length=2, blank=True)
    tribute = models.CharField(max_length=8, choices=Tribute.choices, blank=True)
    tribute_name = models.CharField(max_length=120, blank=True)
    note = models.CharField(max_length=1000, blank=True)
    is_name_hidden = models.BooleanField("name not shown publicly", default=False)
    wants_newsletter = models.BooleanField(default=False)
    # The donor's legal date and why it is that date (domain rules 1-7); set when the gift settles.
    gift_on = models.DateField("gift date", null=True, blank=True)
    gift_date_basis = models.CharField(max_length=16, choices=DateBasis.choices, blank=True)
    payment_intent_id = models.CharField(max_length=80, null=True, blank=True, unique=True)
    card_brand = models.CharField(max_length=20, blank=True)
    card_last4 = models.CharField(max_length=4, blank=True)
    started_at = models.DateTimeField(default=clock.now, editable=False)
    changed_at = models.DateTimeField(default=clock.now, editable=False)
    settled_at = models.DateTimeField(null=True, blank=True)
    # The paper that counts, or the last one if it is void; set when it is numbered. Not indexed, so that setting it
    # touches no index of this table: from a receipt its gift is found by `Receipt.gift`.
    receipt = models.ForeignKey(
        "donations.Receipt", null=True, blank=True, on_delete=models.PROTECT, related_name="+", db_index=False
    )

    objects = GiftQuerySet.as_manager()

    class Meta:
        permissions = [
            ("seeamounts_gift", "Can see what people give"),
            ("reverse_gift", "Can reverse a gift: a returned check, a wrong entry"),
            ("phone_gift", "Can take gifts on the phone"),
        ]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(amount_minor__gt=0)
                | models.Q(kind__in=["stock", "crypto", "in_kind", "services", "vehicle"]),
                name="gift_amount_above_zero",
            ),
            models.CheckConstraint(
                condition=models.Q(covered_fee_minor=0) | models.Q(covered_fee_minor__lt=models.F("amount_minor")),
                name="gift_fee_inside_amount",
            ),
            models.CheckConstraint(
                condition=models.Q(refunded_minor__lte=models.F("amount_minor")), name="gift_refunds_within_amount"
            ),
            models.CheckConstraint(
                condition=~models.Q(status__in=["settled", "reversed", "refunded", "disputed", "lost"])
                | models.Q(gift_on__isnull=False, settled_at__isnull=False) & models.Q(donor__isnull=False),
                name="gift_settled_has_dates_and_donor",
            ),
        ]
        indexes = [
            models.Index(fields=["donor", "-gift_on"], name="gift_by_donor"),
            models.Index(fields=["-started_at"], name="gift_newest_first"),
            # With the primary key: lists turn their pages by both, and many gifts are of one amount or day.
            models.Index(fields=["amount_minor", "id"], name="gift_by_amount"),
            models.Index(fields=["gift_on", "id"], name="gift_by_date"),
            # The rarer ones, newest first: most gifts are by card and received, and need no index to be found.
            models.Index(fields=["kind", "-started_at"], condition=~models.Q(kind="card"), name="gift_by_kind"),
            models.Index(
                fields=["status", "-started_at"], condition=~models.Q(status="settled"), name="gift_by_status"
            ),
            # Gifts that have no donor yet, found by what was typed; settled ones are found through their donor.
            GinIndex(
                OpClass(Upper("donor_name"), name="gin_trgm_ops"),
                condition=models.Q(donor__isnull=True),
                name="gift_name_trigram",
            ),
            GinIndex(
                OpClass(Upper("donor_email"), name="gin_trgm_ops"),
                condition=models.Q(donor__isnull=True),
                name="gift_email_trigram",
            ),
            models.Index(
                fields=["changed_at"], condition=models.Q(status__in=["pending", "failed"]), name="gift_unpaid"
            ),
            # The portal finds money on its way by its address: there is no donor yet.
            models.Index(fields=["donor_email"], condition=models.Q(status="processing"), name="gift_on_its_way"),
        ]

    def __str__(self) -> str:
        # No amount: it stands in titles, links and choices, which people read who may not see what others give.
        return self.public_id

    @property
    def public_id(self) -> str:
        return f"G-{self.pk:08d}"

    @property
    def amount(self) -> Money:
        return Money(self.amount_minor, self.currency)

    @property
    def paper(self) -> "Receipt":
        """The gift's receipt or letter, where there must be one. Raises LookupError."""
        if self.receipt is None:
            raise LookupError(f"{self.public_id} has no receipt")
        return self.receipt

    @property
    def kept(self) -> Money:
        """What is left of the gift after its refunds."""
        return Money(self.amount_minor - self.refunded_minor, self.currency)

    @property
    def is_property(self) -> bool:
        """Whether it is goods, shares or work, of which no receipt says a value."""
        return self.amount_minor == 0

    @property
    def covered_fee(self) -> Money:
        return Money(self.covered_fee_minor, self.currency)

    @property
    def address_lines(self) -> list[str]:
        """The donor's address as given with this gift, as printed on an envelope."""
        return address_lines(self)


class Attempt(models.Model):
    """One try to charge a card for a gift, as Stripe told us. Grows only."""

    class Outcome(models.TextChoices):
        SUCCEEDED = "succeeded", "succeeded"
        DECLINED = "declined", "declined"

    gift = models.ForeignKey(Gift, on_delete=models.PROTECT, related_name="attempts")
    # Stripe's id of the charge, or of the event where there was no charge.
    source = models.CharField(max_length=120, unique=True)
    outcome = models.CharField(max_length=10, choices=Outcome.choices)
    amount_minor = models.PositiveIntegerField()
    currency = models.CharField(max_length=3)
    code = models.CharField(max_length=60, blank=True, help_text="Stripe's decline or error code.")
    happened_at = models.DateTimeField()

    class Meta:
        ordering = ["happened_at"]

    def __str__(self) -> str:
        return f"{self.outcome} {self.code}".strip()

    @property
    def amount(self) -> Money:
        return Money(self.amount_minor, self.currency)
