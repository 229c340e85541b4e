"""Stripe's public test cards: their numbers, their `pm_card_…` names, and what happens when they are charged."""

import hashlib
from dataclasses import dataclass

from sandbox import errors


@dataclass(frozen=True, slots=True)
class Decline:
    """Why a bank says no, in the words and codes of Stripe's error reply."""

    code: str
    decline_code: str
    message: str
    param: str | None = None
    advice: str = "try_again_later"


DECLINED = "Your card was declined."
INQUIRY = "inquiry"
# Stripe, "Decline codes", https://docs.stripe.com/declines/codes (read 2026-11-26).
FOR_NOW = (
    *("call_issuer", "card_not_supported", "do_not_honor", "issuer_not_available", "reenter_transaction"),
    *("service_not_allowed", "transaction_not_allowed", "try_again_later", "withdrawal_count_limit_exceeded"),
)
FOR_GOOD = (
    *("invalid_account", "new_account_information_available", "pickup_card", "restricted_card"),
    *("revocation_of_all_authorizations", "revocation_of_authorization", "security_violation", "stop_payment_order"),
)
DECLINES = {
    decline.decline_code: decline
    for decline in (
        Decline("card_declined", "generic_decline", DECLINED),
        Decline("card_declined", "insufficient_funds", "Your card has insufficient funds."),
        Decline("card_declined", "lost_card", DECLINED, advice="do_not_try_again"),
        Decline("card_declined", "stolen_card", DECLINED, advice="do_not_try_again"),
        Decline("card_declined", "fraudulent", DECLINED, advice="do_not_try_again"),
        # Those that no test card has; a saved card can be told to be refused with them (/_test/card-behaves).
        *(Decline("card_declined", code, DECLINED) for code in FOR_NOW),
        *(Decline("card_declined", code, DECLINED, advice="do_not_try_again") for code in FOR_GOOD),
        Decline("incorrect_number", "incorrect_number", "Your card number is incorrect.", "number", "do_not_try_again"),
        Decline(
            "card_declined",
            "card_velocity_exceeded",
            "Your card was declined for making repeated attempts too frequently or exceeding its amount limit.",
        ),
        Decline("expired_card", "expired_card", "Your card has expired.", "exp_month", "do_not_try_again"),
        Decline(
            "incorrect_cvc", "incorrect_cvc", "Your card's security code is incorrect.", "cvc", "confirm_card_data"
        ),
        Decline(
            "processing_error",
            "processing_error",
            "An error occurred while processing your card. Try again in a little bit.",
        ),
        Decline(
            "authentication_required",
            "authentication_required",
            "Your card was declined. This transaction requires authentication.",
            advice="confirm_card_data",
        ),
    )
}


@dataclass(frozen=True, slots=True)
class Card:
    """A test card. `decline`: a decline code. `attachable`: may be saved although charging it fails.

    `authentication`: "" never, "always", or "until_set_up" (asked once, then good for off-session charges).
    `dispute`: the reason for which the bank disputes the charge by itself, or INQUIRY. `refund`: "pending", "fails".
    """

    number: str
    brand: str = "visa"
    name: str = ""
    meaning: str = "Succeeds"
    decline: str = ""
    attachable: bool = True
    authentication: str = ""
    funding: str = "credit"
    country: str = "US"
    cvc_check: str = "pass"
    zip_check: str = "pass"
    line1_check: str = "pass"
    instantly_available: bool = False
    risk_level: str = "normal"
    dispute: str = ""
    refund: str = ""

    @property
    def last4(self) -> str:
        return self.number[-4:]

    @property
    def fingerprint(self) -> str:
        return hashlib.sha256(f"sandbox {self.number}".encode()).hexdigest()[:16]


def _declines(number: str, name: str, code: str, meaning: str) -> Card:
    return Card(number, "visa", name, meaning, code, attachable=False)


