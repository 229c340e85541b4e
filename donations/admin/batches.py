"""Batches in the admin: the list, the header, the page where rows are typed, and the end with its summary."""

from collections.abc import Callable
from typing import Any
from uuid import uuid4

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import Count, OuterRef, QuerySet, Subquery
from django.db.models.functions import Coalesce
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.shortcuts import get_object_or_404, redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse

from donations.admin import batch_rows
from donations.admin.batch_forms import BankForm, HeaderForm, ReasonForm
from donations.admin.batch_rows import person
from donations.desk import batches, checking, newcomers, slip
from donations.models import Batch, BatchRow, Campaign, Fund, Gift
from nonprofit import clock
from nonprofit.admin_filters import dates
from nonprofit.admin_parts import Panel, ShownAdmin, audit_panel, may
from nonprofit.admin_site import Figure, on_desk

VIEW = "donations.view_batch"


@admin.register(Batch)
class BatchAdmin(ShownAdmin[Batch]):
    """Rows and totals are typed on pages of their own; every change goes through the verbs."""

    change_list_template = "admin/batches/list.html"
    list_display = ("public", "kind", "status", "deposit_on", "progress", "expected_shown", "opened", "note")
    list_display_links = ("public",)
    list_select_related = ("opened_by",)
    list_filter = ("status", "kind", dates("deposit_on", "deposit date"))
    ordering = ("-opened_at",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Batch]:
        typed = BatchRow.objects.filter(batch=OuterRef("pk")).order_by().values("batch").annotate(n=Count("pk"))
        return super().get_queryset(request).annotate(typed=Coalesce(Subquery(typed.values("n")), 0))

    def has_add_permission(self, request: HttpRequest) -> bool:
        return may(request, batches.ENTER) and may(request, VIEW)

    @admin.display(description="Batch")
    def public(self, batch: Batch) -> str:
        return batch.public_id

    @admin.display(description="Items")
    def progress(self, batch: Any) -> str:
        return f"{batch.typed} of {batch.expected_count}"

    @admin.display(description="Expected total")
    def expected_shown(self, batch: Batch) -> object:
        return batch.expected_total

    @admin.display(description="Opened by")
    def opened(self, batch: Batch) -> str:
        return batch.opened_by.get_full_name()

    def get_list_display(self, request: HttpRequest) -> Any:
        """What was given is not for everybody; of a batch that is being typed, those who type see it on its page."""
        shown = super().get_list_display(request)
        return shown if may(request, "donations.seeamounts_gift") else [c for c in shown if c != "expected_shown"]

    def get_urls(self) -> list[URLPattern]:
        def one(pattern: str, view: Callable[..., HttpResponse], name: str) -> URLPattern:
            return path(pattern, self.admin_site.admin_view(view), name=f"donations_batch_{name}")

        return [
            one("find/", batch_rows.supporters, "find"),
            one("new-supporter/", batch_rows.add_supporter, "new_supporter"),
            one("promises/", batch_rows.promised, "promises"),
            one("<int:pk>/header/", self.header_view, "header"),
            one("<int:pk>/rows/", batch_rows.save, "save_row"),
            one("<int:pk>/rows/<int:row_id>/remove/", batch_rows.remove, "remove_row"),
            one("<int:pk>/rows/<int:row_id>/accept/", batch_rows.accept, "accept_row"),
            one("<int:pk>/rows/<int:row_id>/aside/", batch_rows.aside, "aside_row"),
            one("<int:pk>/summary/", self.summary_view, "summary"),
            one("<int:pk>/close/", self.close_view, "close"),
            one("<int:pk>/override/", self.override_view, "override"),
            one("<int:pk>/discard/", self.discard_view, "discard"),
            one("<int:pk>/bank/", self.bank_view, "bank"),
            one("<int:pk>/deposit-slip.pdf", self.slip_view, "slip"),
            *super().get_urls(),
        ]

    # ---- The header --------------------------------------------------------------------------------------------------

    def add_view(self, request: HttpRequest, form_url: str = "", extra_context: Any = None) -> HttpResponse:
        """A new batch: its control totals come before its rows."""
        if not self.has_add_permission(request):
            raise PermissionDenied
        start = {"attempt": uuid4(), "deposit_on": clock.today(), **_usual()}
        form = HeaderForm(request.POST or None, initial=start)
        if request.method == "POST" and form.is_valid():
            batch = batches.open(form.header(), person(request), form.cleaned_data["attempt"])
            return redirect("admin:donations_batch_change", batch.pk)
        return self._page(request, "header", {"form": form, "title": "Open a batch"})

    def header_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Control totals that were wrong are put right while the batch is open."""
        batch = _batch(request, pk, batches.ENTER)
        values = {name: getattr(batch, name) for name in ("attempt", "kind", "expected_count", "deposit_on", "note")}
        values |= {"expected_total": batch.expected_total_minor, "fund": batch.fund_id, "campaign": batch.campaign_id}
        form = HeaderForm(request.POST or None, initial=values)
        if request.method == "POST" and form.is_valid():
            try:
                batches.change_header(pk, form.header(), person(request))
                return redirect("admin:donations_batch_change", pk)
            except batches.CannotChange as error:
                form.add_error(None, str(error))
        return self._page(request, "header", {"form": form, "title": f"Change the totals of {batch}", "batch": batch})

    # ---- Rows, and the end -------------------------------------------------------------------------------------------

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        """The page on which rows are typed; for others, and once it is closed, the summary."""
        batch = _batch(request, object_id, VIEW)
        if batch.status != Batch.Status.OPEN or not may(request, batches.ENTER):
            return self.summary_view(request, batch.pk)
        context = batch_rows.entry(request, batch)
        context["may_add_donor"] = may(request, newcomers.RIGHT)
        return self._page(request, "entry", {**context, "title": f"{batch}, {batch.get_kind_display()}"})

    def summary_view(self, request: HttpRequest, pk: int, form: ReasonForm | None = None) -> HttpResponse:
        """What balances, what is missing row by row, and what may be done about it."""
        batch = _batch(request, pk, VIEW)
        review = checking.review(batch)
        is_open = batch.status == Batch.Status.OPEN
        context = {
            **batch_rows.bar(review),
            "title": f"{batch}, {batch.get_status_display()}",
            "rows": _with_gifts(batch, review),
            "reasons": review.reasons if is_open else [],
            "differs": checking.differences(batch, review.balance),
            "sees_amounts": sees_amounts(request, batch),
            "may_enter": is_open and may(request, batches.ENTER),
            "may_close": is_open and may(request, batches.CLOSE),
            "may_override": is_open and may(request, batches.OVERRIDE) and not _is_own(request, batch),
            "may_discard": is_open and (may(request, batches.CLOSE) or _is_own(request, batch)),
            "may_tie": not is_open and may(request, batches.CLOSE),
            "form": form or ReasonForm(),
            "panels": self._panels(request, batch),
        }
        return self._page(request, "summary", context)

    def _panels(self, request: HttpRequest, batch: Batch) -> list[Panel]:
        return [audit_panel([batch])] if may(request, "nonprofit.view_auditentry") else []

    def close_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """The button that books it."""
        return self._verb(request, pk, batches.CLOSE, lambda batch: _close(request, batch))

    def override_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Another person lets it close as it is."""
        return self._with_reason(
            request, pk, batches.OVERRIDE, batches.override, "It may close although it does not agree."
        )

    def discard_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Nothing of it is booked, now or later."""
        right = batches.ENTER if _is_own(request, get_object_or_404(Batch, pk=pk)) else batches.CLOSE
        return self._with_reason(request, pk, right, batches.discard, "The batch is discarded; nothing was booked.")

    def bank_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Which line on the bank statement it is."""

        def tie(batch: Batch) -> str:
            form = BankForm(request.POST)
            if not form.is_valid():
                raise batches.CannotChange(" ".join(str(e) for found in form.errors.values() for e in found))
            batches.set_bank_reference(batch.pk, form.cleaned_data["reference"], person(request))
            return "The bank's reference is kept."

        return self._verb(request, pk, batches.CLOSE, tie)

    def slip_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """The deposit slip as a PDF."""
        batch = _batch(request, pk, VIEW)
        if not sees_amounts(request, batch):
            raise PermissionDenied
        try:
            document = slip.pdf(batch)
        except slip.NothingToDeposit as error:
            raise Http404(str(error)) from error
        answer = HttpResponse(document, content_type="application/pdf")
        answer["Content-Disposition"] = f'inline; filename="deposit-{batch}.pdf"'
        return answer

    # ---- Parts -------------------------------------------------------------------------------------------------------

    def _with_reason(
        self, request: HttpRequest, pk: int, right: str, do: Callable[..., Batch], said: str
    ) -> HttpResponse:
        def with_reason(batch: Batch) -> str:
            form = ReasonForm(request.POST)
            if not form.is_valid():
                raise batches.CannotChange(" ".join(str(e) for found in form.errors.values() for e in found))
            do(batch.pk, person(request), form.cleaned_data["reason"])
            return said

        return self._verb(request, pk, right, with_reason)

    def _verb(self, request: HttpRequest, pk: int, right: str, do: Callable[[Batch], str]) -> HttpResponse:
        """One button: what `do` says, or why not; back to the summary."""
        batch = _batch(request, pk, right)
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        try:
            messages.success(request, do(batch))
        except batches.CannotChange as error:
            messages.error(request, str(error))
        except batches.CannotClose:
            messages.error(request, "It is not closed yet: see below what is missing.")
        return redirect("admin:donations_batch_summary", pk)

    def _page(self, request: HttpRequest, name: str, context: dict[str, Any]) -> HttpResponse:
        common = {**self.admin_site.each_context(request), "opts": self.opts}
        return TemplateResponse(request, f"admin/batches/{name}.html", {**common, **context})


