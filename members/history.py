"""What a supporter gave, as the portal tells it: by year, from the ledger. Only reads, in a fixed number of queries."""

from collections import defaultdict
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import date

from allauth.account.models import EmailAddress
from django.db.models import Count, OuterRef, Prefetch, Q, QuerySet, Subquery, Sum
from django.db.models.fields.json import KT
from django.db.models.functions import ExtractYear

from donations.models import (
    AnnualStatement,
    Donor,
    Gift,
    LedgerEntry,
    Plan,
    Receipt,
    ReceiptDue,
    ReceiptPdf,
    Refund,
    SoftCredit,
)
from members import told
from nonprofit import clock
from nonprofit.models import User
from nonprofit.money import Money

# Above this many gifts the first page shows only the newest year; the others are one tap away.
AT_ONCE = 200
GONE = [Gift.Status.REVERSED, Gift.Status.REFUNDED, Gift.Status.DISPUTED, Gift.Status.LOST]
HELD = [Gift.Status.SETTLED, *GONE]
# What came of gifts and went back, in any way; fees of ours are none of it.
OF_GIFTS = [
    LedgerEntry.Kind.GIFT,
    LedgerEntry.Kind.REVERSAL,
    LedgerEntry.Kind.REFUND,
    LedgerEntry.Kind.REFUND_FAILED,
    LedgerEntry.Kind.DISPUTE,
    LedgerEntry.Kind.DISPUTE_WON,
]


@dataclass(frozen=True, slots=True)
class Paper:
    """A receipt or letter as the page shows it. number: "" while it is on its way; word: "Receipt" or "Letter"."""

    number: str
    word: str = "Receipt"
    is_void: bool = False


@dataclass(frozen=True, slots=True)
class Line:
    """A gift, money of it that went back, or somebody else's gift that the user is thanked for.

    is_own: it counts in the user's totals (as its negative, if is_reversal); is_reversed: all of it went back, which
    the next line tells. former_number: of the receipt that another platform gave.
    """

    gift: Gift
    on: date
    headline: str
    way: str
    paper: Paper | None = None
    is_own: bool = True
    is_reversed: bool = False
    is_reversal: bool = False
    former_number: str = ""


@dataclass(frozen=True, slots=True)
class Tally:
    """How many gifts stand: of money, of property, and of others that the user is thanked for."""

    money: int = 0
    property: int = 0
    thanked: int = 0


@dataclass(frozen=True, slots=True)
class Statement:
    """A yearly statement that can be fetched, or is replaced by a newer one."""

    number: str
    is_replaced: bool


@dataclass(frozen=True, slots=True)
class Year:
    """A calendar year of gifts. totals: one Money per currency, what came minus what went back, the largest first.

    lines: newest first, or None when they are not on this page. statements: the one that stands, then replaced ones.
    """

    year: int
    totals: tuple[Money, ...]
    tally: Tally
    lines: tuple[Line, ...] | None
    statements: tuple[Statement, ...] = ()

    @property
    def has_any(self) -> bool:
        return self.tally != Tally()

    @property
    def words(self) -> str:
        """ "2 gifts, 1 of stock, goods or work, 1 that came through you": property and thanks are counted apart."""
        tally = self.tally
        parts = [_many(tally.money)] if tally.money else []
        parts += [f"{_many(tally.property)} of stock, goods or work"] if tally.property else []
        parts += [f"{tally.thanked} that came through you"] if tally.thanked else []
        return ", ".join(parts) or "no gift that stands"


def _many(count: int) -> str:
    return f"{count} gift{'' if count == 1 else 's'}"


@dataclass(frozen=True, slots=True)
class PlanCard:
    """A monthly or yearly gift that runs. is_card_ending: the card will have expired when the next gift is due."""

    plan: Plan
    is_overdue: bool
    is_card_ending: bool


@dataclass(frozen=True, slots=True)
class History:
    """Everything on the portal's page. latest: the newest gift that stands, unless the page shows another year."""

    this_year: Year
    years: tuple[Year, ...]
    processing: tuple[Gift, ...]
    latest: Line | None
    plans: tuple[PlanCard, ...]


def of(user: User, *, today: date, only_year: int | None = None) -> History:
    """The user's history. only_year: show the gifts of that year and name the others."""
    counts, totals = _counts(user), _totals(user)
    shown = _shown_years(counts, only_year)
    lines, stated = _lines(user, shown), _statements(user)
    years = tuple(
        Year(
            year=year,
            totals=tuple(totals[year]),
            tally=counts.get(year, Tally()),
            lines=tuple(lines[year]) if shown is None or year in shown else None,
            statements=tuple(stated[year]),
        )
        for year in sorted(counts.keys() | lines.keys() | stated.keys(), reverse=True)
    )
    newest = years[0].lines if years and only_year is None else None
    return History(
        this_year=next((year for year in years if year.year == today.year), Year(today.year, (), Tally(), ())),
        years=years,
        processing=tuple(_processing(user)),
        latest=next((line for line in newest or () if line.is_own and line.paper and not line.is_reversed), None),
        plans=tuple(_plans(user, today)),
    )


