"""Pages for putting two records of one supporter together: who may be the same, the preview, and the way back."""

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.contrib.admin import AdminSite
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.shortcuts import get_object_or_404, redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from donations.desk import duplicates, find, merge_choices, merging
from donations.models import Donor, DonorMerge
from nonprofit import card_numbers
from nonprofit.admin_parts import ShownAdmin, link, may, url_of
from nonprofit.models import User

MERGE = "donations.merge_donor"
FOUND = 12


class ReasonForm(card_numbers.Guarded, forms.Form):
    """Why; the log keeps it."""

    reason = forms.CharField(
        max_length=200, widget=forms.TextInput(attrs={"class": "vTextField"}), label="Reason, for the log"
    )


def urls(site: AdminSite) -> list[URLPattern]:
    """Beneath the supporters' own addresses."""
    view = site.admin_view
    return [
        path("duplicates/", view(alike), name="donations_donor_alike"),
        path("<int:pk>/merge/", view(merge_with), name="donations_donor_merge_with"),
        path("<int:kept>/merge/<int:gone>/", view(merge), name="donations_donor_merge"),
        path("<int:one>/not/<int:other>/", view(not_the_same), name="donations_donor_not_the_same"),
    ]


def alike(request: HttpRequest) -> HttpResponse:
    """Pairs who may be one, from the newest supporters on."""
    _allowed(request)
    before = request.GET.get("before", "")
    page = duplicates.page(int(before) if before.isascii() and before.isdigit() and len(before) < 16 else None)
    return _page(request, "alike", "Supporters who may be the same", {"page": page, "is_first": not before})


def merge_with(request: HttpRequest, pk: int) -> HttpResponse:
    """Search for the other record."""
    _allowed(request)
    donor, text = get_object_or_404(Donor.objects.current(), pk=pk), request.GET.get("q", "")
    found = [match for match in find.find(text, FOUND) if match.donor_id != pk]
    pairs = [pair.newer if pair.older == donor else pair.older for pair in duplicates.of(donor)]
    return _page(request, "merge_with", f"Merge {donor}", {"donor": donor, "q": text, "found": found, "pairs": pairs})


def merge(request: HttpRequest, kept: int, gone: int) -> HttpResponse:
    """Both records side by side, what would move and which values stay; the button does it."""
    user = _allowed(request)
    one, other = get_object_or_404(Donor, pk=kept), get_object_or_404(Donor, pk=gone)
    typed = request.POST if request.method == "POST" else request.GET
    names = (*merge_choices.GROUPS, merge_choices.SIGN_IN)
    choices = {name: typed[name] for name in names if typed.get(name) in (merge_choices.KEPT, merge_choices.GONE)}
    form = ReasonForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            record = merging.merge(kept, gone, user=user, reason=form.cleaned_data["reason"], choices=choices)
        except merging.CannotMerge as error:
            form.add_error(None, str(error))
        else:
            done = "{} is one record now; {} leads here. <a href='{}'>Take it back</a>"
            url = reverse("admin:donations_donormerge_undo", args=[record.pk])
            messages.success(request, format_html(done, record.kept.name, record.gone.public_id, url))
            return redirect(url_of(record.kept))
    preview = merge_choices.preview(one, other, user, choices)
    asks = bool(one.user_id and other.user_id) and merge_choices.SIGN_IN not in choices
    # The question that the page itself asks is no obstacle to asking it.
    obstacle = "" if asks and "Both sign in" in preview.obstacle else preview.obstacle
    facts = {"preview": preview, "obstacle": obstacle, "asks": asks, "form": form}
    return _page(request, "merge", f"Merge {other.public_id} into {one.public_id}", facts)


