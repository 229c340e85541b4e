"""What supporters ask for on their account: another e-mail, a second one, and to be forgotten."""

from django.conf import settings
from django.db import models
from django.db.models.functions import Lower

from donations.models import Donor
from nonprofit import clock


class EmailChange(models.Model):
    """A new e-mail that a signed-in person asked for, and what came of it. Nothing changes before the mailbox answers.

    Changed only by the verbs of `members.emails`, under the user's lock.
    """

    class Kind(models.TextChoices):
        MAIN = "main", "another main e-mail"
        FURTHER = "further", "a second e-mail"

    class State(models.TextChoices):
        ASKED = "asked", "waiting for the new mailbox"
        CONFIRMED = "confirmed", "confirmed"
        REPLACED = "replaced", "asked anew"
        STOPPED = "stopped", "stopped from the old mailbox"
        TAKEN_BACK = "taken_back", "taken back from the old mailbox"
        # The mailbox is proven, and the address is another account's or record's: a person must look.
        FOR_STAFF = "for_staff", "for staff: it belongs to another record"
        DONE = "done", "looked at by staff"

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="email_changes")
    kind = models.CharField(max_length=8, choices=Kind.choices)
    old_email = models.EmailField("e-mail at the time", max_length=254)
    new_email = models.EmailField("e-mail asked for", max_length=254)
    state = models.CharField(max_length=12, choices=State.choices, default=State.ASKED)
    asked_at = models.DateTimeField(default=clock.now, editable=False)
    confirmed_at = models.DateTimeField(null=True, blank=True)
    ended_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        verbose_name = "e-mail asked for"
        verbose_name_plural = "e-mails asked for"
        permissions = [("settle_emailchange", "Can say that somebody's request for an e-mail was looked at")]
        indexes = [models.Index(fields=["-id"], condition=models.Q(state="for_staff"), name="email_change_for_staff")]
        constraints = [
            models.UniqueConstraint(
                fields=["user", "kind"], condition=models.Q(state="asked"), name="email_change_one_at_a_time"
            ),
            models.CheckConstraint(
                condition=models.Q(new_email=Lower("new_email"), old_email=Lower("old_email")),
                name="email_change_is_lower_case",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} ({self.get_state_display()})"


class ErasureRequest(models.Model):
    """Somebody wants to be forgotten: asked in the portal, decided by staff (domain rule 82)."""

    class State(models.TextChoices):
        ASKED = "asked", "asked"
        DONE = "done", "done"
        REFUSED = "refused", "refused"
        WITHDRAWN = "withdrawn", "withdrawn"

    donor = models.ForeignKey(Donor, on_delete=models.PROTECT, related_name="erasure_requests")
    state = models.CharField(max_length=10, choices=State.choices, default=State.ASKED)
    asked_at = models.DateTimeField(default=clock.now, editable=False)
    decided_at = models.DateTimeField(null=True, blank=True)
    decided_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    reason = models.CharField(max_length=300, blank=True)
    # What was kept and why, in the words that staff saw before they decided.
    kept = models.JSONField(default=list, blank=True)

    class Meta:
        verbose_name = "request to be forgotten"
        verbose_name_plural = "requests to be forgotten"
        permissions = [("decide_erasurerequest", "Can erase a person who asked for it, or refuse with a reason")]
        constraints = [
            models.UniqueConstraint(
                fields=["donor"], condition=models.Q(state="asked"), name="erasure_asked_once_at_a_time"
            ),
            models.CheckConstraint(
                condition=~models.Q(state__in=["done", "refused"])
                | models.Q(decided_at__isnull=False, decided_by__isnull=False) & ~models.Q(reason=""),
                name="erasure_decided_by_somebody_with_reason",
            ),
        ]

    def __str__(self) -> str:
        return f"request {self.pk} ({self.get_state_display()})"
