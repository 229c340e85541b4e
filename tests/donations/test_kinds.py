"""Every kind of gift: the facts it asks for, its date and why, and the one paper that is right for it.

One table says it all; each row is booked with and without an e-mail address, with and without somebody recognized, with
benefits declined, accepted or not offered. Rules named are those of the domain notes.
"""

import re
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from io import BytesIO
from typing import Any
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pypdf import PdfReader

from donations import offline
from donations.models import Donor, Gift, GiftDetail, LedgerEntry, Receipt, ReceiptDue, ReceiptPdf
from donations.receipts import issue
from donations.rules import dating, documents, kinds
from nonprofit.models import OutgoingEmail
from nonprofit.money import Money
from tests import builders

D = date
SPONSOR, COMPANY, FOUNDATION = Donor.Kind.DAF_SPONSOR, Donor.Kind.COMPANY, Donor.Kind.FOUNDATION


@dataclass(frozen=True)
class Row:
    """A kind of gift as it typically comes, and what must follow."""

    kind: str
    facts: dict[str, Any]
    on: date
    basis: str
    paper: str
    codes: str
    donor_kind: str = "individual"
    # Whom the paper is for when an advisor or employee is known.
    recognized_gets: bool = False
    role: str = ""
    # The paper without them, where it differs.
    alone: tuple[str, str] = field(default=("", ""))


RECEIVED = D(2026, 11, 20)
MAIL = {"sent_by": "usps", "postmarked_on": D(2026, 11, 17), "received_on": RECEIVED}
TABLE = [
    Row("check", {"check_number": "1042", "check_on": D(2026, 11, 16), **MAIL, "payer_name": "Alice Novak"},
        D(2026, 11, 17), "postmark", "tax_cash", "S0 S6"),
    Row("cash", {"received_on": RECEIVED}, RECEIVED, "received", "tax_cash", "S0 S6"),
    Row("money_order", {"check_number": "88", **MAIL}, D(2026, 11, 17), "postmark", "tax_cash", "S0 S6"),
    Row("wire", {"credited_on": RECEIVED, "reference": "FT-9", "payer_name": "Alice Novak"},
        RECEIVED, "bank", "tax_cash", "S0 S6"),
    Row("stock", {"ticker": "ACME", "quantity": Decimal(50), "property_description": "ACME Corp common stock",
                  "credited_on": RECEIVED, "internal_value_minor": 731234},
        RECEIVED, "transfer", "tax_property", "S3 S0 S6"),
    Row("crypto", {"ticker": "BTC", "quantity": Decimal("0.25"), "credited_on": RECEIVED, "internal_value_minor": 999},
        RECEIVED, "transfer", "tax_property", "S3 S3C S0 S6"),
    Row("daf", {"advised_fund": "Novak Family Fund", "reference": "GR-7", "check_number": "5", "received_on": RECEIVED},
        RECEIVED, "received", "thank_you", "S4", SPONSOR, True, "advisor", ("grant_letter", "S0")),
    Row("foundation", {"reference": "2026-18", "check_number": "5", "received_on": RECEIVED},
        RECEIVED, "received", "grant_letter", "S0", FOUNDATION),
    Row("ira", {"custodian": "Fidelity", "check_number": "7", "check_on": D(2026, 11, 12), "received_on": RECEIVED},
        RECEIVED, "received", "qcd_letter", "S5 S0"),
    Row("match", {"reference": "M-3", "check_number": "6", "received_on": RECEIVED},
        RECEIVED, "received", "tax_cash", "S0 S6", COMPANY, False, "employee"),
    Row("payroll", {"credited_on": D(2026, 10, 30), "received_on": RECEIVED, "reference": "R-1"},
        D(2026, 10, 30), "payroll", "thank_you", "S4P"),
    Row("in_kind", {"property_description": "Two office desks", "received_on": RECEIVED, "internal_value_minor": 40000},
        RECEIVED, "delivery", "tax_property", "S3 S3C S0 S6"),
    Row("services", {"property_description": "A day of bookkeeping", "received_on": RECEIVED},
        RECEIVED, "delivery", "thank_you", "S4S"),
    Row("vehicle", {"property_description": "2014 Subaru Outback", "vehicle_number": "4S4BRBAC5E1234567",
                    "received_on": RECEIVED, "internal_value_minor": 400000},
        RECEIVED, "delivery", "thank_you", "S4V"),
    Row("bequest", {"reference": "Estate of B. Novak", "check_number": "2", "received_on": RECEIVED},
        RECEIVED, "distribution", "bequest_letter", "S7", Donor.Kind.ESTATE),
    Row("other", {"property_description": "Coins from the counter jar", "received_on": RECEIVED},
        RECEIVED, "received", "tax_cash", "S0 S6"),
]  # fmt: skip
ROWS = pytest.mark.parametrize("row", TABLE, ids=[row.kind for row in TABLE])


