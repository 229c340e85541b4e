"""Putting a fact of a received gift right under its paper: whose it was, its name, its date; the paper is replaced.

Nothing about a gift with a paper is edited in any other way (receipts.md 2.2, 5). What came with a gift is put right by
`benefits`, an amount by taking the gift back and recording it again (`desk.returned`). Ledger lines stay as they were
booked: they name who was thought the giver, on the day the money came. Who gave is read from the gift, and so is the
year it counts in; a closed month does not move (decision 17).
"""

from dataclasses import dataclass
from datetime import date
from typing import Any

from django.db import transaction

from donations import signals
from donations.models import Donor, Gift, GiftDetail, Receipt, ReceiptVoid
from donations.receipts import deliver, issue, replace, statement_due, taken_back
from donations.rules import documents
from nonprofit import audit, clock, mail
from nonprofit.models import OutgoingEmail

REASON = ReceiptVoid.Reason
# As given with the gift, from the record of whose it is.
ADDRESS = ("address_line1", "address_line2", "city", "region", "postal_code", "country")


class CannotCorrect(ValueError):
    """The gift cannot be put right so; the text says why to the person who asked."""


@dataclass(frozen=True, slots=True)
class Correction:
    """What is true instead. donor: whose gift it was; name: as the paper should say it; gift_on: its legal date."""

    donor: Donor | None = None
    name: str = ""
    gift_on: date | None = None
    note: str = ""

    @property
    def reason(self) -> ReceiptVoid.Reason:
        return REASON.WRONG_DONOR if self.donor or self.name else REASON.WRONG_DATE


@dataclass(frozen=True, slots=True)
class Outlook:
    """What will happen, before it does. old, new: rows of both papers; letters: as they would leave."""

    old: Receipt | None
    facts: dict[str, Any]
    letters: tuple[OutgoingEmail, ...]
    trouble: str
    is_to_tell: bool


@transaction.atomic
def correct(gift_id: int, right: Correction, *, actor: str) -> ReceiptVoid | None:
    """The gift says what is true, and its paper is replaced by one that says it; both together or neither.

    None where no paper had been issued: the one that is due says it. Locks supporter, gift, then what `replace` locks.
    Safe twice and twice at once: what is true already changes nothing, and the first void is returned.
    Raises CannotCorrect.
    """
    donor = _locked_donor(right.donor)
    gift = Gift.objects.select_for_update(of=("self",)).select_related("donor").get(pk=gift_id)
    _check(gift, right, donor, actor)
    before, after = _changed(gift, right, donor)
    if after:
        # Whoever was told of it in a statement, and for whichever year, is told anew.
        was_donor_id = gift.donor_id
        statement_due.changed(gift)
        _write(gift, right, before, after, actor)
        statement_due.changed(gift)
        signals.gift_corrected.send(sender=Gift, gift=gift, was_donor_id=was_donor_id)
    return replace.replace(gift.pk, reason=right.reason, actor=actor, note=right.note)


def outlook(gift_id: int, right: Correction, *, actor: str) -> Outlook:
    """What `correct` would do, by doing it and taking it back; nothing is written. Raises CannotCorrect."""
    with transaction.atomic():
        old = Receipt.objects.filter(gift=gift_id, void__isnull=True).order_by("-pk").first()
        had = set(OutgoingEmail.objects.filter(key__startswith=taken_back.KEY).values_list("pk", flat=True))
        correct(gift_id, right, actor=actor)
        gift = Gift.objects.select_related("receipt", "donor").get(pk=gift_id)
        new = gift.receipt if gift.receipt and (old is None or gift.receipt_id != old.pk) else None
        letters = list(OutgoingEmail.objects.filter(key__startswith=taken_back.KEY).exclude(pk__in=had))
        if new and deliver.recipient(new).email and new.snapshot.get("rows"):
            letters.append(_with_paper(new))
        waiting = getattr(gift, "receipt_due", None)
        is_to_tell = old is not None and taken_back.to_tell().filter(receipt=old).exists()
        found = Outlook(
            old, new.snapshot if new else {}, tuple(letters), waiting.trouble if waiting else "", is_to_tell
        )
        transaction.set_rollback(True)
    return found


