"""What follows a declined renewal, by the bank's reason: another try, another card, or the supporter's yes.

Card networks punish repeated tries of a card that is lost or closed; soft declines mostly heal within two weeks.
Stripe, "Card declines" and "Decline codes", https://docs.stripe.com/declines/codes (read 2026-11-26); domain rule 61.
"""

from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum

# Days after the due date of the second, third and last try: four in two weeks, far below the networks' limit of about
# fifteen in thirty days.
LADDER = (3, 7, 14)
# Codes with which the same card never works again, or only its owner can help.
HARD = frozenset(
    [
        *("card_not_supported", "currency_not_supported", "expired_card", "fraudulent", "incorrect_cvc"),
        *("incorrect_number", "invalid_account", "invalid_cvc", "invalid_expiry_month", "invalid_expiry_year"),
        *("invalid_number", "lost_card", "merchant_blacklist", "new_account_information_available"),
        *("payment_method_not_available", "payment_method_unexpected_state", "payment_method_invalid_parameter"),
        *("pickup_card", "resource_missing", "restricted_card", "revocation_of_all_authorizations"),
        *("revocation_of_authorization", "stolen_card", "stop_payment_order", "transaction_not_allowed"),
    ]
)
AUTHENTICATION = frozenset(["authentication_required", "payment_intent_authentication_failure", "requires_action"])


class Step(StrEnum):
    """What is done next about an unpaid date."""

    RETRY = "retry"
    NEW_CARD = "new card"
    AUTHENTICATE = "authenticate"


@dataclass(frozen=True, slots=True)
class Next:
    """The step, and on which day a retry is made."""

    step: Step
    on: date | None = None


def after(code: str, *, tries: int, due_on: date, today: date) -> Next:
    """What follows the decline `code` of the `tries`-th try. Codes that nobody knows are soft: most are."""
    if code in AUTHENTICATION:
        return Next(Step.AUTHENTICATE)
    if code in HARD or tries > len(LADDER):
        return Next(Step.NEW_CARD)
    # Counted from the due date, so that a late first try does not stretch into the next month; never twice a day.
    return Next(Step.RETRY, max(due_on + timedelta(days=LADDER[tries - 1]), today + timedelta(days=1)))


def says(code: str) -> str:
    """The bank's reason in words for the supporter, to follow "Your bank declined it"; "" where it said none.

    A card reported lost or stolen is not spoken of: the letter may reach whoever has it (Stripe asks for that).
    """
    return {
        "insufficient_funds": "there was not enough money in the account",
        "expired_card": "the card has expired",
        "card_velocity_exceeded": "the card has reached its limit",
        "withdrawal_count_limit_exceeded": "the card has reached its limit",
        "processing_error": "the bank’s computer made an error",
        "issuer_not_available": "the bank could not be reached",
    }.get(code, "")
