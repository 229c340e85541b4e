"""The ledger's lines with everything around them, in SQL: what the ledger, the journals and the summaries are made of.

Letters: e the line, f its fee where both are one event, m the event that a fee is part of, g the gift, d the legal
donor, i what staff recorded, o the line it takes back, r the receipt, p the payout.

Parameters: as_of (nothing learned later is told; a month's posting file is told as of its closing, so it is the same
file whenever it is made), zone, fiscal (how many months before the calendar year a fiscal year begins).
"""

from collections.abc import Callable

from donations.books.exports.columns import chosen, dollars, literal, local, major, padded
from donations.models import LedgerEntry

_KIND = LedgerEntry.Kind
# Which event a fee is part of.
FEE_OF = {_KIND.FEE: _KIND.GIFT, _KIND.DISPUTE_FEE: _KIND.DISPUTE, _KIND.DISPUTE_FEE_BACK: _KIND.DISPUTE_WON}
FEES = (*FEE_OF, _KIND.BANK_FEE, _KIND.STRIPE_FEE)
# What a gift's money goes back by, and comes again.
RETURNING = (_KIND.REFUND, _KIND.REFUND_FAILED, _KIND.DISPUTE, _KIND.DISPUTE_WON, _KIND.REVERSAL)
# Which line a line takes back.
TAKES_BACK = {
    _KIND.REFUND: _KIND.GIFT,
    _KIND.DISPUTE: _KIND.GIFT,
    _KIND.REVERSAL: _KIND.GIFT,
    _KIND.PROPERTY_REVERSAL: _KIND.PROPERTY,
    _KIND.REFUND_FAILED: _KIND.REFUND,
    _KIND.DISPUTE_WON: _KIND.DISPUTE,
    _KIND.PAYOUT_FAILED: _KIND.PAYOUT,
}
# The schema's word for each kind; a reversal is "nsf" where a bank returned it.
EVENTS = {
    **{"gift": "gift", "property": "gift", "refund": "refund", "refund_failed": "reversal"},
    **{"fee": "fee", "bank_fee": "fee", "dispute_fee": "fee", "dispute_fee_back": "fee", "stripe_fee": "fee"},
    **{"dispute": "dispute", "dispute_won": "dispute_reversal", "property_back": "reversal"},
    **{"payout": "payout", "payout_failed": "payout", "adjustment": "adjustment"},
}
# Stripe's reporting category of the movement that a line is (read 2026-11-23: docs.stripe.com/reports).
CATEGORIES = {
    **{_KIND.GIFT: "charge", _KIND.FEE: "charge", _KIND.REFUND: "refund", _KIND.REFUND_FAILED: "refund_failure"},
    **{_KIND.DISPUTE: "dispute", _KIND.DISPUTE_WON: "dispute_reversal"},
    **{_KIND.PAYOUT: "payout", _KIND.PAYOUT_FAILED: "payout_reversal"},
}


def _words(names: dict[LedgerEntry.Kind, LedgerEntry.Kind] | dict[LedgerEntry.Kind, str]) -> dict[str, str]:
    return {str(ours): str(theirs) for ours, theirs in names.items()}


def among(kinds: tuple[str, ...]) -> str:
    return "(" + ", ".join(literal(str(kind)) for kind in kinds) + ")"


_FEE_KIND = chosen("e.kind", {str(event): str(fee) for fee, event in FEE_OF.items()})
_EVENT_KIND = chosen("e.kind", _words(FEE_OF))
_BACK_KIND = chosen("e.kind", _words(TAKES_BACK))
_CATEGORY = chosen("e.kind", _words(CATEGORIES))
_IS_RETURNING = f"e.kind IN {among(RETURNING)}"

# ---- Where it comes from -----------------------------------------------------------------------------------------

_KNOWN = "coalesce(nullif(e.balance_transaction_id, ''), nullif(f.balance_transaction_id, ''))"


def _movement(column: str) -> str:
    """Of Stripe's movement that the line is: by its own id, or where we were told none, by its source."""
    return f"""coalesce(t.{column}, CASE WHEN t.id IS NULL AND e.account = 'stripe' AND {_KNOWN} IS NULL THEN
        (SELECT other.{column} FROM donations_balancetransaction other WHERE other.source_id = e.source
            AND other.reporting_category = {_CATEGORY} AND other.stored_at <= %(as_of)s
            ORDER BY other.id LIMIT 1) END)"""


