"""The verbs of promises: made, changed, paid by gifts, written off. None of them is money (domain rules 33-36)."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from uuid import UUID

from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.db.models import F, Q, QuerySet

from donations.desk import links
from donations.models import (
    BatchRow,
    Campaign,
    Donor,
    Fund,
    Gift,
    PartWriteOff,
    PaymentLink,
    Promise,
    PromisePart,
    PromisePayment,
    SoftCredit,
)
from donations.receipts import matched
from donations.rules.instalments import NoSchedule, Schedule
from nonprofit import audit, clock
from nonprofit.models import User
from nonprofit.money import Money

# Kinds that may come without a figure; of the others the amount is what was promised.
WITHOUT_FIGURE = frozenset({Promise.Kind.STOCK, Promise.Kind.BEQUEST})
ONE_PRESS = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Promised:
    """What somebody said they will give. attempt: made with each form. amount: None for shares and open intentions."""

    attempt: UUID
    kind: str
    donor: Donor
    amount: Money | None
    schedule: Schedule
    fund: Fund
    promised_on: date
    currency: str = "usd"
    campaign: Campaign | None = None
    description: str = ""
    note: str = ""
    matched_gift: Gift | None = None


class CannotPromise(ValueError):
    """It cannot be done so; the text is for the person who asked for it."""


@transaction.atomic
def promise(what: Promised, *, actor: str) -> Promise:
    """The promise stands with its parts, whose amounts come to the whole exactly.

    Safe twice and twice at once: one attempt is one promise. Raises CannotPromise.
    """
    if what.amount is None and what.kind not in WITHOUT_FIGURE:
        raise CannotPromise("Say how much was promised.")
    if what.amount is not None and what.kind == Promise.Kind.STOCK:
        raise CannotPromise("Shares have no amount until they are here. Say which and how many in the description.")
    if what.kind == Promise.Kind.STOCK and not what.description.strip():
        raise CannotPromise("Describe the shares: which, how many, and from which broker. They come without a name.")
    try:
        parts = what.schedule.parts(what.amount.minor if what.amount else None)
    except NoSchedule as trouble:
        raise CannotPromise(str(trouble)) from trouble
    made, is_new = Promise.objects.get_or_create(
        attempt=what.attempt,
        defaults={
            "kind": what.kind,
            "donor": what.donor,
            "matched_gift": what.matched_gift,
            "description": what.description,
            "currency": what.amount.currency if what.amount else what.currency,
            "fund": what.fund,
            "campaign": what.campaign,
            "promised_on": what.promised_on,
            "note": what.note,
            "created_by": actor,
        },
    )
    if is_new:
        _add_parts(made, parts)
        audit.record(actor, "add promise", made, after=_written(made, what.amount))
    return made


def _add_parts(made: Promise, parts: Sequence[tuple[date | None, int | None]]) -> None:
    PromisePart.objects.bulk_create(PromisePart(promise=made, due_on=on, amount_minor=minor) for on, minor in parts)


def _written(made: Promise, amount: Money | None) -> dict[str, object]:
    """What the audit log keeps; of a private intention only that there is one."""
    if made.kind == Promise.Kind.BEQUEST or amount is None:
        return {"kind": made.kind}
    return {"kind": made.kind, "amount_minor": amount.minor}


@transaction.atomic
def change_part(part_id: int, *, due_on: date | None, amount_minor: int | None, actor: str) -> PromisePart:
    """The part is due on that day, with that amount in minor units. Locks the part; safe twice.

    Raises CannotPromise: it is written off, or its kind needs an amount.
    """
    part = _locked(part_id)
    if part.written_off_on is not None:
        raise CannotPromise("This part is written off. Take that back first.")
    if (amount_minor is None and part.promise.kind not in WITHOUT_FIGURE) or amount_minor == 0:
        raise CannotPromise("Say how much is expected. What is not expected any more is written off.")
    if amount_minor is not None and part.promise.kind == Promise.Kind.STOCK:
        raise CannotPromise("Shares have no amount until they are here.")
    before, after = _facts(part), {"due_on": str(due_on or ""), "amount_minor": amount_minor}
    if before != after:
        part.due_on, part.amount_minor = due_on, amount_minor
        part.save(update_fields=["due_on", "amount_minor"])
        if part.promise.kind == Promise.Kind.BEQUEST:
            before, after = {}, {"due_on": str(due_on or "")}
        audit.record(actor, "change promise", part, before=before, after=after)
        _close_outgrown(part, actor)
    return part


def _facts(part: PromisePart) -> dict[str, object]:
    return {"due_on": str(part.due_on or ""), "amount_minor": part.amount_minor}


def _locked(part_id: int) -> PromisePart:
    return PromisePart.objects.select_for_update(of=("self",)).select_related("promise").get(pk=part_id)


# --- what pays it ----------------------------------------------------------------------------------------------------


def open_parts_of(donor: Donor, kind: str = "") -> list[PromisePart]:
    """What this supporter still owes, and without a `kind` also what employers owe for gifts of theirs; oldest first.

    For choosing what an incoming gift of `kind` pays: `part.label`, `part.open`. Intentions in a will are private and
    left out; so are pledges where a fund sponsor's grant came, whose papers are looked at on the promise's page.
    """
    whose = Q(promise__donor=donor)
    if not kind:
        whose |= Q(promise__matched_gift__donor=donor)
    left_out = [Promise.Kind.BEQUEST, *([Promise.Kind.PLEDGE] if kind == Gift.Kind.DAF else [])]
    parts = PromisePart.objects.filter(whose).exclude(promise__kind__in=left_out).with_paid().unpaid()
    return list(parts.select_related("promise").order_by(F("due_on").asc(nulls_last=True), "pk"))


@transaction.atomic
def pay(part_id: int, gift_id: int, actor: str, *, is_unmentioned: bool = False) -> PromisePayment:
    """The settled gift pays this part, wholly, in part, or with more than was promised; a match thanks its employee.

    Locks the gift, then the part. Safe twice and twice at once; a gift pays one part only. is_unmentioned: a person
    looked at the fund sponsor's papers and they do not mention the pledge (domain rule 27: Notice 2017-73).
    Raises CannotPromise.
    """
    gift = Gift.objects.select_for_update(of=("self",)).select_related("donor").get(pk=gift_id)
    part = _locked(part_id)
    earlier = PromisePayment.objects.filter(gift=gift).select_related("part__promise").first()
    if earlier is not None:
        if earlier.part_id != part.pk:
            raise CannotPromise(f"{gift.public_id} already pays {earlier.part.label}. A gift pays one part only.")
        return earlier
    _check_fits(gift, part.promise)
    needs_check = needs_papers_checked(gift, part.promise)
    if needs_check and not is_unmentioned:
        raise CannotPromise(
            f"{gift.public_id} is a donor-advised fund grant. It may pay a personal pledge only if the sponsor's papers"
            " do not mention the pledge: confirm that on the promise's page."
        )
    payment = PromisePayment.objects.create(
        part=part, gift=gift, actor=actor, papers_checked_by=actor if needs_check else ""
    )
    _thank_employee(gift, part.promise)
    _close_outgrown(part, actor)
    checked = {"papers_checked": True} if needs_check else {}
    audit.record(actor, "pay promise", part, after={"gift": gift.pk, **checked})
    return payment


def needs_papers_checked(gift: Gift, made: Promise) -> bool:
    """Whether it is a fund sponsor's grant for somebody else's pledge (domain rule 27)."""
    is_grant = gift.kind == Gift.Kind.DAF or (gift.donor is not None and gift.donor.kind == Donor.Kind.DAF_SPONSOR)
    return is_grant and made.kind == Promise.Kind.PLEDGE and gift.donor_id != made.donor_id


def _check_fits(gift: Gift, made: Promise) -> None:
    if gift.status != Gift.Status.SETTLED:
        raise CannotPromise(f"{gift.public_id} is {gift.get_status_display()}: only money that is here pays a promise.")
    if not gift.is_property and gift.currency != made.currency:
        raise CannotPromise(f"{gift.public_id} is in {gift.currency.upper()}, the promise in {made.currency.upper()}.")
    if not candidates(made).filter(pk=gift.pk).exists():
        raise CannotPromise(f"{gift.public_id} is neither from {made.donor.name} nor in their name.")


def candidates(made: Promise) -> QuerySet[Gift]:
    """Settled gifts that may pay this promise: the promiser's own, those they are thanked for, and its special ways.

    A match may come through a platform and thanks the employee; what was left in a will comes from the estate.
    """
    whose = Q(donor=made.donor_id) | Q(soft_credits__donor=made.donor_id)
    if made.kind == Promise.Kind.MATCH and made.matched_gift is not None:
        whose |= Q(kind=Gift.Kind.MATCH, soft_credits__donor=made.matched_gift.donor_id)
    if made.kind == Promise.Kind.BEQUEST:
        whose |= Q(kind=Gift.Kind.BEQUEST)
    ids = Gift.objects.settled().filter(whose).values("pk")
    return Gift.objects.filter(pk__in=ids)


def _thank_employee(gift: Gift, made: Promise) -> None:
    """The one whose gift is matched is recognized on the company's; never counted twice (domain rules 33, 89)."""
    source = made.matched_gift
    if source is None or source.donor_id is None or source.donor_id == gift.donor_id:
        return
    _, is_new = SoftCredit.objects.get_or_create(
        gift=gift, donor_id=source.donor_id, defaults={"role": SoftCredit.Role.EMPLOYEE}
    )
    if is_new:
        matched.thank(gift)


