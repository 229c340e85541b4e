"""Stripe's books read from the stand-in Stripe itself: every movement once, payouts with their lines, to the cent."""

from collections import defaultdict
from contextlib import AbstractContextManager
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest

from donations import disputes, gateway, gifts, refunds
from donations.books import balance, bank, compare, months, tie_out
from donations.models import (
    BalanceSweep,
    BalanceTransaction,
    BankLine,
    Difference,
    Export,
    Gift,
    LedgerEntry,
    Month,
    Payout,
)
from donations.receipts import issue
from nonprofit import clock
from nonprofit.money import Money
from sandbox.happenings import happen
from sandbox.server import Sandbox
from tests import builders
from tests.donations import exported
from tests.donations.bookkeeping import brought, clearing, csv
from tests.donations.test_payment import confirm, wish
from tests.donations.test_settle import at_once

pytestmark = pytest.mark.usefixtures("transactional_db")


def paid(minor: int) -> Gift:
    """A gift paid by card at the stand-in Stripe and booked."""
    gift = gifts.start_card(wish(amount=Money(minor)))
    payment = gifts.open_payment(gift)
    confirm(payment)
    return gifts.settle(gift.pk, gateway.retrieve_payment(payment.id))


def charge_of(gift: Gift) -> str:
    return LedgerEntry.objects.get(gift=gift, kind="gift").source


def busy(sandbox: Sandbox) -> str:
    """Three gifts, a refund of a part, a dispute with its fee, a fee of Stripe's own, and the payout of all; its id."""
    first, second, _ = paid(10000), paid(5000), paid(2345)
    refund = happen(sandbox, "refund", {"charge": charge_of(first), "amount": 2000})
    refunds.apply(first.pk, gateway.retrieve_refund(refund["id"]))
    dispute = happen(sandbox, "dispute", {"charge": charge_of(second)})
    disputes.apply(gateway.retrieve_dispute(dispute["id"]), second.pk)
    happen(sandbox, "fee", {"amount": 200})
    return str(happen(sandbox, "payout", {"arrives": False})["id"])


def accounts(payout: Payout) -> set[str]:
    """The accounts that the journal from today to the payout's arrival leaves anything on."""
    journal = exported.made(Export.Profile.JOURNAL_QUICKBOOKS, first=clock.today(), last=payout.arrival_on)
    return {line["Account Name"] for line in exported.rows(journal)}


def later(**delta: int) -> AbstractContextManager[None]:
    return clock.standing_at(clock.now() + timedelta(**delta))


def test_a_payout_of_everything_ties_to_the_cent_from_stripe_to_the_bank(stripe_sandbox: Sandbox) -> None:
    payout_id = busy(stripe_sandbox)
    balance.sweep()
    payout = balance.follow(payout_id)
    # On its way: the balance is empty, the money is in transit and ours.
    assert payout.status == "in_transit"
    assert clearing() == payout.amount_minor
    happen(stripe_sandbox, "payout-arrive", {"payout": payout_id})

    assert at_once(4, lambda _: balance.follow(payout_id)) == []

    payout = Payout.objects.get()
    inside = sorted(payout.lines.values_list("reporting_category", flat=True))
    assert inside == ["charge", "charge", "charge", "dispute", "fee", "refund"]
    assert balance.lines_sum(payout) == payout.amount_minor
    assert payout.tied_at
    assert list(LedgerEntry.objects.filter(source=payout_id).values_list("kind", "amount_minor")) == [
        ("payout", -payout.amount_minor)
    ]
    assert clearing() == 0
    issue.issue_due()
    user = builders.staff("Finance")
    money = Money(payout.amount_minor)
    brought(csv((payout.arrival_on, "STRIPE TRANSFER", str(money).lstrip("$"))), user)
    assert BankLine.objects.get().payout == payout
    with later(hours=3):
        assert compare.run() == compare.Outcome(new=0, gone=0, open=0)
    this = payout.arrival_on.replace(day=1)
    assert [one.ties for one in tie_out.equations(this) if one.code != "bank"] == [True, True]


