"""Merging two records of one supporter, and taking a merge back."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from django.db import OperationalError, connection, transaction
from django.db.models import QuerySet

from donations import signals
from donations.desk import merge_choices
from donations.desk.merge_choices import ADDRESS, CannotMerge, Choices
from donations.models import Donor, DonorAddress, DonorEmail, DonorMerge, DonorNote, Gift, SoftCredit
from donations.receipts import statement_due
from nonprofit import audit, clock
from nonprofit.models import User

__all__ = ["CannotMerge", "gifts_since", "merge", "unmerge"]

# PostgreSQL's code for a row that somebody else has locked.
LOCKED = "55P03"


@transaction.atomic(durable=True)
def merge(kept_id: int, gone_id: int, *, user: User, reason: str = "", choices: Choices | None = None) -> DonorMerge:
    """Everything of `gone` belongs to `kept`, and the old number leads there; nothing is lost and all can come back.

    choices: by name in merge_choices.GROUPS "kept" or "gone", whose value stays; "sign_in" where both sign in. Ledger
    rows stay as booked: who gave is read from the gift. Locks both donors and every row that moves, and waits for none:
    refused while one of them is being changed. Safe twice. Raises CannotMerge.
    """
    with _without_waiting():
        kept, gone = _lock(kept_id, gone_id)
    if gone.merged_into_id == kept.pk:
        return DonorMerge.objects.get(gone=gone, undone_at=None)
    merge_choices.check(kept, gone, choices or {})
    merge_choices.not_their_own((kept, gone), user)
    return _become_one(kept, gone, user=user, actor=audit.staff(user), reason=reason, choices=choices)


@transaction.atomic
def claim(kept_id: int, gone_id: int, *, user: User) -> DonorMerge:
    """A supporter has proven the mailbox of another record of theirs: it becomes part of their own, whose values stay.

    Only for a record without a sign-in; staff may take it back like any merge. Otherwise as `merge`.
    """
    with _without_waiting():
        kept, gone = _lock(kept_id, gone_id)
    if kept.user_id != user.pk or gone.user_id is not None:
        raise CannotMerge("Only the owner of a record brings another one to it, and only one that nobody signs in to.")
    merge_choices.check(kept, gone, {})
    return _become_one(kept, gone, user=user, actor="supporter", reason="proved the mailbox", choices={})


def _become_one(
    kept: Donor, gone: Donor, *, user: User, actor: str, reason: str, choices: Choices | None
) -> DonorMerge:
    decided = merge_choices.decide(kept, gone, choices or {})
    left = merge_choices.left_over(kept, gone, decided)
    with _without_waiting():
        rows, aside = _move(kept, gone), _put_aside(kept, gone)
    before = {name: getattr(kept, name) for name in ("email", "user_id", *decided)}
    was = {"email": gone.email, "user_id": gone.user_id}
    Donor.objects.filter(pk=gone.pk).update(merged_into=kept, email=None, user=None)
    Donor.objects.filter(pk=kept.pk).update(**decided)
    moved: dict[str, Any] = {"rows": rows, "aside": aside, "made": _keep(kept, left, user)}
    moved |= {"kept": before, "after": decided, "gone": was}
    record = DonorMerge.objects.create(kept=kept, gone=gone, moved=moved, reason=reason, merged_by=user)
    counts = {name: len(ids) for name, ids in rows.items() if ids}
    _log(record, actor, "merge supporters", reason, before | {"gone": was}, decided | {"moved": counts})
    with _without_waiting():
        signals.donors_merged.send(sender=DonorMerge, kept=kept, gone=gone)
    _state_anew(rows, kept)
    return record


@transaction.atomic(durable=True)
def unmerge(merge_id: int, *, user: User, reason: str = "") -> DonorMerge:
    """The merged record stands again with everything that came from it; what came since the merge stays where it is.

    Fields of the kept record that were changed after the merge keep the newer value. Locks both donors, the merge and
    every row that goes back, and waits for none. Safe twice. Raises CannotMerge where it cannot be exact, with why.
    """
    found = DonorMerge.objects.get(pk=merge_id)
    with _without_waiting():
        kept, gone = _lock(found.kept_id, found.gone_id)
    record = DonorMerge.objects.select_for_update(of=("self",)).get(pk=merge_id)
    if record.undone_at is not None:
        return record
    merge_choices.check_undo(record, kept, user)
    back, own = merge_choices.restored(record, kept)
    # First what no other row's uniqueness hangs on: rows go only to records that stand by themselves.
    Donor.objects.filter(pk=gone.pk).update(merged_into=None)
    with _without_waiting():
        _give_back(record.moved, kept, gone)
    _forget(record.moved, kept, back, own)
    Donor.objects.filter(pk=kept.pk).update(**{name: None for name in ("email", "user_id") if name in back})
    Donor.objects.filter(pk=kept.pk).update(**back)
    Donor.objects.filter(pk=gone.pk).update(**own)
    record.undone_by, record.undone_at = user, clock.now()
    record.save(update_fields=["undone_by", "undone_at"])
    _log(record, audit.staff(user), "take merge back", reason, {name: getattr(kept, name) for name in back}, back)
    with _without_waiting():
        signals.donors_merged.send(sender=DonorMerge, kept=kept, gone=gone)
    _state_anew(record.moved["rows"], kept, gone)
    return record


@contextmanager
def _without_waiting() -> Iterator[None]:
    """A row that somebody else has locked is a refusal. Whoever waits for nothing is in nobody's circle of waiting,
    in whatever order gifts, plans and batches are locked elsewhere.
    """
    try:
        yield
    except OperationalError as error:
        if getattr(error.__cause__, "sqlstate", "") != LOCKED:
            raise
        raise CannotMerge("Somebody is changing one of these records at this moment. Please try again.") from error


def _lock(kept_id: int, gone_id: int) -> tuple[Donor, Donor]:
    if kept_id == gone_id:
        raise CannotMerge("That is one and the same record.")
    rows = Donor.objects.select_for_update(nowait=True).order_by("pk")
    donors = {donor.pk: donor for donor in rows.filter(pk__in=[kept_id, gone_id])}
    if len(donors) < 2:
        raise CannotMerge("One of these records does not exist.")
    return donors[kept_id], donors[gone_id]


def _locked(rows: QuerySet[Any]) -> list[int]:
    """The rows' numbers, each locked until the end."""
    return list(rows.select_for_update(nowait=True, of=("self",)).order_by("pk").values_list("pk", flat=True))


