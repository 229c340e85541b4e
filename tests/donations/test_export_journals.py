"""Journals for QuickBooks and Xero: headings as published, every number balances, all together they are the ledger."""

from collections import defaultdict
from datetime import date, datetime, timedelta
from decimal import Decimal

import pytest

from donations.books.exports.filters import CannotExport
from donations.models import Account, Export, LedgerEntry
from tests.donations import exported
from tests.donations.exported import JANUARY, content, made, rows

pytestmark = pytest.mark.django_db(transaction=True)
Profile = Export.Profile
# domain/receipts.md 3.5.
QUICKBOOKS = "Journal No,Journal Date,Account Name,Description,Debits,Credits,Name,Class,Location"
XERO = (
    "*Narration,*Date,Description,*AccountCode,*TaxRate,*Amount,"
    "TrackingName1,TrackingOption1,TrackingName2,TrackingOption2"
)


def test_quickbooks_gets_what_it_takes_and_every_journal_balances() -> None:
    made_up = exported.books()
    export = made(Profile.JOURNAL_QUICKBOOKS, **JANUARY)
    assert content(export).decode().splitlines()[0] == QUICKBOOKS
    lines = rows(export)
    sums: dict[str, Decimal] = defaultdict(Decimal)
    days: dict[str, set[str]] = defaultdict(set)
    for line in lines:
        assert bool(line["Debits"]) != bool(line["Credits"])
        sums[line["Journal No"]] += Decimal(line["Debits"] or 0) - Decimal(line["Credits"] or 0)
        days[line["Journal No"]].add(line["Journal Date"])
        assert datetime.strptime(line["Journal Date"], "%m/%d/%Y").year == 2026  # noqa: DTZ007 - a day
        assert len(line["Journal No"]) <= 21
    assert set(sums.values()) == {Decimal(0)}
    assert all(len(of_one) == 1 for of_one in days.values())
    payout = f"J-2026-01-P{made_up['payout'].pk}"
    booked = {
        (one["Account Name"], one["Class"]): one["Debits"] or f"-{one['Credits']}"
        for one in lines
        if one["Journal No"] == payout
    }
    # The clearing account is left as Stripe left it: at nothing.
    assert booked == {
        ("Stripe Clearing", "100-GEN"): "100.00",
        ("Processing Fees", "100-GEN"): "3.20",
        ("Contributions", "100-GEN"): "-103.20",
        ("Checking", ""): "100.00",
        ("Stripe Clearing", ""): "-100.00",
    }
    earned = sum(
        Decimal(one["Credits"] or 0) - Decimal(one["Debits"] or 0) for one in lines if "Earned" in one["Account Name"]
    )
    assert earned == Decimal("20.00")


def test_xero_gets_the_same_by_codes_and_days_that_nobody_misreads() -> None:
    exported.books()
    export = made(Profile.JOURNAL_XERO, **JANUARY)
    assert content(export).decode().splitlines()[0] == XERO
    per_journal: dict[str, Decimal] = defaultdict(Decimal)
    for line in rows(export):
        per_journal[line["*Narration"]] += Decimal(line["*Amount"])
        datetime.strptime(line["*Date"], "%d %b %Y")  # noqa: DTZ007 - a day
        assert line["*TaxRate"] == "Tax Exempt"
        assert (line["TrackingName1"], line["TrackingOption1"]) in {("Fund", "100-GEN"), ("Fund", "210-INV"), ("", "")}
    assert set(per_journal.values()) == {Decimal(0)}
    by_account: dict[str, Decimal] = defaultdict(Decimal)
    for line in rows(export):
        by_account[line["*AccountCode"]] += Decimal(line["*Amount"]) if "-JPY" not in line["*Narration"] else 0
    assert by_account["4020"] == Decimal("-900.00")
    # What is on each account of money is what the ledger says is there.
    for role, account in (("clearing", "stripe"), ("property", "property")):
        booked = LedgerEntry.objects.filter(account=account, currency="usd").values_list("amount_minor", flat=True)
        assert by_account[Account.objects.get(role=role).number] * 100 == sum(booked)


def test_the_ledger_and_the_journal_name_the_same_journals() -> None:
    exported.books()
    ledger = {line["journal_no"] for line in rows(made(Profile.LEDGER, **JANUARY))}
    journal = {line["Journal No"] for line in rows(made(Profile.JOURNAL_QUICKBOOKS, **JANUARY))}
    assert ledger == journal


def test_nothing_that_supporters_typed_is_in_a_journal() -> None:
    made_up = exported.books()
    for profile in (Profile.JOURNAL_QUICKBOOKS, Profile.JOURNAL_XERO):
        text = content(made(profile)).decode()
        assert not any(person.name in text for person in made_up["people"])
        assert not any(cell.startswith(("=", "+", "@")) for line in rows(made(profile)) for cell in line.values())


def test_a_journal_is_of_whole_days_and_for_programs() -> None:
    for wrong in ({"kind": "check"}, {"basis": "gift"}, {"fund": "100-GEN"}):
        with pytest.raises(CannotExport):
            made(Profile.JOURNAL_XERO, **wrong)
    with pytest.raises(CannotExport, match="CSV for programs"):
        made(Profile.JOURNAL_QUICKBOOKS, Export.Format.SPREADSHEET)
    assert not Export.objects.exists()


def test_xero_is_told_when_a_file_is_long() -> None:
    gift = exported.card(100, date(2026, 1, 1))
    for number in range(1, 160):
        exported.line(gift, "gift", 100, date(2026, 1, 1) + timedelta(days=number))
    export = made(Profile.JOURNAL_XERO)
    assert export.rows > 300
    assert "300 lines" in export.control["note"]
