"""The thank-you page tells the truth of the moment, to nobody more than it must, and hurries it along."""

from datetime import date, timedelta
from uuid import uuid4

import pytest
import redis
from django.conf import settings
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from donations import waiting
from donations.models import Gift, Receipt, ReceiptPdf
from nonprofit import clock
from nonprofit.models import StoredFile
from tests import builders

pytestmark = pytest.mark.django_db

TITLES = {
    "pending": "One moment",
    "processing": "One moment",
    "settled": "Thank you for your gift",
    "failed": "Your card was declined",
    "expired": "This gift was not finished",
}


def waiting_messages() -> int:
    """How many tasks wait in the queue."""
    with redis.Redis.from_url(settings.REDIS_URL) as client:
        return int(client.llen("celery"))


@pytest.mark.parametrize("status", [name for name in TITLES if name != "settled"])
def test_each_state_has_its_own_words(client: Client, status: str) -> None:
    gift = builders.pending_gift(status=status, tribute="honor", tribute_name="Maria", note="Hush", donor_phone="555-1")
    html = client.get(f"/thanks/{gift.token}/").content.decode()
    shown = [part for part in html.split("<section data-when=")[1:] if " hidden>" not in part.split("\n")[0]]
    assert len(shown) == 1
    assert TITLES[status] in shown[0]
    for private in ("Ana Silva", "ana@example.org", "Maria", "Hush", "555-1"):
        assert private not in html


def test_a_gift_that_repeats_says_when_and_where_to_change_it(client: Client) -> None:
    gift = builders.settled_gift(frequency="monthly", plan=builders.plan(next_due_on=date(2031, 1, 15)))
    page = client.get(f"/thanks/{gift.token}/").content.decode()
    assert "monthly, until you stop; the next time is January 15, 2031." in page
    assert 'You can change, pause or stop it at any time <a href="/portal/">in your portal</a>' in page


def test_a_settled_gift_with_its_receipt(client: Client, django_assert_num_queries: DjangoAssertNumQueries) -> None:
    gift = builders.settled_gift(amount_minor=2606, covered_fee_minor=106)
    told = client.get(f"/thanks/{gift.token}/status/").json()
    assert told == {
        "state": "settled",
        "receipt": None,
        "receipt_state": "due",
        "message": "Thank you. Your gift has arrived.",
    }
    receipt = Receipt.objects.create(series="R", year=2026, sequence=7, number="R-2026-000007", gift=gift, snapshot={})
    Gift.objects.filter(pk=gift.pk).update(receipt=receipt)
    assert client.get(f"/thanks/{gift.token}/status/").json()["receipt_state"] == "numbered"
    ReceiptPdf.objects.create(receipt=receipt, file=StoredFile.keep(b"%PDF", "application/pdf"))
    with django_assert_num_queries(1):
        told = client.get(f"/thanks/{gift.token}/status/").json()
    assert (told["receipt"], told["receipt_state"]) == ("R-2026-000007", "sent")
    with django_assert_num_queries(2):
        html = client.get(f"/thanks/{gift.token}/").content.decode()
    for fact in (
        "R-2026-000007",
        "$26.06",
        "$1.06",
        "a…@example.org",
        "Make it monthly",
        "/ways/#match",
        "You keep a reporter",
    ):
        assert fact in html
    assert "ana@example.org" not in html


def test_only_its_holder_sees_it_and_nobody_keeps_it(client: Client) -> None:
    gift = builders.settled_gift()
    reply = client.get(f"/thanks/{gift.token}/")
    assert "no-store" in reply["Cache-Control"]
    assert reply["X-Robots-Tag"] == "noindex"
    assert reply["Referrer-Policy"] == "no-referrer"
    assert "no-store" in client.get(f"/thanks/{gift.token}/status/")["Cache-Control"]
    assert client.get(f"/thanks/{uuid4()}/").status_code == 404
    assert client.get(f"/thanks/{uuid4()}/status/").status_code == 404
    assert client.post(f"/thanks/{gift.token}/").status_code == 405


@pytest.mark.parametrize(("status", "asks"), [("pending", 1), ("processing", 1), ("failed", 1), ("expired", 0)])
def test_a_late_webhook_is_asked_after_once_in_a_while(client: Client, status: str, asks: int) -> None:
    long_ago = clock.now() - waiting.PATIENCE - timedelta(seconds=1)
    gift = builders.pending_gift(status=status, changed_at=long_ago)
    before = waiting_messages()
    for _ in range(4):
        assert client.get(f"/thanks/{gift.token}/status/").json()["state"] == status
    assert waiting_messages() - before == asks


def test_a_gift_of_this_moment_is_not_asked_after(client: Client) -> None:
    gift = builders.pending_gift(changed_at=clock.now())
    before = waiting_messages()
    client.get(f"/thanks/{gift.token}/status/")
    assert waiting_messages() == before


@pytest.mark.parametrize(
    ("email", "masked"), [("ana@example.org", "a…@example.org"), ("a@b.org", "a…@b.org"), ("", ""), ("none", "")]
)
def test_an_address_is_masked(email: str, masked: str) -> None:
    assert waiting.masked(email) == masked
