"""Journals for QuickBooks Online and Xero: domain/receipts.md 3.5, headings and dates as those programs want them.

Each ledger line is money on one account and its opposite on another; a journal adds them up for each payout, deposit
or day, fund and account. So every journal balances, and all together come to the ledger. Nothing in them was typed by
supporters: ids and codes only.
"""

from donations.books.exports import lines
from donations.books.exports.columns import Column, Kind, major
from donations.books.exports.tables import Sums, Table

_OPPOSITE = f"""CASE WHEN e.kind = 'bank_fee' THEN 'bank_fees' WHEN e.kind IN {lines.among(lines.FEES)} THEN 'fees'
    WHEN e.kind IN ('payout', 'payout_failed') THEN 'bank' ELSE {lines.REVENUE_ROLE} END"""
_REFERENCE = (
    f"CASE WHEN e.account = 'stripe' THEN p.stripe_payout_id WHEN {lines.IS_DEPOSITED} THEN {lines.BATCH_ID} END"
)
_SOURCE = f"""(
    SELECT n.journal_no, max(max(n.day)) OVER (PARTITION BY n.journal_no) AS day, n.fund, n.role, n.currency,
        max(n.reference) AS reference, sum(n.minor)::bigint AS minor
    FROM (SELECT {lines.JOURNAL_NO} AS journal_no, e.booked_on AS day, e.currency, fund.code AS fund, side.role,
            side.minor, {_REFERENCE} AS reference
        FROM {lines.SOURCE}
        CROSS JOIN LATERAL (VALUES ({lines.MONEY_ROLE}, e.amount_minor),
            ({_OPPOSITE}, ({lines.EXCHANGE}) - e.amount_minor), ('exchange', -({lines.EXCHANGE}))) side(role, minor)
        {{where}}) n
    GROUP BY n.journal_no, n.fund, n.role, n.currency HAVING sum(n.minor) <> 0) j
    LEFT JOIN donations_account a ON a.role = j.role"""
_ORDER = "j.day, j.journal_no, j.minor < 0, a.number, j.role, j.fund"
_SUMS = Sums("j.currency", {"debits": "greatest(j.minor, 0)", "credits": "greatest(-j.minor, 0)", "balance": "j.minor"})
# What an entry is of: the payout or deposit, and the fund.
_ABOUT = "concat_ws(' ', j.reference, j.fund)"
_DAYS = {"booked": lines.DATES["booked"]}

QUICKBOOKS = Table(
    schema="quickbooks-journal-1.0",
    columns=(
        Column("Journal No", sql="j.journal_no"),
        # As the United States write it, which is what QuickBooks takes there.
        Column("Journal Date", sql="to_char(j.day, 'MM/DD/YYYY')"),
        Column("Account Name", Kind.TEXT, "coalesce(a.name, j.role)"),
        Column("Description", Kind.TEXT, _ABOUT),
        Column("Debits", Kind.MONEY, f"CASE WHEN j.minor > 0 THEN {major('j.minor', 'j.currency')} END"),
        Column("Credits", Kind.MONEY, f"CASE WHEN j.minor < 0 THEN {major('-j.minor', 'j.currency')} END"),
        Column("Name"),
        Column("Class", Kind.TEXT, "j.fund"),
        Column("Location"),
    ),
    source=_SOURCE,
    order=_ORDER,
    dates=_DAYS,
    sums=_SUMS,
    reads=lines.READ,
)
XERO = Table(
    schema="xero-journal-1.0",
    columns=(
        # Lines of the same narration and date are one journal.
        Column("*Narration", sql="j.journal_no"),
        # Of the forms Xero takes, the one that nobody reads otherwise.
        Column("*Date", sql="to_char(j.day, 'FMDD Mon YYYY')"),
        Column("Description", Kind.TEXT, _ABOUT),
        Column("*AccountCode", Kind.TEXT, "coalesce(a.number, j.role)"),
        Column("*TaxRate", Kind.TEXT, "a.tax_rate"),
        # Positive is a debit.
        Column("*Amount", Kind.MONEY, major("j.minor", "j.currency")),
        Column("TrackingName1", sql="CASE WHEN j.fund IS NOT NULL THEN 'Fund' END"),
        Column("TrackingOption1", Kind.TEXT, "j.fund"),
        Column("TrackingName2"),
        Column("TrackingOption2"),
    ),
    source=_SOURCE,
    order=_ORDER,
    dates=_DAYS,
    sums=_SUMS,
    reads=lines.READ,
)
# Xero's help page on importing manual journals names this limit (read 2026-11-23).
XERO_LINES = 300
