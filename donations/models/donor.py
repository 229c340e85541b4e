"""The people and organisations who give."""

from collections import defaultdict
from collections.abc import Collection
from typing import Any, Protocol, Self

from django.conf import settings
from django.contrib.postgres.indexes import GinIndex, OpClass
from django.db import connection, models
from django.db.models.expressions import RawSQL
from django.db.models.functions import Lower, Upper

from nonprofit import clock


class HasAddress(Protocol):
    """What has an address in columns of its own."""

    address_line1: Any
    address_line2: Any
    city: Any
    region: Any
    postal_code: Any
    country: Any


def address_lines(of: HasAddress) -> list[str]:
    """The address as printed on an envelope, without the name; abroad with its country."""
    place = " ".join(part for part in (of.city, of.region, of.postal_code) if part)
    abroad = of.country if of.country not in ("", "US") else ""
    return [line for line in (of.address_line1, of.address_line2, place, abroad) if line]


# Records, and all that were merged into them over however many steps, each with whose it is now.
_RECORDS = """WITH RECURSIVE who AS (
    SELECT id AS whose, id FROM donations_donor WHERE {}
    UNION ALL SELECT who.whose, gone.id FROM donations_donor gone JOIN who ON gone.merged_into_id = who.id
)"""


class DonorQuerySet(models.QuerySet["Donor"]):
    def current(self) -> Self:
        """Supporters that were not merged into another."""
        return self.filter(merged_into__isnull=True)

    def records_of(self, donor_ids: Collection[int]) -> dict[int, list[int]]:
        """By supporter: their record and every one that was merged into it, over however many steps. One statement."""
        found: dict[int, list[int]] = defaultdict(list)
        with connection.cursor() as cursor:
            sql = f"{_RECORDS.format('id = ANY(%s)')} SELECT whose, id FROM who ORDER BY whose, id"  # nosec B608
            cursor.execute(sql, [list(donor_ids)])
            for whose, pk in cursor.fetchall():
                found[whose].append(pk)
        return found

    def records_of_user(self, user_id: int) -> RawSQL:
        """The same of somebody who signs in, as a subquery of ids."""
        return RawSQL(f"{_RECORDS.format('user_id = %s')} SELECT id FROM who", [user_id])  # nosec B608 B611


class Donor(models.Model):
    """A supporter: one record per person, couple, company, foundation, fund sponsor or estate.

    An e-mail is normal but not needed (domain rule 17). What a supporter typed with a gift stands on that gift and
    never overwrites what is here.
    """

    class Kind(models.TextChoices):
        INDIVIDUAL = "individual", "individual"
        HOUSEHOLD = "household", "household"
        COMPANY = "company", "company"
        FOUNDATION = "foundation", "foundation"
        DAF_SPONSOR = "daf_sponsor", "donor-advised fund sponsor"
        ESTATE = "estate", "estate"
        GOVERNMENT = "government", "government"
        UNKNOWN = "unknown", "unknown"

    class Receipts(models.TextChoices):
        EMAIL = "email", "by e-mail, with each gift"
        PAPER = "paper", "on paper, by mail"
        YEARLY = "yearly", "one statement in January"

    kind = models.CharField(max_length=12, choices=Kind.choices, default=Kind.INDIVIDUAL)
    name = models.CharField(max_length=200, help_text="Legal name, as it stands on receipts.")
    salutation = models.CharField(max_length=120, blank=True, help_text='As written, like "Dear Ana and Luis".')
    email = models.EmailField("e-mail", max_length=254, null=True, blank=True, unique=True)
    phone = models.CharField(max_length=40, blank=True)
    address_line1 = models.CharField(max_length=120, blank=True)
    address_line2 = models.CharField(max_length=120, blank=True)
    city = models.CharField(max_length=80, blank=True)
    region = models.CharField("state", max_length=40, blank=True)
    postal_code = models.CharField("ZIP code", max_length=20, blank=True)
    country = models.CharField(max_length=2, blank=True)
    addressee = models.CharField(
        max_length=200, blank=True, help_text='On the envelope, as written: "Ana and Luis Ortega".'
    )
    # Letters and e-mails look at these when they leave, not when they are queued (rule 83).
    is_deceased = models.BooleanField("has died", default=False)
    is_not_contacted = models.BooleanField("do not contact", default=False)
    is_not_mailed = models.BooleanField("no paper mail", default=False)
    is_anonymous = models.BooleanField("never named in public", default=False)
    # Many fund sponsors ask for no letter; kept per organization (rule 24).
    wants_no_letter = models.BooleanField("wants no letters for its grants", default=False)
    # How they want their receipts. All are made, numbered and shown in the portal whatever is chosen here.
    receipts = models.CharField(
        "receipts", max_length=6, choices=Receipts.choices, default=Receipts.EMAIL, db_default="email"
    )
    # Set by a merge: this number still finds the supporter it became.
    merged_into = models.ForeignKey(
        "self", null=True, blank=True, on_delete=models.PROTECT, related_name="merged_from", editable=False
    )
    user = models.OneToOneField(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="donor"
    )
    created_at = models.DateTimeField(default=clock.now, editable=False)

    objects = DonorQuerySet.as_manager()

    class Meta:
        verbose_name = "supporter"
        permissions = [("merge_donor", "Can merge supporters and take a merge back")]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(merged_into__isnull=True) | ~models.Q(merged_into=models.F("pk")),
                name="donor_not_merged_into_itself",
            ),
            models.CheckConstraint(
                condition=models.Q(email__isnull=True) | models.Q(email=Lower("email")),
                name="donor_email_is_lower_case",
            ),
        ]
        indexes = [
            # On the expressions that Django's icontains emits, so that the admin's search uses them.
            GinIndex(OpClass(Upper("name"), name="gin_trgm_ops"), name="donor_name_trigram"),
            GinIndex(OpClass(Upper("email"), name="gin_trgm_ops"), name="donor_email_trigram"),
            models.Index(fields=["postal_code"], name="donor_by_postal_code"),
            models.Index(fields=["phone"], name="donor_by_phone"),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def is_on_paper(self) -> bool:
        """Whether papers go by mail although there may be an e-mail."""
        return self.receipts == self.Receipts.PAPER and not self.is_not_mailed and bool(self.address_line1)

    @property
    def public_id(self) -> str:
        return f"D-{self.pk:07d}"

    @property
    def address_lines(self) -> list[str]:
        """Their address as it stands, as printed on an envelope."""
        return address_lines(self)