CARDS = (
    Card("4242424242424242", "visa", "pm_card_visa"),
    Card("4000056655665556", "visa", "pm_card_visa_debit", funding="debit"),
    Card("5555555555554444", "mastercard", "pm_card_mastercard"),
    Card("2223003122003222", "mastercard", ""),
    Card("5200828282828210", "mastercard", "pm_card_mastercard_debit", funding="debit"),
    Card("5105105105105100", "mastercard", "pm_card_mastercard_prepaid", funding="prepaid"),
    Card("378282246310005", "amex", "pm_card_amex"),
    Card("371449635398431", "amex", ""),
    Card("6011111111111117", "discover", "pm_card_discover"),
    Card("3056930009020004", "diners", "pm_card_diners"),
    Card("3566002020360505", "jcb", "pm_card_jcb"),
    Card("6200000000000005", "unionpay", "pm_card_unionpay"),
    Card(
        "4000001240000000",
        "visa",
        "pm_card_ca",
        "Succeeds; a Canadian card, with the fee of foreign cards",
        country="CA",
    ),
    Card(
        "4000008260000000",
        "visa",
        "pm_card_gb",
        "Succeeds; a British card, with the fee of foreign cards",
        country="GB",
    ),
    _declines("4000000000000002", "pm_card_visa_chargeDeclined", "generic_decline", "Declined"),
    _declines(
        "4000000000009995", "pm_card_visa_chargeDeclinedInsufficientFunds", "insufficient_funds", "Insufficient funds"
    ),
    _declines("4000000000009987", "pm_card_visa_chargeDeclinedLostCard", "lost_card", "Lost card"),
    _declines("4000000000009979", "pm_card_visa_chargeDeclinedStolenCard", "stolen_card", "Stolen card"),
    _declines("4000000000000069", "pm_card_chargeDeclinedExpiredCard", "expired_card", "Expired card"),
    _declines("4000000000000127", "pm_card_chargeDeclinedIncorrectCvc", "incorrect_cvc", "Wrong security code"),
    _declines("4000000000000119", "pm_card_chargeDeclinedProcessingError", "processing_error", "Processing error"),
    _declines(
        "4000000000006975",
        "pm_card_visa_chargeDeclinedVelocityLimitExceeded",
        "card_velocity_exceeded",
        "Too many attempts",
    ),
    Card(
        "4100000000000019",
        "visa",
        "pm_card_radarBlock",
        "Blocked as fraudulent",
        "fraudulent",
        risk_level="highest",
    ),
    Card("4000000000000341", "visa", "pm_card_chargeCustomerFail", "Can be saved, then is declined", "generic_decline"),
    Card(
        "4000002500003155",
        "visa",
        "pm_card_authenticationRequiredOnSetup",
        "3-D Secure, unless set up before",
        authentication="until_set_up",
    ),
    Card(
        "4000002760003184",
        "visa",
        "pm_card_authenticationRequired",
        "3-D Secure every time",
        authentication="always",
    ),
    Card("4000000000003220", "visa", "pm_card_threeDSecure2Required", "3-D Secure every time", authentication="always"),
    Card(
        "4000008400001629",
        "visa",
        "pm_card_authenticationRequiredChargeDeclined",
        "3-D Secure, then declined",
        "generic_decline",
        authentication="always",
    ),
    Card(
        "4000008260003178",
        "visa",
        "pm_card_authenticationRequiredChargeDeclinedInsufficientFunds",
        "3-D Secure, then insufficient funds",
        "insufficient_funds",
        authentication="always",
        country="GB",
    ),
    Card(
        "4000000000000259",
        "visa",
        "pm_card_createDispute",
        "Succeeds; seconds later the bank takes it back as fraudulent",
        dispute="fraudulent",
    ),
    Card(
        "4000000000002685",
        "visa",
        "pm_card_createDisputeProductNotReceived",
        "Succeeds; seconds later disputed as not received",
        dispute="product_not_received",
    ),
    Card(
        "4000000000001976",
        "visa",
        "pm_card_createDisputeInquiry",
        "Succeeds; seconds later the bank asks about it, and takes nothing",
        dispute=INQUIRY,
    ),
    Card(
        "4000000000007726",
        "visa",
        "pm_card_pendingRefund",
        "Succeeds; a refund is pending for some seconds",
        refund="pending",
    ),
    Card(
        "4000000000005126",
        "visa",
        "pm_card_refundFail",
        "Succeeds; a refund succeeds and fails some seconds later",
        refund="fails",
    ),
    Card(
        "4000000000000077",
        "visa",
        "pm_card_bypassPending",
        "Succeeds; the money is available at once",
        instantly_available=True,
    ),
    Card(
        "4000003720000278",
        "visa",
        "pm_card_bypassPendingInternational",
        "Succeeds; a foreign card, available at once",
        country="IE",
        instantly_available=True,
    ),
    Card("4000000000000101", "visa", "pm_card_cvcCheckFail", "Succeeds; security code check fails", cvc_check="fail"),
    Card("4000000000000036", "visa", "pm_card_avsZipFail", "Succeeds; ZIP check fails", zip_check="fail"),
    Card(
        "4000000000000010",
        "visa",
        "pm_card_avsFail",
        "Succeeds; address and ZIP checks fail",
        zip_check="fail",
        line1_check="fail",
    ),
    Card("4000000000009235", "visa", "pm_card_riskLevelElevated", "Succeeds; elevated risk", risk_level="elevated"),
)
BY_NUMBER = {card.number: card for card in CARDS}
BY_NAME = {card.name: card for card in CARDS if card.name} | {
    "pm_card_us": BY_NUMBER["4242424242424242"],
    "pm_card_visa_chargeDeclinedExpiredCard": BY_NUMBER["4000000000000069"],
    "pm_card_visa_chargeDeclinedIncorrectCvc": BY_NUMBER["4000000000000127"],
    "pm_card_visa_chargeDeclinedProcessingError": BY_NUMBER["4000000000000119"],
    "pm_card_visa_chargeCustomerFail": BY_NUMBER["4000000000000341"],
}
REAL_CARD = Decline(
    "card_declined",
    "test_mode_live_card",
    "Your card was declined. Your request was in test mode, but used a non test (live) card. For a list of valid "
    "test cards, visit: https://docs.stripe.com/testing.",
)


