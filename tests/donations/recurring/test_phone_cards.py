"""Another card told on the phone: saved when Stripe says so, once, as staff, with the words; else nothing changes."""

from datetime import date
from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.test import Client, override_settings
from django.urls import reverse
from pytest_django.fixtures import Settings

from donations import inbox
from donations.gateway.client import client as stripe_client
from donations.models import Plan
from donations.recurring import phone_cards, plans
from donations.recurring.plans import CannotChange
from donations.rules import consent
from nonprofit.models import AuditEntry, OutgoingEmail
from sandbox.server import Sandbox
from tests import builders
from tests.card_field import ASKS, DECLINED, GOOD, token
from tests.donations.recurring import saved
from tests.donations.recurring.saved import at, charge_all, only, taken, told
from tests.donations.test_settle import at_once

real = pytest.mark.django_db(transaction=True)
DUE = date(2026, 12, 15)
STAFF = "staff:7"


def take(plan: Plan, made: str) -> phone_cards.Taken:
    return phone_cards.take(plan.pk, made, said=phone_cards.words(plan), actor=STAFF)


def by_event(sandbox: Sandbox) -> None:
    """Stripe's list of events comes in, as the hourly sweep reads it."""
    inbox.sweep_stripe()
    while inbox.handle_due():
        pass


def standing(plan: Plan) -> tuple[str, str, str]:
    plan.refresh_from_db()
    return plan.stripe_payment_method_id, plan.card_last4, plan.consent_version


def test_the_words_name_amount_day_and_how_to_stop_and_what_is_owed() -> None:
    said = {"organization": "The Harbor Light", "amount": "$25.00", "frequency": "monthly", "on": DUE, "day": 15}
    assert consent.by_phone_card(**said) == (  # type: ignore[arg-type]
        "May The Harbor Light charge this card $25.00 on the 15th of every month, until you stop? "
        "You can change or stop at any time by calling us or replying to a receipt."
    )
    owed = consent.by_phone_card(**said, owed="$25.00")  # type: ignore[arg-type]
    assert "charge this card $25.00 today, which your old card declined, and $25.00 on the 15th" in owed


@real
def test_a_card_is_the_plans_with_its_words_and_who_took_it_and_one_letter(stripe_sandbox: Sandbox) -> None:
    plan = saved.plan()
    words, made = phone_cards.words(plan), token(GOOD)
    for _ in range(2):
        assert take(plan, made).outcome == "saved"
    by_event(stripe_sandbox)
    plan.refresh_from_db()
    assert (plan.card_last4, plan.consent_text, plan.consent_version) == ("4242", words, consent.PHONE_CARD_VERSION)
    entry = AuditEntry.objects.get(action="save card")
    assert (entry.actor, entry.reason) == (STAFF, f"agreed by phone, {consent.PHONE_CARD_VERSION}")
    assert told() == [f"card-{entry.pk}"]
    assert taken() == []


@real
def test_what_the_old_card_declined_is_paid_at_once(stripe_sandbox: Sandbox) -> None:
    plan = saved.plan(saved.DECLINES)
    with at(DUE):
        charge_all()
        assert "$25.00 today, which your old card declined" in phone_cards.words(plan)
        assert take(plan, token(GOOD)).outcome == "saved"
        charge_all()
    assert only(plan).status == "paid"
    assert taken() == [2500]
    saved.assert_tied()


@real
def test_twice_at_once_it_is_one_card(stripe_sandbox: Sandbox) -> None:
    plan, made = saved.plan(), token(GOOD)
    said, outcomes = phone_cards.words(plan), []

    def work(_: int) -> None:
        outcomes.append(phone_cards.take(plan.pk, made, said=said, actor=STAFF).outcome)

    assert at_once(4, work) == []
    # Stripe answers a request that is still under way with "ask again": the page says that it is not known yet.
    assert "saved" in outcomes
    assert set(outcomes) <= {"saved", "unknown"}
    assert AuditEntry.objects.filter(action="save card").count() == len(told()) == 1


@real
@pytest.mark.parametrize("kind", ["timeout_after", "down"])
def test_killed_or_unanswered_the_event_brings_card_words_and_staff(stripe_sandbox: Sandbox, kind: str) -> None:
    plan, made = saved.plan(), token(GOOD)
    before = standing(plan)
    slowness = {"seconds": 0.1} if kind == "timeout_after" else {}
    stripe_sandbox.faults.add(kind, path="/v1/setup_intents", method="POST", count=2, **slowness)
    assert take(plan, made).outcome == "unknown"
    stripe_sandbox.faults.clear()
    assert standing(plan) == before
    by_event(stripe_sandbox)
    if kind == "down":
        # It never came to Stripe: taken again, it is this card.
        assert standing(plan) == before
        assert take(plan, made).outcome == "saved"
    assert standing(plan)[1:] == ("4242", consent.PHONE_CARD_VERSION)
    assert AuditEntry.objects.get(action="save card").actor == STAFF


@real
def test_a_declined_card_changes_nothing_and_another_may_be_told(stripe_sandbox: Sandbox) -> None:
    plan = saved.plan()
    before = standing(plan)
    assert take(plan, token(DECLINED)) == phone_cards.Taken(phone_cards.Outcome.DECLINED, "generic_decline")
    by_event(stripe_sandbox)
    assert (standing(plan), told(), AuditEntry.objects.count()) == (before, [], 0)
    assert take(plan, token(GOOD)).outcome == "saved"


