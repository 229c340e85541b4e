"""Who is a member: worked out anew from settled money whenever something happens to it, and every night by date.

A membership's row is what recomputing locks, last of all locks but the receipt books; the payments are read only then,
so that of two at once the second sees what the first did.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import islice

from django.db import transaction
from django.utils.formats import date_format

from donations.models import Donor, Gift, Reversal
from members import rules, sentences
from members.models import Level, Membership, MembershipGrant, MembershipPolicy
from nonprofit import audit, clock

ACTOR = "membership"
# Rows in one transaction: what a night's work holds in memory and locks at a time.
CHUNK = 2_000
CURRENCY = "usd"
# Records that stand for many people, or for nobody.
NO_MEMBERS = (Donor.Kind.DAF_SPONSOR, Donor.Kind.ESTATE, Donor.Kind.UNKNOWN)
GIFT = Gift.Status
SETTLED_ONCE = (GIFT.SETTLED, GIFT.REFUNDED, GIFT.DISPUTED, GIFT.LOST, GIFT.REVERSED)
WENT_BACK = {
    GIFT.REFUNDED: "was refunded",
    GIFT.DISPUTED: "is being asked back by your bank",
    GIFT.LOST: "was taken back by your bank",
    GIFT.REVERSED: "was taken back",
}
BOUNCED = "came back from the bank"
SHOWN = ("state", "level_id", "benefit_level_id", "joined_on", "rejoined_on", "current_through", "grace_through")
COLUMNS = (*SHOWN, "looks_again_on", "why")


@dataclass(frozen=True, slots=True)
class Headline:
    """What a membership says of itself. through: the level's own last day, None for life. then: what follows, or ""."""

    level: str
    through: date | None
    then: str = ""

    @property
    def words(self) -> str:
        """The level; with its own last day where another one follows."""
        if not self.then or self.through is None:
            return self.level
        return f"{self.level} through {date_format(self.through)}. {self.then}"


def recompute(donor_id: int, *, today: date | None = None) -> Membership | None:
    """The supporter's membership stands as their settled money says; None while there are no levels at all.

    Locks the membership. Safe twice, twice at once, and in any order with what happens to gifts.
    """
    recompute_many([donor_id], today=today)
    return Membership.objects.filter(donor_id=donor_id).select_related("level").first()


@transaction.atomic
def recompute_many(donor_ids: Iterable[int], *, today: date | None = None, nowait: bool = False) -> int:
    """The same for several supporters in a few statements; how many changed. Locks their memberships in one order.

    nowait: fail at once where somebody else holds one.
    """
    offered = levels()
    if not offered:
        return 0
    held = _locked(sorted(set(donor_ids)), nowait=nowait)
    facts, day = _facts(held, offered), today or clock.today()
    changed, before = [], {}
    for donor_id, row in held.items():
        old = {name: getattr(row, name) for name in COLUMNS}
        new = _columns(rules.standing(facts[donor_id], day))
        if new != old:
            before[donor_id] = old
            for name, value in new.items():
                setattr(row, name, value)
            row.computed_at = clock.now()
            changed.append(row)
    _write(changed)
    _log(changed, before)
    return len(changed)


def as_of_today(row: Membership) -> Membership:
    """The row as it stands today, where the night's work has not been by yet; nothing is written."""
    today = clock.today()
    if row.looks_again_on is not None and row.looks_again_on <= today:
        standing = rules.standing(_facts([row.donor_id], levels())[row.donor_id], today)
        for name, value in _columns(standing).items():
            setattr(row, name, value)
    return row


def ahead(row: Membership) -> list[rules.Span]:
    """Today's level to its own last day, and what carries on after it; none unless the membership is current."""
    if row.state != Membership.State.CURRENT:
        return []
    return rules.ahead(_facts([row.donor_id], levels())[row.donor_id], clock.today())


def headline(row: Membership) -> Headline:
    """Which level is theirs, to which day it is, and what carries on then."""
    spans = ahead(row)
    if not spans:
        return Headline(row.level.name if row.level else "", row.current_through)
    first, *later = spans
    return Headline(first.level.name, first.end, sentences.follows([(one.level.name, one.end) for one in later]))


