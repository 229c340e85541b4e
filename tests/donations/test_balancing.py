"""Hints at a difference, and the day on which the books carry a batch's items."""

from datetime import date

import pytest

from donations.rules import balancing, deposits
from donations.rules.balancing import Item


def hints(amounts: list[int], expected: int, *, count: int = 0, unfinished: int = 0) -> str:
    """What is said of these rows; the last `unfinished` of them are not finished."""
    items = [
        Item(place, f"row {place}", minor, is_finished=place <= len(amounts) - unfinished)
        for place, minor in enumerate(amounts, 1)
    ]
    found = balancing.balance(items, expected_count=count or len(amounts), expected_total_minor=expected)
    assert not found.is_balanced
    return " ".join(found.hints)


@pytest.mark.parametrize(
    ("amounts", "expected", "hint"),
    [
        ([5_400, 1_000], 5_500, "Two digits may be swapped in row 1."),
        ([1_234, 2_000], 3_279, "in one amount two digits may be swapped"),
        ([2_500, 1_000], 1_000, "The difference equals row 1: was it typed twice"),
        ([2_500, 1_000, 2_500], 3_500, "was it typed twice? Row 1 and row 3 are the same."),
        ([2_500, 1_000], 6_000, "The difference equals row 1: is a second one like it missing?"),
        ([3_100, 1_000], 10_300, "Half of the difference is row 1: was it put on the wrong side of the tape?"),
        ([25_000, 1_000], 3_500, "The point may be one place too far right in row 1."),
        ([25, 1_000], 3_500, "The point may be two places too far left in row 1."),
    ],
)
def test_a_difference_has_its_hint(amounts: list[int], expected: int, hint: str) -> None:
    assert hint in hints(amounts, expected)


def test_nothing_is_hinted_while_rows_are_still_to_come() -> None:
    assert hints([2_500], 5_000, count=2) == ""


def test_an_unfinished_row_that_is_the_difference_is_named() -> None:
    assert hints([1_000, 2_500], 3_500, unfinished=1) == "The difference is row 2, which is not finished."


def test_it_balances_only_with_every_row_finished() -> None:
    items = [Item(1, "row 1", 1_000, is_finished=True), Item(2, "row 2", 0, is_finished=False)]
    found = balancing.balance(items, expected_count=1, expected_total_minor=1_000)
    assert (found.count, found.total_minor, found.unfinished, found.is_balanced) == (1, 1_000, (2,), False)
    assert balancing.balance(items[:1], expected_count=1, expected_total_minor=1_000).is_balanced


DEPOSIT, CREDITED, RECEIVED = date(2026, 11, 23), date(2026, 11, 20), date(2026, 11, 19)


@pytest.mark.parametrize(
    ("kind", "batch_kind", "day"),
    [
        ("check", "checks", DEPOSIT),
        ("daf", "checks", DEPOSIT),
        ("wire", "wires", CREDITED),
        ("daf", "wires", RECEIVED),
        ("payroll", "wires", RECEIVED),
        ("stock", "property", CREDITED),
        ("in_kind", "property", RECEIVED),
    ],
)
def test_the_books_follow_the_bank_and_our_own_hands(kind: str, batch_kind: str, day: date) -> None:
    facts = {"credited_on": CREDITED, "received_on": RECEIVED}
    assert deposits.booked_on(kind, batch_kind=batch_kind, deposit_on=DEPOSIT, facts=facts) == day
    assert deposits.booked_on(kind, batch_kind=batch_kind, deposit_on=DEPOSIT, facts={}) == DEPOSIT
