"""Batches: kept as typed, closed only when they agree, booked once or not at all, and never edited afterwards."""

import threading
from collections.abc import Callable
from datetime import date, timedelta
from typing import Any
from uuid import uuid4

import psycopg
import pytest
import time_machine
from django.core.exceptions import PermissionDenied
from django.db import DatabaseError, InternalError, OperationalError, connection, connections, transaction
from pytest_django.fixtures import Settings

from donations.desk import batches, checking, rows
from donations.models import Batch, BatchRow, Donor, Gift, LedgerEntry, Receipt, ReceiptDue
from donations.receipts import issue
from nonprofit import clock
from nonprofit.models import AuditEntry, User
from nonprofit.money import Money
from tests import builders

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def newsroom() -> None:
    builders.campaign()


def opened(user: User, **fields: Any) -> Batch:
    defaults: dict[str, Any] = {
        "kind": "checks",
        "expected_count": 2,
        "expected_total": Money(12_500),
        "deposit_on": clock.today(),
        "fund": builders.fund(),
    }
    return batches.open(batches.Header(**{**defaults, **fields}), user)


def check(batch: Batch, user: User, **fields: Any) -> BatchRow:
    """A row typed in full: a check of $25 that came today."""
    facts = {"check_number": "1001", "received_on": clock.today(), **fields.pop("facts", {})}
    defaults: dict[str, Any] = {"attempt": uuid4(), "amount_minor": 2_500, "facts": facts}
    if "donor_id" not in fields:
        defaults["donor_id"] = builders.donor().pk
    return rows.save(batch.pk, rows.Typed(**{**defaults, **fields}), user)


@pytest.fixture
def sam() -> User:
    return builders.staff("Staff")


@pytest.fixture
def fiona() -> User:
    return builders.staff("Finance")


@pytest.fixture
def two(sam: User) -> Batch:
    """A batch of two checks that balances."""
    batch = opened(sam)
    check(batch, sam, amount_minor=2_500)
    check(batch, sam, amount_minor=10_000, facts={"check_number": "1002"})
    return batch


def nothing_booked() -> bool:
    return not (Gift.objects.exists() or LedgerEntry.objects.exists() or ReceiptDue.objects.exists())


def why_not(batch: Batch, user: User) -> str:
    """What refuses to close; and nothing is booked."""
    with pytest.raises(batches.CannotClose) as refusal:
        batches.close(batch.pk, user)
    assert nothing_booked()
    assert Batch.objects.get(pk=batch.pk).status == "open"
    return " ".join(refusal.value.reasons)


# --- closing ----------------------------------------------------------------------------------------------------------


def test_a_batch_that_balances_is_booked_as_a_whole(two: Batch, sam: User) -> None:
    closed = batches.close(two.pk, sam)

    assert (closed.status, closed.closed_by) == ("closed", sam)
    gifts = list(Gift.objects.order_by("amount_minor"))
    assert [(g.kind, g.status, g.amount_minor, g.gift_date_basis) for g in gifts] == [
        ("check", "settled", 2_500, "received"),
        ("check", "settled", 10_000, "received"),
    ]
    assert [g.gift_on for g in gifts] == [clock.today()] * 2
    lines = LedgerEntry.objects.order_by("amount_minor")
    assert [(line.kind, line.amount_minor, line.booked_on) for line in lines] == [
        ("gift", 2_500, two.deposit_on),
        ("gift", 10_000, two.deposit_on),
    ]
    assert {line.source for line in lines} == {f"batch-row:{row.pk}" for row in two.rows.all()}
    assert ReceiptDue.objects.count() == 2
    assert {row.gift_id for row in two.rows.all()} == {gift.pk for gift in gifts}
    assert {gift.detail.batch for gift in gifts} == {two}
    assert [(e.action, e.target_type, e.actor) for e in AuditEntry.objects.order_by("pk")] == [
        ("open batch", "batch", f"staff:{sam.pk}"),
        ("record gift", "gift", f"staff:{sam.pk}"),
        ("record gift", "gift", f"staff:{sam.pk}"),
        ("close batch", "batch", f"staff:{sam.pk}"),
    ]