def test_the_journal_of_a_payout_of_everything_balances_and_leaves_nothing_at_stripe(stripe_sandbox: Sandbox) -> None:
    """A book-keeper who posts the file finds the clearing account empty and the bank's amount on Checking."""
    payout_id = busy(stripe_sandbox)
    happen(stripe_sandbox, "payout-arrive", {"payout": payout_id})
    balance.sweep()
    payout = balance.follow(payout_id)

    first = min(LedgerEntry.objects.values_list("booked_on", flat=True))
    last = max(LedgerEntry.objects.values_list("booked_on", flat=True))
    lines = exported.rows(exported.made(Export.Profile.JOURNAL_QUICKBOOKS, first=first, last=last))

    by_number: dict[str, Decimal] = defaultdict(Decimal)
    by_account: dict[str, Decimal] = defaultdict(Decimal)
    for line in lines:
        assert bool(line["Debits"]) != bool(line["Credits"])
        by_number[line["Journal No"]] += Decimal(line["Debits"] or 0) - Decimal(line["Credits"] or 0)
        by_account[line["Account Name"]] += Decimal(line["Debits"] or 0) - Decimal(line["Credits"] or 0)
    assert set(by_number.values()) == {Decimal(0)}
    # All of it is the payout's own; where it arrives in another month, that month has a number for its part.
    assert by_number.keys() == {f"J-{day:%Y-%m}-P{payout.pk}" for day in (first, last)}
    # Of the charges and the dispute, and the two dollars that Stripe took for itself.
    fees = sum(payout.lines.values_list("fee_minor", flat=True)) + 200
    assert payout.amount_minor == 10000 + 5000 + 2345 - 2000 - 5000 - fees
    assert {name: int(total * 100) for name, total in by_account.items()} == {
        "Stripe Clearing": 0,
        "Checking": payout.amount_minor,
        "Processing Fees": fees,
        "Contributions": -(10000 + 5000 + 2345),
        "Refunds and Chargebacks": 2000 + 5000,
    }


def test_read_twice_and_at_once_each_movement_is_stored_once(stripe_sandbox: Sandbox) -> None:
    busy(stripe_sandbox)
    assert at_once(4, lambda _: balance.sweep()) == []
    there = list(stripe_sandbox.store.newest_first("balance_transaction"))
    assert BalanceTransaction.objects.count() == len(there) == 7
    assert balance.sweep() == 0
    told = BalanceSweep.objects.get().balance["usd"]
    assert told == sum(BalanceTransaction.objects.values_list("net_minor", flat=True))
    assert LedgerEntry.objects.filter(kind="stripe_fee").count() == 1


def test_a_payout_that_failed_brings_its_money_back(stripe_sandbox: Sandbox) -> None:
    paid(10000)
    before = clearing()
    payout_id = str(happen(stripe_sandbox, "payout", {})["id"])
    balance.follow(payout_id)
    assert clearing() == 0
    happen(stripe_sandbox, "payout-fail", {"payout": payout_id})
    balance.follow(payout_id)
    balance.follow(payout_id)
    assert clearing() == before
    lines = LedgerEntry.objects.filter(source=payout_id).order_by("pk")
    assert list(lines.values_list("kind", flat=True)) == ["payout", "payout_failed"]
    balance.sweep()
    issue.issue_due()
    with later(hours=3):
        assert compare.run().open == 0


def test_what_stripe_takes_from_the_bank_is_a_payout_below_nothing_and_may_fail_too(stripe_sandbox: Sandbox) -> None:
    happen(stripe_sandbox, "fee", {"amount": 200})
    balance.sweep()
    payout_id = str(happen(stripe_sandbox, "payout", {})["id"])
    payout = balance.follow(payout_id)
    assert payout.amount_minor == -200
    balance.follow(payout_id)
    assert clearing() == 0
    user = builders.staff("Finance")
    brought(csv((payout.arrival_on, "STRIPE DEBIT", "-2.00")), user)
    assert BankLine.objects.get().payout == payout
    balance.sweep()
    with later(hours=3):
        assert compare.run().open == 0
    # Like any other payout it stands against the bank.
    assert accounts(payout) == {"Checking", "Processing Fees"}

    happen(stripe_sandbox, "payout-fail", {"payout": payout_id})
    balance.follow(payout_id)
    balance.follow(payout_id)
    lines = LedgerEntry.objects.filter(source=payout_id).order_by("pk")
    assert list(lines.values_list("kind", "amount_minor")) == [("payout", 200), ("payout_failed", -200)]
    assert clearing() == -200
    assert accounts(payout) == {"Stripe Clearing", "Processing Fees"}


