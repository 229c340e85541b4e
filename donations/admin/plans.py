"""Monthly gifts on the desk: found and changed while somebody is on the phone, and what is to come of them."""

from datetime import date
from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.formats import date_format
from django.utils.http import urlencode
from django.utils.safestring import SafeString

from donations import plan_forms
from donations.admin import plan_adopting, plan_card, retention, search
from donations.admin.supporter_panels import card, gifts_in
from donations.books import charts
from donations.models import Donor, Gift, Installment, Plan
from donations.recurring import forecast, letters, plans
from nonprofit import clock
from nonprofit.admin_filters import dates
from nonprofit.admin_parts import Column, Deed, Panel, ShownAdmin, actor, audit_panel, link, may, url_of
from nonprofit.admin_site import Figure, on_desk
from nonprofit.money import Money

MANAGE = "donations.manage_plan"
SEES = "donations.seeamounts_gift"


@admin.register(Plan)
class PlanAdmin(ShownAdmin[Plan]):
    change_list_template = "admin/plans/list.html"
    list_display = (
        *("amount_shown", "interval", "donor_name", "status_shown", "next_shown", "card", "trouble_since"),
        "started_on",
    )
    list_display_links = ("amount_shown",)
    list_select_related = ("donor",)
    list_filter = (
        *("status", "waiting_for", "interval", "provider", "end"),
        dates("next_due_on", "next date"),
        dates("card_expires_on", "card good until"),
        dates("trouble_since", "unpaid since"),
    )
    sortable_by = ("next_due_on",)
    search_fields = ("donor__name",)
    search_help_text = "Name, e-mail or supporter (D-0000012)"
    fieldsets = (
        (None, {"fields": ("amount_shown", "is_fee_covered", "interval", "status_shown", "supporter", "fund")}),
        ("Dates", {"fields": ("started_on", "anchor_day", "next_shown", "paused_until", "trouble_since")}),
        ("Its end", {"fields": ("ends_on", "ends_after_count", "end", "end_reason", "ended_at", "follows")}),
        ("Card", {"fields": ("card", "provider", "at_stripe", "stripe_customer_id", "stripe_payment_method_id")}),
        ("What was agreed to", {"fields": ("consent_text", "consent_version", "consent_at", "consent_ip")}),
    )

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        may_adopt = plan_adopting.is_allowed(request)
        return super().changelist_view(request, {"may_adopt": may_adopt, **(extra_context or {})})

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Plan], search_term: str
    ) -> tuple[QuerySet[Plan], bool]:
        if not search_term.strip():
            return queryset, False
        found = search.donors(Donor.objects.order_by(), search_term)
        if found.is_cut:
            messages.warning(request, f"More than {search.PEOPLE:,} supporters fit. Type more.")
        return queryset.filter(donor_id__in=list(found.donors.values_list("pk", flat=True)[: search.PEOPLE])), False

    @admin.display(description="Amount")
    def amount_shown(self, plan: Plan) -> Money:
        return plan.amount

    @admin.display(description="Supporter")
    def donor_name(self, plan: Plan) -> str:
        return plan.donor.name if plan.donor else "—"

    @admin.display(description="Supporter")
    def supporter(self, plan: Plan) -> SafeString | str:
        return link(plan.donor)

    @admin.display(description="State")
    def status_shown(self, plan: Plan) -> str:
        if plan.status == Plan.Status.WAITING:
            return f"waiting for {plan.get_waiting_for_display()}"
        if plan.status == Plan.Status.PAUSED:
            return f"paused until {plan.paused_until}"
        return plan.get_status_display()

    @admin.display(description="Next", ordering="next_due_on")
    def next_shown(self, plan: Plan) -> object:
        return date_format(next_on) if plan.is_running and (next_on := letters.next_on(plan)) else None

    @admin.display(description="Card")
    def card(self, plan: Plan) -> str:
        return card(plan)

    def deeds(self, request: HttpRequest, row: Plan) -> list[Deed]:
        """What can be changed for somebody on the phone; they get the letter that they would get from their portal."""
        adopting = plan_adopting.deed(request, row)
        if not may(request, MANAGE) or not may(request, SEES):
            return adopting
        changes = [
            Deed(plan_forms.CHANGES[name].title, reverse("admin:donations_plan_ask", args=[row.pk, name]), is_page=True)
            for name in plan_forms.offered(row)
        ]
        return [*plan_card.deed(request, row), *changes, *adopting]

    def panels(self, request: HttpRequest, row: Plan) -> list[Panel]:
        panels = [installments_panel(row), gifts_in(Gift.objects.filter(plan=row), f"plan__id__exact={row.pk}")]
        return [*panels, audit_panel([row])] if may(request, "nonprofit.view_auditentry") else panels

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view
        return [
            path("forecast/", view(self.forecast), name="donations_plan_forecast"),
            path("retention/", view(self.retention), name="donations_plan_retention"),
            path("<int:pk>/change-it/<slug:change>/", view(self.ask), name="donations_plan_ask"),
            *plan_card.urls(),
            *plan_adopting.urls(),
            *super().get_urls(),
        ]

    def ask(self, request: HttpRequest, pk: int, change: str) -> HttpResponse:
        """One change of a monthly gift, by the same form as the supporter's own."""
        if not may(request, MANAGE) or not may(request, SEES):
            raise PermissionDenied
        form_class = plan_forms.CHANGES.get(change)
        if form_class is None:
            raise Http404("no such change")
        plan = get_object_or_404(Plan.objects.select_related("donor", "fund", "campaign"), pk=pk)
        form = form_class(plan, request.POST if request.method == "POST" else None)
        if request.method == "POST" and form.is_valid():
            by = plans.Agreed(actor=actor(request), reason=request.POST.get("reason", "").strip()[:300])
            if said := form.run(by):
                messages.success(request, said)
                return redirect(url_of(plan))
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": form.title,
            "plan": plan,
            "form": form,
            "often": letters.often(plan),
        }
        return TemplateResponse(request, "admin/plans/ask.html", context)

    def forecast(self, request: HttpRequest) -> HttpResponse:
        """What the plans as they stand bring in the next twelve months, and what of it is at risk."""
        if not (may(request, "donations.view_plan") and may(request, SEES)):
            raise PermissionDenied
        months = forecast.next_months(clock.today())
        days = [month.starts_on for month in months]
        most = max((month.expected_minor for month in months), default=0)
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": "What is to come",
            "series": [
                charts.series("Expected", days, [m.expected_minor for m in months], most=most, currency="usd"),
                charts.series("Of it at risk", days, [m.at_risk_minor for m in months], most=most, currency="usd"),
            ],
            "months": [(month.starts_on, Money(month.expected_minor), Money(month.at_risk_minor)) for month in months],
            "tomorrow": forecast.dry_run(forecast.in_days(1)),
            "width": charts.WIDTH,
            "height": charts.HEIGHT,
        }
        return TemplateResponse(request, "admin/plans/forecast.html", context)

    def retention(self, request: HttpRequest) -> HttpResponse:
        """Who still gives months after they began, and what began, changed and ended."""
        if not may(request, "donations.view_plan"):
            raise PermissionDenied
        context = {**self.admin_site.each_context(request), "opts": self.opts, **retention.page(request)}
        return TemplateResponse(request, "admin/plans/retention.html", context)


