"""Print runs in the admin: what waits for paper, the button that gathers it, the PDF, and that it was mailed."""

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import Count, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.shortcuts import get_object_or_404, redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from donations.admin.promise_forms import Form
from donations.models import PrintedReceipt, PrintRun, Receipt
from donations.receipts import deliver, print_run
from nonprofit import clock
from nonprofit.admin_amounts import sees_amounts
from nonprofit.admin_parts import (
    Column,
    Deed,
    Panel,
    Refused,
    ShownAdmin,
    actor,
    actors,
    audit_panel,
    link,
    may,
    url_of,
    verb,
)
from nonprofit.admin_site import Figure, on_desk

MAKE = "donations.make_printrun"


@admin.register(PrintRun)
class PrintRunAdmin(ShownAdmin[PrintRun]):
    change_list_template = "admin/print_runs.html"
    list_display = ("number", "made_at", "who", "letters", "mailed")
    list_display_links = ("number",)
    fields = ("made_at", "who", "letters", "mailed", "paper", "printer")

    def get_queryset(self, request: HttpRequest) -> QuerySet[PrintRun]:
        return super().get_queryset(request).annotate(count=Count("receipts"))

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        waiting = print_run.waiting()
        context = {"waiting": waiting, "may_make": may(request, MAKE), "most": print_run.MOST}
        context["homeless"] = _named(waiting.homeless)
        context["came_back"] = [(sheet.receipt, sheet.reason) for sheet in waiting.sheets if sheet.reason][:20]
        context["kept_back"] = _named(waiting.kept_back)
        return super().changelist_view(request, {**context, **(extra_context or {})})

    @admin.display(description="Run")
    def number(self, run: PrintRun) -> str:
        return str(run.pk)

    @admin.display(description="Made by")
    def who(self, run: PrintRun) -> str:
        return actors([run.made_by])[run.made_by]

    @admin.display(description="Letters")
    def letters(self, run: Any) -> int:
        return int(run.count)

    @admin.display(description="Mailed")
    def mailed(self, run: PrintRun) -> object:
        broken = f", broken off after page {run.last_good_page}" if run.cancelled_at else ""
        return f"{clock.local_date(run.mailed_at) if run.mailed_at else 'not yet'}{broken}"

    @admin.display(description="PDF")
    def paper(self, run: PrintRun) -> SafeString:
        url = reverse("admin:donations_printrun_pdf", args=[run.pk])
        return format_html('<a href="{}">Open it to print</a>, {} bytes', url, f"{run.file.size:,}")

    def deeds(self, request: HttpRequest, row: PrintRun) -> list[Deed]:
        if row.mailed_at or not may(request, MAKE):
            return []
        return [Deed("It is in the mail", reverse("admin:donations_printrun_mailed", args=[row.pk]))]

    @admin.display(description="The printer")
    def printer(self, run: PrintRun) -> SafeString | str:
        if run.cancelled_at:
            return f"broke off; letters up to page {run.last_good_page} came out"
        if run.mailed_at:
            return "printed all"
        url = reverse("admin:donations_printrun_broken_off", args=[run.pk])
        return format_html('<a href="{}">It broke off</a>', url)

    def panels(self, request: HttpRequest, row: PrintRun) -> list[Panel]:
        panels = [stack_panel(row)]
        if may(request, "nonprofit.view_auditentry"):
            panels.append(audit_panel([row]))
        return panels

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view
        return [
            path("make/", view(self.make), name="donations_printrun_make"),
            path("<int:pk>/pdf/", view(self.pdf), name="donations_printrun_pdf"),
            path("<int:pk>/mailed/", view(self.mark), name="donations_printrun_mailed"),
            path("<int:pk>/broken-off/", view(self.broken_off), name="donations_printrun_broken_off"),
            *super().get_urls(),
        ]

    def make(self, request: HttpRequest) -> HttpResponse:
        """The button on the list."""
        if not may(request, MAKE):
            raise PermissionDenied
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        run = print_run.make(actor(request))
        if run is None:
            messages.info(request, "Nothing waits for paper just now.")
            return redirect("admin:donations_printrun_changelist")
        count = run.receipts.count()
        letters = "1 letter" if count == 1 else f"{count} letters"
        messages.success(request, f"{letters} to print. Open the PDF, mail them, and say so here.")
        return redirect(url_of(run))

    def pdf(self, request: HttpRequest, pk: int) -> HttpResponse:
        """The stack as it was made."""
        # Each letter names its amount.
        if not (self.has_view_permission(request) and sees_amounts(request)):
            raise PermissionDenied
        run = get_object_or_404(PrintRun.objects.select_related("file"), pk=pk)
        headers = {
            "Content-Disposition": f'inline; filename="print-run-{run.pk}.pdf"',
            "Cache-Control": "private, no-store",
        }
        return HttpResponse(bytes(run.file.content), content_type=run.file.content_type, headers=headers)

    def mark(self, request: HttpRequest, pk: int) -> HttpResponse:
        """The button on the run's page."""
        return verb(request, MAKE, PrintRun, pk, _mark)

    def broken_off(self, request: HttpRequest, pk: int) -> HttpResponse:
        """The printer broke off: which page was the last good one."""
        if not may(request, MAKE):
            raise PermissionDenied
        run = get_object_or_404(PrintRun, pk=pk)
        form = BrokenOffForm(request.POST or None)
        if request.method == "POST" and form.is_valid():
            try:
                print_run.cancel(run.pk, last_good_page=form.cleaned_data["last_good_page"], actor=actor(request))
            except print_run.CannotCancel as trouble:
                form.add_error("last_good_page", str(trouble))
            else:
                messages.success(request, "What came out stays printed. The other letters wait for the next run.")
                return redirect(url_of(run))
        context = {**self.admin_site.each_context(request), "opts": self.opts, "run": run, "form": form}
        return TemplateResponse(
            request, "admin/broken_off.html", {**context, "title": f"The printer broke off run {run.pk}"}
        )


