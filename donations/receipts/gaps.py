"""The report that explains every number of the receipt books, and the check that nobody changed or slipped in a paper.

US law asks for no numbers; we promise them without a gap, so somebody has to look (receipts.md 2.2, 1).
"""

import logging
from dataclasses import dataclass

from django.db import connection, transaction

from donations.models import Difference, Month, Receipt, ReceiptBook
from donations.rules import chain
from nonprofit import clock

logger = logging.getLogger(__name__)

# Told one by one up to here; a table that lost more is for a person and not for a list.
MOST = 200
_AT_ONCE = 2000

_STATES = """
SELECT book.series, book.year, book.last_number,
    count(r.id) FILTER (WHERE void.id IS NULL AND pdf.id IS NOT NULL),
    count(r.id) FILTER (WHERE void.id IS NULL AND pdf.id IS NULL),
    count(r.id) FILTER (WHERE void.id IS NOT NULL AND later.id IS NULL),
    count(r.id) FILTER (WHERE void.id IS NOT NULL AND later.id IS NOT NULL),
    count(r.id) FILTER (WHERE r.sequence > book.last_number OR r.sequence < 1)
FROM donations_receiptbook book
LEFT JOIN donations_receipt r ON r.series = book.series AND r.year = book.year
LEFT JOIN donations_receiptvoid void ON void.receipt_id = r.id
LEFT JOIN donations_receiptpdf pdf ON pdf.receipt_id = r.id
LEFT JOIN donations_receipt later ON later.replaces_id = r.id
GROUP BY book.id ORDER BY book.year DESC, book.series
"""
_MISSING = """
SELECT n FROM generate_series(1, %s) n WHERE NOT EXISTS (
    SELECT 1 FROM donations_receipt r WHERE r.series = %s AND r.year = %s AND r.sequence = n)
ORDER BY n LIMIT %s
"""


@dataclass(frozen=True, slots=True)
class Book:
    """A series and year: how many of its numbers are what. beyond: papers whose number was never given out."""

    series: str
    year: int
    last: int
    issued: int
    draft: int
    void: int
    replaced: int
    beyond: int
    missing: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        return f"{self.series}-{self.year}"

    @property
    def is_whole(self) -> bool:
        """Whether every number up to the last is a paper, and no paper has another number."""
        return not self.missing and not self.beyond


@dataclass(frozen=True, slots=True)
class Broken:
    """The first number at which the chain of a book does not hold, and what is wrong there."""

    number: str
    why: str


def books() -> list[Book]:
    """Every book, the newest first: each of its numbers is issued, being made, void, replaced, or missing."""
    with connection.cursor() as cursor:
        cursor.execute(_STATES)
        rows = cursor.fetchall()
    found = [Book(*row) for row in rows]
    return [_with_missing(book) for book in found]


def _with_missing(book: Book) -> Book:
    there = book.issued + book.draft + book.void + book.replaced - book.beyond
    if there == book.last:
        return book
    with connection.cursor() as cursor:
        cursor.execute(_MISSING, [book.last, book.series, book.year, MOST])
        numbers = tuple(f"{book.name}-{number:06d}" for (number,) in cursor.fetchall())
    counts = (book.last, book.issued, book.draft, book.void, book.replaced, book.beyond)
    return Book(book.series, book.year, *counts, numbers)


def check_chain(series: str, year: int) -> Broken | None:
    """The chain of a book, computed anew from what is stored; None when it holds to its end.

    Reads the papers in pieces, so a year of any size costs no memory. A number that is missing breaks it, too. What is
    numbered meanwhile is not looked at: a paper and its book's end are written together.
    """
    book = ReceiptBook.objects.filter(series=series, year=year).first()
    if book is None:
        return None
    last, expected = "", 1
    papers = Receipt.objects.filter(series=series, year=year, sequence__lte=book.last_number).order_by("sequence")
    for row in papers.values_list("sequence", "number", "snapshot", "code", "chain").iterator(chunk_size=_AT_ONCE):
        sequence, number, snapshot, code, stored = row
        if sequence != expected:
            return Broken(f"{series}-{year}-{expected:06d}", "no paper has this number")
        last = chain.link(last, snapshot)
        if snapshot.get("number") != number:
            return Broken(number, "it prints another number")
        if code != chain.code(snapshot):
            return Broken(number, "its facts are not those its code was made of")
        if stored != last:
            return Broken(number, "it does not follow from the number before it")
        expected = sequence + 1
    if (book.last_number, book.last_chain) != (expected - 1, last):
        return Broken(f"{series}-{year}-{expected:06d}", "the book ends elsewhere than its last paper")
    return None


def look() -> int:
    """What no number explains stands among the differences that stop a month from closing; how many stand there.

    Looks at the numbers of every book. What was put right meanwhile is marked as gone. Safe twice and at once.
    """
    found: dict[str, str] = {}
    for book in books():
        found |= {f"number:{number}": f"no paper has the number {number}" for number in book.missing}
        if book.beyond:
            found[f"beyond:{book.name}:{book.beyond}"] = (
                f"{book.beyond} papers of {book.name} have numbers that were never given out"
            )
    return _write_down(found, ("number:", "beyond:"))


def look_at_chains() -> int:
    """The same for the chain of every book: the first number at which each does not hold."""
    found: dict[str, str] = {}
    for series, year in ReceiptBook.objects.values_list("series", "year").order_by("year", "series"):
        if broken := check_chain(series, year):
            # Its place and fault are in the name: one that was explained must not hide another.
            found[f"chain:{broken.number}:{broken.why}"] = (
                f"the chain of {series}-{year} breaks at {broken.number}: {broken.why}"
            )
    return _write_down(found, ("chain:",))


@transaction.atomic(durable=True)
def _write_down(found: dict[str, str], prefixes: tuple[str, ...]) -> int:
    known = Difference.objects.filter(kind=Difference.Kind.NUMBER_UNEXPLAINED)
    for prefix in prefixes:
        gone = known.filter(key__startswith=prefix, gone_at__isnull=True, explanation="").exclude(key__in=found)
        gone.update(gone_at=clock.now())
    for key, about in found.items():
        difference, is_new = Difference.objects.get_or_create(
            key=key,
            defaults={
                "kind": Difference.Kind.NUMBER_UNEXPLAINED,
                "about": about[:300],
                "day": Month.objects.first_open(clock.today()),
            },
        )
        if not is_new:
            Difference.objects.filter(pk=difference.pk).update(gone_at=None, about=about[:300])
        else:
            # The alarm: whoever watches the log hears of it, and finance's desk shows it.
            logger.error("receipt number unexplained", extra={"difference": key})
    return len(found)
