"""The nightly comparison: nothing to say when everything ties, and every kind of difference found, named, and gone."""

from dataclasses import dataclass, replace
from datetime import date, timedelta
from random import Random
from typing import Any

import pytest
from django.core.exceptions import PermissionDenied
from django.db import IntegrityError, connection, transaction
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase

from donations import gateway, refunds
from donations.books import balance, bank, compare, tie_out
from donations.models import (
    BalanceSweep,
    BalanceTransaction,
    BankLine,
    Batch,
    Difference,
    Gift,
    LedgerEntry,
    Month,
    Payout,
    ReceiptDue,
)
from donations.receipts import gaps, issue
from nonprofit import clock
from nonprofit.models import AuditEntry, User
from tests import builders
from tests.donations import money_back
from tests.donations.bookkeeping import (
    DAY,
    brought,
    charged,
    clearing,
    csv,
    deposited,
    killed,
    movement,
    noon,
    paid_out,
)
from tests.donations.test_settle import at_once

pytestmark = pytest.mark.django_db


@dataclass
class Whole:
    """Books that tie. refunded: the gift of which a part went back."""

    payout: Payout
    batch: Batch
    user: User
    refunded: Gift


LONG_AFTER = DAY + timedelta(days=20)


def swept() -> None:
    """Stripe was read to the end, and holds what its movements come to."""
    total = sum(BalanceTransaction.objects.values_list("net_minor", flat=True))
    BalanceSweep.objects.update_or_create(
        pk=1, defaults={"swept_until": noon(LONG_AFTER), "balance": {"usd": total}, "balance_at": noon(LONG_AFTER)}
    )


def compared() -> list[tuple[str, int]]:
    """What is open after a comparison made long after: kind and how much."""
    with clock.standing_at(noon(LONG_AFTER)):
        compare.run()
    return [(row.kind, row.amount.minor) for row in Difference.objects.open().order_by("kind", "pk")]


def line(source: str, kind: str, minor: int, day: date = DAY, **fields: Any) -> LedgerEntry:
    return LedgerEntry.objects.create(
        **{
            "source": source,
            "kind": kind,
            "amount_minor": minor,
            "currency": "usd",
            "account": "stripe",
            "happened_at": noon(day),
            "booked_on": day,
            **fields,
        }
    )


def whole(day: date = DAY) -> Whole:
    """A payout of two charges, a refund, a dispute, and a fee of Stripe's own; and a deposit of checks. All ties."""
    user = builders.staff("Finance")
    first, second = charged(10000, fee=320, day=day), charged(5000, fee=175, day=day)
    movement("re_1", -2000, category="refund", day=day)
    line("re_1", "refund", -2000, day, gift=first, donor=first.donor, fund=first.fund)
    dispute = movement("du_1", -5000, 1500, category="dispute", day=day)
    line(dispute.stripe_id, "dispute", -5000, day, gift=second, donor=second.donor, fund=second.fund)
    line(dispute.stripe_id, "dispute_fee", -1500, day)
    movement("", 0, 200, category="fee", day=day)
    assert balance.book_own() == 1
    payout = paid_out(*BalanceTransaction.objects.all(), arrival_on=day + timedelta(days=2))
    assert balance.tie(payout.pk)
    balance.book_payout(payout.pk)
    batch = deposited(5000, 10000, day=day)
    Gift.objects.filter(pk=first.pk).update(refunded_minor=2000)
    issue.make_all_due(list(Gift.objects.filter(kind="check")))
    issue.issue_due()
    Gift.objects.filter(pk=second.pk).update(status="disputed")
    swept()
    return Whole(payout, batch, user, Gift.objects.get(pk=first.pk))


def statement(payout: str = "58.05", deposit: str = "150.00", day: date = DAY) -> bytes:
    after, last = day + timedelta(days=2), day + timedelta(days=20)
    return csv((after, "STRIPE TRANSFER", payout), (after, "Deposit", deposit), (last, "Rent", "-900.00"))


