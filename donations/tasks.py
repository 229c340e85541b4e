"""Celery tasks of the money: each loads ids, calls a verb, and wakes the next. Sweeps pick up what was left behind."""

import logging
from datetime import timedelta

from celery import shared_task

from donations import disputes, gateway, gifts, inbox, refunds
from donations.books import balance, compare
from donations.books.exports import flow as exports
from donations.desk.imports import flow as imports
from donations.models import Gift, Installment
from donations.receipts import gaps, issue, making, statement_runs, statements
from donations.recurring import adopting, charging, dates, notices
from nonprofit import clock, nudge

logger = logging.getLogger(__name__)

# Measured: messages of 50 to 100 items do 2.3 times the work of one message each.
CHUNK = 50
ABANDONED = timedelta(hours=24)
LEFT_BEHIND = timedelta(minutes=2)


@shared_task(name="donations.tasks.handle_inbox")
def handle_inbox() -> int:
    """Handle waiting Stripe events; wakes itself while there are more."""
    handled = inbox.handle_due(CHUNK)
    if handled == CHUNK:
        nudge.now("donations.tasks.handle_inbox")
    return handled


@shared_task(name="donations.tasks.sweep_inbox")
def sweep_inbox() -> int:
    """Every minute: events whose nudge was lost or whose worker died."""
    return inbox.handle_due(CHUNK)


@shared_task(name="donations.tasks.sweep_stripe")
def sweep_stripe() -> int:
    """Every hour: events that never reached us, from Stripe's own list."""
    try:
        found = inbox.sweep_stripe()
    except gateway.GatewayUnavailable as error:
        logger.warning("Stripe's events not read, next hour again", extra={"error": str(error)})
        return 0
    if found:
        nudge.now("donations.tasks.handle_inbox")
    return found


@shared_task(name="donations.tasks.check_gift")
def check_gift(gift_id: int) -> str:
    """A supporter waits on the thank-you page: ask Stripe instead of waiting for the webhook."""
    try:
        return gifts.check(Gift.objects.get(pk=gift_id)).status
    except gateway.GatewayUnavailable:
        return "unknown"


@shared_task(name="donations.tasks.issue_receipts")
def issue_receipts() -> int:
    """Number due receipts as a block and hand them on for rendering."""
    ids = issue.issue_due(CHUNK)
    if ids:
        nudge.now("donations.tasks.render_receipts", ids)
    if len(ids) == CHUNK:
        nudge.now("donations.tasks.issue_receipts")
    return len(ids)


@shared_task(name="donations.tasks.render_receipts")
def render_receipts(receipt_ids: list[int]) -> int:
    """Make and keep the PDFs of numbered receipts and queue their letters; one bad receipt does not stop the rest."""
    made = making.prepare_all(receipt_ids)
    statement_runs.finish()
    nudge.now("nonprofit.tasks.send_mail")
    return made


@shared_task(name="donations.tasks.sweep_receipts")
def sweep_receipts() -> int:
    """Every minute: numbered receipts without a PDF, whose worker died."""
    left = making.unmade().filter(issued_at__lt=clock.now() - LEFT_BEHIND)
    ids = list(left.values_list("pk", flat=True)[: CHUNK * 40])
    for start in range(0, len(ids), CHUNK):
        nudge.now("donations.tasks.render_receipts", ids[start : start + CHUNK])
    return len(ids)


@shared_task(name="donations.tasks.look_for_gaps")
def look_for_gaps() -> int:
    """Every hour: receipt numbers without a paper are written among the differences."""
    return gaps.look()


@shared_task(name="donations.tasks.check_chains")
def check_chains() -> int:
    """Every night: the receipts' chain is computed anew, and where it does not hold is written among them."""
    return gaps.look_at_chains()


@shared_task(name="donations.tasks.count_statements")
def count_statements(run_id: int) -> str:
    """The dry run of a year's statements."""
    return statement_runs.count(run_id)


@shared_task(name="donations.tasks.issue_statements")
def issue_statements() -> int:
    """Number due statements as a block and hand them on for rendering; wakes itself while there are more."""
    issued = statements.issue_due()
    for start in range(0, len(issued.numbered), CHUNK):
        nudge.now("donations.tasks.render_receipts", issued.numbered[start : start + CHUNK])
    if issued.looked_at == statements.CHUNK:
        nudge.now("donations.tasks.issue_statements")
    return len(issued.numbered)


@shared_task(name="donations.tasks.sweep_statements")
def sweep_statements() -> None:
    """Every minute: counts and statements whose nudge was lost or whose worker died, and runs that are done."""
    statement_runs.sweep()


