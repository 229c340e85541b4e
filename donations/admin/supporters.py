"""Supporters and their plans in the admin."""

from datetime import date

from django.contrib import admin, messages
from django.db.models import Count, Max, Min, QuerySet, Sum
from django.db.models.functions import ExtractYear
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from donations.admin import search
from donations.models import Donor, Gift, Plan
from nonprofit import clock
from nonprofit.admin_parts import Column, Panel, ShownAdmin, audit_panel, link, may
from nonprofit.money import Money

NEWEST = 50


@admin.register(Donor)
class DonorAdmin(ShownAdmin[Donor]):
    list_display = ("name", "email", "kind", "place", "created_at")
    list_filter = ("kind",)
    search_fields = ("name",)
    search_help_text = "Name, e-mail, supporter (D-0000012), receipt (R-2026-000142) or gift (G-00000042)"
    fieldsets = (
        (None, {"fields": ("name", "kind", "public", "email", "phone", "address", "salutation")}),
        ("Here", {"fields": ("created_at", "signs_in")}),
    )

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Donor], search_term: str
    ) -> tuple[QuerySet[Donor], bool]:
        found, is_cut = search.donors(queryset, search_term)
        if is_cut:
            messages.warning(request, f"More than {search.PEOPLE:,} supporters fit; these are some. Type more.")
        return found, False

    @admin.display(description="Supporter")
    def public(self, donor: Donor) -> str:
        return donor.public_id

    @admin.display(description="Place")
    def place(self, donor: Donor) -> str:
        return " ".join(part for part in (donor.city, donor.region) if part) or "—"

    @admin.display(description="Address")
    def address(self, donor: Donor) -> str:
        place = " ".join(part for part in (donor.city, donor.region, donor.postal_code) if part)
        abroad = donor.country if donor.country not in ("", "US") else ""
        return "\n".join(line for line in (donor.address_line1, donor.address_line2, place, abroad) if line) or "—"

    @admin.display(description="Has signed in")
    def signs_in(self, donor: Donor) -> str:
        return "yes" if donor.user_id else "not yet"

    def panels(self, request: HttpRequest, row: Donor) -> list[Panel]:
        panels = [totals_panel(row), plans_panel(row), gifts_panel(row)]
        if may(request, "nonprofit.view_auditentry"):
            panels.append(audit_panel([row]))
        return panels


def totals_panel(donor: Donor) -> Panel:
    """What was received by year and in all; years are those of the gift dates."""
    settled = Gift.objects.settled().filter(donor=donor)
    columns = [Column("Year"), Column("Gifts", is_number=True), Column("Received", is_number=True)]
    by_year = settled.annotate(year=ExtractYear("gift_on")).values("year", "currency").order_by("-year", "currency")
    years = list(
        by_year.annotate(count=Count("pk"), sum=Sum("amount_minor"), first=Min("gift_on"), last=Max("gift_on"))
    )
    rows = [(str(y["year"]), y["count"], Money(y["sum"], y["currency"])) for y in years]
    if not rows:
        return Panel("Giving", columns, [], "Nothing received yet.")
    sums: dict[str, int] = {}
    for year in years:
        sums[year["currency"]] = sums.get(year["currency"], 0) + year["sum"]
    total = " + ".join(str(Money(minor, currency)) for currency, minor in sums.items())
    first, last = _ends(years)
    foot = ("All", sum(year["count"] for year in years), total)
    return Panel(f"Giving, {first:%B %Y} to {last:%B %Y}", columns, rows, "", foot)


def _ends(years: list[dict[str, date]]) -> tuple[date, date]:
    return min(year["first"] for year in years), max(year["last"] for year in years)


def plans_panel(donor: Donor) -> Panel:
    """Monthly and yearly gifts the supporter agreed to."""
    columns = [Column("Plan"), Column("State"), Column("Since"), Column("Next due"), Column("Card")]
    rows = [
        (link(p), p.get_status_display(), p.started_on or "—", p.next_due_on or "—", card(p))
        for p in donor.plans.order_by("-pk")
    ]
    return Panel("Monthly and yearly", columns, rows, "No monthly or yearly gift.")


def card(plan: Plan) -> str:
    if not plan.card_last4:
        return "—"
    until = f", until {plan.card_expires_on:%m/%Y}" if plan.card_expires_on else ""
    return f"{plan.card_brand} ending {plan.card_last4}{until}"


def gifts_panel(donor: Donor) -> Panel:
    """The newest gifts, with a link to all of them."""
    return _gifts(Gift.objects.filter(donor=donor), f"donor__id__exact={donor.pk}")


def _gifts(gifts: QuerySet[Gift], query: str) -> Panel:
    columns = [Column("Gift"), Column("Date"), Column("What"), Column("For"), Column("State"), Column("Receipt")]
    rows = [
        (
            link(gift, gift.public_id),
            gift.gift_on or clock.local_date(gift.started_at),
            gift.get_frequency_display(),
            gift.fund.name,
            gift.get_status_display(),
            gift.receipt.number if hasattr(gift, "receipt") else "—",
            gift.amount,
        )
        for gift in gifts.select_related("fund", "receipt").order_by("-started_at")[:NEWEST]
    ]
    url = f"{reverse('admin:donations_gift_changelist')}?{query}"
    more: SafeString | str = format_html('<a href="{}">All gifts in a list</a>', url) if len(rows) == NEWEST else ""
    return Panel("Gifts", [*columns, Column("Amount", is_number=True)], rows, "No gift yet.", more=more)


@admin.register(Plan)
class PlanAdmin(ShownAdmin[Plan]):
    list_display = ("amount_shown", "interval", "donor_name", "status", "started_on", "next_due_on", "card")
    list_display_links = ("amount_shown",)
    list_select_related = ("donor",)
    list_filter = ("status", "interval")
    sortable_by = ("next_due_on",)
    search_fields = ("donor__name",)
    search_help_text = "Name, e-mail or supporter (D-0000012)"
    fieldsets = (
        (None, {"fields": ("amount_shown", "is_fee_covered", "interval", "status", "supporter", "fund")}),
        ("Dates", {"fields": ("started_on", "anchor_day", "next_due_on")}),
        ("Card", {"fields": ("card", "stripe_customer_id", "stripe_payment_method_id")}),
        ("What was agreed to", {"fields": ("consent_text", "consent_version", "consent_at", "consent_ip")}),
    )

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Plan], search_term: str
    ) -> tuple[QuerySet[Plan], bool]:
        if not search_term.strip():
            return queryset, False
        found, is_cut = search.donors(Donor.objects.order_by(), search_term)
        if is_cut:
            messages.warning(request, f"More than {search.PEOPLE:,} supporters fit. Type more.")
        return queryset.filter(donor_id__in=list(found.values_list("pk", flat=True)[: search.PEOPLE])), False

    @admin.display(description="Amount")
    def amount_shown(self, plan: Plan) -> Money:
        return plan.amount

    @admin.display(description="Supporter")
    def donor_name(self, plan: Plan) -> str:
        return plan.donor.name if plan.donor else "—"

    @admin.display(description="Supporter")
    def supporter(self, plan: Plan) -> SafeString | str:
        return link(plan.donor)

    @admin.display(description="Card")
    def card(self, plan: Plan) -> str:
        return card(plan)

    def panels(self, request: HttpRequest, row: Plan) -> list[Panel]:
        panels = [_gifts(Gift.objects.filter(plan=row), f"plan__id__exact={row.pk}")]
        if may(request, "nonprofit.view_auditentry"):
            panels.append(audit_panel([row]))
        return panels
