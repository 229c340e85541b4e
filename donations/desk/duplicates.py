"""Supporters who may be one and the same: pairs with a score and the reasons in words, and what people decided.

Candidates are found through indexes from a window of supporters, never by comparing all with all: each pair is found
from its newer record. A person looks at each pair; nothing is merged by itself.
"""

import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from django.db import connection, transaction

from donations.desk import find
from donations.models import Donor, NotTheSame
from nonprofit import audit
from nonprofit.models import User

# Supporters looked at for one page, and pairs that one of them can bring.
WINDOW = 5000
MOST = 2000
# What speaks for one and the same; together they are the score, at most 99. Below LISTED nobody is asked.
MAILBOX, PHONE, STREET, ZIP = 70, 35, 30, 10
SAME_NAME, INITIAL, SLIP, FAMILY = 35, 20, 25, 10
LISTED = 45


@dataclass(frozen=True, slots=True)
class Pair:
    """Two supporters, the older record first; score: 45-99; reasons: in words, the strongest first."""

    older: Donor
    newer: Donor
    score: int
    reasons: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Page:
    """Pairs found from one window of supporters, the likeliest first. next_before: where the next window begins."""

    pairs: list[Pair]
    looked_at: int
    next_before: int | None


def page(before: int | None = None, window: int = WINDOW) -> Page:
    """Pairs whose newer record is among the `window` newest supporters before number `before`."""
    numbers = Donor.objects.current().order_by("-pk").values_list("pk", flat=True)
    if before is not None:
        numbers = numbers.filter(pk__lt=before)
    ids = list(numbers[:window])
    more = ids[-1] if len(ids) == window else None
    return Page(_pairs(ids, older_only=True), len(ids), more)


def of(donor: Donor) -> list[Pair]:
    """Pairs with this supporter."""
    return _pairs([donor.pk], older_only=False) if donor.merged_into_id is None else []


@transaction.atomic
def not_the_same(one_id: int, other_id: int, *, user: User) -> None:
    """The two were looked at and are two; they are not shown again. Safe twice."""
    first, second = sorted((one_id, other_id))
    judged, is_new = NotTheSame.objects.get_or_create(first_id=first, second_id=second, defaults={"decided_by": user})
    if is_new:
        audit.record(audit.staff(user), "not the same", judged.first, after={"other": second})


# Each finds (the id looked at, another's id) by an index; `looked` are the supporters of the window.
BY = {
    "phone": """SELECT l.id, o.id FROM looked AS l JOIN donations_donor AS o
        ON o.phone <> '' AND donations_digits(o.phone) = donations_digits(l.phone)
        WHERE l.phone <> '' AND length(donations_digits(l.phone)) >= 7""",
    "mailbox": """SELECT l.id, o.id FROM looked AS l JOIN donations_donor AS o
        ON o.email IS NOT NULL AND donations_mailbox(o.email) = donations_mailbox(l.email)
        WHERE l.email IS NOT NULL""",
    "further mailbox": """SELECT l.id, o.donor_id FROM looked AS l JOIN donations_donoremail AS o
        ON donations_mailbox(o.email) = donations_mailbox(l.email)
        WHERE l.email IS NOT NULL""",
    "street": """SELECT l.id, o.id FROM looked AS l JOIN donations_donor AS o
        ON o.address_line1 <> '' AND donations_street(o.address_line1) = donations_street(l.address_line1)
        AND left(o.postal_code, 5) = left(l.postal_code, 5)
        WHERE l.address_line1 <> '' AND l.postal_code <> ''""",
    "name": """SELECT l.id, term.donor_id FROM looked AS l JOIN donations_donorterm AS mine ON mine.donor_id = l.id
        JOIN donations_donorterm AS term ON term.term = mine.term
        WHERE l.postal_code <> '' AND mine.term > left(lower(l.postal_code), 5) || ' '
        AND mine.term < left(lower(l.postal_code), 5) || '!'""",
}