def recorded(row: Row, *, email: str | None = "ana@example.org", person: Donor | None = None, **changed: Any) -> Gift:
    """The row booked by the verb, dated by its rule; `changed` facts and `donor` differ from the table's."""
    builders.campaign()
    donor = changed.pop("donor", None) or builders.donor(
        kind=row.donor_kind, name="Alice Novak", email=email, address_line1="12 Elm St", city="Boston",
        region="MA", postal_code="02139",
    )  # fmt: skip
    amount = None if kinds.KINDS[row.kind].is_property else Money(changed.pop("amount_minor", 50000), "usd")
    facts = {**row.facts, **changed}
    what = offline.Recorded(
        attempt=uuid4(),
        kind=row.kind,
        donor=donor,
        amount=amount,
        fund=builders.fund(),
        campaign=None,
        source=f"test:{uuid4()}",
        dated=dating.propose(row.kind, facts),
        booked_on=RECEIVED,
        facts=facts,
        recognized=[(person, row.role or "spouse")] if person else [],
    )
    return offline.record(what, actor="staff:1")


def by_kind(kind: str) -> Row:
    return next(row for row in TABLE if row.kind == kind)


def paper_of(gift: Gift) -> Receipt:
    """The gift's paper, numbered and drawn."""
    for receipt_id in issue.issue_due():
        builders.drawn(receipt_id)
    return Receipt.objects.select_related("gift__donor", "pdf__email").get(gift=gift)


def codes(receipt: Receipt) -> str:
    return " ".join(statement["code"] for statement in receipt.snapshot["statements"])


def test_the_table_has_every_kind() -> None:
    assert [row.kind for row in TABLE] == list(kinds.KINDS)
    assert {*kinds.KINDS, "card", "phone"} == set(documents.PAPERS) == {kind.value for kind in Gift.Kind}
    assert set(dating.RULES) == set(kinds.KINDS)


@ROWS
def test_each_kind_asks_for_its_own_facts_and_the_typical_ones_are_enough(row: Row) -> None:
    kind = kinds.KINDS[row.kind]
    assert set(row.facts) <= set(kind.asks), "the table gives no fact that the form does not ask for"
    assert set(kind.asks) <= set(GiftDetail.fact_names())
    assert kinds.missing(row.kind, row.facts) == []
    for name in kind.needs:
        assert kinds.missing(row.kind, {**row.facts, name: None}) == [name]


@ROWS
def test_each_kind_has_its_date_and_basis(row: Row) -> None:
    assert dating.propose(row.kind, row.facts) == dating.GiftDate(row.on, row.basis)
    assert row.basis in Gift.DateBasis.values


