"""Who is a member, at which level, through when, and why: worked out from settled money alone. Knows no Django.

Each function under "The rules" is one rule; its docstring names it. Numbers are those of domain/rules.md. A membership
is never moved forward or back by an event: it is computed anew from everything that counts, so the order in which facts
came, and how often, means nothing, and money that went back is as if it had never come (rule 64).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from functools import partial

from donations.rules import schedule
from members import sentences
from members.sentences import Reason

DAY = timedelta(days=1)
# How many gifts of this repetition make a year, and how many months one of them carries.
TIMES_A_YEAR = {"once": 1, "yearly": 1, "monthly": 12, "quarterly": 4}
MONTHS_CARRIED = {"monthly": 1, "quarterly": 3}


class State(StrEnum):
    """How a membership stands on a day."""

    NEVER = "never"
    CURRENT = "current"
    GRACE = "grace"
    LAPSED = "lapsed"


@dataclass(frozen=True, slots=True)
class Level:
    """What a year of giving buys. from_minor: for a year, cents. is_cumulative: bought by all gifts of a year together,
    otherwise by one payment."""

    id: int
    name: str
    from_minor: int
    is_cumulative: bool = False


@dataclass(frozen=True, slots=True)
class Payment:
    """A settled gift of money. kept_minor: what is left of it after refunds and disputes; 0 when all went back.

    repeats: once, monthly, quarterly or yearly. plan_id: which monthly gift it belongs to. went_back: in words why less
    is left than was given. giver: who paid, where it was given to the member as a membership (rule 66).
    """

    gift_id: int
    on: date
    kept_minor: int
    kind: str = "card"
    repeats: str = "once"
    plan_id: int | None = None
    went_back: str = ""
    giver: str = ""


@dataclass(frozen=True, slots=True)
class Grant:
    """A membership that nobody paid for. ends_on: its last day; None is for life."""

    level_id: int
    starts_on: date
    ends_on: date | None


@dataclass(frozen=True, slots=True)
class Policy:
    """What the newsroom decided. term_months: what dues buy; grace_days: how long everything stays after the end."""

    term_months: int = 12
    grace_days: int = 30


@dataclass(frozen=True, slots=True)
class Facts:
    """Everything a standing is computed from."""

    payments: Sequence[Payment]
    levels: Sequence[Level]
    policy: Policy = Policy()
    grants: Sequence[Grant] = ()


@dataclass(frozen=True, slots=True)
class Stretch:
    """Days on which one payment or grant makes somebody a member. end: None for ever. is_valued: what it paid for may
    bring things of value."""

    start: date
    end: date | None
    level: Level
    stream: str
    # Its sentence; most stretches are never told, and words take longer than dates.
    tell: Callable[[], Reason]
    is_valued: bool = True

    @property
    def last(self) -> date:
        return self.end or date.max

    def holds(self, day: date) -> bool:
        return self.start <= day <= self.last


@dataclass(frozen=True, slots=True)
class Span:
    """Days in a row on which a level is the best they have. end: its last day; None for ever."""

    level: Level
    end: date | None


@dataclass(frozen=True, slots=True)
class Standing:
    """How somebody stands on a day, and why. current_through, grace_through: None for life, and for who never was.

    level_id: of today, or the last one held. benefit_level_id: the level whose benefits of value are theirs today.
    looks_again_on: the next day on which this changes by itself. carried_by: the gift that carries to the end.
    """

    state: State
    level_id: int | None = None
    benefit_level_id: int | None = None
    joined_on: date | None = None
    rejoined_on: date | None = None
    current_through: date | None = None
    grace_through: date | None = None
    looks_again_on: date | None = None
    why: tuple[Reason, ...] = ()

    @property
    def is_member(self) -> bool:
        return self.state in (State.CURRENT, State.GRACE)


def standing(facts: Facts, today: date) -> Standing:
    """How a supporter stands on `today`, from everything that counts."""
    stretches = [one for one in cover(facts) if one.start <= today]
    later = min((grant.starts_on for grant in facts.grants if grant.starts_on > today), default=None)
    if not stretches:
        return Standing(State.NEVER, looks_again_on=later, why=tuple(_told(facts, [], None, today)))
    through = max(one.last for one in stretches)
    # After the end one keeps what one had on the last day.
    day = min(today, through)
    held = [one for one in stretches if one.holds(day)]
    level = max((one.level for one in held), key=_rank)
    is_for_life = through == date.max
    grace_through = through if is_for_life else through + timedelta(days=facts.policy.grace_days)
    state = state_on(today, through, grace_through)
    valued = [one.level for one in held if one.is_valued] if state in (State.CURRENT, State.GRACE) else []
    joined_on, rejoined_on = membership_began(stretches, facts.policy)
    return Standing(
        state=state,
        level_id=level.id,
        benefit_level_id=max(valued, key=_rank).id if valued else None,
        joined_on=joined_on,
        rejoined_on=rejoined_on,
        current_through=None if is_for_life else through,
        grace_through=None if is_for_life else grace_through,
        looks_again_on=_next_change(stretches, through, grace_through, later, today),
        why=tuple(_told(facts, stretches, None if is_for_life else (through, grace_through), today)),
    )


def ahead(facts: Facts, today: date) -> list[Span]:
    """Today's level to its own last day, and after it the lower ones that carry on; none for who is no member today.

    What is given from a later day on counts when that day has come.
    """
    stretches, day = [one for one in cover(facts) if one.start <= today], today
    found: list[Span] = []
    while held := [one for one in stretches if one.holds(day)]:
        level = max((one.level for one in held), key=_rank)
        last = max(one.last for one in held if one.level == level)
        if last == date.max:
            return [*found, Span(level, None)]
        found.append(Span(level, last))
        day = last + DAY
    return found


def _next_change(
    stretches: Sequence[Stretch], through: date, grace_through: date, later: date | None, today: date
) -> date | None:
    days = {one.end + DAY for one in stretches if one.end is not None}
    if through != date.max:
        days |= {through + DAY, grace_through + DAY}
    return min((day for day in [*days, *([later] if later else [])] if day > today), default=None)


# ---- The rules ------------------------------------------------------------------------------------------------------

# Kinds of gift whose money buys a membership; the others are property, bequests, and money that is another's to thank.
BUYS = frozenset(["card", "phone", "check", "cash", "money_order", "wire", "payroll", "other", "ira", "foundation"])
# Of these, the kinds that bring nothing of value.
ONLY_STANDING = frozenset(["ira", "foundation"])


def counts(payment: Payment) -> bool:
    """64: only settled money that is still ours. What went back is as if it had never come.

    Soft credits are thanks and no money, so nobody is a member by them. Neither are a fund's sponsor, which grants for
    others (rule 26), and a company that matches (rule 33): its money is given to a member by name (rule 66), if at all.
    """
    return payment.kept_minor > 0 and (payment.kind in BUYS or (payment.giver != "" and payment.kind == "match"))


def may_bring_value(payment: Payment) -> bool:
    """26, 29: grants of foundations and IRA money make a member and bring nothing of value with it.

    Any benefit can spoil a qualified charitable distribution (IRC 408(d)(8); rule 29), and a foundation may not buy
    benefits for people with its grants (IRC 4941).
    """
    return payment.kind not in ONLY_STANDING


def yearly_minor(payment: Payment) -> int:
    """A monthly gift is twelve times as much in a year, a quarterly one four times; any other is what it is."""
    return payment.kept_minor * TIMES_A_YEAR[payment.repeats]


def bought(payment: Payment, levels: Sequence[Level]) -> Level | None:
    """A payment buys the highest level whose yearly dues it comes to, or none."""
    within = [one for one in levels if not one.is_cumulative and one.from_minor <= yearly_minor(payment)]
    return max(within, key=_rank, default=None)


def cover(facts: Facts) -> list[Stretch]:
    """All stretches of one supporter: by dues, by all gifts of a year together, and granted."""
    counted = sorted((one for one in facts.payments if counts(one)), key=lambda one: (one.on, one.gift_id))
    return [*_by_dues(counted, facts), *_by_sums(counted, facts), *_granted(facts)]


def _by_dues(counted: Sequence[Payment], facts: Facts) -> list[Stretch]:
    """One membership of many payments: a monthly gift runs on by itself, and a year is added to whatever is furthest.

    So a monthly card and a yearly check are not two memberships, nor is the check lost that comes while the card runs.
    """
    ends: dict[tuple[str, int | None], date] = {}
    found = []
    for payment in counted:
        level = bought(payment, facts.levels)
        if level is None:
            continue
        key = stream(payment)
        own = ends.get(key) if payment.repeats in MONTHS_CARRIED else max(ends.values(), default=None)
        months = MONTHS_CARRIED.get(payment.repeats, facts.policy.term_months)
        end = extended(payment.on, own, months)
        ends[key] = max(end, ends.get(key, end))
        is_early = own is not None and own >= payment.on
        valued = may_bring_value(payment)
        tell = partial(sentences.carries, payment, level.name, end, is_early=is_early, is_valued=valued)
        # A higher level is theirs at once; a lower one waits until the higher has ended, because the best counts.
        found.append(Stretch(payment.on, end, level, "{}:{}".format(*key), tell, valued))
    return found


def stream(payment: Payment) -> tuple[str, int | None]:
    """Gifts that follow each other: those of one monthly or quarterly gift, and all that buy a whole year."""
    return (payment.repeats, payment.plan_id) if payment.repeats in MONTHS_CARRIED else ("term", None)


def extended(paid_on: date, old_end: date | None, months: int) -> date:
    """65: early renewal extends from the old end; late renewal counts from the day it was paid.

    Always through the end of a month, so that a charge on the 31st, or a day late, leaves no gap. Late within grace is
    late, too, but the membership was never interrupted: days of grace are not charged for. (Counted from the old end,
    somebody with an older gift would be carried less far than somebody without.)
    """
    start = paid_on if old_end is None else max(old_end + DAY, paid_on)
    return month_end(schedule.months_later(start, months) - DAY)


def _by_sums(counted: Sequence[Payment], facts: Facts) -> list[Stretch]:
    """Cumulative levels: held for as long as the gifts of the trailing twelve months come to it, to the month's end."""
    levels = sorted((one for one in facts.levels if one.is_cumulative), key=_rank)
    found = []
    for place, payment in enumerate(counted if levels else []):
        since = schedule.months_later(payment.on, -facts.policy.term_months)
        window = [one for one in counted[: place + 1] if one.on > since]
        for level in levels:
            end = sum_lasts(window, level, facts.policy)
            valued = [one for one in window if may_bring_value(one)]
            valued_end = sum_lasts(valued, level, facts.policy)
            if end:
                tell = partial(sentences.together, payment, level.name, end)
                found.append(Stretch(payment.on, end, level, "sum", tell, is_valued=False))
            if valued_end:
                tell = partial(sentences.together, payment, level.name, valued_end)
                found.append(Stretch(payment.on, valued_end, level, "sum", tell))
    return found