def passes_luhn(number: str) -> bool:
    digits = [int(digit) for digit in reversed(number)]
    doubled = [sum(divmod(2 * digit, 10)) for digit in digits[1::2]]
    return (sum(digits[0::2]) + sum(doubled)) % 10 == 0


def card_error(code: str, message: str, param: str, **extra: object) -> errors.StripeError:
    return errors.StripeError(402, "card_error", message, code, param, extra)


def by_number(number: str) -> Card:
    """The test card with this number. Raises StripeError for wrong numbers and for real cards."""
    digits = number.replace(" ", "").replace("-", "")
    if not (digits.isascii() and digits.isdigit() and 12 <= len(digits) <= 19 and passes_luhn(digits)):
        raise card_error("incorrect_number", "Your card number is incorrect.", "number")
    if digits not in BY_NUMBER:
        raise card_error(REAL_CARD.code, REAL_CARD.message, "number", decline_code=REAL_CARD.decline_code)
    return BY_NUMBER[digits]


def check_expiry(month: int, year: int, *, today: tuple[int, int]) -> int:
    """The year in four digits. Raises StripeError when the card is past its month. `today`: (year, month)."""
    year = year + 2000 if year < 100 else year
    if not 1 <= month <= 12:
        raise card_error("invalid_expiry_month", "Your card's expiration month is invalid.", "exp_month")
    if not today <= (year, month) or year > today[0] + 50:
        raise card_error("invalid_expiry_year", "Your card's expiration year is invalid.", "exp_year")
    return year


def check_cvc(cvc: str, card: Card) -> None:
    if not (cvc.isascii() and cvc.isdigit() and len(cvc) in ((3, 4) if card.brand == "amex" else (3,))):
        raise card_error("invalid_cvc", "Your card's security code is invalid.", "cvc")
