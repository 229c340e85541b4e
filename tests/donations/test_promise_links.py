"""Parts paid by a mailed link, and gifts without a name that turn out to be promised ones."""

from datetime import timedelta

import pytest
from django.urls import reverse
from pytest_django.fixtures import Settings

from donations import gifts
from donations.desk import promises, unidentified
from donations.models import Gift, PaymentLink, Promise, PromisePayment, ReceiptDue
from donations.rules.instalments import State
from nonprofit import clock
from nonprofit.models import AuditEntry, OutgoingEmail
from nonprofit.money import Money
from tests import builders
from tests.donations.test_admin import desk
from tests.donations.test_promise_pages import nameless, text, url, worklist
from tests.donations.test_promises import ACTOR, at_once, check, finance, killed, part, pledge

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def newsroom(settings: Settings) -> None:
    settings.REQUIRE_STAFF_MFA = False
    builders.campaign()


def sent(made: Promise) -> Gift:
    return promises.send_link(part(made).pk, note="Your pledge", actor=ACTOR)


def minutes_later(made: Promise) -> None:
    made.parts.update(link_sent_at=clock.now() - timedelta(minutes=5))


def test_a_payment_link_pays_the_part_when_its_gift_settles() -> None:
    made = pledge("250", donor=builders.donor(name="Alice", email="alice@example.org"))
    client = desk("Staff")
    assert "alice@example.org" in text(client.get(url("send_link", part(made).pk)))
    answer = client.post(url("send_link", part(made).pk), {"note": "Your pledge of November 1"}, follow=True)
    assert "A link to pay $250.00 is on its way to alice@example.org." in text(answer)
    gift = Gift.objects.get()
    assert (gift.status, gift.donor, gift.amount, gift.fund) == ("pending", made.donor, Money(250_00), made.fund)
    assert (part(made).state, part(made).paid, part(made).link_sent_at is not None) == (State.OPEN, Money(0), True)
    assert OutgoingEmail.objects.filter(template="payment_link").count() == 1

    gifts.settle(gift.pk, builders.payment(gift))
    assert (part(made).state, part(made).open) == (State.PAID, Money(0))
    gift.refresh_from_db()
    assert gift.donor == made.donor
    assert worklist(client) == []


def test_pressed_twice_a_link_goes_once_and_later_the_same_goes_again() -> None:
    made = pledge("250")
    first = sent(made)
    assert sent(made) == first
    assert OutgoingEmail.objects.count() == 1
    minutes_later(made)
    assert sent(made) == first
    assert OutgoingEmail.objects.count() == 2
    assert (Gift.objects.count(), PromisePayment.objects.count()) == (1, 1)


def test_a_link_for_another_amount_closes_the_one_before() -> None:
    made = pledge("250")
    first = sent(made)
    minutes_later(made)
    promises.pay(part(made).pk, check(made.donor, 100_00).pk, ACTOR)
    second = sent(made)
    assert (second.amount, second != first) == (Money(150_00), True)
    assert [link.gift for link in PaymentLink.objects.waiting()] == [second]


@pytest.mark.parametrize("how", ["paid", "written off"])
def test_a_link_closes_when_nothing_is_open_any_more(how: str) -> None:
    made = pledge("250")
    sent(made)
    if how == "paid":
        promises.pay(part(made).pk, check(made.donor, 250_00).pk, ACTOR)
    else:
        promises.write_off(made, "gone", finance())
    assert not PaymentLink.objects.waiting().exists()
    assert AuditEntry.objects.filter(action="close payment link").count() == 1


def test_a_link_that_asks_for_more_than_is_open_closes_at_once() -> None:
    made = pledge("250")
    sent(made)
    promises.pay(part(made).pk, check(made.donor, 100_00).pk, ACTOR)
    assert not PaymentLink.objects.waiting().exists()

    smaller = pledge("250")
    sent(smaller)
    promises.change_part(part(smaller).pk, due_on=None, amount_minor=300_00, actor=ACTOR)
    assert PaymentLink.objects.waiting().count() == 1
    promises.change_part(part(smaller).pk, due_on=None, amount_minor=200_00, actor=ACTOR)
    assert not PaymentLink.objects.waiting().exists()


def test_after_a_links_gift_was_let_go_the_next_link_is_a_gift_of_its_own() -> None:
    made = pledge("250")
    other = pledge("250", donor=made.donor)
    first = sent(made)
    gifts.settle(first.pk, builders.payment(first))
    promises.detach(PromisePayment.objects.get().pk, "it was for the other pledge", ACTOR)
    promises.pay(part(other).pk, first.pk, ACTOR)
    minutes_later(made)

    second = sent(made)

    assert (second != first, second.status, second.promise_payment.part) == (True, "pending", part(made))
    assert (part(made).state, part(other).state) == (State.OPEN, State.PAID)
    assert OutgoingEmail.objects.filter(template="payment_link").count() == 2


