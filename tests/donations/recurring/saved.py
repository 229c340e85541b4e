"""Plans with cards that the stand-in Stripe knows, and what it took from them."""

from collections.abc import Iterator
from datetime import date, datetime, time
from typing import Any

import time_machine
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from donations import gateway
from donations.gateway.client import client
from donations.models import Gift, Installment, LedgerEntry, Plan, Receipt, ReceiptDue
from donations.receipts import issue, making
from donations.recurring import charging, claims, dates
from nonprofit import clock
from nonprofit.models import OutgoingEmail
from tests import builders

GOOD = "pm_card_visa"
# Can be saved, then is declined.
DECLINES = "pm_card_chargeCustomerFail"
ASKS = "pm_card_authenticationRequired"
# One for all tests: each new one would build the whole site's middleware.
STRIPE = Client()


def plan(card: str = GOOD, **fields: Any) -> Plan:
    """A plan that runs, with a customer and a saved card at Stripe."""
    made = builders.plan(**fields)
    made.stripe_customer_id = gateway.create_customer(
        name="Somebody", email="somebody@example.org", key=f"customer-{made.pk}", metadata={}
    )
    made.save()
    return give(made, card)


def give(made: Plan, card: str) -> Plan:
    """Another saved card for the plan, behind the product's back."""
    saved = attach(made, card)
    Plan.objects.filter(pk=made.pk).update(stripe_payment_method_id=saved)
    made.refresh_from_db()
    return made


def attach(made: Plan, card: str) -> str:
    """A card saved for the plan's customer; its id at Stripe."""
    return str(client().v1.payment_methods.attach(card, {"customer": made.stripe_customer_id}).id)


def at(day: date, hour: int = 12) -> time_machine.travel:
    """The organisation's clock shows that day, at noon."""
    zone = timezone.get_default_timezone()
    return time_machine.travel(datetime.combine(day, time(hour), zone), tick=False)


def charge_all() -> None:
    """What a day's work does: dates come due, and everything due is charged."""
    dates.come_due()
    while charging.charge_due():
        pass


def taken() -> list[int]:
    """What Stripe took, charge by charge, in minor units."""
    return [charge.amount for charge in charges() if charge.paid]


def receive(payload: bytes, signature: str) -> int:
    """Our webhook, as Stripe would call it; its status."""
    where = reverse("donations:webhook")
    answer = STRIPE.post(where, payload, content_type="application/json", headers={"Stripe-Signature": signature})
    return int(answer.status_code)


def charges() -> Iterator[Any]:
    yield from client().v1.charges.list({"limit": 100}).auto_paging_iter()


def assert_tied() -> None:
    """Stripe's charges, the ledger, settled gifts and paid installments are the same money, each once."""
    at_stripe = {charge.id: charge.amount for charge in charges() if charge.paid}
    lines = LedgerEntry.objects.filter(kind="gift", account="stripe").values_list("source", "amount_minor")
    assert dict(lines) == at_stripe
    paid = Installment.objects.filter(status="paid").values_list("gift__status", "gift__amount_minor", "amount_minor")
    assert all(status == "settled" and gift == own for status, gift, own in paid)
    assert len(paid) == Gift.objects.filter(installment__isnull=False, status="settled").count() == len(at_stripe)


def only(made: Plan) -> Installment:
    return Installment.objects.select_related("gift", "plan").get(plan=made)


def told() -> list[str]:
    return [key.split(":")[2] for key in OutgoingEmail.objects.filter(template="plan").values_list("key", flat=True)]


def claimed(made: Plan) -> Installment:
    """Its date has come and a worker has it."""
    dates.come_due()
    assert len(claims.claim(25)) == 1
    return only(made)


def paying(one: Installment) -> str:
    """Its PaymentIntent."""
    assert one.gift is not None
    return one.gift.payment_intent_id or ""


def time_passes(one: Installment) -> None:
    """The claim is over, and whatever waits is due."""
    Installment.objects.filter(pk=one.pk, next_try_at__isnull=False).update(next_try_at=clock.now())


def came(made: Plan) -> list[tuple[date, str]]:
    """The plan's dates that have come, and how each stands."""
    return list(made.installments.order_by("due_on").values_list("due_on", "status"))


def receipts() -> list[tuple[int | None, str]]:
    """Whose each numbered paper is, once all that are due are made, and where its letter goes, in the papers' order."""
    making.prepare_all(issue.issue_due())
    assert not ReceiptDue.objects.exists()
    made = Receipt.objects.select_related("gift").order_by("pk")
    assert {one.gift_id for one in made} == set(Gift.objects.settled().values_list("pk", flat=True))
    letters = {letter.key: letter.to for letter in OutgoingEmail.objects.filter(key__startswith="receipt:")}
    assert letters.keys() == {one.mail_key for one in made}
    return [(one.gift.donor_id if one.gift else None, letters[one.mail_key]) for one in made]
