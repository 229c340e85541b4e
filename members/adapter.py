"""How sign-in behaves for us: letters through the outbox, nobody signs up, and a proven mailbox brings its gifts."""

import time
import uuid
from typing import Any

from allauth.account import app_settings
from allauth.account.adapter import DefaultAccountAdapter
from allauth.account.authentication import get_authentication_records
from allauth.core import context
from allauth.core.exceptions import ReauthenticationRequired
from django.contrib.auth.models import AnonymousUser
from django.http import HttpRequest
from django.template.loader import render_to_string
from django.urls import reverse

from members import accounts
from nonprofit import limits, mail, nudge
from nonprofit.models import User

SIGN_IN_CODE = "account/email/login_code"
UNKNOWN_ADDRESS = "account/email/unknown_account"


class AccountAdapter(DefaultAccountAdapter):
    """allauth's hooks, answered our way."""

    error_messages = DefaultAccountAdapter.error_messages | {
        "incorrect_code": "That is not the code we sent. Check the newest letter from us and try again.",
        "too_many_login_attempts": "That code was tried too often. Ask for a new one below.",
    }

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        """Accounts come from giving; there is no sign-up page."""
        return False

    def send_mail(self, template_prefix: str, email: str, context: dict[str, Any]) -> None:
        """Queue one of allauth's letters in our words, and wake the sender."""
        template, facts = _letter(template_prefix, email, context)
        mail.queue(f"account:{uuid.uuid4().hex}", email, template, facts)
        nudge.after_commit("nonprofit.tasks.send_mail")

    def login(self, request: HttpRequest, user: User) -> None:
        """Sign the user in; what was given under their proven address is theirs from now on."""
        accounts.link_donor(user)
        super().login(request, user)

    def get_client_ip(self, request: HttpRequest) -> str:
        """The visitor's address as all our limits see it; a server on a unix socket without a proxy tells none."""
        return limits.address(request) or "local"

    def get_reauthentication_methods(self, user: User | AnonymousUser) -> list[dict[str, Any]]:
        """Those of allauth; somebody without password and second factor proves themselves by a new code."""
        methods: list[dict[str, Any]] = super().get_reauthentication_methods(user)
        if methods or not user.is_authenticated:
            return methods
        return [{"id": "code", "description": "Sign in again", "url": reverse("account_sign_in_again")}]

    def is_reauthentication_required(self, *, app: str, **options: Any) -> bool:
        """Whether the change needs a new proof of who asks; signing in lately is one. Raises ReauthenticationRequired.

        allauth lets a user without password and second factor pass. We do not: whoever finds an old session open must
        not be able to set up a second factor of their own and so enter the admin.
        """
        request = context.request
        if _signed_in_lately(request):
            return False
        if not super().get_reauthentication_methods(request.user):
            raise ReauthenticationRequired
        return bool(super().is_reauthentication_required(app=app, **options))


def _signed_in_lately(request: HttpRequest) -> bool:
    records = get_authentication_records(request, request.user)
    return bool(records) and time.time() - records[-1]["at"] < app_settings.REAUTHENTICATION_TIMEOUT


def _letter(template_prefix: str, email: str, facts: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    """Our template for one of allauth's letters and what it needs; letters without one of ours keep allauth's text."""
    if template_prefix == SIGN_IN_CODE:
        minutes = app_settings.LOGIN_BY_CODE_TIMEOUT // 60
        return "sign_in_code", {"code": facts["code"], "minutes": minutes}
    if template_prefix == UNKNOWN_ADDRESS:
        return ("sign_in_closed" if accounts.is_closed(email) else "unknown_address"), {"email": email}
    subject = " ".join(render_to_string(f"{template_prefix}_subject.txt", facts).split())
    text = render_to_string(f"{template_prefix}_message.txt", {**facts, "email": email}, context.request).strip()
    return "account_notice", {"subject": subject, "text": text}
