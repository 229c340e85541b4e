"""The way of each paper, what the mail service tells of it, and what must go by mail because e-mail did not arrive."""

import json
from datetime import timedelta

import pytest
import time_machine
from django.test import Client
from django.urls import reverse
from pytest_django.fixtures import Settings

from donations.models import Donor, Gift, Receipt, ReceiptEvent
from donations.receipts import deliver, events, print_run, replace
from nonprofit import clock, mail, mail_news
from nonprofit.models import OutgoingEmail
from tests import builders
from tests.donations.test_print_run import waiting_paper
from tests.donations.test_replace import refund

SECRET = "a secret of the mail service"
HOME = {"address_line1": "12 Elm St", "city": "Boston", "region": "MA", "postal_code": "02139"}


@pytest.fixture(autouse=True)
def _secrets(settings: Settings) -> None:
    settings.MAIL_EVENT_SECRETS = ["a new one", SECRET]


def sent(gift: Gift) -> OutgoingEmail:
    """The receipt's letter left with a Message-ID as the outbox makes them."""
    letter = deliver.letters(gift.paper).order_by("-pk")[0]
    letter.status, letter.sent_at, letter.message_id = "sent", clock.now(), f"<1764163200.7.9.{letter.pk}@example.org>"
    letter.save()
    return letter


def post(client: Client, *told: dict[str, str], secret: str = SECRET, age: int = 0) -> int:
    body = json.dumps({"events": told}).encode()
    header = mail_news.signed(secret, int(clock.now().timestamp()) - age, body)
    answer = client.post(
        reverse("mail_events"), body, content_type="application/json", headers={"Mail-Signature": header}
    )
    return answer.status_code


def what(receipt: Receipt) -> list[str]:
    return [step.what for step in events.delivery(receipt)]


def test_a_bounce_told_by_the_mail_service_is_on_the_papers_way_once(transactional_db: None, client: Client) -> None:
    gift = builders.receipted_gift(amount_minor=50_000, **HOME)
    letter = sent(gift)
    assert events.standing(gift.paper) == "sent"
    bounce = {"message_id": letter.message_id, "event": "bounced", "code": "5.1.1"}
    for _ in range(3):
        assert post(client, bounce) == 200
    assert what(gift.paper) == ["queued", "sent", "bounced"]
    event = ReceiptEvent.objects.get()
    assert (event.kind, event.detail, event.actor) == ("bounced", f"letter {letter.pk}: 5.1.1", "mail")
    assert events.standing(gift.paper) == "bounced"
    letter.refresh_from_db()
    assert (letter.status, letter.last_error) == ("sent", "bounced 5.1.1")

    (sheet,) = print_run.waiting().sheets
    assert (sheet.receipt, sheet.reason) == (gift.paper, "the e-mail came back (5.1.1)")
    assert print_run.count() == 1
    run = print_run.make("staff:1")
    assert run is not None
    print_run.mark_mailed(run.pk, "staff:1")
    assert print_run.make("staff:1") is None
    assert events.standing(gift.paper) == "mailed"
    assert what(gift.paper)[-2:] == [f"printed in run {run.pk}", f"mailed with run {run.pk}"]


@pytest.mark.django_db
def test_what_is_not_signed_just_now_is_refused_and_changes_nothing(client: Client, settings: Settings) -> None:
    letter = sent(builders.receipted_gift())
    told = {"message_id": letter.message_id, "event": "bounced", "code": "5.1.1"}
    assert post(client, told, secret="somebody else's") == 400
    assert post(client, told, age=600) == 400
    body = json.dumps({"events": [told]}).encode()
    header = mail_news.signed(SECRET, int(clock.now().timestamp()), body)
    url = reverse("mail_events")
    tampered = body.replace(b"5.1.1", b"5.1.2")
    for content, headers in ((tampered, {"Mail-Signature": header}), (body, {}), (body, {"Mail-Signature": "t=1"})):
        assert client.post(url, content, content_type="application/json", headers=headers).status_code == 400
    assert client.get(url).status_code == 405
    assert not ReceiptEvent.objects.exists()
    settings.MAIL_EVENT_SECRETS = []
    assert post(client, told) == 404


@pytest.mark.django_db
def test_news_of_unknown_letters_and_nonsense_do_no_harm(client: Client) -> None:
    letter = sent(builders.receipted_gift())
    assert post(client, {"message_id": "<1.2.3.999@example.org>", "event": "bounced"}) == 200
    assert post(client, {"message_id": "'; DROP TABLE", "event": "bounced"}) == 200
    assert post(client, {"message_id": letter.message_id, "event": "danced"}) == 400
    assert post(client, {"message_id": letter.message_id, "event": "bounced", "at": "2026-11-26T10:00:00"}) == 400
    assert not ReceiptEvent.objects.exists()
    told = {"message_id": letter.message_id, "event": "bounced", "code": "<ana@example.org> unknown"}
    assert post(client, told) == 200
    assert ReceiptEvent.objects.get().detail == f"letter {letter.pk}: ", "no address is kept"