def papers(user: User) -> QuerySet[ReceiptPdf]:
    """The papers the user may fetch: those of their gifts, unless they thank somebody else, and those that thank them.

    Narrow it to numbers or gifts before reading it.
    """
    is_thanks = Q(receipt__snapshot__recipient__is="recognized")
    own = Q(receipt__gift__donor__user=user) & (Q(receipt__snapshot__recipient__isnull=True) | ~is_thanks)
    theirs = (
        own | is_thanks & Q(thanked=user.pk) | Q(receipt__statement__donor__in=Donor.objects.records_of_user(user.pk))
    )
    return ReceiptPdf.objects.annotate(thanked=_thanked("receipt__gift")).filter(theirs)


def _statements(user: User) -> dict[int, list[Statement]]:
    """The statements that are made, by year: the one that stands first, then those it replaced, the newest first."""
    made = AnnualStatement.objects.filter(donor__in=Donor.objects.records_of_user(user.pk), receipt__pdf__isnull=False)
    found: dict[int, list[Statement]] = defaultdict(list)
    for year, number, void in made.order_by("-version", "-pk").values_list("year", "receipt__number", "receipt__void"):
        found[year].append(Statement(number, is_replaced=void is not None))
    for statements in found.values():
        statements.sort(key=lambda one: one.is_replaced)
    return found


def _thanked(gift: str) -> Subquery:
    """The user to whom a paper of thanks for `gift` is written; the same choice as when it is issued."""
    roles = [SoftCredit.Role.ADVISOR, SoftCredit.Role.EMPLOYEE]
    credits_of = SoftCredit.objects.filter(gift=OuterRef(gift), role__in=roles)
    return Subquery(credits_of.order_by("role", "pk").values("donor__user")[:1])


def _own(user: User) -> QuerySet[Gift]:
    return Gift.objects.visible_to(user).filter(status__in=HELD)


def _thanked_for(user: User) -> QuerySet[SoftCredit]:
    """Others' gifts that stand and for which the user is thanked; never part of a total (domain rule 89)."""
    return SoftCredit.objects.filter(donor__user=user, gift__status=Gift.Status.SETTLED).exclude(gift__donor__user=user)


def _counts(user: User) -> dict[int, Tally]:
    """Per year of the legal dates: how many gifts stand. A year whose only gift was taken back is there with none."""
    stands = Q(status=Gift.Status.SETTLED)
    own = (
        _own(user)
        .values(year=ExtractYear("gift_on"))
        .annotate(
            money=Count("pk", filter=stands & Q(amount_minor__gt=0)),
            property=Count("pk", filter=stands & Q(amount_minor=0)),
        )
        .order_by("year")
    )
    thanked = _thanked_for(user).values(year=ExtractYear("gift__gift_on")).annotate(count=Count("pk")).order_by("year")
    of_others = {row["year"]: row["count"] for row in thanked}
    counts = {year: Tally(thanked=count) for year, count in of_others.items()}
    for row in own:
        counts[row["year"]] = Tally(row["money"], row["property"], of_others.get(row["year"], 0))
    return counts


def _totals(user: User) -> dict[int, list[Money]]:
    """Per year of the gifts' legal dates: what the ledger holds in each currency, what went back taken off.

    Money only: property is in the books at a value that is nobody's but ours, and the bank's fee is our expense.
    """
    sums = (
        LedgerEntry.objects.filter(kind__in=OF_GIFTS, gift__in=_own(user))
        .values("currency", year=ExtractYear("gift__gift_on"))
        .annotate(minor=Sum("amount_minor"))
        .order_by("-minor")
    )
    totals: dict[int, list[Money]] = defaultdict(list)
    for row in sums:
        if row["minor"]:
            totals[row["year"]].append(Money(row["minor"], row["currency"]))
    return totals


def _shown_years(counts: dict[int, Tally], only_year: int | None) -> set[int] | None:
    """The years whose gifts stand on the page; None is all of them."""
    if only_year is not None:
        return {only_year}
    count = sum(tally.money + tally.property + tally.thanked for tally in counts.values())
    return {max(counts)} if count > AT_ONCE else None


