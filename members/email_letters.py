"""Letters about an account's e-mails, and the signed links in them, none of which does another's work."""

import re

from django.conf import settings
from django.core.signing import BadSignature, Signer
from django.urls import reverse

from members.models import EmailChange
from nonprofit import mail, nudge

CONFIRM, NOT_ME = "email_confirm", "email_not_me"
_NUMBER = re.compile(r"\d{1,18}")


def url(change: EmailChange, use: str) -> str:
    """The whole address that a letter says."""
    return settings.BASE_URL + reverse(f"members:{use}", args=[_signer(use).sign(str(change.pk))])


def read(token: str, use: str) -> int | None:
    """Which change the link is about, or None if we did not write it for this use."""
    try:
        number = _signer(use).unsign(token)
    except BadSignature:
        return None
    return int(number) if _NUMBER.fullmatch(number) else None


def confirm(change: EmailChange) -> None:
    """Asks the new mailbox. It says nothing of the account: the address may have been mistyped."""
    facts = {"confirm_url": url(change, CONFIRM), "is_main": change.kind == EmailChange.Kind.MAIN}
    _queue(f"email-confirm:{change.pk}", change.new_email, "email_confirm", facts)


def notice(change: EmailChange) -> None:
    """Tells the old mailbox that somebody asked, and how to stop it."""
    facts = {"not_me_url": url(change, NOT_ME), "new_email": change.new_email, "is_done": False}
    _queue(f"email-notice:{change.pk}", change.old_email, "email_changing", facts)


def changed(change: EmailChange) -> None:
    """Tells the old mailbox that it is done, and how to take it back."""
    facts = {"not_me_url": url(change, NOT_ME), "new_email": change.new_email, "is_done": True}
    _queue(f"email-changed:{change.pk}", change.old_email, "email_changing", facts)


def _queue(key: str, to: str, template: str, facts: dict[str, object]) -> None:
    mail.queue(key, to, template, facts)
    nudge.after_commit("nonprofit.tasks.send_mail")


def _signer(use: str) -> Signer:
    return Signer(sep=".", salt=f"members.{use}")