@transaction.atomic
def detach(payment_id: int, reason: str, actor: str) -> None:
    """The gift pays this promise no more, and may pay another. The gift itself is untouched. Safe twice.

    One that still waits to be paid by its link can pay nothing else, so the link is closed.
    """
    payment = (
        PromisePayment.objects.select_for_update(of=("self",)).select_related("part").filter(pk=payment_id).first()
    )
    if payment is None:
        return
    audit.record(actor, "detach gift from promise", payment.part, reason=reason, before={"gift": payment.gift_id})
    _close(PaymentLink.objects.waiting().filter(gift=payment.gift_id), payment.part, actor)
    _unthank_employee(payment)
    payment.delete()


def _unthank_employee(payment: PromisePayment) -> None:
    """Whom only this promise made the company's gift thank is thanked no more; whom staff named with it stays."""
    source = payment.part.promise.matched_gift
    if source is None or BatchRow.objects.filter(gift=payment.gift_id, recognized=source.donor_id).exists():
        return
    SoftCredit.objects.filter(gift=payment.gift_id, donor=source.donor_id, role=SoftCredit.Role.EMPLOYEE).delete()


# --- paid by a link --------------------------------------------------------------------------------------------------


def may_be_linked(part: PromisePart) -> bool:
    """Whether a payment link makes sense: money of a pledge is still open. The others pay by check and letter."""
    return part.promise.kind == Promise.Kind.PLEDGE and bool(part.open)


