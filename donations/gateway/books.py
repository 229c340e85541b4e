"""Stripe's own books: each movement of our balance, the payouts to the bank, and what Stripe holds."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING

import stripe

from donations.gateway.client import client, identifier, instant, translated_errors

if TYPE_CHECKING:
    from stripe.params import BalanceTransactionListParams, PayoutListParams

# The bank does not have these yet, and the balance not any more.
IN_TRANSIT = ("pending", "in_transit")


@dataclass(frozen=True, slots=True)
class Balance:
    """A balance transaction: one movement of our balance, in signed minor units of `currency`.

    fee_minor is positive when Stripe takes it; net = amount - fee. source_id: what it is of (ch_…, re_…, du_…, po_…),
    "" for Stripe's own fees. Group by reporting_category, never by type: Stripe, "Reporting categories",
    https://docs.stripe.com/reports/reporting-categories (read 2026-11-26).
    """

    id: str
    amount_minor: int
    fee_minor: int
    net_minor: int
    currency: str
    reporting_category: str
    type: str
    source_id: str
    created_at: datetime
    available_on: date
    description: str = ""


@dataclass(frozen=True, slots=True)
class Payout:
    """Money sent to our bank as one line there; amount_minor is positive. arrival_on: as the bank will show it."""

    id: str
    amount_minor: int
    currency: str
    status: str
    is_automatic: bool
    # Whether its balance transactions can be listed by it; only automatic payouts ever are.
    is_reconcilable: bool
    created_at: datetime
    arrival_on: date
    balance_id: str
    # The movement that brought the money back, of a payout that failed or was cancelled.
    failure_balance_id: str = ""


@dataclass(frozen=True, slots=True)
class Holding:
    """What Stripe holds of ours in one currency. in_transit: left the balance, not yet at the bank."""

    currency: str
    available_minor: int
    pending_minor: int
    in_transit_minor: int

    @property
    def balance_minor(self) -> int:
        """What the balance transactions of all time come to."""
        return self.available_minor + self.pending_minor


def balance_transactions(*, since: datetime | None = None, payout: str = "") -> Iterator[Balance]:
    """The movements created at or after `since`, or those inside an automatic payout, itself included; newest first."""
    params: BalanceTransactionListParams = {"limit": 100}
    if since is not None:
        params["created"] = {"gte": int(since.timestamp())}
    if payout:
        params["payout"] = payout
    with translated_errors():
        for booked in client().v1.balance_transactions.list(params).auto_paging_iter():
            yield read_balance(booked)


def retrieve_payout(payout_id: str) -> Payout:
    """The payout as Stripe has it now."""
    with translated_errors():
        return _payout(client().v1.payouts.retrieve(payout_id))


def payouts_since(instant: datetime) -> Iterator[Payout]:
    """Payouts created at or after `instant`, newest first."""
    params: PayoutListParams = {"created": {"gte": int(instant.timestamp())}, "limit": 100}
    with translated_errors():
        for payout in client().v1.payouts.list(params).auto_paging_iter():
            yield _payout(payout)


def balance() -> dict[str, Holding]:
    """What Stripe holds of ours now, by currency."""
    with translated_errors():
        told = client().v1.balance.retrieve()
        moving = [
            payout
            for status in IN_TRANSIT
            for payout in client().v1.payouts.list({"status": status, "limit": 100}).auto_paging_iter()
        ]
    available, pending, in_transit = (
        _by_currency(parts)
        for parts in (
            [(part.currency, part.amount) for part in told.available],
            [(part.currency, part.amount) for part in told.pending],
            [(payout.currency, payout.amount) for payout in moving],
        )
    )
    return {
        currency: Holding(currency, available.get(currency, 0), pending.get(currency, 0), in_transit.get(currency, 0))
        for currency in sorted(available | pending | in_transit)
    }


def _by_currency(parts: list[tuple[str, int]]) -> dict[str, int]:
    sums: dict[str, int] = {}
    for currency, minor in parts:
        sums[currency] = sums.get(currency, 0) + minor
    return sums


def read_balance(booked: stripe.BalanceTransaction) -> Balance:
    """The SDK's object as our value."""
    return Balance(
        id=booked.id,
        amount_minor=booked.amount,
        fee_minor=booked.fee,
        net_minor=booked.net,
        currency=booked.currency,
        reporting_category=str(booked.reporting_category),
        type=str(booked.type),
        source_id=identifier(booked.source),
        created_at=instant(booked.created),
        available_on=_day(booked.available_on),
        description=booked.description or "",
    )


def expanded_balance(field: object) -> Balance | None:
    """The movement in an expanded field; None while Stripe has not booked it."""
    return read_balance(field) if isinstance(field, stripe.BalanceTransaction) else None


def _day(seconds: int) -> date:
    # Stripe means a day of its own, midnight UTC, whatever the organisation's time zone is.
    return datetime.fromtimestamp(seconds, UTC).date()


def _payout(payout: stripe.Payout) -> Payout:
    return Payout(
        id=payout.id,
        amount_minor=payout.amount,
        currency=payout.currency,
        status=payout.status,
        is_automatic=payout.automatic,
        is_reconcilable=payout.reconciliation_status == "completed",
        created_at=instant(payout.created),
        arrival_on=_day(payout.arrival_date),
        balance_id=identifier(payout.balance_transaction),
        failure_balance_id=identifier(payout.failure_balance_transaction),
    )
