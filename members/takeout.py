"""Everything we hold about a supporter, as a ZIP that is made while they wait: JSON, tables and their own papers.

Only what is theirs: their record, gifts they gave, their plans, papers they may fetch anyway, and letters to mailboxes
that they have proven. Notes of staff, and gifts of others for which they are thanked, are words and money of others.
"""

import csv
import io
import json
import zipfile
from collections.abc import Iterable, Iterator
from datetime import date, datetime
from typing import Any

from allauth.account.models import EmailAddress
from django.conf import settings
from django.db.models import QuerySet
from django.urls import reverse

from donations.models import Donor, Gift, Installment, Plan
from members import details, history
from members.models import (
    ConsentEntry,
    EmailChange,
    ErasureRequest,
    Fulfilment,
    Membership,
    MembershipPerson,
    NewsletterSubscription,
)
from members.newsletter import export
from nonprofit import pseudonyms
from nonprofit.models import OutgoingEmail, User
from nonprofit.money import Money

Row = dict[str, Any]
READ_ME = """What we hold about you

everything.json   all of it, for programs
*.csv             the same as tables
papers/           your receipts and statements as they were issued

Not in here: notes that our staff wrote for themselves, gifts of others for which you are thanked, and the audit log of
who changed what. Letters are listed with subject and date. Cards are kept by Stripe; we know the last four digits.
"""


class _Pipe(io.RawIOBase):
    """Where the ZIP is written to, and from where what is finished is sent on. It cannot go back."""

    def __init__(self) -> None:
        self.parts: list[bytes] = []

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        self.parts.append(bytes(data))
        return len(data)

    def taken(self) -> bytes:
        sent, self.parts = b"".join(self.parts), []
        return sent