def waiting_link(part: PromisePart) -> PaymentLink | None:
    """The newest link by which this part can still be paid."""
    links = PaymentLink.objects.waiting().filter(gift__promise_payment__part=part)
    return links.select_related("gift").order_by("pk").last()


@transaction.atomic
def send_link(part_id: int, *, note: str, actor: str) -> Gift:
    """A letter with a private link for what is open is queued, and the gift it makes pays this part once it settles.

    A link that waits with the same amount goes out again; one with another amount is closed. Pressed twice within a
    minute it goes once. note: what it is for, in words the supporter reads. Locks the waiting link's gift, then the
    part. Raises CannotPromise.
    """
    earlier = PaymentLink.objects.waiting().filter(gift__promise_payment__part=part_id).values("gift")
    list(Gift.objects.select_for_update().filter(pk__in=earlier).order_by("pk").values_list("pk"))
    (part,) = _lock_all([part_id])
    if not may_be_linked(part):
        raise CannotPromise("Nothing of this part can be paid by a link.")
    waiting = waiting_link(part)
    if waiting and part.link_sent_at and part.link_sent_at > clock.now() - ONE_PRESS:
        return waiting.gift
    try:
        gift = _letter(part, waiting, note=note, actor=actor)
    except links.CannotSend as trouble:
        raise CannotPromise(str(trouble)) from trouble
    part.link_sent_at = clock.now()
    part.save(update_fields=["link_sent_at"])
    return gift


