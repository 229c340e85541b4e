"""Who waits for a yearly statement, beside those of a run: supporters whose year was told and has changed since."""

from collections.abc import Sequence

from django.db import transaction

from donations.models import AnnualStatement, Gift, StatementDue
from nonprofit import audit, clock, nudge

TASK = "donations.tasks.issue_statements"


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
    this_year = clock.today().year
    touched = {(gift.donor_id or 0, gift.gift_on.year) for gift in gifts if gift.gift_on}
    past = {(donor, year) for donor, year in touched if year < this_year}
    if not past:
        return
    among = {"donor__in": {donor for donor, _ in past}, "year__in": {year for _, year in past}}
    told = set(AnnualStatement.objects.filter(**among).values_list("donor_id", "year"))
    waits = set(StatementDue.objects.filter(**among).values_list("donor_id", "year"))
    for donor, year in sorted(past & (told | waits)):
        make_due(donor, year)


@transaction.atomic
def make_due(donor_id: int, year: int) -> bool:
    """A new version of the supporter's statement is due, if they have had one; whether one is due now. Safe twice.

    Locks what is due.
    """
    if StatementDue.objects.select_for_update().filter(donor=donor_id, year=year).exists():
        return True
    if not AnnualStatement.objects.filter(donor=donor_id, year=year).exists():
        return False
    # A worker that numbers the older version this moment is waited for: its row is unique until it is gone.
    StatementDue.objects.bulk_create([StatementDue(donor_id=donor_id, year=year)], ignore_conflicts=True)
    nudge.after_commit(TASK)
    return True


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
