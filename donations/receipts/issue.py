"""Numbering receipts: due gifts become receipts with a snapshot of every fact they will print."""

import json
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import connection, transaction
from django.db.models import QuerySet

from donations.models import Donor, Gift, GiftDetail, Receipt, ReceiptBook, ReceiptDue, SoftCredit
from donations.receipts import changed, matched, statement_due, terms, wording
from donations.receipts.changed import Replaced
from donations.receipts.terms import Terms
from donations.receipts.wording import Settled
from donations.rules import chain, documents
from nonprofit import audit, clock, nudge
from nonprofit.models import Organization

logger = logging.getLogger(__name__)

# Tax receipts. Letters and thanks have a series of their own, so that a number says what it is.
SERIES = "R"
# A plain gift by card looks as it always did; every other paper says its own title and facts.
CARD, PAPER = "receipt-3", "receipt-4"
# A gift that cannot be receipted yet is looked at again after this long, and stands in the admin meanwhile.
AGAIN = timedelta(hours=1)
# Where anybody can ask whether a paper is genuine; printed on each, with its code.
CHECK_URL = f"{settings.BASE_URL}/receipts/check/"
BY_CARD = frozenset({Gift.Kind.CARD, Gift.Kind.PHONE})
in_words = wording.in_words
# Kinds for which the law leaves us a choice; the others spare the query.
CHOSEN = frozenset({Gift.Kind.IRA, Gift.Kind.VEHICLE})
_COLUMNS = [field.attname for field in Receipt._meta.concrete_fields]


def make_due(gift: Gift) -> None:
    """The settled gift waits for its paper, unless it has one or gets none. Call inside the settling transaction.

    What the paper says is read here for the first time, so details and soft credits are there already. Safe twice.
    """
    make_all_due([gift])


def make_all_due(gifts: Sequence[Gift]) -> None:
    """The same for many gifts settled together: two statements and one nudge, however many they are."""
    statement_due.changed_all(gifts)
    have = set(Receipt.objects.filter(gift__in=gifts, void__isnull=True).values_list("gift_id", flat=True))
    due = [gift for gift in gifts if gift.pk not in have and not _gets_none(gift)]
    if not due:
        return
    ReceiptDue.objects.bulk_create([ReceiptDue(gift=gift) for gift in due], ignore_conflicts=True)
    for gift in due:
        matched.thank(gift)
    nudge.after_commit("donations.tasks.issue_receipts")


def _gets_none(gift: Gift) -> bool:
    if gift.kind in BY_CARD:
        return False
    try:
        return settled(gift, terms.none()).document == documents.NONE
    except documents.NoRule:
        # It waits, and staff read why.
        return False


@dataclass(frozen=True, slots=True)
class Draft:
    """A paper that only lacks its number. facts: the snapshot without number and day of issue."""

    facts: dict[str, Any]
    gift_id: int | None = None
    replaces_id: int | None = None


@dataclass(frozen=True, slots=True)
class _Ready:
    due: ReceiptDue
    series: str
    draft: Draft


@transaction.atomic(durable=True)
def issue_due(limit: int = 100) -> list[int]:
    """Number up to `limit` due gifts as one block per series, without a gap; ids of the new receipts in number order.

    Locks the due rows and their gifts (SKIP LOCKED: several workers share the work, and a gift that is being reversed
    this moment is left alone) and, last and shortest, the year's books, in the order of their series. Safe at once and
    when killed: either the blocks are committed with their receipts or no number was used.
    """
    due = list(
        # What the bank holds gets no new paper meanwhile.
        ReceiptDue.objects.filter(due_at__lte=clock.now(), gift__status=Gift.Status.SETTLED)
        .select_related("gift__fund", "gift__donor", "gift__detail", "gift__receipt__void")
        .order_by("due_at", "pk")
        .select_for_update(skip_locked=True, no_key=True, of=("self", "gift"))[:limit]
    )
    ready = _written(due)
    receipts = [
        receipt
        for series in sorted({one.series for one in ready})
        for receipt in number(series, [one.draft for one in ready if one.series == series])
    ]
    point(receipts)
    ReceiptDue.objects.filter(pk__in=[one.due.pk for one in ready]).delete()
    return [receipt.pk for receipt in receipts]


