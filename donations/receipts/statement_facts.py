"""Reads what statements say: every gift of many supporters in a year, in a few statements however many they are."""

from collections import defaultdict
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import date

from django.db.models import F, OuterRef, QuerySet, Subquery
from django.db.models.fields.json import KeyTextTransform, KeyTransform

from donations.models import Dispute, Donor, Gift, LedgerEntry, ReceiptDue, Refund, Reversal, SoftCredit
from donations.models.refund import CLOSED
from donations.receipts import wording
from donations.rules import documents, statements
from donations.rules.statements import Back, Given
from nonprofit import clock

STATUS = Gift.Status
# Gifts that are, or were, booked. A disputed one is read to say that it is left out.
BOOKED = (STATUS.SETTLED, STATUS.REFUNDED, STATUS.REVERSED, STATUS.DISPUTED, STATUS.LOST)
TAKEN_BACK = frozenset({STATUS.REFUNDED, STATUS.REVERSED, STATUS.LOST})
KIND = LedgerEntry.Kind
# Lines by which a gift's money went, or came back after all; fees are ours and no part of any gift.
WENT = (KIND.REVERSAL, KIND.REFUND, KIND.REFUND_FAILED, KIND.DISPUTE, KIND.DISPUTE_WON)
# Who is written to about a grant or match: the same choice as for its letter.
LETTERED = (SoftCredit.Role.ADVISOR, SoftCredit.Role.EMPLOYEE)


@dataclass(frozen=True, slots=True)
class Facts:
    """A supporter's year. address: of the newest gift that brought one. waiting: gifts whose paper is still to come."""

    donor: Donor
    gifts: tuple[Given, ...]
    address: tuple[str, ...] = ()
    waiting: frozenset[int] = frozenset()


def of(donors: Collection[Donor], year: int) -> dict[int, Facts]:
    """By supporter; those without a gift in the year are in it with none. Four statements, and three more
    where money went back.
    """
    found: dict[int, list[Given]] = defaultdict(list)
    address: dict[int, tuple[str, ...]] = {}
    people = {donor.pk: donor for donor in donors}
    gifts = list(own(people, year))
    went = _went(gifts)
    for gift in gifts:
        donor = people[gift.donor_id or 0]
        found[donor.pk].append(_own(gift, donor, went.get(gift.pk, [])))
        if gift.address_line1:
            address[donor.pk] = tuple(gift.address_lines)
    for credit in _thanked(people, year):
        found[credit.donor_id].append(_of_another(credit))
    waiting = _waiting(gifts)
    return {
        pk: Facts(
            donor,
            tuple(found[pk]),
            address.get(pk, ()),
            frozenset(one.pk for one in found[pk] if one.pk in waiting and not one.is_thanked),
        )
        for pk, donor in people.items()
    }


def days(year: int) -> tuple[date, date]:
    """The first and the last day: a gift's date is the organization's already (domain rule 6)."""
    return date(year, 1, 1), date(year, 12, 31)


def own(donor_ids: Iterable[int], year: int) -> QuerySet[Gift]:
    """The supporters' own gifts of the year, oldest first, with what their papers say."""
    booked = Gift.objects.between(*days(year)).filter(donor__in=list(donor_ids), status__in=BOOKED)
    return (
        booked.select_related("detail")
        .annotate(
            number=F("receipt__number"),
            paper_kind=KeyTextTransform("kind", "receipt__snapshot"),
            came_with=KeyTransform("benefits", "receipt__snapshot"),
            former=F("origin__receipt_number"),
            reversed_as=F("reversal__reason"),
            noticed_on=F("reversal__noticed_on"),
        )
        .order_by("gift_on", "pk")
    )


def _thanked(donor_ids: Iterable[int], year: int) -> QuerySet[SoftCredit]:
    """Others' gifts that stand and for which the supporters are thanked."""
    first = SoftCredit.objects.filter(gift=OuterRef("gift"), role__in=LETTERED).order_by("role", "pk")
    return (
        SoftCredit.objects.filter(
            donor__in=list(donor_ids), gift__gift_on__range=days(year), gift__status=Gift.Status.SETTLED
        )
        .exclude(gift__donor=F("donor"))
        .select_related("gift__detail")
        .annotate(
            lettered=Subquery(first.values("donor")[:1]),
            number=F("gift__receipt__number"),
            to=KeyTextTransform("is", KeyTransform("recipient", "gift__receipt__snapshot")),
        )
        .order_by("gift__gift_on", "pk")
    )


