"""Rows for the tests of the books: Stripe's movements and payouts, deposits, bank accounts, as the verbs leave them."""

import itertools
from collections.abc import Callable
from contextlib import suppress
from datetime import date, datetime, timedelta
from inspect import unwrap
from typing import Any

from django.db import transaction
from django.db.models import Sum

from donations.books import bank
from donations.models import (
    BalanceTransaction,
    BankAccount,
    BankImport,
    Batch,
    Gift,
    GiftDetail,
    LedgerEntry,
    Payout,
)
from nonprofit import clock
from nonprofit.models import User
from tests import builders

_count = itertools.count(1)
DAY = date(2026, 11, 5)


def noon(day: date) -> datetime:
    return clock.midnight(day) + timedelta(hours=12)


def charged(amount_minor: int = 2500, *, fee: int = 103, day: date = DAY, **fields: Any) -> Gift:
    """A card gift of that day, booked by the verb, with its movement at Stripe."""
    with clock.standing_at(noon(day)):
        gift = builders.booked_gift(amount_minor=amount_minor, fee_minor=fee, **fields)
        movement(f"ch_{gift.pk}", amount_minor, fee, day=day)
    return gift


def movement(
    source: str, amount_minor: int, fee: int = 0, *, category: str = "charge", day: date = DAY, **fields: Any
) -> BalanceTransaction:
    at = noon(day)
    return BalanceTransaction.objects.create(
        **{
            "stripe_id": f"txn_{category}_{next(_count)}",
            "source_id": source,
            "type": category,
            "reporting_category": category,
            "amount_minor": amount_minor,
            "fee_minor": fee,
            "net_minor": amount_minor - fee,
            "currency": "usd",
            "created_at": at,
            "created_on": day,
            "available_on": day,
            **fields,
        }
    )


def paid_out(*lines: BalanceTransaction, arrival_on: date = DAY + timedelta(days=2), off_by: int = 0) -> Payout:
    """A payout of these movements, with its own movement; not booked. off_by: by how much it is not their sum."""
    amount = sum(line.net_minor for line in lines) + off_by
    payout = Payout.objects.create(
        stripe_payout_id=f"po_{next(_count)}",
        amount_minor=amount,
        currency="usd",
        status="paid",
        created_at=noon(arrival_on - timedelta(days=1)),
        arrival_on=arrival_on,
        changed_at=noon(arrival_on),
    )
    for line in lines:
        BalanceTransaction.objects.filter(pk=line.pk).update(payout=payout)
    movement(payout.stripe_payout_id, -amount, category="payout", day=arrival_on - timedelta(days=1))
    return payout


def deposited(*amounts: int, day: date = DAY, **fields: Any) -> Batch:
    """A closed batch of checks of that deposit day, its gifts booked as the desk books them."""
    clerk = User.objects.filter(is_staff=True).first() or builders.staff("Staff")
    builders.campaign()
    at = noon(day)
    batch = Batch.objects.create(
        **{
            "kind": Batch.Kind.CHECKS,
            "status": Batch.Status.CLOSED,
            "expected_count": len(amounts),
            "expected_total_minor": sum(amounts),
            "deposit_on": day,
            "fund": builders.fund(),
            "opened_by": clerk,
            "closed_by": clerk,
            "opened_at": at,
            "closed_at": at,
            **fields,
        }
    )
    for amount in amounts:
        gift = builders.settled_gift(
            kind=Gift.Kind.CHECK, amount_minor=amount, card_brand="", card_last4="", gift_on=day, settled_at=at
        )
        GiftDetail.objects.create(gift=gift, batch=batch, check_number=str(next(_count)), received_on=day)
        LedgerEntry.objects.create(
            source=f"batch-row:test-{gift.pk}",
            kind=LedgerEntry.Kind.GIFT,
            gift=gift,
            donor=gift.donor,
            fund=gift.fund,
            amount_minor=amount,
            currency="usd",
            account=LedgerEntry.Account.BANK,
            happened_at=at,
            booked_on=day,
        )
    return batch


def account(**fields: Any) -> BankAccount:
    found, _ = BankAccount.objects.get_or_create(
        name=fields.pop("name", "Harbor Checking"), defaults={"number_end": "4321", **fields}
    )
    return found


def csv(*lines: tuple[date, str, str]) -> bytes:
    """A statement: (day, description, amount) each."""
    rows = [f'{day:%m/%d/%Y},"{text}","{amount}"' for day, text, amount in lines]
    return "\n".join(["Date,Description,Amount", *rows, ""]).encode()


def brought(content: bytes, user: User, *, name: str = "november.csv") -> BankImport:
    """The statement is uploaded and brought in."""
    return bank.bring_in(bank.upload(account().pk, content, name=name, user=user).pk, user=user)


def killed(verb: Callable[..., object], *args: Any, **options: Any) -> None:
    """The verb is killed at its very end, before it commits."""
    with suppress(KeyboardInterrupt), transaction.atomic():
        unwrap(verb)(*args, **options)
        raise KeyboardInterrupt


def clearing() -> int:
    """What the ledger says is at Stripe, in minor units."""
    return int(LedgerEntry.objects.filter(account="stripe").aggregate(sum=Sum("amount_minor"))["sum"] or 0)
