"""What staff write: campaigns with their giving pages, funds, and the sections of More Ways to Give."""

from typing import Any

from django.contrib import admin
from django.db.models import Field
from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern, path, reverse

from donations import campaigns
from donations.admin.forms import CampaignForm, money_field
from donations.models import AccountDetail, Campaign, Fund, LedgerEntry, Way
from nonprofit.admin_parts import TextAdmin, may, verb

RUN = "donations.add_campaign"


@admin.register(Campaign)
class CampaignAdmin(TextAdmin[Campaign]):
    """Staff write the texts and the suggested amounts; limits, fees and funds are for administrators."""

    form = CampaignForm
    change_form_template = "admin/edited.html"
    list_display = ("name", "slug", "is_default", "is_open", "fund")
    list_select_related = ("fund",)
    ordering = ("-is_default", "name")
    prepopulated_fields: dict[str, Any] = {}
    fieldsets = (
        (None, {"fields": ("name", "heading", "intro", "about_money", "thanks")}),
        ("Suggested amounts", {"fields": ("amounts_once", "amounts_monthly", "amounts_yearly")}),
        ("Limits and fees", {"fields": ("minimum_minor", "maximum_minor", "fee_percent", "fee_fixed_minor", "fund")}),
        ("Where it stands", {"fields": ("is_open", "slug", "code", "currency")}),
    )
    run_only = ("minimum", "maximum", "fee_percent", "fee_fixed", "fund", "slug", "code", "currency", "is_open")

    def get_fieldsets(self, request: HttpRequest, obj: Campaign | None = None) -> Any:
        """Those who only write see limits and fees as amounts, not as fields."""
        if may(request, RUN):
            return self.fieldsets
        limits = ("Limits and fees", {"fields": ("minimum", "maximum", "fee_percent", "fee_fixed", "fund")})
        return (*self.fieldsets[:2], limits, self.fieldsets[3])

    def formfield_for_dbfield(self, db_field: "Field[Any, Any]", request: HttpRequest, **options: Any) -> Any:
        return money_field(db_field.name) or super().formfield_for_dbfield(db_field, request, **options)

    def get_readonly_fields(self, request: HttpRequest, obj: Campaign | None = None) -> tuple[str, ...]:
        if not may(request, RUN):
            return self.run_only
        # Gifts were given in it; another currency is another campaign.
        return ("currency",) if obj else ()

    @admin.display(description="Smallest gift")
    def minimum(self, campaign: Campaign) -> object:
        return campaign.minimum

    @admin.display(description="Largest gift online")
    def maximum(self, campaign: Campaign) -> object:
        return campaign.maximum

    @admin.display(description="Fee per card gift, fixed part")
    def fee_fixed(self, campaign: Campaign) -> object:
        return campaign.fee_fixed

    def has_delete_permission(self, request: HttpRequest, obj: Campaign | None = None) -> bool:
        return False

    def render_change_form(self, request: HttpRequest, context: dict[str, Any], *args: Any, **options: Any) -> Any:
        campaign = context.get("original")
        if campaign and not campaign.is_default and may(request, RUN):
            url = reverse("admin:donations_campaign_default", args=[campaign.pk])
            context["deeds"] = [{"label": "Make this the page at the site's root", "url": url}]
        return super().render_change_form(request, context, *args, **options)

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.make_default)
        return [path("<int:pk>/default/", view, name="donations_campaign_default"), *super().get_urls()]

    def make_default(self, request: HttpRequest, pk: int) -> HttpResponse:
        """The button on a campaign's page."""
        return verb(request, RUN, Campaign, pk, _make_default)


def _make_default(campaign: Campaign, who: str) -> str:
    campaigns.make_default(campaign.pk, who)
    return f"{campaign.name} is now the page at the site's root."


@admin.register(Fund)
class FundAdmin(TextAdmin[Fund]):
    list_display = ("name", "code", "restriction", "is_offered", "position")
    ordering = ("position", "name")

    def get_readonly_fields(self, request: HttpRequest, obj: Fund | None = None) -> tuple[str, ...]:
        """Code and restriction stand in the books: they are fixed once money was booked to the fund."""
        return ("code", "restriction") if obj and LedgerEntry.objects.filter(fund=obj).exists() else ()

    def has_delete_permission(self, request: HttpRequest, obj: Fund | None = None) -> bool:
        return False


@admin.register(Way)
class WayAdmin(TextAdmin[Way]):
    list_display = ("title", "kind", "is_shown", "position")
    ordering = ("position", "pk")


@admin.register(AccountDetail)
class AccountDetailAdmin(TextAdmin[AccountDetail]):
    """Whoever changes an account number here changes where money goes: a right of its own, and in the audit log."""

    list_display = ("label", "way", "value", "position")
    list_select_related = ("way",)
    ordering = ("way", "position", "pk")
