"""Gifts on the phone: what the caller wants, the words they agree to, and their card or a payment link."""

import logging
from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.urls import reverse

from donations import gateway, gifts
from donations.desk import links
from donations.models import Campaign, Donor, Fund, Gift, PhoneCall, Plan
from donations.rules import consent
from nonprofit import audit, clock, organization
from nonprofit.models import User
from nonprofit.money import Money

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Call:
    """What the caller wants, as the call-taker typed it. donor: whom the call-taker found, None for somebody new."""

    attempt: UUID
    donor: Donor | None
    contact: gifts.Contact
    amount: Money
    frequency: str
    fund: Fund
    campaign: Campaign | None
    tribute: str = ""
    tribute_name: str = ""
    note: str = ""


class Outcome(StrEnum):
    PAID = "paid"
    PROCESSING = "processing"
    DECLINED = "declined"
    # The bank wants its customer to confirm, who is at the other end of a telephone: a link lets them.
    NEEDS_CALLER = "needs_caller"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Charged:
    """What became of a card. code: the bank's reason for a decline."""

    outcome: Outcome
    code: str = ""


class CannotTake(Exception):
    """The call cannot go on like this; the text is for the call-taker."""


@transaction.atomic(durable=True)
def begin(call: Call, *, user: User) -> Gift:
    """A pending phone gift stands for this form attempt, with what was typed; nothing is agreed to yet.

    Safe twice and twice at once. Until the caller agreed, it takes over what was changed; after that it stays.
    """
    fields = _fields(call)
    gift, is_new = Gift.objects.get_or_create(form_attempt=call.attempt, defaults=fields)
    gift = Gift.objects.select_for_update().get(pk=gift.pk)
    if gift.kind != Gift.Kind.PHONE:
        raise CannotTake("This is no phone gift.")
    if is_new:
        audit.record(audit.staff(user), "take call", gift, after={"amount_minor": gift.amount_minor})
    elif gift.status == Gift.Status.PENDING and not PhoneCall.objects.filter(gift=gift).exists():
        for name, value in fields.items():
            setattr(gift, name, value)
        gift.changed_at = clock.now()
        gift.save()
    return gift


def words(gift: Gift, paid_by: str) -> str:
    """What is to be read aloud now before the caller says yes: with a card, or with a link by e-mail."""
    who, amount, frequency = organization.get().name, str(gift.amount), gift.frequency
    if paid_by == PhoneCall.PaidBy.LINK:
        return consent.by_link(organization=who, amount=amount, frequency=frequency, email=gift.donor_email)
    return consent.by_phone(organization=who, amount=amount, frequency=frequency, on=clock.today())


@transaction.atomic(durable=True)
def agree(gift_id: int, *, user: User, paid_by: str, said: str) -> PhoneCall:
    """The caller said yes to `said`: who took it, when, and the words are kept; with a link, its letter is queued.

    A caller whose card does not work may agree to a link afterwards: that takes its place. Locks the gift; safe twice.
    Raises CannotTake when the words are not today's any more, or the gift is paid or over.
    """
    gift = Gift.objects.select_for_update().get(pk=gift_id, kind=Gift.Kind.PHONE)
    call = PhoneCall.objects.filter(gift=gift).first()
    if call and call.paid_by in (paid_by, PhoneCall.PaidBy.LINK):
        return call
    if gift.status not in links.UNPAID:
        raise CannotTake(f"This gift is {gift.get_status_display()}; there is nothing to agree to.")
    if said != words(gift, paid_by):
        raise CannotTake("The words have changed since this page was opened. Please read them aloud again.")
    before = {"paid_by": call.paid_by} if call else {}
    call = call or PhoneCall(gift=gift)
    call.taken_by, call.taken_at, call.paid_by = user, clock.now(), paid_by
    call.consent_text, call.consent_version = said, consent.PHONE_VERSION
    call.save()
    if gift.frequency in gifts.INTERVALS:
        gift.plan = _plan(gift, call)
    gift.changed_at = clock.now()
    gift.save(update_fields=["plan", "changed_at"])
    # The words themselves stand on the call: those for a link hold an address, and the log never forgets.
    after = {"paid_by": paid_by, "version": call.consent_version, "amount_minor": gift.amount_minor}
    audit.record(audit.staff(user), "agreed by phone", gift, before=before, after=after)
    if paid_by == PhoneCall.PaidBy.LINK:
        _send_link(gift, user)
    return call


