"""The staff's admin: Django's own, behind the same sign-in as everything else and a second factor."""

from allauth.mfa.utils import is_mfa_enabled
from django.conf import settings
from django.contrib.admin import AdminSite
from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse


class StaffAdminSite(AdminSite):
    site_header = "More Ways to Give"
    site_title = "More Ways to Give"
    index_title = "Desk"
    enable_nav_sidebar = True

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