def _batch(request: HttpRequest, pk: int | str, right: str) -> Batch:
    """The batch, for holders of `right`."""
    if not may(request, right):
        raise PermissionDenied
    found = Batch.objects.select_related("fund", "campaign", "opened_by", "closed_by", "overridden_by")
    return get_object_or_404(found, pk=pk)


def sees_amounts(request: HttpRequest, batch: Batch) -> bool:
    """Those who may see what people give; and those who type, of the batch they type."""
    if may(request, "donations.seeamounts_gift"):
        return True
    return may(request, batches.ENTER) and (batch.status == Batch.Status.OPEN or _is_own(request, batch))


def _is_own(request: HttpRequest, batch: Batch) -> bool:
    who = person(request).pk
    return batch.opened_by_id == who or batch.rows.filter(entered_by=who).exists()


def _usual() -> dict[str, Any]:
    """Fund and campaign of most batches: those of the page at the site's root."""
    usual = Campaign.objects.filter(is_default=True).first()
    fund = usual.fund if usual else Fund.objects.first()
    return {"fund": fund.pk if fund else None, "campaign": usual.pk if usual else None}


def _close(request: HttpRequest, batch: Batch) -> str:
    closed = batches.close(batch.pk, person(request))
    count = closed.rows.count()
    booked = "1 gift is" if count == 1 else f"{count} gifts are"
    return f"{closed} is closed: {booked} booked, and the receipts are on their way."


