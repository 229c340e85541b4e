"""Whatever way somebody gave, the portal tells it rightly: words, documents, totals, and what went back."""

import re
from collections.abc import Iterator
from datetime import date
from typing import Any

import pytest
import time_machine
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from donations import reversals
from donations.models import Donor, DonorEmail, Gift, GiftImport, GiftOrigin, Receipt, ReceiptDue, SoftCredit
from donations.receipts import issue
from nonprofit import clock
from nonprofit.models import StoredFile
from tests import builders
from tests.donations import mailbag
from tests.members import people
from tests.members.test_portal import TODAY, page

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _today() -> Iterator[None]:
    with time_machine.travel(TODAY, tick=True):
        yield


@pytest.fixture
def ana() -> Donor:
    builders.campaign()
    return builders.donor(name="Ana Silva", email="ana@example.org")


def signed_in(email: str = "ana@example.org") -> Client:
    client = Client()
    people.sign_in(client, email)
    return client


def papers() -> None:
    """Every due paper is numbered and drawn."""
    for pk in issue.issue_due():
        builders.drawn(pk)


def lines(client: Client, query: str = "") -> list[tuple[str, str, str]]:
    """Headline, note and paper of each line, as read."""
    found = re.findall(r'<li class="gift[^"]*">(.*?)</li>', page(client, query))
    return [
        tuple(  # type: ignore[misc]
            re.sub(r"<[^>]+>", "", "".join(re.findall(rf'class="{name}">(.*?)</(?:strong|p)>', line))).strip()
            for name in ("gift-amount", "gift-note", "gift-receipt")
        )
        for line in found
    ]


KINDS: list[tuple[str, dict[str, Any], str, str]] = [
    ("check", {}, "$50.00", "Check 1042, General support"),
    ("cash", {}, "$50.00", "Cash, General support"),
    ("money_order", {}, "$50.00", "Money order 778, General support"),
    ("wire", {}, "$50.00", "Bank transfer, General support"),
    ("stock", {}, "50 shares of ACME", "Stock or fund shares, General support"),
    ("crypto", {}, "0.25 BTC", "Digital assets, General support"),
    ("ira", {}, "$50.00", "From your IRA at Fidelity, General support"),
    ("payroll", {}, "$50.00", "From your pay, General support"),
    ("in_kind", {}, "Two desks and a lamp", "Goods, General support"),
    ("services", {}, "Forty hours of legal advice", "Your work, General support"),
    ("vehicle", {}, "2014 Toyota Corolla (VIN 1NXBR32E85Z505904)", "Vehicle, General support"),
    ("other", {}, "$50.00", "Gift, General support"),
]


@pytest.mark.parametrize(("kind", "facts", "headline", "note"), KINDS)
def test_each_kind_in_its_own_words_with_its_paper(
    ana: Donor, kind: str, facts: dict[str, Any], headline: str, note: str
) -> None:
    gift = mailbag.record(kind, donor=ana, on=date(2026, 11, 3), **facts)
    papers()
    ((shown, said, paper),) = lines(signed_in())
    assert (shown, said) == (headline, note)
    receipt = Receipt.objects.get(gift=gift)
    word = "Receipt" if receipt.number.startswith("R-") else "Letter"
    assert paper == f"{word} {receipt.number}"
    assert signed_in().get(f"/portal/receipts/{receipt.number}/").content[:5] == b"%PDF-"


def test_property_has_no_value_anywhere_and_is_counted_in_words(ana: Donor) -> None:
    mailbag.record("stock", donor=ana)
    mailbag.record("in_kind", donor=ana)
    mailbag.record("check", donor=ana)
    shown = page(signed_in())
    assert '<p class="figure-value">$50.00</p>' in shown
    assert "1 gift, 2 gifts of stock, goods or work" in shown
    for value in ("5,123", "5123", "$300", "$5,473"):
        assert value not in shown
    assert "$0" not in shown


def test_a_year_of_property_alone_says_thank_you_and_not_nothing(ana: Donor) -> None:
    mailbag.record("stock", donor=ana)
    shown = page(signed_in())
    assert '<p class="figure-value">Thank you</p>' in shown
    assert "1 gift of stock, goods or work" in shown


