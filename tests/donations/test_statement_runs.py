"""A year's statements for everyone: counted first, not before the day, paused, resumed, twice at once, done."""

import threading
from collections.abc import Iterator
from datetime import date

import pytest
import time_machine
from django.db import connection, transaction
from django.test import Client
from django.urls import reverse
from pytest_django.fixtures import Settings

from donations import tasks
from donations.models import AnnualStatement, Donor, Policy, RenderTrouble, SoftCredit, StatementDue, StatementRun
from donations.receipts import issue, making, statement_due, statement_runs, statements
from nonprofit.models import AuditEntry, OutgoingEmail
from tests import builders
from tests.donations import mailbag, yearly
from tests.donations.test_settle import at_once
from tests.donations.yearly import YEAR, gave, supporter

pytestmark = pytest.mark.django_db
State = StatementRun.State
DAY = date(2027, 1, 15)


@pytest.fixture(autouse=True)
def _january(settings: Settings) -> Iterator[None]:
    settings.REQUIRE_STAFF_MFA = False
    with time_machine.travel(yearly.JANUARY, tick=True):
        yield


def counted(*, not_before: date = DAY) -> StatementRun:
    run = statement_runs.plan(YEAR, not_before=not_before, actor="staff:1")
    statement_runs.count(run.pk)
    run.refresh_from_db()
    return run


def worked() -> None:
    """As the workers do: until nothing is left that can be made."""
    while yearly.issued().looked_at:
        pass
    making.prepare_all(list(making.unmade().values_list("pk", flat=True)))
    statement_runs.finish()


def everybody() -> dict[str, Donor]:
    """A supporter for each case, with a gift of the year."""
    people = {
        "email": supporter(),
        "household": supporter(kind="household", addressee="Ana and Luis Silva"),
        "paper": supporter(email=None),
        "no_mail": supporter(email=None, is_not_mailed=True),
        "homeless": builders.donor(email=None),
        "dead": supporter(is_deceased=True),
        "company": supporter(kind="company"),
        "sponsor": supporter(kind="daf_sponsor"),
        "foundation": supporter(kind="foundation"),
        "letterless": supporter(kind="foundation", wants_no_letter=True),
        "unknown": builders.donor(kind="unknown", email=None),
    }
    kinds = {"sponsor": "daf", "foundation": "foundation", "letterless": "foundation", "company": "match"}
    for name, donor in people.items():
        gave(kinds.get(name, "cash"), donor=donor)
    people["advisor"] = supporter()
    SoftCredit.objects.create(gift=people["sponsor"].gifts.get(), donor=people["advisor"], role=SoftCredit.Role.ADVISOR)
    people["disputed"] = supporter()
    yearly.went(gave("cash", donor=people["disputed"]), "dispute", -5000, on=date(2026, 4, 1), status="disputed")
    people["waiting"] = supporter()
    mailbag.record("cash", donor=people["waiting"], on=date(2026, 3, 3))
    return people


STATED = {
    *("email", "household", "paper", "no_mail", "homeless", "dead", "company", "foundation", "advisor", "waiting"),
}


def test_the_dry_run_counts_everybody_once_and_ties_to_the_ledger() -> None:
    people = everybody()
    gave("ira", donor=people["email"], amount_minor=70_000)
    gave("payroll", donor=people["email"], amount_minor=1_200)
    gave("stock", donor=people["email"])
    mailbag.record("cash", donor=people["waiting"], on=date(2026, 3, 4))

    run = counted()

    assert run.state == State.COUNTED
    counts = run.counts
    assert counts["statements"] == len(STATED)
    assert (counts["email"], counts["paper"], counts["nowhere"]) == (6, 1, 3)
    assert (counts["held"], counts["disputed"], counts["unreceipted"]) == (1, 1, 0)
    assert counts["sums"] == [
        ["cash", "usd", 9 * 5000, 9 * 5000],
        ["ira", "usd", 70_000, 70_000],
        ["grant", "usd", 5000, 5000],
        ["thanked", "usd", 1_200, 1_200],
        ["untold", "usd", 0, 3 * 5000],
    ]
    assert AnnualStatement.objects.count() == 0
    assert StatementDue.objects.count() == 0


def test_it_makes_one_for_everybody_and_is_done_but_for_who_waits() -> None:
    people = everybody()
    run = counted()

    statement_runs.start(run.pk, "staff:1")
    worked()

    run.refresh_from_db()
    assert run.state == State.DONE
    stated = set(AnnualStatement.objects.values_list("donor", flat=True))
    assert stated == {people[name].pk for name in STATED - {"waiting"}}
    assert StatementDue.objects.get().donor == people["waiting"]
    assert OutgoingEmail.objects.filter(template="statement").count() == 5
    at = statement_runs.progress(run)
    assert (at.due, at.held, at.numbered, at.drawn, at.failed, at.mailed) == (1, 1, 9, 9, 0, 5)

    issue.issue_due()
    StatementDue.objects.update(due_at="2027-01-20T00:00:00Z")
    worked()
    assert AnnualStatement.objects.get(donor=people["waiting"]).run == run
    assert AuditEntry.objects.filter(action="start statements", after={"due": 10}).count() == 1


