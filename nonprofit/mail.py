"""The outbox: letters are queued as rows in the transaction that makes them due, and sent by a task."""

import logging
import smtplib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from email.utils import make_msgid
from typing import Any
from urllib.parse import urlsplit

import css_inline
from django.conf import settings
from django.core.mail import EmailMultiAlternatives, get_connection
from django.core.mail.backends.base import BaseEmailBackend
from django.db import transaction
from django.template.loader import render_to_string

from nonprofit import audit, clock, nudge, organization
from nonprofit.models import Organization, OutgoingEmail, StoredFile, normal_email

logger = logging.getLogger(__name__)

# After the last wait the letter is given up and stands in the admin for a person: about three days in all.
WAITS = [timedelta(minutes=m) for m in (1, 2, 5, 15, 30, 60, 180, 360, 720, 1440, 1440)]
# A worker that claimed a letter and died gives it back after this long.
CLAIM = timedelta(minutes=10)
_inliner = css_inline.CSSInliner(load_remote_stylesheets=False)


# Each says why a letter must not leave any more, or "". Asked when it goes, not when it is queued (domain rule 83).
Objection = Callable[[OutgoingEmail], str]
_objections: list[Objection] = []


def before_sending(objection: Objection) -> Objection:
    """Decorator: `objection(letter)` is asked before each letter goes. It answers by cheap queries."""
    _objections.append(objection)
    return objection


@dataclass(frozen=True, slots=True)
class MailingList:
    """Which list a letter goes to, and the address at which one POST without cookies leaves it (RFC 8058)."""

    name: str
    unsubscribe_url: str


def queue(
    key: str,
    to: str,
    template: str,
    context: Mapping[str, Any],
    *,
    attachment: StoredFile | None = None,
    attachment_name: str = "",
    of_list: MailingList | None = None,
) -> OutgoingEmail:
    """Queue templates/emails/<template>.{subject.txt,body.txt,body.html} to `to`; safe to call twice with one key.

    Call inside the transaction that makes the letter due; send with nonprofit.tasks.send_mail after commit.
    of_list: only for letters that people may leave. A receipt is none: it goes to those who left, too (domain rule 81).
    """
    letter = compose(key, to, template, context, attachment=attachment, attachment_name=attachment_name)
    if of_list is not None:
        letter.list_name, letter.unsubscribe_url = of_list.name, of_list.unsubscribe_url
    fields = ["to", "template", "subject", "text", "html", "attachment", "attachment_name"]
    fields += ["list_name", "unsubscribe_url"]
    email, _ = OutgoingEmail.objects.get_or_create(key=key, defaults={name: getattr(letter, name) for name in fields})
    return email


def compose(
    key: str,
    to: str,
    template: str,
    context: Mapping[str, Any],
    *,
    attachment: StoredFile | None = None,
    attachment_name: str = "",
    who: Organization | None = None,
) -> OutgoingEmail:
    """The letter as `queue` would store it, not stored. who: the organisation, for callers with many letters."""
    full = {**context, "organization": who or organization.get(), "base_url": settings.BASE_URL}
    subject = " ".join(render_to_string(f"emails/{template}.subject.txt", full).split())
    return OutgoingEmail(
        key=key,
        to=normal_email(to),
        template=template,
        subject=subject[:250],
        text=render_to_string(f"emails/{template}.body.txt", full).strip() + "\n",
        html=_inliner.inline(render_to_string(f"emails/{template}.body.html", full)),
        attachment=attachment,
        attachment_name=attachment_name,
    )


@transaction.atomic
def send_again(email_id: int, actor: str) -> bool:
    """A letter that was given up waits to be sent anew; False when it was not given up. Locks it; safe twice."""
    email = OutgoingEmail.objects.select_for_update().get(pk=email_id)
    if email.status != OutgoingEmail.Status.FAILED:
        return False
    audit.record(actor, "send again", email, before={"tries": email.tries, "trouble": email.last_error})
    email.status, email.tries, email.next_try_at = OutgoingEmail.Status.QUEUED, 0, clock.now()
    email.save(update_fields=["status", "tries", "next_try_at"])
    nudge.after_commit("nonprofit.tasks.send_mail")
    return True


@transaction.atomic
def stop(email_id: int, why: str) -> bool:
    """A letter that still waits is never sent; False when it does not wait any more. Locks it; safe twice."""
    waiting = OutgoingEmail.objects.select_for_update().filter(pk=email_id, status=OutgoingEmail.Status.QUEUED)
    if not waiting.exists():
        return False
    return bool(
        OutgoingEmail.objects.filter(pk=email_id).update(status=OutgoingEmail.Status.STOPPED, last_error=why[:300])
    )


def send_due(limit: int = 50) -> int:
    """Send up to `limit` letters that are due over one connection; how many were tried. Safe to run at once, often.

    A crash between sending and marking repeats one letter; none is ever lost.
    """
    ids = _claim(limit)
    if not ids:
        return 0
    give_back_at = clock.now() + CLAIM / 2
    connection: BaseEmailBackend = get_connection()
    with _opened(connection) as trouble:
        for email in OutgoingEmail.objects.filter(pk__in=ids).select_related("attachment").order_by("pk"):
            if clock.now() > give_back_at:
                # The server is slow. What is left comes back when the claim ends, so that no other worker has it too.
                break
            if why := next((why for objects in _objections if (why := objects(email))), ""):
                stop(email.pk, why)
            else:
                trouble = _send(email, connection, trouble)
    return len(ids)


