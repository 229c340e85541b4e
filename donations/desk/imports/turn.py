"""One import of all is applied or undone at a time."""

from django.db import connection

# Any number that no other advisory lock of ours has.
_TURN = 30_140_010


def take() -> None:
    """Wait until no other import is being applied or undone; the turn ends with the transaction."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_TURN])
