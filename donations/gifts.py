"""The verbs of a gift's life: started, opened for payment at Stripe, settled or declined, expired."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Self
from uuid import UUID

from django.conf import settings
from django.db import transaction

from donations import benefits, donors, gateway, signals
from donations.models import Attempt, Campaign, Fund, Gift, LedgerEntry, Month, PhoneCall, Plan, ReceiptDue
from donations.receipts import issue
from donations.rules import consent, dating, gift_moves, schedule
from nonprofit import audit, clock, nudge, organization
from nonprofit.models import normal_email
from nonprofit.money import Money

logger = logging.getLogger(__name__)

INTERVALS = {"monthly": Plan.Interval.MONTH, "yearly": Plan.Interval.YEAR}


@dataclass(frozen=True, slots=True)
class Contact:
    """Who gives, as typed. country: ISO 3166-1 alpha-2."""

    name: str
    email: str
    phone: str = ""
    address_line1: str = ""
    address_line2: str = ""
    city: str = ""
    region: str = ""
    postal_code: str = ""
    country: str = ""

    @classmethod
    def typed(cls, form: Mapping[str, Any]) -> Self:
        """From the fields of those names. A list of countries always says one: without an address it means nothing."""
        known = {name: form[name] for name in cls.__slots__}
        return cls(**known | ({} if form["address_line1"] else {"country": ""}))

    def columns(self) -> dict[str, str]:
        """What a gift keeps of it, by column."""
        same = ("address_line1", "address_line2", "city", "region", "postal_code", "country")
        return {
            "donor_name": self.name,
            "donor_email": normal_email(self.email),
            "donor_phone": self.phone,
            **{name: getattr(self, name) for name in same},
        }


@dataclass(frozen=True, slots=True)
class CardGift:
    """What a supporter asks for on the giving page. amount includes covered_fee; both decided by the server.

    offered: what the page said comes with a gift of that size, with what was declined.
    """

    form_attempt: UUID
    frequency: str
    amount: Money
    covered_fee: Money
    contact: Contact
    fund: Fund
    campaign: Campaign
    tribute: str = ""
    tribute_name: str = ""
    note: str = ""
    is_name_hidden: bool = False
    wants_newsletter: bool = False
    ip: str | None = None
    offered: Sequence[benefits.Came] = ()


@transaction.atomic(durable=True)
def start_card(wish: CardGift) -> Gift:
    """A pending gift for this form attempt stands in the database, with its plan when it repeats.

    Safe twice and twice at once: one form attempt is one gift. An unpaid gift takes over what was changed; a gift that
    is processing, or was ever settled, is returned as it is.
    """
    gift, is_new = Gift.objects.get_or_create(form_attempt=wish.form_attempt, defaults=_fields(wish))
    _lock_plan_of(gift.pk)
    gift = Gift.objects.select_for_update().get(pk=gift.pk)
    if gift.status not in (Gift.Status.PENDING, Gift.Status.FAILED, Gift.Status.EXPIRED):
        return gift
    was = (gift.amount_minor, gift.currency, gift.frequency)
    for name, value in _fields(wish).items():
        setattr(gift, name, value)
    if not is_new and was != (gift.amount_minor, gift.currency, gift.frequency):
        gift.revision += 1
    gift.plan = _plan(gift, wish)
    gift.status = Gift.Status.PENDING
    gift.changed_at = clock.now()
    gift.save()
    benefits.choose(gift, wish.offered, is_new=is_new)
    return gift


def open_payment(gift: Gift) -> gateway.Payment:
    """The PaymentIntent for a started gift, made or brought up to date. Call outside any transaction.

    Safe twice and twice at once: the keys come from the gift's id and revision.
    Raises GatewayUnavailable (nothing is charged; ask again) and GatewayRefused.
    """
    metadata = {"app": gateway.APP, "gift": str(gift.pk), "environment": settings.BASE_URL}
    customer_id = ""
    if gift.plan is not None:
        metadata["plan"] = str(gift.plan.pk)
        customer_id = _customer(gift, gift.plan, metadata)
    key = f"gift-{gift.pk}-r{gift.revision}"
    if gift.payment_intent_id:
        if payment := _reusable(gift, customer_id):
            return payment
        key += f"-after-{gift.payment_intent_id}"
    payment = gateway.create_payment(
        amount_minor=gift.amount_minor,
        currency=gift.currency,
        key=key,
        metadata=metadata,
        description=f"Gift {gift.public_id}",
        customer_id=customer_id,
        # A caller's card, or the link sent instead: no bank debits without the supporter at the page.
        is_card_only=gift.kind == Gift.Kind.PHONE,
    )
    Gift.objects.filter(pk=gift.pk).filter(settled_at=None).update(payment_intent_id=payment.id)
    return payment


def _reusable(gift: Gift, customer_id: str) -> gateway.Payment | None:
    """The gift's PaymentIntent if it still fits; one that does not is closed first, so it can never be paid too."""
    payment = gateway.retrieve_payment(gift.payment_intent_id or "")
    fits = (payment.amount_minor, payment.currency, payment.customer_id) == (
        gift.amount_minor,
        gift.currency,
        customer_id,
    )
    if payment.status in {"succeeded", "processing"} or (fits and payment.status != "canceled"):
        return payment
    if payment.status != "canceled":
        try:
            gateway.cancel_payment(payment.id, key=f"gift-{gift.pk}-cancel-{payment.id}")
        except gateway.GatewayRefused:
            # It was paid between the two calls: that payment is the gift.
            return gateway.retrieve_payment(payment.id)
    return None


