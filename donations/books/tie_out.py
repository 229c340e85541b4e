"""Three equations of a month: Stripe's clearing account, the bank, the receipts. Each number is the sum of its rows."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from django.db import connection

from donations.books import tie_out_sql
from nonprofit import clock
from nonprofit.money import Money

Sql = tie_out_sql.Sql


@dataclass(frozen=True, slots=True)
class Part:
    """A number of an equation: what it is, how many rows it has, and whether it is taken off."""

    code: str
    label: str
    minor: int
    count: int
    currency: str

    @property
    def amount(self) -> Money:
        return Money(self.minor, self.currency)


@dataclass(frozen=True, slots=True)
class Equation:
    """Two sides that must be alike. ours and theirs: their parts; each side is the sum of its parts."""

    code: str
    title: str
    ours_title: str
    theirs_title: str
    ours: Sequence[Part]
    theirs: Sequence[Part]
    currency: str

    @property
    def ours_sum(self) -> Money:
        return Money(sum(part.minor for part in self.ours), self.currency)

    @property
    def theirs_sum(self) -> Money:
        return Money(sum(part.minor for part in self.theirs), self.currency)

    @property
    def difference(self) -> Money:
        return self.theirs_sum - self.ours_sum

    @property
    def ties(self) -> bool:
        return not self.difference

    def figures(self) -> dict[str, Any]:
        """For the audit log, when the month closes."""
        return {
            "ours": str(self.ours_sum),
            "theirs": str(self.theirs_sum),
            "difference": str(self.difference),
            "parts": {part.code: str(part.amount) for part in [*self.ours, *self.theirs] if part.count},
        }


@dataclass(frozen=True, slots=True)
class Row:
    """A row behind a number: which table and row it is, its day, what it is called, and what it adds."""

    table: str
    pk: int
    day: date
    name: str
    amount: Money


def equations(starts_on: date, currency: str = "usd") -> list[Equation]:
    """The three of that month, in the order in which a person looks at them."""
    parts = {code: _part(code, sql, starts_on, currency) for code, sql in tie_out_sql.PARTS.items()}

    def of(*codes: str) -> list[Part]:
        # Zeros only where the zero itself says something.
        return [parts[code] for code in codes if parts[code].count or not tie_out_sql.PARTS[code].is_rare]

    last = (starts_on + timedelta(days=31)).replace(day=1) - timedelta(days=1)
    return [
        Equation(
            "clearing",
            "Stripe's clearing account",
            f"In our books on {last:%B} {last.day}",
            f"At Stripe on {last:%B} {last.day}",
            of("clearing", "clearing-later"),
            of("stripe", "in-transit"),
            currency,
        ),
        Equation(
            "bank",
            "Deposits and the bank",
            "Deposits and payouts",
            "The bank's statement",
            of("payouts", "deposits", "bank-elsewhere", "bank-before"),
            of("bank-lines", "bank-explained"),
            currency,
        ),
        Equation(
            "receipts",
            "Receipts and the ledger",
            "Gifts booked in the ledger",
            "Their papers",
            of("gross"),
            of(*(code for code in tie_out_sql.PARTS if code.startswith("paper-"))),
            currency,
        ),
    ]


def _said(starts_on: date, currency: str) -> dict[str, Any]:
    end = (starts_on + timedelta(days=31)).replace(day=1)
    return {"start": starts_on, "end": end, "currency": currency, "zone": clock.zone_name()}


def _part(code: str, sql: Sql, starts_on: date, currency: str) -> Part:
    with connection.cursor() as cursor:
        asked = f"SELECT count(*), coalesce(sum(minor), 0) FROM ({sql.rows}) rows"  # nosec B608 - our own queries
        cursor.execute(asked, _said(starts_on, currency))
        count, minor = cursor.fetchone() or (0, 0)
    return Part(code, sql.label, int(minor), int(count), currency)


def rows(code: str, starts_on: date, currency: str = "usd", limit: int = 500) -> list[Row]:
    """The newest rows behind a number. Raises KeyError for a code that is none."""
    sql = tie_out_sql.PARTS[code].rows
    with connection.cursor() as cursor:
        asked = f"SELECT * FROM ({sql}) rows ORDER BY day DESC, pk DESC LIMIT %(limit)s"  # nosec B608 - our own
        cursor.execute(asked, _said(starts_on, currency) | {"limit": limit})
        return [Row(table, pk, day, name, Money(int(minor), currency)) for table, pk, day, name, minor in cursor]


def part(code: str, starts_on: date, currency: str = "usd") -> Part:
    """One number alone. Raises KeyError."""
    return _part(code, tie_out_sql.PARTS[code], starts_on, currency)
