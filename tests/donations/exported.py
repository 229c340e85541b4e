"""A small set of books with one of every money event, and exports of them read back."""

import csv
import io
import itertools
from datetime import UTC, date, datetime, timedelta
from typing import Any

from django.db.models import F

from donations.books.exports import flow, parts
from donations.books.exports.filters import Filters
from donations.models import (
    BalanceTransaction,
    Batch,
    Donor,
    Export,
    Gift,
    GiftBenefit,
    GiftDetail,
    LedgerEntry,
    Payout,
    Reversal,
    SoftCredit,
)
from donations.receipts import issue, making
from nonprofit import clock
from tests import builders

# Half past eight in the evening of January 30 in New York; in UTC it is the 31st.
EVENING = datetime(2026, 1, 31, 1, 30, tzinfo=UTC)
JANUARY: dict[str, Any] = {"first": date(2026, 1, 1), "last": date(2026, 1, 31)}
# What people type, and what a spreadsheet would make of it.
NASTY = [
    '=HYPERLINK("http://evil.example","click")',
    "+1 555 010 0142",
    "-x",
    "@SUM(A1)",
    "＝1+1",
    " \u00a0=2+2",
    "Ana\n=cmd|'/c calc'!A0",
    "\t=3+3",
    'Luis "the Lamp" Ortega',
    "gnp.\u202exe",
    "Łucja Żółć",
]
_count = itertools.count(1)


def line(gift: Gift | None, kind: str, amount_minor: int, day: date, **fields: Any) -> LedgerEntry:
    """A ledger line, at noon of its day."""
    defaults: dict[str, Any] = {
        "source": f"test:{next(_count)}",
        "gift": gift,
        "donor": gift.donor if gift else None,
        "fund": gift.fund if gift else None,
        "currency": gift.currency if gift else "usd",
        "account": "stripe",
        "happened_at": clock.midnight(day) + timedelta(hours=12),
    }
    return LedgerEntry.objects.create(
        **{**defaults, "kind": kind, "amount_minor": amount_minor, "booked_on": day, **fields}
    )


def card(amount_minor: int, day: date, *, fee: int = 0, **fields: Any) -> Gift:
    """A card gift with its lines, charged as ch_<number>."""
    number = next(_count)
    gift = builders.settled_gift(
        **{"amount_minor": amount_minor, "gift_on": day, "payment_intent_id": f"pi_{number}", **fields}
    )
    common = {
        "source": f"ch_{number}",
        "happened_at": fields.get("settled_at", clock.midnight(day) + timedelta(hours=12)),
    }
    line(gift, "gift", amount_minor, day, **common)
    if fee:
        line(gift, "fee", -fee, day, **common, balance_transaction_id=f"txn_{number}", reporting_category="charge")
    return gift


def offline(
    kind: str, amount_minor: int, day: date, *, value: int = 0, batch: Batch | None = None, **fields: Any
) -> Gift:
    """A gift that staff recorded, with its line. value: of property."""
    details = {name: fields.pop(name) for name in list(fields) if name in GiftDetail.fact_names()}
    gift = builders.settled_gift(
        **{"kind": kind, "amount_minor": amount_minor, "gift_on": day, "card_brand": "", "card_last4": "", **fields}
    )
    GiftDetail.objects.create(gift=gift, batch=batch, internal_value_minor=value or None, **details)
    what, account = ("property", "property") if value else ("gift", "bank")
    line(gift, what, value or amount_minor, day, account=account)
    return gift


