"""Checks that come back and wrong entries: found, looked at before anything happens, taken back, and told."""

from typing import Any, cast

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.views.decorators.http import require_POST

from donations import reversals
from donations.admin import search
from donations.admin.forms import MoneyField
from donations.admin.gifts import ByGiftAdmin, ledger_panel
from donations.desk import returned
from donations.models import Gift, Reversal
from donations.receipts import issue
from donations.rules import returns
from nonprofit import card_numbers, clock
from nonprofit.admin_filters import dates
from nonprofit.admin_parts import Column, Panel, actors, audit_panel, link, may, on_page, url_of
from nonprofit.admin_site import Figure, on_desk
from nonprofit.models import User
from nonprofit.money import Money

# Nobody can look at what a reversal books without seeing what people give.
RIGHTS = ("donations.reverse_gift", "donations.seeamounts_gift")
FOUND = 50


class ReturnedForm(card_numbers.Guarded, forms.Form):
    """What the bank's notice says."""

    on = forms.DateField(
        label="Date of the bank's notice", widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")
    )
    bank_fee = MoneyField(
        label="What the bank charges us",
        required=False,
        may_be_zero=True,
        help_text="An expense of ours, not the supporter's. Empty if it charges nothing.",
    )
    note = forms.CharField(
        label="Note", max_length=300, required=False, help_text="What the bank gave as its reason. For staff only."
    )

    def __init__(self, gift: Gift, data: Any = None) -> None:
        super().__init__(data, initial={"on": clock.today()}, label_suffix="")
        cast(MoneyField, self.fields["bank_fee"]).currency = gift.currency

    def notice(self) -> returned.Notice:
        typed = self.cleaned_data
        fee = typed["bank_fee"] or 0
        return returned.Notice(Reversal.Reason.BOUNCED, typed["on"], fee, note=typed["note"])


class WrongForm(card_numbers.Guarded, forms.Form):
    """What was wrong with the entry."""

    wrong = forms.ChoiceField(
        label="What was wrong",
        choices=[(reason.value, reason.label.capitalize()) for reason in returned.WRONGS],
        widget=forms.RadioSelect,
    )
    note = forms.CharField(
        label="In a few words", max_length=300, help_text="For the books and the next person: typed 500 instead of 50."
    )

    def __init__(self, gift: Gift, data: Any = None) -> None:
        super().__init__(data, label_suffix="")

    def notice(self) -> returned.Notice:
        typed = self.cleaned_data
        return returned.Notice(
            Reversal.Reason.WRONG_ENTRY, clock.today(), wrong=typed["wrong"], note=typed["note"].strip()
        )


FORMS: dict[str, type[ReturnedForm] | type[WrongForm]] = {
    Reversal.Reason.BOUNCED: ReturnedForm,
    Reversal.Reason.WRONG_ENTRY: WrongForm,
}
DONE = {
    Reversal.Reason.BOUNCED: "The gift is booked as returned by the bank.",
    Reversal.Reason.WRONG_ENTRY: "The wrong entry is taken back. Please record the gift again as it was.",
}


