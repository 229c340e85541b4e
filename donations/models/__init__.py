"""Tables of the money: donors, gifts, the ledger, plans, batches, promises, imports, receipts and Stripe's inbox."""

from donations.models.balance import BalanceSweep, BalanceTransaction, Payout
from donations.models.bank import BankAccount, BankImport, BankLine
from donations.models.benefit import Benefit, GiftBenefit, SafeHarbor, StatementText
from donations.models.books import Account, Difference, Export, ExportDownload, ExportPart, Month, Policy
from donations.models.campaign import AccountDetail, Campaign, Fund, Way
from donations.models.donor import Donor
from donations.models.gift import Attempt, Gift
from donations.models.gift_import import DonorOrigin, FormerId, GiftImport, GiftOrigin, ImportMapping, ImportRow
from donations.models.installment import ChargeDay, Installment, Renewals
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
    ReceiptCopy,
    ReceiptDue,
    ReceiptEvent,
    ReceiptPdf,
    ReceiptVoid,
    RenderTrouble,
)
from donations.models.refund import Dispute, Refund
from donations.models.statement import AnnualStatement, StatementDue, StatementRun
from donations.models.stripe_event import EventSweep, StripeEvent

__all__ = [
    "Account",
    "AccountDetail",
    "AnnualStatement",
    "Attempt",
    "BalanceSweep",
    "BalanceTransaction",
    "BankAccount",
    "BankImport",
    "BankLine",
    "Batch",
    "BatchRow",
    "Benefit",
    "Campaign",
    "ChargeDay",
    "Difference",
    "Dispute",
    "Donor",
    "DonorAddress",
    "DonorEmail",
    "DonorMerge",
    "DonorNote",
    "DonorOrigin",
    "Employer",
    "EventSweep",
    "Export",
    "ExportDownload",
    "ExportPart",
    "FormerId",
    "Fund",
    "Gift",
    "GiftBenefit",
    "GiftDetail",
    "GiftImport",
    "GiftOrigin",
    "ImportMapping",
    "ImportRow",
    "Installment",
    "LedgerEntry",
    "Month",
    "NotTheSame",
    "OfflineFacts",
    "PartWriteOff",
    "PaymentLink",
    "Payout",
    "PhoneCall",
    "Plan",
    "Policy",
    "PrintRun",
    "PrintedReceipt",
    "Promise",
    "PromisePart",
    "PromisePayment",
    "Receipt",
    "ReceiptBook",
    "ReceiptCopy",
    "ReceiptDue",
    "ReceiptEvent",
    "ReceiptPdf",
    "ReceiptVoid",
    "Refund",
    "RenderTrouble",
    "Renewals",
    "Reversal",
    "SafeHarbor",
    "SoftCredit",
    "StatementDue",
    "StatementRun",
    "StatementText",
    "StripeEvent",
    "Tag",
    "Way",
]
