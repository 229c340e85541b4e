"""Disputes as Stripe tells of them: inquiry, opened, won, lost, in part; the books, the gift and its papers agree."""

import itertools
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from functools import partial

import pytest

from donations import disputes, gateway, refunds, signals
from donations.models import Dispute, Fund, Gift, LedgerEntry, Month
from nonprofit import clock
from nonprofit.models import AuditEntry, OutgoingEmail
from tests import builders
from tests.donations import money_back
from tests.donations.money_back import lines, papers, stands
from tests.donations.test_refunds import trial
from tests.donations.test_settle import at_once

pytestmark = pytest.mark.django_db


@pytest.fixture
def gift() -> Gift:
    """A hundred dollars by card, with its receipt in the mail."""
    made = builders.receipted_gift(amount_minor=10_000, payment_intent_id="pi_ana")
    OutgoingEmail.objects.update(status="sent", sent_at=clock.now())
    return made


def told(gift: Gift, status: str, minutes: int = 0, **more: int) -> gateway.Dispute:
    """What Stripe says so many minutes from now."""
    made = money_back.dispute(gift, status, **more)
    return replace(made, as_of=made.as_of + timedelta(minutes=minutes))


def test_rule_72_an_inquiry_moves_no_money_and_no_paper(gift: Gift) -> None:
    for minute, status in enumerate(("warning_needs_response", "warning_under_review", "warning_closed")):
        disputes.apply(told(gift, status, minute), gift.pk)
        assert stands(gift) == ("settled", 0)
    assert lines(gift) == [("gift", 10_000)]
    assert papers(gift) == [("$100.00", "")]
    dispute = Dispute.objects.get()
    assert dispute.closed_at is not None
    assert not dispute.is_open
    # A refund is the answer that banks like best.
    refunds.apply(gift.pk, money_back.refund(gift, 1, 10_000))
    assert stands(gift) == ("refunded", 10_000)


def test_a_chargeback_takes_the_money_and_leaves_the_paper_until_it_is_decided(gift: Gift) -> None:
    dispute = disputes.apply(told(gift, "needs_response"), gift.pk)
    assert stands(gift) == ("disputed", 0)
    assert lines(gift) == [("dispute", -10_000), ("dispute_fee", -1500), ("gift", 10_000)]
    assert papers(gift) == [("$100.00", "")]
    assert dispute.needs_answer
    entry = gift.ledger_entries.get(kind="dispute")
    assert (entry.source, entry.donor, entry.account) == (f"txn_du_{gift.pk}", gift.donor, "stripe")
    # Our expense: in no sum of what the supporter gave.
    assert gift.ledger_entries.get(kind="dispute_fee").donor is None


def test_won_the_gift_stands_again_and_so_does_its_paper(gift: Gift) -> None:
    heard: list[str] = []

    def listen(entry: LedgerEntry, **_: object) -> None:
        heard.append(entry.kind)

    for signal in (signals.gift_reversed, signals.gift_restored):
        signal.connect(listen)
    try:
        disputes.apply(told(gift, "needs_response"), gift.pk)
        disputes.apply(told(gift, "under_review", 1), gift.pk)
        disputes.apply(told(gift, "won", 2), gift.pk)
    finally:
        for signal in (signals.gift_reversed, signals.gift_restored):
            signal.disconnect(listen)
    assert stands(gift) == ("settled", 0)
    assert lines(gift) == [("dispute", -10_000), ("dispute_fee", -1500), ("dispute_won", 10_000), ("gift", 10_000)]
    assert papers(gift) == [("$100.00", "")]
    assert heard == ["dispute", "dispute_won"]
    assert not OutgoingEmail.objects.filter(status="queued").exists()


def test_lost_the_receipt_is_void_and_who_has_it_is_told(gift: Gift) -> None:
    disputes.apply(told(gift, "needs_response"), gift.pk)
    disputes.apply(told(gift, "lost", 1), gift.pk)
    assert stands(gift) == ("lost", 10_000)
    assert papers(gift) == [("$100.00", "dispute_lost")]
    [letter] = OutgoingEmail.objects.filter(status="queued")
    assert letter.template == "receipt_taken_back"
    assert gift.paper.number in letter.text


def test_part_of_a_gift_can_be_disputed(gift: Gift) -> None:
    disputes.apply(told(gift, "needs_response", amount_minor=3000), gift.pk)
    assert stands(gift) == ("disputed", 0)
    disputes.apply(told(gift, "lost", 1, amount_minor=3000), gift.pk)
    assert stands(gift) == ("settled", 3000)
    assert papers(gift) == [("$100.00", "dispute_lost"), ("$70.00", "")]


def test_what_changes_without_a_line_of_its_own_is_told_too(gift: Gift) -> None:
    """A bank that keeps a part moves nothing more; a refund on its way was booked before it arrives."""
    heard: list[tuple[str, str, int]] = []

    def went(gift: Gift, entry: LedgerEntry | None, **_: object) -> None:
        heard.append(("went", entry.kind if entry else "", gift.kept.minor))

    def came(gift: Gift, entry: LedgerEntry | None, **_: object) -> None:
        heard.append(("came", entry.kind if entry else "", gift.kept.minor))

    signals.gift_reversed.connect(went)
    signals.gift_restored.connect(came)
    try:
        disputes.apply(told(gift, "needs_response", amount_minor=4000), gift.pk)
        for _ in range(2):
            disputes.apply(told(gift, "lost", 1, amount_minor=4000), gift.pk)
        done = money_back.refund(gift, 1, 6000)
        refunds.apply(gift.pk, replace(done, status="pending"))
        for _ in range(2):
            refunds.apply(gift.pk, done)
    finally:
        signals.gift_reversed.disconnect(went)
        signals.gift_restored.disconnect(came)
    assert heard == [
        ("went", "dispute", 10_000),
        ("came", "", 6000),
        ("went", "refund", 6000),
        ("went", "", 0),
    ]