# What nearly every line has is joined; what few have is looked up where they have it, which costs the others nothing.
# Of `READ` the database leaves out what a query does not ask for: it is what is counted.
READ = f"""donations_ledgerentry e
    LEFT JOIN donations_ledgerentry f ON f.source = e.source AND f.kind = {_FEE_KIND}
        AND f.booked_on = e.booked_on AND f.currency = e.currency
    LEFT JOIN donations_gift g ON g.id = e.gift_id
    LEFT JOIN donations_donor d ON d.id = e.donor_id
    LEFT JOIN donations_giftdetail i ON i.gift_id = g.id
    LEFT JOIN donations_receipt r ON r.id = g.receipt_id
    LEFT JOIN donations_fund fund ON fund.id = e.fund_id
    LEFT JOIN donations_campaign campaign ON campaign.id = g.campaign_id
    LEFT JOIN donations_batch batch ON batch.id = i.batch_id
    LEFT JOIN donations_balancetransaction t ON t.stored_at <= %(as_of)s
        AND t.stripe_id = CASE WHEN e.account = 'stripe' THEN coalesce({_KNOWN}, e.source) END
    LEFT JOIN donations_payout own
        ON own.stripe_payout_id = CASE WHEN e.kind IN ('payout', 'payout_failed') THEN e.source END
    LEFT JOIN donations_payout p ON p.id = coalesce(own.id, {_movement("payout_id")})
        AND (p.tied_at <= %(as_of)s OR p.id = own.id)
    LEFT JOIN donations_bankline of_payout ON of_payout.payout_id = p.id AND of_payout.settled_at <= %(as_of)s
    LEFT JOIN donations_bankline of_batch ON of_batch.batch_id = batch.id AND of_batch.settled_at <= %(as_of)s
        AND e.account = 'bank' AND e.kind = 'gift'"""
SOURCE = f"""{READ}
    LEFT JOIN LATERAL (SELECT count(*) AS count, sum(value_minor) FILTER (WHERE NOT is_declined) AS value_minor
        FROM donations_giftbenefit benefit WHERE benefit.gift_id = g.id AND added_at <= %(as_of)s) b ON true
    LEFT JOIN donations_month month ON month.starts_on = date_trunc('month', e.booked_on)::date
    LEFT JOIN LATERAL (SELECT x.id, x.asked_at FROM donations_export x WHERE x.month_id = month.id
        AND x.voided_at IS NULL AND x.profile = 'ledger' AND x.asked_at <= %(as_of)s
        ORDER BY x.id LIMIT 1) posted ON true"""
# Nearly the same, at no cost: only fees that became known later are events.
IS_MOSTLY_EVENT = f"e.kind NOT IN {among(tuple(FEE_OF))}"
# A fee that is told with its event has no row of its own.
IS_EVENT = f"""CASE WHEN e.kind IN {among(tuple(FEE_OF))} THEN NOT EXISTS (SELECT 1 FROM donations_ledgerentry m
    WHERE m.source = e.source AND m.kind = {_EVENT_KIND} AND m.booked_on = e.booked_on AND m.currency = e.currency)
    ELSE true END"""


def _taken_back(column: str) -> str:
    """Of the line that this one takes back, the last one before it; NULL where it takes back none."""
    return f"""CASE WHEN e.kind IN {among(tuple(TAKES_BACK))} THEN (SELECT line.{column} FROM donations_ledgerentry line
        WHERE line.kind = {_BACK_KIND} AND line.id < e.id AND (line.gift_id = e.gift_id OR line.source = e.source)
            AND (e.kind NOT IN ('refund_failed', 'payout_failed') OR line.source = e.source)
        ORDER BY line.id DESC LIMIT 1) END"""


def _reversal(column: str) -> str:
    return f"(SELECT back.{column} FROM donations_reversal back WHERE back.gift_id = e.gift_id)"


def _refund(column: str) -> str:
    return f"(SELECT back.{column} FROM donations_refund back WHERE back.stripe_refund_id = e.source)"


# ---- What it says ------------------------------------------------------------------------------------------------

