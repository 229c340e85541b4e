"""Promises: parts that sum exactly, gifts that pay them, write-offs as events, and never a cent counted as received."""

import threading
from collections.abc import Callable
from datetime import date
from typing import Any
from uuid import uuid4

import pytest
from django.core.exceptions import PermissionDenied
from django.db import IntegrityError, OperationalError, connection, connections, transaction
from django.test import Client

from donations import offline
from donations.desk import promises
from donations.desk.promises import CannotPromise, Promised
from donations.models import (
    Donor,
    Gift,
    LedgerEntry,
    PartWriteOff,
    Promise,
    PromisePart,
    PromisePayment,
    Receipt,
    ReceiptDue,
    SoftCredit,
)
from donations.rules import dating
from donations.rules.instalments import Schedule, State
from nonprofit import audit, clock
from nonprofit.models import AuditEntry, OutgoingEmail, User
from nonprofit.money import Money
from tests import builders

pytestmark = pytest.mark.django_db
ACTOR = "staff:17"


def pledge(amount: str = "400", currency: str = "usd", **fields: Any) -> Promise:
    """A pledge of Alice's, in one part unless a schedule is given."""
    defaults: dict[str, Any] = {
        "attempt": uuid4(),
        "kind": Promise.Kind.PLEDGE,
        "donor": fields.pop("donor", None) or builders.donor(name="Alice"),
        "amount": Money.parse(amount, currency) if amount else None,
        "schedule": Schedule(first_on=date(2026, 12, 1)),
        "fund": builders.fund(),
        "promised_on": date(2026, 11, 1),
        "description": "100 ACME from Schwab" if fields.get("kind") == "stock" else "",
    }
    return promises.promise(Promised(**{**defaults, **fields}), actor=ACTOR)


def parts(made: Promise) -> list[PromisePart]:
    return list(made.parts.with_paid().select_related("promise"))


def part(made: Promise) -> PromisePart:
    (one,) = parts(made)
    return one


def check(donor: Donor, amount_minor: int = 40000, **fields: Any) -> Gift:
    return builders.settled_gift(donor=donor, amount_minor=amount_minor, **{"kind": "check", **fields})


def booked(donor: Donor, kind: str, amount: str, recognized: Any = ()) -> Gift:
    """A gift that staff recorded, booked with its ledger line by the one door."""
    builders.organization()
    return offline.record(
        offline.Recorded(
            attempt=uuid4(),
            kind=kind,
            donor=donor,
            amount=Money.parse(amount),
            fund=builders.fund(),
            campaign=None,
            source=f"test:{uuid4()}",
            dated=dating.GiftDate(date(2026, 11, 20), "received"),
            booked_on=date(2026, 11, 20),
            facts={"received_on": date(2026, 11, 20), "check_number": "1001"},
            recognized=recognized,
        ),
        actor=ACTOR,
    )


def finance() -> User:
    return User.objects.get(pk=builders.staff("Finance").pk)


def deeds() -> list[str]:
    return list(AuditEntry.objects.order_by("pk").values_list("action", flat=True))


def at_once(count: int, work: Callable[[], object]) -> list[BaseException]:
    """`work` in that many threads at the same moment; the errors they ended with."""
    gate = threading.Barrier(count)
    errors: list[BaseException] = []

    def run() -> None:
        gate.wait(timeout=20)
        try:
            work()
        except CannotPromise as error:
            errors.append(error)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=run) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=30)
    return errors


def killed(work: Callable[[], object]) -> None:
    """The database session of `work` dies after its last statement and before the commit."""
    with pytest.raises(OperationalError):
        _killed(work)
    connection.close()


def _killed(work: Callable[[], object]) -> None:
    with transaction.atomic(), connection.cursor() as cursor:
        work()
        cursor.execute("SELECT pg_terminate_backend(pg_backend_pid())")


