"""The rules of membership, one by one, and what must hold whatever comes in."""

import random
from dataclasses import replace
from datetime import date, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from members import rules, sentences
from members.rules import Facts, Grant, Level, Payment, Policy, Standing, State

FRIEND, PATRON = Level(1, "a Friend", 60_00), Level(2, "a Patron", 240_00)
CIRCLE = Level(3, "in the Circle", 500_00, is_cumulative=True)
DUES = (FRIEND, PATRON)
MARCH_3 = date(2026, 3, 3)


def on(day: date, *payments: Payment, levels: tuple[Level, ...] = DUES, **more: object) -> Standing:
    return rules.standing(Facts(payments, levels, **more), day)  # type: ignore[arg-type]


def check(number: int, day: date, minor: int = 60_00, **facts: object) -> Payment:
    return Payment(number, day, minor, **{"kind": "check", **facts})  # type: ignore[arg-type]


def monthly(number: int, day: date, minor: int = 5_00, plan: int = 7) -> Payment:
    return Payment(number, day, minor, "card", "monthly", plan)


def texts(standing: Standing) -> list[str]:
    return [one.text for one in standing.why]


def test_a_yearly_check_carries_a_year_to_the_end_of_its_month_and_says_so() -> None:
    found = on(MARCH_3, check(1, MARCH_3))
    assert (found.state, found.level_id, found.joined_on) == (State.CURRENT, FRIEND.id, MARCH_3)
    assert found.current_through == date(2027, 3, 31)
    assert found.grace_through == date(2027, 4, 30)
    assert texts(found) == ["Your check of March 3, 2026 carries you to March 31, 2027 as a Friend."]


def test_64_current_then_grace_then_lapsed() -> None:
    paid = check(1, MARCH_3)
    assert on(date(2027, 3, 31), paid).state == State.CURRENT
    assert on(date(2027, 4, 1), paid).state == on(date(2027, 4, 30), paid).state == State.GRACE
    lapsed = on(date(2027, 5, 1), paid)
    assert (lapsed.state, lapsed.level_id, lapsed.benefit_level_id) == (State.LAPSED, FRIEND.id, None)
    assert texts(lapsed) == [
        "Your membership ended on March 31, 2027.",
        "Your check of March 3, 2026 carried you to March 31, 2027 as a Friend.",
    ]
    in_grace = on(date(2027, 4, 1), paid)
    assert texts(in_grace)[0] == "Your membership ran to March 31, 2027; everything stays yours until April 30, 2027."


def test_64_time_alone_changes_it_on_the_days_it_says() -> None:
    paid, day, seen = check(1, MARCH_3), MARCH_3, []
    while (now := on(day, paid)).looks_again_on:
        seen.append((day, now.state))
        day = now.looks_again_on
    assert [*seen, (day, now.state)] == [
        (MARCH_3, State.CURRENT),
        (date(2027, 4, 1), State.GRACE),
        (date(2027, 5, 1), State.LAPSED),
    ]


def test_65_early_renewal_extends_from_the_old_end() -> None:
    found = on(date(2027, 2, 1), check(1, MARCH_3), check(2, date(2027, 2, 1)))
    assert (found.current_through, found.rejoined_on) == (date(2028, 3, 31), None)
    assert "counted from the end of what you had" in texts(found)[0]


def test_65_late_within_grace_is_never_interrupted() -> None:
    found = on(date(2027, 4, 20), check(1, MARCH_3), check(2, date(2027, 4, 20)))
    assert (found.joined_on, found.rejoined_on) == (MARCH_3, None)
    assert found.current_through == date(2028, 4, 30)


def test_65_late_beyond_grace_starts_anew() -> None:
    found = on(date(2027, 6, 2), check(1, MARCH_3), check(2, date(2027, 6, 2)))
    assert (found.joined_on, found.rejoined_on) == (MARCH_3, date(2027, 6, 2))
    assert found.current_through == date(2028, 6, 30)


