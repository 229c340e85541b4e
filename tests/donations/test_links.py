"""Payment links: one request is one gift and one letter, paid like any card gift, and kept until it ends."""

import threading
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.db import connection, transaction
from django.test import Client

from donations import gifts, tasks
from donations.desk import links
from donations.models import Donor, Gift, LedgerEntry, PaymentLink, ReceiptDue
from nonprofit import clock
from nonprofit.models import AuditEntry, OutgoingEmail
from nonprofit.money import Money
from sandbox.server import Sandbox
from tests import builders

pytestmark = pytest.mark.django_db


def send(donor: Donor, **changes: Any) -> Gift:
    asked: dict[str, Any] = {
        "donor": donor,
        "amount": Money(12_000),
        "fund": builders.fund(),
        "campaign": builders.campaign(),
        "actor": "staff:7",
        "note": "The second part of your pledge.",
        "key": "promise-part:12:1",
    }
    return links.send(**{**asked, **changes})


@pytest.fixture
def bob() -> Donor:
    return builders.donor(name="Bob Ortega", email="bob@example.org", salutation="Dear Bob and Luz", city="Port Haven")


def test_a_link_is_a_waiting_gift_and_a_letter(bob: Donor) -> None:
    gift = send(bob)
    assert (gift.status, gift.donor, gift.amount, gift.donor_name) == ("pending", bob, Money(12_000), "Bob Ortega")
    letter = OutgoingEmail.objects.get()
    assert (letter.key, letter.to) == (f"payment_link:{gift.pk}:1", "bob@example.org")
    assert letter.subject == "Your gift of $120.00 to The Harbor Light: pay here"
    for text in (letter.text, letter.html):
        assert links.address(gift) in text
        assert "Dear Bob and Luz" in text
        assert "The second part of your pledge." in text
    assert not LedgerEntry.objects.exists()
    entry = AuditEntry.objects.get(action="send payment link")
    assert (entry.actor, entry.target_id) == ("staff:7", str(gift.pk))


def test_the_same_request_is_the_same_gift_and_letter(bob: Donor) -> None:
    assert send(bob) == send(bob)
    assert (Gift.objects.count(), PaymentLink.objects.count(), OutgoingEmail.objects.count()) == (1, 1, 1)
    assert send(bob, key="promise-part:13:1") != send(bob)


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"email": None}, "no e-mail"),
        ({"is_deceased": True}, "has died"),
        ({"is_not_contacted": True}, "asked not to be contacted"),
    ],
)
def test_nobody_gets_a_link_who_must_not(fields: dict[str, Any], words: str) -> None:
    donor = builders.donor(**fields)
    with pytest.raises(links.CannotSend, match=words):
        send(donor)
    assert not Gift.objects.exists()
    assert not OutgoingEmail.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_at_once_it_is_one_gift_and_one_letter() -> None:
    bob = builders.donor(email="bob@example.org")
    builders.fund()
    builders.campaign()
    made: list[int] = []

    def ask() -> None:
        try:
            made.append(send(bob).pk)
        finally:
            connection.close()

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(made) == 4
    assert len(set(made)) == 1
    assert (Gift.objects.count(), PaymentLink.objects.count(), OutgoingEmail.objects.count()) == (1, 1, 1)


@pytest.mark.django_db(transaction=True)
def test_killed_before_commit_nothing_is_there() -> None:
    bob = builders.donor(email="bob@example.org")

    class Killed(Exception):
        pass

    def killed() -> None:
        with transaction.atomic():
            send(bob)
            raise Killed

    with pytest.raises(Killed):
        killed()
    assert not Gift.objects.exists()
    assert not OutgoingEmail.objects.exists()
    send(bob)
    assert OutgoingEmail.objects.count() == 1


def test_a_link_waits_as_long_as_it_is_good(bob: Donor, stripe_sandbox: Sandbox) -> None:
    gift = send(bob)
    other = builders.pending_gift(form_attempt=uuid4())
    Gift.objects.update(changed_at=clock.now() - timedelta(days=2))
    tasks.expire_gifts()
    gift.refresh_from_db()
    other.refresh_from_db()
    assert (gift.status, other.status) == ("pending", "expired")
    PaymentLink.objects.update(expires_at=clock.now() - timedelta(minutes=1))
    tasks.expire_gifts()
    gift.refresh_from_db()
    assert gift.status == "expired"


