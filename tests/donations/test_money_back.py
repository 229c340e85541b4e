"""Refunds and disputes from end to end: asked here or done at Stripe, with events lost, late, doubled, workers dead."""

import itertools
from datetime import timedelta
from typing import Any

import pytest
from django.conf import settings
from django.db import connection

from donations import disputes, gateway, inbox, refunds, tasks
from donations.models import Dispute, Gift, LedgerEntry, Payout, Refund, StripeEvent
from nonprofit import clock
from nonprofit.money import Money
from sandbox.server import Sandbox
from tests import builders
from tests.donations import money_back
from tests.donations.money_back import catch_up, deliver_news, happen, letters, lines, news, papers, stands

pytestmark = pytest.mark.usefixtures("transactional_db")


def asked(gift: Gift, minor: int) -> Refund:
    return refunds.request(gift.pk, refunds.Wish(Money(minor), "asked"), user=builders.staff("Staff"))


def at_stripe(sandbox: Sandbox, kind: str) -> list[dict[str, object]]:
    return list(sandbox.store.newest_first(kind))


def test_a_refund_goes_to_stripe_once_and_is_booked_with_its_answer(stripe_sandbox: Sandbox) -> None:
    gift = money_back.settled()
    refund = asked(gift, 4000)
    assert tasks.send_refund(refund.pk) == tasks.send_refund(refund.pk) == "succeeded"
    [made] = at_stripe(stripe_sandbox, "refund")
    assert (made["amount"], made["reason"]) == (4000, "requested_by_customer")
    assert made["metadata"] == {
        "app": "more-ways-to-give",
        "environment": settings.BASE_URL,
        "gift": str(gift.pk),
        "refund": str(refund.pk),
    }
    refund.refresh_from_db()
    assert (refund.stripe_refund_id, refund.origin) == (made["id"], "staff")
    assert stands(gift) == ("settled", 4000)
    # The events say nothing new.
    before = (lines(gift), papers(gift), letters())
    deliver_news(news())
    assert (lines(gift), papers(gift), letters()) == before
    assert set(StripeEvent.objects.values_list("state", flat=True)) == {"done"}


@pytest.mark.parametrize("trouble", [{"kind": "timeout_after", "seconds": 0.1}, {"kind": "fail", "status": 500}])
def test_stripe_does_not_answer_and_is_asked_again_with_the_same_key(
    stripe_sandbox: Sandbox, trouble: dict[str, object]
) -> None:
    """It may have refunded before it fell silent: that is found, and never done again."""
    gift = money_back.settled()
    refund = asked(gift, 4000)
    stripe_sandbox.faults.add(**{"path": "/v1/refunds", "method": "POST", "count": 2, **trouble})  # type: ignore[arg-type]
    assert tasks.send_refund(refund.pk) == "unknown"
    refund.refresh_from_db()
    assert (refund.state, refund.stripe_refund_id) == ("requested", None)
    Refund.objects.update(requested_at=clock.now() - timedelta(minutes=3))
    assert refunds.left_behind() == [refund.pk]
    assert tasks.send_refund(refund.pk) == "succeeded"
    assert len(at_stripe(stripe_sandbox, "refund")) == 1
    assert lines(gift) == [("gift", 10_000), ("refund", -4000)]
    keys = {
        e["idempotency_key"] for e in stripe_sandbox.journal.after() if e["method"] == "POST" and "refund" in e["path"]
    }
    assert keys == {f"refund-{refund.pk}"}


def test_a_worker_that_died_after_stripe_answered_left_nothing_twice(stripe_sandbox: Sandbox) -> None:
    """Days later, when Stripe has forgotten the key, its list still knows the refund."""
    gift = money_back.settled()
    refund = asked(gift, 4000)
    _die_after(refund)
    stripe_sandbox.store.execute("DELETE FROM idempotency")
    assert refunds.send(refund.pk).state == "succeeded"
    assert len(at_stripe(stripe_sandbox, "refund")) == 1


