"""The verbs of an import: upload, choose, apply, undo; and the work they ask for, which survives a killed worker."""

import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import BinaryIO

from django.db import IntegrityError, InterfaceError, OperationalError, connection, transaction

from donations.desk.imports import apply, check, mapping, read, undo
from donations.desk.imports.errors import CannotImport
from donations.models import Fund, GiftImport, ImportMapping
from nonprofit import audit, clock, nudge
from nonprofit.models import User

logger = logging.getLogger(__name__)

TASK = "donations.tasks.carry_on_import"
State = GiftImport.State
BUSY = (State.CHECKING, State.APPLYING, State.UNDOING)
# Columns may be chosen, again too, while nothing of the file is booked.
OPEN = (State.UPLOADED, State.CHECKED, State.FAILED, State.UNDONE)
# With this number and the import's id, one worker at a time carries on an import; it is free again when it dies.
_WORKER = 30_140


@dataclass(frozen=True, slots=True)
class Choice:
    """How a file is to be read. columns: our field's code → the file's heading."""

    columns: Mapping[str, str]
    fund: Fund
    currency: str = "usd"
    date_order: str = GiftImport.DateOrder.MONTH_FIRST


@transaction.atomic
def upload(file: BinaryIO, *, name: str, source: str, by: User) -> GiftImport:
    """The file is kept with what was found out about it. Nothing is booked. Raises read.Unreadable: nothing is kept.

    The same file twice is two imports; the second finds every row already here.
    """
    table = read.inspect(file, source)
    fund = Fund.objects.order_by("position", "name").first()
    if fund is None:
        raise CannotImport("There is no fund yet that gifts could go to. Make one first.")
    before = ImportMapping.objects.filter(source=source).first()
    gift_import = GiftImport.objects.create(
        source=source,
        file_name=name[-200:],
        file_id=read.keep(file),
        encoding=table.encoding,
        delimiter=table.delimiter,
        headings=table.headings,
        samples=table.samples,
        columns=mapping.propose(source, table.headings, before.columns if before else None),
        date_order=before.date_order if before else GiftImport.DateOrder.MONTH_FIRST,
        fund=fund,
        total=table.rows,
        uploaded_by=by,
        asked_by=audit.staff(by),
    )
    after = {"source": source, "rows": table.rows, "size": table.size}
    audit.record(audit.staff(by), "upload import", gift_import, after=after)
    return gift_import


@transaction.atomic
def choose(pk: int, choice: Choice, *, actor: str) -> GiftImport:
    """The file is checked with these columns, which the source's next file begins with. Safe twice: checked again.

    Locks the import. Raises mapping.WrongMapping and CannotImport.
    """
    gift_import = _locked(pk)
    if gift_import.state not in OPEN:
        raise CannotImport(f"The columns cannot be chosen now: the import is {gift_import.get_state_display()}.")
    gift_import.columns = mapping.check(choice.columns, gift_import.headings)
    gift_import.fund = choice.fund
    gift_import.currency = choice.currency
    gift_import.date_order = choice.date_order
    mapping.remember(gift_import.source, gift_import.columns, choice.date_order)
    _begin(gift_import, State.CHECKING, actor)
    return gift_import


@transaction.atomic
def ask_apply(pk: int, *, actor: str, wants_receipts: bool = False, brings_alike: bool = False) -> GiftImport:
    """The checked import is being applied. Asked twice or twice at once, it is applied once. Locks the import.

    Raises CannotImport.
    """
    gift_import = _locked(pk)
    if gift_import.state in (State.APPLYING, State.APPLIED):
        return gift_import
    if gift_import.state != State.CHECKED:
        raise CannotImport(f"Only a checked import can be applied; this one is {gift_import.get_state_display()}.")
    counts = gift_import.summary.get("states", {})
    if not counts.get("ready") and not (brings_alike and counts.get("alike")):
        raise CannotImport("No row is ready: there is nothing to apply.")
    gift_import.wants_receipts, gift_import.brings_alike = wants_receipts, brings_alike
    _begin(gift_import, State.APPLYING, actor)
    return gift_import


