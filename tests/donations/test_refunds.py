"""Refunds as Stripe tells of them: any order, any repetition, the books, the gift, its papers and letters agree."""

import itertools
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from functools import partial
from uuid import UUID, uuid4

import pytest
from django.db import transaction

from donations import gifts, refunds, signals
from donations.models import Gift, LedgerEntry, Month, Policy, Refund
from nonprofit import clock
from nonprofit.models import AuditEntry, OutgoingEmail, User
from nonprofit.money import Money
from tests import builders
from tests.donations import money_back
from tests.donations.money_back import letters, lines, papers, stands
from tests.donations.test_settle import at_once

pytestmark = pytest.mark.django_db


@pytest.fixture
def gift() -> Gift:
    """A hundred dollars by card, with its receipt in the mail."""
    made = builders.receipted_gift(amount_minor=10_000, payment_intent_id="pi_ana")
    OutgoingEmail.objects.update(status="sent", sent_at=clock.now())
    return made


class Undone(Exception):
    """Ends a trial and takes it back."""


def trial(orders: Iterator[tuple[Callable[[], object], ...]], check: Callable[[tuple[object, ...]], None]) -> int:
    """Each order of steps on the same ground, rolled back after it was looked at; how many there were."""
    count = 0
    for order in orders:
        count += 1
        try:
            with transaction.atomic():
                for step in order:
                    step()
                check(order)
                raise Undone
        except Undone:
            continue
    return count


def test_a_full_refund_takes_gift_receipt_and_money_back(gift: Gift) -> None:
    heard: list[tuple[str, int]] = []

    def listen(gift: Gift, entry: LedgerEntry, **_: object) -> None:
        heard.append((entry.kind, gift.kept.minor))

    signals.gift_reversed.connect(listen)
    try:
        refunds.apply(gift.pk, money_back.refund(gift, 1, 10_000))
    finally:
        signals.gift_reversed.disconnect(listen)
    assert stands(gift) == ("refunded", 10_000)
    assert lines(gift) == [("gift", 10_000), ("refund", -10_000)]
    # Stripe keeps its fee (domain rule 74).
    assert gift.ledger_entries.get(kind="fee").amount_minor == -103
    assert papers(gift) == [("$100.00", "refund")]
    assert letters() == [("refund", "queued")]
    assert heard == [("refund", 0)]
    [letter] = OutgoingEmail.objects.filter(template="refund")
    assert f"receipt {gift.paper.number} no longer stands" in letter.text
    assert "your gift of $100.00" in letter.text
    assert "five to ten days" in letter.text
    entry = gift.ledger_entries.get(kind="refund")
    assert (entry.source, entry.balance_transaction_id) == (f"re_{gift.pk}_1", f"txn_re_{gift.pk}_1")
    assert (entry.account, entry.reporting_category) == ("stripe", "refund")


def test_a_partial_refund_replaces_the_receipt(gift: Gift) -> None:
    refunds.apply(gift.pk, money_back.refund(gift, 1, 4000))
    assert stands(gift) == ("settled", 4000)
    assert gift.kept == Money(6000)
    assert papers(gift) == [("$100.00", "refund"), ("$60.00", "")]
    assert letters() == [("refund", "queued")]
    [letter] = OutgoingEmail.objects.filter(template="refund")
    assert "We have refunded $40.00 of your gift of $100.00" in letter.text
    assert "$60.00 of it remains" in letter.text


@pytest.mark.parametrize(
    "story",
    [
        [(1, 2000, "succeeded"), (2, 3000, "pending"), (2, 3000, "succeeded"), (3, 1000, "succeeded")],
        [(1, 2000, "succeeded"), (2, 4000, "succeeded"), (3, 1000, "succeeded"), (3, 1000, "failed")],
    ],
)
def test_partial_refunds_in_every_order_and_repetition(gift: Gift, story: list[tuple[int, int, str]]) -> None:
    """Three refunds, one heard of while pending or failing later: every order of what Stripe said, once and twice."""
    told = [money_back.refund(gift, *one) for one in story]
    lasting = {number: minor for number, minor, _ in story if (number, minor, "failed") not in story}

    def check(order: tuple[object, ...]) -> None:
        assert stands(gift) == ("settled", 6000)
        assert sum(minor for _, minor in lines(gift)) == gift.kept.minor
        states = dict(Refund.objects.filter(gift=gift).values_list("stripe_refund_id", "state"))
        assert {key for key, state in states.items() if state == "succeeded"} == {
            f"re_{gift.pk}_{number}" for number in lasting
        }
        assert len(states) == 3
        # However many papers the order made, one stands and says what is left; each names the one before.
        *old, last = papers(gift)
        assert last == ("$40.00", "")
        assert all(reason == "refund" for _, reason in old)

    steps: list[Callable[[], object]] = [partial(refunds.apply, gift.pk, one) for one in told]
    assert trial(itertools.permutations(steps), check) == 24
    assert trial(iter([(*steps, *steps), (*reversed(steps), *steps), (*steps, *reversed(steps))]), check) == 3


