"""Gifts in the admin: the list, and one page with everything that belongs to a gift."""

from typing import Any

from django.contrib import admin, messages
from django.db.models import Model, QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.safestring import SafeString

from donations.admin import gift_facts, search
from donations.models import Attempt, Gift, LedgerEntry, Receipt
from donations.receipts import deliver
from nonprofit import clock
from nonprofit.admin_amounts import sees_amounts
from nonprofit.admin_filters import dates
from nonprofit.admin_parts import Column, Deed, Panel, ShownAdmin, audit_panel, link, may
from nonprofit.models import OutgoingEmail
from nonprofit.money import Money

ONLINE = frozenset({Gift.Kind.CARD, Gift.Kind.PHONE})
KIND = LedgerEntry.Kind
OURS = (KIND.BANK_FEE, KIND.DISPUTE_FEE, KIND.DISPUTE_FEE_BACK)
# What only a gift by card has to say.
OF_CARDS = frozenset({"covered", "newsletter", "card", "payment_intent_id"})
CUT = f"More than {search.PEOPLE:,} supporters fit; the list holds the gifts of the first ones. Type more of the name."


@admin.register(Gift)
class GiftAdmin(ShownAdmin[Gift]):
    list_display = (
        *("public", "date", "supporter", "amount_shown", "kind", "status", "receipt_number", "how_often", "fund"),
    )
    list_display_links = ("public",)
    list_select_related = ("donor", "fund", "receipt", "detail")
    list_filter = ("kind", "status", "frequency", dates("gift_on", "gift date"))
    heavy = ("receipt__snapshot",)
    sortable_by = ("date", "amount_shown")
    ordering = ("-started_at",)
    search_fields = ("donor_name",)
    search_help_text = (
        "Name, e-mail, amount ($25), receipt (R-2026-000142), gift (G-00000042) or Stripe's id (pi_…, ch_…)"
    )
    linked_by = frozenset({"donor__id__exact", "plan__id__exact"})
    amounts = frozenset({"covered"})
    fieldsets = (
        (
            None,
            {
                "fields": (
                    "amount_shown",
                    "kind",
                    "status",
                    "covered",
                    "frequency",
                    "gift_on",
                    "gift_date_basis",
                    "fund",
                    "campaign",
                )
            },
        ),
        (
            "Supporter",
            {"fields": ("supporter", "typed", "phone", "address", "publicly", "newsletter")},
        ),
        ("Words", {"fields": ("tribute_words", "note")}),
        ("Payment", {"fields": ("card", "payment_intent_id", "started_at", "settled_at")}),
    )

    def get_fieldsets(self, request: HttpRequest, obj: Gift | None = None) -> Any:
        """What its kind has to say, without lines that can only be empty."""
        parts = super().get_fieldsets(request, obj)
        if obj is None or obj.kind in ONLINE:
            return parts
        return [(name, {"fields": [f for f in part["fields"] if f not in OF_CARDS]}) for name, part in parts]

    def get_ordering(self, request: HttpRequest) -> Any:
        """Newest first; within chosen dates by those dates, which is the order of their index."""
        return ("-gift_on",) if {"gift_on_from", "gift_on_to"} & set(request.GET) else super().get_ordering(request)

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Gift], search_term: str
    ) -> tuple[QuerySet[Gift], bool]:
        found, is_cut = search.gifts(queryset, search_term, by_amount=sees_amounts(request))
        if is_cut:
            messages.warning(request, CUT)
        return found, False

    @admin.display(description="Gift")
    def public(self, gift: Gift) -> str:
        return gift.public_id

    @admin.display(description="Gift date", ordering="gift_on")
    def date(self, gift: Gift) -> object:
        """The donor's legal date; until there is one, when it was started."""
        return gift.gift_on or clock.local_date(gift.started_at)

    @admin.display(description="Supporter")
    def supporter(self, gift: Gift) -> SafeString | str:
        """As on the receipt; linked once there is a donor."""
        return link(gift.donor, gift.donor_name) if gift.donor else gift.donor_name

    @admin.display(description="Amount", ordering="amount_minor")
    def amount_shown(self, gift: Gift) -> Money | str:
        return gift_facts.given(gift)

    @admin.display(description="Receipt")
    def receipt_number(self, gift: Gift) -> str:
        return gift.receipt.number if gift.receipt else "—"

    @admin.display(description="Of this, for the fee")
    def covered(self, gift: Gift) -> object:
        return gift.covered_fee if gift.covered_fee_minor else "—"

    @admin.display(description="How often")
    def how_often(self, gift: Gift) -> str:
        return gift.get_frequency_display().removesuffix(" gift")

    @admin.display(description="Name shown publicly")
    def publicly(self, gift: Gift) -> str:
        return "no" if gift.is_name_hidden else "yes"

    @admin.display(description="Asked for the newsletter")
    def newsletter(self, gift: Gift) -> str:
        return "yes" if gift.wants_newsletter else "no"

    @admin.display(description="Phone")
    def phone(self, gift: Gift) -> str:
        return gift.donor_phone or "—"

    @admin.display(description="Typed with the gift")
    def typed(self, gift: Gift) -> str:
        return f"{gift.donor_name}, {gift.donor_email or 'no e-mail'}"

    @admin.display(description="Address")
    def address(self, gift: Gift) -> str:
        return "\n".join(gift.address_lines) or "—"

    @admin.display(description="Tribute")
    def tribute_words(self, gift: Gift) -> str:
        return f"{gift.get_tribute_display()} {gift.tribute_name}" if gift.tribute else "—"

    @admin.display(description="Card")
    def card(self, gift: Gift) -> str:
        return f"{gift.card_brand} ending {gift.card_last4}" if gift.card_last4 else "—"

    def panels(self, request: HttpRequest, row: Gift) -> list[Panel]:
        receipt: Receipt | None = getattr(row, "receipt", None)
        panels = [receipt_panel(request, row, receipt)]
        if recorded := gift_facts.detail(row):
            panels.insert(0, gift_facts.facts_panel(request, row, recorded))
        if credited := gift_facts.credits_panel(row):
            panels.append(credited)
        if may(request, "donations.view_ledgerentry"):
            panels.append(ledger_panel(row))
        if row.kind in ONLINE:
            panels.append(attempts_panel(row))
        if row.plan:
            panels.append(plan_panel(row))
        if may(request, "nonprofit.view_auditentry"):
            panels.append(audit_panel([row, receipt] if receipt else [row]))
        return panels


