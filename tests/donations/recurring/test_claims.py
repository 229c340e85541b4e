"""What stops charging: the switch, the caps of a day, a storm of declines; and what lets it go on."""

from datetime import date, timedelta

import pytest

from donations.models import ChargeDay, Renewals
from donations.recurring import charging
from nonprofit.models import OutgoingEmail
from sandbox.server import Sandbox
from tests import builders
from tests.donations.recurring.saved import assert_tied, at, charge_all, claimed, only, plan, taken, time_passes

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
