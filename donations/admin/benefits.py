"""What supporters get: the catalogue, the years that say what counts, and what came with a gift on the gift's page."""

from typing import Any, cast

from django.contrib import admin
from django.db.models import Field
from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from donations import benefits
from donations.admin.benefit_forms import BenefitForm, SafeHarborForm, money_field
from donations.admin.benefit_pages import ADD, REPLACE, BenefitPages, stands
from donations.models import Benefit, Gift, GiftBenefit, SafeHarbor
from donations.receipts import issue, terms
from donations.rules.benefits import NoRule, Treatment
from nonprofit import clock
from nonprofit.admin_amounts import sees_amounts
from nonprofit.admin_parts import (
    AuditedAdmin,
    Column,
    Deed,
    Panel,
    TextAdmin,
    actors,
    may,
    on_page,
    verb,
)
from nonprofit.generics import ModelForm
from nonprofit.models import User
from nonprofit.money import Money

VERIFY = "donations.verify_safeharbor"
COUNTS = {
    Treatment.NONE: "nothing came with it",
    Treatment.WAIVED: "declined: the whole gift counts",
    Treatment.DISREGARDED: "a small membership's privileges, which do not count",
    Treatment.INSUBSTANTIAL: "insubstantial: the whole gift counts",
    Treatment.VALUED: "its value counts; the receipt says payment, value and excess",
}


@admin.register(Benefit)
class BenefitAdmin(BenefitPages, TextAdmin[Benefit]):
    """What is offered with gifts, and what staff add. What came with a gift keeps what was said of it then."""

    form = BenefitForm
    list_display = ("name", "description", "campaign", "starts_at", "value", "cost", "has_our_name", "is_offered")
    list_select_related = ("campaign",)
    ordering = ("name", "pk")
    fieldsets = (
        (None, {"fields": ("name", "description")}),
        ("What it is worth", {"fields": ("value_minor", "cost_minor", "has_our_name", "is_small_privilege")}),
        ("Where it is offered", {"fields": ("campaign", "from_minor", "is_offered")}),
    )

    def formfield_for_dbfield(self, db_field: "Field[Any, Any]", request: HttpRequest, **options: Any) -> Any:
        return money_field(db_field.name) or super().formfield_for_dbfield(db_field, request, **options)

    @admin.display(description="For gifts from")
    def starts_at(self, benefit: Benefit) -> Money | str:
        return Money(benefit.from_minor) if benefit.from_minor else "any"

    @admin.display(description="Value")
    def value(self, benefit: Benefit) -> Money:
        return Money(benefit.value_minor)

    @admin.display(description="Cost")
    def cost(self, benefit: Benefit) -> Money:
        return Money(benefit.cost_minor)

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Whoever sees no amounts cannot say what it is worth."""
        return super().has_add_permission(request) and sees_amounts(request)

    def has_delete_permission(self, request: HttpRequest, obj: Benefit | None = None) -> bool:
        return False


@admin.register(SafeHarbor)
class SafeHarborAdmin(AuditedAdmin[SafeHarbor]):
    """A year's figures decide once somebody has verified them; a change takes that back."""

    form = SafeHarborForm
    change_form_template = "admin/edited.html"
    list_display = ("year", "low_cost", "minimum_gift", "cap", "source", "verified")
    list_select_related = ("verified_by",)
    ordering = ("-year",)
    fields = ("year", "low_cost_minor", "minimum_gift_minor", "cap_minor", "source", "verified")
    readonly_fields = ("verified",)

    def formfield_for_dbfield(self, db_field: "Field[Any, Any]", request: HttpRequest, **options: Any) -> Any:
        return money_field(db_field.name) or super().formfield_for_dbfield(db_field, request, **options)

    @admin.display(description="Low-cost article")
    def low_cost(self, year: SafeHarbor) -> object:
        return Money(year.low_cost_minor)

    @admin.display(description="Smallest gift")
    def minimum_gift(self, year: SafeHarbor) -> object:
        return Money(year.minimum_gift_minor)

    @admin.display(description="Cap")
    def cap(self, year: SafeHarbor) -> object:
        return Money(year.cap_minor)

    @admin.display(description="Verified")
    def verified(self, year: SafeHarbor) -> str:
        if year.verified_by is None or year.verified_at is None:
            return "not yet: gifts of this year with benefits wait"
        return f"{clock.local_date(year.verified_at)}, {year.verified_by.get_full_name() or year.verified_by.email}"

    def has_delete_permission(self, request: HttpRequest, obj: SafeHarbor | None = None) -> bool:
        return False

    def save_model(self, request: HttpRequest, obj: SafeHarbor, form: ModelForm[SafeHarbor], change: bool) -> None:
        if form.changed_data:
            obj.verified_by = obj.verified_at = None
        super().save_model(request, obj, form, change)

    def render_change_form(self, request: HttpRequest, context: dict[str, Any], *args: Any, **options: Any) -> Any:
        year = context.get("original")
        if year and year.verified_at is None and may(request, VERIFY):
            url = reverse("admin:donations_safeharbor_verify", args=[year.pk])
            context["deeds"] = [Deed("I looked these figures up: they are right", url)]
        return super().render_change_form(request, context, *args, **options)

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.verify)
        return [path("<int:pk>/verify/", view, name="donations_safeharbor_verify"), *super().get_urls()]

    def verify(self, request: HttpRequest, pk: int) -> HttpResponse:
        """The button on a year's page."""

        def do(year: SafeHarbor, who: str) -> str:
            count = benefits.verify(year.pk, by=cast(User, request.user))
            again = f" Looked at again: {count} {'paper' if count == 1 else 'papers'} that waited." if count else ""
            return f"The figures of {year.year} are verified.{again}"

        return verb(request, VERIFY, SafeHarbor, pk, do)


