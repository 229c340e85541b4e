"""The list for Form 990, Schedule B: contributors of $5,000 and more in a tax year. domain/receipts.md 3.4.

The contributor is the legal donor: a fund's sponsor with all its grants together, the company of a match, the estate.
Separate gifts under $1,000 are not counted. By the special rule (33 1/3 % support test) only those count who gave more
than 2 % of all contributions, too. Spouses and related parties are the accountant's to put together.
"""

from donations.books.exports import lines
from donations.books.exports.columns import Column, Kind, dollars, public_id
from donations.books.exports.tables import Sums, Table

LISTED_FROM, COUNTED_FROM = 5_000_00, 1_000_00
_KINDS = lines.among(("gift", *lines.RETURNING, "property", "property_back"))
_IS_THING = "e.account = 'property'"
# What was contributed, in cents: the value of things, and of money what was not paid for a benefit.
_CONTRIBUTED = f"round(100 * ({lines.VALUE_USD}))::bigint - ({lines.EXCHANGE})"
_THING = f"""concat_ws(', ', coalesce(nullif({lines.PROPERTY}, ''), g.kind), g.gift_on::text,
    'value ' || ({lines.VALUE_USD})::numeric(20, 2))"""
_SOURCE = f"""(
    SELECT c.donor_id, count(*) AS gifts, sum(c.cents)::bigint AS cents,
        coalesce(sum(c.cents) FILTER (WHERE NOT c.is_thing), 0)::bigint AS cash,
        coalesce(sum(c.cents) FILTER (WHERE c.is_thing), 0)::bigint AS things,
        string_agg(c.thing, '; ' ORDER BY c.gift_on, c.id) FILTER (WHERE c.is_thing) AS described,
        min(c.gift_on) AS first, max(c.gift_on) AS last, bool_or(c.is_payroll) AS is_payroll
    FROM (SELECT one.*, sum(one.cents) OVER () AS everything FROM (
        SELECT e.donor_id, g.id, g.gift_on, {_IS_THING} AS is_thing, g.kind = 'payroll' AS is_payroll,
            sum({_CONTRIBUTED})::bigint AS cents, min({_THING}) FILTER (WHERE e.kind = 'property') AS thing
        FROM {lines.SOURCE} {{where}}
        GROUP BY e.donor_id, g.id, g.gift_on, {_IS_THING}, g.kind) one) c
    WHERE c.cents >= {COUNTED_FROM}
    GROUP BY c.donor_id, c.everything
    HAVING sum(c.cents) >= {LISTED_FROM} AND (NOT %(special_rule)s OR sum(c.cents) > c.everything * 0.02)) s
    JOIN donations_donor d ON d.id = s.donor_id"""


def _name(sql: str) -> str:
    """Whoever is unknown to us is Anonymous on the form."""
    return f"CASE WHEN d.kind = 'unknown' THEN 'Anonymous' ELSE {sql} END"


TABLE = Table(
    schema="schedule-b-1.0",
    columns=(
        Column("donor_id", sql=public_id("D", "d.id", 7)),
        Column("donor_type", sql="d.kind"),
        Column("name", Kind.TEXT, _name("d.name")),
        *(Column(name, Kind.TEXT, f"d.{name}") for name in ("address_line1", "address_line2", "city")),
        Column("state", Kind.TEXT, "d.region"),
        Column("zip", Kind.TEXT, "d.postal_code"),
        Column("country", Kind.TEXT, "d.country"),
        # We keep couples as one donor; who else belongs together nobody told us.
        Column("household_id"),
        Column("total_contributions", Kind.MONEY, dollars("s.cents")),
        Column("cash", Kind.MONEY, dollars("s.cash")),
        Column("noncash", Kind.MONEY, dollars("s.things")),
        Column("noncash_description", Kind.TEXT, "s.described"),
        Column("is_payroll", Kind.FLAG, "s.is_payroll"),
        Column("gifts_counted", Kind.COUNT, "s.gifts"),
        Column("first_gift", Kind.DATE, "s.first"),
        Column("last_gift", Kind.DATE, "s.last"),
    ),
    source=_SOURCE,
    order="s.cents DESC, d.id",
    dates={name: lines.DATES[name] for name in ("booked", "gift")},
    always=f"e.donor_id IS NOT NULL AND e.kind IN {_KINDS} AND {lines.VALUE_USD} IS NOT NULL",
    sums=Sums("'usd'", {"contributions": "s.cents"}),
    needs_days=True,
    reads=lines.READ,
)