LINE_ID = f"'L-' || {padded('e.id', 7)} || '-1'"
_BACK_ID = _taken_back("id")
REVERSES = f"'L-' || {padded(f'({_BACK_ID})', 7)} || '-1'"
GIFT_KIND = chosen(
    "g.kind",
    {
        **{"phone": "card", "money_order": "check", "daf": "daf_grant", "foundation": "foundation_grant"},
        **{"ira": "qcd", "services": "other"},
    },
    "g.kind",
)
IS_DEPOSITED = "e.account = 'bank' AND e.kind = 'gift' AND batch.id IS NOT NULL"
DEPOSITED = f"CASE WHEN {IS_DEPOSITED} THEN batch.deposit_on END"
BATCH_ID = f"'B-' || extract(year FROM {local('batch.opened_at')}) || '-' || {padded('batch.id', 4)}"
CHARGE = f"CASE WHEN g.payment_intent_id IS NOT NULL THEN coalesce({_taken_back('source')}, e.source) END"
BALANCE = f"coalesce({_KNOWN}, {_movement('stripe_id')})"
_TOLD = "coalesce(nullif(e.reporting_category, ''), nullif(f.reporting_category, ''))"
CATEGORY = f"coalesce({_TOLD}, {_movement('reporting_category')})"
PLACE_IN_PLAN = """CASE WHEN g.plan_id IS NOT NULL THEN (SELECT count(*) FROM donations_gift other
    WHERE other.plan_id = g.plan_id AND (other.settled_at, other.id) <= (g.settled_at, g.id)) END"""
PROMISE = """CASE WHEN g.id IS NOT NULL THEN (SELECT part.promise_id FROM donations_promisepayment pays
    JOIN donations_promisepart part ON part.id = pays.part_id WHERE pays.gift_id = g.id) END"""
SOFT_CREDIT = """CASE WHEN i.id IS NOT NULL THEN (SELECT soft.donor_id FROM donations_softcredit soft
    WHERE soft.gift_id = g.id ORDER BY soft.id LIMIT 1) END"""
_WHY = _reversal("reason")
EVENT = f"""CASE WHEN e.kind = 'reversal' THEN CASE {_WHY} WHEN 'bounced' THEN 'nsf' ELSE 'reversal' END
    ELSE {chosen("e.kind", EVENTS)} END"""
BANK_REF = "coalesce(of_payout.line_id, of_batch.line_id)"
RECONCILED = "coalesce(of_payout.settled_at, of_batch.settled_at)"

# Minor units; property has no gross, a fee is a positive cost.
_CASH = ("gift", *RETURNING, "payout", "payout_failed", "adjustment")
GROSS = f"CASE WHEN e.kind IN {among(_CASH)} THEN e.amount_minor ELSE 0 END"
FEE = f"CASE WHEN e.kind IN {among(FEES)} THEN -e.amount_minor ELSE -coalesce(f.amount_minor, 0) END"
_SETTLED_USD = f"CASE WHEN {_movement('currency')} = 'usd' THEN {_movement('amount_minor')} END"
# In another currency: what Stripe settled it at; blank where nobody told us.
GROSS_USD = dollars(f"CASE WHEN e.currency = 'usd' THEN {GROSS} ELSE {_SETTLED_USD} END")
FEE_USD = f"CASE WHEN e.currency = 'usd' OR {FEE} = 0 THEN {dollars(FEE)} END"
FX = f"""CASE WHEN e.currency = 'usd' THEN 1.000000
    ELSE round({dollars(_SETTLED_USD)} / nullif({major(GROSS, "e.currency")}, 0), 6) END"""
VALUE_USD = f"CASE WHEN e.account = 'property' THEN {dollars('e.amount_minor')} ELSE {GROSS_USD} END"
PROPERTY = """CASE WHEN g.kind IN ('stock', 'crypto') THEN trim_scale(i.quantity) || ' ' || i.ticker
    ELSE i.property_description END"""

# What files can be narrowed down by.
DATES = {"booked": "e.booked_on", "gift": "g.gift_on", "deposit": DEPOSITED, "payout": "p.arrival_on"}
NARROWS = {"kind": "g.kind", "fund": "fund.code", "campaign": "campaign.code"}

# ---- The paper as it was then --------------------------------------------------------------------------------------

_NOW = "r.issued_at <= %(as_of)s"


def _former(value: str) -> str:
    """Of the paper that counted then, where the one that counts now came later."""
    return f"""CASE WHEN r.issued_at > %(as_of)s THEN (SELECT {value} FROM donations_receipt old
        LEFT JOIN donations_receiptvoid past ON past.receipt_id = old.id AND past.voided_at <= %(as_of)s
        WHERE old.gift_id = g.id AND old.issued_at <= %(as_of)s ORDER BY old.id DESC LIMIT 1) END"""