def not_the_same(request: HttpRequest, one: int, other: int) -> HttpResponse:
    """The two are two; back to the list of pairs."""
    user = _allowed(request)
    if request.method != "POST":
        return HttpResponseNotAllowed(["POST"])
    first, second = get_object_or_404(Donor, pk=one), get_object_or_404(Donor, pk=other)
    if first == second:
        raise PermissionDenied
    duplicates.not_the_same(first.pk, second.pk, user=user)
    messages.success(request, f"{first} and {second} are two; they are not shown together again.")
    return redirect("admin:donations_donor_alike")


@admin.register(DonorMerge)
class DonorMergeAdmin(ShownAdmin[DonorMerge]):
    """What was merged, by whom, and the way back."""

    change_form_template = "admin/people/merged.html"
    list_display = ("merged_at", "kept_link", "gone_link", "who", "reason", "undone_at")
    list_display_links = ("merged_at",)
    list_select_related = ("kept", "gone", "merged_by")
    heavy = ("moved",)
    fieldsets = ((None, {"fields": ("kept_link", "gone_link", "merged_at", "who", "reason", "what", "undone_at")}),)

    @admin.display(description="Kept")
    def kept_link(self, row: DonorMerge) -> SafeString | str:
        return link(row.kept, f"{row.kept.public_id} {row.kept}")

    @admin.display(description="Merged into it")
    def gone_link(self, row: DonorMerge) -> SafeString | str:
        return link(row.gone, f"{row.gone.public_id} {row.gone}")

    @admin.display(description="Who")
    def who(self, row: DonorMerge) -> str:
        return str(row.merged_by.get_full_name())

    @admin.display(description="What moved")
    def what(self, row: DonorMerge) -> str:
        counts = [(merge_choices.MOVES[name][1], len(ids)) for name, ids in row.moved["rows"].items() if ids]
        return "\n".join(f"{what}: {count}" for what, count in counts) or "nothing but the record"

    def get_urls(self) -> list[URLPattern]:
        undo = path("<int:pk>/undo/", self.admin_site.admin_view(unmerge), name="donations_donormerge_undo")
        return [undo, *super().get_urls()]

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any
    ) -> HttpResponse:
        row = kwargs.get("obj")
        if isinstance(row, DonorMerge) and row.undone_at is None and may(request, MERGE):
            context["undo_url"] = reverse("admin:donations_donormerge_undo", args=[row.pk])
        return super().render_change_form(request, context, *args, **kwargs)


def unmerge(request: HttpRequest, pk: int) -> HttpResponse:
    """Says what comes back and what stays; the button takes the merge back."""
    user, record = _allowed(request), get_object_or_404(DonorMerge.objects.select_related("kept", "gone"), pk=pk)
    if record.undone_at is not None:
        messages.info(request, "This merge was taken back already.")
        return redirect(url_of(record))
    form, obstacle = ReasonForm(request.POST or None), ""
    try:
        merge_choices.check_undo(record, record.kept, user)
    except merging.CannotMerge as error:
        obstacle = str(error)
    if request.method == "POST" and form.is_valid():
        try:
            merging.unmerge(pk, user=user, reason=form.cleaned_data["reason"])
        except merging.CannotMerge as error:
            obstacle = str(error)
        else:
            messages.success(request, f"{record.gone.public_id} stands by itself again.")
            return redirect(url_of(record.gone))
    counts = [(merge_choices.MOVES[name][1], len(ids)) for name, ids in record.moved["rows"].items() if ids]
    facts = {"record": record, "counts": counts, "since": merging.gifts_since(record), "obstacle": obstacle}
    return _page(request, "unmerge", f"Take the merge of {record.gone.public_id} back", facts | {"form": form})


def _allowed(request: HttpRequest) -> User:
    """The member of staff, who may merge. Raises PermissionDenied."""
    if not may(request, MERGE) or not isinstance(request.user, User):
        raise PermissionDenied
    return request.user


def _page(request: HttpRequest, name: str, title: str, facts: dict[str, Any]) -> TemplateResponse:
    context = {**admin.site.each_context(request), "title": title, "opts": Donor._meta, **facts}
    return TemplateResponse(request, f"admin/people/{name}.html", context)
