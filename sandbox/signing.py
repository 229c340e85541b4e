"""Stripe's signature of a webhook."""

import hashlib
import hmac
import time


def signature(payload: bytes, secret: str, at: int | None = None) -> str:
    """The stripe-signature header: `t=…,v1=…`. at: seconds since 1970, now where nothing is said."""
    at = int(time.time()) if at is None else at
    digest = hmac.new(secret.encode(), f"{at}.".encode() + payload, hashlib.sha256).hexdigest()
    return f"t={at},v1={digest}"
