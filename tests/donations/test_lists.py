"""The lists of the desk: no row lost or doubled from page to page, as many queries on the last page as on the first."""

from datetime import date, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from pytest_django.fixtures import Settings

from donations.models import Gift, GiftDetail, SoftCredit
from nonprofit import clock
from tests import builders

pytestmark = pytest.mark.django_db
LIST = "/admin/donations/gift/"
PAGE = 50


@pytest.fixture
def client(settings: Settings) -> Client:
    settings.REQUIRE_STAFF_MFA = False
    builders.campaign()
    client = Client()
    client.force_login(builders.staff("Finance"), backend="django.contrib.auth.backends.ModelBackend")
    return client


def gifts(count: int) -> None:
    """Gifts of three amounts and four days, many begun at one instant; every seventh unpaid and without a date."""
    donor, now = builders.donor(), clock.now()
    rows = []
    for number in range(count):
        is_paid = number % 7 != 0
        rows.append(
            Gift(
                amount_minor=(1000, 2500, 5000)[number % 3],
                campaign=builders.campaign(),
                fund=builders.fund(),
                donor=donor if is_paid else None,
                donor_name=f"Donor {number}",
                status="settled" if is_paid else "failed",
                gift_on=date(2026, 11, 1 + number % 4) if is_paid else None,
                gift_date_basis="charge" if is_paid else "",
                settled_at=now if is_paid else None,
                started_at=now - timedelta(minutes=number // 30),
            )
        )
    Gift.objects.bulk_create(rows)


def pages(client: Client, query: dict[str, str], turn: str) -> list[list[int]]:
    """The keys on each page, from the first to the last by "Next" or from the last to the first by "Previous"."""
    found, start = [], {} if turn == "Next" else {"last": ""}
    address = LIST + "?" + "&".join(f"{name}={value}" for name, value in {**query, **start}.items())
    while True:
        listed = client.get(address).context["cl"]
        found.append([gift.pk for gift in listed.result_list])
        links = {one.label: one.url for one in listed.turns}
        if turn not in links:
            return found
        address = LIST + links[turn]
        assert len(found) < 20


COLUMNS = ("public", "date", "supporter", "amount_shown")
SORTED = [
    ({}, ["-started_at", "-pk"]),
    ({"o": "1"}, ["gift_on", "pk"]),
    ({"o": "-1"}, ["-gift_on", "-pk"]),
    ({"o": "3"}, ["amount_minor", "pk"]),
    ({"o": "-3"}, ["-amount_minor", "-pk"]),
    ({"o": "3.-1"}, ["amount_minor", "-gift_on", "-pk"]),
    ({"status__exact": "settled"}, ["-started_at", "-pk"]),
    ({"gift_on_from": "2026-11-02", "gift_on_to": "2026-11-03"}, ["-gift_on", "-pk"]),
]


@pytest.mark.parametrize(("query", "order"), SORTED)
def test_no_row_is_lost_or_doubled_from_page_to_page(client: Client, query: dict[str, str], order: list[str]) -> None:
    gifts(163)
    expected = Gift.objects.order_by(*order)
    if "status__exact" in query:
        expected = expected.filter(status="settled")
    if "gift_on_from" in query:
        expected = expected.filter(gift_on__range=("2026-11-02", "2026-11-03"))
    keys = list(expected.values_list("pk", flat=True))
    query = {name: _column(client, value) if name == "o" else value for name, value in query.items()}

    forward, backward = pages(client, query, "Next"), pages(client, query, "Previous")

    assert [key for page in forward for key in page] == keys
    assert [key for page in reversed(backward) for key in page] == keys
    assert {len(page) for page in forward[:-1]} <= {PAGE}


def _column(client: Client, typed: str) -> str:
    """Sorting by numbers of COLUMNS as the list numbers them."""
    shown = client.get(LIST).context["cl"].list_display

    def numbered(part: str) -> str:
        return part[: part.startswith("-")] + str(shown.index(COLUMNS[int(part.lstrip("-"))]))

    return ".".join(numbered(part) for part in typed.split("."))


def test_a_gift_that_arrives_meanwhile_pushes_no_row_over_the_edge(client: Client) -> None:
    gifts(120)
    keys = list(Gift.objects.order_by("-started_at", "-pk").values_list("pk", flat=True))
    first = client.get(LIST).context["cl"]
    builders.booked_gift()
    second = client.get(LIST + first.turns[0].url).context["cl"]
    assert [gift.pk for gift in second.result_list] == keys[PAGE : 2 * PAGE]


@pytest.mark.parametrize("start", ["after=99999999", "before=99999999", "after="])
def test_a_row_that_is_gone_leads_to_the_beginning(client: Client, start: str) -> None:
    gifts(60)
    newest = list(Gift.objects.order_by("-started_at", "-pk").values_list("pk", flat=True)[:PAGE])
    shown = [gift.pk for gift in client.get(f"{LIST}?{start}").context["cl"].result_list]
    assert shown == newest


def test_nonsense_in_the_address_is_sent_away(client: Client) -> None:
    assert client.get(f"{LIST}?after=x").status_code == 302
    assert client.get(f"{LIST}?after=x", follow=True).status_code == 200


def test_the_pager_keeps_search_and_filters_and_filters_forget_the_page(client: Client) -> None:
    gifts(130)
    listed = client.get(LIST, {"status__exact": "settled", "q": "Donor"}).context["cl"]
    [following] = [turn for turn in listed.turns if turn.label == "Next"]
    assert "status__exact=settled" in following.url
    assert "q=Donor" in following.url
    second = client.get(LIST + following.url)
    assert [turn.label for turn in second.context["cl"].turns][:2] == ["First", "Previous"]
    assert "after" not in second.context["cl"].get_query_string({"status__exact": "failed"})
    assert 'rel="prev"' in second.content.decode()


def test_the_last_page_asks_as_little_as_the_first(client: Client) -> None:
    gifts(160)
    middle = Gift.objects.order_by("-started_at", "-pk")[70].pk

    def asked(query: str) -> int:
        with CaptureQueriesContext(connection) as queries:
            assert client.get(LIST + query).status_code == 200
        assert not [one["sql"] for one in queries.captured_queries if "OFFSET" in one["sql"]]
        return len(queries)

    first = asked("")
    assert asked("?last") == first
    # Where it begins, and one more range: rows alike in the sorted column.
    assert asked(f"?after={middle}") <= first + 2
    assert asked(f"?before={middle}") <= first + 2


# --- what a gift of the desk looks like ------------------------------------------------------------------------------


def offline(kind: str, *, amount_minor: int = 0, **facts: Any) -> Gift:
    gift = builders.settled_gift(kind=kind, amount_minor=amount_minor, card_brand="", card_last4="")
    GiftDetail.objects.create(gift=gift, **facts)
    return gift


def test_property_is_told_in_words_and_never_as_nothing(client: Client) -> None:
    shares = offline("stock", ticker="ACME", quantity="50", internal_value_minor=123_400)
    offline("in_kind", property_description="Office chairs", received_on=date(2026, 11, 20))
    text = client.get(LIST).content.decode()
    assert "50 shares of ACME" in text
    assert "Office chairs" in text
    page = client.get(f"{LIST}{shares.pk}/change/").content.decode()
    assert "50 shares of ACME" in page
    assert "$1,234.00" in page  # what the books carry it at
    assert "$0.00" not in text + page


def test_a_checks_page_holds_what_the_desk_recorded(client: Client) -> None:
    gift = offline(
        "check",
        amount_minor=2500,
        check_number="1042",
        sent_by="usps",
        payer_name="A. & L. Silva",
        received_on=date(2026, 11, 20),
        proposed_gift_on=date(2026, 11, 18),
        date_reason="The postmark is smudged.",
    )
    SoftCredit.objects.create(gift=gift, donor=builders.donor(name="Luis Silva"), role="spouse")
    text = client.get(f"{LIST}{gift.pk}/change/").content.decode()
    for part in (
        "1042",
        "U.S. mail",
        "A. &amp; L. Silva",
        "The postmark is smudged.",
        "2026-11-18",
        "Luis Silva",
        "spouse",
    ):
        assert part in text, part
    assert "Attempts" not in text


def test_kinds_are_chosen_in_the_list(client: Client) -> None:
    check = offline("check", amount_minor=2500)
    builders.booked_gift()
    listed = client.get(LIST, {"kind__exact": "check"}).context["cl"].result_list
    assert [gift.pk for gift in listed] == [check.pk]
