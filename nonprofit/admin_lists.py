"""Lists that cost the same on the first page and on the ten-thousandth: turned by the row they ended at.

OFFSET 900000 reads 900,000 rows and throws them away, and a row that arrives meanwhile pushes another over the edge of
its page. Here each page begins after a row (`?after=PK`) or ends before one (`?before=PK`); `?last` is the list's end.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Self

from django.contrib.admin.options import IncorrectLookupParameters
from django.contrib.admin.templatetags.admin_list import result_headers
from django.contrib.admin.views.main import ChangeList
from django.core.exceptions import FieldDoesNotExist, ValidationError
from django.db import models
from django.db.models import F, Q, QuerySet
from django.db.models.expressions import OrderBy
from django.http import HttpRequest

from nonprofit import admin_rows
from nonprofit.generics import Paginator

# Counting a million rows costs more than showing fifty of them.
COUNTED = 10_000
AFTER, BEFORE, LAST = "after", "before", "last"


class CappedPaginator(Paginator[Any]):
    """Counts to COUNTED and one, no further."""

    @cached_property
    def count(self) -> int:
        if isinstance(self.object_list, QuerySet):
            return self.object_list.order_by()[: COUNTED + 1].count()
        return len(self.object_list)


@dataclass(frozen=True, slots=True)
class Turn:
    """A link of the pager: to the newer, older, first or last rows."""

    label: str
    url: str
    rel: str = ""


class IndexedList(ChangeList):
    """Sorts by the columns that have an index, also when another one is typed into the address; turns by rows."""

    turns: tuple[Turn, ...] = ()

    def table(self) -> dict[str, Any]:
        """What Django's template of a list's table is given, with rows of our own making."""
        headers = list(result_headers(self))
        sorted_by = sum(1 for header in headers if header["sortable"] and header["sorted"])
        return {"results": admin_rows.rows(self), "result_headers": headers, "num_sorted_fields": sorted_by}

    def get_ordering_field(self, field_name: Any) -> Any:
        return super().get_ordering_field(field_name) if field_name in (self.sortable_by or ()) else None

    def get_ordering(self, request: HttpRequest, queryset: QuerySet[Any]) -> Any:
        """By the chosen column or the list's own order, not by both: no index would fit."""
        return super().get_ordering(request, queryset.order_by())

    def _get_deterministic_ordering(self, ordering: Any) -> Any:
        """Ties are broken by the primary key in the direction of the list, so that one index serves both directions."""
        given = list(ordering)
        whole = super()._get_deterministic_ordering(given)  # type: ignore[misc]
        is_broken_here = len(whole) > len(given)
        if is_broken_here and given and not Key.of(given[-1]).is_descending:
            return [*given, "pk"]
        return whole

    def get_queryset(self, request: HttpRequest, exclude_parameters: Any = None) -> QuerySet[Any]:
        # Where a page begins is no filter, and no link of a filter carries it along.
        for name in (AFTER, BEFORE, LAST):
            self.params.pop(name, None)
            self.filter_params.pop(name, None)
        return super().get_queryset(request, exclude_parameters)

    def get_results(self, request: HttpRequest) -> None:
        self.page_num = 1
        super().get_results(request)
        size, count = self.list_per_page, self.result_count
        keys = _to_the_pk(self.lookup_opts, _keys(self.lookup_opts, self.queryset.query.order_by))
        after, before = request.GET.get(AFTER), request.GET.get(BEFORE)
        start = after or before
        values = self._values(keys, start) if start else None
        rows: list[Any]
        if (values is not None and before) or (values is None and LAST in request.GET):
            turned = [key.turned for key in keys]
            found = self._rows(turned, self.queryset.reverse(), values, size + 1)
            rows = found[:size][::-1]
            has_newer, has_older = len(found) > size, values is not None
        else:
            # Also where the row that the page began at is gone.
            found = self._rows(keys, self.queryset, values, size + 1)
            rows = found[:size]
            has_newer, has_older = values is not None, len(found) > size
        if not rows and count and values is not None:
            # Nothing lies beyond: the others went meanwhile.
            rows, has_newer = list(self.queryset[: size + 1]), False
            has_older, rows = len(rows) > size, rows[:size]
        self.result_list = rows
        self.multi_page = has_newer or has_older
        self.turns = tuple(self._turns(rows, has_newer=has_newer, has_older=has_older))

    def _rows(
        self, keys: "list[Key]", queryset: QuerySet[Any], values: tuple[Any, ...] | None, count: int
    ) -> list[Any]:
        """The next `count` rows in the order of `keys`, after the row with these values or from the beginning."""
        if values is None:
            return list(queryset[:count])
        found: list[Any] = []
        for stretch in _stretches(keys, values):
            found += queryset.filter(stretch)[: count - len(found)]
            if len(found) == count:
                break
        return found

    def _values(self, keys: "list[Key]", pk: str) -> tuple[Any, ...] | None:
        """What the list is sorted by, of that row, whether or not it still fits the filters; None when it is gone."""
        try:
            rows = self.root_queryset.filter(pk=pk).order_by().values_list(*[key.name for key in keys])
            return rows.first()
        except (ValueError, ValidationError) as error:
            raise IncorrectLookupParameters(error) from error

    def _turns(self, rows: list[Any], *, has_newer: bool, has_older: bool) -> Iterator[Turn]:
        if not rows:
            return
        if has_newer:
            yield Turn("First", self.get_query_string())
            yield Turn("Previous", self.get_query_string({BEFORE: rows[0].pk}), "prev")
        if has_older:
            yield Turn("Next", self.get_query_string({AFTER: rows[-1].pk}), "next")
            yield Turn("Last", self.get_query_string({LAST: ""}))


