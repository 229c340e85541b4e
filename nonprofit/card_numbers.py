"""Card numbers that somebody typed into a field of words: found, refused, and taken out before anything keeps them.

PCI DSS 4.0.1, requirement 3: what is never stored needs no protection. The card belongs in Stripe's own field only.
"""

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

from django import forms
from django.core.exceptions import ValidationError

# What stands where a card number was typed (see middleware.no_card_numbers); a field with it is refused, too.
TAKEN_OUT = "[card number]"
SENTENCE = "This looks like a card number. We must not keep it: please take it out."

# ISO/IEC 7812: first digits that issuers hold, and how long their numbers are. Without them one number of thirteen or
# more digits in ten would pass the checksum: grant references, phone numbers with country codes, two check numbers.
ISSUERS: tuple[tuple[range, frozenset[int]], ...] = (
    (range(4_0000, 5_0000), frozenset({13, 16, 19})),  # Visa
    (range(5_1000, 5_6000), frozenset({16})),  # Mastercard
    (range(2_2210, 2_7210), frozenset({16})),  # Mastercard, second series
    (range(3_4000, 3_5000), frozenset({15})),  # American Express
    (range(3_7000, 3_8000), frozenset({15})),
    (range(6_0110, 6_0120), frozenset({16, 19})),  # Discover
    (range(6_4400, 6_6000), frozenset({16, 19})),
    (range(6_2000, 6_3000), frozenset({16, 17, 18, 19})),  # UnionPay
    (range(8_1000, 8_2000), frozenset({16, 17, 18, 19})),
    (range(3_0000, 3_0600), frozenset({14, 16})),  # Diners Club
    (range(3_0950, 3_0960), frozenset({14, 16})),
    (range(3_6000, 3_7000), frozenset({14, 16})),
    (range(3_8000, 4_0000), frozenset({14, 16})),
    (range(3_5280, 3_5900), frozenset({16, 17, 18, 19})),  # JCB
    (range(5_0000, 5_1000), frozenset({16, 18, 19})),  # Maestro, Verve, Elo
    (range(5_6000, 5_9000), frozenset({16, 18, 19})),
    (range(6_3040, 6_3050), frozenset({16, 18, 19})),
    (range(6_7000, 6_8000), frozenset({16, 18, 19})),
    (range(6_0000, 6_0110), frozenset({16})),  # RuPay
    (range(2_2000, 2_2050), frozenset({16})),  # Mir
    (range(9_7920, 9_7930), frozenset({16})),  # Troy
)
SHORTEST = 13
# Groups of an American Express and a Diners Club card, as embossed.
EMBOSSED = {(4, 6, 5), (4, 6, 4)}
# Thirteen digits with at most three other characters (no letters) between them: everything else is let go at once.
RUN = re.compile(r"(?:\d[\W_]{0,3}){12,}\d")


@dataclass(frozen=True, slots=True)
class _Digit:
    value: int
    at: int  # where it stands in the text
    starts_group: bool
    ends_group: bool


def find(text: str) -> bool:
    """Whether `text` holds digits that are a card's: an issuer's first digits, its length, and the Luhn checksum.

    Digits of any script, together or in the groups people write them in. An issuer's number that passes the checksum by
    chance is refused as well: of random numbers of sixteen digits one in twenty-five.
    """
    return next(_places(text), None) is not None


def without(text: str) -> str:
    """The text with TAKEN_OUT in place of every card number."""
    kept, end = [], 0
    for start, after in _places(text):
        kept += [text[end:start], TAKEN_OUT]
        end = after
    return "".join([*kept, text[end:]])


def refuse(value: object) -> None:
    """Validator for every field of words that a person types. Raises ValidationError; the value is not in its text."""
    if isinstance(value, str) and (TAKEN_OUT in value or find(value)):
        raise ValidationError(SENTENCE, code="card_number")


def guard(field: forms.Field) -> None:
    """The form field refuses card numbers. Choices and numbers cannot hold one; safe twice."""
    if isinstance(field, forms.CharField) and refuse not in field.validators:
        field.validators.append(refuse)