@transaction.atomic
def look_again(due_id: int, actor: str) -> bool:
    """A paper that waited with its trouble is looked at now: somebody put it right. False when nothing waits any more.

    Locks what is due; safe twice.
    """
    due = ReceiptDue.objects.select_for_update(of=("self",)).select_related("gift").filter(pk=due_id).first()
    if due is None:
        return False
    audit.record(actor, "look at receipt again", due.gift, before={"trouble": due.trouble})
    due.due_at, due.trouble = clock.now(), ""
    due.save(update_fields=["due_at", "trouble"])
    nudge.after_commit("donations.tasks.issue_receipts")
    return True


def look_again_at_all(waiting: QuerySet[ReceiptDue], actor: str) -> int:
    """The same for many, in a few statements; how many. Call inside the transaction of what put them right."""
    due = list(waiting.select_for_update(of=("self",)).select_related("gift").order_by("pk"))
    if due:
        audit.record_all(actor, "look at receipt again", [(one.gift, {"was": one.trouble}) for one in due])
        ReceiptDue.objects.filter(pk__in=[one.pk for one in due]).update(due_at=clock.now(), trouble="")
        nudge.after_commit("donations.tasks.issue_receipts")
    return len(due)


def _written(due: list[ReceiptDue]) -> list[_Ready]:
    """What each due gift will print. One without a rule is put off, one that gets no paper after all is let go."""
    if not due:
        return []
    by = terms.of([row.gift_id for row in due])
    ready: list[_Ready] = []
    for row in due:
        try:
            paper = settled(row.gift, by)
            if paper.document == documents.NONE:
                audit.record("task", "no receipt", row.gift)
                row.delete()
            else:
                facts = _snapshot(paper, by.who, changed.replaced(row.gift.receipt, row.gift))
                ready.append(_Ready(row, paper.document.series, Draft(facts, row.gift_id, row.gift.receipt_id)))
        except documents.NoRule as error:
            logger.error("no receipt rule", extra={"gift": row.gift_id})
            ReceiptDue.objects.filter(pk=row.pk).update(trouble=str(error)[:300], due_at=clock.now() + AGAIN)
    return ready


def number(series: str, drafts: Sequence[Draft]) -> list[Receipt]:
    """Receipts with the next numbers of today's book, in the order of `drafts`, stored with their place in the chain.

    Locks the book; call it last in the transaction. A rollback gives the numbers back.
    """
    if not drafts:
        return []
    today = clock.today()
    first, last = take_numbers(series, today.year, len(drafts))
    # After the wait for the book: a later number never has an earlier time.
    now = clock.now()
    rows: list[dict[str, Any]] = []
    for sequence, draft in enumerate(drafts, start=first):
        full = f"{series}-{today.year}-{sequence:06d}"
        snapshot = draft.facts | numbered(full, today)
        last = chain.link(last, snapshot)
        rows.append(
            {
                "series": series,
                "year": today.year,
                "sequence": sequence,
                "number": full,
                "gift_id": draft.gift_id,
                "replaces_id": draft.replaces_id,
                "snapshot": snapshot,
                "code": chain.code(snapshot),
                "chain": last,
            }
        )
    receipts = _store(rows, now)
    ReceiptBook.objects.filter(series=series, year=today.year).update(last_chain=last)
    return receipts


