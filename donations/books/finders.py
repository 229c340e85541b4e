"""What does not tie, as queries: each finds one kind of difference, with a name by which it is found again.

Columns: kind, key, about, ours_minor, theirs_minor, currency, day. The key holds how much it is: another amount is
another difference, and nobody's explanation of one dollar covers a hundred. Words hold ids and never names.
"""

TABLE = """
CREATE TEMP TABLE found (
    kind text NOT NULL, key text PRIMARY KEY, about text NOT NULL, ours_minor bigint, theirs_minor bigint,
    currency text NOT NULL, day date NOT NULL
) ON COMMIT DROP
"""

# Which of our lines are a movement's counterpart, by reporting category; what is of no gift can be a fee or adjusted.
_KINDS = """CASE bt.reporting_category
        WHEN 'charge' THEN ARRAY['gift', 'fee']
        WHEN 'refund' THEN ARRAY['refund']
        WHEN 'refund_failure' THEN ARRAY['refund_failed']
        WHEN 'dispute' THEN ARRAY['dispute', 'dispute_fee']
        WHEN 'dispute_reversal' THEN ARRAY['dispute_won', 'dispute_fee_back']
        ELSE ARRAY['stripe_fee', 'adjustment'] END"""
_COUNTERPARTS = f"""
SELECT bt.*, sum_.lines, sum_.minor FROM donations_balancetransaction bt, LATERAL (
    SELECT count(*) AS lines, coalesce(sum(l.amount_minor), 0) AS minor FROM donations_ledgerentry l
    WHERE l.source IN (bt.source_id, bt.stripe_id) AND l.source <> '' AND l.currency = bt.currency
      AND l.kind = ANY({_KINDS})
) sum_
WHERE bt.net_minor <> 0 AND bt.reporting_category NOT IN ('payout', 'payout_reversal') AND bt.created_at < %(now)s
"""

_MOVEMENTS = f"""
SELECT CASE WHEN m.lines > 0 THEN 'amount_differs' WHEN m.reporting_category = 'charge' THEN 'charge_without_gift'
            ELSE 'movement_not_booked' END,
    'movement:' || m.stripe_id || ':' || (m.net_minor - m.minor),
    CASE WHEN m.lines > 0 THEN 'Stripe''s ' || m.reporting_category || ' ' || m.source_id || ' (' || m.stripe_id
              || ') moved another amount than our lines'
         WHEN m.reporting_category = 'charge' THEN 'charge ' || m.source_id || ' is no gift of ours'
         ELSE m.reporting_category || ' ' || m.source_id || ' (' || m.stripe_id || ') is not in the ledger' END,
    m.minor, m.net_minor, m.currency, m.created_on
FROM ({_COUNTERPARTS}) m WHERE m.minor <> m.net_minor
"""

# The other way round. Payouts have a finder of their own; a fee stands and falls with its charge.
_LINES = f"""
SELECT CASE l.kind WHEN 'gift' THEN 'gift_without_charge' ELSE 'amount_differs' END,
    'line:' || l.source || ':' || l.kind,
    CASE l.kind WHEN 'gift' THEN 'Stripe shows no charge ' || l.source
                ELSE 'Stripe shows no movement for the line ' || l.kind || ' ' || l.source END
        || coalesce(' of gift G-' || lpad(l.gift_id::text, 8, '0'), ''),
    l.amount_minor, 0, l.currency, l.booked_on
FROM donations_ledgerentry l
WHERE %(is_swept)s AND l.account = 'stripe' AND l.kind NOT IN ('fee', 'payout', 'payout_failed')
  AND l.happened_at < %(swept_until)s
  AND NOT EXISTS (
    SELECT 1 FROM donations_balancetransaction bt WHERE bt.source_id = l.source AND l.kind = ANY({_KINDS}))
  AND NOT EXISTS (
    SELECT 1 FROM donations_balancetransaction bt WHERE bt.stripe_id = l.source AND l.kind = ANY({_KINDS}))
"""

