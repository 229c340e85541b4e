"""The portal's pages of a monthly gift: everything can be changed by forms alone, and by nobody else."""

from datetime import date
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from donations import gateway
from donations.models import Installment, Plan
from donations.recurring import cards, charging, dates
from nonprofit import clock
from nonprofit.models import AuditEntry, User
from sandbox.server import Sandbox
from tests import builders
from tests.donations.recurring import saved
from tests.donations.recurring.saved import at
from tests.members import people

TODAY = date(2026, 11, 26)
pytestmark = pytest.mark.django_db
CHANGES = ["amount", "day", "fund", "skip", "unskip", "pause", "resume", "stop", "restart"]


@pytest.fixture
def ana(client: Client) -> Client:
    builders.organization()
    client.force_login(User.objects.create_user("ana@example.org"))
    return client


def plan_of_ana(**fields: Any) -> Plan:
    user = User.objects.get(email="ana@example.org")
    return builders.plan(donor=builders.donor(name="Ana Silva", email="ana@example.org", user=user), **fields)


def address(plan: Plan, what: str = "") -> str:
    return reverse("members:plan_change", args=[plan.pk, what]) if what else reverse("members:plan", args=[plan.pk])


def say(client: Client, plan: Plan, what: str, **typed: object) -> str:
    """Send the form, and read what the page says next."""
    answer = client.post(address(plan, what), typed, follow=True)
    return answer.content.decode()


def test_the_page_says_how_it_stands_and_leads_to_every_change(ana: Client) -> None:
    plan = plan_of_ana()
    page = ana.get(address(plan)).content.decode()
    for words in ("$25 monthly", "December 15, 2026", "Visa ending 4242", "General support", "Stop this gift"):
        assert words in page
    for what in ("amount", "day", "fund", "skip", "pause", "stop"):
        assert address(plan, what) in page
        assert ana.get(address(plan, what)).status_code == 200


def test_everything_is_changed_by_forms(ana: Client) -> None:
    plan = plan_of_ana()
    fund = builders.fund(code="200-INV", name="Investigations")
    with at(TODAY):
        assert "Saved: $40 monthly" in say(ana, plan, "amount", amount="40")
        assert "next on December 20, 2026" in say(ana, plan, "day", interval="quarter", day="20")
        assert "it goes to Investigations" in say(ana, plan, "fund", fund=fund.pk)
        assert "Nothing is charged on December 20" in say(ana, plan, "skip", due_on="2026-12-20")
        assert "the next gift is on December 20" in say(ana, plan, "unskip", due_on="2026-12-20")
        assert "Paused. The next gift is on March 20, 2027" in say(ana, plan, "pause", months="3")
        assert "Welcome back" in say(ana, plan, "resume")
        assert "Your gift has ended" in say(ana, plan, "stop", words="Too many")
        assert "begins again on December 20" in say(ana, plan, "restart", first="usual")
    new = Plan.objects.get(follows=plan)
    assert (new.status, new.amount_minor, new.interval) == ("active", 4000, "quarter")
    assert set(AuditEntry.objects.filter(target_type="plan").values_list("actor", flat=True)) == {"supporter"}


def test_begin_again_is_offered_once_stripe_has_confirmed_the_end(ana: Client) -> None:
    plan = plan_of_ana(
        provider="stripe",
        stripe_subscription_id="sub_1",
        status="ended",
        end="asked",
        ended_at=clock.now(),
        next_due_on=None,
        at_stripe="cancel",
    )
    page = ana.get(address(plan)).content.decode()
    assert "has not confirmed yet that it charges no more" in page
    assert address(plan, "restart") not in page
    Plan.objects.update(at_stripe="")
    page = ana.get(address(plan)).content.decode()
    assert "has not confirmed" not in page
    assert address(plan, "restart") in page