def _die_after(refund: Refund) -> None:
    """What `send` does until Stripe has answered, and then no more."""
    gateway.create_refund(
        payment_id=refund.payment_id,
        amount_minor=refund.amount_minor,
        key=f"refund-{refund.pk}",
        metadata={"app": gateway.APP, "environment": settings.BASE_URL, "refund": str(refund.pk)},
    )


def test_the_event_comes_before_the_worker_that_died(stripe_sandbox: Sandbox) -> None:
    """The row is found by the number we gave Stripe, and not taken for one made in the dashboard."""
    gift = money_back.settled()
    refund = asked(gift, 4000)
    _die_after(refund)
    catch_up()
    refund.refresh_from_db()
    assert (refund.state, refund.origin) == ("succeeded", "staff")
    assert refunds.send(refund.pk).state == "succeeded"
    assert Refund.objects.count() == len(at_stripe(stripe_sandbox, "refund")) == 1


@pytest.mark.parametrize("step", ["refund row", "ledger", "letter", "paper"])
def test_killed_between_any_two_steps_all_or_nothing_is_booked(stripe_sandbox: Sandbox, step: str) -> None:
    gift = money_back.settled()
    happen(stripe_sandbox, "refund", charge=money_back.charge_of(gift), amount=4000)
    breaks = {
        "refund row": "donations_refund",
        "ledger": "donations_ledgerentry",
        "letter": "nonprofit_outgoingemail",
        "paper": "donations_receipt",
    }
    with _refusing(breaks[step]):
        catch_up()
    assert stands(gift) == ("settled", 0)
    assert (lines(gift), papers(gift), letters()) == ([("gift", 10_000)], [("$100.00", "")], [])
    assert Refund.objects.count() == 0
    catch_up()
    assert stands(gift) == ("settled", 4000)
    assert papers(gift) == [("$100.00", "refund"), ("$60.00", "")]


def test_stripe_refuses_with_words(stripe_sandbox: Sandbox) -> None:
    gift = money_back.settled()
    refund = asked(gift, 10_000)
    happen(stripe_sandbox, "refund", charge=money_back.charge_of(gift), amount=1)
    assert tasks.send_refund(refund.pk) == "refused"
    refund.refresh_from_db()
    assert refund.trouble.startswith("Stripe refused: ")
    catch_up()
    assert stands(gift) == ("settled", 1)
    assert len(letters()) == 1


def test_refunds_in_the_dashboard_arrive_in_every_order_of_their_events(stripe_sandbox: Sandbox) -> None:
    """Two partial refunds and the payment's own event, which comes last at times; each event twice."""
    for number, order in enumerate(itertools.permutations(range(4))):
        gift = money_back.paid(email=f"ana{number}@example.org")
        charge = money_back.charge_of(gift)
        for amount in (1000, 2500):
            happen(stripe_sandbox, "refund", charge=charge, amount=amount)
        paid, *rest = [event for event in news() if gift.payment_intent_id in _named(event)]
        assert [event["type"] for event in rest] == ["refund.created", "charge.refunded"] * 2
        mine = [paid, rest[0], rest[1], rest[2]]
        deliver_news([mine[place] for place in order])
        for event in mine:
            StripeEvent.objects.filter(event_id=event["id"]).update(state="waiting")
            inbox.handle(StripeEvent.objects.get(event_id=event["id"]).pk)
        assert stands(gift) == ("settled", 3500), order
        assert lines(gift) == [("gift", 10_000), ("refund", -2500), ("refund", -1000)]
        stripe_sandbox.store.execute("DELETE FROM objects WHERE object = 'event'")
    assert number == 23
    assert set(Refund.objects.values_list("origin", "state")) == {("stripe", "succeeded")}


def _named(event: dict[str, Any]) -> tuple[str, ...]:
    thing = event["data"]["object"]
    return (str(thing["id"]), str(thing.get("payment_intent")))


