"""The newsletter in the admin: who is on which list and why, mailboxes that said no, what the provider was told."""

from typing import Any, cast

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import URLPattern, path, reverse
from django.views.decorators.http import require_POST

from members.models import (
    ConsentEntry,
    NewsletterExport,
    NewsletterNews,
    NewsletterSubscription,
    NewsletterSuppression,
    Purpose,
)
from members.newsletter import choices, export, optin, suppression, webhook
from nonprofit import pseudonyms
from nonprofit.admin_filters import dates
from nonprofit.admin_parts import (
    Column,
    Deed,
    Panel,
    Refused,
    ShownAdmin,
    actor,
    actors,
    audit_panel,
    link,
    may,
    url_of,
    verb,
)
from nonprofit.admin_site import Figure, on_desk
from nonprofit.models import User, normal_email

LEAVE = "members.leave_newslettersubscription"
EXPORT = "members.export_newslettersubscription"
LIFT = "members.lift_newslettersuppression"
REPLAY = "members.replay_newsletternews"
Status = NewsletterSubscription.Status


class Source(admin.SimpleListFilter):
    """Where the consent was given. Fixed choices: asking for those there are would read the whole table."""

    title, parameter_name = "where", "source"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(name, name) for name in ("giving page", "sign-up box", "preference page", "portal")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return queryset.filter(source=self.value()) if self.value() else queryset


class ByAddress:
    """Finds whole e-mail addresses only."""

    search_fields = ("email",)
    search_help_text = "A whole e-mail address"

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        term = search_term.strip()
        return (queryset.filter(email=normal_email(term)) if term else queryset), False


@admin.register(NewsletterSubscription)
class NewsletterSubscriptionAdmin(ByAddress, ShownAdmin[NewsletterSubscription]):
    change_list_template = "admin/newsletter/list.html"
    list_display = ("email", "purpose", "status", "source", "changed_at")
    list_filter = ("status", "purpose", Source, dates("changed_at", "since", are_instants=True))
    fieldsets = (
        (None, {"fields": ("email", "purpose", "status", "changed_at")}),
        ("Consent", {"fields": ("source", "consent_at", "consent_ip", "gift_id")}),
        ("Letters that asked", {"fields": ("letters", "letter_at")}),
    )

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        shown = {"may_export": may(request, EXPORT), "lists": Purpose.choices}
        return super().changelist_view(request, {**shown, **(extra_context or {})})

    def deeds(self, request: HttpRequest, row: NewsletterSubscription) -> list[Deed]:
        if row.status == Status.UNSUBSCRIBED or not may(request, LEAVE):
            return []
        off = Deed("Take off this list", reverse("admin:members_newslettersubscription_leave", args=[row.pk]))
        again = Deed("Send the letter again", reverse("admin:members_newslettersubscription_again", args=[row.pk]))
        return [again, off] if row.status == Status.WANTED else [off]

    def panels(self, request: HttpRequest, row: NewsletterSubscription) -> list[Panel]:
        panels = []
        if may(request, "members.view_consententry"):
            panels.append(consent_panel(row.email))
        if may(request, "members.view_newslettersuppression"):
            panels.append(suppressions_panel(row.email))
        if may(request, "nonprofit.view_auditentry"):
            panels.append(audit_panel([row]))
        return panels

    def get_urls(self) -> list[URLPattern]:
        view, name = self.admin_site.admin_view, "members_newslettersubscription"
        return [
            path("export/", view(require_POST(self.export)), name=f"{name}_export"),
            path("<int:pk>/leave/", view(self.leave), name=f"{name}_leave"),
            path("<int:pk>/again/", view(self.again), name=f"{name}_again"),
            *super().get_urls(),
        ]

    def export(self, request: HttpRequest) -> HttpResponse:
        """The confirmed addresses of one list, with their control file. Each time is on record."""
        if not may(request, EXPORT):
            raise PermissionDenied
        chosen = request.POST.get("list", "")
        if chosen not in Purpose:
            messages.error(request, "Choose a list first.")
            return redirect("admin:members_newslettersubscription_changelist")
        taken = export.take(Purpose(chosen), by=cast(User, request.user))
        answer = HttpResponse(taken.content, content_type="application/zip")
        answer["Content-Disposition"] = f'attachment; filename="{taken.name}"'
        answer["Cache-Control"] = "private, no-store"
        return answer

    def leave(self, request: HttpRequest, pk: int) -> HttpResponse:
        """For who calls or writes."""
        return verb(request, LEAVE, NewsletterSubscription, pk, _leave)

    def again(self, request: HttpRequest, pk: int) -> HttpResponse:
        """For who asks where the letter is."""
        return verb(request, LEAVE, NewsletterSubscription, pk, _again)


