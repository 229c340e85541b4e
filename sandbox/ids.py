"""Identifiers in the form that Stripe's have."""

import secrets
import string

ALPHABET = string.ascii_letters + string.digits


def random_text(length: int) -> str:
    return "".join(secrets.choice(ALPHABET) for _ in range(length))


def new(prefix: str) -> str:
    """A fresh id such as `pi_3QabcDEF…`: the prefix and 24 letters or digits."""
    return f"{prefix}_{random_text(24)}"


def client_secret(identifier: str) -> str:
    return f"{identifier}_secret_{random_text(25)}"
