"""The books in the admin: the ledger, and Stripe's events with what became of them."""

import json
from typing import Any

from django.contrib import admin, messages
from django.contrib.admin.views.main import ChangeList
from django.db.models import Count, Model, QuerySet, Sum
from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern, path, reverse

from donations import inbox
from donations.admin.gifts import ByGiftAdmin
from donations.models import Gift, LedgerEntry, StripeEvent
from nonprofit.admin_filters import dates
from nonprofit.admin_parts import Column, Deed, Panel, Refused, ShownAdmin, actor, audit_panel, link, may, verb
from nonprofit.money import Money

RETRY = "donations.retry_stripeevent"
SUMMED = 10_000


@admin.register(LedgerEntry)
class LedgerEntryAdmin(ByGiftAdmin):
    """What is booked, by day; for the days or the kind asked for, what it comes to."""

    change_list_template = "admin/ledger.html"
    list_display = ("booked_on", "kind", "amount_shown", "supporter", "gift_link", "fund", "source")
    list_select_related = ("gift", "fund")
    list_filter = ("kind", dates("booked_on", "day booked"))
    sortable_by = ("booked_on",)
    ordering = ("-booked_on", "-pk")
    search_help_text = "Name, e-mail, gift (G-00000042), receipt (R-2026-000142) or Stripe's id (ch_…, txn_…)"
    fieldsets = (
        (None, {"fields": ("amount_shown", "kind", "booked_on", "gift_link", "supporter", "fund")}),
        (
            "Proof",
            {"fields": ("source", "balance_transaction_id", "reporting_category", "happened_at", "recorded_at")},
        ),
    )

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Model], search_term: str
    ) -> tuple[QuerySet[Model], bool]:
        term = search_term.strip()
        if term.startswith("txn_"):
            return queryset.filter(balance_transaction_id=term), False
        return super().get_search_results(request, queryset, search_term)

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        response = super().changelist_view(request, extra_context)
        shown = getattr(response, "context_data", None)
        # Sums of everything there ever was would read it all, and nobody asks for them.
        if shown and "cl" in shown and shown["cl"].params:
            shown["panels"] = [sums_panel(shown["cl"])] if may(request, "donations.seeamounts_gift") else []
        return response

    @admin.display(description="Amount")
    def amount_shown(self, row: Any) -> Money:
        money: Money = row.amount
        return money


def sums_panel(listed: ChangeList) -> Panel:
    """What the lines of the list come to, by kind and currency. Property and the bank's fees are told apart."""
    columns = [Column("Kind"), Column("Lines", is_number=True), Column("Sum", is_number=True)]
    if listed.result_count > SUMMED:
        return Panel("Sums", columns, [], f"More than {SUMMED:,} lines. Ask for fewer days to see what they come to.")
    sums = listed.queryset.order_by().values("kind", "currency").annotate(lines=Count("pk"), sum=Sum("amount_minor"))
    kinds = LedgerEntry.Kind
    order = {kind: place for place, kind in enumerate(kinds)}
    rows = [
        (kinds(one["kind"]).label, f"{one['lines']:,}", Money(one["sum"], one["currency"]))
        for one in sorted(sums, key=lambda one: (one["currency"], order[one["kind"]]))
    ]
    return Panel("Sums", columns, rows, "No line fits.")


@admin.register(StripeEvent)
class StripeEventAdmin(ShownAdmin[StripeEvent]):
    list_display = ("received_at", "type", "object_id", "state", "tries", "handled_at")
    list_display_links = ("received_at", "type")
    list_filter = ("state", dates("happened_at", "day", are_instants=True))
    heavy = ("body", "trouble")
    amounts = frozenset({"pretty"})
    search_fields = ("event_id",)
    search_help_text = "Stripe's id of the event (evt_…) or of the payment (pi_…)"
    actions = ("handle_again",)
    fieldsets = (
        (None, {"fields": ("event_id", "type", "object_id", "gift", "state", "is_live")}),
        ("Handling", {"fields": ("happened_at", "received_at", "tries", "next_try_at", "handled_at", "trouble")}),
        ("What Stripe sent", {"fields": ("pretty",), "classes": ("collapse",)}),
    )

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[StripeEvent], search_term: str
    ) -> tuple[QuerySet[StripeEvent], bool]:
        term = search_term.strip()
        if term:
            name = "event_id" if term.startswith("evt_") else "object_id"
            queryset = queryset.filter(**{name: term})
        return queryset, False

    @admin.display(description="Gift")
    def gift(self, event: StripeEvent) -> str:
        gift = Gift.objects.filter(payment_intent_id=event.object_id).first() if event.object_id else None
        return link(gift)

    @admin.display(description="Body")
    def pretty(self, event: StripeEvent) -> str:
        return json.dumps(event.body, indent=2, ensure_ascii=False)

    def has_retry_permission(self, request: HttpRequest) -> bool:
        return may(request, RETRY)

    @admin.action(description="Handle again", permissions=["retry"])
    def handle_again(self, request: HttpRequest, queryset: QuerySet[StripeEvent]) -> None:
        count = sum(inbox.handle_again(pk, actor(request)) for pk in queryset.values_list("pk", flat=True))
        messages.success(request, f"{count} {'event waits' if count == 1 else 'events wait'} to be handled again.")

    def deeds(self, request: HttpRequest, row: StripeEvent) -> list[Deed]:
        may_be = row.state in (StripeEvent.State.UNMATCHED, StripeEvent.State.FAILED)
        url = reverse("admin:donations_stripeevent_again", args=[row.pk])
        return [Deed("Handle again", url)] if may_be and self.has_retry_permission(request) else []

    def panels(self, request: HttpRequest, row: StripeEvent) -> list[Panel]:
        return [audit_panel([row])] if may(request, "nonprofit.view_auditentry") else []

    def get_urls(self) -> list[URLPattern]:
        again = path("<int:pk>/again/", self.admin_site.admin_view(self.again), name="donations_stripeevent_again")
        return [again, *super().get_urls()]

    def again(self, request: HttpRequest, pk: int) -> HttpResponse:
        """The button on an event's page."""
        return verb(request, RETRY, StripeEvent, pk, _handle_again)


def _handle_again(event: StripeEvent, who: str) -> str:
    if not inbox.handle_again(event.pk, who):
        raise Refused("This event has been handled meanwhile.")
    return "The event waits to be handled; look again in a moment."
