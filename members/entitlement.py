"""What the newsroom's own site may know of a visitor: member or not, at which level, for a few minutes.

Signed, so that the site's server need not ask us again: ES256 with a private key of ours, HS256 with a shared secret.
Nothing is written down about who asked, no cookie is set, and the supporter has an opaque name that is no number here.
"""

import hashlib
import hmac
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import jwt
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_private_key
from django.conf import settings

from members import memberships
from members.models import Membership, MembershipPerson
from nonprofit import clock
from nonprofit.models import User

# Long enough for one visit's pages, short enough that a membership that ended is soon seen to have ended.
LASTS = timedelta(minutes=10)
NOT_A_MEMBER: dict[str, Any] = {"member": False, "state": "never", "level": None}


@dataclass(frozen=True, slots=True)
class Signer:
    """How answers are signed. algorithm: ES256 with a private key, HS256 with a shared secret."""

    key: str
    algorithm: str

    @property
    def public_key(self) -> str:
        """What verifies them, for everybody; "" for a shared secret."""
        if self.algorithm != "ES256":
            return ""
        key = load_pem_private_key(self.key.encode(), password=None)
        return key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()


def signer() -> Signer | None:
    """None while nobody has configured it."""
    key = settings.ENTITLEMENT_KEY
    if not key:
        return None
    return Signer(key, "ES256" if key.startswith("-----BEGIN") else "HS256")


def answer(user: User | None, origin: str, by: Signer) -> dict[str, Any]:
    """What the site at `origin` is told of this visitor. user: None where nobody is signed in."""
    row = _membership(user) if user is not None else None
    if row is None or not row.is_member or row.level is None:
        return NOT_A_MEMBER
    now = clock.now()
    # No answer outlives the day on which the level, or the membership, ends by itself.
    ends = clock.midnight(row.looks_again_on) if row.looks_again_on else now + LASTS
    lasts = min(LASTS, ends - now)
    told = {"member": True, "state": row.state, "level": row.level.name}
    claims = {
        "iss": settings.BASE_URL,
        "aud": origin,
        "sub": _opaque(row.donor_id),
        "level": row.level.name,
        "state": row.state,
        "iat": now,
        "exp": now + lasts,
    }
    return told | {"token": jwt.encode(claims, by.key, algorithm=by.algorithm), "seconds": int(lasts.total_seconds())}


def _membership(user: User) -> Membership | None:
    """The visitor's own, or the one they share; whoever is signed in has proven their mailbox."""
    own = Membership.objects.visible_to(user).select_related("level").first()
    if own is not None and memberships.as_of_today(own).is_member:
        return own
    shared = MembershipPerson.objects.filter(email=user.email).exclude(email="").values("donor")
    rows = Membership.objects.filter(donor__in=shared).real().select_related("level").order_by("pk")
    running = [row for row in rows if memberships.as_of_today(row).is_member]
    return max(running, key=lambda row: row.level.from_minor if row.level else 0, default=None)


def _opaque(donor_id: int) -> str:
    """The same for the same supporter, and telling nothing to whoever does not hold our secret."""
    name = f"entitlement:{donor_id}".encode()
    return hmac.new(settings.SECRET_KEY.encode(), name, hashlib.sha256).hexdigest()[:32]
