"""Supporters and their plans in the admin: found, looked at with all that belongs to them, written down and changed."""

from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, redirect
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from donations import donors
from donations.admin import merging, search, supporter_panels
from donations.admin.supporter_forms import AddressInline, DonorForm, EmailInline, FormerIdInline, NoteForm
from donations.desk import find
from donations.models import Donor, Tag
from nonprofit import audit
from nonprofit.admin_parts import AuditedAdmin, Panel, ShownAdmin, actor, actors, audit_panel, may, plain, url_of
from nonprofit.generics import ModelForm
from nonprofit.models import User

CHANGE, ADD = "donations.change_donor", "donations.add_donor"
FLAGS = ("is_deceased", "is_not_contacted", "is_not_mailed", "is_anonymous", "wants_no_letter")
ADDRESS = ("address_line1", "address_line2", "city", "region", "postal_code", "country")
FOUND = 50


@admin.register(Donor)
class DonorAdmin(ShownAdmin[Donor], AuditedAdmin[Donor]):
    """A supporter's page is for reading; the form has an address of its own."""

    form = DonorForm
    change_form_template = "admin/people/supporter.html"
    change_list_template = "admin/people/list.html"
    list_display = ("name", "email", "kind", "place", "created_at")
    list_filter = ("kind", "is_deceased", "is_not_contacted")
    linked_by = frozenset({"tags__id__exact"})
    search_fields = ("name",)
    search_help_text = (
        "Name, e-mail, phone, ZIP code, supporter (D-0000012), number in another system, receipt (R-2026-000142) or "
        "gift (G-00000042)"
    )
    shown_fields = (
        (None, {"fields": ("name", "kind", "public", "email", "phone", "address", "envelope", "salutation")}),
        ("Here", {"fields": ("receipts", "tag_list", "created_at", "signs_in")}),
    )
    typed_fields = (
        (None, {"fields": ("name", "kind", "email", "phone")}),
        ("In letters", {"fields": ("addressee", "salutation")}),
        ("Address", {"fields": ADDRESS}),
        ("Wishes", {"fields": (*FLAGS, "receipts")}),
        ("Tags", {"fields": ("tag_names",)}),
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[Donor]:
        queryset = super().get_queryset(request)
        match = request.resolver_match
        is_list = match is not None and match.url_name == "donations_donor_changelist"
        return queryset.filter(merged_into__isnull=True) if is_list else queryset

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Donor], search_term: str
    ) -> tuple[QuerySet[Donor], bool]:
        found = search.donors(queryset, search_term)
        if found.is_cut:
            messages.warning(request, f"More than {search.PEOPLE:,} supporters fit; these are some. Type more.")
        elif search_term.strip() and not found.is_named and not found.donors.exists():
            matches = find.find(search_term, FOUND)
            return queryset.filter(pk__any=[match.donor_id for match in matches]), False
        return found.donors, False

    # --- reading or writing ---

    def has_add_permission(self, request: HttpRequest) -> bool:
        return may(request, ADD)

    def has_change_permission(self, request: HttpRequest, obj: Donor | None = None) -> bool:
        return _is_form(request) and may(request, CHANGE) and (obj is None or obj.merged_into_id is None)

    def get_fieldsets(self, request: HttpRequest, obj: Donor | None = None) -> Any:
        return self.typed_fields if _is_form(request) else self.shown_fields

    def get_inlines(self, request: HttpRequest, obj: Donor | None) -> Any:
        return [EmailInline, AddressInline, FormerIdInline] if _is_form(request) else []

    def get_object(self, request: HttpRequest, object_id: str, from_field: str | None = None) -> Donor | None:
        """Locked while it is being written, so that a merge at the same moment is never overwritten."""
        donor = super().get_object(request, object_id, from_field)
        if donor is not None and request.method == "POST":
            return Donor.objects.select_for_update(no_key=True).get(pk=donor.pk)
        return donor

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view
        mine = [
            path("<int:pk>/edit/", view(self.edit), name="donations_donor_edit"),
            path("<int:pk>/note/", view(self.note), name="donations_donor_note"),
        ]
        return [*mine, *merging.urls(self.admin_site), *super().get_urls()]

    def edit(self, request: HttpRequest, pk: int) -> HttpResponse:
        """The form; a merged record leads to who they are today."""
        if not may(request, CHANGE):
            raise PermissionDenied
        donor = get_object_or_404(Donor, pk=pk)
        if donor.merged_into_id is not None:
            messages.warning(request, f"{donor.public_id} was merged; this is who they are today.")
            return redirect(url_of(donors.became(donor)))
        return self.changeform_view(request, str(pk), "", {"title": f"Change {donor}", "subtitle": None})

    def note(self, request: HttpRequest, pk: int) -> HttpResponse:
        """A note is kept with its author; one that cannot be is shown again as typed."""
        if not may(request, CHANGE):
            raise PermissionDenied
        donor, form = get_object_or_404(Donor, pk=pk), NoteForm(request.POST)
        if request.method != "POST":
            return redirect(url_of(donor))
        if not form.is_valid():
            # Nothing is being changed: the page is shown again, with the note as it was typed.
            request.method = "GET"
            return self.changeform_view(request, str(pk), "", {"note_form": form})
        author = request.user
        if not isinstance(author, User):
            raise PermissionDenied
        donors.note(donor, form.cleaned_data["text"], author)
        messages.success(request, "The note is kept.")
        return redirect(f"{url_of(donors.became(donor))}#notes")

    def response_post_save_change(self, request: HttpRequest, obj: Donor) -> HttpResponseRedirect:
        return HttpResponseRedirect(url_of(obj))

    def response_post_save_add(self, request: HttpRequest, obj: Donor) -> HttpResponseRedirect:
        return HttpResponseRedirect(url_of(obj))

    # --- writing it down ---

    def save_model(self, request: HttpRequest, obj: Donor, form: ModelForm[Donor], change: bool) -> None:
        """Only what was typed is written."""
        if change:
            obj.save(update_fields=[name for name in form.changed_data if name != "tag_names"])
        else:
            obj.save()

    def save_related(self, request: HttpRequest, form: ModelForm[Donor], formsets: Any, change: bool) -> None:
        super().save_related(request, form, formsets, change)
        if isinstance(form, DonorForm):
            form.save_tags()
        before, after = _rows_changed(formsets)
        if before or after:
            audit.record(actor(request), "change donor", form.instance, before=before, after=after)

    # --- what the page shows ---

    @admin.display(description="Supporter")
    def public(self, donor: Donor) -> str:
        return donor.public_id

    @admin.display(description="Place")
    def place(self, donor: Donor) -> str:
        return " ".join(part for part in (donor.city, donor.region) if part) or "—"

    @admin.display(description="On the envelope")
    def envelope(self, donor: Donor) -> str:
        return donor.addressee or donor.name

    @admin.display(description="Address")
    def address(self, donor: Donor) -> str:
        return "\n".join(donor.address_lines) or "—"

    @admin.display(description="Tags")
    def tag_list(self, donor: Donor) -> str:
        return ", ".join(tag.name for tag in donor.tags.all()) or "—"

    @admin.display(description="Has signed in")
    def signs_in(self, donor: Donor) -> str:
        return "yes" if donor.user_id else "not yet"

    def panels(self, request: HttpRequest, row: Donor) -> list[Panel]:
        panels = supporter_panels.of(request, row)
        if may(request, "nonprofit.view_auditentry"):
            panels.append(audit_panel([row, *row.merged_from.all()]))
        return panels

    def render_change_form(
        self,
        request: HttpRequest,
        context: dict[str, Any],
        add: bool = False,
        change: bool = False,
        form_url: str = "",
        obj: Donor | None = None,
    ) -> HttpResponse:
        if _is_form(request):
            return super(ShownAdmin, self).render_change_form(request, context, add, change, form_url, obj)
        if obj is not None:
            notes = list(obj.notes.select_related("author"))
            names = actors([f"staff:{note.author_id}" for note in notes])
            context |= {
                "notes": [(note, names[f"staff:{note.author_id}"]) for note in notes],
                "note_form": context.get("note_form") or NoteForm(),
                "flags": [_words(name) for name in FLAGS if getattr(obj, name)],
                "became": donors.became(obj) if obj.merged_into_id else None,
                "ways": _ways(request, obj),
                "may_note": may(request, CHANGE),
            }
        return super().render_change_form(request, context, add, change, form_url, obj)


