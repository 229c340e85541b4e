"""What our admin pages are made of: fast lists, rows that are only shown, texts edited with an audit trail, panels."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

from django.contrib import messages
from django.contrib.admin import ShowFacets
from django.contrib.admin.views.main import ChangeList
from django.core.exceptions import PermissionDenied
from django.db import models
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse
from django.utils.html import format_html
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.safestring import SafeString
from django.utils.text import capfirst

from nonprofit import audit, organization
from nonprofit.admin_amounts import AmountsAdmin, sees_amounts, tells
from nonprofit.admin_lists import CappedPaginator, IndexedList
from nonprofit.generics import ModelForm
from nonprofit.models import AuditEntry, User

Row = TypeVar("Row", bound=models.Model)


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a panel's table. is_amount: it tells amounts and holds neither Money nor words like "$25.00"."""

    name: str
    is_number: bool = False
    is_amount: bool = False


@dataclass(frozen=True, slots=True)
class Deed:
    """A button: what it says and where it goes. It sends a POST, which does it; is_page: a page asks first."""

    label: str
    url: str
    is_page: bool = False


@dataclass(frozen=True, slots=True)
class Panel:
    """A table of related rows on a page that shows one thing. `empty`: the sentence when there are none."""

    title: str
    columns: Sequence[Column]
    rows: Sequence[Sequence[object]]
    empty: str
    foot: Sequence[object] = ()
    more: SafeString | str = ""
    deeds: Sequence[Deed] = field(default_factory=tuple)
    # Beneath all others, whoever adds them.
    is_last: bool = False

    def without_amounts(self) -> "Panel":
        """The same without the columns that tell what people give."""
        lines = [*self.rows, self.foot] if self.foot else self.rows
        kept = [
            place
            for place, column in enumerate(self.columns)
            if not column.is_amount and not any(tells(line[place]) for line in lines)
        ]

        def pick(line: Sequence[Any]) -> list[Any]:
            return [line[place] for place in kept]

        foot = pick(self.foot) if self.foot else ()
        return replace(self, columns=pick(self.columns), rows=[pick(row) for row in self.rows], foot=foot)

    @property
    def cells(self) -> list[list[tuple[Column, object]]]:
        return [list(zip(self.columns, row, strict=True)) for row in self.rows]

    @property
    def foot_cells(self) -> list[tuple[Column, object]]:
        return list(zip(self.columns, self.foot, strict=True)) if self.foot else []


class ListAdmin(AmountsAdmin[Row]):
    """A list that stays fast at a million rows: capped count, fixed choices, newest first by the primary key."""

    # Refuses card numbers in every field of words (generics.ModelForm).
    form = ModelForm
    paginator = CappedPaginator
    show_full_result_count = False
    # Counting each choice would read the whole table once more for each.
    show_facets = ShowFacets.NEVER
    list_per_page = 50
    list_max_show_all = 0
    sortable_by: Sequence[str] | None = ()
    ordering: Sequence[str] | None = ("-pk",)
    # Columns too heavy for a list; its rows come without them.
    heavy: Sequence[str] = ()
    # Which other lists may link here with these query parameters.
    linked_by: frozenset[str] = frozenset()

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        return IndexedList

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        title = capfirst(self.opts.verbose_name_plural)
        return super().changelist_view(request, {"title": title, **(extra_context or {})})

    def get_queryset(self, request: HttpRequest) -> QuerySet[Row]:
        queryset = super().get_queryset(request)
        match = request.resolver_match
        is_list = match is not None and (match.url_name or "").endswith("_changelist")
        return queryset.defer(*self.heavy) if is_list and self.heavy else queryset

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest | None = None) -> bool:
        return lookup in self.linked_by or super().lookup_allowed(lookup, value, request)