# ---- On the gift's page ---------------------------------------------------------------------------------------------


@on_page(Gift)
def came_with(request: HttpRequest, gift: Gift) -> list[Panel]:
    """What came with the gift, how it counts, and the verbs of those who may record it."""
    if not may(request, "donations.view_giftbenefit"):
        return []
    rows = list(GiftBenefit.objects.filter(gift=gift).order_by("pk"))
    names = actors([row.added_by for row in rows])
    worth, cost = Column("Worth", is_number=True), Column("Cost to us", is_number=True)
    columns = [Column("What"), worth, cost, Column("Our name"), Column("Taken"), Column("Recorded by")]
    shown = [
        (
            row.description,
            row.value,
            Money(row.cost_minor, gift.currency),
            "yes" if row.has_our_name else "no",
            "declined" if row.is_declined else "yes",
            names[row.added_by],
        )
        for row in rows
    ]
    may_change = may(request, REPLACE if stands(gift) else ADD) and gift.status not in benefits.OVER
    deeds = deeds_of(rows) if may_change and not stands(gift) else []
    told = more(gift, rows, may_change=may_change)
    return [Panel("What came with it", columns, shown, "Nothing came with it.", more=told, deeds=deeds)]


def deeds_of(rows: list[GiftBenefit]) -> list[Deed]:
    """One button a line, while no paper says what came."""
    return [
        Deed(
            f"{row.description}: {'was taken after all' if row.is_declined else 'was declined with the gift'}",
            reverse(f"admin:donations_benefit_{'taken' if row.is_declined else 'declined'}", args=[row.pk]),
        )
        for row in rows
    ]


def more(gift: Gift, rows: list[GiftBenefit], *, may_change: bool) -> SafeString | str:
    """How it counts, and where something is added."""
    counts = counting(gift) if rows else ""
    if not may_change:
        return counts
    url = reverse("admin:donations_benefit_came", args=[gift.pk])
    words = "Its paper says it wrongly" if stands(gift) else "Record what came with it"
    return format_html('{} <a href="{}">{}</a>', counts, url, words)


def counting(gift: Gift) -> str:
    """How what came with it counts on its paper, or why the paper waits."""
    try:
        treated = issue.settled(gift, terms.of([gift.pk])).document.treated
    except NoRule as why:
        return f"Its paper waits: {why}"
    year = f" (figures of {treated.safe_harbor_year})" if treated.safe_harbor_year else ""
    return f"On its paper: {COUNTS[treated.treatment]}{year}."
