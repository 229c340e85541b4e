"""Receipts in the admin: every printed fact, the PDF as issued, the letters it left with, and sending it again."""

from typing import Any, cast

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import Prefetch, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from donations.admin.gifts import ByGiftAdmin, receipt_panel
from donations.admin.receipt_pages import REPLACE, ReceiptPages
from donations.models import PrintedReceipt, Receipt, ReceiptDue, ReceiptPdf, ReceiptVoid
from donations.models.receipt import ReceiptQuerySet
from donations.receipts import deliver, events, issue
from nonprofit import clock
from nonprofit.admin_amounts import sees_amounts
from nonprofit.admin_filters import dates
from nonprofit.admin_parts import Column, Deed, Panel, Refused, actor, actors, audit_panel, link, may, verb

RESEND = "donations.resend_receipt"


class SeriesFilter(admin.SimpleListFilter):
    """Which book the number is of."""

    title, parameter_name = "book", "series"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("R", "tax receipts"), ("L", "letters and thanks"), ("S", "yearly statements")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Receipt]) -> QuerySet[Receipt]:
        return queryset.filter(series=self.value()) if self.value() else queryset


class StateFilter(admin.SimpleListFilter):
    """Papers that do not stand, or are not made yet; all others are issued."""

    title, parameter_name = "state", "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(str(state), str(state.label)) for state in Receipt.State if state != Receipt.State.ISSUED]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Receipt]) -> QuerySet[Receipt]:
        match self.value():
            case "draft":
                return queryset.filter(pdf__isnull=True, void__isnull=True)
            case "void":
                return queryset.filter(void__isnull=False, replaced_by__isnull=True)
            case "replaced":
                return queryset.filter(void__isnull=False, replaced_by__isnull=False)
        return queryset


