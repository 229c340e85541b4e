"""Limits on attempts to give, before anything exists at Stripe: what card testers meet first (domain rule 86)."""

from django.http import HttpRequest

from nonprofit.limits import Limit, allow

PER_ADDRESS = Limit("give address", "20 per 10 minutes")
PER_ADDRESS_A_DAY = Limit("give address day", "100 per 1 day")
PER_EMAIL = Limit("give e-mail", "10 per 10 minutes")
PER_SESSION = Limit("give session", "10 per 10 minutes")
ALL = Limit("give all", "3000 per 1 minute")

# A link is one person's, and a call-taker has signed in: both are counted for themselves, so that an office full of
# call-takers behind one address is never in its own way.
PER_LINK = Limit("payment link", "15 per 10 minutes")
PER_CALL_TAKER = Limit("call taker", "120 per 10 minutes")


def refusal(request: HttpRequest, ip: str, email: str) -> str:
    """Why this attempt must wait, in words for the person; "" when it may go on. Counts the attempt."""
    if not request.session.session_key:
        request.session.create()
    refused = allow(
        [
            (PER_ADDRESS, ip),
            (PER_ADDRESS_A_DAY, ip),
            (PER_EMAIL, email.lower()),
            (PER_SESSION, request.session.session_key or ""),
            (ALL, "all"),
        ]
    )
    if refused is None:
        return ""
    return (
        "That was a lot of tries in a short time, so we have paused card gifts from here for a few minutes. "
        "Nothing was charged. Please wait ten minutes, or give by check or phone."
    )


def link_refusal(token: str) -> str:
    """Why the next try to pay this link must wait; "" when it may go on. Counts the try."""
    if allow([(PER_LINK, token), (ALL, "all")]) is None:
        return ""
    return "That was a lot of tries in a short time. Nothing was charged. Please wait ten minutes, or call us."


def call_refusal(user_id: int) -> str:
    """Why the next card of this call-taker must wait; "" when it may go on. Counts the try."""
    if allow([(PER_CALL_TAKER, str(user_id)), (ALL, "all")]) is None:
        return ""
    return "Many cards were tried from your sign-in just now, so we paused it. Please wait ten minutes."
