"""The sentences papers carry: what is said now, every version there was, and writing another one with a preview."""

from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from donations import texts
from donations.admin.benefit_forms import StateForm, TextForm
from donations.models import StatementText
from donations.receipts import terms
from donations.rules import sentences
from nonprofit.admin_parts import Column, Panel, ShownAdmin, actor, actors, audit_panel, may

WRITE = "donations.add_statementtext"


@admin.register(StatementText)
class StatementTextAdmin(ShownAdmin[StatementText]):
    """Every version there was; nobody changes one. Above them what is said now, ours where nobody wrote another."""

    change_list_template = "admin/benefits/texts.html"
    list_display = ("name", "text", "approved_by", "writer", "written_at")
    list_display_links = ("name",)
    ordering = ("code", "-version")
    fields = ("code", "version", "text", "approved_by", "writer", "written_at")

    @admin.display(description="Sentence")
    def name(self, text: StatementText) -> str:
        return str(text)

    @admin.display(description="Written by")
    def writer(self, text: StatementText) -> str:
        return actors([text.written_by])[text.written_by]

    def panels(self, request: HttpRequest, row: StatementText) -> list[Panel]:
        return [audit_panel([row])] if may(request, "nonprofit.view_auditentry") else []

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        response = super().changelist_view(request, extra_context)
        if (shown := getattr(response, "context_data", None)) is not None:
            shown["panels"] = [said_now(is_writer=may(request, WRITE))]
        return response

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view
        return [
            path("state/", view(self.state), name="donations_statementtext_state"),
            path("write/<str:sentence>/", view(self.write), name="donations_statementtext_write"),
            *super().get_urls(),
        ]

    def state(self, request: HttpRequest) -> HttpResponse:
        """A sentence that a state wants on receipts to its residents."""
        if not may(request, WRITE):
            raise PermissionDenied
        form = StateForm(request.POST or None)
        if request.method == "POST" and form.is_valid():
            return redirect("admin:donations_statementtext_write", f"ST-{form.cleaned_data['state'].upper()}")
        context = {**self.admin_site.each_context(request), "title": "A state's own sentence", "opts": self.opts}
        return TemplateResponse(request, "admin/benefits/state.html", {**context, "form": form})

    def write(self, request: HttpRequest, sentence: str) -> HttpResponse:
        """A new version of a sentence: previewed on real gifts first, kept when somebody says so."""
        if not may(request, WRITE):
            raise PermissionDenied
        code = sentence
        if not (code in sentences.SENTENCES or sentences.OF_STATE.fullmatch(code)):
            raise Http404("no such sentence")
        library = terms.library()
        now = library.text(code) if library.has(code) else sentences.Text(0, "")
        form, shown = TextForm(code, request.POST or None, text=now.template), []
        if request.method == "POST" and form.is_valid():
            words, approved = form.cleaned_data["text"], form.cleaned_data["approved_by"]
            if "keep" in request.POST:
                made = texts.write(code, words, approved_by=approved, actor=actor(request))
                messages.success(request, f"From now on papers say {made}. What was printed stays as it is.")
                return redirect("admin:donations_statementtext_changelist")
            shown = texts.preview(code, words)
        context = {
            **self.admin_site.each_context(request),
            "title": f"{code}: write a new version",
            "opts": self.opts,
            "form": form,
            "code": code,
            "known": sentences.sentence(code),
            "now": now,
            "shown": shown,
        }
        return TemplateResponse(request, "admin/benefits/write.html", context)


def said_now(*, is_writer: bool) -> Panel:
    """Each sentence as it is said now, when it is said and after which source."""
    library = terms.library()
    states = sorted(code for code in library.own if sentences.OF_STATE.fullmatch(code))
    rows = [
        (_named(code, is_writer), _when(code), library.text(code).template, _version(library.text(code), code))
        for code in [*sentences.SENTENCES, *states]
    ]
    add = ""
    if is_writer:
        url = reverse("admin:donations_statementtext_state")
        add = format_html('<a href="{}">Add the sentence that a state wants</a>', url)
    columns = [Column("Sentence"), Column("When, and after which source"), Column("Text"), Column("Version")]
    return Panel("Said now", columns, rows, "", more=add)


def _named(code: str, is_writer: bool) -> SafeString | str:
    url = reverse("admin:donations_statementtext_write", args=[code])
    return (
        format_html('<a href="{}">{}<span class="visually-hidden">: write a new version</span></a>', url, code)
        if (is_writer)
        else code
    )


def _when(code: str) -> str:
    known = sentences.sentence(code)
    return f"{known.when} {known.source[:1].upper()}{known.source[1:]}."


def _version(text: sentences.Text, code: str) -> str:
    return f"{text.version}, ours" if code in sentences.SENTENCES and text.version == 1 else str(text.version)