@admin.register(Reversal)
class ReversalAdmin(ByGiftAdmin):
    """Every gift that was taken back, and the pages that take one back."""

    change_list_template = "admin/returned/list.html"
    list_display = ("noticed_on", "supporter", "amount_shown", "reason", "gift_link", "bank_fee", "note")
    list_select_related = ("gift",)
    list_filter = ("reason", dates("noticed_on", "day of the notice"))
    sortable_by = ()
    ordering = ("-noticed_on", "-pk")
    fields = ("noticed_on", "supporter", "amount_shown", "reason", "gift_link", "bank_fee", "note", "by", "at")

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return may_reverse(request)

    def has_module_permission(self, request: HttpRequest) -> bool:
        return may_reverse(request)

    @admin.display(description="Bank's fee")
    def bank_fee(self, row: Reversal) -> Money | str:
        return Money(row.bank_fee_minor, row.gift.currency) if row.bank_fee_minor else "—"

    @admin.display(description="Recorded by")
    def by(self, row: Reversal) -> str:
        return actors([row.actor])[row.actor]

    def panels(self, request: HttpRequest, row: Any) -> list[Panel]:
        panels = [ledger_panel(row.gift)] if may(request, "donations.view_ledgerentry") else []
        return [*panels, audit_panel([row.gift])] if may(request, "nonprofit.view_auditentry") else panels

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view
        of_gift = [
            path(
                f"of-gift/<int:pk>/{word}/",
                view(self.take_back),
                {"reason": reason},
                name=f"donations_reversal_{word}",
            )
            for word, reason in (("returned", Reversal.Reason.BOUNCED), ("wrong", Reversal.Reason.WRONG_ENTRY))
        ]
        return [
            path("find/", view(self.find), name="donations_reversal_find"),
            path("to-tell/", view(self.to_tell), name="donations_reversal_to_tell"),
            path("of-gift/<int:pk>/told/", view(require_POST(self.told)), name="donations_reversal_told"),
            *of_gift,
            *super().get_urls(),
        ]

    def find(self, request: HttpRequest) -> HttpResponse:
        """Which gift came back: by the number on the check first, then by whatever finds a gift."""
        _only_with_right(request)
        typed = request.GET.get("q", "").strip()
        gifts, is_cut = found(typed) if typed else ([], False)
        page = {"title": "Find what came back", "typed": typed, "is_cut": is_cut, "panels": [_found_panel(gifts)]}
        return self._page(request, "find", page)

    def take_back(self, request: HttpRequest, pk: int, reason: str) -> HttpResponse:
        """Asked, then shown what will happen, then done: three steps, and nothing typed is lost between them."""
        user = _only_with_right(request)
        gift = get_object_or_404(Gift.objects.select_related("donor", "fund", "detail"), pk=pk)
        if gift.status == Gift.Status.REVERSED:
            messages.info(request, f"This gift was taken back on {issue.in_words(gift.reversal.noticed_on)}.")
            return redirect(url_of(gift))
        form = FORMS[reason](gift, request.POST if request.method == "POST" else None)
        outlook = None
        if request.POST.get("step") in ("look", "do") and form.is_valid():
            try:
                if request.POST["step"] == "do":
                    returned.apply(gift.pk, form.notice(), user)
                    return _done(request, gift, reason)
                outlook = returned.outlook(gift, form.notice(), user)
            except reversals.CannotReverse as trouble:
                form.add_error(None, str(trouble))
        is_bounce = reason == Reversal.Reason.BOUNCED
        page = {
            "title": "Returned by the bank" if is_bounce else "Entered wrongly",
            "gift": gift,
            "form": form,
            "outlook": outlook,
            "is_bounce": is_bounce,
        }
        return self._page(request, "take_back", page)

    def to_tell(self, request: HttpRequest) -> HttpResponse:
        """Supporters who have not heard that their gift came back."""
        _only_with_right(request)
        rows = [
            (reversal, returned.why_silent(reversal.gift.donor) or "the letter did not arrive")
            for reversal in returned.to_tell()[:FOUND]
            if reversal.gift.donor
        ]
        return self._page(request, "to_tell", {"title": "People to tell", "rows": rows})

    def told(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Somebody called or wrote."""
        user, gift = _only_with_right(request), get_object_or_404(Gift, pk=pk, status=Gift.Status.REVERSED)
        how = request.POST.get("how", "").strip()
        if not how:
            messages.error(request, f"{gift.donor_name}: say in a few words how they were told.")
        elif returned.told(gift.pk, user, how=how):
            messages.success(request, f"{gift.donor_name}: noted.")
        return redirect("admin:donations_reversal_to_tell")

    def _page(self, request: HttpRequest, name: str, page: dict[str, Any]) -> HttpResponse:
        context = {**self.admin_site.each_context(request), "opts": self.opts, **page}
        return TemplateResponse(request, f"admin/returned/{name}.html", context)


def found(typed: str) -> tuple[list[Gift], bool]:
    """The newest received or reversed gifts that fit, and whether there are more."""
    gifts: QuerySet[Gift] = Gift.objects.filter(status__in=[Gift.Status.SETTLED, Gift.Status.REVERSED])
    by_check = gifts.filter(detail__check_number=typed.lstrip("#"))
    is_cut = False
    if by_check.exists():
        gifts = by_check
    else:
        gifts, is_cut = search.gifts(gifts.exclude(kind__in=returns.BY_CARD), typed)
    rows = list(gifts.select_related("detail", "receipt").order_by("-pk")[: FOUND + 1])
    return rows[:FOUND], is_cut or len(rows) > FOUND


def _found_panel(gifts: list[Gift]) -> Panel:
    columns = [Column("Gift"), Column("Supporter"), Column("Check"), Column("Date"), Column("Amount", is_number=True)]
    rows = [
        (
            link(gift, gift.public_id),
            gift.donor_name,
            gift.detail.check_number if hasattr(gift, "detail") else "—",
            gift.gift_on or "—",
            gift.get_kind_display() if gift.is_property else gift.amount,
            choices(gift),
        )
        for gift in gifts
    ]
    return Panel("Gifts", [*columns, Column("What happened")], rows, "No received gift fits. Try a name or an amount.")


def choices(gift: Gift) -> SafeString | str:
    """Links to the pages that can take this gift back; what it is where nothing can."""
    if gift.status != Gift.Status.SETTLED or gift.payment_intent_id:
        return gift.get_status_display() if gift.status != Gift.Status.SETTLED else "Paid by card"
    words = [("wrong", "Entered wrongly")]
    if returns.may_bounce(gift.kind):
        words.insert(0, ("returned", "Returned by the bank"))
    urls = ((reverse(f"admin:donations_reversal_{name}", args=[gift.pk]), label) for name, label in words)
    return format_html_join(" · ", '<a href="{}">{}</a>', urls)


def _done(request: HttpRequest, gift: Gift, reason: str) -> HttpResponseRedirect:
    url = reverse("admin:donations_reversal_to_tell")
    is_waiting = returned.to_tell().filter(gift=gift).exists()
    more = format_html(' <a href="{}">Please tell the supporter</a>.', url) if is_waiting else ""
    messages.success(request, format_html("{}{}", DONE[Reversal.Reason(reason)], more))
    return redirect(url_of(gift))


def may_reverse(request: HttpRequest) -> bool:
    """Whether the member of staff may take gifts back."""
    return all(may(request, right) for right in RIGHTS)


def _only_with_right(request: HttpRequest) -> User:
    if not may_reverse(request):
        raise PermissionDenied
    return cast(User, request.user)


@on_page(Gift)
def taken_back(request: HttpRequest, gift: Gift) -> list[Panel]:
    """On a gift's page: how it was taken back, or the ways to do it."""
    columns = [Column("Taken back"), Column("On"), Column("By"), Column("Note"), Column("Bank's fee", is_number=True)]
    reversal: Reversal | None = getattr(gift, "reversal", None)
    if reversal is not None:
        by, fee = actors([reversal.actor])[reversal.actor], Money(reversal.bank_fee_minor, gift.currency)
        row = (reversal.get_reason_display(), reversal.noticed_on, by, reversal.note or "—", fee if fee else "—")
        return [Panel("Taken back", columns, [row], "")]
    if gift.status != Gift.Status.SETTLED or gift.payment_intent_id or not may_reverse(request):
        return []
    return [Panel("If it came back", [], [], "You see what will happen before it does.", more=choices(gift))]


@on_desk
def people_to_tell(request: HttpRequest) -> list[Figure]:
    """Supporters who do not know yet that their check came back."""
    if not may_reverse(request):
        return []
    count = returned.to_tell().count()
    url = reverse("admin:donations_reversal_to_tell")
    return [Figure("Returned gifts to tell people of", str(count), url, is_trouble=count > 0)]
