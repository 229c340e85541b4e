"""The inbox of Stripe's events. The row is the queue."""

from typing import Self

from django.db import models

from nonprofit import clock


class StripeEventQuerySet(models.QuerySet["StripeEvent"]):
    def waiting(self) -> Self:
        """Events that are due to be handled, oldest first."""
        return self.filter(state=StripeEvent.State.WAITING, next_try_at__lte=clock.now()).order_by("next_try_at")


class StripeEvent(models.Model):
    """What Stripe told us, once per event id, and what became of it."""

    class State(models.TextChoices):
        WAITING = "waiting", "waiting"
        DONE = "done", "handled"
        IGNORED = "ignored", "not for us"
        UNMATCHED = "unmatched", "no gift of ours"
        FAILED = "failed", "given up"

    event_id = models.CharField(max_length=80)
    type = models.CharField(max_length=80)
    object_id = models.CharField(max_length=80, blank=True)
    is_live = models.BooleanField()
    happened_at = models.DateTimeField()
    body = models.JSONField()
    state = models.CharField(max_length=10, choices=State.choices, default=State.WAITING)
    tries = models.PositiveSmallIntegerField(default=0)
    next_try_at = models.DateTimeField(default=clock.now)
    trouble = models.TextField(blank=True)
    received_at = models.DateTimeField(default=clock.now, editable=False)
    handled_at = models.DateTimeField(null=True, blank=True)

    objects = StripeEventQuerySet.as_manager()

    class Meta:
        verbose_name = "Stripe event"
        permissions = [("retry_stripeevent", "Can handle a Stripe event again")]
        constraints = [
            # Named here and not "unique=True": that would add a second index for LIKE, which intake would pay for.
            models.UniqueConstraint(fields=["event_id"], name="stripe_event_once"),
        ]
        indexes = [
            models.Index(fields=["object_id"], name="stripe_event_by_object"),
            models.Index(fields=["next_try_at"], condition=models.Q(state="waiting"), name="stripe_event_waiting"),
            # What waits for a person; empty on a good day.
            models.Index(
                fields=["received_at"],
                condition=models.Q(state__in=["unmatched", "failed"]),
                name="stripe_event_trouble",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.type} {self.event_id}"


class EventSweep(models.Model):
    """Until when Stripe's own list of events has been read; one row."""

    swept_until = models.DateTimeField()

    class Meta:
        constraints = [models.CheckConstraint(condition=models.Q(pk=1), name="event_sweep_is_one_row")]

    def __str__(self) -> str:
        return f"read until {self.swept_until}"
