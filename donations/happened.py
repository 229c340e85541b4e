"""What an event of Stripe's means: the truth is fetched first, and what to do with it is handed back, to be done whole.

Nothing of the event itself is believed but its type and the id it names (domain rule 68).
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial

from django.conf import settings

from donations import disputes, gateway, gifts, refunds
from donations.books import balance
from donations.models import Gift, Installment, LedgerEntry, Plan, StripeEvent
from donations.recurring import cards, managed, outcomes


@dataclass(frozen=True, slots=True)
class Answer:
    """`apply` is called inside the transaction that finishes the event. later: why it must come again, or ""."""

    state: StripeEvent.State = StripeEvent.State.DONE
    apply: Callable[[], object] | None = None
    later: str = ""


IGNORED = Answer(StripeEvent.State.IGNORED)
# Made in the dashboard or by another system: money we cannot place waits in the admin for a person (rule 76).
UNMATCHED = Answer(StripeEvent.State.UNMATCHED)


def answer(event: StripeEvent) -> Answer:
    """What to do about it. Asks Stripe, so call it outside any transaction. Raises GatewayUnavailable."""
    reader = READERS.get(event.type)
    return reader(event) if reader else IGNORED


# --- whose it is ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Found:
    """gift: None for what is not ours. payment: fetched where it had to be."""

    gift: Gift | None
    is_of_another_site: bool = False
    payment: gateway.Payment | None = None


def _by_payment(payment_id: str) -> _Found:
    """The gift of a payment, by its id, or by what we wrote on it when it was made."""
    if not payment_id:
        return _Found(None)
    if gift := Gift.objects.filter(payment_intent_id=payment_id).first():
        return _Found(gift)
    payment = gateway.retrieve_payment(payment_id)
    words = payment.metadata
    if words.get("app") != gateway.APP:
        return _Found(None, payment=payment)
    if words.get("environment") != settings.BASE_URL:
        return _Found(None, is_of_another_site=True)
    number = words.get("gift", "")
    gift = Gift.objects.filter(pk=int(number)).first() if number.isascii() and number.isdigit() else None
    return _Found(gift, payment=payment)


def _settled_first(gift: Gift, found: _Found, payment_id: str, charge_id: str) -> Callable[[], object]:
    """Books the payment where its own event has not come yet, so that what went back has something to go back from."""
    if LedgerEntry.objects.filter(source=charge_id, kind=LedgerEntry.Kind.GIFT).exists():
        return lambda: None
    payment = found.payment or gateway.retrieve_payment(payment_id)
    return partial(gifts.apply_payment, gift.pk, payment)


def _all(steps: Iterable[Callable[[], object]]) -> None:
    for step in steps:
        step()


# --- payments -------------------------------------------------------------------------------------------------------


def _payment(event: StripeEvent) -> Answer:
    """The gift is brought to where its payment stands; a declined attempt is on record."""
    metadata = event.body["data"]["object"].get("metadata") or {}
    if metadata.get("app") == gateway.APP and metadata.get("environment") != settings.BASE_URL:
        return IGNORED
    gift = Gift.objects.filter(payment_intent_id=event.object_id).first()
    if gift is None and metadata.get("app") == gateway.APP:
        number = str(metadata.get("gift", ""))
        gift = Gift.objects.filter(pk=int(number)).first() if number.isascii() and number.isdigit() else None
    if gift is None and _is_of_a_subscription(event):
        # Its invoice books it, and then it is a gift's. Money that no invoice books must not be lost.
        is_paid = event.type == "payment_intent.succeeded"
        return Answer(later="no invoice has booked it") if is_paid else IGNORED
    if gift is None:
        return UNMATCHED
    installment = Installment.objects.filter(gift=gift).first()
    if event.type == "payment_intent.requires_action" and installment is None:
        return IGNORED  # The supporter is at the page, and answers there.
    payment = gateway.retrieve_payment(event.object_id)
    if payment.is_paid and gifts.is_booked(payment):
        return Answer()
    steps: list[Callable[[], object]] = []
    if installment is not None:
        steps.append(partial(outcomes.apply, installment.pk, payment))
    elif event.type == "payment_intent.payment_failed":
        steps.append(partial(gifts.decline, gift.pk, payment.id, gateway.decline_in(event.body)))
    steps.append(partial(gifts.apply_payment, gift.pk, payment))
    has_no_fee = payment.is_paid and payment.charge is not None and payment.charge.balance is None
    return Answer(apply=partial(_all, steps), later="the fee is not known yet" if has_no_fee else "")


def _is_of_a_subscription(event: StripeEvent) -> bool:
    """Whether the money is of a plan that Stripe charges: the event of its invoice books it."""
    customer = str(event.body["data"]["object"].get("customer") or "")
    theirs = Plan.objects.filter(stripe_customer_id=customer, stripe_subscription_id__isnull=False)
    return bool(customer) and theirs.exists()


# --- subscriptions that are managed at Stripe -----------------------------------------------------------------------


def _invoice(event: StripeEvent) -> Answer:
    """A period of a subscription was paid: the payment is the plan's gift."""
    invoice = gateway.retrieve_invoice(event.object_id)
    plan = Plan.objects.filter(stripe_subscription_id=invoice.subscription_id or "none").first()
    if plan is None or not invoice.payment_id:
        return IGNORED
    payment = gateway.retrieve_payment(invoice.payment_id)
    if not payment.is_paid:
        return IGNORED
    return Answer(apply=partial(managed.paid, plan.pk, invoice, payment))


