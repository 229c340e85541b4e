"""Tables of the floor: who signs in, who we are, files kept as made, mail to send, and what was done by whom."""

import hashlib
from typing import Any, Self

from django.contrib.auth.models import AbstractBaseUser, BaseUserManager, PermissionsMixin
from django.core.validators import RegexValidator
from django.db import models
from django.db.models.functions import Lower

from nonprofit import clock


class UserManager(BaseUserManager["User"]):
    """Makes users by e-mail; nobody has a password unless one is given."""

    def create_user(self, email: str, password: str | None = None, **fields: Any) -> "User":
        user = self.model(email=normal_email(email), **fields)
        user.set_password(password)
        user.save(using=self._db)
        return user

    def create_superuser(self, email: str, password: str | None = None, **fields: Any) -> "User":
        return self.create_user(email, password, is_staff=True, is_superuser=True, **fields)

    def get_by_natural_key(self, username: str | None) -> "User":
        return self.get(email=normal_email(username or ""))


def normal_email(email: str) -> str:
    """The form in which addresses are compared and stored: trimmed and lower-case."""
    return email.strip().lower()


class User(AbstractBaseUser, PermissionsMixin):
    """Somebody who can sign in: a supporter or a member of staff."""

    email = models.EmailField(max_length=254, unique=True)
    name = models.CharField(max_length=200, blank=True)
    is_staff = models.BooleanField(default=False, help_text="May open the admin.")
    is_active = models.BooleanField(default=True)
    joined_at = models.DateTimeField(default=clock.now, editable=False)

    objects = UserManager()

    USERNAME_FIELD = "email"
    EMAIL_FIELD = "email"

    class Meta:
        constraints = [
            models.CheckConstraint(condition=models.Q(email=Lower("email")), name="user_email_is_lower_case"),
        ]

    def __str__(self) -> str:
        return self.email

    def get_full_name(self) -> str:
        return self.name or self.email

    def get_short_name(self) -> str:
        return self.name or self.email


HEX_COLOR = RegexValidator(r"^#[0-9a-fA-F]{6}\Z", "Enter a colour like #b3261e.")


