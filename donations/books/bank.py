"""Bank statements: a file looked at and brought in, its lines tied to payouts and deposits or explained."""

import hashlib
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from django.core.exceptions import PermissionDenied
from django.db import connection, transaction
from django.db.models import Q, QuerySet, Sum

from donations.books import bank_files
from donations.models import BankAccount, BankImport, BankLine, Batch, LedgerEntry, Month, Payout, Reversal
from nonprofit import audit, clock
from nonprofit.models import StoredFile, User

RIGHT = "donations.tie_bankimport"
# Any number that no other advisory lock of ours has: lines are tied by one at a time.
_TYING = 4_240_012
# Banks post a payout on the day Stripe expects or around it; a deposit waits for whoever walks to the bank.
PAYOUT_DAYS, DEPOSIT_DAYS = timedelta(days=3), timedelta(days=5)
# Payouts that the bank has or will have.
SENT = ("paid", "in_transit", "pending")


class CannotTie(ValueError):
    """The statement or its line cannot be dealt with so; a sentence for the person who asked."""


@dataclass(frozen=True, slots=True)
class Preview:
    """What a file would bring in. known: lines that are there already."""

    statement: bank_files.Statement
    new: Sequence[BankLine]
    known: int


# ---- Files -----------------------------------------------------------------------------------------------------------


@transaction.atomic(durable=True)
def upload(account_id: int, content: bytes, *, name: str, user: User) -> BankImport:
    """The file is kept to be looked at; none of its lines is brought in yet. Raises Unreadable."""
    _must(user)
    account = BankAccount.objects.get(pk=account_id)
    file = bank_files.opened(content, name)
    statement = bank_files.statement(file, account_end=account.number_end, currency=account.currency)
    if not statement.lines and not statement.headings:
        raise bank_files.Unreadable("The statement holds no lines.")
    return BankImport.objects.create(
        account=account,
        file=StoredFile.keep(file.text.encode(), "text/plain; charset=utf-8"),
        name=name[-200:],
        format=file.format,
        problems=statement.problems,
        made_by=user,
    )


@transaction.atomic(durable=True)
def choose(import_id: int, columns: Mapping[str, str], *, user: User) -> BankImport:
    """Somebody said which column of a CSV is what. Locks the import. Raises CannotTie once it was brought in."""
    _must(user)
    row = BankImport.objects.select_for_update().get(pk=import_id)
    if row.applied_at is not None:
        raise CannotTie("This file has been brought in.")
    row.columns = {what: heading for what, heading in columns.items() if heading}
    row.problems = preview(row).statement.problems
    row.save(update_fields=["columns", "problems"])
    return row


def preview(row: BankImport) -> Preview:
    """What the kept file would bring in now. Raises Unreadable."""
    account = row.account
    statement = bank_files.statement(
        bank_files.Opened(row.format, bytes(row.file.content).decode()),
        account_end=account.number_end,
        currency=account.currency,
        columns=row.columns,
    )
    lines = [
        BankLine(
            account=account,
            bank_import=row,
            line_id=line_id,
            posted_on=line.posted_on,
            amount_minor=line.amount_minor,
            currency=account.currency,
            description=line.description,
        )
        for line_id, line in _named(statement.lines, row.format)
    ]
    known = _known(account, row, lines)
    return Preview(statement, [line for line in lines if line.line_id not in known], len(known))


def _named(lines: Sequence[bank_files.Line], form: str) -> list[tuple[str, bank_files.Line]]:
    """Each line with the name it is known by: the bank's id, or what it says and which of its equals it is."""
    seen: Counter[str] = Counter()
    named = []
    for line in lines:
        if line.bank_id:
            name = f"{'csv' if form == 'csv' else 'fit'}:{line.bank_id}"
            # Some banks give one id to several lines of a day.
            name = name if len(name) <= 60 else f"fit:{hashlib.sha256(name.encode()).hexdigest()[:40]}"
        else:
            said = f"{line.posted_on}|{line.amount_minor}|{line.description.casefold()}"
            name = hashlib.sha256(said.encode()).hexdigest()[:40]
        seen[name] += 1
        named.append((name if line.bank_id and seen[name] == 1 else f"{name}:{seen[name]}", line))
    return named


def _known(account: BankAccount, row: BankImport, lines: Sequence[BankLine]) -> set[str]:
    """Names of those lines that the account has, also by a file of the other kind, which names them otherwise."""
    have = set(account.lines.filter(line_id__in=[line.line_id for line in lines]).values_list("line_id", flat=True))
    if not lines:
        return have
    days = [line.posted_on for line in lines]
    others = account.lines.filter(posted_on__range=(min(days), max(days)))
    others = (
        others.filter(bank_import__format="csv") if row.format != "csv" else others.exclude(bank_import__format="csv")
    )
    alike = Counter(others.values_list("posted_on", "amount_minor"))
    for line in lines:
        if line.line_id not in have and alike[(line.posted_on, line.amount_minor)]:
            alike[(line.posted_on, line.amount_minor)] -= 1
            have.add(line.line_id)
    return have


