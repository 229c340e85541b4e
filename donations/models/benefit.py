"""What supporters get for their gifts, the yearly figures that decide what counts, and the sentences papers carry."""

from django.conf import settings
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models

from donations.models.campaign import Campaign
from donations.models.gift import Gift
from nonprofit import clock
from nonprofit.money import Money


class SafeHarbor(models.Model):
    """A calendar year's figures for benefits that need not be counted. Rev. Proc. 90-12 and 92-49, indexed each year.

    A gift whose year has no verified row waits for a person; no other year's figures are ever used.
    """

    year = models.PositiveSmallIntegerField(
        unique=True, validators=[MinValueValidator(1990), MaxValueValidator(2100)], help_text="Of the gift."
    )
    low_cost_minor = models.PositiveIntegerField(
        "low-cost article", help_text="What all items with our name on them may cost us together, in cents."
    )
    minimum_gift_minor = models.PositiveIntegerField(
        "smallest gift for such items", help_text="In cents; below it the items count with their value."
    )
    cap_minor = models.PositiveIntegerField("cap of the 2 % test", help_text="In cents.")
    source = models.CharField(max_length=200, help_text="The revenue procedure, and where it was read.")
    verified_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    verified_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        verbose_name = "safe-harbor year"
        ordering = ["-year"]
        permissions = [("verify_safeharbor", "Can verify a year's safe-harbor figures")]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(verified_by__isnull=True, verified_at__isnull=True)
                | models.Q(verified_by__isnull=False, verified_at__isnull=False),
                name="safe_harbor_verified_by_somebody",
            ),
        ]

    def __str__(self) -> str:
        return str(self.year)


class BenefitFacts(models.Model):
    """What decides how a benefit counts."""

    description = models.CharField(
        max_length=160, help_text='As printed: "12 issues of the print magazine", "a tote bag".'
    )
    # What a person who does not give would pay (IRC 6115); our cost decides only whether it is a token.
    value_minor = models.PositiveIntegerField("fair market value", help_text="In cents, a good-faith estimate.")
    cost_minor = models.PositiveIntegerField("cost to us", help_text="In cents.")
    has_our_name = models.BooleanField(
        "bears our name or logo", default=False, help_text="Only such items can be tokens (Rev. Proc. 90-12)."
    )
    is_small_privilege = models.BooleanField(
        "privilege of a membership for $75 a year or less",
        default=False,
        help_text="Used often, like discounts or early sign-up; part of the small package even where more is paid "
        "(Treas. Reg. 1.170A-13(f)(8)(i)(B)).",
    )

    class Meta:
        abstract = True


class Benefit(BenefitFacts):
    """Something offered to supporters, from a gift of some size on."""

    name = models.CharField(max_length=80, help_text="As staff call it.")
    campaign = models.ForeignKey(
        Campaign,
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="benefits",
        help_text="None: added by staff.",
    )
    from_minor = models.PositiveIntegerField("for gifts from", default=0, help_text="In cents.")
    is_offered = models.BooleanField("offered", default=True)

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name


class GiftBenefit(BenefitFacts):
    """What came with a gift, as it was valued then, or was declined then (domain rule 43)."""

    gift = models.ForeignKey(Gift, on_delete=models.PROTECT, related_name="benefits")
    benefit = models.ForeignKey(Benefit, null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    is_declined = models.BooleanField(default=False)
    added_by = models.CharField(max_length=80, help_text='"supporter", "staff:17"')
    added_at = models.DateTimeField(default=clock.now, editable=False)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["gift", "benefit"], condition=models.Q(benefit__isnull=False), name="gift_benefit_once"
            ),
        ]

    def __str__(self) -> str:
        return self.description

    @property
    def value(self) -> Money:
        return Money(self.value_minor, self.gift.currency)


class StatementText(models.Model):
    """A sentence as the organization words it. Each change is a new version; what was printed stays as printed."""

    code = models.CharField(max_length=8, help_text="S0, S1, …")
    version = models.PositiveSmallIntegerField()
    text = models.TextField(max_length=1200, help_text="With {organization}, {amount} and the like where facts go.")
    approved_by = models.CharField(max_length=160, blank=True, help_text="The lawyer or accountant who read it.")
    written_by = models.CharField(max_length=80)
    written_at = models.DateTimeField(default=clock.now, editable=False)

    class Meta:
        ordering = ["code", "-version"]
        constraints = [models.UniqueConstraint(fields=["code", "version"], name="statement_text_version_once")]

    def __str__(self) -> str:
        return f"{self.code} version {self.version}"
