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

    source = models.CharField(max_length=40, unique=True, help_text='"actblue", "paypal", "spreadsheet" …')
    columns = models.JSONField(default=dict, help_text="Our field's name → the file's column.")
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

    source = models.CharField(max_length=40)
    file_name = models.CharField(max_length=200)
    file = models.ForeignKey(StoredFile, on_delete=models.PROTECT, related_name="+")
    columns = models.JSONField(default=dict)
    fund = models.ForeignKey(Fund, on_delete=models.PROTECT, help_text="For rows that name none of ours.")
    currency = models.CharField(max_length=3, default="usd")
    # Imported gifts have had their receipt elsewhere.
    wants_receipts = models.BooleanField("send our receipts too", default=False)
    state = models.CharField(max_length=10, choices=State.choices, default=State.UPLOADED)
    # Rows done in the present state, of how many: what the progress bar shows.
    done = models.PositiveIntegerField(default=0)
    total = models.PositiveIntegerField(default=0)
    # Counts, totals by month, faults by kind: what the preview says.
    summary = models.JSONField(default=dict, blank=True)
    trouble = models.TextField(blank=True)
    uploaded_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    uploaded_at = models.DateTimeField(default=clock.now, editable=False)
    changed_at = models.DateTimeField(default=clock.now)

    class Meta:
        verbose_name = "import"
        permissions = [("run_giftimport", "Can import gifts from a file, and undo it")]

    def __str__(self) -> str:
        return f"I-{self.pk:04d} {self.file_name}"


class ImportRow(models.Model):
    """One line of an imported file, as read. faults: [{"column", "text"}]; a row with faults is not applied."""

    class State(models.TextChoices):
        READY = "ready", "ready"
        DUPLICATE = "duplicate", "already here"
        FAULTY = "faulty", "has faults"
        APPLIED = "applied", "applied"

    gift_import = models.ForeignKey(GiftImport, on_delete=models.CASCADE, related_name="rows")
    line = models.PositiveIntegerField(help_text="As a spreadsheet counts them; the heading is line 1.")
    state = models.CharField(max_length=10, choices=State.choices)
    facts = models.JSONField()
    faults = models.JSONField(default=list, blank=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["gift_import", "line"], name="import_line_once")]
        indexes = [models.Index(fields=["gift_import", "state", "line"], name="import_rows_by_state")]

    def __str__(self) -> str:
        return f"line {self.line}"


class GiftOrigin(models.Model):
    """Where an imported gift came from. The platform's id makes the same gift impossible to import twice."""

    gift = models.OneToOneField(Gift, on_delete=models.PROTECT, related_name="origin")
    gift_import = models.ForeignKey(GiftImport, on_delete=models.PROTECT, related_name="origins")
    source = models.CharField(max_length=40)
    external_id = models.CharField(max_length=120)
    receipt_number = models.CharField(max_length=60, blank=True, help_text="The receipt the platform gave.")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["source", "external_id"], name="gift_imported_once")]

    def __str__(self) -> str:
        return f"{self.source} {self.external_id}"


class FormerId(models.Model):
    """A supporter's number in another system, so that old letters find them."""

    donor = models.ForeignKey(Donor, on_delete=models.CASCADE, related_name="former_ids")
    source = models.CharField(max_length=40)
    value = models.CharField(max_length=120, db_index=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["source", "value"], name="former_id_once")]

    def __str__(self) -> str:
        return f"{self.source} {self.value}"