def _claim(limit: int) -> list[int]:
    now = clock.now()
    with transaction.atomic():
        due = OutgoingEmail.objects.filter(status=OutgoingEmail.Status.QUEUED, next_try_at__lte=now)
        ids = list(due.order_by("next_try_at").select_for_update(skip_locked=True).values_list("pk", flat=True)[:limit])
        OutgoingEmail.objects.filter(pk__in=ids).update(next_try_at=now + CLAIM)
    return ids


@contextmanager
def _opened(connection: BaseEmailBackend) -> Iterator[Exception | None]:
    """The connection, open; yields what went wrong when the server cannot be reached at all."""
    try:
        connection.open()
        trouble: Exception | None = None
    except (OSError, smtplib.SMTPException) as error:
        trouble = error
    try:
        yield trouble
    finally:
        _close(connection)


def _close(connection: BaseEmailBackend) -> None:
    try:
        connection.close()
    except (OSError, smtplib.SMTPException) as error:
        logger.info("mail connection did not close well", extra={"error": type(error).__name__})


def _send(email: OutgoingEmail, connection: BaseEmailBackend, trouble: Exception | None) -> Exception | None:
    """The letter is marked sent, put off or given up; what keeps the next letters from being sent, if anything does."""
    message_id = make_msgid(f"{email.pk}", domain=urlsplit(settings.BASE_URL).hostname)
    if trouble is not None:
        _failed(email, trouble, is_final=False)
        return trouble
    try:
        _message(email, connection, message_id).send()
    except ValueError as error:
        # It cannot be put into words of mail at all (BadHeaderError, UnicodeError): no try will ever succeed.
        _failed(email, error, is_final=True)
    except (OSError, smtplib.SMTPException) as error:
        _failed(email, error, is_final=_refuses_for_good(error))
        return _renewed(connection, error)
    else:
        OutgoingEmail.objects.filter(pk=email.pk).update(
            status=OutgoingEmail.Status.SENT,
            sent_at=clock.now(),
            message_id=message_id,
            tries=email.tries + 1,
            last_error="",
        )
    return None


def _refuses_for_good(error: Exception) -> bool:
    """Whether the server said 5xx to this recipient or this text. RFC 5321 4.2.1: do not repeat the same request.

    What it says about our own address, login or connection is for staff to put right, and the letters then follow.
    """
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        return all(500 <= code < 600 for code, _ in error.recipients.values())
    return isinstance(error, smtplib.SMTPDataError) and 500 <= error.smtp_code < 600


def _renewed(connection: BaseEmailBackend, error: Exception) -> Exception | None:
    """After trouble with one letter the next gets a working connection: a server that hung up must not stop the rest.

    What went wrong when there is none to be had.
    """
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        return None
    _close(connection)
    try:
        connection.open()
    except (OSError, smtplib.SMTPException) as trouble:
        return trouble
    return None


def _message(email: OutgoingEmail, connection: BaseEmailBackend, message_id: str) -> EmailMultiAlternatives:
    message = EmailMultiAlternatives(
        subject=email.subject,
        body=email.text,
        to=[email.to],
        # Whoever answers a letter reaches a person, whatever address it was sent from.
        reply_to=[organization.get().email],
        connection=connection,
        headers={"Message-ID": message_id, "X-Letter": email.key, "Auto-Submitted": "auto-generated"} | _of_list(email),
    )
    if email.html:
        message.attach_alternative(email.html, "text/html")
    if email.attachment:
        message.attach(email.attachment_name, bytes(email.attachment.content), email.attachment.content_type)
    return message


def _of_list(email: OutgoingEmail) -> dict[str, str]:
    """Headers by which a mail program leaves the list with one click: RFC 8058, 3.1 (read 2026-11-26).

    The DKIM signature has to cover both, which the mail server sees to (docs/deploy.md).
    """
    if not email.unsubscribe_url:
        return {}
    return {
        "List-Id": f"<{email.list_name}.{urlsplit(settings.BASE_URL).hostname}>",
        "List-Unsubscribe": f"<{email.unsubscribe_url}>",
        "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
    }


def _failed(email: OutgoingEmail, error: Exception, *, is_final: bool) -> None:
    gives_up = is_final or email.tries >= len(WAITS)
    OutgoingEmail.objects.filter(pk=email.pk).update(
        status=OutgoingEmail.Status.FAILED if gives_up else OutgoingEmail.Status.QUEUED,
        tries=email.tries + 1,
        next_try_at=clock.now() + WAITS[min(email.tries, len(WAITS) - 1)],
        # The server's words can repeat the address, so only the kind of trouble and its code are kept.
        last_error=_kind(error),
    )
    logger.warning("mail not sent", extra={"email": email.pk, "error": type(error).__name__, "final": gives_up})


def _kind(error: Exception) -> str:
    codes = [code for code, _ in error.recipients.values()] if isinstance(error, smtplib.SMTPRecipientsRefused) else []
    return " ".join(str(part) for part in (type(error).__name__, getattr(error, "smtp_code", ""), *codes) if part)
