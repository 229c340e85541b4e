"""More about a supporter: further e-mails and addresses, notes, tags, and which records became one."""

from django.conf import settings
from django.db import models
from django.db.models.functions import Lower

from donations.models.donor import Donor
from nonprofit import clock


class DonorEmail(models.Model):
    """A further e-mail of a supporter. The first one stands on the supporter; each address has one owner."""

    class Purpose(models.TextChoices):
        HOME = "home", "home"
        WORK = "work", "work"
        FORMER = "former", "former"

    donor = models.ForeignKey(Donor, on_delete=models.CASCADE, related_name="further_emails")
    email = models.EmailField("e-mail", max_length=254, unique=True)
    purpose = models.CharField(max_length=8, choices=Purpose.choices, default=Purpose.HOME)

    class Meta:
        verbose_name = "further e-mail"
        constraints = [
            models.CheckConstraint(condition=models.Q(email=Lower("email")), name="further_email_lower_case")
        ]

    def __str__(self) -> str:
        return self.email


class DonorAddress(models.Model):
    """A further address of a supporter: seasonal, work, or one they have left."""

    class Purpose(models.TextChoices):
        SEASONAL = "seasonal", "seasonal"
        WORK = "work", "work"
        FORMER = "former", "former"

    donor = models.ForeignKey(Donor, on_delete=models.CASCADE, related_name="further_addresses")
    purpose = models.CharField(max_length=8, choices=Purpose.choices, default=Purpose.SEASONAL)
    address_line1 = models.CharField(max_length=120)
    address_line2 = models.CharField(max_length=120, blank=True)
    city = models.CharField(max_length=80, blank=True)
    region = models.CharField("state", max_length=40, blank=True)
    postal_code = models.CharField("ZIP code", max_length=20, blank=True)
    country = models.CharField(max_length=2, blank=True)

    class Meta:
        verbose_name = "further address"
        verbose_name_plural = "further addresses"

    def __str__(self) -> str:
        return ", ".join(part for part in (self.address_line1, self.city, self.region) if part)


class DonorNote(models.Model):
    """What staff want to remember of a supporter."""

    donor = models.ForeignKey(Donor, on_delete=models.CASCADE, related_name="notes")
    text = models.TextField(max_length=4000)
    author = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField(default=clock.now, editable=False)

    class Meta:
        verbose_name = "note"
        ordering = ["-at"]

    def __str__(self) -> str:
        return f"note of {self.at:%Y-%m-%d}"


class Tag(models.Model):
    """A word that staff put on supporters to find them again."""

    name = models.CharField(max_length=40, unique=True)
    donors = models.ManyToManyField(Donor, related_name="tags", blank=True)

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name


class DonorMerge(models.Model):
    """Two records of one supporter became one: what moved, so that it can be taken back."""

    kept = models.ForeignKey(Donor, on_delete=models.PROTECT, related_name="merges_kept")
    gone = models.ForeignKey(Donor, on_delete=models.PROTECT, related_name="merges_gone")
    # Every row that was moved, by table, and the columns of `kept` as they were.
    moved = models.JSONField()
    reason = models.CharField(max_length=200, blank=True)
    merged_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    merged_at = models.DateTimeField(default=clock.now, editable=False)
    undone_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    undone_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        verbose_name = "merge"
        constraints = [
            models.CheckConstraint(condition=~models.Q(kept=models.F("gone")), name="merge_of_two"),
            models.UniqueConstraint(
                fields=["gone"], condition=models.Q(undone_at__isnull=True), name="merge_gone_only_once"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.gone.public_id} into {self.kept.public_id}"


class NotTheSame(models.Model):
    """Two supporters whom a person looked at and found to be different; the duplicate finder leaves them alone."""

    first = models.ForeignKey(Donor, on_delete=models.CASCADE, related_name="+")
    second = models.ForeignKey(Donor, on_delete=models.CASCADE, related_name="+")
    decided_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    decided_at = models.DateTimeField(default=clock.now, editable=False)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["first", "second"], name="not_the_same_once"),
            models.CheckConstraint(condition=models.Q(first__lt=models.F("second")), name="not_the_same_in_order"),
        ]

    def __str__(self) -> str:
        return f"{self.first_id} is not {self.second_id}"
