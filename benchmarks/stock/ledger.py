"""The same ledger file as one would first write it: the ORM's objects and Python's csv module, or django-import-export.

The columns of our file with what each says, from objects that are joined or fetched for two thousand rows at a time.
Left out, in their favor: the place in a plan, Stripe's movements and payouts, which would be a query more a row.
"""

from collections.abc import Callable, Iterable
from decimal import Decimal
from typing import Any

from django.db.models import QuerySet
from django.utils import timezone

from donations.models import Account, LedgerEntry

SIGNS = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
JOINED = (
    *("donor", "fund", "gift__campaign", "gift__plan", "gift__receipt__void", "gift__receipt_due", "gift__reversal"),
    *("gift__detail__batch", "gift__batch_row", "gift__phone_call", "gift__promise_payment__part"),
)
FETCHED = ("gift__ledger_entries", "gift__soft_credits", "gift__benefits", "gift__disputes")
REVENUE = {"foundation": "grants", "in_kind": "in_kind", "services": "in_kind", "vehicle": "in_kind"}
_accounts: dict[str, str] = {}


def lines(rows: QuerySet[LedgerEntry]) -> QuerySet[LedgerEntry]:
    """With everything a row needs, and without the fees, which stand with their gifts."""
    return rows.exclude(kind="fee").select_related(*JOINED).prefetch_related(*FETCHED).order_by("pk")


def _guarded(text: str) -> str:
    text = " ".join(text.split()) if "\n" in text else text
    return f"'{text}" if text.lstrip(" \u00a0").startswith(SIGNS) else text


def _amount(minor: int) -> str:
    return f"{Decimal(minor) / 100:.2f}"


def _at(instant: Any) -> str:
    return str(timezone.localtime(instant).isoformat(timespec="seconds"))


def _of(row: Any, *names: str) -> Any:
    """The value at the end of that way, or "" where it breaks off."""
    for name in names:
        row = getattr(row, name, None)
        if row is None:
            return ""
    return row


def _account(role: str) -> str:
    if not _accounts:
        _accounts.update(Account.objects.values_list("role", "number"))
    return _accounts[role]


def _gross(line: Any) -> int:
    return 0 if line.account == "property" else int(line.amount_minor)


def _fee(line: Any) -> int:
    if line.kind != "gift":
        return 0
    return -sum(
        int(one.amount_minor)
        for one in line.gift.ledger_entries.all()
        if one.kind == "fee" and one.source == line.source and one.booked_on == line.booked_on
    )


def _original(line: Any) -> Any:
    if line.kind not in ("reversal", "property_back", "refund", "dispute"):
        return None
    return next((one for one in line.gift.ledger_entries.all() if one.kind in ("gift", "property")), None)


def _status(line: Any) -> str:
    if line.gift.receipt is None:
        return "pending" if hasattr(line.gift, "receipt_due") else "not_receiptable"
    return "void" if hasattr(line.gift.receipt, "void") else "issued"


def _journal(line: Any) -> str:
    letter = {"stripe": "S", "bank": "K", "property": "A"}.get(line.account, "F")
    batch = _of(line.gift, "detail", "batch_id")
    return f"J-{line.booked_on:%Y-%m}-{f'B{batch}' if batch else f'{line.booked_on:%d}{letter}'}"


def _treatment(line: Any) -> str:
    came = line.gift.benefits.all()
    if not came:
        return "waived" if _of(line.gift, "detail", "is_benefit_declined") else "none"
    return "waived" if all(one.is_declined for one in came) else "valued"


def _staff(line: Any) -> str:
    who = _of(line.gift, "batch_row", "entered_by_id") or _of(line.gift, "phone_call", "taken_by_id")
    return f"staff:{who}" if who else ""


