"""The receipts register, one row for each paper: schema "receipts-1.0", domain/receipts.md 3.8, to the letter.

What was printed is read from the snapshot, as it was printed. Beside the schema's states there is "draft": a number
whose PDF is not stored yet. `issued_by` is blank, as nobody's name is kept with a number.
"""

from donations.books.exports.columns import Column, Kind, chosen, local, major, public_id
from donations.books.exports.lines import RECEIPT_KINDS
from donations.books.exports.tables import Sums, Table

SCHEMA = "receipts-1.0"
_SOURCE = """donations_receipt r
    CROSS JOIN LATERAL jsonb_to_record(r.snapshot) AS s(kind text, template text, locale text, donor jsonb,
        recipient jsonb, gift jsonb, gifts jsonb, benefits jsonb, statements jsonb, description text)
    LEFT JOIN donations_gift g ON g.id = r.gift_id
    LEFT JOIN donations_fund fund ON fund.id = g.fund_id
    LEFT JOIN donations_campaign campaign ON campaign.id = g.campaign_id
    LEFT JOIN donations_annualstatement a ON a.receipt_id = r.id
    LEFT JOIN donations_receipt former ON former.id = r.replaces_id
    LEFT JOIN donations_receipt later ON later.replaces_id = r.id
    LEFT JOIN donations_receiptvoid void ON void.receipt_id = r.id
    LEFT JOIN donations_receiptpdf pdf ON pdf.receipt_id = r.id
    LEFT JOIN nonprofit_storedfile file ON file.id = pdf.file_id
    LEFT JOIN nonprofit_outgoingemail email ON email.id = pdf.email_id
    LEFT JOIN LATERAL (SELECT run.id, run.mailed_at FROM donations_printedreceipt printed
        JOIN donations_printrun run ON run.id = printed.run_id
        WHERE printed.receipt_id = r.id AND (run.cancelled_at IS NULL OR printed.page <= run.last_good_page)
        ORDER BY run.id DESC LIMIT 1) run ON true
    LEFT JOIN LATERAL (SELECT happened.kind, happened.at FROM donations_receiptevent happened
        WHERE happened.receipt_id = r.id AND happened.kind IN ('delivered', 'bounced', 'opened', 'sent_back')
        ORDER BY happened.id DESC LIMIT 1) event ON true
    LEFT JOIN (SELECT receipt_id, count(*) AS count FROM donations_receiptcopy GROUP BY receipt_id) copies
        ON copies.receipt_id = r.id"""
_CURRENCY = "coalesce(g.currency, 'usd')"
_CASH = """CASE WHEN a.id IS NOT NULL THEN a.cash_minor
    WHEN (s.gift->>'amount_minor')::bigint > 0 THEN (s.gift->>'amount_minor')::bigint END"""
_FMV = "nullif((s.benefits->>'value_minor')::bigint, 0)"
_DAY = "coalesce((s.gift->>'gift_on_iso')::date, g.gift_on)"
_STATUS = """CASE WHEN later.id IS NOT NULL THEN 'replaced' WHEN void.id IS NOT NULL THEN 'void'
    WHEN pdf.id IS NULL THEN 'draft' ELSE 'issued' END"""
_CHANNEL = """CASE WHEN email.id IS NOT NULL THEN 'email' WHEN run.id IS NOT NULL THEN 'mail'
    WHEN event.kind = 'opened' THEN 'portal' END"""
_DELIVERY = """CASE WHEN event.kind IN ('bounced', 'sent_back') THEN 'bounced'
    WHEN event.kind IS NOT NULL THEN 'delivered'
    WHEN run.mailed_at IS NOT NULL THEN 'mailed' WHEN email.status = 'sent' THEN 'sent'
    WHEN email.status = 'failed' THEN 'bounced' WHEN email.status = 'queued' OR run.id IS NOT NULL THEN 'queued' END"""


