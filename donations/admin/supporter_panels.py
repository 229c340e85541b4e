"""What belongs to a supporter, beneath their page: giving, plans, gifts, further addresses, numbers and merges."""

from datetime import date

from django.db.models import Count, F, Max, Min, Q, QuerySet, Sum
from django.db.models.functions import ExtractYear
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from donations.desk import duplicates
from donations.models import Donor, DonorMerge, Gift, Plan, SoftCredit
from nonprofit import clock
from nonprofit.admin_parts import Column, Panel, actors, link, may
from nonprofit.money import Money

NEWEST = 50
KEPT = F("amount_minor") - F("refunded_minor")


def of(request: HttpRequest, donor: Donor) -> list[Panel]:
    """The panels this member of staff may see."""
    panels = []
    if may(request, "donations.merge_donor"):
        panels += [panel for panel in (alike_panel(donor),) if panel.rows]
    if may(request, "donations.view_gift"):
        panels += [totals_panel(donor), plans_panel(donor), gifts_panel(donor), *thanked_panel(donor)]
    return [*panels, *address_panels(donor), *merges_panel(request, donor)]


def alike_panel(donor: Donor) -> Panel:
    """Records that may be the same supporter."""
    rows = []
    for pair in duplicates.of(donor):
        other = pair.newer if pair.older == donor else pair.older
        url = reverse("admin:donations_donor_merge", args=[donor.pk, other.pk])
        look = format_html('<a href="{}">Compare</a>', url)
        rows.append((link(other), other.public_id, ", ".join(pair.reasons), pair.score, look))
    columns = [
        Column("Supporter"),
        Column("Number"),
        Column("Why"),
        Column("Score", is_number=True),
        Column("Side by side"),
    ]
    return Panel("May be the same", columns, rows, "")


def thanked_panel(donor: Donor) -> list[Panel]:
    """Gifts of others that they are thanked for: never part of their own sums (domain rule 89)."""
    credits = SoftCredit.objects.filter(donor=donor).select_related("gift__donor").order_by("-pk")[:NEWEST]
    rows = [
        (
            link(c.gift, c.gift.public_id),
            link(c.gift.donor),
            c.get_role_display(),
            "—" if c.gift.is_property else c.gift.amount,
        )
        for c in credits
    ]
    columns = [Column("Gift"), Column("Legal donor"), Column("As"), Column("Amount", is_number=True)]
    return [Panel("Thanked for", columns, rows, "")] if rows else []


def address_panels(donor: Donor) -> list[Panel]:
    """Further e-mails and addresses, and numbers in other systems; nothing where there are none."""
    emails = [(one.email, one.get_purpose_display()) for one in donor.further_emails.order_by("pk")]
    places = [(str(one), one.get_purpose_display(), one.postal_code) for one in donor.further_addresses.order_by("pk")]
    numbers = [(one.value, one.source) for one in donor.former_ids.order_by("pk")]
    panels = [
        Panel("Further e-mails", [Column("E-mail"), Column("Purpose")], emails, ""),
        Panel("Further addresses", [Column("Address"), Column("Purpose"), Column("ZIP code")], places, ""),
        Panel("Numbers in other systems", [Column("Number"), Column("Where")], numbers, ""),
    ]
    return [panel for panel in panels if panel.rows]


def merges_panel(request: HttpRequest, donor: Donor) -> list[Panel]:
    """Merges this record had a part in."""
    if not may(request, "donations.view_donormerge"):
        return []
    merges = list(
        DonorMerge.objects.filter(Q(kept=donor) | Q(gone=donor)).select_related("kept", "gone").order_by("-pk")[:NEWEST]
    )
    names = actors([f"staff:{merge.merged_by_id}" for merge in merges])
    rows = [
        (
            link(merge, str(merge)),
            merge.merged_at,
            names[f"staff:{merge.merged_by_id}"],
            merge.reason or "—",
            "taken back" if merge.undone_at else "stands",
        )
        for merge in merges
    ]
    columns = [Column("Merge"), Column("When"), Column("Who"), Column("Why"), Column("State")]
    return [Panel("Merges", columns, rows, "")] if rows else []


def totals_panel(donor: Donor) -> Panel:
    """What was received and kept, by year and in all; years are those of the gift dates."""
    settled = Gift.objects.settled().filter(donor=donor)
    columns = [Column("Year"), Column("Gifts", is_number=True), Column("Received", is_number=True)]
    by_year = settled.annotate(year=ExtractYear("gift_on")).values("year", "currency").order_by("-year", "currency")
    years = list(by_year.annotate(count=Count("pk"), sum=Sum(KEPT), first=Min("gift_on"), last=Max("gift_on")))
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
    return gifts_in(Gift.objects.filter(donor=donor), f"donor__id__exact={donor.pk}")


def gifts_in(gifts: QuerySet[Gift], query: str) -> Panel:
    columns = [Column("Gift"), Column("Date"), Column("What"), Column("For"), Column("State"), Column("Receipt")]
    rows = [
        (
            link(gift, gift.public_id),
            gift.gift_on or clock.local_date(gift.started_at),
            gift.get_frequency_display() if gift.kind == Gift.Kind.CARD else gift.get_kind_display(),
            gift.fund.name,
            gift.get_status_display(),
            gift.receipt.number if gift.receipt else "—",
            "—" if gift.is_property else gift.amount,
        )
        for gift in gifts.select_related("fund", "receipt").order_by("-started_at")[:NEWEST]
    ]
    url = f"{reverse('admin:donations_gift_changelist')}?{query}"
    more: SafeString | str = format_html('<a href="{}">All gifts in a list</a>', url) if len(rows) == NEWEST else ""
    return Panel("Gifts", [*columns, Column("Amount", is_number=True)], rows, "No gift yet.", more=more)