def levels() -> list[rules.Level]:
    """All levels, also those not offered any more: who bought one keeps it."""
    rows = Level.objects.order_by("pk").values_list("pk", "name", "from_minor", "kind")
    return [rules.Level(pk, name, minor, kind == Level.Kind.CUMULATIVE) for pk, name, minor, kind in rows]


def policy() -> rules.Policy:
    """What the newsroom decided."""
    row = MembershipPolicy.get()
    return rules.Policy(row.term_months, row.grace_days)


def _locked(donor_ids: Sequence[int], *, nowait: bool) -> dict[int, Membership]:
    """Each supporter's row, made where there is none, locked until the end."""
    rows = Membership.objects.select_for_update(nowait=nowait).filter(donor_id__in=donor_ids).order_by("donor_id")
    held = {row.donor_id: row for row in rows}
    missing = [pk for pk in donor_ids if pk not in held]
    if missing:
        made = [Membership(donor_id=pk) for pk in missing]
        Membership.objects.bulk_create(made, ignore_conflicts=True, batch_size=1000)
        held |= {row.donor_id: row for row in rows.filter(donor_id__in=missing)}
    return held


def _facts(donor_ids: Collection[int], offered: Sequence[rules.Level]) -> dict[int, rules.Facts]:
    """What each supporter's standing is computed from."""
    decided, payments, grants = policy(), _payments(donor_ids), _grants(donor_ids)
    return {pk: rules.Facts(payments.get(pk, ()), offered, decided, grants.get(pk, ())) for pk in donor_ids}


def _payments(donor_ids: Iterable[int]) -> dict[int, list[rules.Payment]]:
    """Settled gifts of money by whose membership they count for: the giver's, or that of the member they gave one."""
    ids = list(donor_ids)
    columns = ("pk", "donor_id", "gift_on", "amount_minor", "refunded_minor", "kind", "status", "frequency", "plan_id")
    gifts = Gift.objects.filter(status__in=SETTLED_ONCE, currency=CURRENCY, amount_minor__gt=0)
    given = MembershipGrant.objects.filter(kind=MembershipGrant.Kind.GIFT, ended_on=None)
    given_away = given.filter(gift__donor_id__in=ids).values_list("gift_id", flat=True)
    own = gifts.filter(donor_id__in=ids).exclude(donor__kind__in=NO_MEMBERS).values_list(*columns)
    gone = set(given_away)
    rows = [(row, row[1], "") for row in own if row[0] not in gone]
    members = dict(given.filter(donor_id__in=ids).values_list("gift_id", "donor_id"))
    if members:
        names = dict(gifts.filter(pk__in=members).values_list("pk", "donor_name"))
        rows += [(row, members[row[0]], names[row[0]]) for row in gifts.filter(pk__in=members).values_list(*columns)]
    taken_back = [row[0] for row, _, _ in rows if row[6] == GIFT.REVERSED]
    back = Reversal.objects.filter(gift_id__in=taken_back, reason=Reversal.Reason.BOUNCED)
    bounced = set(back.values_list("gift_id", flat=True) if taken_back else ())
    found: dict[int, list[rules.Payment]] = defaultdict(list)
    for (pk, _, gift_on, amount, refunded, kind, status, often, plan_id), member, giver in rows:
        kept = amount - refunded if status == GIFT.SETTLED else 0
        went = BOUNCED if pk in bounced else WENT_BACK.get(status, "was refunded" if refunded else "")
        found[member].append(rules.Payment(pk, gift_on, kept, kind, often, plan_id, went, giver))
    return found


def payment(gift: Gift, *, giver: str = "") -> rules.Payment | None:
    """One gift as the rules see it; None where its money makes nobody a member."""
    if gift.gift_on is None or gift.amount_minor == 0 or gift.currency != CURRENCY or gift.donor is None:
        return None
    if gift.donor.kind in NO_MEMBERS:
        return None
    kept = gift.kept.minor if gift.status == GIFT.SETTLED else 0
    return rules.Payment(gift.pk, gift.gift_on, kept, gift.kind, gift.frequency, gift.plan_id, giver=giver)