def test_all_of_it_together_as_line_8_asks(ana: Donor) -> None:
    """Check, phone, stock, IRA, goods, a grant she recommended, a match of hers, and a card gift."""
    sponsor = builders.donor(name="Fidelity Charitable", email=None, kind="daf_sponsor")
    company = builders.donor(name="Acme Corp", email=None, kind="company")
    people.gave("ana@example.org", 2500, on=date(2026, 11, 1))
    people.gave("ana@example.org", 7500, on=date(2026, 10, 1), kind="phone")
    mailbag.record("check", donor=ana, on=date(2026, 9, 1))
    mailbag.record("stock", donor=ana, on=date(2026, 8, 1))
    mailbag.record("ira", donor=ana, on=date(2026, 7, 1), amount_minor=100_000)
    mailbag.record("in_kind", donor=ana, on=date(2026, 6, 1))
    advisor = [(ana, SoftCredit.Role.ADVISOR)]
    mailbag.record("daf", donor=sponsor, on=date(2026, 5, 1), amount_minor=250_000, recognized=advisor)
    employee = [(ana, SoftCredit.Role.EMPLOYEE)]
    mailbag.record("match", donor=company, on=date(2026, 4, 1), amount_minor=2500, recognized=employee)
    papers()
    client = signed_in()

    told = lines(client)

    assert [(headline, note) for headline, note, _ in told] == [
        ("$25.00", "One-time gift by card ending 4242, General support"),
        ("$75.00", "One-time gift by phone, with a card ending 4242, General support"),
        ("$50.00", "Check 1042, General support"),
        ("50 shares of ACME", "Stock or fund shares, General support"),
        ("$1,000.00", "From your IRA at Fidelity, General support"),
        ("Two desks and a lamp", "Goods, General support"),
        (
            "Grant of $2,500.00",
            "From Fidelity Charitable, recommended by you, General support. Thank you. "
            "It is Fidelity Charitable’s gift, so it is not in your total",
        ),
        (
            "Match of $25.00",
            "From Acme Corp, to match your gift, General support. Thank you. "
            "It is Acme Corp’s gift, so it is not in your total",
        ),
    ]
    numbers = [paper.split()[-1] if paper else "" for _, _, paper in told]
    assert [number[:1] for number in numbers] == ["R", "R", "R", "R", "L", "R", "L", ""]
    for number in filter(None, numbers):
        assert client.get(f"/portal/receipts/{number}/").status_code == 200
    companys = Receipt.objects.get(gift__kind="match")
    assert client.get(f"/portal/receipts/{companys.number}/").status_code == 404, "the company's, not hers"
    assert '<p class="figure-value">$1,150.00</p>' in page(client), "no grant, no match, no property (rule 89)"


def test_a_returned_check_shows_both_lines_and_its_receipt_is_void(ana: Donor) -> None:
    gift = mailbag.record("check", donor=ana, on=date(2026, 11, 3))
    mailbag.record("check", donor=ana, on=date(2026, 11, 20), check_number="1050", amount_minor=6000)
    papers()
    reversals.reverse(
        gift.pk, reason="bounced", noticed_on=date(2026, 11, 10), actor="staff:1", bank_fee_minor=1200, note="NSF"
    )
    client, number = signed_in(), Receipt.objects.get(gift=gift).number
    told = lines(client)
    assert [headline for headline, _, _ in told] == ["$60.00", "$50.00", "-$50.00"]
    assert told[1][2] == f"Receipt {number} is void"
    assert told[2][1] == "Check 1042 came back from the bank"
    shown = page(client)
    assert "November 10, 2026" in shown
    assert '<p class="figure-value">$60.00</p>' in shown
    assert "$12" not in shown, "the bank's fee is ours"
    assert f'href="/portal/receipts/{number}/"' not in shown
    answer = client.get(f"/portal/receipts/{number}/")
    assert answer.status_code == 410
    assert b"%PDF" not in answer.content
    assert "is void" in answer.content.decode()
    assert "came back from the bank" in answer.content.decode()
    people.gave("bob@example.org")
    assert signed_in("bob@example.org").get(f"/portal/receipts/{number}/").status_code == 404


def test_a_gift_returned_in_another_year_leaves_the_total_of_its_own(ana: Donor) -> None:
    gift = mailbag.record("check", donor=ana, on=date(2025, 12, 30), booked_on=date(2025, 12, 31))
    mailbag.record("check", donor=ana, on=date(2026, 2, 1), check_number="1050", amount_minor=6000)
    Gift.objects.update(settled_at=clock.midnight(date(2025, 12, 31)))
    reversals.reverse(gift.pk, reason="bounced", noticed_on=date(2026, 1, 9), actor="staff:1")
    client = signed_in()
    shown = page(client)
    totals = re.findall(
        r'class="year-name">(\d+)</span> <span class="year-total">([^<]*)</span> <span class="year-count">([^<]*)',
        shown,
    )
    assert totals == [("2026", "$60.00", "1 gift"), ("2025", "", "no gift that stands")]
    assert [headline for headline, _, _ in lines(client, "?year=2025")] == ["$50.00", "-$50.00"]


def test_property_taken_back_is_told_without_a_value(ana: Donor) -> None:
    gift = mailbag.record("stock", donor=ana)
    reversals.reverse(gift.pk, reason="wrong_entry", noticed_on=clock.today(), actor="staff:1", note="Bob's")
    told = lines(signed_in())
    assert [headline for headline, _, _ in told] == ["50 shares of ACME", "Taken back"]
    assert told[1][1] == "Taken back: we had entered it wrongly"