def _leave(row: NewsletterSubscription, who: str) -> str:
    if not choices.leave_for(row.pk, actor=who):
        raise Refused("This address is not on the list any more.")
    return "Taken off the list."


def _again(row: NewsletterSubscription, who: str) -> str:
    if not optin.send_again_for(row.pk):
        raise Refused(
            "No letter was sent: not wanted any more, one went minutes ago, or five did and more would annoy."
        )
    return "A new letter is on its way."


def consent_panel(email: str) -> Panel:
    """What the log says of this address, newest first."""
    entries = list(ConsentEntry.objects.filter(pseudonym=pseudonyms.of(email)).order_by("-pk")[:50])
    names = actors([entry.actor for entry in entries])
    return Panel(
        "Consent log",
        [Column("When"), Column("List"), Column("What"), Column("Where"), Column("Who"), Column("Words shown")],
        [
            (
                e.at,
                e.get_purpose_display() or "every list",
                link(e, e.get_what_display()),
                e.source,
                names[e.actor],
                e.words,
            )
            for e in entries
        ],
        "Nothing is known of this address.",
    )


def suppressions_panel(email: str) -> Panel:
    """Whether its mailbox said no."""
    rows = NewsletterSuppression.objects.filter(email=email).order_by("-pk")[:20]
    return Panel(
        "Mailbox",
        [Column("Since"), Column("Why"), Column("Code"), Column("Lifted"), Column("Because")],
        [
            (row.since, link(row, row.get_reason_display()), row.code, row.lifted_at or "no", row.lifted_because)
            for row in rows
        ],
        "Letters have not come back.",
    )


@admin.register(ConsentEntry)
class ConsentEntryAdmin(ShownAdmin[ConsentEntry]):
    """Found by the address, which it does not hold."""

    list_display = ("at", "purpose", "what", "source", "who")
    list_filter = ("what", "purpose", dates("at", "day", are_instants=True))
    search_fields = ("pseudonym",)
    search_help_text = "A whole e-mail address"
    fields = ("at", "purpose", "what", "source", "who", "ip", "words", "words_version", "pseudonym")

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[ConsentEntry], search_term: str
    ) -> tuple[QuerySet[ConsentEntry], bool]:
        term = search_term.strip()
        return (queryset.filter(pseudonym=pseudonyms.of(term)) if term else queryset), False

    @admin.display(description="Who")
    def who(self, entry: ConsentEntry) -> str:
        return actors([entry.actor])[entry.actor]


class Stands(admin.SimpleListFilter):
    """Whether letters are held back now."""

    title, parameter_name = "now", "now"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("held", "no letters go"), ("lifted", "lifted")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        if self.value() in ("held", "lifted"):
            return queryset.filter(lifted_at__isnull=self.value() == "held")
        return queryset


