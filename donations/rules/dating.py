"""The donor's legal date of a gift, with its basis: each kind of gift has its own rule (domain rules 1-8).

Sources, where no other is named: IRS Pub. 526, "When To Deduct", and Treas. Reg. 1.170A-1(b), read via
domain/receipts.md 1.1 on 2026-11-23. A date is proposed; staff may set another, with a reason (rule 3).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date

# How a piece of mail came, as OfflineFacts.sent_by has it.
USPS, COURIER, HAND, BILL_PAY = "usps", "courier", "hand", "bill_pay"


@dataclass(frozen=True, slots=True)
class GiftDate:
    """basis: a code of Gift.DateBasis."""

    on: date
    basis: str


class NoDate(ValueError):
    """The facts do not yet say when the gift was made; the text names what is missing, for the person who types."""


Facts = Mapping[str, object]


def card_gift(charged_on: date) -> GiftDate:
    """A card gift counts on the day the charge is made, in the organisation's zone; not on settlement or payout day.

    Source: IRS Pub. 526, "When To Deduct" (read via domain/receipts.md 1.1, 2026-11-23).
    """
    return GiftDate(charged_on, "charge")


def propose(kind: str, facts: Facts) -> GiftDate:
    """The date of a gift of `kind` (rules/kinds.py) by its rule. facts: columns of OfflineFacts, more do no harm.

    A date in the future (a postdated check) is returned as it is: the caller lets the gift wait. Raises NoDate.
    """
    if kind not in RULES:
        raise NoDate("A card gift takes its date from the charge.")
    return RULES[kind](facts)


def _check(facts: Facts) -> GiftDate:
    """Mailed: the postmark. By courier or hand: the day received. By bank bill-pay: the day the bank pays (rules 1-4).

    Never before the date on the check: a postdated check is a promise until then (domain/receipts.md 1.1, check).
    """
    written_on = _day(facts, "check_on")
    if facts.get("sent_by") == BILL_PAY:
        return _bill_pay(facts, written_on)
    came = _mail(facts)
    if written_on is not None and written_on > came.on:
        return GiftDate(written_on, "check")
    return came


def _bill_pay(facts: Facts, written_on: date | None) -> GiftDate:
    """Pay-by-phone and bill-pay: the day the bank pays. The bank dates its check on it, unless its statement is known.

    Without either, the day the check came: nothing earlier is proven.
    """
    if paid_on := _day(facts, "credited_on") or written_on:
        return GiftDate(paid_on, "bank")
    return GiftDate(_needed(facts, "received_on", "the day the bank paid, or the day the check came"), "received")


def _mail(facts: Facts) -> GiftDate:
    """U.S. mail: the postmark; private couriers and hands have no mailing rule: the day received (rules 1, 4).

    Without a postmark that can be read, the day received is the evidence there is. A postmark alone says U.S. mail.
    """
    received_on, postmarked_on = _day(facts, "received_on"), _day(facts, "postmarked_on")
    if facts.get("sent_by") in (COURIER, HAND) or postmarked_on is None:
        return GiftDate(_needed(facts, "received_on", "the day it was received"), "received")
    if received_on is not None and postmarked_on > received_on:
        raise NoDate("The postmark is later than the day it was received; one of the two is wrong.")
    return GiftDate(postmarked_on, "postmark")


def _stock(facts: Facts) -> GiftDate:
    """Electronic: the day the shares are in our account. A certificate: mailed, the postmark; else the day received.

    Rule 7; domain/receipts.md 1.1, stock. Telling how the certificate came is what makes it one.
    """
    if facts.get("sent_by") or _day(facts, "credited_on") is None:
        if facts.get("sent_by") or _day(facts, "received_on") or _day(facts, "postmarked_on"):
            return _mail(facts)
        raise NoDate("Say the day the shares reached our account, or how and when the certificate came.")
    return _arrived(facts)


def _arrived(facts: Facts) -> GiftDate:
    """Shares and coins count when they reach our account or wallet (rule 7; Notice 2014-21: coins are property)."""
    return GiftDate(_needed(facts, "credited_on", "the day they reached our account"), "transfer")


def _credited(facts: Facts) -> GiftDate:
    """A wire or bank credit counts on the day our bank credits it (domain/receipts.md 1.1, ACH and wire)."""
    return GiftDate(_needed(facts, "credited_on", "the day the bank credited it"), "bank")


def _received(facts: Facts) -> GiftDate:
    """Cash on the day it is handed over. Grants and matches are recognised when received, whatever the payer's date.

    An IRA distribution is dated on receipt; which tax year it belongs to is the custodian's to say (rule 7).
    """
    return GiftDate(_needed(facts, "received_on", "the day it was received"), "received")


def _withheld(facts: Facts) -> GiftDate:
    """Payroll giving is made when it is withheld from the pay; the remittance's day where the employer does not tell.

    Notice 2006-110; domain/receipts.md 1.1, payroll giving.
    """
    if withheld_on := _day(facts, "credited_on"):
        return GiftDate(withheld_on, "payroll")
    return _received(facts)


def _delivered(facts: Facts) -> GiftDate:
    """Goods, vehicles and work: the day they are delivered to us (Treas. Reg. 1.170A-1(b): unconditional delivery)."""
    return GiftDate(_needed(facts, "received_on", "the day it was delivered"), "delivery")


def _distributed(facts: Facts) -> GiftDate:
    """A bequest counts on the day the estate or trust distributes it to us (domain/receipts.md 1.1, bequest)."""
    return GiftDate(_needed(facts, "received_on", "the day it was distributed to us"), "distribution")


RULES: dict[str, Callable[[Facts], GiftDate]] = {
    "check": _check,
    "cash": _received,
    # Bought and paid before it is mailed: it can be late, never postdated.
    "money_order": _check,
    "wire": _credited,
    "stock": _stock,
    "crypto": _arrived,
    "daf": _received,
    "foundation": _received,
    "ira": _received,
    "match": _received,
    "payroll": _withheld,
    "in_kind": _delivered,
    "services": _delivered,
    "vehicle": _delivered,
    "bequest": _distributed,
    "other": _received,
}


def _day(facts: Facts, name: str) -> date | None:
    found = facts.get(name)
    return found if isinstance(found, date) else None


def _needed(facts: Facts, name: str, words: str) -> date:
    if (found := _day(facts, name)) is None:
        raise NoDate(f"Say {words}.")
    return found
