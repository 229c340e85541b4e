"""Months: closed in order when everything is explained, once however many press, never changed, reopened by two."""

import hashlib
from collections.abc import Iterator
from datetime import date, timedelta

import pytest
from django.core.exceptions import PermissionDenied
from django.db import IntegrityError, transaction
from django.db.models import Sum

from donations import corrections, disputes, gifts, refunds, reversals
from donations.books import balance, bank, compare, months, tie_out
from donations.books.exports import flow
from donations.models import (
    BalanceSweep,
    BankLine,
    Batch,
    Difference,
    Dispute,
    Export,
    Gift,
    LedgerEntry,
    Month,
    Payout,
    Receipt,
    ReceiptDue,
)
from donations.receipts import issue
from nonprofit import clock
from nonprofit.models import AuditEntry, User
from tests import builders
from tests.donations import money_back
from tests.donations.bookkeeping import (
    DAY,
    account,
    brought,
    charged,
    csv,
    deposited,
    killed,
    movement,
    noon,
    paid_out,
)
from tests.donations.exported import content
from tests.donations.test_compare import line, statement, swept, whole
from tests.donations.test_settle import at_once

pytestmark = pytest.mark.django_db
NOVEMBER, DECEMBER = date(2026, 11, 1), date(2026, 12, 1)


@pytest.fixture(autouse=True)
def in_december() -> Iterator[None]:
    with clock.standing_at(noon(DECEMBER + timedelta(days=2))):
        yield


def in_december_too(work: object) -> object:
    """A thread has no clock of ours until it is told."""

    def run(index: int) -> object:
        with clock.standing_at(noon(DECEMBER + timedelta(days=2))):
            return work(index)  # type: ignore[operator]

    return run


def clear() -> User:
    """A November in which everything ties; nothing is in the way of closing it."""
    user = whole().user
    brought(statement(), user)
    BalanceSweep.objects.update(swept_until=noon(DECEMBER))
    assert months.look(NOVEMBER) == months.Look()
    return user


def plant() -> None:
    """A charge that is no gift of ours, and nothing else."""
    movement("ch_unknown", 1)
    swept()
    BalanceSweep.objects.update(swept_until=noon(DECEMBER))


def november() -> list[tuple[str, str, int]]:
    lines = LedgerEntry.objects.filter(booked_on__lt=DECEMBER).order_by("pk")
    return list(lines.values_list("source", "kind", "amount_minor"))


def test_a_month_that_ties_closes_once_however_many_press(transactional_db: None) -> None:
    user = clear()
    errors = at_once(4, in_december_too(lambda _: months.close(NOVEMBER, user=user)))  # type: ignore[arg-type]
    assert errors == []
    month = Month.objects.get()
    assert (month.state, month.closed_by, month.override_reason) == ("closed", user, "")
    entry = AuditEntry.objects.get(action="close month")
    assert entry.after["clearing"]["difference"] == "$0.00"
    assert entry.after["receipts"]["ours"] == "$300.00"


def test_killed_while_closing_nothing_is_closed() -> None:
    user = clear()
    killed(months._close, NOVEMBER, user, "")
    assert not Month.objects.exists()
    assert months.close(NOVEMBER, user=user).state == "closed"


def test_it_refuses_while_something_is_unexplained_and_changes_nothing() -> None:
    user = clear()
    gift = charged(300, fee=39, donor_email="bob@example.org")
    deposited(status=Batch.Status.OPEN, closed_by=None, closed_at=None)
    plant()
    with pytest.raises(months.CannotClose) as refused:
        months.close(NOVEMBER, user=user)
    assert refused.value.reasons == [
        "1 difference is not explained.",
        "1 receipt is not issued yet.",
        "1 batch with a deposit in it is still open.",
    ]
    assert not Month.objects.exists()
    assert ReceiptDue.objects.get().gift == gift


def test_somebody_lets_it_close_all_the_same_and_says_why() -> None:
    user = clear()
    plant()
    with pytest.raises(PermissionDenied):
        months.close(NOVEMBER, user=builders.staff("Staff"), override_reason="x")
    month = months.close(NOVEMBER, user=user, override_reason="  The auditor has   seen it ")
    assert month.override_reason == "The auditor has seen it"
    entry = AuditEntry.objects.get(action="close month")
    assert (entry.reason, entry.after["overridden"]) == (month.override_reason, ["1 difference is not explained."])
    # It is still there to be explained.
    assert Difference.objects.open().count() == 1


def test_an_explained_difference_stops_nobody() -> None:
    user = clear()
    plant()
    with pytest.raises(months.CannotClose):
        months.close(NOVEMBER, user=user)
    compare.explain(Difference.objects.open().get().pk, "A test charge of ours", user=user)
    assert months.close(NOVEMBER, user=user).override_reason == ""


def test_what_was_not_read_is_in_the_way() -> None:
    user = whole().user
    account()
    assert months.look(NOVEMBER).others == [
        "No statement of Harbor Checking was imported after November had ended.",
        "Stripe's movements have not been read to the end of the month.",
    ]
    assert user.pk