def _with_gifts(batch: Batch, review: checking.Review) -> list[dict[str, Any]]:
    """The rows of the summary; of a closed batch with their gifts and what became of the receipts."""
    rows = batch.rows.filter(gift__isnull=False).select_related(
        "gift", "gift__receipt_due", "gift__receipt__pdf__email"
    )
    gifts = {row.pk: row.gift for row in rows.defer("gift__receipt__snapshot")}
    shown = [batch_rows.shown_row(one) for one in review.rows]
    return [{**row, "gift": gifts.get(row["row"].pk), "paper": _paper(gifts.get(row["row"].pk))} for row in shown]


def _paper(gift: Gift | None) -> str:
    """What became of the gift's receipt, in a few words."""
    if gift is None:
        return ""
    receipt, due = gift.receipt, getattr(gift, "receipt_due", None)
    if receipt is None:
        return "no letter" if due is None else due.trouble or "receipt on its way"
    letter = receipt.pdf.email if hasattr(receipt, "pdf") else None
    if letter is None:
        return f"{receipt.number}, waits for paper" if hasattr(receipt, "pdf") else f"{receipt.number}, being made"
    return f"{receipt.number}, {'sent' if letter.status == 'sent' else 'e-mail waits'}"


@on_desk
def open_batches(request: HttpRequest) -> list[Figure]:
    """Batches that are being typed, and postdated checks whose day has come."""
    if not may(request, VIEW):
        return []
    url = f"{reverse('admin:donations_batch_changelist')}?status__exact=open"
    being = Batch.objects.open().filter(is_postdated=False)
    due = Batch.objects.open().filter(is_postdated=True, deposit_on__lte=clock.today())
    figures = [Figure("Open batches", str(being.count()), url, rank=3)]
    if count := due.count():
        until = f"{url}&deposit_on_to={clock.today()}"
        figures.append(Figure("Postdated checks are due", str(count), until, is_trouble=True, rank=3))
    return figures
