"""A gift is taken back by an equal negative line: once, whatever happens, and with its receipt."""

import threading
from collections.abc import Callable
from datetime import timedelta

import pytest
from django.db import connections, transaction
from django.db.models import Sum

from donations import reversals, signals
from donations.models import Fund, Gift, LedgerEntry, ReceiptDue, ReceiptVoid, Reversal
from nonprofit import clock
from nonprofit.models import AuditEntry
from tests import builders
from tests.donations import mailbag

BOUNCED, WRONG = Reversal.Reason.BOUNCED, Reversal.Reason.WRONG_ENTRY


def books(gift: Gift) -> list[tuple[str, int]]:
    return sorted(LedgerEntry.objects.filter(gift=gift).values_list("kind", "amount_minor"))


def bounce(gift: Gift, fee: int = 1200) -> Reversal:
    return reversals.reverse(
        gift.pk, reason=BOUNCED, noticed_on=clock.today(), actor="staff:1", bank_fee_minor=fee, note="NSF"
    )


@pytest.mark.django_db
def test_rule_12_an_equal_negative_line_on_the_notice_date_and_the_fee_apart() -> None:
    gift = mailbag.record(on=clock.today() - timedelta(days=9))
    noticed_on = clock.today() - timedelta(days=2)
    reversal = reversals.reverse(
        gift.pk, reason=BOUNCED, noticed_on=noticed_on, actor="staff:1", bank_fee_minor=1200, note="NSF"
    )
    gift.refresh_from_db()
    assert gift.status == Gift.Status.REVERSED
    assert books(gift) == [("bank_fee", -1200), ("gift", 5000), ("reversal", -5000)]
    back, fee = gift.ledger_entries.get(kind="reversal"), gift.ledger_entries.get(kind="bank_fee")
    assert (back.source, back.booked_on, back.donor, back.fund) == (
        f"reversal:{gift.pk}",
        noticed_on,
        gift.donor,
        gift.fund,
    )
    assert (fee.donor, fee.booked_on) == (None, noticed_on), "the fee is no part of what the supporter gave"
    given = LedgerEntry.objects.filter(donor=gift.donor).aggregate(sum=Sum("amount_minor"))["sum"]
    assert given == 0
    deed = AuditEntry.objects.get(action="reverse gift")
    assert (deed.actor, deed.target_id, deed.reason) == ("staff:1", str(gift.pk), "returned by the bank: NSF")
    assert (deed.before["status"], deed.after["status"], deed.after["bank_fee_minor"]) == ("settled", "reversed", 1200)
    assert (reversal.noticed_on, reversal.bank_fee_minor) == (noticed_on, 1200)


@pytest.mark.django_db
def test_money_for_a_purpose_does_not_pay_the_banks_fee() -> None:
    general = builders.fund()
    schools = builders.fund(code="220-SCH", name="Schools", restriction=Fund.Restriction.PURPOSE)
    gift = mailbag.record(fund=schools)
    bounce(gift)
    assert dict(gift.ledger_entries.values_list("kind", "fund")) == {
        "gift": schools.pk,
        "reversal": schools.pk,
        "bank_fee": general.pk,
    }


@pytest.mark.django_db
def test_a_receipt_that_waits_is_never_issued_and_one_issued_is_void() -> None:
    waiting, issued = mailbag.record(), mailbag.record(check_number="1043")
    assert ReceiptDue.objects.filter(gift=waiting).exists()
    bounce(waiting)
    receipt = mailbag.receipted(issued)
    reversals.reverse(
        issued.pk, reason=WRONG, noticed_on=clock.today(), actor="staff:1", void_as=ReceiptVoid.Reason.WRONG_AMOUNT
    )
    assert not ReceiptDue.objects.exists()
    void = ReceiptVoid.objects.get()
    assert (void.receipt, void.reason) == (receipt, "wrong_amount")


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("kind", "lines"),
    [
        ("stock", [("property", 512_300), ("property_back", -512_300)]),
        ("in_kind", [("property", 30_000), ("property_back", -30_000)]),
        ("services", []),
        ("cash", [("gift", 5000), ("reversal", -5000)]),
    ],
)
def test_a_wrong_entry_of_any_kind_goes_back_as_it_came(kind: str, lines: list[tuple[str, int]]) -> None:
    gift, heard = mailbag.record(kind), []

    def listen(gift: Gift, entry: LedgerEntry | None, **_: object) -> None:
        heard.append((gift.pk, entry.kind if entry else None))

    signals.gift_reversed.connect(listen)
    try:
        for _ in range(3):
            reversals.reverse(gift.pk, reason=WRONG, noticed_on=clock.today(), actor="staff:1")
    finally:
        signals.gift_reversed.disconnect(listen)
    assert books(gift) == lines
    assert heard == [(gift.pk, lines[-1][0] if lines else None)]


@pytest.mark.django_db
def test_what_cannot_be_taken_back_says_why_and_changes_nothing() -> None:
    today = clock.today()
    card, pending, cash, check = (
        builders.booked_gift(),
        builders.pending_gift(kind="check"),
        mailbag.record("cash"),
        mailbag.record(),
    )
    before = list(LedgerEntry.objects.values())
    for gift, reason, fee, day, words in (
        (card, WRONG, 0, today, "paid by card"),
        (pending, WRONG, 0, today, "is started"),
        (cash, BOUNCED, 0, today, "does not return a gift of this kind"),
        (check, WRONG, 500, today, "booked as its fee"),
        (check, BOUNCED, -1, today, "booked as its fee"),
        (check, BOUNCED, 0, today + timedelta(days=1), "lies ahead"),
        (check, BOUNCED, 0, today - timedelta(days=1), "before the gift was booked"),
    ):
        with pytest.raises(reversals.CannotReverse, match=words):
            reversals.reverse(gift.pk, reason=reason, noticed_on=day, actor="staff:1", bank_fee_minor=fee)
    assert list(LedgerEntry.objects.values()) == before
    assert not Reversal.objects.exists()
    assert not AuditEntry.objects.filter(action="reverse gift").exists()


def at_once(count: int, work: Callable[[], object]) -> list[Exception]:
    gate, errors = threading.Barrier(count), []

    def run() -> None:
        try:
            gate.wait(timeout=20)
            work()
        except Exception as error:
            errors.append(error)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=run) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=30)
    return errors


@pytest.mark.django_db(transaction=True)
def test_taken_back_by_eight_at_once_it_is_taken_back_once() -> None:
    gift = mailbag.record()
    assert at_once(8, lambda: bounce(gift)) == []
    assert books(gift) == [("bank_fee", -1200), ("gift", 5000), ("reversal", -5000)]
    assert Reversal.objects.count() == AuditEntry.objects.filter(action="reverse gift").count() == 1


@pytest.mark.django_db(transaction=True)
def test_killed_before_commit_nothing_happened_and_the_next_try_books() -> None:
    gift = mailbag.record()

    class Killed(Exception):
        pass

    def reverse_and_die() -> None:
        with transaction.atomic():
            bounce(gift)
            raise Killed

    with pytest.raises(Killed):
        reverse_and_die()
    gift.refresh_from_db()
    assert gift.status == Gift.Status.SETTLED
    assert books(gift) == [("gift", 5000)]
    assert ReceiptDue.objects.filter(gift=gift).exists()
    assert not Reversal.objects.exists()

    bounce(gift)
    assert books(gift) == [("bank_fee", -1200), ("gift", 5000), ("reversal", -5000)]
