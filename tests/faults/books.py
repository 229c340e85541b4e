"""Do the books balance: every charge is exactly one gift, one receipt, one e-mail, and the fees agree."""

import time
from collections.abc import Callable

import redis
import requests
from celery import Celery
from django.db import connection

from donations.models import (
    Attempt,
    Gift,
    LedgerEntry,
    Receipt,
    ReceiptBook,
    ReceiptDue,
    ReceiptPdf,
    Refund,
    StripeEvent,
)
from nonprofit import environment
from nonprofit.models import OutgoingEmail
from tests.stack import Stack

SWEEPS = (
    "donations.tasks.sweep_inbox",
    "donations.tasks.sweep_installments",
    "donations.tasks.sweep_refunds",
    "donations.tasks.issue_receipts",
    "donations.tasks.sweep_receipts",
    "nonprofit.tasks.send_mail",
)


def run(stack: Stack, task: str) -> None:
    """What the clock would send."""
    app = Celery(broker=environment.broker(stack.site.redis_url))
    app.send_task(task)
    app.close()


def time_passes() -> None:
    """Everything that waits for its next try is due, and what was numbered was numbered a while ago."""
    with connection.cursor() as cursor:
        cursor.execute("UPDATE donations_stripeevent SET next_try_at = now() WHERE state = 'waiting'")
        cursor.execute("UPDATE donations_receiptdue SET due_at = now()")
        cursor.execute("UPDATE donations_installment SET next_try_at = now() WHERE status IN ('charging', 'unknown')")
        cursor.execute("UPDATE donations_refund SET requested_at = requested_at - interval '10 minutes'")
        cursor.execute("UPDATE nonprofit_outgoingemail SET next_try_at = now() WHERE status = 'queued'")
        # An issued receipt refuses every change, so the clock is moved as a replica would: without firing triggers.
        cursor.execute("SET session_replication_role = replica")
        cursor.execute("UPDATE donations_receipt SET issued_at = issued_at - interval '10 minutes'")
        cursor.execute("RESET session_replication_role")


def rest(stack: Stack) -> None:
    """Whoever was at work has finished. Asked twice: a message is nowhere for a moment while a worker takes it."""
    for _ in range(3):
        stack.wait_until_idle()
        time.sleep(0.15)


def sweep(stack: Stack) -> None:
    """A while goes by, claims of the dead lapse, and the clock strikes."""
    rest(stack)
    time_passes()
    for task in SWEEPS:
        run(stack, task)


def wait(until: Callable[[], bool], seconds: float = 20.0, *, what: str = "") -> None:
    deadline = time.monotonic() + seconds
    while not until():
        assert time.monotonic() < deadline, f"not within {seconds:.0f} s: {what or until}"
        time.sleep(0.05)


def is_finished(gifts: int) -> bool:
    return (
        Gift.objects.settled().count() == gifts
        and ReceiptPdf.objects.count() == gifts
        and OutgoingEmail.objects.filter(template__in=["receipt", "receipt_paper"], status="sent").count() == gifts
    )


def settle_down(stack: Stack, gifts: int, *, seconds: float = 40.0) -> None:
    """Let the minute's sweeps run until all is done."""
    deadline = time.monotonic() + seconds
    while not is_finished(gifts):
        assert time.monotonic() < deadline, state()
        sweep(stack)
        time.sleep(0.4)
    stack.wait_until_idle()


def state() -> str:
    """Where everything stands, for a failed test."""
    return str(
        {
            "gifts": list(Gift.objects.values_list("pk", "status")),
            "due": ReceiptDue.objects.count(),
            "receipts": list(Receipt.objects.values_list("number", flat=True)),
            "pdfs": ReceiptPdf.objects.count(),
            "mail": list(OutgoingEmail.objects.values_list("key", "status", "tries", "last_error")),
            "events": list(StripeEvent.objects.values_list("type", "state", "tries", "trouble")),
        }
    )


