"""Bank lines: each once whatever files come, tied where only one thing fits, and by a person where several do."""

from datetime import date, timedelta

import pytest
from django.core.exceptions import PermissionDenied

from donations import reversals
from donations.books import bank
from donations.models import BalanceTransaction, BankImport, BankLine, Month
from nonprofit import clock
from nonprofit.models import AuditEntry
from tests import builders
from tests.donations.bookkeeping import DAY, account, brought, charged, csv, deposited, killed, movement, paid_out
from tests.donations.test_bank_files import OFX_1
from tests.donations.test_settle import at_once

pytestmark = pytest.mark.django_db
LATER = DAY + timedelta(days=1)


def lines() -> list[tuple[date, int, str]]:
    return [
        (
            line.posted_on,
            line.amount_minor,
            "payout" if line.payout_id else "batch" if line.batch_id else line.explanation,
        )
        for line in BankLine.objects.order_by("posted_on", "pk")
    ]


def test_a_file_is_looked_at_and_then_brought_in_once(transactional_db: None) -> None:
    user = builders.staff("Finance")
    content = csv((DAY, "Interest", "0.12"), (LATER, "Deposit", "150.00"))
    row = bank.upload(account().pk, content, name="november.csv", user=user)
    assert (row.applied_at, BankLine.objects.count(), len(bank.preview(row).new)) == (None, 0, 2)

    errors = at_once(4, lambda _: bank.bring_in(row.pk, user=user))

    assert errors == []
    row.refresh_from_db()
    assert (row.lines_new, row.lines_known, BankLine.objects.count()) == (2, 0, 2)
    assert AuditEntry.objects.filter(action="import bank statement").count() == 1


def test_the_same_file_and_an_overlapping_one_bring_each_line_once() -> None:
    user = builders.staff("Finance")
    first = [(DAY, "Deposit", "150.00"), (DAY, "Deposit", "150.00"), (DAY, "Interest", "0.12")]
    brought(csv(*first), user)
    again = brought(csv(*first), user)
    assert (again.lines_new, again.lines_known) == (0, 3)
    overlapping = brought(csv(*first[1:], (LATER, "Deposit", "20.00")), user)
    assert (overlapping.lines_new, overlapping.lines_known) == (1, 2)
    assert BankLine.objects.count() == 4


def test_two_files_brought_in_at_once_bring_each_line_once(transactional_db: None) -> None:
    user = builders.staff("Finance")
    content = csv((DAY, "Deposit", "150.00"), (LATER, "Deposit", "20.00"))
    rows = [bank.upload(account().pk, content, name=f"{n}.csv", user=user) for n in range(4)]
    assert at_once(4, lambda n: bank.bring_in(rows[n].pk, user=user)) == []
    assert BankLine.objects.count() == 2
    assert sorted(BankImport.objects.values_list("lines_new", flat=True)) == [0, 0, 0, 2]


def test_the_same_month_as_csv_and_as_ofx_is_one_month() -> None:
    user = builders.staff("Finance")
    brought(OFX_1.encode(), user, name="web.qfx")
    same = csv(
        (date(2026, 11, 5), "Stripe transfer", "1,234.56"), (date(2026, 11, 4), "Fee", "-15.00"), (DAY, "New", "7.00")
    )
    row = brought(same, user)
    assert (row.lines_new, row.lines_known) == (1, 2)
    assert BankLine.objects.count() == 4


def test_killed_before_the_end_nothing_was_brought_in() -> None:
    user = builders.staff("Finance")
    row = bank.upload(account().pk, csv((DAY, "Deposit", "150.00")), name="a.csv", user=user)
    killed(bank.bring_in, row.pk, user=user)
    assert BankLine.objects.count() == 0
    assert bank.bring_in(row.pk, user=user).lines_new == 1


def test_payouts_and_deposits_are_tied_by_amount_and_day() -> None:
    user = builders.staff("Finance")
    gift = charged(10000, fee=320)
    payout = paid_out(*BalanceTransaction.objects.filter(source_id=f"ch_{gift.pk}"), arrival_on=DAY)
    batch = deposited(5000, 10000)
    content = csv(
        (DAY + timedelta(days=3), "STRIPE TRANSFER", "96.80"),
        (DAY + timedelta(days=5), "Counter deposit", "150.00"),
        (DAY + timedelta(days=9), "Counter deposit", "150.00"),
        (DAY, "Rent", "-1,000.00"),
    )
    brought(content, user)
    assert [what for _, _, what in lines()] == ["", "payout", "batch", ""]
    assert BankLine.objects.get(payout=payout).settled_by == "task"
    assert BankLine.objects.get(batch=batch).posted_on == DAY + timedelta(days=5)


