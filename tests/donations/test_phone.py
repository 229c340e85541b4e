"""Gifts on the phone: the words are kept, a card is charged once, a link goes once, and only call-takers may."""

import threading
from datetime import date
from typing import Any
from uuid import uuid4

import pytest
from django.db import connection, transaction
from django.test import Client, override_settings

from donations import gateway, gifts
from donations.desk import links, phone
from donations.models import Attempt, Donor, Gift, LedgerEntry, PaymentLink, PhoneCall, Plan
from donations.rules import consent
from nonprofit import audit, clock
from nonprofit.models import AuditEntry, OutgoingEmail, User
from nonprofit.money import Money
from sandbox.server import Sandbox
from tests import builders
from tests.card_field import ASKS, DECLINED, GOOD, token

pytestmark = pytest.mark.django_db

CARD, LINK = PhoneCall.PaidBy.CARD, PhoneCall.PaidBy.LINK


@pytest.fixture
def ruth() -> User:
    builders.campaign()
    return builders.staff("Staff", name="Ruth Okafor")


def call(**changes: Any) -> phone.Call:
    wanted: dict[str, Any] = {
        "attempt": uuid4(),
        "donor": None,
        "contact": gifts.Contact(name="Ana Silva", email="ana@example.org", phone="(555) 010-0199"),
        "amount": Money(5000),
        "frequency": "once",
        "fund": builders.fund(),
        "campaign": builders.campaign(),
    }
    return phone.Call(**{**wanted, **changes})


def agreed(ruth: User, paid_by: str = CARD, **changes: Any) -> Gift:
    gift = phone.begin(call(**changes), user=ruth)
    phone.agree(gift.pk, user=ruth, paid_by=paid_by, said=phone.words(gift, paid_by))
    return Gift.objects.select_related("plan").get(pk=gift.pk)


# ---- The words ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("frequency", "on", "words"),
    [
        ("once", date(2026, 11, 23), "May The Light charge your card $50.00 today, one time?"),
        ("monthly", date(2026, 11, 23), "$50.00 today, and $50.00 again on the 23rd of every month, until you stop?"),
        ("monthly", date(2026, 12, 31), "on the 31st of every month, or on the last day of a shorter month, until"),
        ("monthly", date(2026, 12, 1), "on the 1st of every month, until"),
        ("monthly", date(2026, 12, 12), "on the 12th of every month, until"),
        ("yearly", date(2026, 11, 22), "again every year on November 22, until you stop?"),
    ],
)
def test_the_words_name_amount_day_and_how_to_stop(frequency: str, on: date, words: str) -> None:
    text = consent.by_phone(organization="The Light", amount="$50.00", frequency=frequency, on=on)
    assert words in text
    assert ("stop at any time" in text) == (frequency != "once")


def test_who_when_and_which_words_are_kept(ruth: User) -> None:
    gift = agreed(ruth)
    kept = PhoneCall.objects.get()
    assert (kept.gift, kept.taken_by, kept.paid_by) == (gift, ruth, CARD)
    assert kept.consent_text == "May The Harbor Light charge your card $50.00 today, one time?"
    assert kept.consent_version == consent.PHONE_VERSION
    assert (clock.now() - kept.taken_at).total_seconds() < 5
    deeds = list(AuditEntry.objects.order_by("pk").values_list("actor", "action", "target_id"))
    assert deeds == [(audit.staff(ruth), deed, str(gift.pk)) for deed in ("take call", "agreed by phone")]


def test_a_monthly_call_starts_a_plan_with_the_words(ruth: User) -> None:
    plan = agreed(ruth, frequency="monthly").plan
    assert plan is not None
    assert (plan.status, plan.interval, plan.amount) == ("starting", "month", Money(5000))
    assert plan.consent_text == PhoneCall.objects.get().consent_text
    assert "every month" in plan.consent_text
    assert plan.consent_version == consent.PHONE_VERSION


def test_words_that_changed_meanwhile_are_read_again(ruth: User) -> None:
    gift = phone.begin(call(), user=ruth)
    said = phone.words(gift, CARD)
    phone.begin(call(attempt=gift.form_attempt, amount=Money(9000)), user=ruth)
    with pytest.raises(phone.CannotTake, match="have changed"):
        phone.agree(gift.pk, user=ruth, paid_by=CARD, said=said)
    assert not PhoneCall.objects.exists()


