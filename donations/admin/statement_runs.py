"""Yearly statements in the admin: the dry run with its rows, start, pause and resume, and what could not be made."""

from collections.abc import Callable
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseNotAllowed, JsonResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from donations.admin import statement_panels
from donations.models import RenderTrouble, StatementDue, StatementRun
from donations.receipts import making, statement_due, statement_runs
from nonprofit import clock
from nonprofit.admin_amounts import sees_amounts
from nonprofit.admin_parts import Deed, Panel, ShownAdmin, actor, link, may, url_of, verb
from nonprofit.admin_site import Figure, on_desk

RUN, VIEW = "donations.run_statementrun", "donations.view_statementrun"
State = StatementRun.State


class PlanForm(forms.Form):
    """Which year, and the first day on which its statements may leave."""

    year = forms.IntegerField(min_value=2000, max_value=2100, widget=forms.NumberInput(attrs={"inputmode": "numeric"}))
    not_before = forms.DateField(
        label="Not before",
        widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
        help_text="Slow payments and returned checks settle in the first two weeks of January.",
    )


class DayForm(forms.Form):
    """The first day on which a planned run may start."""

    not_before = forms.DateField(label="Not before", widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"))


@admin.register(StatementRun)
class StatementRunAdmin(ShownAdmin[StatementRun]):
    change_list_template = "admin/statements/list.html"
    change_form_template = "admin/statements/run.html"
    list_display = ("name", "state", "not_before", "made_at", "finished_at")
    list_display_links = ("name",)
    fields = ("not_before", "made_at", "started_at", "finished_at")

    @admin.display(description="Statements")
    def name(self, run: StatementRun) -> str:
        return str(run)

    def has_view_permission(self, request: HttpRequest, obj: StatementRun | None = None) -> bool:
        return may(request, VIEW) or may(request, RUN)

    def has_module_permission(self, request: HttpRequest) -> bool:
        return self.has_view_permission(request)

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        return super().changelist_view(request, {"may_run": may(request, RUN), **(extra_context or {})})

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        run = StatementRun.objects.filter(pk=object_id).first() if object_id.isdigit() else None
        shown = self._page(request, run) if run is not None and self.has_view_permission(request) else {}
        return super().change_view(request, object_id, form_url, {**shown, **(extra_context or {})})

    def _page(self, request: HttpRequest, run: StatementRun) -> dict[str, Any]:
        """What the run's page says beside its tables."""
        is_early = clock.today() < run.not_before
        return {
            "row": run,
            "may_run": may(request, RUN),
            "is_early": is_early,
            "may_start": may(request, RUN) and run.state == State.COUNTED and not is_early,
            "may_move": may(request, RUN) and run.state in (State.COUNTING, State.COUNTED),
            "form": DayForm(initial={"not_before": run.not_before}, label_suffix=""),
            "numbers": statement_panels.numbers(run),
            "works": run.state in (State.COUNTING, State.RUNNING),
            "progress": statement_panels.told(run),
        }

    def panels(self, request: HttpRequest, row: StatementRun) -> list[Panel]:
        return statement_panels.panels(request, row)

    def get_urls(self) -> list[URLPattern]:
        def at(route: str, view: Any, name: str) -> URLPattern:
            found: URLPattern = path(route, self.admin_site.admin_view(view), name=f"donations_statementrun_{name}")
            return found

        return [
            at("plan/", self.plan, "plan"),
            at("<int:pk>/day/", self.day, "day"),
            at("<int:pk>/count/", self.count, "count"),
            at("<int:pk>/start/", self.start, "start"),
            at("<int:pk>/pause/", self.pause, "pause"),
            at("<int:pk>/resume/", self.resume, "resume"),
            at("<int:pk>/progress/", self.progress, "progress"),
            at("<int:pk>/rows/<slug:what>/", self.rows, "rows"),
            *super().get_urls(),
        ]

    def plan(self, request: HttpRequest) -> HttpResponse:
        """A year's run is planned, and counted at once."""
        _allow(request, RUN)
        year = clock.today().year - 1
        initial = {"year": year, "not_before": statement_runs.first_day(year)}
        form = PlanForm(request.POST or None, initial=initial, label_suffix="")
        if request.method == "POST" and form.is_valid():
            said = form.cleaned_data
            try:
                made = statement_runs.plan(said["year"], not_before=said["not_before"], actor=actor(request))
                return redirect(url_of(made))
            except statement_runs.CannotRun as error:
                form.add_error(None, str(error))
        context = {**self.admin_site.each_context(request), "title": "Plan yearly statements", "form": form}
        context["opts"] = self.opts
        return render(request, "admin/statements/plan.html", context, status=422 if form.errors else 200)

    def day(self, request: HttpRequest, pk: int) -> HttpResponse:
        """The first day, moved."""
        form = DayForm(request.POST)
        if request.method == "POST" and not form.is_valid():
            _allow(request, RUN)
            messages.error(request, "That is not a day. Nothing was changed.")
            return redirect(url_of(get_object_or_404(StatementRun, pk=pk)))
        return _asked(
            request, pk, lambda who: statement_runs.move(pk, not_before=form.cleaned_data["not_before"], actor=who)
        )

    def count(self, request: HttpRequest, pk: int) -> HttpResponse:
        """The button that makes the dry run anew."""
        return _asked(request, pk, lambda who: statement_runs.count_again(pk, who))

    def start(self, request: HttpRequest, pk: int) -> HttpResponse:
        """The button that makes everybody wait for a statement, and begins."""
        return _asked(request, pk, lambda who: statement_runs.start(pk, who))

    def pause(self, request: HttpRequest, pk: int) -> HttpResponse:
        """The button that holds the rest back."""
        return _asked(request, pk, lambda who: statement_runs.pause(pk, who))

    def resume(self, request: HttpRequest, pk: int) -> HttpResponse:
        """The button that goes on."""
        return _asked(request, pk, lambda who: statement_runs.resume(pk, who))

    def progress(self, request: HttpRequest, pk: int) -> HttpResponse:
        """How far it is, for the page that waits."""
        _allow(request, VIEW, RUN)
        run = get_object_or_404(StatementRun, pk=pk)
        is_busy = run.state in (State.COUNTING, State.RUNNING)
        return JsonResponse({"is_busy": is_busy, **statement_panels.told(run)})

    def rows(self, request: HttpRequest, pk: int, what: str) -> HttpResponse:
        """The supporters or gifts behind a number of the dry run."""
        _allow(request, VIEW, RUN)
        run = get_object_or_404(StatementRun, pk=pk)
        after = request.GET.get("after", "")
        found = statement_panels.rows(request, run, what, int(after) if after.isascii() and after.isdigit() else 0)
        if found is None:
            raise Http404(what)
        panel, more = found
        if not sees_amounts(request):
            panel = panel.without_amounts()
        context = {**self.admin_site.each_context(request), "title": panel.title, "opts": self.opts}
        context |= {"row": run, "panels": [panel], "more": more}
        return render(request, "admin/statements/rows.html", context)


def _allow(request: HttpRequest, *rights: str) -> None:
    """Raises PermissionDenied unless the person holds one of the rights."""
    if not any(may(request, right) for right in rights):
        raise PermissionDenied


def _asked(request: HttpRequest, pk: int, ask: Callable[[str], object]) -> HttpResponse:
    """POST only, for holders of the right: ask for it, and show the run's page."""
    _allow(request, RUN)
    if request.method != "POST":
        return HttpResponseNotAllowed(["POST"])
    run = get_object_or_404(StatementRun, pk=pk)
    try:
        ask(actor(request))
    except statement_runs.CannotRun as error:
        messages.error(request, str(error))
    return redirect(url_of(run))


@admin.register(StatementDue)
class StatementDueAdmin(ShownAdmin[StatementDue]):
    """Who waits; with its trouble, where there is one."""

    list_display = ("supporter", "year", "due_at", "trouble")
    list_display_links = ("supporter",)
    list_select_related = ("donor",)
    fields = ("supporter_link", "year", "due_at", "trouble")

    @admin.display(description="Supporter")
    def supporter(self, row: StatementDue) -> str:
        return row.donor.name

    @admin.display(description="Supporter")
    def supporter_link(self, row: StatementDue) -> SafeString | str:
        return link(row.donor)

    def deeds(self, request: HttpRequest, row: StatementDue) -> list[Deed]:
        if not row.trouble or not may(request, RUN):
            return []
        return [Deed("Look again", reverse("admin:donations_statementdue_look_again", args=[row.pk]))]

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.look_again)
        return [path("<int:pk>/again/", view, name="donations_statementdue_look_again"), *super().get_urls()]

    def look_again(self, request: HttpRequest, pk: int) -> HttpResponse:
        """The button on the row's page: somebody put right what it waited for."""
        return verb(request, RUN, StatementDue, pk, _look_again)