def test_months_close_in_order_and_not_before_they_are_over() -> None:
    user = clear()
    with pytest.raises(months.CannotClose, match="December 2026 is not over yet"):
        months.close(DECEMBER, user=user, override_reason="hurry")
    months.close(NOVEMBER, user=user)
    with (
        clock.standing_at(noon(date(2027, 2, 3))),
        pytest.raises(months.CannotClose, match="December 2026 comes first"),
    ):
        months.close(date(2027, 1, 1), user=user, override_reason="hurry")
    with pytest.raises(months.CannotClose, match="October 2026 is closed"):
        months.close(date(2026, 10, 1), user=user, override_reason="hurry")
    assert months.open_months() == [DECEMBER]


def test_what_is_not_decided_is_only_told() -> None:
    user = clear()
    Dispute.objects.create(
        stripe_dispute_id="du_2",
        charge_id="ch_9",
        amount_minor=100,
        currency="usd",
        reason="fraudulent",
        status="needs_response",
        opened_at=noon(DAY),
    )
    assert months.look(NOVEMBER).listed == ["1 dispute is not decided."]
    months.close(NOVEMBER, user=user)


# ---- Late facts ------------------------------------------------------------------------------------------------------


def test_late_facts_of_every_verb_book_on_the_first_open_day_and_keep_their_instant() -> None:
    user = clear()
    check = Gift.objects.filter(kind="check").order_by("pk")[0]
    waiting = builders.pending_gift(amount_minor=4000, donor_email="late@example.org")
    payout = paid_out(movement("ch_unknown", 100), arrival_on=DAY + timedelta(days=9))
    Payout.objects.filter(pk=payout.pk).update(status="pending")
    months.close(NOVEMBER, user=user, override_reason="A payout was late")
    before = november()

    with clock.standing_at(noon(DAY)):
        paid = builders.payment(waiting)
    gifts.settle(waiting.pk, paid)
    reversals.reverse(check.pk, reason="bounced", noticed_on=DAY + timedelta(days=8), actor="staff:1")
    Payout.objects.filter(pk=payout.pk).update(status="paid")
    balance.book_payout(payout.pk)
    fee = movement("", 0, 25, category="fee")
    balance.book_own()

    assert november() == before
    late = LedgerEntry.objects.filter(booked_on__gte=DECEMBER)
    assert {(one.source, one.kind) for one in late} == {
        (f"ch_{waiting.pk}", "gift"),
        (f"ch_{waiting.pk}", "fee"),
        (f"reversal:{check.pk}", "reversal"),
        (payout.stripe_payout_id, "payout"),
        (fee.stripe_id, "stripe_fee"),
    }
    assert set(late.values_list("booked_on", flat=True)) == {DECEMBER}
    assert late.get(source=f"ch_{waiting.pk}", kind="gift").happened_at == noon(DAY)
    assert Gift.objects.get(pk=waiting.pk).gift_on == DAY
    # What was late stands in the closed month's equation by its own name, and the equation still ties.
    clearing = tie_out.equations(NOVEMBER)[0]
    assert "clearing-later" in [part.code for part in clearing.ours]


def test_the_closed_months_file_is_the_same_whatever_its_gifts_become() -> None:
    user = clear()
    check = Gift.objects.filter(kind="check").order_by("pk")[0]
    with clock.standing_at(noon(DAY)):
        names = ("in parts", "whole", "dispute lost", "dispute won", "wrong donor")
        gift = {one: builders.receipted_gift(amount_minor=10_000, payment_intent_id=f"pi_{one}") for one in names}
    months.close(NOVEMBER, user=user, override_reason="These charges were never at Stripe")
    before = Export.objects.get(month__starts_on=NOVEMBER)
    flow.make(before.pk)
    file = content(before)

    for number, minor in enumerate((2_500, 1, 7_499), start=1):
        refunds.apply(gift["in parts"].pk, money_back.refund(gift["in parts"], number, minor))
    refunds.apply(gift["whole"].pk, money_back.refund(gift["whole"], 1, 10_000))
    for end in ("lost", "won"):
        for status in ("needs_response", end):
            disputes.apply(money_back.dispute(gift[f"dispute {end}"], status), gift[f"dispute {end}"].pk)
    reversals.reverse(check.pk, reason="bounced", noticed_on=DAY + timedelta(days=8), actor="staff:1")
    someone_else = builders.donor(name="Bob Lind", email="bob@example.org")
    right = corrections.Correction(donor=someone_else, note="two of that name")
    corrections.correct(gift["wrong donor"].pk, right, actor="staff:1")

    before.refresh_from_db()
    assert hashlib.sha256(content(before)).hexdigest() == before.sha256 == hashlib.sha256(file).hexdigest()
    # Nor is it only the kept bytes: made from the books of today, it is the same but for its own number.
    Export.objects.filter(pk=before.pk).update(voided_at=clock.now())
    again = Export.objects.create(
        profile=before.profile, filters=before.filters, month=before.month, made_by="staff:1", asked_at=before.asked_at
    )
    flow.make(again.pk)
    assert content(again).replace(again.public_id.encode(), b"") == file.replace(before.public_id.encode(), b"")
    # All that happened stands in December's: in its lines, and on its papers.
    late = LedgerEntry.objects.filter(booked_on__gte=DECEMBER)
    assert late.filter(kind="refund").aggregate(sum=Sum("amount_minor"))["sum"] == -20_000
    assert late.filter(kind="reversal").get().amount_minor == -check.amount_minor
    assert late.filter(kind__startswith="dispute").count() == 5
    assert {paper.gift_id for paper in Receipt.objects.filter(replaces__isnull=False)} == {
        gift["in parts"].pk,
        gift["wrong donor"].pk,
    }


