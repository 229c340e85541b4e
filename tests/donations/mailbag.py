"""Gifts that came another way than by card, booked by the verb as staff record them."""

import itertools
from datetime import date
from decimal import Decimal
from typing import Any
from uuid import uuid4

from donations import offline
from donations.models import Donor, Gift, Receipt
from donations.receipts import issue
from donations.rules import dating
from nonprofit import clock
from nonprofit.money import Money
from tests import builders

_count = itertools.count(1)

# What each kind cannot do without, and a little more where it says something to people.
FACTS: dict[str, dict[str, Any]] = {
    "check": {"check_number": "1042"},
    "money_order": {"check_number": "778"},
    "stock": {"ticker": "ACME", "quantity": 50, "internal_value_minor": 512_300},
    "crypto": {"ticker": "BTC", "quantity": Decimal("0.25"), "internal_value_minor": 1_500_000},
    "ira": {"custodian": "Fidelity", "check_number": "55012"},
    "in_kind": {"property_description": "Two desks and a lamp", "internal_value_minor": 30_000},
    "services": {"property_description": "Forty hours of legal advice"},
    "vehicle": {"property_description": "2014 Toyota Corolla", "vehicle_number": "1NXBR32E85Z505904"},
}
DATED_BY_CREDIT = {"wire", "stock", "crypto"}


def record(kind: str = "check", *, donor: Donor | None = None, on: date | None = None, **fields: Any) -> Gift:
    """A gift of `kind`, booked, its receipt due. on: the day it came. Other fields are facts or Recorded's."""
    builders.organization()
    donor, day = donor or builders.donor(), on or clock.today()
    own = {"recognized", "tribute", "tribute_name", "note", "fund", "campaign", "booked_on"}
    facts = {"received_on": day, **({"credited_on": day} if kind in DATED_BY_CREDIT else {}), **FACTS.get(kind, {})}
    facts |= {name: value for name, value in fields.items() if name not in {*own, "amount_minor"}}
    is_property = kind in {"stock", "crypto", "in_kind", "services", "vehicle"}
    what = offline.Recorded(
        attempt=uuid4(),
        kind=kind,
        donor=donor,
        amount=None if is_property else Money(fields.get("amount_minor", 5000)),
        fund=fields.get("fund") or builders.fund(),
        campaign=fields.get("campaign"),
        source=f"test-row:{next(_count)}",
        dated=dating.propose(kind, facts),
        booked_on=fields.get("booked_on", day),
        facts=facts,
        **{name: fields[name] for name in own & fields.keys() - {"fund", "campaign", "booked_on"}},
    )
    return offline.record(what, actor="staff:1")


def receipted(gift: Gift) -> Receipt:
    """The gift's receipt, numbered and drawn, its letter queued where there is an address."""
    issue.issue_due()
    receipt = Receipt.objects.get(gift=gift)
    builders.drawn(receipt.pk)
    return receipt