@admin.register(Receipt)
class ReceiptAdmin(ReceiptPages, ByGiftAdmin):
    list_display = ("number", "issued_at", "supporter", "amount_shown", "gift_link", "state_shown", "delivery")
    list_select_related = ("gift", "pdf__email", "void")
    heavy = ("snapshot", "pdf__email__text", "pdf__email__html")
    list_filter = (SeriesFilter, StateFilter, dates("issued_at", "day of issue", are_instants=True))
    actions = ("send_again",)
    fields = (
        *("number", "standing", "replaces_link", "replaced_link", "issued_at"),
        *("supporter", "amount_shown", "gift_link", "paper", "code"),
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[Receipt]:
        prints = PrintedReceipt.objects.select_related("run").order_by("pk")
        receipts = cast(ReceiptQuerySet, super().get_queryset(request))
        return receipts.with_state().prefetch_related(Prefetch("prints", prints))

    @admin.display(description="State")
    def state_shown(self, receipt: Receipt) -> str:
        return Receipt.State(receipt.state).label

    @admin.display(description="Replaces")
    def replaces_link(self, receipt: Receipt) -> SafeString | str:
        return link(receipt.replaces)

    @admin.display(description="Replaced by")
    def replaced_link(self, receipt: Receipt) -> SafeString | str:
        return link(getattr(receipt, "replaced_by", None))

    @admin.display(description="Delivery")
    def delivery(self, receipt: Receipt) -> str:
        pdf: ReceiptPdf | None = getattr(receipt, "pdf", None)
        printed = [one for one in receipt.prints.all() if one.came_out]
        if hasattr(receipt, "void"):
            return "void"
        if pdf is None:
            return "PDF being made"
        if pdf.email and not printed:
            return pdf.email.last_error if pdf.email.last_error else pdf.email.get_status_display()
        if not printed:
            return "on paper, not printed yet"
        run = printed[-1].run
        return f"mailed in run {run.pk}" if run.mailed_at else f"printed in run {run.pk}"

    @admin.display(description="Stands")
    def standing(self, receipt: Receipt) -> str:
        voided: ReceiptVoid | None = getattr(receipt, "void", None)
        if voided is None:
            return "yes"
        note = f": {voided.note}" if voided.note else ""
        return f"VOID since {clock.local_date(voided.voided_at)}, {voided.get_reason_display()}{note}"

    @admin.display(description="PDF")
    def paper(self, receipt: Receipt) -> SafeString | str:
        if not hasattr(receipt, "pdf"):
            return "is being made"
        file = receipt.pdf.file
        url = reverse("admin:donations_receipt_pdf", args=[receipt.pk])
        words = format_html('<a href="{}">As issued</a>, {} bytes, SHA-256 {}', url, f"{file.size:,}", file.sha256)
        if not hasattr(receipt, "void"):
            return words
        over = reverse("admin:donations_receipt_voided", args=[receipt.pk])
        return format_html('{}; <a href="{}">with VOID across it</a>', words, over)

    def has_resend_permission(self, request: HttpRequest) -> bool:
        return may(request, RESEND)

    @admin.action(description="Send the chosen receipts again", permissions=["resend"])
    def send_again(self, request: HttpRequest, queryset: QuerySet[Receipt]) -> None:
        for receipt in queryset.order_by("pk"):
            try:
                messages.success(request, _resend(receipt, actor(request)))
            except Refused as refusal:
                messages.error(request, f"{receipt.number}: {refusal}")

    def deeds(self, request: HttpRequest, row: Receipt) -> list[Deed]:
        """Only a paper that stands is copied; a copy says that it is one."""
        if row.state != Receipt.State.ISSUED or not may(request, RESEND):
            return []
        return [Deed("Make a copy", reverse("admin:donations_receipt_copy", args=[row.pk]))]

    def panels(self, request: HttpRequest, row: Receipt) -> list[Panel]:
        panels = [printed_panel(row), way_panel(request, row)]
        if row.gift:
            panels.append(receipt_panel(request, row.gift, row))
        if may(request, "nonprofit.view_auditentry"):
            panels.append(audit_panel([row, *([row.gift] if row.gift else [])]))
        return panels

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view
        return [
            path("<int:pk>/pdf/", view(self.pdf), name="donations_receipt_pdf"),
            path("<int:pk>/send-again/", view(self.again), name="donations_receipt_send_again"),
            *super().get_urls(),
        ]

    def pdf(self, request: HttpRequest, pk: int) -> HttpResponse:
        """The bytes as issued."""
        if not (self.has_view_permission(request) and sees_amounts(request)):
            raise PermissionDenied
        pdf = get_object_or_404(ReceiptPdf.objects.select_related("file", "receipt"), receipt_id=pk)
        name = f'attachment; filename="receipt-{pdf.receipt.number}.pdf"'
        headers = {"Content-Disposition": name, "Cache-Control": "private, no-store"}
        return HttpResponse(bytes(pdf.file.content), content_type=pdf.file.content_type, headers=headers)

    def again(self, request: HttpRequest, pk: int) -> HttpResponse:
        """The button on the pages of a receipt and of its gift."""
        return verb(request, RESEND, Receipt, pk, _resend)


def _resend(receipt: Receipt, who: str) -> str:
    try:
        letter = deliver.resend(receipt.pk, who)
    except deliver.CannotResend as trouble:
        raise Refused(str(trouble)) from trouble
    return f"{receipt.snapshot.get('paper', 'Receipt')} {receipt.number} is on its way to {letter.to} again."


def way_panel(request: HttpRequest, receipt: Receipt) -> Panel:
    """The paper's way, step by step, its copies to open, and the page that puts it right."""
    steps = events.delivery(receipt)
    names = actors([step.actor for step in steps])
    rows = [(step.at, step.what, step.detail or "—", names[step.actor] or "—") for step in steps]
    more: list[SafeString] = []
    if sees_amounts(request):
        more += [
            format_html('<a href="{}">Copy {}</a>', reverse("admin:donations_receipt_copied", args=[copy.pk]), place)
            for place, copy in enumerate(receipt.copies.order_by("pk"), start=1)
        ]
    if receipt.gift_id and receipt.state == Receipt.State.ISSUED and may(request, REPLACE) and sees_amounts(request):
        url = reverse("admin:donations_receipt_correct", args=[receipt.pk])
        more.append(format_html('<a href="{}">Something on it is wrong</a>', url))
    columns = [Column("When"), Column("What"), Column("Details"), Column("Who")]
    said = format_html_join(" · ", "{}", ((one,) for one in more))
    return Panel("Its way", columns, rows, "It has not left.", more=said)


def printed_panel(receipt: Receipt) -> Panel:
    """Every fact as printed, from the snapshot."""
    facts = receipt.snapshot
    printed = _statement_rows if "sections" in facts else _own_rows if "rows" in facts else _card_rows
    rows = printed(facts)
    rows += [(f"{statement['code']}.{statement['version']}", statement["text"]) for statement in facts["statements"]]
    return Panel("As printed", [Column("What"), Column("Words")], rows, "")


def _own_rows(facts: dict[str, Any]) -> list[tuple[str, str]]:
    to = facts["recipient"]
    return [
        (facts["paper"], facts["title"]),
        ("To", ", ".join([to["name"], *to["address_lines"]])),
        *[(label, value) for label, value in facts["rows"]],
    ]


def _statement_rows(facts: dict[str, Any]) -> list[tuple[str, str]]:
    to, version = facts["recipient"], f", version {facts['version']}" if facts["replaces"] else ""
    return [
        (facts["paper"], facts["title"] + version),
        ("To", ", ".join([to["name"], *to["address_lines"]])),
        *[(section["title"], "  ".join(line)) for section in facts["sections"] for line in section["lines"]],
        *[(label, value) for label, value in facts["summary"]],
    ]


def _card_rows(facts: dict[str, Any]) -> list[tuple[str, str]]:
    gift = facts["gift"]
    return [
        ("Donor", ", ".join([facts["donor"]["name"], *facts["donor"]["address_lines"]])),
        ("Gift", f"{gift['amount']}, {gift['gift_on']}, {gift['frequency']}, {gift['method']}, {gift['fund']}"),
        *[(name, gift[key]) for name, key in (("Fee covered", "covered_fee"), ("Tribute", "tribute")) if gift[key]],
    ]


@admin.register(ReceiptDue)
class ReceiptDueAdmin(ByGiftAdmin):
    """Settled gifts that still wait for their receipt: a moment, or until a person puts the trouble right."""

    list_display = ("gift_link", "supporter", "amount_shown", "due_at", "trouble")
    list_display_links = None
    list_select_related = ("gift",)
    actions = ("look_again",)
    fields = ("gift_link", "supporter", "amount_shown", "due_at", "trouble")

    def has_resend_permission(self, request: HttpRequest) -> bool:
        return may(request, RESEND)

    @admin.action(description="Put right: try the chosen ones again", permissions=["resend"])
    def look_again(self, request: HttpRequest, queryset: QuerySet[ReceiptDue]) -> None:
        count = sum(issue.look_again(pk, actor(request)) for pk in queryset.values_list("pk", flat=True))
        messages.success(request, f"Tried again: {count}. What still cannot be issued comes back here with its reason.")