def test_closed_twice_it_is_booked_once(two: Batch, sam: User, fiona: User) -> None:
    batches.close(two.pk, sam)
    again = batches.close(two.pk, fiona)
    assert again.closed_by == sam
    assert (Gift.objects.count(), LedgerEntry.objects.count()) == (2, 2)


def test_nothing_is_booked_or_receipted_before_it_closes(two: Batch) -> None:
    assert nothing_booked()
    assert issue.issue_due() == []


@pytest.mark.parametrize(
    ("header", "reason"),
    [
        ({"expected_count": 3}, "2 of 3 expected items are entered"),
        ({"expected_total": Money(12_600)}, "The total is $125.00, which is $1.00 less than the expected $126.00."),
    ],
)
def test_it_does_not_close_while_count_or_total_differ(sam: User, header: dict[str, Any], reason: str) -> None:
    batch = opened(sam, **header)
    check(batch, sam, amount_minor=2_500)
    check(batch, sam, amount_minor=10_000, facts={"check_number": "1002"})
    assert reason in why_not(batch, sam)


def test_every_row_says_what_it_lacks(two: Batch, sam: User) -> None:
    first, second = two.rows.all()
    rows.save(two.pk, rows.Typed(attempt=first.attempt, facts={"check_number": "1001"}), sam)
    rows.save(two.pk, rows.Typed(attempt=second.attempt, donor_id=second.donor_id, unread={"amount": "25,50"}), sam)
    said = why_not(two, sam)
    assert "Row 1: The supporter is missing. The amount is missing. Received is missing." in said
    assert "Row 2: Amount “25,50” cannot be read." in said


def test_an_empty_batch_does_not_close(sam: User) -> None:
    assert "Nothing has been entered" in why_not(opened(sam, expected_count=0, expected_total=Money(0)), sam)


def test_a_kind_of_another_batch_is_refused(two: Batch, sam: User) -> None:
    row = two.rows.first()
    assert row
    rows.save(two.pk, rows.Typed(attempt=row.attempt, kind="stock", donor_id=row.donor_id), sam)
    assert "Row 1: Stock does not come in this kind of batch." in why_not(two, sam)


def test_only_holders_of_the_right_close(two: Batch) -> None:
    for user in (builders.staff("Data entry"), builders.staff(), User.objects.create_user("ana@example.org")):
        with pytest.raises(PermissionDenied):
            batches.close(two.pk, user)
    assert nothing_booked()


def test_who_corrected_a_row_of_another_entered_it_too(two: Batch, settings: Settings) -> None:
    boss, row = builders.staff("Administrator"), two.rows.get(position=1)
    typed = rows.Typed(attempt=row.attempt, donor_id=row.donor_id, amount_minor=9_900, facts=row.facts())
    rows.save(two.pk, typed, boss)
    with pytest.raises(batches.CannotChange, match="another person has to look"):
        batches.override(two.pk, boss, "It is as it is.")
    settings.DESK_CLOSER_DIFFERS = True
    assert "another person closes it" in why_not(two, boss)


def test_the_one_who_entered_may_be_kept_from_closing(two: Batch, sam: User, fiona: User, settings: Settings) -> None:
    settings.DESK_CLOSER_DIFFERS = True
    assert "another person closes it" in why_not(two, sam)
    assert batches.close(two.pk, fiona).closed_by == fiona


# --- at once, and killed ----------------------------------------------------------------------------------------------


def at_once(*work: Callable[[], object]) -> list[BaseException]:
    gate = threading.Barrier(len(work))
    failed: list[BaseException] = []

    def run(one: Callable[[], object]) -> None:
        gate.wait(timeout=20)
        try:
            one()
        except Exception as error:
            failed.append(error)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=run, args=[one]) for one in work]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=30)
    return failed