def test_refunds_that_add_up_to_all_void_the_receipt_in_every_order(gift: Gift) -> None:
    told = [money_back.refund(gift, n, minor) for n, minor in ((1, 5000), (2, 3000), (3, 2000))]

    def check(order: tuple[object, ...]) -> None:
        assert stands(gift) == ("refunded", 10_000)
        assert sum(minor for _, minor in lines(gift)) == 0
        assert [reason for _, reason in papers(gift)] == ["refund"] * 3
        assert [template for template, _ in letters()] == ["refund"] * 3

    steps: list[Callable[[], object]] = [partial(refunds.apply, gift.pk, one) for one in told]
    assert trial(itertools.permutations(steps), check) == 6


def test_a_refund_that_fails_brings_the_gift_back_with_a_new_receipt(gift: Gift) -> None:
    refunds.apply(gift.pk, money_back.refund(gift, 1, 10_000))
    OutgoingEmail.objects.update(status="sent", sent_at=clock.now())
    refunds.apply(gift.pk, money_back.refund(gift, 1, 10_000, "failed"))
    assert stands(gift) == ("settled", 0)
    assert lines(gift) == [("gift", 10_000), ("refund", -10_000), ("refund_failed", 10_000)]
    assert papers(gift) == [("$100.00", "refund"), ("$100.00", "")]
    assert letters() == [("refund", "sent"), ("refund_failed", "queued")]
    assert Refund.objects.get().trouble == "expired or canceled card"


def test_nobody_hears_of_a_refund_that_failed_before_its_letter_left(gift: Gift) -> None:
    refunds.apply(gift.pk, money_back.refund(gift, 1, 4000))
    refunds.apply(gift.pk, money_back.refund(gift, 1, 4000, "failed"))
    assert letters() == [("refund", "stopped")]
    assert stands(gift) == ("settled", 0)
    assert papers(gift)[-1] == ("$100.00", "")


def test_a_pending_refund_moves_nothing(gift: Gift) -> None:
    refunds.apply(gift.pk, money_back.refund(gift, 1, 4000, "pending"))
    assert stands(gift) == ("settled", 0)
    assert lines(gift) == [("gift", 10_000)]
    assert papers(gift) == [("$100.00", "")]
    assert letters() == []
    # But it is spoken for.
    with pytest.raises(refunds.CannotRefund, match=r"\$60.00 of this gift"):
        ask(gift, 7000)
    refunds.apply(gift.pk, money_back.refund(gift, 1, 4000, "canceled"))
    assert stands(gift) == ("settled", 0)
    assert Refund.objects.get().state == "cancelled"


def test_late_news_of_the_payment_does_not_bring_a_refunded_gift_back(gift: Gift) -> None:
    """Rules 68 and 70: payment_intent.succeeded can come once more, after everything else."""
    refunds.apply(gift.pk, money_back.refund(gift, 1, 10_000))
    gifts.settle(gift.pk, builders.payment(gift))
    assert stands(gift) == ("refunded", 10_000)
    assert papers(gift) == [("$100.00", "refund")]


def test_a_late_refund_is_booked_on_the_first_open_day(gift: Gift) -> None:
    """Nothing moves in a closed month; the true instant is kept."""
    clerk, today = builders.staff("Finance"), clock.today()
    closed = today.replace(day=1)
    Month.objects.create(starts_on=closed, state=Month.State.CLOSED, closed_by=clerk, closed_at=clock.now())
    before = list(LedgerEntry.objects.filter(booked_on__gte=closed, booked_on__lte=today).values_list("pk"))
    refunds.apply(gift.pk, money_back.refund(gift, 1, 4000))
    entry = gift.ledger_entries.get(kind="refund")
    assert entry.booked_on == (closed + timedelta(days=32)).replace(day=1)
    assert clock.local_date(entry.happened_at) == today
    assert list(LedgerEntry.objects.filter(booked_on__gte=closed, booked_on__lte=today).values_list("pk")) == before


def test_the_second_payment_of_a_gift_goes_back_without_touching_the_gift(gift: Gift) -> None:
    told = replace(money_back.refund(gift, 1, 10_000), payment_id="pi_second")
    refunds.apply(gift.pk, told)
    assert stands(gift) == ("settled", 0)
    assert papers(gift) == [("$100.00", "")]
    assert lines(gift) == [("gift", 10_000), ("refund", -10_000)]
    assert "charged your card twice" in OutgoingEmail.objects.get(template="refund").text
    ask(gift, 10_000)


# --- asking -------------------------------------------------------------------------------------------------------


def ask(gift: Gift, minor: int, *, user: User | None = None, attempt: UUID | None = None, note: str = "") -> Refund:
    """As a form in the admin would."""
    wish = refunds.Wish(Money(minor), "asked", note, attempt)
    return refunds.request(gift.pk, wish, user=user or builders.staff("Staff"))


