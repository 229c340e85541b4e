"""Stripe's books and the bank's, as they would have come in: weekly payouts, a statement, one thing nobody knows."""

import csv
import io
from datetime import date, timedelta
from inspect import unwrap
from itertools import groupby

from django.db import connection

from donations.books import balance, bank, compare
from donations.models import BalanceSweep, BalanceTransaction, BankAccount, Month, Payout
from nonprofit import audit, clock
from nonprofit.models import User
from nonprofit.money import Money

# The verbs insist on being the outermost transaction. Here the whole seed is one, all or nothing.
upload, bring_in = unwrap(bank.upload), unwrap(bank.bring_in)
book_payout, look = unwrap(balance.book_payout), unwrap(compare.run)

# What Stripe would have told of each fact that is booked there: the lines of one source and kind are one movement.
_MOVEMENTS = """
INSERT INTO donations_balancetransaction (stripe_id, source_id, type, reporting_category, amount_minor, fee_minor,
    net_minor, currency, created_at, created_on, available_on, description, stored_at)
SELECT CASE WHEN source LIKE 'txn_%' THEN source
        ELSE coalesce(nullif(max(txn), ''), 'txn_' || left(md5(source || category), 24)) END,
    source, category, category, sum(minor) FILTER (WHERE NOT is_fee), -coalesce(sum(minor) FILTER (WHERE is_fee), 0),
    sum(minor), currency, min(happened_at), min(booked_on), min(booked_on) + 2, '', min(happened_at)
FROM (
    SELECT source, currency, happened_at, booked_on, amount_minor AS minor, balance_transaction_id AS txn,
        kind IN ('fee', 'dispute_fee', 'dispute_fee_back') AS is_fee,
        CASE kind WHEN 'refund' THEN 'refund' WHEN 'refund_failed' THEN 'refund_failure'
            WHEN 'dispute' THEN 'dispute' WHEN 'dispute_fee' THEN 'dispute'
            WHEN 'dispute_won' THEN 'dispute_reversal' WHEN 'dispute_fee_back' THEN 'dispute_reversal'
            ELSE 'charge' END AS category
    FROM donations_ledgerentry WHERE account = 'stripe'
) lines GROUP BY source, category, currency
"""


def write(finance: User) -> None:
    """The books of others for everything that is booked here; the months before the last one are closed."""
    with connection.cursor() as cursor:
        cursor.execute(_MOVEMENTS)
    payouts = _payouts()
    now = clock.now()
    # The last payout left nothing behind, so the stand-in Stripe begins with an empty balance, too.
    BalanceSweep.objects.create(pk=1, swept_until=now, balance={"usd": 0}, balance_at=now)
    account = BankAccount.objects.create(name="Harbor Savings Bank, checking", number_end="4321")
    last = clock.today().replace(day=1) - timedelta(days=1)
    statement = _statement([one for one in payouts if one.status == "paid"], last)
    row = upload(account.pk, statement, name=f"checking-{last:%Y-%m}.csv", user=finance)
    bring_in(row.pk, user=finance)
    before = (last.replace(day=1) - timedelta(days=1)).replace(day=1)
    # What autovacuum does a minute after so many rows have come: without it PostgreSQL plans as for empty tables.
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
    look()
    month = Month.objects.create(
        starts_on=before,
        state=Month.State.CLOSED,
        closed_by=finance,
        closed_at=now,
        override_reason="Everything before these books began",
    )
    audit.record(audit.staff(finance), "close month", month, reason=month.override_reason)


def _payouts() -> list[Payout]:
    """A payout each week of what came in it; the last one is on its way. A poor week waits for the next."""
    found: list[Payout] = []
    lines: list[BalanceTransaction] = []
    movements = list(BalanceTransaction.objects.order_by("created_at", "pk"))
    for monday, of_week in groupby(
        movements, key=lambda one: one.created_on - timedelta(days=one.created_on.weekday())
    ):
        lines += of_week
        amount = sum(line.net_minor for line in lines)
        if amount > 0:
            found.append(_payout(monday + timedelta(days=7), amount, [line.pk for line in lines]))
            lines = []
    return found


def _payout(on: date, amount: int, lines: list[int]) -> Payout:
    """Made on that Monday and at the bank on Wednesday; of the present week: made just now."""
    created_at = min(clock.midnight(on), clock.now())
    arrival_on = clock.local_date(created_at) + timedelta(days=2)
    has_arrived = arrival_on < clock.today()
    payout = Payout.objects.create(
        stripe_payout_id=f"po_{lines[0]:08d}{on:%Y%m%d}",
        amount_minor=amount,
        currency="usd",
        status="paid" if has_arrived else "in_transit",
        created_at=created_at,
        arrival_on=arrival_on,
        tied_at=created_at,
        changed_at=created_at,
    )
    BalanceTransaction.objects.filter(pk__in=lines).update(payout=payout)
    BalanceTransaction.objects.create(
        stripe_id=f"txn_{payout.stripe_payout_id[3:]}",
        source_id=payout.stripe_payout_id,
        type="payout",
        reporting_category="payout",
        amount_minor=-amount,
        fee_minor=0,
        net_minor=-amount,
        currency="usd",
        created_at=created_at,
        created_on=clock.local_date(created_at),
        available_on=clock.local_date(created_at),
        description="STRIPE PAYOUT",
    )
    book_payout(payout.pk)
    return payout


def _statement(payouts: list[Payout], last: date) -> bytes:
    """The bank's file until `last`, as its website would have it; a deposit that nobody knows is in it."""
    rows = [(one.arrival_on, f"STRIPE TRANSFER ST-{one.pk:06d}", one.amount_minor) for one in payouts]
    rows += [
        (one.deposit_on, f"DEPOSIT {one.bank_reference or one.pk}", one.came)  # type: ignore[attr-defined]
        for one in bank.deposits()
    ]
    rows += [
        (last.replace(day=3), "HARBOR PROPERTIES RENT", -1_850_00),
        (last.replace(day=17), "MOBILE DEPOSIT", 75_00),
    ]
    out = io.StringIO()
    written = csv.writer(out)
    written.writerow(["Posting Date", "Description", "Amount"])
    for on, text, minor in sorted(row for row in rows if row[0] <= last):
        written.writerow([f"{on:%m/%d/%Y}", text, Money(minor).major])
    return out.getvalue().encode()