def _letter(part: PromisePart, waiting: PaymentLink | None, *, note: str, actor: str) -> Gift:
    if waiting is not None and waiting.gift.amount == part.open:
        return links.send_again(waiting.gift_id, actor).gift
    _close_links(part, actor)
    made, key = part.promise, f"promise-part:{part.pk}:"
    # Every link there ever was counts, also of gifts that were let go since: a number is one gift for ever.
    number = PaymentLink.objects.filter(key__startswith=key).count() + 1
    gift = links.send(
        donor=made.donor,
        amount=part.open,
        fund=made.fund,
        campaign=made.campaign,
        actor=actor,
        note=note,
        key=f"{key}{number}",
    )
    # From here on the gift's own state says whether the part is paid: nothing has to happen when it settles.
    PromisePayment.objects.create(part=part, gift=gift, actor=actor)
    return gift


def _close_links(part: PromisePart, actor: str) -> None:
    """Links of this part that wait can be paid no more: it came another way, or will not come."""
    _close(PaymentLink.objects.waiting().filter(gift__promise_payment__part=part), part, actor)


def _close_outgrown(part: PromisePart, actor: str) -> None:
    """No link of this part takes more than is still open of it: what came another way is not asked for again."""
    still = PromisePart.objects.with_paid().select_related("promise").get(pk=part.pk).open
    waiting = PaymentLink.objects.waiting().filter(gift__promise_payment__part=part)
    _close(waiting.filter(gift__amount_minor__gt=still.minor), part, actor)


def _close(waiting: QuerySet[PaymentLink], part: PromisePart, actor: str) -> None:
    closed = list(waiting.values_list("gift", flat=True))
    if closed:
        PaymentLink.objects.filter(gift__in=closed).update(expires_at=clock.now())
        audit.record(actor, "close payment link", part, after={"gifts": closed})


# --- what will not come ----------------------------------------------------------------------------------------------


@transaction.atomic
def write_off(what: PromisePart | Promise, reason: str, user: User) -> list[PartWriteOff]:
    """What is still open of the part, or of every part of the promise, will not come: one dated event for each.

    Locks the parts. Safe twice: nothing is written off again. A match concerns the company alone: its employee and
    their gift stay as they are (domain rule 34). Raises PermissionDenied, CannotPromise without a reason.
    """
    ids = _check_may(what, reason, user)
    events = []
    for part in _lock_all(ids):
        if not part.open_or_unknown:
            continue
        part.written_off_on, part.write_off_reason = clock.today(), reason.strip()
        part.save(update_fields=["written_off_on", "write_off_reason"])
        _close_links(part, audit.staff(user))
        events.append(_event(part, PartWriteOff.Deed.WRITTEN_OFF, part.written_off, reason, user))
    return events


@transaction.atomic
def take_back(what: PromisePart | Promise, reason: str, user: User) -> list[PartWriteOff]:
    """What was written off is expected again, by another dated event. Locks the parts; safe twice.

    Raises PermissionDenied, CannotPromise without a reason.
    """
    ids = _check_may(what, reason, user)
    events = []
    for part in _lock_all(ids):
        if part.written_off_on is None:
            continue
        lost = part.written_off
        part.written_off_on, part.write_off_reason = None, ""
        part.save(update_fields=["written_off_on", "write_off_reason"])
        events.append(_event(part, PartWriteOff.Deed.TAKEN_BACK, lost, reason, user))
    return events


def _check_may(what: PromisePart | Promise, reason: str, user: User) -> list[int]:
    if not user.has_perm("donations.writeoff_promise"):
        raise PermissionDenied
    if not reason.strip():
        raise CannotPromise("Say why.")
    return [what.pk] if isinstance(what, PromisePart) else list(what.parts.values_list("pk", flat=True))


def _lock_all(ids: list[int]) -> list[PromisePart]:
    """The parts, locked in the order of their ids, and read with what has paid them once they are."""
    rows = PromisePart.objects.filter(pk__in=ids).order_by("pk")
    list(rows.select_for_update().values_list("pk"))
    return list(rows.with_paid().select_related("promise"))


def _event(part: PromisePart, deed: str, amount: Money, reason: str, user: User) -> PartWriteOff:
    actor, minor = audit.staff(user), None if part.amount_minor is None else amount.minor
    event = PartWriteOff.objects.create(
        part=part, deed=deed, on=clock.today(), amount_minor=minor, reason=reason.strip(), actor=actor
    )
    action = "write off promise" if deed == PartWriteOff.Deed.WRITTEN_OFF else "take back write-off"
    audit.record(actor, action, part, reason=reason.strip(), after={"on": str(event.on)})
    return event
