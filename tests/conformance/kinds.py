"""The few kinds of value that Stripe's types are made of."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property


@dataclass(frozen=True)
class Text:
    """Any string."""


@dataclass(frozen=True)
class Integer:
    """A whole number: minor units, counts, Unix times."""


@dataclass(frozen=True)
class Number:
    """A number that may have a fraction."""


@dataclass(frozen=True)
class DecimalText:
    """A decimal number that travels as a string."""


@dataclass(frozen=True)
class Boolean:
    """True or false."""


@dataclass(frozen=True)
class Anything:
    """A value about which the SDK says nothing."""


@dataclass(frozen=True)
class Choice:
    """One of the listed values. The SDK adds `| str` to most of them for values of later versions; we take the list."""

    values: tuple[str | int | bool, ...]


@dataclass(frozen=True)
class ListOf:
    """A list whose items are all of one kind."""

    item: Kind


@dataclass(frozen=True)
class MapOf:
    """Free string keys, values of one kind: metadata."""

    item: Kind


@dataclass(frozen=True)
class OneOf:
    """Any of several kinds."""

    options: tuple[Kind, ...]


@dataclass(frozen=True)
class Nullable:
    """What the SDK calls Optional: the value may be null, and the field may be left out."""

    inner: Kind


@dataclass(frozen=True)
class Expandable:
    """An id, or the object itself when the request asked to expand it."""

    inner: Kind


@dataclass(frozen=True)
class Field:
    """One field of a record, and whether it has to be there."""

    kind: Kind
    is_required: bool


@dataclass(frozen=True, eq=False)
class Record:
    """An object with named fields, read from the SDK only when something looks at them."""

    name: str
    read: Callable[[], Mapping[str, Field]] = field(repr=False)

    @cached_property
    def fields(self) -> Mapping[str, Field]:
        return self.read()

    @property
    def object_name(self) -> str | None:
        """The constant in the `object` field, by which Stripe's objects are told apart."""
        found = self.fields.get("object")
        if found and isinstance(found.kind, Choice) and len(found.kind.values) == 1:
            return str(found.kind.values[0])
        return None


Kind = (
    Text
    | Integer
    | Number
    | DecimalText
    | Boolean
    | Anything
    | Choice
    | ListOf
    | MapOf
    | OneOf
    | Nullable
    | Expandable
    | Record
)


def union(options: list[Kind]) -> Kind:
    """One kind that accepts all of these; an open list of choices is closed, and a map is named once."""
    named = [option for option in options if isinstance(option, Choice) and option.values != ("",)]
    if named:
        # `Literal['a', 'b'] | str`: the SDK leaves the door open for later API versions; this one has a and b.
        options = [option for option in options if not isinstance(option, Text)]
    # `Dict[str, str] | UntypedStripeObject[str]` is one map spelled twice.
    options = list(dict.fromkeys(options))
    return options[0] if len(options) == 1 else OneOf(tuple(options))


_PLAIN: dict[type, str] = {
    Text: "string",
    Integer: "integer",
    Number: "number",
    DecimalText: "decimal number in a string",
    Boolean: "true or false",
    Anything: "anything",
}


def describe(kind: Kind) -> str:
    """What a person reads after "expected"."""
    match kind:
        case Choice(values) if values == ("",):
            return "an empty string"
        case Choice(values):
            shown = ", ".join(str(value) for value in values[:6])
            return f"one of {shown}" + (f" and {len(values) - 6} more" if len(values) > 6 else "")
        case ListOf(item):
            return f"list of {describe(item)}"
        case MapOf(item):
            return f"map of {describe(item)}"
        case OneOf(options):
            return " or ".join(describe(option) for option in options)
        case Nullable(inner):
            return f"{describe(inner)} or null"
        case Expandable(inner):
            return f"id of {describe(inner)}"
        case Record():
            return f"object {kind.name}"
        case _:
            return _PLAIN[type(kind)]