def assert_balanced(stack: Stack, gifts: int, *, repeated_mail: int = 0) -> None:
    """Stripe's charges and ours are the same, cent for cent, with one receipt and one e-mail each."""
    charges = {c["id"]: c for c in stack.control("state?kind=charge")["charges"] if c["paid"]}
    fees = {t["source"]: t["fee"] for t in stack.control("state?kind=balance_transaction")["balance_transactions"]}
    assert len(charges) == gifts
    booked = {e.source: e for e in LedgerEntry.objects.filter(kind="gift")}
    assert booked.keys() == charges.keys()
    assert {source: entry.amount_minor for source, entry in booked.items()} == {
        source: charge["amount"] for source, charge in charges.items()
    }
    assert dict(LedgerEntry.objects.filter(kind="fee").values_list("source", "amount_minor")) == {
        source: -fees[source] for source in charges
    }
    settled = Gift.objects.settled()
    assert settled.count() == gifts
    assert {entry.gift_id for entry in booked.values()} == set(settled.values_list("pk", flat=True))
    assert Attempt.objects.filter(outcome="succeeded").count() == gifts
    _assert_receipts(stack, gifts, repeated_mail)


def assert_what_went_back_balances(stack: Stack) -> None:
    """Every movement of Stripe's balance is in the ledger, cent for cent, and each gift says what is left of it.

    A gift of which money is left has one paper that says so; one of which nothing is left has none that stands.
    """
    movements = stack.control("state?kind=balance_transaction")["balance_transactions"]
    entries = list(LedgerEntry.objects.select_related("gift"))
    assert sum(entry.amount_minor for entry in entries) == sum(movement["net"] for movement in movements)
    named = {entry.balance_transaction_id for entry in entries if entry.kind != "gift"}
    assert named == {movement["id"] for movement in movements}
    made = {refund["id"]: refund for refund in stack.control("state?kind=refund")["refunds"]}
    kept = dict(Refund.objects.values_list("stripe_refund_id", "state"))
    assert kept == {key: refund["status"] for key, refund in made.items()}
    ours = ("fee", "dispute_fee", "dispute_fee_back")
    for gift in Gift.objects.filter(settled_at__isnull=False):
        lines = [entry.amount_minor for entry in entries if entry.gift_id == gift.pk and entry.kind not in ours]
        if gift.status != Gift.Status.DISPUTED:
            assert sum(lines) == gift.kept.minor, gift
        standing = Receipt.objects.filter(gift=gift, void__isnull=True)
        if gift.status == Gift.Status.SETTLED:
            assert standing.get().snapshot["gift"]["amount_minor"] == gift.kept.minor
        elif gift.status in (Gift.Status.REFUNDED, Gift.Status.LOST):
            assert not standing.exists(), gift
    numbers = sorted(Receipt.objects.values_list("sequence", flat=True))
    assert numbers == list(range(1, len(numbers) + 1))


def _assert_receipts(stack: Stack, gifts: int, repeated_mail: int) -> None:
    receipts = Receipt.objects.select_related("gift", "pdf__file", "pdf__email")
    assert sorted(r.sequence for r in receipts) == list(range(1, gifts + 1))
    assert {r.gift_id for r in receipts} == set(Gift.objects.settled().values_list("pk", flat=True))
    assert ReceiptBook.objects.get().last_number == gifts
    for receipt in receipts:
        assert receipt.snapshot["gift"]["amount_minor"] == receipt.its_gift.amount_minor
        assert bytes(receipt.pdf.file.content).startswith(b"%PDF-")
        assert receipt.pdf.email is not None
        assert receipt.pdf.email.status == "sent"
    # What is told about a plan is no receipt.
    told = set(OutgoingEmail.objects.filter(template="plan").values_list("subject", flat=True))
    letters = [m for m in mailbox(stack) if m["subject"] not in told]
    delivered = [m for m in letters if "receipt" in m["subject"].lower() or "gift" in m["subject"].lower()]
    assert gifts <= len(delivered) <= gifts + repeated_mail, [m["subject"] for m in delivered]


def mailbox(stack: Stack) -> list[dict[str, str]]:
    """The letters that reached the stand-in's mailbox."""
    session = requests.Session()
    session.trust_env = False
    found = session.get(f"{stack.sandbox_url}/mail.json", timeout=10).json()
    messages: list[dict[str, str]] = found["messages"] if isinstance(found, dict) else found
    return messages


def forget_messages(stack: Stack) -> None:
    """Messages that a killed worker had taken and not acknowledged are gone: the sweeps must do without."""
    client = redis.Redis.from_url(stack.site.redis_url)
    client.flushdb()
    client.close()
