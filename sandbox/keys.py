"""Who is asking: the secret key, or a browser with the publishable key."""

import base64
import binascii
import hmac
from collections.abc import Mapping
from email.message import Message

from sandbox import errors
from sandbox.options import Options

SECRET = "secret"
PUBLISHABLE = "publishable"
ABSENT = (
    "You did not provide an API key. You need to provide your API key in the Authorization header, using Bearer auth "
    "(e.g. 'Authorization: Bearer YOUR_SECRET_KEY')."
)
NOT_PUBLIC = (
    "This API call cannot be made with a publishable API key. Please use a secret API key. You can find a list of "
    "your API keys at https://dashboard.stripe.com/account/apikeys."
)


def given(headers: Message, params: Mapping[str, object]) -> str:
    """The key of a request: a bearer token, the user name of basic authentication, or a `key` parameter."""
    scheme, _, value = headers.get("Authorization", "").partition(" ")
    if scheme.lower() == "bearer":
        return value.strip()
    if scheme.lower() == "basic":
        try:
            return base64.b64decode(value, validate=True).decode().split(":", 1)[0]
        except (binascii.Error, UnicodeDecodeError):
            return ""
    key = params.get("key", "")
    return key if isinstance(key, str) else ""


def kind(key: str, options: Options) -> str:
    """SECRET or PUBLISHABLE. Raises StripeError for any other key."""
    if not key:
        raise errors.bad_request(ABSENT, status=401)
    if hmac.compare_digest(key.encode(), options.secret_key.encode()):
        return SECRET
    if hmac.compare_digest(key.encode(), options.publishable_key.encode()):
        return PUBLISHABLE
    hidden = key[:8] + "*" * max(0, len(key) - 12) + key[-4:] if len(key) > 12 else "****"
    raise errors.bad_request(f"Invalid API Key provided: {hidden}", status=401)


def require_secret(kind_of_key: str) -> None:
    if kind_of_key != SECRET:
        raise errors.bad_request(NOT_PUBLIC, code="secret_key_required", status=401)
