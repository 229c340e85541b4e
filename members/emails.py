"""Verbs for the e-mails of an account. The main one decides who gets in, so this is the takeover path (rule 85).

The old mailbox agrees by the code of a fresh sign-in, the new one by its link, and nothing changes before both did. The
old mailbox is told at once, and can stop the change or, for a week, take it back.
"""

import enum
from datetime import timedelta

from allauth.account.models import EmailAddress
from django.db import IntegrityError, transaction
from django.db.models import Q, QuerySet

from donations import donors
from donations.desk import merging
from donations.models import Donor, DonorEmail
from members import accounts, details, email_letters
from members.models import EmailChange
from nonprofit import audit, clock
from nonprofit.models import User, normal_email

Kind, State = EmailChange.Kind, EmailChange.State
CONFIRM_WITHIN = timedelta(hours=24)
TAKE_BACK_WITHIN = timedelta(days=7)
# Further e-mails of one supporter.
MOST = 5


class CannotChange(Exception):
    """It would be wrong; the text says why to the person who asked."""


class Outcome(enum.StrEnum):
    """What came of a link."""

    CHANGED = "changed"
    ADDED = "added"
    FOR_STAFF = "for staff"
    STOPPED = "stopped"
    TAKEN_BACK = "taken back"
    USED = "used"
    EXPIRED = "expired"
    TOO_LATE = "too late"


@transaction.atomic
def ask(user_id: int, kind: EmailChange.Kind, email: str) -> EmailChange:
    """A letter with a link goes to the new address, and for the main e-mail a notice to the old one. No more is done.

    What happens is the same whoever has that address, or nobody. Locks the user. Asked anew, the earlier link is void.
    Raises CannotChange for one's own addresses only.
    """
    user, address = _locked(user_id), normal_email(email)
    donor = details.of(user)
    if address == user.email:
        raise CannotChange("This is your e-mail already.")
    if kind == Kind.MAIN and user.is_staff:
        raise CannotChange("You sign in to the desk with this e-mail. An administrator changes it.")
    if kind == Kind.FURTHER:
        if donor is None:
            raise CannotChange("You can add one after your first gift.")
        if _further(donor).filter(email=address).exists():
            raise CannotChange("This is your e-mail already.")
        if _further(donor).count() >= MOST:
            raise CannotChange(f"{MOST} further e-mails are the most. Remove one first.")
    EmailChange.objects.filter(user=user, kind=kind, state=State.ASKED).update(
        state=State.REPLACED, ended_at=clock.now()
    )
    made = EmailChange.objects.create(user=user, kind=kind, old_email=user.email, new_email=address)
    email_letters.confirm(made)
    if kind == Kind.MAIN:
        email_letters.notice(made)
    audit.record(details.SUPPORTER, "ask for e-mail", user, after={"change": made.pk, "kind": kind})
    return made


@transaction.atomic
def confirm(change_id: int, user_id: int) -> Outcome:
    """The new mailbox has answered, and the person who asked is signed in: what they asked for is so.

    Only for a session of that same user, signed in freshly. Locks the user, then the donor. Safe twice and twice at
    once: the second finds it used. An address of another account or record is changed by nobody but staff.
    """
    user = _locked(user_id)
    found = EmailChange.objects.select_for_update().filter(pk=change_id, user=user).first()
    if found is None or found.state != State.ASKED or found.old_email != user.email:
        return Outcome.USED
    if clock.now() - found.asked_at > CONFIRM_WITHIN:
        return Outcome.EXPIRED
    try:
        with transaction.atomic():
            outcome = _make_main(user, found) if found.kind == Kind.MAIN else _add(user, found)
    except (IntegrityError, CannotChange, merging.CannotMerge):
        # Somebody else's, or taken in this very moment.
        outcome = Outcome.FOR_STAFF
    found.state = State.FOR_STAFF if outcome == Outcome.FOR_STAFF else State.CONFIRMED
    found.confirmed_at = clock.now()
    found.save(update_fields=["state", "confirmed_at"])
    if outcome == Outcome.CHANGED:
        email_letters.changed(found)
    after = {"change": found.pk, "outcome": str(outcome)}
    audit.record(details.SUPPORTER, "confirm e-mail", user, after=after)
    return outcome


