"""The portal: a supporter's own gifts, totals and receipts, and nobody else's."""

import hashlib
import re
from collections.abc import Iterator
from datetime import date

import pytest
import time_machine
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from donations.models import Gift, Plan, ReceiptPdf
from nonprofit import clock
from nonprofit.models import User
from tests import builders
from tests.members import people

TODAY = "2026-11-23T17:00:00+00:00"


@pytest.fixture(autouse=True)
def _today() -> Iterator[None]:
    with time_machine.travel(TODAY, tick=True):
        yield


def page(client: Client, query: str = "") -> str:
    answer = client.get(f"/portal/{query}")
    assert answer.status_code == 200
    return re.sub(r"\s+", " ", answer.content.decode())


@pytest.fixture
def ana(client: Client) -> Client:
    """Ana's browser, signed in; she gave $25.00 on the day."""
    people.gave("ana@example.org")
    people.sign_in(client, "ana@example.org")
    return client


@pytest.mark.django_db
def test_the_first_screen_answers_the_three_questions(ana: Client) -> None:
    receipt = people.receipted(Gift.objects.get())
    plan = builders.starting_plan(amount_minor=1500)
    people.gave("ana@example.org", 1500, on=date(2026, 11, 23), plan=plan, frequency="monthly")

    shown = page(ana)

    assert "You have given in 2026" in shown
    assert "$40.00" in shown
    assert "2 gifts" in shown
    assert "$15 monthly" in shown
    assert "Next on December 23" in shown
    assert "Visa ending 4242" in shown
    assert f'href="/portal/receipts/{receipt.number}/"' in shown
    assert "Receipt on its way" in shown, "of the gift that has none yet"
    assert "stop" in shown
    assert "<button" not in shown.partition("At a glance")[2], "no button that does nothing"


@pytest.mark.django_db
def test_gifts_stand_by_year_newest_first_with_totals_from_the_ledger(ana: Client) -> None:
    people.gave("ana@example.org", 10_000, on=date(2025, 12, 31), tribute="memory", tribute_name="Maria Łuczak")
    people.gave("ana@example.org", 300, on=date(2025, 1, 1))
    people.gave("ana@example.org", 5000, on=date(2024, 6, 1), fund=builders.fund(code="200", name="Investigations"))
    # A form that never was paid, and one that failed, are nothing anybody gave.
    builders.pending_gift(amount_minor=99_900, donor_email="ana@example.org")

    shown = page(ana)

    totals = re.findall(r'class="year-name">(\d+)</span> <span class="year-total">([^<]+)</span>', shown)
    assert totals == [("2026", "$25.00"), ("2025", "$103.00"), ("2024", "$50.00")]
    amounts = re.findall(r'class="gift-amount">([^<]+)</strong> <span>([^<]+)</span>', shown)
    assert amounts == [
        ("$25.00", "November 23, 2026"),
        ("$100.00", "December 31, 2025"),
        ("$3.00", "January 1, 2025"),
        ("$50.00", "June 1, 2024"),
    ]
    assert "In memory of Maria Łuczak" in shown
    assert "Investigations" in shown
    assert "$999.00" not in shown


@pytest.mark.django_db
def test_what_the_ledger_holds_counts_and_not_what_the_gift_says(ana: Client) -> None:
    gift = Gift.objects.get()
    Gift.objects.filter(pk=gift.pk).update(amount_minor=999_900)
    assert '<p class="figure-value">$25.00</p>' in page(ana)


@pytest.mark.django_db
def test_two_currencies_are_never_added(ana: Client) -> None:
    people.gave("ana@example.org", 5000, currency="jpy")
    assert '<p class="figure-value">¥5,000 + $25.00</p>' in page(ana)


@pytest.mark.django_db
def test_money_on_its_way_is_shown_as_such(ana: Client) -> None:
    builders.pending_gift(amount_minor=4200, donor_email="ana@example.org", status=Gift.Status.PROCESSING)
    builders.pending_gift(amount_minor=6600, donor_email="bob@example.org", status=Gift.Status.PROCESSING)
    shown = page(ana)
    assert "$42.00" in shown
    assert "still processing" in shown
    assert '<p class="figure-value">$25.00</p>' in shown
    assert "$66.00" not in shown


@pytest.mark.django_db
def test_a_card_that_ends_too_early_is_said_calmly(ana: Client) -> None:
    plan = builders.starting_plan(amount_minor=1500)
    people.gave("ana@example.org", 1500, plan=plan, frequency="monthly")
    Plan.objects.update(card_expires_on=date(2026, 11, 30))
    shown = page(ana)
    assert "card-amber" in shown
    assert "Your card expires before then." in shown


@pytest.mark.django_db
def test_an_ended_plan_is_no_plan(ana: Client) -> None:
    plan = builders.starting_plan(amount_minor=1500)
    people.gave("ana@example.org", 1500, plan=plan, frequency="monthly")
    Plan.objects.update(status=Plan.Status.ENDED, end=Plan.End.ASKED, ended_at=clock.now())
    assert "Your monthly gift" not in page(ana)


