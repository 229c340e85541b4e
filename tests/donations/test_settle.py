"""Booking a card gift: once, twice, twice at once, killed halfway, declined, late, for the wrong amount."""

import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime

import pytest
from django.db import connection, connections, transaction

from donations import gateway, gifts, signals
from donations.models import Attempt, Donor, Gift, LedgerEntry, Plan, ReceiptDue
from nonprofit.models import AuditEntry
from tests import builders

# The evening of December 31 in New York is January 1 in UTC.
NEW_YEARS_EVE = datetime(2027, 1, 1, 3, 30, tzinfo=UTC)


def paid(
    gift: Gift, *, charge_id: str = "ch_1", amount_minor: int | None = None, fee: int | None = 103
) -> gateway.Payment:
    """What Stripe says of a paid PaymentIntent for `gift`."""
    amount = gift.amount_minor if amount_minor is None else amount_minor
    balance = None if fee is None else builders.movement("txn_1", amount, fee, source_id=charge_id)
    return gateway.Payment(
        id=gift.payment_intent_id or "pi_1",
        status="succeeded",
        amount_minor=amount,
        currency="usd",
        client_secret="",
        metadata={},
        charge=gateway.Charge(charge_id, amount, "usd", NEW_YEARS_EVE, balance),
        card=gateway.Card("pm_1", "visa", "4242", 12, 2028),
        customer_id="",
    )


def books(gift: Gift) -> list[tuple[str, int]]:
    return list(gift.ledger_entries.order_by("kind").values_list("kind", "amount_minor"))


def at_once(count: int, work: Callable[[int], object]) -> list[BaseException]:
    """Run `work(0..count-1)` in threads that start together; what they raised."""
    errors: list[BaseException] = []
    gate = threading.Barrier(count)

    def run(index: int) -> None:
        try:
            gate.wait(timeout=20)
            work(index)
        except BaseException as error:
            errors.append(error)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=run, args=(index,)) for index in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    return errors


@pytest.mark.django_db
def test_a_paid_gift_is_booked_whole() -> None:
    gift = builders.pending_gift(amount_minor=2500, donor_email="ana@example.org")

    gifts.settle(gift.pk, paid(gift))

    gift.refresh_from_db()
    assert gift.status == Gift.Status.SETTLED
    assert books(gift) == [("fee", -103), ("gift", 2500)]
    assert gift.donor is not None
    assert gift.donor.email == "ana@example.org"
    assert (gift.card_brand, gift.card_last4) == ("visa", "4242")
    assert Attempt.objects.get(gift=gift).outcome == Attempt.Outcome.SUCCEEDED
    assert ReceiptDue.objects.filter(gift=gift).count() == 1
    assert AuditEntry.objects.filter(action="settle", target_id=str(gift.pk)).count() == 1


@pytest.mark.django_db
def test_rule_6_the_gift_date_is_the_organisations_date_not_utc() -> None:
    gift = builders.pending_gift()
    gifts.settle(gift.pk, paid(gift))
    gift.refresh_from_db()
    assert gift.gift_on == date(2026, 12, 31)
    assert gift.gift_date_basis == "charge"
    assert set(gift.ledger_entries.values_list("booked_on", flat=True)) == {date(2026, 12, 31)}


@pytest.mark.django_db
def test_settled_twice_is_booked_once_and_told_once() -> None:
    gift, told = builders.pending_gift(), []

    def listen(gift: Gift, **_: object) -> None:
        told.append(gift.pk)

    signals.gift_settled.connect(listen)
    try:
        for _ in range(3):
            gifts.settle(gift.pk, paid(gift))
    finally:
        signals.gift_settled.disconnect(listen)

    assert LedgerEntry.objects.filter(gift=gift).count() == 2
    assert ReceiptDue.objects.count() == 1
    assert told == [gift.pk]


def test_settled_from_twenty_threads_is_booked_once(transactional_db: None) -> None:
    gift = builders.pending_gift()
    errors = at_once(20, lambda _: gifts.settle(gift.pk, paid(gift)))
    assert errors == []
    assert LedgerEntry.objects.filter(gift=gift).count() == 2
    assert Attempt.objects.count() == ReceiptDue.objects.count() == Donor.objects.count() == 1
    assert AuditEntry.objects.filter(action="settle").count() == 1


def test_gifts_of_one_new_donor_settled_at_once_make_one_donor(transactional_db: None) -> None:
    started = [builders.pending_gift(donor_email="new@example.org", payment_intent_id=f"pi_{n}") for n in range(8)]
    errors = at_once(8, lambda n: gifts.settle(started[n].pk, paid(started[n], charge_id=f"ch_{n}")))
    assert errors == []
    assert Donor.objects.get().gifts.count() == 8


def test_killed_before_commit_leaves_nothing_and_the_next_try_books(transactional_db: None) -> None:
    gift = builders.pending_gift()

    class Killed(Exception):
        pass

    def settle_and_die() -> None:
        with transaction.atomic():
            gifts.settle(gift.pk, paid(gift))
            raise Killed

    with pytest.raises(Killed):
        settle_and_die()
    gift.refresh_from_db()
    assert gift.status == Gift.Status.PENDING
    assert LedgerEntry.objects.count() == ReceiptDue.objects.count() == Donor.objects.count() == 0

    gifts.settle(gift.pk, paid(gift))
    assert books(gift) == [("fee", -103), ("gift", 2500)]


