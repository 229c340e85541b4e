"""Supporters at the desk in a real browser: clean under axe at both widths, by day and night, and merged by hand."""

import pytest
from playwright.sync_api import expect

from donations.models import Donor, DonorEmail, DonorMerge, DonorNote, Gift, Tag
from tests import builders
from tests.browser.looks import AXE_NOISE, PHONE, assert_clean, visit
from tests.browser.signing_in import sign_in
from tests.conftest import OpenPage
from tests.stack import Stack
from tests.watch import Watch

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.django_db]


@pytest.fixture
def two(stack: Stack) -> tuple[Donor, Donor]:
    """Two records of one supporter, with gifts, a note and a tag."""
    builders.campaign()
    place = {"city": "Port Haven", "region": "ME", "postal_code": "04000", "address_line1": "12 Elm Street"}
    kept = builders.donor(name="Ana Silva", email="ana@example.org", phone="(207) 555-0142", **place)
    gone = builders.donor(
        name="Anna Silva",
        email="anna.silva@work.example",
        addressee="Ana and Luis Silva",
        is_not_mailed=True,
        **{**place, "address_line1": "12 Elm St."},
    )
    builders.receipted_gift(donor_email="anna.silva@work.example", donor_name="Anna Silva")
    DonorEmail.objects.create(donor=gone, email="anna@old.example", purpose="former")
    DonorNote.objects.create(donor=gone, text="Reads the harbor pages first.", author=builders.staff())
    Tag.objects.create(name="letter writer").donors.add(gone)
    return kept, gone


def pages(kept: Donor, gone: Donor) -> dict[str, str]:
    return {
        "a supporter": f"{gone.pk}/change/",
        "the form": f"{gone.pk}/edit/",
        "a new one": "add/",
        "the list": "",
        "pairs": "duplicates/",
        "the search for the other": f"{kept.pk}/merge/?q=silva",
        "nobody found": f"{kept.pk}/merge/?q=zzzz",
        "the preview": f"{kept.pk}/merge/{gone.pk}/",
    }


def test_supporters_pages_are_clean(two: tuple[Donor, Donor], open_page: OpenPage, watch: Watch) -> None:
    page = open_page(viewport=PHONE)
    sign_in(page, builders.staff("Staff"), "/admin/")
    visit(page, watch, {what: f"/admin/donations/donor/{address}" for what, address in pages(*two).items()})


def test_two_records_become_one_and_two_again_with_the_keyboard(
    two: tuple[Donor, Donor], open_page: OpenPage, watch: Watch
) -> None:
    kept, gone = two
    page = open_page(viewport={"width": 1280, "height": 900})
    sign_in(page, builders.staff("Staff"), "/admin/donations/donor/duplicates/")
    expect(page.get_by_text("same street and ZIP, name one letter apart")).to_be_visible()
    page.get_by_role("link", name="Compare Ana Silva and Anna Silva").press("Enter")
    expect(page.get_by_text("Gifts: 1")).to_be_visible()
    page.get_by_role("radio", name="Anna Silva", exact=True).press("Space")
    page.get_by_label("Reason").fill("She called: the same person")
    page.keyboard.press("Enter")
    expect(page.locator(".messagelist")).to_contain_text("is one record now")
    expect(page.get_by_role("heading", level=1)).to_have_text("Anna Silva")
    expect(page.get_by_text("No paper mail")).to_be_visible()
    assert Gift.objects.get().donor == kept
    page.get_by_role("link", name="Take it back").press("Enter")
    page.get_by_label("Reason").fill("Mother and daughter")
    watch.allow(AXE_NOISE)
    assert_clean(page, "taking a merge back")
    page.get_by_role("button", name="Take the merge back").press("Enter")
    expect(page.locator(".messagelist")).to_contain_text("stands by itself again")
    assert Gift.objects.get().donor == gone
    assert DonorMerge.objects.get().undone_at is not None


def test_an_error_loses_nothing_typed(two: tuple[Donor, Donor], open_page: OpenPage, watch: Watch) -> None:
    kept, _ = two
    page = open_page(viewport={"width": 390, "height": 844})
    sign_in(page, builders.staff("Staff"), f"/admin/donations/donor/{kept.pk}/edit/")
    page.get_by_label("Legal name").fill("Ana Silva-Reyes")
    page.locator("input[name=email]").fill("anna@old.example")
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.locator(".errorlist")).to_contain_text("It belongs to Anna Silva")
    expect(page.locator("input[name=name]")).to_have_value("Ana Silva-Reyes")
    watch.allow(AXE_NOISE)
    assert_clean(page, "the form with an error")
