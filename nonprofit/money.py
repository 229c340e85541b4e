"""Money as whole minor units with a currency; the one place that knows how many minor units make a major one."""

import re
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from typing import Self

# Stripe, "Zero-decimal currencies", https://docs.stripe.com/currencies#zero-decimal (read 2026-11-23).
ZERO_DECIMAL = frozenset(
    ["bif", "clp", "djf", "gnf", "jpy", "kmf", "krw", "mga", "pyg", "rwf", "vnd", "vuv", "xaf", "xof", "xpf"]
)
AMOUNT = re.compile(r"-?(?:[0-9]+|[0-9]{1,3}(?:,[0-9]{3})+)(?:\.[0-9]*)?")
SYMBOLS = {"usd": "$", "eur": "€", "gbp": "£", "jpy": "¥", "cad": "CA$", "aud": "A$"}


class MoneyError(ValueError):
    """An amount that is no amount of money in that currency; the text is fit to show to the person who typed it."""


@dataclass(frozen=True, slots=True, order=False)
class Money:
    """`minor` whole minor units (cents, or yen) of `currency` (lower-case ISO 4217). Refuses to mix currencies."""

    minor: int
    currency: str = "usd"

    def __post_init__(self) -> None:
        if not isinstance(self.minor, int) or isinstance(self.minor, bool):
            raise TypeError(f"minor must be an int, not {type(self.minor).__name__}")
        if len(self.currency) != 3 or not self.currency.islower():
            raise ValueError(f"currency must be a lower-case ISO code, not {self.currency!r}")

    @classmethod
    def parse(cls, typed: str, currency: str = "usd") -> Self:
        """Money from what a person typed in major units: "25", "25.50", "$1,000.00".

        Raises MoneyError with a sentence for the person: not a number, too many decimals, not above zero.
        """
        cleaned = typed.strip().removeprefix(SYMBOLS.get(currency, "")).strip()
        # A comma only where thousands have one: "25,50" means 25.50 to many people and must never become 2,550.
        if len(cleaned) > 15 or not AMOUNT.fullmatch(cleaned):
            raise MoneyError("Enter an amount in numbers, like 25 or 25.50.")
        minor = Decimal(cleaned.replace(",", "")).scaleb(places(currency))
        if minor != minor.to_integral_value():
            raise MoneyError(
                "Enter a whole amount." if not places(currency) else "Enter at most two digits after the point."
            )
        if minor <= 0:
            raise MoneyError("Enter an amount above zero.")
        return cls(int(minor), currency)

    def __add__(self, other: "Money") -> "Money":
        self._same(other)
        return Money(self.minor + other.minor, self.currency)

    def __sub__(self, other: "Money") -> "Money":
        self._same(other)
        return Money(self.minor - other.minor, self.currency)

    def __neg__(self) -> "Money":
        return Money(-self.minor, self.currency)

    def __lt__(self, other: "Money") -> bool:
        self._same(other)
        return self.minor < other.minor

    def __le__(self, other: "Money") -> bool:
        self._same(other)
        return self.minor <= other.minor

    def __bool__(self) -> bool:
        return self.minor != 0

    def __str__(self) -> str:
        """For people: "$1,234.50", "-$5.00", "¥500"; a currency without a symbol of ours is "CHF 12.00"."""
        sign = "-" if self.minor < 0 else ""
        symbol = SYMBOLS.get(self.currency, self.currency.upper() + " ")
        return f"{sign}{symbol}{abs(self.major):,.{places(self.currency)}f}"

    @property
    def short(self) -> str:
        """As a button says it: "$25" for whole amounts, "$25.50" otherwise."""
        full = str(self)
        return full.removesuffix(".00") if places(self.currency) else full

    @property
    def major(self) -> Decimal:
        """Exact decimal in major units, for machines and for printing."""
        return Decimal(self.minor).scaleb(-places(self.currency))

    def split(self, shares: int) -> "list[Money]":
        """`shares` equal parts that sum to the whole; what does not divide goes to the first."""
        each, rest = divmod(self.minor, shares)
        return [Money(each + (rest if index == 0 else 0), self.currency) for index in range(shares)]

    def _same(self, other: "Money") -> None:
        if self.currency != other.currency:
            raise ValueError(f"cannot mix {self.currency} and {other.currency}")


def places(currency: str) -> int:
    """Decimal places of the currency: 0 for yen, 2 otherwise."""
    return 0 if currency in ZERO_DECIMAL else 2


def gross_up(net: Money, *, percent: Decimal, fixed_minor: int) -> Money:
    """The smallest charge that leaves at least `net` after a fee of `percent` of the charge plus `fixed_minor`.

    percent: e.g. Decimal("2.9"). The fee is rounded half up to the minor unit, as Stripe does.
    """
    rate = percent / 100
    charge = int(((net.minor + fixed_minor) / (1 - rate)).to_integral_value(ROUND_HALF_UP)) - 1
    while charge - fee(charge, percent=percent, fixed_minor=fixed_minor) < net.minor:
        charge += 1
    return Money(charge, net.currency)


def fee(charge_minor: int, *, percent: Decimal, fixed_minor: int) -> int:
    """The processor's fee on a charge, in minor units."""
    return int((charge_minor * percent / 100).to_integral_value(ROUND_HALF_UP)) + fixed_minor
