"""Promises in the admin: what is due when, a page for each promise, the companies that match, and the desk's figure."""

from collections.abc import Iterator
from typing import Any

from django.contrib import admin, messages
from django.contrib.admin.views.main import ChangeList
from django.db.models import F, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from donations.admin import promise_panels, search
from donations.admin.promise_forms import EmployerForm
from donations.admin.promise_pages import PromisePages
from donations.admin.promise_rights import ADD, PRIVATE, SEE_AMOUNTS, VIEW, WRITE_OFF, allow, shown
from donations.models import Donor, Employer, Gift, PartWriteOff, Promise, PromisePart
from donations.rules import instalments
from nonprofit import clock
from nonprofit.admin_parts import (
    AuditedAdmin,
    Panel,
    ShownAdmin,
    actors,
    audit_panel,
    link,
    may,
    url_of,
)
from nonprofit.admin_site import Figure, on_desk
from nonprofit.money import Money


class WhenFilter(admin.SimpleListFilter):
    """The headings of the worklist."""

    title = "when it is due"
    parameter_name = "when"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(when, when.capitalize()) for when in ("overdue", "this month", "later", "no date")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[PromisePart]) -> QuerySet[PromisePart]:
        return queryset.due(self.value(), clock.today()) if self.value() else queryset  # type: ignore[attr-defined]


class StandFilter(admin.SimpleListFilter):
    """What is still expected, unless asked for something else."""

    title = "how it stands"
    parameter_name = "stands"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("open", "Expected"), ("paid", "Paid"), ("written_off", "Written off"), ("all", "All")]

    def choices(self, changelist: ChangeList) -> Iterator[dict[str, Any]]:  # type: ignore[override]
        for value, label in self.lookup_choices:
            new = {self.parameter_name: value}
            is_chosen = (self.value() or "open") == value
            yield {"selected": is_chosen, "query_string": changelist.get_query_string(new), "display": label}

    def queryset(self, request: HttpRequest, queryset: QuerySet[PromisePart]) -> QuerySet[PromisePart]:
        parts: Any = queryset
        match self.value() or "open":
            case "open":
                return parts.unpaid()  # type: ignore[no-any-return]
            case "paid":
                return parts.paid()  # type: ignore[no-any-return]
            case "written_off":
                return queryset.filter(written_off_on__isnull=False)
        return queryset


class KindFilter(admin.SimpleListFilter):
    """Kinds of promises; private ones only for those who may see them."""

    title = "kind"
    parameter_name = "kind"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        kinds = [kind for kind in Promise.Kind if kind != Promise.Kind.BEQUEST or may(request, PRIVATE)]
        return [(kind.value, kind.label.capitalize()) for kind in kinds]

    def queryset(self, request: HttpRequest, queryset: QuerySet[PromisePart]) -> QuerySet[PromisePart]:
        return queryset.filter(promise__kind=self.value()) if self.value() else queryset


class SeenWithPromises(ShownAdmin[Any]):
    """Rows that whoever sees promises may see."""

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return may(request, VIEW)

    def has_module_permission(self, request: HttpRequest) -> bool:
        return may(request, VIEW)


@admin.register(PromisePart)
class PromisePartAdmin(SeenWithPromises):
    """The worklist: one line for each part of a promise, the one due first on top."""

    change_list_template = "admin/promises/worklist.html"
    list_display = ("due", "supporter", "open_shown", "what", "amount_shown", "paid_shown", "stands")
    list_display_links = None
    list_filter = (WhenFilter, StandFilter, KindFilter)
    list_select_related = ("promise__donor",)
    ordering = (F("due_on").asc(nulls_last=True), "pk")
    search_fields = ("promise__donor__name",)
    search_help_text = "Name, e-mail, supporter (D-0000012) or promise (P-000012)"

    def get_queryset(self, request: HttpRequest) -> QuerySet[PromisePart]:
        return PromisePart.objects.filter(promise__in=shown(request)).with_paid().order_by(*self.ordering)

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[PromisePart], search_term: str
    ) -> tuple[QuerySet[PromisePart], bool]:
        term = search_term.strip()
        if not term:
            return queryset, False
        if term[:2].upper() == "P-" and term[2:].isdigit() and len(term) < 18:
            return queryset.filter(promise_id=int(term[2:])), False
        found = search.donors(Donor.objects.order_by(), term)
        if found.is_cut:
            messages.warning(request, f"More than {search.PEOPLE:,} supporters fit. Type more.")
        return queryset.filter(
            promise__donor__in=list(found.donors.values_list("pk", flat=True)[: search.PEOPLE])
        ), False

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        answer = super().changelist_view(request, extra_context)
        context = getattr(answer, "context_data", None)
        if context and "cl" in context:
            context["totals"] = context["cl"].queryset.totals() if may(request, SEE_AMOUNTS) else []
            context["may_add"] = may(request, ADD)
        return answer

    def change_view(self, request: HttpRequest, object_id: str, *args: Any, **options: Any) -> HttpResponse:
        """A part has no page of its own."""
        allow(request, VIEW)
        part = get_object_or_404(self.get_queryset(request), pk=object_id if object_id.isdigit() else 0)
        return redirect(url_of(part.promise))

    @admin.display(description="Due")
    def due(self, part: PromisePart) -> SafeString | str:
        when = instalments.when(part.due_on, clock.today())
        shown_as = f"{part.due_on:%b %-d, %Y}" if part.due_on else "No date"
        is_late = when == "overdue" and part.open_or_unknown
        late = format_html(' <span class="late">{}</span>', when) if is_late else ""
        return format_html("{}{}", link(part.promise, shown_as), late)

    @admin.display(description="From")
    def supporter(self, part: PromisePart) -> SafeString | str:
        return link(part.promise.donor)

    @admin.display(description="What")
    def what(self, part: PromisePart) -> str:
        kind = part.promise.get_kind_display()
        return f"{kind}: {part.promise.description}" if part.promise.description else kind

    @admin.display(description="Promised")
    def amount_shown(self, part: PromisePart) -> Money | str:
        return part.amount or promise_panels.NO_FIGURE

    @admin.display(description="Received")
    def paid_shown(self, part: PromisePart) -> Money | str:
        return promise_panels.received(part)

    @admin.display(description="Still open")
    def open_shown(self, part: PromisePart) -> Money | str:
        return part.open or "—"

    @admin.display(description="Stands")
    def stands(self, part: PromisePart) -> str:
        return part.state


