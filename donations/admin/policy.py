"""What finance decides once: the choices that the law leaves to us, and the chart of accounts that journals are in."""

from typing import TYPE_CHECKING, Any, cast

from django.contrib import admin
from django.db.models import Model
from django.http import HttpRequest

from donations.admin.forms import MoneyField
from donations.models import Account, Policy
from nonprofit.admin_parts import AuditedAdmin, OneRowAdmin
from nonprofit.generics import ModelForm
from nonprofit.models import User

if TYPE_CHECKING:
    from django.db.models import Field


class ChoicesAdmin(OneRowAdmin[Any]):
    """One row of choices, its amounts typed in dollars and cents."""

    def formfield_for_dbfield(self, db_field: "Field[Any, Any]", request: HttpRequest, **options: Any) -> Any:
        if not db_field.name.endswith("_minor"):
            return super().formfield_for_dbfield(db_field, request, **options)
        label = str(db_field.verbose_name).removesuffix(" (cents)").capitalize()
        return MoneyField(label=label, help_text=str(db_field.help_text), may_be_zero=True)


@admin.register(Policy)
class PolicyAdmin(ChoicesAdmin):
    """What was printed or decided before stays as it was."""

    fieldsets = (
        ("Papers", {"fields": ("ira_letter_says_no_benefit", "vehicle_receipt_up_to_minor")}),
        ("Refunds", {"fields": ("refund_alone_up_to_minor",)}),
        ("Years", {"fields": ("fiscal_year_starts_in", "statements_from_day")}),
        ("Exports", {"fields": ("exports_kept_days",)}),
    )

    def save_model(self, request: HttpRequest, obj: Policy, form: ModelForm[Policy], change: bool) -> None:
        if obj.refund_alone_up_to_minor > Policy.get().refund_alone_up_to_minor:
            obj.refund_limit_by = cast(User, request.user)
        super().save_model(request, obj, form, change)


@admin.register(Account)
class AccountAdmin(AuditedAdmin[Account]):
    """One account for each thing we book. Journals name them, so they must stand in the accounting program as here."""

    list_display = ("number", "name", "role", "tax_rate")
    list_display_links = ("number", "name")
    ordering = ("number",)
    fields = ("role", "number", "name", "tax_rate")
    readonly_fields = ("role",)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False
