"""The SDK's client, and its errors as ours."""

from datetime import UTC, datetime
from functools import cache

import stripe
from django.conf import settings
from django.db import transaction
from django.utils.module_loading import import_string

APP = "more-ways-to-give"
# The bank wants to ask the supporter first. Stripe, "Error codes", https://docs.stripe.com/error-codes, and "Decline
# codes", https://docs.stripe.com/declines/codes (read 2026-11-26).
AUTHENTICATION_REQUIRED = "authentication_required"


class GatewayError(Exception):
    """Stripe did not do what was asked. `args[0]` is for the log; it holds no personal data."""


class GatewayUnavailable(GatewayError):
    """Stripe could not be reached or did not answer in time: the outcome is unknown. Ask again with the same key."""


class GatewayRefused(GatewayError):
    """Stripe said no and will say no again. `code` is Stripe's error code."""

    def __init__(self, message: str, code: str) -> None:
        super().__init__(message)
        self.code = code


class CardDeclined(GatewayRefused):
    """The bank said no to this card; another one may be tried. `code` is the most exact reason given.

    AUTHENTICATION_REQUIRED: not without the supporter. charge_id: the failed attempt, "" where none was made.
    """

    def __init__(self, message: str, code: str, charge_id: str = "") -> None:
        super().__init__(message, code)
        self.charge_id = charge_id


class SignatureRefused(GatewayError):
    """A webhook that Stripe did not sign with a secret of ours, or too long ago."""


@cache
def configured() -> stripe.StripeClient:
    return stripe.StripeClient(
        settings.STRIPE_SECRET_KEY,
        base_addresses={"api": settings.STRIPE_API_BASE},
        max_network_retries=1,
        http_client=_http_client(),
    )


def _http_client() -> stripe.HTTPClient:
    if settings.STRIPE_HTTP_CLIENT:
        made: stripe.HTTPClient = import_string(settings.STRIPE_HTTP_CLIENT)()
        return made
    return stripe.RequestsClient(timeout=(3.05, 12))


def client() -> stripe.StripeClient:
    """The client, outside transactions only."""
    if transaction.get_connection().in_atomic_block:
        raise RuntimeError("Stripe must not be called inside a transaction: commit first")
    return configured()


class translated_errors:
    """Turns the SDK's exceptions into ours, without the personal data that their messages can carry."""

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if not isinstance(error, stripe.StripeError):
            return
        code = str(error.code or type(error).__name__)
        status = error.http_status or 0
        # 401 and 403: our key is wrong or lacks a right, and no card is to blame. 409: the first request with this
        # key is still under way. 429 and 5xx: not now. None of them is an answer to what was asked.
        if isinstance(error, stripe.APIConnectionError) or status in {401, 403, 409, 429} or status >= 500:
            raise GatewayUnavailable(code) from error
        if isinstance(error, stripe.CardError):
            exact = decline_reason(code, getattr(error.error, "decline_code", None))
            raise CardDeclined(exact, exact, str(getattr(error.error, "charge", None) or "")) from error
        raise GatewayRefused(code, code) from error


def decline_reason(code: str | None, decline_code: str | None) -> str:
    """The most exact of Stripe's two codes for a refusal; that the supporter must be asked outdoes the bank's words."""
    return code if code == AUTHENTICATION_REQUIRED else decline_code or code or ""


def instant(seconds: int) -> datetime:
    """Stripe's seconds since 1970 as an aware instant."""
    return datetime.fromtimestamp(seconds, UTC)


def identifier(field: object) -> str:
    """The id in a field that holds an id, an object, or nothing ("")."""
    return field if isinstance(field, str) else str(getattr(field, "id", None) or "")
