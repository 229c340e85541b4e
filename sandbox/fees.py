"""Amounts: what Stripe accepts in each currency and what it keeps of a charge."""

from sandbox import errors
from sandbox.cards import Card

ZERO_DECIMAL = frozenset(
    [
        "bif",
        "clp",
        "djf",
        "gnf",
        "jpy",
        "kmf",
        "krw",
        "mga",
        "pyg",
        "rwf",
        "vnd",
        "vuv",
        "xaf",
        "xof",
        "xpf",
    ]
)
# Stripe's published minimum charges, in minor units; 50 where nothing else is known.
SMALLEST = {
    "aed": 200, "aud": 50, "brl": 50, "cad": 50, "chf": 50, "czk": 1500, "dkk": 250, "eur": 50, "gbp": 30, "hkd": 400,
    "huf": 17500, "inr": 50, "jpy": 50, "krw": 500, "mxn": 1000, "myr": 200, "nok": 300, "nzd": 50, "pln": 200,
    "ron": 200, "sek": 300, "sgd": 50, "thb": 1000, "usd": 50,
}  # fmt: skip
CURRENCIES = (
    frozenset(SMALLEST)
    | ZERO_DECIMAL
    | frozenset(["ars", "bgn", "cop", "egp", "ils", "isk", "pen", "php", "try", "twd", "uah", "zar"])
)
LARGEST = 99_999_999


def shown(amount: int, currency: str) -> str:
    """`$0.50 usd` for dollars, `¥50 jpy`-like text for the others: only read by people."""
    if currency in ZERO_DECIMAL:
        return f"{amount:,} {currency}"
    sign = "$" if currency == "usd" else ""
    return f"{sign}{amount // 100:,}.{amount % 100:02d} {currency}"


def check_currency(currency: str) -> str:
    lower = currency.lower()
    if lower not in CURRENCIES:
        listed = ", ".join(sorted(CURRENCIES))
        raise errors.bad_request(
            f"Invalid currency: {lower[:10]}. Stripe currently supports these currencies: {listed}", param="currency"
        )
    return lower


def check_amount(amount: int, currency: str) -> None:
    """Raises StripeError when Stripe would refuse to charge so little or so much."""
    if amount < 0 or amount == 0:
        raise errors.bad_request(
            "This value must be greater than or equal to 1.", code="parameter_invalid_integer", param="amount"
        )
    smallest = SMALLEST.get(currency, 50)
    if amount < smallest:
        raise errors.bad_request(
            f"Amount must be at least {shown(smallest, currency)}", code="amount_too_small", param="amount"
        )
    if amount > LARGEST:
        raise errors.bad_request(
            f"Amount must be no more than {shown(LARGEST, currency)}", code="amount_too_large", param="amount"
        )


def fee(amount: int, currency: str, card: Card, *, nonprofit: bool) -> int:
    """What Stripe keeps: 2.9 % (non-profits 2.2 %, American Express 3.5 %) and 30 cents; foreign cards 1.5 % more."""
    points = 290
    if nonprofit:
        points = 350 if card.brand == "amex" else 220
    if card.country != "US":
        points += 150
    fixed = 30
    return min(amount, (amount * points + 5_000) // 10_000 + fixed)
