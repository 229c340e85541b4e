"""Limits on attempts to give, before anything exists at Stripe: what card testers meet first (domain rule 86)."""

from django.http import HttpRequest

from nonprofit.limits import Limit, allow

PER_ADDRESS = Limit("give address", "20 per 10 minutes")
PER_ADDRESS_A_DAY = Limit("give address day", "100 per 1 day")
PER_EMAIL = Limit("give e-mail", "10 per 10 minutes")
PER_SESSION = Limit("give session", "10 per 10 minutes")
ALL = Limit("give all", "3000 per 1 minute")


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