def test_what_could_be_two_things_waits_for_a_person() -> None:
    user = builders.staff("Finance")
    one, other = deposited(15000), deposited(15000, day=LATER)
    brought(csv((DAY, "Deposit", "150.00"), (LATER, "Deposit", "150.00")), user)
    assert [what for _, _, what in lines()] == ["", ""]
    first, second = BankLine.objects.order_by("posted_on")
    _, proposed = bank.candidates(first)
    assert [batch.pk for batch in proposed] == [one.pk, other.pk]

    bank.tie(first.pk, batch_id=one.pk, user=user)

    with pytest.raises(bank.CannotTie, match="Another line"):
        bank.tie(second.pk, batch_id=one.pk, user=user)
    # Now only one fits.
    assert bank.match() == 1
    second.refresh_from_db()
    assert second.batch_id == other.pk


def test_the_reference_on_the_deposit_slip_decides() -> None:
    user = builders.staff("Finance")
    deposited(15000, bank_reference="0001842")
    named = deposited(15000, bank_reference="0001843")
    brought(csv((DAY, "DEPOSIT 0001843", "150.00")), user)
    assert BankLine.objects.get().batch_id == named.pk


def test_a_returned_check_on_the_statement_is_explained_by_its_booking() -> None:
    user = builders.staff("Finance")
    batch = deposited(5000)
    gift = batch.details.get().gift
    with clock.standing_at(clock.midnight(DAY + timedelta(days=6))):
        reversals.reverse(
            gift.pk, reason="bounced", noticed_on=DAY + timedelta(days=4), bank_fee_minor=1200, actor="staff:1"
        )
    brought(csv((DAY + timedelta(days=4), "Returned item", "-50.00"), (DAY + timedelta(days=4), "Fee", "-12.00")), user)
    assert [what for _, _, what in lines()] == [
        f"Returned gift {gift.public_id}",
        f"Fee for the return of {gift.public_id}",
    ]


def test_tied_explained_and_taken_back_by_people_with_a_trail(transactional_db: None) -> None:
    user, stranger = builders.staff("Finance"), builders.staff("Staff")
    batch = deposited(15000)
    brought(csv((DAY, "Deposit", "149.99"), (DAY, "Interest", "0.12")), user)
    deposit, interest = BankLine.objects.order_by("-amount_minor")
    with pytest.raises(PermissionDenied):
        bank.tie(deposit.pk, batch_id=batch.pk, user=stranger)

    assert at_once(4, lambda _: bank.tie(deposit.pk, batch_id=batch.pk, user=user)) == []
    bank.explain(interest.pk, "  Interest of the bank ", user=user)

    assert AuditEntry.objects.filter(action="tie bank line").count() == 2
    with pytest.raises(bank.CannotTie, match="Take that back first"):
        bank.explain(deposit.pk, "something else", user=user)
    with pytest.raises(bank.CannotTie, match="few words"):
        bank.explain(interest.pk, " ", user=user)
    bank.untie(deposit.pk, user=user)
    bank.untie(deposit.pk, user=user)
    assert AuditEntry.objects.filter(action="untie bank line").count() == 1
    assert lines() == [(DAY, 14999, ""), (DAY, 12, "Interest of the bank")]


def test_what_was_tied_in_a_closed_month_stays_tied() -> None:
    user = builders.staff("Finance")
    deposited(15000)
    brought(csv((DAY, "Deposit", "150.00")), user)
    Month.objects.create(starts_on=DAY.replace(day=1), state="closed", closed_by=user, closed_at=clock.now())
    with pytest.raises(bank.CannotTie, match="closed"):
        bank.untie(BankLine.objects.get().pk, user=user)


def test_a_file_that_was_only_looked_at_can_be_left() -> None:
    user = builders.staff("Finance")
    row = bank.upload(account().pk, csv((DAY, "Deposit", "150.00")), name="a.csv", user=user)
    bank.discard(row.pk, user=user)
    bank.discard(row.pk, user=user)
    assert not BankImport.objects.exists()
    kept = brought(csv((DAY, "Deposit", "150.00")), user)
    with pytest.raises(bank.CannotTie, match="brought in"):
        bank.discard(kept.pk, user=user)


def test_a_payout_of_a_failed_charge_is_no_candidate() -> None:
    user = builders.staff("Finance")
    payout = paid_out(movement("ch_x", 9680))
    payout.status = "failed"
    payout.save()
    brought(csv((payout.arrival_on, "STRIPE", "96.80")), user)
    assert [what for _, _, what in lines()] == [""]
