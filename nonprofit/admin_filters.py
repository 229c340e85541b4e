"""Filters of the admin's lists that never ask the database which choices there are."""

from collections.abc import Callable, Iterator
from datetime import date, timedelta
from typing import Any

from django.contrib import admin
from django.contrib.admin.views.main import ChangeList
from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.forms import DateField
from django.http import HttpRequest

from nonprofit import clock
from nonprofit.generics import ModelAdmin

_typed = DateField()


class DateRange(admin.ListFilter):
    """From and to, both included, typed or picked; and the ranges people ask for most. Make one with `dates`."""

    template = "admin/filter_dates.html"
    column = ""

    def __init__(
        self, request: HttpRequest, params: dict[str, Any], model: type[Any], model_admin: ModelAdmin[Any]
    ) -> None:
        super().__init__(request, params, model, model_admin)
        self.names = (f"{self.column}_from", f"{self.column}_to")
        self.typed = {name: str(params.pop(name)[-1]).strip() for name in self.names if name in params}
        self.bad = [text for text in self.typed.values() if text and _day(text) is None]

    def has_output(self) -> bool:
        return True

    def expected_parameters(self) -> list[str | None]:
        return list(self.names)

    @property
    def first(self) -> date | None:
        return _day(self.typed.get(self.names[0], ""))

    @property
    def last(self) -> date | None:
        return _day(self.typed.get(self.names[1], ""))

    def choices(self, changelist: ChangeList) -> Iterator[dict[str, Any]]:  # type: ignore[override]
        """The ready-made ranges; the first also carries the list's other choices for the form beneath them."""
        others = [(n, v) for n, v in changelist.params.items() if n not in self.names and n != "p"]
        for label, first, last in _ranges(clock.today()):
            values = {name: day.isoformat() if day else "" for name, day in zip(self.names, (first, last), strict=True)}
            new = {name: value for name, value in values.items() if value}
            yield {
                "display": label,
                "selected": (self.first, self.last) == (first, last),
                "query_string": changelist.get_query_string(new, list(self.names)),
                "others": others,
            }

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        if self.first:
            queryset = queryset.filter(**{f"{self.column}__gte": self.since(self.first)})
        if self.last:
            queryset = queryset.filter(**{f"{self.column}__lt": self.since(self.last + timedelta(days=1))})
        return queryset

    def since(self, day: date) -> object:
        """What the column is compared with for the beginning of that day."""
        return day


class InstantRange(DateRange):
    """The same for a column that holds instants: days begin at the organisation's midnight."""

    def since(self, day: date) -> object:
        return clock.midnight(day)


def dates(field: str, label: str, *, are_instants: bool = False) -> Callable[..., DateRange]:
    """A filter class for `field`, headed `label`."""
    base = InstantRange if are_instants else DateRange
    return type("DateRange", (base,), {"title": label, "column": field})


def _day(text: str) -> date | None:
    try:
        day: date | None = _typed.clean(text)
    except ValidationError:
        return None
    return day


def _ranges(today: date) -> list[tuple[str, date | None, date | None]]:
    month, year = today.replace(day=1), today.replace(month=1, day=1)
    month_before = (month - timedelta(days=1)).replace(day=1)
    year_before = year.replace(year=year.year - 1)
    return [
        ("Any date", None, None),
        ("Today", today, today),
        ("This month", month, today),
        ("Last month", month_before, month - timedelta(days=1)),
        ("This year", year, today),
        ("Last year", year_before, year - timedelta(days=1)),
    ]