def test_not_before_the_day_and_not_before_the_year_is_over() -> None:
    gave("cash", donor=supporter())
    with pytest.raises(statement_runs.CannotRun, match="not over yet"):
        statement_runs.plan(2027, not_before=date(2028, 1, 15), actor="staff:1")
    with pytest.raises(statement_runs.CannotRun, match="after 2026"):
        statement_runs.plan(YEAR, not_before=date(2026, 12, 31), actor="staff:1")
    run = counted(not_before=date(2027, 1, 21))
    with pytest.raises(statement_runs.CannotRun, match="Not before January 21, 2027"):
        statement_runs.start(run.pk, "staff:1")
    assert StatementDue.objects.count() == 0

    statement_runs.move(run.pk, not_before=date(2027, 1, 20), actor="staff:1")
    assert statement_runs.start(run.pk, "staff:1").state == State.RUNNING
    with pytest.raises(statement_runs.CannotRun, match="begun"):
        statement_runs.move(run.pk, not_before=DAY, actor="staff:1")


def test_the_first_day_is_policy() -> None:
    assert statement_runs.first_day(2026) == date(2027, 1, 15)
    Policy.objects.update_or_create(pk=1, defaults={"statements_from_day": 22})
    assert statement_runs.first_day(2026) == date(2027, 1, 22)


def test_paused_it_numbers_none_and_resumed_it_goes_on_where_it_was() -> None:
    for _ in range(5):
        gave("cash", donor=supporter())
    run = counted()
    statement_runs.start(run.pk, "staff:1")
    assert len(statements.issue_due(2).numbered) == 2

    statement_runs.pause(run.pk, "staff:1")
    assert statement_runs.pause(run.pk, "staff:1").state == State.PAUSED
    assert statements.issue_due() == statements.Issued(0, [])
    assert statement_runs.finish() == 0
    statement_runs.resume(run.pk, "staff:1")
    worked()

    assert AnnualStatement.objects.count() == 5
    run.refresh_from_db()
    assert run.state == State.DONE
    with pytest.raises(statement_runs.CannotRun, match="It is done"):
        statement_runs.pause(run.pk, "staff:1")


def test_what_cannot_be_drawn_does_not_hold_the_run() -> None:
    for _ in range(3):
        gave("cash", donor=supporter())
    run = counted()
    statement_runs.start(run.pk, "staff:1")
    numbered = statements.issue_due().numbered
    RenderTrouble.objects.create(receipt_id=numbered[1], reason="the template is broken")
    assert statement_runs.finish() == 0, "two are still to be drawn"

    tasks.render_receipts(numbered[:1] + numbered[2:])

    run.refresh_from_db()
    assert run.state == State.DONE
    assert statement_runs.progress(run).failed == 1


def test_a_second_run_of_the_year_is_the_first_and_sends_nothing_again() -> None:
    gave("cash", donor=supporter())
    run = counted()
    statement_runs.start(run.pk, "staff:1")
    worked()
    assert statement_runs.plan(YEAR, not_before=DAY, actor="staff:2") == run
    assert statement_runs.start(run.pk, "staff:2").state == State.DONE
    worked()
    assert AnnualStatement.objects.count() == 1
    assert OutgoingEmail.objects.filter(template="statement").count() == 1


@pytest.mark.django_db(transaction=True)
def test_started_and_counted_twice_at_once() -> None:
    for _ in range(4):
        gave("cash", donor=supporter())
    run = counted()
    assert at_once(3, lambda n: statement_runs.start(run.pk, f"staff:{n}")) == []
    assert at_once(3, lambda _: statement_runs.sweep()) == []
    assert StatementDue.objects.count() == 4
    assert AuditEntry.objects.filter(action="start statements").count() == 1


# ---- Pages ----------------------------------------------------------------------------------------------------------


def desk(client: Client, group: str) -> Client:
    client.force_login(builders.staff(group))
    return client


def test_finance_plans_looks_starts_pauses_and_resumes(client: Client) -> None:
    people = everybody()
    finance = desk(client, "Finance")
    plan = reverse("admin:donations_statementrun_plan")
    assert 'value="2026"' in finance.get(plan).content.decode()
    assert finance.post(plan, {"year": "2027", "not_before": "2028-01-15"}).status_code == 422
    assert finance.post(plan, {"year": "2026", "not_before": "2027-01-15"}).status_code == 302
    run = StatementRun.objects.get()
    page = reverse("admin:donations_statementrun_change", args=[run.pk])
    assert "being worked out" in finance.get(page).content.decode()
    statement_runs.count(run.pk)

    shown = finance.get(page).content.decode()
    assert "Make and send the statements for 2026" in shown
    assert "$40.00" not in shown
    rows = reverse("admin:donations_statementrun_rows", args=[run.pk, "paper"])
    assert rows in shown
    assert people["paper"].name in finance.get(rows).content.decode()
    assert finance.get(reverse("admin:donations_statementrun_rows", args=[run.pk, "none"])).status_code == 404
    assert (
        people["disputed"].name
        in finance.get(reverse("admin:donations_statementrun_rows", args=[run.pk, "disputed"])).content.decode()
    )

    for name, state in (("start", "running"), ("pause", "paused"), ("resume", "running")):
        finance.post(reverse(f"admin:donations_statementrun_{name}", args=[run.pk]))
        run.refresh_from_db()
        assert run.state == state
        assert finance.get(page).status_code == 200
    worked()
    told = finance.get(reverse("admin:donations_statementrun_progress", args=[run.pk])).json()
    assert told == {
        "is_busy": False,
        "done": 10,
        "total": 10,
        "words": "9 of 10 numbered, 9 made, 5 letters, 0 sent, 1 wait with a reason",
    }
    assert "is not made yet" in finance.get(page).content.decode()


