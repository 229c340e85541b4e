"""Subscriptions of another platform: read, ended, and charged by Stripe meanwhile; all of it checked."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from typing import Any

import pytest
import stripe

from donations import gateway
from sandbox import happenings
from sandbox.server import Sandbox
from tests import in_process
from tests.conformance import traffic
from tests.conformance.conftest import Recorded
from tests.conformance.test_sandbox import Conforms

LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)
# The last day of a month, so that the days of its periods are worth looking at.
STARTED = datetime(2026, 1, 31, 12, tzinfo=UTC)


def subscribe(sandbox: Any, **given: object) -> str:
    """The id of a subscription such as an older platform has left behind."""
    return str(happenings.happen(sandbox, "subscription", {"started": int(STARTED.timestamp()), **given})["id"])


def newest_invoice(sandbox: Sandbox) -> str:
    return str(next(iter(sandbox.store.newest_first("invoice")))["id"])


def drive_subscriptions(sandbox: Sandbox, api: stripe.StripeClient) -> None:
    """Every function of the gateway about subscriptions, and all that they can answer."""
    monthly = subscribe(sandbox, name="李 Ana", email="ana@example.org", amount=2500, metadata={"campaign": "spring"})
    quarterly = subscribe(sandbox, interval_count=3, own_card=True, payment_method="pm_card_mastercard")
    yearly = subscribe(sandbox, interval="year", payment_method="pm_card_chargeCustomerFail")
    weekly = subscribe(sandbox, interval="week")
    found = {each.id: each for each in gateway.subscriptions()}
    assert list(found) == [weekly, yearly, quarterly, monthly]
    assert [each.interval for each in found.values()] == ["", "year", "quarter", "month"]
    ours = found[monthly]
    assert (ours.status, ours.amount_minor, ours.currency, ours.customer_name, ours.customer_email) == (
        *("active", 2500, "usd", "李 Ana", "ana@example.org"),
    )
    assert (ours.started_at, ours.metadata, ours.cancel_at_period_end) == (STARTED, {"campaign": "spring"}, False)
    assert ours.card is not None
    assert (ours.card.brand, ours.card.payment_method_id) == ("visa", ours.payment_method_id)
    own = found[quarterly].card
    assert own is not None
    assert own.brand == "mastercard"
    assert gateway.retrieve_subscription(monthly) == ours

    happen = partial(happenings.happen, sandbox)
    happen("subscription-period-ends", {"subscription": monthly})
    renewed = gateway.retrieve_subscription(monthly)
    assert renewed.current_period_end > ours.current_period_end
    invoice = gateway.retrieve_invoice(newest_invoice(sandbox))
    assert (invoice.status, invoice.subscription_id, invoice.customer_id, invoice.amount_paid_minor) == (
        *("paid", monthly, ours.customer_id, 2500),
    )
    assert (invoice.period_start, invoice.period_end) == (ours.current_period_end, renewed.current_period_end)
    payment = gateway.retrieve_payment(gateway.payment_of_invoice(invoice.id))
    assert payment.is_paid
    assert payment.customer_id == ours.customer_id

    happen("subscription-period-ends", {"subscription": yearly})
    assert gateway.retrieve_subscription(yearly).status == "past_due"
    assert gateway.payment_of_invoice(newest_invoice(sandbox)) == ""
    assert [each.id for each in gateway.subscriptions("past_due")] == [yearly]

    ending = gateway.cancel_subscription_at_period_end(quarterly, key="adopt-2-end")
    assert (ending.status, ending.cancel_at_period_end) == ("active", True)
    happen("subscription-period-ends", {"subscription": quarterly})
    assert gateway.retrieve_subscription(quarterly).status == "canceled"
    with pytest.raises(gateway.GatewayRefused):
        gateway.cancel_subscription_at_period_end(quarterly, key="adopt-2-end-again")
    for _ in range(2):
        assert gateway.cancel_subscription(monthly, key="adopt-1-cancel").status == "canceled"
    with pytest.raises(gateway.GatewayRefused):
        gateway.cancel_subscription("sub_nobody", key="adopt-9-cancel")
    assert [each.id for each in gateway.subscriptions()] == [weekly]
    assert len(list(gateway.subscriptions("all"))) == 4
    (newest,), has_more = gateway.subscription_page("all", count=1)
    assert has_more
    older, has_more = gateway.subscription_page("all", after=newest.id)
    assert (len(older), has_more) == (3, False)
    happen("subscription-period-ends", {"subscription": monthly})
    assert len(api.v1.charges.list({"customer": ours.customer_id}).data) == 1


def test_all_that_is_said_of_subscriptions_conforms(
    stripe_sandbox: Sandbox, api: stripe.StripeClient, recorded: Callable[[], Recorded]
) -> None:
    drive_subscriptions(stripe_sandbox, api)
    assert traffic.problems(*recorded()) == []
    listed = {event["type"] for event in gateway.events_since(LONG_AGO)}
    about = ("customer.", "invoice.")
    assert {kind for kind in listed if kind.startswith(about)} == {
        kind for kind in gateway.EVENT_TYPES if kind.startswith(about)
    }


def test_pausing_changing_and_looking(stripe_sandbox: Sandbox, api: stripe.StripeClient, conforms: Conforms) -> None:
    identifier = subscribe(stripe_sandbox)
    api.v1.subscriptions.update(
        identifier, {"pause_collection": {"behavior": "void"}, "metadata": {"a": "b"}, "description": "Monthly"}
    )
    assert gateway.retrieve_subscription(identifier).is_paused
    happenings.happen(stripe_sandbox, "subscription-period-ends", {"subscription": identifier})
    (invoice,) = api.v1.invoices.list({"subscription": identifier, "expand": ["data.payments"]}).data
    assert invoice.status == "void"
    assert api.v1.charges.list().data == []
    api.v1.subscriptions.update(identifier, {"pause_collection": "", "cancel_at_period_end": True})
    api.v1.subscriptions.update(identifier, {"cancel_at_period_end": False})
    api.v1.subscriptions.retrieve(identifier, {"expand": ["customer", "latest_invoice.payments"]})
    api.v1.subscriptions.list({"status": "ended"})
    with pytest.raises(stripe.InvalidRequestError, match="neither prorations"):
        api.v1.subscriptions.cancel(identifier, {"prorate": True})
    api.v1.subscriptions.cancel(identifier, {"cancellation_details": {"comment": "moved"}})
    with pytest.raises(stripe.InvalidRequestError, match="No such subscription"):
        api.v1.subscriptions.cancel(identifier)
    conforms()


@pytest.mark.django_db(transaction=True)
def test_the_clock_charges_each_period_once_counted_from_the_first_day() -> None:
    with in_process.stripe_engine(start=STARTED) as engine:
        identifier = subscribe(engine)
        ends = []
        for _ in range(4):
            end = gateway.retrieve_subscription(identifier).current_period_end
            ends.append(end)
            engine.clock.stand_at(end.timestamp() - 1)
            assert not engine.run_due()
            engine.clock.stand_at(end.timestamp())
            assert engine.run_due()
            assert not engine.run_due()
        assert [end.strftime("%m-%d") for end in ends] == ["02-28", "03-31", "04-30", "05-31"]
        assert len(list(engine.store.newest_first("charge"))) == 4
        gateway.cancel_subscription(identifier, key="adopt-1-cancel")
        engine.clock.stand_at(ends[-1].timestamp() + 400 * 24 * 3600)
        engine.run_due()
        assert len(list(engine.store.newest_first("charge"))) == 4


@pytest.mark.parametrize(
    ("given", "problem"),
    [
        ({"interval": "decade"}, "interval must be"),
        ({"metadata": {"a": 1}}, "metadata must be texts"),
        ({"amount": 0}, "whole number"),
    ],
)
def test_impossible_subscriptions_are_refused(stripe_sandbox: Sandbox, given: dict[str, object], problem: str) -> None:
    with pytest.raises(happenings.Refused, match=problem):
        happenings.happen(stripe_sandbox, "subscription", given)
    assert list(stripe_sandbox.store.newest_first("customer")) == []
