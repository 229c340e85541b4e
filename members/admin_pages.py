"""Pages of the members' admin that ask one question and call one verb."""

from collections.abc import Callable
from typing import Any, cast

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import Model
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from members import erasure, fulfilment, granting
from nonprofit.admin_parts import may, url_of
from nonprofit.models import User

REFUSED = (granting.CannotGrant, fulfilment.CannotShip, erasure.CannotErase)


class Pages:
    """One question each, then back to where it came from."""

    def ask(
        self, request: HttpRequest, row: Model, form: forms.Form, words: tuple[str, str, str], do: Callable[[], str]
    ) -> HttpResponse:
        """words: title, button, lead. do: the verb, and what to say when it is done."""
        title, button, lead = words
        if request.method == "POST" and form.is_valid():
            try:
                messages.success(request, do())
                return redirect(url_of(row))
            except REFUSED as refusal:
                form.add_error(None, str(refusal))
        own = cast("admin.ModelAdmin[Any]", self)
        context = own.admin_site.each_context(request) | {"opts": own.opts, "form": form, "back": url_of(row)}
        context |= {"title": title, "button": button, "lead": lead}
        status = 422 if form.errors else 200
        return TemplateResponse(request, "admin/memberships/ask.html", context, status=status)


def allow(request: HttpRequest, right: str) -> User:
    if not may(request, right) or not isinstance(request.user, User):
        raise PermissionDenied
    return request.user


def button(name: str, pk: int, words: str) -> SafeString:
    return format_html('<a class="button" href="{}">{}</a>', reverse(f"admin:members_{name}", args=[pk]), words)