@pytest.mark.django_db
def test_somebody_without_gifts_reads_what_will_stand_here(client: Client) -> None:
    people.gave("ana@example.org")
    User.objects.create_user("staff@example.org", is_staff=True)
    people.sign_in(client, "staff@example.org")
    shown = page(client)
    assert "No gifts under this address yet" in shown
    assert "Give now" in shown
    assert "$25.00" not in shown


@pytest.mark.django_db
def test_names_and_notes_are_text(client: Client) -> None:
    name = '<script>alert("1")</script> 李 Łukasz عربي'
    people.gave("eve@example.org", donor_name=name, tribute="honor", tribute_name="<img src=x onerror=alert(2)>")
    people.sign_in(client, "eve@example.org")
    shown = page(client)
    assert "&lt;script&gt;alert(&quot;1&quot;)&lt;/script&gt; 李 Łukasz عربي" in shown
    assert "<script>alert" not in shown
    assert "<img src=x" not in shown


@pytest.mark.django_db
def test_the_page_costs_the_same_however_much_one_gave(ana: Client) -> None:
    people.receipted(Gift.objects.get())
    with CaptureQueriesContext(connection) as few:
        page(ana)
    for year in range(2010, 2026):
        people.gave("ana@example.org", 1000 + year, on=date(year, 5, 1))
        people.gave("ana@example.org", 2000 + year, on=date(year, 6, 1))
    people.receipted(Gift.objects.order_by("-pk")[0])
    with CaptureQueriesContext(connection) as many:
        page(ana)
    assert len(many) == len(few) == 17, [query["sql"][:90] for query in many]


@pytest.mark.django_db
def test_a_long_history_shows_the_newest_year_and_leads_to_the_others(ana: Client) -> None:
    for number in range(200):
        people.gave("ana@example.org", 10_000 + number, on=date(2025, 1 + number % 12, 1))
    shown = page(ana)
    assert "$25.00" in shown
    assert shown.count('class="gift"') == 1
    assert '<a href="?year=2025">2025</a>' in shown
    older = page(ana, "?year=2025")
    assert older.count('class="gift"') == 200
    assert "Back to all years" in older
    assert '<p class="figure-value">$25.00</p>' in older


@pytest.mark.django_db
@pytest.mark.parametrize("year", ["", "abcd", "99999999999999999999", "-1", "0000", "9999", "%00", "٢٠٢٥"])
def test_a_year_that_is_none_is_no_trouble(ana: Client, year: str) -> None:
    page(ana, f"?year={year}")


@pytest.mark.django_db
def test_the_receipt_is_the_stored_pdf_to_the_byte(ana: Client) -> None:
    receipt = people.receipted(Gift.objects.get())
    answer = ana.get(f"/portal/receipts/{receipt.number}/")
    stored = ReceiptPdf.objects.get(receipt=receipt).file
    assert answer.status_code == 200
    assert answer.content[:5] == b"%PDF-"
    assert hashlib.sha256(answer.content).hexdigest() == stored.sha256
    assert answer["Content-Type"] == "application/pdf"
    assert answer["Content-Disposition"] == f'inline; filename="receipt-{receipt.number}.pdf"'
    assert "no-store" in answer["Cache-Control"]
    assert "private" in answer["Cache-Control"]
    assert answer["X-Content-Type-Options"] == "nosniff"
    assert "Content-Security-Policy" not in answer, "browsers show a PDF with styles of their own"
    assert "Content-Security-Policy" in ana.get("/portal/")


@pytest.mark.django_db
def test_another_supporters_receipt_does_not_exist(ana: Client) -> None:
    receipt = people.receipted(people.gave("bob@example.org", 6600))
    theirs = ana.get(f"/portal/receipts/{receipt.number}/")
    nobodys = ana.get("/portal/receipts/R-2026-999999/")
    strange = ana.get("/portal/receipts/R-2026-000001'%20OR%201=1--/")
    assert theirs.status_code == nobodys.status_code == strange.status_code == 404
    assert theirs.content.replace(receipt.number.encode(), b"R-2026-999999") == nobodys.content
    assert "$66.00" not in page(ana)


@pytest.mark.django_db
def test_staff_see_no_more_than_anybody_here(client: Client) -> None:
    receipt = people.receipted(people.gave("bob@example.org", 6600))
    User.objects.create_superuser("boss@example.org")
    people.sign_in(client, "boss@example.org")
    assert client.get(f"/portal/receipts/{receipt.number}/").status_code == 404


@pytest.mark.django_db
def test_strangers_are_asked_to_sign_in(client: Client) -> None:
    receipt = people.receipted(people.gave("bob@example.org"))
    for path in ("/portal/", f"/portal/receipts/{receipt.number}/", "/portal/receipts/R-2026-999999/"):
        answer = client.get(path)
        assert answer["Location"] == f"{people.CODE_PAGE}?next={path}"
    assert client.post("/portal/").status_code == 405


@pytest.mark.django_db
def test_no_shared_computer_keeps_the_page(ana: Client) -> None:
    assert ana.get("/portal/")["Cache-Control"] == "private, no-store"
