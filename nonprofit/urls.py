"""Every address of the site."""

from django.contrib import admin
from django.urls import include, path

from nonprofit import health, mail_news

urlpatterns = [
    # First, because these are asked for most: each address above costs them time.
    path("", include("donations.urls")),
    path("health/live", health.live, name="health_live"),
    path("health/ready", health.ready, name="health_ready"),
    path("mail/events/", mail_news.receive, name="mail_events"),
    path("admin/", admin.site.urls),
    path("accounts/", include("members.account_urls")),
    path("portal/", include("members.urls")),
    path("members/entitlement/", include("members.entitlement_urls")),
    path("newsletter/", include("members.newsletter.urls")),
]