def test_connection_lost_mid_settlement_leaves_nothing(transactional_db: None) -> None:
    gift = builders.pending_gift()

    def lose_the_connection(**_: object) -> None:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_backend_pid()")
            (pid,) = cursor.fetchone() or (0,)
        other = connections.create_connection("default")
        with other.cursor() as cursor:
            cursor.execute("SELECT pg_terminate_backend(%s)", [pid])
        other.close()

    signals.gift_settled.connect(lose_the_connection)
    try:
        with pytest.raises(Exception, match=r"terminat|closed|lost"):
            gifts.settle(gift.pk, paid(gift))
    finally:
        signals.gift_settled.disconnect(lose_the_connection)
    connection.close()
    assert LedgerEntry.objects.count() == 0
    gifts.settle(gift.pk, paid(gift))
    assert books(gift) == [("fee", -103), ("gift", 2500)]


@pytest.mark.django_db
def test_the_fee_is_booked_when_stripe_knows_it() -> None:
    gift = builders.pending_gift()
    gifts.settle(gift.pk, paid(gift, fee=None))
    assert books(gift) == [("gift", 2500)]
    gifts.settle(gift.pk, paid(gift))
    assert books(gift) == [("fee", -103), ("gift", 2500)]


@pytest.mark.django_db
def test_what_stripe_took_is_booked_whatever_the_form_asked() -> None:
    gift = builders.pending_gift(amount_minor=2500, covered_fee_minor=100)
    gifts.settle(gift.pk, paid(gift, amount_minor=2000))
    gift.refresh_from_db()
    assert (gift.amount_minor, gift.covered_fee_minor) == (2000, 0)
    assert ("gift", 2000) in books(gift)


@pytest.mark.django_db
def test_a_second_payment_for_one_gift_is_booked_and_shown_to_staff() -> None:
    gift = builders.pending_gift(payment_intent_id="pi_1")
    gifts.settle(gift.pk, paid(gift))
    gifts.settle(gift.pk, replace(paid(gift, charge_id="ch_2"), id="pi_2"))
    assert books(gift) == [("fee", -103), ("fee", -103), ("gift", 2500), ("gift", 2500)]
    assert AuditEntry.objects.filter(action="second payment").count() == 1
    assert ReceiptDue.objects.count() == 1


def declined(event: str = "ch_no") -> gateway.Decline:
    return gateway.Decline(source=event, code="insufficient_funds", happened_at=NEW_YEARS_EVE)


@pytest.mark.django_db
def test_a_decline_is_on_record_once_and_the_gift_can_still_be_paid() -> None:
    gift = builders.pending_gift(payment_intent_id="pi_1")
    gifts.decline(gift.pk, "pi_1", declined())
    gifts.decline(gift.pk, "pi_1", declined())
    gift.refresh_from_db()
    assert gift.status == Gift.Status.FAILED
    assert Attempt.objects.get().code == "insufficient_funds"
    assert LedgerEntry.objects.count() == ReceiptDue.objects.count() == Donor.objects.count() == 0

    gifts.settle(gift.pk, paid(gift))
    gift.refresh_from_db()
    assert gift.status == Gift.Status.SETTLED


@pytest.mark.django_db
def test_a_decline_that_arrives_after_success_changes_nothing_but_the_record() -> None:
    gift = builders.pending_gift(payment_intent_id="pi_1")
    gifts.settle(gift.pk, paid(gift))
    gifts.decline(gift.pk, "pi_1", declined())
    gift.refresh_from_db()
    assert gift.status == Gift.Status.SETTLED
    assert Attempt.objects.count() == 2


@pytest.mark.django_db
def test_news_of_a_replaced_payment_does_not_close_the_gift() -> None:
    gift = builders.pending_gift(payment_intent_id="pi_new")
    gone = replace(paid(gift), id="pi_old", status="canceled", charge=None)
    gifts.apply_payment(gift.pk, gone)
    gifts.decline(gift.pk, "pi_old", declined())
    gift.refresh_from_db()
    assert gift.status == Gift.Status.PENDING


@pytest.mark.django_db
def test_money_for_an_expired_gift_is_still_a_gift() -> None:
    gift = builders.pending_gift(status=Gift.Status.EXPIRED)
    gifts.settle(gift.pk, paid(gift))
    gift.refresh_from_db()
    assert gift.status == Gift.Status.SETTLED


@pytest.mark.django_db
def test_a_monthly_gift_starts_its_plan_with_the_card_it_was_paid_with() -> None:
    gift = builders.pending_gift(frequency=Gift.Frequency.MONTHLY, plan=builders.starting_plan())
    gifts.settle(gift.pk, paid(gift))
    plan = Plan.objects.get()
    assert plan.status == Plan.Status.ACTIVE
    assert plan.donor == Gift.objects.get().donor
    assert (plan.started_on, plan.anchor_day, plan.next_due_on) == (date(2026, 12, 31), 31, date(2027, 1, 31))
    assert (plan.stripe_payment_method_id, plan.card_last4) == ("pm_1", "4242")
    assert plan.card_expires_on == date(2028, 12, 31)


@pytest.mark.django_db
def test_rule_87_an_unpaid_attempt_makes_no_donor() -> None:
    builders.pending_gift(donor_email="somebody.else@example.org")
    assert Donor.objects.count() == 0


@pytest.mark.django_db
def test_a_known_donor_is_never_overwritten_by_what_a_form_says() -> None:
    known = builders.donor(name="Ana Known", email="ana@example.org", city="Boston")
    gift = builders.pending_gift(donor_name="Somebody Else", donor_email="ANA@example.org", city="Paris")
    gifts.settle(gift.pk, paid(gift))
    known.refresh_from_db()
    gift.refresh_from_db()
    assert gift.donor == known
    assert (known.name, known.city) == ("Ana Known", "Boston")
    assert gift.donor_name == "Somebody Else"
