"""The floor in the admin: the organisation, who may sign in, letters and the audit log."""

from typing import Any

from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from django.contrib import admin, messages
from django.contrib.admin.views.main import ChangeList
from django.contrib.auth.models import Group
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import URLPattern, path, reverse

from nonprofit import mail
from nonprofit.admin_filters import dates
from nonprofit.admin_forms import OrganizationForm, StaffForm
from nonprofit.admin_lists import IndexedList
from nonprofit.admin_parts import (
    AuditedAdmin,
    Column,
    Deed,
    Panel,
    Refused,
    ShownAdmin,
    TextAdmin,
    actor,
    actors,
    audit_panel,
    details,
    may,
    verb,
)
from nonprofit.admin_site import Figure, on_desk
from nonprofit.generics import ModelForm
from nonprofit.models import AuditEntry, Organization, OutgoingEmail, User, normal_email

# Ours show the same with fewer ways to break it.
for stock in (EmailAddress, Authenticator, Group):
    admin.site.unregister(stock)


@admin.register(Organization)
class OrganizationAdmin(TextAdmin[Organization]):
    """One row: its list is its page."""

    form = OrganizationForm
    fieldsets = (
        (None, {"fields": ("name", "legal_name", "ein", "tagline")}),
        ("How to reach us", {"fields": ("email", "phone", "website")}),
        (
            "Mailing address",
            {"fields": ("address_line1", "address_line2", "city", "region", "postal_code", "country")},
        ),
        ("Look", {"fields": ("brand_color", "accent_color")}),
        ("Receipts", {"fields": ("signatory_name", "signatory_title", "receipt_thanks")}),
    )

    def has_add_permission(self, request: HttpRequest) -> bool:
        return super().has_change_permission(request) and not Organization.objects.exists()

    def has_delete_permission(self, request: HttpRequest, obj: Organization | None = None) -> bool:
        return False

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        if self.has_view_or_change_permission(request) and Organization.objects.exists():
            return redirect("admin:nonprofit_organization_change", 1)
        return super().changelist_view(request, extra_context)

    def save_model(self, request: HttpRequest, obj: Organization, form: ModelForm[Organization], change: bool) -> None:
        obj.pk = 1
        super().save_model(request, obj, form, change)


@admin.register(User)
class UserAdmin(AuditedAdmin[User]):
    """Who can sign in. Making staff is for administrators; making people who may do everything, for those only."""

    form = StaffForm
    list_display = ("email", "name", "is_staff", "group_names", "is_active", "joined_at")
    list_filter = ("is_staff", "is_superuser", "is_active")
    search_fields = ("email", "name")
    search_help_text = "E-mail or name"

    def get_queryset(self, request: HttpRequest) -> QuerySet[User]:
        return super().get_queryset(request).prefetch_related("groups")

    @admin.display(description="Groups")
    def group_names(self, user: User) -> str:
        return ", ".join(sorted(group.name for group in user.groups.all())) or "—"

    def get_fields(self, request: HttpRequest, obj: User | None = None) -> tuple[str, ...]:
        fields = ("email", "name", "is_staff", "groups", "is_superuser", "is_active")
        return (*fields, "joined_at", "last_login") if obj else fields

    def get_readonly_fields(self, request: HttpRequest, obj: User | None = None) -> tuple[str, ...]:
        # Another address would be another person's way in: sign-in codes go there. So it never changes here.
        fixed = ("email", "joined_at", "last_login") if obj else ()
        return fixed if _is_superuser(request) else (*fixed, "is_superuser")

    def has_change_permission(self, request: HttpRequest, obj: User | None = None) -> bool:
        if obj is not None and obj.is_superuser and not _is_superuser(request):
            return False
        return super().has_change_permission(request, obj)

    def has_delete_permission(self, request: HttpRequest, obj: User | None = None) -> bool:
        return False

    def audited(self, form: ModelForm[User]) -> tuple[dict[str, Any], dict[str, Any]]:
        """Rights only: the log never forgets, so it holds no names and addresses."""
        before, after = super().audited(form)
        words = ("name", "email")
        return (
            {name: value for name, value in before.items() if name not in words},
            {name: "changed" if name in words else value for name, value in after.items()},
        )


def _is_superuser(request: HttpRequest) -> bool:
    return bool(request.user.is_superuser)  # type: ignore[union-attr]


@admin.register(Group)
class GroupAdmin(ShownAdmin[Group]):
    """The groups come with the software; here one sees what each may do."""

    list_display = ("name",)
    fields = ("name",)
    ordering = ("name",)

    def panels(self, request: HttpRequest, row: Group) -> list[Panel]:
        rights = row.permissions.select_related("content_type").order_by("content_type__app_label", "name")
        people = User.objects.filter(groups=row).order_by("email")[:100]
        return [
            Panel("Rights", [Column("May")], [(right.name.removeprefix("Can "),) for right in rights], "None."),
            Panel("People", [Column("E-mail"), Column("Name")], [(u.email, u.name) for u in people], "Nobody."),
        ]


