"""Readers for settings from the environment; each says what is wrong and where instead of guessing."""

import base64
import binascii
import os
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlsplit

from django.core.exceptions import ImproperlyConfigured


def text(name: str, default: str | None = None) -> str:
    """The variable's text; `NAME_FILE` may name a file that holds it (for secrets).

    Raises ImproperlyConfigured when it is missing or empty and there is no default.
    """
    value = os.environ.get(name, "")
    if not value and (path := os.environ.get(f"{name}_FILE", "")):
        value = Path(path).read_text().strip()
    if value:
        return value
    if default is None:
        raise ImproperlyConfigured(f"{name} is not set. See docs/deploy.md for what it should hold.")
    return default


def flag(name: str, *, default: bool) -> bool:
    """`true` or `false` (also 1/0, yes/no); anything else raises ImproperlyConfigured."""
    value = os.environ.get(name, "").lower()
    if not value:
        return default
    if value in {"1", "true", "yes"}:
        return True
    if value in {"0", "false", "no"}:
        return False
    raise ImproperlyConfigured(f"{name} must be true or false, not {value!r}.")


def number(name: str, default: int) -> int:
    """A whole number of zero or more; anything else raises ImproperlyConfigured."""
    value = os.environ.get(name, "")
    if not value:
        return default
    if not value.isascii() or not value.isdigit():
        raise ImproperlyConfigured(f"{name} must be a whole number, not {value!r}.")
    return int(value)


def choice(name: str, choices: Sequence[str], default: str) -> str:
    """One of `choices`; anything else raises ImproperlyConfigured."""
    value = os.environ.get(name, "") or default
    if value not in choices:
        raise ImproperlyConfigured(f"{name} must be one of {', '.join(choices)}, not {value!r}.")
    return value


def database(name: str) -> dict[str, object]:
    """A Django DATABASES entry from `postgresql://user:password@host:port/name?host=/socket/dir`."""
    url = urlsplit(text(name))
    if url.scheme not in {"postgres", "postgresql"}:
        raise ImproperlyConfigured(f"{name} must start with postgresql:// (only PostgreSQL is supported).")
    if not url.path.strip("/"):
        raise ImproperlyConfigured(f"{name} names no database: postgresql://user@host/DATABASE.")
    query = {key: values[-1] for key, values in parse_qs(url.query).items()}
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": unquote(url.path.strip("/")),
        "USER": unquote(url.username or ""),
        "PASSWORD": unquote(url.password or ""),
        "HOST": query.pop("host", url.hostname or ""),
        "PORT": query.pop("port", str(url.port or "")),
        "CONN_MAX_AGE": 600,
        "CONN_HEALTH_CHECKS": True,
        "OPTIONS": {"connect_timeout": 5, **query},
    }


def broker(redis_url: str) -> str:
    """The same Redis as Celery's broker URL (kombu names unix sockets in its own way)."""
    url = urlsplit(redis_url)
    if url.scheme == "unix":
        index = parse_qs(url.query).get("db", ["0"])[-1]
        return f"redis+socket://{url.path}?virtual_host={index}"
    if url.scheme in {"redis", "rediss"}:
        return redis_url
    raise ImproperlyConfigured("REDIS_URL must start with redis://, rediss:// or unix://.")


def signing_keys(name: str) -> list[bytes]:
    """Keys from a list with commas, each `whsec_` and base64 of 24 to 64 bytes; none when it is not set.

    Standard Webhooks, "Signature scheme", https://github.com/standard-webhooks/standard-webhooks (read 2026-11-26).
    """
    keys = []
    for secret in filter(None, (part.strip() for part in text(name, "").split(","))):
        try:
            key = base64.b64decode(secret.removeprefix("whsec_"), validate=True)
        except binascii.Error as error:
            raise ImproperlyConfigured(f"{name} holds something that is not base64.") from error
        if not 24 <= len(key) <= 64:
            raise ImproperlyConfigured(f"{name} holds a key that is not 24 to 64 bytes long.")
        keys.append(key)
    return keys


def is_safe_url(url: str) -> bool:
    """Whether what is sent there can be read by nobody in between: https, or this machine."""
    parts = urlsplit(url)
    return parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in {"127.0.0.1", "localhost", "::1"})


def mail_server(name: str, default: str | None) -> dict[str, object]:
    """Host, port and login from `smtp://user:password@host:port` (`smtps://` for TLS, `smtp+tls://` for STARTTLS)."""
    url = urlsplit(text(name, default))
    if url.scheme not in {"smtp", "smtps", "smtp+tls"} or not url.hostname:
        raise ImproperlyConfigured(f"{name} must look like smtp+tls://user:password@mail.example.org:587.")
    return {
        "EMAIL_HOST": url.hostname,
        "EMAIL_PORT": url.port or {"smtp": 25, "smtps": 465, "smtp+tls": 587}[url.scheme],
        "EMAIL_HOST_USER": unquote(url.username or ""),
        "EMAIL_HOST_PASSWORD": unquote(url.password or ""),
        "EMAIL_USE_TLS": url.scheme == "smtp+tls",
        "EMAIL_USE_SSL": url.scheme == "smtps",
    }
