"""A stand-in for an e-mail address where a record must last longer than the address may."""

import hashlib
import hmac

from django.conf import settings

from nonprofit.models import normal_email


def of(email: str) -> str:
    """The same 64 characters for the same address, and no way back from them without PSEUDONYM_KEY and the address.

    A plain digest would be undone by trying every known address; with a key of ours it is not (GDPR recital 26, 4(5)).
    """
    return hmac.new(settings.PSEUDONYM_KEY.encode(), normal_email(email).encode(), hashlib.sha256).hexdigest()
