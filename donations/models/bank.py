"""Bank statements as finance uploads them, each line tied to a payout or a deposit, or explained."""

from django.conf import settings
from django.db import models

from donations.models.balance import Payout
from donations.models.offline import Batch
from nonprofit import clock
from nonprofit.models import StoredFile
from nonprofit.money import Money


class BankAccount(models.Model):
    """An account of ours at a bank. number_end: the last four digits at most."""

    name = models.CharField(max_length=80, unique=True)
    number_end = models.CharField("ends in", max_length=4, blank=True)
    currency = models.CharField(max_length=3, default="usd")

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name


class BankImport(models.Model):
    """A statement file. The same file again changes nothing; its lines are known by what they say."""

    account = models.ForeignKey(BankAccount, on_delete=models.PROTECT, related_name="imports")
    file = models.ForeignKey(StoredFile, on_delete=models.PROTECT, related_name="+")
    name = models.CharField(max_length=200)
    format = models.CharField(max_length=4, help_text="csv, ofx or qfx")
    lines_new = models.PositiveIntegerField(default=0)
    lines_known = models.PositiveIntegerField(default=0)
    problems = models.JSONField(default=list, blank=True, help_text="Rows that could not be read, in words.")
    made_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    made_at = models.DateTimeField(default=clock.now, editable=False)
    # Of a CSV whose headings say something else than ours: {"date": "Fecha"}.
    columns = models.JSONField(default=dict, blank=True)
    # None while somebody looks at it: nothing of it counts yet.
    applied_at = models.DateTimeField("brought in", null=True, blank=True)

    class Meta:
        permissions = [("tie_bankimport", "Can import bank statements and tie their lines")]

    def __str__(self) -> str:
        return self.name


class BankLine(models.Model):
    """One line of a bank statement: one payout, one deposit, or something finance explains."""

    account = models.ForeignKey(BankAccount, on_delete=models.PROTECT, related_name="lines")
    bank_import = models.ForeignKey(BankImport, on_delete=models.PROTECT, related_name="lines")
    # The bank's own id, or a digest of day, amount, text and which of several equal lines it is.
    line_id = models.CharField(max_length=80)
    posted_on = models.DateField(db_index=True)
    amount_minor = models.BigIntegerField(help_text="Signed: positive came in.")
    currency = models.CharField(max_length=3)
    description = models.CharField(max_length=300, blank=True)
    payout = models.OneToOneField(Payout, null=True, blank=True, on_delete=models.PROTECT, related_name="bank_line")
    batch = models.OneToOneField(Batch, null=True, blank=True, on_delete=models.PROTECT, related_name="bank_line")
    explanation = models.CharField(max_length=300, blank=True, help_text="What it is, where it is neither.")
    settled_by = models.CharField("tied by", max_length=80, blank=True, help_text='"staff:17", "task"')
    settled_at = models.DateTimeField("tied at", null=True, blank=True)

    class Meta:
        ordering = ["-posted_on", "-pk"]
        constraints = [
            models.UniqueConstraint(fields=["account", "line_id"], name="bank_line_once"),
            models.CheckConstraint(
                condition=models.Q(payout__isnull=True) | models.Q(batch__isnull=True), name="bank_line_is_one_thing"
            ),
        ]
        indexes = [
            models.Index(
                fields=["posted_on"],
                condition=models.Q(payout__isnull=True, batch__isnull=True, explanation=""),
                name="bank_line_to_tie",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.posted_on} {self.description[:40]}"

    @property
    def amount(self) -> Money:
        return Money(self.amount_minor, self.currency)