@pytest.mark.django_db(transaction=True)
def test_two_people_closing_at_once_book_once(two: Batch, sam: User, fiona: User) -> None:
    failed = at_once(*[lambda who=who: batches.close(two.pk, who) for who in (sam, fiona, sam, fiona)])
    assert failed == []
    assert (Gift.objects.count(), LedgerEntry.objects.count(), ReceiptDue.objects.count()) == (2, 2, 2)
    assert AuditEntry.objects.filter(action="close batch").count() == 1


@pytest.mark.django_db(transaction=True)
def test_a_row_typed_while_it_closes_is_in_it_or_refused(two: Batch, sam: User) -> None:
    failed = at_once(lambda: batches.close(two.pk, sam), lambda: check(two, sam, facts={"check_number": "9"}))
    batch = Batch.objects.get(pk=two.pk)
    assert len(failed) == 1
    if batch.status == "closed":
        assert isinstance(failed[0], batches.CannotChange)
        assert (batch.rows.count(), Gift.objects.count()) == (2, 2)
    else:
        assert isinstance(failed[0], batches.CannotClose)
        assert (batch.rows.count(), Gift.objects.count()) == (3, 0)


WAITS = """SELECT pid FROM pg_stat_activity
    WHERE wait_event_type = 'Lock' AND datname = current_database()"""
# Whoever waits for a lock is in the middle of a transaction, and dies there.
KILL = """SELECT pg_terminate_backend(pid) FROM pg_stat_activity
    WHERE wait_event_type = 'Lock' AND datname = current_database()"""


def database() -> "psycopg.Connection[Any]":
    """Another session in this test's database."""
    settings = connection.settings_dict
    return psycopg.connect(
        dbname=settings["NAME"], user=settings["USER"], host=settings["HOST"], port=settings["PORT"], autocommit=True
    )


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("table", ["donations_ledgerentry", "donations_receiptdue", "donations_batchrow"])
def test_a_killed_close_books_nothing_and_the_next_one_all(two: Batch, sam: User, table: str) -> None:
    failed: list[BaseException] = []
    with database() as locking, database() as watching:
        locking.execute(f"BEGIN; LOCK TABLE {table} IN EXCLUSIVE MODE")
        closing = threading.Thread(target=lambda: failed.extend(at_once(lambda: batches.close(two.pk, sam))))
        closing.start()
        killed = 0
        while closing.is_alive():
            killed += len(watching.execute(KILL).fetchall())
            closing.join(timeout=0.05)
        locking.execute("ROLLBACK")
    assert killed
    assert isinstance(failed[0], OperationalError)
    assert nothing_booked()
    assert Batch.objects.get(pk=two.pk).status == "open"
    batches.close(two.pk, sam)
    assert (Gift.objects.count(), LedgerEntry.objects.count(), ReceiptDue.objects.count()) == (2, 2, 2)


# --- override ---------------------------------------------------------------------------------------------------------


def test_another_person_lets_it_close_with_a_reason(sam: User, fiona: User) -> None:
    batch = opened(sam, expected_total=Money(5_000))
    check(batch, sam)
    with pytest.raises(batches.CannotChange, match="Say why"):
        batches.override(batch.pk, fiona, "  ")
    batches.override(batch.pk, fiona, "The tape counts one check twice.")
    batches.close(batch.pk, sam)
    assert LedgerEntry.objects.get().amount_minor == 2_500
    entry = AuditEntry.objects.get(action="override batch")
    assert (entry.actor, entry.reason) == (f"staff:{fiona.pk}", "The tape counts one check twice.")
    assert "1 of 2 expected items" in entry.after["difference"][0]


def test_the_same_person_may_not_override() -> None:
    alex, ada = builders.staff("Administrator"), builders.staff("Administrator")
    batch = opened(alex, expected_total=Money(5_000))
    check(batch, ada)
    for who in (alex, ada):
        with pytest.raises(batches.CannotChange, match="another person has to look"):
            batches.override(batch.pk, who, "It is fine.")
    assert "1 of 2" in why_not(batch, alex)
    assert Batch.objects.get().overridden_by is None


