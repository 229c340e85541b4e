"""Verbs for accounts: who may be sent a sign-in code, and which gifts a proven mailbox brings with it."""

from allauth.account.models import EmailAddress
from django.contrib.auth.hashers import make_password
from django.db import transaction
from django.db.models import Q

from donations.models import Donor
from nonprofit.models import User, normal_email


@transaction.atomic
def open_for(email: str) -> User | None:
    """The user who may get a sign-in code at this address, or None; safe twice at once.

    Somebody who gave and never signed in gets a user without a password. Nobody else does: an open door would fill the
    table with strangers. No gift is tied to the user yet; that waits until the code has proven the mailbox.
    """
    address = normal_email(email)
    user = User.objects.filter(email=address).first()
    if user is None:
        if not Donor.objects.filter(email=address).exists():
            return None
        user, _ = User.objects.get_or_create(email=address, defaults={"password": make_password(None)})
    if not user.is_active:
        return None
    _keep_one_address(user)
    return user


def is_closed(email: str) -> bool:
    """Whether staff have switched off sign-in for this address."""
    return User.objects.filter(email=normal_email(email), is_active=False).exists()


def link_donor(user: User) -> bool:
    """Past gifts given under the user's own address become theirs, once the mailbox is proven; whether any did.

    An address that was only typed proves nothing: without a verified row nothing is linked. Safe twice.
    """
    if not _is_proven(user) or Donor.objects.filter(user=user).exists():
        return False
    return bool(Donor.objects.filter(email=user.email, user=None).update(user=user))


def link_user(donor: Donor) -> bool:
    """A new donor belongs at once to the user who has proven that mailbox before; whether there was one. Safe twice."""
    if donor.user_id is not None or not donor.email:
        return False
    user = User.objects.filter(email=donor.email).first()
    return user is not None and link_donor(user)


def _is_proven(user: User) -> bool:
    return bool(EmailAddress.objects.filter(user=user, email=user.email, verified=True).exists())


def _keep_one_address(user: User) -> None:
    """allauth's row for the user's address exists, and no row contradicts it.

    User.email is the truth, also after staff changed it: an old address must neither sign in nor keep its proof.
    """
    of_others = Q(email=user.email) & ~Q(user=user)
    of_the_past = Q(user=user) & ~Q(email=user.email)
    EmailAddress.objects.filter(of_others | of_the_past).delete()
    EmailAddress.objects.get_or_create(user=user, email=user.email, defaults={"primary": True})
