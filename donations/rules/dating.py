"""The donor's legal date of a gift, with its basis."""

from dataclasses import dataclass
from datetime import date


@dataclass(frozen=True, slots=True)
class GiftDate:
    on: date
    basis: str


def card_gift(charged_on: date) -> GiftDate:
    """A card gift counts on the day the charge is made, in the organisation's zone; not on settlement or payout day.

    Source: IRS Pub. 526, "When To Deduct" (read via domain/receipts.md 1.1, 2026-11-23).
    """
    return GiftDate(charged_on, "charge")
