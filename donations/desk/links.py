"""Payment links: a gift that waits at a private address, and the letter that brings its supporter there."""

from datetime import timedelta
from typing import Any
from uuid import UUID, uuid5

from django.conf import settings
from django.db import transaction
from django.urls import reverse

from donations.models import Campaign, Donor, Fund, Gift, PaymentLink, Plan
from donations.rules import consent
from nonprofit import audit, clock, mail, nudge, organization
from nonprofit.money import Money

VALID = timedelta(days=30)
# One request of ours is one gift: its form attempt is made from the request's key.
NAMESPACE = UUID("5f0c5f7e-6f0e-4d0e-9a55-0d1f4be3b1a7")
UNPAID = (Gift.Status.PENDING, Gift.Status.FAILED)
MOST_LETTERS = 5


class CannotSend(Exception):
    """No letter can go out; the text says why, for the member of staff."""


@transaction.atomic
def send(
    *, donor: Donor, amount: Money, fund: Fund, campaign: Campaign | None, actor: str, note: str = "", key: str
) -> Gift:
    """A gift of `amount` waits for `donor`, and the letter with its private link is queued. Not money yet.

    key: from the row that asks ("promise-part:12:1"); the same key is the same gift and the same letter, also at once.
    note: what it is for, in words the supporter reads. Call in any transaction; locks the gift. Raises CannotSend.
    """
    if trouble := refusal(donor):
        raise CannotSend(trouble)
    defaults = _fields(donor, amount) | {"fund": fund, "campaign": campaign}
    gift, _ = Gift.objects.get_or_create(form_attempt=uuid5(NAMESPACE, key), defaults=defaults)
    make(gift.pk, actor=actor, key=key, note=note)
    return gift


@transaction.atomic
def make(gift_id: int, *, actor: str, key: str, note: str = "") -> PaymentLink:
    """The unpaid gift has its private link, good for thirty days, and the letter is queued. Locks the gift; safe twice.

    Raises CannotSend when the gift has no e-mail address or is paid already.
    """
    gift = Gift.objects.select_for_update().get(pk=gift_id)
    if link := PaymentLink.objects.filter(gift=gift).first():
        return link
    if gift.status not in UNPAID:
        raise CannotSend(f"This gift is {gift.get_status_display()}; there is nothing to pay.")
    if not gift.donor_email:
        raise CannotSend("A link needs an e-mail address to go to.")
    link = PaymentLink.objects.create(
        gift=gift, key=key, asked_by=actor, note=note, expires_at=clock.now() + VALID, letters=1
    )
    audit.record(actor, "send payment link", gift, after={"amount_minor": gift.amount_minor, "key": key})
    _mail(link)
    return link


@transaction.atomic
def send_again(gift_id: int, actor: str) -> PaymentLink:
    """The same link is mailed once more and good for thirty days from now. Locks the gift.

    Raises CannotSend when it is paid, over, or was sent often enough.
    """
    gift = Gift.objects.select_for_update(of=("self",)).select_related("donor").get(pk=gift_id)
    link = PaymentLink.objects.get(gift=gift)
    if gift.status not in UNPAID or link.is_over:
        raise CannotSend("This link is paid or has expired. For a new one, please take the gift anew.")
    if gift.donor and (trouble := refusal(gift.donor)):
        raise CannotSend(trouble)
    if link.letters >= MOST_LETTERS:
        raise CannotSend(f"This link was sent {link.letters} times. Please call the supporter instead.")
    link.letters += 1
    link.expires_at = clock.now() + VALID
    link.save(update_fields=["letters", "expires_at"])
    audit.record(actor, "send payment link again", gift, after={"letter": link.letters})
    _mail(link)
    return link


def refusal(donor: Donor) -> str:
    """Why no link may go to this supporter now; "" when one may."""
    if donor.is_deceased:
        return f"{donor.name} has died."
    if donor.is_not_contacted:
        return f"{donor.name} asked not to be contacted."
    return "" if donor.email else f"{donor.name} has no e-mail address."


def address(gift: Gift) -> str:
    """The private address at which the gift can be paid, whole."""
    return settings.BASE_URL + reverse("donations:pay", args=[gift.token])


def _fields(donor: Donor, amount: Money) -> dict[str, Any]:
    return {
        "donor": donor,
        "amount_minor": amount.minor,
        "currency": amount.currency,
        "donor_name": donor.name,
        "donor_email": donor.email or "",
        "donor_phone": donor.phone,
        "address_line1": donor.address_line1,
        "address_line2": donor.address_line2,
        "city": donor.city,
        "region": donor.region,
        "postal_code": donor.postal_code,
        "country": donor.country,
    }


def _mail(link: PaymentLink) -> None:
    gift = link.gift
    context = {
        "gift": gift,
        "amount": str(gift.amount),
        "often": "" if gift.frequency == Gift.Frequency.ONCE else gift.frequency,
        "salutation": (gift.donor.salutation if gift.donor else "") or f"Dear {gift.donor_name},",
        "note": link.note,
        "url": address(gift),
        "until": clock.local_date(link.expires_at),
    }
    mail.queue(f"payment_link:{gift.pk}:{link.letters}", gift.donor_email, "payment_link", context)
    nudge.after_commit("nonprofit.tasks.send_mail")


def of(token: UUID) -> PaymentLink | None:
    """The link with this address, with what its page shows."""
    return (
        PaymentLink.objects.select_related("gift__fund", "gift__campaign", "gift__plan")
        .filter(gift__token=token)
        .first()
    )


def words(gift: Gift) -> str:
    """What the supporter agrees to by paying a gift that repeats; "" for a gift that is given once."""
    if gift.frequency == Gift.Frequency.ONCE:
        return ""
    return consent.text(organization=organization.get().name, amount=str(gift.amount), frequency=gift.frequency)


@transaction.atomic(durable=True)
def agree(gift_id: int, ip: str | None) -> Gift:
    """The supporter pressed the button under `words`: a plan that has not begun keeps them, when, and from where.

    A gift whose last card was declined waits anew, as on the giving page. Locks the plan, then the gift. Safe twice.
    """
    starting = Plan.objects.select_for_update(of=("self",)).filter(gifts=gift_id, status=Plan.Status.STARTING).first()
    gift = Gift.objects.select_for_update().get(pk=gift_id)
    if gift.status == Gift.Status.FAILED:
        gift.status, gift.changed_at = Gift.Status.PENDING, clock.now()
        gift.save(update_fields=["status", "changed_at"])
    if starting is not None:
        starting.consent_text, starting.consent_version = words(gift), consent.VERSION
        starting.consent_at, starting.consent_ip = clock.now(), ip
        starting.save(update_fields=["consent_text", "consent_version", "consent_at", "consent_ip"])
    return Gift.objects.select_related("plan").get(pk=gift_id)