def _customer(gift: Gift, plan: Plan, metadata: Mapping[str, str]) -> str:
    if not plan.stripe_customer_id:
        plan.stripe_customer_id = gateway.create_customer(
            name=gift.donor_name,
            email=gift.donor_email,
            key=f"plan-{plan.pk}-customer-r{gift.revision}",
            metadata={"app": metadata["app"], "plan": metadata["plan"], "environment": metadata["environment"]},
        )
        Plan.objects.filter(pk=plan.pk).update(stripe_customer_id=plan.stripe_customer_id)
    return plan.stripe_customer_id


def apply_payment(gift_id: int, payment: gateway.Payment) -> Gift:
    """Bring the gift to where Stripe says its payment is. Order and repeats do not matter."""
    if payment.is_paid:
        return settle(gift_id, payment)
    if payment.status == "processing":
        return _move(gift_id, Gift.Status.PROCESSING, payment.id)
    if payment.status == "canceled":
        return _move(gift_id, Gift.Status.EXPIRED, payment.id)
    return Gift.objects.get(pk=gift_id)


def is_booked(payment: gateway.Payment) -> bool:
    """Whether `settle` has done all it can for this payment: its charge is in the ledger, and so is its fee.

    Ledger lines are never changed and come in one transaction with all that follows from them, so no lock is needed:
    most of Stripe's news is about what the page or the worker has booked itself, a moment before.
    """
    charge = payment.charge
    if charge is None or charge.balance is None:
        return False
    kinds = set(LedgerEntry.objects.filter(source=charge.id).values_list("kind", flat=True))
    has_fee = LedgerEntry.Kind.FEE in kinds or not charge.balance.fee_minor
    return LedgerEntry.Kind.GIFT in kinds and has_fee


