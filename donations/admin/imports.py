"""Imports in the admin: upload a file, say which column is what, look at what it would do, apply it, undo it."""

from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import (
    HttpRequest,
    HttpResponse,
    HttpResponseBase,
    HttpResponseNotAllowed,
    JsonResponse,
    StreamingHttpResponse,
)
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import URLPattern, path

from donations.admin import import_panels
from donations.admin.import_forms import ColumnsForm, UploadForm
from donations.desk.imports import flow, mapping, problems, read, sources
from donations.desk.imports.errors import CannotImport
from donations.models import GiftImport
from nonprofit.admin_amounts import sees_amounts
from nonprofit.admin_parts import Panel, ShownAdmin, actor, may, url_of
from nonprofit.models import User
from nonprofit.money import Money

RUN, VIEW = "donations.run_giftimport", "donations.view_giftimport"
State = GiftImport.State
# What is being done, as the page says it while it lasts.
DOING = {
    State.CHECKING: "The file is being read and checked. Nothing is booked.",
    State.APPLYING: "The gifts are being booked, all in one go.",
    State.UNDOING: "What came in is being taken back, all in one go.",
}


@admin.register(GiftImport)
class GiftImportAdmin(ShownAdmin[GiftImport]):
    change_list_template = "admin/imports/list.html"
    change_form_template = "admin/imports/import.html"
    list_display = ("public", "origin", "file_name", "rows_shown", "state", "uploaded_by", "uploaded_at")
    list_select_related = ("uploaded_by",)
    heavy = ("headings", "samples", "columns", "summary")
    fieldsets = ((None, {"fields": ("origin", "file_name", "rows_shown", "uploaded_by", "uploaded_at", "applied_at")}),)

    @admin.display(description="Import")
    def public(self, row: GiftImport) -> str:
        return row.public_id

    @admin.display(description="From")
    def origin(self, row: GiftImport) -> str:
        return sources.label(row.source)

    @admin.display(description="Rows")
    def rows_shown(self, row: GiftImport) -> str:
        return f"{row.total:,}"

    def has_view_permission(self, request: HttpRequest, obj: GiftImport | None = None) -> bool:
        return may(request, VIEW) or may(request, RUN)

    def has_module_permission(self, request: HttpRequest) -> bool:
        return self.has_view_permission(request)

    def get_queryset(self, request: HttpRequest) -> QuerySet[GiftImport]:
        return super().get_queryset(request).select_related("fund", "uploaded_by")

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        return super().changelist_view(request, {"may_run": may(request, RUN), **(extra_context or {})})

    def panels(self, request: HttpRequest, row: GiftImport) -> list[Panel]:
        return [] if row.state in flow.BUSY else import_panels.panels(request, row)

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        row = GiftImport.objects.filter(pk=object_id).first() if object_id.isdigit() else None
        shown = _page(request, row) if row is not None and self.has_view_permission(request) else {}
        return super().change_view(request, object_id, form_url, {**shown, **(extra_context or {})})

    def get_urls(self) -> list[URLPattern]:
        def at(route: str, view: Any, name: str) -> URLPattern:
            found: URLPattern = path(route, self.admin_site.admin_view(view), name=f"donations_giftimport_{name}")
            return found

        return [
            at("upload/", self.upload, "upload"),
            at("<int:pk>/columns/", self.columns, "columns"),
            at("<int:pk>/apply/", self.apply, "apply"),
            at("<int:pk>/undo/", self.undo, "undo"),
            at("<int:pk>/progress/", self.progress, "progress"),
            at("<int:pk>/problems.csv", self.problems, "problems"),
            *super().get_urls(),
        ]

    def upload(self, request: HttpRequest) -> HttpResponse:
        """A file comes in and is read through; then its columns are asked for."""
        _allow(request, RUN)
        form = UploadForm(request.POST or None, request.FILES or None, label_suffix="")
        if request.method == "POST" and form.is_valid() and isinstance(request.user, User):
            said = form.cleaned_data
            try:
                made = flow.upload(said["file"].file, name=said["file"].name, source=said["source"], by=request.user)
                return redirect("admin:donations_giftimport_columns", made.pk)
            except (read.Unreadable, CannotImport) as error:
                form.add_error("file", str(error))
        return self._form(request, "admin/imports/upload.html", "Import gifts", form)

    def columns(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Which column is what; then the file is checked."""
        _allow(request, RUN)
        row = get_object_or_404(GiftImport, pk=pk)
        form = ColumnsForm(row, request.POST if request.method == "POST" else None)
        if request.method == "POST" and form.is_valid():
            try:
                flow.choose(row.pk, form.choice(), actor=actor(request))
                return redirect(url_of(row))
            except (CannotImport, mapping.WrongMapping) as error:
                form.add_error(None, str(error))
        if row.state not in flow.OPEN:
            messages.error(request, f"The columns cannot be chosen now: the import is {row.get_state_display()}.")
            return redirect(url_of(row))
        return self._form(request, "admin/imports/columns.html", "Which column is what?", form, row)

    def apply(self, request: HttpRequest, pk: int) -> HttpResponse:
        """The button that brings the ready rows in."""
        says = {name: name in request.POST for name in ("wants_receipts", "brings_alike")}
        return _asked(request, pk, lambda: flow.ask_apply(pk, actor=actor(request), **says))

    def undo(self, request: HttpRequest, pk: int) -> HttpResponse:
        """The button that takes everything of the import back."""
        return _asked(request, pk, lambda: flow.ask_undo(pk, actor=actor(request)))

    def progress(self, request: HttpRequest, pk: int) -> HttpResponse:
        """How far it is, for the page that waits."""
        _allow(request, VIEW, RUN)
        row = get_object_or_404(GiftImport.objects.defer(*self.heavy), pk=pk)
        is_busy = row.state in flow.BUSY
        return JsonResponse({"is_busy": is_busy, "done": row.done, "total": row.total, "state": row.state})

    def problems(self, request: HttpRequest, pk: int) -> HttpResponseBase:
        """Every row that is left out, as a file."""
        _allow(request, VIEW, RUN)
        row = get_object_or_404(GiftImport, pk=pk)
        answer = StreamingHttpResponse(problems.as_csv(row), content_type="text/csv; charset=utf-8")
        answer["Content-Disposition"] = f'attachment; filename="{row.public_id}-problems.csv"'
        return answer

    def _form(
        self, request: HttpRequest, template: str, title: str, form: Any, row: GiftImport | None = None
    ) -> HttpResponse:
        context = {**self.admin_site.each_context(request), "title": title, "form": form, "row": row}
        context["opts"] = self.opts
        return render(request, template, context, status=422 if form.errors else 200)


def _page(request: HttpRequest, row: GiftImport) -> dict[str, Any]:
    """What the import's page says beside its tables."""
    applied = row.summary.get("applied")
    shows_money = sees_amounts(request)
    came_in = [
        (f"{count:,}", Money(minor, currency) if shows_money else currency.upper())
        for currency, count, minor, _ in (applied or {"sums": []})["sums"]
    ]
    ready, alike = (row.summary.get("states", {}).get(one, 0) for one in ("ready", "alike"))
    left_out = sum(count for state, count in row.summary.get("states", {}).items() if state != "ready")
    return {
        "row": row,
        "may_run": may(request, RUN),
        "doing": DOING.get(State(row.state), ""),
        "numbers": import_panels.numbers(row),
        "ready": ready,
        "alike": alike,
        "left_out": left_out,
        "came_in": came_in,
        "new_supporters": (applied or {}).get("new", 0),
        "may_choose": row.state in flow.OPEN,
    }


def _allow(request: HttpRequest, *rights: str) -> None:
    """Raises PermissionDenied unless the person holds one of the rights."""
    if not any(may(request, right) for right in rights):
        raise PermissionDenied


def _asked(request: HttpRequest, pk: int, ask: Any) -> HttpResponse:
    """POST only, for holders of the right: ask for it, and show the import's page."""
    _allow(request, RUN)
    if request.method != "POST":
        return HttpResponseNotAllowed(["POST"])
    row = get_object_or_404(GiftImport, pk=pk)
    try:
        ask()
    except CannotImport as error:
        messages.error(request, str(error))
    return redirect(url_of(row))