@pytest.mark.django_db
@pytest.mark.parametrize("is_recognized", [False, True], ids=["nobody recognized", "soft credit"])
@pytest.mark.parametrize("email", ["ana@example.org", None], ids=["e-mail", "no e-mail"])
@ROWS
def test_each_kind_gets_its_paper(row: Row, email: str | None, is_recognized: bool) -> None:
    person = builders.donor(name="Bob Lind", email=email and "bob@example.org") if is_recognized else None
    gift = recorded(row, email=email, person=person)

    assert (gift.gift_on, gift.gift_date_basis) == (row.on, row.basis)
    receipt = paper_of(gift)
    expected, said = (row.paper, row.codes) if is_recognized or not row.alone[0] else row.alone
    assert (receipt.snapshot["kind"], codes(receipt)) == (expected, said)
    assert receipt.series == ("R" if expected in ("tax_cash", "tax_property") else "L")
    assert receipt.number == f"{receipt.series}-{receipt.year}-000001"
    is_theirs = is_recognized and row.recognized_gets
    assert receipt.snapshot["recipient"]["name"] == ("Bob Lind" if is_theirs else "Alice Novak")
    letters = list(OutgoingEmail.objects.filter(key=receipt.mail_key).values_list("to", flat=True))
    assert letters == ([] if email is None else ["bob@example.org" if is_theirs else "ana@example.org"])
    assert (receipt.pdf.email is None) == (email is None)
    assert gift.soft_credits.count() == int(is_recognized), "and the money is counted once (rule 89)"
    assert LedgerEntry.objects.filter(gift=gift).count() <= 1