def _words(flag: str) -> str:
    return str(getattr(Donor._meta.get_field(flag), "verbose_name", flag))


def _is_form(request: HttpRequest) -> bool:
    match = request.resolver_match
    return match is not None and match.url_name in ("donations_donor_edit", "donations_donor_add")


def _ways(request: HttpRequest, donor: Donor) -> list[tuple[str, str]]:
    """Links at the top of the page: what it says, where it leads."""
    if donor.merged_into_id is not None:
        return []
    ways = []
    if may(request, CHANGE):
        ways.append(("Change", reverse("admin:donations_donor_edit", args=[donor.pk])))
    if may(request, merging.MERGE):
        ways.append(("Merge with another record", reverse("admin:donations_donor_merge_with", args=[donor.pk])))
    return ways


def _rows_changed(formsets: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    """What the log says of further e-mails, addresses and numbers: as they were and as they are."""
    before, after = {}, {}
    for formset in formsets:
        for form in formset.forms:
            if not form.has_changed():
                continue
            names = [
                name for name in form.fields if name in form.cleaned_data and name not in ("id", "donor", "DELETE")
            ]
            what = f"{formset.model._meta.verbose_name} {form.instance.pk or ''}".strip()
            if form.initial:
                before[what] = {name: plain(form.initial.get(name)) for name in names}
            if not form.cleaned_data.get("DELETE"):
                after[what] = {name: plain(form.cleaned_data[name]) for name in names}
    return before, after


@admin.register(Tag)
class TagAdmin(AuditedAdmin[Tag]):
    """Words on supporters; the supporters are on the supporters' list, filtered by the word."""

    fields = ("name",)
    list_display = ("name", "supporters")
    search_fields = ("name",)
    ordering = ("name",)

    @admin.display(description="Supporters")
    def supporters(self, tag: Tag) -> SafeString:
        url = reverse("admin:donations_donor_changelist")
        return format_html('<a href="{}?tags__id__exact={}">All with this tag</a>', url, tag.pk)

    def has_delete_permission(self, request: HttpRequest, obj: Tag | None = None) -> bool:
        return False