_PAYOUT_LINES = """
SELECT 'payout_does_not_tie', 'payout:' || p.stripe_payout_id || ':' || (p.amount_minor - coalesce(inside.minor, 0)),
    'the lines of payout ' || p.stripe_payout_id || ' do not come to it',
    coalesce(inside.minor, 0), p.amount_minor, p.currency, p.arrival_on
FROM donations_payout p LEFT JOIN (
    SELECT payout_id, sum(net_minor) AS minor FROM donations_balancetransaction GROUP BY payout_id
) inside ON inside.payout_id = p.id
WHERE p.is_automatic AND p.status IN ('paid', 'in_transit') AND p.amount_minor <> coalesce(inside.minor, 0)
  AND p.created_at < %(now)s
"""

_PAYOUT_BOOKED = """
SELECT 'movement_not_booked', 'payout-line:' || p.stripe_payout_id || ':' || p.status,
    'payout ' || p.stripe_payout_id || ' is ' || p.status || ' and the ledger says otherwise',
    coalesce(sum(l.amount_minor), 0), CASE p.status WHEN 'paid' THEN -p.amount_minor ELSE 0 END, p.currency,
    p.arrival_on
FROM donations_payout p LEFT JOIN donations_ledgerentry l ON l.source = p.stripe_payout_id
WHERE p.status IN ('paid', 'failed', 'canceled') AND p.changed_at < %(now)s
GROUP BY p.id
HAVING coalesce(sum(l.amount_minor), 0) <> CASE p.status WHEN 'paid' THEN -p.amount_minor ELSE 0 END
"""

# Until when a bank statement is here, for each currency: what comes later cannot be missed in it yet.
_COVERED = """
SELECT account.currency, min(line.posted_on) AS first, max(line.posted_on) AS last
FROM donations_bankline line JOIN donations_bankaccount account ON account.id = line.account_id
GROUP BY account.currency
"""

_PAYOUTS_AT_BANK = f"""
SELECT 'payout_not_in_bank', 'bank-payout:' || p.stripe_payout_id,
    'the bank shows no payout ' || p.stripe_payout_id, p.amount_minor, 0, p.currency, p.arrival_on
FROM donations_payout p JOIN ({_COVERED}) covered ON covered.currency = p.currency
WHERE p.status = 'paid' AND p.arrival_on >= covered.first AND p.arrival_on + 3 <= covered.last
  AND NOT EXISTS (SELECT 1 FROM donations_bankline line WHERE line.payout_id = p.id)
UNION ALL
SELECT 'amount_differs', 'bank-payout:' || p.stripe_payout_id || ':' || (line.amount_minor - p.amount_minor),
    'the bank shows another amount for payout ' || p.stripe_payout_id, p.amount_minor, line.amount_minor, p.currency,
    line.posted_on
FROM donations_bankline line JOIN donations_payout p ON p.id = line.payout_id
WHERE line.amount_minor <> p.amount_minor
"""

_DEPOSITS = """
SELECT batch.id, batch.currency, batch.deposit_on, line.id AS line_id, line.amount_minor, line.posted_on,
    'B-' || extract(year FROM batch.opened_at AT TIME ZONE %(zone)s) || '-'
        || lpad(batch.id::text, greatest(4, length(batch.id::text)), '0') AS name,
    (SELECT coalesce(sum(l.amount_minor), 0) FROM donations_giftdetail detail
        JOIN donations_ledgerentry l ON l.gift_id = detail.gift_id
        WHERE detail.batch_id = batch.id AND l.kind = 'gift' AND l.account = 'bank') AS came
FROM donations_batch batch LEFT JOIN donations_bankline line ON line.batch_id = batch.id
WHERE batch.status = 'closed' AND batch.kind IN ('checks', 'wires')
"""

