"""Levels of membership, who is a member and why, who shares a membership, and what is sent to members."""

from typing import Self

from django.conf import settings
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models

from donations.models import Benefit, Donor, Gift
from members.rules import State as Standing
from nonprofit import clock
from nonprofit.models import User
from nonprofit.money import Money


class MembershipPolicy(models.Model):
    """What the newsroom decides about memberships; one row. Each field says why its default is what it is."""

    term_months = models.PositiveSmallIntegerField(
        "months that yearly dues buy",
        default=12,
        validators=[MinValueValidator(1), MaxValueValidator(36)],
        help_text="A year, as supporters expect it; always to the end of a month.",
    )
    grace_days = models.PositiveSmallIntegerField(
        "days of grace",
        default=30,
        validators=[MinValueValidator(0), MaxValueValidator(180)],
        help_text="How long a member keeps everything after the end: checks are slow, and cards are tried again for "
        "two weeks.",
    )

    class Meta:
        verbose_name_plural = "membership policy"
        constraints = [models.CheckConstraint(condition=models.Q(pk=1), name="membership_policy_is_one_row")]

    def __str__(self) -> str:
        return "Choices about memberships"

    @classmethod
    def get(cls) -> Self:
        """The row as it stands; the defaults where nobody has changed any."""
        return cls.objects.filter(pk=1).first() or cls(pk=1)


class Level(models.Model):
    """What a year of giving buys. A level that is no longer offered stays with those who bought it."""

    class Kind(models.TextChoices):
        DUES = "dues", "by one payment, or a monthly or quarterly gift"
        CUMULATIVE = "cumulative", "by all gifts of twelve months together"

    name = models.CharField(max_length=60, unique=True, help_text='As in "You are a Friend": "a Friend", "a Patron".')
    position = models.PositiveSmallIntegerField(default=1, help_text="In lists, the lowest first.")
    kind = models.CharField("bought", max_length=10, choices=Kind.choices, default=Kind.DUES)
    from_minor = models.PositiveIntegerField(
        "from, a year", validators=[MinValueValidator(1)], help_text="In cents. A monthly gift counts twelve times."
    )
    description = models.CharField(max_length=300, blank=True, help_text="What it means, for supporters.")
    is_offered = models.BooleanField("offered", default=True)

    class Meta:
        ordering = ["position", "from_minor"]
        constraints = [models.CheckConstraint(condition=models.Q(from_minor__gt=0), name="level_asks_for_something")]

    def __str__(self) -> str:
        return self.name

    @property
    def price(self) -> Money:
        return Money(self.from_minor)


class LevelBenefit(models.Model):
    """Something that members of a level get once in each term."""

    level = models.ForeignKey(Level, on_delete=models.PROTECT, related_name="benefits")
    benefit = models.ForeignKey(Benefit, on_delete=models.PROTECT, related_name="levels")
    is_shipped = models.BooleanField("sent by mail", default=True, help_text="Off: a privilege that needs no sending.")
    # None: nobody counts them.
    in_stock = models.PositiveIntegerField("in stock", null=True, blank=True, help_text="Empty: nobody counts them.")

    class Meta:
        ordering = ["level", "pk"]
        constraints = [models.UniqueConstraint(fields=["level", "benefit"], name="level_benefit_once")]

    def __str__(self) -> str:
        return f"{self.benefit} for {self.level}"


class MembershipQuerySet(models.QuerySet["Membership"]):
    def visible_to(self, user: User) -> Self:
        """What `user` may see in the portal: their own membership and nobody else's."""
        return self.filter(donor__user=user)

    def real(self) -> Self:
        """Of people who are, or were, members."""
        return self.exclude(state=Membership.State.NEVER)


