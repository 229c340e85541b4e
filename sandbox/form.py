"""Form bodies with brackets, as Stripe's libraries send them, turned into nested values and back to plain ones."""

import re
from typing import Any
from urllib.parse import parse_qsl, urlencode

from sandbox.errors import StripeError, bad_request

PIECE = re.compile(r"\[([^\[\]]*)\]")
HIDDEN = {"number", "cvc"}


def parse(text: str) -> dict[str, Any]:
    """`a[b]=1&c[]=2&d[0][e]=3` becomes {"a": {"b": "1"}, "c": ["2"], "d": [{"e": "3"}]}. Raises StripeError."""
    try:
        pairs = parse_qsl(text, keep_blank_values=True, errors="strict", max_num_fields=2000)
    except ValueError as error:
        raise bad_request("Invalid request: the parameters could not be read as UTF-8 form data.") from error
    root: dict[str, Any] = {}
    for name, value in pairs:
        _place(root, _path(name), value)
    return {key: _lists(value) for key, value in root.items()}


def _path(name: str) -> list[str]:
    head = name.split("[", 1)[0]
    pieces = PIECE.findall(name[len(head) :])
    if not head or "".join(f"[{piece}]" for piece in pieces) != name[len(head) :]:
        raise bad_request(f"Invalid parameter name: {name[:80]}", param=name[:80])
    return [head, *pieces]


def _place(root: dict[str, Any], path: list[str], value: str) -> None:
    here = root
    for depth, piece in enumerate(path):
        key = str(len(here)) if piece == "" else piece
        if depth == len(path) - 1:
            here[key] = value
            return
        below = here.setdefault(key, {})
        if not isinstance(below, dict):
            raise _clash(path)
        here = below


def _clash(path: list[str]) -> StripeError:
    return bad_request(f"Invalid object: {path[0]} was given both as a value and as an object.", param=path[0])


def _lists(value: Any) -> Any:
    if not isinstance(value, dict):
        return value
    values = {key: _lists(inner) for key, inner in value.items()}
    if values and all(key.isdigit() for key in values):
        return [values[key] for key in sorted(values, key=int)]
    return values


def masked(value: Any, key: str = "") -> Any:
    """The same parameters with card numbers and security codes made unreadable, for logs and for the journal."""
    if isinstance(value, dict):
        return {name: masked(inner, name) for name, inner in value.items()}
    if isinstance(value, list):
        return [masked(inner, key) for inner in value]
    if key in HIDDEN and isinstance(value, str):
        return "*" * max(0, len(value) - 4) + value[-4:] if key == "number" else "***"
    return value


def masked_text(text: str) -> str:
    """The same for the text that was sent, brackets and all."""
    pairs = parse_qsl(text, keep_blank_values=True)
    return urlencode([(name, masked(value, _path(name)[-1])) for name, value in pairs])
