"""Reads the bracketed form encoding in which the SDK sends its parameters."""

from __future__ import annotations

import re
from urllib.parse import parse_qsl

_KEY = re.compile(r"([^\[\]]+)((?:\[[^\[\]]*\])*)")


def decode(body: str) -> dict[str, object]:
    """`a[b]=1&c[0]=2` as `{"a": {"b": "1"}, "c": {"0": "2"}}`. Lists stay maps: only the type tells them apart."""
    tree: dict[str, object] = {}
    for key, value in parse_qsl(body, keep_blank_values=True, strict_parsing=bool(body)):
        found = _KEY.fullmatch(key)
        names = [found[1], *re.findall(r"\[([^\[\]]*)\]", found[2])] if found else [key]
        level = tree
        for name in names[:-1]:
            inner = level.setdefault(name, {})
            if not isinstance(inner, dict):
                inner = level[name] = {}
            level = inner
        # `c[]=2&c[]=3` numbers its items itself.
        level[names[-1] or str(len(level))] = value
    return tree