def _with_paper(new: Receipt) -> OutgoingEmail:
    context = {"receipt": new.snapshot, "portal_url": ""}
    return mail.compose(new.mail_key, deliver.recipient(new).email, "receipt_paper", context)


def _locked_donor(donor: Donor | None) -> Donor | None:
    """The supporter as they are now: a merge that is under way has ended."""
    if donor is None:
        return None
    found = Donor.objects.select_for_update(no_key=True, of=("self",)).get(pk=donor.pk)
    if found.merged_into_id:
        raise CannotCorrect(f"{found.name} was merged into another record. Choose that one.")
    return found


def _check(gift: Gift, right: Correction, donor: Donor | None, actor: str) -> None:
    if not right.note.strip():
        raise CannotCorrect("Say in a few words what was wrong.")
    if not (donor or right.name.strip() or right.gift_on):
        raise CannotCorrect("Say what is true instead.")
    if gift.status != Gift.Status.SETTLED:
        raise CannotCorrect(f"Only a received gift can be put right; this one is {gift.get_status_display()}.")
    if actor in {audit.staff(user) for user in (_user(gift.donor), _user(donor)) if user}:
        # Domain rule 92: nobody decides alone about their own gift.
        raise CannotCorrect("This is your own gift: please ask a colleague.")
    if donor and (trouble := documents.wrong_donor(gift.kind, donor.kind)):
        raise CannotCorrect(trouble)
    if donor and donor.kind == Donor.Kind.UNKNOWN:
        raise CannotCorrect("A gift that has a paper cannot become a nameless one. Take it back instead.")
    if right.gift_on and gift.kind in issue.BY_CARD:
        raise CannotCorrect("A card gift is dated by its charge, and nothing else.")
    if right.gift_on and right.gift_on > clock.today():
        raise CannotCorrect("The date lies ahead.")


def _user(donor: Donor | None) -> Any:
    return donor.user if donor else None


def _changed(gift: Gift, right: Correction, donor: Donor | None) -> tuple[dict[str, Any], dict[str, Any]]:
    """The columns that change, as they were and as they will be. Names and addresses only where they are printed."""
    new: dict[str, Any] = {}
    if donor and donor.pk != gift.donor_id:
        new |= {"donor_id": donor.pk, "donor_name": donor.name, "donor_email": donor.email or ""}
        new |= {"donor_phone": donor.phone, **{name: getattr(donor, name) for name in ADDRESS}}
    if right.name.strip():
        new["donor_name"] = " ".join(right.name.split())[:200]
    if right.gift_on:
        new |= {"gift_on": right.gift_on, "gift_date_basis": Gift.DateBasis.STAFF}
    after = {name: value for name, value in new.items() if getattr(gift, name) != value}
    return {name: getattr(gift, name) for name in after}, after


def _write(gift: Gift, right: Correction, before: dict[str, Any], after: dict[str, Any], actor: str) -> None:
    for name, value in after.items():
        setattr(gift, name, value)
    gift.changed_at = clock.now()
    gift.save(update_fields=[*(name.removesuffix("_id") for name in after), "changed_at"])
    if "gift_on" in after:
        GiftDetail.objects.filter(gift=gift).update(date_reason=right.note[:200])
    # The log keeps ids and dates; names and addresses stand on the papers that printed them.
    told = {"donor_id", "gift_on", "gift_date_basis"}
    audit.record(
        actor,
        "correct gift",
        gift,
        reason=right.note[:300],
        before={name: str(value) for name, value in before.items() if name in told},
        after={name: str(value) for name, value in after.items() if name in told} | {"changed": ", ".join(after)},
    )
