"""The file read into staged rows, and what of them is here already. Nothing is booked."""

import json
from collections.abc import Iterator
from itertools import islice

from django.db import connection, transaction

from donations.desk.imports import people, read, rows, summary
from donations.models import GiftImport, ImportRow
from nonprofit import clock

# Rows of one transaction: the progress bar moves and nothing grows with the file.
CHUNK = 5_000
READY, DUPLICATE, ALIKE, FAULTY = (ImportRow.State(one) for one in ("ready", "duplicate", "alike", "faulty"))
COLUMNS = (
    *("gift_import_id", "line", "state", "external_id", "has_own_id", "former_id", "email"),
    *("amount_minor", "currency", "gift_on", "facts", "faults"),
)

COPY = f"COPY donations_importrow ({', '.join(COLUMNS)}) FROM STDIN"


def run(gift_import: GiftImport) -> None:
    """The rows of the file are staged, and the summary says what applying them would do.

    Starts from the beginning whenever it is called: safe twice and after a kill. Raises read.Unreadable.
    """
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM donations_importrow WHERE gift_import_id = %s", [gift_import.pk])
    reader = rows.Reader.of(gift_import)
    for done in _stage(gift_import, reader):
        GiftImport.objects.filter(pk=gift_import.pk).update(done=done, changed_at=clock.now())
    with transaction.atomic():
        _name_rows(gift_import.pk)
        find_duplicates(gift_import)
        counts = people.find(gift_import, [READY])
        _find_alike(gift_import)
        found = summary.of(gift_import, counts, reader.notices)
        GiftImport.objects.filter(pk=gift_import.pk).update(
            state=GiftImport.State.CHECKED, summary=found, trouble="", changed_at=clock.now()
        )


def _stage(gift_import: GiftImport, reader: rows.Reader) -> Iterator[int]:
    """COPY the rows chunk by chunk; after each, how many are done."""
    lines = read.stored_rows(gift_import.file_id, gift_import.encoding, gift_import.delimiter)
    next(lines, None)
    done = 0
    # A chunk is read before it is written: the file comes over the same connection.
    while chunk := [_staged(gift_import.pk, reader.read(line, cells)) for line, cells in islice(lines, CHUNK)]:
        with connection.cursor() as cursor, cursor.copy(COPY) as copy:
            for staged in chunk:
                copy.write_row(staged)
        done += len(chunk)
        yield done


def _staged(pk: int, row: rows.Row) -> tuple[object, ...]:
    if row.faults:
        faults = json.dumps(row.faults, ensure_ascii=False)
        return (pk, row.line, FAULTY.value, "", True, "", "", None, "", None, "{}", faults)
    return (
        *(pk, row.line, READY.value, row.external_id, row.has_own_id, row.former_id, row.email),
        *(row.amount_minor, row.currency, row.gift_on, json.dumps(row.facts, ensure_ascii=False), "[]"),
    )


# Rows that are the same to the letter and have no id of their own are as many gifts: the second is called "…-2".
_SAME_ROWS = """
UPDATE donations_importrow r SET external_id = r.external_id || '-' || n.n FROM (
    SELECT id, row_number() OVER (PARTITION BY external_id ORDER BY line) AS n
    FROM donations_importrow WHERE gift_import_id = %s AND state = 'ready' AND NOT has_own_id
) n WHERE n.id = r.id AND n.n > 1
"""
_SAME_IDS = """
UPDATE donations_importrow r SET state = 'faulty', faults = jsonb_build_array(jsonb_build_object(
    'column', %s::text, 'text', 'Row ' || n.first || ' has the same id: a gift comes in once.',
    'kind', 'An earlier row has the same id: a gift comes in once.', 'value', left(r.external_id, 60)
)) FROM (
    SELECT id, line, min(line) OVER (PARTITION BY external_id) AS first
    FROM donations_importrow WHERE gift_import_id = %s AND state = 'ready' AND has_own_id
) n WHERE n.id = r.id AND n.line > n.first
"""
_DUPLICATES = """
UPDATE donations_importrow r SET state = 'duplicate', twin_id = o.gift_id FROM donations_giftorigin o
WHERE r.gift_import_id = %s AND r.state IN ('ready', 'alike') AND o.source = %s AND o.external_id = r.external_id
"""
# A platform's own id tells its gifts apart, so a row with one is not compared with that platform's other gifts.
_ALIKE = """
UPDATE donations_importrow r SET state = 'alike', twin_id = found.gift_id FROM (
    SELECT p.line, min(g.id) AS gift_id FROM import_people p
    JOIN donations_importrow r ON r.gift_import_id = %(id)s AND r.line = p.line
    JOIN donations_gift g ON g.donor_id = p.donor_id AND g.gift_on = r.gift_on
        AND g.amount_minor = r.amount_minor AND g.currency = r.currency AND g.status = 'settled'
    LEFT JOIN donations_giftorigin o ON o.gift_id = g.id AND o.source = %(source)s
    WHERE p.donor_id IS NOT NULL AND (o.id IS NULL OR NOT r.has_own_id)
    GROUP BY p.line
) found WHERE r.gift_import_id = %(id)s AND r.line = found.line
"""


def _name_rows(pk: int) -> None:
    column = GiftImport.objects.values_list("columns", flat=True).get(pk=pk).get("external_id", "")
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE donations_importrow")
        cursor.execute(_SAME_ROWS, [pk])
        cursor.execute(_SAME_IDS, [column, pk])


def find_duplicates(gift_import: GiftImport) -> int:
    """Rows whose gift this source has given us before are marked; how many now were."""
    with connection.cursor() as cursor:
        cursor.execute(_DUPLICATES, [gift_import.pk, gift_import.source])
        return int(cursor.rowcount)


def _find_alike(gift_import: GiftImport) -> None:
    """Rows like a gift already here (same supporter, date and amount) are marked; a person decides."""
    with connection.cursor() as cursor:
        cursor.execute(_ALIKE, {"id": gift_import.pk, "source": gift_import.source})