def test_a_monthly_gift_carries_a_month_at_the_level_that_twelve_of_them_buy() -> None:
    found = on(date(2026, 1, 31), monthly(1, date(2026, 1, 31), 20_00))
    assert (found.level_id, found.current_through) == (PATRON.id, date(2026, 2, 28))
    # The anchor is the 31st: no day is missing between February's charge and March's.
    days = [date(2026, 1, 31), date(2026, 2, 28), date(2026, 3, 31), date(2026, 4, 30)]
    paid = [monthly(place, day) for place, day in enumerate(days)]
    for day in (date(2026, 1, 31) + timedelta(days=n) for n in range(100)):
        assert on(day, *[one for one in paid if one.on <= day]).state == State.CURRENT


def test_a_quarterly_gift_carries_three_months_at_four_times_its_amount() -> None:
    found = on(MARCH_3, Payment(1, MARCH_3, 15_00, "card", "quarterly", 3))
    assert (found.level_id, found.current_through) == (FRIEND.id, date(2026, 6, 30))


def test_less_than_the_lowest_level_makes_no_member_and_says_so_kindly() -> None:
    found = on(MARCH_3, check(1, MARCH_3, 59_99))
    assert found.state == State.NEVER
    assert texts(found) == [
        "Your check of March 3, 2026 is less than a year as a Friend asks for. Thank you for it all the same."
    ]


def test_a_monthly_card_and_a_yearly_check_are_one_membership_the_best_level_the_furthest_day() -> None:
    """Must show 4: one membership, not two."""
    cards = [monthly(n, date(2026, n, 5)) for n in range(1, 5)]
    found = on(date(2026, 4, 10), *cards, check(9, date(2026, 4, 10), 240_00))
    # The card had carried to the end of May: the check's year is added to that.
    assert (found.level_id, found.current_through) == (PATRON.id, date(2027, 5, 31))
    assert found.joined_on == date(2026, 1, 5)
    assert texts(found) == [
        "Your check of April 10, 2026 carries you to May 31, 2027 as a Patron, counted from the end of what you had.",
        "Your monthly gift of April 5, 2026 carries you to May 31, 2026 as a Friend.",
    ]
    # The card goes on beside it, and does not add to the check's year.
    later = on(date(2026, 5, 5), *cards, check(9, date(2026, 4, 10), 240_00), monthly(10, date(2026, 5, 5)))
    assert later.current_through == date(2027, 5, 31)


def test_two_monthly_gifts_run_side_by_side() -> None:
    found = on(date(2026, 1, 6), monthly(1, date(2026, 1, 5), plan=1), monthly(2, date(2026, 1, 6), 20_00, plan=2))
    assert (found.level_id, found.current_through) == (PATRON.id, date(2026, 2, 28))


def test_a_higher_level_is_theirs_at_once_and_a_lower_one_waits() -> None:
    up = (check(1, MARCH_3), check(2, date(2026, 6, 1), 240_00))
    assert on(date(2026, 6, 1), *up).level_id == PATRON.id
    down = (check(1, MARCH_3, 240_00), check(2, date(2026, 6, 1)))
    assert on(date(2026, 6, 1), *down).level_id == PATRON.id
    assert on(date(2027, 4, 1), *down).level_id == FRIEND.id
    assert on(date(2026, 6, 1), *down).looks_again_on == date(2027, 4, 1)


LIFE = Grant(FRIEND.id, MARCH_3, None)
ENDS = date(2027, 3, 31)


