"""A year's statements for everyone: counted first, then made in the background, with pause and resume."""

from dataclasses import dataclass
from datetime import date

from django.db import connection, transaction
from django.db.models import Exists, OuterRef, Q

from donations.models import AnnualStatement, Policy, ReceiptPdf, RenderTrouble, StatementDue, StatementRun
from donations.receipts import statement_count, statement_people, statements
from nonprofit import audit, clock, nudge
from nonprofit.models import OutgoingEmail

COUNT, ISSUE = "donations.tasks.count_statements", "donations.tasks.issue_statements"
State = StatementRun.State


class CannotRun(Exception):
    """The run cannot do that now; the text says why to the person who asked."""


def first_day(year: int) -> date:
    """Before it the year's slow payments have not settled, unless finance says another day (domain rule 55)."""
    return date(year + 1, 1, Policy.get().statements_from_day)


@transaction.atomic
def plan(year: int, *, not_before: date, actor: str) -> StatementRun:
    """There is a run for the year, which is being counted; nobody gets anything yet. Safe twice: a year has one run.

    Raises CannotRun.
    """
    if year >= clock.today().year:
        raise CannotRun(f"{year} is not over yet. Statements tell a whole calendar year.")
    if not_before <= date(year, 12, 31):
        raise CannotRun(f"The first day must lie after {year}.")
    run, is_new = StatementRun.objects.get_or_create(year=year, defaults={"not_before": not_before, "made_by": actor})
    if is_new:
        audit.record(actor, "plan statements", run, after={"not_before": not_before.isoformat()})
        nudge.after_commit(COUNT, run.pk)
    return run


@transaction.atomic
def move(run_id: int, *, not_before: date, actor: str) -> StatementRun:
    """The run begins no earlier than another day. Locks the run. Raises CannotRun."""
    run = _locked(run_id)
    if run.state not in (State.COUNTING, State.COUNTED):
        raise CannotRun("It has begun already.")
    if not_before <= date(run.year, 12, 31):
        raise CannotRun(f"The first day must lie after {run.year}.")
    if not_before != run.not_before:
        was, run.not_before = run.not_before, not_before
        run.save(update_fields=["not_before"])
        days = [{"not_before": day.isoformat()} for day in (was, not_before)]
        audit.record(actor, "move statements", run, before=days[0], after=days[1])
    return run


@transaction.atomic
def count_again(run_id: int, actor: str) -> StatementRun:
    """The dry run is made anew: something was put right since. Locks the run; safe twice. Raises CannotRun."""
    run = _locked(run_id)
    if run.state == State.COUNTED:
        run.state = State.COUNTING
        run.save(update_fields=["state"])
        audit.record(actor, "count statements", run)
        nudge.after_commit(COUNT, run.pk)
    elif run.state != State.COUNTING:
        raise CannotRun("It has begun; what it made is counted on this page.")
    return run


def count(run_id: int) -> str:
    """Count what the run would make and what stands in the way; the state it is in then. Changes nothing else.

    Call outside any transaction. Safe twice and after a kill: it begins anew.
    """
    run = StatementRun.objects.get(pk=run_id)
    if run.state == State.COUNTING:
        counts = statement_count.of(run)
        StatementRun.objects.filter(pk=run_id, state=State.COUNTING).update(state=State.COUNTED, counts=counts)
        run.refresh_from_db(fields=["state"])
    return run.state


