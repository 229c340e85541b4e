"""The bank in the admin: accounts, statement files looked at and brought in, and lines tied or explained."""

from typing import Any, cast

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.safestring import SafeString
from django.views.decorators.http import require_POST

from donations.admin.difference_rows import link_to
from donations.books import bank, bank_files
from donations.models import BankAccount, BankImport, BankLine
from nonprofit import card_numbers
from nonprofit.admin_amounts import sees_amounts
from nonprofit.admin_filters import dates
from nonprofit.admin_parts import AuditedAdmin, Column, Panel, ShownAdmin, audit_panel, link, may, url_of
from nonprofit.generics import ModelForm
from nonprofit.models import User
from nonprofit.money import Money

SHOWN = 50
WORDS = {
    "date": "Day",
    "description": "Text",
    "amount": "Amount, signed",
    "debit": "Money out",
    "credit": "Money in",
}


class AccountForm(ModelForm[BankAccount]):
    """Four digits at most: enough to know a file by, too few to do harm."""

    class Meta:
        model = BankAccount
        fields = ("name", "number_end", "currency")
        help_texts = {"number_end": "The last four digits at most. A file of another account is refused by them."}

    def clean_number_end(self) -> str:
        end: str = self.cleaned_data["number_end"]
        if end and not end.isalnum():
            raise forms.ValidationError("Digits only, as they stand at the end of the account's number.")
        return end


@admin.register(BankAccount)
class BankAccountAdmin(AuditedAdmin[BankAccount]):
    form = AccountForm
    list_display = ("name", "number_end", "currency")
    ordering = ("name",)

    def get_readonly_fields(self, request: HttpRequest, obj: BankAccount | None = None) -> tuple[str, ...]:
        # Its lines are in it.
        return ("currency",) if obj and obj.lines.exists() else ()

    def has_delete_permission(self, request: HttpRequest, obj: BankAccount | None = None) -> bool:
        return False


class UploadForm(card_numbers.Guarded, forms.Form):
    """A statement and the account it is of."""

    account = forms.ModelChoiceField(BankAccount.objects.order_by("name"), label="Account", empty_label=None)
    file = forms.FileField(label="Statement", help_text="CSV, OFX or QFX as your bank offers it, 5 MB at most.")
    file.widget.attrs["accept"] = ".csv,.ofx,.qfx,.txt,text/csv,text/plain,application/x-ofx"


class ColumnsForm(card_numbers.Guarded, forms.Form):
    """Which heading of a CSV is what."""

    def __init__(self, statement: bank_files.Statement, data: Any = None) -> None:
        super().__init__(data, label_suffix="")
        choices = [("", "not in this file"), *((heading, heading) for heading in statement.headings if heading)]
        for what in bank_files.CHOSEN:
            initial = statement.columns.get(what, "")
            self.fields[what] = forms.ChoiceField(label=WORDS[what], choices=choices, required=False, initial=initial)


