"""The code on a reply slip: whose slip it is and which campaign it answers, with a check character."""

import re
from dataclasses import dataclass

ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
SHAPE = re.compile(r"^D(\d{1,12})-([0-9A-Z]+(?:-[0-9A-Z]+)*)-([0-9A-Z])$")


@dataclass(frozen=True, slots=True)
class SlipCode:
    """donor_id: 0 on a slip that anybody may fill in. campaign: the campaign's code in the books, like "YE26"."""

    donor_id: int
    campaign: str

    def __str__(self) -> str:
        words = f"D{self.donor_id}-{self.campaign.upper()}"
        return f"{words}-{_check(words)}"


def read(text: str) -> SlipCode | None:
    """The code that was scanned or typed, in any case, with spaces for hyphens; None when it is none or mistyped."""
    found = SHAPE.match("-".join(re.split(r"[\s\-]+", text.strip().upper())))
    if found is None or _check(f"D{found[1]}-{found[2]}") != found[3]:
        return None
    return SlipCode(int(found[1]), found[2])


def _check(words: str) -> str:
    """ISO/IEC 7064 MOD 37,36: every single wrong character and nearly every swap of two is found."""
    rest = 36
    for character in words.replace("-", ""):
        rest = ((rest + ALPHABET.index(character)) % 36 or 36) * 2 % 37
    return ALPHABET[(37 - rest) % 36]
