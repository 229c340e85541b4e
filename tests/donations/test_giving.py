"""The giving form from outside: what it refuses and in which words, before anything exists at Stripe."""

from uuid import uuid4

import pytest

from donations.models import Gift
from sandbox.server import Sandbox
from tests import builders
from tests.donations.visitor import Visitor, asked

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def campaign() -> None:
    builders.campaign()


@pytest.fixture
def visitor() -> Visitor:
    return Visitor()


# --- amounts --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "field", "words"),
    [
        ({"amount": ""}, "amount", "Choose an amount"),
        ({"amount": "2501"}, "amount", "Choose an amount"),
        ({"amount": "-2500"}, "amount", "Choose an amount"),
        ({"amount": "x" * 5000}, "amount", "Choose an amount"),
        # A suggestion for once is none for monthly.
        ({"amount": "10000", "frequency": "monthly"}, "amount", "Choose an amount"),
        ({"amount": "other"}, "other_amount", "Enter an amount in numbers"),
        ({"amount": "other", "other_amount": "ten"}, "other_amount", "Enter an amount in numbers"),
        ({"amount": "other", "other_amount": "25,50"}, "other_amount", "Enter an amount in numbers"),
        ({"amount": "other", "other_amount": "1e9"}, "other_amount", "Enter an amount in numbers"),
        ({"amount": "other", "other_amount": "9" * 5000}, "other_amount", "Enter an amount in numbers"),
        ({"amount": "other", "other_amount": "-5"}, "other_amount", "above zero"),
        ({"amount": "other", "other_amount": "0"}, "other_amount", "above zero"),
        ({"amount": "other", "other_amount": "10.001"}, "other_amount", "two digits"),
        ({"amount": "other", "other_amount": "0.99"}, "other_amount", "smallest gift we can take by card is $1"),
        ({"amount": "other", "other_amount": "50000.01"}, "other_amount", "up to $50,000"),
        ({"frequency": "daily"}, "frequency", "Choose once, monthly or yearly"),
        ({"frequency": ""}, "frequency", "Choose once, monthly or yearly"),
    ],
)
def test_refuses_a_wrong_amount_beside_its_field(
    visitor: Visitor, stripe_sandbox: Sandbox, changes: dict[str, str], field: str, words: str
) -> None:
    reply = visitor.send(**changes)
    assert reply.status_code == 422
    assert list(reply.json()["errors"]) == [field]
    assert words in reply.json()["errors"][field][0]
    assert not Gift.objects.exists()
    assert asked(stripe_sandbox) == 0


# --- words ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"name": ""}, "Enter your name"),
        ({"name": " \x00\u2028 "}, "Enter your name"),
        ({"name": "Ł" * 10_000}, "Shorten this to 200 characters; it has 10000."),
        ({"note": "x" * 10_000}, "Shorten this to 1000 characters; it has 10000."),
        ({"city": "x" * 81}, "Shorten this to 80 characters; it has 81."),
        ({"email": ""}, "Enter your e-mail"),
        ({"email": "ana"}, "like name@example.org"),
        ({"email": "ana@example.org, bob@example.org"}, "like name@example.org"),
        ({"email": "李@example.org"}, "like name@example.org"),
        ({"email": "a@" + "b." * 130 + "org"}, "too long"),
        ({"country": "XX"}, "Choose a country"),
        ({"country": "<script>"}, "Choose a country"),
        ({"tribute": "honor"}, "Enter the name of the person"),
        ({"tribute": "sideways"}, "Choose in honor or in memory"),
    ],
)
def test_says_what_is_wrong_with_the_words(
    visitor: Visitor, stripe_sandbox: Sandbox, changes: dict[str, str], words: str
) -> None:
    reply = visitor.send(**changes)
    assert reply.status_code == 422
    [texts] = reply.json()["errors"].values()
    assert words in texts[0]
    assert not Gift.objects.exists()
    assert asked(stripe_sandbox) == 0


@pytest.mark.parametrize("number", ["4242424242424242", "4242 4242 4242 4242", "3782-822463-10005", "5555555555554444"])
@pytest.mark.parametrize("field", ["name", "note", "address_line1", "phone", "tribute_name", "postal_code"])
def test_no_card_number_is_taken_in_a_text(visitor: Visitor, field: str, number: str) -> None:
    reply = visitor.send(**{field: number if field == "postal_code" else f"card: {number}, 12/34"})
    assert reply.status_code == 422
    assert "card number" in reply.json()["errors"][field][0]
    assert not Gift.objects.exists()


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b"name=\xff\xfe&amount=2500", "application/x-www-form-urlencoded"),
        (b"name=%FF%FE&amount=2500", "application/x-www-form-urlencoded"),
        ("name=Ana".encode("utf-16"), "application/x-www-form-urlencoded; charset=utf-16"),
        (b"--x\r\nnonsense", "multipart/form-data"),
    ],
)
def test_a_body_that_is_no_text_is_answered_in_a_sentence(visitor: Visitor, body: bytes, kind: str) -> None:
    reply = visitor.generic("POST", "/give/", body, content_type=kind)
    assert reply.status_code == 400
    assert "Nothing was charged" in reply.content.decode()
    assert not Gift.objects.exists()


# --- without scripts ------------------------------------------------------------------------------------------


def test_without_scripts_errors_stand_by_their_fields_and_nothing_is_lost(visitor: Visitor) -> None:
    reply = visitor.send_plainly(
        name="", email="ana@", note='<script>alert("x")</script>', amount="other", other_amount="12"
    )
    html = reply.content.decode()
    assert reply.status_code == 422
    assert '<a href="#name">Enter your name' in html
    assert 'id="name-error">Enter your name' in html
    assert html.count('aria-invalid="true"') == 2
    assert 'value="ana@"' in html
    assert 'value="12"' in html
    assert "<script>alert" not in html
    assert "&lt;script&gt;alert(&quot;x&quot;)&lt;/script&gt;" in html


def test_without_scripts_a_valid_form_is_told_how_else_to_give(visitor: Visitor, stripe_sandbox: Sandbox) -> None:
    attempt = str(uuid4())
    reply = visitor.send_plainly(attempt=attempt, name="Ana Łukasz", frequency="yearly", amount="12000")
    html = reply.content.decode()
    assert "needs JavaScript" in html
    assert "Nothing was charged" in html
    assert 'value="Ana Łukasz"' in html
    assert f'value="{attempt}"' in html
    assert not Gift.objects.exists()
    assert asked(stripe_sandbox) == 0
