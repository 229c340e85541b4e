"""The verb that books what staff recorded: a check, a grant, shares, a gift of goods."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID

from donations import signals
from donations.models import Batch, Campaign, Donor, Fund, Gift, GiftDetail, LedgerEntry, SoftCredit
from donations.receipts import issue
from donations.rules import dating, kinds
from nonprofit import audit, clock
from nonprofit.money import Money


@dataclass(frozen=True, slots=True)
class Recorded:
    """A gift as staff recorded it.

    attempt: makes the same row the same gift, however often it is booked. amount: None for property.
    source: what proves it, unique in the ledger, like "batch-row:17". booked_on: the accounting date.
    facts: columns of OfflineFacts. proposed_on: the rule's date where staff decided otherwise, with date_reason.
    recognized: who is thanked beside the legal donor, with their SoftCredit role.
    """

    attempt: UUID
    kind: str
    donor: Donor
    amount: Money | None
    fund: Fund
    campaign: Campaign | None
    source: str
    dated: dating.GiftDate
    booked_on: date
    facts: Mapping[str, Any]
    batch: Batch | None = None
    proposed_on: date | None = None
    date_reason: str = ""
    recognized: Sequence[tuple[Donor, str]] = ()
    tribute: str = ""
    tribute_name: str = ""
    note: str = ""
    is_name_hidden: bool = False
    currency: str = "usd"


class CannotRecord(ValueError):
    """The gift lacks a fact that its kind needs; the text names it for the person who typed it."""


def record(what: Recorded, *, actor: str) -> Gift:
    """The recorded gift is settled: gift, details, soft credits, ledger line, receipt due, audit.

    Call inside the transaction of the verb that decides it (closing a batch, applying an import). Safe twice: the same
    attempt is the same gift and is returned as it is. Raises CannotRecord.
    """
    _check(what)
    gift, is_new = Gift.objects.get_or_create(form_attempt=what.attempt, defaults=_gift(what))
    if not is_new:
        return gift
    facts = {name: value for name, value in what.facts.items() if name in kinds.KINDS[what.kind].asks}
    GiftDetail.objects.create(
        gift=gift, batch=what.batch, proposed_gift_on=what.proposed_on, date_reason=what.date_reason, **facts
    )
    for person, role in what.recognized:
        if person.pk != what.donor.pk:
            SoftCredit.objects.get_or_create(gift=gift, donor=person, defaults={"role": role})
    _book(gift, what)
    issue.make_due(gift)
    audit.record(actor, "record gift", gift, after={"kind": gift.kind, "amount_minor": gift.amount_minor})
    signals.gift_settled.send(sender=Gift, gift=gift)
    return gift


def _check(what: Recorded) -> None:
    kind = kinds.KINDS[what.kind]
    if missing := kinds.missing(what.kind, dict(what.facts)):
        names = ", ".join(label(name) for name in missing)
        raise CannotRecord(f"{Gift.Kind(what.kind).label}: {names} is missing.")
    if kind.is_property != (what.amount is None):
        raise CannotRecord("Property has no amount." if kind.is_property else "The amount is missing.")


def label(fact: str) -> str:
    """The fact's name as staff read it."""
    column = GiftDetail._meta.get_field(fact)
    return str(getattr(column, "verbose_name", fact))


def _gift(what: Recorded) -> dict[str, Any]:
    donor, now = what.donor, clock.now()
    return {
        "kind": what.kind,
        "status": Gift.Status.SETTLED,
        "donor": donor,
        "amount_minor": what.amount.minor if what.amount else 0,
        "currency": what.amount.currency if what.amount else what.currency,
        "fund": what.fund,
        "campaign": what.campaign,
        "donor_name": donor.name,
        "donor_email": donor.email or "",
        "donor_phone": donor.phone,
        "address_line1": donor.address_line1,
        "address_line2": donor.address_line2,
        "city": donor.city,
        "region": donor.region,
        "postal_code": donor.postal_code,
        "country": donor.country,
        "tribute": what.tribute,
        "tribute_name": what.tribute_name,
        "note": what.note,
        "is_name_hidden": what.is_name_hidden,
        "gift_on": what.dated.on,
        "gift_date_basis": what.dated.basis,
        "started_at": now,
        "changed_at": now,
        "settled_at": now,
    }


def _book(gift: Gift, what: Recorded) -> None:
    """The ledger line: the amount, or what the books carry property at. Services and unvalued goods have none."""
    value = what.facts.get("internal_value_minor") if what.amount is None else what.amount.minor
    if not value:
        return
    LedgerEntry.objects.create(
        source=what.source,
        kind=LedgerEntry.Kind.PROPERTY if what.amount is None else LedgerEntry.Kind.GIFT,
        gift=gift,
        donor=gift.donor,
        fund=gift.fund,
        amount_minor=value,
        currency=gift.currency,
        happened_at=clock.now(),
        booked_on=what.booked_on,
    )