@transaction.atomic
def start(run_id: int, actor: str) -> StatementRun:
    """Everybody with something to state waits for a statement, and the work begins. Locks the run.

    Safe twice and twice at once: nobody waits twice, and who had a statement of the year gets none by this.
    Raises CannotRun: not counted yet, or not the day yet.
    """
    run = _locked(run_id)
    if run.state in (State.RUNNING, State.DONE):
        return run
    if run.state != State.COUNTED:
        raise CannotRun(f"Only a run that was counted can start; this one is {run.get_state_display()}.")
    if clock.today() < run.not_before:
        raise CannotRun(f"Not before {run.not_before:%B} {run.not_before.day}, {run.not_before.year}.")
    people = statement_people.without_one(run.year)
    sql, params = people.order_by("pk").values("pk").query.sql_with_params()
    with connection.cursor() as cursor:
        cursor.execute(
            # Our own query, made by Django; what people typed comes in as parameters.
            f"""INSERT INTO donations_statementdue (donor_id, year, run_id, due_at, trouble)
                SELECT who.pk, %s, %s, %s, '' FROM ({sql}) who ON CONFLICT DO NOTHING""",  # nosec B608
            [run.year, run.pk, clock.now(), *params],
        )
        due = cursor.rowcount
    run.state, run.started_at, run.counts = State.RUNNING, clock.now(), run.counts | {"started": due}
    run.save(update_fields=["state", "started_at", "counts"])
    audit.record(actor, "start statements", run, after={"due": due})
    nudge.after_commit(ISSUE)
    return run


@transaction.atomic
def pause(run_id: int, actor: str) -> StatementRun:
    """No more statements are numbered until somebody resumes; those that have a number still leave. Safe twice.

    Locks the run. Raises CannotRun.
    """
    return _turn(run_id, State.RUNNING, State.PAUSED, "pause statements", actor)


@transaction.atomic
def resume(run_id: int, actor: str) -> StatementRun:
    """The paused run goes on where it was. Locks the run; safe twice. Raises CannotRun."""
    run = _turn(run_id, State.PAUSED, State.RUNNING, "resume statements", actor)
    nudge.after_commit(ISSUE)
    return run


def _turn(run_id: int, before: State, after: State, deed: str, actor: str) -> StatementRun:
    run = _locked(run_id)
    if run.state == after:
        return run
    if run.state != before:
        raise CannotRun(f"It is {run.get_state_display()}.")
    run.state = after
    run.save(update_fields=["state"])
    audit.record(actor, deed, run)
    return run


def _locked(run_id: int) -> StatementRun:
    return StatementRun.objects.select_for_update().get(pk=run_id)


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a run is. due: still to be numbered; held: of those, who wait with a trouble; drawn: PDFs that are kept;
    failed: papers that could not be made; mailed: letters that were queued, sent: those that left.
    """

    due: int
    held: int
    numbered: int
    drawn: int
    failed: int
    mailed: int
    sent: int

    @property
    def total(self) -> int:
        return self.due + self.numbered


def progress(run: StatementRun) -> Progress:
    """Counted from the rows themselves, so that it is true whatever died on the way."""
    due = StatementDue.objects.filter(run=run)
    pdfs = ReceiptPdf.objects.filter(receipt__statement__run=run)
    return Progress(
        due=due.count(),
        held=due.exclude(trouble="").count(),
        numbered=AnnualStatement.objects.filter(run=run).count(),
        drawn=pdfs.count(),
        failed=RenderTrouble.objects.filter(receipt__statement__run=run).count(),
        mailed=pdfs.filter(email__isnull=False).count(),
        sent=pdfs.filter(email__status=OutgoingEmail.Status.SENT).count(),
    )


def finish() -> int:
    """Runs are done of which nothing is left but what waits for a person; how many became so."""
    to_number = StatementDue.objects.filter(run=OuterRef("pk"), trouble="")
    to_draw = AnnualStatement.objects.filter(
        run=OuterRef("pk"), receipt__pdf__isnull=True, receipt__trouble__isnull=True
    )
    running = StatementRun.objects.filter(~Q(Exists(to_number)) & ~Q(Exists(to_draw)), state=State.RUNNING)
    return running.update(state=State.DONE, finished_at=clock.now())


def sweep() -> None:
    """Counts and statements left behind by a lost nudge or a dead worker are gone on with."""
    for pk in StatementRun.objects.filter(state=State.COUNTING).values_list("pk", flat=True):
        nudge.now(COUNT, pk)
    if statements.waiting().filter(due_at__lte=clock.now()).exists():
        nudge.now(ISSUE)
    finish()
