"""The verb that books what staff recorded: a check, a grant, shares, a gift of goods."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID

from donations import signals
from donations.models import Batch, Campaign, Donor, Fund, Gift, GiftDetail, LedgerEntry, Month, SoftCredit
from donations.receipts import issue
from donations.rules import dating, kinds
from nonprofit import audit, clock
from nonprofit.money import Money

# Rows in one statement: a thousand, or PostgreSQL's 65,535 parameters are too few for gifts with their many columns.
CHUNK = 1000


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
    return record_all([what], actor=actor)[0]


def record_all(whats: Sequence[Recorded], *, actor: str) -> list[Gift]:
    """Each recorded gift is settled, as `record` does it; in their order. A few statements however many there are.

    Call inside the transaction of the verb that decides it, with a lock on what they come from (the batch, the import).
    Safe twice: a gift that was recorded before is returned as it is. Without that lock a second caller at the same
    moment fails as a whole, by the unique attempt. Raises CannotRecord.
    """
    for what in whats:
        _check(what)
    known = {gift.form_attempt: gift for gift in Gift.objects.filter(form_attempt__in=[what.attempt for what in whats])}
    new = {what.attempt: what for what in whats if what.attempt not in known}
    made = Gift.objects.bulk_create([_gift(what) for what in new.values()], batch_size=CHUNK)
    booked = list(zip(made, new.values(), strict=True))
    GiftDetail.objects.bulk_create([_detail(gift, what) for gift, what in booked], batch_size=CHUNK)
    SoftCredit.objects.bulk_create([one for gift, what in booked for one in _soft_credits(gift, what)], CHUNK)
    first_open = Month.objects.first_open()
    lines = [line for gift, what in booked for line in _lines(gift, what, max(what.booked_on, first_open))]
    LedgerEntry.objects.bulk_create(lines, CHUNK)
    issue.make_all_due(made)
    audit.record_all(
        actor, "record gift", [(gift, {"kind": gift.kind, "amount_minor": gift.amount_minor}) for gift in made]
    )
    for gift in made:
        signals.gift_settled.send(sender=Gift, gift=gift)
    known |= {gift.form_attempt: gift for gift in made}
    return [known[what.attempt] for what in whats]


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


def _gift(what: Recorded) -> Gift:
    donor, now = what.donor, clock.now()
    return Gift(
        form_attempt=what.attempt,
        kind=what.kind,
        status=Gift.Status.SETTLED,
        donor=donor,
        amount_minor=what.amount.minor if what.amount else 0,
        currency=what.amount.currency if what.amount else what.currency,
        fund=what.fund,
        campaign=what.campaign,
        donor_name=donor.name,
        donor_email=donor.email or "",
        donor_phone=donor.phone,
        address_line1=donor.address_line1,
        address_line2=donor.address_line2,
        city=donor.city,
        region=donor.region,
        postal_code=donor.postal_code,
        country=donor.country,
        tribute=what.tribute,
        tribute_name=what.tribute_name,
        note=what.note,
        is_name_hidden=what.is_name_hidden,
        gift_on=what.dated.on,
        gift_date_basis=what.dated.basis,
        started_at=now,
        changed_at=now,
        settled_at=now,
    )


def _detail(gift: Gift, what: Recorded) -> GiftDetail:
    asked = kinds.KINDS[what.kind].asks
    facts = {name: value for name, value in what.facts.items() if name in asked}
    return GiftDetail(
        gift=gift, batch=what.batch, proposed_gift_on=what.proposed_on, date_reason=what.date_reason, **facts
    )


def _soft_credits(gift: Gift, what: Recorded) -> list[SoftCredit]:
    """Once for each person, and never for the legal donor."""
    roles = {person.pk: role for person, role in reversed(what.recognized) if person.pk != what.donor.pk}
    return [SoftCredit(gift=gift, donor_id=pk, role=role) for pk, role in roles.items()]


def _lines(gift: Gift, what: Recorded, booked_on: date) -> list[LedgerEntry]:
    """The ledger line: the amount, or what the books carry property at. Services and unvalued goods have none."""
    value = what.facts.get("internal_value_minor") if what.amount is None else what.amount.minor
    if not value:
        return []
    line = LedgerEntry(
        source=what.source,
        kind=LedgerEntry.Kind.PROPERTY if what.amount is None else LedgerEntry.Kind.GIFT,
        gift=gift,
        donor=gift.donor,
        fund=gift.fund,
        amount_minor=value,
        currency=gift.currency,
        happened_at=clock.now(),
        account=LedgerEntry.Account.PROPERTY if what.amount is None else LedgerEntry.Account.BANK,
        booked_on=booked_on,
    )
    return [line]
