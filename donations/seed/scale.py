"""Gifts by the million, invented: for measuring lists and searches at the size a large newsroom reaches.

Every row comes from one seeded generator, so the same seed, sizes and last day give the same rows on every machine.
People, gifts and plans are streamed by COPY; what follows from them (ledger, details, receipts) is derived in SQL.
"""

import datetime as dt
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import accumulate
from random import Random
from typing import Any

from django.db import connection, models, transaction
from django.utils import timezone

from donations.models import Campaign, Donor, Fund, Gift, Plan
from donations.seed import scale_sql
from donations.seed.scale_people import People

Say = Callable[[str], None]

YEARS = 6
# Each later year brings more; November and December most of all.
GROWTH = 1.12
MONTH_WEIGHTS = (8, 6, 7, 7, 7, 7, 5, 5, 7, 8, 14, 27)
HOUR_WEIGHTS = (1, 1, 1, 1, 1, 1, 2, 5, 7, 8, 8, 8, 9, 8, 7, 7, 7, 8, 9, 11, 12, 10, 6, 3)
KINDS = {
    **{"card": 700, "check": 190, "phone": 14, "payroll": 16, "daf": 24, "match": 12, "wire": 7, "stock": 7},
    **{"ira": 9, "cash": 8, "money_order": 3, "foundation": 4, "in_kind": 3, "crypto": 1, "bequest": 1, "other": 1},
}
AMOUNTS = {
    **{500: 20, 1000: 90, 1500: 70, 2500: 220, 3500: 50, 5000: 200, 7500: 50, 10000: 160, 15000: 40, 25000: 80},
    **{50000: 14, 100000: 9, 250000: 3, 500000: 1},
}
MONTHLY = (500, 700, 1000, 1500, 1500, 2500, 2500, 5000)
STATUSES = {"settled": 925, "expired": 52, "failed": 18, "reversed": 5}
PROPERTY = frozenset({"stock", "crypto", "in_kind"})
BASIS = {
    **{"card": "charge", "phone": "charge", "check": "postmark", "stock": "transfer", "crypto": "transfer"},
    **{"wire": "bank", "payroll": "payroll"},
}
# Every so many supporters give monthly.
EVERY = 12
CHUNK = 20_000


@dataclass(frozen=True, slots=True)
class Size:
    """How much to make. until: the day of the newest gift."""

    donors: int
    gifts: int
    seed: int
    until: date


class CannotGenerate(Exception):
    """The database is not fit for it; the text says why."""


def generate(size: Size, say: Say) -> None:
    """The database holds that many invented supporters and gifts more, with ledger, details and receipts, or none.

    Indexes and foreign keys of the tables are taken off meanwhile and built again at the end of the same transaction,
    which checks every row; other sessions wait. Raises CannotGenerate: no fund yet, or that seed was used before.
    """
    if not 1 <= size.donors <= size.gifts:
        raise CannotGenerate("There must be at least one supporter, and at least as many gifts as supporters.")
    if not Fund.objects.exists():
        raise CannotGenerate("There is no fund to give to: run `manage.py seed` first.")
    if Gift.objects.filter(payment_intent_id__startswith=f"pi_made{size.seed}x").exists():
        raise CannotGenerate(f"Seed {size.seed} was used here before: its e-mails and payments exist. Take another.")
    with transaction.atomic():
        began = time.monotonic()
        with connection.cursor() as cursor:
            cursor.execute("SET LOCAL maintenance_work_mem = '256MB'")
            taken_off = scale_sql.take_off(cursor)
        _Making(size, say).run()
        with connection.cursor() as cursor:
            scale_sql.put_back(cursor, taken_off)
            say(f"indexes built, every constraint checked, after {time.monotonic() - began:.0f} s")
            scale_sql.analyze(cursor)


