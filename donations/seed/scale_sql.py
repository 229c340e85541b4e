"""The set-based half of generating gifts by the million: what follows from a gift, and indexes off and on again."""

from typing import Any

TABLES = (
    "donations_donor",
    "donations_plan",
    "donations_gift",
    "donations_ledgerentry",
    "donations_giftdetail",
    "donations_reversal",
    "donations_receipt",
)
# Filled by the tables' own triggers.
FOLLOWING = ("donations_donorterm",)
# Statements that bring back what was taken off, in their order.
Taken = list[str]


def take_off(cursor: Any) -> Taken:
    """Foreign keys, unique constraints and indexes of the tables are gone; the statements that bring them back."""
    # What this transaction wrote before is checked now: a table with checks outstanding cannot be altered.
    cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
    cursor.execute("SET CONSTRAINTS ALL DEFERRED")
    back: Taken = []
    cursor.execute(
        """SELECT conrelid::regclass::text, conname, pg_get_constraintdef(oid) FROM pg_constraint
            WHERE conrelid = ANY(%s::regclass[]) AND contype IN ('f', 'u') ORDER BY contype DESC, conrelid, conname""",
        [[*TABLES, *FOLLOWING]],
    )
    for table, name, definition in cursor.fetchall():
        cursor.execute(f'ALTER TABLE {table} DROP CONSTRAINT "{name}"')
        back.append(f'ALTER TABLE {table} ADD CONSTRAINT "{name}" {definition}')
    cursor.execute(
        """SELECT indexrelid::regclass::text, pg_get_indexdef(indexrelid) FROM pg_index
            WHERE indrelid = ANY(%s::regclass[]) AND NOT indisprimary ORDER BY 1""",
        [[*TABLES, *FOLLOWING]],
    )
    for name, definition in cursor.fetchall():
        cursor.execute(f"DROP INDEX {name}")
        back.append(definition)
    return back


def put_back(cursor: Any, taken: Taken) -> None:
    """Everything taken off stands again; the database has checked every row against it."""
    for statement in taken:
        cursor.execute(statement)


def number_on(cursor: Any) -> None:
    """The tables' own numbering continues after the rows that brought their numbers along."""
    for table in TABLES:
        sequence = f"pg_get_serial_sequence('{table}', 'id')"
        last = f"SELECT setval({sequence}, max(id)) FROM {table} HAVING max(id) IS NOT NULL"  # nosec B608 - our own
        cursor.execute(last)


def analyze(cursor: Any) -> None:
    """The planner knows the tables as they are now."""
    for table in (*TABLES, *FOLLOWING):
        cursor.execute(f"ANALYZE {table}")


def derived() -> list[tuple[str, str]]:
    """What each statement makes, and the statement: of gifts numbered %(first)s to %(last)s."""
    return [
        ("details", DETAILS),
        ("ledger entries", LEDGER),
        ("fees", FEES),
        ("reversals", REVERSALS),
        ("reversing entries", REVERSING),
        ("receipts", RECEIPTS),
        ("gifts with their receipt", RECEIPTED),
        ("receipt books", BOOKS),
    ]


SPAN = "gift.id BETWEEN %(first)s AND %(last)s"
BOOKED = f"{SPAN} AND gift.status IN ('settled', 'reversed')"
IS_CARD = "gift.kind IN ('card', 'phone')"
IS_PROPERTY = "gift.kind IN ('stock', 'crypto', 'in_kind', 'vehicle', 'services')"
# What the books carry a gift of property at.
VALUE = "5000 + gift.id * 7919 %% 400000"