class Membership(models.Model):
    """How a supporter stands, as `memberships.recompute` found it: computed from settled money, never typed.

    One for each supporter, also those who never were members: it is what recomputing locks.
    """

    # An import that is taken back takes it along; whoever stays is computed anew.
    is_computed_from_gifts = True

    class State(models.TextChoices):
        NEVER = Standing.NEVER.value, "never a member"
        CURRENT = Standing.CURRENT.value, "current"
        GRACE = Standing.GRACE.value, "in grace"
        LAPSED = Standing.LAPSED.value, "lapsed"

    donor = models.OneToOneField(Donor, on_delete=models.PROTECT, related_name="membership")
    state = models.CharField(max_length=8, choices=State.choices, default=State.NEVER)
    level = models.ForeignKey(Level, null=True, blank=True, on_delete=models.PROTECT, related_name="memberships")
    # The level whose benefits of value are theirs: none where IRA or foundation money carries it.
    benefit_level = models.ForeignKey(Level, null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    joined_on = models.DateField(null=True, blank=True)
    rejoined_on = models.DateField(null=True, blank=True)
    current_through = models.DateField(null=True, blank=True, help_text="Empty for life.")
    grace_through = models.DateField(null=True, blank=True)
    # Sentences for the member, with the gift each is about.
    why = models.JSONField(default=list, blank=True)
    # The next day on which time alone changes it.
    looks_again_on = models.DateField(null=True, blank=True)
    # A standing wish, held when gifts settle: what is declined then is not counted on the receipt (domain rule 43).
    declines_benefits = models.BooleanField("wants nothing sent", default=False)
    computed_at = models.DateTimeField(default=clock.now, editable=False)

    objects = MembershipQuerySet.as_manager()

    class Meta:
        permissions = [
            ("manage_membership", "Can give memberships, add people to them and change wishes"),
            ("ship_fulfilment", "Can send benefits to members"),
        ]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(state="never", level__isnull=True, joined_on__isnull=True)
                | ~models.Q(state="never") & models.Q(level__isnull=False, joined_on__isnull=False),
                name="membership_has_level_and_day",
            ),
            models.CheckConstraint(
                condition=models.Q(current_through__isnull=True, grace_through__isnull=True)
                | models.Q(grace_through__gte=models.F("current_through")),
                name="membership_grace_after_end",
            ),
        ]
        indexes = [
            models.Index(fields=["looks_again_on"], name="membership_looks_again"),
            models.Index(
                fields=["state", "current_through"], condition=~models.Q(state="never"), name="membership_by_end"
            ),
        ]

    def __str__(self) -> str:
        return f"Membership of {self.donor}"

    @property
    def is_member(self) -> bool:
        return self.state in (self.State.CURRENT, self.State.GRACE)

    @property
    def is_for_life(self) -> bool:
        return self.is_member and self.current_through is None

    @property
    def public_id(self) -> str:
        """As on the card: the supporter's number, so that it stays whatever happens to the standing."""
        return f"M-{self.donor_id:07d}"


class MembershipPerson(models.Model):
    """Somebody beside the supporter who shares a membership: the other half of a couple, people of an organization."""

    donor = models.ForeignKey(Donor, on_delete=models.PROTECT, related_name="membership_people")
    name = models.CharField(max_length=200)
    email = models.EmailField("e-mail", max_length=254, blank=True)
    added_by = models.CharField(max_length=80, help_text='"supporter", "staff:17"')
    added_at = models.DateTimeField(default=clock.now, editable=False)

    class Meta:
        ordering = ["pk"]
        indexes = [models.Index(fields=["email"], name="membership_person_by_email")]

    def __str__(self) -> str:
        return self.name


