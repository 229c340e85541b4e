"""What is to be sent to members: the worklist of whoever packs, with addresses, labels and tracking."""

import csv
from collections.abc import Iterator

from django import forms
from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from members import fulfilment
from members.admin_forms import ReturnedForm, ShipForm
from members.admin_pages import Pages, allow, button
from members.models import Fulfilment
from nonprofit import clock
from nonprofit.admin_filters import dates
from nonprofit.admin_parts import Panel, ShownAdmin, actor, audit_panel, link, may
from nonprofit.admin_site import Figure, on_desk

SHIP = "members.ship_fulfilment"


@admin.register(Fulfilment)
class FulfilmentAdmin(Pages, ShownAdmin[Fulfilment]):
    """What members are to get: the worklist of whoever packs, with addresses."""

    list_display = ("what", "donor", "state", "due_on", "where", "tracking")
    list_display_links = ("what",)
    list_select_related = ("donor", "level_benefit__benefit")
    list_filter = ("state", dates("due_on", "day it was due"))
    ordering = ("due_on", "pk")
    fields = ("what", "supporter", "state", "due_on", "where", "tracking", "sent_at")

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view
        return [
            path("to-ship.csv", view(self.as_csv), name="members_fulfilment_csv"),
            path("<int:pk>/ship/", view(self.ship), name="members_fulfilment_ship"),
            path("<int:pk>/returned/", view(self.returned), name="members_fulfilment_returned"),
            path("<int:pk>/again/", view(self.again), name="members_fulfilment_again"),
            path("<int:pk>/decline/", view(self.decline), name="members_fulfilment_decline"),
            *super().get_urls(),
        ]

    @admin.display(description="What")
    def what(self, row: Fulfilment) -> str:
        return str(row.level_benefit.benefit)

    @admin.display(description="Supporter")
    def supporter(self, row: Fulfilment) -> SafeString | str:
        return link(row.donor)

    @admin.display(description="Address")
    def where(self, row: Fulfilment) -> str:
        return ", ".join((row.address or fulfilment.own_address(row)).splitlines()) or "no address"

    def panels(self, request: HttpRequest, row: Fulfilment) -> list[Panel]:
        state = Fulfilment.State
        ways = {
            state.TO_SHIP: [("ship", "It leaves"), ("decline", "They do not want it")],
            state.SENT: [("returned", "It came back")],
            state.RETURNED: [("again", "Send it again")],
        }.get(state(row.state), [])
        found = []
        if ways and may(request, SHIP):
            more = format_html(" ".join(["{}"] * len(ways)), *[button(f"fulfilment_{n}", row.pk, w) for n, w in ways])
            found.append(Panel("What happens to it", [], [], row.get_state_display().capitalize() + ".", more=more))
        return [*found, audit_panel([row])] if may(request, "nonprofit.view_auditentry") else found

    def ship(self, request: HttpRequest, pk: int) -> HttpResponse:
        """It has left."""
        user, row = allow(request, SHIP), get_object_or_404(Fulfilment.objects.select_related("donor"), pk=pk)
        form = ShipForm(request.POST or None, initial={"address": fulfilment.own_address(row)})

        def do() -> str:
            fulfilment.ship(row.pk, fulfilment.Parcel(**form.cleaned_data), user=user)
            return "It has left."

        return self.ask(request, row, form, (f"Send {row}", "It has left", ""), do)

    def returned(self, request: HttpRequest, pk: int) -> HttpResponse:
        """The parcel came back."""
        user, row = allow(request, SHIP), get_object_or_404(Fulfilment, pk=pk)
        form = ReturnedForm(request.POST if request.method == "POST" else None)

        def do() -> str:
            fulfilment.returned(row.pk, user=user, is_back_in_stock=form.cleaned_data["is_back_in_stock"])
            return "It came back."

        return self.ask(request, row, form, (f"{row} came back", "It came back", row.address), do)

    def again(self, request: HttpRequest, pk: int) -> HttpResponse:
        """What came back is sent once more."""
        user, row = allow(request, SHIP), get_object_or_404(Fulfilment, pk=pk)
        form = forms.Form(request.POST if request.method == "POST" else None)

        def do() -> str:
            fulfilment.again(row.pk, user=user)
            return "It waits to be sent again."

        return self.ask(request, row, form, (f"Send {row} again", "Send it again", ""), do)

    def decline(self, request: HttpRequest, pk: int) -> HttpResponse:
        """The member does not want it."""
        allow(request, SHIP)
        row, form = get_object_or_404(Fulfilment, pk=pk), forms.Form(request.POST if request.method == "POST" else None)

        def do() -> str:
            fulfilment.decline(row.pk, actor=actor(request))
            return "It is not sent."

        return self.ask(request, row, form, (f"Do not send {row}", "They do not want it", ""), do)

    def as_csv(self, request: HttpRequest) -> HttpResponse:
        """Everything that waits, for labels."""
        allow(request, SHIP)
        response = HttpResponse(content_type="text/csv; charset=utf-8")
        response["Content-Disposition"] = f'attachment; filename="to-ship-{clock.today()}.csv"'
        csv.writer(response).writerows(_labels())
        return response


def _labels() -> Iterator[list[str]]:
    yield ["number", "what", "due", "line 1", "line 2", "line 3", "line 4", "line 5"]
    rows = Fulfilment.objects.to_ship().select_related("donor", "level_benefit__benefit")
    for row in rows.iterator(chunk_size=1000):
        lines = (fulfilment.own_address(row).splitlines() + [""] * 5)[:5]
        # A cell that begins like a formula is none in anybody's spreadsheet.
        cells = [str(row.level_benefit.benefit), row.due_on.isoformat(), *lines]
        yield [str(row.pk), *[f"'{cell}" if cell[:1] in "=+-@\t\r" and cell else cell for cell in cells]]


@on_desk
def figures(request: HttpRequest) -> list[Figure]:
    """Parcels that wait, for whoever sends them."""
    if not may(request, SHIP):
        return []
    waiting = Fulfilment.objects.to_ship()[:1001].count()
    url = reverse("admin:members_fulfilment_changelist") + "?state__exact=to_ship"
    return [Figure("Benefits to send", f"{waiting:,}", url)] if waiting else []
