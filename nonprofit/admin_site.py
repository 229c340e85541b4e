"""The staff's admin: Django's own, behind the same sign-in as everything else and a second factor."""

from collections.abc import Callable
from dataclasses import dataclass
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


@dataclass(frozen=True, slots=True)
class Figure:
    """A number on the desk that leads to the rows behind it. is_trouble: it waits for a person."""

    label: str
    value: str
    url: str
    is_trouble: bool = False
    note: str = ""


Figures = Callable[[HttpRequest], list[Figure]]


class StaffAdminSite(AdminSite):
    site_header = "More Ways to Give"
    site_title = "More Ways to Give"
    index_title = "Desk"
    index_template = "admin/desk.html"
    enable_nav_sidebar = True

    def __init__(self, name: str = "admin") -> None:
        super().__init__(name)
        self._figures: list[Figures] = []

    def add_figures(self, figures: Figures) -> None:
        self._figures.append(figures)

    def index(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> TemplateResponse:
        found = [figure for figures in self._figures for figure in figures(request)]
        return super().index(request, {"figures": found, **(extra_context or {})})

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