DETAILS = f"""
    INSERT INTO donations_giftdetail (gift_id, check_number, check_on, sent_by, postmarked_on, received_on, credited_on,
        payer_name, reference, custodian, advised_fund, ticker, quantity, property_description, internal_value_minor,
        vehicle_number, is_benefit_declined, date_reason)
    SELECT gift.id,
        CASE WHEN gift.kind IN ('check', 'money_order', 'ira', 'match') THEN (100 + gift.id * 7919 %% 9000)::text
            ELSE '' END,
        CASE WHEN gift.kind = 'check' THEN gift.gift_on - 2 END,
        CASE WHEN gift.kind IN ('check', 'money_order') THEN 'usps' ELSE '' END,
        CASE WHEN gift.kind = 'check' THEN gift.gift_on END,
        CASE WHEN gift.kind NOT IN ('wire', 'crypto', 'stock') THEN
            gift.gift_on + CASE WHEN gift.kind = 'check' THEN 3 ELSE 0 END END,
        CASE WHEN gift.kind IN ('wire', 'crypto', 'stock', 'payroll') THEN gift.gift_on END,
        CASE WHEN gift.kind IN ('check', 'wire') THEN gift.donor_name ELSE '' END,
        CASE WHEN gift.kind IN ('wire', 'daf', 'foundation', 'match', 'payroll', 'bequest')
            THEN 'REF-' || lpad((gift.id * 104729 %% 1000000)::text, 6, '0') ELSE '' END,
        CASE WHEN gift.kind = 'ira' THEN (ARRAY['Fidelity', 'Vanguard', 'Schwab'])[1 + gift.id %% 3] ELSE '' END,
        CASE WHEN gift.kind = 'daf' THEN 'The ' || split_part(gift.donor_name, ' ', 2) || ' Fund' ELSE '' END,
        CASE gift.kind WHEN 'stock' THEN (ARRAY['AAPL', 'MSFT', 'VTI', 'BRK.B'])[1 + gift.id %% 4]
            WHEN 'crypto' THEN (ARRAY['BTC', 'ETH'])[1 + gift.id %% 2] ELSE '' END,
        CASE gift.kind WHEN 'stock' THEN 1 + gift.id %% 120 WHEN 'crypto' THEN (1 + gift.id %% 900) / 1000.0 END,
        CASE WHEN gift.kind IN ('in_kind', 'other') THEN (ARRAY['Office chairs', 'Used camera and lenses',
            'Ferry tickets for the raffle', 'Printing of the annual report'])[1 + gift.id %% 4] ELSE '' END,
        CASE WHEN {IS_PROPERTY} THEN {VALUE} END,
        '', CASE WHEN gift.kind = 'ira' THEN true END, ''
    FROM donations_gift gift WHERE {BOOKED} AND NOT {IS_CARD} ORDER BY gift.id"""

_LEDGER_COLUMNS = """INSERT INTO donations_ledgerentry (source, kind, gift_id, donor_id, fund_id, amount_minor,
    currency, account, happened_at, booked_on, balance_transaction_id, reporting_category, recorded_at)"""
# Stripe's ids of invented payments: pi_made7x12 was charged as ch_made7x12.
_SOURCE = f"""CASE WHEN {IS_CARD} THEN 'ch_' || substr(gift.payment_intent_id, 4) ELSE 'made:' || gift.id END"""
_ACCOUNT = f"""CASE WHEN {IS_CARD} THEN 'stripe' WHEN {IS_PROPERTY} THEN 'property' ELSE 'bank' END"""
_BALANCE = f"""CASE WHEN {IS_CARD} THEN 'txn_' || substr(gift.payment_intent_id, 4) ELSE '' END,
    CASE WHEN {IS_CARD} THEN 'charge' ELSE '' END"""

LEDGER = f"""{_LEDGER_COLUMNS}
    SELECT {_SOURCE}, CASE WHEN {IS_PROPERTY} THEN 'property' ELSE 'gift' END, gift.id, gift.donor_id, gift.fund_id,
        CASE WHEN {IS_PROPERTY} THEN {VALUE} ELSE gift.amount_minor END, gift.currency, {_ACCOUNT}, gift.settled_at,
        gift.gift_on,
        {_BALANCE}, gift.settled_at
    FROM donations_gift gift WHERE {BOOKED} ORDER BY gift.id"""

