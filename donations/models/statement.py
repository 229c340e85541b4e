"""The yearly statements: one for each supporter over every channel, and the runs that make them."""

from django.db import models

from donations.models.donor import Donor
from donations.models.receipt import Receipt
from nonprofit import clock


class StatementRun(models.Model):
    """A year's statements for everyone: counted first, then made in the background; it can be paused and resumed.

    One run a year. Its queue are the rows of `StatementDue`.
    """

    class State(models.TextChoices):
        COUNTING = "counting", "being counted"
        COUNTED = "counted", "counted, not started"
        RUNNING = "running", "running"
        PAUSED = "paused", "paused"
        DONE = "done", "done"

    year = models.PositiveSmallIntegerField(unique=True)
    state = models.CharField(max_length=10, choices=State.choices, default=State.COUNTING)
    # Slow payments settle until about two weeks into January (domain rule 55).
    not_before = models.DateField("not before", help_text="Set by finance.")
    counts = models.JSONField(default=dict, blank=True)
    made_by = models.CharField(max_length=80)
    made_at = models.DateTimeField(default=clock.now, editable=False)
    started_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        permissions = [("run_statementrun", "Can make the yearly statements")]
        ordering = ["-year"]

    def __str__(self) -> str:
        return f"Statements for {self.year}"


class StatementDue(models.Model):
    """A supporter who waits for a statement of a year. The row is the queue; numbering it deletes it."""

    donor = models.ForeignKey(Donor, on_delete=models.PROTECT, related_name="statements_due")
    year = models.PositiveSmallIntegerField()
    # None where a later refund asks for a new version outside the run.
    run = models.ForeignKey(StatementRun, null=True, blank=True, on_delete=models.PROTECT, related_name="due")
    due_at = models.DateTimeField(default=clock.now)
    trouble = models.CharField(max_length=300, blank=True, help_text="Why it could not be made yet.")

    class Meta:
        verbose_name_plural = "statements due"
        constraints = [models.UniqueConstraint(fields=["donor", "year"], name="statement_due_once")]
        indexes = [models.Index(fields=["due_at"], name="statement_due_oldest")]

    def __str__(self) -> str:
        return f"statement {self.year} for supporter {self.donor_id}"


class AnnualStatement(models.Model):
    """Whose statement of which year a paper of series "S" is. Version 2 replaces version 1 when a refund lands later.

    cash_minor: the total printed as cash gifts, in cents of the organization's currency, net of refunds.
    """

    receipt = models.OneToOneField(Receipt, on_delete=models.PROTECT, related_name="statement")
    donor = models.ForeignKey(Donor, on_delete=models.PROTECT, related_name="statements")
    year = models.PositiveSmallIntegerField()
    version = models.PositiveSmallIntegerField(default=1)
    cash_minor = models.BigIntegerField()
    run = models.ForeignKey(StatementRun, null=True, blank=True, on_delete=models.PROTECT, related_name="statements")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["donor", "year", "version"], name="statement_version_once"),
        ]

    def __str__(self) -> str:
        return f"{self.receipt}, statement {self.year} version {self.version}"
