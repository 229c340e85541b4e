"""The staff's admin: Django's own, behind the same sign-in as everything else and a second factor."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, cast

from allauth.mfa.utils import is_mfa_enabled
from django.conf import settings
from django.contrib import admin
from django.contrib.admin import AdminSite
from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.functional import SimpleLazyObject

from nonprofit.admin_amounts import sees_amounts, tells


@dataclass(frozen=True, slots=True)
class Figure:
    """A number on the desk that leads to its rows. is_trouble: it waits for a person. rank: low ones stand first."""

    label: str
    value: str
    url: str
    is_trouble: bool = False
    note: str = ""
    rank: int = 5


ORDER = (
    *(
        "Donor",
        "Gift",
        "Batch",
        "PhoneCall",
        "PromisePart",
        "Plan",
        "Installment",
        "ChargeDay",
        "Membership",
        "Fulfilment",
        "Reversal",
        "Refund",
        "Dispute",
        "PrintRun",
        "Receipt",
        "ReceiptDue",
        "RenderTrouble",
        "StatementRun",
        "StatementDue",
        "LedgerEntry",
        "Month",
        "Difference",
        "Payout",
        "BalanceTransaction",
        "BankImport",
        "BankLine",
        "BankAccount",
        "Export",
        "GiftImport",
        "StripeEvent",
    ),
    *("Campaign", "Benefit", "Fund", "Way", "AccountDetail", "Employer", "Tag", "DonorMerge"),
    *("ErasureRequest", "EmailChange", "NewsletterSubscription"),
    *("NewsletterSuppression", "NewsletterNews", "ConsentEntry", "NewsletterExport"),
    *("Level", "LevelBenefit", "SafeHarbor", "StatementText", "Policy", "MembershipPolicy", "Account", "Renewals"),
    *("Organization", "User", "OutgoingEmail", "AuditEntry", "Group"),
)
Figures = Callable[[HttpRequest], list[Figure]]


class StaffAdminSite(AdminSite):
    site_header = "More Ways to Give"
    site_title = "More Ways to Give"
    index_title = "Desk"
    index_template = "admin/desk.html"
    # The lists need the room; the bar at the top leads to what is opened all day.
    enable_nav_sidebar = False

    def __init__(self, name: str = "admin") -> None:
        super().__init__(name)
        self.empty_value_display = "—"
        self._figures: list[Figures] = []

    def add_figures(self, figures: Figures) -> None:
        self._figures.append(figures)

    def index(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> TemplateResponse:
        found = [figure for figures in self._figures for figure in figures(request)]
        if not sees_amounts(request):
            found = [replace(one, note="" if tells(one.note) else one.note) for one in found if not tells(one.value)]
        found.sort(key=lambda figure: figure.rank)
        return super().index(request, {"figures": found, **(extra_context or {})})

    def each_context(self, request: HttpRequest) -> dict[str, Any]:
        """Django's, but nobody waits for the list of all tables where no page shows it: the desk asks by itself."""
        return {
            "site_title": self.site_title,
            "site_header": self.site_header,
            "site_url": request.META.get("SCRIPT_NAME") or self.site_url,
            "has_permission": self.has_permission(request),
            "available_apps": SimpleLazyObject(lambda: self.get_app_list(request)),
            "is_popup": False,
            "is_nav_sidebar_enabled": self.enable_nav_sidebar,
            "log_entries": self.get_log_entries(request),
        }

    def get_app_list(self, request: HttpRequest, app_label: str | None = None) -> list[Any]:
        """What is opened all day comes first: supporters and gifts, then the rest in the order of the models."""
        apps = super().get_app_list(request, app_label)
        order = {name: place for place, name in enumerate(ORDER)}
        for app in apps:
            app["models"].sort(key=lambda model: order.get(model["object_name"], len(order)))
        return sorted(apps, key=lambda app: min(order.get(m["object_name"], len(order)) for m in app["models"]))

    def has_permission(self, request: HttpRequest) -> bool:
        return super().has_permission(request) and (not settings.REQUIRE_STAFF_MFA or is_mfa_enabled(request.user))

    def login(self, request: HttpRequest, extra_context: dict[str, object] | None = None) -> HttpResponse:
        """Strangers sign in by code; staff without a second factor set one up; others are told it is not theirs."""
        target = request.GET.get("next") or reverse("admin:index")
        if not request.user.is_authenticated:
            return redirect_to_login(target, login_url=reverse(settings.LOGIN_URL))
        if self.has_permission(request):
            return redirect("admin:index")
        if super().has_permission(request):
            return redirect("mfa_index")
        return render(request, "admin/not_staff.html", status=403)


def on_desk(figures: Figures) -> Figures:
    """Decorator: `figures(request)` stand on the desk. It answers only what that person may see, by cheap queries."""
    cast(StaffAdminSite, admin.site).add_figures(figures)
    return figures