def _lines(user: User, shown: set[int] | None) -> dict[int, list[Line]]:
    own = _own(user).select_related("fund", "detail", "reversal", "origin").order_by("-gift_on", "-pk")
    own = own.prefetch_related(Prefetch("refunds", Refund.objects.filter(state=Refund.State.SUCCEEDED)), "disputes")
    thanked = _thanked_for(user).select_related("gift__fund", "gift__detail")
    if shown is not None:
        own = own.filter(gift_on__year__in=shown)
        thanked = thanked.filter(gift__gift_on__year__in=shown)
    gifts, credits_of = list(own), list(thanked)
    found = _papers(user, [*(gift.pk for gift in gifts), *(credit.gift_id for credit in credits_of)])
    lines = [line for gift in gifts for line in _told(gift, found.get(gift.pk))]
    lines += [_recognized(credit, found.get(credit.gift_id)) for credit in credits_of]
    # What went back stands beneath its gift, in the gift's year, so that each year's lines come to its total.
    lines.sort(key=lambda line: (line.gift.gift_on or line.on, line.gift.pk, not line.is_reversal), reverse=True)
    by_year: dict[int, list[Line]] = defaultdict(list)
    for line in lines:
        by_year[(line.gift.gift_on or line.on).year].append(line)
    return by_year


def _told(gift: Gift, paper: Paper | None) -> Iterator[Line]:
    # A settled gift has its date: the database holds it to that.
    assert gift.gift_on is not None
    reversal = getattr(gift, "reversal", None)
    origin = getattr(gift, "origin", None)
    yield Line(
        gift,
        gift.gift_on,
        told.headline(gift),
        told.way(gift),
        paper,
        is_reversed=gift.status in GONE,
        former_number=origin.receipt_number if origin else "",
    )
    if reversal:
        headline = "Taken back" if gift.is_property else str(-gift.amount)
        yield Line(gift, reversal.noticed_on, headline, told.reversal(reversal), is_reversal=True)
    yield from _went_back(gift)


def _went_back(gift: Gift) -> Iterator[Line]:
    """Refunds, and what banks took; a dispute that was won took nothing in the end, and an inquiry never does."""
    for refund in gift.refunds.all():
        on = clock.local_date(refund.refunded_at or refund.requested_at)
        yield Line(gift, on, str(-refund.amount), told.refund(refund), is_reversal=True)
    for dispute in gift.disputes.all():
        if dispute.taken_minor:
            taken = Money(-dispute.taken_minor, dispute.currency)
            on = clock.local_date(dispute.opened_at)
            yield Line(gift, on, str(taken), told.dispute(dispute), is_reversal=True)


def _recognized(credit: SoftCredit, paper: Paper | None) -> Line:
    gift = credit.gift
    assert gift.gift_on is not None
    return Line(gift, gift.gift_on, told.recognized_headline(credit), told.recognized_way(credit), paper, is_own=False)


def _papers(user: User, gift_ids: Collection[int]) -> dict[int, Paper]:
    """Each gift's paper for this user: to fetch, void, or on its way. A gift that gets none is not in it."""
    mine = set(papers(user).filter(receipt__gift_id__in=gift_ids).values_list("receipt_id", flat=True))
    found = {gift_id: Paper("") for gift_id in _due(user, gift_ids)}
    rows = Receipt.objects.filter(gift_id__in=gift_ids).annotate(word=KT("snapshot__paper")).order_by("pk")
    for pk, gift_id, number, word, pdf, void in rows.values_list("pk", "gift_id", "number", "word", "pdf", "void"):
        if pk in mine:
            found[gift_id] = Paper(number, word or "Receipt", is_void=void is not None)
        elif pdf is None:
            found[gift_id] = Paper("", word or "Receipt")
    return found


def _due(user: User, gift_ids: Collection[int]) -> set[int]:
    """The user's own gifts whose paper is not numbered yet."""
    due = ReceiptDue.objects.filter(gift_id__in=gift_ids, gift__donor__user=user)
    return set(due.values_list("gift_id", flat=True))


def _processing(user: User) -> list[Gift]:
    """Gifts whose money is on its way. They have no donor yet, so the mailbox the user has proven finds them."""
    proven = EmailAddress.objects.filter(user=user, email=user.email, verified=True)
    gifts = Gift.objects.filter(status=Gift.Status.PROCESSING, donor_email__in=proven.values("email"))
    return list(gifts.select_related("fund").order_by("-started_at"))


def _plans(user: User, today: date) -> Iterator[PlanCard]:
    plans = Plan.objects.visible_to(user).running().select_related("fund")
    for plan in plans.order_by("next_due_on", "pk"):
        due, end = plan.next_due_on, plan.card_expires_on
        yield PlanCard(
            plan=plan,
            is_overdue=due is not None and due < today,
            is_card_ending=due is not None and end is not None and end < due,
        )
