"""What a supporter gave, as the portal tells it: by year, from the ledger. Only reads, in a fixed number of queries."""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

from allauth.account.models import EmailAddress
from django.db.models import Count, Sum
from django.db.models.functions import ExtractYear

from donations.models import Gift, LedgerEntry, Plan, ReceiptPdf
from nonprofit.models import User
from nonprofit.money import Money

# Above this many gifts the first page shows only the newest year; the others are one tap away.
AT_ONCE = 200


@dataclass(frozen=True, slots=True)
class GiftLine:
    """A gift on the page. receipt_number: "" until the receipt's PDF is there to fetch."""

    gift: Gift
    receipt_number: str


@dataclass(frozen=True, slots=True)
class Year:
    """A calendar year of gifts. totals: one Money per currency, the largest first; count: gifts the ledger knows.

    lines: newest first, or None when they are not on this page.
    """

    year: int
    totals: tuple[Money, ...]
    count: int
    lines: tuple[GiftLine, ...] | None


@dataclass(frozen=True, slots=True)
class PlanCard:
    """A monthly or yearly gift that runs. is_card_ending: the card will have expired when the next gift is due."""

    plan: Plan
    is_overdue: bool
    is_card_ending: bool


@dataclass(frozen=True, slots=True)
class History:
    """Everything on the portal's page. latest: the newest gift, unless the page shows another year."""

    this_year: Year
    years: tuple[Year, ...]
    processing: tuple[Gift, ...]
    latest: GiftLine | None
    plans: tuple[PlanCard, ...]


def of(user: User, *, today: date, only_year: int | None = None) -> History:
    """The user's history. only_year: show the gifts of that year and name the others."""
    totals = _totals(user)
    shown = _shown_years(totals, only_year)
    lines = _lines(user, shown)
    years = tuple(
        Year(
            year=year,
            totals=tuple(money for money, _ in totals[year]),
            count=sum(count for _, count in totals[year]),
            lines=tuple(lines[year]) if shown is None or year in shown else None,
        )
        for year in sorted(totals.keys() | lines.keys(), reverse=True)
    )
    newest = years[0].lines if years and only_year is None else None
    return History(
        this_year=next((year for year in years if year.year == today.year), Year(today.year, (), 0, ())),
        years=years,
        processing=tuple(_processing(user)),
        latest=newest[0] if newest else None,
        plans=tuple(_plans(user, today)),
    )


def _totals(user: User) -> dict[int, list[tuple[Money, int]]]:
    """Per year of the gifts' legal dates: what the ledger holds in each currency, and of how many gifts."""
    sums = (
        LedgerEntry.objects.filter(kind=LedgerEntry.Kind.GIFT, gift__in=Gift.objects.visible_to(user).settled())
        .values("currency", year=ExtractYear("gift__gift_on"))
        .annotate(minor=Sum("amount_minor"), count=Count("gift", distinct=True))
        .order_by("-minor")
    )
    totals: dict[int, list[tuple[Money, int]]] = defaultdict(list)
    for row in sums:
        totals[row["year"]].append((Money(row["minor"], row["currency"]), row["count"]))
    return totals


def _shown_years(totals: dict[int, list[tuple[Money, int]]], only_year: int | None) -> set[int] | None:
    """The years whose gifts stand on the page; None is all of them."""
    if only_year is not None:
        return {only_year}
    count = sum(count for of_year in totals.values() for _, count in of_year)
    return {max(totals)} if count > AT_ONCE else None


def _lines(user: User, shown: set[int] | None) -> dict[int, list[GiftLine]]:
    gifts = Gift.objects.visible_to(user).settled().select_related("fund").order_by("-gift_on", "-pk")
    pdfs = ReceiptPdf.objects.filter(receipt__gift__in=Gift.objects.visible_to(user))
    if shown is not None:
        gifts = gifts.filter(gift_on__year__in=shown)
        pdfs = pdfs.filter(receipt__gift__gift_on__year__in=shown)
    numbers = dict(pdfs.values_list("receipt__gift_id", "receipt__number"))
    by_year: dict[int, list[GiftLine]] = defaultdict(list)
    for gift in gifts:
        # A settled gift has its date: the database holds it to that.
        if gift.gift_on is not None:
            by_year[gift.gift_on.year].append(GiftLine(gift, numbers.get(gift.pk, "")))
    return by_year


def _processing(user: User) -> list[Gift]:
    """Gifts whose money is on its way. They have no donor yet, so the mailbox the user has proven finds them."""
    proven = EmailAddress.objects.filter(user=user, email=user.email, verified=True)
    gifts = Gift.objects.filter(status=Gift.Status.PROCESSING, donor_email__in=proven.values("email"))
    return list(gifts.select_related("fund").order_by("-started_at"))


def _plans(user: User, today: date) -> Iterator[PlanCard]:
    plans = Plan.objects.filter(status=Plan.Status.ACTIVE, donor__user=user).select_related("fund")
    for plan in plans.order_by("next_due_on", "pk"):
        due, end = plan.next_due_on, plan.card_expires_on
        yield PlanCard(
            plan=plan,
            is_overdue=due is not None and due < today,
            is_card_ending=due is not None and end is not None and end < due,
        )