def test_what_was_agreed_to_is_not_changed_by_the_form_sent_again(ruth: User) -> None:
    gift = agreed(ruth)
    again = phone.begin(call(attempt=gift.form_attempt, amount=Money(9000)), user=ruth)
    assert again.amount == Money(5000)


def test_begun_and_agreed_twice_is_one_call(ruth: User) -> None:
    wanted = call()
    gift = phone.begin(wanted, user=ruth)
    assert phone.begin(wanted, user=ruth) == gift
    for _ in range(2):
        phone.agree(gift.pk, user=ruth, paid_by=CARD, said=phone.words(gift, CARD))
    assert (Gift.objects.count(), PhoneCall.objects.count(), AuditEntry.objects.count()) == (1, 1, 2)


def test_a_link_goes_once_after_the_words_and_takes_the_place_of_a_card(ruth: User) -> None:
    gift = agreed(ruth)
    for _ in range(2):
        phone.agree(gift.pk, user=ruth, paid_by=LINK, said=phone.words(gift, LINK))
    kept = PhoneCall.objects.get()
    assert kept.paid_by == LINK
    assert "private link at ana@example.org" in kept.consent_text
    letter = OutgoingEmail.objects.get()
    assert (letter.to, letter.key) == ("ana@example.org", f"payment_link:{gift.pk}:1")
    entry = AuditEntry.objects.filter(action="agreed by phone").latest("pk")
    assert (entry.before, entry.after["paid_by"]) == ({"paid_by": "card"}, "link")
    assert "ana@example.org" not in str(entry.after)


def test_no_link_without_an_address(ruth: User) -> None:
    gift = phone.begin(call(contact=gifts.Contact(name="Ana", email="")), user=ruth)
    with pytest.raises(phone.CannotTake, match="needs an e-mail"):
        phone.agree(gift.pk, user=ruth, paid_by=LINK, said=phone.words(gift, LINK))
    assert not PhoneCall.objects.exists()
    assert not PaymentLink.objects.exists()


# ---- The card -----------------------------------------------------------------------------------------------------

real = pytest.mark.django_db(transaction=True)


@real
def test_a_card_is_charged_and_booked_with_the_call_taker_as_actor(ruth: User, stripe_sandbox: Sandbox) -> None:
    gift = agreed(ruth)
    assert phone.charge(gift.pk, token(GOOD), user=ruth).outcome == "paid"
    gift.refresh_from_db()
    assert (gift.status, gift.kind, gift.card_last4) == ("settled", "phone", "4242")
    assert gift.donor == Donor.objects.get(email="ana@example.org")
    assert sorted(LedgerEntry.objects.values_list("amount_minor", flat=True)) == [-175, 5000]
    assert AuditEntry.objects.get(action="settle").actor == audit.staff(ruth)
    assert hasattr(gift, "receipt_due")


@real
def test_the_donor_that_was_found_gets_the_gift_whatever_the_address(ruth: User, stripe_sandbox: Sandbox) -> None:
    known = builders.donor(name="Ana Silva", email=None)
    gift = agreed(ruth, donor=known)
    phone.charge(gift.pk, token(GOOD), user=ruth)
    gift.refresh_from_db()
    assert gift.donor == known


@real
def test_a_caller_without_e_mail_can_give_every_month(ruth: User, stripe_sandbox: Sandbox) -> None:
    gift = agreed(ruth, frequency="monthly", contact=gifts.Contact(name="Ana Silva", email=""))
    assert phone.charge(gift.pk, token(GOOD), user=ruth).outcome == "paid"
    plan = Plan.objects.get()
    assert (plan.status, plan.card_last4, plan.anchor_day) == ("active", "4242", clock.today().day)
    assert plan.stripe_payment_method_id


@real
def test_a_declined_card_and_then_another_is_one_payment(ruth: User, stripe_sandbox: Sandbox) -> None:
    gift = agreed(ruth)
    declined = phone.charge(gift.pk, token(DECLINED), user=ruth)
    assert (declined.outcome, declined.code) == ("declined", "generic_decline")
    assert phone.charge(gift.pk, token(GOOD), user=ruth).outcome == "paid"
    assert Attempt.objects.filter(outcome="succeeded").count() == 1
    assert LedgerEntry.objects.filter(kind="gift").count() == 1