def test_a_win_can_be_partial(gift: Gift) -> None:
    disputes.apply(told(gift, "won", back_minor=8000), gift.pk)
    assert stands(gift) == ("settled", 2000)
    assert papers(gift)[-1] == ("$80.00", "")


def test_lost_and_won_after_all(gift: Gift) -> None:
    """Stripe can change its mind, or an appeal succeeds: the void paper gets a successor."""
    disputes.apply(told(gift, "lost"), gift.pk)
    disputes.apply(told(gift, "appeal_under_review", 1), gift.pk)
    assert stands(gift) == ("disputed", 0)
    disputes.apply(told(gift, "won", 2), gift.pk)
    assert stands(gift) == ("settled", 0)
    assert papers(gift) == [("$100.00", "dispute_lost"), ("$100.00", "")]
    assert Dispute.objects.get().closed_at is not None


@pytest.mark.parametrize("end", ["won", "lost"])
def test_every_order_and_repetition_of_a_dispute_and_refunds_ends_alike(gift: Gift, end: str) -> None:
    """An answer asked for earlier changes nothing when it is handled later."""
    news = [
        told(gift, "warning_needs_response"),
        told(gift, "needs_response", 1, amount_minor=6000),
        told(gift, end, 2, amount_minor=6000),
    ]
    story: list[Callable[[], object]] = [partial(disputes.apply, one, gift.pk) for one in news]
    story.append(partial(refunds.apply, gift.pk, money_back.refund(gift, 1, 4000)))

    def check(order: tuple[object, ...]) -> None:
        assert stands(gift) == (("settled", 4000) if end == "won" else ("lost", 10_000))
        moved = sum(minor for kind, minor in lines(gift) if kind != "dispute_fee")
        assert moved == gift.kept.minor
        *old, last = papers(gift)
        assert last == (("$60.00", "") if end == "won" else last)
        assert all(reason for _, reason in old)
        assert bool(last[1]) == (end == "lost")

    assert trial(itertools.permutations(story), check) == 24
    assert trial(iter([(*story, *story), (*reversed(story), *story)]), check) == 2


def test_a_dispute_of_a_refunded_gift_takes_the_money_twice_and_says_so(gift: Gift) -> None:
    refunds.apply(gift.pk, money_back.refund(gift, 1, 10_000))
    disputes.apply(told(gift, "needs_response"), gift.pk)
    assert stands(gift) == ("disputed", 10_000)
    disputes.apply(told(gift, "won", 1), gift.pk)
    assert stands(gift) == ("refunded", 10_000)


def test_a_payment_that_is_none_of_ours_stands_on_the_worklist() -> None:
    other = builders.pending_gift(payment_intent_id="pi_elsewhere", amount_minor=500)
    dispute = disputes.apply(told(other, "needs_response"), None)
    assert dispute.gift is None
    assert list(Dispute.objects.to_answer()) == [dispute]
    assert LedgerEntry.objects.count() == 0


def test_a_dispute_on_a_closed_month_is_booked_on_the_first_open_day(gift: Gift) -> None:
    clerk, first = builders.staff("Finance"), clock.today().replace(day=1)
    Month.objects.create(starts_on=first, state=Month.State.CLOSED, closed_by=clerk, closed_at=clock.now())
    closed = LedgerEntry.objects.filter(booked_on__gte=first, booked_on__lte=clock.today())
    before = list(closed.order_by("pk").values_list())
    disputes.apply(told(gift, "lost"), gift.pk)
    next_month = (first + timedelta(days=32)).replace(day=1)
    booked = gift.ledger_entries.filter(kind__startswith="dispute")
    assert {entry.booked_on for entry in booked} == {next_month}
    assert {clock.local_date(entry.happened_at) for entry in booked} == {clock.today()}
    assert list(closed.order_by("pk").values_list()) == before


def test_restricted_money_does_not_bear_the_fee(gift: Gift) -> None:
    gift.fund.restriction = Fund.Restriction.PURPOSE
    gift.fund.save()
    free = builders.fund(code="900-FREE", name="Free")
    disputes.apply(told(gift, "lost"), gift.pk)
    assert gift.ledger_entries.get(kind="dispute_fee").fund == free
    assert gift.ledger_entries.get(kind="dispute").fund == gift.fund


def test_staff_note_what_they_do(gift: Gift) -> None:
    clerk = builders.staff("Staff")
    dispute = disputes.apply(told(gift, "needs_response"), gift.pk)
    for _ in range(2):
        disputes.note(dispute.pk, "Ruth sends the thank-you mail as evidence.", user=clerk)
    assert Dispute.objects.get().note.startswith("Ruth")
    assert AuditEntry.objects.filter(action="note on dispute").count() == 1


@pytest.mark.django_db(transaction=True)
def test_the_same_dispute_at_once_is_booked_once() -> None:
    gift = builders.receipted_gift(amount_minor=10_000, payment_intent_id="pi_ana")
    news = [told(gift, status, minute) for minute, status in enumerate(("needs_response", "under_review", "lost"))]
    assert at_once(6, lambda n: disputes.apply(news[n % 3], gift.pk)) == []
    assert stands(gift) == ("lost", 10_000)
    assert lines(gift) == [("dispute", -10_000), ("dispute_fee", -1500), ("gift", 10_000)]
    assert papers(gift) == [("$100.00", "dispute_lost")]
