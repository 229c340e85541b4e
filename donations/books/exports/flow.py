"""The verbs of an export: ask, make, post a month, download; what a dead worker left is begun again."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

import psycopg
from django.db import InterfaceError, OperationalError, connection, transaction

from donations.books.exports import control, parts, profiles, writing
from donations.books.exports import filters as narrowing
from donations.books.exports.filters import CannotExport, Filters
from donations.books.exports.reading import Query, reading
from donations.models import Export, ExportDownload, Month, Policy
from nonprofit import audit, clock, nudge
from nonprofit.models import User

logger = logging.getLogger(__name__)

TASK = "donations.tasks.make_export"
State, Profile, Format = Export.State, Export.Profile, Export.Format
BUSY = (State.WAITING, State.RUNNING)
# Up to so many rows that have to be read are made while the person waits: a second or two.
AT_ONCE = 20_000
# What could not be made in so long kills whoever tries it.
GIVEN_UP = timedelta(days=1)
# With this number and the export's id, one worker at a time makes an export; it is free again when it dies.
_WORKER = 30_141


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is asked for. attempt: made with each form, so that the same form sent twice is the same export."""

    profile: str
    format: str = Format.CSV
    filters: Filters = field(default_factory=Filters)
    reason: str = ""
    attempt: UUID | None = None


def query_of(wanted: Wanted, as_of: datetime | None = None) -> Query:
    """What it reads. Raises CannotExport, in words."""
    exported = profiles.check(wanted.profile, wanted.format, wanted.reason)
    filters = wanted.filters.of(exported.table)
    narrowing.check(filters, exported.table)
    return Query(exported.table, filters, as_of or clock.now())


def ask(wanted: Wanted, *, actor: str) -> Export:
    """The export waits to be made. The same attempt again, or twice at once, is the same export. Call outside any
    transaction: the rows are counted on a connection of their own. Raises CannotExport: nothing was written.
    """
    query = query_of(wanted)
    with reading(query) as reader:
        count = reader.count()
    if wanted.format == Format.XLSX and count > profiles.SHEET_ROWS:
        raise CannotExport(f"A workbook holds {profiles.SHEET_ROWS:,} rows, and this is {count:,}. Take CSV.")
    return _keep(replace(wanted, filters=query.filters), count, actor)


@transaction.atomic
def _keep(wanted: Wanted, count: int, actor: str) -> Export:
    fields: dict[str, Any] = {
        "profile": wanted.profile,
        "format": wanted.format,
        "filters": wanted.filters.as_json(),
        "reason": wanted.reason.strip(),
        "rows_expected": count,
        "made_by": actor,
    }
    if wanted.attempt is None:
        export = Export.objects.create(**fields)
    else:
        export, is_new = Export.objects.get_or_create(attempt=wanted.attempt, defaults=fields)
        if not is_new:
            return export
    after = {"profile": wanted.profile, "format": wanted.format, "filters": fields["filters"], "rows": count}
    audit.record(actor, "ask for export", export, reason=export.reason, after=after)
    if count > AT_ONCE:
        nudge.after_commit(TASK, export.pk)
    return export


def is_small(export: Export) -> bool:
    """Whether it is made while the person waits."""
    return export.rows_expected <= AT_ONCE


@transaction.atomic
def post(month: Month, actor: str) -> Export:
    """The month's posting file waits to be made: its whole ledger, told as of now. Call in the closing transaction.

    Closed, the month never changes, so the file is the same whenever it is made. Safe twice.
    """
    posted = Export.objects.filter(month=month, voided_at__isnull=True).first()
    if posted is None:
        filters = Filters("booked", month.starts_on, _last_day(month.starts_on))
        posted = Export.objects.create(
            profile=Profile.LEDGER, filters=filters.as_json(), month=month, made_by=actor, reason=f"closing of {month}"
        )
        audit.record(actor, "post month", posted, after={"month": f"{month.starts_on:%Y-%m}"})
    nudge.after_commit(TASK, posted.pk)
    return posted


