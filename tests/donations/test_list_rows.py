"""Our rows of a list are those that Django's admin would write, letter by letter, on every list there is."""

from collections.abc import Iterator
from datetime import date
from typing import Any

import pytest
from django.contrib import admin
from django.contrib.admin.options import IS_POPUP_VAR
from django.contrib.admin.templatetags.admin_list import results
from django.db.models import Model
from django.test import Client
from pytest_django.fixtures import Settings

from donations.models import Donor, Gift
from nonprofit import admin_rows, clock
from nonprofit.admin_lists import IndexedList
from tests import builders, one_of_each

pytestmark = pytest.mark.django_db


@pytest.fixture
def client(settings: Settings) -> Client:
    settings.REQUIRE_STAFF_MFA = False
    client = Client()
    administrator = builders.staff("Administrator", is_superuser=True)
    client.force_login(administrator, backend="django.contrib.auth.backends.ModelBackend")
    return client


def lists(client: Client, query: str = "") -> Iterator[tuple[type[Model], Any]]:
    """Every table of the desk whose list can be opened and has rows, and its page."""
    for model in admin.site._registry:
        answer = client.get(f"/admin/{model._meta.app_label}/{model._meta.model_name}/{query}")
        # Some tables' list is a page of its own, or leads elsewhere.
        if answer.status_code == 200 and answer.context is not None and "cl" in answer.context:
            yield model, answer


def joined(rows: Any) -> list[str]:
    return ["".join(row) for row in rows]


@pytest.mark.parametrize("query", ["", "?o=1", "?q=a"])
def test_every_list_is_written_as_django_would(client: Client, query: str) -> None:
    one_of_each.rows()
    seen = 0
    for model, answer in lists(client, query):
        listed = answer.context["cl"]
        assert isinstance(listed, IndexedList), model
        as_django = joined(results(listed))
        assert joined(admin_rows.rows(listed)) == as_django, model
        page = answer.content.decode()
        assert all(f"<tr>{row}</tr>" in page for row in as_django), model
        seen += len(as_django)
    assert seen > 10 if query else seen > 40


def test_what_is_missing_strange_or_empty_is_written_as_django_would(client: Client) -> None:
    builders.donor(name="<b>O'Brien & Sons</b>", email=None, city="", kind="organization")
    builders.donor(name="   ", kind="no such kind", created_at=clock.now())
    builders.pending_gift(donor_name="“Ana” <Łukasz>")
    builders.settled_gift(gift_on=date(2024, 2, 29))
    for model in (Donor, Gift):
        listed = client.get(f"/admin/donations/{model._meta.model_name}/").context["cl"]
        assert len(listed.result_list) >= 2
        assert joined(admin_rows.rows(listed)) == joined(results(listed))


def test_a_list_in_a_window_of_its_own_is_djangos(client: Client) -> None:
    builders.donor(name="Ana Silva")
    page = client.get(f"/admin/donations/donor/?{IS_POPUP_VAR}=1").content.decode()
    assert "data-popup-opener" in page
    assert "Ana Silva" in page
