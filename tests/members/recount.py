"""Who is a member, worked out a second time from the ledger alone: the product's own rules are never asked.

Written from the rules as a person would tell them, and in another way than the product does it: what a gift came to is
the sum of its ledger lines (the product reads the gift), and the days of membership are walked one month at a time.
"""

from dataclasses import dataclass
from datetime import date, timedelta

from django.db.models import Q, Sum

from donations.models import Donor, Gift
from members.models import Level, MembershipGrant, MembershipPolicy
from nonprofit import clock

PRINCIPAL = ("gift", "reversal", "refund", "refund_failed", "dispute", "dispute_won")
MONEY = ("card", "phone", "check", "cash", "money_order", "wire", "payroll", "other", "ira", "foundation")
FOREVER = date(9999, 12, 31)


@dataclass(frozen=True)
class Expected:
    """How a supporter ought to stand. through: FOREVER for life."""

    state: str
    level: str = ""
    joined_on: date | None = None
    rejoined_on: date | None = None
    through: date | None = None


@dataclass
class _Span:
    first: date
    last: date
    level: Level


def recount(donor_id: int, today: date | None = None) -> Expected:
    """How the supporter stands by the ledger, on `today`."""
    day = today or clock.today()
    policy = MembershipPolicy.get()
    paid = _paid(donor_id)
    spans = [*_dues(paid, policy.term_months), *_sums(paid, policy.term_months), *_granted(donor_id)]
    spans = sorted((span for span in spans if span.first <= day <= FOREVER), key=lambda span: span.first)
    if not spans:
        return Expected("never")
    through, rejoined = spans[0].last, None
    for span in spans:
        if through < FOREVER and (span.first - through).days > policy.grace_days:
            rejoined = span.first
        through = through if through > span.last else span.last
    on = through if through < day else day
    there = [span.level for span in spans if span.first <= on and on <= span.last]
    level = sorted(there, key=lambda one: (one.from_minor, one.pk))[-1]
    state = "current" if day <= through else "grace" if (day - through).days <= policy.grace_days else "lapsed"
    return Expected(state, level.name, spans[0].first, rejoined, through)


def stored(donor_id: int) -> Expected:
    """How the product says that they stand, in the same words."""
    donor = Donor.objects.select_related("membership__level").get(pk=donor_id)
    row = getattr(donor, "membership", None)
    if row is None or row.state == "never":
        return Expected("never")
    through = row.current_through or FOREVER
    return Expected(row.state, row.level.name, row.joined_on, row.rejoined_on, through)


@dataclass
class _Paid:
    on: date
    minor: int
    often: str
    plan: int | None


def _paid(donor_id: int) -> list[_Paid]:
    """What is left of each gift by its lines, of those that count for this supporter; in the order of their days."""
    given = MembershipGrant.objects.filter(gift__isnull=False, ended_on__isnull=True)
    mine = Q(donor_id=donor_id) & ~Q(pk__in=given.values("gift"))
    mine &= ~Q(donor__kind__in=["daf_sponsor", "estate", "unknown"]) & Q(kind__in=MONEY)
    got = Q(pk__in=given.filter(donor_id=donor_id).values("gift"), kind__in=[*MONEY, "match"])
    found = []
    for gift in Gift.objects.filter(mine | got, gift_on__isnull=False, currency="usd").order_by("gift_on", "pk"):
        lines = gift.ledger_entries.filter(kind__in=PRINCIPAL)
        left = lines.aggregate(sum=Sum("amount_minor"))["sum"] or 0
        if left > 0 and gift.gift_on:
            found.append(_Paid(gift.gift_on, left, gift.frequency, gift.plan_id))
    return found


def _dues(paid: list[_Paid], term: int) -> list[_Span]:
    levels = list(Level.objects.filter(kind="dues").order_by("from_minor", "pk"))
    spans: list[_Span] = []
    until: dict[object, date] = {}
    for one in paid:
        times, months = {"monthly": (12, 1), "quarterly": (4, 3)}.get(one.often, (1, term))
        within = [level for level in levels if level.from_minor <= one.minor * times]
        if not within:
            continue
        name = (one.often, one.plan) if months != term or times != 1 else "year"
        before = until.get(name) if name != "year" else (max(until.values()) if until else None)
        begin = one.on
        if before is not None and before >= one.on:
            begin = before + timedelta(days=1)
        last = _walk(begin, months)
        until[name] = last if name not in until or until[name] < last else until[name]
        spans.append(_Span(one.on, last, within[-1]))
    return spans


def _walk(begin: date, months: int) -> date:
    """The end of the month in which the last of so many months ends."""
    year, month = begin.year, begin.month
    for _ in range(months):
        year, month = (year + 1, 1) if month == 12 else (year, month + 1)
    # A month that begins on the first ends on the last day before; any other ends within the month.
    if begin.day == 1:
        return date(year, month, 1) - timedelta(days=1)
    year, month = (year + 1, 1) if month == 12 else (year, month + 1)
    return date(year, month, 1) - timedelta(days=1)


def _sums(paid: list[_Paid], term: int) -> list[_Span]:
    """Day by day from each gift on, whether those that are not older than a year come to the level."""
    spans = []
    for level in Level.objects.filter(kind="cumulative"):
        for place, one in enumerate(paid):
            # No gift after this one: that one has a span of its own.
            known = paid[: place + 1]
            day = one.on
            if _in_year(known, day, term) < level.from_minor:
                continue
            while _in_year(known, day + timedelta(days=1), term) >= level.from_minor:
                day += timedelta(days=1)
            following = (day.replace(day=28) + timedelta(days=4)).replace(day=1)
            spans.append(_Span(one.on, following - timedelta(days=1), level))
    return spans


def _in_year(paid: list[_Paid], day: date, term: int) -> int:
    return sum(one.minor for one in paid if day <= _anniversary(one.on, term) - timedelta(days=1))


def _anniversary(day: date, months: int) -> date:
    year, month = day.year + (day.month - 1 + months) // 12, (day.month - 1 + months) % 12 + 1
    number = day.day
    while True:
        try:
            return date(year, month, number)
        except ValueError:
            number -= 1


def _granted(donor_id: int) -> list[_Span]:
    spans = []
    for grant in MembershipGrant.objects.filter(donor_id=donor_id, gift=None).select_related("level"):
        last = grant.ends_on or FOREVER
        if grant.ended_on:
            last = min(last, grant.ended_on - timedelta(days=1))
        if grant.level and last >= grant.starts_on:
            spans.append(_Span(grant.starts_on, last, grant.level))
    return spans