def test_an_override_needs_the_right_and_holds_for_the_batch_as_it_was(sam: User, fiona: User) -> None:
    batch = opened(sam, expected_total=Money(5_000))
    row = check(batch, sam)
    with pytest.raises(PermissionDenied):
        batches.override(batch.pk, builders.staff("Staff"), "It is fine.")
    batches.override(batch.pk, fiona, "The tape counts one check twice.")
    again = rows.Typed(
        attempt=row.attempt,
        donor_id=row.donor_id,
        amount_minor=9_900,
        facts={"check_number": "1001", "received_on": row.received_on},
    )
    rows.save(batch.pk, again, sam)
    assert "The total is $99.00" in why_not(batch, sam)


def test_an_override_lets_no_unfinished_row_through(two: Batch, sam: User, fiona: User) -> None:
    rows.save(two.pk, rows.Typed(attempt=uuid4(), amount_minor=100), sam)
    first = two.rows.first()
    assert first
    rows.remove(first.pk, sam)
    batches.override(two.pk, fiona, "Short by one.")
    assert "Row 3: The supporter is missing." in why_not(two, sam)


def test_nothing_to_override(two: Batch, fiona: User) -> None:
    with pytest.raises(batches.CannotChange, match="nothing to override"):
        batches.override(two.pk, fiona, "Because.")


# --- rows -------------------------------------------------------------------------------------------------------------


def test_a_half_typed_row_is_kept_and_the_same_attempt_is_the_same_row(sam: User) -> None:
    batch, attempt = opened(sam), uuid4()
    rows.save(batch.pk, rows.Typed(attempt=attempt, unread={"donor": "silv", "amount": "25,"}), sam)
    donor = builders.donor(name="Ana Silva")
    facts = {"check_number": "7", "received_on": clock.today(), "ticker": "ACME"}
    rows.save(batch.pk, rows.Typed(attempt=attempt, donor_id=donor.pk, amount_minor=2_500, facts=facts), sam)
    row = BatchRow.objects.get()
    assert (row.position, row.donor, row.amount_minor, row.unread) == (1, donor, 2_500, {})
    assert row.ticker == "", "a check has no ticker"
    assert not AuditEntry.objects.filter(target_type="batchrow").exists(), "typing is no change"


def test_a_change_of_a_finished_row_is_in_the_audit_log(two: Batch, sam: User) -> None:
    row = two.rows.first()
    assert row
    typed = rows.Typed(attempt=row.attempt, donor_id=row.donor_id, amount_minor=2_600, facts=row.facts())
    rows.save(two.pk, typed, sam)
    rows.save(two.pk, typed, sam)
    entry = AuditEntry.objects.get(action="change row")
    assert (entry.before, entry.after) == ({"amount_minor": 2_500}, {"amount_minor": 2_600})
    rows.remove(row.pk, sam)
    rows.remove(row.pk, sam)
    assert AuditEntry.objects.get(action="remove row").before["amount_minor"] == 2_600
    assert [one.position for one in two.rows.all()] == [2], "the others keep their numbers"


def test_a_merged_supporter_is_the_one_they_became(sam: User) -> None:
    kept = builders.donor()
    gone = builders.donor(merged_into=kept)
    assert check(opened(sam), sam, donor_id=gone.pk).donor == kept


def test_only_holders_of_the_right_type(two: Batch) -> None:
    row = two.rows.first()
    assert row
    for user in (builders.staff("Finance"), builders.staff(), User.objects.create_user("ana@example.org")):
        for deed in (
            lambda user=user: check(two, user),
            lambda user=user: rows.remove(row.pk, user),
            lambda user=user: rows.accept_duplicate(row.pk, user),
            lambda user=user: rows.put_aside(row.pk, user),
            lambda user=user: opened(user),
        ):
            with pytest.raises(PermissionDenied):
                deed()
    assert two.rows.count() == 2


