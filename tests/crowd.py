"""Supporters by the thousand with a past year of card gifts, receipted, some refunded: made in SQL, in seconds."""

from dataclasses import dataclass

from django.db import connection

from tests import builders

YEAR = 2025
# Every so many supporters give a second time, and every so many first gifts went back.
TWICE, REFUNDED = 4, 50

DONORS = """
    INSERT INTO donations_donor (kind, name, salutation, email, phone, address_line1, address_line2, city, region,
        postal_code, country, addressee, is_deceased, is_not_contacted, is_not_mailed, is_anonymous, wants_no_letter,
        created_at)
    SELECT 'individual', 'Supporter ' || n, '', 'supporter' || n || '@example.org', '', n || ' Elm Street', '',
        'Boston', 'MA', '02139', 'US', '', false, false, false, false, false, now()
    FROM generate_series(1, %(count)s) n"""

GIFTS = """
    INSERT INTO donations_gift (token, form_attempt, revision, donor_id, kind, status, frequency, amount_minor,
        covered_fee_minor, refunded_minor, currency, fund_id, donor_name, donor_email, donor_phone, address_line1,
        address_line2, city, region, postal_code, country, tribute, tribute_name, note, is_name_hidden,
        wants_newsletter, gift_on, gift_date_basis, payment_intent_id, card_brand, card_last4, started_at, changed_at,
        settled_at)
    SELECT gen_random_uuid(), gen_random_uuid(), 0, donor.id, 'card',
        CASE WHEN is_back THEN 'refunded' ELSE 'settled' END, 'once', minor, 0, CASE WHEN is_back THEN minor ELSE 0 END,
        'usd', %(fund)s, donor.name, donor.email, '', donor.address_line1, '', donor.city, donor.region,
        donor.postal_code, 'US', '', '', '', false, false, day, 'charge', 'pi_crowd_' || donor.id || '_' || nth, 'visa',
        '4242', day + interval '17 hours', day + interval '17 hours', day + interval '17 hours'
    FROM donations_donor donor
    CROSS JOIN generate_series(1, 2) nth
    CROSS JOIN LATERAL (SELECT 500 + (donor.id * 37 + nth * 101) %% 25000 AS minor,
        make_date(%(year)s, 1, 1) + ((donor.id * 13 + nth * 170) %% 365)::int AS day,
        nth = 1 AND donor.id %% %(refunded)s = 0 AS is_back) made
    WHERE donor.name LIKE 'Supporter %%' AND (nth = 1 OR donor.id %% %(twice)s = 0)"""

LEDGER = """
    INSERT INTO donations_ledgerentry (source, kind, gift_id, donor_id, fund_id, amount_minor, currency, account,
        happened_at, booked_on, balance_transaction_id, reporting_category, recorded_at)
    SELECT line.source || gift.id, line.kind, gift.id, gift.donor_id, gift.fund_id, line.minor, 'usd', 'stripe',
        gift.settled_at + line.later, (gift.settled_at + line.later)::date, '', '', now()
    FROM donations_gift gift
    CROSS JOIN LATERAL (VALUES ('ch_crowd_', 'gift', gift.amount_minor, interval '0'),
        ('ch_crowd_', 'fee', -103, interval '0'),
        ('re_crowd_', 'refund', -gift.refunded_minor, interval '9 days')) line (source, kind, minor, later)
    WHERE line.minor <> 0"""

RECEIPTS = """
    INSERT INTO donations_receipt (series, year, sequence, number, gift_id, snapshot, code, chain, issued_at)
    SELECT 'R', %(year)s, nth, 'R-%(year)s-' || lpad(nth::text, 6, '0'), gift.id,
        jsonb_build_object('kind', 'tax_cash', 'number', 'R-%(year)s-' || lpad(nth::text, 6, '0')), '', '',
        gift.settled_at
    FROM (SELECT *, row_number() OVER (ORDER BY id) nth FROM donations_gift) gift"""

# The papers themselves are of the past: a byte each.
FILES = """
    INSERT INTO nonprofit_storedfile (content, content_type, size, sha256, created_at)
    SELECT '%%'::bytea, 'application/pdf', 1, 'crowd' || id, issued_at FROM donations_receipt"""

PDFS = """
    INSERT INTO donations_receiptpdf (receipt_id, file_id)
    SELECT substr(sha256, 6)::bigint, id FROM nonprofit_storedfile WHERE sha256 LIKE 'crowd%%'"""

POINT = "UPDATE donations_gift gift SET receipt_id = made.id FROM donations_receipt made WHERE made.gift_id = gift.id"


@dataclass(frozen=True)
class Crowd:
    """What was made. kept_minor: what the ledger holds of their gifts, refunds taken off."""

    supporters: int
    gifts: int
    kept_minor: int


def come(count: int) -> Crowd:
    """`count` supporters more, in an otherwise empty database."""
    builders.campaign()
    facts = {"count": count, "year": YEAR, "fund": builders.fund().pk, "twice": TWICE, "refunded": REFUNDED}
    with connection.cursor() as cursor:
        for statement in (DONORS, GIFTS, LEDGER, RECEIPTS, FILES, PDFS, POINT):
            cursor.execute(statement, facts)
        cursor.execute(
            "ANALYZE donations_donor, donations_gift, donations_receipt, donations_receiptpdf, donations_ledgerentry"
        )
        cursor.execute(
            """SELECT (SELECT count(*) FROM donations_donor), (SELECT count(*) FROM donations_gift),
                (SELECT sum(amount_minor) FROM donations_ledgerentry WHERE kind IN ('gift', 'refund'))"""
        )
        supporters, gifts, kept = cursor.fetchone()
    return Crowd(supporters, gifts, int(kept))
