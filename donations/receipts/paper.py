"""Turns a snapshot into what the letter prints: text that any font can set, colours that can be read, lines that fit.

All of it could be said in the template too, but there it takes a third of the time of drawing the letter.
"""

import re
import unicodedata
from collections.abc import Mapping
from typing import Any

INK = "#1a1a1a"
WINDOW_LINES = 7
# What every "receipt-1" said; later snapshots bring their own words.
FIRST_WORDS = {"paper": "Receipt", "table": "Your gift", "heading": "For your tax records"}

# Widths in thousandths of the type size: no letter of the text face is wider, and other scripts are counted as wide.
_WIDTHS = {character: 650 for character in map(chr, range(0x21, 0x7F))} | dict.fromkeys("iljtf .,:;'()-", 400)
_WIDTHS |= dict.fromkeys("ABCDEGHKNOPQRTUVXYZ&w", 820) | dict.fromkeys("mMW@%", 1050)
_WIDEST = 1200
_MEASURE = 4.75 * 72 / 10.5 * 1000

_COLOR = re.compile(r"#[0-9a-fA-F]{6}")
_BREAKS = re.compile(r"[ \t]*(?:\r\n|[\n\r\x0b\x0c\x85\u2028\u2029])[ \t]*")
# "$120.00 − $30.00 = $90.00" stays on one line.
_SUM = re.compile(r"(?<=\d) ([−=]) (?=[$€£\d])")
_CONTROLS = re.compile(r"[\x00-\x09\x0b-\x1f\x7f-\x9f]")
# Overrides could make a printed amount or name read differently from the stored one; a byte order mark is no text.
_DIRECTION_OVERRIDES = re.compile(r"[\u202a-\u202e\u2066-\u2069\ufeff]")
# PDF/A-2a forbids private-use characters, UTF-8 half a surrogate pair, XMP metadata the noncharacters.
_WITHOUT_MEANING = re.compile(
    "[\ud800-\udfff\ue000-\uf8ff\ufdd0-\ufdef\ufffe\uffff\U000f0000-\U0010ffff"
    + "".join(f"{chr(plane << 16 | 0xFFFE)}{chr(plane << 16 | 0xFFFF)}" for plane in range(1, 15))
    + "]"
)
# Hebrew, Arabic and the scripts beside them, in both planes.
_RIGHT_TO_LEFT = re.compile("[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefe\U00010800-\U00010fff\U0001e800-\U0001efff]")
# Scripts written without spaces (Thai to Khmer, and East Asia) break lines by themselves.
_UNBROKEN = re.compile(
    r"[^\s\u0e00-\u109f\u1780-\u17ff\u2e80-\ud7ff\uf900-\ufaff\uff00-\uffef\U00020000-\U0003ffff]{40,}"
)


def letter(snapshot: Mapping[str, Any]) -> dict[str, Any]:
    """Everything the template prints. Raises KeyError, TypeError or ValueError when the snapshot lacks a fact."""
    who, donor, gift = (_lines(snapshot[part]) for part in ("organization", "donor", "gift"))
    has_own_words = "rows" in snapshot
    to = _lines(snapshot["recipient"]) if has_own_words else donor
    language, _, region = clean(snapshot["locale"]).partition("-")
    rows = (
        [(clean(label), clean(value)) for label, value in snapshot["rows"]]
        if has_own_words
        else _rows(who, donor, gift)
    )
    printed = {
        "language": language,
        "region": region or None,
        "number": clean(snapshot["number"]),
        "issued_on": clean(snapshot["issued_on"]),
        "organization": letterhead(snapshot["organization"]),
        **window(to),
        "amount": gift["amount"],
        "rows": [(label, value, fits(value)) for label, value in rows if value],
        "salutation": clipped(clean(snapshot["salutation"]), 160),
        "thanks": [*paragraphs(snapshot.get("replaces", {}).get("words", "")), *paragraphs(snapshot["thanks"])],
        "statements": [
            _SUM.sub("\u00a0\\1\u00a0", part)
            for statement in snapshot["statements"]
            for part in paragraphs(statement["text"])
        ],
    }
    words = snapshot if has_own_words else FIRST_WORDS | {"title": f"Receipt for your gift of {gift['amount']}"}
    return printed | {name: clean(words[name]) for name in ("paper", "title", "table", "heading")}


def letterhead(organization: Mapping[str, Any]) -> dict[str, Any]:
    """Who we are, with what the head of a letter says."""
    who = _lines(organization)
    return who | {
        "short_name": clipped(who["name"], 140),
        "contact": " · ".join(filter(None, [*who["address_lines"], who["phone"], who["email"], who["website"]])),
        "brand_color": legible(color(who["brand_color"])),
        "accent_color": color(who["accent_color"]),
    }


