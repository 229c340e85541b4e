"""Joining the newsletter: a wish, one letter, one button; and never a word to somebody whose gift was not paid."""

from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from django.db import IntegrityError, transaction
from django.test import Client

from donations import gifts
from donations.models import Gift
from members.models import ConsentEntry, NewsletterSubscription
from members.newsletter import links, optin, words
from nonprofit import clock, pseudonyms
from nonprofit.models import OutgoingEmail
from tests import builders
from tests.donations.test_settle import at_once
from tests.members import people, readers
from tests.members.readers import log, states

Status = NewsletterSubscription.Status
NOON = datetime(2026, 11, 23, 17, tzinfo=UTC)
WANTED = [("ana@example.org", "newsletter", "wanted")]


def want(email: str, *, consent_at: datetime = NOON, gift_id: int | None = None) -> NewsletterSubscription:
    builders.organization()
    return optin.want(email, source="giving page", consent_at=consent_at, shown=words.TICK, gift_id=gift_id)


def ticket(row: NewsletterSubscription) -> links.Ticket:
    found = links.read(links.token(row, links.CONFIRM), links.CONFIRM)
    assert found
    return found


@pytest.mark.django_db
def test_a_tick_on_a_paid_gift_asks_its_mailbox_once() -> None:
    gift = people.gave("ana@example.org", wants_newsletter=True)
    people.gave("bob@example.org")
    row = NewsletterSubscription.objects.get()
    assert (row.email, row.status, row.source, row.gift_id, row.consent_at) == (
        "ana@example.org",
        Status.WANTED,
        "giving page",
        gift.pk,
        gift.started_at,
    )
    (letter,) = OutgoingEmail.objects.filter(template__startswith="newsletter")
    assert (letter.to, letter.template) == ("ana@example.org", "newsletter_confirm")
    gifts.settle(gift.pk, builders.payment(gift))
    assert readers.letters("ana@example.org") == [letter]
    entry = ConsentEntry.objects.get()
    assert (entry.words, entry.source, entry.what, entry.ip) == (words.TICK.text, "giving page", "asked", None)


@pytest.mark.django_db
def test_the_words_in_the_log_are_those_on_the_giving_page(client: Client) -> None:
    builders.campaign()
    assert f"<span>{words.TICK.text}</span>" in client.get("/give/").content.decode()


@pytest.mark.django_db
def test_nobody_is_written_to_for_a_gift_that_is_not_paid() -> None:
    for number, status in enumerate(("pending", "processing", "failed", "expired")):
        builders.pending_gift(wants_newsletter=True, status=status, donor_email=f"victim{number}@example.org")
    assert states() == []
    assert not OutgoingEmail.objects.exists()
    assert not ConsentEntry.objects.exists()


@pytest.mark.django_db
def test_two_gifts_are_one_wish_and_keep_what_was_confirmed(client: Client) -> None:
    people.gave("ana@example.org", wants_newsletter=True)
    client.post(readers.path_in(readers.letters("ana@example.org")[0], "confirm"))
    people.gave("ana@example.org", wants_newsletter=True)
    people.gave("ana@example.org")
    assert states() == [("ana@example.org", "newsletter", "confirmed")]
    assert len(readers.letters("ana@example.org")) == 1
    assert not readers.letters("ana@example.org", "newsletter_already"), "a gift's tick is no question"


@pytest.mark.django_db
def test_who_left_comes_back_only_by_a_later_tick() -> None:
    with time_machine.travel(NOON, tick=False):
        row = want("Ana@Example.org ")
    with time_machine.travel(NOON + timedelta(hours=1), tick=False):
        NewsletterSubscription.objects.update(status=Status.UNSUBSCRIBED, changed_at=clock.now())
        # Ticked before leaving, settled after.
        want("ana@example.org", consent_at=NOON + timedelta(minutes=59), gift_id=6)
    assert states() == [("ana@example.org", "newsletter", "unsubscribed")]
    with time_machine.travel(NOON + timedelta(days=1), tick=False):
        again = want("ana@example.org", consent_at=clock.now(), gift_id=7)
    assert (again.pk, again.status, again.gift_id, again.letters) == (row.pk, Status.WANTED, 7, 1)
    assert len(readers.letters("ana@example.org")) == 2


@pytest.mark.django_db(transaction=True)
def test_a_settlement_that_fails_leaves_no_wish_and_no_letter() -> None:
    gift = builders.pending_gift(wants_newsletter=True, donor_email="ana@example.org")

    def crashes() -> None:
        with transaction.atomic():
            people.gave("ana@example.org", wants_newsletter=True)
            raise LookupError

    with pytest.raises(LookupError):
        crashes()
    assert states() == []
    assert not OutgoingEmail.objects.exists()
    assert not ConsentEntry.objects.exists()
    assert Gift.objects.get().pk == gift.pk