def test_the_link_of_a_gift_that_is_let_go_closes() -> None:
    made = pledge("250")
    sent(made)
    promises.detach(PromisePayment.objects.get().pk, "a wrong pledge", ACTOR)
    assert not PaymentLink.objects.waiting().exists()


def test_where_no_link_can_go_it_is_said() -> None:
    silent = pledge(donor=builders.donor(name="Alice", email=None))
    answer = desk("Staff").post(url("send_link", part(silent).pk), {"note": "Your pledge"})
    assert "Alice has no e-mail address." in text(answer)
    grant = pledge(kind="grant")
    with pytest.raises(promises.CannotPromise, match="Nothing of this part"):
        sent(grant)
    assert (Gift.objects.count(), OutgoingEmail.objects.count()) == (0, 0)


@pytest.mark.django_db(transaction=True)
def test_a_link_asked_for_twice_at_once_is_one_gift_and_one_letter() -> None:
    made = pledge("250")
    assert at_once(3, lambda: sent(made)) == []
    assert (Gift.objects.count(), PromisePayment.objects.count(), OutgoingEmail.objects.count()) == (1, 1, 1)


@pytest.mark.django_db(transaction=True)
def test_killed_while_sending_a_link_nothing_was_sent() -> None:
    made = pledge("250")
    killed(lambda: sent(made))
    assert (Gift.objects.count(), PromisePayment.objects.count(), OutgoingEmail.objects.count()) == (0, 0, 0)
    assert part(made).link_sent_at is None


# --- without a name --------------------------------------------------------------------------------------------------


def test_shares_without_a_name_are_found_by_the_promise_of_them() -> None:
    made = pledge("", kind="stock", description="100 ACME from Schwab")
    shares, client = nameless(), desk("Staff")
    assert shares.public_id in text(client.get(url("paid_by", part(made).pk)))
    for _ in range(2):
        client.post(url("paid_by", part(made).pk), {"gift": shares.pk})
    shares.refresh_from_db()
    assert (shares.donor, shares.donor_name) == (made.donor, "Alice")
    assert part(made).state == State.PAID
    assert ReceiptDue.objects.filter(gift=shares).count() == 1
    assert AuditEntry.objects.filter(action="identify gift").count() == 1


def test_a_nameless_gift_gets_its_donor_from_its_own_page() -> None:
    gift, alice, client = nameless(), builders.donor(name="Alice", city="Port Haven"), desk("Staff")
    assert url("whose", gift.pk) in client.get(reverse("admin:donations_gift_change", args=[gift.pk])).content.decode()
    answer = client.post(url("whose", gift.pk), {"donor": alice.public_id}, follow=True)
    assert f"{gift.public_id} is now Alice&#x27;s." in text(answer)
    gift.refresh_from_db()
    assert (gift.donor, gift.city) == (alice, "Port Haven")


def test_a_nameless_gift_of_a_merged_supporter_is_who_they_are_today() -> None:
    alice = builders.donor(name="Alice Novak", email="alice@example.org")
    before = builders.donor(name="A. Novak", email=None, merged_into=alice)
    gift = nameless()
    for _ in range(2):
        unidentified.identify(gift.pk, before.pk, ACTOR)
    gift.refresh_from_db()
    assert (gift.donor, gift.donor_name, gift.donor_email) == (alice, "Alice Novak", "alice@example.org")


@pytest.mark.django_db(transaction=True)
def test_a_nameless_gift_found_twice_at_once_is_whose_it_was_first() -> None:
    people, gift = [builders.donor(name=name).pk for name in ("Alice", "Bob")], nameless()
    errors = at_once(2, lambda: unidentified.identify(gift.pk, people.pop(), ACTOR))
    gift.refresh_from_db()
    assert gift.donor_name in ("Alice", "Bob")
    assert [str(error) for error in errors] == [
        f"{gift.public_id} has a donor already. A wrong entry is reversed and entered anew."
    ]
    assert (AuditEntry.objects.filter(action="identify gift").count(), ReceiptDue.objects.count()) == (1, 1)


@pytest.mark.django_db(transaction=True)
def test_killed_between_finding_and_paying_the_gift_is_nobodys() -> None:
    made, gift = pledge("", kind="stock"), nameless()
    killed(lambda: unidentified.identify_and_pay(part(made).pk, gift.pk, ACTOR))
    gift.refresh_from_db()
    assert (gift.donor_name, PromisePayment.objects.count(), ReceiptDue.objects.count()) == ("Ana Silva", 0, 0)


def test_a_gift_that_has_a_donor_keeps_it() -> None:
    gift, alice = check(builders.donor(name="Bob")), builders.donor(name="Alice")
    assert desk("Staff").post(url("whose", gift.pk), {"donor": alice.public_id}).status_code == 404
    gift.refresh_from_db()
    assert gift.donor is not None
    assert gift.donor.name == "Bob"