@pytest.mark.parametrize(
    ("payments", "grants", "day", "expected"),
    [
        pytest.param([check(1, MARCH_3)], [], MARCH_3, [("a Friend", ENDS)], id="one level"),
        pytest.param(
            [check(1, MARCH_3, 240_00), check(2, MARCH_3), check(3, MARCH_3)],
            [],
            MARCH_3,
            [("a Patron", ENDS), ("a Friend", date(2029, 3, 31))],
            id="a lower one carries on",
        ),
        pytest.param(
            [check(1, MARCH_3), check(2, MARCH_3, 240_00)],
            [],
            MARCH_3,
            [("a Patron", date(2028, 3, 31))],
            id="a higher one is theirs at once and covers the lower",
        ),
        pytest.param(
            [check(1, MARCH_3, 240_00), check(2, MARCH_3)],
            [],
            date(2027, 4, 1),
            [("a Friend", date(2028, 3, 31))],
            id="when the higher has ended only the lower is told",
        ),
        pytest.param(
            [check(1, MARCH_3, 240_00), check(2, MARCH_3, 240_00)],
            [],
            MARCH_3,
            [("a Patron", date(2028, 3, 31))],
            id="two of the same level are one",
        ),
        pytest.param(
            [check(1, MARCH_3, 240_00)],
            [LIFE],
            MARCH_3,
            [("a Patron", ENDS), ("a Friend", None)],
            id="then for life",
        ),
        pytest.param([check(1, MARCH_3)], [Grant(PATRON.id, MARCH_3, None)], MARCH_3, [("a Patron", None)], id="life"),
        pytest.param(
            [monthly(1, MARCH_3, 20_00), check(2, MARCH_3)],
            [],
            MARCH_3,
            [("a Patron", date(2026, 4, 30)), ("a Friend", date(2027, 4, 30))],
            id="a monthly gift at a higher level than the check",
        ),
        pytest.param(
            [check(1, MARCH_3)],
            [Grant(PATRON.id, date(2026, 4, 1), date(2026, 5, 1))],
            MARCH_3,
            [("a Friend", ENDS)],
            id="what has not begun is not told yet",
        ),
        pytest.param([check(1, MARCH_3)], [], date(2027, 4, 1), [], id="in grace"),
        pytest.param([], [], MARCH_3, [], id="never"),
    ],
)
def test_each_level_is_told_to_its_own_last_day(
    payments: list[Payment], grants: list[Grant], day: date, expected: list[tuple[str, date | None]]
) -> None:
    found = rules.ahead(Facts(payments, DUES, grants=grants), day)
    assert [(one.level.name, one.end) for one in found] == expected


def test_why_names_the_gift_behind_each_level_ahead() -> None:
    found = on(MARCH_3, check(1, MARCH_3, 240_00), check(2, MARCH_3), check(3, MARCH_3))
    assert texts(found) == [
        "Your check of March 3, 2026 carries you to March 31, 2029 as a Friend, counted from the end of what you had.",
        "Your check of March 3, 2026 carries you to March 31, 2027 as a Patron.",
    ]


@pytest.mark.parametrize(
    ("levels", "words"),
    [
        ([], ""),
        ([("a Friend", date(2029, 3, 31))], "Then a Friend through March 31, 2029."),
        ([("a Friend", None)], "Then a Friend for life."),
        (
            [("a Patron", date(2028, 1, 31)), ("a Friend", date(2029, 3, 31))],
            "Then a Patron through January 31, 2028, then a Friend through March 31, 2029.",
        ),
    ],
)
def test_what_follows_is_one_sentence(levels: list[tuple[str, date | None]], words: str) -> None:
    assert sentences.follows(levels) == words


def test_cumulative_levels_are_held_while_the_gifts_of_twelve_months_come_to_it() -> None:
    gifts = [check(n, date(2026, n, 10), 100_00) for n in range(1, 6)]
    found = on(date(2026, 5, 10), *gifts, levels=(CIRCLE,))
    assert (found.state, found.joined_on) == (State.CURRENT, date(2026, 5, 10))
    # January's leaves the twelve months on January 9, 2027.
    assert found.current_through == date(2027, 1, 31)
    assert on(date(2026, 5, 9), *gifts[:4], levels=(CIRCLE,)).state == State.NEVER
    assert texts(found) == [
        "Your gifts of the twelve months to May 10, 2026 together make you in the Circle to January 31, 2027."
    ]