@transaction.atomic
def not_me(change_id: int) -> Outcome:
    """Whoever reads the old mailbox did not ask for it: it is stopped, or within a week taken back. Safe twice.

    Taken back, every later change of that account is, too, and all its sessions end. Locks the user, then the donor.
    """
    found = EmailChange.objects.get(pk=change_id)
    user = _locked(found.user_id)
    found = EmailChange.objects.select_for_update().get(pk=change_id)
    if found.kind != Kind.MAIN:
        return Outcome.USED
    now = clock.now()
    if found.state in (State.ASKED, State.REPLACED, State.FOR_STAFF, State.STOPPED):
        # Who could ask for it has an open session: none stays open.
        later = EmailChange.objects.filter(user=user, state=State.ASKED)
        later.update(state=State.STOPPED, ended_at=now)
        EmailChange.objects.filter(pk=found.pk).update(state=State.STOPPED, ended_at=now)
        if found.state != State.STOPPED and user.email == found.old_email:
            end_sessions(user)
        audit.record("visitor", "stop e-mail change", user, after={"change": found.pk})
        return Outcome.STOPPED
    if found.state != State.CONFIRMED:
        return Outcome.TAKEN_BACK if found.state == State.TAKEN_BACK else Outcome.USED
    if now - (found.confirmed_at or now) > TAKE_BACK_WITHIN:
        return Outcome.TOO_LATE
    if not _take_back(user, found):
        return Outcome.TOO_LATE
    later = EmailChange.objects.filter(user=user, pk__gte=found.pk, state__in=[State.CONFIRMED, State.ASKED])
    later.filter(Q(kind=Kind.MAIN) | Q(state=State.ASKED)).update(state=State.TAKEN_BACK, ended_at=now)
    audit.record("visitor", "take e-mail change back", user, after={"change": found.pk})
    return Outcome.TAKEN_BACK


@transaction.atomic
def remove(user_id: int, further_id: int) -> bool:
    """A further e-mail is theirs no more; gifts given under it stay. False when it was none of theirs. Safe twice."""
    donor = details.of(_locked(user_id))
    row = _further(donor).filter(pk=further_id).first() if donor else None
    if donor is None or row is None:
        return False
    audit.record(
        details.SUPPORTER, "remove e-mail", donors.locked(donor), before={f"further e-mail {row.pk}": row.email}
    )
    row.delete()
    return True


@transaction.atomic
def settle(change_id: int, *, actor: str, reason: str) -> bool:
    """Staff have looked at an address that is another record's. False when nothing waited. Safe twice."""
    row = EmailChange.objects.select_for_update().get(pk=change_id)
    if row.state != State.FOR_STAFF:
        return False
    row.state, row.ended_at = State.DONE, clock.now()
    row.save(update_fields=["state", "ended_at"])
    audit.record(actor, "look at e-mail asked for", row.user, reason=reason[:300], after={"change": row.pk})
    return True


def further(user: User) -> list[DonorEmail]:
    """The further e-mails of who is signed in, without those they have left."""
    donor = details.of(user)
    return list(_further(donor).order_by("email")) if donor else []


def end_sessions(user: User) -> None:
    """Every session of the user ends: Django ties each to the password, and nobody here has one."""
    user.set_unusable_password()
    user.save(update_fields=["password"])


# ---- What a proven mailbox changes -----------------------------------------------------------------------------------


def _locked(user_id: int) -> User:
    # Not against rows that refer to it: a gift that settles ties its donor to the user while it holds the donor.
    return User.objects.select_for_update(no_key=True).get(pk=user_id)


def _further(donor: Donor) -> QuerySet[DonorEmail]:
    return donor.further_emails.exclude(purpose=DonorEmail.Purpose.FORMER)


