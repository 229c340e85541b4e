"""The giving form from outside: what it takes, what it refuses and in which words, and when it goes to Stripe."""

import logging
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.core.cache import cache
from django.test import Client

from donations import pages, throttle
from donations.models import Donor, Gift, Plan
from nonprofit import clock
from nonprofit.money import fee
from sandbox.server import Sandbox
from tests import builders
from tests.donations.visitor import JSON, Visitor, fields

pytestmark = [pytest.mark.django_db(transaction=True)]


@pytest.fixture(autouse=True)
def campaign() -> None:
    builders.campaign()
    # Each test has a database of its own, and its content may have the version of another's.
    pages._kept.clear()
    cache.clear()


@pytest.fixture
def visitor() -> Visitor:
    return Visitor()


def intents(sandbox: Sandbox) -> list[dict[str, Any]]:
    return list(sandbox.store.newest_first("payment_intent"))


def asked(sandbox: Sandbox) -> int:
    """How often anything was asked of Stripe."""
    return len(sandbox.journal.after())


# --- a gift ---------------------------------------------------------------------------------------------------


def test_a_valid_form_opens_one_payment(visitor: Visitor, stripe_sandbox: Sandbox) -> None:
    reply = visitor.send(email=" Ana@Example.ORG ", note="For the schools desk", newsletter="on")
    assert reply.status_code == 200
    gift = Gift.objects.get()
    assert reply.json() == {
        "client_secret": intents(stripe_sandbox)[0]["client_secret"],
        "amount_minor": 2500,
        "currency": "usd",
        "thanks_url": f"/thanks/{gift.token}/",
    }
    assert (gift.status, gift.donor_email, gift.wants_newsletter) == ("pending", "ana@example.org", True)
    # Testers of stolen cards type real people's addresses: nobody becomes a supporter before the money arrives.
    assert not Donor.objects.exists()
    assert len(intents(stripe_sandbox)) == 1


def test_the_same_form_twice_is_one_gift(visitor: Visitor, stripe_sandbox: Sandbox) -> None:
    form = fields()
    replies = [visitor.post("/give/", form, headers={"accept": JSON}).json() for _ in range(2)]
    assert replies[0] == replies[1]
    assert (Gift.objects.count(), len(intents(stripe_sandbox))) == (1, 1)


def test_an_attempt_that_is_no_id_makes_a_new_gift(visitor: Visitor, stripe_sandbox: Sandbox) -> None:
    for attempt in ("", "1", "x" * 5000, "'; DROP TABLE"):
        assert visitor.send(attempt=attempt).status_code == 200
    assert Gift.objects.count() == 4


def test_monthly_keeps_the_words_of_consent_and_a_customer(visitor: Visitor, stripe_sandbox: Sandbox) -> None:
    assert visitor.send(frequency="monthly", amount="1500", cover_fee="on").status_code == 200
    plan, intent = Plan.objects.get(), intents(stripe_sandbox)[0]
    assert (plan.amount_minor, plan.is_fee_covered, plan.interval) == (1500, True, "month")
    assert "$15.76" in plan.consent_text
    assert (intent["amount"], intent["setup_future_usage"]) == (1576, "off_session")
    assert intent["customer"] == plan.stripe_customer_id != ""


@pytest.mark.parametrize("net", [100, 101, 2500, 9999, 333_333])
def test_a_covered_fee_leaves_exactly_the_gift(visitor: Visitor, stripe_sandbox: Sandbox, net: int) -> None:
    visitor.send(amount="other", other_amount=f"{net // 100}.{net % 100:02d}", cover_fee="on")
    gift = Gift.objects.get()
    made = gift.campaign
    assert made is not None
    price = {"percent": made.fee_percent, "fixed_minor": made.fee_fixed_minor}
    assert gift.amount_minor - fee(gift.amount_minor, **price) >= net
    assert (gift.amount_minor - 1) - fee(gift.amount_minor - 1, **price) < net
    assert gift.covered_fee_minor == gift.amount_minor - net


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


def test_yen_have_no_cents(visitor: Visitor, stripe_sandbox: Sandbox) -> None:
    builders.campaign(currency="jpy", amounts_once=[1000, 3000], minimum_minor=100, fee_fixed_minor=0)
    assert "¥3,000" in visitor.page()
    reply = visitor.send(amount="other", other_amount="500.50")
    assert reply.json()["errors"] == {"other_amount": ["Enter a whole amount."]}
    assert visitor.send(amount="other", other_amount="500").json()["amount_minor"] == 500
    assert (intents(stripe_sandbox)[0]["amount"], intents(stripe_sandbox)[0]["currency"]) == (500, "jpy")