def test_a_payout_with_charges_refunds_dispute_and_fees_ties_to_the_cent() -> None:
    books = whole()
    assert books.payout.amount_minor == 10000 - 320 + 5000 - 175 - 2000 - 6500 - 200 == 5805
    brought(statement(), books.user)
    assert BankLine.objects.filter(payout=books.payout).count() == 1
    assert BankLine.objects.filter(batch=books.batch).count() == 1
    assert compared() == []
    assert clearing() == 0
    assert [(one.code, one.ties) for one in tie_out.equations(DAY.replace(day=1))] == [
        ("clearing", True),
        ("bank", True),
        ("receipts", True),
    ]


@pytest.mark.parametrize("where", ["payout", "movement", "bank payout", "deposit", "ledger", "receipt", "Stripe"])
def test_a_planted_cent_is_found_and_named(where: str) -> None:
    books = whole()
    payout, gift = books.payout.stripe_payout_id, books.refunded
    # Kind, how much, and the words by which somebody finds it.
    expected: list[tuple[str, int, str]] = []
    match where:
        case "payout":
            books.payout.amount_minor += 1
            books.payout.save()
            brought(statement("58.06"), books.user)
            # Its lines do not come to it, and what was booked of it is another amount.
            expected = [
                ("movement_not_booked", -1, f"payout {payout} is paid"),
                ("payout_does_not_tie", 1, f"the lines of payout {payout} do"),
            ]
        case "movement":
            movement("ch_unknown", 1)
            swept()
            brought(statement(), books.user)
            expected = [("charge_without_gift", 1, "charge ch_unknown is")]
        case "bank payout":
            brought(statement("58.06"), books.user)
            unknown = BankLine.objects.get(amount_minor=5806)
            expected = [
                ("bank_line_unknown", 5806, f"line {unknown.pk} of the bank on {unknown.posted_on} is"),
                ("payout_not_in_bank", -5805, f"the bank shows no payout {payout}"),
            ]
        case "deposit":
            brought(statement(deposit="149.99"), books.user)
            bank.tie(BankLine.objects.get(amount_minor=14999).pk, batch_id=books.batch.pk, user=books.user)
            expected = [("deposit_differs", -1, f"amount for deposit {books.batch.public_id}")]
        case "ledger":
            line(f"ch_{gift.pk}", "adjustment", 1)
            brought(statement(), books.user)
            # Stripe has that charge, and a line of another kind is none of its counterparts.
            expected = [("amount_differs", -1, f"the line adjustment ch_{gift.pk}")]
        case "receipt":
            _print_a_cent_more(gift)
            brought(statement(), books.user)
            expected = [
                ("receipts_differ", 1, f"{gift.paper.number} says another amount than the ledger for gift {gift}")
            ]
        case "Stripe":
            BalanceSweep.objects.update(balance={"usd": 1})
            brought(statement(), books.user)
            expected = [("balance_differs", 1, "Stripe holds another amount")]
    assert compared() == [(kind, minor) for kind, minor, _ in expected]
    found = Difference.objects.open().order_by("kind", "pk").values_list("about", flat=True)
    for about, (_, _, words) in zip(found, expected, strict=True):
        # Whole words: po_1 is not po_12.
        assert f" {words} " in f" {about} "
    # Told once, and not again the next night.
    with clock.standing_at(noon(LONG_AFTER)):
        assert compare.run().new == 0


def test_of_a_gift_paid_twice_whose_own_payment_went_back_the_other_is_found() -> None:
    """The gift and its receipt are gone, and a hundred dollars are here."""
    with clock.standing_at(noon(DAY)):
        gift = charged(10000, payment_intent_id="pi_own")
        movement("ch_second", 10000, 320)
        line("ch_second", "gift", 10000, gift=gift, donor=gift.donor, fund=gift.fund)
        line("ch_second", "fee", -320, gift=gift, donor=gift.donor, fund=gift.fund)
        issue.issue_due()
        movement("re_own", -10000, category="refund")
        own = money_back.refund(gift, 1, 10000)
        assert own.balance is not None
        refunds.apply(gift.pk, replace(own, id="re_own"))
    gift.refresh_from_db()
    assert gift.status == "refunded"
    swept()
    assert compared() == [("receipts_differ", -10000)]
    assert gift.public_id in Difference.objects.open().get().about

    with clock.standing_at(noon(DAY)):
        movement("re_second", -10000, category="refund")
        refunds.apply(gift.pk, replace(own, id="re_second", payment_id="pi_second"))
    swept()
    assert compared() == []