def test_64_money_that_went_back_is_as_if_it_had_never_come_and_is_told() -> None:
    bounced = check(2, date(2027, 2, 1), 0, went_back="came back from the bank")
    found = on(date(2027, 2, 10), check(1, MARCH_3), bounced)
    assert found.current_through == date(2027, 3, 31)
    assert "Your check of February 1, 2027 came back from the bank, so what it had added is taken off again." in texts(
        found
    )
    part = on(MARCH_3, check(1, MARCH_3, 60_00, went_back="was refunded"))
    assert part.level_id == FRIEND.id
    assert "A part of your check of March 3, 2026 was refunded; what is left of it counts." in texts(part)


@pytest.mark.parametrize("kind", ["daf", "stock", "crypto", "in_kind", "services", "vehicle", "bequest", "match"])
def test_26_33_money_of_sponsors_and_matchers_and_property_make_no_member(kind: str) -> None:
    assert on(MARCH_3, check(1, MARCH_3, 500_00, kind=kind)).state == State.NEVER


@pytest.mark.parametrize("kind", ["ira", "foundation"])
def test_26_29_ira_and_foundation_money_makes_a_member_without_anything_of_value(kind: str) -> None:
    found = on(MARCH_3, check(1, MARCH_3, 240_00, kind=kind))
    assert (found.state, found.level_id, found.benefit_level_id) == (State.CURRENT, PATRON.id, None)
    assert "By law nothing of value comes with such a gift" in texts(found)[0]
    # A check beside it brings what the check alone buys.
    both = on(MARCH_3, check(1, MARCH_3, 240_00, kind=kind), check(2, MARCH_3, 60_00))
    assert (both.level_id, both.benefit_level_id) == (PATRON.id, FRIEND.id)


def test_66_a_match_or_a_gift_of_somebody_else_makes_the_member_it_was_given_to() -> None:
    found = on(MARCH_3, check(1, MARCH_3, giver="Aunt May"))
    assert texts(found) == [
        "The membership that Aunt May gave you on March 3, 2026 carries you to March 31, 2027 as a Friend."
    ]
    assert on(MARCH_3, check(1, MARCH_3, kind="match", giver="Acme")).state == State.CURRENT


def test_complimentary_to_its_last_day_and_life_for_ever() -> None:
    free = Grant(PATRON.id, MARCH_3, date(2026, 6, 30))
    found = on(MARCH_3, grants=(free,))
    assert (found.level_id, found.benefit_level_id, found.current_through) == (PATRON.id, PATRON.id, date(2026, 6, 30))
    assert texts(found) == ["We made you a Patron to June 30, 2026, with our compliments."]
    life = on(date(2090, 1, 1), grants=(Grant(PATRON.id, MARCH_3, None),))
    assert (life.state, life.current_through, life.looks_again_on) == (State.CURRENT, None, None)
    assert texts(life) == ["You are a Patron for life, with our thanks."]


def test_a_grant_that_has_not_begun_is_none_yet() -> None:
    found = on(MARCH_3, grants=(Grant(1, date(2026, 4, 1), date(2026, 5, 1)),))
    assert (found.state, found.looks_again_on) == (State.NEVER, date(2026, 4, 1))


# --- whatever comes in ------------------------------------------------------------------------------------------------

START, TODAY = date(2023, 1, 1), date(2026, 6, 15)
days = st.integers(0, (TODAY - START).days).map(lambda n: START + timedelta(days=n))
payments = st.lists(
    st.builds(
        Payment,
        gift_id=st.integers(1, 10_000),
        on=days,
        kept_minor=st.sampled_from([0, 4_99, 5_00, 15_00, 20_00, 60_00, 240_00, 500_00]),
        kind=st.sampled_from(["card", "check", "ira", "daf"]),
        repeats=st.sampled_from(["once", "once", "yearly", "monthly", "monthly", "quarterly"]),
        plan_id=st.sampled_from([None, 1, 2]),
    ),
    max_size=14,
    unique_by=lambda one: one.gift_id,
)
levels = st.sampled_from([DUES, (CIRCLE,), (FRIEND, PATRON, CIRCLE)])
policies = st.builds(Policy, term_months=st.sampled_from([6, 12, 18]), grace_days=st.sampled_from([0, 30, 60]))