def _store(rows: Sequence[dict[str, Any]], now: datetime) -> list[Receipt]:
    """The whole block in one statement that carries one JSON text: the year's book is locked, and others wait for it.

    About twice as fast as bulk_create, which makes an array of each column.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            """INSERT INTO donations_receipt
                (series, year, sequence, number, gift_id, replaces_id, snapshot, code, chain, issued_at)
                SELECT made.*, %s FROM json_to_recordset(%s) AS made (series text, year int, sequence int, number text,
                    gift_id bigint, replaces_id bigint, snapshot jsonb, code text, chain text)
                RETURNING sequence, id""",
            [now, json.dumps(rows)],
        )
        ids = dict(cursor.fetchall())
    stored = [row | {"id": ids[row["sequence"]], "issued_at": now} for row in rows]
    return [Receipt.from_db(connection.alias, _COLUMNS, [row[name] for name in _COLUMNS]) for row in stored]


def numbered(number: str, on: date) -> dict[str, Any]:
    """What a paper says of itself once it has its number, issued that day."""
    day = {"issued_on": wording.in_words(on), "issued_on_iso": on.isoformat()}
    return day | {"check_url": CHECK_URL, "number": number}


def take_numbers(series: str, year: int, count: int) -> tuple[int, str]:
    """Take `count` numbers from the year's locked counter: the first of them, and the chain of the number before."""
    with connection.cursor() as cursor:
        cursor.execute(
            """INSERT INTO donations_receiptbook AS book (series, year, last_number, last_chain) VALUES (%s, %s, %s, '')
                ON CONFLICT (series, year) DO UPDATE SET last_number = book.last_number + excluded.last_number
                RETURNING last_number, last_chain""",
            [series, year, count],
        )
        row = cursor.fetchone()
    return int(row[0]) - count + 1, row[1]


def point(receipts: Sequence[Receipt]) -> None:
    """Each gift's paper is the one just numbered. Call inside the transaction that numbered them."""
    if receipts:
        with connection.cursor() as cursor:
            cursor.execute(
                """UPDATE donations_gift gift SET receipt_id = made.receipt_id
                    FROM unnest(%s::bigint[], %s::bigint[]) AS made(receipt_id, gift_id)
                    WHERE gift.id = made.gift_id""",
                [[receipt.pk for receipt in receipts], [receipt.gift_id for receipt in receipts]],
            )


def settled(gift: Gift, by: Terms) -> Settled:
    """The settled gift with the document the rules give it and whom that is for. Raises NoRule."""
    detail: GiftDetail | None = None if gift.kind in BY_CARD else getattr(gift, "detail", None)
    donor, came = gift.donor, by.came_with.get(gift.pk, ())
    # Only grants and matches are somebody else's to be thanked for; a card gift costs no query.
    recognized = recognized_for(gift) if donor and donor.kind == Donor.Kind.DAF_SPONSOR else None
    document = documents.for_gift(
        documents.Given(
            kind=gift.kind,
            organization=by.who.legal_name,
            ein=by.who.ein,
            frequency=gift.frequency,
            donor_kind=donor.kind if donor else Donor.Kind.INDIVIDUAL,
            donor_country=gift.country,
            donor_region=gift.region,
            payer=gift.donor_name,
            amount=None if gift.is_property else gift.kept,
            gift_on=wording.in_words(gift.gift_on) if gift.gift_on else "",
            description=wording.description(gift, detail),
            custodian=detail.custodian if detail else "",
            value_minor=detail.internal_value_minor if detail else None,
            is_benefit_declined=detail.is_benefit_declined if detail else None,
            is_recognized=recognized is not None,
            wants_no_letter=bool(donor and donor.wants_no_letter),
            benefits=came,
            harbor=by.harbor(gift.gift_on.year) if came and gift.gift_on else None,
            texts=by.texts,
            choices=by.choices if gift.kind in CHOSEN else documents.Choices(),
        )
    )
    return Settled(gift, detail, recognized if document.to == "recognized" else donor, document)


