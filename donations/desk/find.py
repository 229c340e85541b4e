"""Finding a supporter while somebody types: by name, e-mail, phone, postcode, and numbers old and new.

Only reads. Each step is a few ranges of an index and bounded, so that 300,000 supporters answer like 3,000: first what
was typed as a number, then the words of names as they begin, and only when too few fit, words one slip away. The
tables behind it are kept by triggers (see the migration that makes `donations_donorterm`).
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice, product

from django.db import connection

from donations.models import Donor

PUBLIC_ID = re.compile(r"^D-?0*(\d{1,15})$", re.IGNORECASE)
PHONE = re.compile(r"^[\d\s().+/-]+$")
ZIP_AND_FOUR = re.compile(r"\b(\d{5})-\d{4}\b")
LONGEST = 100
WORDS = 4
# Rows looked at for two words that are both unfinished ("mar smi"); the next letter typed makes it exact.
LOOKED_AT = 2000
# Sorts behind every continuation of a prefix, and behind the word itself with others after it.
ANY, WORD = "\U0010ffff", "!"
# Shorter words have too many neighbours one slip away.
TYPO_FROM = 4
NEAR = 5


@dataclass(frozen=True, slots=True)
class Match:
    """A supporter that fits what was typed. kind: of Donor.Kind.

    detail: city and state, e-mail or phone, to tell namesakes apart.
    """

    donor_id: int
    public_id: str
    name: str
    detail: str
    kind: str


def find(text: str, limit: int = 8) -> list[Match]:
    """At most `limit` supporters that fit `text`, the best first; whoever was merged is found as who they became."""
    text = ZIP_AND_FOUR.sub(r"\1", " ".join(text.replace("\x00", "").split())[:LONGEST])
    if not text or limit < 1:
        return []
    found: dict[int, Donor] = {}
    for ids in _steps(text, limit):
        for donor in current(ids):
            found.setdefault(donor.pk, donor)
        if len(found) >= limit:
            break
    return [_match(donor) for donor in islice(found.values(), limit)]


def current(ids: Sequence[int]) -> list[Donor]:
    """The supporters with these numbers in their order, each as who they have become by merges, once."""
    if not ids:
        return []
    wanted = list(dict.fromkeys(ids))
    donors: dict[int, Donor] = {}
    missing = set(wanted)
    while missing:
        rows = Donor.objects.in_bulk(missing)
        donors |= rows
        missing = {row.merged_into_id for row in rows.values() if row.merged_into_id} - donors.keys()
    became: dict[int, Donor] = {}
    for pk in wanted:
        donor = donors.get(pk)
        while donor is not None and donor.merged_into_id:
            donor = donors[donor.merged_into_id]
        if donor is not None:
            became.setdefault(donor.pk, donor)
    return list(became.values())


def _steps(text: str, limit: int) -> Iterator[list[int]]:
    """Ids that fit, in ever wider circles; each is asked only when those before were too few."""
    # A name has a few rows among the terms: one for each other word.
    rows = limit * 4
    if number := PUBLIC_ID.match(text):
        yield [int(number[1])]
    yield _by_former_id(text, limit)
    if "@" in text:
        yield _by_email(text, rows)
        return
    if PHONE.match(text):
        yield _by_phone(text, rows)
    words = _words(text)
    if words:
        yield _by_prefix(words, rows)
        if len(words) > 1:
            yield _by_unfinished(words, rows)
    if len(text) > 2:
        yield _by_email(text, rows)
        yield _by_payer(text, rows)
    if any(len(word) >= TYPO_FROM for word in words):
        yield _by_typo(words, rows)


def _ids(sql: str, values: Sequence[str | int | list[str]]) -> list[int]:
    with connection.cursor() as cursor:
        cursor.execute(sql, values)
        return [pk for (pk,) in cursor.fetchall()]


def _words(text: str) -> list[str]:
    """The words as the terms hold them; a word with digits, like a ZIP code, goes last."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT donations_words(%s)", [text])
        words: list[str] = cursor.fetchone()[0]
    return sorted(words, key=lambda word: any(letter.isdigit() for letter in word))[:WORDS]


def _by_former_id(text: str, rows: int) -> list[int]:
    sql = "SELECT donor_id FROM donations_formerid WHERE value IN (%s, %s, %s) LIMIT %s"
    return _ids(sql, [text, text.upper(), text.lower(), rows])


def _by_email(text: str, rows: int) -> list[int]:
    prefix = _like(text.lower())
    return _ids(
        """(SELECT id FROM donations_donor WHERE email LIKE %s ORDER BY email USING ~<~ LIMIT %s)
        UNION ALL (SELECT donor_id FROM donations_donoremail WHERE email LIKE %s ORDER BY email USING ~<~ LIMIT %s)""",
        [prefix, rows, prefix, rows],
    )


def _by_phone(text: str, rows: int) -> list[int]:
    """By the first digits, or the last four and more; a country's 1 before ten digits does not matter."""
    digits = re.sub(r"\D", "", text)[-10:]
    if len(digits) < 3:
        return []
    ends = [digits[::-1] + "%"] if len(digits) > 3 else []
    sql = "SELECT id FROM donations_donor WHERE phone <> '' AND {} LIKE %s LIMIT %s"
    found = _ids(sql.format("donations_digits(phone)"), [digits + "%", rows])
    for end in ends:
        found += _ids(sql.format("reverse(donations_digits(phone))"), [end, rows])
    return found