def test_asking_reserves_the_money_and_tells_stripe(gift: Gift) -> None:
    clerk = builders.staff("Staff")
    refund = ask(gift, 4000, user=clerk, note="typed a zero too many")
    assert (refund.state, refund.payment_id, refund.requested_by) == ("requested", "pi_ana", clerk)
    assert refunds.left_behind() == []
    assert stands(gift) == ("settled", 0)
    assert lines(gift) == [("gift", 10_000)]
    assert AuditEntry.objects.get(action="request refund").actor == f"staff:{clerk.pk}"
    with pytest.raises(refunds.CannotRefund, match=r"\$60.00 of this gift can still be refunded"):
        ask(gift, 6001)
    assert Refund.objects.count() == 1


def test_the_same_form_twice_is_one_refund(gift: Gift) -> None:
    attempt, clerk = uuid4(), builders.staff("Staff")
    assert ask(gift, 4000, user=clerk, attempt=attempt) == ask(gift, 4000, user=clerk, attempt=attempt)
    assert Refund.objects.count() == AuditEntry.objects.filter(action="request refund").count() == 1


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"status": "disputed"}, "bank has disputed"),
        ({"status": "refunded", "refunded_minor": 10_000}, "Only a received gift"),
        ({"kind": "check", "payment_intent_id": None}, "at the desk"),
    ],
)
def test_what_cannot_be_refunded_changes_nothing(gift: Gift, change: dict[str, object], words: str) -> None:
    Gift.objects.filter(pk=gift.pk).update(**change)
    with pytest.raises(refunds.CannotRefund, match=words):
        ask(gift, 4000)
    assert Refund.objects.count() == AuditEntry.objects.filter(action="request refund").count() == 0


def test_rule_92_nobody_refunds_or_agrees_to_their_own(gift: Gift) -> None:
    owner = builders.staff("Finance")
    assert gift.donor is not None
    gift.donor.user = owner
    gift.donor.save()
    with pytest.raises(refunds.CannotRefund, match="your own gift"):
        ask(gift, 1000, user=owner)
    Policy.objects.update_or_create(pk=1, defaults={"refund_alone_up_to_minor": 500})
    waiting = ask(gift, 1000)
    with pytest.raises(refunds.CannotRefund, match="your own gift"):
        refunds.approve(waiting.pk, user=owner)
    with pytest.raises(refunds.CannotRefund, match="your own gift"):
        refunds.refuse(waiting.pk, user=owner, why="no")


def test_above_the_limit_a_second_person_agrees(gift: Gift) -> None:
    Policy.objects.update_or_create(pk=1, defaults={"refund_alone_up_to_minor": 5000})
    clerk, other = builders.staff("Finance"), builders.staff("Finance")
    small = ask(gift, 5000, user=clerk)
    assert small.state == "requested"
    # In slices it is the same sum.
    refund = ask(gift, 1, user=clerk)
    assert refund.state == "waiting"
    with pytest.raises(refunds.CannotRefund, match="somebody else has to agree"):
        refunds.approve(refund.pk, user=clerk)
    agreed = refunds.approve(refund.pk, user=other)
    assert (agreed.state, agreed.approved_by) == ("requested", other)
    assert refunds.approve(refund.pk, user=other).state == "requested"
    assert AuditEntry.objects.filter(action="approve refund").count() == 1


def test_a_refused_refund_frees_its_money(gift: Gift) -> None:
    Policy.objects.update_or_create(pk=1, defaults={"refund_alone_up_to_minor": 5000})
    clerk, other = builders.staff("Finance"), builders.staff("Finance")
    refund = ask(gift, 10_000, user=clerk)
    assert refunds.refuse(refund.pk, user=other, why="they meant another gift").state == "refused"
    with pytest.raises(refunds.CannotRefund, match="was refused meanwhile"):
        refunds.approve(refund.pk, user=other)
    own = ask(gift, 10_000, user=clerk)
    assert refunds.refuse(own.pk, user=clerk, why="mistyped").state == "cancelled"
    ask(gift, 10_000, user=clerk)


@pytest.mark.django_db(transaction=True)
def test_two_clerks_at_once_never_give_back_more_than_there_is() -> None:
    gift = builders.receipted_gift(amount_minor=10_000, payment_intent_id="pi_ana")
    clerks = [builders.staff("Staff") for _ in range(4)]
    errors = at_once(4, lambda n: ask(gift, 4000, user=clerks[n]))
    assert [type(error) for error in errors] == [refunds.CannotRefund] * 2
    assert sum(Refund.objects.values_list("amount_minor", flat=True)) == 8000


@pytest.mark.django_db(transaction=True)
def test_the_same_news_at_once_is_booked_once() -> None:
    gift = builders.receipted_gift(amount_minor=10_000, payment_intent_id="pi_ana")
    told = [money_back.refund(gift, n % 2, 3000) for n in range(6)]
    assert at_once(6, lambda n: refunds.apply(gift.pk, told[n])) == []
    assert stands(gift) == ("settled", 6000)
    assert lines(gift) == [("gift", 10_000), ("refund", -3000), ("refund", -3000)]
    assert papers(gift) == [("$100.00", "refund"), ("$70.00", "refund"), ("$40.00", "")]
    assert len(letters()) == 2