def test_bad_input_says_what_is_wrong_and_keeps_what_was_typed(ana: Client) -> None:
    plan = plan_of_ana()
    answer = ana.post(address(plan, "amount"), {"amount": "0.10"})
    assert answer.status_code == 422
    assert "The smallest gift" in answer.content.decode()
    assert 'value="0.10"' in answer.content.decode()
    answer = ana.post(address(plan, "amount"), {"amount": "4242 4242 4242 4242"})
    assert answer.status_code == 422
    assert Plan.objects.get().amount_minor == 2500


@pytest.mark.parametrize("what", CHANGES)
def test_nobody_sees_or_changes_anothers_gift(ana: Client, what: str) -> None:
    theirs = builders.plan(donor=builders.donor(user=User.objects.create_user("luis@example.org")))
    for path in (
        address(theirs),
        address(theirs, what),
        reverse("members:plan_card", args=[theirs.pk]),
        reverse("members:plan_card_saved", args=[theirs.pk]),
        reverse("members:plan_confirm", args=[theirs.pk]),
        reverse("members:plan_confirmed", args=[theirs.pk]),
    ):
        assert ana.get(path).status_code == 404
        assert ana.post(path, {"amount": "30", "words": ""}).status_code in (404, 405)
    assert Plan.objects.filter(status="active", amount_minor=2500).count() == 1
    assert AuditEntry.objects.filter(target_type="plan").count() == 0


def test_strangers_are_sent_to_sign_in(client: Client) -> None:
    plan = builders.plan()
    assert client.get(address(plan))["Location"].startswith("/accounts/login/")
    assert client.post(address(plan, "stop"))["Location"].startswith("/accounts/login/")


@pytest.mark.django_db(transaction=True)
def test_a_card_is_the_gifts_only_when_stripe_says_so(ana: Client, stripe_sandbox: Sandbox) -> None:
    plan = saved.plan(donor=plan_of_ana().donor)
    opened = ana.post(reverse("members:plan_card", args=[plan.pk]), {"attempt": "a1"}).json()
    again = ana.post(reverse("members:plan_card", args=[plan.pk]), {"attempt": "a1"}).json()
    assert opened == again
    setup_id = opened["client_secret"].split("_secret_")[0]
    # The browser says it is done, and it is not.
    page = ana.get(opened["next"], {"setup_intent": setup_id}, follow=True).content.decode()
    assert "The card was not saved" in page
    assert Plan.objects.get(pk=plan.pk).stripe_payment_method_id == plan.stripe_payment_method_id
    other = saved.plan()
    theirs = cards.begin(other.pk, attempt="b")
    page = ana.get(opened["next"], {"setup_intent": theirs.id}, follow=True).content.decode()
    assert "saved for another gift" in page
    stripe_sandbox.faults.add("down")
    page = ana.get(opened["next"], {"setup_intent": setup_id}, follow=True).content.decode()
    assert "has not answered yet" in page


@pytest.mark.django_db(transaction=True)
def test_what_the_bank_said_is_asked_and_not_believed(ana: Client, stripe_sandbox: Sandbox) -> None:
    plan = saved.plan(saved.ASKS, donor=plan_of_ana().donor)
    with at(date(2026, 12, 15)):
        dates.come_due()
        charging.charge_due()
        one = Installment.objects.get(plan=plan)
        assert one.status == "waiting"
        ana.force_login(User.objects.get(email="ana@example.org"))
        assert "wants you to say yes" in ana.get(address(plan)).content.decode()
        opened = ana.post(reverse("members:plan_confirm", args=[plan.pk])).json()
        assert opened["payment_method"] == plan.stripe_payment_method_id
        page = ana.get(opened["next"], follow=True).content.decode()
        assert "did not confirm it" in page
        assert gateway.retrieve_payment(opened["client_secret"].split("_secret_")[0]).is_paid is False


def test_the_first_screen_shows_a_failed_card_as_a_calm_card_with_one_button(ana: Client) -> None:
    plan = plan_of_ana(status="waiting", waiting_for="card")
    people.gave("ana@example.org", 2500)
    page = ana.get(reverse("members:portal")).content.decode()
    assert "Your card does not work any more" in page
    assert reverse("members:plan_card", args=[plan.pk]) in page