class MembershipGrant(models.Model):
    """A membership that does not follow from the member's own money: complimentary, for life, or given by somebody."""

    class Kind(models.TextChoices):
        COMPLIMENTARY = "complimentary", "complimentary"
        LIFE = "life", "for life"
        GIFT = "gift", "given by somebody else"

    donor = models.ForeignKey(Donor, on_delete=models.PROTECT, related_name="membership_grants")
    kind = models.CharField(max_length=14, choices=Kind.choices)
    # None where a payer's gift says which.
    level = models.ForeignKey(Level, null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    # The payer's gift: it makes the member one instead of the payer, who has the receipt (domain rule 66).
    gift = models.ForeignKey(Gift, null=True, blank=True, on_delete=models.PROTECT, related_name="membership_grants")
    starts_on = models.DateField()
    ends_on = models.DateField(null=True, blank=True, help_text="Its last day.")
    why = models.CharField(max_length=300)
    made_by = models.CharField(max_length=80)
    made_at = models.DateTimeField(default=clock.now, editable=False)
    # Taken back: as if it had not been given from this day on.
    ended_on = models.DateField(null=True, blank=True)
    ended_why = models.CharField(max_length=300, blank=True)

    class Meta:
        ordering = ["-pk"]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(kind="gift", gift__isnull=False, level__isnull=True, ends_on__isnull=True)
                | models.Q(kind="life", gift__isnull=True, level__isnull=False, ends_on__isnull=True)
                | models.Q(kind="complimentary", gift__isnull=True, level__isnull=False, ends_on__isnull=False),
                name="membership_grant_fits_kind",
            ),
            models.CheckConstraint(
                condition=models.Q(ends_on__isnull=True) | models.Q(ends_on__gte=models.F("starts_on")),
                name="membership_grant_ends_after_start",
            ),
            models.UniqueConstraint(
                fields=["gift"],
                condition=models.Q(gift__isnull=False, ended_on__isnull=True),
                name="membership_of_a_gift_once",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} membership"


class FulfilmentQuerySet(models.QuerySet["Fulfilment"]):
    def to_ship(self) -> Self:
        """What waits to be sent, the oldest first."""
        return self.filter(state=Fulfilment.State.TO_SHIP).order_by("due_on", "pk")


class Fulfilment(models.Model):
    """A benefit that a member is to get in this term, and what became of it."""

    class State(models.TextChoices):
        TO_SHIP = "to_ship", "to be sent"
        SENT = "sent", "sent"
        DECLINED = "declined", "declined"
        RETURNED = "returned", "came back"
        # The money went back before it was sent.
        WITHDRAWN = "withdrawn", "no longer due"

    donor = models.ForeignKey(Donor, on_delete=models.PROTECT, related_name="fulfilments")
    level_benefit = models.ForeignKey(LevelBenefit, on_delete=models.PROTECT, related_name="fulfilments")
    # The gift that bought it, whose receipt tells it; None where nobody paid.
    gift = models.ForeignKey(Gift, null=True, blank=True, on_delete=models.PROTECT, related_name="fulfilments")
    due_on = models.DateField()
    state = models.CharField(max_length=10, choices=State.choices, default=State.TO_SHIP)
    # As written on the parcel; empty until it is sent.
    address = models.TextField(max_length=600, blank=True)
    tracking = models.CharField(max_length=80, blank=True)
    sent_at = models.DateTimeField(null=True, blank=True)
    made_at = models.DateTimeField(default=clock.now, editable=False)
    changed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )

    objects = FulfilmentQuerySet.as_manager()

    class Meta:
        verbose_name = "benefit to send"
        verbose_name_plural = "benefits to send"
        constraints = [
            models.UniqueConstraint(fields=["gift", "level_benefit"], name="fulfilment_once_for_a_gift"),
            models.CheckConstraint(
                condition=~models.Q(state__in=["sent", "returned"])
                | models.Q(sent_at__isnull=False) & ~models.Q(address=""),
                name="fulfilment_sent_somewhere",
            ),
        ]
        indexes = [
            models.Index(fields=["due_on"], condition=models.Q(state="to_ship"), name="fulfilment_to_ship"),
        ]

    def __str__(self) -> str:
        return f"{self.level_benefit.benefit} for {self.donor}"