def _print_a_cent_more(gift: Gift) -> None:
    """What no verb can do: only somebody with the database in their hands."""
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute("ALTER TABLE donations_receipt DISABLE TRIGGER refuse_change")
        cursor.execute(
            "UPDATE donations_receipt SET snapshot = jsonb_set(snapshot, '{gift,amount_minor}', '8001') WHERE id = %s",
            [gift.receipt_id],
        )
        cursor.execute("ALTER TABLE donations_receipt ENABLE TRIGGER refuse_change")


def test_a_difference_that_ties_later_is_gone_and_comes_back_under_its_name() -> None:
    books = whole()
    # A statement of other days: the bank could have shown the payout and the deposit, and does not.
    brought(csv((DAY - timedelta(days=3), "Rent", "-1.00"), (LONG_AFTER, "Rent", "-1.00")), books.user)
    assert compared() == [("deposit_not_in_bank", -15000), ("payout_not_in_bank", -5805)]
    row = brought(statement(), books.user)
    assert row.lines_new == 3
    assert compared() == []
    assert Difference.objects.filter(gone_at__isnull=False).count() == 2
    bank.untie(BankLine.objects.get(payout=books.payout).pk, user=books.user)
    assert compared() == [("bank_line_unknown", 5805), ("payout_not_in_bank", -5805)]
    assert Difference.objects.filter(kind="payout_not_in_bank").count() == 1


def test_a_gift_without_its_charge_and_a_charge_without_its_gift() -> None:
    whole()
    with clock.standing_at(noon(DAY)):
        lonely = builders.booked_gift(amount_minor=700, donor_email="bob@example.org")
    issue.issue_due()
    movement("ch_dashboard", 900, 55)
    swept()
    assert compared() == [("charge_without_gift", 845), ("gift_without_charge", -700)]
    assert Difference.objects.get(kind="gift_without_charge").about.endswith(f"of gift {lonely.public_id}")
    assert not LedgerEntry.objects.filter(source="ch_dashboard").exists()


def test_a_gift_without_any_paper_and_a_number_without_one() -> None:
    books = whole()
    gift = charged(300, fee=39, donor_email="bob@example.org")
    ReceiptDue.objects.filter(gift=gift).delete()
    with connection.cursor() as cursor:
        cursor.execute("UPDATE donations_receiptbook SET last_number = last_number + 1 WHERE series = 'R'")
    swept()
    gaps.look()
    assert compared() == [("number_unexplained", 0), ("receipts_differ", -300)]
    assert books.refunded.paper.number not in Difference.objects.get(kind="number_unexplained").about


def test_explained_by_a_person_with_a_trail_and_not_for_another_amount(transactional_db: None) -> None:
    books = whole()
    strange = movement("ch_dashboard", 900, 55)
    swept()
    compared()
    row, stranger = Difference.objects.open().get(), builders.staff("Staff")
    with pytest.raises(PermissionDenied):
        compare.explain(row.pk, "x", user=stranger)
    with pytest.raises(ValueError, match="few words"):
        compare.explain(row.pk, " ", user=books.user)

    assert at_once(4, lambda _: compare.explain(row.pk, "A test charge of ours", user=books.user)) == []

    assert AuditEntry.objects.filter(action="explain difference").count() == 1
    assert compared() == []
    line("ch_dashboard", "gift", 800, gift=books.refunded, donor=books.refunded.donor, fund=books.refunded.fund)
    # Now it is another difference, which nobody has explained.
    assert compared() == [("amount_differs", strange.net_minor - 800), ("receipts_differ", -800)]
    assert Difference.objects.get(pk=row.pk).explanation == "A test charge of ours"


