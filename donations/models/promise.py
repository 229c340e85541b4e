"""Promises: pledges, announced grants, expected matches and stock. Never counted as received (domain rules 33-36)."""

import uuid
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Self

from django.core.validators import MinValueValidator
from django.db import models
from django.db.models import Case, F, OuterRef, Q, Subquery, Value, When
from django.db.models.functions import Coalesce, Greatest, Upper

from donations.models.campaign import Campaign, Fund
from donations.models.donor import Donor
from donations.models.gift import Gift
from donations.rules import instalments
from nonprofit import clock
from nonprofit.models import User
from nonprofit.money import Money


class PromiseQuerySet(models.QuerySet["Promise"]):
    def shown_to(self, user: User) -> Self:
        """What this member of staff may see: intentions to leave something in a will are private (rule 36)."""
        may_see_all = user.has_perm("donations.seebequests_promise")
        return self if may_see_all else self.exclude(kind=Promise.Kind.BEQUEST)


class Promise(models.Model):
    """What somebody said they will give. It is no money: no receipt, no ledger line, no total until a gift arrives."""

    class Kind(models.TextChoices):
        PLEDGE = "pledge", "pledge"
        GRANT = "grant", "announced grant"
        MATCH = "match", "expected match"
        STOCK = "stock", "expected stock"
        BEQUEST = "bequest", "bequest intention"

    # Made by the page with each new form: the same form sent twice is the same promise.
    attempt = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
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

    objects = PromiseQuerySet.as_manager()

    class Meta:
        permissions = [
            ("writeoff_promise", "Can write off a promise"),
            ("seebequests_promise", "Can see and record intentions to leave something in a will"),
        ]
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


@dataclass(frozen=True, slots=True)
class Totals:
    """What parts of promises come to in one currency. Nothing of `promised` and `open` is money yet."""

    parts: int
    promised: Money
    received: Money
    open: Money
    written_off: Money


class PromisePartQuerySet(models.QuerySet["PromisePart"]):
    def with_paid(self) -> Self:
        """Each with `paid_minor` and `paid_count`: what settled gifts brought and kept: a reversed one pays no more."""
        kept = F("gift__amount_minor") - F("gift__refunded_minor")
        paid = (
            PromisePayment.objects.filter(part=OuterRef("pk"), gift__status=Gift.Status.SETTLED)
            .order_by()
            .values("part")
        )
        return self.annotate(
            paid_minor=Coalesce(Subquery(paid.annotate(sum=models.Sum(kept)).values("sum")), 0),
            paid_count=Coalesce(Subquery(paid.annotate(count=models.Count("pk")).values("count")), 0),
        )

    def unpaid(self) -> Self:
        """Parts of which something is still to come. After `with_paid`."""
        return self.filter(
            Q(amount_minor__gt=F("paid_minor"), paid_minor__gt=0) | Q(paid_count=0), written_off_on__isnull=True
        )

    def paid(self) -> Self:
        """Parts that gifts have paid in full or more. After `with_paid`."""
        return self.filter(
            Q(amount_minor__isnull=True) | Q(paid_minor=0) | Q(amount_minor__lte=F("paid_minor")), paid_count__gt=0
        )

    def totals(self) -> list["Totals"]:
        """What these parts come to in each currency. After `with_paid`."""
        rest = Case(
            # Shares pay a part with a figure in full: property has no amount to compare.
            When(paid_count__gt=0, paid_minor=0, then=Value(0)),
            default=Greatest(Coalesce(F("amount_minor"), Value(0)) - F("paid_minor"), Value(0)),
            output_field=models.BigIntegerField(),
        )
        sums = (
            self.order_by()
            .annotate(rest=rest)
            .values("promise__currency")
            .annotate(
                all_parts=models.Count("pk"),
                all_promised=Coalesce(models.Sum("amount_minor"), 0),
                all_paid=models.Sum("paid_minor"),
                all_open=Coalesce(models.Sum("rest", filter=Q(written_off_on__isnull=True)), 0),
                all_lost=Coalesce(models.Sum("rest", filter=Q(written_off_on__isnull=False)), 0),
            )
            .order_by("promise__currency")
            .values_list("promise__currency", "all_parts", "all_promised", "all_paid", "all_open", "all_lost")
        )
        return [Totals(parts, *(Money(minor, currency) for minor in minors)) for currency, parts, *minors in sums]

    def due(self, when: str, today: date) -> Self:
        """Parts under this heading of the worklist: "overdue", "this month", "later" or "no date"."""
        next_month = (today.replace(day=1) + timedelta(days=32)).replace(day=1)
        match when:
            case "overdue":
                return self.filter(due_on__lt=today)
            case "this month":
                return self.filter(due_on__gte=today, due_on__lt=next_month)
            case "later":
                return self.filter(due_on__gte=next_month)
        return self.filter(due_on__isnull=True)

    def shown_to(self, user: User) -> Self:
        """Parts of promises that this member of staff may see."""
        return self.filter(promise__in=Promise.objects.shown_to(user))