@transaction.atomic
def settle(gift_id: int, payment: gateway.Payment) -> Gift:
    """The money of a paid PaymentIntent is booked: gift, ledger lines (+gift, -fee), donor, receipt due, audit.

    In the audit log it is Stripe's deed, or that of the member of staff who typed the caller's card.
    Locks the gift's plan and the gift. Safe twice, twice at once and after a crash: each fact has its unique source.
    What is booked is what Stripe took, whatever the form had asked for. When Stripe has no fee yet, the next call
    books it.
    """
    charge = payment.charge
    if charge is None:
        raise ValueError(f"{payment.id} has no charge to settle")
    _lock_plan_of(gift_id)
    gift = Gift.objects.select_for_update().get(pk=gift_id)
    actor, booked_on = _actor(gift), clock.local_date(charge.happened_at)
    # A refunded or disputed gift is no new one, however late the news of its payment comes.
    is_first = gift.settled_at is None and gift_moves.may_move(gift.status, Gift.Status.SETTLED)
    if is_first:
        _become_settled(gift, payment, charge, dating.card_gift(booked_on))
    elif gift.payment_intent_id != payment.id:
        # A second payment for one gift must never hide: it is booked under its own charge and shown to staff.
        logger.error("second payment for a gift", extra={"gift": gift.pk, "payment": payment.id})
        audit.record(actor, "second payment", gift, reason="refund it or ask the donor", after={"payment": payment.id})
    _book(gift, charge, booked_on)
    if is_first:
        issue.make_due(gift)
        audit.record(actor, "settle", gift, after={"payment": payment.id, "amount_minor": charge.amount_minor})
        signals.gift_settled.send(sender=Gift, gift=gift)
    elif ReceiptDue.objects.filter(gift=gift).exists():
        # While this held the gift, the worker that numbers receipts may have passed it by.
        nudge.after_commit("donations.tasks.issue_receipts")
    return gift


def _lock_plan_of(gift_id: int) -> None:
    """The plan before its gift, always: the work of renewals holds plans and then settles."""
    Plan.objects.select_for_update(of=("self",), no_key=True).filter(gifts=gift_id).first()


def _actor(gift: Gift) -> str:
    if gift.kind != Gift.Kind.PHONE:
        return "stripe"
    by_card = PhoneCall.objects.filter(gift=gift, paid_by=PhoneCall.PaidBy.CARD).select_related("taken_by").first()
    return audit.staff(by_card.taken_by) if by_card else "stripe"


def _become_settled(gift: Gift, payment: gateway.Payment, charge: gateway.Charge, dated: dating.GiftDate) -> None:
    if gift.amount_minor != charge.amount_minor:
        gift.covered_fee_minor = 0
    gift.amount_minor = charge.amount_minor
    gift.currency = charge.currency
    gift.payment_intent_id = payment.id
    gift.donor = donors.of(gift)
    gift.status = Gift.Status.SETTLED
    gift.gift_on, gift.gift_date_basis = dated.on, dated.basis
    gift.settled_at = gift.changed_at = clock.now()
    if payment.card:
        gift.card_brand, gift.card_last4 = payment.card.brand, payment.card.last4
    gift.save()
    Attempt.objects.get_or_create(
        source=charge.id,
        defaults={
            "gift": gift,
            "outcome": Attempt.Outcome.SUCCEEDED,
            "amount_minor": charge.amount_minor,
            "currency": charge.currency,
            "happened_at": charge.happened_at,
        },
    )
    if gift.plan and payment.card:
        _activate(gift.plan, gift, payment, payment.card, dated.on)
    elif gift.plan and gift.plan.status == Plan.Status.STARTING:
        # We ask for cards only. Should anything else ever have paid, the plan would never be charged again.
        logger.error("plan begun without a card", extra={"plan": gift.plan.pk, "gift": gift.pk})


def _activate(plan: Plan, gift: Gift, payment: gateway.Payment, card: gateway.Card, on: date) -> None:
    plan = Plan.objects.select_for_update(no_key=True).get(pk=plan.pk)
    if plan.status != Plan.Status.STARTING:
        return
    plan.status, plan.status_at = Plan.Status.ACTIVE, clock.now()
    plan.donor = gift.donor
    plan.started_on, plan.anchor_day = on, on.day
    plan.next_due_on = schedule.next_due(on, on.day, plan.interval, on)
    plan.stripe_customer_id = plan.stripe_customer_id or payment.customer_id
    plan.stripe_payment_method_id = card.payment_method_id
    plan.card_brand, plan.card_last4 = card.brand, card.last4
    plan.card_expires_on = gateway.card_expiry(card)
    plan.save()


