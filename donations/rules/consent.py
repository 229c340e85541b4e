"""The words a supporter agrees to when a gift repeats. Kept on the plan exactly as shown (domain rule 22)."""

from datetime import date

VERSION = "2026-12"

EVERY = {"monthly": "every month", "quarterly": "every three months", "yearly": "every year"}


def text(*, organization: str, amount: str, frequency: str) -> str:
    """The consent sentence for "monthly" or "yearly". amount: as printed, like "$25.00".

    Card networks ask for amount, interval, and how to stop. Stripe, "Save and reuse",
    https://docs.stripe.com/payments/save-and-reuse (read 2026-11-23).
    """
    return (
        f"I allow {organization} to charge my card {amount} now and {EVERY[frequency]} until I stop. "
        "I can change, pause or stop it at any time in my portal, by replying to a receipt, or by calling you."
    )


STANDING_VERSION = "standing-2026-12"


def standing(*, organization: str, amount: str, frequency: str, on: date, day: int) -> str:
    """The consent of a gift that runs already and was changed, or begins again. on: its next date; day: its anchor."""
    return (
        f"I allow {organization} to charge my saved card {amount} {again_on(frequency, on, day)}, until I stop. "
        "I can change, pause or stop it at any time in my portal, by replying to a receipt, or by calling you."
    )


PHONE_VERSION = "phone-2026-11"


def by_phone(*, organization: str, amount: str, frequency: str, on: date) -> str:
    """What the call-taker reads aloud before a card is typed, word for word (domain rule 22). on: the day of the call.

    It names amount, day and how to stop, as for a card typed by its owner.
    """
    if frequency == "once":
        return f"May {organization} charge your card {amount} today, one time?"
    return (
        f"May {organization} charge your card {amount} today, and {amount} again {again_on(frequency, on)}, "
        "until you stop? You can change or stop at any time by calling us or replying to a receipt."
    )


PHONE_CARD_VERSION = "phone-card-2026-12"


def by_phone_card(*, organization: str, amount: str, frequency: str, on: date, day: int, owed: str = "") -> str:
    """What is read aloud before another card is typed for a gift that runs. on: its next date; day: its anchor.

    owed: what the old card declined and the new one is charged at once, like "$25.00".
    """
    now = f"{owed} today, which your old card declined, and " if owed else ""
    return (
        f"May {organization} charge this card {now}{amount} {again_on(frequency, on, day)}, until you stop? "
        "You can change or stop at any time by calling us or replying to a receipt."
    )


def again_on(frequency: str, on: date, day: int | None = None) -> str:
    """ "on the 31st of every month, or on its last day": when a gift comes again after `on`.

    day: of the month (1-31), where it is not that of `on`, which a short month may have clamped.
    """
    day = day or on.day
    if frequency == "yearly":
        return f"every year on {on:%B} {day}"
    month = "every third month" if frequency == "quarterly" else "every month"
    clamped = ", or on the last day of a shorter month" if day > 28 else ""
    return f"on the {_ordinal(day)} of {month}{clamped}"


def by_link(*, organization: str, amount: str, frequency: str, email: str) -> str:
    """What the call-taker reads aloud before a payment link is mailed; the card is agreed to on the link's page."""
    often = "" if frequency == "once" else f" {EVERY[frequency]}"
    return (
        f"May I e-mail you a private link at {email}, where you can pay your gift of {amount}{often} to "
        f"{organization}? Nothing is charged until you press the button there."
    )


def _ordinal(day: int) -> str:
    ending = "th" if 10 < day < 14 else {1: "st", 2: "nd", 3: "rd"}.get(day % 10, "th")
    return f"{day}{ending}"