# --- made ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("schedule", "due", "amounts"),
    [
        (Schedule(first_on=date(2026, 12, 1)), ["2026-12-01"], [100_00]),
        (Schedule(), [None], [100_00]),
        (
            Schedule("monthly", date(2027, 1, 31), 3),
            ["2027-01-31", "2027-02-28", "2027-03-31"],
            [33_34, 33_33, 33_33],
        ),
        (
            Schedule("quarterly", date(2026, 11, 30), 4),
            ["2026-11-30", "2027-02-28", "2027-05-30", "2027-08-30"],
            [25_00] * 4,
        ),
        (Schedule("yearly", date(2028, 2, 29), 2), ["2028-02-29", "2029-02-28"], [50_00, 50_00]),
        (
            Schedule("own", own=((date(2027, 6, 1), None), (date(2026, 12, 24), None), (date(2028, 1, 1), None))),
            ["2026-12-24", "2027-06-01", "2028-01-01"],
            [33_34, 33_33, 33_33],
        ),
        (
            Schedule("own", own=((date(2027, 6, 1), 60_00), (date(2026, 12, 24), 40_00))),
            ["2026-12-24", "2027-06-01"],
            [40_00, 60_00],
        ),
    ],
)
def test_parts_fall_on_their_dates_and_sum_exactly(
    schedule: Schedule, due: list[str | None], amounts: list[int]
) -> None:
    made = parts(pledge("100", schedule=schedule))
    assert [one.due_on.isoformat() if one.due_on else None for one in made] == due
    assert [one.amount_minor for one in made] == amounts
    assert sum(one.amount_minor or 0 for one in made) == 100_00


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"amount": ""}, "Say how much was promised"),
        ({"schedule": Schedule("monthly", None, 3)}, "when the first part is due"),
        ({"schedule": Schedule("monthly", date(2027, 1, 1), 0)}, "1 to 120 parts"),
        ({"schedule": Schedule("monthly", date(2027, 1, 1), 121)}, "1 to 120 parts"),
        ({"schedule": Schedule("own")}, "1 to 120 dates"),
        ({"amount": "0.02", "schedule": Schedule("monthly", date(2027, 1, 1), 3)}, "too small for so many parts"),
        (
            {"schedule": Schedule("own", own=((date(2027, 1, 1), 100), (date(2027, 2, 1), None)))},
            "to every date or to none",
        ),
        ({"schedule": Schedule("own", own=((date(2027, 1, 1), 100),))}, "do not come to the whole"),
        ({"kind": "stock"}, "Shares have no amount"),
        ({"kind": "stock", "amount": "", "description": " "}, "which, how many, and from which broker"),
    ],
)
def test_what_cannot_be_promised_is_said_and_leaves_nothing(wrong: dict[str, Any], says: str) -> None:
    with pytest.raises(CannotPromise, match=says):
        pledge(**wrong)
    assert (Promise.objects.count(), PromisePart.objects.count(), AuditEntry.objects.count()) == (0, 0, 0)


def test_the_same_form_sent_twice_is_one_promise() -> None:
    attempt, alice = uuid4(), builders.donor()
    first = pledge(attempt=attempt, donor=alice)
    assert pledge(attempt=attempt, donor=alice) == first
    assert (Promise.objects.count(), PromisePart.objects.count()) == (1, 1)
    assert deeds() == ["add promise"]


@pytest.mark.django_db(transaction=True)
def test_the_same_form_sent_twice_at_once_is_one_promise() -> None:
    attempt, alice, schedule = uuid4(), builders.donor(), Schedule("monthly", date(2027, 1, 1), 12)
    builders.fund()
    assert at_once(4, lambda: pledge(attempt=attempt, donor=alice, schedule=schedule)) == []
    assert (Promise.objects.count(), PromisePart.objects.count(), AuditEntry.objects.count()) == (1, 12, 1)


@pytest.mark.django_db(transaction=True)
def test_killed_before_the_commit_nothing_was_promised() -> None:
    killed(lambda: pledge())
    assert (Promise.objects.count(), PromisePart.objects.count(), AuditEntry.objects.count()) == (0, 0, 0)


def test_a_part_moves_and_the_log_says_from_where() -> None:
    one = part(pledge())
    for _ in range(2):
        promises.change_part(one.pk, due_on=date(2027, 3, 1), amount_minor=300_00, actor=ACTOR)
    changed = PromisePart.objects.get(pk=one.pk)
    assert (changed.due_on, changed.amount_minor) == (date(2027, 3, 1), 300_00)
    entry = AuditEntry.objects.get(action="change promise")
    assert entry.before == {"due_on": "2026-12-01", "amount_minor": 400_00}
    assert entry.after == {"due_on": "2027-03-01", "amount_minor": 300_00}


