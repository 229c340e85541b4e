"""The states of a plan whose row is locked: into trouble, well again, ended; and the date that is open, closed."""

from datetime import date
from functools import partial
from typing import Any

from django.db import transaction

from donations.models import Gift, Installment, Plan
from donations.recurring import letters
from nonprofit import audit, clock, nudge
from nonprofit.models import AuditEntry

TASK = "task"
Status, Reason = Installment.Status, Installment.Reason
# Why a date is given up that nobody could be charged for.
GIVEN_UP = {
    Status.SCHEDULED: (Status.SKIPPED, Reason.OUTAGE),
    Status.RETRYING: (Status.FAILED, Reason.DECLINED),
    Status.WAITING: (Status.FAILED, Reason.NO_CARD),
}


def locked(plan_id: int) -> Plan:
    """The plan, which nobody else changes before this transaction ends. Its installments are changed under this lock.

    Not against new rows that refer to it, which lock only its key.
    """
    return Plan.objects.select_for_update(of=("self",), no_key=True).get(pk=plan_id)


def open_of(plan: Plan) -> Installment | None:
    """The plan's installment that is not done yet; the database allows one at most."""
    return plan.installments.filter(status__in=Installment.OPEN).first()


def counts_from(plan: Plan) -> date | None:
    """The first date with the amount that the plan has now: one that has come and was not charged yet, or the next."""
    standing = open_of(plan)
    return standing.due_on if standing is not None and standing.gift_id is None else letters.next_on(plan)


def has_given_all(plan: Plan) -> bool:
    """Whether as many gifts, or as much, as was agreed to has come."""
    given = Gift.objects.settled().filter(plan=plan)
    if plan.ends_after_count is not None and given.count() >= plan.ends_after_count:
        return True
    if plan.ends_after_minor is None:
        return False
    sums = given.values_list("amount_minor", "covered_fee_minor")
    return sum(amount - covered for amount, covered in sums) >= plan.ends_after_minor


def move(plan: Plan, status: Plan.Status, *, waiting_for: str = "") -> bool:
    """The locked plan is in that state; False when it was already. Not written yet."""
    if (plan.status, plan.waiting_for) == (status, waiting_for):
        return False
    plan.status, plan.waiting_for, plan.status_at = status, waiting_for, clock.now()
    return True


def shown(plan: Plan) -> dict[str, Any]:
    """What the audit log keeps of a plan: no words of people, and no address."""
    return {
        "status": plan.status,
        "waiting_for": plan.waiting_for,
        "amount_minor": plan.amount_minor,
        "is_fee_covered": plan.is_fee_covered,
        "interval": plan.interval,
        "anchor_day": plan.anchor_day,
        "next_due_on": plan.next_due_on and plan.next_due_on.isoformat(),
        "paused_until": plan.paused_until and plan.paused_until.isoformat(),
        "fund": plan.fund_id,
        "card": plan.stripe_payment_method_id,
        "ending": plan.card_last4,
        "end": plan.end,
    }


def save(plan: Plan, before: dict[str, Any], action: str, *, actor: str, reason: str = "") -> AuditEntry:
    """Write the locked plan, and what changed of it into the audit log: that entry."""
    plan.save()
    after = shown(plan)
    changed = [name for name in after if after[name] != before[name]]
    return audit.record(
        actor,
        action,
        plan,
        reason=reason,
        before={name: before[name] for name in changed},
        after={name: after[name] for name in changed},
    )


def trouble(plan: Plan, status: Plan.Status, *, waiting_for: str = "") -> None:
    """A charge of the locked plan did not go through; since when is kept until one does."""
    before = shown(plan)
    plan.trouble_since = plan.trouble_since or clock.today()
    if move(plan, status, waiting_for=waiting_for):
        save(plan, before, "charge declined", actor=TASK)
    else:
        plan.save(update_fields=["trouble_since"])


def well(plan: Plan) -> None:
    """A charge of the locked plan went through: what was wrong is over. A plan that ended meanwhile stays ended."""
    if plan.status not in (Plan.Status.PAST_DUE, Plan.Status.WAITING):
        return
    before = shown(plan)
    move(plan, Plan.Status.ACTIVE)
    plan.trouble_since = None
    save(plan, before, "charged again", actor=TASK)


def end(plan: Plan, why: Plan.End, *, actor: str, words: str = "") -> Installment | None:
    """The locked plan is over and its open date is left out; the date that may be being charged now, if there is one.

    words: in the supporter's words, why. Safe twice.
    """
    if plan.status == Plan.Status.ENDED:
        return in_flight(plan)
    before = shown(plan)
    under_way = leave_out(plan, Installment.Reason.STOPPED)
    move(plan, Plan.Status.ENDED)
    plan.end, plan.end_reason, plan.ended_at, plan.trouble_since = why, words, clock.now(), None
    save(plan, before, "end plan", actor=actor)
    letters.ended(plan, under_way)
    return under_way


def leave_out(plan: Plan, reason: Installment.Reason) -> Installment | None:
    """The open date of the locked plan is left out; the one that may be being charged now is not, and is answered.

    What a worker has claimed and not yet sent is left out too: before it sends, it looks (charging).
    """
    standing = open_of(plan)
    if standing is None:
        return None
    if standing.status in Installment.IN_FLIGHT and standing.sent_at is not None:
        return standing
    close(standing, Status.SKIPPED, reason)
    return None


def give_up(plan: Plan, standing: Installment) -> None:
    """The open date of the locked plan, which is not under way, is over unpaid, with its reason."""
    status, reason = GIVEN_UP[Status(standing.status)]
    if standing.status == Status.WAITING and plan.waiting_for == Plan.WaitingFor.AUTHENTICATION:
        reason = Reason.UNANSWERED
    close(standing, status, reason)


def in_flight(plan: Plan) -> Installment | None:
    """The plan's date that may be being charged now."""
    return plan.installments.filter(status__in=Installment.IN_FLIGHT, sent_at__isnull=False).first()


def close(installment: Installment, status: Installment.Status, reason: str = "") -> None:
    """The date is done: paid, not paid or left out. Call under the plan's lock."""
    installment.status, installment.reason = status, reason
    installment.next_try_at, installment.done_at = None, clock.now()
    installment.save(update_fields=["status", "reason", "next_try_at", "done_at"])
    if installment.gift_id is not None and status != Status.PAID:
        # From now on nobody may say yes to it: its payment is closed at Stripe. One message for all that close now.
        transaction.on_commit(partial(nudge.soon, "donations.tasks.close_unpaid"))
