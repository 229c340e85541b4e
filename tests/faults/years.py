"""Years of many plans, day by day with a clock of our own: people change their minds, banks decline, everything breaks.

One seed is one history. The world drives the product by its own verbs and Stripe by its stand-in; nothing in it knows
what the product should answer. What must hold in the end is asked in `test_years`.
"""

from collections import Counter, defaultdict
from collections.abc import Callable
from datetime import date, datetime, timedelta
from random import Random
from typing import Any
from zoneinfo import ZoneInfo

from django.db.models import Max

from donations import gateway, inbox
from donations.gateway.client import client
from donations.models import Donor, Fund, Installment, Plan, Renewals
from donations.receipts import issue
from donations.recurring import cards, charging, claims, dates, notices, plans
from members import memberships
from nonprofit import clock
from nonprofit.money import Money
from sandbox import happenings
from sandbox.engine import Engine
from tests import builders
from tests.donations.recurring.saved import receive

ZONE = ZoneInfo("America/New_York")
# Later than the database's own clock, by which events come in; with a leap day and two changes of the hour each year.
START = datetime(2031, 1, 1, 10, tzinfo=ZONE)
INTERVALS = ["month"] * 6 + ["quarter"] * 2 + ["year"] * 2
DECLINES = ["insufficient_funds", "generic_decline", "do_not_honor", "lost_card", "expired_card", "stolen_card"]
BY = plans.Agreed(ip="203.0.113.9")


class Died(Exception):
    """A worker was killed."""


