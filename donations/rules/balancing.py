"""Whether a batch agrees with the count and total made before it was typed; and where a difference may come from."""

from collections.abc import Sequence
from dataclasses import dataclass

MOST_HINTS = 4


@dataclass(frozen=True, slots=True)
class Item:
    """A row as the control totals see it. label: "row 7, Ana Silva, $25.00". is_finished: it counts."""

    position: int
    label: str
    amount_minor: int
    is_finished: bool


@dataclass(frozen=True, slots=True)
class Balance:
    """Finished rows against what was expected, in minor units. unfinished: positions of rows that do not count yet."""

    count: int
    expected_count: int
    total_minor: int
    expected_total_minor: int
    unfinished: tuple[int, ...]
    hints: tuple[str, ...]

    @property
    def count_difference(self) -> int:
        return self.count - self.expected_count

    @property
    def difference_minor(self) -> int:
        """Above zero: more was typed than expected."""
        return self.total_minor - self.expected_total_minor

    @property
    def is_balanced(self) -> bool:
        return not (self.count_difference or self.difference_minor or self.unfinished)


def balance(items: Sequence[Item], *, expected_count: int, expected_total_minor: int) -> Balance:
    """How the finished items stand against count and total."""
    finished = [item for item in items if item.is_finished]
    total = sum(item.amount_minor for item in finished)
    return Balance(
        count=len(finished),
        expected_count=expected_count,
        total_minor=total,
        expected_total_minor=expected_total_minor,
        unfinished=tuple(item.position for item in items if not item.is_finished),
        hints=_hints(items, total - expected_total_minor, len(finished) - expected_count),
    )


def _hints(items: Sequence[Item], difference: int, too_many: int) -> tuple[str, ...]:
    """What people who balance for a living look for first. Nothing while rows are still to come."""
    if not difference or (too_many < 0 and not _unfinished_is(items, difference)):
        return ()
    finished = [item for item in items if item.is_finished]
    found = [*_equal(items, difference), *_half(finished, difference), *_slid(finished, difference)]
    if difference % 9 == 0:
        swapped = _swapped(finished, difference)
        found += swapped or ["The difference divides by 9: in one amount two digits may be swapped."]
    return tuple(found[:MOST_HINTS])


def _unfinished_is(items: Sequence[Item], difference: int) -> bool:
    return any(not item.is_finished and item.amount_minor == -difference for item in items)


def _equal(items: Sequence[Item], difference: int) -> list[str]:
    """The difference is one row: typed twice, left unfinished, or its like is missing."""
    same = [item for item in items if item.amount_minor == abs(difference)]
    if difference < 0:
        open_ones = [f"The difference is {item.label}, which is not finished." for item in same if not item.is_finished]
        like = [f"The difference equals {item.label}: is a second one like it missing?" for item in same]
        return open_ones or like[:1]
    finished = [item for item in same if item.is_finished]
    if len(finished) > 1:
        rows = " and ".join(f"row {item.position}" for item in finished)
        return [f"The difference equals {finished[-1].label}: was it typed twice? {rows.capitalize()} are the same."]
    return [
        f"The difference equals {item.label}: was it typed twice, or does it belong to another batch?"
        for item in finished
    ]


def _half(items: Sequence[Item], difference: int) -> list[str]:
    """Half the difference is one row: the tape subtracted what should be added, or the other way round."""
    same = [item for item in items if item.amount_minor * 2 == abs(difference)]
    return [f"Half of the difference is {item.label}: was it put on the wrong side of the tape?" for item in same[:2]]


def _slid(items: Sequence[Item], difference: int) -> list[str]:
    """A decimal point one or two places off."""
    found = []
    for item in items:
        for factor in (10, 100):
            if item.amount_minor % factor == 0 and item.amount_minor - item.amount_minor // factor == difference:
                found.append(f"The point may be {_places(factor)} too far right in {item.label}.")
            elif item.amount_minor * factor - item.amount_minor == -difference:
                found.append(f"The point may be {_places(factor)} too far left in {item.label}.")
    return found[:2]


def _places(factor: int) -> str:
    return "one place" if factor == 10 else "two places"


def _swapped(items: Sequence[Item], difference: int) -> list[str]:
    """Rows that would put the difference right if two digits next to each other changed places."""
    return [
        f"Two digits may be swapped in {item.label}."
        for item in items
        if any(item.amount_minor - other == difference for other in _neighbours(item.amount_minor))
    ][:2]


def _neighbours(amount_minor: int) -> set[int]:
    digits = str(amount_minor)
    pairs = range(len(digits) - 1)
    return {int(digits[:at] + digits[at + 1] + digits[at] + digits[at + 2 :]) for at in pairs} - {amount_minor}
