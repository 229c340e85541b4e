"""axe finds nothing on any page a supporter meets: light and dark, phone and desk."""

import pytest
from playwright.sync_api import expect

from donations.models import Gift, Way
from nonprofit import clock
from nonprofit.models import OutgoingEmail
from tests import builders
from tests.browser.looks import PHONE, assert_clean
from tests.browser.signing_in import sign_in_by_code
from tests.browser.supporter import Supporter
from tests.conftest import OpenPage
from tests.faults.books import is_finished, state, wait
from tests.stack import Stack
from tests.watch import Watch

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.django_db]


@pytest.fixture(autouse=True)
def newsroom(stack: Stack, watch: Watch) -> None:
    builders.campaign(about_money="Half goes to **reporters**.")
    builders.fund(code="200-INV", name="Investigations")
    Way.objects.create(kind="check", title="Give by check", body="Payable to us, at the address below.", position=1)
    Way.objects.create(kind="daf", title="Donor-advised fund", body="Name us and our EIN.", position=2)
    # axe speaks to the frames of a page; the card frame hears it and is not concerned.
    watch.allow(r"postMessage")


def test_a_supporters_pages(stack: Stack, open_page: OpenPage, watch: Watch) -> None:
    watch.allow(r"status of (422|404)")
    page = open_page(viewport=PHONE)
    supporter = Supporter(page).visit()
    assert_clean(page, "the giving page")
    for summary in page.locator("form#give summary").all():
        summary.click()
    page.locator("label:has(input[name=frequency][value=monthly])").click()
    assert_clean(page, "the giving page with all its details")
    supporter.type_card().give()
    expect(page.locator("#summary")).to_be_visible()
    assert_clean(page, "the giving page with errors")
    supporter.tell().type_card().give().sees_thanks()
    assert_clean(page, "the thank-you page")
    wait(lambda: is_finished(1), what=state())
    for address, what in (("/ways/", "ways"), ("/ways/reply-slip/", "the reply slip"), ("/nowhere/", "a missing page")):
        page.goto(address)
        assert_clean(page, what)
    page.goto("/portal/")
    assert_clean(page, "asking for a code")
    sign_in_by_code(page, "ana@example.org")
    assert_clean(page, "the portal")


@pytest.mark.parametrize("status", ["pending", "processing", "failed", "expired"])
def test_the_thank_you_page_in_every_state(stack: Stack, open_page: OpenPage, status: str) -> None:
    gift = builders.pending_gift(status=status, changed_at=clock.now())
    page = open_page(viewport=PHONE)
    page.goto(f"/thanks/{gift.token}/")
    expect(page.locator("h1").locator("visible=true")).to_have_count(1)
    assert_clean(page, status)
    assert "ana@example.org" not in page.content()
    assert Gift.objects.get().status == status
    assert not OutgoingEmail.objects.exists()
