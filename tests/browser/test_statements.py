"""A year's statements in a real browser, as Finance makes them: plan, look, start, and the page tells how far it is."""

from datetime import date

import pytest
from playwright.sync_api import expect

from donations.models import AnnualStatement, RenderTrouble
from nonprofit import clock
from tests import builders
from tests.browser.looks import AXE_NOISE, PHONE, assert_clean
from tests.browser.signing_in import sign_in
from tests.conftest import OpenPage
from tests.donations import yearly
from tests.stack import Stack
from tests.watch import Watch

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.django_db]
RUNS = "/admin/donations/statementrun/"


@pytest.fixture
def newsroom(stack: Stack) -> None:
    """Some with e-mail, one on paper, one whom nothing reaches, and a gift in dispute; all of last year."""
    day = date(clock.today().year - 1, 3, 3)
    people = [yearly.supporter(), yearly.supporter(email=None), yearly.supporter(is_deceased=True)]
    for donor in people:
        yearly.gave("check", donor=donor, on=day)
    yearly.gave("stock", donor=people[0], on=day)
    yearly.went(yearly.gave("cash", donor=people[0], on=day), "dispute", -5000, on=day, status="disputed")


def test_finance_makes_the_years_statements(newsroom: None, stack: Stack, open_page: OpenPage, watch: Watch) -> None:
    watch.allow(AXE_NOISE)
    page = open_page(viewport=PHONE)
    sign_in(page, builders.staff("Administrator"), RUNS)
    expect(page.get_by_text("No year was stated yet")).to_be_visible()
    page.get_by_role("link", name="Plan a year’s statements").click()
    assert_clean(page, "planning")
    page.get_by_role("button", name="Count them").click()

    start = page.get_by_role("button", name="Make and send the statements")
    expect(start).to_be_visible(timeout=40_000)
    assert_clean(page, "the dry run")
    page.get_by_role("link", name="1", exact=True).first.click()
    expect(page.get_by_role("table")).to_be_visible()
    assert_clean(page, "the rows of a number")
    page.go_back()
    assert AnnualStatement.objects.count() == 0

    start.focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Done")).to_be_visible(timeout=60_000)
    expect(page.get_by_text("3 of 3 numbered, 3 made, 1 letters")).to_be_visible()
    assert AnnualStatement.objects.count() == 3
    statement = AnnualStatement.objects.select_related("receipt").order_by("pk")[0]
    trouble = RenderTrouble.objects.create(receipt=statement.receipt, reason="the template is broken")
    page.reload()
    expect(page.get_by_text("the template is broken")).to_be_visible()
    assert_clean(page, "a run that is done")
    page.goto(f"/admin/donations/rendertrouble/{trouble.pk}/change/")
    assert_clean(page, "a paper that could not be made")
    page.goto(f"/admin/donations/receipt/{statement.receipt_id}/change/")
    assert_clean(page, "a statement")
