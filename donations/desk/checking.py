"""What stands between a batch and its closing: rows that lack something, duplicates, postdated checks, the balance."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from donations import offline
from donations.models import Batch, BatchRow, Gift, GiftDetail
from donations.rules import balancing, dating, kinds
from nonprofit import clock

PAST_ONLY = ("postmarked_on", "received_on", "credited_on")


@dataclass(frozen=True, slots=True)
class Trouble:
    """Why a row cannot be booked yet. field: the column it is about, "" for the row as a whole."""

    field: str
    text: str


@dataclass(frozen=True, slots=True)
class Duplicate:
    """Another item with the same supporter, number and amount (domain rule 14): a booked gift, or a row being typed."""

    gift: Gift | None = None
    row: BatchRow | None = None

    def __str__(self) -> str:
        if self.gift is not None:
            return f"{self.gift.public_id} of {self.gift.gift_on:%B %-d, %Y}"
        return f"row {self.row.position} of {self.row.batch}" if self.row else ""


@dataclass(frozen=True, slots=True)
class Checked:
    """A row with all that is to be said about it."""

    row: BatchRow
    troubles: Sequence[Trouble]
    duplicates: Sequence[Duplicate]
    is_postdated: bool

    @property
    def is_finished(self) -> bool:
        return not self.troubles

    @property
    def is_doubtful(self) -> bool:
        return bool(self.duplicates) and not self.row.is_duplicate_accepted


@dataclass(frozen=True, slots=True)
class Review:
    """A batch as it would be closed now."""

    batch: Batch
    rows: Sequence[Checked]
    balance: balancing.Balance

    @property
    def reasons(self) -> list[str]:
        """Why it cannot close, row by row, in the words people see; empty when it can."""
        found = [
            f"Row {one.row.position}: {' '.join(trouble.text for trouble in one.troubles)}"
            for one in self.rows
            if one.troubles
        ]
        found += [f"Row {one.row.position}: {_postdated(one.row)}" for one in self.rows if one.is_postdated]
        found += [f"Row {row.position}: {_too_early(row)}" for row in self._too_early]
        for one in self.rows:
            if one.is_doubtful:
                others = ", ".join(str(other) for other in one.duplicates)
                found.append(f"Row {one.row.position}: looks like {others}. Say that it is another one, or remove it.")
        if not self.rows:
            found.append("Nothing has been entered yet.")
        if self.batch.overridden_by_id is None:
            found += differences(self.batch, self.balance)
        if self.batch.is_postdated and self.batch.deposit_on > clock.today():
            found.append(f"These checks cannot go to the bank before {self.batch.deposit_on:%B %-d, %Y}.")
        return found

    @property
    def _too_early(self) -> list[BatchRow]:
        """Checks whose date has not come: no gift is dated ahead, also where the deposit is later too."""
        if self.batch.is_postdated:
            return []
        today = clock.today()
        return [one.row for one in self.rows if not one.is_postdated and is_postdated(one.row, today)]


def _too_early(row: BatchRow) -> str:
    return f"the check is dated {row.check_on:%B %-d, %Y}: close the batch on that day."


def _postdated(row: BatchRow) -> str:
    return f"the check is dated {row.check_on:%B %-d, %Y}, after the deposit. Put it aside until then."


def review(batch: Batch) -> Review:
    """Everything about the batch at this moment, in three queries whatever its size."""
    rows = list(batch.rows.select_related("donor", "recognized", "fund", "campaign"))
    same = duplicates(rows)
    today = clock.today()
    checked = [
        Checked(row, troubles(row, today), same.get(row.pk, ()), is_postdated(row, batch.deposit_on)) for row in rows
    ]
    return Review(batch, checked, balance(batch, rows))


def balance(batch: Batch, rows: Sequence[BatchRow] | None = None) -> balancing.Balance:
    """Count, total, difference and hints. Property is counted, not added."""
    today = clock.today()
    if rows is None:
        rows = list(batch.rows.select_related("donor"))
    items = [
        balancing.Item(row.position, label(row), row.amount_minor or 0, is_finished=not troubles(row, today))
        for row in rows
    ]
    return balancing.balance(
        items, expected_count=batch.expected_count, expected_total_minor=batch.expected_total_minor
    )


def differences(batch: Batch, balanced: balancing.Balance) -> list[str]:
    """The sentences that say how count and total differ from what was expected."""
    found = []
    if balanced.count_difference:
        found.append(f"{balanced.count} of {balanced.expected_count} expected items are entered and complete.")
    if balanced.difference_minor:
        total, expected = batch.money(balanced.total_minor), batch.expected_total
        off = batch.money(abs(balanced.difference_minor))
        more = "more" if balanced.difference_minor > 0 else "less"
        found.append(f"The total is {total}, which is {off} {more} than the expected {expected}.")
    return found


def label(row: BatchRow) -> str:
    """The row as hints name it: "row 7, Ana Silva, $25.00"."""
    who = [row.donor.name] if row.donor else []
    what = [str(row.amount)] if row.amount_minor else []
    return ", ".join([f"row {row.position}", *who, *what])


def is_postdated(row: BatchRow, deposit_on: date) -> bool:
    """A check that cannot be deposited on that day yet."""
    return row.check_on is not None and "check_on" in kinds.KINDS[row.kind].asks and row.check_on > deposit_on


def troubles(row: BatchRow, today: date) -> list[Trouble]:
    """What the row lacks to be booked as its kind, field by field."""
    kind = kinds.KINDS.get(row.kind)
    if kind is None or row.batch.kind not in kind.batches:
        return [Trouble("kind", f"{row.get_kind_display().capitalize()} does not come in this kind of batch.")]
    found = [Trouble(name, _unread(name, text)) for name, text in row.unread.items()]
    if row.donor_id is None and "donor" not in row.unread:
        found.append(Trouble("donor", "The supporter is missing."))
    if not kind.is_property and not row.amount_minor and "amount" not in row.unread:
        found.append(Trouble("amount", "The amount is missing."))
    facts = row.facts()
    lacking = [name for name in kinds.missing(row.kind, facts) if name not in row.unread]
    found += [Trouble(name, f"{_name(name)} is missing.") for name in lacking]
    for name in PAST_ONLY:
        if name in kind.asks and facts[name] is not None and facts[name] > today:
            found.append(Trouble(name, f"{_name(name)} lies in the future."))
    return found + _date_troubles(row, today, has_all=not found)


def _date_troubles(row: BatchRow, today: date, *, has_all: bool) -> list[Trouble]:
    if row.gift_on_override is not None:
        if row.gift_on_override > today:
            return [Trouble("gift_on_override", "The gift date lies in the future.")]
        if not row.date_reason:
            return [Trouble("date_reason", "Say why the gift date is another than the rule's.")]
        return []
    if not has_all:
        return []
    try:
        dating.propose(row.kind, row.facts())
    except dating.NoDate as error:
        return [Trouble("", str(error))]
    return []


def _unread(field: str, text: str) -> str:
    if field in ("donor", "recognized"):
        return f"Nobody is picked for “{text}” yet: choose from the list or make a new one."
    return f"{_name(field)} “{text}” cannot be read."


def _name(field: str) -> str:
    """The field as its label says it."""
    if field in BatchRow.fact_names():
        text = offline.label(field)
    else:
        text = {"donor": "supporter", "recognized": "person to thank"}.get(field, field.replace("_", " "))
    return text[:1].upper() + text[1:]


def duplicates(rows: Sequence[BatchRow]) -> dict[int, list[Duplicate]]:
    """For each row that has some, the other items with its supporter, number and amount; by the row's id.

    Booked gifts that still stand, and rows of batches that are still open.
    """
    numbered = [row for row in rows if row.check_number and row.donor_id and row.amount_minor]
    if not numbered:
        return {}
    numbers, donors = {row.check_number for row in numbered}, {row.donor_id for row in numbered}
    known: dict[tuple[int | None, str, int | None], list[Duplicate]] = defaultdict(list)
    booked = GiftDetail.objects.filter(check_number__in=numbers, gift__donor__in=donors, gift__status="settled")
    for detail in booked.select_related("gift"):
        gift = detail.gift
        known[gift.donor_id, detail.check_number, gift.amount_minor].append(Duplicate(gift=gift))
    typed = BatchRow.objects.filter(check_number__in=numbers, donor__in=donors, batch__status=Batch.Status.OPEN)
    for other in typed.select_related("batch"):
        known[other.donor_id, other.check_number, other.amount_minor].append(Duplicate(row=other))
    found = {}
    for row in numbered:
        same = known[row.donor_id, row.check_number, row.amount_minor]
        others = [one for one in same if one.row is None or one.row.pk != row.pk]
        if others:
            found[row.pk] = others
    return found
