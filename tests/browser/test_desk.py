"""The staff's desk in a real browser: clean under axe and the content policy, and a receipt goes out again."""

import re

import pytest
from playwright.sync_api import Page, expect

from donations.models import AccountDetail, Employer, Gift, GiftDetail, Receipt, Way
from donations.receipts import deliver
from nonprofit import clock
from nonprofit.models import OutgoingEmail, User
from tests import builders
from tests.browser.looks import AXE_NOISE, assert_clean, visit
from tests.browser.signing_in import sign_in, sign_in_by_code
from tests.conftest import OpenPage
from tests.faults.books import wait
from tests.stack import Stack
from tests.watch import Watch

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.django_db]


@pytest.fixture
def newsroom(stack: Stack) -> None:
    builders.campaign()
    Way.objects.create(kind="check", title="Give by check", body="Payable to us.", position=1)
    builders.pending_gift(status="failed", donor_name="Łucja 李", donor_email="lucja@example.org")
    builders.receipted_gift(donor_name="Ana Silva", note="For the archive", tribute="honor", tribute_name="Maria")
    OutgoingEmail.objects.create(
        key="x:1", template="receipt", to="b@example.org", subject="S", text="T", status="failed"
    )


@pytest.fixture
def busy(newsroom: None) -> None:
    """More gifts than one page of the list holds, one of them by check, and what stands around the gifts."""
    for _ in range(51):
        builders.pending_gift(donor_name="Charlie Underwood-Featherstone")
    ruth = builders.donor(name="Ruth Abbott", email=None)
    check = builders.settled_gift(
        donor=ruth, donor_name="Ruth Abbott", donor_email="", kind=Gift.Kind.CHECK, card_brand="", card_last4=""
    )
    GiftDetail.objects.create(gift=check, check_number="1042", received_on=check.gift_on, payer_name="R. Abbott")
    Employer.objects.create(name="Harbor Hardware, LLC")
    AccountDetail.objects.create(way=Way.objects.get(), label="Routing number", value="000000000")


def pages() -> dict[str, str]:
    gift = Gift.objects.settled().get(kind=Gift.Kind.CARD)
    check = Gift.objects.get(kind=Gift.Kind.CHECK)
    return {
        "the desk": "",
        "gifts": "donations/gift/?status__exact=settled&gift_on_from=2020-01-01",
        "the first page of gifts": "donations/gift/",
        "the last page of gifts": "donations/gift/?last=",
        "a gift": f"donations/gift/{gift.pk}/change/",
        "a check": f"donations/gift/{check.pk}/change/",
        "an employer": f"donations/employer/{Employer.objects.get().pk}/change/",
        "account details": f"donations/accountdetail/{AccountDetail.objects.get().pk}/change/",
        "supporters": "donations/donor/?q=silva",
        "a supporter": f"donations/donor/{gift.donor_id}/change/",
        "receipts": "donations/receipt/",
        "a receipt": f"donations/receipt/{gift.paper.pk}/change/",
        "the ledger": "donations/ledgerentry/",
        "letters": "nonprofit/outgoingemail/?status__exact=failed",
        "a letter": f"nonprofit/outgoingemail/{OutgoingEmail.objects.get(key='x:1').pk}/change/",
        "events": "donations/stripeevent/",
        "the organization": "nonprofit/organization/1/change/",
        "a campaign": f"donations/campaign/{gift.campaign_id}/change/",
        "ways": "donations/way/",
        "a new user": "nonprofit/user/add/",
        "the audit log": "nonprofit/auditentry/",
    }


def test_the_desk_is_clean(busy: None, stack: Stack, page: Page, watch: Watch) -> None:
    sign_in(page, builders.staff("Administrator", is_superuser=True), "/admin/")
    expect(page.get_by_role("heading", name="Desk", level=1)).to_be_visible()
    visit(page, watch, {what: f"/admin/{address}" for what, address in pages().items()})


def test_the_gifts_list_fits_beside_its_filter_and_turns(busy: None, stack: Stack, open_page: OpenPage) -> None:
    page = open_page(viewport={"width": 1280, "height": 900})
    sign_in(page, builders.staff("Administrator", is_superuser=True), "/admin/donations/gift/")
    page.wait_for_selector("#result_list")
    assert page.locator(".results").evaluate("(list) => list.scrollWidth <= list.clientWidth")
    expect(page.locator(".paginator")).to_contain_text("54 gifts")
    page.get_by_role("link", name="Last", exact=True).click()
    expect(page.locator("#result_list tbody tr")).to_have_count(50)
    page.get_by_role("link", name="First", exact=True).click()
    expect(page.get_by_role("link", name="Next", exact=True)).to_be_visible()


def test_a_form_with_errors_and_the_wrong_person_are_clean(
    newsroom: None, stack: Stack, open_page: OpenPage, watch: Watch
) -> None:
    page = open_page(viewport={"width": 1280, "height": 900})
    sign_in(page, builders.staff("Administrator"), "/admin/nonprofit/organization/1/change/")
    page.locator("input[name=accent_color]").fill("#ffee00")
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.locator(".errorlist")).to_contain_text("Too light to read")
    watch.allow(AXE_NOISE)
    assert_clean(page, "the organization with an error")

    watch.allow("status of 403")
    stranger = open_page(viewport={"width": 390, "height": 844}, color_scheme="dark")
    sign_in(stranger, User.objects.create_user("somebody@example.org"), "/admin/")
    expect(stranger.get_by_role("heading", level=1)).to_have_text("This part is for our staff")
    assert_clean(stranger, "the wrong person")


def test_finance_finds_a_gift_and_sends_its_receipt_again(newsroom: None, stack: Stack, open_page: OpenPage) -> None:
    page = open_page(viewport={"width": 1280, "height": 900})
    sign_in_by_code(page, builders.staff("Finance").email, "/admin/")
    page.get_by_label("Find a gift").fill("silva $25")
    page.keyboard.press("Enter")
    page.locator("#result_list a", has_text="G-").click()
    expect(page.get_by_role("heading", name="Ledger")).to_be_visible()
    page.get_by_role("button", name="Send the receipt again").click()
    expect(page.locator(".messagelist")).to_contain_text("on its way to ana@example.org again")
    receipt = Receipt.objects.get()
    wait(lambda: deliver.letters(receipt).filter(status="sent", sent_at__lte=clock.now()).count() == 2)
    page.reload()
    expect(page.get_by_role("row", name=re.compile("ana@example.org sent"))).to_have_count(2)
    expect(page.get_by_text("send receipt again")).to_be_visible()
