"""The words a supporter agrees to when a gift repeats. Kept on the plan exactly as shown (domain rule 22)."""

VERSION = "2026-11"

EVERY = {"monthly": "every month", "yearly": "every year"}


def text(*, organization: str, amount: str, frequency: str) -> str:
    """The consent sentence for "monthly" or "yearly". amount: as printed, like "$25.00".

    Card networks ask for amount, interval, and how to stop. Stripe, "Save and reuse",
    https://docs.stripe.com/payments/save-and-reuse (read 2026-11-23).
    """
    return (
        f"I allow {organization} to charge my card {amount} now and {EVERY[frequency]} until I stop. "
        "I can change or stop at any time by replying to a receipt or calling you."
    )