@pytest.mark.parametrize("amount", [None, 0])
def test_a_pledge_keeps_an_amount(amount: int | None) -> None:
    one = part(pledge())
    with pytest.raises(CannotPromise, match="Say how much is expected"):
        promises.change_part(one.pk, due_on=None, amount_minor=amount, actor=ACTOR)


# --- never received --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["pledge", "grant", "match", "stock", "bequest"])
def test_a_promise_is_counted_nowhere_as_received(kind: str, client: Client) -> None:
    user = User.objects.create_user("alice@example.org")
    alice = builders.donor(name="Alice", email="alice@example.org", user=user)
    made = pledge("" if kind == "stock" else "7777", kind=kind, donor=alice)
    promises.write_off(made, "changed her mind", finance())
    promises.take_back(made, "changed it again", finance())

    for model in (LedgerEntry, Gift, Receipt, ReceiptDue, OutgoingEmail):
        assert model.objects.count() == 0, model
    client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
    portal = client.get("/portal/", follow=True)
    assert portal.status_code == 200
    assert "7,777" not in portal.content.decode()


# --- paid ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("amounts", "state", "paid", "still"),
    [
        ([], State.OPEN, 0, 400_00),
        ([100_00], State.PARTLY_PAID, 100_00, 300_00),
        ([100_00, 300_00], State.PAID, 400_00, 0),
        ([450_00], State.OVERPAID, 450_00, 0),
    ],
)
def test_how_a_part_stands_follows_from_its_gifts(amounts: list[int], state: State, paid: int, still: int) -> None:
    made = pledge()
    for minor in amounts:
        promises.pay(part(made).pk, check(made.donor, minor).pk, ACTOR)
    stands = part(made)
    assert (stands.state, stands.paid, stands.open) == (state, Money(paid), Money(still))
    unpaid = PromisePart.objects.with_paid().unpaid().exists()
    assert unpaid == (still > 0)
    assert PromisePart.objects.with_paid().paid().exists() == (not unpaid)
    assert [one.pk for one in promises.open_parts_of(made.donor)] == ([stands.pk] if unpaid else [])


def test_a_reversed_gift_pays_no_more_and_its_replacement_does() -> None:
    made = pledge()
    gift = check(made.donor)
    promises.pay(part(made).pk, gift.pk, ACTOR)
    Gift.objects.filter(pk=gift.pk).update(status="reversed")
    assert (part(made).state, part(made).open) == (State.OPEN, Money(400_00))
    promises.pay(part(made).pk, check(made.donor).pk, ACTOR)
    assert part(made).state == State.PAID


def test_a_gift_pays_one_part_only_and_once() -> None:
    made = pledge(schedule=Schedule("monthly", date(2027, 1, 1), 2))
    first, second = parts(made)
    gift = check(made.donor, 200_00)
    payment = promises.pay(first.pk, gift.pk, ACTOR)
    assert promises.pay(first.pk, gift.pk, ACTOR) == payment
    with pytest.raises(CannotPromise, match="already pays P-"):
        promises.pay(second.pk, gift.pk, ACTOR)
    assert PromisePayment.objects.count() == 1
    assert deeds().count("pay promise") == 1


@pytest.mark.django_db(transaction=True)
def test_a_gift_attached_to_two_parts_at_once_pays_one() -> None:
    made = pledge(schedule=Schedule("monthly", date(2027, 1, 1), 2))
    waiting, gift = [one.pk for one in parts(made)] * 2, check(made.donor, 200_00)
    errors = at_once(4, lambda: promises.pay(waiting.pop(), gift.pk, ACTOR))
    assert PromisePayment.objects.count() == 1
    assert len(errors) == 2
    assert AuditEntry.objects.filter(action="pay promise").count() == 1


@pytest.mark.django_db(transaction=True)
def test_killed_while_paying_the_part_stays_open() -> None:
    made = pledge()
    gift = check(made.donor)
    killed(lambda: promises.pay(part(made).pk, gift.pk, ACTOR))
    assert part(made).state == State.OPEN
    assert PromisePayment.objects.count() == 0


