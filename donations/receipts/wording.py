"""What a paper says beside its sentences: title, the rows of facts, how the gift came, whom it greets."""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from donations.models import Donor, Gift, GiftDetail
from donations.rules.benefits import Treatment
from donations.rules.documents import TAX, Document
from nonprofit.models import Organization
from nonprofit.money import Money

BRANDS = {"visa": "Visa", "mastercard": "Mastercard", "amex": "American Express", "discover": "Discover"}
KIND = Gift.Kind
PERSONS = (Donor.Kind.INDIVIDUAL, Donor.Kind.HOUSEHOLD)
METHODS = {KIND.CASH: "Cash", KIND.WIRE: "Bank transfer", KIND.PAYROLL: "Payroll deduction"}


@dataclass(frozen=True, slots=True)
class Settled:
    """A settled gift with what its paper needs: no query is made from here on.

    detail: None for card gifts. to: whom the paper is for, the legal donor or who is recognized.
    """

    gift: Gift
    detail: GiftDetail | None
    to: Donor | None
    document: Document

    @property
    def is_for_donor(self) -> bool:
        return self.document.to == "donor"


def title(settled: Settled) -> str:
    """The headline and the letter's subject; it names what the paper is and never calls thanks a receipt."""
    gift, paper = settled.gift, settled.document.kind
    amount = "" if gift.is_property else str(gift.kept)
    if paper == "thank_you":
        return _thanked_for(settled, amount)
    if paper == "qcd_letter":
        return f"Your gift of {amount} from your IRA"
    if paper == "grant_letter":
        return f"We received your grant of {amount}" if amount else "We received your grant"
    if paper == "bequest_letter":
        return f"We received the distribution of {amount}" if amount else "We received the distribution"
    return f"Receipt for your gift of {amount or PROPERTY.get(KIND(gift.kind), 'property')}"


PROPERTY = {KIND.STOCK: "stock", KIND.CRYPTO: "digital assets", KIND.IN_KIND: "goods", KIND.VEHICLE: "a vehicle"}


def _thanked_for(settled: Settled, amount: str) -> str:
    gift = settled.gift
    match gift.kind:
        case KIND.SERVICES:
            return "Thank you for your help"
        case KIND.VEHICLE:
            return "Thank you for your vehicle"
        case KIND.MATCH:
            return f"Your gift was matched with {amount}"
        case KIND.PAYROLL:
            is_person = settled.to is None or settled.to.kind in PERSONS
            return f"Thank you for {amount} {'from your pay' if is_person else 'from payroll giving'}"
        case _:
            return f"Thank you for recommending a grant of {amount}" if amount else "Thank you for recommending a grant"


def thanks(settled: Settled, who: Organization) -> str:
    """Our own thanks to a supporter; in other words to those whose gift, for the law, it is not."""
    if settled.document.kind == "grant_letter":
        return "Thank you for this grant and for your trust in our work."
    if settled.document.kind == "bequest_letter":
        return "We are grateful for this gift, and for the wish behind it."
    if settled.document.kind == "thank_you" and settled.gift.kind == KIND.SERVICES:
        return "Thank you. Our work rests on people who lend a hand."
    if not settled.is_for_donor:
        if settled.gift.kind == KIND.MATCH:
            return "Thank you for giving, and for asking that your gift be matched."
        return "Thank you for recommending this grant to us, and for your trust in our work."
    return who.receipt_thanks


def table(document: Document, gift: Gift) -> str:
    """What stands above the labels of the table of facts."""
    if document.to == "recognized" or document.kind == "grant_letter":
        return "The gift" if gift.kind == KIND.MATCH else "The grant"
    return {"bequest_letter": "The distribution"}.get(document.kind, "Your gift")


def heading(document: Document) -> str:
    """What stands above the sentences."""
    return "For your tax records" if document.kind in TAX | {"qcd_letter"} else "About this letter"


def rows(settled: Settled, who: Organization) -> list[list[str]]:
    """Label and value of each fact that is known; property has a description and no amount."""
    gift, detail = settled.gift, settled.detail
    has_fee = gift.covered_fee and not gift.refunded_minor
    fee = f", of which {gift.covered_fee} covers processing costs" if has_fee else ""
    what = "What you gave" if gift.kind == KIND.SERVICES else "Gift"
    found = [
        (what, description(gift, detail)) if gift.is_property else ("Amount", f"{gift.kept}{fee}"),
        *_benefits(settled.document),
        *_dates(settled),
        (_giver(settled), gift.donor_name),
        *(_from_detail(gift, detail) if detail else []),
        ("Given to", ", EIN ".join(filter(None, [who.legal_name, who.ein]))),
        ("For", gift.fund.name),
        ("Frequency", "" if gift.is_property or detail else gift.get_frequency_display()),
        ("Paid by", "" if gift.is_property else method(gift, detail)),
        ("Dedication", tribute(gift)),
    ]
    return [[label, value] for label, value in found if value]


def _benefits(document: Document) -> list[tuple[str, str]]:
    """What came with it; where it counts, the payment above it, its value and the excess: all three (IRC 6115)."""
    if document.to == "recognized":
        return []
    said = benefits(document)
    return [
        ("You received", said["given"]),
        ("Its estimated value", said["value"]),
        ("Deductible at most", said["excess"]),
        ("Offered and declined", said["declined"]),
    ]