@pytest.mark.django_db
def test_delivered_and_opened_are_as_good_as_read(client: Client) -> None:
    gift = builders.receipted_gift(amount_minor=50_000, **HOME)
    letter = sent(gift)
    at = (clock.now() - timedelta(seconds=5)).isoformat()
    post(client, {"message_id": letter.message_id, "event": "delivered", "at": at})
    assert events.standing(gift.paper) == "delivered"
    post(client, {"message_id": letter.message_id, "event": "bounced", "code": "4.2.2"})
    assert events.standing(gift.paper) == "bounced"
    for _ in range(3):
        events.opened(gift.paper, "supporter")
    assert ReceiptEvent.objects.filter(kind="opened").count() == 1, "once a day"
    assert events.standing(gift.paper) == "delivered", "arriving in one way is enough"
    assert not print_run.waiting().sheets


@pytest.mark.django_db
def test_only_papers_that_are_needed_go_by_mail_and_in_january_all_do(client: Client) -> None:
    with time_machine.travel("2026-11-20T15:00:00+00:00", tick=False):
        small = builders.receipted_gift(amount_minor=2500, donor_email="s@example.org", donor_name="Sam Small", **HOME)
        large = builders.receipted_gift(
            amount_minor=25_000, donor_email="l@example.org", donor_name="Lea Large", **HOME
        )
        nowhere = builders.receipted_gift(amount_minor=90_000, donor_email="n@example.org", donor_name="No Home")
        for gift in (small, large, nowhere):
            post(client, {"message_id": sent(gift).message_id, "event": "bounced", "code": "5.1.1"})
        waiting = print_run.waiting()
        assert [sheet.receipt for sheet in waiting.sheets] == [large.paper]
        assert [receipt for receipt, _ in print_run.to_call()] == [nowhere.paper]
        assert waiting.to_call == print_run.to_call()
    with time_machine.travel("2027-01-10T15:00:00+00:00", tick=False):
        assert {sheet.receipt for sheet in print_run.waiting().sheets} == {small.paper, large.paper}
        Donor.objects.filter(email="s@example.org").update(is_deceased=True)
        assert print_run.waiting().kept_back == [small.paper]


@pytest.mark.django_db
def test_a_letter_given_up_counts_as_come_back_until_one_arrives(client: Client) -> None:
    gift = builders.receipted_gift(amount_minor=50_000, **HOME)
    own = OutgoingEmail.objects.filter(key=gift.paper.mail_key)
    own.update(status="failed", last_error="SMTPRecipientsRefused 550")
    assert [why for _, why in events.undelivered()] == ["the e-mail came back (SMTPRecipientsRefused 550)"]
    assert "given up" in what(gift.paper)
    again = deliver.resend.__wrapped__(gift.paper.pk, "staff:1")  # type: ignore[attr-defined] # inside the test's own transaction
    assert events.undelivered() == []
    OutgoingEmail.objects.filter(pk=again.pk).update(status="failed")
    assert [receipt for receipt, _ in events.undelivered()] == [gift.paper]


@pytest.mark.django_db
def test_a_replaced_paper_that_bounced_waits_no_more_and_its_way_tells_all(client: Client) -> None:
    gift = builders.receipted_gift(amount_minor=50_000, **HOME)
    post(client, {"message_id": sent(gift).message_id, "event": "bounced", "code": "5.1.1"})
    old = gift.paper
    refund(gift, 1000)
    replace.replace(gift.pk, reason="refund", actor="stripe")
    assert events.undelivered() == []
    assert what(Receipt.objects.get(pk=old.pk)) == ["queued", "sent", "bounced", "void"]


@pytest.mark.django_db
def test_mail_that_the_post_brings_back_is_on_its_way_too() -> None:
    receipt = waiting_paper("Alice Novak")
    run = print_run.make("staff:1")
    assert run is not None
    events.sent_back(receipt, "staff:1", "no such street")
    last = events.delivery(receipt)[-1]
    assert (last.what, last.detail) == ("came back by mail", "no such street")


@pytest.mark.django_db
def test_the_outbox_gives_each_letter_an_id_that_news_find_again() -> None:
    gift = builders.receipted_gift()
    letter = deliver.letters(gift.paper).get()
    mail.send_due()
    letter.refresh_from_db()
    assert letter.status == "sent"
    assert mail_news.take(letter.message_id, mail_news.News(mail_news.Kind.DELIVERED, "250", clock.now()))
    assert events.standing(gift.paper) == "delivered"
