"""How monthly gifts hold, as tables with small charts: counts for who may see plans, sums for who may see amounts."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from django.http import HttpRequest

from donations.books import charts
from donations.recurring import retention
from donations.recurring.retention import By, Cohort, Moves, Rhythm, What
from nonprofit import clock
from nonprofit.admin_amounts import sees_amounts
from nonprofit.money import Money

LOSSES = (What.DOWN, What.ENDED)
GAINS = (What.NEW, What.RESTARTED, What.UP)


@dataclass(frozen=True, slots=True)
class Table:
    """Gifts of one rhythm: a chart of all of them together, a line for each cohort, and all together as its foot.

    chart: None while nothing can be told yet.
    """

    label: str
    chart: charts.Counts | None
    heads: Sequence[str]
    rows: Sequence[tuple[str, Cohort]]
    together: Sequence[retention.Kept | None]


@dataclass(frozen=True, slots=True)
class Line:
    """A month's moves in the order of the columns, and what they come to; None for who sees no amounts."""

    starts_on: date
    cells: Sequence[tuple[int, Money | None]]
    together: Money | None


def page(request: HttpRequest) -> dict[str, Any]:
    """What the page shows."""
    by = By.MONTH if request.GET.get("by") == By.MONTH else By.QUARTER
    today, sees = clock.today(), sees_amounts(request)
    months = retention.moves(today)
    return {
        "title": "How monthly gifts hold",
        "by": by.value,
        "tables": [_table(one, by) for one in retention.rhythms(today, by)],
        "sees": sees,
        "heads": [what.value.capitalize() for what in What],
        "lines": [_line(month, sees=sees) for month in months],
        "series": _sums(months) if sees else _numbers(months),
        "has_moves": any(month.count(*What) for month in months),
        "width": charts.WIDTH,
        "height": charts.HEIGHT,
    }


def _table(rhythm: Rhythm, by: By) -> Table:
    rows = [(_name(cohort, by), cohort) for cohort in rhythm.cohorts]
    return Table(rhythm.label, _chart(rhythm), [_months(step) for step in rhythm.steps], rows, rhythm.together)


def _chart(rhythm: Rhythm) -> charts.Counts | None:
    """The share after each step that can be told; each bar says its own."""
    told = [(step, kept) for step, kept in zip(rhythm.steps, rhythm.together, strict=True) if kept]
    if not told:
        return None
    shares, labels = [kept.percent for _, kept in told], [f"{kept.percent} %" for _, kept in told]
    drawn = charts.bars([_months(step) for step, _ in told], shares, labels, most=100)
    begun = sum(cohort.begun for cohort in rhythm.cohorts)
    total = f"{begun:,} gift{'' if begun == 1 else 's'} begun"
    return charts.Counts(f"{rhythm.label} gifts: share still given, by months since they began", drawn, total)


def _months(step: int) -> str:
    return "1 month" if step == 1 else f"{step} months"


def _name(cohort: Cohort, by: By) -> str:
    if by == By.MONTH:
        return f"{cohort.starts_on:%B %Y}"
    return f"{cohort.starts_on:%b} to {cohort.ends_on:%b %Y}"


def _line(month: retention.Month, *, sees: bool) -> Line:
    def cell(moves: Moves) -> tuple[int, Money | None]:
        return moves.count, moves.monthly if sees and moves.count else None

    return Line(month.starts_on, [cell(month.moves[what]) for what in What], month.together if sees else None)


def _sums(months: Sequence[retention.Month]) -> list[charts.Series]:
    """What was gained and lost for a month's giving, on one scale."""
    in_order = months[::-1]
    days = [month.starts_on for month in in_order]
    gained, lost = [month.gained.minor for month in in_order], [month.lost.minor for month in in_order]
    most = max([*gained, *lost], default=0)
    return [
        charts.series("Gained for each month", days, gained, most=most, currency=retention.CURRENCY),
        charts.series("Lost for each month", days, lost, most=most, currency=retention.CURRENCY),
    ]


def _numbers(months: Sequence[retention.Month]) -> list[charts.Counts]:
    """The same as numbers of gifts, for who sees no amounts."""
    in_order = months[::-1]
    names = [f"{month.starts_on:%b}" for month in in_order]
    gained, lost = [month.count(*GAINS) for month in in_order], [month.count(*LOSSES) for month in in_order]
    most = max([*gained, *lost], default=0)
    drawn = []
    for name, numbers in (("Begun or raised", gained), ("Lowered or ended", lost)):
        labels = charts.ends_and_top([f"{number:,}" for number in numbers], numbers)
        drawn.append(charts.Counts(name, charts.bars(names, numbers, labels, most=most), f"{sum(numbers):,}"))
    return drawn
