"""Exports in the admin: ask for a file, see how far it is, take it and its control file away, see who did."""

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
from django.urls import URLPattern, path, reverse

from donations.admin.export_forms import ExportForm
from donations.books.exports import control, flow, parts, profiles
from donations.books.exports.filters import CannotExport, Filters
from donations.models import Export
from nonprofit import clock
from nonprofit.admin_amounts import sees_amounts
from nonprofit.admin_parts import Column, Deed, Panel, ShownAdmin, actor, actors, audit_panel, may, url_of
from nonprofit.models import User

VIEW = "donations.view_export"
TYPES = {
    Export.Format.CSV: "text/csv; charset=utf-8",
    Export.Format.SPREADSHEET: "text/csv; charset=utf-8",
    Export.Format.XLSX: "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}


@admin.register(Export)
class ExportAdmin(ShownAdmin[Export]):
    change_list_template = "admin/exports/list.html"
    change_form_template = "admin/exports/export.html"
    list_display = ("public", "profile", "format", "days", "rows_shown", "state_shown", "who", "asked_at")
    list_display_links = ("public",)
    heavy = ("control",)
    fields = ("profile", "format", "days", "rows_shown", "who", "asked_at", "reason", "until", "digest")

    @admin.display(description="Export")
    def public(self, row: Export) -> str:
        return row.public_id

    @admin.display(description="Of")
    def days(self, row: Export) -> str:
        return str(Filters.from_json(row.filters))

    @admin.display(description="Rows")
    def rows_shown(self, row: Export) -> str:
        return f"{row.rows if row.state == Export.State.DONE else row.rows_expected:,}"

    @admin.display(description="Is")
    def state_shown(self, row: Export) -> str:
        if row.voided_at:
            return "void: its month is open again"
        return "past its day" if flow.is_expired(row) else row.get_state_display()

    @admin.display(description="Asked for by")
    def who(self, row: Export) -> str:
        return actors([row.made_by])[row.made_by]

    @admin.display(description="Can be downloaded")
    def until(self, row: Export) -> str:
        if row.state != Export.State.DONE:
            return "not yet"
        return f"until {clock.local_date(row.expires_at)}" if row.expires_at else "for ever"

    @admin.display(description="SHA-256")
    def digest(self, row: Export) -> str:
        return f"{row.sha256}, {row.size:,} bytes" if row.sha256 else "—"

    def get_queryset(self, request: HttpRequest) -> QuerySet[Export]:
        rows = super().get_queryset(request).select_related("month")
        return rows if may(request, profiles.SCHEDULE_B) else rows.exclude(profile=Export.Profile.SCHEDULE_B)

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        return super().changelist_view(request, {"may_make": _may_take(request), **(extra_context or {})})

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        row = self.get_queryset(request).filter(pk=object_id).first() if object_id.isdigit() else None
        shown = {"row": row, "is_busy": row.state in flow.BUSY, "is_expired": flow.is_expired(row)} if row else {}
        return super().change_view(request, object_id, form_url, {**shown, **(extra_context or {})})

    def deeds(self, request: HttpRequest, row: Export) -> list[Deed]:
        is_there = row.state == Export.State.DONE and not flow.is_expired(row)
        if not (is_there and _may_take(request)):
            return []
        return [
            Deed("Download the file", reverse("admin:donations_export_file", args=[row.pk])),
            Deed("Download its control file", reverse("admin:donations_export_control", args=[row.pk])),
        ]

    def panels(self, request: HttpRequest, row: Export) -> list[Panel]:
        panels = [sums_panel(row), downloads_panel(row)] if row.state == Export.State.DONE else []
        if may(request, "nonprofit.view_auditentry"):
            panels.append(audit_panel([row]))
        return panels

    def get_urls(self) -> list[URLPattern]:
        def at(route: str, view: Any, name: str) -> URLPattern:
            found: URLPattern = path(route, self.admin_site.admin_view(view), name=f"donations_export_{name}")
            return found

        return [
            at("new/", self.new, "new"),
            at("<int:pk>/progress/", self.progress, "progress"),
            at("<int:pk>/file/", self.file, "file"),
            at("<int:pk>/control/", self.control, "control"),
            *super().get_urls(),
        ]

    def new(self, request: HttpRequest) -> HttpResponseBase:
        """Ask for one. A small one comes back as the answer; a large one has a page that says how far it is."""
        if not _may_take(request):
            raise PermissionDenied
        form = ExportForm(request.POST or None, may_list=may(request, profiles.SCHEDULE_B))
        if request.method == "POST" and form.is_valid():
            try:
                return _asked(request, flow.ask(form.wanted(), actor=actor(request)))
            except CannotExport as error:
                form.add_error(None, str(error))
        context = {**self.admin_site.each_context(request), "title": "New export", "form": form, "opts": self.opts}
        return render(request, "admin/exports/new.html", context, status=422 if form.errors else 200)

    def progress(self, request: HttpRequest, pk: int) -> HttpResponse:
        """How far it is, for the page that waits."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        row = get_object_or_404(self.get_queryset(request).defer(*self.heavy), pk=pk)
        return JsonResponse({"is_busy": row.state in flow.BUSY, "done": row.rows, "total": row.rows_expected})

    def file(self, request: HttpRequest, pk: int) -> HttpResponseBase:
        """The file, the same bytes each time."""
        return self._taken(request, pk, "file")

    def control(self, request: HttpRequest, pk: int) -> HttpResponseBase:
        """What the file is checked by."""
        return self._taken(request, pk, "control")

    def _taken(self, request: HttpRequest, pk: int, what: str) -> HttpResponseBase:
        if not (self.has_view_permission(request) and _may_take(request)):
            raise PermissionDenied
        if request.method != "POST":
            # Each download is on record, which no link that is only followed may cause.
            return HttpResponseNotAllowed(["POST"])
        row = get_object_or_404(self.get_queryset(request).defer(*self.heavy), pk=pk)
        try:
            return _sent(request, row, what)
        except flow.CannotDownload as refusal:
            messages.error(request, str(refusal))
            return redirect(url_of(row))


def _may_take(request: HttpRequest) -> bool:
    """Every file tells amounts; the list itself is narrowed down to what the person may have."""
    return may(request, profiles.MAKE) and sees_amounts(request)


def _asked(request: HttpRequest, export: Export) -> HttpResponseBase:
    if flow.is_small(export) and flow.make(export.pk) == Export.State.DONE:
        return _sent(request, export, "file")
    return redirect(url_of(export))


def _sent(request: HttpRequest, row: Export, what: str) -> HttpResponseBase:
    if not isinstance(request.user, User):
        raise PermissionDenied
    export = flow.download(row.pk, by=request.user, what=what)
    name = control.file_name(export)
    if what == "control":
        answer: HttpResponseBase = HttpResponse(control.as_file(export), content_type="application/json")
        name = f"{name}.control.json"
    else:
        answer = StreamingHttpResponse(parts.sent(export), content_type=TYPES[Export.Format(export.format)])
        answer["Content-Length"] = str(export.size)
    answer["Content-Disposition"] = f'attachment; filename="{name}"'
    answer["Cache-Control"] = "private, no-store"
    return answer


def sums_panel(export: Export) -> Panel:
    """What the file comes to, by currency, as its control file says."""
    sums = export.control.get("sums", [])
    names = [name for name in (sums[0] if sums else {}) if name not in ("currency", "rows")]
    columns = [Column("Currency"), Column("Rows", is_number=True)]
    columns += [Column(name.replace("_", " ").capitalize(), is_number=True, is_amount=True) for name in names]
    told = [(one["currency"], f"{one['rows']:,}", *(one[name] for name in names)) for one in sums]
    return Panel("What it comes to", columns, told, "It has no rows.", more=export.control.get("note", ""))


def downloads_panel(export: Export) -> Panel:
    """Who took it away, and when."""
    taken = export.downloads.select_related("user").order_by("-pk")[:100]
    rows = [(one.at, one.user.get_full_name(), "control file" if one.what == "control" else "file") for one in taken]
    return Panel("Downloads", [Column("When"), Column("Who"), Column("What")], rows, "Nobody has downloaded it yet.")
