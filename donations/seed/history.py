"""Three years of giving as a story, before anything is written down: who gave what, when, and what went wrong."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from random import Random
from typing import TypeVar

from django.utils import timezone

from donations.rules import schedule
from donations.seed.people import Person
from nonprofit import money
from nonprofit.money import Money

YEARS = 3
PERCENT, FIXED_MINOR = Decimal("2.9"), 30
DECLINES = [
    ("insufficient_funds", 5),
    ("generic_decline", 4),
    ("expired_card", 2),
    ("incorrect_cvc", 2),
    ("lost_card", 1),
]
ONCE = [(1000, 8), (1500, 6), (2500, 22), (3500, 4), (5000, 20), (7500, 5), (10000, 16), (15000, 4), (25000, 9)]
LARGE = [(50000, 6), (100000, 4), (123456, 1), (250000, 1)]
MONTHLY = [(500, 12), (700, 14), (1000, 18), (1500, 20), (2500, 20), (5000, 9), (10000, 3)]
YEARLY = [(6000, 10), (12000, 9), (25000, 4), (50000, 1)]
T = TypeVar("T")
NAMES = ["Maria Delgado", "my grandmother Łucja", "Officer Tom Rossi", "李奶奶", "the night desk", "Prof. Hannah Stone"]
NOTES = [
    "Your story on the ferry contract is why I give.",
    "Please keep going to the school board meetings!",
    "From our book club, all eleven of us.",
    "In place of flowers.",
    "¡Gracias por publicar en español!",
    "I would rather not be called, thank you.",
]


@dataclass(slots=True)
class Promise:
    """A monthly or yearly plan. interval: "month" or "year"; ended_on: None while it runs."""

    person: Person
    interval: str
    amount_minor: int
    is_fee_covered: bool
    fund: int
    started_on: date
    ended_on: date | None = None
    next_due_on: date | None = None


@dataclass(slots=True)
class Giving:
    """One gift, as it went. declines: (instant, Stripe's code) of refused tries; fund and campaign: places in lists.

    kind: "card", or "phone" where staff took it on a call.
    """

    person: Person
    at: datetime
    amount_minor: int
    covered_fee_minor: int = 0
    status: str = "settled"
    frequency: str = "once"
    fund: int = 0
    campaign: int = 0
    tribute: str = ""
    tribute_name: str = ""
    note: str = ""
    is_name_hidden: bool = False
    wants_newsletter: bool = False
    promise: Promise | None = None
    declines: list[tuple[datetime, str]] = field(default_factory=list)
    kind: str = "card"


def tell(ana: Person, crowd: list[Person], now: datetime, chance: Random) -> list[Giving]:
    """Every gift from three years ago until `now`, oldest first."""
    today = timezone.localtime(now).date()
    first_day = today.replace(day=1) - timedelta(days=365 * YEARS)
    givings = [*_of_ana(ana, today, now, chance), *_open(crowd, now)]
    for number, person in enumerate(crowd):
        if number % 5 < 2:
            givings += _repeating(_promise(person, "month", MONTHLY, first_day, today, chance), now, chance)
        elif number % 5 == 2 and number % 2:
            givings += _repeating(_promise(person, "year", YEARLY, first_day, today, chance), now, chance)
        for _ in range(1 + min(int(chance.expovariate(0.3)), 12)):
            givings.append(_once(person, _day(first_day, today, chance), now, chance))
    return sorted(givings, key=lambda giving: giving.at)


def _of_ana(ana: Person, today: date, now: datetime, chance: Random) -> Iterator[Giving]:
    """A rich history: single gifts of several kinds, then a monthly one that still runs."""
    started = schedule.in_month(today.year - 2, 3, 12)
    yield from _repeating(Promise(ana, "month", 2500, True, 0, started), now, chance)
    for years, month, day, amount in ((3, 12, 3, 5000), (2, 6, 21, 7500), (2, 12, 30, 15000), (1, 11, 28, 10000)):
        giving = _once(ana, date(today.year - years, month, day), now, chance)
        giving.amount_minor, giving.covered_fee_minor, giving.fund, giving.campaign = amount, 0, 0, 0
        giving.declines.clear()
        giving.tribute = giving.tribute_name = giving.note = ""
        if month == 6:
            giving.tribute, giving.tribute_name = "honor", "Maria Delgado"
            giving.note = "Happy retirement, Maria."
        if amount == 5000:
            giving.kind = "phone"
        if amount == 10000:
            giving.fund, giving.is_name_hidden = 1, True
            giving.declines = [(giving.at - timedelta(seconds=70), "insufficient_funds")]
        yield giving


def _open(crowd: list[Person], now: datetime) -> Iterator[Giving]:
    """What is not settled: every state a page can show, and a few abandoned forms and tried cards."""
    yield Giving(crowd[3], now - timedelta(minutes=95), 5000, status="pending")
    promise = Promise(crowd[8], "month", 1500, False, 0, timezone.localtime(now).date())
    yield Giving(crowd[8], now - timedelta(hours=3), 1500, status="pending", frequency="monthly", promise=promise)
    yield Giving(crowd[5], now - timedelta(hours=7), 25000, status="processing", note="From our savings account.")
    tries = [now - timedelta(minutes=44), now - timedelta(minutes=42)]
    declines = [(tries[0], "generic_decline"), (tries[1], "insufficient_funds")]
    yield Giving(crowd[11], now - timedelta(minutes=47), 10000, status="failed", declines=declines)
    for days in range(4, 300, 13):
        at = now - timedelta(days=days, minutes=days * 7)
        refused = [(at + timedelta(minutes=2), "card_velocity_exceeded")] if days % 3 == 0 else []
        yield Giving(crowd[days % 90], at, 2500, status="expired", declines=refused)


def _promise(
    person: Person, interval: str, amounts: list[tuple[int, int]], first_day: date, today: date, chance: Random
) -> Promise:
    started = _day(first_day, today - timedelta(days=40), chance)
    ended = None
    if chance.random() < 0.25:
        ended = min(started + timedelta(days=chance.randrange(60, 700)), today - timedelta(days=3))
    fund = 0 if chance.random() < 0.8 else chance.randrange(1, 4)
    return Promise(person, interval, _pick(amounts, chance), chance.random() < 0.5, fund, started, ended)


def _repeating(promise: Promise, now: datetime, chance: Random) -> Iterator[Giving]:
    """The plan's gifts until it ended or now; says on the promise when the next is due."""
    covered = _fee_cover(promise.amount_minor) if promise.is_fee_covered else 0
    day, is_first = promise.started_on, True
    while promise.ended_on is None or day <= promise.ended_on:
        # The first one is given by hand, the later ones are charged early in the morning.
        at = _instant(day, chance) if is_first else _morning(day, chance)
        if at > now - timedelta(minutes=10):
            break
        yield Giving(
            promise.person,
            at,
            promise.amount_minor + covered,
            covered,
            frequency={"month": "monthly", "year": "yearly"}[promise.interval],
            fund=promise.fund,
            wants_newsletter=is_first and chance.random() < 0.5,
            promise=promise,
            declines=[(at, "insufficient_funds")] if not is_first and chance.random() < 0.02 else [],
        )
        day, is_first = schedule.next_due(promise.started_on, promise.started_on.day, promise.interval, day), False
    if promise.ended_on is None:
        promise.next_due_on = day


def _once(person: Person, day: date, now: datetime, chance: Random) -> Giving:
    at = min(_instant(day, chance), now - timedelta(minutes=chance.randrange(20, 900)))
    net = _pick(LARGE if chance.random() < 0.04 else ONCE, chance)
    covered = _fee_cover(net) if chance.random() < 0.45 else 0
    giving = Giving(person, at, net + covered, covered)
    if chance.random() < 0.25:
        giving.fund = chance.randrange(1, 4)
    giving.campaign = 1 if giving.fund == 2 else 0
    if chance.random() < 0.12:
        giving.tribute, giving.tribute_name = chance.choice(["honor", "memory"]), chance.choice(NAMES)
    if chance.random() < 0.1:
        giving.note = chance.choice(NOTES)
    if chance.random() < 0.06:
        giving.declines = [(at - timedelta(seconds=chance.randrange(40, 300)), _pick(DECLINES, chance))]
    giving.is_name_hidden = chance.random() < 0.08
    giving.wants_newsletter = chance.random() < 0.3
    return giving


def _fee_cover(net_minor: int) -> int:
    return money.gross_up(Money(net_minor), percent=PERCENT, fixed_minor=FIXED_MINOR).minor - net_minor


def _day(first: date, last: date, chance: Random) -> date:
    """A day between them; November and December weigh more, as they do everywhere."""
    days = [first + timedelta(days=chance.randrange((last - first).days + 1)) for _ in range(2)]
    return next((day for day in days if day.month >= 11), days[0])


def _instant(day: date, chance: Random) -> datetime:
    """Some time of that day, awake hours mostly."""
    moment = time(chance.choice([7, 8, 9, 11, 12, 13, 17, 19, 20, 20, 21, 21, 22, 23]), chance.randrange(60))
    return _local(day, moment, chance)


def _morning(day: date, chance: Random) -> datetime:
    return _local(day, time(6, chance.randrange(30)), chance)


def _local(day: date, moment: time, chance: Random) -> datetime:
    seconds = timedelta(seconds=chance.randrange(60), microseconds=chance.randrange(1_000_000))
    return timezone.make_aware(datetime.combine(day, moment)) + seconds


def _pick(weighted: list[tuple[T, int]], chance: Random) -> T:
    return chance.choices([value for value, _ in weighted], [weight for _, weight in weighted])[0]
