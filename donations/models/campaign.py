"""What a supporter is asked for: funds, campaigns with their pages, and the other ways to give."""

from decimal import Decimal

from django.contrib.postgres.fields import ArrayField
from django.core.validators import MaxValueValidator, MinValueValidator, RegexValidator
from django.db import models

from nonprofit.money import Money, gross_up


class Fund(models.Model):
    """Where the money goes."""

    class Restriction(models.TextChoices):
        NONE = "none", "none"
        PURPOSE = "purpose", "purpose"
        TIME = "time", "time"
        PERPETUAL = "perpetual", "perpetual"

    code = models.CharField(max_length=20, unique=True, help_text="As in the books, like 100-GEN.")
    name = models.CharField(max_length=80, help_text='As supporters read it, like "Investigations".')
    restriction = models.CharField(max_length=10, choices=Restriction.choices, default=Restriction.NONE)
    is_offered = models.BooleanField("offered online", default=True)
    position = models.PositiveSmallIntegerField(default=0)

    class Meta:
        ordering = ["position", "name"]

    def __str__(self) -> str:
        return self.name


def _once() -> list[int]:
    return [2500, 5000, 10000, 25000]


def _monthly() -> list[int]:
    return [700, 1500, 2500, 5000]


def _yearly() -> list[int]:
    return [6000, 12000, 25000, 50000]


class Campaign(models.Model):
    """An appeal with its giving page. The default campaign is the page at the site's root."""

    slug = models.SlugField(unique=True)
    code = models.CharField(
        max_length=20,
        unique=True,
        # It is part of the code on reply slips, which people type.
        validators=[RegexValidator(r"^[0-9A-Z]+(-[0-9A-Z]+)*$", "Capital letters and digits only, like YE26.")],
        help_text="As in the books, like YE26.",
    )
    name = models.CharField(max_length=80)
    is_default = models.BooleanField(default=False)
    is_open = models.BooleanField(default=True)
    heading = models.CharField(max_length=120)
    intro = models.TextField(help_text="One or two sentences: why give. Markdown.")
    about_money = models.TextField(blank=True, help_text="Where the money goes. Markdown.")
    thanks = models.TextField(help_text="Shown after a gift: what it makes possible. Markdown.")
    currency = models.CharField(max_length=3, default="usd")
    # Suggested amounts in minor units.
    amounts_once = ArrayField(models.PositiveIntegerField(validators=[MinValueValidator(100)]), default=_once)
    amounts_monthly = ArrayField(models.PositiveIntegerField(validators=[MinValueValidator(100)]), default=_monthly)
    amounts_yearly = ArrayField(models.PositiveIntegerField(validators=[MinValueValidator(100)]), default=_yearly)
    minimum_minor = models.PositiveIntegerField(default=100, validators=[MinValueValidator(50)])
    maximum_minor = models.PositiveIntegerField(default=5_000_000, validators=[MaxValueValidator(99_999_999)])
    # The fee a donor may cover: our account's price for cards, e.g. 2.9 % + 30 cents.
    fee_percent = models.DecimalField(max_digits=4, decimal_places=2, default=Decimal("2.9"))
    fee_fixed_minor = models.PositiveIntegerField(default=30)
    fund = models.ForeignKey(Fund, on_delete=models.PROTECT, help_text="Used unless the supporter chooses another.")

    class Meta:
        ordering = ["-is_default", "name"]
        constraints = [
            models.UniqueConstraint(
                fields=["is_default"], condition=models.Q(is_default=True), name="campaign_one_default"
            ),
            models.CheckConstraint(
                condition=models.Q(minimum_minor__lte=models.F("maximum_minor")), name="campaign_amounts_in_order"
            ),
        ]

    def __str__(self) -> str:
        return self.name

    def amounts(self, frequency: str) -> list[Money]:
        """Suggested amounts for "once", "monthly" or "yearly"."""
        minors: list[int] = getattr(self, f"amounts_{frequency}")
        return [Money(minor, self.currency) for minor in minors]

    def with_fee(self, net: Money) -> Money:
        """The charge that leaves the whole of `net` after our card fee."""
        return gross_up(net, percent=self.fee_percent, fixed_minor=self.fee_fixed_minor)

    @property
    def minimum(self) -> Money:
        return Money(self.minimum_minor, self.currency)

    @property
    def maximum(self) -> Money:
        return Money(self.maximum_minor, self.currency)

    @property
    def fee_fixed(self) -> Money:
        return Money(self.fee_fixed_minor, self.currency)


class Way(models.Model):
    """A section of the More Ways to Give page."""

    class Kind(models.TextChoices):
        CHECK = "check", "check"
        PHONE = "phone", "phone"
        STOCK = "stock", "stock"
        DAF = "daf", "donor-advised fund"
        IRA = "ira", "IRA"
        MATCH = "match", "employer match"
        WIRE = "wire", "wire"
        LEGACY = "legacy", "legacy"
        OTHER = "other", "other"

    kind = models.CharField(max_length=10, choices=Kind.choices)
    title = models.CharField(max_length=80)
    body = models.TextField(help_text="Markdown.")
    is_shown = models.BooleanField(default=True)
    position = models.PositiveSmallIntegerField(default=0)

    class Meta:
        verbose_name = "way to give"
        verbose_name_plural = "ways to give"
        ordering = ["position", "pk"]

    def __str__(self) -> str:
        return self.title


class AccountDetail(models.Model):
    """A line of a way's account details, like "Routing number". Shown only to a person who asks for it."""

    way = models.ForeignKey(Way, on_delete=models.CASCADE, related_name="account_details")
    label = models.CharField(max_length=60, help_text='Like "Routing number" or "DTC number".')
    value = models.CharField(max_length=120)
    position = models.PositiveSmallIntegerField(default=0)

    class Meta:
        ordering = ["way", "position", "pk"]

    def __str__(self) -> str:
        return f"{self.way}: {self.label}"
