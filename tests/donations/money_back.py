"""Gifts whose money goes back: paid at the stand-in Stripe, and what Stripe would say of their refunds and disputes."""

from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

from donations import gateway, gifts, inbox
from donations.gateway import client
from donations.models import Gift, Receipt, StripeEvent
from donations.receipts import issue
from nonprofit import clock
from nonprofit.models import OutgoingEmail
from nonprofit.money import Money
from sandbox import happenings
from sandbox.server import Sandbox
from tests import builders

BEGINNING = timedelta(days=2)


def paid(amount_minor: int = 10_000, *, card: str = "pm_card_visa", email: str = "ana@example.org") -> Gift:
    """A gift that was paid at the stand-in; the news of it waits there. Its gift_id is known to nobody else."""
    wish = gifts.CardGift(
        form_attempt=uuid4(),
        frequency="once",
        amount=Money(amount_minor),
        covered_fee=Money(0),
        contact=gifts.Contact("Ana Silva", email),
        fund=builders.fund(),
        campaign=builders.campaign(),
    )
    payment = gifts.open_payment(gifts.start_card(wish))
    client.configured().v1.payment_intents.confirm(
        payment.id, {"payment_method": card, "return_url": "http://127.0.0.1/"}
    )
    return Gift.objects.get(payment_intent_id=payment.id)


def settled(amount_minor: int = 10_000, **paying: Any) -> Gift:
    """The same, booked and with its receipt in the mail."""
    gift = gifts.check(paid(amount_minor, **paying))
    receipts()
    gift.refresh_from_db()
    return gift


def receipts() -> None:
    """Everything that is due is numbered and drawn, and its letters have left."""
    issue.issue_due()
    for receipt in Receipt.objects.filter(pdf=None):
        builders.drawn(receipt.pk)
    OutgoingEmail.objects.filter(status="queued").update(status="sent", sent_at=clock.now())


def charge_of(gift: Gift) -> str:
    charge = gateway.retrieve_payment(gift.payment_intent_id or "").charge
    assert charge is not None
    return charge.id


def happen(sandbox: Sandbox, name: str, **given: object) -> str:
    """The id of what the bank, or somebody in the dashboard, did."""
    return str(happenings.happen(sandbox, name, given)["id"])


def news(*, types: str = "") -> list[dict[str, Any]]:
    """All events at Stripe, oldest first."""
    found = list(gateway.events_since(clock.now() - BEGINNING))[::-1]
    return [event for event in found if event["type"].startswith(types)]


def deliver_news(events: list[dict[str, Any]]) -> None:
    """They arrive, in this order, and are handled one by one."""
    for event in events:
        if inbox.store(event):
            inbox.handle(StripeEvent.objects.get(event_id=event["id"]).pk)


def catch_up() -> None:
    """What an hour of sweeps does."""
    inbox.sweep_stripe()
    StripeEvent.objects.filter(state="waiting").update(next_try_at=clock.now())
    inbox.handle_due()


def lines(gift: Gift) -> list[tuple[str, int]]:
    """What the books hold of it, fees of charges apart."""
    return sorted(gift.ledger_entries.exclude(kind="fee").values_list("kind", "amount_minor"))


def stands(gift: Gift) -> tuple[str, int]:
    """How the gift stands: its state, and what went back."""
    gift.refresh_from_db()
    return gift.status, gift.refunded_minor


def papers(gift: Gift) -> list[tuple[str, str]]:
    """Its papers in order: what each is worth, and why it is void, or ""."""
    found = Receipt.objects.filter(gift=gift).select_related("void").order_by("pk")
    return [(r.snapshot["gift"]["amount"], r.void.reason if hasattr(r, "void") else "") for r in found]


def letters() -> list[tuple[str, str]]:
    """Letters about refunds: template and state."""
    mine = OutgoingEmail.objects.filter(template__startswith="refund").order_by("pk")
    return list(mine.values_list("template", "status"))


def refund(gift: Gift, number: int, amount_minor: int, status: str = "succeeded") -> gateway.Refund:
    """What Stripe says of a refund, as an event's handler would hear it. number: which one."""
    at = clock.now() + timedelta(seconds=number)
    moved = status in ("succeeded", "failed")
    return gateway.Refund(
        id=f"re_{gift.pk}_{number}",
        amount_minor=amount_minor,
        currency="usd",
        status=status,
        payment_id=gift.payment_intent_id or "",
        charge_id=f"ch_{gift.pk}",
        created_at=at,
        balance=_movement(f"txn_re_{gift.pk}_{number}", -amount_minor, "refund", at) if moved else None,
        failure_balance=_movement(f"txn_rf_{gift.pk}_{number}", amount_minor, "refund_failure", at)
        if status == "failed"
        else None,
        failure_reason="expired_or_canceled_card" if status == "failed" else "",
    )


def dispute(
    gift: Gift, status: str, *, amount_minor: int | None = None, back_minor: int | None = None
) -> gateway.Dispute:
    """What Stripe says of the one dispute of a gift. back_minor: what was reinstated, all of it where it was won."""
    amount, now = amount_minor or gift.amount_minor, clock.now()
    balances = []
    if not status.startswith("warning_"):
        balances.append(_movement(f"txn_du_{gift.pk}", -amount, "dispute", now, fee=1500))
    if status == "won":
        back = amount if back_minor is None else back_minor
        balances.append(_movement(f"txn_dw_{gift.pk}", back, "dispute_reversal", now))
    return gateway.Dispute(
        id=f"du_{gift.pk}",
        charge_id=f"ch_{gift.pk}",
        payment_id=gift.payment_intent_id or "",
        amount_minor=amount,
        currency="usd",
        reason="fraudulent",
        status=status,
        created_at=now,
        evidence_due_at=now + timedelta(days=9),
        as_of=now,
        balances=tuple(balances),
    )


def _movement(balance_id: str, minor: int, kind: str, at: datetime, fee: int = 0) -> gateway.Balance:
    return builders.movement(balance_id, minor, fee, kind=kind, created_at=at)