# Stripe's price for most cards: 2.9 % and 30 cents.
FEES = f"""{_LEDGER_COLUMNS}
    SELECT {_SOURCE}, 'fee', gift.id, gift.donor_id, gift.fund_id, -(round(gift.amount_minor * 0.029) + 30),
        gift.currency, 'stripe', gift.settled_at, gift.gift_on, {_BALANCE}, gift.settled_at
    FROM donations_gift gift WHERE {BOOKED} AND {IS_CARD} ORDER BY gift.id"""

REVERSALS = f"""
    INSERT INTO donations_reversal (gift_id, reason, noticed_on, bank_fee_minor, note, actor, at)
    SELECT gift.id, CASE WHEN gift.kind = 'check' THEN 'bounced' ELSE 'wrong_entry' END, gift.gift_on + 9, 0, '',
        'task', gift.settled_at + interval '9 days'
    FROM donations_gift gift WHERE {SPAN} AND gift.status = 'reversed' ORDER BY gift.id"""

REVERSING = f"""{_LEDGER_COLUMNS}
    SELECT 'reversal:' || gift.id, CASE WHEN {IS_PROPERTY} THEN 'property_back' ELSE 'reversal' END, gift.id,
        gift.donor_id, gift.fund_id, -(CASE WHEN {IS_PROPERTY} THEN {VALUE} ELSE gift.amount_minor END), gift.currency,
        {_ACCOUNT}, reversal.at, reversal.noticed_on, '', '', reversal.at
    FROM donations_gift gift JOIN donations_reversal reversal ON reversal.gift_id = gift.id
    WHERE {SPAN} AND gift.status = 'reversed' ORDER BY gift.id"""

# The papers are in no chain: that is made from each whole snapshot, and these were never drawn.
# Three of ten card gifts have a receipt: the rest is as if it had come from another platform, which receipted it.
_RECEIPTED = f"""{BOOKED} AND gift.status = 'settled' AND gift.kind = 'card' AND gift.id %% 10 < 3"""
RECEIPTS = f"""
    INSERT INTO donations_receipt (series, year, sequence, number, gift_id, snapshot, code, chain, issued_at)
    SELECT 'R', year, sequence, 'R-' || year || '-' || lpad(sequence::text, 6, '0'), made.id,
        jsonb_build_object('schema', 'receipt-1', 'number', 'R-' || year || '-' || lpad(sequence::text, 6, '0'),
            'donor', jsonb_build_object('name', made.donor_name, 'address_lines', '[]'::jsonb),
            'gift', jsonb_build_object('amount', made.amount, 'amount_minor', made.amount_minor,
                'gift_on', made.gift_on, 'frequency', made.frequency, 'method', 'Card', 'fund', made.fund,
                'covered_fee', '', 'tribute', ''),
            'statements', '[]'::jsonb), '', '',
        made.settled_at
    FROM (
        SELECT gift.id, gift.donor_name, gift.amount_minor, gift.gift_on, gift.frequency, gift.settled_at,
            fund.name AS fund, to_char(gift.amount_minor / 100.0, 'FM$999,999,990.00') AS amount,
            extract(year FROM gift.gift_on)::int AS year,
            coalesce(book.last_number, 0)
                + row_number() OVER (PARTITION BY extract(year FROM gift.gift_on) ORDER BY gift.id) AS sequence
        FROM donations_gift gift JOIN donations_fund fund ON fund.id = gift.fund_id
        LEFT JOIN donations_receiptbook book ON book.series = 'R' AND book.year = extract(year FROM gift.gift_on)
        WHERE {_RECEIPTED}
    ) made ORDER BY made.id"""

RECEIPTED = f"""
    UPDATE donations_gift gift SET receipt_id = receipt.id FROM donations_receipt receipt
    WHERE receipt.gift_id = gift.id AND {SPAN}"""

BOOKS = """
    INSERT INTO donations_receiptbook (series, year, last_number, last_chain)
    SELECT series, year, max(sequence), '' FROM donations_receipt GROUP BY series, year
    ON CONFLICT (series, year) DO UPDATE
        SET last_number = greatest(donations_receiptbook.last_number, excluded.last_number)"""
