"""Members in the admin: levels and what comes with them, who is a member and why, and what is to be sent."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from django.contrib import admin
from django.db.models import Field, Model, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from django.urls import URLPattern, path
from django.utils.formats import date_format
from django.utils.html import format_html
from django.utils.safestring import SafeString

from donations.admin.forms import MoneyField
from donations.desk import find
from members import admin_lapsed, granting, memberships
from members.admin_forms import FromGiftForm, GrantForm, PersonForm, WhyForm
from members.admin_pages import Pages, allow, button
from members.models import (
    Fulfilment,
    Level,
    LevelBenefit,
    Membership,
    MembershipGrant,
    MembershipPerson,
    MembershipPolicy,
)
from nonprofit import clock, nudge
from nonprofit.admin_filters import dates
from nonprofit.admin_parts import AuditedAdmin, Column, OneRowAdmin, Panel, ShownAdmin, actor, audit_panel, link, may
from nonprofit.generics import ModelForm

MANAGE = "members.manage_membership"
RECOMPUTE = "members.tasks.recompute_memberships"


class StandingAdmin(AuditedAdmin[Any]):
    """Rows that decide who is a member: everybody is computed anew after a change."""

    def save_related(self, request: HttpRequest, form: ModelForm[Any], formsets: Any, change: bool) -> None:
        super().save_related(request, form, formsets, change)
        nudge.after_commit(RECOMPUTE)

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def formfield_for_dbfield(self, db_field: "Field[Any, Any]", request: HttpRequest, **options: Any) -> Any:
        if db_field.name == "from_minor":
            return MoneyField(label="From, a year", help_text="A monthly gift counts twelve times.")
        return super().formfield_for_dbfield(db_field, request, **options)


@admin.register(Level)
class LevelAdmin(StandingAdmin):
    """What a year of giving buys. Changing an amount computes everybody's membership anew."""

    list_display = ("name", "price", "kind", "is_offered", "position")
    ordering = ("position", "from_minor", "pk")
    fields = ("name", "from_minor", "kind", "description", "position", "is_offered")

    @admin.display(description="From, a year")
    def price(self, level: Level) -> object:
        return level.price


@admin.register(LevelBenefit)
class LevelBenefitAdmin(AuditedAdmin[LevelBenefit]):
    """What comes with a level: out of the catalogue of benefits, with its stock."""

    list_display = ("benefit", "level", "is_shipped", "in_stock")
    list_select_related = ("benefit", "level")
    fields = ("level", "benefit", "is_shipped", "in_stock")

    def has_delete_permission(self, request: HttpRequest, obj: LevelBenefit | None = None) -> bool:
        used = obj is not None and obj.fulfilments.exists()
        return not used and super().has_delete_permission(request, obj)


@admin.register(MembershipPolicy)
class MembershipPolicyAdmin(OneRowAdmin[MembershipPolicy], StandingAdmin):
    """How long a membership lasts, and how long it waits."""

    fields = ("term_months", "grace_days")


class EndsSoon(admin.SimpleListFilter):
    """Members to write to or call before they lapse."""

    title = "end"
    parameter_name = "ends"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("30", "within 30 days"), ("90", "within 90 days")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Membership]) -> QuerySet[Membership]:
        if self.value() not in ("30", "90"):
            return queryset
        today = clock.today()
        return queryset.filter(
            state=Membership.State.CURRENT,
            current_through__range=(today, today + timedelta(days=int(self.value() or 0))),
        )


