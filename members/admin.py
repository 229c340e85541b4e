"""Members in the admin: who asked for the newsletter, and how far that is proven."""

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from members.models import NewsletterSubscription
from nonprofit.admin_filters import dates
from nonprofit.admin_parts import ShownAdmin
from nonprofit.models import normal_email


@admin.register(NewsletterSubscription)
class NewsletterSubscriptionAdmin(ShownAdmin[NewsletterSubscription]):
    list_display = ("email", "status", "source", "consent_at")
    list_filter = ("status", dates("consent_at", "day of consent", are_instants=True))
    search_fields = ("email",)
    search_help_text = "A whole e-mail address"
    fields = ("email", "status", "source", "consent_at", "consent_ip", "gift_id")

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[NewsletterSubscription], search_term: str
    ) -> tuple[QuerySet[NewsletterSubscription], bool]:
        """Whole addresses only: they have an index."""
        term = search_term.strip()
        return (queryset.filter(email=normal_email(term)) if term else queryset), False
