"""Totals: what each supporter gave in a year, for mail merge; and a summary for the board, without names."""

from donations.books.exports import lines
from donations.books.exports.columns import Column, Kind, major, public_id
from donations.books.exports.tables import Sums, Table

# Money that came or went back; fees and payouts are no part of what anybody gave.
_GIVEN = f"e.kind IN {lines.among(('gift', *lines.RETURNING))}"
_THINGS = f"e.kind IN {lines.among(('property', 'property_back'))}"
_AROUND = """donations_ledgerentry e
    JOIN donations_gift g ON g.id = e.gift_id
    LEFT JOIN donations_fund fund ON fund.id = e.fund_id
    LEFT JOIN donations_campaign campaign ON campaign.id = g.campaign_id"""
_BY_GIFT = {name: lines.DATES[name] for name in ("gift", "booked")}
_BY_BOOKS = {name: lines.DATES[name] for name in ("booked", "gift")}

# ---- One row for each legal donor and year -----------------------------------------------------------------------

_BY_DONOR = f"""(
    SELECT one.donor_id, one.year, one.currency, count(*) FILTER (WHERE one.cash > 0) AS gifts,
        sum(one.cash) AS cash, sum(one.cash) FILTER (WHERE one.kind = 'ira') AS ira, sum(one.back) AS back,
        count(*) FILTER (WHERE one.things > 0) AS things, max(one.cash) AS largest,
        min(one.gift_on) FILTER (WHERE one.cash > 0 OR one.things > 0) AS first,
        max(one.gift_on) FILTER (WHERE one.cash > 0 OR one.things > 0) AS last
    FROM (SELECT g.donor_id, extract(year FROM {{day}})::int AS year, e.currency, g.id, g.kind, g.gift_on,
            coalesce(sum(e.amount_minor) FILTER (WHERE {_GIVEN}), 0)::bigint AS cash,
            coalesce(sum(e.amount_minor) FILTER (WHERE {_THINGS}), 0)::bigint AS things,
            coalesce(-sum(e.amount_minor) FILTER (WHERE e.kind IN {lines.among(lines.RETURNING)}), 0)::bigint AS back
        FROM {_AROUND} {{where}}
        GROUP BY g.donor_id, year, e.currency, g.id) one
    GROUP BY one.donor_id, one.year, one.currency) s
    JOIN donations_donor d ON d.id = s.donor_id"""
_WORDS = ("name", "salutation", "addressee", "address_line1", "address_line2", "city")

SUPPORTERS = Table(
    schema="supporters-1.0",
    columns=(
        Column("year", Kind.COUNT, "s.year"),
        Column("donor_id", sql=public_id("D", "d.id", 7)),
        Column("donor_type", sql="d.kind"),
        *(Column(name, Kind.TEXT, f"d.{name}") for name in _WORDS),
        Column("state", Kind.TEXT, "d.region"),
        Column("zip", Kind.TEXT, "d.postal_code"),
        Column("country", Kind.TEXT, "d.country"),
        Column("email", Kind.TEXT, "d.email"),
        Column("has_died", Kind.FLAG, "d.is_deceased"),
        Column("do_not_contact", Kind.FLAG, "d.is_not_contacted"),
        Column("no_paper_mail", Kind.FLAG, "d.is_not_mailed"),
        Column("currency", sql="upper(s.currency)"),
        Column("gifts", Kind.COUNT, "s.gifts"),
        Column("cash_total", Kind.MONEY, major("s.cash", "s.currency")),
        # Part of the total, and never of what can be deducted.
        Column("of_which_ira", Kind.MONEY, major("coalesce(s.ira, 0)", "s.currency")),
        Column("given_back", Kind.MONEY, major("s.back", "s.currency")),
        Column("largest_gift", Kind.MONEY, major("s.largest", "s.currency")),
        Column("property_gifts", Kind.COUNT, "s.things"),
        Column("first_gift", Kind.DATE, "s.first"),
        Column("last_gift", Kind.DATE, "s.last"),
    ),
    source=_BY_DONOR,
    order="s.year, d.id, s.currency",
    dates=_BY_GIFT,
    always=f"g.donor_id IS NOT NULL AND ({_GIVEN} OR {_THINGS})",
    narrows=lines.NARROWS,
    reads=lines.READ,
    sums=Sums("s.currency", {"cash": "s.cash", "given_back": "s.back"}),
)

# ---- Without names -----------------------------------------------------------------------------------------------

_BY_MONTH = f"""(
    SELECT left({{day}}::text, 7) AS month, fund.code, fund.name, fund.restriction, {lines.GIFT_KIND} AS kind,
        e.currency, count(DISTINCT g.id) FILTER (WHERE e.kind IN ('gift', 'property')) AS gifts,
        count(DISTINCT g.donor_id) FILTER (WHERE e.kind IN ('gift', 'property')) AS supporters,
        coalesce(sum(e.amount_minor) FILTER (WHERE e.kind = 'gift'), 0)::bigint AS gross,
        coalesce(-sum(e.amount_minor) FILTER (WHERE e.kind IN {lines.among(lines.RETURNING)}), 0)::bigint AS back,
        coalesce(-sum(e.amount_minor) FILTER (WHERE e.kind IN {lines.among(lines.FEES)}), 0)::bigint AS fees,
        coalesce(sum(e.amount_minor) FILTER (WHERE {_THINGS}), 0)::bigint AS things
    FROM {_AROUND} {{where}}
    GROUP BY month, fund.code, fund.name, fund.restriction, {lines.GIFT_KIND}, e.currency) s"""
_NET = "s.gross - s.back - s.fees"

BOARD = Table(
    schema="board-1.0",
    columns=(
        Column("month", sql="s.month"),
        Column("fund_code", Kind.TEXT, "s.code"),
        Column("fund", Kind.TEXT, "s.name"),
        Column("fund_restriction", sql="s.restriction"),
        Column("gift_kind", sql="s.kind"),
        Column("currency", sql="upper(s.currency)"),
        Column("gifts", Kind.COUNT, "s.gifts"),
        Column("supporters", Kind.COUNT, "s.supporters"),
        Column("gross", Kind.MONEY, major("s.gross", "s.currency")),
        Column("given_back", Kind.MONEY, major("s.back", "s.currency")),
        Column("fees", Kind.MONEY, major("s.fees", "s.currency")),
        Column("net", Kind.MONEY, major(_NET, "s.currency")),
        Column("property_value", Kind.MONEY, major("s.things", "s.currency")),
    ),
    source=_BY_MONTH,
    order="s.month, s.code, s.kind, s.currency",
    dates=_BY_BOOKS,
    narrows=lines.NARROWS,
    reads=lines.READ,
    sums=Sums("s.currency", {"gross": "s.gross", "fee": "s.fees", "net": _NET}),
)
