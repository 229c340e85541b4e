"""Money: exact, of one currency, typed by people."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nonprofit.money import Money, MoneyError, fee, gross_up


@pytest.mark.parametrize(
    ("typed", "minor"),
    [
        ("25", 2500),
        ("25.5", 2550),
        ("25.50", 2550),
        ("$1,000.00", 100000),
        (" 7 ", 700),
        ("0.01", 1),
        ("25.", 2500),
        ("1,234,567.89", 123456789),
        ("$ 12", 1200),
    ],
)
def test_reads_what_people_type(typed: str, minor: int) -> None:
    assert Money.parse(typed, "usd") == Money(minor, "usd")


@pytest.mark.parametrize(
    "typed",
    [
        "",
        "abc",
        "-5",
        "0",
        "0.00",
        "1.234",
        "1e5",
        "NaN",
        "٢٥",
        "25 dollars",
        "1.2.3",
        "9" * 40,
        "\x00",
        "∞",
        "25,50",
        "1,0000",
        ",",
        "12,34,567",
        "$-5",
    ],
)
def test_refuses_what_is_no_amount(typed: str) -> None:
    with pytest.raises(MoneyError, match=r"^Enter "):
        Money.parse(typed, "usd")


def test_yen_has_no_minor_unit() -> None:
    assert Money.parse("500", "jpy").minor == 500
    assert str(Money(500, "jpy")) == "¥500"
    with pytest.raises(MoneyError):
        Money.parse("500.50", "jpy")


def test_refuses_to_mix_currencies() -> None:
    with pytest.raises(ValueError, match="cannot mix"):
        Money(1, "usd") + Money(1, "eur")
    with pytest.raises(ValueError, match="cannot mix"):
        assert Money(1, "usd") < Money(2, "eur")


@pytest.mark.parametrize(("minor", "text"), [(123450, "$1,234.50"), (-500, "-$5.00"), (0, "$0.00"), (5, "$0.05")])
def test_prints_for_people(minor: int, text: str) -> None:
    assert str(Money(minor)) == text


def test_short_form_drops_only_empty_cents() -> None:
    assert Money(2500).short == "$25"
    assert Money(2550).short == "$25.50"


@given(st.integers(min_value=1, max_value=10**9), st.integers(min_value=1, max_value=50))
def test_split_keeps_every_cent(minor: int, shares: int) -> None:
    parts = Money(minor).split(shares)
    assert sum(part.minor for part in parts) == minor
    assert len(parts) == shares
    assert parts[0].minor == max(part.minor for part in parts)


@given(
    st.integers(min_value=100, max_value=10**7),
    st.sampled_from([Decimal("2.9"), Decimal("2.2"), Decimal("3.5"), Decimal(0)]),
    st.sampled_from([0, 30]),
)
def test_covering_the_fee_leaves_the_gift_whole(net: int, percent: Decimal, fixed: int) -> None:
    charge = gross_up(Money(net), percent=percent, fixed_minor=fixed).minor
    left = charge - fee(charge, percent=percent, fixed_minor=fixed)
    assert left >= net
    smaller = charge - 1
    assert smaller - fee(smaller, percent=percent, fixed_minor=fixed) < net