def test_the_pages_of_a_statement_and_its_supporter_show_it(client: Client) -> None:
    ana = supporter(name="Ana Silva")
    gave("cash", donor=ana)
    yearly.due(ana)
    yearly.issued()
    receipt = yearly.stated(ana).receipt
    finance = desk(client, "Finance")
    lists = finance.get(reverse("admin:donations_receipt_changelist")).content.decode()
    assert receipt.number in lists
    shown = finance.get(reverse("admin:donations_receipt_change", args=[receipt.pk])).content.decode()
    assert "Your gifts in 2026" in shown
    assert receipt.number in finance.get(reverse("admin:donations_donor_change", args=[ana.pk])).content.decode()


def test_a_paper_that_could_not_be_made_is_on_the_desk_and_tried_again(client: Client) -> None:
    ana = supporter()
    gave("cash", donor=ana)
    yearly.due(ana)
    pk = statements.issue_due().numbered[0]
    trouble = RenderTrouble.objects.create(receipt_id=pk, reason="the template is broken")
    finance = desk(client, "Finance")
    assert "Papers that could not be made" in finance.get(reverse("admin:index")).content.decode()
    page = reverse("admin:donations_rendertrouble_change", args=[trouble.pk])
    assert "the template is broken" in finance.get(page).content.decode()
    again = reverse("admin:donations_rendertrouble_try_again", args=[trouble.pk])
    assert finance.post(again, {"back": page}).status_code == 302
    tasks.render_receipts([pk])
    assert not RenderTrouble.objects.exists()


@pytest.mark.parametrize("state", [State.RUNNING, State.PAUSED, State.DONE])
def test_whose_only_gift_comes_after_the_run_began_gets_a_statement_of_it(state: str) -> None:
    gave("cash", donor=supporter())
    run = counted()
    statement_runs.start(run.pk, "staff:1")
    worked()
    StatementRun.objects.update(state=state)
    late, sponsor = supporter(), supporter(kind="daf_sponsor")
    before = supporter()
    gave("cash", donor=before, on=date(2025, 12, 30))

    gave("daf", donor=sponsor)
    gift = gave("cash", donor=late, on=date(2026, 12, 31))

    waits = StatementDue.objects.get()
    assert (waits.donor, waits.run, waits.year) == (late, run, YEAR)
    worked()
    if state == State.PAUSED:
        assert StatementDue.objects.count() == 1
        statement_runs.resume(run.pk, "staff:1")
        worked()
    assert yearly.lines(yearly.stated(late))["cash"][0][2] == gift.paper.number
    assert AnnualStatement.objects.count() == 2


def test_nobody_waits_before_the_run_begins() -> None:
    gave("cash", donor=supporter())
    counted()
    gave("cash", donor=supporter())
    assert StatementDue.objects.count() == 0


@pytest.mark.django_db(transaction=True)
def test_a_gift_that_is_being_booked_while_the_run_begins_is_in_it() -> None:
    run, late = counted(), supporter()

    def begin() -> None:
        statement_runs.start(run.pk, "staff:1")
        connection.close()

    began = threading.Thread(target=begin)
    with transaction.atomic():
        mailbag.record("cash", donor=late, on=date(2026, 12, 31))
        began.start()
        # Long enough for it to look and to find nobody, if it did not wait for the gift.
        began.join(timeout=1)
    began.join(timeout=20)
    assert StatementDue.objects.get().donor == late


def test_many_late_gifts_cost_a_few_statements(django_assert_max_num_queries: object) -> None:
    run = counted()
    statement_runs.start(run.pk, "staff:1")
    gifts = [mailbag.record("cash", donor=supporter(), on=date(2026, 12, 31)) for _ in range(20)]
    StatementDue.objects.all().delete()
    with django_assert_max_num_queries(10):  # type: ignore[operator]
        statement_due.changed_all(gifts)
    assert StatementDue.objects.count() == 20
    this_year = [gave("cash", donor=supporter(), on=date(2027, 1, 4))]
    with django_assert_max_num_queries(0):  # type: ignore[operator]
        statement_due.changed_all(this_year)