def window(recipient: Mapping[str, Any]) -> dict[str, Any]:
    """The lines of the envelope's window, and whether they surely fit."""
    to = _lines(recipient)
    address = _address([to["name"], *to["address_lines"]])
    # Fifty bytes fit at every size and in every script; the template measures what is longer.
    return {"address": address, "address_fits": all(len(line.encode()) <= 50 for line in address)}


def _lines(facts: Mapping[str, Any]) -> dict[str, Any]:
    """The same facts, each string clean."""
    return {
        name: [clean(line) for line in value] if isinstance(value, list) else clean(str(value))
        for name, value in facts.items()
    }


def _rows(who: dict[str, Any], donor: dict[str, Any], gift: dict[str, Any]) -> list[tuple[str, str]]:
    """What the table of facts says, label and value; a fact without a value has no row."""
    fee = f", of which {gift['covered_fee']} covers processing costs" if gift["covered_fee"] else ""
    return [
        ("Amount", gift["amount"] + fee),
        ("Date of gift", gift["gift_on"]),
        ("Given by", donor["name"]),
        ("Given to", ", EIN ".join(filter(None, [who["name"], who["ein"]]))),
        ("For", gift["fund"]),
        ("Frequency", gift["frequency"]),
        ("Paid by", gift["method"]),
        ("Dedication", gift["tribute"]),
    ]


def _address(lines: list[str]) -> list[str]:
    """At most as many lines as the window of an envelope has room for, the last ones joined, none lost."""
    shown = [line for line in lines if line]
    if len(shown) <= WINDOW_LINES:
        return shown
    return [*shown[: WINDOW_LINES - 1], ", ".join(shown[WINDOW_LINES - 1 :])]


# ---- Text -----------------------------------------------------------------------------------------------------------


def clean(words: str) -> str:
    """One line that every PDF standard and font can take."""
    return " ".join(paragraphs(words))


def paragraphs(words: str) -> list[str]:
    """The same for text that may have several lines."""
    if words.isascii() and words.isprintable():
        parts = [words]
    else:
        words = _CONTROLS.sub(" ", _BREAKS.sub("\n", words))
        words = _WITHOUT_MEANING.sub("\ufffd", _DIRECTION_OVERRIDES.sub("", words))
        parts = words.split("\n")
    return [_UNBROKEN.sub(_allow_breaks, part) if len(part) >= 40 else part for part in parts if part.strip()]


def _allow_breaks(run: re.Match[str]) -> str:
    """Zero-width spaces about every twenty characters, so that a word longer than the line stays on the paper."""
    pieces: list[str] = []
    for place, character in enumerate(run.group()):
        if place % 20 == 0 and place and not unicodedata.combining(character):
            pieces.append("\u200b")
        pieces.append(character)
    return "".join(pieces)


def clipped(words: str, most: int) -> str:
    """At most so many characters, never half of one that is composed of several."""
    if len(words) <= most:
        return words
    end = most - 1
    while end and (unicodedata.combining(words[end]) or words[end] in "\u200d\ufe0f" or words[end - 1] == "\u200d"):
        end -= 1
    return words[:end].rstrip() + "…"


def fits(words: str) -> bool:
    """Certainly one line of the table: the template then sets the row's height and need not lay it out to learn it."""
    return sum(_WIDTHS.get(character, _WIDEST) for character in words) <= _MEASURE


def directions(words: str) -> str:
    """ "both" when anything runs from right to left, which the template then looks for line by line."""
    return "both" if not words.isascii() and _RIGHT_TO_LEFT.search(words) else "left to right"


# ---- Colours --------------------------------------------------------------------------------------------------------


def color(text: str) -> str:
    """The colour, black if it is none."""
    return text if _COLOR.fullmatch(text) else INK


def legible(text: str) -> str:
    """The same hue, darkened until words in it can be read on white paper (WCAG 2.2, 1.4.3: 4.5 to 1)."""
    channels = [int(text[place : place + 2], 16) for place in (1, 3, 5)]
    while _contrast_on_white(channels) < 4.5:
        channels = [channel * 9 // 10 for channel in channels]
    return "#" + "".join(f"{channel:02x}" for channel in channels)


def _contrast_on_white(channels: list[int]) -> float:
    shares = [channel / 255 for channel in channels]
    red, green, blue = (
        share / 12.92 if share <= 0.04045 else float(((share + 0.055) / 1.055) ** 2.4) for share in shares
    )
    return 1.05 / (0.2126 * red + 0.7152 * green + 0.0722 * blue + 0.05)
