"""The receipt book: numbers without a gap, every printed fact as it was printed, and the PDF's bytes."""

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

    class Meta:
        constraints = [models.UniqueConstraint(fields=["series", "year"], name="receipt_book_once_a_year")]

    def __str__(self) -> str:
        return f"{self.series}-{self.year}"


class Receipt(models.Model):
    """A numbered receipt with every fact it prints. Triggers refuse UPDATE and DELETE."""

    series = models.CharField(max_length=4)
    year = models.PositiveSmallIntegerField()
    sequence = models.PositiveIntegerField()
    number = models.CharField(max_length=20, unique=True, help_text="Like R-2026-000142.")
    gift = models.OneToOneField(Gift, on_delete=models.PROTECT, related_name="receipt")
    snapshot = models.JSONField()
    issued_at = models.DateTimeField(default=clock.now, editable=False)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["series", "year", "sequence"], name="receipt_number_once"),
        ]
        permissions = [("resend_receipt", "Can send a receipt again")]

    def __str__(self) -> str:
        return self.number

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


class ReceiptVoid(models.Model):
    """A receipt that no longer stands, and why. Its number stays used (domain rule 47). Grows only."""

    class Reason(models.TextChoices):
        BOUNCED = "nsf", "returned by the bank"
        WRONG_DONOR = "wrong_donor", "wrong donor"
        WRONG_AMOUNT = "wrong_amount", "wrong amount"
        WRONG_DATE = "wrong_date", "wrong date"
        OTHER = "other", "other"

    receipt = models.OneToOneField(Receipt, on_delete=models.PROTECT, related_name="void")
    reason = models.CharField(max_length=12, choices=Reason.choices)
    note = models.CharField(max_length=300, blank=True)
    actor = models.CharField(max_length=80)
    voided_at = models.DateTimeField(default=clock.now, editable=False)

    class Meta:
        verbose_name = "void receipt"

    def __str__(self) -> str:
        return f"{self.receipt} is void"


class PrintRun(models.Model):
    """Receipts that go out on paper together, as one PDF for window envelopes."""

    file = models.OneToOneField(StoredFile, on_delete=models.PROTECT, related_name="print_run")
    made_by = models.CharField(max_length=80, help_text='"staff:17"')
    made_at = models.DateTimeField(default=clock.now, editable=False)
    mailed_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        permissions = [("make_printrun", "Can print receipts and mark them mailed")]

    def __str__(self) -> str:
        return f"Print run {self.pk}"


class PrintedReceipt(models.Model):
    """A receipt in a print run. A receipt is printed once; again only as a copy."""

    run = models.ForeignKey(PrintRun, on_delete=models.PROTECT, related_name="receipts")
    receipt = models.OneToOneField(Receipt, on_delete=models.PROTECT, related_name="printed")
    page = models.PositiveIntegerField(help_text="Its first page in the run's PDF.")

    class Meta:
        ordering = ["page"]

    def __str__(self) -> str:
        return f"{self.receipt} on page {self.page}"
