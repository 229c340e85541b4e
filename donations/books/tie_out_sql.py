"""The numbers of a month's equations as queries for their rows: model, pk, day, name, minor. A number is their sum."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Sql:
    """label: as the page says it. is_rare: not shown while it has no row."""

    label: str
    rows: str
    is_rare: bool = False


def _ledger(where: str) -> str:
    return f"""
        SELECT 'ledgerentry' AS model, l.id AS pk, l.booked_on AS day, l.kind || ' ' || l.source AS name,
            l.amount_minor AS minor
        FROM donations_ledgerentry l WHERE l.currency = %(currency)s AND {where}
    """


_CLEARING = {
    "clearing": Sql("Clearing balance in the ledger", _ledger("l.account = 'stripe' AND l.booked_on < %(end)s")),
    # A fact that was late for a closed month is booked on the first open day and happened before.
    "clearing-later": Sql(
        "Happened by then, booked in a later month",
        _ledger(
            "l.account = 'stripe' AND l.booked_on >= %(end)s"
            " AND l.happened_at < (%(end)s::date)::timestamp AT TIME ZONE %(zone)s"
        ),
        is_rare=True,
    ),
    "stripe": Sql(
        "Balance, as its movements come to",
        """SELECT 'balancetransaction' AS model, bt.id AS pk, bt.created_on AS day,
            bt.reporting_category || ' ' || bt.source_id AS name, bt.net_minor AS minor
        FROM donations_balancetransaction bt WHERE bt.currency = %(currency)s AND bt.created_on < %(end)s""",
    ),
    # Left the balance and not yet at the bank: what payouts took off the balance, less what had arrived by then.
    "in-transit": Sql(
        "Payouts on their way to the bank",
        """SELECT 'payout' AS model, p.id AS pk, p.arrival_on AS day, p.stripe_payout_id AS name, moved.minor AS minor
        FROM donations_payout p, LATERAL (
            SELECT -coalesce(sum(bt.net_minor), 0)
                - CASE WHEN p.status = 'paid' AND p.arrival_on < %(end)s THEN p.amount_minor ELSE 0 END AS minor
            FROM donations_balancetransaction bt WHERE bt.source_id = p.stripe_payout_id
                AND bt.reporting_category IN ('payout', 'payout_reversal') AND bt.created_on < %(end)s
        ) moved
        WHERE p.currency = %(currency)s AND moved.minor <> 0""",
    ),
}

_DEPOSIT = """
    SELECT batch.id, batch.deposit_on, batch.currency, (
        SELECT coalesce(sum(l.amount_minor), 0) FROM donations_giftdetail detail
        JOIN donations_ledgerentry l ON l.gift_id = detail.gift_id
        WHERE detail.batch_id = batch.id AND l.kind = 'gift' AND l.account = 'bank') AS came
    FROM donations_batch batch WHERE batch.status = 'closed' AND batch.kind IN ('checks', 'wires')