@real
def test_charged_twice_it_is_one_charge(ruth: User, stripe_sandbox: Sandbox) -> None:
    gift = agreed(ruth)
    same = token(GOOD)
    assert [phone.charge(gift.pk, made, user=ruth).outcome for made in (same, same, token(GOOD))] == ["paid"] * 3
    assert sorted(LedgerEntry.objects.values_list("amount_minor", flat=True)) == [-175, 5000]


@real
def test_two_presses_at_once_are_one_charge(ruth: User, stripe_sandbox: Sandbox) -> None:
    gift = agreed(ruth)
    tokens = [token(GOOD) for _ in range(4)]
    outcomes: list[str] = []

    def press(made: str) -> None:
        try:
            outcomes.append(phone.charge(gift.pk, made, user=ruth).outcome)
        finally:
            connection.close()

    threads = [threading.Thread(target=press, args=(made,)) for made in tokens]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert set(outcomes) <= {"paid", "unknown"}
    assert len(outcomes) == 4
    assert "paid" in outcomes
    assert LedgerEntry.objects.filter(kind="gift").count() == 1


@real
def test_killed_after_charging_the_webhook_books_it_for_the_call_taker(ruth: User, stripe_sandbox: Sandbox) -> None:
    gift = agreed(ruth)
    payment = gifts.open_payment(gift)
    gateway.confirm_payment(payment.id, token=token(GOOD), key="k", return_url="https://example.org/", is_moto=False)
    assert not LedgerEntry.objects.exists()
    gifts.check(Gift.objects.get())
    assert AuditEntry.objects.get(action="settle").actor == audit.staff(ruth)
    assert phone.charge(gift.pk, token(GOOD), user=ruth).outcome == "paid"
    assert LedgerEntry.objects.filter(kind="gift").count() == 1


@real
def test_killed_while_agreeing_nothing_is_kept(ruth: User) -> None:
    gift = phone.begin(call(frequency="monthly"), user=ruth)

    class Killed(Exception):
        pass

    def killed() -> None:
        with transaction.atomic(durable=False):
            links.make(gift.pk, actor="staff:1", key="k")
            raise Killed

    with pytest.raises(Killed):
        killed()
    assert not PaymentLink.objects.exists()
    assert not OutgoingEmail.objects.exists()
    phone.agree(gift.pk, user=ruth, paid_by=LINK, said=phone.words(gift, LINK))
    assert OutgoingEmail.objects.count() == 1


