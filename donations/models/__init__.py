"""Tables of the money: donors, gifts, the ledger, plans, receipts, campaigns and Stripe's inbox."""

from donations.models.campaign import Campaign, Fund, Way
from donations.models.donor import Donor
from donations.models.gift import Attempt, Gift
from donations.models.ledger import LedgerEntry
from donations.models.plan import Plan
from donations.models.receipt import Receipt, ReceiptBook, ReceiptDue, ReceiptPdf
from donations.models.stripe_event import EventSweep, StripeEvent

__all__ = [
    "Attempt",
    "Campaign",
    "Donor",
    "EventSweep",
    "Fund",
    "Gift",
    "LedgerEntry",
    "Plan",
    "Receipt",
    "ReceiptBook",
    "ReceiptDue",
    "ReceiptPdf",
    "StripeEvent",
    "Way",
]
