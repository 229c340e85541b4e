"""Imports in a real browser, as Finance does them: upload, columns, preview, apply, undo; at both widths, clean."""

import re
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from donations.models import Donor, Gift, GiftImport
from tests import builders
from tests.browser.looks import AXE_NOISE, PHONE, assert_clean
from tests.browser.signing_in import sign_in
from tests.conftest import OpenPage
from tests.donations import import_files
from tests.stack import Stack
from tests.watch import Watch

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.django_db]


@pytest.fixture
def newsroom(stack: Stack) -> None:
    builders.campaign()


def upload(page: Page, path: Path) -> None:
    page.goto("/admin/donations/giftimport/")
    page.get_by_role("link", name="Import gifts from a file").click()
    page.get_by_label("Where it comes from").select_option("fundraiseup")
    page.get_by_label("File").set_input_files(path)
    page.get_by_role("button", name="Upload").click()
    expect(page.get_by_role("heading", name="Which column is what?")).to_be_visible()


def test_finance_imports_a_file_and_undoes_it(
    newsroom: None, stack: Stack, open_page: OpenPage, tmp_path: Path
) -> None:
    planted = import_files.generate(tmp_path / "gifts.csv", rows=600, faults=20)
    page = open_page(viewport={"width": 1280, "height": 900})
    sign_in(page, builders.staff("Finance"), "/admin/")
    upload(page, planted.path)
    expect(page.get_by_label("Gift's id")).to_have_value("Donation ID")
    page.get_by_role("button", name="Check the file").click()

    button = page.get_by_role("button", name="Bring in 580 gifts")
    expect(button).to_be_visible(timeout=20_000)
    line, (column, words) = next(iter(planted.faults.items()))
    rows = page.get_by_role("region", name="Rows that are left out")
    expect(rows.get_by_role("row", name=re.compile(rf"^{line} {column}.*{words}"))).to_be_visible()
    with page.expect_download() as download:
        page.get_by_role("link", name="Problem list (CSV)").click()
    assert len(Path(download.value.path()).read_text().splitlines()) == 21
    assert Gift.objects.count() == 0

    button.click()
    expect(page.get_by_role("heading", name="It is in")).to_be_visible(timeout=20_000)
    assert Gift.objects.count() == 580
    page.get_by_role("button", name="Undo this import").click()
    expect(page.get_by_text("Everything that came with it is gone again")).to_be_visible(timeout=20_000)
    assert Gift.objects.count() == Donor.objects.count() == 0
    assert GiftImport.objects.get().state == "undone"


def test_what_is_wrong_is_said_at_the_field(
    newsroom: None, stack: Stack, open_page: OpenPage, watch: Watch, tmp_path: Path
) -> None:
    watch.allow("status of 422")
    page = open_page(viewport={"width": 1280, "height": 900})
    sign_in(page, builders.staff("Finance"), "/admin/donations/giftimport/upload/")
    (tmp_path / "empty.csv").write_text("")
    page.get_by_label("File").set_input_files(tmp_path / "empty.csv")
    page.get_by_role("button", name="Upload").click()
    expect(page.locator(".errorlist")).to_contain_text("empty")
    upload(page, import_files.generate(tmp_path / "gifts.csv", rows=5, faults=0).path)
    page.get_by_label("Amount", exact=True).select_option("")
    page.get_by_role("button", name="Check the file").click()
    expect(page.locator(".errorlist")).to_contain_text("Say which column holds the amount")
    watch.allow(AXE_NOISE)
    assert_clean(page, "columns with an error")


def test_its_pages_are_clean(newsroom: None, stack: Stack, open_page: OpenPage, watch: Watch, tmp_path: Path) -> None:
    planted = import_files.generate(tmp_path / "gifts.csv", rows=300, faults=20)
    watch.allow(AXE_NOISE)
    page = open_page(viewport=PHONE)
    sign_in(page, builders.staff("Finance"), "/admin/donations/giftimport/")
    expect(page.get_by_text("Nothing has been imported yet")).to_be_visible()
    assert_clean(page, "no imports yet")
    page.goto("/admin/donations/giftimport/upload/")
    assert_clean(page, "the upload")
    upload(page, planted.path)
    assert_clean(page, "the columns")
    page.get_by_role("button", name="Check the file").click()
    button = page.get_by_role("button", name="Bring in 280 gifts")
    expect(button).to_be_visible(timeout=20_000)
    assert_clean(page, "the preview")
    button.click()
    expect(page.get_by_role("heading", name="It is in")).to_be_visible(timeout=20_000)
    assert_clean(page, "an applied import")
    page.goto("/admin/donations/giftimport/")
    assert_clean(page, "the list")