def _own(gift: Gift, donor: Donor, went: list[Back]) -> Given:
    assert gift.gift_on is not None
    facts = gift.__dict__
    # As its receipt told it; nothing is valued anew.
    came_with = facts["came_with"] or {}
    detail = None if gift.kind in (Gift.Kind.CARD, Gift.Kind.PHONE) else getattr(gift, "detail", None)
    is_back = gift.status in TAKEN_BACK
    if is_back and not went:
        # Property and work have no money to go back, only a day.
        went = [Back(facts["noticed_on"] or clock.local_date(gift.changed_at), 0, "Taken back")]
    what = wording.description(gift, detail) if gift.is_property else _how(gift, detail)
    return Given(
        pk=gift.pk,
        on=gift.gift_on,
        paper=facts["paper_kind"] or statements.paper_of(gift.kind, donor.kind),
        what=what or gift.get_kind_display().capitalize(),
        minor=gift.amount_minor,
        currency=gift.currency,
        number=facts["number"] or facts["former"] or "",
        benefit=came_with.get("given", ""),
        value_minor=came_with.get("value_minor", 0),
        back=tuple(went),
        is_taken_back=is_back,
        is_disputed=gift.status == Gift.Status.DISPUTED,
        is_mistake=facts["reversed_as"] == Reversal.Reason.WRONG_ENTRY,
    )


def _how(gift: Gift, detail: object) -> str:
    """How the money came: "Visa card ending 4242", "Check 1042", "Fidelity, check 77"."""
    custodian = getattr(detail, "custodian", "")
    method = wording.method(gift, detail) if detail is None or hasattr(detail, "check_number") else ""  # type: ignore[arg-type]
    if not custodian:
        return method
    return f"{custodian}, {method[:1].lower()}{method[1:]}" if method else f"Directly from {custodian}"


def _of_another(credit: SoftCredit) -> Given:
    gift = credit.gift
    assert gift.gift_on is not None
    facts = credit.__dict__
    is_own_letter = facts["to"] == "recognized" and facts["lettered"] == credit.donor_id
    fund = getattr(getattr(gift, "detail", None), "advised_fund", "")
    kind = "Match" if gift.kind == Gift.Kind.MATCH else "Grant" if gift.kind == Gift.Kind.DAF else "Gift"
    amount = "" if gift.is_property else f" of {gift.amount}"
    return Given(
        pk=gift.pk,
        on=gift.gift_on,
        paper="thank_you",
        what=f"{kind}{amount} from {gift.donor_name}{f', {fund}' if fund else ''}",
        currency=gift.currency,
        number=(facts["number"] or "") if is_own_letter else "",
        is_thanked=True,
    )


def _went(gifts: Iterable[Gift]) -> dict[int, list[Back]]:
    """What went back of each gift, by day; a refund that failed or a dispute that was won leaves no trace.

    Of cards from the same rows as the gift's own sum: the ledger also has lines of refunds on their way, and those of
    the second payment of a gift that was paid twice.
    """
    touched = {gift.pk: gift for gift in gifts if gift.status != STATUS.SETTLED or gift.refunded_minor}
    found: dict[int, list[Back]] = defaultdict(list)
    if not touched:
        return found
    for line in LedgerEntry.objects.filter(gift__in=touched, kind=KIND.REVERSAL).order_by("happened_at", "pk"):
        pk = line.gift_id or 0
        noticed: date | None = touched[pk].__dict__["noticed_on"]
        found[pk].append(
            Back(noticed or clock.local_date(line.happened_at), -line.amount_minor, "Returned by the bank")
        )
    for refund in Refund.objects.filter(gift__in=touched, state=Refund.State.SUCCEEDED).order_by("pk"):
        if refund.payment_id == (touched[refund.gift_id].payment_intent_id or ""):
            on = clock.local_date(refund.refunded_at or refund.requested_at)
            found[refund.gift_id].append(Back(on, refund.amount_minor, "Refunded"))
    lost = Dispute.objects.filter(gift__in=touched, status__in=CLOSED, taken_minor__gt=0).order_by("pk")
    for dispute in lost:
        on = clock.local_date(dispute.opened_at)
        found[dispute.gift_id or 0].append(Back(on, dispute.taken_minor, "Taken back through the bank"))
    return {pk: sorted(went, key=lambda one: one.on) for pk, went in found.items()}


def _waiting(gifts: Iterable[Gift]) -> set[int]:
    due = ReceiptDue.objects.filter(gift__in=[gift.pk for gift in gifts])
    return set(due.values_list("gift_id", flat=True))


def no_rule(facts: Facts) -> str:
    """Why no statement can be made of these facts yet, for whoever has to put it right, or ""."""
    if facts.waiting:
        gift = min(facts.waiting)
        more = f" and {len(facts.waiting) - 1} more" if len(facts.waiting) > 1 else ""
        return f"The receipt of gift G-{gift:08d}{more} is not made yet."
    try:
        statements.of_year(facts.gifts)
    except documents.NoRule as error:
        return str(error)
    return ""
