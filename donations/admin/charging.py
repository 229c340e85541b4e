"""Charging on the desk: its kill switch and caps, each day of it, and the button that lets a stopped day go on."""

from datetime import datetime
from typing import Any, cast

from django.contrib import admin
from django.db import transaction
from django.db.models import Count, Min
from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern, path, reverse
from django.utils.formats import date_format

from donations.admin import plans
from donations.admin.policy import ChoicesAdmin
from donations.models import ChargeDay, Renewals
from donations.recurring import adopting, charging, dates, forecast
from nonprofit import audit, clock, nudge
from nonprofit.admin_parts import Deed, Panel, Refused, ShownAdmin, audit_panel, may, verb
from nonprofit.admin_site import Figure, on_desk
from nonprofit.models import User
from nonprofit.money import Money

RUN = "donations.run_plan"


@admin.register(Renewals)
class RenewalsAdmin(ChoicesAdmin):
    """Switched off, nothing is charged from the next one on; what is due waits."""

    fieldsets = (
        (None, {"fields": ("is_on", "from_hour")}),
        ("It stops by itself", {"fields": ("most_count", "most_minor", "most_declined_percent")}),
        ("Plans without a card", {"fields": ("ends_unpaid_after_days",)}),
    )


@admin.register(ChargeDay)
class ChargeDayAdmin(ShownAdmin[ChargeDay]):
    """Each day of charging: how many, what came of it, and why it stopped, if it did."""

    list_display = ("on", "claimed", "claimed_shown", "paid", "declined", "stopped_why")
    list_display_links = ("on",)
    ordering = ("-on",)
    fields = ("on", "claimed", "claimed_shown", "paid", "declined", "stopped_why", "stopped_at", "let_go_on_by")

    @admin.display(description="Money asked for")
    def claimed_shown(self, day: ChargeDay) -> Money:
        return Money(day.claimed_minor)

    def deeds(self, request: HttpRequest, row: ChargeDay) -> list[Deed]:
        if row.stopped_at is None or row.on != clock.today() or not may(request, RUN):
            return []
        url = reverse("admin:donations_chargeday_go_on", args=[row.pk])
        return [Deed("I have looked at it: go on today", url)]

    def panels(self, request: HttpRequest, row: ChargeDay) -> list[Panel]:
        return [audit_panel([row])] if may(request, "nonprofit.view_auditentry") else []

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view
        return [
            path("<int:pk>/go-on/", view(self.go_on), name="donations_chargeday_go_on"),
            *super().get_urls(),
        ]

    def go_on(self, request: HttpRequest, pk: int) -> HttpResponse:
        """A stopped day goes on, without caps and alarm for the rest of it: somebody has looked."""
        return verb(request, RUN, ChargeDay, pk, lambda day, actor: _go_on(day.pk, actor, cast(User, request.user)))


@transaction.atomic
def _go_on(day_id: int, actor: str, user: User) -> str:
    day = ChargeDay.objects.select_for_update().get(pk=day_id)
    if day.on != clock.today():
        raise Refused("That day is over; what was due is charged today.")
    if day.stopped_at is None:
        return "It goes on already."
    audit.record(actor, "let charging go on", day, before={"stopped": day.stopped_why})
    day.stopped_at, day.let_go_on_by = None, user
    day.save(update_fields=["stopped_at", "let_go_on_by"])
    nudge.after_commit("donations.tasks.come_due")
    return "Charging goes on. Look again in a few minutes."


@on_desk
def charging_stopped(request: HttpRequest) -> list[Figure]:
    """That charging is off or has stopped, first of all figures."""
    if not may(request, "donations.view_chargeday"):
        return []
    figures = []
    if not Renewals.get().is_on:
        url = reverse("admin:donations_renewals_changelist")
        figures.append(Figure("Charging", "off", url, is_trouble=True, note="monthly gifts wait", rank=0))
    day = ChargeDay.objects.filter(on=clock.today(), stopped_at__isnull=False).first()
    if day is not None:
        url = reverse("admin:donations_chargeday_change", args=[day.pk])
        figures.append(Figure("Charging", "stopped", url, is_trouble=True, note=day.stopped_why, rank=0))
    return [*figures, *_unanswered(), *_overdue(), *_unsettled()]


def _unanswered() -> list[Figure]:
    """Charges that nobody knows the outcome of, however often Stripe was asked."""
    found = charging.unanswered().aggregate(count=Count("pk"), oldest=Min("claimed_at"))
    url = reverse("admin:donations_installment_changelist") + "?status__in=charging,unknown"
    return _since("Charges without an answer", found, url)


def _overdue() -> list[Figure]:
    """Plans whose next date should have been made and was not."""
    found = dates.overdue(clock.today()).aggregate(count=Count("pk"), oldest=Min("next_due_on"))
    return _since("Dates that do not come", found, plans.due_until(forecast.in_days(-1)))


def _unsettled() -> list[Figure]:
    """Subscriptions that are to end or run out, and for which Stripe was asked in vain."""
    found = adopting.unsettled().aggregate(count=Count("pk"), oldest=Min("wanted_at"))
    url = reverse("admin:donations_plan_changelist") + "?at_stripe__in=cancel,run_out"
    return _since("Not settled at Stripe", found, url)


def _since(name: str, found: dict[str, Any], url: str) -> list[Figure]:
    """How many there are and the day of the oldest; no figure where there is none."""
    if not found["count"]:
        return []
    oldest = found["oldest"]
    day = clock.local_date(oldest) if isinstance(oldest, datetime) else oldest
    return [Figure(name, str(found["count"]), url, is_trouble=True, note=f"since {date_format(day, 'F j')}")]