@transaction.atomic
def ask_undo(pk: int, *, actor: str) -> GiftImport:
    """The applied import is being undone. Asked twice or twice at once, it is undone once. Locks the import.

    Raises CannotImport with what was built on it since.
    """
    gift_import = _locked(pk)
    if gift_import.state in (State.UNDOING, State.UNDONE):
        return gift_import
    if gift_import.state != State.APPLIED:
        raise CannotImport(f"Only an applied import can be undone; this one is {gift_import.get_state_display()}.")
    if found := undo.obstacles(gift_import):
        raise CannotImport(_in_the_way(found))
    _begin(gift_import, State.UNDOING, actor)
    return gift_import


def _in_the_way(found: list[str]) -> str:
    return f"It cannot be undone: something was built on it since. {'; '.join(found)}."


def _locked(pk: int) -> GiftImport:
    return GiftImport.objects.select_for_update().get(pk=pk)


def _begin(gift_import: GiftImport, state: State, actor: str) -> None:
    gift_import.state, gift_import.asked_by, gift_import.trouble = state, actor, ""
    gift_import.done, gift_import.changed_at = 0, clock.now()
    gift_import.save()
    nudge.after_commit(TASK, gift_import.pk)


def carry_on(pk: int) -> str:
    """Do what the import waits for: check, apply or undo; the state it is in then. Call outside any transaction.

    Safe twice, twice at once and after a kill: one worker holds it, and what a dead one left is begun again.
    """
    with _alone(pk) as is_mine:
        gift_import = GiftImport.objects.get(pk=pk)
        if is_mine and gift_import.state in BUSY:
            try:
                _DO[State(gift_import.state)](gift_import)
            except read.Unreadable as error:
                _stop(gift_import, State.FAILED, str(error))
            except IntegrityError:
                logger.exception("import stopped", extra={"import": pk, "state": gift_import.state})
                _stop(gift_import, _BEFORE[State(gift_import.state)], COLLIDED)
            except (OperationalError, InterfaceError):
                # The connection died or two waited for each other: the sweep begins it again.
                raise
            except Exception:
                logger.exception("import stopped", extra={"import": pk, "state": gift_import.state})
                _stop(gift_import, _BEFORE[State(gift_import.state)], FAILED)
            gift_import.refresh_from_db(fields=["state"])
    return gift_import.state


COLLIDED = "Somebody changed the same supporters or gifts in that moment. Nothing was changed here; please try again."
FAILED = "It could not be finished, and nothing was changed. An administrator finds the reason in the log."
_BEFORE = {State.CHECKING: State.FAILED, State.APPLYING: State.CHECKED, State.UNDOING: State.APPLIED}


def _stop(gift_import: GiftImport, state: State, trouble: str) -> None:
    was = GiftImport.objects.filter(pk=gift_import.pk, state=gift_import.state)
    was.update(state=state, trouble=trouble, changed_at=clock.now())


@transaction.atomic(durable=True)
def _apply(gift_import: GiftImport) -> None:
    locked = _locked(gift_import.pk)
    if locked.state == State.APPLYING:
        apply.run(locked)


@transaction.atomic(durable=True)
def _undo(gift_import: GiftImport) -> None:
    locked = _locked(gift_import.pk)
    if locked.state != State.UNDOING:
        return
    if found := undo.run(locked):
        _stop(locked, State.APPLIED, _in_the_way(found))


_DO = {State.CHECKING: check.run, State.APPLYING: _apply, State.UNDOING: _undo}


def sweep() -> list[int]:
    """Imports that wait or were left by a dead worker are carried on; their ids."""
    waiting = list(GiftImport.objects.filter(state__in=BUSY).order_by("pk").values_list("pk", flat=True))
    for pk in waiting:
        nudge.now(TASK, pk)
    return waiting


@contextmanager
def _alone(pk: int) -> Iterator[bool]:
    """Whether this worker holds the import meanwhile. The database forgets a holder whose connection is gone."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_lock(%s, %s)", [_WORKER, pk])
        (is_mine,) = cursor.fetchone() or (False,)
    try:
        yield bool(is_mine)
    finally:
        if is_mine and connection.is_usable():
            connection.cursor().execute("SELECT pg_advisory_unlock(%s, %s)", [_WORKER, pk])