COLUMNS: dict[str, Callable[[Any], Any]] = {
    "schema_version": lambda line: "ledger-1.0",
    "ledger_line_id": lambda line: f"L-{line.pk:07d}-1",
    "event_type": lambda line: line.kind,
    "reverses_line_id": lambda line: f"L-{one.pk:07d}-1" if (one := _original(line)) else "",
    "gift_id": lambda line: line.gift.public_id,
    "gift_kind": lambda line: line.gift.kind,
    "pledge_id": lambda line: _of(line.gift, "promise_payment", "part", "promise_id"),
    "plan_code": lambda line: line.gift.frequency if line.gift.plan else "",
    "gift_date": lambda line: line.gift.gift_on,
    "gift_date_basis": lambda line: line.gift.gift_date_basis,
    "gift_tax_year": lambda line: line.gift.gift_on.year,
    "received_date": lambda line: _of(line.gift, "detail", "received_on") or line.gift.gift_on,
    "deposit_date": lambda line: _of(line.gift, "detail", "batch", "deposit_on"),
    "gl_date": lambda line: line.booked_on,
    "posted_period": lambda line: f"{line.booked_on:%Y-%m}",
    "org_fiscal_year": lambda line: f"FY{line.booked_on.year}",
    "event_ts": lambda line: _at(line.happened_at),
    "donor_id": lambda line: line.donor.public_id,
    "donor_type": lambda line: line.donor.kind,
    "donor_name": lambda line: _guarded(line.gift.donor_name),
    "donor_state": lambda line: _guarded(line.gift.region),
    "donor_country": lambda line: _guarded(line.gift.country),
    "soft_credit_donor_id": lambda line: next((f"D-{s.donor_id:07d}" for s in line.gift.soft_credits.all()), ""),
    "hide_publicly": lambda line: "TRUE" if line.gift.is_name_hidden or line.donor.is_anonymous else "FALSE",
    "currency": lambda line: line.currency.upper(),
    "gross_amount": lambda line: _amount(_gross(line)),
    "fx_rate": lambda line: "1.000000",
    "gross_usd": lambda line: _amount(_gross(line)),
    "processor_fee_usd": lambda line: _amount(_fee(line)),
    "net_usd": lambda line: _amount(_gross(line) - _fee(line)),
    "donor_covered_fee": lambda line: _amount(line.gift.covered_fee_minor),
    "benefit_fmv": lambda line: _amount(sum(b.value_minor for b in line.gift.benefits.all() if not b.is_declined)),
    "benefit_treatment": _treatment,
    "contribution_portion": lambda line: _amount(_gross(line)),
    "exchange_portion": lambda line: "0.00",
    "gl_value_usd": lambda line: _amount(line.amount_minor),
    "receipt_amount": lambda line: _amount(line.amount_minor) if line.gift.receipt and _gross(line) else "",
    "property_description": lambda line: _guarded(_of(line.gift, "detail", "property_description")),
    "fund_code": lambda line: _guarded(line.fund.code),
    "fund_restriction": lambda line: line.fund.restriction,
    "gl_revenue_account": lambda line: _account(REVENUE.get(line.gift.kind, "contributions")),
    "gl_fee_account": lambda line: _account("fees") if _fee(line) else "",
    "class_or_program": lambda line: _guarded(line.fund.code),
    "campaign_code": lambda line: _guarded(line.gift.campaign.code) if line.gift.campaign else "",
    "split_no": lambda line: 1,
    "split_of": lambda line: 1,
    "processor": lambda line: line.account,
    "processor_charge_id": lambda line: line.source if line.gift.payment_intent_id else "",
    "balance_txn_id": lambda line: line.balance_transaction_id,
    "reporting_category": lambda line: line.reporting_category,
    "deposit_slip_no": lambda line: _of(line.gift, "detail", "batch", "bank_reference"),
    "check_number": lambda line: _guarded(_of(line.gift, "detail", "check_number")),
    "check_date": lambda line: _of(line.gift, "detail", "check_on"),
    "postmark_date": lambda line: _of(line.gift, "detail", "postmarked_on"),
    "external_ref": lambda line: _guarded(_of(line.gift, "detail", "reference")),
    "receipt_number": lambda line: _of(line.gift, "receipt", "number"),
    "receipt_kind": lambda line: line.gift.receipt.snapshot.get("kind", "tax_cash") if line.gift.receipt else "none",
    "receipt_status": _status,
    "dispute_status": lambda line: next((one.status for one in line.gift.disputes.all()), "none"),
    "journal_no": _journal,
    "entered_by": _staff,
    "entered_ts": lambda line: _at(line.recorded_at),
    "memo_internal": lambda line: _guarded(line.gift.note),
}
HEADING = list(COLUMNS)


def rows(lines: Iterable[LedgerEntry]) -> Iterable[list[Any]]:
    """The lines of the file."""
    return ([value(line) for value in COLUMNS.values()] for line in lines)


def resource() -> Any:
    """django-import-export's description of the same file."""
    from import_export import fields, resources

    def told(value: Callable[[Any], Any]) -> Callable[[Any, Any], Any]:
        return lambda self, line: value(line)

    named: dict[str, Any] = {name: fields.Field(column_name=name) for name in COLUMNS}
    named |= {f"dehydrate_{name}": told(value) for name, value in COLUMNS.items()}
    meta = type("Meta", (), {"model": LedgerEntry, "fields": HEADING, "export_order": HEADING, "chunk_size": 2000})
    return type("LedgerResource", (resources.ModelResource,), {**named, "Meta": meta})()