@pytest.mark.parametrize(
    ("gift", "says"),
    [
        ({"status": "reversed"}, "is reversed"),
        ({"currency": "eur"}, "is in EUR, the promise in USD"),
        ({"donor": "another"}, "neither from Alice nor in their name"),
    ],
)
def test_what_cannot_pay_a_promise_is_said(gift: dict[str, Any], says: str) -> None:
    made = pledge()
    donor = builders.donor() if gift.pop("donor", "") else made.donor
    given = check(donor, **gift)
    with pytest.raises(CannotPromise, match=says):
        promises.pay(part(made).pk, given.pk, ACTOR)
    assert PromisePayment.objects.count() == 0


def test_started_money_pays_nothing() -> None:
    made = pledge()
    with pytest.raises(CannotPromise, match="only money that is here"):
        promises.pay(part(made).pk, builders.pending_gift().pk, ACTOR)


def test_a_fund_grant_pays_a_pledge_only_if_its_papers_do_not_mention_it() -> None:
    made = pledge()
    sponsor = builders.donor(name="Fidelity Charitable", kind="daf_sponsor")
    grant = check(sponsor, kind="daf")
    SoftCredit.objects.create(gift=grant, donor=made.donor, role="advisor")
    with pytest.raises(CannotPromise, match="do not mention the pledge"):
        promises.pay(part(made).pk, grant.pk, ACTOR)
    payment = promises.pay(part(made).pk, grant.pk, ACTOR, is_unmentioned=True)
    assert payment.papers_checked_by == ACTOR
    assert AuditEntry.objects.get(action="pay promise").after == {"gift": grant.pk, "papers_checked": True}
    assert part(made).state == State.PAID


def test_the_sponsors_own_grant_needs_no_such_check() -> None:
    sponsor = builders.donor(name="Fidelity Charitable", kind="daf_sponsor")
    made = pledge(donor=sponsor, kind="grant")
    payment = promises.pay(part(made).pk, check(sponsor, kind="daf").pk, ACTOR)
    assert payment.papers_checked_by == ""


def test_shares_pay_a_promise_of_shares_and_count_once() -> None:
    made = pledge("", kind="stock", description="100 shares of ACME from Schwab")
    assert (part(made).state, part(made).amount) == (State.OPEN, None)
    shares = check(made.donor, 0, kind="stock")
    promises.pay(part(made).pk, shares.pk, ACTOR)
    assert (part(made).state, part(made).paid) == (State.PAID, Money(0))
    assert promises.open_parts_of(made.donor) == []


def test_a_will_is_paid_by_the_estate() -> None:
    made = pledge("", kind="bequest")
    estate = builders.donor(name="Estate of Alice", kind="estate")
    promises.pay(part(made).pk, check(estate, 900_00, kind="bequest").pk, ACTOR)
    assert part(made).state == State.PAID


def test_a_gift_attached_by_mistake_is_let_go() -> None:
    made = pledge()
    gift = check(made.donor)
    payment = promises.pay(part(made).pk, gift.pk, ACTOR)
    for _ in range(2):
        promises.detach(payment.pk, "the wrong pledge", ACTOR)
    assert part(made).state == State.OPEN
    gift.refresh_from_db()
    assert gift.status == "settled"
    entry = AuditEntry.objects.get(action="detach gift from promise")
    assert (entry.reason, entry.before) == ("the wrong pledge", {"gift": gift.pk})


def test_open_parts_are_offered_oldest_first_without_private_intentions() -> None:
    alice = builders.donor(name="Alice")
    someday = part(pledge(donor=alice, schedule=Schedule()))
    later, sooner = (part(pledge(donor=alice, schedule=Schedule(first_on=date(2027, m, 1)))) for m in (5, 2))
    pledge(donor=alice, kind="bequest")
    pledge()
    offered = promises.open_parts_of(alice)
    assert [one.pk for one in offered] == [sooner.pk, later.pk, someday.pk]
    assert offered[0].label == f"{sooner.promise.public_id} pledge, due 2027-02-01"
    assert offered[2].label.endswith("no date")
    # A fund sponsor's grant needs a look at its papers first.
    assert promises.open_parts_of(alice, "daf") == []