@transaction.atomic(durable=True)
def bring_in(import_id: int, *, user: User) -> BankImport:
    """The file's new lines stand in the books, and those that fit one payout or deposit alone are tied to it.

    Locks the import, then the account. Safe twice, twice at once and when killed: each line is there once.
    Raises Unreadable, CannotTie.
    """
    _must(user)
    row = BankImport.objects.select_for_update(of=("self",)).select_related("file").get(pk=import_id)
    if row.applied_at is not None:
        return row
    row.account = BankAccount.objects.select_for_update().get(pk=row.account_id)
    found = preview(row)
    if not found.new and not found.known:
        raise CannotTie("No line of this file could be read.")
    made = BankLine.objects.bulk_create(found.new, batch_size=1000, ignore_conflicts=True)
    row.lines_new, row.lines_known = len(made), found.known
    row.problems, row.applied_at = found.statement.problems, clock.now()
    row.save(update_fields=["lines_new", "lines_known", "problems", "applied_at"])
    audit.record(audit.staff(user), "import bank statement", row, after={"new": row.lines_new, "known": found.known})
    _match()
    return row


@transaction.atomic(durable=True)
def discard(import_id: int, *, user: User) -> None:
    """A file that was only looked at is gone again; its bytes stay where all files stay. Raises CannotTie."""
    _must(user)
    row = BankImport.objects.select_for_update().filter(pk=import_id).first()
    if row is None:
        return
    if row.applied_at is not None:
        raise CannotTie("This file has been brought in; its lines stay.")
    audit.record(audit.staff(user), "discard bank statement", row, before={"name": row.name})
    row.delete()


# ---- Tying -----------------------------------------------------------------------------------------------------------


def deposits() -> QuerySet[Batch]:
    """Closed batches that went to the bank, with what came of them: `came`, in minor units, without property."""
    booked = Q(
        details__gift__ledger_entries__kind=LedgerEntry.Kind.GIFT,
        details__gift__ledger_entries__account=LedgerEntry.Account.BANK,
    )
    closed = Batch.objects.filter(status=Batch.Status.CLOSED, kind__in=[Batch.Kind.CHECKS, Batch.Kind.WIRES])
    return closed.annotate(came=Sum("details__gift__ledger_entries__amount_minor", filter=booked)).filter(came__gt=0)


@transaction.atomic
def match() -> int:
    """Lines that fit one payout or deposit alone, and the other way round, are tied; how many. Safe at once."""
    return _match()


def _match() -> int:
    _take_turn()
    lines = list(_open_lines().select_for_update().order_by("pk"))
    if not lines:
        return 0
    payouts, batches = _free()
    fits = {line.pk: _candidates(line, payouts, batches) for line in lines}
    wanted: Counter[tuple[str, int]] = Counter(one for found in fits.values() for one in found)
    count = 0
    for line in lines:
        if len(fits[line.pk]) == 1 and wanted[fits[line.pk][0]] == 1:
            what, pk = fits[line.pk][0]
            _settle(line, "task", payout_id=pk if what == "payout" else None, batch_id=pk if what == "batch" else None)
            count += 1
    return count + _returned_checks(lines)


def _open_lines() -> QuerySet[BankLine]:
    return BankLine.objects.filter(payout__isnull=True, batch__isnull=True, explanation="")


ByWorth = dict[tuple[int, str], list[Any]]


def _free() -> tuple[ByWorth, ByWorth]:
    """Payouts and deposits that no line is tied to, by amount and currency."""
    payouts: ByWorth = defaultdict(list)
    for payout in Payout.objects.filter(bank_line__isnull=True, status__in=SENT):
        payouts[payout.amount_minor, payout.currency].append(payout)
    batches: ByWorth = defaultdict(list)
    found: Any = deposits().filter(bank_line__isnull=True)
    for batch in found:
        batches[batch.came, batch.currency].append(batch)
    return payouts, batches


def _candidates(line: BankLine, payouts: ByWorth, batches: ByWorth) -> list[tuple[str, int]]:
    """("payout" or "batch", its id) of everything of that amount around that day; a bank's word for Stripe decides."""
    worth = (line.amount_minor, line.currency)
    near_payouts = [one for one in payouts.get(worth, ()) if abs(one.arrival_on - line.posted_on) <= PAYOUT_DAYS]
    near_batches = [one for one in batches.get(worth, ()) if abs(one.deposit_on - line.posted_on) <= DEPOSIT_DAYS]
    if "stripe" in line.description.casefold() and near_payouts:
        near_batches = []
    said = f"{line.description} {line.line_id}".casefold()
    by_reference = [one for one in near_batches if one.bank_reference and one.bank_reference.casefold() in said]
    if by_reference:
        near_payouts, near_batches = [], by_reference
    return [("payout", one.pk) for one in near_payouts] + [("batch", one.pk) for one in near_batches]


