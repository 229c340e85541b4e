"""Finance in a real browser: tie the bank, explain a difference, close a month; every page of the books is clean."""

import hashlib
from datetime import date, timedelta

import pytest
from playwright.sync_api import Page, expect

from donations.books import compare
from donations.models import (
    BalanceTransaction,
    BankLine,
    Difference,
    Export,
    ExportDownload,
    Gift,
    LedgerEntry,
    Month,
    Payout,
    ReceiptDue,
)
from tests import builders
from tests.browser.looks import PHONE, visit
from tests.browser.signing_in import sign_in
from tests.browser.test_exports import downloaded
from tests.conftest import OpenPage
from tests.donations.bookkeeping import account, brought, csv, movement
from tests.donations.test_compare import statement, swept, whole
from tests.faults.books import state, wait
from tests.faults.giver import Giver
from tests.stack import Stack
from tests.watch import Watch

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.django_db]

DESK = "/admin/donations/"
FIFTH = date(2026, 10, 5)


@pytest.fixture
def october(stack: Stack) -> None:
    """An October that ties but for a charge that is no gift; its statement is not brought in yet."""
    whole(FIFTH)
    account()
    movement("ch_dashboard", 900, 55, day=FIFTH)
    swept()
    wait(lambda: not ReceiptDue.objects.exists())


def upload(page: Page, content: bytes, name: str = "october.csv") -> None:
    page.get_by_label("Statement").set_input_files({"name": name, "mimeType": "text/csv", "buffer": content})
    page.get_by_role("button", name="Look at it").click()


def refunds_a_part(page: Page, gift: Gift) -> None:
    """Ten dollars of the gift go back, through Stripe and into the books."""
    page.goto(f"{DESK}gift/{gift.pk}/change/")
    page.get_by_role("link", name="Refund it").click()
    page.get_by_role("textbox", name="Amount").fill("10")
    page.get_by_label("The supporter asked").check()
    page.get_by_role("button", name="Show what will happen").click()
    page.get_by_role("button", name="Refund it").click()
    expect(page.locator(".messagelist")).to_contain_text("on its way to Stripe")
    wait(LedgerEntry.objects.filter(gift=gift, kind="refund", amount_minor=-1000).exists, 60.0, what=state())