@real
def test_a_bank_that_wants_its_customer_is_not_asked_on_the_phone_and_not_at_all_with_moto(
    stripe_sandbox: Sandbox,
) -> None:
    plan = saved.plan()
    before = standing(plan)
    assert take(plan, token(ASKS)).outcome == "needs_caller"
    by_event(stripe_sandbox)
    assert (standing(plan), told()) == (before, [])
    with override_settings(STRIPE_MOTO=True):
        assert take(plan, token(ASKS)).outcome == "saved"
    assert standing(plan)[1] == "3184"


@real
def test_what_does_not_fit_is_refused_before_stripe_is_asked(stripe_sandbox: Sandbox) -> None:
    plan, made = saved.plan(), token(GOOD)
    with pytest.raises(CannotChange, match="words have changed"):
        phone_cards.take(plan.pk, made, said="May we?", actor=STAFF)
    plans.stop(plan.pk, by=plans.Agreed())
    with pytest.raises(CannotChange, match="does not run"):
        phone_cards.take(plan.pk, made, said="", actor=STAFF)
    theirs = builders.plan(provider="stripe", stripe_subscription_id="sub_1")
    assert not phone_cards.is_possible(theirs)
    assert list(stripe_client().v1.setup_intents.list()) == []


@pytest.mark.django_db(transaction=True)
def test_the_link_is_one_letter_however_often_it_is_asked_for() -> None:
    plan = builders.plan()

    def work(_: int) -> None:
        phone_cards.send_link(plan.pk, attempt="a1", actor=STAFF)

    assert at_once(4, work) == []
    work(0)
    letter = OutgoingEmail.objects.get()
    assert (letter.subject, letter.to) == ("Another card for your monthly gift", plan.donor and plan.donor.email)
    assert reverse("members:plan_card", args=[plan.pk]) in letter.text
    assert AuditEntry.objects.get().action == "send link for another card"


@real
def test_without_an_e_mail_there_is_no_link() -> None:
    plan = builders.plan(donor=builders.donor(email=None))
    with pytest.raises(CannotChange, match="no e-mail"):
        phone_cards.send_link(plan.pk, attempt="a1", actor=STAFF)
    assert (OutgoingEmail.objects.count(), AuditEntry.objects.count()) == (0, 0)


# --- the page ---------------------------------------------------------------------------------------------------------


@real
def test_on_the_page(client: Client, stripe_sandbox: Sandbox, settings: Settings) -> None:
    settings.REQUIRE_STAFF_MFA = False
    client.force_login(ruth := builders.staff("Staff"))
    plan = saved.plan()
    page = reverse("admin:donations_plan_card", args=[plan.pk])
    assert page in client.get(reverse("admin:donations_plan_change", args=[plan.pk])).content.decode()
    shown = client.get(page)
    words = phone_cards.words(plan)
    assert words in shown.content.decode()
    assert settings.STRIPE_SCRIPT_ORIGINS[0] in shown["Content-Security-Policy"]
    where = reverse("admin:donations_plan_card_take", args=[plan.pk])

    def post(**typed: Any) -> tuple[int, dict[str, str]]:
        answer = client.post(where, {"yes": "on", "words": words, **typed})
        return answer.status_code, answer.json()

    status, told_of = post(yes="", token=token(GOOD))
    assert (status, "tick the box" in told_of["error"]) == (409, True)
    status, told_of = post(token=token(DECLINED))
    assert (status, "Nothing has changed" in told_of["error"]) == (402, True)
    status, told_of = post(token=token(ASKS))
    assert (status, "send them the link" in told_of["error"]) == (402, True)
    status, told_of = post(token="ctoken_nobodys")
    assert (status, "did not take this" in told_of["error"]) == (503, True)
    stripe_sandbox.faults.add("down")
    status, told_of = post(token=token_while_up(stripe_sandbox))
    assert status == 200
    assert "has not answered yet" in client.get(told_of["redirect"]).content.decode()
    stripe_sandbox.faults.clear()
    assert not AuditEntry.objects.filter(action="save card").exists()
    status, told_of = post(token=token(GOOD))
    assert status == 200
    assert "Visa ending 4242 is charged from now on" in client.get(told_of["redirect"]).content.decode()
    assert AuditEntry.objects.get(action="save card").actor == f"staff:{ruth.pk}"


def token_while_up(sandbox: Sandbox) -> str:
    sandbox.faults.clear()
    made = token(GOOD)
    sandbox.faults.add("down")
    return made


@pytest.mark.django_db
@pytest.mark.parametrize("group", ["", "Data entry", "Finance", "who takes no calls"])
def test_the_wrong_person_takes_no_card(client: Client, settings: Settings, group: str) -> None:
    settings.REQUIRE_STAFF_MFA = False
    user, plan = builders.staff("" if group == "who takes no calls" else group), builders.plan()
    if group == "who takes no calls":
        rights = ("manage_plan", "view_plan", "seeamounts_gift")
        user.user_permissions.set(Permission.objects.filter(codename__in=rights))
    client.force_login(user)
    page = client.get(reverse("admin:donations_plan_change", args=[plan.pk])).content.decode()
    assert ("Change the amount" in page, "Take another card" in page) == (group == "who takes no calls", False)
    before = standing(plan)
    for name in ("card", "card_take", "card_link"):
        where = reverse(f"admin:donations_plan_{name}", args=[plan.pk])
        assert client.get(where).status_code in (403, 405)
        assert client.post(where, {"yes": "on", "token": "ctoken_1", "attempt": "a"}).status_code in (403, 405)
    assert (standing(plan), OutgoingEmail.objects.count()) == (before, 0)