def sum_lasts(window: Sequence[Payment], level: Level, policy: Policy) -> date | None:
    """The end of the month in which these gifts, oldest first, no longer come to the level; None if they never do."""
    left = sum(one.kept_minor for one in window)
    if left < level.from_minor:
        return None
    for payment in window:
        left -= payment.kept_minor
        if left < level.from_minor:
            return month_end(schedule.months_later(payment.on, policy.term_months) - DAY)
    raise ValueError(f"level {level.id} asks for nothing")


def _granted(facts: Facts) -> list[Stretch]:
    """Complimentary to its last day; a life membership for ever. Nobody paid, so nothing of it can go back."""
    by_id = {level.id: level for level in facts.levels}
    found = []
    for one in facts.grants:
        if one.ends_on is None or one.ends_on >= one.starts_on:
            level, stream = by_id[one.level_id], "granted" if one.ends_on else "life"
            tell = partial(sentences.granted, level.name, one.ends_on)
            found.append(Stretch(one.starts_on, one.ends_on, level, stream, tell))
    return found


def membership_began(stretches: Sequence[Stretch], policy: Policy) -> tuple[date, date | None]:
    """65: joined on the first day; rejoined where the membership before had lapsed beyond grace."""
    in_order = sorted(stretches, key=lambda one: one.start)
    through, rejoined_on = in_order[0].last, None
    for one in in_order[1:]:
        if through != date.max and one.start > through + timedelta(days=policy.grace_days):
            rejoined_on = one.start
        through = max(through, one.last)
    return in_order[0].start, rejoined_on