class _Making:
    """One run: where numbers begin, and the state of chance."""

    def __init__(self, size: Size, say: Say) -> None:
        self.size, self.say = size, say
        self.chance = Random(size.seed)
        self.people = People(size.seed)
        self.first = {model: 1 + (model._base_manager.aggregate(last=models.Max("pk"))["last"] or 0) for model in MADE}
        self.plans = 1 + (size.donors - 1) // EVERY
        # Asked before anything streams: a connection that copies in answers nothing else.
        self.funds, self.campaigns = _places(Fund), _places(Campaign)
        self.moments = _moments(size)

    def run(self) -> None:
        size = self.size
        self._copy(Donor, DONOR, self._donors(), size.donors)
        self._copy(Plan, PLAN, self._plan_rows(), self.plans)
        self._copy(Gift, GIFT, self._gifts(), size.gifts)
        first = self.first[Gift]
        for what, statement in scale_sql.derived():
            began = time.monotonic()
            with connection.cursor() as cursor:
                cursor.execute(statement, {"first": first, "last": first + size.gifts - 1})
                self._progress(what, cursor.rowcount, began)
        with connection.cursor() as cursor:
            scale_sql.number_on(cursor)

    def _copy(self, model: type[models.Model], columns: tuple[str, ...], lines: Iterator[str], count: int) -> None:
        """Stream the lines into the model's table; columns not named get the model's default."""
        began, done = time.monotonic(), 0
        names, tail = _with_defaults(model, columns)
        listed = ", ".join(f'"{name}"' for name in names)
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")  # the driver's own cursor is made by the first use
            with cursor.cursor.copy(f'COPY "{model._meta.db_table}" ({listed}) FROM STDIN') as copy:
                block: list[str] = []
                for line in lines:
                    block.append(f"{line}{tail}\n")
                    if len(block) == CHUNK:
                        copy.write("".join(block))
                        done += len(block)
                        block.clear()
                        if done % (CHUNK * 10) == 0 and done < count:
                            self._progress(f"{model._meta.verbose_name_plural} so far", done, began)
                copy.write("".join(block))
        self._progress(str(model._meta.verbose_name_plural), count, began)

    def _progress(self, what: str, count: int, began: float) -> None:
        took = max(time.monotonic() - began, 0.001)
        self.say(f"{count:>9,} {what:<24} {count / took:>9,.0f} a second")

    def _donors(self) -> Iterator[str]:
        first, size = self.first[Donor], self.size
        for number in range(size.donors):
            # The supporter came with the gift at which `_gifts` reaches this number.
            at = self.moments[-(-number * size.gifts // size.donors)]
            yield f"{first + number}\t{self.people.row(number)}\t{at}"

    def _plan_rows(self) -> Iterator[str]:
        first, donor, fund = self.first[Plan], self.first[Donor], self.funds[0]
        gifts, donors, until = self.size.gifts, self.size.donors, self.size.until
        for number in range(self.plans):
            at = self.moments[-(-number * EVERY * gifts // donors)]
            started = date.fromisoformat(at[:10])
            is_active = number % 10 < 7
            due = until + timedelta(days=1 + number % 28)
            yield "\t".join(
                (
                    *(str(first + number), str(donor + number * EVERY), "active" if is_active else "ended", "month"),
                    *(str(MONTHLY[number % len(MONTHLY)]), str(fund), str(started.day), at[:10]),
                    *(due.isoformat() if is_active else r"\N", f"pm_made{self.size.seed}x{number}"),
                    *(f"cus_made{self.size.seed}x{number}", *(("", r"\N") if is_active else ("asked", at))),
                    *("I agree to give this amount every month until I cancel.", "made", at, at, at),
                )
            )

    def _gifts(self) -> Iterator[str]:  # one tight loop: a million turns of it
        size, chance = self.size, self.chance
        first, donor0, plan0 = self.first[Gift], self.first[Donor], self.first[Plan]
        kinds, statuses = _drawn(KINDS, chance), _drawn(STATUSES, chance)
        amounts, funds, campaigns = _drawn(AMOUNTS, chance), self.funds, self.campaigns
        rand, bits, named = chance.random, chance.getrandbits, self.people.named
        newest, tag = -1, f"pi_made{size.seed}x"
        for n in range(size.gifts):
            reached = n * size.donors // size.gifts
            is_first, newest = reached != newest, reached
            who = reached if is_first else int(reached * rand() ** 0.8)
            status = "settled" if is_first else next(statuses)
            has_money = status in ("settled", "reversed")
            is_monthly = not who % EVERY
            kind = "card" if is_monthly or not has_money else next(kinds)
            is_card = kind in ("card", "phone")
            minor = MONTHLY[who // EVERY % len(MONTHLY)] if is_monthly else next(amounts)
            at, (name, email) = self.moments[n], named(who)
            dice = bits(16)
            plan = plan0 + who // EVERY if is_monthly and has_money else r"\N"
            campaign = campaigns[dice % len(campaigns)] if campaigns else r"\N"
            yield (
                f"{first + n}\t{bits(128):032x}\t{bits(128):032x}\t{donor0 + who if has_money else NULL}\t{plan}"
                f"\t{kind}\t{status}\t{'monthly' if is_monthly else 'once'}\t{0 if kind in PROPERTY else minor}"
                f"\t{funds[0] if dice % 4 else funds[dice % len(funds)]}\t{campaign}\t{name}\t{email}"
                f"\t{at[:10] if has_money else NULL}\t{BASIS.get(kind, 'received') if has_money else ''}"
                f"\t{f'{tag}{n}' if is_card else NULL}\t{BRANDS[dice % 8] if is_card and has_money else ''}"
                f"\t{f'{dice % 10000:04d}' if is_card and has_money else ''}\t{at}\t{at}\t{at if has_money else NULL}"
            )


NULL = r"\N"
MADE: tuple[type[models.Model], ...] = (Donor, Plan, Gift)
BRANDS = ("visa", "visa", "visa", "visa", "mastercard", "mastercard", "amex", "discover")
DONOR = (
    *("id", "kind", "name", "email", "phone", "address_line1", "city", "region", "postal_code", "country"),
    "created_at",
)
PLAN = (
    *("id", "donor_id", "status", "interval", "amount_minor", "fund_id", "anchor_day", "started_on", "next_due_on"),
    *("stripe_payment_method_id", "stripe_customer_id", "end", "ended_at"),
    *("consent_text", "consent_version", "consent_at", "created_at", "status_at"),
)
GIFT = (
    *("id", "token", "form_attempt", "donor_id", "plan_id", "kind", "status", "frequency", "amount_minor", "fund_id"),
    *("campaign_id", "donor_name", "donor_email", "gift_on", "gift_date_basis", "payment_intent_id", "card_brand"),
    *("card_last4", "started_at", "changed_at", "settled_at"),
)


def _with_defaults(model: type[models.Model], columns: tuple[str, ...]) -> tuple[list[str], str]:
    """All columns to fill, and the end of each line: defaults of those that are not given and may not be null."""
    rest = [
        field
        for field in model._meta.concrete_fields
        if field.column not in columns and not field.null and not field.generated
    ]
    return [*columns, *(str(field.column) for field in rest)], "".join(
        f"\t{_text(field.get_default())}" for field in rest
    )


def _text(value: Any) -> str:
    """As COPY reads it."""
    return {True: "t", False: "f"}[value] if isinstance(value, bool) else str(value)


def _drawn(weighted: dict[Any, int], chance: Random) -> Iterator[Any]:
    """Values by their weights, for ever. Drawn by the thousand, which is far cheaper than one by one."""
    values, sums = list(weighted), list(accumulate(weighted.values()))
    while True:
        yield from chance.choices(values, cum_weights=sums, k=5000)


def _places(model: type[models.Model]) -> list[int]:
    return list(model._base_manager.order_by("pk").values_list("pk", flat=True))


def _moments(size: Size) -> list[str]:
    """When each gift was given, oldest first, as COPY reads it: ISO, in UTC."""
    # A stream of its own: a list of instants must not depend on how people were drawn.
    chance = Random(f"{size.seed} moments")
    first = size.until - timedelta(days=365 * YEARS)
    days = [first + timedelta(days=number) for number in range((size.until - first).days + 1)]
    weights = [MONTH_WEIGHTS[day.month - 1] * GROWTH ** (number / 365) for number, day in enumerate(days)]
    given: dict[int, int] = dict.fromkeys(range(len(days)), 0)
    for number in chance.choices(range(len(days)), weights, k=size.gifts):
        given[number] += 1
    hours, moments = _drawn(dict(enumerate(HOUR_WEIGHTS)), chance), []
    for number, count in given.items():
        day = days[number].isoformat()
        offset = _offset(days[number])
        times = sorted((next(hours), chance.randrange(3_600_000)) for _ in range(count))
        moments += [
            f"{day} {hour:02d}:{ms // 60000:02d}:{ms // 1000 % 60:02d}.{ms % 1000:03d}{offset}" for hour, ms in times
        ]
    return moments


def _offset(day: date) -> str:
    """The organisation's offset from UTC at noon of that day, like "-0500"."""
    noon = timezone.make_aware(datetime.combine(day, dt.time(12)), timezone.get_default_timezone())
    return f"{noon:%z}"