def test_only_an_offered_fund_can_be_chosen(visitor: Visitor, stripe_sandbox: Sandbox) -> None:
    offered = builders.fund(code="200-INV", name="Investigations")
    closed = builders.fund(code="900-END", name="Endowment", is_offered=False)
    for wrong in (str(closed.pk), "999999", "x", "-1", "9" * 50):
        assert visitor.send(fund=wrong).json() == {"errors": {"fund": ["Choose where your gift goes."]}}, wrong
    assert visitor.send(fund=str(offered.pk)).status_code == 200
    assert Gift.objects.get().fund == offered


# --- words ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["Łukasz Żółć", "李小龍", "محمد علي", "O’Brien-Ng", "Ana 👩‍👧", "<b>Ana</b> & \"co\""])
def test_takes_names_in_any_script_as_typed(visitor: Visitor, stripe_sandbox: Sandbox, name: str) -> None:
    assert visitor.send(name=name).status_code == 200
    assert Gift.objects.get().donor_name == name


def test_drops_control_characters_and_keeps_one_line_one_line(visitor: Visitor, stripe_sandbox: Sandbox) -> None:
    typed = {"name": "Ana\r\nBcc: x@y.org\x00\x1b[31m\u202e", "note": "One\r\n\r\ntwo\x07", "city": " Port \t Haven "}
    assert visitor.send(**typed).status_code == 200
    gift = Gift.objects.get()
    assert gift.donor_name == "Ana Bcc: x@y.org[31m"
    assert (gift.note, gift.city) == ("One\n\ntwo", "Port Haven")


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
        ({"email": "a" * 10_000 + "@example.org"}, "too long"),
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


@pytest.mark.parametrize("number", ["4242424242424242", "4242 4242 4242 4242", "3782-822463-10005", "６" * 0 + "5555555555554444"])
@pytest.mark.parametrize("field", ["name", "note", "address_line1", "phone", "tribute_name", "postal_code"])
def test_no_card_number_is_taken_in_a_text(visitor: Visitor, field: str, number: str) -> None:
    reply = visitor.send(**{field: f"my {number} ok"[:40] if field != "postal_code" else number})
    assert reply.status_code == 422
    assert "card number" in reply.json()["errors"][field][0]
    assert not Gift.objects.exists()


@pytest.mark.parametrize("phone", ["+1 (555) 010-0142", "+49 170 1234567", "020 7946 0958 ext. 4012"])
def test_a_phone_number_is_no_card(visitor: Visitor, stripe_sandbox: Sandbox, phone: str) -> None:
    assert visitor.send(phone=phone, note="Ref 1234 5678, call after 5").status_code == 200


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
    reply = visitor.send_plainly(name="", email="ana@", note='<script>alert("x")</script>', amount="other", other_amount="12")
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


# --- limits, repeats, trouble ---------------------------------------------------------------------------------


def test_too_many_tries_from_an_address_stop_before_stripe(stripe_sandbox: Sandbox) -> None:
    for _ in range(throttle.PER_ADDRESS.item.amount):
        assert Visitor("192.0.2.7").send().status_code == 200
    gifts, calls = Gift.objects.count(), asked(stripe_sandbox)
    reply = Visitor("192.0.2.7").send()
    assert reply.status_code == 429
    assert "Nothing was charged" in reply.json()["errors"]["__all__"][0]
    assert Visitor("192.0.2.7").send_plainly(name="Bob").status_code == 429
    assert (Gift.objects.count(), asked(stripe_sandbox)) == (gifts, calls)
    assert Visitor("192.0.2.8").send().status_code == 200


def test_too_many_tries_for_an_email_or_in_a_browser_stop(stripe_sandbox: Sandbox) -> None:
    for _ in range(throttle.PER_EMAIL.item.amount):
        assert Visitor().send(email="limit@example.org").status_code == 200
    assert Visitor().send(email="LIMIT@example.org").status_code == 429
    one = Visitor()
    replies = [one.send(REMOTE_ADDR="x").status_code for _ in range(throttle.PER_SESSION.item.amount + 1)]
    assert replies == [200] * throttle.PER_SESSION.item.amount + [429]


def settled(**changes: Any) -> None:
    """The browser's gift has been paid."""
    Gift.objects.update(
        status=Gift.Status.SETTLED,
        donor=builders.donor(),
        settled_at=clock.now(),
        gift_on=clock.today(),
        changed_at=clock.now(),
        **changes,
    )


def test_a_paid_attempt_leads_to_its_thanks(visitor: Visitor, stripe_sandbox: Sandbox) -> None:
    form = fields()
    thanks = visitor.post("/give/", form, headers={"accept": JSON}).json()["thanks_url"]
    settled()
    calls = asked(stripe_sandbox)
    assert visitor.post("/give/", form, headers={"accept": JSON}).json() == {"redirect": thanks}
    assert (Gift.objects.count(), asked(stripe_sandbox)) == (1, calls)