@admin.register(Promise)
class PromiseAdmin(SeenWithPromises, PromisePages):
    """A promise with its parts, the gifts that pay them, and what may be done."""

    change_form_template = "admin/promises/promise.html"

    def get_queryset(self, request: HttpRequest) -> QuerySet[Promise]:
        return shown(request).select_related("donor", "matched_gift", "fund", "campaign")

    def has_module_permission(self, request: HttpRequest) -> bool:
        """Not on the desk: the worklist stands there."""
        return False

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """The worklist is the list of promises."""
        if self.has_view_permission(request):
            return redirect("admin:donations_promisepart_changelist")
        return super().changelist_view(request, extra_context)

    def get_fields(self, request: HttpRequest, obj: Promise | None = None) -> Any:
        """What there is to say of it, without empty lines."""
        maybe = ("matched_gift", "description", "campaign", "note")
        has = {"matched_gift": "matched"} | {name: name for name in maybe[1:]}
        told = [has[name] for name in maybe if obj is not None and getattr(obj, name)]
        return ["supporter", "kind", *told, "fund", "promised_on", "by"]

    @admin.display(description="Promised by")
    def supporter(self, made: Promise) -> SafeString | str:
        return link(made.donor)

    @admin.display(description="Matches the gift")
    def matched(self, made: Promise) -> SafeString | str:
        gift = made.matched_gift
        if gift is None:
            return "—"
        gone = f", {gift.get_status_display()}" if gift.status != Gift.Status.SETTLED else ""
        return format_html("{} of {}{}", link(gift, gift.public_id), gift.donor_name, gone)

    @admin.display(description="Recorded by")
    def by(self, made: Promise) -> str:
        return actors([made.created_by])[made.created_by]

    def panels(self, request: HttpRequest, row: Promise) -> list[Panel]:
        parts = list(row.parts.with_paid().select_related("promise").order_by(F("due_on").asc(nulls_last=True), "pk"))
        panels = [promise_panels.parts(request, parts), promise_panels.payments(request, row)]
        events = PartWriteOff.objects.filter(part__promise=row).select_related("part__promise")
        if events:
            panels.append(promise_panels.write_offs(list(events)))
        if may(request, "nonprofit.view_auditentry"):
            panels.append(audit_panel([row, *parts]))
        return panels

    def render_change_form(self, request: HttpRequest, context: dict[str, Any], *args: Any, **options: Any) -> Any:
        made = context.get("original")
        if made is not None:
            parts = made.parts.with_paid()
            context["totals"] = parts.totals() if may(request, SEE_AMOUNTS) else []
            is_open = may(request, WRITE_OFF) and parts.unpaid().exists()
            context["write_off_url"] = reverse("admin:donations_promise_write_off", args=[made.pk]) if is_open else ""
        return super().render_change_form(request, context, *args, **options)


@admin.register(Employer)
class EmployerAdmin(AuditedAdmin[Employer]):
    """Companies that match gifts."""

    form = EmployerForm
    list_display = ("name", "company", "form_link", "note")
    list_select_related = ("donor",)
    ordering = ("name",)
    search_fields = ("name",)
    search_help_text = "Name"

    @admin.display(description="Supporter")
    def company(self, employer: Employer) -> SafeString | str:
        return link(employer.donor) if employer.donor else "not yet"

    @admin.display(description="Its form")
    def form_link(self, employer: Employer) -> SafeString | str:
        if not employer.form_url:
            return "—"
        label = f"Form of {employer.name}"
        return format_html('<a href="{}" rel="noreferrer" aria-label="{}">open</a>', employer.form_url, label)

    def has_delete_permission(self, request: HttpRequest, obj: Employer | None = None) -> bool:
        return False


@on_desk
def promises_overdue(request: HttpRequest) -> list[Figure]:
    """Parts whose day has passed, if there are any, and what they come to. None of it is money."""
    if not may(request, VIEW):
        return []
    parts = PromisePart.objects.filter(promise__in=shown(request)).with_paid().unpaid()
    totals = parts.due("overdue", clock.today()).totals()
    note = " + ".join(str(one.open) for one in totals if one.open)
    url = reverse("admin:donations_promisepart_changelist") + "?when=overdue"
    count = sum(one.parts for one in totals)
    if not count:
        return []
    return [Figure("Promises overdue", str(count), url, is_trouble=True, note=f"{note} promised" if note else "")]