class BrokenOffForm(Form):
    """How far the printer came."""

    last_good_page = forms.IntegerField(
        label="Last page that came out well",
        min_value=0,
        help_text="Counted from the first sheet of the PDF, the list on top included. 0 if nothing came out.",
    )


def _mark(run: PrintRun, who: str) -> str:
    try:
        return f"Run {print_run.mark_mailed(run.pk, who).pk} is marked as mailed."
    except print_run.CannotMail as trouble:
        raise Refused(str(trouble)) from trouble


def _named(receipts: list[Receipt]) -> SafeString:
    """The first ten, each linked to its page."""
    links = format_html_join(", ", "{}", ((link(receipt),) for receipt in receipts[:10]))
    return format_html("{}{}", links, f" and {len(receipts) - 10} more" if len(receipts) > 10 else "")


def stack_panel(run: PrintRun) -> Panel:
    """What lies in the stack, and which letters must be taken out again before it is mailed."""
    columns = [Column("Page", is_number=True), Column("Letter"), Column("To"), Column("Place"), Column("Now")]
    printed = run.receipts.select_related("run", "receipt__gift__donor", "receipt__void")
    rows = [(one.page, link(one.receipt), *_to(one.receipt), _now(run, one)) for one in printed]
    return Panel("In the stack", columns, rows, "It is empty.")


def _to(receipt: Receipt) -> tuple[str, str]:
    to = receipt.snapshot.get("recipient", receipt.snapshot["donor"])
    # A paper can be in a stack without a postal address: by hand, or from before addresses were asked for.
    return to["name"], next(iter(to["address_lines"][-1:]), "—")


def _now(run: PrintRun, printed: PrintedReceipt) -> str:
    """Flags are looked at when the letter goes: what changed since it was printed (domain rule 83)."""
    if not printed.came_out:
        return "did not come out"
    if hasattr(printed.receipt, "void"):
        return "void" if run.mailed_at else "void: take it out"
    if not run.mailed_at and not deliver.recipient(printed.receipt).may_get(on_paper=True):
        return "take it out: the supporter's record says so"
    return "mailed" if run.mailed_at else "to be mailed"


@on_desk
def letters_to_print(request: HttpRequest) -> list[Figure]:
    """Papers that no e-mail carries and that wait for a print run."""
    if not may(request, MAKE):
        return []
    return [Figure("Letters to print", str(print_run.count()), reverse("admin:donations_printrun_changelist"), rank=3)]
