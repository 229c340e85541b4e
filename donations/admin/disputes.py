"""Disputes: the worklist with its deadlines, what staff note, and every dispute there was."""

from datetime import timedelta
from typing import Any, cast

from django.conf import settings
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.views.decorators.http import require_POST

from donations import disputes
from donations.admin.gifts import ByGiftAdmin, ledger_panel
from donations.models import Dispute
from nonprofit import card_numbers, clock
from nonprofit.admin_filters import dates
from nonprofit.admin_parts import Panel, audit_panel, may
from nonprofit.admin_site import Figure, on_desk
from nonprofit.models import User
from nonprofit.money import Money

VIEW, ANSWER = "donations.view_dispute", "donations.answer_dispute"
SHOWN = 200
# Amber from here on: gathering evidence takes a day or two, and Stripe passes it on once.
NEAR = timedelta(days=3)


@admin.register(Dispute)
class DisputeAdmin(ByGiftAdmin):
    """What banks ask about or took back, the newest first."""

    change_list_template = "admin/refunds/disputes.html"
    list_display = ("opened_at", "supporter", "amount_shown", "status", "reason_shown", "due", "gift_link", "note")
    list_display_links = ("opened_at",)
    list_select_related = ("gift",)
    list_filter = ("status", dates("opened_at", "day opened", are_instants=True))
    sortable_by = ()
    ordering = ("-opened_at", "-pk")
    fieldsets = (
        (None, {"fields": ("amount_shown", "status", "reason_shown", "gift_link", "supporter", "note")}),
        ("When", {"fields": ("opened_at", "due", "closed_at")}),
        ("At Stripe", {"fields": ("at_stripe", "charge_id")}),
    )

    @admin.display(description="Amount")
    def amount_shown(self, row: Any) -> Money:
        money: Money = row.amount
        return money

    @admin.display(description="Bank's reason")
    def reason_shown(self, row: Any) -> str:
        return str(row.reason).replace("_", " ")

    @admin.display(description="Evidence until")
    def due(self, row: Any) -> SafeString | str:
        return deadline(row)

    @admin.display(description="Dashboard")
    def at_stripe(self, row: Any) -> SafeString:
        return format_html('<a href="{}" rel="noreferrer">{}</a>', dashboard(row), row.stripe_dispute_id)

    def panels(self, request: HttpRequest, row: Any) -> list[Panel]:
        panels = [ledger_panel(row.gift)] if row.gift and may(request, "donations.view_ledgerentry") else []
        return [*panels, audit_panel([row])] if may(request, "nonprofit.view_auditentry") else panels

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view
        return [
            path("worklist/", view(self.worklist), name="donations_dispute_worklist"),
            path("<int:pk>/note/", view(require_POST(self.note)), name="donations_dispute_note"),
            *super().get_urls(),
        ]

    def worklist(self, request: HttpRequest) -> HttpResponse:
        """Those that wait for our evidence, the most urgent first; and those the bank is thinking about."""
        if not may(request, VIEW):
            raise PermissionDenied
        to_answer = list(Dispute.objects.to_answer().select_related("gift__donor")[:SHOWN])
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": "Disputes to answer",
            "rows": [(one, deadline(one), dashboard(one)) for one in to_answer],
            "thinking": Dispute.objects.open().count() - len(to_answer),
            "may_note": may(request, ANSWER),
            "sees_amounts": may(request, "donations.seeamounts_gift"),
        }
        return TemplateResponse(request, "admin/refunds/worklist.html", context)

    def note(self, request: HttpRequest, pk: int) -> HttpResponse:
        """What is done about it, for the others."""
        if not may(request, ANSWER):
            raise PermissionDenied
        dispute, text = get_object_or_404(Dispute, pk=pk), request.POST.get("note", "").strip()[:300]
        try:
            card_numbers.refuse(text)
        except ValidationError as trouble:
            messages.error(request, " ".join(trouble.messages))
        else:
            disputes.note(dispute.pk, text, user=cast(User, request.user))
            messages.success(request, "Noted.")
        return redirect("admin:donations_dispute_worklist")


def deadline(dispute: Dispute) -> SafeString | str:
    """Until when evidence is taken, amber when that is near; "—" where none is asked for."""
    due = dispute.evidence_due_at
    if due is None or not dispute.needs_answer:
        return "—"
    left = due - clock.now()
    day = f"{clock.local_date(due):%B} {clock.local_date(due).day}"
    if left < timedelta(0):
        return format_html('<strong class="near">{} (over)</strong>', day)
    days = "today" if left < timedelta(days=1) else f"{left.days} day{'' if left.days == 1 else 's'} left"
    if left < NEAR:
        return format_html('<strong class="near">{} ({})</strong>', day, days)
    return f"{day} ({days})"


def dashboard(dispute: Dispute) -> str:
    """Where it is answered: evidence is handed in at Stripe, never here."""
    return f"https://dashboard.stripe.com/{'' if settings.STRIPE_LIVE else 'test/'}disputes/{dispute.stripe_dispute_id}"


@on_desk
def to_answer(request: HttpRequest) -> list[Figure]:
    """Disputes that wait for evidence, with the next deadline."""
    if not may(request, VIEW):
        return []
    waiting = Dispute.objects.to_answer()
    count, first = waiting.count(), waiting.first()
    due = first.evidence_due_at if first else None
    note = f"the first by {clock.local_date(due):%B} {clock.local_date(due).day}" if due else ""
    url = reverse("admin:donations_dispute_worklist")
    is_near = due is not None and due - clock.now() < NEAR
    return [Figure("Disputes to answer", str(count), url, is_trouble=is_near, note=note)]