def books() -> dict[str, Any]:
    """January 2026 of a newsroom: every kind of line once, one payout and one deposit."""
    clerk, closer = builders.staff("Staff"), builders.staff("Finance")
    people = [builders.donor(name=name, region="MA", postal_code="02139") for name in NASTY]
    for number, person in enumerate(people):
        card(1000 + number, date(2026, 1, 5), donor=person, donor_name=person.name, note=person.name, region="MA")
    late = card(10320, date(2026, 1, 30), fee=320, settled_at=EVENING, covered_fee_minor=320)
    tote = card(10000, date(2026, 1, 10), fee=320)
    GiftBenefit.objects.create(gift=tote, description="a tote bag", value_minor=2000, cost_minor=500, added_by="test")
    back = [line(tote, "refund", -5000, date(2026, 1, 12), source="re_1")]
    back += [line(tote, "refund", -5000, date(2026, 1, 13), source="re_2")]
    back += [line(tote, "refund_failed", 5000, date(2026, 1, 14), source="re_2")]
    disputed = card(4000, date(2026, 1, 11), fee=146)
    line(disputed, "dispute", -4000, date(2026, 1, 15), source="txn_d1")
    line(disputed, "dispute_fee", -1500, date(2026, 1, 15), source="txn_d1")
    line(disputed, "dispute_won", 4000, date(2026, 1, 20), source="txn_d2")
    late_fee = card(5000, date(2026, 1, 21))
    line(late_fee, "fee", -175, date(2026, 1, 22), source=late_fee.ledger_entries.get().source)
    yen = card(500, date(2026, 1, 23), currency="jpy")
    line(None, "stripe_fee", -200, date(2026, 1, 25))
    line(None, "adjustment", -3, date(2026, 1, 25))
    payout = _payout(late)
    batch = _batch(clerk, closer)
    check = offline("check", 25000, date(2026, 1, 7), batch=batch, check_number="000123", reference="0042")
    bounced = offline("check", 3000, date(2026, 1, 7), batch=batch)
    Reversal.objects.create(gift=bounced, reason="bounced", noticed_on=date(2026, 1, 16), actor="staff:1")
    line(bounced, "reversal", -3000, date(2026, 1, 16), source=f"reversal:{bounced.pk}", account="bank")
    line(bounced, "bank_fee", -1200, date(2026, 1, 16), source=f"reversal:{bounced.pk}", account="bank", donor=None)
    stock = offline("stock", 0, date(2026, 1, 8), value=500500, ticker="ACME", quantity="50")
    gone = offline("in_kind", 0, date(2026, 1, 8), value=9900, property_description="=Chairs")
    line(gone, "property_back", -9900, date(2026, 1, 17), account="property")
    sponsor = builders.donor(name="Fidelity Charitable", kind=Donor.Kind.DAF_SPONSOR, email=None)
    daf = offline("daf", 600000, date(2026, 1, 9), donor=sponsor, donor_name=sponsor.name)
    SoftCredit.objects.create(gift=daf, donor=people[0], role=SoftCredit.Role.ADVISOR)
    grant = offline("foundation", 90000, date(2026, 1, 9), fund=builders.fund(code="210-INV", name="Investigations"))
    return {
        **{"late": late, "tote": tote, "back": back, "disputed": disputed, "late_fee": late_fee, "yen": yen},
        **{"payout": payout, "batch": batch, "check": check, "bounced": bounced, "stock": stock, "gone": gone},
        **{"daf": daf, "grant": grant, "people": people, "sponsor": sponsor},
    }


def typed() -> dict[str, Any]:
    """The same books, where NASTY is whatever people and staff can type: names, addresses, remarks, things and funds.

    Each of those people gave enough for Schedule B, and every paper that is due has its number and its PDF.
    """
    made_up = books()
    for number, (text, person) in enumerate(zip(NASTY, made_up["people"], strict=True)):
        fund = builders.fund(code=f"={number}", name=text)
        printed: dict[str, Any] = {"donor_name": text, "address_line1": text, "city": text, "postal_code": "02139"}
        card(600_000, date(2026, 1, 6), donor=person, fund=fund, note=text, **printed)
        things: dict[str, Any] = {"value": 600_000, "property_description": text, "donor_name": text}
        offline("in_kind", 0, date(2026, 1, 6), donor=person, fund=fund, **things)
    words = ("salutation", "addressee", "address_line1", "address_line2", "city")
    Donor.objects.filter(name__in=NASTY).update(**dict.fromkeys(words, F("name")))
    issue.make_all_due(list(Gift.objects.filter(currency="usd")))
    numbered = issue.issue_due()
    assert making.prepare_all(numbered) == len(numbered)
    return made_up


def _payout(gift: Gift) -> Payout:
    """A payout of that gift alone: 103.20 less 3.20, booked."""
    line(None, "payout", -10000, date(2026, 1, 31), source="po_1")
    return paid_out(gift, "po_1", EVENING)


def paid_out(gift: Gift, payout_id: str, tied_at: datetime) -> Payout:
    """Stripe told of a payout of that gift alone."""
    fee = gift.ledger_entries.get(kind="fee")
    amount, net = gift.amount_minor, gift.amount_minor + fee.amount_minor
    payout = Payout.objects.create(
        stripe_payout_id=payout_id, amount_minor=net, currency="usd", status="paid", created_at=EVENING,
        arrival_on=date(2026, 2, 2), tied_at=tied_at,
    )  # fmt: skip
    BalanceTransaction.objects.create(
        stripe_id=fee.balance_transaction_id, source_id=fee.source, type="charge", reporting_category="charge",
        amount_minor=amount, fee_minor=-fee.amount_minor, net_minor=net, currency="usd", created_at=EVENING,
        created_on=date(2026, 1, 30), available_on=date(2026, 2, 1), payout=payout,
    )  # fmt: skip
    return payout


def _batch(clerk: Any, closer: Any) -> Batch:
    return Batch.objects.create(
        status=Batch.Status.CLOSED, expected_count=2, expected_total_minor=28000, deposit_on=date(2026, 1, 8),
        fund=builders.fund(), opened_by=clerk, closed_by=closer, closed_at=EVENING, bank_reference="0001842",
        opened_at=EVENING,
    )  # fmt: skip


# ---- Made and read ------------------------------------------------------------------------------------------------


def made(profile: str, format: str = Export.Format.CSV, *, reason: str = "", **filters: Any) -> Export:
    """The export, asked for and made."""
    export = flow.ask(flow.Wanted(profile, format, Filters(**filters), reason), actor="command")
    flow.make(export.pk)
    export.refresh_from_db()
    assert export.state == Export.State.DONE, export.trouble
    return export


def content(export: Export) -> bytes:
    return b"".join(parts.sent(export))


def rows(export: Export) -> list[dict[str, str]]:
    """As the csv module reads it."""
    return list(csv.DictReader(io.StringIO(content(export).decode("utf-8-sig"), newline="")))