def stream(user: User) -> Iterator[bytes]:
    """The ZIP, piece by piece: one paper is in memory at a time."""
    pipe = _Pipe()
    tables = everything(user)
    with zipfile.ZipFile(pipe, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("READ ME.txt", READ_ME)
        archive.writestr("everything.json", json.dumps(tables, indent=1, ensure_ascii=False, default=_plain))
        for name, rows in tables.items():
            archive.writestr(f"{name}.csv", _csv(rows))
        yield pipe.taken()
        papers = history.papers(user).select_related("file", "receipt").order_by("pk")
        for paper in papers.iterator(chunk_size=10):
            archive.writestr(f"papers/{paper.receipt.number}.pdf", bytes(paper.file.content), zipfile.ZIP_STORED)
            yield pipe.taken()
    yield pipe.taken()


def everything(user: User) -> dict[str, list[Row]]:
    """Rows by table."""
    donor = details.of(user)
    emails = _proven(user)
    return {
        "account": [{"email": user.email, "name": user.name, "since": user.joined_at, "last_sign_in": user.last_login}],
        "details": [_details(donor)] if donor else [],
        "emails": [{"email": one.email, "kind": one.purpose} for one in donor.further_emails.all()] if donor else [],
        "addresses": _rows(donor.further_addresses.all(), details.ADDRESS) if donor else [],
        "gifts": [_gift(gift) for gift in _gifts(user).iterator(chunk_size=500)],
        "plans": [_plan(plan) for plan in Plan.objects.visible_to(user).select_related("fund").order_by("pk")],
        "plan_dates": _dates(user),
        "papers": [_paper(number, at) for number, at in _numbers(user)],
        "memberships": _rows(
            Membership.objects.filter(donor__user=user),
            ("state", "level__name", "joined_on", "current_through", "declines_benefits"),
        ),
        "people_who_share_it": _rows(MembershipPerson.objects.filter(donor__user=user), ("name", "email", "added_at")),
        "benefits": _rows(
            Fulfilment.objects.filter(donor__user=user),
            ("level_benefit__benefit__name", "state", "due_on", "sent_at", "address", "tracking"),
        ),
        "newsletters": _rows(
            NewsletterSubscription.objects.filter(email__in=emails),
            ("email", "purpose", "status", "source", "consent_at", "consent_ip"),
        ),
        "consents": _rows(
            ConsentEntry.objects.filter(pseudonym__in=[pseudonyms.of(email) for email in emails]),
            ("at", "purpose", "what", "source", "ip", "words"),
        ),
        "letters": _rows(OutgoingEmail.objects.filter(to__in=emails), ("subject", "to", "queued_at", "sent_at")),
        "emails_asked_for": _rows(
            EmailChange.objects.filter(user=user), ("kind", "old_email", "new_email", "state", "asked_at")
        ),
        "erasure_asked_for": _rows(
            ErasureRequest.objects.filter(donor__user=user), ("state", "asked_at", "decided_at", "reason")
        ),
    }


def _proven(user: User) -> list[str]:
    """Mailboxes whose letters are theirs to see: one that staff typed, or that they have left, proves nothing."""
    proven = set(EmailAddress.objects.filter(user=user, verified=True).values_list("email", flat=True))
    donor = details.of(user)
    if donor is not None:
        own = EmailChange.objects.filter(user=user, state=EmailChange.State.CONFIRMED).values("new_email")
        kept = donor.further_emails.exclude(purpose="former").filter(email__in=own)
        proven |= set(kept.values_list("email", flat=True))
    return sorted(proven)


def _details(donor: Donor) -> Row:
    return {"number": donor.public_id, "kind": donor.kind, "email": donor.email} | {
        name: getattr(donor, name) for name in (*details.OWN, "addressee", "is_not_contacted", "created_at")
    }


def _gifts(user: User) -> QuerySet[Gift]:
    own = Gift.objects.visible_to(user).select_related("fund", "campaign", "receipt", "plan")
    return own.order_by("-gift_on", "-pk")


def _gift(gift: Gift) -> Row:
    return {
        "number": gift.public_id,
        "date": gift.gift_on,
        "amount": _major(gift.amount),
        "covered_fee": _major(gift.covered_fee),
        "given_back": _major(Money(gift.refunded_minor, gift.currency)),
        "currency": gift.currency,
        "state": gift.get_status_display(),
        "kind": gift.get_kind_display(),
        "frequency": gift.frequency,
        "fund": gift.fund.name,
        "plan": gift.plan.public_id if gift.plan else "",
        "receipt": gift.receipt.number if gift.receipt else "",
        "name": gift.donor_name,
        "email": gift.donor_email,
        "phone": gift.donor_phone,
        **{name: getattr(gift, name) for name in details.ADDRESS},
        "tribute": gift.tribute,
        "tribute_name": gift.tribute_name,
        "note": gift.note,
        "is_name_hidden": gift.is_name_hidden,
        "card": f"{gift.card_brand} {gift.card_last4}".strip(),
        "started_at": gift.started_at,
    }


def _plan(plan: Plan) -> Row:
    return {
        "number": plan.public_id,
        "state": plan.get_status_display(),
        "amount": _major(plan.amount),
        "currency": plan.currency,
        "interval": plan.get_interval_display(),
        "fund": plan.fund.name,
        "started_on": plan.started_on,
        "next_on": plan.next_due_on if plan.is_running else None,
        "paused_until": plan.paused_until,
        "ended_at": plan.ended_at,
        "why_it_ended": plan.end_reason or plan.get_end_display(),
        "tribute": plan.tribute,
        "tribute_name": plan.tribute_name,
        "card": f"{plan.card_brand} {plan.card_last4}".strip(),
        "agreed_to": plan.consent_text,
        "agreed_at": plan.consent_at,
        "agreed_from": plan.consent_ip,
    }


def _dates(user: User) -> list[Row]:
    dates = Installment.objects.filter(plan__in=Plan.objects.visible_to(user)).select_related("plan", "gift")
    return [
        {
            "plan": one.plan.public_id,
            "date": one.due_on,
            "amount": _major(one.amount),
            "currency": one.currency,
            "state": one.get_status_display(),
            "why": one.get_reason_display(),
            "gift": one.gift.public_id if one.gift else "",
        }
        for one in dates.order_by("plan", "due_on")
    ]


def _numbers(user: User) -> Iterable[tuple[str, datetime]]:
    return history.papers(user).order_by("pk").values_list("receipt__number", "receipt__issued_at")


def _paper(number: str, at: datetime) -> Row:
    link = settings.BASE_URL + reverse("members:receipt", args=[number])
    return {"number": number, "issued_at": at, "link": link}


def _rows(rows: QuerySet[Any], columns: Iterable[str]) -> list[Row]:
    return list(rows.order_by("pk").values(*columns))


def _major(money: Money) -> str:
    return str(money.major)


def _plain(value: object) -> str:
    return value.isoformat() if isinstance(value, date) else str(value)


def _csv(rows: list[Row]) -> str:
    text = io.StringIO()
    if rows:
        writer = csv.writer(text)
        writer.writerow(rows[0])
        writer.writerows([_cell(value) for value in row.values()] for row in rows)
    return "\ufeff" + text.getvalue()


def _cell(value: object) -> str:
    # Nothing that was typed is run as a formula by a spreadsheet (domain rule 91).
    return "" if value is None else export.plain(_plain(value))