@admin.register(Authenticator)
class AuthenticatorAdmin(AuditedAdmin[Authenticator]):
    """Second factors: seen without their secrets, and taken away when somebody lost theirs."""

    list_display = ("user", "type", "created_at", "last_used_at")
    list_filter = ("type",)
    list_select_related = ("user",)
    fields = ("user", "type", "created_at", "last_used_at")
    search_fields = ("user__email",)
    search_help_text = "E-mail"

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Authenticator | None = None) -> bool:
        return False


@admin.register(OutgoingEmail)
class OutgoingEmailAdmin(ShownAdmin[OutgoingEmail]):
    list_display = ("queued_at", "to", "subject", "status", "tries", "sent_at")
    list_display_links = ("queued_at", "subject")
    list_filter = ("status", dates("queued_at", "day", are_instants=True))
    heavy = ("text", "html")
    # Letters say what was given.
    amounts = frozenset({"subject", "text"})
    search_fields = ("to",)
    search_help_text = "A whole e-mail address, or a letter's key like receipt:42"
    actions = ("send_again",)
    fieldsets = (
        (None, {"fields": ("to", "subject", "status", "queued_at", "sent_at")}),
        ("Delivery", {"fields": ("tries", "next_try_at", "last_error", "message_id", "key")}),
        ("Letter", {"fields": ("attachment_name", "text")}),
    )

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[OutgoingEmail], search_term: str
    ) -> tuple[QuerySet[OutgoingEmail], bool]:
        """Whole addresses and keys only: they have an index each."""
        term = search_term.strip()
        if term:
            queryset = queryset.filter(key=term) if ":" in term else queryset.filter(to=normal_email(term))
        return queryset, False

    def has_resend_permission(self, request: HttpRequest) -> bool:
        return may(request, "nonprofit.resend_outgoingemail")

    @admin.action(description="Send given-up letters again", permissions=["resend"])
    def send_again(self, request: HttpRequest, queryset: QuerySet[OutgoingEmail]) -> None:
        sent = sum(mail.send_again(pk, actor(request)) for pk in queryset.values_list("pk", flat=True))
        messages.success(request, f"{sent} {'letter waits' if sent == 1 else 'letters wait'} to be sent again.")

    def deeds(self, request: HttpRequest, row: OutgoingEmail) -> list[Deed]:
        if row.status != OutgoingEmail.Status.FAILED or not self.has_resend_permission(request):
            return []
        return [Deed("Send again", reverse("admin:nonprofit_outgoingemail_send_again", args=[row.pk]))]

    def panels(self, request: HttpRequest, row: OutgoingEmail) -> list[Panel]:
        return [audit_panel([row])] if may(request, "nonprofit.view_auditentry") else []

    def get_urls(self) -> list[URLPattern]:
        again = path("<int:pk>/send-again/", self.admin_site.admin_view(self.again), name=f"{self._name}_send_again")
        return [again, *super().get_urls()]

    _name = "nonprofit_outgoingemail"

    def again(self, request: HttpRequest, pk: int) -> HttpResponse:
        """The button on a letter's page."""
        return verb(request, "nonprofit.resend_outgoingemail", OutgoingEmail, pk, _send_again)


def _send_again(email: OutgoingEmail, who: str) -> str:
    if not mail.send_again(email.pk, who):
        raise Refused("This letter is not given up.")
    return "The letter waits to be sent; look again in a moment."


class AuditList(IndexedList):
    """Names the people of a whole page at once."""

    def get_results(self, request: HttpRequest) -> None:
        super().get_results(request)
        names = actors([entry.actor for entry in self.result_list])
        for entry in self.result_list:
            entry.who = names[entry.actor]


@admin.register(AuditEntry)
class AuditEntryAdmin(ShownAdmin[AuditEntry]):
    list_display = ("at", "who", "action", "target", "what")
    # Before and after a change stand as they were in the books.
    amounts = frozenset({"what"})
    list_filter = (dates("at", "day", are_instants=True),)
    search_fields = ("target_id",)
    search_help_text = "What it was done to, like gift 42"
    fields = ("at", "who", "action", "target", "reason", "what")

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[AuditEntry], search_term: str
    ) -> tuple[QuerySet[AuditEntry], bool]:
        words = search_term.lower().split()
        if len(words) == 2:
            return queryset.filter(target_type=words[0], target_id=words[1]), False
        return (queryset.none() if words else queryset), False

    @admin.display(description="Who")
    def who(self, entry: AuditEntry) -> str:
        return str(getattr(entry, "who", "") or actors([entry.actor])[entry.actor])

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        return AuditList

    @admin.display(description="To")
    def target(self, entry: AuditEntry) -> str:
        return f"{entry.target_type} {entry.target_id}"

    @admin.display(description="Details")
    def what(self, entry: AuditEntry) -> str:
        return details(entry)


@on_desk
def letters(request: HttpRequest) -> list[Figure]:
    """Letters that were given up."""
    if not may(request, "nonprofit.view_outgoingemail"):
        return []
    count = OutgoingEmail.objects.filter(status=OutgoingEmail.Status.FAILED).count()
    url = reverse("admin:nonprofit_outgoingemail_changelist") + "?status__exact=failed"
    return [Figure("Letters given up", str(count), url, is_trouble=count > 0)]
