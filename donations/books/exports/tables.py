"""A file as a query: which columns, from where, narrowed down by what, in which order."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from donations.books.exports.columns import Column, major, written


@dataclass(frozen=True, slots=True)
class Sums:
    """What the control file adds up by currency: names, and the SQL of their whole minor units in each row."""

    currency: str
    minors: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Table:
    """A file's shape. source: what stands after FROM, with its conditions at `{where}` or else at the end.

    dates: the SQL of each date it can be narrowed down by; `{day}` in the source is the chosen one. narrows: of kind,
    fund and campaign those it can be narrowed down by. order: makes the same rows the same file. always: a condition.
    """

    schema: str
    columns: tuple[Column, ...]
    source: str
    order: str
    dates: Mapping[str, str]
    sums: Sums
    # What is counted beforehand: about as many rows as have to be read. Named as in `source`.
    reads: str
    always: str = "true"
    reads_always: str = "true"
    narrows: Mapping[str, str] = field(default_factory=dict)
    needs_days: bool = False
    # Of as many rows as the ledger has: read one after the other, in the order of its key.
    is_long: bool = False

    def source_of(self, basis: str, where: str) -> str:
        """What stands after FROM. where: begins with " AND", or is empty."""
        conditions = f"WHERE {self.always}{where}"
        if "{where}" in self.source:
            return self.source.replace("{where}", conditions).replace("{day}", self.dates[basis])
        return f"{self.source}\n{conditions}"

    def rows(self, source: str, format: str) -> str:
        """The query of its rows, in the format's own words and in order."""
        listed = ",\n".join(f'{written(column, format)} AS "{column.name}"' for column in self.columns)
        return f"SELECT {listed}\nFROM {source}\nORDER BY {self.order}"

    def counted(self, where: str) -> str:
        """The query of about how many rows have to be read."""
        return f"SELECT count(*) FROM {self.reads}\nWHERE {self.reads_always}{where}"

    def summed(self, basis: str, where: str) -> str:
        """The query of currency, rows and sums, by currency."""
        currency = self.sums.currency
        source = f"{self.reads}\nWHERE {self.always}{where}" if self.is_long else self.source_of(basis, where)
        sums = ", ".join(major(f"coalesce(sum({minor}), 0)", currency) for minor in self.sums.minors.values())
        return f"SELECT {currency}, count(*), {sums} FROM {source} GROUP BY 1 ORDER BY 1"

    @property
    def heading(self) -> list[str]:
        return [column.name for column in self.columns]
