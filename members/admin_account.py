"""What supporters ask for on their account, in the admin: to be forgotten, and e-mails that are another record's."""

from collections.abc import Callable

from django import forms
from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from donations import donors
from donations.models import Donor
from members import emails, erasure
from members.admin_forms import Form
from members.admin_pages import Pages, allow, button
from members.models import EmailChange, ErasureRequest
from nonprofit.admin_parts import Column, Panel, ShownAdmin, actor, audit_panel, link, may
from nonprofit.admin_site import Figure, on_desk

ERASE, SETTLE = "members.decide_erasurerequest", "members.settle_emailchange"


class DecideForm(Form):
    """Why; the supporter reads it where it is refused."""

    reason = forms.CharField(label="Why", max_length=300, help_text="The supporter reads it if you refuse.")


class EraseForm(Form):
    """A second look before what cannot be taken back."""

    reason = forms.CharField(
        label="Why", max_length=300, help_text="For the next person, like “asked by letter, identity checked”."
    )
    is_sure = forms.BooleanField(label="I have read what is kept. The rest is gone for ever.")


@admin.register(ErasureRequest)
class ErasureRequestAdmin(Pages, ShownAdmin[ErasureRequest]):
    """Who wants to be forgotten: the oldest that waits stands first."""

    list_display = ("request", "donor", "state", "asked_at", "decided_at")
    list_display_links = ("request",)
    list_select_related = ("donor",)
    list_filter = ("state",)
    ordering = ("pk",)
    fields = ("supporter", "state", "asked_at", "decided_at", "decided_by", "reason")

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view
        return [
            path("<int:pk>/erase/", view(self.erase), name="members_erasurerequest_erase"),
            path("<int:pk>/refuse/", view(self.refuse), name="members_erasurerequest_refuse"),
            *super().get_urls(),
        ]

    @admin.display(description="Request")
    def request(self, row: ErasureRequest) -> str:
        return f"E-{row.pk:05d}"

    @admin.display(description="Supporter")
    def supporter(self, row: ErasureRequest) -> SafeString | str:
        return link(row.donor)

    def panels(self, request: HttpRequest, row: ErasureRequest) -> list[Panel]:
        if row.state == ErasureRequest.State.ASKED:
            kept = [f"{one.count} {one.what}: {one.why}" for one in erasure.what_is_kept(row.donor)]
        else:
            kept = row.kept
        ways: SafeString | str = ""
        if row.state == ErasureRequest.State.ASKED and may(request, ERASE):
            first = button("erasurerequest_erase", row.pk, "Erase")
            ways = format_html("{} {}", first, button("erasurerequest_refuse", row.pk, "Refuse"))
        found = [Panel("What is kept", [Column("What, and why")], [(one,) for one in kept], "Nothing.", more=ways)]
        return [*found, audit_panel([row.donor])] if may(request, "nonprofit.view_auditentry") else found

    def erase(self, request: HttpRequest, pk: int) -> HttpResponse:
        """The person goes; what is kept is said before."""
        user = allow(request, ERASE)
        row = get_object_or_404(ErasureRequest.objects.select_related("donor"), pk=pk)
        form = EraseForm(request.POST if request.method == "POST" else None)

        def do() -> str:
            done = erasure.carry_out(row.pk, user=user, reason=form.cleaned_data["reason"])
            return "They are erased. Erase the customer at Stripe, too." if done else "It was decided before."

        kept = "\n".join(f"• {one.count} {one.what}: {one.why}" for one in erasure.what_is_kept(row.donor))
        lead = (
            "Monthly gifts are stopped. Name, addresses, e-mails, notes, letters and the sign-in are erased; "
            f"it cannot be taken back.\nThis is kept:\n{kept}"
        )
        return self.ask(request, row, form, (f"Erase {row.donor.public_id}", "Erase for ever", lead), do)

    def refuse(self, request: HttpRequest, pk: int) -> HttpResponse:
        """It is not done."""
        user, row = allow(request, ERASE), get_object_or_404(ErasureRequest, pk=pk)
        form = DecideForm(request.POST if request.method == "POST" else None)

        def do() -> str:
            erasure.refuse(row.pk, user=user, reason=form.cleaned_data["reason"])
            return "Refused. They read why in the portal; please write to them, too."

        return self.ask(request, row, form, ("Refuse to erase", "Refuse", ""), do)


@admin.register(EmailChange)
class EmailChangeAdmin(Pages, ShownAdmin[EmailChange]):
    """E-mails that were asked for. "For staff": the mailbox is proven, and the address is another record's."""

    list_display = ("change", "kind", "state", "new_email", "asked_at")
    list_display_links = ("change",)
    list_filter = ("state", "kind")
    fields = ("signs_in_as", "kind", "state", "old_email", "new_email", "asked_at", "confirmed_at", "records")

    def get_urls(self) -> list[URLPattern]:
        done = path("<int:pk>/done/", self.admin_site.admin_view(self.done), name="members_emailchange_done")
        return [done, *super().get_urls()]

    def get_queryset(self, request: HttpRequest) -> QuerySet[EmailChange]:
        return super().get_queryset(request).select_related("user")

    @admin.display(description="Asked for")
    def change(self, row: EmailChange) -> str:
        return f"A-{row.pk:05d}"

    @admin.display(description="Signs in as")
    def signs_in_as(self, row: EmailChange) -> str:
        return row.user.email

    @admin.display(description="Records")
    def records(self, row: EmailChange) -> SafeString | str:
        own, other = Donor.objects.filter(user=row.user).first(), donors.by_email(row.new_email)
        return format_html("{} asks for the address of {}", link(own), link(other))

    def panels(self, request: HttpRequest, row: EmailChange) -> list[Panel]:
        if row.state != EmailChange.State.FOR_STAFF or not may(request, SETTLE):
            return []
        more = button("emailchange_done", row.pk, "Looked at")
        text = "Look at both records, ask which sign-in they want to keep, and merge them there."
        return [Panel("What to do", [], [], text, more=more)]

    def done(self, request: HttpRequest, pk: int) -> HttpResponse:
        """A person has looked at it."""
        allow(request, SETTLE)
        row, form = (
            get_object_or_404(EmailChange, pk=pk),
            DecideForm(request.POST if request.method == "POST" else None),
        )
        form.fields["reason"].help_text = "What you found and did."

        def do() -> str:
            emails.settle(row.pk, actor=actor(request), reason=form.cleaned_data["reason"])
            return "Looked at."

        return self.ask(request, row, form, ("Looked at", "Looked at", ""), do)


@on_desk
def figures(request: HttpRequest) -> list[Figure]:
    """What waits for a person."""
    found = []
    lists: list[tuple[str, str, Callable[[], int], str]] = [
        (ERASE, "Want to be forgotten", _asked, "erasurerequest_changelist?state__exact=asked"),
        (SETTLE, "E-mails of other records", _for_staff, "emailchange_changelist?state__exact=for_staff"),
    ]
    for right, words, count, where in lists:
        if may(request, right) and (waiting := count()):
            name, _, query = where.partition("?")
            found.append(Figure(words, f"{waiting:,}", f"{reverse(f'admin:members_{name}')}?{query}", is_trouble=True))
    return found


def _asked() -> int:
    return ErasureRequest.objects.filter(state=ErasureRequest.State.ASKED)[:1001].count()


def _for_staff() -> int:
    return EmailChange.objects.filter(state=EmailChange.State.FOR_STAFF)[:1001].count()