def recognized_for(gift: Gift) -> Donor | None:
    """Who is thanked for a sponsor's grant: its advisor, or the employee whose gift a portal matched."""
    roles = [SoftCredit.Role.ADVISOR, SoftCredit.Role.EMPLOYEE]
    credit = gift.soft_credits.filter(role__in=roles).select_related("donor").order_by("role", "pk").first()
    return credit.donor if credit else None


def snapshot(
    gift: Gift, who: Organization, replaced: Replaced | None = None, by: Terms | None = None
) -> dict[str, Any]:
    """Every fact the gift's paper will print, as printed, without its number. Raises NoRule.

    by: the terms of many gifts, for whoever asks for many.
    """
    return _snapshot(settled(gift, by or terms.of([gift.pk], who)), who, replaced)


def _snapshot(paper: Settled, who: Organization, replaced: Replaced | None) -> dict[str, Any]:
    gift, detail, document = paper.gift, paper.detail, paper.document
    if gift.gift_on is None:
        raise documents.NoRule(f"gift {gift.pk} has no date")
    look = CARD if gift.kind in BY_CARD and wording.addressee(paper) == gift.donor_name else PAPER
    refunds = changed.refunds(gift)
    if document.kind != "tax_cash" or refunds or replaced or document.has_benefits:
        look = PAPER
    said = {
        "schema": look,
        "template": look,
        "locale": "en-US",
        "kind": document.kind,
        "organization": letterhead(who),
        "donor": {
            "id": gift.donor.public_id if gift.donor else "",
            "name": gift.donor_name,
            "address_lines": gift.address_lines,
        },
        "salutation": wording.salutation(paper),
        "gift": {
            "id": gift.public_id,
            # What is left of it after refunds; what was given stands beside.
            "amount": "" if gift.is_property else str(gift.kept),
            "amount_minor": gift.kept.minor,
            "given_minor": gift.amount_minor,
            "currency": gift.currency,
            "gift_on": wording.in_words(gift.gift_on),
            "gift_on_iso": gift.gift_on.isoformat(),
            "method": wording.method(gift, detail),
            "frequency": gift.get_frequency_display(),
            "fund": gift.fund.name,
            "covered_fee": str(gift.covered_fee) if gift.covered_fee and not refunds else "",
            "tribute": wording.tribute(gift),
        },
        "thanks": wording.thanks(paper, who),
        "statements": [{"code": s.code, "version": s.version, "text": s.text} for s in document.statements],
        "deductible_minor": document.deductible_minor,
    }
    if look == CARD:
        return said
    own = _own_words(paper, who)
    own["rows"] = changed.rows(own["rows"], gift, refunds, replaced)
    return said | own | changed.facts(refunds, replaced)


def _own_words(paper: Settled, who: Organization) -> dict[str, Any]:
    """What "receipt-2" prints beside: its own title, rows, and whom it is addressed to."""
    return {
        "paper": "Receipt" if paper.document.kind in documents.TAX else "Letter",
        "title": wording.title(paper),
        "heading": wording.heading(paper.document),
        "table": wording.table(paper.document, paper.gift),
        "description": wording.description(paper.gift, paper.detail) if paper.gift.is_property else "",
        "rows": wording.rows(paper, who),
        "recipient": {
            "is": paper.document.to,
            "name": wording.addressee(paper),
            "address_lines": wording.address_lines(paper),
        },
    } | ({"benefits": wording.benefits(paper.document)} if paper.document.has_benefits else {})


def letterhead(who: Organization) -> dict[str, Any]:
    """Who we are, as every paper prints it."""
    return {
        "name": who.legal_name,
        "address_lines": who.address_lines,
        "ein": who.ein,
        "phone": who.phone,
        "email": who.email,
        # As people say it, which also breaks less badly at a line's end.
        "website": who.website.partition("://")[2].rstrip("/"),
        "brand_color": who.brand_color,
        "accent_color": who.accent_color,
        "signatory_name": who.signatory_name,
        "signatory_title": who.signatory_title,
    }
