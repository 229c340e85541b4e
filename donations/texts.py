"""The sentences as the organization words them: each change a new version, seen on real gifts before it is kept."""

from dataclasses import dataclass

from django.db import connection, transaction
from django.db.models import Q, QuerySet

from donations.models import Gift, GiftBenefit, StatementText
from donations.receipts import issue, terms
from donations.rules import sentences
from donations.rules.benefits import NoRule
from donations.rules.sentences import Library, Text
from nonprofit import audit, organization

# Two who write at once: one version after the other.
_LOCK = 4_240_012
LOOKED_AT, SHOWN = 60, 3
KIND = Gift.Kind
_PROPERTY = [KIND.STOCK, KIND.CRYPTO, KIND.IN_KIND, KIND.VEHICLE]
# Among which gifts a sentence is found; the others stand on the papers of all.
_WHERE: dict[str, Q] = {
    **dict.fromkeys(["S1", "S2", "S2G"], Q(pk__in=GiftBenefit.objects.values("gift"))),
    **dict.fromkeys(["S3", "S3C"], Q(kind__in=_PROPERTY)),
    **dict.fromkeys(["S3V", "S4V"], Q(kind=KIND.VEHICLE)),
    **dict.fromkeys(["S4P", "S4R"], Q(kind=KIND.PAYROLL)),
    "S4": Q(kind__in=[KIND.DAF, KIND.MATCH, KIND.CHECK, KIND.WIRE], soft_credits__isnull=False),
    "S4S": Q(kind=KIND.SERVICES),
    "S5": Q(kind=KIND.IRA),
    "S6A": ~Q(country__in=["", "US"]),
    "S7": Q(kind=KIND.BEQUEST) | Q(donor__kind="estate"),
}
# What a sentence is shown with while no gift carries it.
MADE_UP = {
    "ein": "00-0000000",
    "payer": "Breakwater Charitable",
    "amount": "$5,000.00",
    "gift_on": "November 23, 2026",
    "custodian": "Harbor Custodian",
    "description": "12 issues of the print magazine",
    "payment": "$120.00",
    "value": "$30.00",
    "excess": "$90.00",
}


@dataclass(frozen=True, slots=True)
class Shown:
    """The sentences of a real gift's paper as they would read. gift: None where the facts are made up."""

    gift: Gift | None
    sentences: tuple[str, ...]


@transaction.atomic
def write(code: str, text: str, *, approved_by: str, actor: str) -> StatementText:
    """From now on papers say this; what was printed stays as printed. The version after the one that is said now.

    Safe twice: what is said already is no new version. Raises BadText.
    """
    words = " ".join(text.split())
    sentences.check(code, words)
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_LOCK])
    now = StatementText.objects.filter(code=code).first()
    if now and now.text == words:
        return now
    version = now.version + 1 if now else 1 if sentences.OF_STATE.fullmatch(code) else 2
    made = StatementText.objects.create(
        code=code, version=version, text=words, approved_by=approved_by, written_by=actor
    )
    audit.record(actor, "write statement text", made, after={"code": code, "version": version, "text": words})
    return made


def preview(code: str, text: str) -> list[Shown]:
    """The newest gifts whose papers carry the sentence, each with all its sentences as they would read.

    Raises BadText. Nothing is written.
    """
    words = " ".join(text.split())
    sentences.check(code, words)
    by = terms.of([])
    by.texts = by.texts.changed(code, Text(0, words))
    gifts = list(_candidates(code)[:LOOKED_AT])
    by.came_with = terms.came_with([gift.pk for gift in gifts])
    found: list[Shown] = []
    for gift in gifts:
        said = _said(gift, by)
        if any(one.code == code for one in said):
            found.append(Shown(gift, tuple(one.text for one in said)))
        if len(found) == SHOWN:
            break
    return found or [_made_up(code, by.texts)]


def _candidates(code: str) -> QuerySet[Gift]:
    where = Q(region__iexact=code[3:]) if sentences.OF_STATE.fullmatch(code) else _WHERE.get(code, Q())
    return Gift.objects.settled().filter(where).select_related("donor", "detail", "fund").order_by("-pk").distinct()


def _said(gift: Gift, by: terms.Terms) -> tuple[sentences.Statement, ...]:
    try:
        return issue.settled(gift, by).document.statements
    except NoRule:
        return ()


def _made_up(code: str, texts: Library) -> Shown:
    return Shown(None, (texts.say(code, {**MADE_UP, "organization": organization.get().legal_name}).text,))
