"""The state of the books at a glance: what waits to be closed, explained, receipted and mailed, and how giving goes."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from django.db.models import Count, Sum
from django.db.models.functions import TruncMonth

from donations.books import charts, months
from donations.models import BankLine, Difference, Gift, LedgerEntry, ReceiptDue
from nonprofit import clock
from nonprofit.money import Money

MONTHS = 12
Kind = Gift.Kind
CHANNELS: Mapping[str, Sequence[str]] = {
    "Online by card": (Kind.CARD,),
    "Card by phone": (Kind.PHONE,),
    "Checks and cash": (Kind.CHECK, Kind.CASH, Kind.MONEY_ORDER),
    "Grants, wires and matches": (Kind.WIRE, Kind.DAF, Kind.FOUNDATION, Kind.IRA, Kind.MATCH, Kind.PAYROLL),
}
OTHER = "Other"
Lines = LedgerEntry.Kind
BACK = (Lines.REFUND, Lines.REFUND_FAILED, Lines.DISPUTE, Lines.DISPUTE_WON, Lines.REVERSAL)
FEES = (Lines.FEE, Lines.DISPUTE_FEE, Lines.DISPUTE_FEE_BACK, Lines.BANK_FEE, Lines.STRIPE_FEE)


@dataclass(frozen=True, slots=True)
class Giving:
    """Gross giving by month and channel, and the table that says the same in numbers."""

    months: Sequence[date]
    channels: Sequence[charts.Series]
    totals: Sequence[Money]

    @property
    def rows(self) -> list[tuple[date, list[Money], Money]]:
        """A line for each month, the newest first."""
        found = [
            (month, [one.amounts[place] for one in self.channels], self.totals[place])
            for place, month in enumerate(self.months)
        ]
        return found[::-1]


def giving(currency: str = "usd") -> Giving:
    """The last twelve months with the present one, as booked."""
    first = clock.today().replace(day=1)
    starts = [first]
    while len(starts) < MONTHS:
        starts.insert(0, (starts[0] - timedelta(days=1)).replace(day=1))
    booked = LedgerEntry.objects.filter(kind=Lines.GIFT, currency=currency, booked_on__gte=starts[0])
    sums = booked.annotate(month=TruncMonth("booked_on")).values_list("month", "gift__kind")
    by_channel: dict[str, list[int]] = {name: [0] * len(starts) for name in CHANNELS}
    names = defaultdict(lambda: OTHER, {kind: name for name, kinds in CHANNELS.items() for kind in kinds})
    for month, kind, minor in sums.annotate(sum=Sum("amount_minor")).order_by():
        if month in starts:
            by_channel.setdefault(names[kind], [0] * len(starts))[starts.index(month)] += minor
    most = max((max(minors) for minors in by_channel.values()), default=0)
    channels = [
        charts.series(name, starts, minors, most=most, currency=currency)
        for name, minors in by_channel.items()
        if any(minors)
    ]
    totals = [Money(sum(one.amounts[place].minor for one in channels), currency) for place in range(len(starts))]
    return Giving(starts, channels, totals)


def money_path(starts_on: date, currency: str = "usd") -> list[charts.Step]:
    """What became of the month's gifts: gross, gone back, fees, and what is left."""
    end = months.after(starts_on)
    lines = LedgerEntry.objects.filter(booked_on__gte=starts_on, booked_on__lt=end, currency=currency)
    sums = dict(lines.order_by().values_list("kind").annotate(sum=Sum("amount_minor")))
    gross = sums.get(Lines.GIFT, 0)
    back, fees = (sum(sums.get(kind, 0) for kind in kinds) for kinds in (BACK, FEES))
    return charts.steps(
        [
            ("Gifts", Money(gross, currency)),
            ("Went back", Money(back, currency)),
            ("Fees", Money(fees, currency)),
            ("Left", Money(gross + back + fees, currency)),
        ]
    )


@dataclass(frozen=True, slots=True)
class Waiting:
    """Numbers of what waits. month: the next to close, None while the present one is the only open one."""

    month: date | None
    look: months.Look | None
    differences: int
    by_kind: Sequence[tuple[str, str, int]]
    bank_lines: int
    receipts: int
    stuck: int


def waiting() -> Waiting:
    """What a person has to do before the next month can close."""
    ended = [month for month in months.open_months() if months.after(month) <= clock.today()]
    counts = Difference.objects.open().order_by().values_list("kind").annotate(count=Count("pk"))
    kinds = [(kind, str(Difference.Kind(kind).label), count) for kind, count in counts]
    untied = BankLine.objects.filter(payout__isnull=True, batch__isnull=True, explanation="", amount_minor__gt=0)
    return Waiting(
        month=ended[0] if ended else None,
        look=months.look(ended[0]) if ended else None,
        differences=sum(count for _, _, count in kinds),
        by_kind=sorted(kinds, key=lambda one: -one[2]),
        bank_lines=untied.count(),
        receipts=ReceiptDue.objects.count(),
        stuck=ReceiptDue.objects.exclude(trouble="").count(),
    )
