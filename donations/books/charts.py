"""Small charts as numbers for a template to draw: where each bar stands and what its label says. No colour decides."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from nonprofit.money import Money

# A chart's drawing area in its own units; the page scales it.
WIDTH, HEIGHT, GAP = 560, 72, 4


@dataclass(frozen=True, slots=True)
class Bar:
    """One bar. month: what stands beneath it. label: what stands above it, or ""."""

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


@dataclass(frozen=True, slots=True)
class Counts:
    """Bars of numbers that are no money. total: what the figure says of all of them."""

    name: str
    bars: Sequence[Bar]
    total: str


def series(name: str, months: Sequence[date], minors: Sequence[int], *, most: int, currency: str) -> Series:
    """Bars on one scale for all channels: `most` minor units are as high as the area."""
    amounts = [Money(minor, currency) for minor in minors]
    labels = ends_and_top([_short(amount) for amount in amounts], minors)
    drawn = bars([f"{month:%b}" for month in months], minors, labels, most=most)
    return Series(name, drawn, Money(sum(minors), currency), amounts)


def ends_and_top(labels: Sequence[str], sizes: Sequence[int]) -> list[str]:
    """The labels of the highest bar and of the last one, "" at all others, so that none covers another."""
    top, last = max(sizes, default=0), len(sizes) - 1
    return [
        label if size and (place == last or (sizes.index(top) == place and (place < last - 1 or not sizes[-1]))) else ""
        for place, (label, size) in enumerate(zip(labels, sizes, strict=True))
    ]


def bars(names: Sequence[str], sizes: Sequence[int], labels: Sequence[str], *, most: int) -> list[Bar]:
    """Bars beside each other with their names beneath them; `most` is as high as the area."""
    step = WIDTH / max(len(names), 1)
    drawn = []
    for place, (name, size, label) in enumerate(zip(names, sizes, labels, strict=True)):
        height = round(HEIGHT * max(size, 0) / most, 1) if most else 0.0
        drawn.append(
            Bar(
                x=round(place * step + GAP / 2, 1),
                y=round(HEIGHT - height, 1),
                width=round(step - GAP, 1),
                height=height,
                middle=round(place * step + step / 2, 1),
                month=name,
                label=label,
                label_y=round(HEIGHT - height - 4, 1),
                is_last=place == len(names) - 1,
            )
        )
    return drawn


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