def test_cash_of_unknown_people_is_booked_without_a_receipt_to_anybody(sam: User) -> None:
    batch = opened(sam, expected_count=1, expected_total=Money(1_234))
    unknown = rows.unknown_giver()
    assert rows.unknown_giver() == unknown
    check(batch, sam, kind="cash", donor_id=unknown.pk, amount_minor=1_234)
    batches.close(batch.pk, sam)
    assert LedgerEntry.objects.get().amount_minor == 1_234
    issue.issue_due()
    assert not Receipt.objects.exists()


# --- dates ------------------------------------------------------------------------------------------------------------


@time_machine.travel("2027-01-05T15:00:00+00:00", tick=False)
def test_staff_set_another_gift_date_with_a_reason(sam: User) -> None:
    batch = opened(sam, expected_count=1, expected_total=Money(2_500))
    facts = {"check_number": "7", "sent_by": "usps", "postmarked_on": date(2027, 1, 2), "received_on": date(2027, 1, 4)}
    typed: dict[str, Any] = {"attempt": uuid4(), "facts": facts, "gift_on_override": date(2026, 12, 31)}
    check(batch, sam, **typed)
    assert "Say why the gift date is another" in why_not(batch, sam)
    check(
        batch,
        sam,
        **typed,
        date_reason="The envelope was handed in on New Year's Eve.",
        donor_id=batch.rows.get().donor_id,
    )
    batches.close(batch.pk, sam)
    gift = Gift.objects.get()
    assert (gift.gift_on, gift.gift_date_basis) == (date(2026, 12, 31), "staff")
    assert (gift.detail.proposed_gift_on, gift.detail.date_reason[:12]) == (date(2027, 1, 2), "The envelope")
    assert gift.detail.postmarked_on == date(2027, 1, 2)
    assert LedgerEntry.objects.get().booked_on == date(2027, 1, 5), "the books follow the deposit"


@time_machine.travel("2026-11-23T15:00:00+00:00", tick=False)
def test_wires_are_booked_on_their_credit_and_property_when_it_came(sam: User) -> None:
    deposit, credited = date(2026, 11, 23), date(2026, 11, 20)
    wires = opened(sam, kind="wires", expected_count=1, expected_total=Money(2_500), deposit_on=deposit)
    check(wires, sam, kind="wire", facts={"credited_on": credited})
    stock = opened(sam, kind="property", expected_count=1, expected_total=Money(0), deposit_on=deposit)
    facts = {"ticker": "ACME", "quantity": 50, "credited_on": credited, "internal_value_minor": 71_000}
    check(stock, sam, kind="stock", amount_minor=None, facts=facts)
    batches.close(wires.pk, sam)
    batches.close(stock.pk, sam)
    lines = LedgerEntry.objects.order_by("pk")
    assert [(line.kind, line.amount_minor, line.booked_on) for line in lines] == [
        ("gift", 2_500, credited),
        ("property", 71_000, credited),
    ]
    assert [g.amount_minor for g in Gift.objects.order_by("pk")] == [2_500, 0]


def test_a_date_in_the_future_is_refused(sam: User) -> None:
    batch = opened(sam, expected_count=1, expected_total=Money(2_500))
    check(batch, sam, facts={"received_on": clock.today() + timedelta(days=1)})
    assert "Received lies in the future." in why_not(batch, sam)


# --- postdated checks -------------------------------------------------------------------------------------------------