@dataclass(frozen=True, slots=True)
class Key:
    """One column that a list is sorted by, as PostgreSQL does: nulls are larger than everything unless it says so."""

    name: str
    is_descending: bool
    are_nulls_last: bool

    @classmethod
    def of(cls, part: Any) -> Self:
        """From an element of `ordering`. Raises TypeError for expressions: a page could not be found by them again."""
        if isinstance(part, str):
            return cls(part.removeprefix("-"), part.startswith("-"), not part.startswith("-"))
        if isinstance(part, F):
            return cls(str(part.name), False, True)  # type: ignore[attr-defined]
        if isinstance(part, OrderBy) and isinstance(part.expression, F):
            are_last = bool(part.nulls_last) if part.nulls_first or part.nulls_last else not part.descending
            return cls(str(part.expression.name), part.descending, are_last)  # type: ignore[attr-defined]
        raise TypeError(f"a list cannot be sorted by {part!r}: name a column")

    @property
    def turned(self) -> "Key":
        return Key(self.name, not self.is_descending, not self.are_nulls_last)

    def same(self, value: Any) -> Q:
        return Q(**{f"{self.name}__isnull": True}) if value is None else Q(**{self.name: value})

    def beyond(self, value: Any) -> Iterator[Q]:
        """The rows that come later by this column alone, in the order they come in."""
        if value is None:
            if not self.are_nulls_last:
                yield Q(**{f"{self.name}__isnull": False})
            return
        yield Q(**{f"{self.name}__{'lt' if self.is_descending else 'gt'}": value})
        if self.are_nulls_last and self.name != "pk":
            yield Q(**{f"{self.name}__isnull": True})


def _keys(opts: Any, ordering: Any) -> Iterator[Key]:
    """The list's columns; a row of another table is sorted by what that table is sorted by, as Django does."""
    for part in ordering:
        key = Key.of(part)
        try:
            field = opts.get_field(key.name)
        except FieldDoesNotExist:
            field = None  # "pk", an annotation, or a column of another table
        if isinstance(field, models.ForeignKey) and key.name == field.name and field.related_model is not None:
            for nested in _keys(field.related_model._meta, field.related_model._meta.ordering or ["pk"]):
                yield Key(
                    f"{key.name}__{nested.name}",
                    nested.is_descending != key.is_descending,
                    nested.are_nulls_last != key.is_descending,
                )
        else:
            yield key


def _to_the_pk(opts: Any, keys: Iterator[Key]) -> list[Key]:
    """What comes after the primary key sorts nothing any more."""
    found = []
    for key in keys:
        found.append(key)
        if key.name in ("pk", opts.pk.name):
            break
    return found


def _stretches(keys: list[Key], values: tuple[Any, ...]) -> Iterator[Q]:
    """Conditions whose rows, one after the other, are all that follow the row with these values.

    First those alike in all columns but the last, then in fewer. Each is one range of an index that fits the order; a
    single condition with OR would be none.
    """
    for place in reversed(range(len(keys))):
        alike = Q()
        for key, value in zip(keys[:place], values[:place], strict=True):
            alike &= key.same(value)
        for later in keys[place].beyond(values[place]):
            yield alike & later
