"""Verbs for accounts: who may be sent a sign-in code, and which gifts a proven mailbox brings with it."""

from allauth.account.models import EmailAddress
from django.contrib.auth.hashers import make_password
from django.db import transaction
from django.db.models import Q

from donations.models import Donor, DonorEmail
from nonprofit.models import User, normal_email


@transaction.atomic
def open_for(email: str) -> User | None:
    """The user who may get a sign-in code at this address, or None; safe twice at once.

    Somebody who gave, in whatever way, and never signed in gets a user without a password. Nobody else does: an open
    door would fill the table with strangers. No gift is tied to the user yet; that waits until the code has proven
    the mailbox.
    """
    address = normal_email(email)
    user = User.objects.filter(email=address).first()
    if user is None:
        donor = _donor_at(address)
        # Somebody who signs in with their first address already gets no second account for a further one.
        if donor is None or (donor.user_id is not None and donor.email != address):
            return None
        user, _ = User.objects.get_or_create(email=address, defaults={"password": make_password(None)})
    if not user.is_active:
        return None
    keep_one_address(user)
    return user


def is_closed(email: str) -> bool:
    """Whether staff have switched off sign-in for this address."""
    return User.objects.filter(email=normal_email(email), is_active=False).exists()


def link_donor(user: User) -> bool:
    """Past gifts given under the user's own address become theirs, once the mailbox is proven; whether any did.

    An address that was only typed proves nothing: without a verified row nothing is linked. Gifts that staff recorded
    come along, also under a further address of the supporter that is now proven to be theirs. Safe twice.
    """
    if not is_proven(user) or Donor.objects.filter(user=user).exists():
        return False
    donor = _donor_at(user.email)
    return donor is not None and bool(Donor.objects.filter(pk=donor.pk, user=None).update(user=user))


def link_user(donor: Donor) -> bool:
    """A new donor belongs at once to the user who has proven that mailbox before; whether there was one. Safe twice."""
    if donor.user_id is not None:
        return False
    further = donor.further_emails.exclude(purpose=DonorEmail.Purpose.FORMER)
    user = User.objects.filter(Q(email=donor.email or "") | Q(email__in=further.values("email"))).order_by("pk").first()
    return user is not None and link_donor(user)


def is_proven(user: User) -> bool:
    """Whether the user has shown that the mailbox is theirs."""
    return bool(EmailAddress.objects.filter(user=user, email=user.email, verified=True).exists())


def _donor_at(address: str) -> Donor | None:
    """The supporter whose mailbox this is: their first address, else a further one they have not left.

    Whoever has a former address today may be somebody else. A merged record leads to the one it became.
    """
    further = DonorEmail.objects.filter(email=address).exclude(purpose=DonorEmail.Purpose.FORMER)
    own = Donor.objects.filter(email=address)
    donor = own.first() or Donor.objects.filter(further_emails__in=further).first()
    while donor is not None and donor.merged_into is not None:
        donor = donor.merged_into
    return donor


def _may_bring_gifts(address: str) -> bool:
    """Whether signing in with this address would show anything.

    A further e-mail of somebody who already signs in does not: it would be a second key to the same account.
    """
    further = DonorEmail.objects.filter(email=address, donor__user=None).exclude(purpose=DonorEmail.Purpose.FORMER)
    return Donor.objects.filter(email=address).exists() or further.exists()


def keep_one_address(user: User) -> None:
    """allauth's row for the user's address exists, and no row contradicts it.

    User.email is the truth, also after staff changed it: an old address must neither sign in nor keep its proof.
    """
    of_others = Q(email=user.email) & ~Q(user=user)
    of_the_past = Q(user=user) & ~Q(email=user.email)
    EmailAddress.objects.filter(of_others | of_the_past).delete()
    EmailAddress.objects.get_or_create(user=user, email=user.email, defaults={"primary": True})