def test_a_spouse_is_thanked_without_the_amount_and_a_reversed_grant_is_gone(ana: Donor) -> None:
    bob = builders.donor(name="Bob Hale")
    mailbag.record("check", donor=bob, recognized=[(ana, SoftCredit.Role.SPOUSE)])
    sponsor = builders.donor(name="Fidelity Charitable", email=None, kind="daf_sponsor")
    gone = mailbag.record("daf", donor=sponsor, recognized=[(ana, SoftCredit.Role.ADVISOR)])
    reversals.reverse(gone.pk, reason="wrong_entry", noticed_on=clock.today(), actor="staff:1")
    client = signed_in()
    ((headline, note, paper),) = lines(client)
    assert headline == "A gift with you in mind"
    assert note.startswith("From Bob Hale")
    assert paper == ""
    assert "$50" not in page(client)


def test_the_sponsor_does_not_fetch_the_letter_to_its_advisor(ana: Donor) -> None:
    sponsor = builders.donor(name="Fidelity Charitable", email="grants@fidelity.example", kind="daf_sponsor")
    mailbag.record("daf", donor=sponsor, recognized=[(ana, SoftCredit.Role.ADVISOR)], advised_fund="Silva Family Fund")
    papers()
    number = Receipt.objects.get().number
    theirs = signed_in("grants@fidelity.example")
    assert theirs.get(f"/portal/receipts/{number}/").status_code == 404
    assert lines(theirs) == [("$50.00", "Grant from the Silva Family Fund, General support", "")]
    assert signed_in().get(f"/portal/receipts/{number}/").status_code == 200


def test_an_imported_gift_says_where_it_came_from(ana: Donor) -> None:
    gift = mailbag.record("other", donor=ana)
    Gift.objects.filter(pk=gift.pk).update(kind="card")
    file = StoredFile.keep(b"name,amount", "text/csv")
    run = GiftImport.objects.create(
        source="actblue", file_name="a.csv", file=file, fund=builders.fund(), uploaded_by=builders.staff()
    )
    GiftOrigin.objects.create(gift=gift, gift_import=run, source="actblue", external_id="AB1", receipt_number="AB-77")
    ReceiptDue.objects.filter(gift=gift).delete()
    assert lines(signed_in()) == [
        ("$50.00", "One-time gift by card, through ActBlue, General support", "Receipt AB-77 of that time")
    ]


def test_it_costs_the_same_however_much_one_gave(ana: Donor) -> None:
    sponsor = builders.donor(name="Fidelity Charitable", email=None, kind="daf_sponsor")
    client = signed_in()

    def give(year: int) -> None:
        for kind in ("check", "stock", "ira"):
            mailbag.record(kind, donor=ana, on=date(year, 5, 1))
        mailbag.record("daf", donor=sponsor, on=date(year, 6, 1), recognized=[(ana, SoftCredit.Role.ADVISOR)])
        gone = mailbag.record("check", donor=ana, on=date(year, 7, 1))
        reversals.reverse(gone.pk, reason="wrong_entry", noticed_on=date(2026, 11, 1), actor="staff:1")
        papers()

    give(2026)
    with CaptureQueriesContext(connection) as few:
        page(client)
    for year in range(2016, 2026):
        give(year)
    with CaptureQueriesContext(connection) as many:
        page(client)
    assert len(many) == len(few) == 17


# --- who it belongs to ----------------------------------------------------------------------------------------------


def test_somebody_whom_staff_recorded_signs_in_with_their_e_mail_and_finds_their_gifts(ana: Donor) -> None:
    mailbag.record("check", donor=ana)
    assert ana.user is None
    assert [headline for headline, _, _ in lines(signed_in())] == ["$50.00"]


@pytest.mark.parametrize(("purpose", "is_theirs"), [("home", True), ("work", True), ("former", False)])
def test_a_further_address_opens_once_its_mailbox_is_proven(ana: Donor, purpose: str, is_theirs: bool) -> None:
    mailbag.record("check", donor=ana)
    DonorEmail.objects.create(donor=ana, email="ana@work.example", purpose=purpose)
    client = Client()
    people.ask_for_code(client, "ana@work.example")
    ana.refresh_from_db()
    assert ana.user is None, "typing an address proves nothing"
    if is_theirs:
        people.sign_in(client, "ana@work.example")
        assert [headline for headline, _, _ in lines(client)] == ["$50.00"]
    else:
        assert not any("code is" in letter.text for letter in people.letters("ana@work.example"))


def test_a_further_address_does_not_open_a_second_account(ana: Donor) -> None:
    mailbag.record("check", donor=ana)
    signed_in()
    DonorEmail.objects.create(donor=ana, email="ana@work.example")
    people.ask_for_code(Client(), "ana@work.example")
    assert not any("code is" in letter.text for letter in people.letters("ana@work.example"))


def test_a_gift_recorded_later_joins_the_account_of_the_proven_mailbox() -> None:
    people.gave("bob@example.org")
    signed_in("bob@example.org")
    bob = Donor.objects.get(email="bob@example.org")
    Donor.objects.filter(pk=bob.pk).update(user=None)
    mailbag.record("check", donor=Donor.objects.get(pk=bob.pk))
    bob.refresh_from_db()
    assert bob.user is not None
    assert bob.user.email == "bob@example.org"
