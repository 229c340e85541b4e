"""Every address of the site."""

from django.contrib import admin
from django.urls import include, path

from nonprofit import health

urlpatterns = [
    path("health/live", health.live, name="health_live"),
    path("health/ready", health.ready, name="health_ready"),
    path("admin/", admin.site.urls),
    path("accounts/", include("allauth.urls")),
    path("portal/", include("members.urls")),
    path("", include("donations.urls")),
]
