"""What people would use instead: Django's own admin, registered as one writes it first, over the same tables.

The columns, filters and search fields of our lists; counts, facets and pages as Django comes. Rows a page are as many
as ours, so that neither is measured by how much HTML it writes.
"""

from typing import Any

from django.contrib.admin import AdminSite, ModelAdmin
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import path

from donations.models import Donor, Gift
from nonprofit.urls import urlpatterns as ours

PER_PAGE = 50
# Goes into the settings beside our own.
TEMPLATES: dict[str, Any] = {
    "NAME": "stock",
    "BACKEND": "django.template.backends.django.DjangoTemplates",
    "APP_DIRS": True,
    "OPTIONS": {
        "context_processors": [
            "django.template.context_processors.request",
            "django.contrib.auth.context_processors.auth",
            "django.contrib.messages.context_processors.messages",
        ]
    },
}
site = AdminSite(name="stock")


class StockAdmin(ModelAdmin):  # type: ignore[type-arg]
    list_per_page = PER_PAGE

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """In Django's own templates, not in ours."""
        answer = super().changelist_view(request, extra_context)
        if isinstance(answer, TemplateResponse):
            answer.using = TEMPLATES["NAME"]
        return answer


class GiftAdmin(StockAdmin):
    list_display = ("public_id", "gift_on", "donor", "amount", "kind", "status", "number", "frequency", "fund")
    list_filter = ("kind", "status", "frequency")
    date_hierarchy = "gift_on"
    search_fields = ("donor__name", "donor__email", "donor_name", "donor_email", "receipt__number", "payment_intent_id")
    list_select_related = ("donor", "fund", "receipt")
    ordering = ("-started_at",)

    def number(self, gift: Gift) -> str:
        return gift.receipt.number if gift.receipt else "—"


class DonorAdmin(StockAdmin):
    list_display = ("name", "email", "kind", "city", "created_at")
    list_filter = ("kind",)
    date_hierarchy = "created_at"
    search_fields = ("name", "email", "phone", "postal_code")
    ordering = ("-pk",)


site.register(Gift, GiftAdmin)
site.register(Donor, DonorAdmin)
# Whoever asks here may see everything: what is measured is the lists.
site.has_permission = lambda request: _signed_in(request)  # type: ignore[method-assign]


def _signed_in(request: HttpRequest) -> bool:
    return bool(request.user.is_active)


urlpatterns: list[Any] = [path("stock/", site.urls), *ours]
