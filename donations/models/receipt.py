"""The receipt book: numbers without a gap, every printed fact as it was printed, and the PDF's bytes."""

from typing import Self

from django.db import models

from donations.models.gift import Gift
from nonprofit import clock
from nonprofit.models import OutgoingEmail, StoredFile


class ReceiptDue(models.Model):
    """A settled gift that waits for its receipt. The row is the queue; numbering it deletes it."""

    gift = models.OneToOneField(Gift, on_delete=models.PROTECT, related_name="receipt_due")
    due_at = models.DateTimeField(default=clock.now)
    trouble = models.CharField(max_length=300, blank=True, help_text="Why it could not be issued yet.")

    class Meta:
        verbose_name_plural = "receipts due"
        indexes = [models.Index(fields=["due_at"], name="receipt_due_oldest")]

    def __str__(self) -> str:
        return f"receipt for gift {self.gift_id}"


class ReceiptBook(models.Model):
    """The locked counter of a series and year. Blocks of numbers are taken from it; it never goes back."""

    series = models.CharField(max_length=4)
    year = models.PositiveSmallIntegerField()
    last_number = models.PositiveIntegerField(default=0)
    # Of the last receipt: the next one's chain is made from it.
    last_chain = models.CharField(max_length=64, blank=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["series", "year"], name="receipt_book_once_a_year")]

    def __str__(self) -> str:
        return f"{self.series}-{self.year}"


class ReceiptQuerySet(models.QuerySet["Receipt"]):
    def with_state(self) -> Self:
        """Each with `state_now`, a Receipt.State: for lists and filters, in the same query."""
        replaced = models.Q(void__isnull=False, replaced_by__isnull=False)
        return self.annotate(
            state_now=models.Case(
                models.When(replaced, then=models.Value(Receipt.State.REPLACED)),
                models.When(void__isnull=False, then=models.Value(Receipt.State.VOID)),
                models.When(pdf__isnull=False, then=models.Value(Receipt.State.ISSUED)),
                default=models.Value(Receipt.State.DRAFT),
                output_field=models.CharField(),
            )
        )


class Receipt(models.Model):
    """A numbered paper with every fact it prints. Triggers refuse UPDATE and DELETE.

    Series "R" are tax receipts, "L" letters and thanks, each of one gift; "S" are yearly statements, of no single gift.
    A gift has one chain of papers, each naming the one it replaces, and at most the last of them counts (rule 46).

    For SQL (the register): what is printed stands in `snapshot`, the new paper names the old one in `replaces_id`, why
    and since when a paper is void in `receiptvoid`, its bytes in `receiptpdf`, copies in `receiptcopy`, its way in
    `receiptevent`, `outgoingemail` (key "receipt:<id>") and `printedreceipt`.
    """

    class State(models.TextChoices):
        # Numbered, and its PDF is being made.
        DRAFT = "draft", "being made"
        ISSUED = "issued", "issued"
        VOID = "void", "void"
        REPLACED = "replaced", "replaced"

    series = models.CharField(max_length=4)
    year = models.PositiveSmallIntegerField()
    sequence = models.PositiveIntegerField()
    number = models.CharField(max_length=20, unique=True, help_text="Like R-2026-000142.")
    gift = models.ForeignKey(Gift, null=True, blank=True, on_delete=models.PROTECT, related_name="receipts")
    replaces = models.OneToOneField(
        "self", null=True, blank=True, on_delete=models.PROTECT, related_name="replaced_by", editable=False
    )
    snapshot = models.JSONField()
    # The digest printed as a QR code, for the page that says whether a paper is genuine.
    code = models.CharField(max_length=20, db_index=True, editable=False)
    # SHA-256 over the chain of the number before and this snapshot: no paper can be changed or slipped in unseen.
    chain = models.CharField(max_length=64, editable=False)
    issued_at = models.DateTimeField(default=clock.now, editable=False)

    objects = ReceiptQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["series", "year", "sequence"], name="receipt_number_once"),
            # With `replaces` being unique, a gift's papers are one chain without branches.
            models.UniqueConstraint(
                fields=["gift"], condition=models.Q(replaces__isnull=True), name="receipt_first_of_a_gift_once"
            ),
            models.CheckConstraint(
                condition=models.Q(series="S", gift__isnull=True)
                | ~models.Q(series="S") & models.Q(gift__isnull=False),
                name="receipt_is_of_a_gift_or_a_statement",
            ),
        ]
        permissions = [
            ("resend_receipt", "Can send a receipt again"),
            ("replace_receipt", "Can void and replace receipts"),
        ]

    def __str__(self) -> str:
        return self.number

    @property
    def its_gift(self) -> Gift:
        """The gift it is of. Raises LookupError for a yearly statement, which is of many."""
        if self.gift is None:
            raise LookupError(f"{self.number} is of no single gift")
        return self.gift

    @property
    def state(self) -> str:
        """draft → issued → void or replaced. It is no column: a paper's row never changes, other rows say it."""
        if known := self.__dict__.get("state_now"):
            return str(known)
        if hasattr(self, "void"):
            return self.State.REPLACED if hasattr(self, "replaced_by") else self.State.VOID
        return self.State.ISSUED if hasattr(self, "pdf") else self.State.DRAFT

    @property
    def mail_key(self) -> str:
        """The key of the letter that carries this receipt."""
        return f"receipt:{self.pk}"