@admin.register(NewsletterSuppression)
class NewsletterSuppressionAdmin(ByAddress, ShownAdmin[NewsletterSuppression]):
    change_form_template = "admin/newsletter/suppression.html"
    list_display = ("email", "reason", "code", "since", "lifted_at")
    list_filter = (Stands, "reason", dates("since", "since", are_instants=True))
    fields = ("email", "reason", "code", "since", "lifted_at", "lifted_by", "lifted_because")

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        row = NewsletterSuppression.objects.filter(pk=object_id).first() if object_id.isdigit() else None
        may_lift = row is not None and row.lifted_at is None and may(request, LIFT)
        shown = {"row": row, "may_lift": may_lift}
        return super().change_view(request, object_id, form_url, {**shown, **(extra_context or {})})

    def panels(self, request: HttpRequest, row: NewsletterSuppression) -> list[Panel]:
        panels = [consent_panel(row.email)] if may(request, "members.view_consententry") else []
        return [*panels, audit_panel([row])] if may(request, "nonprofit.view_auditentry") else panels

    def get_urls(self) -> list[URLPattern]:
        lift = self.admin_site.admin_view(require_POST(self.lift))
        return [path("<int:pk>/lift/", lift, name="members_newslettersuppression_lift"), *super().get_urls()]

    def lift(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Newsletters may go there again, with a reason."""
        if not may(request, LIFT):
            raise PermissionDenied
        row = get_object_or_404(NewsletterSuppression, pk=pk)
        try:
            lifted = suppression.lift(pk, by=cast(User, request.user), because=request.POST.get("because", ""))
            messages.success(request, "Newsletters go there again." if lifted else "It was lifted before.")
        except ValueError as refusal:
            messages.error(request, str(refusal))
        return redirect(url_of(row))


@admin.register(NewsletterNews)
class NewsletterNewsAdmin(ByAddress, ShownAdmin[NewsletterNews]):
    list_display = ("id", "email", "purpose", "what", "status", "tries", "last_error", "told_at")
    list_filter = ("status", "what", dates("happened_at", "day", are_instants=True))
    fields = (
        *("email", "purpose", "what", "happened_at", "status"),
        *("tries", "next_try_at", "last_error", "told_at", "entry_id"),
    )
    actions = ("replay",)

    def has_replay_permission(self, request: HttpRequest) -> bool:
        return may(request, REPLAY)

    @admin.action(description="Tell the provider again", permissions=["replay"])
    def replay(self, request: HttpRequest, queryset: QuerySet[NewsletterNews]) -> None:
        told = sum(webhook.replay(pk, actor(request)) for pk in queryset.order_by("pk").values_list("pk", flat=True))
        messages.success(request, f"{told} of them wait to be told again.")

    def deeds(self, request: HttpRequest, row: NewsletterNews) -> list[Deed]:
        if row.status != NewsletterNews.Status.GIVEN_UP or not may(request, REPLAY):
            return []
        return [Deed("Tell again", reverse("admin:members_newsletternews_replay", args=[row.pk]))]

    def panels(self, request: HttpRequest, row: NewsletterNews) -> list[Panel]:
        return [audit_panel([row])] if may(request, "nonprofit.view_auditentry") else []

    def get_urls(self) -> list[URLPattern]:
        again = self.admin_site.admin_view(self.replay_one)
        return [path("<int:pk>/replay/", again, name="members_newsletternews_replay"), *super().get_urls()]

    def replay_one(self, request: HttpRequest, pk: int) -> HttpResponse:
        """The button on its page."""
        return verb(request, REPLAY, NewsletterNews, pk, _replay)


def _replay(row: NewsletterNews, who: str) -> str:
    if not webhook.replay(row.pk, who):
        raise Refused("It is not given up.")
    return "It waits to be told; look again in a moment."


@admin.register(NewsletterExport)
class NewsletterExportAdmin(ShownAdmin[NewsletterExport]):
    """Who took which addresses away. The files themselves are not kept."""

    list_display = ("at", "purpose", "rows", "made_by")
    list_select_related = ("made_by",)
    list_filter = ("purpose", dates("at", "day", are_instants=True))
    fields = ("at", "purpose", "rows", "sha256", "made_by")


@on_desk
def provider(request: HttpRequest) -> list[Figure]:
    """Changes that the mailing provider could not be told."""
    if not may(request, "members.view_newsletternews"):
        return []
    count = NewsletterNews.objects.filter(status=NewsletterNews.Status.GIVEN_UP).count()
    if not count:
        return []
    url = reverse("admin:members_newsletternews_changelist") + "?status__exact=given+up"
    return [Figure("Newsletter changes not told", str(count), url, is_trouble=True)]