@real
def test_a_caller_who_says_yes_twice_at_once_gets_one_letter(ruth: User) -> None:
    gift = phone.begin(call(frequency="monthly"), user=ruth)
    said = phone.words(gift, LINK)
    kept: list[int] = []

    def say_yes() -> None:
        try:
            kept.append(phone.agree(gift.pk, user=ruth, paid_by=LINK, said=said).pk)
        finally:
            connection.close()

    threads = [threading.Thread(target=say_yes) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(kept) == 4
    assert len(set(kept)) == 1
    assert (OutgoingEmail.objects.count(), PaymentLink.objects.count(), Plan.objects.count()) == (1, 1, 1)


@real
def test_no_card_before_the_words(ruth: User, stripe_sandbox: Sandbox) -> None:
    gift = phone.begin(call(), user=ruth)
    with pytest.raises(phone.CannotTake, match="read the words"):
        phone.charge(gift.pk, "ctoken_1", user=ruth)
    linked = agreed(ruth, LINK)
    with pytest.raises(phone.CannotTake, match="read the words"):
        phone.charge(linked.pk, "ctoken_1", user=ruth)
    assert not Gift.objects.exclude(payment_intent_id=None).exists()


@real
def test_without_an_answer_nobody_says_that_it_was_not_charged(ruth: User, stripe_sandbox: Sandbox) -> None:
    gift = agreed(ruth)
    made = token(GOOD)
    stripe_sandbox.faults.add("down")
    assert phone.charge(gift.pk, made, user=ruth).outcome == "unknown"
    stripe_sandbox.faults.clear()
    assert phone.charge(gift.pk, made, user=ruth).outcome == "paid"


@real
def test_a_bank_that_wants_its_customer_is_asked_by_link_and_not_asked_with_moto(
    ruth: User, stripe_sandbox: Sandbox
) -> None:
    gift = agreed(ruth)
    assert phone.charge(gift.pk, token(ASKS), user=ruth).outcome == "needs_caller"
    with override_settings(STRIPE_MOTO=True):
        assert phone.charge(gift.pk, token(ASKS), user=ruth).outcome == "paid"


# ---- The pages ----------------------------------------------------------------------------------------------------

PAGES = ["", "take/", "take/1/", "take/1/agree/", "take/1/charge/", "take/1/send-again/"]


@pytest.mark.parametrize("page", PAGES)
@pytest.mark.parametrize("who", ["signed out", "supporter", "entry only", "finance"])
def test_the_wrong_person_takes_no_calls(client: Client, ruth: User, page: str, who: str) -> None:
    gift = agreed(ruth)
    people = {"supporter": "", "entry only": "Data entry", "finance": "Finance"}
    if who in people:
        user = User.objects.create_user("s@example.org") if who == "supporter" else builders.staff(people[who])
        client.force_login(user)
    address = f"/admin/donations/phonecall/{page.replace('1', str(gift.pk))}"
    for reply in (client.get(address), client.post(address, {"by": "link", "yes": "on", "token": "ctoken_1"})):
        assert reply.status_code in ((302,) if who in ("signed out", "supporter") else (403, 405))
    assert not PaymentLink.objects.exists()
    assert PhoneCall.objects.get().paid_by == CARD


def typed(**changes: Any) -> dict[str, Any]:
    fund = builders.fund()
    words = {"attempt": str(uuid4()), "name": "Ana Silva", "email": "ana@example.org", "amount": "50", "note": "Hello"}
    return {**words, "frequency": "once", "fund": fund.pk, "country": "US", "paid_by": "card", **changes}


TAKE = "/admin/donations/phonecall/take/"


def test_a_call_on_the_pages(client: Client, ruth: User) -> None:
    client.force_login(ruth)
    assert "Find the caller" in client.get(TAKE).content.decode()
    reply = client.post(TAKE, typed(paid_by="link", frequency="monthly"))
    gift = Gift.objects.get()
    assert reply["Location"] == f"{TAKE}{gift.pk}/?by=link"
    page = client.get(reply["Location"]).content.decode()
    words = phone.words(gift, LINK)
    assert words in page
    assert not PhoneCall.objects.exists()
    unread = client.post(f"{TAKE}{gift.pk}/agree/", {"by": "link", "words": words}, follow=True)
    assert "tick the box" in unread.content.decode()
    assert not PhoneCall.objects.exists()
    sent = client.post(f"{TAKE}{gift.pk}/agree/", {"by": "link", "words": words, "yes": "on"}, follow=True)
    assert "The link is on its way to ana@example.org" in sent.content.decode()
    assert OutgoingEmail.objects.filter(template="payment_link").count() == 1
    again = client.post(f"{TAKE}{gift.pk}/send-again/", follow=True)
    assert "sent 2 times" in again.content.decode()
    assert "Ana Silva" in client.get("/admin/donations/phonecall/").content.decode()
    assert client.get(f"/admin/donations/phonecall/{PhoneCall.objects.get().pk}/change/").status_code == 200
    assert "Payment links not paid yet" in client.get("/admin/").content.decode()
    gift_page = client.get(f"/admin/donations/gift/{gift.pk}/change/").content.decode()
    assert f"Payment link by e-mail. Read aloud: {words}" in gift_page
    assert "Payment link to ana@example.org, 2 sent, good until" in gift_page


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        ("amount", "", "Enter the amount"),
        ("amount", "0.10", "smallest gift"),
        ("amount", "1,000,000", "more than a card can take"),
        ("name", "", "caller&#x27;s name"),
        ("paid_by", "link", "needs an e-mail"),
        ("note", "card 4242 4242 4242 4242", "looks like a card number"),
        ("name", "5555555555554444", "looks like a card number"),
        ("tribute", "memory", "honored or remembered"),
    ],
)
def test_says_what_is_wrong_and_keeps_what_was_typed(
    client: Client, ruth: User, field: str, value: str, words: str
) -> None:
    client.force_login(ruth)
    given = typed(**{"city": "Port Haven", field: value})
    if field == "paid_by":
        given["email"] = ""
    reply = client.post(TAKE, given)
    page = reply.content.decode()
    assert reply.status_code == 422
    assert words in page
    assert "Port Haven" in page
    assert "4242 4242" not in page
    assert "555555555555" not in page
    assert not Gift.objects.exists()


