"""Tables of the money: donors, gifts, the ledger, plans, batches, promises, imports, receipts and Stripe's inbox."""

from donations.models.campaign import AccountDetail, Campaign, Fund, Way
from donations.models.donor import Donor
from donations.models.gift import Attempt, Gift
from donations.models.gift_import import DonorOrigin, FormerId, GiftImport, GiftOrigin, ImportMapping, ImportRow
from donations.models.ledger import LedgerEntry
from donations.models.offline import Batch, BatchRow, GiftDetail, OfflineFacts, Reversal, SoftCredit
from donations.models.people import DonorAddress, DonorEmail, DonorMerge, DonorNote, NotTheSame, Tag
from donations.models.phone import PaymentLink, PhoneCall
from donations.models.plan import Plan
from donations.models.promise import Employer, PartWriteOff, Promise, PromisePart, PromisePayment
from donations.models.receipt import (
    PrintedReceipt,
    PrintRun,
    Receipt,
    ReceiptBook,
    ReceiptDue,
    ReceiptPdf,
    ReceiptVoid,
)
from donations.models.stripe_event import EventSweep, StripeEvent

__all__ = [
    "AccountDetail",
    "Attempt",
    "Batch",
    "BatchRow",
    "Campaign",
    "Donor",
    "DonorAddress",
    "DonorEmail",
    "DonorMerge",
    "DonorNote",
    "DonorOrigin",
    "Employer",
    "EventSweep",
    "FormerId",
    "Fund",
    "Gift",
    "GiftDetail",
    "GiftImport",
    "GiftOrigin",
    "ImportMapping",
    "ImportRow",
    "LedgerEntry",
    "NotTheSame",
    "OfflineFacts",
    "PartWriteOff",
    "PaymentLink",
    "PhoneCall",
    "Plan",
    "PrintRun",
    "PrintedReceipt",
    "Promise",
    "PromisePart",
    "PromisePayment",
    "Receipt",
    "ReceiptBook",
    "ReceiptDue",
    "ReceiptPdf",
    "ReceiptVoid",
    "Reversal",
    "SoftCredit",
    "StripeEvent",
    "Tag",
    "Way",
]
