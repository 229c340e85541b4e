"""Every address of the site."""

from django.contrib import admin
from django.urls import include, path

from donations import webhooks
from nonprofit import health

urlpatterns = [
    # First, because it is asked for most: each address above costs it time.
    path("stripe/webhook/", webhooks.stripe, name="stripe_webhook"),
    path("health/live", health.live, name="health_live"),
    path("health/ready", health.ready, name="health_ready"),
    path("admin/", admin.site.urls),
    path("accounts/", include("members.account_urls")),
    path("portal/", include("members.urls")),
    path("", include("donations.urls")),
]
