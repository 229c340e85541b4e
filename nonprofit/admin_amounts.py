"""Who may see what people give: columns, fields, panels and figures without amounts for everybody else.

An amount is known by its shape, so that a page written tomorrow hides it too: a column whose function returns Money, a
name that ends in "_minor" or begins with "amount", a cell that holds Money or words like "$25.00".
"""

import re
from collections.abc import Iterable
from types import UnionType
from typing import Any, TypeVar, get_args

from django.db import models
from django.http import HttpRequest

from nonprofit.generics import ModelAdmin
from nonprofit.money import SYMBOLS, Money

Row = TypeVar("Row", bound=models.Model)
# The right's name only: the floor knows no gifts.
SEE_AMOUNTS = "donations.seeamounts_gift"
WRITTEN = re.compile(rf"(?:{'|'.join(map(re.escape, SYMBOLS.values()))})\s?\d")


def sees_amounts(request: HttpRequest) -> bool:
    """Whether the member of staff may see what people give."""
    return bool(request.user.has_perm(SEE_AMOUNTS))


def tells(cell: object) -> bool:
    """Whether that, as shown on a page, tells an amount."""
    return isinstance(cell, Money) or (isinstance(cell, str) and WRITTEN.search(cell) is not None)


class AmountsAdmin(ModelAdmin[Row]):
    """A ModelAdmin whose amounts are for holders of the right: nobody else sees, sorts, filters or searches by them."""

    # Columns and fields that tell an amount and do not look like it.
    amounts: frozenset[str] = frozenset()

    def tells_amount(self, name: object) -> bool:
        """Whether the column or field of that name tells an amount."""
        if not isinstance(name, str):
            return False
        if name in self.amounts or name.startswith("amount") or name.endswith("_minor"):
            return True
        shown = getattr(self, name, None)
        answer = getattr(shown, "__annotations__", {}).get("return")
        return answer is Money or (isinstance(answer, UnionType) and Money in get_args(answer))

    def _without(self, request: HttpRequest, names: Iterable[Any]) -> list[Any]:
        return [
            kept
            for name in names
            if (kept := self._without(request, name) if isinstance(name, list | tuple) else name)
            and not self.tells_amount(kept)
        ]

    def get_list_display(self, request: HttpRequest) -> Any:
        shown = super().get_list_display(request)
        return shown if sees_amounts(request) else self._without(request, shown)

    def get_list_display_links(self, request: HttpRequest, list_display: Any) -> Any:
        links = super().get_list_display_links(request, list_display)
        if not links or sees_amounts(request):
            return links
        return self._without(request, links) or list(list_display)[:1]

    def get_sortable_by(self, request: HttpRequest) -> Any:
        names = super().get_sortable_by(request)
        return names if sees_amounts(request) else self._without(request, names)

    def get_fieldsets(self, request: HttpRequest, obj: Row | None = None) -> Any:
        fieldsets = super().get_fieldsets(request, obj)
        if sees_amounts(request):
            return fieldsets
        return [
            (title, {**options, "fields": self._without(request, options["fields"])}) for title, options in fieldsets
        ]

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest | None = None) -> bool:
        """Nobody finds out an amount by asking for rows above and below it."""
        asks = any(self.tells_amount(part) for part in lookup.split("__"))
        if asks and (request is None or not sees_amounts(request)):
            return False
        return super().lookup_allowed(lookup, value, request)  # type: ignore[arg-type]