_DEPOSITS_AT_BANK = f"""
SELECT 'deposit_not_in_bank', 'deposit:' || d.id, 'the bank shows no deposit ' || d.name, d.came, 0::bigint, d.currency,
    d.deposit_on
FROM ({_DEPOSITS}) d JOIN ({_COVERED}) covered ON covered.currency = d.currency
WHERE d.line_id IS NULL AND d.came > 0 AND d.deposit_on >= covered.first AND d.deposit_on + 5 <= covered.last
UNION ALL
SELECT 'deposit_differs', 'deposit:' || d.id || ':' || (d.amount_minor - d.came),
    'the bank shows another amount for deposit ' || d.name, d.came, d.amount_minor, d.currency, d.posted_on
FROM ({_DEPOSITS}) d WHERE d.line_id IS NOT NULL AND d.came <> d.amount_minor
"""

# Money in that nobody knows may be a gift. What the bank takes out is the accounting program's: rent, wages.
_BANK_LINES = """
SELECT 'bank_line_unknown', 'bank-line:' || line.id,
    'line ' || line.id || ' of the bank on ' || line.posted_on || ' is tied to nothing', 0::bigint, line.amount_minor,
    line.currency, line.posted_on
FROM donations_bankline line
WHERE line.payout_id IS NULL AND line.batch_id IS NULL AND line.explanation = '' AND line.amount_minor > 0
"""

_BALANCE = """
SELECT 'balance_differs', 'balance:' || told.currency || ':' || (told.minor - coalesce(sum(bt.net_minor), 0)),
    'Stripe holds another amount than its movements come to', coalesce(sum(bt.net_minor), 0), told.minor,
    told.currency, %(today)s::date
FROM (
    SELECT sweep.balance_at, each.key AS currency, each.value::bigint AS minor
    FROM donations_balancesweep sweep, jsonb_each_text(sweep.balance) each WHERE sweep.balance_at IS NOT NULL
) told LEFT JOIN donations_balancetransaction bt ON bt.currency = told.currency AND bt.created_at <= told.balance_at
GROUP BY told.currency, told.minor HAVING coalesce(sum(bt.net_minor), 0) <> told.minor
"""

# A paper that counts says what was given, or what is left of it after refunds; property's says no amount. Of a gift
# that is gone no money is left: where the wrong one of two payments went back, the other is kept and has no paper.
# Each gift's lines and what its paper says are put side by side first, and compared after: compared while they are
# joined, statistics that lag behind would have every paper read against the lines of every gift.
_PAPERS = """
WITH lines AS MATERIALIZED (
    SELECT gift_id, sum(amount_minor) AS minor, sum(amount_minor) FILTER (WHERE kind <> 'reversal') AS kept,
        max(booked_on) AS day, max(booked_on) FILTER (WHERE kind <> 'reversal') AS kept_day
    FROM donations_ledgerentry
    WHERE kind IN ('gift', 'reversal', 'refund', 'refund_failed', 'dispute', 'dispute_won')
    GROUP BY gift_id
), papers AS MATERIALIZED (
    SELECT g.id AS gift_id, g.currency, r.id, r.number, (r.snapshot #>> '{gift,amount_minor}')::bigint AS said,
        lines.kept, lines.kept_day
    FROM donations_gift g JOIN donations_receipt r ON r.id = g.receipt_id JOIN lines ON lines.gift_id = g.id
    WHERE g.status = 'settled'
)
SELECT 'receipts_differ', 'receipt:' || number || ':' || said,
    number || ' says another amount than the ledger for gift G-' || lpad(gift_id::text, 8, '0'),
    kept, said, currency, kept_day
FROM papers
WHERE said <> kept
  AND NOT EXISTS (SELECT 1 FROM donations_receiptdue due WHERE due.gift_id = papers.gift_id)
  AND NOT EXISTS (SELECT 1 FROM donations_receiptvoid void WHERE void.receipt_id = papers.id)
UNION ALL
SELECT 'receipts_differ', 'no-receipt:' || g.id,
    'gift G-' || lpad(g.id::text, 8, '0') || ' has no paper that counts, and none is due',
    g.amount_minor - g.refunded_minor, 0, g.currency,
    coalesce((SELECT max(l.booked_on) FROM donations_ledgerentry l WHERE l.gift_id = g.id), g.gift_on)
FROM donations_gift g
WHERE g.status = 'settled' AND g.amount_minor > 0
  AND g.kind IN ('card', 'phone', 'check', 'cash', 'money_order', 'wire')
  AND g.settled_at < %(now)s
  AND NOT EXISTS (SELECT 1 FROM donations_receiptdue due WHERE due.gift_id = g.id)
  AND NOT EXISTS (SELECT 1 FROM donations_giftorigin origin WHERE origin.gift_id = g.id)
  AND NOT EXISTS (SELECT 1 FROM nonprofit_auditentry audit WHERE audit.target_type = 'gift'
    AND audit.target_id = g.id::text AND audit.action = 'no receipt')
  AND (g.receipt_id IS NULL OR EXISTS (SELECT 1 FROM donations_receiptvoid void WHERE void.receipt_id = g.receipt_id))
UNION ALL
SELECT 'receipts_differ', 'gone:' || g.id || ':' || lines.minor,
    'gift G-' || lpad(g.id::text, 8, '0') || ' is ' || g.status || ' and its lines say otherwise: was it paid twice?',
    lines.minor, g.amount_minor - g.refunded_minor, g.currency, lines.day
FROM donations_gift g JOIN lines ON lines.gift_id = g.id
WHERE g.status IN ('refunded', 'lost') AND lines.minor <> g.amount_minor - g.refunded_minor
"""

