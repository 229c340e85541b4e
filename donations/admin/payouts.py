"""Stripe's own books in the admin: payouts with what is inside, and every movement with its line in the ledger."""

from typing import Any

from django.contrib import admin
from django.db.models import Q
from django.http import HttpRequest

from donations.books import balance
from donations.models import BalanceTransaction, LedgerEntry, Payout
from nonprofit.admin_filters import dates
from nonprofit.admin_parts import Column, Panel, ShownAdmin, audit_panel, link, may
from nonprofit.money import Money

SHOWN = 500


@admin.register(Payout)
class PayoutAdmin(ShownAdmin[Payout]):
    list_display = ("stripe_payout_id", "arrival_on", "amount_shown", "status", "ties", "at_bank")
    list_select_related = ("bank_line",)
    list_filter = ("status", dates("arrival_on", "arrival"))
    search_fields = ("stripe_payout_id",)
    search_help_text = "Stripe's id of the payout (po_…)"
    ordering = ("-arrival_on", "-pk")
    sortable_by = ()
    fieldsets = (
        (None, {"fields": ("amount_shown", "status", "arrival_on", "ties", "at_bank")}),
        ("At Stripe", {"fields": ("stripe_payout_id", "created_at", "is_automatic", "tied_at", "changed_at")}),
    )

    @admin.display(description="Amount")
    def amount_shown(self, payout: Payout) -> Money:
        return payout.amount

    @admin.display(description="Its lines")
    def ties(self, payout: Payout) -> str:
        if payout.tied_at:
            return "come to it"
        return "are not known" if not payout.is_automatic else "not all here yet"

    @admin.display(description="At the bank")
    def at_bank(self, payout: Payout) -> str:
        line = getattr(payout, "bank_line", None)
        return f"on {line.posted_on}" if line else "not seen yet"

    def panels(self, request: HttpRequest, row: Payout) -> list[Panel]:
        panels = [_inside(row), _sums(row)]
        line = getattr(row, "bank_line", None)
        if line is not None and may(request, "donations.view_bankline"):
            columns = [Column("Line"), Column("Posted"), Column("Amount", is_number=True), Column("Tied by")]
            panels.append(
                Panel("At the bank", columns, [(link(line), line.posted_on, line.amount, line.settled_by)], "")
            )
        return [*panels, audit_panel([row])] if may(request, "nonprofit.view_auditentry") else panels


def _sums(payout: Payout) -> Panel:
    """The lines by what they are, and that they come to the payout."""
    rows: dict[str, list[int]] = {}
    for line in payout.lines.all():
        sums = rows.setdefault(line.reporting_category, [0, 0, 0, 0])
        for place, minor in enumerate((1, line.amount_minor, line.fee_minor, line.net_minor)):
            sums[place] += minor

    def said(name: str, sums: list[int]) -> tuple[object, ...]:
        return (name, sums[0], *(Money(minor, payout.currency) for minor in sums[1:]))

    names = ("Lines", "Gross", "Fees", "Net")
    columns = [Column("What"), *(Column(name, is_number=True) for name in names)]
    total = [sum(column) for column in zip(*rows.values(), strict=True)] or [0, 0, 0, 0]
    gap = Money(payout.amount_minor - total[3], payout.currency)
    more = "The lines come to the payout." if not gap else f"The payout is {gap} more than its lines."
    return Panel(
        "By kind",
        columns,
        [said(name, sums) for name, sums in sorted(rows.items())],
        "Nothing is known of what is inside.",
        foot=said("Together", total),
        more=more if rows else "",
    )


def _inside(payout: Payout) -> Panel:
    found = list(payout.lines.order_by("created_at", "pk")[: SHOWN + 1])
    booked = _booked(found)
    names = [Column("Movement"), Column("Day"), Column("Of"), Column("Amount", is_number=True)]
    columns = [*names, Column("Fee", is_number=True), Column("Net", is_number=True), Column("In the ledger")]
    rows = [
        (
            link(one),
            one.created_on,
            one.reporting_category,
            Money(one.amount_minor, one.currency),
            Money(one.fee_minor, one.currency),
            one.net,
            link(line.gift) if (line := booked.get(one.pk)) and line.gift else ("yes" if booked.get(one.pk) else "no"),
        )
        for one in found[:SHOWN]
    ]
    more = f"The first {SHOWN} are shown." if len(found) > SHOWN else ""
    return Panel("What is inside", columns, rows, "Its lines are not here yet.", more=more)


def _booked(found: list[BalanceTransaction]) -> dict[int, LedgerEntry]:
    """A ledger line of each movement, by the movement's key."""
    names = {name for one in found for name in (one.source_id, one.stripe_id) if name}
    lines = {line.source: line for line in LedgerEntry.objects.filter(source__in=names).select_related("gift")}
    return {one.pk: line for one in found if (line := lines.get(one.source_id) or lines.get(one.stripe_id))}


@admin.register(BalanceTransaction)
class BalanceTransactionAdmin(ShownAdmin[BalanceTransaction]):
    list_display = (
        "stripe_id",
        "created_on",
        "reporting_category",
        "source_id",
        "amount_shown",
        "fee",
        "net_shown",
        "payout",
    )
    list_select_related = ("payout",)
    list_filter = (dates("created_on", "day"),)
    search_help_text = "Stripe's id of the movement (txn_…) or of what it is of (ch_…, re_…, du_…, po_…)"
    search_fields = ("stripe_id",)
    amounts = frozenset({"fee", "net_shown"})
    sortable_by = ()
    fieldsets = (
        (None, {"fields": ("reporting_category", "source_id", "amount_shown", "fee", "net_shown", "payout")}),
        ("At Stripe", {"fields": ("stripe_id", "type", "created_at", "available_on", "description", "stored_at")}),
    )

    def get_search_results(self, request: HttpRequest, queryset: Any, search_term: str) -> tuple[Any, bool]:
        term = search_term.strip()
        return (queryset.filter(Q(stripe_id=term) | Q(source_id=term)) if term else queryset), False

    @admin.display(description="Amount")
    def amount_shown(self, row: BalanceTransaction) -> Money:
        return Money(row.amount_minor, row.currency)

    @admin.display(description="Fee")
    def fee(self, row: BalanceTransaction) -> Money:
        return Money(row.fee_minor, row.currency)

    @admin.display(description="Net")
    def net_shown(self, row: BalanceTransaction) -> Money:
        return row.net

    def panels(self, request: HttpRequest, row: BalanceTransaction) -> list[Panel]:
        sources = [name for name in (row.source_id, row.stripe_id) if name]
        lines = LedgerEntry.objects.filter(source__in=sources).select_related("gift").order_by("pk")
        columns = [Column("Line"), Column("Kind"), Column("Booked"), Column("Gift"), Column("Amount", is_number=True)]
        rows = [(link(one), one.get_kind_display(), one.booked_on, link(one.gift), one.amount) for one in lines]
        empty = "Nothing is booked of it." + (
            " It can be booked from its difference." if balance.may_adjust(row) else ""
        )
        return [Panel("In the ledger", columns, rows, empty)]