def _told(value: str) -> str:
    """Of the paper that counted at the time the file is told as of."""
    return f"CASE WHEN {_NOW} THEN r.{value} ELSE {_former(f'old.{value}')} END"


# ---- Benefits ----------------------------------------------------------------------------------------------------

_HAS_VALUE = "coalesce(b.value_minor, 0) > 0"
# As the paper told it (donations/rules/benefits.py); until there is one, a benefit counts in full.
_HOW, _RULE, _WORTH = (_told(f"snapshot->'benefits'->>'{name}'") for name in ("treatment", "rule", "value_minor"))
_SMALL = f"""CASE WHEN {_HOW} IS NULL THEN 'valued' WHEN {_HOW} <> 'insubstantial' THEN 'none'
    WHEN {_RULE} LIKE '%%token%%' THEN 'insubstantial_token' ELSE 'insubstantial_2pct' END"""
TREATMENTS = {"waived": "waived", "disregarded": "disregarded_membership", "valued": "valued"}
TREATMENT = f"""CASE WHEN g.id IS NULL THEN 'none' WHEN {_HAS_VALUE} THEN {chosen(_HOW, TREATMENTS, _SMALL)}
    WHEN b.count > 0 OR i.is_benefit_declined THEN 'waived' ELSE 'none' END"""
_EARNED = f"""CASE WHEN NOT ({_HAS_VALUE}) THEN 0 WHEN {_HOW} = 'valued' THEN ({_WORTH})::bigint
    WHEN {_HOW} IS NULL THEN least(b.value_minor, g.amount_minor) ELSE 0 END"""


def _earned_after(sign: str) -> str:
    """What of the earned part has gone back with lines before this one ("<") or with this one, too ("<=").

    The contribution goes back first: the benefit stays given until more than that is returned.
    """
    returned = f"""(SELECT -coalesce(sum(line.amount_minor), 0) FROM donations_ledgerentry line
        WHERE line.gift_id = e.gift_id AND line.kind IN {among(RETURNING)} AND line.id {sign} e.id)"""
    return f"least({_EARNED}, greatest(0, {returned} - (g.amount_minor - ({_EARNED}))))"


# Minor units of what was paid for benefits rather than given.
EXCHANGE = f"""CASE WHEN NOT ({_HAS_VALUE}) THEN 0 WHEN e.kind = 'gift' THEN {_EARNED}
    WHEN {_IS_RETURNING} THEN ({_earned_after("<")}) - ({_earned_after("<=")}) ELSE 0 END"""

# ---- The paper ---------------------------------------------------------------------------------------------------

RECEIPT_KINDS = {
    **{"tax_cash": "tax_cash", "tax_property": "tax_property", "tax_quid": "tax_quid", "qcd_letter": "qcd_letter"},
    # The schema knows no word for letters that acknowledge and prove nothing about taxes.
    **{"grant_letter": "thank_you", "bequest_letter": "thank_you", "thank_you": "thank_you"},
}
RECEIPT_NUMBER = _told("number")
# By its series where an old snapshot does not say.
RECEIPT_KIND = f"""CASE WHEN g.id IS NULL THEN NULL WHEN r.id IS NULL THEN 'none'
    WHEN {_HAS_VALUE} AND {_HOW} = 'valued' AND {_told("series")} = 'R' THEN 'tax_quid' ELSE
    {
    chosen(
        _told("snapshot->>'kind'"),
        RECEIPT_KINDS,
        f"CASE {_told('series')} WHEN 'R' THEN 'tax_cash' WHEN 'L' THEN 'thank_you' ELSE 'none' END",
    )
} END"""
_THEN = _former("CASE WHEN past.id IS NULL THEN 'issued' ELSE 'void' END")
RECEIPT_STATUS = f"""CASE WHEN g.id IS NULL THEN NULL
    WHEN {_NOW} THEN CASE WHEN EXISTS (SELECT 1 FROM donations_receiptvoid void
        WHERE void.receipt_id = r.id AND void.voided_at <= %(as_of)s) THEN 'void' ELSE 'issued' END
    WHEN r.id IS NOT NULL THEN coalesce({_THEN}, 'pending')
    WHEN EXISTS (SELECT 1 FROM donations_receiptdue due WHERE due.gift_id = g.id) THEN 'pending'
    ELSE 'not_receiptable' END"""
# Blank for property, whatever the books carry it at, and where no tax paper says an amount.
RECEIPT_AMOUNT = f"""CASE WHEN e.kind = 'gift' AND r.id IS NOT NULL AND {_told("series")} = 'R'
    THEN {major("e.amount_minor", "e.currency")} END"""