def benefits(document: Document) -> dict[str, Any]:
    """How what came with the gift counts, as the snapshot keeps it; empty words for what is not told."""
    treated, counts = document.treated, document.treated.treatment == Treatment.VALUED
    currency, excess = document.amount.currency if document.amount else "usd", document.deductible_minor or 0
    return {
        "treatment": str(treated.treatment),
        "rule": treated.rule,
        "given": treated.given,
        "declined": treated.declined,
        "value": str(Money(treated.value_minor, currency)) if counts else "",
        "value_minor": treated.value_minor,
        "excess": str(Money(excess, currency)) if counts else "",
        "safe_harbor_year": treated.safe_harbor_year,
        "must_disclose": document.must_disclose,
    }


def _giver(settled: Settled) -> str:
    if not settled.is_for_donor or settled.document.kind in ("grant_letter", "bequest_letter"):
        return "From"
    return "IRA owner" if settled.document.kind == "qcd_letter" else "Given by"


def _dates(settled: Settled) -> list[tuple[str, str]]:
    """The date of the gift; of mail around a year's end only facts, and no word which year it is for (rule 2)."""
    gift, detail = settled.gift, settled.detail
    if detail and gift.kind in (KIND.CHECK, KIND.MONEY_ORDER):
        facts = [("Dated", detail.check_on), ("Postmarked", detail.postmarked_on), ("Received", detail.received_on)]
        known = [(name, day) for name, day in facts if day]
        if len({day.year for _, day in known}) > 1:
            return [(name, in_words(day)) for name, day in known]
    if gift.gift_on is None:
        return []
    label = "Date of gift" if settled.document.kind in TAX else "Received"
    if gift.gift_date_basis == Gift.DateBasis.PAYROLL:
        label = "Withheld"
    return [(label, in_words(gift.gift_on))]


def _from_detail(gift: Gift, detail: GiftDetail) -> list[tuple[str, str]]:
    """What only some kinds have: who signed the check, which fund or IRA it came from, the payer's own number."""
    payer = detail.payer_name if detail.payer_name.casefold() != gift.donor_name.casefold() else ""
    return [
        ("Check drawn by" if detail.check_number else "Paid on behalf by", payer),
        ("Fund", detail.advised_fund),
        ("Custodian", detail.custodian),
        ("Your reference" if gift.kind == KIND.FOUNDATION else "Reference", detail.reference),
        ("Description", "" if gift.is_property else detail.property_description),
    ]


def description(gift: Gift, detail: GiftDetail | None) -> str:
    """Property in words, without a value: "50 shares of ACME Corp common stock (ACME)", "0.25 BTC"."""
    if detail is None:
        return ""
    if gift.kind == KIND.STOCK:
        of = f"{detail.property_description} ({detail.ticker})" if detail.property_description else detail.ticker
        return f"{amount_of(detail.quantity)} {'share' if detail.quantity == 1 else 'shares'} of {of}"
    if gift.kind == KIND.CRYPTO:
        return f"{amount_of(detail.quantity)} {detail.ticker}"
    if gift.kind == KIND.VEHICLE and detail.vehicle_number:
        return f"{detail.property_description} (VIN {detail.vehicle_number})"
    return detail.property_description


def amount_of(quantity: Decimal | None) -> str:
    """A number of shares or coins, with no more places than it has: "1,200", "0.25"."""
    if quantity is None:
        return ""
    words = f"{quantity:,f}"
    return words.rstrip("0").rstrip(".") if "." in words else words


def method(gift: Gift, detail: GiftDetail | None = None) -> str:
    """How the gift came, as printed: "Visa card ending 4242", "Check 1042"."""
    if gift.card_last4:
        return f"{BRANDS.get(gift.card_brand, gift.card_brand.title())} card ending {gift.card_last4}"
    if detail is None:
        return "Card"
    if detail.check_number:
        # An IRA's papers name the day on the custodian's check; the year it counts for is the custodian's to say.
        dated = f", dated {in_words(detail.check_on)}" if gift.kind == KIND.IRA and detail.check_on else ""
        return f"{'Money order' if gift.kind == KIND.MONEY_ORDER else 'Check'} {detail.check_number}{dated}"
    if gift.kind == KIND.MONEY_ORDER:
        return "Money order"
    return METHODS.get(KIND(gift.kind), "")


def tribute(gift: Gift) -> str:
    return f"{gift.get_tribute_display()} {gift.tribute_name}" if gift.tribute else ""


def salutation(settled: Settled) -> str:
    """As the household wants it, where that is known (domain rule 52); else by name."""
    to = settled.to
    if to and to.salutation:
        return f"{to.salutation.rstrip(',')},"
    if to and to.kind == Donor.Kind.ESTATE:
        return "Dear Executor or Trustee,"
    name = settled.gift.donor_name if settled.is_for_donor or to is None else to.name
    return f"Dear {name}," if to is None or to.kind in PERSONS else f"Dear friends at {name},"


def addressee(settled: Settled) -> str:
    """The first line of the envelope's window."""
    to = settled.to
    return (to.addressee or to.name) if to and (to.addressee or not settled.is_for_donor) else settled.gift.donor_name


def address_lines(settled: Settled) -> list[str]:
    """As given with the gift for the legal donor, or else what we have; what we have of anybody else."""
    if settled.to is None or (settled.is_for_donor and settled.gift.address_lines):
        return settled.gift.address_lines
    return settled.to.address_lines


def in_words(day: date) -> str:
    """A date in words for letters: "November 23, 2026"."""
    return f"{day:%B} {day.day}, {day.year}"