ALL = (
    *(_MOVEMENTS, _LINES, _PAYOUT_LINES, _PAYOUT_BOOKED, _PAYOUTS_AT_BANK, _DEPOSITS_AT_BANK, _BANK_LINES),
    *(_BALANCE, _PAPERS),
)

# xmax is 0 in a row that was inserted just now. One that comes back after it was gone is told anew, too.
KEEP = """
INSERT INTO donations_difference AS d
    (kind, key, about, ours_minor, theirs_minor, currency, day, found_at, explanation)
SELECT kind, left(key, 160), left(about, 300), ours_minor, theirs_minor, currency, greatest(day, %(first_open)s),
    now(), '' FROM found ORDER BY key
ON CONFLICT (key) DO UPDATE SET gone_at = NULL, found_at = CASE WHEN d.gone_at IS NULL THEN d.found_at ELSE now() END,
    day = CASE WHEN d.gone_at IS NULL THEN d.day ELSE greatest(excluded.day, %(first_open)s) END
RETURNING key, kind, xmax = 0
"""

# One that was explained stays with its explanation, for whoever reads the month later. Numbers of papers are compared
# by receipts/gaps.py.
GONE = """
UPDATE donations_difference d SET gone_at = %s
WHERE d.gone_at IS NULL AND d.explanation = '' AND d.kind <> 'number_unexplained'
  AND NOT EXISTS (SELECT 1 FROM found WHERE left(found.key, 160) = d.key)
"""

# Charges that we know and whose lines do not come to their movement: mostly a fee that came late.
GIFTS_TO_ASK = """
SELECT DISTINCT l.gift_id FROM donations_balancetransaction bt
JOIN donations_ledgerentry l ON l.source = bt.source_id AND l.kind = 'gift'
LEFT JOIN donations_ledgerentry fee ON fee.source = bt.source_id AND fee.kind = 'fee'
WHERE bt.reporting_category = 'charge' AND bt.fee_minor <> 0 AND fee.id IS NULL AND l.currency = bt.currency
ORDER BY 1 LIMIT %(limit)s
"""

# Money that went back and is not in the ledger: its event was lost, or came while we were down.
BACK_TO_ASK = f"""
SELECT m.reporting_category, m.source_id FROM ({_COUNTERPARTS}) m
WHERE m.minor <> m.net_minor AND m.source_id <> ''
  AND m.reporting_category IN ('refund', 'refund_failure', 'dispute', 'dispute_reversal')
ORDER BY m.id LIMIT %(limit)s
"""