def candidates(line: BankLine) -> tuple[list[Payout], list[Batch]]:
    """What a person may tie the line to: of its amount first, then what lies near in time, whatever its amount."""
    day, currency = line.posted_on, line.currency
    far = timedelta(days=14)
    payouts = Payout.objects.filter(bank_line__isnull=True, status__in=SENT, currency=currency)
    found = list(payouts.filter(arrival_on__range=(day - far, day + far)))
    near: list[Any] = list(
        deposits().filter(bank_line__isnull=True, currency=currency, deposit_on__range=(day - far, day + far))
    )

    def distance(minor: int, on: date) -> tuple[bool, timedelta]:
        return minor != line.amount_minor, abs(on - day)

    found.sort(key=lambda one: distance(one.amount_minor, one.arrival_on))
    near.sort(key=lambda one: distance(one.came, one.deposit_on))
    return found[:10], near[:10]


def _returned_checks(lines: Sequence[BankLine]) -> int:
    """Money the bank took back for a check that staff booked as returned is explained by that."""
    count = 0
    for line in lines:
        if line.amount_minor >= 0 or line.settled_at is not None:
            continue
        around = (line.posted_on - DEPOSIT_DAYS, line.posted_on + DEPOSIT_DAYS)
        found = Reversal.objects.filter(
            reason=Reversal.Reason.BOUNCED, noticed_on__range=around, gift__currency=line.currency
        ).select_related("gift")
        fits = [one for one in found if -line.amount_minor in (one.gift.amount_minor, one.bank_fee_minor)]
        words = [
            f"{'Returned gift' if -line.amount_minor == one.gift.amount_minor else 'Fee for the return of'} "
            f"{one.gift.public_id}"
            for one in fits
        ]
        if len(words) == 1 and not BankLine.objects.filter(explanation=words[0]).exists():
            _settle(line, "task", explanation=words[0])
            count += 1
    return count


@transaction.atomic(durable=True)
def tie(line_id: int, *, user: User, payout_id: int | None = None, batch_id: int | None = None) -> BankLine:
    """The line is this payout or this deposit; a difference of amounts is found by the next comparison. Locks the line.

    Safe twice. Raises CannotTie when it, or what it is tied to, is tied otherwise.
    """
    _must(user)
    if (payout_id is None) == (batch_id is None):
        raise CannotTie("Choose one payout or one deposit.")
    line = _locked(line_id)
    if (line.payout_id, line.batch_id) == (payout_id, batch_id):
        return line
    if line.settled_at is not None:
        raise CannotTie("This line is tied or explained. Take that back first.")
    other = BankLine.objects.filter(
        Q(payout_id=payout_id, payout__isnull=False) | Q(batch_id=batch_id, batch__isnull=False)
    )
    if other.exists():
        raise CannotTie("Another line of the bank is tied to that already.")
    _settle(line, audit.staff(user), payout_id=payout_id, batch_id=batch_id)
    return line


@transaction.atomic(durable=True)
def explain(line_id: int, text: str, *, user: User) -> BankLine:
    """The line is neither payout nor deposit, and it says what it is. Locks it; safe twice. Raises CannotTie."""
    _must(user)
    line, words = _locked(line_id), " ".join(text.split())[:300]
    if not words:
        raise CannotTie("Say in a few words what it is.")
    if line.explanation == words:
        return line
    if line.settled_at is not None:
        raise CannotTie("This line is tied or explained. Take that back first.")
    _settle(line, audit.staff(user), explanation=words)
    return line


@transaction.atomic(durable=True)
def untie(line_id: int, *, user: User) -> BankLine:
    """The line waits again for what it is. Locks it; safe twice. Raises CannotTie in a closed month."""
    _must(user)
    line = _locked(line_id)
    if line.settled_at is None:
        return line
    if Month.objects.first_open(line.posted_on) != line.posted_on:
        raise CannotTie("Its month is closed: what was tied stays tied.")
    was = {"payout": line.payout_id, "batch": line.batch_id, "explanation": line.explanation}
    line.payout, line.batch, line.explanation, line.settled_by, line.settled_at = None, None, "", "", None
    line.save()
    audit.record(audit.staff(user), "untie bank line", line, before=was)
    return line


def _settle(
    line: BankLine, actor: str, *, payout_id: int | None = None, batch_id: int | None = None, explanation: str = ""
) -> None:
    line.payout_id, line.batch_id, line.explanation = payout_id, batch_id, explanation
    line.settled_by, line.settled_at = actor, clock.now()
    line.save(update_fields=["payout", "batch", "explanation", "settled_by", "settled_at"])
    said = {"payout": payout_id, "batch": batch_id, "explanation": explanation}
    audit.record(actor, "tie bank line", line, after={name: value for name, value in said.items() if value})


def _locked(line_id: int) -> BankLine:
    _take_turn()
    return BankLine.objects.select_for_update().get(pk=line_id)


def _take_turn() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_TYING])


def _must(user: User) -> None:
    """Raises PermissionDenied."""
    if not user.has_perm(RIGHT):
        raise PermissionDenied(RIGHT)
