"""The newsletter's tick on the giving page: a wish on record, and never more than that."""

from datetime import UTC, datetime, timedelta

import pytest
from django.db import IntegrityError, transaction

from donations.models import Gift
from members import newsletter
from members.models import NewsletterSubscription
from nonprofit.models import OutgoingEmail
from tests import builders
from tests.members import people

Status = NewsletterSubscription.Status
NOON = datetime(2026, 11, 23, 17, tzinfo=UTC)


def rows() -> list[tuple[str, str]]:
    return list(NewsletterSubscription.objects.order_by("pk").values_list("email", "status"))


@pytest.mark.django_db
def test_a_tick_on_a_paid_gift_is_a_wish() -> None:
    gift = people.gave("ana@example.org", wants_newsletter=True)
    people.gave("bob@example.org")
    row = NewsletterSubscription.objects.get()
    assert (row.email, row.status, row.source, row.gift_id) == (
        "ana@example.org",
        Status.WANTED,
        "giving page",
        gift.pk,
    )
    assert row.consent_at == gift.started_at
    assert not OutgoingEmail.objects.exists(), "nothing goes out on a typed address"


@pytest.mark.django_db
def test_an_unpaid_tick_is_nothing() -> None:
    builders.pending_gift(wants_newsletter=True)
    assert rows() == []


@pytest.mark.django_db
def test_two_gifts_are_one_wish_and_keep_what_was_confirmed() -> None:
    people.gave("ana@example.org", wants_newsletter=True)
    NewsletterSubscription.objects.update(status=Status.CONFIRMED)
    people.gave("ana@example.org", wants_newsletter=True)
    people.gave("ana@example.org")
    assert rows() == [("ana@example.org", Status.CONFIRMED)]


@pytest.mark.django_db
def test_who_left_comes_back_only_by_a_newer_tick() -> None:
    newsletter.want("Ana@Example.org ", source="giving page", consent_at=NOON)
    NewsletterSubscription.objects.update(status=Status.UNSUBSCRIBED)
    newsletter.want("ana@example.org", source="giving page", consent_at=NOON)
    assert rows() == [("ana@example.org", Status.UNSUBSCRIBED)]
    again = newsletter.want("ana@example.org", source="giving page", consent_at=NOON + timedelta(days=1), gift_id=7)
    assert (again.status, again.consent_at, again.gift_id) == (Status.WANTED, NOON + timedelta(days=1), 7)


@pytest.mark.django_db(transaction=True)
def test_a_settlement_that_fails_leaves_no_wish() -> None:
    gift = builders.pending_gift(wants_newsletter=True, donor_email="ana@example.org")

    def crashes() -> None:
        with transaction.atomic():
            people.gave("ana@example.org", wants_newsletter=True)
            raise LookupError

    with pytest.raises(LookupError):
        crashes()
    assert rows() == []
    assert Gift.objects.get().pk == gift.pk
    assert Gift.objects.settled().count() == 0


@pytest.mark.django_db
def test_the_table_takes_an_address_once_and_in_small_letters() -> None:
    newsletter.want("ana@example.org", source="giving page", consent_at=NOON)
    for address, name in (("Ana@example.org", "newsletter_email_is_lower_case"), ("ana@example.org", "email")):
        with pytest.raises(IntegrityError, match=name), transaction.atomic():
            NewsletterSubscription.objects.create(email=address, source="import", consent_at=NOON)