class ShownAdmin(ListAdmin[Row]):
    """Rows that are looked at and never edited here, whoever asks; what may be done to them is a verb with a button."""

    change_form_template = "admin/shown.html"
    actions: Sequence[Any] | None = ()
    # Nothing is saved that would lead back to the list; carrying its filters along makes every link cost a search.
    preserve_filters = False

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Row | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Row | None = None) -> bool:
        return False

    def panels(self, request: HttpRequest, row: Row) -> list[Panel]:
        """Related rows shown beneath; each only for people with the right to see them."""
        return []

    def deeds(self, request: HttpRequest, row: Row) -> list[Deed]:
        """Buttons at the top of the page."""
        return []

    def render_change_form(
        self,
        request: HttpRequest,
        context: dict[str, Any],
        add: bool = False,
        change: bool = False,
        form_url: str = "",
        obj: Row | None = None,
    ) -> HttpResponse:
        if obj is not None:
            context |= {"title": str(obj), "subtitle": None}
            beside = [panel for panels in _beside.get(type(obj), []) for panel in panels(request, obj)]
            panels = sorted([*self.panels(request, obj), *beside], key=lambda panel: panel.is_last)
            if not sees_amounts(request):
                panels = [panel.without_amounts() for panel in panels]
            context |= {"panels": panels, "deeds": self.deeds(request, obj)}
        return super().render_change_form(request, context, add, change, form_url, obj)


Beside = Callable[[HttpRequest, Any], list[Panel]]
_beside: dict[type[models.Model], list[Beside]] = {}


def on_page(model: type[models.Model]) -> Callable[[Beside], Beside]:
    """Decorator: the panels of `beside(request, row)` stand on the row's own page, too.

    For what belongs to a gift or a supporter and has its own admin; it answers only what that person may see.
    """

    def add(beside: Beside) -> Beside:
        _beside.setdefault(model, []).append(beside)
        return beside

    return add


class AuditedAdmin(ListAdmin[Row]):
    """Rows that staff edit: each change is in the audit log with its actor."""

    def save_related(self, request: HttpRequest, form: ModelForm[Row], formsets: Any, change: bool) -> None:
        super().save_related(request, form, formsets, change)
        if form.changed_data or not change:
            action = f"{'change' if change else 'add'} {self.opts.model_name}"
            before, after = self.audited(form)
            audit.record(actor(request), action, form.instance, before=before if change else {}, after=after)

    def audited(self, form: ModelForm[Row]) -> tuple[dict[str, Any], dict[str, Any]]:
        """What the audit log says of this change: the changed fields as they were and as they are."""
        names = [name for name in form.changed_data if name in form.cleaned_data]
        before = {name: plain(form.get_initial_for_field(form.fields[name], name)) for name in names}
        return before, {name: plain(form.cleaned_data[name]) for name in names}

    def delete_model(self, request: HttpRequest, obj: Row) -> None:
        audit.record(actor(request), f"delete {self.opts.model_name}", obj, before={"was": str(obj)})
        super().delete_model(request, obj)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Row]) -> None:
        for row in queryset:
            self.delete_model(request, row)