def _book(gift: Gift, charge: gateway.Charge, booked_on: date) -> None:
    common = {
        "gift": gift,
        "donor": gift.donor,
        "fund": gift.fund,
        "happened_at": charge.happened_at,
        "account": LedgerEntry.Account.STRIPE,
        "booked_on": Month.objects.first_open(booked_on),
    }
    LedgerEntry.objects.get_or_create(
        source=charge.id,
        kind=LedgerEntry.Kind.GIFT,
        defaults={**common, "amount_minor": charge.amount_minor, "currency": charge.currency},
    )
    balance = charge.balance
    if balance is not None and balance.fee_minor:
        LedgerEntry.objects.get_or_create(
            source=charge.id,
            kind=LedgerEntry.Kind.FEE,
            defaults={
                **common,
                "amount_minor": -balance.fee_minor,
                "currency": balance.currency,
                "balance_transaction_id": balance.id,
                "reporting_category": balance.reporting_category,
            },
        )


@transaction.atomic
def decline(gift_id: int, payment_id: str, attempt: gateway.Decline) -> Gift:
    """A refused attempt is on record, and the gift waits for another card unless it has been paid. Safe twice."""
    gift = Gift.objects.select_for_update().get(pk=gift_id)
    Attempt.objects.get_or_create(
        source=attempt.source,
        defaults={
            "gift": gift,
            "outcome": Attempt.Outcome.DECLINED,
            "amount_minor": gift.amount_minor,
            "currency": gift.currency,
            "code": attempt.code,
            "happened_at": attempt.happened_at,
        },
    )
    return _move(gift_id, Gift.Status.FAILED, payment_id)


@transaction.atomic
def _move(gift_id: int, status: Gift.Status, payment_id: str | None) -> Gift:
    """Move a gift as its present PaymentIntent says; news of one that was replaced changes nothing."""
    gift = Gift.objects.select_for_update().get(pk=gift_id)
    if gift.payment_intent_id not in (None, payment_id):
        return gift
    if gift_moves.may_move(gift.status, status):
        gift.status = status
        gift.changed_at = clock.now()
        gift.save(update_fields=["status", "changed_at"])
    return gift


def expire(gift: Gift) -> Gift:
    """An abandoned gift is closed at Stripe first and then here; one that was paid after all is settled instead."""
    if not gift.payment_intent_id:
        return _move(gift.pk, Gift.Status.EXPIRED, None)
    try:
        payment = gateway.cancel_payment(gift.payment_intent_id, key=f"gift-{gift.pk}-cancel-{gift.payment_intent_id}")
    except gateway.GatewayRefused:
        payment = gateway.retrieve_payment(gift.payment_intent_id)
    return apply_payment(gift.pk, payment)


def check(gift: Gift) -> Gift:
    """Ask Stripe how the gift's payment stands and act on it; for a supporter who waits while a webhook is late."""
    if not gift.payment_intent_id:
        return gift
    return apply_payment(gift.pk, gateway.retrieve_payment(gift.payment_intent_id))


def _fields(wish: CardGift) -> dict[str, object]:
    return {
        "frequency": wish.frequency,
        "amount_minor": wish.amount.minor,
        "covered_fee_minor": wish.covered_fee.minor,
        "currency": wish.amount.currency,
        "fund": wish.fund,
        "campaign": wish.campaign,
        **wish.contact.columns(),
        "tribute": wish.tribute,
        "tribute_name": wish.tribute_name,
        "note": wish.note,
        "is_name_hidden": wish.is_name_hidden,
        "wants_newsletter": wish.wants_newsletter,
    }


def _plan(gift: Gift, wish: CardGift) -> Plan | None:
    if wish.frequency not in INTERVALS:
        return None
    plan = gift.plan or Plan()
    plan.interval = INTERVALS[wish.frequency]
    plan.amount_minor = wish.amount.minor - wish.covered_fee.minor
    plan.currency = wish.amount.currency
    plan.is_fee_covered = bool(wish.covered_fee)
    plan.fund, plan.campaign = wish.fund, wish.campaign
    plan.tribute, plan.tribute_name = wish.tribute, wish.tribute_name
    plan.consent_text = consent.text(
        organization=organization.get().name, amount=str(wish.amount), frequency=wish.frequency
    )
    plan.consent_version, plan.consent_at, plan.consent_ip = consent.VERSION, clock.now(), wish.ip
    plan.save()
    return plan
