"""Refunds: asked for on a gift's page, looked at before anything happens, agreed to by a second person, listed."""

from dataclasses import dataclass
from typing import Any, cast
from uuid import uuid4

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from donations import refund_letters, refunds, standing
from donations.admin.forms import MoneyField
from donations.admin.gifts import ByGiftAdmin
from donations.models import Dispute, Gift, Policy, Receipt, Refund
from donations.receipts import taken_back
from donations.rules import returns
from nonprofit import card_numbers
from nonprofit.admin_filters import dates
from nonprofit.admin_parts import Column, Panel, audit_panel, link, may, on_page, url_of
from nonprofit.admin_site import Figure, on_desk
from nonprofit.models import OutgoingEmail, User
from nonprofit.money import Money

SEES = "donations.seeamounts_gift"
ASK, AGREE = "donations.request_refund", "donations.approve_refund"
STATE = Refund.State


class RefundForm(card_numbers.Guarded, forms.Form):
    """How much, and why."""

    amount = MoneyField(label="Amount", help_text="All that is left of the gift, or a part of it.")
    reason = forms.ChoiceField(
        label="Why",
        choices=[(reason.value, reason.label[0].upper() + reason.label[1:]) for reason in Refund.Reason],
        widget=forms.RadioSelect,
    )
    note = forms.CharField(
        label="Note", max_length=300, required=False, help_text="For the books and the next person. Staff only."
    )
    attempt = forms.UUIDField(widget=forms.HiddenInput)

    def __init__(self, gift: Gift, data: Any = None) -> None:
        initial = {"amount": standing.left(gift), "attempt": uuid4()}
        super().__init__(data, initial=initial, label_suffix="")
        self.gift = gift
        cast(MoneyField, self.fields["amount"]).currency = gift.currency

    def wish(self) -> refunds.Wish:
        typed = self.cleaned_data
        return refunds.Wish(
            Money(typed["amount"], self.gift.currency), typed["reason"], typed["note"].strip(), typed["attempt"]
        )


class DecideForm(card_numbers.Guarded, forms.Form):
    """Why not, where it will not be."""

    why = forms.CharField(label="Why not", max_length=200, required=False, help_text="Only if you say no.")


@dataclass(frozen=True, slots=True)
class Outlook:
    """What will happen, before it does."""

    amount: Money
    kept: Money
    receipt: str
    letter: OutgoingEmail | None
    needs_second: bool


def outlook(gift: Gift, wish: refunds.Wish, user: User) -> Outlook:
    """What asking for this would lead to. Raises CannotRefund."""
    refunds.check(gift, wish.amount, user)
    kept = gift.kept - wish.amount
    return Outlook(
        amount=-wish.amount,
        kept=kept,
        receipt=_of_receipt(gift, kept),
        letter=refund_letters.preview(gift, wish.amount),
        needs_second=refunds.needs_second_person(gift, wish.amount, user),
    )


def _of_receipt(gift: Gift, kept: Money) -> str:
    paper: Receipt | None = gift.receipt
    if paper is None or hasattr(paper, "void"):
        return f"None is out. It will say {kept}." if kept else "None is out, and none will be."
    has_it = " The supporter has it." if taken_back.has_left(paper) else ""
    if not kept:
        return f"Receipt {paper.number} becomes void.{has_it}"
    return f"Receipt {paper.number} becomes void, and a new one over {kept} takes its place.{has_it}"