@pytest.mark.django_db(transaction=True)
def test_asked_by_eight_at_once_is_one_row_and_one_letter() -> None:
    builders.organization()
    assert at_once(8, lambda _: want("ana@example.org", gift_id=5)) == []
    assert states() == WANTED
    assert len(readers.letters("ana@example.org")) == 1


@pytest.mark.django_db(transaction=True)
def test_confirmed_by_eight_at_once_is_confirmed_once() -> None:
    proof = ticket(want("ana@example.org"))
    outcomes: list[optin.Outcome] = []
    assert at_once(8, lambda _: outcomes.append(optin.confirm(proof))) == []
    assert sorted(outcomes) == ["already"] * 7 + ["confirmed"]
    assert log("ana@example.org") == [("newsletter", "asked"), ("newsletter", "confirmed")]
    assert len(readers.letters("ana@example.org", "newsletter_welcome")) == 1


@pytest.mark.django_db
def test_a_link_works_for_a_week_and_only_for_the_last_wish() -> None:
    with time_machine.travel(NOON, tick=False):
        row = want("ana@example.org")
        old = ticket(row)
    with time_machine.travel(NOON + timedelta(days=7, minutes=1), tick=False):
        assert optin.confirm(old) == optin.Outcome.EXPIRED
        assert states() == WANTED
        assert optin.send_again(old)
        assert not optin.send_again(old), "not twice within ten minutes"
        row.refresh_from_db()
        fresh = ticket(row)
        assert optin.confirm(fresh) == optin.Outcome.CONFIRMED
        assert optin.confirm(fresh) == optin.Outcome.ALREADY
        assert optin.confirm(old) == optin.Outcome.ALREADY
        assert not optin.send_again(old)
    with time_machine.travel(NOON + timedelta(days=8), tick=False):
        NewsletterSubscription.objects.update(status=Status.UNSUBSCRIBED, changed_at=clock.now())
        assert optin.confirm(fresh) == optin.Outcome.USED, "an old letter brings nobody back"
    with time_machine.travel(NOON + timedelta(days=9), tick=False):
        want("ana@example.org", consent_at=clock.now())
        assert optin.confirm(fresh) == optin.Outcome.USED
    assert states() == WANTED


@pytest.mark.django_db
def test_a_mailbox_is_not_filled_by_who_types_its_address() -> None:
    with time_machine.travel(NOON, tick=False) as moment:
        for _ in range(20):
            want("ana@example.org", consent_at=clock.now())
            moment.shift(60)
        assert len(readers.letters("ana@example.org")) == 2, "ten minutes apart"
        for _ in range(20):
            want("ana@example.org", consent_at=clock.now())
            moment.shift(3600)
    assert len(readers.letters("ana@example.org")) == 5


@pytest.mark.django_db
def test_who_never_confirms_is_forgotten_after_thirty_days_and_the_log_keeps_no_address() -> None:
    with time_machine.travel(NOON, tick=False):
        want("ana@example.org")
        bob = want("bob@example.org")
        optin.confirm(ticket(bob))
    with time_machine.travel(NOON + timedelta(days=29), tick=False):
        assert optin.forget_unconfirmed() == 0
    with time_machine.travel(NOON + timedelta(days=31), tick=False):
        assert optin.forget_unconfirmed() == 1
        assert optin.forget_unconfirmed() == 0
    assert states() == [("bob@example.org", "newsletter", "confirmed")]
    assert log("ana@example.org") == [("newsletter", "asked"), ("newsletter", "forgotten")]
    for entry in ConsentEntry.objects.values():
        assert not any("ana@" in str(value) for value in entry.values())


@pytest.mark.django_db
def test_the_pseudonym_needs_our_key(settings: object) -> None:
    first = pseudonyms.of("ana@example.org")
    assert pseudonyms.of(" Ana@Example.org") == first
    settings.PSEUDONYM_KEY = "another"  # type: ignore[attr-defined]
    assert pseudonyms.of("ana@example.org") != first


@pytest.mark.django_db
def test_the_table_takes_an_address_once_for_each_list_and_in_small_letters() -> None:
    want("ana@example.org")
    NewsletterSubscription.objects.create(email="ana@example.org", purpose="appeals", source="x", consent_at=NOON)
    for address, name in (
        ("Ana@example.org", "newsletter_email_is_lower_case"),
        ("ana@example.org", "newsletter_once_per_list"),
    ):
        with pytest.raises(IntegrityError, match=name), transaction.atomic():
            NewsletterSubscription.objects.create(email=address, source="import", consent_at=NOON)