def _move(kept: Donor, gone: Donor) -> dict[str, list[int]]:
    """Rows of `gone` are rows of `kept`: their numbers, by table and column."""
    moved = {}
    for name, rows in merge_choices.rows_to_move(kept, gone).items():
        ids = _locked(rows)
        rows.model._default_manager.filter(pk__in=ids).update(**{name.split(".")[1]: kept})
        moved[name] = ids
    return moved


def _put_aside(kept: Donor, gone: Donor) -> list[int]:
    """Nobody is thanked for their own gift: such soft credits of `kept` wait with the old record."""
    own = SoftCredit.objects.filter(donor=kept, gift__donor=kept)
    ids = _locked(own)
    SoftCredit.objects.filter(pk__in=ids).update(donor=gone)
    return ids


def _state_anew(moved: Mapping[str, list[int]], *donors: Donor) -> None:
    """The years of the gifts that moved, also of those they are thanked for, are told anew to these supporters."""
    own = Gift.objects.filter(pk__in=moved["gift.donor"], gift_on__isnull=False)
    thanked = SoftCredit.objects.filter(pk__in=moved["softcredit.donor"], gift__gift_on__isnull=False)
    years = {*own.values_list("gift_on__year", flat=True), *thanked.values_list("gift__gift_on__year", flat=True)}
    with _without_waiting(), connection.cursor() as cursor:
        # What somebody else has inserted and not committed can only be waited for: the wait is cut short, well before
        # PostgreSQL looks for circles, and is a refusal like the others.
        cursor.execute("SELECT current_setting('lock_timeout')")
        (usual,) = cursor.fetchone()
        cursor.execute("SET LOCAL lock_timeout = '200ms'")
        statement_due.changed_years((donor.pk, year) for donor in donors for year in years)
        cursor.execute("SELECT set_config('lock_timeout', %s, true)", [usual])


def _keep(kept: Donor, left: merge_choices.LeftOver, user: User) -> dict[str, list[int]]:
    """What has no place in one record any more is kept beside it: their numbers, by table."""
    made: dict[str, list[int]] = {"donoremail": [], "donoraddress": [], "donornote": []}
    if left.email:
        made["donoremail"].append(DonorEmail.objects.create(donor=kept, email=left.email).pk)
    if left.address:
        address = DonorAddress(donor=kept, purpose=DonorAddress.Purpose.FORMER, **left.address)
        address.save()
        made["donoraddress"].append(address.pk)
    if left.note:
        made["donornote"].append(DonorNote.objects.create(donor=kept, text=left.note, author=user).pk)
    return made


def _forget(moved: Mapping[str, Any], kept: Donor, back: Mapping[str, Any], own: Mapping[str, Any]) -> None:
    """What was kept beside the one record goes where it has its place again."""
    DonorEmail.objects.filter(donor=kept, email__in=[own["email"] or "", back.get("email") or ""]).delete()
    DonorNote.objects.filter(pk__in=moved["made"]["donornote"], donor=kept).delete()
    # An address that staff have changed since stays as it is now, and the former one stays beside it.
    if not set(ADDRESS) & (moved["after"].keys() - back.keys()):
        DonorAddress.objects.filter(pk__in=moved["made"]["donoraddress"], donor=kept).delete()


def _give_back(moved: Mapping[str, Any], kept: Donor, gone: Donor) -> None:
    """Rows that came with the merge and still are with `kept` go back; those put aside return."""
    for name, ids in moved["rows"].items():
        column = name.split(".")[1]
        table = merge_choices.table(name)._default_manager
        table.filter(pk__in=_locked(table.filter(pk__in=ids, **{column: kept}))).update(**{column: gone})
    SoftCredit.objects.filter(pk__in=moved["aside"], donor=gone).update(donor=kept)


def _log(
    record: DonorMerge, actor: str, action: str, reason: str, before: dict[str, Any], after: dict[str, Any]
) -> None:
    numbers = {"merge": record.pk, "kept": record.kept_id, "gone": record.gone_id}
    audit.record(actor, action, record.kept, reason=reason, before=before, after=after | numbers)
    audit.record(actor, action, record.gone, reason=reason, after=numbers)


def gifts_since(record: DonorMerge) -> int:
    """How many gifts came to the kept record after the merge; they stay there when it is taken back."""
    return Gift.objects.filter(donor=record.kept, started_at__gt=record.merged_at).count()
