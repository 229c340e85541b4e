"""Which `expand` paths exist, and what the reply to a request with them has to look like."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from tests.conformance import kinds
from tests.conformance.kinds import Kind, Record

# "Expansions have a maximum depth of four levels." Stripe API reference, "Expanding Responses", read 2026-11-23,
# https://docs.stripe.com/api/expanding_objects. The SDK's types do not carry it.
MAXIMUM_DEPTH = 4

Expansion = Mapping[str, "Expansion"]
"""Field -> what is expanded below it: `{"latest_charge": {"balance_transaction": {}}}`."""


def parse(paths: Iterable[str]) -> Expansion:
    """The paths of one request as a tree."""
    tree: dict[str, dict] = {}  # type: ignore[type-arg]  # a tree of itself has no spelling for a dict being built
    for path in paths:
        level = tree
        for name in path.split("."):
            level = level.setdefault(name, {})
    return tree


def refusals(path: str, kind: Kind) -> Iterator[str]:
    """Why Stripe would refuse to expand this path in an object of this kind."""
    names = path.split(".")
    if len([name for name in names if name != "data"]) > MAXIMUM_DEPTH:
        yield f"deeper than {MAXIMUM_DEPTH} levels"
    level: list[Kind] = [kind]
    for position, name in enumerate(names):
        found = [record.fields[name].kind for option in level for record in records(option) if name in record.fields]
        if not found:
            owner = (
                ", ".join(sorted({record.name for option in level for record in records(option)})) or "a plain value"
            )
            yield f"{owner} has no field {name}"
            return
        if position == len(names) - 1 and not any(is_expandable(option) for option in found):
            yield f"{name} is not expandable"
        level = found


def is_expandable(kind: Kind) -> bool:
    """An id that can become an object, or a list that Stripe leaves out until somebody asks for it."""
    match kind:
        case kinds.Expandable():
            return True
        case kinds.ListOf(item):
            return is_expandable(item)
        case kinds.Nullable(inner):
            # `refunds: Optional[ListObject["Refund"]]`: optional because it comes on request only.
            return is_expandable(inner) or (isinstance(inner, Record) and inner.object_name == "list")
        case _:
            return False


def records(kind: Kind) -> Iterator[Record]:
    """The records one meets when walking into a value of this kind."""
    match kind:
        case Record():
            yield kind
        case kinds.Nullable(inner) | kinds.Expandable(inner) | kinds.ListOf(inner) | kinds.MapOf(inner):
            yield from records(inner)
        case kinds.OneOf(options):
            for option in options:
                yield from records(option)