def test_a_charge_in_the_dashboard_is_named_and_never_booked(stripe_sandbox: Sandbox) -> None:
    gift = paid(10000)
    lost = gifts.start_card(wish(amount=Money(4000)))
    confirm(gifts.open_payment(lost))
    balance.sweep()
    issue.issue_due()
    with later(hours=3):
        compare.run()
    row = Difference.objects.get()
    assert (row.kind, row.theirs_minor) == ("charge_without_gift", 4000 - 146)
    assert LedgerEntry.objects.exclude(gift=gift).count() == 0
    # Its event comes late: the gift is booked by its own verb, and the difference is gone.
    gifts.check(Gift.objects.get(pk=lost.pk))
    issue.issue_due()
    with later(hours=3):
        assert compare.run().open == 0


def test_a_fee_that_was_not_known_is_added_by_the_night(stripe_sandbox: Sandbox) -> None:
    gift = gifts.start_card(wish(amount=Money(4000)))
    payment = gifts.open_payment(gift)
    confirm(payment)
    told = gateway.retrieve_payment(payment.id)
    assert told.charge
    gifts.settle(gift.pk, replace(told, charge=replace(told.charge, balance=None)))
    issue.issue_due()
    assert not LedgerEntry.objects.filter(kind="fee").exists()
    assert compare.nightly().open == 0
    assert LedgerEntry.objects.get(kind="fee").amount_minor == -146


def test_a_dispute_on_a_closed_month_moves_nothing_in_it(stripe_sandbox: Sandbox) -> None:
    gift = paid(10000)
    user = builders.staff("Finance")
    booked = LedgerEntry.objects.get(gift=gift, kind="gift")
    this = booked.booked_on.replace(day=1)
    next_month = months.after(this)
    Month.objects.create(starts_on=this, state="closed", closed_by=user, closed_at=clock.now())
    before = list(LedgerEntry.objects.order_by("pk").values_list("source", "kind", "amount_minor", "booked_on"))
    dispute = happen(stripe_sandbox, "dispute", {"charge": charge_of(gift)})
    told = gateway.retrieve_dispute(dispute["id"])
    disputes.apply(told, gift.pk)
    in_it = LedgerEntry.objects.filter(booked_on__lt=next_month).order_by("pk")
    assert list(in_it.values_list("source", "kind", "amount_minor", "booked_on")) == before
    late = LedgerEntry.objects.filter(booked_on=next_month)
    assert sorted(late.values_list("kind", flat=True)) == ["dispute", "dispute_fee"]
    assert {one.happened_at for one in late} == {told.balances[0].created_at}
    assert bank.match() == 0


def test_a_refund_and_a_dispute_whose_events_were_lost_are_booked_by_the_night(stripe_sandbox: Sandbox) -> None:
    first, second = paid(10000), paid(5000)
    issue.issue_due()
    happen(stripe_sandbox, "refund", {"charge": charge_of(first), "amount": 2000})
    happen(stripe_sandbox, "dispute", {"charge": charge_of(second)})
    with later(hours=3):
        found = compare.nightly()
        issue.issue_due()
        assert compare.run().open == 0
    assert found.open == 0
    kinds = LedgerEntry.objects.exclude(kind__in=["gift", "fee"]).order_by("kind").values_list("kind", "amount_minor")
    assert list(kinds) == [("dispute", -5000), ("dispute_fee", -1500), ("refund", -2000)]
    assert Gift.objects.get(pk=second.pk).status == "disputed"
