"""The decisions: gift moves, dates, papers, consent. Each test names its rule."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from donations.rules import consent, dating, documents, gift_moves, schedule


def test_rule_68_success_always_wins_and_nothing_undoes_it() -> None:
    for state in ("pending", "failed", "processing", "expired"):
        assert gift_moves.may_move(state, "settled")
    for state in ("pending", "failed", "processing", "expired", "settled"):
        assert not gift_moves.may_move("settled", state)


def test_rule_73_processing_ends_only_with_what_stripe_says() -> None:
    assert gift_moves.may_move("processing", "expired")
    assert not gift_moves.may_move("settled", "expired")
    assert not gift_moves.may_move("processing", "pending")


def test_rule_5_a_card_gift_counts_when_charged() -> None:
    assert dating.card_gift(date(2026, 12, 31)) == dating.GiftDate(date(2026, 12, 31), "charge")


def test_rule_59_dates_clamp_to_the_month_and_return_to_the_anchor() -> None:
    start = date(2027, 1, 31)
    dues, after = [], start
    for _ in range(4):
        after = schedule.next_due(start, 31, "month", after)
        dues.append(after)
    assert dues == [date(2027, 2, 28), date(2027, 3, 31), date(2027, 4, 30), date(2027, 5, 31)]


def test_rule_59_a_leap_day_gift_is_yearly_on_the_last_of_february() -> None:
    assert schedule.next_due(date(2028, 2, 29), 29, "year", date(2028, 2, 29)) == date(2029, 2, 28)
    assert schedule.next_due(date(2028, 2, 29), 29, "year", date(2031, 3, 1)) == date(2032, 2, 29)


@given(st.dates(min_value=date(2020, 1, 1), max_value=date(2035, 12, 31)), st.integers(min_value=0, max_value=2000))
def test_next_due_is_always_later_and_at_most_a_month_away(start: date, days: int) -> None:
    after = date.fromordinal(start.toordinal() + days)
    due = schedule.next_due(start, start.day, "month", after)
    assert 0 < (due - after).days <= 31


def texts(country: str = "") -> dict[str, str]:
    given = documents.Given(kind="card", organization="Org, Inc.", ein="00-1234567", donor_country=country)
    document = documents.for_gift(given)
    assert document.kind == "tax_cash"
    return {statement.code: statement.text for statement in document.statements}


def test_rule_38_every_acknowledgment_says_whether_anything_was_given_in_return() -> None:
    assert texts()["S0"] == "Org, Inc. provided no goods or services in exchange for this contribution."


def test_s6_names_the_law_and_the_ein_and_never_promises_full_deduction() -> None:
    text = texts("US")["S6"]
    assert "501(c)(3)" in text
    assert "EIN 00-1234567" in text
    assert "to the extent allowed by law" in text
    for sentence in texts("US").values():
        assert "fully deductible" not in sentence
        assert "itemize" not in sentence


def test_s6a_donors_abroad_read_nothing_about_deductions_in_their_country() -> None:
    said = texts("DE")
    assert "S6" not in said
    assert "deductible to the extent" not in said["S6A"]
    assert "ask your own adviser" in said["S6A"]


def test_a_kind_without_a_rule_waits_for_a_person() -> None:
    with pytest.raises(documents.NoRule, match="barter"):
        documents.for_gift(documents.Given(kind="barter", organization="Org", ein="00"))


def test_rule_22_consent_names_amount_interval_and_how_to_stop() -> None:
    said = consent.text(organization="Org", amount="$15.75", frequency="monthly")
    assert "$15.75" in said
    assert "every month" in said
    assert "stop it at any time" in said
