"""Rows for tests: every default is valid, so a test names only what matters to it."""

import itertools
from datetime import date, timedelta
from typing import Any
from uuid import uuid4

from django.contrib.auth.models import Group

from donations import gateway, gifts
from donations.models import Campaign, Donor, Fund, Gift, Plan, Receipt, ReceiptPdf
from donations.receipts import issue, making
from donations.rules import consent
from nonprofit import clock
from nonprofit.models import Organization, User

_count = itertools.count(1)


def organization(**fields: Any) -> Organization:
    """The newsroom; made once, changed by what is given."""
    defaults = {
        "name": "The Harbor Light",
        "legal_name": "The Harbor Light, Inc.",
        "ein": "00-1234567",
        "email": "giving@harborlight.example",
        "phone": "(555) 010-0142",
        "address_line1": "1 Pier Street",
        "city": "Port Haven",
        "region": "ME",
        "postal_code": "04000",
        "signatory_name": "Ruth Okafor",
        "signatory_title": "Publisher",
    }
    who, _ = Organization.objects.update_or_create(pk=1, defaults=fields, create_defaults={**defaults, **fields})
    return who


def fund(**fields: Any) -> Fund:
    found, _ = Fund.objects.get_or_create(
        code=fields.pop("code", "100-GEN"), defaults={"name": "General support", **fields}
    )
    return found


def campaign(**fields: Any) -> Campaign:
    """The default campaign; made once, changed by what is given."""
    organization()
    defaults = {
        "code": "YE26",
        "name": "Year end",
        "is_default": True,
        "heading": "Keep the harbor lit",
        "intro": "Reporting that answers to readers.",
        "thanks": "You keep a reporter at every council meeting.",
        "fund": fund(),
    }
    slug = fields.pop("slug", "year-end")
    made, _ = Campaign.objects.update_or_create(slug=slug, defaults=fields, create_defaults={**defaults, **fields})
    return made


def donor(**fields: Any) -> Donor:
    number = next(_count)
    return Donor.objects.create(**{"name": f"Donor {number}", "email": f"donor{number}@example.org", **fields})


def pending_gift(**fields: Any) -> Gift:
    """A card gift that was started and not paid."""
    defaults: dict[str, Any] = {
        "amount_minor": 2500,
        "campaign": campaign(),
        "fund": fund(),
        "donor_name": "Ana Silva",
        "donor_email": "ana@example.org",
        "form_attempt": uuid4(),
    }
    return Gift.objects.create(**{**defaults, **fields})


def settled_gift(**fields: Any) -> Gift:
    """A card gift whose money we have, without ledger lines or receipt: for tests that book or number it."""
    if "donor" not in fields:
        fields["donor"] = Donor.objects.filter(email="ana@example.org").first() or donor(email="ana@example.org")
    now = clock.now()
    defaults = {
        "status": Gift.Status.SETTLED,
        "gift_on": clock.local_date(now),
        "gift_date_basis": Gift.DateBasis.CHARGE,
        "settled_at": now,
        "card_brand": "visa",
        "card_last4": "4242",
    }
    return pending_gift(**{**defaults, **fields})


def movement(
    balance_id: str, amount_minor: int, fee_minor: int = 0, *, kind: str = "charge", **fields: Any
) -> gateway.Balance:
    """A balance transaction as Stripe tells it, booked now. kind: its reporting category."""
    now = clock.now()
    defaults: dict[str, Any] = {
        "currency": "usd",
        "type": kind,
        "source_id": "",
        "created_at": now,
        "available_on": clock.local_date(now) + timedelta(days=2),
    }
    return gateway.Balance(
        id=balance_id,
        amount_minor=amount_minor,
        fee_minor=fee_minor,
        net_minor=amount_minor - fee_minor,
        reporting_category=kind,
        **{**defaults, **fields},
    )


def payment(gift: Gift, *, fee_minor: int | None = 103) -> gateway.Payment:
    """What Stripe says of the gift's payment once it is paid. fee_minor: None while Stripe does not know it."""
    amount, number = gift.amount_minor, gift.pk
    balance = None
    if fee_minor is not None:
        balance = movement(f"txn_{number}", amount, fee_minor, source_id=f"ch_{number}", currency=gift.currency)
    return gateway.Payment(
        id=gift.payment_intent_id or f"pi_{number}",
        status="succeeded",
        amount_minor=amount,
        currency=gift.currency,
        client_secret="",
        metadata={},
        charge=gateway.Charge(f"ch_{number}", amount, gift.currency, clock.now(), balance),
        card=gateway.Card(f"pm_{number}", "visa", "4242", 12, 2030),
        customer_id="",
    )


def booked_gift(*, fee_minor: int = 103, **fields: Any) -> Gift:
    """A card gift booked by the verb: donor, ledger lines, receipt due."""
    gift = pending_gift(**fields)
    return gifts.settle(gift.pk, payment(gift, fee_minor=fee_minor))


def receipted_gift(**fields: Any) -> Gift:
    """A booked gift whose receipt is numbered and drawn, its letter queued."""
    gift = booked_gift(**fields)
    issue.issue_due()
    drawn(Receipt.objects.get(gift=gift).pk)
    return Gift.objects.get(pk=gift.pk)


def drawn(receipt_id: int) -> ReceiptPdf:
    """The numbered paper's PDF, made as the worker makes it, with its letter where it gets one."""
    making.prepare_all([receipt_id])
    return ReceiptPdf.objects.get(receipt=receipt_id)


def staff(group: str = "", **fields: Any) -> User:
    """A member of staff in "Staff", "Finance" or "Administrator"; in none without a name."""
    email = fields.pop("email", f"{(group or 'new').lower()}-{next(_count)}@example.org")
    user = User.objects.create_user(email, is_staff=True, **fields)
    if group:
        user.groups.add(Group.objects.get(name=group))
    return user


def starting_plan(**fields: Any) -> Plan:
    """A monthly plan whose first gift has not been paid yet."""
    defaults: dict[str, Any] = {
        "interval": Plan.Interval.MONTH,
        "amount_minor": 2500,
        "fund": fund(),
        "consent_text": consent.text(organization="The Harbor Light", amount="$25.00", frequency="monthly"),
        "consent_version": consent.VERSION,
        "consent_at": clock.now(),
        "stripe_customer_id": f"cus_{next(_count)}",
    }
    return Plan.objects.create(**{**defaults, **fields})


def plan(**fields: Any) -> Plan:
    """A monthly plan that runs: begun on January 15, 2026, next due on December 15, on a card of nobody's."""
    number = next(_count)
    defaults: dict[str, Any] = {
        "donor": fields.get("donor") or donor(email=f"plan-{number}@example.org"),
        "status": Plan.Status.ACTIVE,
        "started_on": date(2026, 1, 15),
        "anchor_day": 15,
        "next_due_on": date(2026, 12, 15),
        "campaign": fields.get("campaign") or campaign(),
        "stripe_payment_method_id": f"pm_nobodys_{number}",
        "card_brand": "visa",
        "card_last4": "4242",
        "card_expires_on": date(2030, 12, 31),
    }
    return starting_plan(**{**defaults, **fields})