def _subscription(event: StripeEvent) -> Answer:
    """It was changed or has ended at Stripe."""
    plan = Plan.objects.filter(stripe_subscription_id=event.object_id).first()
    if plan is None:
        return IGNORED
    return Answer(apply=partial(managed.told, plan.pk, gateway.retrieve_subscription(event.object_id)))


# --- saved cards ----------------------------------------------------------------------------------------------------


def _setup(event: StripeEvent) -> Answer:
    """A card was saved for a plan; the page that saved it may never have come back."""
    metadata = event.body["data"]["object"].get("metadata") or {}
    if metadata.get("app") != gateway.APP or metadata.get("environment") != settings.BASE_URL:
        return IGNORED
    setup = gateway.retrieve_setup(event.object_id)
    plan = Plan.objects.filter(pk=int(metadata["plan"]), stripe_customer_id=setup.customer_id).first()
    if plan is None or setup.card is None or setup.status != "succeeded":
        return IGNORED
    use = partial(cards.use, plan.pk, setup.card, saved_at=event.happened_at)
    # Told on the phone: who took it and what was read aloud stand on it.
    staff = setup.metadata.get("actor", "")
    return Answer(apply=partial(use, actor=staff or "supporter", read_aloud=setup.metadata.get("read_aloud", "")))


def _updated_card(event: StripeEvent) -> Answer:
    """The bank replaced a saved card by itself."""
    if not Plan.objects.ours().filter(stripe_payment_method_id=event.object_id).exists():
        return IGNORED
    return Answer(apply=partial(cards.updated, gateway.retrieve_card(event.object_id)))


# --- refunds --------------------------------------------------------------------------------------------------------


def _refund(event: StripeEvent) -> Answer:
    """One refund, as it stands now."""
    told = gateway.retrieve_refund(event.object_id)
    return _refunds(told.payment_id, told.charge_id, [told])


def _refunded_charge(event: StripeEvent) -> Answer:
    """All refunds of the charge: one whose own event was lost is found by the next one's."""
    charge = event.body["data"]["object"]
    payment_id = str(charge.get("payment_intent") or "")
    told = list(gateway.refunds_of(payment_id)) if payment_id else []
    return _refunds(payment_id, event.object_id, told)


def _refunds(payment_id: str, charge_id: str, told: list[gateway.Refund]) -> Answer:
    found = _by_payment(payment_id)
    if found.gift is None:
        return IGNORED if found.is_of_another_site else UNMATCHED
    # The oldest first, so that papers replace each other in the order in which the money went.
    told = sorted(told, key=lambda refund: (refund.created_at, refund.id))
    steps = [_settled_first(found.gift, found, payment_id, charge_id)]
    steps += [partial(refunds.apply, found.gift.pk, refund) for refund in told]
    is_whole = all(refunds.is_whole(refund) for refund in told)
    return Answer(apply=partial(_all, steps), later="" if is_whole else "Stripe has not booked the refund yet")


# --- disputes -------------------------------------------------------------------------------------------------------


def _dispute(event: StripeEvent) -> Answer:
    """The dispute as it stands now; one of a payment that is none of ours stands on the worklist, too."""
    told = gateway.retrieve_dispute(event.object_id)
    found = _by_payment(told.payment_id)
    if found.is_of_another_site:
        return IGNORED
    if found.gift is None:
        return Answer(StripeEvent.State.UNMATCHED, partial(disputes.apply, told, None))
    steps = [_settled_first(found.gift, found, told.payment_id, told.charge_id)]
    steps.append(partial(disputes.apply, told, found.gift.pk))
    return Answer(apply=partial(_all, steps))


# --- payouts ---------------------------------------------------------------------------------------------------------


def _payout(event: StripeEvent) -> Answer:
    """The payout and its lines are stored as Stripe has them now; that does each part whole by itself."""
    balance.follow(event.object_id)
    return Answer()


# When Stripe sends each is said in gateway.EVENT_TYPES.
READERS: dict[str, Callable[[StripeEvent], Answer]] = {
    **dict.fromkeys(
        [
            "payment_intent.succeeded",
            "payment_intent.processing",
            "payment_intent.payment_failed",
            "payment_intent.canceled",
            "payment_intent.requires_action",
        ],
        _payment,
    ),
    "invoice.paid": _invoice,
    "customer.subscription.updated": _subscription,
    "customer.subscription.deleted": _subscription,
    "setup_intent.succeeded": _setup,
    "payment_method.automatically_updated": _updated_card,
    "charge.refunded": _refunded_charge,
    **dict.fromkeys(["refund.created", "refund.updated", "refund.failed"], _refund),
    **dict.fromkeys(
        [
            "charge.dispute.created",
            "charge.dispute.updated",
            "charge.dispute.closed",
            "charge.dispute.funds_withdrawn",
            "charge.dispute.funds_reinstated",
        ],
        _dispute,
    ),
    **dict.fromkeys(["payout.paid", "payout.failed", "payout.reconciliation_completed"], _payout),
}
