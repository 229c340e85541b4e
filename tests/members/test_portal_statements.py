"""Yearly statements in the portal: the one that stands to fetch, older ones named as replaced, nobody else's."""

import re
from collections.abc import Iterator
from datetime import date

import pytest
import time_machine
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from donations import reversals
from donations.desk import merging
from donations.models import Donor
from tests import builders
from tests.donations import yearly
from tests.members import people

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _january() -> Iterator[None]:
    with time_machine.travel(yearly.JANUARY, tick=True):
        yield


def page(client: Client) -> str:
    return re.sub(r"\s+", " ", client.get("/portal/").content.decode())


def test_the_statement_stands_in_its_year_and_a_newer_one_replaces_it(client: Client) -> None:
    ana = yearly.supporter(email="ana@example.org")
    check = yearly.gave("check", donor=ana)
    yearly.gave("check", donor=ana, on=date(2026, 5, 5))
    people.sign_in(client, "ana@example.org")
    assert "Statement" not in page(client)
    yearly.due(ana)
    yearly.issued()
    first = yearly.stated(ana).receipt

    assert f'<a href="/portal/receipts/{first.number}/">Statement for 2026' in page(client)
    fetched = client.get(f"/portal/receipts/{first.number}/")
    assert fetched.content == bytes(first.pdf.file.content)
    assert fetched["Content-Disposition"] == f'inline; filename="statement-{first.number}.pdf"'

    reversals.reverse(check.pk, reason="bounced", noticed_on=date(2027, 1, 19), actor="staff:1")
    yearly.issued()

    second = yearly.stated(ana).receipt
    shown = page(client)
    assert f'<a href="/portal/receipts/{second.number}/">Statement for 2026' in shown
    assert f"Statement <span>{first.number}</span> is replaced" in shown
    gone = client.get(f"/portal/receipts/{first.number}/")
    assert gone.status_code == 410
    assert f"Open statement {second.number}" in gone.content.decode()


def test_what_was_stated_of_merged_records_stays_reachable(client: Client) -> None:
    kept, gone, before = (yearly.supporter(email=f"{name}@example.org") for name in ("ana", "anna", "a"))
    clerk = builders.staff("Administrator")
    for donor in (kept, gone, before):
        yearly.gave("check", donor=donor)
    yearly.due(kept, gone, before)
    yearly.issued()
    merging.merge(gone.pk, before.pk, user=clerk)
    people.sign_in(client, "ana@example.org")
    merging.merge(Donor.objects.get(email="ana@example.org").pk, gone.pk, user=clerk)

    for donor in (kept, gone, before):
        number = yearly.stated(donor).receipt.number
        assert number in page(client)
        assert client.get(f"/portal/receipts/{number}/").status_code == 200


def test_a_strangers_statement_is_not_there(client: Client) -> None:
    ana = yearly.supporter(email="ana@example.org")
    yearly.gave("check", donor=ana)
    yearly.due(ana)
    yearly.issued()
    people.gave("bob@example.org")
    people.sign_in(client, "bob@example.org")
    number = yearly.stated(ana).receipt.number
    assert client.get(f"/portal/receipts/{number}/").status_code == 404
    assert number not in page(client)


def test_more_statements_cost_no_more_queries(client: Client) -> None:
    ana = yearly.supporter(email="ana@example.org")
    for year in (2024, 2025, 2026):
        yearly.gave("check", donor=ana, on=date(year, 3, 3))
    people.sign_in(client, "ana@example.org")
    yearly.due(ana)
    yearly.issued()
    with CaptureQueriesContext(connection) as one:
        page(client)
    yearly.due(ana, year=2025)
    yearly.due(ana, year=2024)
    yearly.issued()
    with CaptureQueriesContext(connection) as three:
        page(client)
    assert len(three) == len(one)