def _grants(donor_ids: Iterable[int]) -> dict[int, list[rules.Grant]]:
    """Complimentary and life memberships, one that was taken back to the day before."""
    found: dict[int, list[rules.Grant]] = defaultdict(list)
    rows = MembershipGrant.objects.filter(donor_id__in=list(donor_ids), gift=None)
    for donor_id, level_id, starts_on, ends_on, ended_on in rows.values_list(
        "donor_id", "level_id", "starts_on", "ends_on", "ended_on"
    ):
        last = ends_on if ended_on is None else min(ended_on - rules.DAY, ends_on or date.max)
        if level_id is not None:
            found[donor_id].append(rules.Grant(level_id, starts_on, last))
    return found


def _columns(standing: rules.Standing) -> dict[str, object]:
    facts = {name: getattr(standing, name) for name in COLUMNS if name != "why"}
    why = [{"text": one.text, "gift_id": one.gift_id} for one in standing.why]
    return facts | {"state": standing.state.value, "why": why}


def _log(changed: Sequence[Membership], before: dict[int, dict[str, object]]) -> None:
    """Never silently (rule 64): each change of standing is in the audit log."""
    told = []
    for row in changed:
        old = {name: before[row.donor_id][name] for name in SHOWN}
        after = {name: getattr(row, name) for name in SHOWN}
        if old != after:
            moved = {name: f"{_word(old[name])} → {_word(after[name])}" for name in SHOWN if old[name] != after[name]}
            told.append((row, moved))
    if told:
        audit.record_all(ACTOR, "membership stands anew", told)


def _word(value: object) -> str:
    return "—" if value is None else str(value)


def _write(changed: Sequence[Membership]) -> None:
    """The rows say what was found. They are there and locked: inserting what conflicts is a fast way to update many."""
    columns = (*COLUMNS, "computed_at")
    rows = [Membership(donor_id=row.donor_id, **{name: getattr(row, name) for name in columns}) for row in changed]
    Membership.objects.bulk_create(
        rows,
        update_conflicts=True,
        unique_fields=["donor"],
        update_fields=[name.removesuffix("_id") for name in columns],
        batch_size=1000,
    )


def touched_by(gift: Gift) -> list[int]:
    """Whose membership this gift's money makes: the giver's, and that of the member it was given to."""
    members = MembershipGrant.objects.filter(gift=gift).values_list("donor_id", flat=True)
    return [*members, *([gift.donor_id] if gift.donor_id else [])]


# ---- By night, and in bulk -------------------------------------------------------------------------------------------


def due_by_date(today: date) -> list[int]:
    """Supporters whose standing changes by date alone, up to CHUNK of them: current to grace to lapsed."""
    due = Membership.objects.filter(looks_again_on__lte=today).order_by("looks_again_on", "pk")
    return list(due.values_list("donor_id", flat=True)[:CHUNK])


def age(today: date | None = None) -> int:
    """Every membership stands as of today; how many were looked at. Safe twice and when killed: chunk by chunk."""
    day, looked_at = today or clock.today(), 0
    while Level.objects.exists() and (ids := due_by_date(day)):
        recompute_many(ids, today=day)
        looked_at += len(ids)
    return looked_at


def recompute_each(donor_ids: Iterable[int]) -> None:
    """Many supporters, however many, by the chunk. Call inside the transaction that they belong to, or outside any."""
    waiting = iter(donor_ids)
    while ids := list(islice(waiting, CHUNK)):
        recompute_many(ids)


def recompute_all(*, after: int = 0, chunk: int = CHUNK) -> int:
    """Everybody who ever gave or was given a membership, computed anew; how many. Memory does not grow with them.

    after: the number of the supporter to go on from. Safe twice and when killed: each chunk commits by itself.
    """
    looked_at, day = 0, clock.today()
    while True:
        ids = list(Donor.objects.filter(pk__gt=after).order_by("pk").values_list("pk", flat=True)[:chunk])
        if not ids:
            return looked_at
        recompute_many(ids, today=day)
        looked_at, after = looked_at + len(ids), ids[-1]