class Guarded(forms.BaseForm):
    """A form of which every field of words refuses card numbers: `class NoteForm(card_numbers.Guarded, forms.Form)`."""

    def full_clean(self) -> None:
        # Here and not when the form is made: some fields are added then.
        for field in self.fields.values():
            guard(field)
        super().full_clean()


def unguarded(packages: tuple[str, ...]) -> list[str]:
    """Fields of words in forms of these packages that would take a card number, as "module.Form.field"."""
    ours = [
        form
        for form in below(forms.BaseForm)
        if form.__module__.split(".")[0] in packages and not issubclass(form, Guarded)
    ]
    return sorted(
        f"{form.__module__}.{form.__qualname__}.{name}"
        for form in ours
        for name, field in getattr(form, "base_fields", {}).items()
        if isinstance(field, forms.CharField) and not _is_safe(field)
    )


def below(parent: type) -> set[Any]:
    """Every class that inherits from it, however far down, as far as their modules are imported."""
    found: set[Any] = set()
    waiting = [parent]
    while waiting:
        new: set[Any] = set(waiting.pop().__subclasses__()) - found
        found |= new
        waiting += new
    return found


def _is_safe(field: forms.CharField) -> bool:
    is_words = not isinstance(field, forms.UUIDField) and (field.max_length or SHORTEST) >= SHORTEST
    return not is_words or refuse in field.validators


def _places(text: str) -> Iterator[tuple[int, int]]:
    """Where each card number starts and ends."""
    plain = text if text.isascii() else "".join(map(_plain, text))
    for run in RUN.finditer(plain):
        digits = _digits(plain, run.start(), run.end())
        # "+49 151 …": a telephone number with its country code has fifteen digits at most (ITU-T E.164).
        if run.start() and plain[run.start() - 1] == "+" and len(digits) <= 15:
            continue
        first = 0
        while first <= len(digits) - SHORTEST:
            if window := _card_at(digits, first):
                yield window[0].at, window[-1].at + 1
            first += len(window) or 1


def _card_at(digits: list[_Digit], first: int) -> list[_Digit]:
    """The digits of the card that starts there; none if none does."""
    lengths = _lengths("".join(str(digit.value) for digit in digits[first : first + 5]))
    for length in sorted(lengths, reverse=True):
        window = digits[first : first + length]
        if len(window) == length and _is_written_so(window) and _luhn([digit.value for digit in window]):
            return window
    return []


@cache
def _lengths(start: str) -> frozenset[int]:
    """How long a card with these first five digits can be."""
    return frozenset().union(*(lengths for issued, lengths in ISSUERS if int(start) in issued))


def _plain(character: str) -> str:
    """One character for one: a digit of any script as 0-9, what cannot be seen as a space, the rest as it is."""
    if character.isascii():
        return character
    value = unicodedata.digit(character, None)
    if value is not None:
        return str(value)
    return " " if unicodedata.category(character) in ("Cf", "Mn") else character


def _digits(plain: str, start: int, end: int) -> list[_Digit]:
    def is_digit(at: int) -> bool:
        return start <= at < end and plain[at].isdigit()

    return [
        _Digit(int(plain[at]), at, not is_digit(at - 1), not is_digit(at + 1))
        for at in range(start, end)
        if is_digit(at)
    ]


def _luhn(values: list[int]) -> bool:
    doubled = [v if place % 2 == 0 else sum(divmod(v * 2, 10)) for place, v in enumerate(reversed(values))]
    return sum(doubled) % 10 == 0


def _is_written_so(window: list[_Digit]) -> bool:
    """Whether people write cards in such groups: even ones, or long ones; 207-555-0142 and 12/24/2026 are others.

    It begins where a group begins. What sticks to its end without a space may be the security code or the date.
    """
    sizes: list[int] = []
    for digit in window:
        if digit.starts_group or not sizes:
            sizes.append(0)
        sizes[-1] += 1
    starts, ends = window[0].starts_group, window[-1].ends_group
    if len(sizes) == 1:
        # Within a longer number only the lengths in use today: more would be found by chance.
        return (starts and ends) or (len(window) in (15, 16) and (starts or ends))
    is_even = len(set(sizes[:-1])) == 1 and sizes[-1] <= sizes[0] + 1
    return starts and (is_even or min(sizes) >= 4 or tuple(sizes) in EMBOSSED)
