"""What supporters are told of their refunds: that the money is on its way, or that it could not be given back."""

from django.conf import settings

from donations.models import Gift, Receipt, ReceiptVoid, Refund
from donations.receipts import issue, taken_back, void
from nonprofit import mail, nudge
from nonprofit.models import OutgoingEmail
from nonprofit.money import Money

KEY = "refund:"
FAILED = "refund-failed:"


def refunded(gift: Gift, refund: Refund) -> OutgoingEmail | None:
    """The letter about a refund is queued, where there is an address. Call before the gift's paper is put right.

    The gift stands as it does after the refund. Where nothing of it is left, the letter also says that its paper no
    longer stands, and is kept under the key that the list of void papers looks for.
    """
    paper = _standing_paper(gift)
    is_own = refund.payment_id == gift.payment_intent_id
    is_all = is_own and gift.status == Gift.Status.REFUNDED
    key = f"{taken_back.KEY}{paper.pk}" if paper and is_all else f"{KEY}{refund.pk}"
    words = {
        "is_all": is_all,
        "is_own": is_own,
        "kept": str(gift.kept),
        "receipt_number": paper.number if paper and is_own and taken_back.has_left(paper) else "",
        "paper": paper.snapshot.get("paper", "Receipt").lower() if paper else "receipt",
    }
    return _queue(key, "refund", gift, refund, words)


def failed(gift: Gift, refund: Refund) -> OutgoingEmail | None:
    """A refund that had been told of came back to us. Where that letter has not left, it never does, and this is none.

    Call before the gift's paper is put right.
    """
    last = void.last(gift)
    keys = [f"{KEY}{refund.pk}", *([f"{taken_back.KEY}{last.pk}"] if last else [])]
    unsent = OutgoingEmail.objects.filter(key__in=keys, template="refund", status=OutgoingEmail.Status.QUEUED)
    stopped = [mail.stop(pk, "the refund failed") for pk in unsent.values_list("pk", flat=True)]
    return None if any(stopped) else _queue(f"{FAILED}{refund.pk}", "refund_failed", gift, refund, {})


def preview(gift: Gift, amount: Money) -> OutgoingEmail | None:
    """The letter as it would leave if that much went back now; nothing is stored."""
    paper = _standing_paper(gift)
    kept = Money(max(gift.kept.minor - amount.minor, 0), gift.currency)
    words = {
        "is_all": not kept.minor,
        "is_own": True,
        "kept": str(kept),
        "receipt_number": paper.number if paper and taken_back.has_left(paper) else "",
        "paper": paper.snapshot.get("paper", "Receipt").lower() if paper else "receipt",
    }
    to = address(gift)
    return mail.compose(KEY, to, "refund", {**_words(gift, amount), **words}) if to else None


def address(gift: Gift) -> str:
    """Where the letter goes; "" where there is no e-mail."""
    return gift.donor_email or (gift.donor.email if gift.donor else "") or ""


def _standing_paper(gift: Gift) -> Receipt | None:
    paper = Receipt.objects.filter(gift=gift).order_by("-pk").first()
    is_void = paper is not None and ReceiptVoid.objects.filter(receipt=paper).exists()
    return None if is_void else paper


def _queue(key: str, template: str, gift: Gift, refund: Refund, words: dict[str, object]) -> OutgoingEmail | None:
    to = address(gift)
    if not to:
        return None
    letter = mail.queue(key, to, template, {**_words(gift, refund.amount), **words})
    nudge.after_commit("nonprofit.tasks.send_mail")
    return letter


def _words(gift: Gift, amount: Money) -> dict[str, object]:
    salutation = (gift.donor.salutation if gift.donor else "") or f"Dear {gift.donor_name}"
    return {
        "salutation": f"{salutation.rstrip(' ,')},",
        "amount": str(amount),
        "gift_amount": str(gift.amount),
        "gift_on": issue.in_words(gift.gift_on) if gift.gift_on else "",
        "card": f"{gift.card_brand.capitalize()} card ending in {gift.card_last4}" if gift.card_last4 else "card",
        "give_url": f"{settings.BASE_URL}/give/",
    }


@mail.before_sending
def _still_wanted(email: OutgoingEmail) -> str:
    """Flags are looked at when a letter leaves (domain rules 81, 83)."""
    prefix = next((prefix for prefix in (KEY, FAILED) if email.key.startswith(prefix)), "")
    number = email.key.removeprefix(prefix)
    if not prefix or not number.isdigit():
        return ""
    refund = Refund.objects.select_related("gift__donor").filter(pk=number).first()
    donor = refund.gift.donor if refund else None
    return "the supporter's record says so" if donor and (donor.is_deceased or donor.is_not_contacted) else ""
