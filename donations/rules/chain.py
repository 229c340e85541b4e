"""How the papers of a book hang together: each one's code, and the chain that shows what was changed or slipped in."""

import base64
import hashlib
import json
from collections.abc import Mapping

# Made once: json.dumps would make an encoder for every paper.
_canonical = json.JSONEncoder(sort_keys=True, separators=(",", ":")).encode


def code(snapshot: Mapping[str, object]) -> str:
    """A short digest of every fact in the snapshot, printed at the foot: altered paper no longer matches it."""
    digest = base64.b32encode(_sha256(_canonical(snapshot)).digest()[:10]).decode()
    return f"{digest[:4]}-{digest[4:8]}-{digest[8:12]}"


def link(previous: str, snapshot: Mapping[str, object]) -> str:
    """The chain of a paper, in hexadecimal digits: over its snapshot and the chain of the number before it in its book.

    previous: "" for the first number of a series and year.
    """
    return _sha256(f"{previous}\n{_canonical(snapshot)}").hexdigest()


def _sha256(text: str) -> "hashlib._Hash":
    return hashlib.sha256(text.encode())