def test_the_default_campaigns_currency_is_taken_and_no_other(client: Client, ruth: User) -> None:
    client.force_login(ruth)
    builders.campaign(currency="jpy", minimum_minor=500)
    reply = client.post(TAKE, typed(amount="5000.50"))
    assert "whole amount" in reply.content.decode()
    client.post(TAKE, typed(amount="5000"))
    assert Gift.objects.get().amount == Money(5000, "jpy")
    other = builders.campaign(slug="other", code="O", is_default=False, currency="usd")
    assert "takes gifts in USD" in client.post(TAKE, typed(amount="5000", campaign=other.pk)).content.decode()


def test_a_known_caller_is_found_and_filled_in(client: Client, ruth: User) -> None:
    client.force_login(ruth)
    bob = builders.donor(name="Bob Ortega", email="bob@example.org", city="Camden")
    page = client.get(f"{TAKE}?q=ortega").content.decode()
    assert f"?donor={bob.pk}" in page
    page = client.get(f"{TAKE}?donor={bob.pk}").content.decode()
    assert 'value="Camden"' in page
    client.post(TAKE, typed(donor=bob.pk, name="Bob Ortega"))
    assert Gift.objects.get().donor == bob
    assert "Nobody fits" in client.get(f"{TAKE}?q=zzzz").content.decode()


@pytest.mark.parametrize("address", [f"{TAKE}999/", f"{TAKE}?donor=abc", f"{TAKE}?gift=x", f"{TAKE}?donor=99999999"])
def test_odd_addresses(client: Client, ruth: User, address: str) -> None:
    client.force_login(ruth)
    assert client.get(address).status_code == (404 if "999/" in address else 200)


@real
def test_many_call_takers_behind_one_address_are_not_in_each_others_way(ruth: User, stripe_sandbox: Sandbox) -> None:
    client = Client()
    client.force_login(ruth)
    for _ in range(25):
        gift = agreed(ruth)
        reply = client.post(f"{TAKE}{gift.pk}/charge/", {"token": token(GOOD)})
        assert reply.json() == {"redirect": f"{TAKE}{gift.pk}/"}
    assert Gift.objects.settled().count() == 25


@real
def test_a_decline_says_what_to_do(ruth: User, stripe_sandbox: Sandbox, client: Client) -> None:
    client.force_login(ruth)
    gift = agreed(ruth)
    reply = client.post(f"{TAKE}{gift.pk}/charge/", {"token": token("4000000000009995")})
    assert reply.status_code == 402
    assert reply.json()["error"].startswith("The bank says there is not enough money on this card. Nothing was charged")
    assert client.post(f"{TAKE}{gift.pk}/charge/", {"token": "nonsense"}).status_code == 503


@real
def test_an_answer_that_did_not_come_is_looked_up(ruth: User, stripe_sandbox: Sandbox, client: Client) -> None:
    client.force_login(ruth)
    gift = agreed(ruth)
    made = token(GOOD)
    stripe_sandbox.faults.add("down")
    answer = client.post(f"{TAKE}{gift.pk}/charge/", {"token": made}).json()
    assert answer == {"redirect": f"{TAKE}{gift.pk}/?wait=1"}
    Gift.objects.update(payment_intent_id="pi_1")
    assert "do not take the card again" in client.get(answer["redirect"]).content.decode()
    stripe_sandbox.faults.clear()
    Gift.objects.update(payment_intent_id=None)
    gift.refresh_from_db()
    payment = gifts.open_payment(gift)
    assert "the card was not charged. You can take it again" in client.get(answer["redirect"]).content.decode()
    gateway.confirm_payment(payment.id, token=made, key="k", return_url="https://example.org/", is_moto=False)
    assert "has arrived. Thank you so much" in client.get(answer["redirect"]).content.decode()
    assert LedgerEntry.objects.filter(kind="gift").count() == 1


@real
def test_a_slow_bank_is_said_to_be_slow(ruth: User, stripe_sandbox: Sandbox, client: Client) -> None:
    client.force_login(ruth)
    gift = agreed(ruth)
    stripe_sandbox.faults.add("processing", seconds=60)
    assert phone.charge(gift.pk, token(GOOD), user=ruth).outcome == "processing"
    assert "The bank is still working on it" in client.get(f"{TAKE}{gift.pk}/").content.decode()
    assert not LedgerEntry.objects.exists()