def test_a_lost_event_is_found_by_the_next_refund_and_by_the_sweep(stripe_sandbox: Sandbox) -> None:
    gift = money_back.settled()
    charge = money_back.charge_of(gift)
    deliver_news(news())
    happen(stripe_sandbox, "refund", charge=charge, amount=1000)
    lost = news(types="refund.created")
    happen(stripe_sandbox, "refund", charge=charge, amount=2000)
    deliver_news(news(types="charge.refunded")[-1:])
    assert stands(gift) == ("settled", 3000)
    happen(stripe_sandbox, "refund", charge=charge, amount=500)
    catch_up()
    assert stands(gift) == ("settled", 3500)
    assert StripeEvent.objects.filter(event_id=lost[0]["id"]).get().state == "done"


def test_pending_then_through_without_an_event(stripe_sandbox: Sandbox) -> None:
    gift = money_back.settled()
    refund = asked(gift, 4000)
    stripe_sandbox.faults.add("refund_pending", count=1, seconds=3600.0)
    assert tasks.send_refund(refund.pk) == "pending"
    assert (stands(gift), letters()) == (("settled", 0), [])
    refund.refresh_from_db()
    happen(stripe_sandbox, "refund-end", refund=refund.stripe_refund_id)
    assert tasks.refetch_open() == 1
    assert stands(gift) == ("settled", 4000)


def test_a_refund_that_failed_at_the_bank(stripe_sandbox: Sandbox) -> None:
    gift = money_back.settled()
    refund = asked(gift, 10_000)
    tasks.send_refund(refund.pk)
    money_back.receipts()
    refund.refresh_from_db()
    happen(stripe_sandbox, "refund-end", refund=refund.stripe_refund_id, outcome="failed")
    catch_up()
    assert stands(gift) == ("settled", 0)
    assert lines(gift) == [("gift", 10_000), ("refund", -10_000), ("refund_failed", 10_000)]
    assert [template for template, _ in letters()] == ["refund", "refund_failed"]
    sums = gateway.balance()["usd"].balance_minor
    assert sums == sum(LedgerEntry.objects.values_list("amount_minor", flat=True))


def test_disputes_from_the_card_to_the_end(stripe_sandbox: Sandbox) -> None:
    """Won, lost, an inquiry, a part, and one of a payment we do not know; the books are Stripe's balance."""
    won, lost, asked_about, part = (money_back.settled(email=f"{n}@example.org") for n in range(4))
    ids = [
        happen(stripe_sandbox, "dispute", charge=money_back.charge_of(gift), **more)
        for gift, more in ((won, {}), (lost, {}), (asked_about, {"inquiry": True}), (part, {"amount": 2500}))
    ]
    catch_up()
    assert [stands(gift)[0] for gift in (won, lost, asked_about, part)] == ["disputed"] * 2 + ["settled", "disputed"]
    assert {dispute.stripe_dispute_id for dispute in Dispute.objects.to_answer()} == set(ids)
    happen(stripe_sandbox, "dispute-answer", dispute=ids[0])
    happen(stripe_sandbox, "dispute-win", dispute=ids[0], fee_back=True)
    happen(stripe_sandbox, "dispute-lose", dispute=ids[1])
    happen(stripe_sandbox, "dispute-close", dispute=ids[2])
    happen(stripe_sandbox, "dispute-lose", dispute=ids[3])
    deliver_news(news()[::-1])
    assert [stands(gift) for gift in (won, lost, asked_about, part)] == [
        ("settled", 0),
        ("lost", 10_000),
        ("settled", 0),
        ("settled", 2500),
    ]
    assert ("dispute_fee_back", 1500) in lines(won)
    assert papers(won) == papers(asked_about) == [("$100.00", "")]
    assert papers(lost) == [("$100.00", "dispute_lost")]
    assert papers(part) == [("$100.00", "dispute_lost"), ("$75.00", "")]
    assert gateway.balance()["usd"].balance_minor == sum(LedgerEntry.objects.values_list("amount_minor", flat=True))
    assert not Dispute.objects.open().exists()