def _pairs(ids: Sequence[int], *, older_only: bool) -> list[Pair]:
    found: set[tuple[int, int]] = set()
    mailboxes: set[tuple[int, int]] = set()
    for name, sql in BY.items():
        asked = _ask(sql, ids, older_only=older_only)
        found |= asked
        if name.endswith("mailbox"):
            mailboxes |= asked
    found -= _judged(found)
    donors = Donor.objects.in_bulk({pk for pair in found for pk in pair})
    pairs = [_judge(donors[one], donors[other], (one, other) in mailboxes) for one, other in found]
    listed = [pair for pair in pairs if pair.score >= LISTED]
    return sorted(listed, key=lambda pair: (-pair.score, -pair.newer.pk, -pair.older.pk))


def _ask(sql: str, ids: Sequence[int], *, older_only: bool) -> set[tuple[int, int]]:
    """Pairs (older, newer) of supporters that are not merged. Bounded: a phone shared by hundreds says little."""
    query = f"""WITH looked AS MATERIALIZED (SELECT * FROM donations_donor WHERE id = ANY(%s)),
        alike (one, other) AS ({sql})
        SELECT DISTINCT least(one, other), greatest(one, other) FROM alike
        JOIN donations_donor AS them ON them.id = other AND them.merged_into_id IS NULL
        WHERE {"other < one" if older_only else "other <> one"} LIMIT {MOST}"""
    with connection.cursor() as cursor:
        cursor.execute(query, [list(ids)])
        return set(cursor.fetchall())


def _judged(pairs: Iterable[tuple[int, int]]) -> set[tuple[int, int]]:
    """Pairs that somebody found to be two."""
    ones = {one for one, _ in pairs}
    return set(NotTheSame.objects.filter(first_id__in=ones).values_list("first_id", "second_id"))


def _judge(older: Donor, newer: Donor, is_mailbox: bool) -> Pair:
    reasons = [(MAILBOX, "same e-mail in another spelling")] if is_mailbox else []
    phones = [_digits(donor.phone) for donor in (older, newer)]
    if phones[0] and phones[0] == phones[1]:
        reasons.append((PHONE, "same phone"))
    reasons += [reason for reason in (_names(older.name, newer.name), _place(older, newer)) if reason[0]]
    reasons.sort(key=lambda reason: -reason[0])
    return Pair(older, newer, min(99, sum(weight for weight, _ in reasons)), tuple(text for _, text in reasons))


def _digits(phone: str) -> str:
    return "".join(letter for letter in phone if letter.isdigit())[-10:]


def _place(older: Donor, newer: Donor) -> tuple[int, str]:
    codes = [donor.postal_code[:5] for donor in (older, newer)]
    if not codes[0] or codes[0] != codes[1]:
        return 0, ""
    streets = [_street(donor.address_line1) for donor in (older, newer)]
    if streets[0] and streets[0] == streets[1]:
        return STREET + ZIP, "same street and ZIP"
    return ZIP, "same ZIP"


def _street(line: str) -> str:
    """House number and the first word of the street: enough beside an equal ZIP code."""
    return " ".join(_words(line)[:2])


def _names(one: str, other: str) -> tuple[int, str]:
    """What two names have in common."""
    words = [_words(name) for name in (one, other)]
    if set(words[0]) == set(words[1]):
        return SAME_NAME, "same name"
    if find.distance("".join(words[0]), "".join(words[1])) == 1:
        return SLIP, "name one letter apart"
    if not words[0] or not words[1] or words[0][-1] != words[1][-1]:
        return 0, ""
    first = sorted((words[0][0], words[1][0]), key=len)
    if len(first[0]) == 1 and first[1].startswith(first[0]):
        return INITIAL, "same family name and initial"
    if set(words[0]) <= set(words[1]) or set(words[1]) <= set(words[0]):
        return INITIAL, "one name is part of the other"
    return FAMILY, "same family name"


FILLERS = {"and", "the", "of"}


def _words(text: str) -> list[str]:
    plain = "".join(
        letter for letter in unicodedata.normalize("NFKD", text.lower()) if not unicodedata.combining(letter)
    )
    spaced = "".join(" " if letter in ' ,;:/&+()"-_' else "" if letter in "'’.#" else letter for letter in plain)
    return [word for word in spaced.split() if word not in FILLERS]
