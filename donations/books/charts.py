"""Small charts as numbers for a template to draw: where each bar stands and what its label says. No colour decides."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from nonprofit.money import Money

# A chart's drawing area in its own units; the page scales it.
WIDTH, HEIGHT, GAP = 560, 72, 4


@dataclass(frozen=True, slots=True)
class Bar:
    """One month's bar. label: only at the highest and at the last, so that none covers another."""

    x: float
    y: float
    width: float
    height: float
    middle: float
    month: str
    label: str
    label_y: float
    is_last: bool


@dataclass(frozen=True, slots=True)
class Series:
    """A channel over the months: its bars, its sum, and the same as a table's row."""

    name: str
    bars: Sequence[Bar]
    total: Money
    amounts: Sequence[Money]


def series(name: str, months: Sequence[date], minors: Sequence[int], *, most: int, currency: str) -> Series:
    """Bars on one scale for all channels: `most` minor units are as high as the area."""
    step = WIDTH / max(len(months), 1)
    top = max(minors, default=0)
    bars = []
    for place, (month, minor) in enumerate(zip(months, minors, strict=True)):
        height = round(HEIGHT * max(minor, 0) / most, 1) if most else 0.0
        is_last = place == len(months) - 1
        stands_alone = place < len(months) - 2 or not minors[-1]
        said = minor and (is_last or (minors.index(top) == place and stands_alone))
        bars.append(
            Bar(
                x=round(place * step + GAP / 2, 1),
                y=round(HEIGHT - height, 1),
                width=round(step - GAP, 1),
                height=height,
                middle=round(place * step + step / 2, 1),
                month=f"{month:%b}",
                label=_short(Money(minor, currency)) if said else "",
                label_y=round(HEIGHT - height - 4, 1),
                is_last=is_last,
            )
        )
    amounts = [Money(minor, currency) for minor in minors]
    return Series(name, bars, Money(sum(minors), currency), amounts)


def _short(money: Money) -> str:
    """ "$12.3k" for thousands; whole units below."""
    whole = str(Money(abs(money.minor), money.currency)).partition(".")[0]
    if abs(money.major) < 10_000:
        return whole
    symbol = "".join(character for character in whole if not (character.isdigit() or character == ","))
    return f"{symbol}{abs(money.major) / 1000:,.1f}k"


@dataclass(frozen=True, slots=True)
class Step:
    """A bar that lies: what came, what went, what is left."""

    name: str
    amount: Money
    width: float
    share: str


def steps(named: Sequence[tuple[str, Money]]) -> list[Step]:
    """Bars as long as their amounts, on the scale of the longest."""
    most = max((abs(money.minor) for _, money in named), default=0)
    return [
        Step(
            name,
            money,
            round(WIDTH * abs(money.minor) / most, 1) if most else 0.0,
            f"{100 * abs(money.minor) / most:.1f} %" if most else "0 %",
        )
        for name, money in named
    ]
