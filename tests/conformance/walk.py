"""Holds one value against one kind and says, in sentences, what is wrong with it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from tests.conformance import expansion, kinds
from tests.conformance.expansion import Expansion
from tests.conformance.kinds import Kind, Record

_WHOLE = re.compile(r"-?\d+")
_DECIMAL = re.compile(r"-?\d+(\.\d+)?")


@dataclass(frozen=True)
class Walk:
    """How to read scalars and name fields: a form-encoded request has only strings, a JSON reply has types.

    `is_partial`: a browser sees a part of each object, so that a missing field is no problem.
    """

    is_request: bool
    is_partial: bool = False

    def value(self, kind: Kind, value: object, at: str, asked: Expansion | None) -> Iterator[str]:
        """Problems of a value; `asked` is what the request wanted expanded here, None where nothing was asked."""
        match kind:
            case kinds.Anything():
                return
            case kinds.Nullable(inner):
                if value is not None:
                    yield from self.value(inner, value, at, asked)
            case kinds.Expandable(inner):
                yield from self._expandable(inner, value, at, asked)
            case kinds.OneOf(options):
                yield from self._one_of(options, value, at, asked)
            case kinds.ListOf(item):
                yield from self._list(item, value, at, asked)
            case kinds.MapOf(item):
                yield from self._map(item, value, at)
            case Record():
                yield from self.record(kind, value, at, asked)
            case _:
                if not self._is_scalar(kind, value):
                    yield f"{at}: expected {kinds.describe(kind)}, got {_show(value)}"

    def record(self, kind: Record, value: object, at: str, asked: Expansion | None) -> Iterator[str]:
        """Problems of an object: fields that are unknown, fields that are missing, fields with problems."""
        if not isinstance(value, Mapping):
            yield f"{at}: expected {kinds.describe(kind)}, got {_show(value)}"
            return
        asked = asked or {}
        stray = "unknown parameter" if self.is_request else "stray field"
        missing = "missing required parameter" if self.is_request else "missing field"
        for name in value:
            if name not in kind.fields:
                yield f"{_join(at, name)}: {stray}, {kind.name} has none such"
        for name, field in kind.fields.items():
            if name in value:
                yield from self.value(field.kind, value[name], _join(at, name), asked.get(name))
            elif field.is_required and not self.is_partial and not _is_left_out(name, kind, value):
                yield f"{_join(at, name)}: {missing}"
            elif name in asked:
                yield f"{_join(at, name)}: expand was asked but the field is missing"

    def _expandable(self, inner: Kind, value: object, at: str, asked: Expansion | None) -> Iterator[str]:
        if asked is None:
            if isinstance(value, Mapping):
                yield f"{at}: expected an id, got an object nobody asked to expand"
            elif not isinstance(value, str):
                yield f"{at}: expected an id, got {_show(value)}"
        elif isinstance(value, str):
            yield f"{at}: expand was asked but the reply has only the id {value}"
        else:
            yield from self.value(inner, value, at, asked)

    def _one_of(self, options: Sequence[Kind], value: object, at: str, asked: Expansion | None) -> Iterator[str]:
        fitting = [option for option in options if _fits(option, value)]
        if isinstance(value, Mapping) and "object" in value:
            fitting = [option for option in fitting if _is_named(option, value["object"])] or fitting
        found = [list(self.value(option, value, at, asked)) for option in fitting]
        if not found:
            yield f"{at}: expected {kinds.describe(kinds.OneOf(tuple(options)))}, got {_show(value)}"
        elif all(found) and isinstance(value, Mapping | list):
            yield from min(found, key=len)
        elif all(found):
            yield f"{at}: expected {kinds.describe(kinds.OneOf(tuple(options)))}, got {_show(value)}"

    def _list(self, item: Kind, value: object, at: str, asked: Expansion | None) -> Iterator[str]:
        if self.is_request and isinstance(value, Mapping) and all(_WHOLE.fullmatch(str(key)) for key in value):
            value = list(value.values())  # `expand[0]=…`
        if not isinstance(value, list | tuple):
            yield f"{at}: expected {kinds.describe(kinds.ListOf(item))}, got {_show(value)}"
            return
        for position, each in enumerate(value):
            yield from self.value(item, each, f"{at}[{position}]", asked)

    def _map(self, item: Kind, value: object, at: str) -> Iterator[str]:
        if self.is_request and isinstance(value, list):
            value = {str(position): each for position, each in enumerate(value)}  # `metadata[0]=…`, read as a list
        if not isinstance(value, Mapping):
            yield f"{at}: expected {kinds.describe(kinds.MapOf(item))}, got {_show(value)}"
            return
        for name, each in value.items():
            yield from self.value(item, each, _join(at, str(name)), None)

    def _is_scalar(self, kind: Kind, value: object) -> bool:
        if isinstance(kind, kinds.Choice):
            return self._is_choice(kind, value)
        return _FROM_FORM[type(kind)](value) if self.is_request else _FROM_JSON[type(kind)](value)

    def _is_choice(self, kind: kinds.Choice, value: object) -> bool:
        if self.is_request and isinstance(value, str):
            return value in {str(choice).lower() if isinstance(choice, bool) else str(choice) for choice in kind.values}
        return any(value == choice and type(value) is type(choice) for choice in kind.values)


def _is_int(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_decimal_text(value: object) -> bool:
    return isinstance(value, str) and _DECIMAL.fullmatch(value) is not None


_FROM_JSON: dict[type, Callable[[object], bool]] = {
    kinds.Text: lambda value: isinstance(value, str),
    kinds.Integer: _is_int,
    kinds.Number: lambda value: _is_int(value) or isinstance(value, float),
    kinds.Boolean: lambda value: isinstance(value, bool),
    kinds.DecimalText: _is_decimal_text,
}

# Typed values are let through too, so that a request can be checked before it is encoded.
_FROM_FORM: dict[type, Callable[[object], bool]] = {
    kinds.Text: lambda value: isinstance(value, str),
    kinds.Integer: lambda value: _is_int(value) or (isinstance(value, str) and _WHOLE.fullmatch(value) is not None),
    kinds.Number: lambda value: _is_int(value) or isinstance(value, float) or _is_decimal_text(value),
    kinds.Boolean: lambda value: isinstance(value, bool) or value in ("true", "false"),
    kinds.DecimalText: _is_decimal_text,
}


def _fits(kind: Kind, value: object) -> bool:
    """Whether a value has the outer form of this kind, so that its problems are worth telling."""
    match kind:
        case Record() | kinds.MapOf():
            return isinstance(value, Mapping)
        case kinds.ListOf():
            return isinstance(value, Mapping | list | tuple)
        case kinds.Anything() | kinds.Nullable() | kinds.Expandable() | kinds.OneOf():
            return True
        case _:
            return not isinstance(value, Mapping | list | tuple)


def _is_named(kind: Kind, object_name: object) -> bool:
    return isinstance(kind, Record) and kind.object_name == object_name


def _is_left_out(name: str, kind: Record, value: Mapping[str, object]) -> bool:
    """`{"id": …, "object": …, "deleted": true}` is all that is left of a deleted object."""
    return value.get("deleted") is True and "deleted" in kind.fields and name not in ("id", "object")


def _join(at: str, name: str) -> str:
    return f"{at}.{name}" if at else name


def _show(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "…"


def refused_expansions(paths: object, kind: Kind) -> Iterator[str]:
    """Problems of the `expand` parameter of a request whose reply is of this kind."""
    for path in texts(paths):
        for refusal in expansion.refusals(path, kind):
            yield f"expand: {path} cannot be expanded: {refusal}"


def texts(value: object) -> list[str]:
    """The strings of a list parameter, in either of its two spellings."""
    items = value.values() if isinstance(value, Mapping) else value if isinstance(value, list | tuple) else ()
    return [item for item in items if isinstance(item, str)]