# --- written off -----------------------------------------------------------------------------------------------------


def test_a_write_off_is_an_event_with_a_reason_and_can_be_taken_back() -> None:
    made = pledge()
    promises.pay(part(made).pk, check(made.donor, 150_00).pk, ACTOR)
    user = finance()
    (event,) = promises.write_off(part(made), "moved away", user)
    assert (event.deed, event.amount_minor, event.reason, event.on) == (
        "written_off",
        250_00,
        "moved away",
        clock.today(),
    )
    stands = part(made)
    assert (stands.state, stands.paid, stands.open, stands.written_off) == (
        State.WRITTEN_OFF,
        Money(150_00),
        Money(0),
        Money(250_00),
    )
    assert promises.open_parts_of(made.donor) == []
    assert promises.write_off(part(made), "again", user) == []
    with pytest.raises(CannotPromise, match="written off"):
        promises.change_part(stands.pk, due_on=None, amount_minor=1, actor=ACTOR)

    (back,) = promises.take_back(part(made), "came back", user)
    assert (back.deed, back.amount_minor) == ("taken_back", 250_00)
    assert promises.take_back(part(made), "again", user) == []
    assert (part(made).state, part(made).open) == (State.PARTLY_PAID, Money(250_00))
    assert PartWriteOff.objects.count() == 2
    entries = AuditEntry.objects.filter(actor=audit.staff(user)).order_by("pk")
    assert [(one.action, one.reason) for one in entries] == [
        ("write off promise", "moved away"),
        ("take back write-off", "came back"),
    ]


def test_a_whole_promise_is_written_off_but_not_what_was_paid() -> None:
    made = pledge(schedule=Schedule("quarterly", date(2026, 12, 1), 4))
    first = parts(made)[0]
    promises.pay(first.pk, check(made.donor, 100_00).pk, ACTOR)
    events = promises.write_off(made, "closed its doors", finance())
    assert [event.amount_minor for event in events] == [100_00] * 3
    assert [one.state for one in parts(made)] == [State.PAID, *[State.WRITTEN_OFF] * 3]


def test_what_comes_after_a_write_off_still_counts() -> None:
    made = pledge()
    promises.write_off(made, "no answer", finance())
    promises.pay(part(made).pk, check(made.donor).pk, ACTOR)
    assert (part(made).state, part(made).written_off) == (State.PAID, Money(0))


def test_without_a_reason_or_the_right_nothing_is_written_off() -> None:
    made = pledge()
    for wrong in ("Staff", "Data entry", ""):
        user = User.objects.get(pk=builders.staff(wrong).pk)
        with pytest.raises(PermissionDenied):
            promises.write_off(made, "because", user)
        with pytest.raises(PermissionDenied):
            promises.take_back(made, "because", user)
    with pytest.raises(CannotPromise, match="Say why"):
        promises.write_off(made, "  ", finance())
    assert part(made).written_off_on is None
    assert PartWriteOff.objects.count() == 0


@pytest.mark.django_db(transaction=True)
def test_written_off_twice_at_once_is_one_event() -> None:
    made, user = pledge(schedule=Schedule("monthly", date(2027, 1, 1), 3)), finance()
    assert at_once(3, lambda: promises.write_off(made, "gone", user)) == []
    assert PartWriteOff.objects.count() == 3
    assert AuditEntry.objects.filter(action="write off promise").count() == 3


@pytest.mark.django_db(transaction=True)
def test_killed_while_writing_off_everything_is_still_expected() -> None:
    made, user = pledge(schedule=Schedule("monthly", date(2027, 1, 1), 3)), finance()
    killed(lambda: promises.write_off(made, "gone", user))
    assert PartWriteOff.objects.count() == 0
    assert [one.state for one in parts(made)] == [State.OPEN] * 3


@pytest.mark.django_db(transaction=True)
def test_write_offs_never_change() -> None:
    (event,) = promises.write_off(pledge(), "gone", finance())
    for wrong in (lambda: PartWriteOff.objects.update(reason="x"), event.delete):
        with pytest.raises(IntegrityError, match="rows here never change"):
            wrong()