DISPUTE_STATUS = """CASE WHEN g.id IS NOT NULL THEN coalesce((SELECT CASE WHEN dispute.status LIKE 'warning%%'
        THEN 'inquiry' WHEN dispute.closed_at > %(as_of)s THEN 'open' WHEN dispute.status IN ('won', 'lost')
        THEN dispute.status WHEN dispute.status = 'prevented' THEN 'none' ELSE 'open' END
    FROM donations_dispute dispute WHERE dispute.gift_id = g.id AND dispute.opened_at <= %(as_of)s
    ORDER BY dispute.opened_at DESC LIMIT 1), 'none') END"""

# ---- Who did it ----------------------------------------------------------------------------------------------------

_TYPED = """coalesce((SELECT typed.entered_by_id FROM donations_batchrow typed WHERE typed.gift_id = g.id),
    (SELECT call.taken_by_id FROM donations_phonecall call WHERE call.gift_id = g.id))"""
ENTERED_BY = f"""CASE WHEN e.kind IN ('reversal', 'property_back', 'bank_fee') THEN {_reversal("actor")}
    WHEN e.kind IN ('refund', 'refund_failed') THEN 'staff:' || {_refund("requested_by_id")}
    WHEN e.kind IN ('gift', 'property') AND g.kind <> 'card' THEN 'staff:' || {_TYPED} END"""
APPROVED_BY = f"""CASE WHEN e.kind IN ('refund', 'refund_failed') THEN 'staff:' || {_refund("approved_by_id")}
    WHEN {IS_DEPOSITED} THEN 'staff:' || batch.closed_by_id END"""

# ---- The journal -----------------------------------------------------------------------------------------------------

POSTED_AS = f"'X-' || to_char({local('posted.asked_at')}, 'YYYY-MM') || '-' || {padded('posted.id', 5)}"
# A posted month keeps the numbers it was posted with, whatever Stripe tells of its payouts later.
_IN_PAYOUT = "own.id IS NOT NULL OR p.tied_at <= coalesce(posted.asked_at, %(as_of)s)"
JOURNAL_NO = f"""'J-' || left(e.booked_on::text, 7) || '-' || CASE
    WHEN e.account = 'stripe' AND ({_IN_PAYOUT}) THEN 'P' || p.id WHEN {IS_DEPOSITED} THEN 'B' || batch.id
    ELSE right(e.booked_on::text, 2) || CASE e.account
        WHEN 'stripe' THEN 'S' WHEN 'bank' THEN 'K' WHEN 'property' THEN 'A' ELSE 'F' END
    END || CASE WHEN e.currency = 'usd' THEN '' ELSE '-' || upper(e.currency) END"""
# The role of the account a line's money is on. What a former platform banked is not in our bank: finance clears it.
MONEY_ROLE = "CASE e.account WHEN 'stripe' THEN 'clearing' WHEN 'former' THEN 'suspense' ELSE e.account END"
_KINDS_OF_REVENUE = {"foundation": "grants", "in_kind": "in_kind", "services": "in_kind", "vehicle": "in_kind"}


def _opposite(account: Callable[[str], str]) -> str:
    """What stands against a line's money: the revenue it is or takes back, by the gift's kind."""
    by_kind = " ".join(f"WHEN '{kind}' THEN {account(role)}" for kind, role in _KINDS_OF_REVENUE.items())
    return f"""CASE WHEN e.kind IN ('gift', 'property', 'reversal', 'property_back')
            THEN CASE g.kind {by_kind} ELSE {account("contributions")} END
        WHEN e.kind IN ('refund', 'refund_failed', 'dispute', 'dispute_won') THEN {account("refunds")}
        WHEN e.kind = 'adjustment' THEN {account("suspense")} END"""


def _number(role: str) -> str:
    # Asked for once, not once a row.
    return f"(SELECT number FROM donations_account WHERE role = '{role}')"


REVENUE_ROLE = _opposite(lambda role: f"'{role}'")
REVENUE_ACCOUNT = _opposite(_number)
FEE_ACCOUNT = f"""CASE WHEN e.kind = 'bank_fee' THEN {_number("bank_fees")}
    WHEN e.kind IN {among(FEES)} OR f.id IS NOT NULL THEN {_number("fees")} END"""

SUMS = {"gross": GROSS, "fee": FEE, "net": f"{GROSS} - {FEE}"}