@pytest.mark.django_db(transaction=True)
def test_a_paid_link_is_booked_like_a_card_gift_for_its_own_donor(stripe_sandbox: Sandbox, client: Client) -> None:
    bob = builders.donor(email="bob@example.org")
    namesake = builders.donor(email="other@example.org")
    gift = send(bob)
    Gift.objects.update(donor_email=namesake.email)
    paid = gifts.settle(gift.pk, builders.payment(gift))
    assert paid.donor == bob
    assert sorted(LedgerEntry.objects.values_list("amount_minor", flat=True)) == [-103, 12_000]
    assert ReceiptDue.objects.filter(gift=gift).exists()
    assert AuditEntry.objects.get(action="settle").actor == "stripe"
    reply = client.get(f"/give/pay/{gift.token}/")
    assert (reply.status_code, reply["Location"]) == (302, f"/thanks/{gift.token}/")


def test_sending_again_mails_the_same_link_and_gives_it_time(bob: Donor) -> None:
    gift = send(bob)
    PaymentLink.objects.update(expires_at=clock.now() + timedelta(days=1))
    links.send_again(gift.pk, "staff:8")
    link = PaymentLink.objects.get()
    assert link.expires_at > clock.now() + timedelta(days=29)
    assert OutgoingEmail.objects.count() == 2
    for _ in range(links.MOST_LETTERS - 2):
        links.send_again(gift.pk, "staff:8")
    with pytest.raises(links.CannotSend, match="sent 5 times"):
        links.send_again(gift.pk, "staff:8")
    gifts.settle(gift.pk, builders.payment(gift))
    with pytest.raises(links.CannotSend, match="paid or has expired"):
        links.send_again(gift.pk, "staff:8")
    assert OutgoingEmail.objects.count() == links.MOST_LETTERS


# ---- The page -----------------------------------------------------------------------------------------------------


def test_the_page_says_what_it_is_for_and_keeps_itself_private(bob: Donor, client: Client) -> None:
    gift = send(bob)
    reply = client.get(f"/give/pay/{gift.token}/")
    page = reply.content.decode()
    for words in ("$120", "Bob Ortega", "General support", "The second part of your pledge.", "The Harbor Light, Inc."):
        assert words in page
    assert "bob@example.org" not in page
    assert (reply["X-Robots-Tag"], reply["Referrer-Policy"]) == ("noindex", "same-origin")
    assert "no-store" in reply["Cache-Control"]


@pytest.mark.parametrize("token", ["0b8f3a52-5c1e-4d55-9a52-0c6b1f1d9e77", "nonsense", "1234"])
def test_an_unknown_link_is_a_kind_404(client: Client, token: str) -> None:
    builders.campaign()
    reply = client.get(f"/give/pay/{token}/")
    assert reply.status_code == 404
    assert "We do not know this link" in reply.content.decode()
    assert client.post(f"/give/pay/{token}/").status_code == 404


def test_a_gift_of_the_giving_page_has_no_link(client: Client) -> None:
    assert client.get(f"/give/pay/{builders.pending_gift().token}/").status_code == 404


def test_an_expired_link_takes_nothing(bob: Donor, client: Client, stripe_sandbox: Sandbox) -> None:
    gift = send(bob)
    PaymentLink.objects.update(expires_at=clock.now())
    reply = client.get(f"/give/pay/{gift.token}/")
    assert reply.status_code == 410
    assert "This link has expired" in reply.content.decode()
    assert client.post(f"/give/pay/{gift.token}/").status_code == 410
    assert not Gift.objects.exclude(payment_intent_id=None).exists()


@pytest.mark.django_db(transaction=True)
def test_opening_twice_is_one_payment_and_monthly_keeps_the_words(stripe_sandbox: Sandbox, client: Client) -> None:
    gift = send(builders.donor(email="bob@example.org"))
    starting = builders.starting_plan(consent_text="old", amount_minor=12_000, stripe_customer_id="")
    Gift.objects.update(frequency="monthly", status="failed", plan=starting)
    first, second = (client.post(f"/give/pay/{gift.token}/").json() for _ in range(2))
    assert first["client_secret"] == second["client_secret"]
    assert first["thanks_url"] == f"/thanks/{gift.token}/"
    plan = Gift.objects.get().plan
    assert plan is not None
    assert Gift.objects.get().status == "pending"
    assert "to charge my card $120.00 now and every month" in plan.consent_text
    assert plan.consent_ip == "127.0.0.1"
    assert client.get(f"/give/pay/{gift.token}/").content.decode().count("every month") == 1


@pytest.mark.django_db(transaction=True)
def test_a_link_is_not_tried_without_end(stripe_sandbox: Sandbox, client: Client) -> None:
    gift = send(builders.donor(email="bob@example.org"))
    replies = [client.post(f"/give/pay/{gift.token}/").status_code for _ in range(16)]
    assert replies == [200] * 15 + [429]
