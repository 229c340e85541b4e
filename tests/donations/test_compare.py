"""The nightly comparison: nothing to say when everything ties, and every kind of difference found, named, and gone."""

from datetime import timedelta
from typing import Any

import pytest
from django.core.exceptions import PermissionDenied
from django.db import connection
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase

from donations.books import balance, bank, compare
from donations.models import (
    BalanceSweep,
    BalanceTransaction,
    BankLine,
    Difference,
    Gift,
    LedgerEntry,
    Month,
    Receipt,
    ReceiptDue,
)
from donations.receipts import issue
from nonprofit import clock
from nonprofit.models import AuditEntry
from tests import builders
from tests.donations.bookkeeping import DAY, brought, charged, csv, deposited, killed, movement, noon, paid_out
from tests.donations.test_settle import at_once

pytestmark = pytest.mark.django_db
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


def line(source: str, kind: str, minor: int, **fields: Any) -> LedgerEntry:
    return LedgerEntry.objects.create(
        **{
            "source": source,
            "kind": kind,
            "amount_minor": minor,
            "currency": "usd",
            "account": "stripe",
            "happened_at": noon(DAY),
            "booked_on": DAY,
            **fields,
        }
    )


def whole() -> dict[str, Any]:
    """A payout of two charges, a refund, a dispute with its fee and a fee of Stripe's own, and a deposit; all booked."""
    user = builders.staff("Finance")
    first, second = charged(10000, fee=320), charged(5000, fee=175)
    refund = movement("re_1", -2000, category="refund")
    line("re_1", "refund", -2000, gift=first, donor=first.donor, fund=first.fund)
    dispute = movement("du_1", -5000, 1500, category="dispute")
    line(dispute.stripe_id, "dispute", -5000, gift=second, donor=second.donor, fund=second.fund)
    line(dispute.stripe_id, "dispute_fee", -1500)
    movement("", 0, 200, category="fee")
    assert balance.book_own() == 1
    payout = paid_out(*BalanceTransaction.objects.all(), arrival_on=DAY + timedelta(days=2))
    balance.tie(payout.pk)
    balance.book_payout(payout.pk)
    batch = deposited(5000, 10000)
    issue.issue_due(1000)
    ReceiptDue.objects.all().delete()
    Gift.objects.filter(kind="check").delete() if False else None
    for gift in batch.details.all():
        issue.make_due(gift.gift)
    issue.issue_due(1000)
    Gift.objects.filter(pk=first.pk).update(refunded_minor=2000)
    Gift.objects.filter(pk=second.pk).update(status="disputed")
    return {"payout": payout, "batch": batch, "user": user, "refunded": first}


def statement(payout_amount: str = "58.05", deposit: str = "150.00") -> bytes:
    after = DAY + timedelta(days=2)
    return csv((after, "STRIPE TRANSFER", payout_amount), (after, "Deposit", deposit), (LONG_AFTER, "Rent", "-900.00"))


def reprinted(gift: Gift) -> None:
    """The partly refunded gift has a paper over what is left, as replacing it leaves behind."""
    receipt = Receipt.objects.get(gift=gift)
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE donations_receipt DISABLE TRIGGER refuse_change")
        receipt.snapshot["gift"]["amount_minor"] = 8000
        receipt.save()
        cursor.execute("ALTER TABLE donations_receipt ENABLE TRIGGER refuse_change")
