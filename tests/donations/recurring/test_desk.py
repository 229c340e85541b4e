"""Monthly gifts at the desk: changed for somebody on the phone, what is to come, the switch, a day that stopped."""

import html
import re
from datetime import date, timedelta

import pytest
from django.contrib.auth.models import Permission
from django.test import Client
from django.urls import reverse
from pytest_django.fixtures import Settings

from donations.admin.charging import charging_stopped
from donations.models import ChargeDay, Plan, Renewals
from nonprofit import clock
from nonprofit.models import AuditEntry, OutgoingEmail
from tests import builders
from tests.donations.recurring.saved import at

pytestmark = pytest.mark.django_db
TODAY = date(2026, 11, 26)


@pytest.fixture
def desk(client: Client, settings: Settings) -> Client:
    settings.REQUIRE_STAFF_MFA = False
    client.force_login(builders.staff("Administrator"))
    return client


def read(client: Client, name: str, *args: object) -> str:
    return client.get(reverse(f"admin:donations_{name}", args=args), follow=True).content.decode()


def test_staff_change_a_gift_for_somebody_as_themselves_and_the_letter_goes_out(desk: Client) -> None:
    plan = builders.plan()
    page = read(desk, "plan_change", plan.pk)
    where = reverse("admin:donations_plan_ask", args=[plan.pk, "pause"])
    assert where in page
    with at(TODAY):
        desk.force_login(builders.staff("Administrator", email="sam@example.org"))
        answer = desk.post(where, {"months": "2", "reason": "called on Tuesday"}, follow=True)
    assert "Paused. The next gift is on February 15, 2027" in answer.content.decode()
    entry = AuditEntry.objects.get(action="pause")
    assert (entry.actor[:6], entry.reason) == ("staff:", "called on Tuesday")
    assert OutgoingEmail.objects.get().subject == "Your monthly gift is paused"


def test_what_a_verb_refuses_stands_on_the_form_with_what_was_typed(desk: Client) -> None:
    plan = builders.plan()
    answer = desk.post(reverse("admin:donations_plan_ask", args=[plan.pk, "amount"]), {"amount": "0.50", "reason": "x"})
    page = answer.content.decode()
    assert "The smallest gift we can take by card" in page
    assert 'value="0.50"' in page
    assert Plan.objects.get().amount_minor == 2500


def test_the_desks_figures_lead_only_where_one_may_go(desk: Client) -> None:
    plan = builders.plan(next_due_on=clock.today())
    looker = builders.staff()
    looker.user_permissions.add(Permission.objects.get(codename="view_plan"))
    for user, is_open in ((builders.staff("Administrator"), True), (looker, False)):
        desk.force_login(user)
        page = desk.get(reverse("admin:index")).content.decode()
        links = {html.unescape(link) for link in re.findall(r'href="([^"]*/plan/[^"]*)"', page)}
        assert (reverse("admin:donations_plan_forecast") in links) == is_open
        assert {link: desk.get(link).status_code for link in links} == dict.fromkeys(links, 200)
    [listed] = [link for link in links if "next_due_on_to" in link]
    assert str(plan.donor) in desk.get(listed).content.decode()


def test_what_is_to_come_says_tomorrows_charges(desk: Client) -> None:
    builders.plan(next_due_on=clock.today())
    page = read(desk, "plan_forecast")
    assert "<strong>1</strong> charge of <strong>$25.00</strong>" in page
    assert "The next twelve months" in page


def test_the_switch_can_be_reached_before_anybody_has_changed_anything(desk: Client) -> None:
    assert not Renewals.objects.exists()
    page = read(desk, "renewals_changelist")
    assert "Charging is on" in page
    where = reverse("admin:donations_renewals_change", args=[1])
    values = {"from_hour": "8", "most_count": "20000", "most_minor": "1000000"}
    desk.post(where, {**values, "most_declined_percent": "40", "ends_unpaid_after_days": "60"})
    assert (Renewals.get().is_on, Renewals.get().most_minor) == (False, 100_000_000)
    assert AuditEntry.objects.get(action="change renewals").after == {"is_on": False}
    assert "monthly gifts wait" in desk.get("/admin/").content.decode()


def test_a_day_that_stopped_goes_on_when_somebody_has_looked(desk: Client) -> None:
    day = ChargeDay.objects.create(on=clock.today(), stopped_why="41 % were declined", stopped_at=clock.now())
    assert "41 % were declined" in desk.get("/admin/").content.decode()
    for _ in range(2):
        desk.post(reverse("admin:donations_chargeday_go_on", args=[day.pk]))
    day.refresh_from_db()
    assert day.stopped_at is None
    assert day.let_go_on_by is not None
    assert AuditEntry.objects.filter(action="let charging go on").count() == 1


def test_charges_without_an_answer_and_dates_that_do_not_come_stand_on_the_desk(desk: Client) -> None:
    plans = [builders.plan(next_due_on=clock.today() - timedelta(days=2)) for _ in range(3)]
    for plan, hours in zip(plans, (0, 30, 80), strict=True):
        one = {"due_on": date(2026, 11, 15), "amount_minor": 2500, "currency": "usd", "status": "unknown"}
        claimed_at = clock.now() - timedelta(hours=hours)
        plan.installments.create(gift=builders.pending_gift(plan=plan), claimed_at=claimed_at, **one)
    figures = charging_stopped(desk.get("/admin/").wsgi_request)
    told = {figure.label: figure for figure in figures}
    oldest = clock.local_date(clock.now() - timedelta(hours=80))
    silent, late = told["Charges without an answer"], told["Dates that do not come"]
    assert (silent.value, silent.is_trouble, silent.note) == ("2", True, f"since {oldest:%B} {oldest.day}")
    assert (late.value, late.is_trouble) == ("3", True)
    page = desk.get(silent.url).content.decode()
    assert page.count("outcome not known yet") >= 3
    assert desk.get(late.url).content.decode().count("field-amount_shown") == 3
    desk.force_login(builders.staff("Data entry"))
    assert charging_stopped(desk.get("/admin/").wsgi_request) == []