def test_a_postdated_check_waits_for_its_date(two: Batch, sam: User, fiona: User) -> None:
    later = clock.today() + timedelta(days=22)
    told = f"{later:%B} {later.day}, {later.year}"
    row = two.rows.last()
    assert row
    facts = {**row.facts(), "check_on": later}
    rows.save(two.pk, rows.Typed(attempt=row.attempt, donor_id=row.donor_id, amount_minor=10_000, facts=facts), sam)
    assert f"Row 2: the check is dated {told}, after the deposit. Put it aside" in why_not(two, sam)

    waiting = rows.put_aside(row.pk, sam)
    assert rows.put_aside(row.pk, sam) == waiting

    two.refresh_from_db()
    assert (two.expected_count, two.expected_total_minor) == (1, 2_500)
    assert (waiting.note, waiting.deposit_on, waiting.is_postdated) == ("Postdated checks", later, True)
    assert (waiting.expected_count, waiting.expected_total_minor) == (1, 10_000)
    assert f"cannot go to the bank before {told}" in why_not(waiting, sam)
    batches.close(two.pk, sam)
    assert Gift.objects.get().amount_minor == 2_500
    with time_machine.travel(f"{later}T15:00:00+00:00", tick=False):
        batches.close(waiting.pk, fiona)
    gift = Gift.objects.get(amount_minor=10_000)
    assert (gift.gift_on, gift.gift_date_basis) == (later, "check")
    assert LedgerEntry.objects.get(gift=gift).booked_on == later


@pytest.mark.django_db(transaction=True)
def test_checks_of_one_date_put_aside_at_once_share_one_batch(sam: User) -> None:
    later = clock.today() + timedelta(days=20)
    mine = [check(opened(sam), sam, facts={"check_number": str(n), "check_on": later}) for n in range(3)]
    assert at_once(*[lambda row=row: rows.put_aside(row.pk, sam) for row in mine]) == []
    waiting = Batch.objects.get(is_postdated=True)
    assert (waiting.expected_count, waiting.expected_total_minor) == (3, 7_500)
    assert sorted(row.position for row in waiting.rows.all()) == [1, 2, 3]


@time_machine.travel("2026-11-23T15:00:00+00:00", tick=False)
def test_a_check_is_not_booked_before_its_date_because_the_deposit_is_later_too(sam: User) -> None:
    later = date(2026, 12, 15)
    batch = opened(sam, expected_count=1, expected_total=Money(2_500), deposit_on=later)
    check(batch, sam, facts={"check_on": later})
    assert "Row 1: the check is dated December 15, 2026: close the batch on that day." in why_not(batch, sam)
    with time_machine.travel("2026-12-15T15:00:00+00:00", tick=False):
        batches.close(batch.pk, sam)
    assert Gift.objects.get().gift_on == later


def test_a_check_put_aside_keeps_its_campaign_and_one_without_gets_none(sam: User) -> None:
    later = clock.today() + timedelta(days=20)
    gala = builders.campaign(slug="gala", code="GALA", name="Gala", is_default=False)
    given = [opened(sam, campaign=gala), opened(sam)]
    waiting = [
        rows.put_aside(check(one, sam, facts={"check_number": str(one.pk), "check_on": later}).pk, sam) for one in given
    ]
    with time_machine.travel(later + timedelta(days=1), tick=False):
        for pk in {one.pk for one in waiting}:
            batches.close(pk, sam)
    assert list(Gift.objects.order_by("batch_row__pk").values_list("campaign", flat=True)) == [gala.pk, None]


@pytest.mark.django_db(transaction=True)
def test_a_row_put_aside_while_it_is_removed_stays_where_it_went(sam: User) -> None:
    later = clock.today() + timedelta(days=20)
    batch = opened(sam)
    row = check(batch, sam, facts={"check_on": later})
    with transaction.atomic():
        Batch.objects.select_for_update().get(pk=batch.pk)
        failed: list[BaseException] = []
        removing = threading.Thread(target=lambda: failed.extend(at_once(lambda: rows.remove(row.pk, sam))))
        removing.start()
        with database() as watching:
            while not watching.execute(WAITS).fetchall():
                assert removing.is_alive()
        target = Batch.objects.create(
            expected_count=1,
            expected_total_minor=2_500,
            deposit_on=later,
            fund=batch.fund,
            is_postdated=True,
            opened_by=sam,
        )
        BatchRow.objects.filter(pk=row.pk).update(batch=target)
    removing.join(timeout=20)
    assert [type(one) for one in failed] == [batches.CannotChange]
    assert BatchRow.objects.get(pk=row.pk).batch == target