class PromisePart(models.Model):
    """One dated part of a promise: open, paid by gifts, or written off with a reason.

    How it stands is never stored: it follows from the settled gifts that pay it.
    """

    promise = models.ForeignKey(Promise, on_delete=models.PROTECT, related_name="parts")
    due_on = models.DateField("due", null=True, blank=True)
    # Null for stock and intentions without a figure.
    amount_minor = models.PositiveBigIntegerField(null=True, blank=True, validators=[MinValueValidator(1)])
    # As it stands now; each write-off, and each one taken back, is a PartWriteOff.
    written_off_on = models.DateField(null=True, blank=True)
    write_off_reason = models.CharField(max_length=200, blank=True)
    # The link by which it can be paid online was last sent then.
    link_sent_at = models.DateTimeField(null=True, blank=True)

    objects = PromisePartQuerySet.as_manager()

    # Only after `with_paid`.
    paid_minor: int
    paid_count: int

    class Meta:
        ordering = ["due_on", "pk"]
        verbose_name = "promise due"
        verbose_name_plural = "promises due"
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
            models.CheckConstraint(
                condition=models.Q(amount_minor__isnull=True) | models.Q(amount_minor__gt=0),
                name="promise_part_above_zero",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.promise.public_id}, due {self.due_on or 'some day'}"

    @property
    def label(self) -> str:
        """As a list to choose from says it, without an amount."""
        due = f"due {self.due_on:%Y-%m-%d}" if self.due_on else "no date"
        return f"{self.promise.public_id} {self.promise.get_kind_display()}, {due}"

    @property
    def amount(self) -> Money | None:
        return None if self.amount_minor is None else Money(self.amount_minor, self.promise.currency)

    @property
    def paid(self) -> Money:
        """What settled gifts brought for it; zero for property, which is counted and not added."""
        return Money(self.paid_minor, self.promise.currency)

    @property
    def open(self) -> Money:
        """What is still expected: nothing once it is written off."""
        if self.written_off_on is not None:
            return Money(0, self.promise.currency)
        return Money(self._remainder, self.promise.currency)

    @property
    def open_or_unknown(self) -> bool:
        """Whether something is still expected, be it a sum or what had no figure."""
        return self.written_off_on is None and (bool(self._remainder) or not self.paid_count)

    @property
    def written_off(self) -> Money:
        """What will not come."""
        return Money(self._remainder if self.written_off_on is not None else 0, self.promise.currency)

    @property
    def _remainder(self) -> int:
        # Shares pay a part with a figure in full: property has no amount to compare.
        if self.paid_count and not self.paid_minor:
            return 0
        return instalments.still_open(self.amount_minor, self.paid_minor)

    @property
    def state(self) -> instalments.State:
        return instalments.state(
            self.amount_minor, self.paid_minor, self.paid_count, is_written_off=self.written_off_on is not None
        )


class PromisePayment(models.Model):
    """A gift that pays a part of a promise once it has settled, and as long as it is not reversed.

    A gift pays one part only. The row may be older than the money: a payment link makes it with its gift.
    """

    part = models.ForeignKey(PromisePart, on_delete=models.PROTECT, related_name="payments")
    gift = models.OneToOneField(Gift, on_delete=models.PROTECT, related_name="promise_payment")
    # A fund sponsor's grant pays a pledge only where the sponsor's papers do not mention the pledge (rule 27).
    papers_checked_by = models.CharField(max_length=80, blank=True, help_text='"staff:17"')
    actor = models.CharField(max_length=80)
    at = models.DateTimeField(default=clock.now, editable=False)

    def __str__(self) -> str:
        return f"{self.gift} for {self.part}"


class PartWriteOff(models.Model):
    """A part was given up, or that was taken back: when, how much and why. Grows only (rule 35)."""

    class Deed(models.TextChoices):
        WRITTEN_OFF = "written_off", "written off"
        TAKEN_BACK = "taken_back", "expected again"

    part = models.ForeignKey(PromisePart, on_delete=models.PROTECT, related_name="write_offs")
    deed = models.CharField(max_length=12, choices=Deed.choices)
    on = models.DateField()
    # What was still open then; null where no figure was named.
    amount_minor = models.PositiveBigIntegerField(null=True, blank=True)
    reason = models.CharField(max_length=200)
    actor = models.CharField(max_length=80)
    at = models.DateTimeField(default=clock.now, editable=False)

    class Meta:
        ordering = ["pk"]
        verbose_name = "write-off"
        constraints = [models.CheckConstraint(condition=~models.Q(reason=""), name="part_write_off_has_reason")]

    def __str__(self) -> str:
        return f"{self.get_deed_display()}, {self.on:%Y-%m-%d}"


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
