"""What the preview says of a checked file: counts, totals by month and currency, faults by kind."""

from collections import Counter
from typing import Any

from django.db import connection

from donations.desk.imports.people import Counts
from donations.models import GiftImport

KINDS_OF_FAULTS = 50
NOTICES = 50
_BY_STATE = """
SELECT state, count(*), coalesce(sum(amount_minor), 0) FROM donations_importrow WHERE gift_import_id = %s GROUP BY state
"""
_BY_MONTH = """
SELECT to_char(gift_on, 'YYYY-MM') AS month, currency, count(*), sum(amount_minor)
FROM donations_importrow WHERE gift_import_id = %s AND state = 'ready' GROUP BY 1, 2 ORDER BY 1, 2
"""
_FAULTS = """
SELECT fault->>'column', coalesce(fault->>'kind', fault->>'text'), count(*), min(line)
FROM donations_importrow, jsonb_array_elements(faults) AS fault
WHERE gift_import_id = %s AND state = 'faulty' GROUP BY 1, 2 ORDER BY 3 DESC, 4 LIMIT %s
"""


def of(gift_import: GiftImport, people: Counts, notices: Counter[tuple[str, str]]) -> dict[str, Any]:
    """The summary of staged rows, as JSON can hold it. Amounts are minor units; months: [month, currency, count, sum].

    people: supporters of the rows that are ready, lookalikes included.
    """
    with connection.cursor() as cursor:
        cursor.execute(_BY_STATE, [gift_import.pk])
        states = {state: int(count) for state, count, _ in cursor.fetchall()}
        cursor.execute(_BY_MONTH, [gift_import.pk])
        months = [[month, currency, int(count), int(total)] for month, currency, count, total in cursor.fetchall()]
        cursor.execute(_FAULTS, [gift_import.pk, KINDS_OF_FAULTS])
        faults = [[column, text, int(count), int(line)] for column, text, count, line in cursor.fetchall()]
    totals: dict[str, list[int]] = {}
    for _, currency, count, total in months:
        so_far = totals.setdefault(currency, [0, 0])
        so_far[0] += count
        so_far[1] += total
    return {
        "rows": sum(states.values()),
        "states": states,
        "months": months,
        "totals": totals,
        "faults": faults,
        "known": people.known,
        "new": people.new,
        "notices": [[code, value, count] for (code, value), count in notices.most_common(NOTICES)],
    }