def test_finance_refunds_ties_explains_and_closes_a_month(
    october: None, stack: Stack, open_page: OpenPage, watch: Watch
) -> None:
    watch.allow(r"status of 422")
    here = set(Gift.objects.values_list("pk", flat=True))
    Giver(stack).give()
    given = Gift.objects.exclude(pk__in=here)
    wait(lambda: given.filter(receipt__pdf__isnull=False).exists(), 60.0, what=state())
    page = open_page(viewport={"width": 1280, "height": 900})
    finance = builders.staff("Finance")
    sign_in(page, finance, "/admin/")
    refunds_a_part(page, given.get())
    page.goto("/admin/")
    page.get_by_role("link", name="Finance", exact=True).click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Finance desk")
    expect(page.locator(".figures")).to_contain_text("October")

    # The bank's file: another account's is refused in words; the right one is looked at and brought in.
    page.get_by_role("link", name="Bank statements").click()
    page.get_by_role("link", name="Import a statement").click()
    upload(page, b"Date,Description,Amount,Account\n10/05/2026,Deposit,1.00,...9999\n")
    expect(page.locator(".errorlist")).to_contain_text("ends in 9999; you chose the one that ends in 4321")
    upload(page, statement(day=FIFTH).decode().encode("utf-16"))
    expect(page.get_by_role("heading", name="Nothing is brought in yet")).to_be_visible()
    page.get_by_role("button", name="Bring in 3 lines").click()
    expect(page.locator(".messagelist")).to_contain_text("The lines are in")
    assert BankLine.objects.filter(payout=Payout.objects.get()).count() == 1

    # The month: two equations tie; the clearing account is apart by the charge that nobody knows.
    page.goto(f"{DESK}month/tie-out/2026-10/")
    page.get_by_role("button", name="Compare now").click()
    expect(page.locator(".equation.ties")).to_have_count(2)
    expect(page.locator(".equation:not(.ties) .verdict")).to_contain_text("$8.45 apart")
    expect(page.get_by_text("1 difference is not explained.")).to_be_visible()
    page.get_by_role("link", name="Balance, as its movements come to").click()
    expect(page.get_by_role("link", name="charge ch_dashboard")).to_be_visible()
    page.get_by_role("link", name="Back to October 2026").click()
    page.get_by_label("Where it comes from").fill("A test charge in Stripe's dashboard, refunded in November")
    page.get_by_role("button", name="Explain").click()
    expect(page.locator(".messagelist")).to_contain_text("Explained: A test charge")
    assert Difference.objects.get().explained_by == finance

    page.get_by_role("button", name="Close October 2026").click()
    expect(page.locator(".messagelist")).to_contain_text("October 2026 is closed.")
    expect(page.get_by_role("heading", name="Closed")).to_be_visible()
    month = Month.objects.get()
    assert (month.closed_by, month.state, month.override_reason) == (finance, "closed", "")
    assert LedgerEntry.objects.filter(booked_on__lt=date(2026, 11, 1)).exists()

    # Its posting file was asked for by the closing; downloaded twice, it is the same to the byte.
    posted = Export.objects.get(month=month)
    wait(Export.objects.filter(pk=posted.pk, state="done").exists, 60.0, what=state())
    page.goto(f"{DESK}export/{posted.pk}/change/")
    files = [downloaded(page, "Download the file") for _ in range(2)]
    posted.refresh_from_db()
    assert {hashlib.sha256(file).hexdigest() for file in files} == {posted.sha256}
    assert b"2026-10" in files[0]
    assert ExportDownload.objects.filter(export=posted, user=finance).count() == 2
    # The refund of today is in none of it: October's file is the same before and after.
    assert LedgerEntry.objects.get(kind="refund", gift=given.get()).source.encode() not in files[0]

    # One asks to open it again; the same person cannot agree, another one can.
    page.goto(f"{DESK}month/tie-out/2026-10/")
    page.get_by_label("Why it must open again").fill("A deposit is missing")
    page.get_by_role("button", name="Ask to reopen").click()
    page.get_by_role("button", name="Agree and open it").click()
    expect(page.locator(".messagelist")).to_contain_text("another person has to agree")
    other = open_page(viewport={"width": 1280, "height": 900})
    sign_in(other, builders.staff("Finance"), f"{DESK}month/tie-out/2026-10/")
    other.get_by_role("button", name="Agree and open it").click()
    expect(other.locator(".messagelist")).to_contain_text("October 2026 is open again")
    posted.refresh_from_db()
    assert posted.voided_at


def pages() -> dict[str, str]:
    """Every page of the books, by what it is."""
    line = BankLine.objects.get(payout__isnull=True, amount_minor=2000)
    return {
        "finance desk": "month/finance/",
        "tie-out": "month/tie-out/2026-10/",
        "rows": "month/tie-out/2026-10/stripe/",
        "months": "month/",
        "differences": "difference/?stands=open",
        "difference": f"difference/{Difference.objects.filter(kind='charge_without_gift').get().pk}/change/",
        "payouts": "payout/",
        "payout": f"payout/{Payout.objects.get().pk}/change/",
        "movements": "balancetransaction/",
        "movement": f"balancetransaction/{BalanceTransaction.objects.get(source_id='ch_dashboard').pk}/change/",
        "statements": "bankimport/",
        "statement": f"bankimport/{line.bank_import_id}/change/",
        "upload": "bankimport/upload/",
        "bank lines": "bankline/",
        "bank line": f"bankline/{line.pk}/change/",
        "bank account": f"bankaccount/{line.account_id}/change/",
    }


def test_the_books_are_clean(october: None, stack: Stack, open_page: OpenPage, watch: Watch) -> None:
    user = builders.staff("Finance")
    brought(csv((FIFTH, "Deposit", "20.00"), (FIFTH + timedelta(days=9), "Rent", "-1.00")), user)
    brought(statement(day=FIFTH), user)
    compare.run()
    page = open_page(viewport=PHONE)
    sign_in(page, user, f"{DESK}month/finance/")
    visit(page, watch, {what: DESK + address for what, address in pages().items()})
