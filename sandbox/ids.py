"""Identifiers in the form that Stripe's have."""

import secrets
import string

ALPHABET = string.ascii_letters + string.digits


def random_text(length: int) -> str:
    # Not quite even over the alphabet, which nothing here depends on, and many times faster than choosing.
    return "".join([ALPHABET[byte % len(ALPHABET)] for byte in secrets.token_bytes(length)])


def new(prefix: str) -> str:
    """A fresh id such as `pi_3QabcDEF…`: the prefix and 24 letters or digits."""
    return f"{prefix}_{random_text(24)}"


def client_secret(identifier: str) -> str:
    return f"{identifier}_secret_{random_text(25)}"