def test_a_difference_of_a_closed_month_counts_in_the_first_open_one() -> None:
    books = whole()
    Month.objects.create(starts_on=DAY.replace(day=1), state="closed", closed_by=books.user, closed_at=clock.now())
    movement("ch_late", 900, 55)
    swept()
    with clock.standing_at(noon(LONG_AFTER + timedelta(days=30))):
        compare.run()
    assert [row.day for row in Difference.objects.open()] == [date(2026, 12, 1)]


def test_compared_twice_at_once_each_is_written_once(transactional_db: None) -> None:
    whole()
    for number in range(3):
        movement(f"ch_unknown_{number}", 100 + number)
    assert at_once(4, lambda _: compared()) == []
    assert Difference.objects.filter(kind="charge_without_gift").count() == 3


def test_killed_before_the_end_nothing_was_written() -> None:
    whole()
    movement("ch_unknown", 1)
    killed(compare.run)
    assert not Difference.objects.exists()


def test_a_movement_that_is_nobodys_gift_can_be_booked_for_a_reason() -> None:
    books = whole()
    reserve = movement("", -700, category="risk_reserved_funds")
    charge = movement("ch_dashboard", 900)
    with pytest.raises(ValueError, match="no gift"):
        balance.adjust(charge.pk, "a sale", actor="staff:1")
    with pytest.raises(ValueError, match="few words"):
        balance.adjust(reserve.pk, "", actor="staff:1")
    assert balance.adjust(reserve.pk, "Held back by Stripe", actor="staff:1")
    assert not balance.adjust(reserve.pk, "Held back by Stripe", actor="staff:1")
    swept()
    brought(statement(), books.user)
    assert compared() == [("charge_without_gift", 900)]


def test_postgresql_refuses_to_change_what_stripe_told() -> None:
    payout = whole().payout
    told = BalanceTransaction.objects.filter(payout__isnull=False).first()
    assert told is not None
    for change in ({"net_minor": 1}, {"payout": None}, {"description": "x"}):
        with pytest.raises(IntegrityError), transaction.atomic():
            BalanceTransaction.objects.filter(pk=told.pk).update(**change)
    with pytest.raises(IntegrityError), transaction.atomic():
        BalanceTransaction.objects.filter(payout=payout).delete()


class Told(TestCase):
    """Whatever Stripe tells, in whatever order and however often: stored once, and the payout ties or is named."""

    @given(st.lists(st.tuples(st.integers(1, 10**6), st.integers(0, 500)), min_size=1, max_size=12), st.randoms())
    @settings(deadline=None, max_examples=25)
    def test_stored_once_and_tied(self, charges: list[tuple[int, int]], chance: Random) -> None:
        told = [
            gateway.Balance(f"txn_{n}", minor, fee, minor - fee, "usd", "charge", "charge", f"ch_{n}", noon(DAY), DAY)
            for n, (minor, fee) in enumerate(charges)
        ]
        total = sum(one.net_minor for one in told)
        payout = Payout.objects.create(
            stripe_payout_id="po_any", amount_minor=total, currency="usd", created_at=noon(DAY), arrival_on=DAY
        )
        balance.store(told[: len(told) // 2])
        again = [*told, *chance.sample(told, len(told) // 2)]
        chance.shuffle(again)
        for start in range(0, len(again), 5):
            balance.store(list({one.id: one for one in again[start : start + 5]}.values()), payout)
        assert BalanceTransaction.objects.filter(payout=payout).count() == len(told)
        assert balance.lines_sum(payout) == total
        assert balance.tie(payout.pk)
        Payout.objects.filter(pk=payout.pk).update(tied_at=None, amount_minor=total + 1)
        assert not balance.tie(payout.pk)