@pytest.mark.django_db
@ROWS
@settings(max_examples=3, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(minor=st.integers(1, 2_000_000_000))
def test_every_sum_that_is_printed_is_in_the_ledger_to_the_cent(row: Row, minor: int) -> None:
    gift = recorded(row, email=None, amount_minor=minor)
    receipt = paper_of(gift)
    text = " ".join(page.extract_text() for page in PdfReader(BytesIO(bytes(receipt.pdf.file.content))).pages)
    sums = set(re.findall(r"\$[\d,]+\.\d\d", text))
    booked = sum(LedgerEntry.objects.filter(gift=gift).values_list("amount_minor", flat=True))
    if kinds.KINDS[row.kind].is_property:
        # What we think it was worth is in the books alone (rules 30 and 32).
        assert (booked, sums) == (row.facts.get("internal_value_minor", 0), set())
        return
    assert booked == minor
    assert sums == {str(Money(minor))}


# What the benefits do: "declined", "accepted" or None, where nothing was offered.
NO_PAPER_SAYS_IT = {"thank_you", "bequest_letter"}


@pytest.mark.parametrize("declined", [True, False, None], ids=["declined", "accepted", "none offered"])
@ROWS
def test_rule_29_and_43_benefits_that_were_not_declined_wait_for_a_person(row: Row, declined: bool | None) -> None:
    given = documents.Given(
        kind=row.kind, organization="Org", ein="00", donor_kind=row.donor_kind, is_benefit_declined=declined,
        is_recognized=row.recognized_gets,
    )  # fmt: skip
    if declined is False and row.paper not in NO_PAPER_SAYS_IT:
        with pytest.raises(documents.NoRule, match="not declined"):
            documents.for_gift(given)
    else:
        document = documents.for_gift(given)
        assert " ".join(statement.code for statement in document.statements) == row.codes
        assert document.kind == row.paper


@pytest.mark.django_db
def test_rule_29_an_ira_gift_with_a_benefit_waits_with_its_reason_and_takes_no_number() -> None:
    gift = recorded(by_kind("ira"), is_benefit_declined=False)
    assert issue.issue_due() == []
    due = ReceiptDue.objects.get(gift=gift)
    assert due.trouble.startswith("The benefits of this IRA gift were not declined")
    assert recorded(by_kind("ira"), email="bea@example.org", is_benefit_declined=True).receipt_due
    assert len(issue.issue_due()) == 1
    assert Receipt.objects.get().number.endswith("-000001")


# ---- Whom the law sees ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["card", "check", "wire", "stock", "in_kind"])
@pytest.mark.parametrize(
    ("donor_kind", "paper", "said"),
    [
        ("company", "", ""),
        ("household", "", ""),
        ("foundation", "grant_letter", "S0"),
        ("government", "grant_letter", "S0"),
        ("estate", "bequest_letter", "S7"),
        ("unknown", "none", ""),
    ],
)
def test_rule_16_the_legal_donor_decides_however_the_money_came(
    kind: str, donor_kind: str, paper: str, said: str
) -> None:
    person = documents.for_gift(documents.Given(kind=kind, organization="Org", ein="00"))
    document = documents.for_gift(documents.Given(kind=kind, organization="Org", ein="00", donor_kind=donor_kind))
    assert document.kind == (paper or person.kind)
    assert [s.code for s in document.statements] == (said.split() if paper else [s.code for s in person.statements])


@pytest.mark.parametrize("kind", ["daf", "check", "match"])
def test_rules_23_to_25_a_sponsors_grant_is_thanked_to_the_advisor_or_to_nobody(kind: str) -> None:
    def document(**fields: Any) -> documents.Document:
        return documents.for_gift(
            documents.Given(kind=kind, organization="Org", ein="00", donor_kind="daf_sponsor", payer="Trust", **fields)
        )

    thanked = document(is_recognized=True, wants_no_letter=True)
    assert (thanked.kind, thanked.to, thanked.series) == ("thank_you", "recognized", "L")
    assert thanked.statements[0].text == (
        "This letter is our thanks. Because the gift came from Trust, it is not an acknowledgment for tax purposes."
    )
    assert (document().kind, document().to) == ("grant_letter", "donor")
    assert document(wants_no_letter=True) == documents.NONE


def test_rule_33_a_match_by_a_companys_foundation_gets_a_grant_letter() -> None:
    given = documents.Given(kind="match", organization="Org", ein="00", donor_kind="foundation", is_recognized=True)
    assert (documents.for_gift(given).kind, documents.for_gift(given).to) == ("grant_letter", "donor")


@pytest.mark.parametrize(
    ("kind", "donor_kind", "why"),
    [
        ("daf", "individual", "the fund's sponsor"),
        ("foundation", "household", "is the foundation"),
        ("match", "individual", "the company or its foundation"),
        ("ira", "company", "not the custodian"),
    ],
)
def test_rule_16_the_wrong_legal_donor_waits_instead_of_getting_the_wrong_paper(
    kind: str, donor_kind: str, why: str
) -> None:
    with pytest.raises(documents.NoRule, match=why):
        documents.for_gift(documents.Given(kind=kind, organization="Org", ein="00", donor_kind=donor_kind))
    assert why in documents.wrong_donor(kind, donor_kind)
    assert documents.wrong_donor("check", donor_kind) == ""


@pytest.mark.django_db
@ROWS
def test_rule_79_an_unknown_donor_gets_no_paper_and_nothing_waits(row: Row) -> None:
    gift = recorded(row, donor=builders.donor(kind=Donor.Kind.UNKNOWN, name="Unknown", email=None))
    assert not ReceiptDue.objects.filter(gift=gift).exists()
    assert issue.issue_due() == []


@pytest.mark.django_db
def test_rule_24_a_sponsor_that_wants_no_letter_gets_none() -> None:
    sponsor = builders.donor(kind=SPONSOR, name="Trust", wants_no_letter=True)
    recorded(by_kind("daf"), donor=sponsor)
    assert not ReceiptDue.objects.exists()


@pytest.mark.django_db
def test_a_donor_found_to_be_unknown_before_numbering_is_let_go() -> None:
    gift = recorded(by_kind("cash"))
    Donor.objects.update(kind=Donor.Kind.UNKNOWN)
    assert issue.issue_due() == []
    assert not ReceiptDue.objects.filter(gift=gift).exists()
    assert ReceiptPdf.objects.count() == 0


# ---- Vehicles -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value_minor", "paper", "said"),
    [
        (500_00, "tax_property", "S3 S3C S3V S0 S6"),
        (500_01, "thank_you", "S4V"),
        (None, "thank_you", "S4V"),
    ],
)
def test_a_vehicle_gets_an_ordinary_receipt_only_up_to_500_dollars(
    value_minor: int | None, paper: str, said: str
) -> None:
    given = documents.Given(kind="vehicle", organization="Org", ein="00", description="A car", value_minor=value_minor)
    document = documents.for_gift(given)
    assert (document.kind, " ".join(s.code for s in document.statements)) == (paper, said)
