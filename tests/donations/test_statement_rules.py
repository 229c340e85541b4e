"""What a yearly statement says, by table: each case names the rule it holds to."""

from datetime import date
from itertools import permutations
from typing import Any

import pytest

from donations.rules import documents, statements
from donations.rules.statements import Back, Given, Said, Section

ON, LATER = date(2026, 3, 3), date(2026, 4, 1)


def given(pk: int = 1, paper: str = "tax_cash", minor: int = 5000, **fields: Any) -> Given:
    return Given(
        **{"pk": pk, "on": ON, "paper": paper, "what": f"gift {pk}", "minor": minor, "number": f"R-{pk}", **fields}
    )


def refunded(pk: int, minor: int, *back: int, **fields: Any) -> Given:
    went = tuple(Back(LATER, one, "Refunded") for one in back)
    return given(pk, minor=minor, back=went, is_taken_back=sum(back) == minor, **fields)


def told(said: Said) -> dict[str, list[tuple[str, int | None]]]:
    return {part.section.value: [(line.what, line.minor) for line in part.lines] for part in said.parts}


TABLE: list[tuple[str, list[Given], dict[str, list[tuple[str, int | None]]]]] = [
    ("nothing", [], {}),
    ("1.5 cash", [given()], {"cash": [("gift 1", 5000)]}),
    ("41 a gift with a valued benefit is cash", [given(value_minor=3000)], {"cash": [("gift 1", 5000)]}),
    ("30 property has no value", [given(paper="tax_property", minor=0)], {"property": [("gift 1", None)]}),
    ("28 an IRA gift stands apart", [given(paper="qcd_letter")], {"ira": [("gift 1", 5000)]}),
    ("a foundation's grant stands apart", [given(paper="grant_letter")], {"grant": [("gift 1", 5000)]}),
    ("an estate's distribution stands apart", [given(paper="bequest_letter")], {"grant": [("gift 1", 5000)]}),
    ("89 another's gift has no amount", [given(minor=0, is_thanked=True)], {"thanked": [("gift 1", None)]}),
    ("payroll is proved by the pay stub", [given(paper="thank_you")], {"thanked": [("gift 1", None)]}),
    ("54 a disputed gift is left out", [given(is_disputed=True)], {}),
    ("a wrong entry never was", [given(is_mistake=True, is_taken_back=True)], {}),
    ("12 both lines", [refunded(1, 5000, 5000)], {"back": [("gift 1", 5000), ("Refunded", -5000)]}),
    (
        "70 several refunds",
        [refunded(1, 5000, 1000, 500)],
        {"cash": [("gift 1", 3500)], "back": [("gift 1", 5000), ("Refunded", -1000), ("Refunded", -500)]},
    ),
    (
        "12 returned property says no amount",
        [given(paper="tax_property", minor=0, back=(Back(LATER, 0, "Taken back"),), is_taken_back=True)],
        {"back": [("gift 1", None), ("Taken back", None)]},
    ),
    ("others' gifts that went back are not ours to tell", [given(minor=0, is_thanked=True, is_taken_back=True)], {}),
    (
        "52 a refunded IRA gift is in no IRA total",
        [refunded(1, 5000, 5000, paper="qcd_letter"), given(2, "qcd_letter", 700)],
        {"ira": [("gift 2", 700)], "back": [("gift 1", 5000), ("Refunded", -5000)]},
    ),
]


@pytest.mark.parametrize(("rule", "gifts", "expected"), TABLE, ids=[row[0] for row in TABLE])
def test_each_gift_stands_where_its_rule_says(
    rule: str, gifts: list[Given], expected: dict[str, list[tuple[str, int | None]]]
) -> None:
    assert told(statements.of_year(gifts)) == expected


def test_subtotals_are_never_added_up() -> None:
    gifts = [
        given(1, minor=10_000, benefit="a book", value_minor=3_000),
        given(2, minor=2_000),
        given(3, "qcd_letter", 500_000),
        given(4, "tax_property", 0),
        given(5, minor=0, is_thanked=True),
        refunded(6, 7_000, 2_500),
    ]

    said = statements.of_year(gifts)

    assert said.total(Section.CASH) == 10_000 + 2_000 + 4_500
    assert said.total(Section.IRA) == 500_000
    cash = said.part(Section.CASH)
    assert cash is not None
    assert [(one.minor, one.value_minor, one.limit_minor) for one in cash.sums] == [(16_500, 3_000, 13_500)]
    assert [part.section for part in said.parts if part.sums] == [Section.CASH, Section.IRA]


def test_the_order_of_the_rows_does_not_matter() -> None:
    gifts = [given(1), given(2, on=LATER), refunded(3, 900, 300), given(4, "qcd_letter")]
    assert len({repr(statements.of_year(order)) for order in permutations(gifts)}) == 1


def test_a_limit_is_never_below_nothing_and_not_told_abroad() -> None:
    gift = given(minor=1000, value_minor=3000)
    assert [line.limit_minor for part in statements.of_year([gift]).parts for line in part.lines] == [0]
    abroad = statements.of_year([gift], is_abroad=True)
    assert [line.limit_minor for part in abroad.parts for line in part.lines] == [None]


def test_two_currencies_are_two_totals() -> None:
    said = statements.of_year([given(1), given(2, minor=900, currency="eur")])
    assert (said.total(Section.CASH), said.total(Section.CASH, "eur")) == (5000, 900)


def test_a_paper_without_a_section_waits_for_a_person() -> None:
    with pytest.raises(documents.NoRule, match="no section"):
        statements.of_year([given(paper="a new kind")])


def texts(*gifts: Given, is_abroad: bool = False) -> str:
    said = statements.of_year(gifts, is_abroad=is_abroad)
    return " ".join(one.text for one in statements.statements(said, organization="Harbor", ein="00-1234567"))


def test_the_sentences_follow_the_sections() -> None:
    same = "Lists the same gifts as the receipts shown; it is not an additional contribution."
    assert texts(given()).startswith(same)
    assert "value is yours" not in texts(given())
    assert "value is yours" in texts(given(), given(2, "tax_property", 0))
    assert "not state that they are deductible" in texts(given(2, "qcd_letter"))
    assert "to the extent allowed by law" not in texts(given(2, "qcd_letter"))
    assert "in no total" in texts(given(2, minor=0, is_thanked=True))
    assert "One gift is not listed" in texts(given(), given(2, is_disputed=True))
    assert "2 gifts are not listed" in texts(given(), given(2, is_disputed=True), given(3, is_disputed=True))
    assert "ask your own adviser" in texts(given(), is_abroad=True)
    assert texts() == statements.nothing().text


def test_rule_1_5_nothing_is_called_fully_deductible() -> None:
    everything = texts(*(given(pk, paper) for pk, paper in enumerate(statements.SECTIONS)), given(99, is_disputed=True))
    assert "fully" not in everything
    assert "itemi" not in everything
