"""What comes with a gift, in a real browser: offered and declined, recorded by staff, counted by verified figures."""

import re

import pytest
from playwright.sync_api import expect

from donations.models import Benefit, GiftBenefit, Receipt, SafeHarbor, StatementText
from nonprofit import clock
from tests import builders
from tests.browser.looks import AXE_NOISE, PHONE, assert_clean
from tests.browser.signing_in import sign_in
from tests.browser.supporter import Supporter
from tests.conftest import OpenPage
from tests.faults.books import assert_balanced, is_finished, state, wait
from tests.stack import Stack
from tests.watch import Watch

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.django_db]
THIS_YEAR = {"low_cost_minor": 13_90, "minimum_gift_minor": 69_50, "cap_minor": 139_00, "source": "Rev. Proc. 2025-32"}


@pytest.fixture(autouse=True)
def offered(stack: Stack) -> Benefit:
    SafeHarbor.objects.get_or_create(year=clock.today().year, defaults=THIS_YEAR)
    return Benefit.objects.create(
        name="Tote",
        description="a Harbor Light tote bag",
        value_minor=18_00,
        cost_minor=9_00,
        has_our_name=True,
        campaign=builders.campaign(),
        from_minor=60_00,
    )


def test_a_supporter_declines_by_keyboard_and_the_whole_gift_counts(
    stack: Stack, open_page: OpenPage, watch: Watch
) -> None:
    watch.allow(r"postMessage")
    page = open_page(viewport={"width": 390, "height": 844})
    supporter = Supporter(page).visit()
    asked = page.get_by_role("group", name="What comes with your gift")
    expect(asked).to_be_hidden()
    supporter.tell(amount="60")
    expect(asked).to_contain_text("A Harbor Light tote bag with gifts from $60, worth $18")
    page.locator("input[name=other_amount]").fill("59.99")
    expect(asked).to_be_hidden()
    page.locator("input[name=other_amount]").fill("100")
    no = page.get_by_role("checkbox", name=re.compile("No thank you"))
    no.focus()
    page.keyboard.press("Space")
    expect(no).to_be_checked()
    assert_clean(page, "the giving page with a benefit")
    supporter.type_card().give().sees_thanks()
    wait(lambda: is_finished(1), what=state())
    assert_balanced(stack, 1)
    assert GiftBenefit.objects.get().is_declined
    facts = Receipt.objects.get().snapshot
    assert [one["code"] for one in facts["statements"]] == ["S0", "S6"]
    assert ["Offered and declined", "a Harbor Light tote bag"] in facts["rows"]


def test_finance_verifies_a_year_records_what_came_and_words_a_sentence(
    stack: Stack, open_page: OpenPage, watch: Watch, offered: Benefit
) -> None:
    watch.allow(AXE_NOISE)
    fiona = builders.staff("Administrator", email="fiona@example.org", name="Fiona Adeyemi")
    gift = builders.settled_gift(amount_minor=120_00)
    page = open_page(viewport=PHONE)
    year = SafeHarbor.objects.get(year=clock.today().year)
    sign_in(page, fiona, f"/admin/donations/safeharbor/{year.pk}/change/")
    assert_clean(page, "a year")
    page.get_by_role("button", name="I looked these figures up: they are right").click()
    expect(page.locator(".messagelist")).to_contain_text("are verified")

    page.goto(f"/admin/donations/gift/{gift.pk}/change/")
    page.get_by_role("link", name="Record what came with it").click()
    assert_clean(page, "recording what came")
    page.get_by_label("Or in words, as printed").fill("12 issues of the print magazine")
    page.get_by_label("Its fair market value").fill("30")
    page.get_by_role("button", name="Record it").click()
    expect(page.locator("#content")).to_contain_text("the receipt says payment, value and excess")
    assert_clean(page, "a gift with what came")

    page.goto("/admin/donations/benefit/")
    assert_clean(page, "the catalogue")
    page.goto(f"/admin/donations/benefit/{offered.pk}/change/")
    assert_clean(page, "a benefit")
    page.goto("/admin/donations/statementtext/")
    assert_clean(page, "the texts")
    page.get_by_role("link", name=re.compile(r"^S1\W+write a new version$")).click()
    words = page.get_by_label("As papers say it")
    words.fill("You got {gift}.")
    page.get_by_role("button", name="See it on real gifts").click()
    expect(page.locator(".errorlist")).to_contain_text("S1 knows no {gift}")
    words.fill("We gave you {description}, worth {value}; of {payment} you may deduct {excess} at most.")
    page.get_by_role("button", name="See it on real gifts").click()
    expect(page.locator("#content")).to_contain_text("worth $30.00; of $120.00 you may deduct $90.00 at most.")
    assert_clean(page, "a text with its preview")
    page.get_by_role("button", name="Papers say this from now on").click()
    expect(page.locator(".messagelist")).to_contain_text("From now on papers say S1 version 2.")
    assert StatementText.objects.get().version == 2