@admin.register(BankImport)
class BankImportAdmin(ShownAdmin[BankImport]):
    change_list_template = "admin/books/bank_imports.html"
    change_form_template = "admin/books/bank_import.html"
    list_display = ("name", "account", "made_at", "made_by", "new", "known", "stands")
    list_select_related = ("account", "made_by")
    heavy = ("problems", "columns")
    sortable_by = ()
    fieldsets = ((None, {"fields": ("account", "format", "made_by", "made_at", "new", "known")}),)

    @admin.display(description="New lines")
    def new(self, row: BankImport) -> str:
        return str(row.lines_new) if row.applied_at else "—"

    @admin.display(description="Known before")
    def known(self, row: BankImport) -> str:
        return str(row.lines_known) if row.applied_at else "—"

    @admin.display(description="Stands")
    def stands(self, row: BankImport) -> str:
        return "brought in" if row.applied_at else "looked at"

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        context = {"may_tie": _may(request), "has_account": BankAccount.objects.exists()}
        return super().changelist_view(request, {**context, **(extra_context or {})})

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        rows = BankImport.objects.select_related("account", "file")
        row = rows.filter(pk=object_id).first() if object_id.isdigit() else None
        shown = _looked_at(row) if row and self.has_view_permission(request) and not row.applied_at else {}
        context = {"row": row, "may_tie": _may(request), **shown}
        return super().change_view(request, object_id, form_url, {**context, **(extra_context or {})})

    def panels(self, request: HttpRequest, row: BankImport) -> list[Panel]:
        found = (
            bank.preview(row).new[:SHOWN] if not row.applied_at else row.lines.select_related("payout", "batch")[:SHOWN]
        )
        columns = [Column("Posted"), Column("Text"), Column("Amount", is_number=True)]
        if row.applied_at:
            columns.append(Column("Tied to"))
            rows = [(link(one, str(one.posted_on)), one.description, one.amount, tied_to(one)) for one in found]
        else:
            rows = [(one.posted_on, one.description, one.amount) for one in found]
        panels = [Panel("Lines" if row.applied_at else "New lines", columns, rows, "None.")]
        if row.problems:
            listed = [(problem,) for problem in row.problems[:SHOWN]]
            panels.insert(0, Panel("To look at", [Column("What")], listed, ""))
        return [*panels, audit_panel([row])] if may(request, "nonprofit.view_auditentry") else panels

    def get_urls(self) -> list[URLPattern]:
        def at(route: str, view: Any, name: str) -> URLPattern:
            found: URLPattern = path(route, self.admin_site.admin_view(view), name=f"donations_bankimport_{name}")
            return found

        return [
            at("upload/", self.upload, "upload"),
            at("<int:pk>/columns/", require_POST(self.columns), "columns"),
            at("<int:pk>/bring-in/", require_POST(self.bring_in), "bring_in"),
            at("<int:pk>/discard/", require_POST(self.discard), "discard"),
            *super().get_urls(),
        ]

    def upload(self, request: HttpRequest) -> HttpResponse:
        """A file comes in and is looked at; nothing of it counts yet."""
        user = _allow(request)
        form = UploadForm(request.POST or None, request.FILES or None, label_suffix="")
        if request.method == "POST" and form.is_valid():
            said = form.cleaned_data
            try:
                row = bank.upload(said["account"].pk, said["file"].read(), name=said["file"].name, user=user)
                return redirect(url_of(row))
            except bank_files.Unreadable as error:
                form.add_error("file", str(error))
        context = {**self.admin_site.each_context(request), "opts": self.opts, "title": "Import a bank statement"}
        context |= {"form": form, "has_account": BankAccount.objects.exists()}
        status = 422 if form.errors else 200
        return TemplateResponse(request, "admin/books/bank_upload.html", context, status=status)

    def columns(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Somebody says which column is what."""
        user, row = _allow(request), get_object_or_404(BankImport.objects.select_related("account", "file"), pk=pk)
        form = ColumnsForm(bank.preview(row).statement, request.POST)
        if form.is_valid():
            _done(request, lambda: bank.choose(pk, form.cleaned_data, user=user), "Read anew with these columns.")
        return redirect(url_of(row))

    def bring_in(self, request: HttpRequest, pk: int) -> HttpResponse:
        """The button beneath what was looked at."""
        user, row = _allow(request), get_object_or_404(BankImport, pk=pk)
        _done(request, lambda: bank.bring_in(pk, user=user), "The lines are in, and tied where only one thing fits.")
        return redirect(url_of(row))

    def discard(self, request: HttpRequest, pk: int) -> HttpResponse:
        """The file was the wrong one."""
        user = _allow(request)
        _done(request, lambda: bank.discard(pk, user=user), "The file is gone; nothing was brought in.")
        return redirect("admin:donations_bankimport_changelist")


def _looked_at(row: BankImport) -> dict[str, Any]:
    try:
        found = bank.preview(row)
    except bank_files.Unreadable as error:
        return {"trouble": str(error)}
    form = ColumnsForm(found.statement) if row.format == "csv" else None
    return {"preview": found, "columns_form": form}


class Tied(admin.SimpleListFilter):
    """Whether anybody knows what it is."""

    title, parameter_name = "tied", "tied"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("no", "money in, not tied"), ("yes", "tied or explained")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        if self.value() == "no":
            return queryset.filter(payout__isnull=True, batch__isnull=True, explanation="", amount_minor__gt=0)
        return queryset.filter(settled_at__isnull=False) if self.value() == "yes" else queryset


@admin.register(BankLine)
class BankLineAdmin(ShownAdmin[BankLine]):
    change_form_template = "admin/books/bank_line.html"
    list_display = ("posted_on", "description", "amount_shown", "tied")
    list_display_links = ("posted_on", "description")
    list_select_related = ("payout", "batch", "account")
    list_filter = (Tied, dates("posted_on", "day"))
    ordering = ("-posted_on", "-pk")
    sortable_by = ()
    fieldsets = (
        (None, {"fields": ("posted_on", "amount_shown", "description", "account", "tied")}),
        ("Where it is from", {"fields": ("bank_import", "line_id", "settled_by", "settled_at")}),
    )

    @admin.display(description="Amount")
    def amount_shown(self, line: BankLine) -> Money:
        return line.amount

    @admin.display(description="Is")
    def tied(self, line: BankLine) -> SafeString | str:
        return tied_to(line)

    def panels(self, request: HttpRequest, row: BankLine) -> list[Panel]:
        return [audit_panel([row])] if may(request, "nonprofit.view_auditentry") else []

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        line = BankLine.objects.filter(pk=object_id).first() if object_id.isdigit() else None
        context: dict[str, Any] = {"line": line, "may_tie": _may(request)}
        if line and _may(request) and line.settled_at is None:
            context["payouts"], context["batches"] = bank.candidates(line)
            for batch in context["batches"]:
                batch.came_money = Money(batch.came, batch.currency)
        return super().change_view(request, object_id, form_url, {**context, **(extra_context or {})})

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view
        return [
            path("<int:pk>/tie/", view(require_POST(self.tie)), name="donations_bankline_tie"),
            path("<int:pk>/untie/", view(require_POST(self.untie)), name="donations_bankline_untie"),
            path("<int:pk>/explain/", view(require_POST(self.explain)), name="donations_bankline_explain"),
            *super().get_urls(),
        ]

    def tie(self, request: HttpRequest, pk: int) -> HttpResponse:
        """This payout or this deposit it is: "payout:17"."""
        user, line = _allow(request), get_object_or_404(BankLine, pk=pk)
        what, _, number = request.POST.get("to", "").partition(":")
        if what not in ("payout", "batch") or not number.isdigit():
            messages.error(request, "Choose a payout or a deposit.")
        else:
            _done(request, lambda: bank.tie(pk, user=user, **{f"{what}_id": int(number)}), "Tied.")
        return redirect(url_of(line))

    def untie(self, request: HttpRequest, pk: int) -> HttpResponse:
        """It was something else."""
        user, line = _allow(request), get_object_or_404(BankLine, pk=pk)
        _done(request, lambda: bank.untie(pk, user=user), "The line waits again.")
        return redirect(url_of(line))

    def explain(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Neither payout nor deposit: what it is, in words."""
        user, line = _allow(request), get_object_or_404(BankLine, pk=pk)
        _done(request, lambda: bank.explain(pk, request.POST.get("explanation", ""), user=user), "Noted.")
        return redirect(url_of(line))


def tied_to(line: BankLine) -> SafeString | str:
    """What the line is, linked; "not tied" for money in that nobody knows."""
    if line.payout is not None:
        return link(line.payout)
    if line.batch is not None:
        url = reverse("admin:donations_batch_summary", args=[line.batch.pk])
        return link_to(url, f"deposit {line.batch}")
    return line.explanation or ("not tied" if line.amount_minor > 0 else "money out")


def _may(request: HttpRequest) -> bool:
    # Nobody ties amounts without seeing them.
    return may(request, bank.RIGHT) and sees_amounts(request)


def _allow(request: HttpRequest) -> User:
    """Raises PermissionDenied."""
    if not _may(request):
        raise PermissionDenied
    return cast(User, request.user)


def _done(request: HttpRequest, do: Any, said: str) -> None:
    try:
        do()
        messages.success(request, said)
    except (bank.CannotTie, bank_files.Unreadable) as refusal:
        messages.error(request, str(refusal))
