"""The ledger, one row for each money event: schema "ledger-1.0", domain/receipts.md 3.7, to the letter.

A charge and its fee are one row where both were booked on the same day; a fee that became known later is a row of its
own. Property has no gross: what the books carry it at stands in `gl_value_usd` alone. Columns of which we keep no fact
(membership, appeal, the split of a line) are there and say so by being blank or one of one.
"""

from donations.books.exports import lines
from donations.books.exports.columns import Column, Kind, chosen, dollars, literal, major, public_id, year
from donations.books.exports.tables import Sums, Table
from donations.models import Gift

SCHEMA = "ledger-1.0"
IS_GIFT = "e.kind IN ('gift', 'property')"
_BASIS = Gift.DateBasis
BASES = {
    _BASIS.CHARGE: "charge",
    _BASIS.POSTMARK: "postmark",
    _BASIS.RECEIVED: "received",
    _BASIS.CHECK: "check_date",
    _BASIS.BANK: "credited",
    _BASIS.TRANSFER: "credited",
    _BASIS.DELIVERY: "received",
    _BASIS.PAYROLL: "credited",
    _BASIS.DISTRIBUTION: "bank_paid",
    _BASIS.STAFF: "staff_evidence",
    _BASIS.ORIGIN: "staff_evidence",
}
_PROCESSOR = """CASE e.account WHEN 'stripe' THEN 'stripe' WHEN 'bank' THEN 'bank'
    WHEN 'property' THEN CASE WHEN g.kind IN ('stock', 'crypto') THEN 'broker' ELSE 'manual' END ELSE 'manual' END"""
_WHY_NOT = f"""CASE WHEN {lines.RECEIPT_STATUS} = 'not_receiptable' THEN CASE
    WHEN d.kind = 'unknown' THEN 'anonymous' WHEN g.kind = 'daf' OR d.kind = 'daf_sponsor' THEN 'daf'
    WHEN g.kind = 'foundation' OR d.kind = 'foundation' THEN 'foundation'
    WHEN g.kind = 'payroll' THEN 'payroll_federated'
    WHEN g.kind = 'services' THEN 'service' WHEN g.status = 'disputed' THEN 'disputed' END END"""
_GROSS = lines.GROSS_USD
_BEGINS = "e.booked_on + %(fiscal)s * interval '1 month'"
_FISCAL_YEAR = f"CASE WHEN %(fiscal)s = 0 THEN {year('e.booked_on')} ELSE {year(_BEGINS)} END"


def _text(name: str, sql: str) -> Column:
    return Column(name, Kind.TEXT, sql)


def _word(name: str, sql: str) -> Column:
    return Column(name, Kind.WORD, sql)


def _date(name: str, sql: str) -> Column:
    return Column(name, Kind.DATE, sql)


def _money(name: str, sql: str) -> Column:
    return Column(name, Kind.MONEY, sql)