def test_postgresql_refuses_a_line_in_a_closed_month() -> None:
    months.close(NOVEMBER, user=clear())
    with pytest.raises(IntegrityError, match="closed"), transaction.atomic():
        line("ch_late", "adjustment", 100)
    line("ch_late", "adjustment", 100, booked_on=DECEMBER)


def test_nobody_books_into_a_month_while_it_closes(transactional_db: None) -> None:
    user = clear()
    waiting = [builders.pending_gift(donor_email=f"d{n}@example.org") for n in range(6)]
    with clock.standing_at(noon(DAY)):
        paid = [builders.payment(one) for one in waiting]

    def work(index: int) -> object:
        if index == 0:
            return months.close(NOVEMBER, user=user, override_reason="Gifts come in")
        return gifts.settle(waiting[index - 1].pk, paid[index - 1])

    assert at_once(7, in_december_too(work)) == []  # type: ignore[arg-type]
    closed_at = Month.objects.get().closed_at
    assert LedgerEntry.objects.filter(kind="gift", gift__in=waiting).count() == 6
    entry = AuditEntry.objects.get(action="close month")
    gross = LedgerEntry.objects.filter(kind="gift", booked_on__lt=DECEMBER).aggregate(sum=Sum("amount_minor"))["sum"]
    # What the closing saw is what November holds, whoever came before or after it.
    assert entry.after["receipts"]["ours"] == f"${gross / 100:,.2f}"
    assert closed_at


# ---- Reopening -------------------------------------------------------------------------------------------------------


def test_reopening_takes_two_people_and_voids_the_posting_files(transactional_db: None) -> None:
    user, other = clear(), builders.staff("Finance")
    month = months.close(NOVEMBER, user=user)
    # Its posting file waits to be made since the closing.
    export = Export.objects.get(month=month)
    assert (export.profile, export.state, export.filters["first"]) == ("ledger", "waiting", NOVEMBER.isoformat())
    with pytest.raises(months.CannotClose, match="Nobody has asked"):
        months.reopen(month.pk, user=other)
    with pytest.raises(months.CannotClose, match="few words"):
        months.ask_to_reopen(month.pk, " ", user=user)
    months.ask_to_reopen(month.pk, "A deposit is missing", user=user)
    with pytest.raises(months.CannotClose, match="another person"):
        months.reopen(month.pk, user=user)
    with pytest.raises(IntegrityError, match="closed"), transaction.atomic():
        line("ch_late", "adjustment", 100)

    assert at_once(3, in_december_too(lambda _: months.reopen(month.pk, user=other))) == []  # type: ignore[arg-type]

    month.refresh_from_db()
    assert (month.state, month.reopening_asked_by, month.reopened_by) == ("reopened", user, other)
    export.refresh_from_db()
    assert export.voided_at
    entry = AuditEntry.objects.get(action="reopen month")
    assert (entry.reason, entry.after["voided"]) == ("A deposit is missing", [export.public_id])
    line("ch_late", "adjustment", 100)
    again = months.close(NOVEMBER, user=other, override_reason="The line is explained elsewhere")
    assert (again.pk, again.state, again.closed_by, again.reopened_by) == (month.pk, "closed", other, None)


def test_only_the_last_month_reopens_and_it_can_be_left_closed() -> None:
    user, other = clear(), builders.staff("Finance")
    first = months.close(NOVEMBER, user=user)
    months.ask_to_reopen(first.pk, "A deposit is missing", user=user)
    assert months.keep_closed(first.pk, user=other).state == "closed"
    with clock.standing_at(noon(date(2027, 1, 4))):
        months.close(DECEMBER, user=user, override_reason="no statement yet")
        with pytest.raises(months.CannotClose, match="closed last"):
            months.ask_to_reopen(first.pk, "A deposit is missing", user=user)
    with pytest.raises(PermissionDenied):
        months.ask_to_reopen(first.pk, "x", user=builders.staff("Staff"))


def test_a_late_statement_of_a_closed_month_brings_its_lines_and_changes_nothing_else() -> None:
    user = clear()
    months.close(NOVEMBER, user=user)
    before = november()
    brought(csv((DAY, "Interest", "0.12")), user, name="late.csv")
    compare.run()
    assert november() == before
    # It waits in the first open month; the closed one stays explained.
    assert [row.day for row in Difference.objects.open()] == [DECEMBER]
    bank.explain(BankLine.objects.get(amount_minor=12).pk, "Interest", user=user)
    compare.run()
    assert not Difference.objects.open().exists()
    issue.issue_due()
    swept()