def test_a_check_of_today_is_not_put_aside(two: Batch, sam: User) -> None:
    row = two.rows.first()
    assert row
    with pytest.raises(batches.CannotChange, match="dated after the deposit"):
        rows.put_aside(row.pk, sam)


# --- duplicates -------------------------------------------------------------------------------------------------------


def test_a_probable_duplicate_is_shown_and_accepted_on_record(two: Batch, sam: User) -> None:
    batches.close(two.pk, sam)
    gift = Gift.objects.get(amount_minor=2_500)
    batch = opened(sam, expected_count=1, expected_total=Money(2_500))
    row = check(batch, sam, donor_id=gift.donor_id)

    [other] = checking.duplicates([row])[row.pk]
    assert other.gift == gift
    with pytest.raises(batches.CannotClose, match=f"looks like {gift.public_id}"):
        batches.close(batch.pk, sam)
    rows.accept_duplicate(row.pk, sam)
    batches.close(batch.pk, sam)
    assert Gift.objects.filter(amount_minor=2_500).count() == 2
    assert gift.public_id in AuditEntry.objects.get(action="accept duplicate").after["like"][0]


def test_two_open_rows_that_are_the_same_warn_each_other(sam: User) -> None:
    first, second = opened(sam), opened(sam)
    donor = builders.donor()
    one = check(first, sam, donor_id=donor.pk)
    same = check(second, sam, donor_id=donor.pk)
    assert checking.duplicates([one])[one.pk][0].row == same
    rows.accept_duplicate(one.pk, sam)
    again = rows.Typed(attempt=one.attempt, donor_id=donor.pk, amount_minor=2_600, facts=one.facts())
    assert rows.save(first.pk, again, sam).is_duplicate_accepted is False, "another amount is another question"
    assert checking.duplicates([BatchRow.objects.get(pk=one.pk)]) == {}


def test_another_supporter_number_or_amount_is_no_duplicate(sam: User) -> None:
    batch, donor = opened(sam), builders.donor()
    row = check(batch, sam, donor_id=donor.pk)
    check(batch, sam)
    check(batch, sam, donor_id=donor.pk, facts={"check_number": "1002"})
    check(batch, sam, donor_id=donor.pk, amount_minor=2_600)
    assert checking.duplicates([row]) == {}


# --- afterwards -------------------------------------------------------------------------------------------------------


def test_nothing_of_a_closed_batch_is_edited(two: Batch, sam: User, fiona: User) -> None:
    batches.close(two.pk, sam)
    row = two.rows.first()
    assert row
    for deed in (
        lambda: check(two, sam),
        lambda: rows.save(two.pk, rows.Typed(attempt=row.attempt, amount_minor=1), sam),
        lambda: rows.remove(row.pk, sam),
        lambda: rows.put_aside(row.pk, sam),
        lambda: rows.accept_duplicate(row.pk, sam),
        lambda: batches.override(two.pk, fiona, "Because."),
        lambda: batches.discard(two.pk, sam, "Because."),
        lambda: batches.change_header(two.pk, header(two), sam),
    ):
        with pytest.raises(batches.CannotChange, match="is closed"):
            deed()


def header(batch: Batch) -> batches.Header:
    return batches.Header(batch.kind, 1, Money(1), batch.deposit_on, batch.fund)


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    "change",
    [
        lambda batch: batch.rows.update(amount_minor=1),
        lambda batch: batch.rows.all().delete(),
        lambda batch: Batch.objects.filter(pk=batch.pk).update(status="open"),
        lambda batch: Batch.objects.filter(pk=batch.pk).update(expected_total_minor=1),
    ],
)
def test_the_database_refuses_it_too(two: Batch, sam: User, change: Callable[[Batch], object]) -> None:
    batches.close(two.pk, sam)
    with pytest.raises((DatabaseError, InternalError), match="refused"):
        change(two)
    two.rows.update(donor=builders.donor())
    Batch.objects.filter(pk=two.pk).update(bank_reference="DEP 1123")


