"""Gifts that another platform recorded, brought in from a CSV file: checked, previewed, applied and undone whole."""

from django.conf import settings
from django.db import models

from donations.models.campaign import Fund
from donations.models.donor import Donor
from donations.models.gift import Gift
from nonprofit import clock
from nonprofit.models import StoredFile


class ImportMapping(models.Model):
    """Which column of a source's files is what, remembered from the last time."""

    source = models.CharField(max_length=30, unique=True, help_text='"actblue", "paypal", "spreadsheet" …')
    columns = models.JSONField(default=dict, help_text="Our field's name → the file's column.")
    date_order = models.CharField(max_length=3, default="mdy")
    changed_at = models.DateTimeField(default=clock.now)

    def __str__(self) -> str:
        return self.source


class GiftImport(models.Model):
    """One uploaded file and how far it has come."""

    class State(models.TextChoices):
        UPLOADED = "uploaded", "uploaded"
        CHECKING = "checking", "being checked"
        CHECKED = "checked", "ready to look at"
        APPLYING = "applying", "being applied"
        APPLIED = "applied", "applied"
        UNDOING = "undoing", "being undone"
        UNDONE = "undone", "undone"
        FAILED = "failed", "stopped"

    class DateOrder(models.TextChoices):
        MONTH_FIRST = "mdy", "month first: 11/23/2026"
        DAY_FIRST = "dmy", "day first: 23/11/2026"

    source = models.CharField(max_length=30)
    file_name = models.CharField(max_length=200)
    file = models.ForeignKey(StoredFile, on_delete=models.PROTECT, related_name="+")
    # How the file is written, found when it came: "utf-8-sig", "cp1252" …, and what stands between its columns.
    encoding = models.CharField(max_length=20, default="utf-8-sig")
    delimiter = models.CharField(max_length=1, default=",")
    headings = models.JSONField(default=list)
    samples = models.JSONField(default=list, help_text="The first rows, to choose columns by.")
    columns = models.JSONField(default=dict, blank=True)
    fund = models.ForeignKey(Fund, on_delete=models.PROTECT, help_text="For rows that name none of ours.")
    currency = models.CharField(max_length=3, default="usd", help_text="Where the file says none.")
    date_order = models.CharField(max_length=3, choices=DateOrder.choices, default=DateOrder.MONTH_FIRST)
    # Imported gifts have had their receipt elsewhere.
    wants_receipts = models.BooleanField("send our receipts too", default=False)
    brings_alike = models.BooleanField("bring in rows that look like gifts already here", default=False)
    state = models.CharField(max_length=10, choices=State.choices, default=State.UPLOADED)
    # Rows done in the present state, of how many: what the progress bar shows.
    done = models.PositiveIntegerField(default=0)
    total = models.PositiveIntegerField(default=0)
    # Counts, totals by month, faults by kind: what the preview says. "applied": what came in.
    summary = models.JSONField(default=dict, blank=True)
    trouble = models.TextField(blank=True)
    uploaded_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    uploaded_at = models.DateTimeField(default=clock.now, editable=False)
    # Who asked for what is being done, as the audit log names them: "staff:17".
    asked_by = models.CharField(max_length=80, blank=True)
    changed_at = models.DateTimeField(default=clock.now)
    applied_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        verbose_name = "import"
        permissions = [("run_giftimport", "Can import gifts from a file, and undo it")]

    def __str__(self) -> str:
        return f"{self.public_id} {self.file_name}"

    @property
    def public_id(self) -> str:
        return f"I-{self.pk:04d}"


class ImportRow(models.Model):
    """One line of an imported file, as read. faults: [{"column", "text", "value"}]; only ready rows are applied."""

    class State(models.TextChoices):
        READY = "ready", "ready"
        DUPLICATE = "duplicate", "already here"
        ALIKE = "alike", "looks like a gift already here"
        FAULTY = "faulty", "has faults"

    gift_import = models.ForeignKey(GiftImport, on_delete=models.CASCADE, related_name="rows")
    line = models.PositiveIntegerField(help_text="As a spreadsheet counts them; the heading is line 1.")
    state = models.CharField(max_length=10, choices=State.choices)
    external_id = models.CharField(max_length=120, blank=True)
    # Otherwise the id was made from the row itself.
    has_own_id = models.BooleanField(default=True)
    former_id = models.CharField("supporter's id there", max_length=120, blank=True)
    email = models.CharField(max_length=254, blank=True)
    amount_minor = models.PositiveBigIntegerField(null=True, blank=True)
    currency = models.CharField(max_length=3, blank=True)
    gift_on = models.DateField(null=True, blank=True)
    # Everything else, by the column of Gift or by name: fund_id, fee_minor, check_number, receipt_number.
    facts = models.JSONField()
    faults = models.JSONField(default=list, blank=True)
    # The gift already here that it is, or looks like.
    twin_id = models.BigIntegerField(null=True, blank=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["gift_import", "line"], name="import_line_once")]
        indexes = [models.Index(fields=["gift_import", "state", "line"], name="import_rows_by_state")]

    def __str__(self) -> str:
        return f"line {self.line}"


class GiftOrigin(models.Model):
    """Where an imported gift came from. The platform's id makes the same gift impossible to import twice."""

    gift = models.OneToOneField(Gift, on_delete=models.PROTECT, related_name="origin")
    gift_import = models.ForeignKey(GiftImport, on_delete=models.PROTECT, related_name="origins")
    source = models.CharField(max_length=30)
    external_id = models.CharField(max_length=120)
    line = models.PositiveIntegerField(default=0, help_text="Its row in the file.")
    receipt_number = models.CharField(max_length=60, blank=True, help_text="The receipt the platform gave.")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["source", "external_id"], name="gift_imported_once")]

    def __str__(self) -> str:
        return f"{self.source} {self.external_id}"


class DonorOrigin(models.Model):
    """A supporter who came with an import: undoing it takes them away again."""

    donor = models.OneToOneField(Donor, on_delete=models.PROTECT, related_name="origin")
    gift_import = models.ForeignKey(GiftImport, on_delete=models.PROTECT, related_name="new_donors")

    def __str__(self) -> str:
        return f"{self.donor} came with {self.gift_import}"


class FormerId(models.Model):
    """A supporter's number in another system, so that old letters find them."""

    donor = models.ForeignKey(Donor, on_delete=models.CASCADE, related_name="former_ids")
    source = models.CharField(max_length=30)
    value = models.CharField(max_length=120, db_index=True)
    # The import that told it, if one did.
    gift_import = models.ForeignKey(
        GiftImport, null=True, blank=True, on_delete=models.PROTECT, related_name="former_ids"
    )

    class Meta:
        constraints = [models.UniqueConstraint(fields=["source", "value"], name="former_id_once")]

    def __str__(self) -> str:
        return f"{self.source} {self.value}"