@admin.register(Membership)
class MembershipAdmin(Pages, ShownAdmin[Membership]):
    """Who is, or was, a member: computed from settled money, so nothing here is typed."""

    change_list_template = "admin/memberships/list.html"
    list_display = ("donor", "state", "level", "through", "joined_on", "rejoined_on")
    list_select_related = ("donor", "level")
    list_filter = (
        "state",
        "level",
        EndsSoon,
        dates("current_through", "last day"),
        dates("joined_on", "day of joining"),
    )
    search_fields = ("donor",)
    search_help_text = "A supporter's name, e-mail or number"
    fields = ("supporter", "state", "level_shown", "through", "grace_through", "joined_on", "rejoined_on", "wishes")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Membership]:
        match = request.resolver_match
        is_list = match is not None and (match.url_name or "").endswith("_changelist")
        rows = super().get_queryset(request)
        return rows.exclude(state=Membership.State.NEVER) if is_list else rows

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Membership], search_term: str
    ) -> tuple[QuerySet[Membership], bool]:
        term = search_term.strip()
        if not term:
            return queryset, False
        return queryset.filter(donor__in=[one.donor_id for one in find.find(term)]), False

    @admin.display(description="Member through")
    def through(self, row: Membership) -> object:
        if row.is_for_life:
            return "for life"
        return date_format(row.current_through) if row.current_through else "—"

    @admin.display(description="Level")
    def level_shown(self, row: Membership) -> str:
        """The level to its own last day: a lower one may carry on to the end of the membership."""
        return memberships.headline(row).words or "—"

    @admin.display(description="Supporter")
    def supporter(self, row: Membership) -> SafeString | str:
        return link(row.donor)

    @admin.display(description="Wishes")
    def wishes(self, row: Membership) -> str:
        return "wants nothing sent" if row.declines_benefits else "—"

    def panels(self, request: HttpRequest, row: Membership) -> list[Panel]:
        ways = _ways(request, row)
        why = Panel(
            "Why", [Column("In the words the member reads")], [(one["text"],) for one in row.why], "Nothing counts."
        )
        found = [why, _grants(request, row, ways), _people(request, row), _sent(row)]
        return [*found, audit_panel([row, row.donor])] if may(request, "nonprofit.view_auditentry") else found

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view
        pages: list[tuple[str, Callable[..., HttpResponse], str]] = [
            ("<int:pk>/give/", self.give, "give"),
            ("<int:pk>/from-gift/", self.from_gift, "from_gift"),
            ("<int:pk>/add-person/", self.add_person, "add_person"),
            ("grant/<int:pk>/end/", self.end, "end"),
            ("person/<int:pk>/remove/", self.remove_person, "remove_person"),
        ]
        mine = [path(where, view(page), name=f"members_membership_{name}") for where, page, name in pages]
        lately = path("lapsed/", view(self.lapsed), name="members_membership_lapsed")
        return [lately, *mine, *super().get_urls()]

    def lapsed(self, request: HttpRequest) -> HttpResponse:
        """Whom to win back: who lapsed lately, with how they may be reached."""
        allow(request, admin_lapsed.VIEW)
        context = {**self.admin_site.each_context(request), "opts": self.opts, **admin_lapsed.page(request)}
        return TemplateResponse(request, "admin/memberships/lapsed.html", context)

    def give(self, request: HttpRequest, pk: int) -> HttpResponse:
        """A complimentary membership, or one for life."""
        user, row = allow(request, MANAGE), get_object_or_404(Membership, pk=pk)
        form = GrantForm(request.POST or None)

        def do() -> str:
            typed = form.cleaned_data
            if typed["ends_on"]:
                granting.complimentary(
                    row.donor_id, typed["level"], ends_on=typed["ends_on"], why=typed["why"], user=user
                )
            else:
                granting.for_life(row.donor_id, typed["level"], why=typed["why"], user=user)
            return f"{row.donor} has a membership."

        return self.ask(request, row, form, ("Give a membership", "Give it", "Nobody pays for it."), do)

    def from_gift(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Somebody else's gift makes them a member."""
        user, row = allow(request, MANAGE), get_object_or_404(Membership, pk=pk)
        form = FromGiftForm(request.POST or None)

        def do() -> str:
            granting.from_gift(row.donor_id, form.cleaned_data["gift"].pk, why=form.cleaned_data["why"], user=user)
            return f"{row.donor} has the membership; the payer keeps the receipt."

        lead = "The payer has the receipt, the member the membership and what comes with it."
        return self.ask(request, row, form, ("Membership from somebody's gift", "Give it", lead), do)

    def add_person(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Somebody shares the membership."""
        allow(request, MANAGE)
        row, form = get_object_or_404(Membership, pk=pk), PersonForm(request.POST or None)

        def do() -> str:
            typed = form.cleaned_data
            return (
                f"{granting.add_person(row.donor_id, typed['name'], typed['email'], actor=actor(request))} shares it."
            )

        return self.ask(request, row, form, ("Somebody shares it", "Add them", ""), do)

    def end(self, request: HttpRequest, pk: int) -> HttpResponse:
        """A membership that was given is taken back from today on."""
        user, grant = allow(request, MANAGE), get_object_or_404(MembershipGrant, pk=pk)
        row, form = get_object_or_404(Membership, donor=grant.donor_id), WhyForm(request.POST or None)

        def do() -> str:
            granting.end(grant.pk, why=form.cleaned_data["why"], user=user)
            return "It is taken back from today on."

        return self.ask(request, row, form, (f"End: {grant}", "End it", f"Given because: {grant.why}"), do)

    def remove_person(self, request: HttpRequest, pk: int) -> HttpResponse:
        """They no longer share it."""
        allow(request, MANAGE)
        person = get_object_or_404(MembershipPerson, pk=pk)
        row, form = get_object_or_404(Membership, donor=person.donor_id), WhyForm(request.POST or None)

        def do() -> str:
            granting.remove_person(person.pk, actor=actor(request))
            return f"{person} no longer shares it."

        return self.ask(request, row, form, (f"Remove {person}", "Remove them", ""), do)


def _ways(request: HttpRequest, row: Membership) -> SafeString | str:
    if not may(request, MANAGE):
        return ""
    first, second = (
        button("membership_give", row.pk, "Give one"),
        button("membership_from_gift", row.pk, "From a gift"),
    )
    return format_html("{} {}", first, second)


def _grants(request: HttpRequest, row: Membership, more: SafeString | str) -> Panel:
    rows = []
    for one in MembershipGrant.objects.filter(donor=row.donor_id).select_related("level", "gift"):
        ended = f"ended {one.ended_on}: {one.ended_why}" if one.ended_on else ""
        may_end = may(request, MANAGE) and not one.ended_on
        last = one.ends_on or ("by its gift" if one.gift_id else "for life")
        what = link(one.gift, one.gift.public_id) if one.gift else str(one.level)
        rows.append(
            (
                one.get_kind_display(),
                what,
                last,
                one.why,
                button("membership_end", one.pk, "End") if may_end else ended,
            )
        )
    columns = [Column(name) for name in ("Kind", "Level or gift", "To", "Why", "Ended")]
    return Panel("Given to them", columns, rows, "No membership was given to them.", more=more)


def _people(request: HttpRequest, row: Membership) -> Panel:
    may_manage = may(request, MANAGE)
    rows = [
        (one.name, one.email or "—", button("membership_remove_person", one.pk, "Remove") if may_manage else "")
        for one in MembershipPerson.objects.filter(donor=row.donor_id)
    ]
    more = button("membership_add_person", row.pk, "Add somebody") if may_manage else ""
    return Panel("Shared with", [Column("Name"), Column("E-mail"), Column("")], rows, "Nobody else.", more=more)


def _sent(row: Membership) -> Panel:
    rows = [
        (link(one, str(one.level_benefit.benefit)), one.due_on, one.get_state_display(), one.tracking or "—")
        for one in Fulfilment.objects.filter(donor=row.donor_id)
        .select_related("level_benefit__benefit")
        .order_by("-pk")[:50]
    ]
    columns = [Column(name) for name in ("What", "Due since", "State", "Tracking")]
    return Panel("Benefits to send", columns, rows, "Nothing is to be sent.")