class Years:
    """The world. `days`: how many to live through; trouble ends a hundred days before, so that all can come right."""

    def __init__(self, engine: Engine, travel: Any, *, seed: int, count: int, days: int) -> None:
        self.engine, self.travel, self.chance = engine, travel, Random(seed)
        self.count, self.days, self.today = count, days, START
        self.did: Counter[str] = Counter()
        # Every rhythm that a plan ever had.
        self.rhythms: dict[int, set[str]] = defaultdict(set)
        self.is_down = False

    def live(self) -> None:
        builders.campaign()
        builders.fund(code="200-INV", name="Investigations")
        Renewals.objects.create(pk=1, most_declined_percent=100)
        for number in range(self.count):
            self._join(number)
        for day in range(self.days):
            self.today = START + timedelta(days=day)
            self._is_now(self.today)
            is_wild = day < self.days - 100
            self._trouble(is_wild)
            if is_wild:
                for _ in range(max(1, self.count // 120)):
                    self._somebody_acts()
            self._work(is_wild)
        self._receipts()

    def _is_now(self, instant: datetime) -> None:
        self.engine.clock.stand_at(instant.timestamp())
        self.travel.move_to(instant)

    def _join(self, number: int) -> None:
        began = START.date() - timedelta(days=self.chance.randrange(0, 28))
        interval = self.chance.choice(INTERVALS)
        first = START.date() + timedelta(days=self.chance.randrange(1, 31))
        customer = gateway.create_customer(name="Somebody", email="", key=f"customer-{number}", metadata={})
        card = str(client().v1.payment_methods.attach("pm_card_visa", {"customer": customer}).id)
        plan = builders.plan(
            interval=interval,
            started_on=began,
            anchor_day=first.day,
            next_due_on=first,
            amount_minor=self.chance.choice([500, 1000, 2500, 6000, 12000]),
            is_fee_covered=self.chance.random() < 0.3,
            stripe_customer_id=customer,
            stripe_payment_method_id=card,
            card_expires_on=date(2040, 12, 31),
        )
        self.rhythms[plan.pk].add(interval)

    # --- trouble ------------------------------------------------------------------------------------------------------

    def _trouble(self, is_wild: bool) -> None:
        faults = self.engine.faults
        faults.clear()
        if not is_wild:
            return
        self.is_down = self.chance.random() < (0.75 if self.is_down else 0.02)
        if self.is_down:
            faults.add("down")
            return
        for kind, share in (("timeout_after", 0.10), ("close", 0.10), ("fail", 0.05)):
            if self.chance.random() < share:
                path = self.chance.choice(["/payment_intents", "/confirm"])
                faults.add(kind, path=path, method="POST", count=2 * self.chance.randrange(1, 5))
        for kind in ("drop", "duplicate", "reorder"):
            if self.chance.random() < 0.1:
                faults.add(kind, count=self.chance.randrange(1, 6))

    def _work(self, is_wild: bool) -> None:
        """A day's work of ours, which may not happen at all, or be done by workers that die."""
        if is_wild and self.chance.random() < 0.03:
            self.did["day without work"] += 1
            return
        for hour in (0, 5):
            self._is_now(self.today + timedelta(hours=hour))
            while self.engine.run_due():
                pass
            self._hear()
            dates.come_due()
            self._charge(is_wild)
            self._hear()
        self._quietly(charging.close_unpaid)
        notices.end_unpaid()
        if self.today.day in (1, 15):
            notices.tell()
            self._quietly(inbox.sweep_stripe)
            self.engine.forget_old()
        memberships.age()

    def _hear(self) -> None:
        self.engine.deliver(receive)
        while inbox.handle_due():
            pass

    def _charge(self, is_wild: bool) -> None:
        while ids := claims.claim(25):
            for pk in ids:
                if is_wild and self.chance.random() < 0.04:
                    self._die_at(pk)
                else:
                    charging.charge(pk)

    def _die_at(self, pk: int) -> None:
        """A worker is killed between two steps of this charge: the steps before have been done and no other."""
        one = Installment.objects.select_related("gift", "plan").get(pk=pk)
        if one.status not in ("charging", "unknown"):
            return
        steps = self.chance.randrange(4)
        self.did[f"killed after {steps} steps"] += 1
        try:
            if steps >= 1:
                payment = charging._payment(one)
            if steps >= 2 and payment.status in charging.UNSENT and one.sent_at is None:
                card = charging._may_send(one)
                if steps >= 3 and card is not None:
                    key = f"installment-{pk}-confirm-{one.tries}"
                    gateway.confirm_saved(payment.id, payment_method_id=card, key=key)
        except gateway.GatewayError:
            pass

    def _quietly(self, work: Callable[[], object]) -> None:
        try:
            work()
        except gateway.GatewayError:
            self.did["stripe did not answer"] += 1

    # --- people and banks ---------------------------------------------------------------------------------------------

    def _somebody_acts(self) -> None:
        last = Plan.objects.aggregate(last=Max("pk"))["last"]
        plan = Plan.objects.filter(pk__gte=self.chance.randrange(1, last + 1)).order_by("pk").first()
        if plan is None:
            return
        deeds = [self._pause, self._resume, self._skip, self._amount, self._day, self._rhythm, self._fund]
        deeds += [self._stop, self._restart, self._new_card, *[self._bank_declines] * 3, *[self._bank_is_kind] * 4]
        deeds += [self._bank_replaces_card, self._bank_asks]
        deed = self.chance.choice(deeds)
        try:
            deed(plan)
            self.did[deed.__name__] += 1
        except plans.CannotChange:
            self.did["refused"] += 1
        except gateway.GatewayError:
            self.did["stripe did not answer"] += 1

    def _pause(self, plan: Plan) -> None:
        plans.pause(plan.pk, clock.today() + timedelta(days=self.chance.randrange(5, 200)), by=BY)

    def _resume(self, plan: Plan) -> None:
        plans.resume(plan.pk, by=BY)

    def _skip(self, plan: Plan) -> None:
        plans.skip_next(plan.pk, plan.next_due_on or clock.today(), by=BY)

    def _amount(self, plan: Plan) -> None:
        amount = Money(self.chance.randrange(300, 20000))
        plans.change_amount(plan.pk, amount, covers_fee=self.chance.random() < 0.5, by=BY)

    def _day(self, plan: Plan) -> None:
        plans.change_day(plan.pk, self.chance.randrange(1, 32), by=BY)

    def _rhythm(self, plan: Plan) -> None:
        interval = self.chance.choice(["month", "quarter", "year"])
        plans.change_interval(plan.pk, interval, by=BY)
        self.rhythms[plan.pk].add(interval)

    def _fund(self, plan: Plan) -> None:
        plans.change_fund(plan.pk, self.chance.choice(list(Fund.objects.all())), by=BY)

    def _stop(self, plan: Plan) -> None:
        if self.chance.random() < 0.05:
            Donor.objects.filter(plans=plan).update(is_deceased=True)
        plans.stop(plan.pk, by=BY)

    def _restart(self, plan: Plan) -> None:
        new = plans.restart(plan.pk, clock.today() + timedelta(days=self.chance.randrange(0, 20)), by=BY)
        self.rhythms[new.pk].add(new.interval)

    def _new_card(self, plan: Plan) -> None:
        if self.is_down:
            return
        saved = client().v1.payment_methods.attach("pm_card_mastercard", {"customer": plan.stripe_customer_id})
        cards.use(plan.pk, gateway.retrieve_card(str(saved.id)), actor="supporter")

    def _bank_declines(self, plan: Plan) -> None:
        self._bank(plan, decline=self.chance.choice(DECLINES))

    def _bank_is_kind(self, plan: Plan) -> None:
        self._bank(plan, decline="", authenticate=False)

    def _bank_asks(self, plan: Plan) -> None:
        self._bank(plan, authenticate=True)

    def _bank(self, plan: Plan, **now: object) -> None:
        happenings.happen(self.engine, "card-behaves", {"payment_method": plan.stripe_payment_method_id, **now})

    def _bank_replaces_card(self, plan: Plan) -> None:
        self._bank(plan, decline="")
        given = {"payment_method": plan.stripe_payment_method_id, "last4": f"{self.chance.randrange(10000):04}"}
        happenings.happen(self.engine, "card-replaced", {**given, "exp_year": 2041})

    # --- the end ------------------------------------------------------------------------------------------------------

    def _receipts(self) -> None:
        self.engine.faults.clear()
        for _ in range(3):
            self._hear()
            while charging.charge_due():
                pass
        while issue.issue_due(100):
            pass
