"""Who waits for a yearly statement, beside those of a run: supporters whose year has changed since it was told."""

from collections.abc import Collection, Iterable, Sequence

from django.db import connection, transaction

from donations.models import AnnualStatement, Donor, Gift, StatementDue, StatementRun
from donations.receipts import statement_people
from nonprofit import audit, clock, nudge

TASK = "donations.tasks.issue_statements"
State = StatementRun.State


def changed(gift: Gift) -> None:
    """What the gift's supporter was told of its year is not true any more: a new version is due, if one was told.

    Call it last in the transaction that refunds, reverses, loses or corrects the gift, with the gift locked. Locks the
    row that waits already, so that nobody makes a statement of the old facts meanwhile. Safe twice.
    """
    changed_all([gift])


def gift_changed(sender: object, *, gift: Gift, **_: object) -> None:
    """The same, for the signals of money that goes back or comes again."""
    changed(gift)


def changed_all(gifts: Sequence[Gift]) -> None:
    """The same for many gifts, also for those that arrive late for a year that was told. Nothing for this year's."""
    changed_years((gift.donor_id or 0, gift.gift_on.year) for gift in gifts if gift.gift_on)


def changed_years(touched: Iterable[tuple[int, int]]) -> None:
    """New versions are due for these supporters' years, (donor id, year), where one was told; a few statements in all.

    Told is also what stands on a record that was merged into theirs. Who was not told is due where the year's run has
    begun without them. Locks the years' runs, so that one that begins this moment sees what was changed or is seen
    here, then what is due. Safe twice.
    """
    this_year = clock.today().year
    past = {(donor, year) for donor, year in touched if year < this_year}
    if past:
        _make_due(past)


@transaction.atomic
def _make_due(past: Collection[tuple[int, int]]) -> None:
    donors, years = {donor for donor, _ in past}, {year for _, year in past}
    begun = _begun(years)
    # First who waits, then who was told: a worker that numbers one of them this moment is waited for here, and what it
    # made is seen below. The other way round it could be missed by both.
    rows = StatementDue.objects.select_for_update(of=("self",)).filter(donor__in=donors, year__in=years)
    missing = set(past) - set(rows.order_by("pk").values_list("donor_id", "year"))
    told = _told(missing)
    late = {(donor, year) for donor, year in missing - told if year in begun}
    if late:
        may = set(
            statement_people.can_be_told().filter(pk__in={donor for donor, _ in late}).values_list("pk", flat=True)
        )
        late = {(donor, year) for donor, year in late if donor in may}
    due = [StatementDue(donor_id=donor, year=year) for donor, year in told]
    due += [StatementDue(donor_id=donor, year=year, run_id=begun[year]) for donor, year in late]
    if due:
        # In one order, so that two of these never wait for each other.
        due.sort(key=lambda one: (one.donor_id, one.year))
        StatementDue.objects.bulk_create(due, ignore_conflicts=True)
        nudge.after_commit(TASK)


def _begun(years: Collection[int]) -> dict[int, int]:
    """The runs of these years that have begun, by year. Locks all of these years' runs against their beginning."""
    with connection.cursor() as cursor:
        # Shared, which Django cannot say: gifts do not wait for each other, only for who begins or pauses the run.
        cursor.execute(
            "SELECT year, id, state FROM donations_statementrun WHERE year = ANY(%s) ORDER BY id FOR SHARE",
            [list(years)],
        )
        rows = cursor.fetchall()
    return {year: pk for year, pk, state in rows if state not in (State.COUNTING, State.COUNTED)}


def _told(years: Collection[tuple[int, int]]) -> set[tuple[int, int]]:
    """Those of (donor id, year) of which something was stated, to them or to a record that is theirs now."""
    if not years:
        return set()
    records = Donor.objects.records_of({donor for donor, _ in years})
    among = AnnualStatement.objects.filter(
        donor__in={pk for pks in records.values() for pk in pks}, year__in={year for _, year in years}
    )
    stated = set(among.values_list("donor_id", "year"))
    return {(donor, year) for donor, year in years if any((pk, year) in stated for pk in records[donor])}


@transaction.atomic
def look_again(due_id: int, actor: str) -> bool:
    """A statement that waited with its trouble is tried now: somebody put it right. False when none waits any more.

    Locks what is due; safe twice.
    """
    due = StatementDue.objects.select_for_update(of=("self",)).select_related("donor").filter(pk=due_id).first()
    if due is None:
        return False
    audit.record(actor, "look at statement again", due.donor, before={"year": due.year, "trouble": due.trouble})
    due.due_at, due.trouble = clock.now(), ""
    due.save(update_fields=["due_at", "trouble"])
    nudge.after_commit(TASK)
    return True
