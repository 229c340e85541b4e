"""Tie-out: a month's three equations, what does not tie and why, and the buttons that close and reopen it."""

from datetime import date, datetime
from typing import Any, cast

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.views.decorators.http import require_POST

from donations.admin import finance
from donations.admin.difference_rows import lead, link_to
from donations.admin.month_address import address, month_word
from donations.books import compare, months, tie_out
from donations.models import Difference, Month
from nonprofit.admin_amounts import sees_amounts
from nonprofit.admin_parts import Panel, ShownAdmin, audit_panel, may
from nonprofit.admin_site import Figure, on_desk
from nonprofit.models import User

VIEW = "donations.view_month"
ROWS = 500


@admin.register(Month)
class MonthAdmin(ShownAdmin[Month]):
    """The months that were closed; those that are open stand above them."""

    change_list_template = "admin/books/months.html"
    list_display = ("name", "state", "closed_by", "closed_at", "override_reason")
    list_display_links = ("name",)
    list_select_related = ("closed_by",)
    ordering = ("-starts_on",)
    sortable_by = ()
    fieldsets = (
        (None, {"fields": ("name", "state", "closed_by", "closed_at", "override_reason")}),
        ("Reopening", {"fields": ("reopening_asked_by", "reopening_reason", "reopened_by", "reopened_at")}),
    )

    @admin.display(description="Month")
    def name(self, month: Month) -> str:
        return str(month)

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        context = {"open_months": months.open_months()[::-1]}
        return super().changelist_view(request, {**context, **(extra_context or {})})

    def panels(self, request: HttpRequest, row: Month) -> list[Panel]:
        url = address(row.starts_on)
        more = Panel("Tie-out", [], [], "Its three equations and their rows.", more=link_to(url, f"Tie-out of {row}"))
        return [more, audit_panel([row])] if may(request, "nonprofit.view_auditentry") else [more]

    def get_urls(self) -> list[URLPattern]:
        def at(route: str, view: Any, name: str) -> URLPattern:
            found: URLPattern = path(route, self.admin_site.admin_view(view), name=f"donations_month_{name}")
            return found

        return [
            at("finance/", self.finance, "finance"),
            at("tie-out/<slug:month>/", self.tie_out, "tie_out"),
            at("tie-out/<slug:month>/compare/", require_POST(self.compare), "compare"),
            at("tie-out/<slug:month>/close/", require_POST(self.close), "close"),
            at("tie-out/<slug:month>/<slug:code>/", self.rows, "rows"),
            at("<int:pk>/reopen/", require_POST(self.reopen), "reopen"),
            *super().get_urls(),
        ]

    def finance(self, request: HttpRequest) -> HttpResponse:
        """The state of the books at a glance."""
        _allow(request, VIEW)
        return TemplateResponse(
            request, "admin/books/finance.html", {**self.admin_site.each_context(request), **finance.page(request)}
        )

    def tie_out(self, request: HttpRequest, month: str) -> HttpResponse:
        """The month on one page."""
        _allow(request, VIEW)
        starts_on = read_month(month)
        closed = Month.objects.filter(starts_on=starts_on).select_related("closed_by", "reopening_asked_by").first()
        end = months.after(starts_on)
        found = Difference.objects.filter(day__gte=starts_on, day__lt=end, gone_at__isnull=True)
        page = {
            "title": f"{starts_on:%B %Y}",
            "month": month,
            "starts_on": starts_on,
            "closed": closed,
            "is_shut": closed is not None and closed.state != Month.State.REOPENED,
            "equations": tie_out.equations(starts_on),
            "open": [(row, lead(row)) for row in found.filter(explanation="").order_by("day", "pk")[:ROWS]],
            "explained": [
                (row, lead(row))
                for row in found.exclude(explanation="").select_related("explained_by").order_by("day", "pk")[:ROWS]
            ],
            "look": months.look(starts_on),
            "before": month_word((starts_on.replace(day=1) - date.resolution).replace(day=1)),
            "after": month_word(end),
            "may_explain": may(request, compare.RIGHT),
            "may_close": may(request, months.CLOSE),
            "may_override": may(request, months.OVERRIDE),
            "may_reopen": may(request, months.REOPEN),
        }
        return self._page(request, "tie_out", page)

    def rows(self, request: HttpRequest, month: str, code: str) -> HttpResponse:
        """The rows behind one number."""
        _allow(request, VIEW)
        starts_on = read_month(month)
        try:
            part, found = tie_out.part(code, starts_on), tie_out.rows(code, starts_on, limit=ROWS)
        except KeyError as error:
            raise Http404 from error
        listed = [(row, reverse(f"admin:donations_{row.table}_change", args=[row.pk])) for row in found]
        page = {
            "title": part.label,
            "month": month,
            "starts_on": starts_on,
            "part": part,
            "rows": listed,
            "is_cut": part.count > ROWS,
        }
        return self._page(request, "rows", page)

    def compare(self, request: HttpRequest, month: str) -> HttpResponse:
        """The button that compares what is here now, without waiting for the night."""
        _allow(request, compare.RIGHT)
        found = compare.run()
        said = "Everything ties." if not found.open else f"{found.open} waiting to be explained."
        messages.info(request, f"Compared just now: {found.new} new, {found.gone} gone. {said}")
        return redirect("admin:donations_month_tie_out", month)

    def close(self, request: HttpRequest, month: str) -> HttpResponse:
        """The button at the end of the page."""
        user, starts_on = _allow(request, months.CLOSE), read_month(month)
        try:
            closed = months.close(starts_on, user=user, override_reason=request.POST.get("reason", ""))
            messages.success(request, f"{closed} is closed. What comes late is booked in the first open month.")
        except months.CannotClose as refusal:
            messages.error(request, f"Not closed. {refusal}")
        return redirect("admin:donations_month_tie_out", month)

    def reopen(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Asking, agreeing, or leaving it closed."""
        user, month = _allow(request, months.REOPEN), get_object_or_404(Month, pk=pk)
        try:
            match request.POST.get("step"):
                case "ask":
                    months.ask_to_reopen(pk, request.POST.get("reason", ""), user=user)
                    messages.success(request, "Asked. It opens when another person agrees on this page.")
                case "agree":
                    months.reopen(pk, user=user)
                    messages.success(request, f"{month} is open again; its posting files are void.")
                case "keep":
                    months.keep_closed(pk, user=user)
                    messages.success(request, f"{month} stays closed.")
        except months.CannotClose as refusal:
            messages.error(request, str(refusal))
        return redirect(address(month.starts_on))

    def _page(self, request: HttpRequest, name: str, page: dict[str, Any]) -> HttpResponse:
        context = {**self.admin_site.each_context(request), "opts": self.opts, **page}
        return TemplateResponse(request, f"admin/books/{name}.html", context)


def read_month(word: str) -> date:
    """ "2026-11" as the first day of that month. Raises Http404."""
    try:
        # A month of the calendar: no instant and no time zone.
        found = datetime.strptime(word, "%Y-%m").date()  # noqa: DTZ007
    except ValueError as error:
        raise Http404 from error
    if not 2000 <= found.year <= 2100:
        raise Http404
    return found


def _allow(request: HttpRequest, right: str) -> User:
    """Raises PermissionDenied. Nobody ties amounts without seeing them."""
    if not (may(request, right) and may(request, VIEW) and sees_amounts(request)):
        raise PermissionDenied
    return cast(User, request.user)


@on_desk
def to_explain(request: HttpRequest) -> list[Figure]:
    """Differences that wait for a person; the alarm that nobody has to look for."""
    if not may(request, "donations.view_difference"):
        return []
    count = Difference.objects.open().count()
    url = reverse("admin:donations_difference_changelist") + "?stands=open"
    note = "everything ties" if not count else ""
    return [Figure("Differences to explain", str(count), url, is_trouble=count > 0, note=note, rank=2)]