def end(standing: Standing) -> date:
    return standing.current_through or date.min


@settings(deadline=None, max_examples=60)
@given(payments, levels, policies, st.integers())
def test_the_order_of_arrival_does_not_matter(
    paid: list[Payment], offered: tuple[Level, ...], policy: Policy, seed: int
) -> None:
    mixed = paid[:]
    random.Random(seed).shuffle(mixed)
    assert rules.standing(Facts(paid, offered, policy), TODAY) == rules.standing(Facts(mixed, offered, policy), TODAY)


@settings(deadline=None, max_examples=60)
@given(payments, levels, policies)
def test_who_gets_everything_back_was_never_a_member(
    paid: list[Payment], offered: tuple[Level, ...], policy: Policy
) -> None:
    back = [replace(one, kept_minor=0, went_back="was refunded") for one in paid]
    assert rules.standing(Facts(back, offered, policy), TODAY).state == State.NEVER


@settings(deadline=None, max_examples=60)
@given(payments, payments, levels, policies)
def test_more_money_never_shortens_nor_lowers(
    paid: list[Payment], more: list[Payment], offered: tuple[Level, ...], policy: Policy
) -> None:
    added = [*paid, *[replace(one, gift_id=one.gift_id + 20_000) for one in more]]
    less, then = (rules.standing(Facts(some, offered, policy), TODAY) for some in (paid, added))
    assert end(then) >= end(less)
    if less.state == State.CURRENT:
        names = {level.id: level.from_minor for level in offered}
        assert then.state == State.CURRENT
        assert names[then.level_id or 0] >= names[less.level_id or 0]


@settings(deadline=None, max_examples=60)
@given(payments, levels, policies)
def test_a_larger_amount_never_shortens(paid: list[Payment], offered: tuple[Level, ...], policy: Policy) -> None:
    more = [replace(one, kept_minor=one.kept_minor * 2) for one in paid]
    less, then = (rules.standing(Facts(some, offered, policy), TODAY) for some in (paid, more))
    assert end(then) >= end(less)


@settings(deadline=None, max_examples=60)
@given(payments, levels, policies)
def test_nothing_changes_on_a_day_that_was_not_foretold(
    paid: list[Payment], offered: tuple[Level, ...], policy: Policy
) -> None:
    facts = Facts(paid, offered, policy)
    now = rules.standing(facts, TODAY)
    day = TODAY
    for _ in range(40):
        day += timedelta(days=20)
        if now.looks_again_on is not None and day >= now.looks_again_on:
            break
        later = rules.standing(facts, day)
        assert (later.state, later.level_id, later.benefit_level_id) == (now.state, now.level_id, now.benefit_level_id)


@settings(deadline=None, max_examples=60)
@given(payments, levels, policies)
def test_the_levels_ahead_fall_and_reach_to_the_end_and_come_true(
    paid: list[Payment], offered: tuple[Level, ...], policy: Policy
) -> None:
    facts = Facts(paid, offered, policy)
    now, spans = rules.standing(facts, TODAY), rules.ahead(facts, TODAY)
    assert bool(spans) == (now.state == State.CURRENT)
    if spans:
        assert (spans[0].level.id, spans[-1].end) == (now.level_id, now.current_through)
    ranks = [one.level.from_minor for one in spans]
    assert ranks == sorted(ranks, reverse=True)
    for one in spans:
        assert one.end is not None
        assert rules.standing(facts, one.end).level_id == one.level.id
