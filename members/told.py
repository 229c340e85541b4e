"""How a gift is told to the person who gave it, or who is thanked for it: a headline, and a line beneath."""

from donations.desk.imports import sources
from donations.models import Dispute, Gift, GiftDetail, GiftOrigin, Refund, Reversal, SoftCredit
from donations.receipts import wording

KIND, ROLE = Gift.Kind, SoftCredit.Role
WAYS = {
    KIND.CASH: "Cash",
    KIND.MONEY_ORDER: "Money order",
    KIND.WIRE: "Bank transfer",
    KIND.STOCK: "Stock or fund shares",
    KIND.CRYPTO: "Digital assets",
    KIND.DAF: "Donor-advised fund grant",
    KIND.FOUNDATION: "Grant",
    KIND.IRA: "From your IRA",
    KIND.MATCH: "Matching gift",
    KIND.PAYROLL: "From your pay",
    KIND.IN_KIND: "Goods",
    KIND.SERVICES: "Your work",
    KIND.VEHICLE: "Vehicle",
    KIND.BEQUEST: "Bequest",
    KIND.OTHER: "Gift",
}


def headline(gift: Gift) -> str:
    """The amount, or what was given: property is never told with a value."""
    if not gift.is_property:
        return str(gift.amount)
    return wording.description(gift, _detail(gift)) or gift.get_kind_display().capitalize()


def way(gift: Gift) -> str:
    """How it came: "Check 1042", "From your IRA at Fidelity", "Monthly gift by card ending 4242"."""
    detail, origin = _detail(gift), _origin(gift)
    at = f", through {sources.label(origin.source)}" if origin and origin.source != "spreadsheet" else ""
    if gift.kind in (KIND.CARD, KIND.PHONE):
        by = "card" if gift.kind == KIND.CARD else "phone, with a card"
        ending = f" ending {gift.card_last4}" if gift.card_last4 else ""
        return f"{gift.get_frequency_display()} by {by}{ending}{at}"
    if gift.kind == KIND.IRA and detail and detail.custodian:
        return f"From your IRA at {detail.custodian}{at}"
    if gift.kind == KIND.DAF and detail and detail.advised_fund:
        return f"Grant from the {detail.advised_fund}{at}"
    if gift.kind in (KIND.CHECK, KIND.MONEY_ORDER) and detail and detail.check_number:
        return f"{'Check' if gift.kind == KIND.CHECK else 'Money order'} {detail.check_number}{at}"
    return f"{WAYS.get(KIND(gift.kind), gift.get_kind_display().capitalize())}{at}"


def recognized_headline(credit: SoftCredit) -> str:
    """A grant or a match with its amount, which the adviser or employee knows; of anybody else's gift none."""
    gift = credit.gift
    if credit.role not in (ROLE.ADVISOR, ROLE.EMPLOYEE):
        return "A gift with you in mind"
    name = "Match" if credit.role == ROLE.EMPLOYEE else "Grant"
    return f"{name} of {headline(gift)}"


def recognized_way(credit: SoftCredit) -> str:
    """Who gave it and what the person did: "From Fidelity Charitable, recommended by you"."""
    giver = credit.gift.donor_name
    if credit.role == ROLE.ADVISOR:
        return f"From {giver}, recommended by you"
    if credit.role == ROLE.EMPLOYEE:
        return f"From {giver}, to match your gift"
    return f"From {giver}"


def reversal(reversal: Reversal) -> str:
    """Why the gift went back."""
    if reversal.reason == Reversal.Reason.BOUNCED:
        return f"{way(reversal.gift)} came back from the bank"
    return "Taken back: we had entered it wrongly"


def refund(refund: Refund) -> str:
    """That money went back to the card."""
    if refund.payment_id != refund.gift.payment_intent_id:
        return "Your card was charged twice: the second charge went back to it"
    return "Refunded to your card"


def dispute(dispute: Dispute) -> str:
    """That the bank took money back, for good or while it asks."""
    if dispute.is_open:
        return "Your bank took this back while it looks into the payment"
    return "Your bank gave this back to you"


def _detail(gift: Gift) -> GiftDetail | None:
    return getattr(gift, "detail", None)


def _origin(gift: Gift) -> GiftOrigin | None:
    return getattr(gift, "origin", None)