def _look_again(row: StatementDue, who: str) -> str:
    is_waiting = statement_due.look_again(row.pk, who)
    return "It is being looked at again." if is_waiting else "It was made meanwhile."


@admin.register(RenderTrouble)
class RenderTroubleAdmin(ShownAdmin[RenderTrouble]):
    """Numbered papers that could not be made; each keeps its number."""

    list_display = ("number", "reason", "tries", "last_at")
    list_display_links = ("number",)
    list_select_related = ("receipt",)
    fields = ("paper", "reason", "tries", "first_at", "last_at")

    def has_view_permission(self, request: HttpRequest, obj: RenderTrouble | None = None) -> bool:
        return may(request, "donations.view_receipt")

    def has_module_permission(self, request: HttpRequest) -> bool:
        return self.has_view_permission(request)

    @admin.display(description="Paper")
    def number(self, row: RenderTrouble) -> str:
        return row.receipt.number

    @admin.display(description="Paper")
    def paper(self, row: RenderTrouble) -> SafeString | str:
        return link(row.receipt)

    def deeds(self, request: HttpRequest, row: RenderTrouble) -> list[Deed]:
        if not may(request, "donations.resend_receipt"):
            return []
        return [Deed("Try again", reverse("admin:donations_rendertrouble_try_again", args=[row.pk]))]

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.try_again)
        return [path("<int:pk>/again/", view, name="donations_rendertrouble_try_again"), *super().get_urls()]

    def try_again(self, request: HttpRequest, pk: int) -> HttpResponse:
        """The button on the row's page."""
        return verb(request, "donations.resend_receipt", RenderTrouble, pk, _try_again)


def _try_again(row: RenderTrouble, who: str) -> str:
    is_left = making.try_again(row.pk, who)
    return format_html("{} is being made again.", row.receipt.number) if is_left else "It was made meanwhile."


@on_desk
def papers_not_made(request: HttpRequest) -> list[Figure]:
    """Numbered papers that could not be made; only when there are any."""
    if not may(request, "donations.view_receipt"):
        return []
    count = RenderTrouble.objects.count()
    url = reverse("admin:donations_rendertrouble_changelist")
    return [Figure("Papers that could not be made", str(count), url, is_trouble=True, rank=2)] if count else []
