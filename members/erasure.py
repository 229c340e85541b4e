"""Verbs for being forgotten: asked for by the supporter, done or refused by staff (domain rule 82).

The person and all free text go; money rows, issued papers and the audit log stay, and each is named before it is done.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from django.db import transaction
from django.db.models import Q

from donations import donors
from donations.models import (
    BatchRow,
    Donor,
    DonorMerge,
    Gift,
    GiftDetail,
    Installment,
    Plan,
    Promise,
    Receipt,
    ReceiptDue,
    Refund,
    StatementDue,
)
from donations.recurring import adopting, plans
from members.models import (
    ConsentEntry,
    EmailChange,
    ErasureRequest,
    Fulfilment,
    MembershipPerson,
    NewsletterSubscription,
    NewsletterSuppression,
)
from members.newsletter import choices, consent
from nonprofit import audit, clock, pseudonyms
from nonprofit.models import AuditEntry, OutgoingEmail, User

State = ErasureRequest.State
ERASED = "Erased supporter"
REFUNDING = (Refund.State.WAITING, Refund.State.REQUESTED, Refund.State.PENDING)
# What says who somebody is, where gifts and supporters keep it.
ADDRESS = ("address_line1", "address_line2", "city", "region", "postal_code", "country")


class CannotErase(Exception):
    """It cannot be done now; the text says why to the person who asked."""


@dataclass(frozen=True, slots=True)
class Kept:
    """What stays, how much of it, and why."""

    what: str
    count: int
    why: str


@transaction.atomic
def ask(donor_id: int) -> ErasureRequest:
    """The wish waits for staff. Locks the donor. Safe twice: one waits at a time."""
    donor = donors.locked(Donor.objects.get(pk=donor_id))
    made, is_new = ErasureRequest.objects.get_or_create(donor=donor, state=State.ASKED)
    if is_new:
        audit.record("supporter", "ask to be forgotten", donor, after={"request": made.pk})
    return made


@transaction.atomic
def withdraw(donor_id: int) -> bool:
    """They think otherwise; False when nothing waited. Safe twice."""
    records = _records(donors.locked(Donor.objects.get(pk=donor_id)))
    rows = ErasureRequest.objects.select_for_update().filter(donor__in=records, state=State.ASKED)
    for row in rows:
        row.state = State.WITHDRAWN
        row.save(update_fields=["state"])
        audit.record("supporter", "withdraw wish to be forgotten", row.donor, after={"request": row.pk})
    return bool(rows)


def latest(donor: Donor) -> ErasureRequest | None:
    """The newest wish of theirs, also one of a record that was merged into it."""
    return ErasureRequest.objects.filter(donor__in=_records(donor)).order_by("-pk").first()


@transaction.atomic(durable=True)
def refuse(request_id: int, *, user: User, reason: str) -> bool:
    """It is not done, for a reason they can read. False when it was decided before. Raises CannotErase."""
    row = ErasureRequest.objects.select_for_update().get(pk=request_id)
    if row.state != State.ASKED:
        return False
    _decide(row, State.REFUSED, user, reason, [])
    audit.record(audit.staff(user), "refuse to erase", row.donor, reason=row.reason, after={"request": row.pk})
    return True


def carry_out(request_id: int, *, user: User, reason: str) -> bool:
    """The person is erased; False when it was decided before. Safe twice, twice at once and killed halfway.

    Monthly gifts are stopped first, each for itself, so that nothing is charged whatever comes of the rest;
    then all else is one transaction. Locks the donor. Raises CannotErase while money or a paper is on its way.
    """
    row = ErasureRequest.objects.select_related("donor").get(pk=request_id)
    if row.state != State.ASKED:
        return False
    _not_staff(donors.became(row.donor))
    if not reason.strip():
        raise CannotErase("Say why, for whoever asks later.")
    by = plans.Agreed(actor=audit.staff(user), reason="asked to be forgotten")
    try:
        for plan in Plan.objects.filter(donor__in=_records(row.donor)).running():
            if plan.is_ours:
                plans.stop(plan.pk, by=by)
            else:
                adopting.stop(plan.pk, by=by)
    except plans.CannotChange as refusal:
        raise CannotErase(f"A monthly gift could not be stopped: {refusal}") from refusal
    return _erase(request_id, user=user, reason=reason)


@transaction.atomic(durable=True)
def _erase(request_id: int, *, user: User, reason: str) -> bool:
    row = ErasureRequest.objects.select_for_update().get(pk=request_id)
    if row.state != State.ASKED:
        return False
    donor = donors.locked(row.donor)
    records = _records(donor)
    _nothing_on_its_way(records)
    kept = what_is_kept(donor)
    emails = _emails(records)
    _forget_gifts(records, emails)
    _forget_letters(emails)
    _forget_people(records)
    _close_account(donor)
    for record in records:
        _blank(record)
    _decide(row, State.DONE, user, reason, kept)
    # Numbers only: what was erased must not stand here again.
    audit.record(audit.staff(user), "erase supporter", donor, reason=row.reason, after={"request": row.pk})
    return True


def what_is_kept(donor: Donor) -> list[Kept]:
    """What stays after erasing, before anything is done: for the page that asks once more, and for the row."""
    records = _records(donor)
    gifts = Gift.objects.filter(donor__in=records)
    papers = Receipt.objects.filter(Q(gift__in=gifts) | Q(statement__donor__in=records))
    tax = "the books must show where money came from (IRC 6001)"
    log = AuditEntry.objects.filter(target_type="donor", target_id__in=[str(one.pk) for one in records])
    found = [
        Kept("gifts: amounts, dates, funds, without name and words", gifts.count(), tax),
        Kept("issued receipts and statements, with name and address on them", papers.count(), tax),
        Kept(
            "monthly and yearly gifts: amounts, dates and the consent agreed to",
            Plan.objects.filter(donor__in=records).count(),
            tax,
        ),
        Kept("rows of closed batches, as they were typed", BatchRow.objects.filter(donor__in=records).count(), tax),
        Kept(
            "entries of the audit log, with what staff changed",
            log.count(),
            "it proves who did what, and never changes",
        ),
        Kept(
            "entries of the consent log, under a pseudonym",
            ConsentEntry.objects.filter(pseudonym__in=[pseudonyms.of(email) for email in _emails(records)]).count(),
            "proof of consent and of its end",
        ),
        Kept(
            "mailboxes that must not be written to",
            NewsletterSuppression.objects.filter(email__in=_emails(records), lifted_at=None).count(),
            "so that nobody writes there again",
        ),
        Kept(
            "place outside: Stripe, and backups", 1, "erase the customer at Stripe by hand; backups end by themselves"
        ),
    ]
    return [one for one in found if one.count]


# ---- What is in the way ----------------------------------------------------------------------------------------------


def _not_staff(donor: Donor) -> None:
    if donor.user is not None and donor.user.is_staff:
        raise CannotErase("They work here and sign in to the desk. Take that away first.")


def _nothing_on_its_way(records: list[Donor]) -> None:
    status = Gift.Status
    own = Gift.objects.filter(donor__in=records)
    emails = _emails(records)
    processing = Gift.objects.filter(status=status.PROCESSING).filter(Q(donor__in=records) | Q(donor_email__in=emails))
    open_dates = Installment.objects.filter(plan__donor__in=records, status__in=Installment.OPEN)
    if processing.exists() or open_dates.exists():
        raise CannotErase("A payment is on its way. The monthly gift is stopped; try again when the bank has answered.")
    if Plan.objects.filter(donor__in=records).running().exists():
        raise CannotErase("A monthly gift still runs.")
    if Plan.objects.filter(donor__in=records).exclude(at_stripe="").exists():
        raise CannotErase(
            "Stripe has not confirmed that it ends a monthly gift. It is asked every hour; try again then."
        )
    if ReceiptDue.objects.filter(gift__in=own).exists() or StatementDue.objects.filter(donor__in=records).exists():
        raise CannotErase("A receipt is on its way, and needs their name. Try again in a few minutes.")
    if Receipt.objects.filter(gift__in=own, pdf=None, void=None).exists():
        raise CannotErase("A receipt is being made. Try again in a few minutes.")
    waiting = Refund.objects.filter(gift__in=own, state__in=REFUNDING)
    if waiting.exists() or own.filter(status=status.DISPUTED).exists():
        raise CannotErase("A refund or dispute of theirs is open. Finish it first.")


# ---- What goes -------------------------------------------------------------------------------------------------------


def _forget_gifts(records: list[Donor], emails: list[str]) -> None:
    blank = dict.fromkeys(("donor_email", "donor_phone", *ADDRESS, "note", "tribute", "tribute_name"), "")
    # Attempts that came to nothing belong to nobody, and hold what was typed.
    failed = Q(donor=None, donor_email__in=emails, status__in=[Gift.Status.FAILED, Gift.Status.EXPIRED])
    gifts = Gift.objects.filter(Q(donor__in=records) | failed)
    GiftDetail.objects.filter(gift__in=gifts).update(payer_name="")
    gifts.update(donor_name=ERASED, **blank)
    Plan.objects.filter(donor__in=records).update(
        tribute="", tribute_name="", end_reason="", consent_ip=None, card_brand="", card_last4=""
    )
    Promise.objects.filter(donor__in=records).update(note="")


def _forget_letters(emails: list[str]) -> None:
    """Letters that wait are stopped; of those that went, day and kind stay."""
    letters, status = OutgoingEmail.objects.filter(to__in=emails), OutgoingEmail.Status
    letters.filter(status=status.QUEUED).update(status=status.STOPPED, last_error="asked to be forgotten")
    letters.update(to="erased@erased.invalid", subject="(erased)", text="", html="", unsubscribe_url="", list_name="")
    for email in emails:
        choices.choose(email, [], source="erasure", actor="task")
        for row in NewsletterSubscription.objects.filter(email=email):
            consent.record(email, row.purpose, ConsentEntry.What.FORGOTTEN, source="erasure", actor="task")
            row.delete()


def _forget_people(records: list[Donor]) -> None:
    for record in records:
        for rows in (record.further_emails, record.further_addresses, record.notes):
            rows.all().delete()
        record.tags.clear()
        record.former_ids.all().delete()
    MembershipPerson.objects.filter(donor__in=records).delete()
    Fulfilment.objects.filter(donor__in=records).update(address="", tracking="")
    for merge in DonorMerge.objects.filter(Q(kept__in=records) | Q(gone__in=records)):
        for side in ("kept", "after", "gone"):
            merge.moved[side] = {name: _nothing(name, value) for name, value in merge.moved[side].items()}
        merge.save(update_fields=["moved"])


def _nothing(name: str, value: object) -> object:
    if name in ("email", "user_id"):
        return None
    return "" if isinstance(value, str) and name != "kind" else value


def _blank(record: Donor) -> None:
    for name in ("salutation", "phone", "addressee", *ADDRESS):
        setattr(record, name, "")
    record.name, record.email, record.user = ERASED, None, None
    record.is_not_contacted = record.is_not_mailed = record.is_anonymous = True
    record.save()


def _close_account(donor: Donor) -> None:
    user = donor.user
    if user is None:
        return
    _not_staff(donor)
    EmailAddress.objects.filter(user=user).delete()
    Authenticator.objects.filter(user=user).delete()
    EmailChange.objects.filter(user=user).delete()
    user.email, user.name, user.is_active = f"erased-{user.pk}@erased.invalid", "", False
    # Sessions are tied to it: all of them end.
    user.set_unusable_password()
    user.save()


# ---- Whose -----------------------------------------------------------------------------------------------------------


def _records(donor: Donor) -> list[Donor]:
    """The record as who it is today, and all that were merged into it."""
    found = new = [donors.became(donor)]
    while new:
        new = list(Donor.objects.filter(merged_into__in=new).order_by("pk"))
        found = [*found, *new]
    return found


def _emails(records: list[Donor]) -> list[str]:
    """Mailboxes that are theirs; one they have left may be somebody else's by now."""
    found = {one.email for one in records if one.email}
    for one in records:
        found |= set(one.further_emails.exclude(purpose="former").values_list("email", flat=True))
        if one.user is not None:
            found.add(one.user.email)
    return sorted(found)


def _decide(row: ErasureRequest, state: ErasureRequest.State, user: User, reason: str, kept: Iterable[Kept]) -> None:
    if not reason.strip():
        raise CannotErase("Say why, for whoever asks later.")
    row.state, row.decided_at, row.decided_by = state, clock.now(), user
    row.reason = reason.strip()[:300]
    row.kept = [f"{one.count} {one.what}: {one.why}" for one in kept]
    row.save(update_fields=["state", "decided_at", "decided_by", "reason", "kept"])