class Organization(models.Model):
    """Who we are: one row, edited in the admin, printed on every page, letter and receipt."""

    name = models.CharField(max_length=120)
    legal_name = models.CharField(max_length=160, help_text="As registered; printed on receipts.")
    ein = models.CharField("EIN", max_length=20, help_text="Tax id, like 12-3456789.")
    tagline = models.CharField(max_length=160, blank=True)
    email = models.EmailField(help_text="Where supporters reach a person.")
    phone = models.CharField(max_length=40)
    website = models.URLField(blank=True)
    address_line1 = models.CharField(max_length=120)
    address_line2 = models.CharField(max_length=120, blank=True)
    city = models.CharField(max_length=80)
    region = models.CharField("state", max_length=40)
    postal_code = models.CharField("ZIP code", max_length=20)
    country = models.CharField(max_length=2, default="US")
    brand_color = models.CharField(max_length=7, default="#111111", validators=[HEX_COLOR])
    accent_color = models.CharField(max_length=7, default="#b3261e", validators=[HEX_COLOR])
    signatory_name = models.CharField(max_length=120, help_text="Who signs the receipts.")
    signatory_title = models.CharField(max_length=120)
    receipt_thanks = models.TextField(
        "thanks on receipts",
        default="Thank you. Your gift pays for reporting that answers to readers and to nobody else.",
    )
    # Raised whenever staff change any text of a page, so that pages kept in memory know they are old.
    content_version = models.PositiveIntegerField(default=1, editable=False)

    class Meta:
        verbose_name_plural = "organization"
        constraints = [
            models.CheckConstraint(condition=models.Q(pk=1), name="organization_is_one_row"),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def address_lines(self) -> list[str]:
        """The mailing address as printed on an envelope, without the name."""
        lines = [self.address_line1, self.address_line2, f"{self.city}, {self.region} {self.postal_code}"]
        return [line for line in lines if line.strip(", ")]


class StoredFile(models.Model):
    """Bytes kept exactly as made. Written once; triggers refuse UPDATE and DELETE."""

    content = models.BinaryField()
    content_type = models.CharField(max_length=80)
    size = models.PositiveIntegerField()
    sha256 = models.CharField(max_length=64, db_index=True)
    created_at = models.DateTimeField(default=clock.now, editable=False)

    def __str__(self) -> str:
        return f"{self.content_type}, {self.size} bytes, {self.sha256[:12]}"

    @classmethod
    def keep(cls, content: bytes, content_type: str) -> Self:
        """Store `content` with its size and SHA-256."""
        file = cls.of(content, content_type)
        file.save(force_insert=True)
        return file

    @classmethod
    def of(cls, content: bytes, content_type: str) -> Self:
        """The row for `content`, not stored."""
        digest = hashlib.sha256(content).hexdigest()
        return cls(content=content, content_type=content_type, size=len(content), sha256=digest)


class OutgoingEmail(models.Model):
    """A letter to send: the row is the queue. `key` makes the same letter impossible to queue twice."""

    class Status(models.TextChoices):
        QUEUED = "queued", "waiting to be sent"
        SENT = "sent", "sent"
        FAILED = "failed", "given up"
        STOPPED = "stopped", "not sent after all"

    key = models.CharField(max_length=120, unique=True)
    template = models.CharField(max_length=60)
    to = models.EmailField(max_length=254)
    subject = models.CharField(max_length=250)
    text = models.TextField()
    html = models.TextField(blank=True)
    attachment = models.ForeignKey(StoredFile, null=True, blank=True, on_delete=models.PROTECT)
    attachment_name = models.CharField(max_length=120, blank=True)
    status = models.CharField(max_length=10, choices=Status.choices, default=Status.QUEUED)
    tries = models.PositiveSmallIntegerField(default=0)
    next_try_at = models.DateTimeField(default=clock.now)
    last_error = models.CharField(max_length=300, blank=True)
    message_id = models.CharField(max_length=200, blank=True)
    # Of a letter that is one of many to the same list: which one, and where a mail program leaves it with one POST.
    list_name = models.CharField(max_length=40, blank=True)
    unsubscribe_url = models.URLField(max_length=300, blank=True)
    queued_at = models.DateTimeField(default=clock.now, editable=False)
    sent_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        verbose_name = "e-mail"
        permissions = [("resend_outgoingemail", "Can send an e-mail again")]
        indexes = [
            models.Index(fields=["queued_at"], condition=models.Q(status="failed"), name="email_given_up"),
            models.Index(fields=["next_try_at"], condition=models.Q(status="queued"), name="email_waiting"),
            models.Index(fields=["to"], name="email_by_address"),
        ]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(status="sent", sent_at__isnull=False) | ~models.Q(status="sent"),
                name="email_sent_has_instant",
            ),
            # Whoever gets letters of a list can leave it from each of them; no other letter offers that.
            models.CheckConstraint(
                condition=models.Q(list_name="", unsubscribe_url="")
                | (~models.Q(list_name="") & ~models.Q(unsubscribe_url="")),
                name="email_of_a_list_can_be_left",
            ),
        ]

    def __str__(self) -> str:
        return self.key


class AuditEntry(models.Model):
    """Who did what to which row, and why. Grows only; triggers refuse UPDATE and DELETE."""

    at = models.DateTimeField(default=clock.now, editable=False, db_index=True)
    actor = models.CharField(max_length=80, help_text='"staff:17", "supporter", "task", "stripe".')
    action = models.CharField(max_length=60)
    target_type = models.CharField(max_length=60)
    target_id = models.CharField(max_length=60)
    reason = models.CharField(max_length=300, blank=True)
    before = models.JSONField(default=dict, blank=True)
    after = models.JSONField(default=dict, blank=True)

    class Meta:
        verbose_name_plural = "audit entries"
        indexes = [models.Index(fields=["target_type", "target_id"], name="audit_by_target")]

    def __str__(self) -> str:
        return f"{self.action} {self.target_type} {self.target_id}"