def _by_payer(text: str, rows: int) -> list[int]:
    """Whose check had this printed on it."""
    return _ids(
        """SELECT donor_id FROM donations_giftdetail JOIN donations_gift ON donations_gift.id = gift_id
        WHERE payer_name <> '' AND upper(payer_name) LIKE %s LIMIT %s""",
        [_like(text.upper()), rows],
    )


def _by_prefix(words: list[str], rows: int) -> list[int]:
    """One word as it begins; or two of which one is whole, in either order, with the other words beside them."""
    if len(words) == 1:
        return _in_ranges([(words[0], words[0] + ANY)], [], rows)
    first, last = words[0], words[-1]
    pairs = [f"{first} {last}", f"{last} {first}"]
    return _in_ranges([(pair, pair + ANY) for pair in pairs], words[1:-1], rows)


def _in_ranges(ranges: Iterable[tuple[str, str]], others: list[str], rows: int) -> list[int]:
    """Supporters with a term in one of the ranges, the earlier ranges first, and every other word as a prefix."""
    lows, highs = zip(*ranges, strict=True)
    beside, values = _beside("term", others)
    return _ids(
        f"""SELECT donor_id FROM unnest(%s::text[], %s::text[]) WITH ORDINALITY AS range (low, high, place),
        LATERAL (
            SELECT donor_id, term FROM donations_donorterm AS term
            WHERE term.term >= range.low AND term.term < range.high {beside} ORDER BY term.term, donor_id LIMIT %s
        ) AS found ORDER BY place, term, donor_id LIMIT %s""",
        [list(lows), list(highs), *values, rows, rows],
    )


def _by_unfinished(words: list[str], rows: int) -> list[int]:
    """Every word as the beginning of one, looked for along the one that fewest share."""
    along, *others = sorted(words, key=lambda word: (not word[0].isdigit(), -len(word)))
    beside, values = _beside("looked_at", others)
    return _ids(
        f"""SELECT donor_id FROM (
            SELECT DISTINCT donor_id FROM (
                SELECT donor_id FROM donations_donorterm WHERE term >= %s AND term < %s LIMIT %s
            ) AS along
        ) AS looked_at WHERE true {beside} LIMIT %s""",
        [along, along + ANY, LOOKED_AT, *values, rows],
    )


def _beside(rows: str, words: list[str]) -> tuple[str, list[str]]:
    sql = f""" AND EXISTS (
        SELECT 1 FROM donations_donorterm AS other
        WHERE other.donor_id = {rows}.donor_id AND other.term >= %s AND other.term < %s
    )"""
    return sql * len(words), [value for word in words for value in (word, word + ANY)]


def _by_typo(words: list[str], rows: int) -> list[int]:
    """The same with words one slip away: a letter too many, too few, another one, or two that changed places."""
    longest = sorted(words, key=len, reverse=True)[:2]
    near = {word: _near(word) for word in longest if len(word) >= TYPO_FROM and word.isalpha()}
    ranges: dict[tuple[str, str], None] = {}
    if len(longest) == 1:
        ranges = {(word, word + WORD): None for word in near.get(longest[0], [])}
    for one, other in (longest, longest[::-1]) if len(longest) == 2 else ():
        # The word that is put right is a whole one and stands first; the other may be put right too, or go on.
        for right, beside in product(near.get(one, []), [other, *near.get(other, [])]):
            ranges[f"{right} {beside}", f"{right} {beside}{ANY}"] = None
    return _in_ranges(ranges, [], rows) if ranges else []


def _near(word: str) -> list[str]:
    """Known words a slip away, the likeliest first. They share a beginning with one letter left out."""
    sql = """SELECT DISTINCT word, similarity(word, %s) AS likeness FROM donations_nameword
        WHERE donations_word_keys(word, '{3,4,5,6}') && donations_word_keys(%s, ARRAY[6])
        ORDER BY likeness DESC, word LIMIT 40"""
    with connection.cursor() as cursor:
        cursor.execute(sql, [word, word])
        known = [one for one, _ in cursor.fetchall() if one != word]
    slips = 1 if len(word) < 8 else 2
    told = [(min(distance(word, one), distance(word, one[: len(word)]) + 1), one) for one in known]
    return [one for apart, one in sorted(told, key=lambda pair: pair[0]) if apart <= slips + 1][:NEAR]


def distance(one: str, other: str) -> int:
    """How many slips lead from one word to the other; two letters that changed places are one slip."""
    before: list[int] = []
    row = list(range(len(other) + 1))
    for i, letter in enumerate(one, 1):
        before, last, row = row, before, [i]
        for j, its in enumerate(other, 1):
            cost = min(before[j] + 1, row[j - 1] + 1, before[j - 1] + (letter != its))
            if i > 1 and j > 1 and letter == other[j - 2] and its == one[i - 2]:
                cost = min(cost, last[j - 2] + 1)
            row.append(cost)
    return row[-1]


def _like(text: str) -> str:
    return re.sub(r"([\\%_])", r"\\\1", text) + "%"


def _match(donor: Donor) -> Match:
    place = ", ".join(part for part in (donor.city, donor.region) if part)
    parts = [part for part in (place, donor.email or donor.phone) if part]
    return Match(donor.pk, donor.public_id, donor.name, " · ".join(parts), donor.kind)