COLUMNS = (
    Column("schema_version", sql=literal(SCHEMA)),
    Column("ledger_line_id", sql=lines.LINE_ID),
    Column("event_type", sql=lines.EVENT),
    Column("reverses_line_id", sql=lines.REVERSES),
    Column("gift_id", sql=public_id("G", "g.id", 8)),
    Column("gift_kind", sql=lines.GIFT_KIND),
    Column("pledge_id", sql=public_id("P", f"({lines.PROMISE})", 6)),
    Column("membership_id"),
    Column("plan_code", sql="CASE WHEN g.plan_id IS NOT NULL THEN g.frequency END"),
    Column("recurring_seq", Kind.COUNT, lines.PLACE_IN_PLAN),
    _date("gift_date", "g.gift_on"),
    Column("gift_date_basis", sql=chosen("g.gift_date_basis", {str(ours): word for ours, word in BASES.items()})),
    Column("gift_tax_year", Kind.COUNT, year("g.gift_on") + "::int"),
    _date("received_date", f"CASE WHEN {IS_GIFT} THEN coalesce(i.received_on, i.credited_on, g.gift_on) END"),
    _date("deposit_date", lines.DEPOSITED),
    _date("gl_date", "e.booked_on"),
    Column("posted_period", sql="left(e.booked_on::text, 7)"),
    Column("org_fiscal_year", sql=f"'FY' || {_FISCAL_YEAR}"),
    Column("event_ts", Kind.INSTANT, "e.happened_at"),
    Column("donor_id", sql=public_id("D", "d.id", 7)),
    Column("donor_type", sql="d.kind"),
    _text("donor_name", "coalesce(g.donor_name, d.name)"),
    _text("donor_state", "g.region"),
    _word("donor_country", "g.country"),
    Column("soft_credit_donor_id", sql=public_id("D", f"({lines.SOFT_CREDIT})", 7)),
    Column("hide_publicly", Kind.FLAG, "(coalesce(g.is_name_hidden, false) OR coalesce(d.is_anonymous, false))"),
    Column("currency", sql="upper(e.currency)"),
    _money("gross_amount", major(lines.GROSS, "e.currency")),
    Column("fx_rate", Kind.NUMBER, lines.FX),
    _money("gross_usd", _GROSS),
    _money("processor_fee_usd", lines.FEE_USD),
    _money("net_usd", f"{_GROSS} - {lines.FEE_USD}"),
    _money("donor_covered_fee", major(f"CASE WHEN {IS_GIFT} THEN g.covered_fee_minor ELSE 0 END", "e.currency")),
    _money("benefit_fmv", dollars("coalesce(b.value_minor, 0)")),
    Column("benefit_treatment", sql=lines.TREATMENT),
    _money("contribution_portion", f"{_GROSS} - {dollars(lines.EXCHANGE)}"),
    _money("exchange_portion", f"CASE WHEN {_GROSS} IS NOT NULL THEN {dollars(lines.EXCHANGE)} END"),
    _money("gl_value_usd", lines.VALUE_USD),
    _money("receipt_amount", lines.RECEIPT_AMOUNT),
    _text("property_description", lines.PROPERTY),
    _word("fund_code", "fund.code"),
    Column("fund_restriction", sql="fund.restriction"),
    _word("gl_revenue_account", lines.REVENUE_ACCOUNT),
    _word("gl_fee_account", lines.FEE_ACCOUNT),
    _word("class_or_program", "fund.code"),
    _word("campaign_code", "campaign.code"),
    Column("appeal_code"),
    Column("split_no", Kind.COUNT, "1"),
    Column("split_of", Kind.COUNT, "1"),
    Column("processor", sql=_PROCESSOR),
    Column("processor_charge_id", sql=lines.CHARGE),
    Column("balance_txn_id", sql=lines.BALANCE),
    Column("reporting_category", sql=lines.CATEGORY),
    Column("payout_id", sql="p.stripe_payout_id"),
    _date("payout_arrival_date", "p.arrival_on"),
    Column("deposit_batch_id", sql=f"CASE WHEN {lines.IS_DEPOSITED} THEN {lines.BATCH_ID} END"),
    _text("deposit_slip_no", f"CASE WHEN {lines.IS_DEPOSITED} THEN batch.bank_reference END"),
    _text("check_number", "i.check_number"),
    _date("check_date", "i.check_on"),
    _date("postmark_date", "i.postmarked_on"),
    _text("external_ref", "i.reference"),
    Column("receipt_number", sql=lines.RECEIPT_NUMBER),
    Column("receipt_kind", sql=lines.RECEIPT_KIND),
    Column("receipt_status", sql=lines.RECEIPT_STATUS),
    Column("not_receiptable_reason", sql=_WHY_NOT),
    Column("dispute_status", sql=lines.DISPUTE_STATUS),
    Column("export_batch_id", sql=lines.POSTED_AS),
    Column("journal_no", sql=lines.JOURNAL_NO),
    _text("bank_line_ref", lines.BANK_REF),
    Column("reconciled_ts", Kind.INSTANT, lines.RECONCILED),
    Column("entered_by", sql=lines.ENTERED_BY),
    Column("approved_by", sql=lines.APPROVED_BY),
    Column("entered_ts", Kind.INSTANT, "e.recorded_at"),
    Column("memo_internal", Kind.TEXT, "g.note", is_note=True),
)

TABLE = Table(
    schema=SCHEMA,
    columns=COLUMNS,
    source=lines.SOURCE,
    always=lines.IS_EVENT,
    reads=lines.READ,
    reads_always=lines.IS_MOSTLY_EVENT,
    order="e.id",
    dates=lines.DATES,
    narrows=lines.NARROWS,
    sums=Sums("e.currency", lines.SUMS),
    is_long=True,
)