class ReceiptPdf(models.Model):
    """The PDF of a receipt, as issued, and the letter it left with. A receipt without one still waits for rendering."""

    receipt = models.OneToOneField(Receipt, on_delete=models.PROTECT, related_name="pdf")
    file = models.OneToOneField(StoredFile, on_delete=models.PROTECT)
    email = models.OneToOneField(
        OutgoingEmail, null=True, blank=True, on_delete=models.PROTECT, related_name="receipt_pdf"
    )

    class Meta:
        verbose_name = "receipt PDF"
        indexes = [
            # The next print run's papers: those that no e-mail carries.
            models.Index(fields=["receipt"], condition=models.Q(email__isnull=True), name="receipt_pdf_on_paper")
        ]

    def __str__(self) -> str:
        return f"PDF of {self.receipt}"


class RenderTrouble(models.Model):
    """A numbered paper that could not be drawn: it keeps its number and stands on a list with its reason until it can.

    The row goes when the paper is made.
    """

    receipt = models.OneToOneField(Receipt, on_delete=models.PROTECT, related_name="trouble")
    reason = models.CharField(max_length=300)
    tries = models.PositiveIntegerField(default=1)
    first_at = models.DateTimeField("first tried", default=clock.now)
    last_at = models.DateTimeField("last tried", default=clock.now)

    class Meta:
        verbose_name = "paper that could not be made"
        verbose_name_plural = "papers that could not be made"
        # Whoever may see receipts may see it; nobody changes it.
        default_permissions = ()

    def __str__(self) -> str:
        return f"{self.receipt}: {self.reason}"


class ReceiptVoid(models.Model):
    """A receipt that no longer stands, and why. Its number stays used (domain rule 47). Grows only."""

    class Reason(models.TextChoices):
        BOUNCED = "nsf", "returned by the bank"
        REFUND = "refund", "refunded"
        DISPUTE_LOST = "dispute_lost", "lost in a dispute"
        WRONG_DONOR = "wrong_donor", "wrong donor"
        WRONG_AMOUNT = "wrong_amount", "wrong amount"
        WRONG_DATE = "wrong_date", "wrong date"
        WRONG_BENEFIT = "wrong_benefit", "wrong benefit"
        # Of a yearly statement: what it lists has changed since.
        SUPERSEDED = "superseded", "replaced by a newer version"
        OTHER = "other", "other"

    receipt = models.OneToOneField(Receipt, on_delete=models.PROTECT, related_name="void")
    reason = models.CharField(max_length=16, choices=Reason.choices)
    note = models.CharField(max_length=300, blank=True)
    actor = models.CharField(max_length=80)
    voided_at = models.DateTimeField(default=clock.now, editable=False)

    class Meta:
        verbose_name = "void receipt"

    def __str__(self) -> str:
        return f"{self.receipt} is void"


