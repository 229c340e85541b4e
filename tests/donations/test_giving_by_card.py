"""Giving by card up to the card itself: one gift and one payment, limits, repeats, and trouble at Stripe."""

import logging
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.test import Client

from donations import throttle
from donations.models import Donor, Gift, Plan
from nonprofit import clock
from nonprofit.money import fee
from sandbox.server import Sandbox
from tests import builders
from tests.donations.visitor import JSON, Visitor, asked, fields, intents

pytestmark = pytest.mark.usefixtures("transactional_db", "campaign")


@pytest.fixture
def campaign(transactional_db: None) -> None:
    builders.campaign()


@pytest.fixture
def visitor() -> Visitor:
    return Visitor()


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
    price: dict[str, Any] = {"percent": made.fee_percent, "fixed_minor": made.fee_fixed_minor}
    assert gift.amount_minor - fee(gift.amount_minor, **price) >= net
    assert (gift.amount_minor - 1) - fee(gift.amount_minor - 1, **price) < net
    assert gift.covered_fee_minor == gift.amount_minor - net


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


@pytest.mark.parametrize("name", ["Łukasz Żółć", "李小龍", "محمد علي", "O’Brien-Ng", "Ana 👩‍👧", '<b>Ana</b> & "co"'])
def test_takes_names_in_any_script_as_typed(visitor: Visitor, stripe_sandbox: Sandbox, name: str) -> None:
    assert visitor.send(name=name).status_code == 200
    assert Gift.objects.get().donor_name == name


def test_drops_control_characters_and_keeps_one_line_one_line(visitor: Visitor, stripe_sandbox: Sandbox) -> None:
    typed = {"name": "Ana\r\nBcc: x@y.org\x00\x1b[31m\u202e", "note": "One\r\n\r\ntwo\x07", "city": " Port \t Haven "}
    assert visitor.send(**typed).status_code == 200
    gift = Gift.objects.get()
    assert gift.donor_name == "Ana Bcc: x@y.org[31m"
    assert (gift.note, gift.city) == ("One\n\ntwo", "Port Haven")


@pytest.mark.parametrize("phone", ["+1 (555) 010-0142", "+49 170 1234567", "020 7946 0958 ext. 4012"])
def test_a_phone_number_is_no_card(visitor: Visitor, stripe_sandbox: Sandbox, phone: str) -> None:
    assert visitor.send(phone=phone, note="Ref 1234 5678, call after 5").status_code == 200


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


def test_a_declined_gift_gives_its_words_back_to_its_own_browser_only(
    visitor: Visitor, stripe_sandbox: Sandbox
) -> None:
    typed = fields(
        name="Ana Łukasz", amount="other", other_amount="33.40", cover_fee="on", note="Hello", tribute="honor"
    )
    visitor.post("/give/", {**typed, "tribute_name": "Maria"}, headers={"accept": JSON})
    gift = Gift.objects.get()
    Gift.objects.update(status=Gift.Status.FAILED)
    html = visitor.page(f"/give/?gift={gift.token}")
    for kept in (
        'value="Ana Łukasz"',
        'value="33.40"',
        ">Hello</textarea>",
        'value="Maria"',
        f'value="{typed["attempt"]}"',
    ):
        assert kept in html
    assert 'name="cover_fee" checked' in html
    stranger = Visitor().page(f"/give/?gift={gift.token}")
    assert "Łukasz" not in stranger
    assert typed["attempt"] not in stranger
    for nonsense in ("", "x", str(uuid4())):
        assert UUID(visitor.attempt(f"/give/?gift={nonsense}")) != gift.form_attempt