def receipt_panel(request: HttpRequest, gift: Gift, receipt: Receipt | None) -> Panel:
    """The receipt and each letter that carried it, as delivered or not."""
    columns = [Column("Receipt"), Column("Issued"), Column("Letter to"), Column("Delivery"), Column("When")]
    if receipt is None:
        waiting = getattr(gift, "receipt_due", None)
        trouble = f" It cannot be issued yet: {waiting.trouble}" if waiting and waiting.trouble else ""
        empty = (
            f"Its receipt is on its way.{trouble}" if waiting else "No receipt: a gift gets one when it is received."
        )
        return Panel("Receipt and letters", columns, [], empty)
    name = link(receipt)
    rows = [
        (name, receipt.issued_at, letter.to, delivery(letter), letter.sent_at or "—")
        for letter in deliver.letters(receipt)
    ]
    nobody = "—" if hasattr(receipt, "pdf") else "the PDF is being made"
    return Panel(
        "Receipt and letters",
        columns,
        rows or [(name, receipt.issued_at, nobody, "no letter", "—")],
        "",
        deeds=resend_deeds(request, receipt),
    )


def delivery(letter: OutgoingEmail) -> str:
    """What became of a letter, with the trouble if there is any."""
    return f"{letter.get_status_display()}{f' ({letter.last_error})' if letter.last_error else ''}"


def resend_deeds(request: HttpRequest, receipt: Receipt) -> list[Deed]:
    """The button that sends a receipt again, for those who may."""
    if not may(request, "donations.resend_receipt"):
        return []
    return [Deed("Send the receipt again", reverse("admin:donations_receipt_send_again", args=[receipt.pk]))]


def ledger_panel(gift: Gift) -> Panel:
    """What is booked, and what it comes to after fees. What a bank charges us besides is no part of the gift."""
    lines = list(gift.ledger_entries.order_by("pk"))
    rows = [(line.booked_on, line.get_kind_display(), line.source, line.amount) for line in lines]
    net = sum(line.amount_minor for line in lines if line.kind not in OURS)
    columns = [Column("Booked on"), Column("What"), Column("Proof"), Column("Amount", is_number=True)]
    is_one_currency = len({line.currency for line in lines}) == 1
    foot = ("Net", "", "", Money(net, lines[0].currency)) if is_one_currency else ()
    return Panel("Ledger", columns, rows, "Nothing is booked: no money has arrived.", foot)


def attempts_panel(gift: Gift) -> Panel:
    """Every try to charge a card."""
    columns = [Column("When"), Column("Outcome"), Column("Reason"), Column("Proof"), Column("Amount", is_number=True)]
    rows = [
        (a.happened_at, a.get_outcome_display(), a.code.replace("_", " ") or "—", a.source, a.amount)
        for a in Attempt.objects.filter(gift=gift)
    ]
    return Panel("Attempts", columns, rows, "No card has been tried.")


def plan_panel(gift: Gift) -> Panel:
    """The monthly or yearly plan this gift belongs to."""
    columns = [Column("Plan"), Column("State"), Column("Since"), Column("Next due")]
    plan = gift.plan
    if plan is None:
        return Panel("Plan", columns, [], "None.")
    row = (link(plan), plan.get_status_display(), plan.started_on or "—", plan.next_due_on or "—")
    return Panel("Plan", columns, [row], "")


class ByGiftAdmin(ShownAdmin[Any]):
    """Rows that belong to a gift, found by whatever finds the gift."""

    search_fields = ("gift__donor_name",)
    search_help_text = "Name, e-mail, amount ($25), receipt (R-2026-000142) or gift (G-00000042)"

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Model], search_term: str
    ) -> tuple[QuerySet[Model], bool]:
        found, is_cut = search.by_gift(queryset, search_term, by_amount=sees_amounts(request))
        if is_cut:
            messages.warning(request, f"Only the newest {search.PEOPLE:,} gifts that fit were looked at. Type more.")
        return found, False

    @admin.display(description="Gift")
    def gift_link(self, row: Any) -> SafeString | str:
        return link(row.gift, row.gift.public_id) if row.gift else "—"

    @admin.display(description="Supporter")
    def supporter(self, row: Any) -> str:
        return row.gift.donor_name if row.gift else "—"

    @admin.display(description="Amount")
    def amount_shown(self, row: Any) -> Money | str:
        # A yearly statement is of many gifts, and its sums are never added up.
        return gift_facts.given(row.gift) if row.gift else "—"
