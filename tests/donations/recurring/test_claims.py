"""What stops charging: the switch, the caps of a day, a storm of declines; and what lets it go on."""

from datetime import date, timedelta

import pytest
from django.test import Client
from django.urls import reverse
from pytest_django.fixtures import Settings

from donations.gateway.client import client as stripe
from donations.models import ChargeDay, Installment, Plan, Renewals
from donations.recurring import charging, claims, dates
from nonprofit.models import AuditEntry, OutgoingEmail
from sandbox.server import Sandbox
from tests import builders
from tests.donations.recurring.saved import (
    DECLINES,
    assert_tied,
    at,
    charge_all,
    charges,
    claimed,
    only,
    plan,
    taken,
    time_passes,
)
from tests.donations.test_settle import at_once

pytestmark = [pytest.mark.django_db(transaction=True)]
DUE = date(2026, 12, 15)


def test_nothing_is_charged_while_it_is_switched_off_and_what_was_claimed_goes_back(stripe_sandbox: Sandbox) -> None:
    made = plan()
    Renewals.objects.create(pk=1, is_on=True)
    with at(DUE):
        one = claimed(made)
        Renewals.objects.update(is_on=False)
        charging.charge(one.pk)
        assert (only(made).status, only(made).tries) == ("scheduled", 0)
        charge_all()
        assert taken() == []
        Renewals.objects.update(is_on=True)
        time_passes(one)
        charge_all()
    assert only(made).status == "paid"
    assert_tied()


@pytest.mark.parametrize("caps", [{"most_count": 3}, {"most_minor": 7600}])
def test_the_caps_of_a_day_hold_and_somebody_is_told(stripe_sandbox: Sandbox, caps: dict[str, int]) -> None:
    Renewals.objects.create(pk=1, **caps)
    for _ in range(5):
        plan()
    with at(DUE):
        charge_all()
    assert taken() == [2500] * 3
    assert ChargeDay.objects.get().stopped_why
    assert OutgoingEmail.objects.filter(template="charging_stopped").count() == 1
    with at(DUE + timedelta(days=1)):
        charge_all()
    assert taken() == [2500] * 5


def test_a_storm_of_declines_stops_the_day(stripe_sandbox: Sandbox) -> None:
    for _ in range(3):
        plan()
    with at(DUE):
        ChargeDay.objects.create(on=DUE, paid=20, declined=40)
        charge_all()
        assert taken() == []
        assert "declined" in ChargeDay.objects.get().stopped_why
        ruth = builders.staff("Finance")
        ChargeDay.objects.update(stopped_at=None, let_go_on_by=ruth)
        charge_all()
    assert taken() == [2500] * 3


def many(count: int, like: Plan) -> list[Plan]:
    """Plans of as many supporters, on that one's customer and card: only the charges are asked for at Stripe."""
    same = {name: getattr(like, name) for name in ("stripe_customer_id", "stripe_payment_method_id")}
    return [like, *(builders.plan(**same) for _ in range(count - 1))]


def asked() -> int:
    """How many payments Stripe has heard of."""
    return sum(1 for _ in stripe().v1.payment_intents.list({"limit": 100}).auto_paging_iter())


def test_cards_that_decline_by_the_dozen_stop_the_day_and_a_person_lets_it_go_on(
    stripe_sandbox: Sandbox, client: Client, settings: Settings
) -> None:
    settings.REQUIRE_STAFF_MFA = False
    assert (claims.ENOUGH, Renewals.get().most_declined_percent) == (50, 40)
    good, bad, rest = many(30, plan()), many(20, plan(DECLINES)), many(12, plan())
    with at(DUE):
        charge_all()
        # Exactly so many, and exactly that share: the first at which it stops.
        day = ChargeDay.objects.get()
        assert (day.claimed, day.paid, day.declined) == (50, 30, 20)
        assert day.stopped_why == "40 % of 50 charges were declined"
        assert day.stopped_at is not None
        for _ in range(3):
            assert charging.charge_due() == 0
            charge_all()
        assert asked() == len(list(charges())) == 50
        assert taken() == [2500] * len(good)
        waiting = Installment.objects.filter(plan__in=rest)
        assert waiting.filter(status="scheduled", tries=0, gift=None, claimed_at=None).count() == len(rest)
        letter = OutgoingEmail.objects.get(template="charging_stopped")
        assert letter.to == builders.organization().email
        assert "40 % of 50 charges were declined" in letter.text
        assert AuditEntry.objects.filter(action="stop charging").count() == 1
        assert_tied()
        with at(DUE, hour=18):
            charge_all()
        assert asked() == 50, "hours alone let nothing go on"
        client.force_login(builders.staff("Data entry"))
        client.post(reverse("admin:donations_chargeday_go_on", args=[day.pk]))
        charge_all()
        assert asked() == 50, "nor does somebody who may not"
        ruth = builders.staff("Finance")
        client.force_login(ruth)
        client.post(reverse("admin:donations_chargeday_go_on", args=[day.pk]))
        charge_all()
        charge_all()
    day.refresh_from_db()
    assert (day.let_go_on_by, day.claimed, day.paid, day.declined) == (ruth, 62, 42, 20)
    assert ChargeDay.objects.get().stopped_at is None
    assert asked() == len(list(charges())) == 62, "and who was declined is not asked again today"
    assert taken() == [2500] * 42
    assert set(Installment.objects.filter(plan__in=bad).values_list("status", "tries")) == {("retrying", 1)}
    assert OutgoingEmail.objects.filter(template="charging_stopped").count() == 1
    assert_tied()


def test_one_decline_less_and_the_day_goes_on(stripe_sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(claims, "ENOUGH", 10)
    many(7, plan())
    many(3, plan(DECLINES))
    rest = many(4, plan())
    with at(DUE):
        dates.come_due()
        while charging.charge_due(5):
            pass
    assert taken() == [2500] * 11
    assert set(Installment.objects.filter(plan__in=rest).values_list("status", flat=True)) == {"paid"}
    assert not OutgoingEmail.objects.filter(template="charging_stopped").exists()
    assert_tied()


def test_in_a_storm_workers_at_once_finish_what_they_hold_and_one_alarm_goes_out(
    stripe_sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(claims, "ENOUGH", 6)
    made = many(24, plan(DECLINES))
    with at(DUE):
        dates.come_due()

        def work(_: int) -> None:
            while charging.charge_due(2):
                pass

        assert at_once(3, work) == []
    day = ChargeDay.objects.get()
    # Five outcomes may be known while each of the three claims once more.
    assert 6 <= day.claimed <= 5 + 3 * 2
    assert asked() == len(list(charges())) == day.claimed == day.declined
    left = Installment.objects.filter(status="scheduled", tries=0, gift=None)
    assert left.count() == len(made) - day.claimed
    assert taken() == []
    assert day.stopped_at is not None
    assert OutgoingEmail.objects.filter(template="charging_stopped").count() == 1
    assert_tied()