def charge(gift_id: int, token: str, *, user: User) -> Charged:
    """The caller's card, which Stripe's field turned into `token`, is charged, and the gift booked when it is paid.

    Call outside any transaction. Safe twice: a token is used once, and a gift that is paid is not charged again. When
    Stripe does not answer, the outcome is unknown and must be asked for (gifts.check), never tried with another card.
    Raises CannotTake before the caller agreed, and GatewayRefused for what is no fault of the card.
    """
    gift = Gift.objects.select_related("plan", "phone_call").get(pk=gift_id, kind=Gift.Kind.PHONE)
    if gift.status in (Gift.Status.SETTLED, Gift.Status.PROCESSING):
        return _outcome(gift)
    if gift.status not in links.UNPAID:
        raise CannotTake(f"This gift is {gift.get_status_display()}.")
    call = getattr(gift, "phone_call", None)
    if call is None or call.paid_by != PhoneCall.PaidBy.CARD:
        raise CannotTake("Please read the words aloud first, and note that the caller said yes.")
    try:
        payment = gifts.open_payment(gift)
        if payment.status not in ("succeeded", "processing"):
            payment = _confirm(gift, payment.id, token)
    except gateway.CardDeclined as declined:
        return Charged(Outcome.DECLINED, declined.code)
    except gateway.GatewayUnavailable as error:
        logger.warning("phone gift not answered", extra={"gift": gift.pk, "error": str(error)})
        return Charged(Outcome.UNKNOWN)
    if payment.status == "requires_action":
        return Charged(Outcome.NEEDS_CALLER)
    return _outcome(gifts.apply_payment(gift.pk, payment))


def _confirm(gift: Gift, payment_id: str, token: str) -> gateway.Payment:
    try:
        return gateway.confirm_payment(
            payment_id,
            token=token,
            key=f"gift-{gift.pk}-confirm-{token}",
            return_url=settings.BASE_URL + reverse("donations:thanks", args=[gift.token]),
            is_moto=settings.STRIPE_MOTO,
        )
    except gateway.CardDeclined:
        raise
    except gateway.GatewayRefused:
        # Another press of the button was faster: what Stripe has is what counts.
        payment = gateway.retrieve_payment(payment_id)
        if payment.status not in ("succeeded", "processing"):
            raise
        return payment


def _outcome(gift: Gift) -> Charged:
    settled, processing = Gift.Status.SETTLED, Gift.Status.PROCESSING
    return Charged(
        {settled: Outcome.PAID, processing: Outcome.PROCESSING}.get(Gift.Status(gift.status), Outcome.UNKNOWN)
    )


def _send_link(gift: Gift, user: User) -> None:
    try:
        links.make(gift.pk, actor=audit.staff(user), key=f"phone-gift:{gift.pk}")
    except links.CannotSend as trouble:
        raise CannotTake(str(trouble)) from trouble


def _plan(gift: Gift, call: PhoneCall) -> Plan:
    plan = gift.plan or Plan()
    plan.interval = gifts.INTERVALS[gift.frequency]
    plan.amount_minor, plan.currency, plan.fund = gift.amount_minor, gift.currency, gift.fund
    plan.campaign, plan.tribute, plan.tribute_name = gift.campaign, gift.tribute, gift.tribute_name
    plan.consent_text, plan.consent_version, plan.consent_at = call.consent_text, call.consent_version, call.taken_at
    plan.save()
    return plan


def _fields(call: Call) -> dict[str, object]:
    return {
        "kind": Gift.Kind.PHONE,
        "donor": call.donor,
        "frequency": call.frequency,
        "amount_minor": call.amount.minor,
        "currency": call.amount.currency,
        "fund": call.fund,
        "campaign": call.campaign,
        **call.contact.columns(),
        "tribute": call.tribute,
        "tribute_name": call.tribute_name,
        "note": call.note,
    }