class OneRowAdmin(AuditedAdmin[Row]):
    """Choices of which there is one row: its list is its page, and where nobody has changed any, the defaults stand."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: models.Model | None = None) -> bool:
        return False

    def get_object(self, request: HttpRequest, object_id: str, from_field: str | None = None) -> Row | None:
        if object_id == "1":
            self.model._default_manager.get_or_create(pk=1)
        return super().get_object(request, object_id, from_field)

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        title = {"title": capfirst(self.opts.verbose_name_plural), "subtitle": None}
        return super().change_view(request, object_id, form_url, title | (extra_context or {}))

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        if self.has_view_or_change_permission(request):
            return redirect(f"admin:{self.opts.app_label}_{self.opts.model_name}_change", 1)
        return super().changelist_view(request, extra_context)


class TextAdmin(AuditedAdmin[Row]):
    """Rows whose texts stand on pages: pages kept in memory learn of each change."""

    def save_model(self, request: HttpRequest, obj: Row, form: ModelForm[Row], change: bool) -> None:
        super().save_model(request, obj, form, change)
        organization.touch()

    def delete_model(self, request: HttpRequest, obj: Row) -> None:
        super().delete_model(request, obj)
        organization.touch()


def verb(request: HttpRequest, right: str, model: type[Row], pk: int, do: Callable[[Row, str], str]) -> HttpResponse:
    """One button: POST only, for holders of `right`; `do(row, actor)` says what happened; back to where they were."""
    if not may(request, right):
        raise PermissionDenied
    if request.method != "POST":
        return HttpResponseNotAllowed(["POST"])
    row = get_object_or_404(model, pk=pk)
    try:
        messages.success(request, do(row, actor(request)))
    except Refused as refusal:
        messages.error(request, str(refusal))
    back = request.POST.get("back", "")
    is_ours = url_has_allowed_host_and_scheme(back, allowed_hosts=None) and back.startswith("/")
    return redirect(back if is_ours else url_of(row))


class Refused(Exception):
    """A verb said no; the text is for the person who pressed the button."""


def plain(value: object) -> object:
    """A form's value as JSON can hold it."""
    if isinstance(value, models.Model):
        return value.pk
    if isinstance(value, QuerySet | list | tuple):
        return [plain(one) for one in value]
    return value if isinstance(value, str | int | bool | None) else str(value)


def actor(request: HttpRequest) -> str:
    """The member of staff behind the request, as the audit log names actors."""
    user = request.user
    if not isinstance(user, User):
        raise TypeError("nobody is signed in")
    return audit.staff(user)


def may(request: HttpRequest, right: str) -> bool:
    """Whether the member of staff holds "app.action_model"."""
    return bool(request.user.has_perm(right))  # type: ignore[union-attr]


def link(row: models.Model | None, text: str = "") -> SafeString | str:
    """The row's name, linked to its page (which asks for the right to see it)."""
    return "—" if row is None else format_html('<a href="{}">{}</a>', url_of(row), text or str(row))


def url_of(row: models.Model) -> str:
    """The address of the row's page in the admin."""
    return reverse(f"admin:{row._meta.app_label}_{row._meta.model_name}_change", args=[row.pk])


def audit_panel(rows: Sequence[models.Model]) -> Panel:
    """What was done to these rows and by whom, newest first."""
    wanted = models.Q(pk__in=[])
    for row in rows:
        wanted |= models.Q(target_type=row._meta.model_name, target_id=str(row.pk))
    entries = list(AuditEntry.objects.filter(wanted).order_by("-at", "-pk")[:50])
    names = actors([entry.actor for entry in entries])
    return Panel(
        "Audit trail",
        [Column("When"), Column("Who"), Column("What"), Column("To"), Column("Details", is_amount=True)],
        [(e.at, names[e.actor], e.action, f"{e.target_type} {e.target_id}", details(e)) for e in entries],
        "Nothing has been done to it yet.",
        is_last=True,
    )


def actors(codes: Sequence[str]) -> dict[str, str]:
    """Names for the log's actors: "staff:17" becomes the person's name; "stripe" stays."""
    ids = {code: code.removeprefix("staff:") for code in codes if code.startswith("staff:")}
    people = User.objects.in_bulk([int(number) for number in ids.values() if number.isdigit()])
    named = {code: str(people[int(n)].get_full_name()) for code, n in ids.items() if n.isdigit() and int(n) in people}
    return {code: named.get(code, code) for code in codes}


def details(entry: AuditEntry) -> str:
    """The entry's reason and values in one line."""
    parts = [entry.reason] if entry.reason else []
    for name, value in entry.after.items():
        parts.append(f"{name}: {entry.before[name]} → {value}" if name in entry.before else f"{name}: {value}")
    parts += [f"{name}: {value}" for name, value in entry.before.items() if name not in entry.after]
    return "; ".join(parts)