class ReceiptCopy(models.Model):
    """A copy of a receipt: the same number, marked COPY (domain rule 49). Grows only; counting them is enough."""

    receipt = models.ForeignKey(Receipt, on_delete=models.PROTECT, related_name="copies")
    file = models.ForeignKey(StoredFile, on_delete=models.PROTECT)
    made_by = models.CharField(max_length=80, help_text='"staff:17", "supporter"')
    made_at = models.DateTimeField(default=clock.now, editable=False)

    class Meta:
        verbose_name_plural = "receipt copies"

    def __str__(self) -> str:
        return f"copy of {self.receipt}"


class ReceiptEvent(models.Model):
    """What became of a receipt on its way, beside what its letter and print run tell. Grows only."""

    class Kind(models.TextChoices):
        DELIVERED = "delivered", "delivered"
        BOUNCED = "bounced", "bounced"
        OPENED = "opened", "opened in the portal"
        SENT_BACK = "sent_back", "came back by mail"

    receipt = models.ForeignKey(Receipt, on_delete=models.PROTECT, related_name="events")
    kind = models.CharField(max_length=10, choices=Kind.choices)
    detail = models.CharField(max_length=200, blank=True, help_text="Never an address: the mail server's code.")
    actor = models.CharField(max_length=80)
    at = models.DateTimeField(default=clock.now, editable=False)

    def __str__(self) -> str:
        return f"{self.receipt} {self.get_kind_display()}"


class PrintRun(models.Model):
    """Receipts that go out on paper together, as one PDF for window envelopes.

    A run that the printer broke off is cancelled after the sheets that came out; the rest wait for another run.
    """

    file = models.OneToOneField(StoredFile, on_delete=models.PROTECT, related_name="print_run")
    made_by = models.CharField(max_length=80, help_text='"staff:17"')
    made_at = models.DateTimeField(default=clock.now, editable=False)
    mailed_at = models.DateTimeField(null=True, blank=True)
    cancelled_at = models.DateTimeField(null=True, blank=True)
    # Where the last letter ends that came out whole: one broken off in its middle is printed again.
    last_good_page = models.PositiveIntegerField(
        null=True, blank=True, help_text="The last page of the PDF that came out well, of a run that was cancelled."
    )

    class Meta:
        permissions = [("make_printrun", "Can print receipts and mark them mailed")]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(cancelled_at__isnull=True, last_good_page__isnull=True)
                | models.Q(cancelled_at__isnull=False, last_good_page__isnull=False),
                name="print_run_cancelled_after_a_page",
            ),
        ]

    def __str__(self) -> str:
        return f"Print run {self.pk}"


class PrintedReceiptQuerySet(models.QuerySet["PrintedReceipt"]):
    def live(self) -> Self:
        """Those that came out of the printer or still may: not those behind the last good page of a broken-off run."""
        came_out = models.Q(page__lte=models.F("run__last_good_page"))
        return self.filter(models.Q(run__cancelled_at__isnull=True) | came_out)

    def mailed(self) -> Self:
        """Those that left."""
        return self.live().filter(run__mailed_at__isnull=False)


class PrintedReceipt(models.Model):
    """A receipt in a print run. A receipt is printed once, or again when its run was cancelled before it came out."""

    run = models.ForeignKey(PrintRun, on_delete=models.PROTECT, related_name="receipts")
    receipt = models.ForeignKey(Receipt, on_delete=models.PROTECT, related_name="prints")
    page = models.PositiveIntegerField(help_text="Its first page in the run's PDF.")

    objects = PrintedReceiptQuerySet.as_manager()

    class Meta:
        ordering = ["page"]
        constraints = [models.UniqueConstraint(fields=["run", "receipt"], name="printed_once_in_a_run")]

    def __str__(self) -> str:
        return f"{self.receipt} on page {self.page}"

    @property
    def came_out(self) -> bool:
        """Whether it is on paper, as far as anybody knows. Wants `run` fetched along."""
        good = self.run.last_good_page
        return self.run.cancelled_at is None or (good is not None and self.page <= good)
