"""Differences in the admin: the list, and the form that says where one comes from."""

from typing import Any, cast

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import URLPattern, path
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.safestring import SafeString
from django.views.decorators.http import require_POST

from donations.admin.difference_rows import lead, link_to
from donations.books import balance, compare
from donations.models import BalanceTransaction, Difference
from nonprofit.admin_amounts import sees_amounts
from nonprofit.admin_filters import dates
from nonprofit.admin_parts import Panel, ShownAdmin, actor, audit_panel, may, url_of
from nonprofit.models import User
from nonprofit.money import Money


class Stands(admin.SimpleListFilter):
    """Whether it waits for a person."""

    title, parameter_name = "how it stands", "stands"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("open", "to explain"), ("explained", "explained"), ("gone", "went away")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        match self.value():
            case "open":
                return queryset.filter(gone_at__isnull=True, explanation="")
            case "explained":
                return queryset.exclude(explanation="")
            case "gone":
                return queryset.filter(gone_at__isnull=False)
        return queryset


@admin.register(Difference)
class DifferenceAdmin(ShownAdmin[Difference]):
    change_form_template = "admin/books/difference.html"
    list_display = ("day", "kind", "about", "amount_shown", "stands")
    list_display_links = ("day", "about")
    list_filter = (Stands, "kind", dates("day", "month"))
    ordering = ("-day", "-pk")
    sortable_by = ()
    fieldsets = (
        (None, {"fields": ("kind", "day", "about", "where")}),
        ("How much", {"fields": ("ours_shown", "theirs_shown", "amount_shown")}),
        ("What became of it", {"fields": ("stands", "found_at", "gone_at", "explained_by", "explained_at")}),
    )

    @admin.display(description="Difference")
    def amount_shown(self, row: Difference) -> Money:
        return row.amount

    @admin.display(description="In our books")
    def ours_shown(self, row: Difference) -> Money:
        return Money(row.ours_minor or 0, row.currency)

    @admin.display(description="On the other side")
    def theirs_shown(self, row: Difference) -> Money:
        return Money(row.theirs_minor or 0, row.currency)

    @admin.display(description="Stands")
    def stands(self, row: Difference) -> str:
        if row.explanation:
            return f"explained: {row.explanation}"
        return "went away" if row.gone_at else "to explain"

    @admin.display(description="Look at")
    def where(self, row: Difference) -> SafeString | str:
        return link_to(lead(row), "what it is about") or "—"

    def panels(self, request: HttpRequest, row: Difference) -> list[Panel]:
        return [audit_panel([row])] if may(request, "nonprofit.view_auditentry") else []

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        row = Difference.objects.filter(pk=object_id).first() if object_id.isdigit() else None
        movement = _movement(row) if row else None
        context = {
            "row": row,
            "may_explain": may(request, compare.RIGHT) and sees_amounts(request),
            "may_adjust": movement is not None and balance.may_adjust(movement),
        }
        return super().change_view(request, object_id, form_url, {**context, **(extra_context or {})})

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view
        return [
            path("<int:pk>/explain/", view(require_POST(self.explain)), name="donations_difference_explain"),
            path("<int:pk>/adjust/", view(require_POST(self.adjust)), name="donations_difference_adjust"),
            *super().get_urls(),
        ]

    def explain(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Where it comes from, in words; back to where they were."""
        _allow(request)
        try:
            row = compare.explain(pk, request.POST.get("explanation", ""), user=cast(User, request.user))
            messages.success(request, f"Explained: {row.explanation}")
        except ValueError as refusal:
            messages.error(request, str(refusal))
        return _back(request, Difference.objects.get(pk=pk))

    def adjust(self, request: HttpRequest, pk: int) -> HttpResponse:
        """A movement that is nobody's gift is booked as an adjustment."""
        _allow(request)
        row = Difference.objects.get(pk=pk)
        movement = _movement(row)
        try:
            if movement is None:
                raise ValueError("There is no movement of Stripe's to book.")
            balance.adjust(movement.pk, request.POST.get("reason", ""), actor=actor(request))
            messages.success(request, "Booked. The next comparison finds it gone.")
            compare.run()
        except ValueError as refusal:
            messages.error(request, str(refusal))
        return _back(request, row)


def _allow(request: HttpRequest) -> None:
    if not (may(request, compare.RIGHT) and sees_amounts(request)):
        raise PermissionDenied


def _movement(row: Difference) -> BalanceTransaction | None:
    """The movement that is not booked at all, of a difference about one."""
    if row.kind != Difference.Kind.MOVEMENT_NOT_BOOKED or not row.key.startswith("movement:"):
        return None
    return BalanceTransaction.objects.filter(stripe_id=row.key.split(":")[1]).first()


def _back(request: HttpRequest, row: Difference) -> HttpResponse:
    back = request.POST.get("back", "")
    is_ours = url_has_allowed_host_and_scheme(back, allowed_hosts=None) and back.startswith("/")
    return redirect(back if is_ours else url_of(row))
