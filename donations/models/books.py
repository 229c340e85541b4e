"""The books of account: differences to explain, months that close, exports, and the chart they are written in."""

from datetime import date
from typing import Self

from django.conf import settings
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import connection, models

from nonprofit import clock
from nonprofit.models import User
from nonprofit.money import Money


class DifferenceQuerySet(models.QuerySet["Difference"]):
    def open(self) -> Self:
        """Those that neither went away nor were explained."""
        return self.filter(gone_at__isnull=True, explanation="")


class Difference(models.Model):
    """Something that does not tie, found by a comparison: named, and explained by a person or gone by itself.

    `key` names the one fact it is about, so that each comparison finds it again instead of adding another.
    """

    class Kind(models.TextChoices):
        CHARGE_WITHOUT_GIFT = "charge_without_gift", "charge without a gift"
        GIFT_WITHOUT_CHARGE = "gift_without_charge", "gift without a charge"
        AMOUNT_DIFFERS = "amount_differs", "amount differs"
        MOVEMENT_NOT_BOOKED = "movement_not_booked", "movement of the balance that is not booked"
        PAYOUT_DOES_NOT_TIE = "payout_does_not_tie", "payout that its lines do not come to"
        PAYOUT_NOT_IN_BANK = "payout_not_in_bank", "payout that the bank does not show"
        DEPOSIT_NOT_IN_BANK = "deposit_not_in_bank", "deposit that the bank does not show"
        DEPOSIT_DIFFERS = "deposit_differs", "deposit that the bank shows otherwise"
        BANK_LINE_UNKNOWN = "bank_line_unknown", "bank line that is nothing we know"
        BALANCE_DIFFERS = "balance_differs", "Stripe's balance differs from the books"
        RECEIPTS_DIFFER = "receipts_differ", "receipts that do not come to the ledger"
        NUMBER_UNEXPLAINED = "number_unexplained", "receipt number without a paper"

    kind = models.CharField(max_length=24, choices=Kind.choices)
    key = models.CharField(max_length=160, unique=True)
    # What it is about, in words with ids and never names; ours and theirs in minor units.
    about = models.CharField(max_length=300)
    ours_minor = models.BigIntegerField(null=True, blank=True)
    theirs_minor = models.BigIntegerField(null=True, blank=True)
    currency = models.CharField(max_length=3, default="usd")
    # The month it belongs to, which cannot close while this is open.
    day = models.DateField(db_index=True)
    found_at = models.DateTimeField(default=clock.now, editable=False)
    # A later comparison did not find it any more.
    gone_at = models.DateTimeField(null=True, blank=True)
    explanation = models.CharField(max_length=300, blank=True)
    explained_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    explained_at = models.DateTimeField(null=True, blank=True)

    objects = DifferenceQuerySet.as_manager()

    class Meta:
        permissions = [("explain_difference", "Can explain what does not tie")]
        indexes = [
            models.Index(
                fields=["day"], condition=models.Q(gone_at__isnull=True, explanation=""), name="difference_open"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()}: {self.about}"[:200]

    @property
    def amount(self) -> Money:
        """Theirs less ours."""
        return Money((self.theirs_minor or 0) - (self.ours_minor or 0), self.currency)


# Held shared by whoever books, and alone by whoever closes or reopens a month.
BOOKING_LOCK = 4_240_011


class MonthQuerySet(models.QuerySet["Month"]):
    def shut(self) -> Self:
        """Months whose lines never change: closed, also while somebody asks to reopen one."""
        return self.filter(state__in=[Month.State.CLOSED, Month.State.REOPENING])

    def first_open(self, day: date = date.min) -> date:
        """`day`, or the first open day after it when its month is closed: late facts are booked there.

        Without `day`: the first open day of all, date.min while nothing was closed. No month closes before this
        transaction has ended. The ledger's trigger refuses lines that did not ask.
        """
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock_shared(%s)", [BOOKING_LOCK])
        last = self.shut().aggregate(last=models.Max("starts_on"))["last"]
        if last is None:
            return day
        return max(day, date(last.year + last.month // 12, last.month % 12 + 1, 1))


class Month(models.Model):
    """A month of the books that was closed. Months close in order; the ledger refuses lines in a closed one.

    Reopening the last one takes two people and voids its export; it is closed again by another row's worth of facts
    in the audit log, and `closed_at` tells the last time.
    """

    class State(models.TextChoices):
        CLOSED = "closed", "closed"
        # One person asked; another one has to agree.
        REOPENING = "reopening", "closed, asked to be reopened"
        REOPENED = "reopened", "open again"

    starts_on = models.DateField(unique=True, help_text="Its first day.")
    state = models.CharField(max_length=10, choices=State.choices)
    closed_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    closed_at = models.DateTimeField()
    # Why it was closed although something was unexplained, and who let it.
    override_reason = models.CharField(max_length=300, blank=True)
    reopening_asked_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    reopening_reason = models.CharField(max_length=300, blank=True)
    reopened_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    reopened_at = models.DateTimeField(null=True, blank=True)

    objects = MonthQuerySet.as_manager()

    class Meta:
        ordering = ["-starts_on"]
        permissions = [
            ("close_month", "Can close a month"),
            ("override_month", "Can close a month although something is unexplained"),
            ("reopen_month", "Can ask or agree to reopen a month"),
        ]
        constraints = [
            models.CheckConstraint(condition=models.Q(starts_on__day=1), name="month_starts_on_its_first"),
            models.CheckConstraint(
                condition=~models.Q(state="reopened")
                | models.Q(reopened_by__isnull=False) & ~models.Q(reopened_by=models.F("reopening_asked_by")),
                name="month_reopened_by_two",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.starts_on:%B %Y}"


class Export(models.Model):
    """A file for finance or for another program: asked for once, made once, the same bytes at every download."""

    class Profile(models.TextChoices):
        LEDGER = "ledger", "ledger lines"
        RECEIPTS = "receipts", "receipts register"
        SUPPORTERS = "supporters", "supporters' totals"
        JOURNAL_QUICKBOOKS = "journal_quickbooks", "journal for QuickBooks"
        JOURNAL_XERO = "journal_xero", "journal for Xero"
        SCHEDULE_B = "schedule_b", "Schedule B list"
        BOARD = "board", "board summary, without names"

    class Format(models.TextChoices):
        CSV = "csv", "CSV for programs"
        SPREADSHEET = "spreadsheet", "CSV for spreadsheets"
        XLSX = "xlsx", "Excel workbook"

    class State(models.TextChoices):
        WAITING = "waiting", "waiting"
        RUNNING = "running", "being made"
        DONE = "done", "ready"
        FAILED = "failed", "failed"

    # Made with each form: the same form sent twice is the same export.
    attempt = models.UUIDField(null=True, blank=True, unique=True, editable=False)
    profile = models.CharField(max_length=20, choices=Profile.choices)
    format = models.CharField(max_length=12, choices=Format.choices, default=Format.CSV)
    # Basis of the dates ("booked", "gift", "deposit", "payout"), from, to, kind, fund, campaign.
    filters = models.JSONField(default=dict, blank=True)
    reason = models.CharField(max_length=300, blank=True, help_text="Why, where the list is restricted.")
    state = models.CharField(max_length=8, choices=State.choices, default=State.WAITING)
    trouble = models.CharField(max_length=300, blank=True)
    # Rows written so far, and how many there will be about.
    rows = models.PositiveIntegerField(default=0)
    rows_expected = models.PositiveIntegerField(default=0)
    size = models.PositiveBigIntegerField(default=0)
    sha256 = models.CharField(max_length=64, blank=True)
    # The control file: count, sums, filter, as-of, time zone, schema version, SHA-256.
    control = models.JSONField(default=dict, blank=True)
    # The posting file of a month; no other export is.
    month = models.ForeignKey(Month, null=True, blank=True, on_delete=models.PROTECT, related_name="exports")
    voided_at = models.DateTimeField(null=True, blank=True)
    made_by = models.CharField(max_length=80, help_text='"staff:17", "command"')
    asked_at = models.DateTimeField(default=clock.now, editable=False)
    claimed_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)
    # No download after this; a month's posting file does not expire.
    expires_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        permissions = [
            ("make_export", "Can export ledger, receipts and journals"),
            ("scheduleb_export", "Can export the Schedule B list"),
        ]
        indexes = [
            models.Index(
                fields=["asked_at"], condition=models.Q(state__in=["waiting", "running"]), name="export_waiting"
            )
        ]

    def __str__(self) -> str:
        return self.public_id

    @property
    def public_id(self) -> str:
        return f"X-{clock.local_date(self.asked_at):%Y-%m}-{self.pk:05d}"


class ExportPart(models.Model):
    """A piece of an export's bytes, compressed with gzip; together, in order, they are the file. Grows only.

    In the database, so that any web process can send what any worker made, at flat memory.
    """

    export = models.ForeignKey(Export, on_delete=models.PROTECT, related_name="parts")
    position = models.PositiveIntegerField()
    content = models.BinaryField()

    class Meta:
        ordering = ["position"]
        constraints = [models.UniqueConstraint(fields=["export", "position"], name="export_part_once")]

    def __str__(self) -> str:
        return f"part {self.position} of {self.export_id}"


class ExportDownload(models.Model):
    """Who took an export away, and when. Grows only."""

    export = models.ForeignKey(Export, on_delete=models.PROTECT, related_name="downloads")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    what = models.CharField(max_length=8, default="file", help_text='"file" or "control"')
    at = models.DateTimeField(default=clock.now, editable=False)

    def __str__(self) -> str:
        return f"{self.export_id} at {self.at}"


class Account(models.Model):
    """An account of the chart in the accounting program, by what we book on it."""

    class Role(models.TextChoices):
        CLEARING = "clearing", "Stripe clearing"
        BANK = "bank", "bank"
        CONTRIBUTIONS = "contributions", "contributions"
        EXCHANGE = "exchange", "earned part of gifts with benefits"
        GRANTS = "grants", "grants"
        PROPERTY = "property", "property received"
        IN_KIND = "in_kind", "in-kind contributions"
        FEES = "fees", "processing fees"
        BANK_FEES = "bank_fees", "bank fees"
        REFUNDS = "refunds", "refunds and chargebacks"
        SUSPENSE = "suspense", "suspense"

    role = models.CharField(max_length=16, choices=Role.choices, unique=True)
    number = models.CharField(max_length=20, help_text="The account's code, as Xero wants it.")
    name = models.CharField(
        max_length=120, help_text='Exactly as in the chart, sub-accounts as "Parent:Child", as QuickBooks wants it.'
    )
    tax_rate = models.CharField(max_length=60, default="Tax Exempt", help_text="The tax rate's name in Xero.")

    class Meta:
        verbose_name = "account of the chart"
        verbose_name_plural = "accounts of the chart"
        ordering = ["number"]

    def __str__(self) -> str:
        return f"{self.number} {self.name}"


# Cents that one person refunds alone unless it is decided otherwise, and at most whoever decides it.
REFUND_ALONE = 250_00


class Policy(models.Model):
    """Choices that the law leaves to us; one row. Each field says why its default is what it is."""

    ira_letter_says_no_benefit = models.BooleanField(
        "IRA letters say that nothing was given in return",
        default=True,
        help_text="An IRA gift needs the same proof as a deductible one (IRC 408(d)(8)); advisers disagree whether to "
        "print it, so it can be left out.",
    )
    vehicle_receipt_up_to_minor = models.PositiveIntegerField(
        "ordinary receipts for vehicles up to (cents)",
        default=500_00,
        help_text="Above it the law wants Form 1098-C, which we do not make (IRC 170(f)(12)).",
    )
    refund_alone_up_to_minor = models.PositiveIntegerField(
        "refunds by one person up to (cents)",
        default=REFUND_ALONE,
        help_text="Above it a second person approves: whoever refunds to another card than was charged, or to "
        "themselves, would be alone otherwise. Whoever raised it last stays at "
        f"{Money(REFUND_ALONE).short} themselves.",
    )
    refund_limit_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.PROTECT, related_name="+", editable=False
    )
    fiscal_year_starts_in = models.PositiveSmallIntegerField(
        "fiscal year starts in month",
        default=1,
        validators=[MinValueValidator(1), MaxValueValidator(12)],
        help_text="1 is January. Statements go by the calendar year whatever it is.",
    )
    statements_from_day = models.PositiveSmallIntegerField(
        "yearly statements not before January",
        default=15,
        validators=[MinValueValidator(1), MaxValueValidator(31)],
        help_text="Slow payments and returned checks settle in the first two weeks.",
    )
    exports_kept_days = models.PositiveSmallIntegerField(
        "days an export can be downloaded",
        default=14,
        validators=[MinValueValidator(1), MaxValueValidator(365)],
        help_text="Long enough for an audit's questions; a month's posting file stays for ever.",
    )

    class Meta:
        verbose_name_plural = "policy"
        constraints = [models.CheckConstraint(condition=models.Q(pk=1), name="policy_is_one_row")]

    def __str__(self) -> str:
        return "Choices the law leaves to us"

    @classmethod
    def get(cls) -> Self:
        """The row as it stands; the defaults where nobody has changed any."""
        return cls.objects.filter(pk=1).first() or cls(pk=1)

    def refund_alone(self, user: User) -> Money:
        """Up to what `user` refunds alone. A limit that somebody raised does not count for themselves."""
        limit = self.refund_alone_up_to_minor
        return Money(min(limit, REFUND_ALONE) if user.pk == self.refund_limit_by_id else limit)