@shared_task(name="donations.tasks.expire_gifts")
def expire_gifts() -> int:
    """Every hour: gifts begun yesterday and never paid are closed, at Stripe first."""
    old = Gift.objects.abandoned(clock.now() - ABANDONED).order_by("changed_at")[:500]
    for gift in old:
        try:
            gifts.expire(gift)
        except gateway.GatewayError as error:
            logger.warning("gift not expired", extra={"gift": gift.pk, "error": type(error).__name__})
    return len(old)


@shared_task(name="donations.tasks.carry_on_import")
def carry_on_import(import_id: int) -> str:
    """Check, apply or undo an import, whichever it waits for."""
    return imports.carry_on(import_id)


@shared_task(name="donations.tasks.sweep_imports")
def sweep_imports() -> int:
    """Every minute: imports whose nudge was lost or whose worker died."""
    return len(imports.sweep())


@shared_task(name="donations.tasks.sweep_balance")
def sweep_balance() -> int:
    """Every hour: Stripe's movements and payouts since the last time."""
    try:
        return balance.sweep()
    except gateway.GatewayUnavailable as error:
        logger.warning("Stripe's balance not read, next hour again", extra={"error": str(error)})
        return 0


@shared_task(name="donations.tasks.compare_books")
def compare_books() -> int:
    """Every night: what Stripe, the bank, the receipts and the ledger say of the same money; how much does not tie."""
    return compare.nightly().open


@shared_task(name="donations.tasks.send_refund")
def send_refund(refund_id: int) -> str:
    """Ask Stripe for a refund that was agreed; unanswered, the sweep asks again with the same key."""
    try:
        return refunds.send(refund_id).state
    except gateway.GatewayUnavailable as error:
        logger.warning("refund not answered", extra={"refund": refund_id, "error": str(error)})
        return "unknown"


@shared_task(name="donations.tasks.sweep_refunds")
def sweep_refunds() -> int:
    """Every minute: refunds whose nudge was lost, whose worker died, or that Stripe did not answer."""
    left = refunds.left_behind()
    for refund_id in left:
        nudge.now("donations.tasks.send_refund", refund_id)
    return len(left)


@shared_task(name="donations.tasks.refetch_open")
def refetch_open() -> int:
    """Every hour: refunds on their way and disputes not decided, in case the event that tells of them was lost."""
    waiting = [
        *((refunds.refetch, pk) for pk in refunds.under_way()),
        *((disputes.refetch, pk) for pk in disputes.undecided()),
        *((charging.ask, pk) for pk in charging.processing()),
    ]
    for refetch, pk in waiting:
        try:
            refetch(pk)
        except gateway.GatewayError as error:
            logger.warning("not asked again", extra={"row": pk, "error": type(error).__name__})
    return len(waiting)


@shared_task(name="donations.tasks.make_export")
def make_export(export_id: int) -> str:
    """Make an export that waits."""
    return exports.make(export_id)


@shared_task(name="donations.tasks.sweep_exports")
def sweep_exports() -> int:
    """Every minute: exports whose nudge was lost or whose worker died."""
    return len(exports.sweep())


# --- gifts that recur -------------------------------------------------------------------------------------------------

# How many charges one message makes: about a minute's work at Stripe's usual pace.
CHARGES = 25
# More messages than workers only wait.
MOST_MESSAGES = 40


@shared_task(name="donations.tasks.come_due")
def come_due() -> int:
    """Every hour: dates that have come get their installments; then workers are woken, as many as there is work for."""
    made = dates.come_due()
    _wake_chargers()
    return made


def _wake_chargers() -> None:
    waiting = Installment.objects.filter(
        status__in=[Installment.Status.SCHEDULED, Installment.Status.RETRYING], next_try_at__lte=clock.now()
    ).count()
    for _ in range(min(-(-waiting // CHARGES), MOST_MESSAGES)):
        nudge.now("donations.tasks.charge_installments")


@shared_task(name="donations.tasks.charge_installments")
def charge_installments() -> int:
    """Charge what is due; wakes itself while there is more."""
    claimed = charging.charge_due(CHARGES)
    if claimed == CHARGES:
        nudge.now("donations.tasks.charge_installments")
    return claimed


@shared_task(name="donations.tasks.sweep_installments")
def sweep_installments() -> int:
    """Every minute: charges whose nudge was lost, whose worker died, or about which Stripe must be asked again."""
    return charging.charge_due(CHARGES)


@shared_task(name="donations.tasks.close_unpaid")
def close_unpaid() -> int:
    """Payments that nobody may make any more are closed at Stripe."""
    return charging.close_unpaid()


@shared_task(name="donations.tasks.settle_subscriptions")
def settle_subscriptions() -> int:
    """Every hour: subscriptions that were to end or run out and whose Stripe had not answered; those of the dead."""
    return adopting.sweep()


@shared_task(name="donations.tasks.look_after_plans")
def look_after_plans() -> int:
    """Every day: letters ahead of time, and plans that end by themselves."""
    return notices.tell() + notices.end_unpaid()