def _last_day(first: date) -> date:
    return date(first.year + first.month // 12, first.month % 12 + 1, 1) - timedelta(days=1)


# ---- Making ------------------------------------------------------------------------------------------------------


def make(pk: int) -> str:
    """The export that waits is made; the state it is in then. Call outside any transaction.

    Safe twice, twice at once and after a kill: one worker holds it, and what a dead one left is begun from the start.
    """
    with _alone(pk) as is_mine:
        export = Export.objects.select_related("month").get(pk=pk)
        if not is_mine or export.state not in BUSY:
            return export.state
        export.state, export.claimed_at, export.rows = State.RUNNING, clock.now(), 0
        export.save(update_fields=["state", "claimed_at", "rows"])
        try:
            _make(export)
        except (OperationalError, InterfaceError, psycopg.OperationalError, psycopg.InterfaceError):
            # A connection died, perhaps the reader's own: the sweep begins it again.
            raise
        except Exception:
            logger.exception("export failed", extra={"export": pk})
            _fail(export, "It could not be made. An administrator finds the reason in the log.")
    return export.state


def _make(export: Export) -> None:
    as_of = export.asked_at if export.month_id else clock.now()
    exported = profiles.PROFILES[export.profile]
    query = Query(exported.table, Filters.from_json(export.filters), as_of)
    written = writing.Written()
    with reading(query) as reader, parts.Spool() as spool:
        if export.month_id:
            Export.objects.filter(pk=export.pk).update(rows_expected=reader.count())
        spool.take(writing.pieces(reader, export.format, written, _progress(export)))
        _finish(export, control.said(export, reader, written, as_of), written, spool)


def _progress(export: Export) -> writing.Progress:
    """Says how far it is, at most once a second."""
    last = clock.now()

    def tell(rows: int) -> None:
        nonlocal last
        if clock.now() - last >= timedelta(seconds=1):
            last = clock.now()
            Export.objects.filter(pk=export.pk).update(rows=rows)

    return tell


@transaction.atomic(durable=True)
def _finish(export: Export, said: dict[str, Any], written: writing.Written, spool: parts.Spool) -> None:
    locked = Export.objects.select_for_update().get(pk=export.pk)
    if locked.state != State.RUNNING:
        return
    spool.store(locked)
    locked.state, locked.finished_at, locked.trouble = State.DONE, clock.now(), ""
    locked.control, locked.sha256, locked.size, locked.rows = said, written.sha256, written.size, written.rows
    if locked.month_id is None:
        locked.expires_at = clock.now() + timedelta(days=Policy.get().exports_kept_days)
    locked.save()
    export.state = locked.state


def _fail(export: Export, trouble: str) -> None:
    """It is over, and says why. A month's own file waits on with its trouble: no other can take its place."""
    state, at = (State.WAITING, None) if export.month_id else (State.FAILED, clock.now())
    Export.objects.filter(pk=export.pk, state__in=BUSY).update(state=state, trouble=trouble, finished_at=at)
    export.state = state


def sweep() -> list[int]:
    """Exports that wait or were left by a dead worker are made; their ids.

    What nobody could make in a day fails, but for a month's own file.
    """
    waiting = Export.objects.filter(state__in=BUSY).order_by("pk")
    for export in waiting.filter(month__isnull=True, asked_at__lt=clock.now() - GIVEN_UP):
        _fail(export, "It could not be made within a day. Ask for fewer days at a time.")
    ids = list(waiting.values_list("pk", flat=True))
    for pk in ids:
        nudge.now(TASK, pk)
    return ids


@contextmanager
def _alone(pk: int) -> Iterator[bool]:
    """Whether this worker holds the export meanwhile. The database forgets a holder whose connection is gone."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_lock(%s, %s)", [_WORKER, pk])
        (is_mine,) = cursor.fetchone() or (False,)
    try:
        yield bool(is_mine)
    finally:
        if is_mine and connection.is_usable():
            connection.cursor().execute("SELECT pg_advisory_unlock(%s, %s)", [_WORKER, pk])


# ---- Taking it away ----------------------------------------------------------------------------------------------


class CannotDownload(Exception):
    """There is nothing to download; the text is for the person."""


@transaction.atomic
def download(pk: int, *, by: User, what: str = "file") -> Export:
    """It is on record that this person takes the export away; its file is `parts.sent`. what: "file" or "control".

    Raises CannotDownload: not ready, or past its day.
    """
    export = Export.objects.select_related("month").get(pk=pk)
    if export.state != State.DONE:
        raise CannotDownload(f"{export} is not ready: it is {export.get_state_display()}.")
    if is_expired(export):
        raise CannotDownload(
            f"{export} could be downloaded until {clock.local_date(_expiry(export))}. Ask for it again."
        )
    ExportDownload.objects.create(export=export, user=by, what=what)
    after = {"what": what, "sha256": export.sha256, "rows": export.rows}
    audit.record(audit.staff(by), "download export", export, after=after)
    return export


def is_expired(export: Export) -> bool:
    """Whether its link no longer works. A month's posting file stays."""
    return export.expires_at is not None and export.expires_at <= clock.now()


def _expiry(export: Export) -> datetime:
    return export.expires_at or clock.now()