def test_the_deposit_is_tied_to_one_bank_line(two: Batch, sam: User) -> None:
    with pytest.raises(batches.CannotChange, match="once the batch is closed"):
        batches.set_bank_reference(two.pk, "DEP 1123", sam)
    batches.close(two.pk, sam)
    batches.set_bank_reference(two.pk, " DEP 1123 ", sam)
    assert Batch.objects.get().bank_reference == "DEP 1123"
    assert AuditEntry.objects.get(action="tie to bank line").after == {"bank_reference": "DEP 1123"}
    with pytest.raises(PermissionDenied):
        batches.set_bank_reference(two.pk, "x", builders.staff("Data entry"))


def test_a_discarded_batch_books_nothing(two: Batch, sam: User) -> None:
    with pytest.raises(PermissionDenied):
        batches.discard(two.pk, builders.staff("Data entry"), "Not mine.")
    with pytest.raises(batches.CannotChange, match="Say why"):
        batches.discard(two.pk, sam, "")
    batches.discard(two.pk, sam, "Entered in another system.")
    with pytest.raises(batches.CannotChange, match="was discarded"):
        batches.close(two.pk, sam)
    assert nothing_booked()
    assert AuditEntry.objects.get(action="discard batch").reason == "Entered in another system."


def test_one_header_form_is_one_batch_and_its_change_is_on_record(sam: User) -> None:
    attempt = uuid4()
    what = batches.Header("checks", 3, Money(100), clock.today(), builders.fund())
    assert batches.open(what, sam, attempt) == batches.open(what, sam, attempt)
    batch = Batch.objects.get()
    batches.change_header(batch.pk, header(batch), sam)
    entry = AuditEntry.objects.get(action="change batch")
    assert (entry.before["expected_count"], entry.after["expected_count"]) == (3, 1)
    check(batch, sam)
    other = batches.Header("wires", 1, Money(1), batch.deposit_on, batch.fund)
    with pytest.raises(batches.CannotChange, match="another batch"):
        batches.change_header(batch.pk, other, sam)


def test_thanks_beside_the_legal_donor(sam: User) -> None:
    batch = opened(sam, expected_count=1, expected_total=Money(2_500))
    advisor, sponsor = builders.donor(), builders.donor(kind=Donor.Kind.DAF_SPONSOR)
    check(batch, sam, kind="daf", donor_id=sponsor.pk, recognized_id=advisor.pk, facts={"advised_fund": "Silva Fund"})
    batches.close(batch.pk, sam)
    gift = Gift.objects.get()
    assert (gift.donor, [(c.donor, c.role) for c in gift.soft_credits.all()]) == (sponsor, [(advisor, "advisor")])
    assert LedgerEntry.objects.get().donor == sponsor


def test_who_is_thanked_is_who_they_became_while_the_row_was_typed(sam: User) -> None:
    batch = opened(sam, expected_count=1, expected_total=Money(2_500))
    kept = builders.donor()
    gone, sponsor = builders.donor(merged_into=kept), builders.donor(kind=Donor.Kind.DAF_SPONSOR)
    row = check(batch, sam, kind="daf", donor_id=sponsor.pk, facts={"advised_fund": "Silva Fund"})
    BatchRow.objects.filter(pk=row.pk).update(recognized=gone)
    batches.close(batch.pk, sam)
    assert [credit.donor for credit in Gift.objects.get().soft_credits.all()] == [kept]


@time_machine.travel("2027-01-01T02:30:00+00:00", tick=False)
def test_a_batch_opened_on_new_years_eve_has_that_years_number(sam: User) -> None:
    assert opened(sam).public_id.startswith("B-2026-")