def test_a_dispute_whose_events_are_lost_is_asked_for(stripe_sandbox: Sandbox) -> None:
    gift = money_back.settled()
    dispute = happen(stripe_sandbox, "dispute", charge=money_back.charge_of(gift))
    catch_up()
    happen(stripe_sandbox, "dispute-lose", dispute=dispute)
    assert disputes.undecided() == [Dispute.objects.get().pk]
    tasks.refetch_open()
    assert stands(gift) == ("lost", 10_000)


def test_events_before_the_payments_own(stripe_sandbox: Sandbox) -> None:
    """A dispute, and a refund of another gift, are the first we hear of either."""
    disputed, refunded = money_back.paid(email="d@example.org"), money_back.paid(email="r@example.org")
    happen(stripe_sandbox, "dispute", charge=money_back.charge_of(disputed))
    happen(stripe_sandbox, "refund", charge=money_back.charge_of(refunded))
    deliver_news(news(types="charge.dispute") + news(types="refund"))
    assert stands(disputed) == ("disputed", 0)
    assert stands(refunded) == ("refunded", 10_000)
    deliver_news(news(types="payment_intent"))
    assert (stands(disputed), stands(refunded)) == (("disputed", 0), ("refunded", 10_000))
    money_back.receipts()
    assert papers(disputed) == papers(refunded) == []


def test_refunds_and_disputes_of_strangers_wait_for_a_person(stripe_sandbox: Sandbox) -> None:
    gift = money_back.settled()
    charge = money_back.charge_of(gift)
    LedgerEntry.objects.count()
    Gift.objects.filter(pk=gift.pk).update(payment_intent_id="pi_other")
    intent = stripe_sandbox.store.select("payment_intent", lambda _: True)[0]
    stripe_sandbox.store.save(intent | {"metadata": {}})
    happen(stripe_sandbox, "refund", charge=charge, amount=100)
    happen(stripe_sandbox, "dispute", charge=charge, inquiry=True)
    deliver_news(news(types="refund") + news(types="charge"))
    assert set(StripeEvent.objects.values_list("state", flat=True)) == {"unmatched"}
    assert Dispute.objects.get().gift is None
    assert Refund.objects.count() == 0
    # Another site of ours on the same account is no trouble of ours.
    stripe_sandbox.store.save(intent | {"metadata": {"app": gateway.APP, "environment": "https://other.example"}})
    StripeEvent.objects.update(state="waiting")
    inbox.handle_due()
    assert set(StripeEvent.objects.values_list("state", flat=True)) == {"ignored"}


class _refusing:
    """The database refuses new rows of one table meanwhile, as if the worker were killed there."""

    def __init__(self, table: str) -> None:
        self.table = table

    def __enter__(self) -> None:
        self._run(
            "CREATE FUNCTION killed() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'killed'; END $$",
            f"CREATE TRIGGER killed BEFORE INSERT ON {self.table} EXECUTE FUNCTION killed()",
        )

    def __exit__(self, *_error: object) -> None:
        self._run(f"DROP TRIGGER killed ON {self.table}", "DROP FUNCTION killed()")

    def _run(self, *statements: str) -> None:
        with connection.cursor() as cursor:
            for statement in statements:
                cursor.execute(statement)


def test_a_payouts_events_bring_its_lines(stripe_sandbox: Sandbox) -> None:
    money_back.settled()
    payout = happen(stripe_sandbox, "payout")
    deliver_news(news(types="payout")[::-1])
    stored = Payout.objects.get(stripe_payout_id=payout)
    assert (stored.status, stored.tied_at is not None) == ("paid", True)
    happen(stripe_sandbox, "payout-fail", payout=payout)
    catch_up()
    stored.refresh_from_db()
    assert stored.status == "failed"
    assert set(StripeEvent.objects.values_list("state", flat=True)) == {"done"}