def _joined(array: str, separator: str, value: str = "one #>> '{}'") -> str:
    """The array's items as one text; NULL when there are none."""
    return f"""(SELECT string_agg({value}, '{separator}' ORDER BY place)
        FROM jsonb_array_elements(CASE jsonb_typeof({array}) WHEN 'array' THEN {array} END)
        WITH ORDINALITY items(one, place))"""


_OF_STATEMENT = _joined("s.gifts", "; ")

COLUMNS = (
    Column("receipt_number", sql="r.number"),
    Column("series", sql="r.series"),
    Column("issue_ts", Kind.INSTANT, "r.issued_at"),
    Column("status", sql=_STATUS),
    Column("replaces", sql="former.number"),
    Column("replaced_by", sql="later.number"),
    Column("void_ts", Kind.INSTANT, "void.voided_at"),
    Column("void_reason", sql="void.reason"),
    Column(
        "receipt_kind",
        sql="CASE WHEN a.id IS NOT NULL THEN 'none'"
        " WHEN r.series = 'R' AND s.benefits->>'treatment' = 'valued' THEN 'tax_quid' ELSE "
        + chosen("s.kind", RECEIPT_KINDS, "CASE r.series WHEN 'R' THEN 'tax_cash' ELSE 'thank_you' END")
        + " END",
    ),
    Column("donor_id", sql=public_id("D", "coalesce(a.donor_id, g.donor_id)", 7)),
    Column("donor_name_printed", Kind.TEXT, "coalesce(s.recipient->>'name', s.donor->>'name')"),
    Column(
        "address_printed",
        Kind.TEXT,
        _joined("coalesce(s.recipient->'address_lines', s.donor->'address_lines')", "; "),
    ),
    Column("gift_ids", sql=f"coalesce({public_id('G', 'r.gift_id', 8)}, {_OF_STATEMENT})"),
    Column("gift_tax_year", Kind.COUNT, f"coalesce(a.year, extract(year FROM {_DAY})::int)"),
    Column("date_printed", Kind.DATE, f"CASE WHEN a.id IS NULL THEN {_DAY} END"),
    Column("cash_amount", Kind.MONEY, major(_CASH, _CURRENCY)),
    Column("currency", sql=f"upper({_CURRENCY})"),
    Column("property_description", Kind.TEXT, "s.description"),
    Column("benefits_text", Kind.TEXT, "s.benefits->>'given'"),
    Column("benefit_fmv", Kind.MONEY, f"{_FMV} * 0.01"),
    Column("deductible_limit", Kind.MONEY, f"CASE WHEN r.series = 'R' THEN ({_CASH} - coalesce({_FMV}, 0)) * 0.01 END"),
    Column("statement_codes", sql=_joined("s.statements", ";", "one->>'code'")),
    Column("safe_harbor_year", Kind.COUNT, "(s.benefits->>'safe_harbor_year')::int"),
    Column("template_version", sql="s.template"),
    Column("locale", sql="s.locale"),
    Column("pdf_sha256", sql="file.sha256"),
    Column("issued_by"),
    Column("channel", sql=_CHANNEL),
    Column("delivery_status", sql=_DELIVERY),
    Column("delivered_ts", Kind.INSTANT, "CASE WHEN event.kind IN ('delivered', 'opened') THEN event.at END"),
    Column("mail_batch", sql="run.id::text"),
    Column("copy_count", Kind.COUNT, "coalesce(copies.count, 0)"),
)

TABLE = Table(
    schema=SCHEMA,
    columns=COLUMNS,
    source=_SOURCE,
    order="r.series, r.year, r.sequence",
    dates={"issued": f"{local('r.issued_at')}::date", "gift": "g.gift_on"},
    narrows={"kind": "g.kind", "fund": "fund.code", "campaign": "campaign.code"},
    reads="""donations_receipt r
    LEFT JOIN donations_gift g ON g.id = r.gift_id
    LEFT JOIN donations_fund fund ON fund.id = g.fund_id
    LEFT JOIN donations_campaign campaign ON campaign.id = g.campaign_id""",
    sums=Sums(_CURRENCY, {"cash_printed": _CASH}),
)
