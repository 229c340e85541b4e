"""Exports in a real browser, as Finance does them: ask, download, download again, see a large one grow; clean."""

import hashlib
import json
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from donations.models import Export, ExportDownload
from tests import builders
from tests.browser.looks import AXE_NOISE, PHONE, assert_clean
from tests.browser.signing_in import sign_in
from tests.conftest import OpenPage
from tests.donations import exported
from tests.faults.books import run
from tests.stack import Stack
from tests.watch import Watch

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.django_db]


@pytest.fixture
def books(stack: Stack) -> None:
    exported.books()


def downloaded(page: Page, button: str) -> bytes:
    with page.expect_download() as download:
        page.get_by_role("button", name=button, exact=True).click()
    return Path(download.value.path()).read_bytes()


def test_finance_exports_a_month_and_downloads_it_again(books: None, open_page: OpenPage) -> None:
    page = open_page(viewport={"width": 1280, "height": 900})
    sign_in(page, builders.staff("Finance"), "/admin/donations/export/")
    page.get_by_role("link", name="New export").click()
    page.get_by_label("Ledger lines").check()
    page.get_by_label("From", exact=True).fill("2026-01-01")
    page.get_by_label("To", exact=True).fill("2026-01-31")
    first = downloaded(page, "Export")
    # The same form again is the same export.
    assert downloaded(page, "Export") == first
    export = Export.objects.get()
    page.goto(f"/admin/donations/export/{export.pk}/change/")
    again = downloaded(page, "Download the file")
    said = json.loads(downloaded(page, "Download its control file"))
    assert hashlib.sha256(again).hexdigest() == hashlib.sha256(first).hexdigest() == said["sha256"]
    page.reload()
    expect(page.get_by_role("region", name="Downloads")).to_contain_text("control file")
    assert ExportDownload.objects.count() == 4


def test_a_large_export_shows_how_far_it_is_and_then_its_file(stack: Stack, books: None, open_page: OpenPage) -> None:
    page = open_page(viewport={"width": 1280, "height": 900})
    sign_in(page, builders.staff("Finance"), "/admin/")
    export = Export.objects.create(
        profile=Export.Profile.LEDGER, filters={"basis": "booked"}, rows_expected=900_000, made_by="command"
    )
    page.goto(f"/admin/donations/export/{export.pk}/change/")
    expect(page.get_by_text("You can leave this page")).to_be_visible()
    run(stack, "donations.tasks.sweep_exports")
    expect(page.get_by_role("button", name="Download the file")).to_be_visible(timeout=60_000)


def test_what_is_wrong_is_said(books: None, open_page: OpenPage, watch: Watch) -> None:
    watch.allow("status of 422")
    page = open_page(viewport={"width": 1280, "height": 900})
    sign_in(page, builders.staff("Finance"), "/admin/donations/export/new/")
    page.get_by_label("Schedule B list").check()
    page.get_by_role("button", name="Export", exact=True).click()
    expect(page.get_by_role("alert")).to_contain_text("Say what it is needed for")
    assert not Export.objects.exists()


def test_the_pages_are_clean(books: None, open_page: OpenPage, watch: Watch) -> None:
    watch.allow(AXE_NOISE)
    ready = exported.made(Export.Profile.LEDGER)
    page = open_page(viewport=PHONE)
    sign_in(page, builders.staff("Finance"), "/admin/donations/export/")
    for name, address in (("list", ""), ("form", "new/"), ("page", f"{ready.pk}/change/")):
        page.goto(f"/admin/donations/export/{address}")
        assert_clean(page, f"an export's {name}")