def _make_main(user: User, change: EmailChange) -> Outcome:
    """User, donor and allauth's row have the new address; the old one stays as one they have left."""
    _not_of_another_account(user, change.new_email)
    donor = details.of(user)
    if donor is not None:
        donor = donors.locked(donor)
        _bring_together(user, donor, change.new_email)
        donor.refresh_from_db()
        if donor.email != change.new_email:
            donor.further_emails.filter(email=change.new_email).delete()
            before, donor.email = donor.email, change.new_email
            donor.save(update_fields=["email"])
            if before:
                DonorEmail.objects.create(donor=donor, email=before, purpose=DonorEmail.Purpose.FORMER)
            audit.record(
                details.SUPPORTER, "change donor", donor, before={"email": before}, after={"email": change.new_email}
            )
    elif Donor.objects.filter(email=change.new_email).exists():
        raise CannotChange("another record")
    _sign_in_with(user, change.new_email)
    return Outcome.CHANGED


def _add(user: User, change: EmailChange) -> Outcome:
    """The address is a further one of theirs, with the gifts of a record that has no sign-in of its own."""
    _not_of_another_account(user, change.new_email)
    donor = details.of(user)
    if donor is None:
        raise CannotChange("no record")
    donor = donors.locked(donor)
    _bring_together(user, donor, change.new_email)
    row, is_new = DonorEmail.objects.get_or_create(email=change.new_email, defaults={"donor": donor})
    if row.donor_id != donor.pk:
        raise CannotChange("another record")
    if not is_new and row.purpose == DonorEmail.Purpose.FORMER:
        row.purpose = DonorEmail.Purpose.HOME
        row.save(update_fields=["purpose"])
    audit.record(details.SUPPORTER, "add e-mail", donor, after={f"further e-mail {row.pk}": row.email})
    return Outcome.ADDED


def _not_of_another_account(user: User, address: str) -> None:
    # Whoever types an address on the sign-in page makes an account that nobody has entered: it must stand in no way.
    shells = User.objects.filter(email=address, last_login=None, is_staff=False, is_active=True, donor=None)
    for shell in shells.exclude(pk=user.pk).select_for_update(of=("self",)):
        if not EmailAddress.objects.filter(user=shell, verified=True).exists():
            shell.delete()
    # Two sign-ins: stop and ask (rule 88).
    if User.objects.filter(email=address).exclude(pk=user.pk).exists():
        raise CannotChange("another account")


def _bring_together(user: User, donor: Donor, address: str) -> None:
    """Gifts of a record without a sign-in, whose mailbox this is, are theirs. Raises CannotChange, CannotMerge."""
    other = donors.by_email(address)
    if other is None or other.pk == donor.pk:
        return
    is_left = other.further_emails.filter(email=address, purpose=DonorEmail.Purpose.FORMER).exists()
    people = (Donor.Kind.INDIVIDUAL, Donor.Kind.HOUSEHOLD)
    # A company is a legal donor of its own, also when one person reads its mail; whoever has a former address may be
    # somebody else by now; and the dead do not claim.
    if is_left or other.user_id or other.is_deceased or not {other.kind, donor.kind} <= set(people):
        raise CannotChange("another record")
    merging.claim(donor.pk, other.pk, user=user)


def _sign_in_with(user: User, address: str) -> None:
    """The account is entered with this address and no other, and every session of it ends."""
    user.email = address
    user.save(update_fields=["email"])
    accounts.keep_one_address(user)
    EmailAddress.objects.filter(user=user, email=address).update(verified=True, primary=True)
    end_sessions(user)


def _take_back(user: User, change: EmailChange) -> bool:
    """The account is entered with the old address again; False where somebody else has it by now."""
    old = change.old_email
    holder = donors.by_email(old)
    donor = details.of(user)
    if User.objects.filter(email=old).exclude(pk=user.pk).exists() or (holder is not None and holder != donor):
        return False
    if donor is not None:
        donor = donors.locked(donor)
        before = donor.email
        donor.further_emails.filter(email=old).delete()
        donor.email = old
        donor.save(update_fields=["email"])
        audit.record("visitor", "change donor", donor, before={"email": before}, after={"email": old})
    _sign_in_with(user, old)
    return True