def test_the_same_gift_from_another_tab_is_asked_about(visitor: Visitor, stripe_sandbox: Sandbox) -> None:
    visitor.send(email="ana@example.org")
    settled()
    reply = visitor.send(email="ana@example.org")
    assert reply.status_code == 409
    assert reply.json() == {"confirm_again": "You gave $25 just now, and it arrived. Do you want to give $25 again?"}
    assert Gift.objects.count() == 1
    # Not asked: another amount, another browser, or a yes.
    assert visitor.send(email="ana@example.org", amount="5000").status_code == 200
    assert Visitor().send(email="ana@example.org").status_code == 200
    assert visitor.send(email="ana@example.org", again="1").status_code == 200
    assert Gift.objects.count() == 4


def test_a_second_gift_from_the_page_of_a_paid_one_is_asked_about_and_made_once(
    visitor: Visitor, stripe_sandbox: Sandbox
) -> None:
    form = fields()
    visitor.post("/give/", form, headers={"accept": JSON})
    settled()
    more = {**form, "amount": "10000"}
    reply = visitor.post("/give/", more, headers={"accept": JSON})
    assert reply.status_code == 409
    assert reply.json()["confirm_again"].endswith("Do you want to give $100 as well?")
    replies = [visitor.post("/give/", {**more, "again": "1"}, headers={"accept": JSON}).json() for _ in range(2)]
    assert replies[0] == replies[1]
    assert sorted(Gift.objects.values_list("amount_minor", flat=True)) == [2500, 10000]


@pytest.mark.parametrize("fault", ["down", "close"])
def test_stripe_away_charges_nothing_and_can_be_tried_again(
    visitor: Visitor, stripe_sandbox: Sandbox, fault: str
) -> None:
    form = fields()
    stripe_sandbox.faults.add(fault)
    reply = visitor.post("/give/", form, headers={"accept": JSON})
    assert reply.status_code == 503
    assert "Nothing was charged" in reply.json()["errors"]["__all__"][0]
    stripe_sandbox.faults.clear()
    assert visitor.post("/give/", form, headers={"accept": JSON}).status_code == 200
    assert (Gift.objects.count(), len(intents(stripe_sandbox))) == (1, 1)


def test_a_refusal_of_stripe_is_told_and_logged_without_names(
    visitor: Visitor, stripe_sandbox: Sandbox, caplog: pytest.LogCaptureFixture
) -> None:
    stripe_sandbox.faults.add("fail", status=400, path="/payment_intents")
    with caplog.at_level(logging.DEBUG):
        reply = visitor.send(name="Secretive Sam", email="sam@secret.example", note="Hush", address_line1="5 Quiet St")
    assert reply.status_code == 503
    assert "Nothing was charged" in reply.json()["errors"]["__all__"][0]
    [record] = [record for record in caplog.records if record.name == "donations.views"]
    assert record.__dict__["gift"] == Gift.objects.get().pk
    written = " ".join(str(record.__dict__) for record in caplog.records)
    for word in ("Secretive", "secret.example", "Hush", "Quiet"):
        assert word not in written


def test_a_page_without_its_token_is_refused_in_words(stripe_sandbox: Sandbox) -> None:
    reply = Client(enforce_csrf_checks=True).post("/give/", fields(), headers={"accept": JSON})
    assert reply.status_code == 403
    assert "Nothing was charged" in reply.json()["errors"]["__all__"][0]
    assert not Gift.objects.exists()


# --- a gift taken up again ------------------------------------------------------------------------------------


def test_a_declined_gift_gives_its_words_back_to_its_own_browser_only(visitor: Visitor, stripe_sandbox: Sandbox) -> None:
    typed = fields(name="Ana Łukasz", amount="other", other_amount="33.40", cover_fee="on", note="Hello", tribute="honor")
    visitor.post("/give/", {**typed, "tribute_name": "Maria"}, headers={"accept": JSON})
    gift = Gift.objects.get()
    Gift.objects.update(status=Gift.Status.FAILED)
    html = visitor.page(f"/give/?gift={gift.token}")
    for kept in ('value="Ana Łukasz"', 'value="33.40"', ">Hello</textarea>", 'value="Maria"', f'value="{typed["attempt"]}"'):
        assert kept in html
    assert 'name="cover_fee" checked' in html
    stranger = Visitor().page(f"/give/?gift={gift.token}")
    assert "Łukasz" not in stranger
    assert typed["attempt"] not in stranger
    for nonsense in ("", "x", str(uuid4())):
        assert UUID(visitor.attempt(f"/give/?gift={nonsense}")) != gift.form_attempt