def state_on(day: date, through: date, grace_through: date) -> State:
    """64: current to the end, then in grace, then lapsed."""
    if day <= through:
        return State.CURRENT
    return State.GRACE if day <= grace_through else State.LAPSED


# ---- Why ------------------------------------------------------------------------------------------------------------

SHOWN = 6


def _told(facts: Facts, stretches: Sequence[Stretch], ends: tuple[date, date] | None, today: date) -> list[Reason]:
    """The sentences of a standing: what carries it, what went back, what was too little, and how it ends."""
    told = []
    if ends and today > ends[0]:
        told.append(sentences.ended(*ends, today))
    told += _carrying(stretches, today)
    told += [sentences.went_back(one) for one in _recent(facts.payments, today) if one.went_back]
    told += _too_little(facts, today) if not stretches or (ends and today > ends[0]) else []
    return told


def _carrying(stretches: Sequence[Stretch], today: date) -> list[Reason]:
    """The furthest first; of each stream of payments the last one, so that a monthly gift is one sentence, and
    whatever makes a higher level until then. What has ended is told only where nothing else carries."""
    highest: dict[str, tuple[int, int]] = {}
    in_order = []
    for one in sorted(stretches, key=_reach)[::-1]:
        if _rank(one.level) > highest.get(one.stream, (0, 0)):
            highest[one.stream] = _rank(one.level)
            in_order.append(one)
    running = [one.tell() for one in in_order[:SHOWN] if one.last >= today]
    return running or [sentences.in_the_past(one.tell()) for one in in_order[:1]]


def _reach(stretch: Stretch) -> tuple[date, bool, tuple[int, int]]:
    return stretch.last, stretch.is_valued, _rank(stretch.level)


def _recent(payments: Sequence[Payment], today: date) -> list[Payment]:
    """Those of the last year, newest first."""
    new = [one for one in payments if one.on > schedule.months_later(today, -12)]
    return sorted(new, key=lambda one: (one.on, one.gift_id), reverse=True)[:SHOWN]


def _too_little(facts: Facts, today: date) -> list[Reason]:
    """Gifts that came to no level, told to who has none."""
    dues = [one for one in facts.levels if not one.is_cumulative]
    if not dues:
        return []
    lowest = min(dues, key=_rank)
    short = [one for one in _recent(facts.payments, today) if counts(one) and bought(one, dues) is None]
    return [sentences.too_little(one, lowest.name) for one in short[:1]]


# ---- Days -----------------------------------------------------------------------------------------------------------


def month_end(day: date) -> date:
    return schedule.in_month(day.year, day.month, 31)


def _rank(level: Level) -> tuple[int, int]:
    """The higher level is the one that asks for more."""
    return level.from_minor, level.id