"""
_IN_MONTH = "{0} >= %(start)s AND {0} < %(end)s"


def _line(where: str, minor: str = "line.amount_minor") -> str:
    return f"""
        SELECT 'bankline' AS model, line.id AS pk, line.posted_on AS day, line.description AS name, {minor} AS minor
        FROM donations_bankline line
        LEFT JOIN donations_payout p ON p.id = line.payout_id LEFT JOIN donations_batch b ON b.id = line.batch_id
        WHERE line.currency = %(currency)s AND {where}
    """


_ITS_DAY = "coalesce(p.arrival_on, b.deposit_on)"
_BANK = {
    "payouts": Sql(
        "Payouts that arrived",
        f"""SELECT 'payout' AS model, p.id AS pk, p.arrival_on AS day, p.stripe_payout_id AS name,
            p.amount_minor AS minor
        FROM donations_payout p WHERE p.currency = %(currency)s AND p.status = 'paid'
            AND {_IN_MONTH.format("p.arrival_on")}""",
    ),
    "deposits": Sql(
        "Deposits of checks and wires",
        f"""SELECT 'batch' AS model, d.id AS pk, d.deposit_on AS day, 'deposit' AS name, d.came AS minor
        FROM ({_DEPOSIT}) d WHERE d.currency = %(currency)s AND d.came <> 0 AND {_IN_MONTH.format("d.deposit_on")}""",
    ),
    # The bank's day is often one or two later than ours: what stands in this month here and in another there.
    "bank-elsewhere": Sql(
        "The bank shows them in another month",
        _line(f"{_IN_MONTH.format(_ITS_DAY)} AND NOT ({_IN_MONTH.format('line.posted_on')})", "-line.amount_minor"),
        is_rare=True,
    ),
    "bank-before": Sql(
        "Of another month, at the bank in this one",
        _line(
            f"{_IN_MONTH.format('line.posted_on')} AND {_ITS_DAY} IS NOT NULL AND NOT ({_IN_MONTH.format(_ITS_DAY)})"
        ),
        is_rare=True,
    ),
    "bank-lines": Sql(
        "Lines that are money in, and what they are tied to",
        _line(f"{_IN_MONTH.format('line.posted_on')} AND ({_ITS_DAY} IS NOT NULL OR line.amount_minor > 0)"),
    ),
    "bank-explained": Sql(
        "Explained: neither payout nor deposit",
        _line(
            f"{_IN_MONTH.format('line.posted_on')} AND line.explanation <> '' AND line.amount_minor > 0",
            "-line.amount_minor",
        ),
        is_rare=True,
    ),
}

# Every gift whose line was booked in the month, with what it says and which paper it has now.
_GIFTS = f"""
    SELECT g.id, l.booked_on, l.amount_minor, g.kind, g.status, CASE
        WHEN g.status IN ('reversed', 'refunded', 'lost') THEN 'paper-back'
        WHEN g.status = 'disputed' THEN 'paper-disputed'
        WHEN EXISTS (SELECT 1 FROM donations_receiptdue due WHERE due.gift_id = g.id) THEN 'paper-pending'
        WHEN r.id IS NOT NULL AND void.id IS NULL AND r.series = 'R' THEN 'paper-receipt'
        WHEN r.id IS NOT NULL AND void.id IS NULL THEN 'paper-letter'
        WHEN EXISTS (SELECT 1 FROM donations_giftorigin origin WHERE origin.gift_id = g.id) THEN 'paper-former'
        WHEN g.kind NOT IN ('card', 'phone', 'check', 'cash', 'money_order', 'wire') OR EXISTS (
            SELECT 1 FROM nonprofit_auditentry audit WHERE audit.target_type = 'gift'
            AND audit.target_id = g.id::text AND audit.action = 'no receipt') THEN 'paper-none'
        ELSE 'missing' END AS class,
        CASE WHEN r.id IS NOT NULL AND void.id IS NULL
            THEN (r.snapshot #>> '{{gift,amount_minor}}')::bigint END AS printed,
        g.refunded_minor
    FROM donations_ledgerentry l JOIN donations_gift g ON g.id = l.gift_id
    LEFT JOIN donations_receipt r ON r.id = g.receipt_id LEFT JOIN donations_receiptvoid void ON void.receipt_id = r.id
    WHERE l.kind = 'gift' AND l.currency = %(currency)s AND {_IN_MONTH.format("l.booked_on")}
"""


def _papers(class_: str, minor: str = "g.amount_minor") -> str:
    return f"""
        SELECT 'gift' AS model, g.id AS pk, g.booked_on AS day, g.kind AS name, {minor} AS minor
        FROM ({_GIFTS}) g WHERE g.class = '{class_}'
    """


_RECEIPTS = {
    "gross": Sql("Gross", _ledger(f"l.kind = 'gift' AND {_IN_MONTH.format('l.booked_on')}")),
    "paper-receipt": Sql("On a tax receipt, as printed", _papers("paper-receipt", "g.printed")),
    "paper-refunded": Sql(
        "Refunded in part, and taken off the receipt",
        """SELECT 'gift' AS model, g.id AS pk, g.booked_on AS day, g.kind AS name, g.refunded_minor AS minor
        FROM ("""
        + _GIFTS
        + """) g WHERE g.class IN ('paper-receipt', 'paper-letter') AND g.refunded_minor <> 0""",
        is_rare=True,
    ),
    "paper-letter": Sql("No receipt: a letter (fund, foundation, IRA, thanks)", _papers("paper-letter", "g.printed")),
    "paper-none": Sql("No paper by the rules or by wish", _papers("paper-none"), is_rare=True),
    "paper-former": Sql("Had its receipt from a former platform", _papers("paper-former"), is_rare=True),
    "paper-back": Sql("Taken back: receipt void", _papers("paper-back"), is_rare=True),
    "paper-disputed": Sql("Disputed, not decided", _papers("paper-disputed"), is_rare=True),
    "paper-pending": Sql("Waiting for its paper", _papers("paper-pending")),
}
PARTS = _CLEARING | _BANK | _RECEIPTS