def due_until(day: date) -> str:
    """Where the list shows the gifts of ours that run and are due by then."""
    due = {"provider__exact": "ours", "next_due_on_to": day, "status__in": ",".join(Plan.RUNNING)}
    return f"{reverse('admin:donations_plan_changelist')}?{urlencode(due)}"


def installments_panel(plan: Plan) -> Panel:
    """The plan's newest dates and what came of each."""
    columns = [Column("Date"), Column("State"), Column("Why"), Column("Tries"), Column("Again"), Column("Gift")]
    rows = [
        (
            link(one, f"{one.due_on:%Y-%m-%d}"),
            one.get_status_display(),
            one.get_reason_display() or one.code or "—",
            one.tries,
            one.next_try_at or "—",
            link(one.gift, one.gift.public_id) if one.gift else "—",
            one.amount,
        )
        for one in plan.installments.select_related("gift").order_by("-due_on")[:24]
    ]
    return Panel("Dates", [*columns, Column("Amount", is_number=True)], rows, "No date has come yet.")


@admin.register(Installment)
class InstallmentAdmin(ShownAdmin[Installment]):
    """Every date of every plan: charged, on its way, or left out with its reason."""

    list_display = ("due_on", "donor_name", "status", "reason", "tries", "code", "next_try_at", "amount_shown")
    list_display_links = ("due_on",)
    list_select_related = ("plan__donor",)
    list_filter = ("status", "reason", dates("due_on", "date"))
    ordering = ("-due_on", "-pk")
    fieldsets = (
        (None, {"fields": ("due_on", "plan_shown", "supporter", "amount_shown", "status", "reason", "gift_shown")}),
        ("Charging", {"fields": ("tries", "code", "next_try_at", "claimed_at", "sent_at", "made_at", "done_at")}),
    )

    @admin.display(description="Amount")
    def amount_shown(self, one: Installment) -> Money:
        return one.amount

    @admin.display(description="Supporter")
    def donor_name(self, one: Installment) -> str:
        return one.plan.donor.name if one.plan.donor else "—"

    @admin.display(description="Supporter")
    def supporter(self, one: Installment) -> SafeString | str:
        return link(one.plan.donor)

    @admin.display(description="Plan")
    def plan_shown(self, one: Installment) -> SafeString | str:
        return link(one.plan)

    @admin.display(description="Gift")
    def gift_shown(self, one: Installment) -> SafeString | str:
        return link(one.gift)


@on_desk
def plans_that_wait(request: HttpRequest) -> list[Figure]:
    """Monthly gifts that need somebody, and what is to come."""
    if not may(request, "donations.view_plan"):
        return []
    url = reverse("admin:donations_plan_changelist")
    running = Plan.objects.running()
    waiting = running.filter(status=Plan.Status.WAITING).count()
    past_due = running.filter(status=Plan.Status.PAST_DUE).count()
    figures = []
    tomorrow = forecast.in_days(1)
    due = Plan.objects.ours().running().filter(next_due_on__lte=tomorrow).count()
    # The forecast tells sums; who may not see those is led to the gifts themselves.
    ahead = reverse("admin:donations_plan_forecast") if may(request, SEES) else due_until(tomorrow)
    figures.append(Figure("Due by tomorrow", str(due), ahead, note="monthly gifts"))
    hold = reverse("admin:donations_plan_retention")
    figures.append(Figure("Monthly gifts", f"{running.count():,}", hold, note="how they hold"))
    if waiting:
        figures.append(Figure("Plans without a card", str(waiting), f"{url}?status__exact=waiting", is_trouble=True))
    if past_due:
        figures.append(Figure("Declined, tried again", str(past_due), f"{url}?status__exact=past_due"))
    expiring = running.filter(card_expires_on__range=(clock.today(), forecast.in_days(60))).count()
    if expiring:
        until = f"card_expires_on_from={clock.today()}&card_expires_on_to={forecast.in_days(60)}"
        figures.append(Figure("Cards that expire", str(expiring), f"{url}?{until}", note="within sixty days"))
    return figures