@admin.register(Refund)
class RefundAdmin(ByGiftAdmin):
    """Every refund of a card gift, asked for here or made in Stripe's dashboard."""

    list_display = (
        *("requested_at", "supporter", "amount_shown", "state_shown", "reason", "gift_link", "origin", "requested_by"),
    )
    list_display_links = ("requested_at",)
    list_select_related = ("gift", "requested_by")
    list_filter = ("state", "origin", "reason", dates("requested_at", "day", are_instants=True))
    sortable_by = ()
    ordering = ("-requested_at", "-pk")
    fieldsets = (
        (None, {"fields": ("amount_shown", "state_shown", "reason", "note", "gift_link", "supporter")}),
        ("Who", {"fields": ("origin", "requested_by", "requested_at", "approved_by", "decided_at")}),
        ("At Stripe", {"fields": ("stripe_refund_id", "refunded_at", "failed_at", "trouble")}),
    )

    @admin.display(description="Amount")
    def amount_shown(self, row: Any) -> Money:
        money: Money = row.amount
        return money

    @admin.display(description="State")
    def state_shown(self, row: Any) -> str:
        return f"{row.get_state_display()}{f': {row.trouble}' if row.trouble else ''}"

    def panels(self, request: HttpRequest, row: Any) -> list[Panel]:
        panels = []
        if row.state == STATE.WAITING and _may_decide(request, row):
            url = reverse("admin:donations_refund_decide", args=[row.pk])
            more = format_html('<a class="button" href="{}">{}</a>', url, "Decide about it")
            panels.append(Panel("It waits for a second person", [], [], "Nothing has gone back yet.", more=more))
        return [*panels, audit_panel([row.gift])] if may(request, "nonprofit.view_auditentry") else panels

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view
        return [
            path("of-gift/<int:pk>/", view(self.ask), name="donations_refund_ask"),
            path("<int:pk>/decide/", view(self.decide), name="donations_refund_decide"),
            *super().get_urls(),
        ]

    def ask(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Asked, then shown what will happen, then done: three steps, and nothing typed is lost between them."""
        user = _holder(request, ASK)
        gift = get_object_or_404(Gift.objects.select_related("donor", "fund", "receipt__void"), pk=pk)
        form, seen = RefundForm(gift, request.POST if request.method == "POST" else None), None
        if request.POST.get("step") in ("look", "do") and form.is_valid():
            try:
                if request.POST["step"] == "do":
                    made = refunds.request(gift.pk, form.wish(), user=user)
                    messages.success(request, DONE[made.state == STATE.WAITING])
                    return redirect(url_of(gift))
                seen = outlook(gift, form.wish(), user)
            except refunds.CannotRefund as trouble:
                form.add_error(None, str(trouble))
        page = {
            "title": "Refund",
            "gift": gift,
            "form": form,
            "outlook": seen,
            "limit": Policy.get().refund_alone(user),
        }
        return self._page(request, "ask", page)

    def decide(self, request: HttpRequest, pk: int) -> HttpResponse:
        """A second person agrees or says no; who asked can take the request back."""
        refund = get_object_or_404(Refund.objects.select_related("gift__donor", "gift__fund", "requested_by"), pk=pk)
        is_own = refund.requested_by == request.user
        user = _holder(request, ASK if is_own else AGREE)
        form = DecideForm(request.POST if request.method == "POST" else None, label_suffix="")
        if request.method == "POST" and form.is_valid():
            try:
                if request.POST.get("answer") == "yes":
                    refunds.approve(refund.pk, user=user)
                    messages.success(request, "Agreed. Stripe is asked now; look again in a moment.")
                else:
                    refunds.refuse(refund.pk, user=user, why=form.cleaned_data["why"].strip())
                    messages.success(request, "Noted: nothing goes back.")
                return redirect(url_of(refund))
            except refunds.CannotRefund as trouble:
                form.add_error(None, str(trouble))
        page = {"title": "Decide about a refund", "refund": refund, "gift": refund.gift, "form": form, "is_own": is_own}
        return self._page(request, "decide", page)

    def _page(self, request: HttpRequest, name: str, page: dict[str, Any]) -> HttpResponse:
        context = {**self.admin_site.each_context(request), "opts": self.opts, **page}
        return TemplateResponse(request, f"admin/refunds/{name}.html", context)


# Whether it waits for a second person.
DONE = {
    True: "The refund is on record and waits for a second person.",
    False: "The refund is on its way to Stripe; look again in a moment.",
}


def _may_decide(request: HttpRequest, refund: Refund) -> bool:
    return may(request, SEES) and may(request, ASK if refund.requested_by == request.user else AGREE)


def _holder(request: HttpRequest, right: str) -> User:
    """Nobody can say how much goes back without seeing what people give."""
    if not (may(request, right) and may(request, SEES)):
        raise PermissionDenied
    return cast(User, request.user)


@on_page(Gift)
def went_back(request: HttpRequest, gift: Gift) -> list[Panel]:
    """On the page of a gift by card: what went back of it and what banks asked, and the way to refund it."""
    if gift.kind not in returns.BY_CARD or gift.settled_at is None:
        return []
    panels = []
    if may(request, "donations.view_refund"):
        panels.append(_refunds_panel(request, gift))
    disputes = list(Dispute.objects.filter(gift=gift).order_by("pk"))
    if disputes and may(request, "donations.view_dispute"):
        columns = [Column("Dispute"), Column("Opened"), Column("State"), Column("Amount", is_number=True)]
        rows = [(link(one), one.opened_at, one.get_status_display(), one.amount) for one in disputes]
        panels.append(Panel("Disputes", columns, rows, ""))
    return panels


def _refunds_panel(request: HttpRequest, gift: Gift) -> Panel:
    columns = [Column("Refund"), Column("Asked"), Column("State"), Column("Why"), Column("Amount", is_number=True)]
    rows = [
        (link(one, one.public_id), one.requested_at, one.get_state_display(), one.get_reason_display(), one.amount)
        for one in Refund.objects.filter(gift=gift).order_by("pk")
    ]
    more: SafeString | str = ""
    if gift.status == Gift.Status.SETTLED and may(request, ASK) and may(request, SEES) and standing.left(gift):
        url = reverse("admin:donations_refund_ask", args=[gift.pk])
        more = format_html('<a class="button" href="{}">{}</a>', url, "Refund it")
    foot = ("Kept", "", "", "", gift.kept) if gift.refunded_minor else ()
    return Panel("Refunds", columns, rows, "Nothing has gone back.", foot if rows else (), more=more)


@on_desk
def refunds_waiting(request: HttpRequest) -> list[Figure]:
    """Refunds that wait for a second person, and those that did not arrive."""
    if not may(request, "donations.view_refund"):
        return []
    url = reverse("admin:donations_refund_changelist")
    figures = []
    if may(request, AGREE):
        count = Refund.objects.filter(state=STATE.WAITING).count()
        figures.append(Figure("Refunds to agree to", str(count), f"{url}?state__exact=waiting", is_trouble=count > 0))
    if failed := Refund.objects.filter(state=STATE.FAILED).count():
        figures.append(Figure("Refunds that came back", str(failed), f"{url}?state__exact=failed"))
    return figures
