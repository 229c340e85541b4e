"""Who can sign in to the demo: by a code sent to their address, nobody has a password."""

from allauth.account.models import EmailAddress
from django.contrib.auth.models import Group

from donations.models import Donor
from nonprofit.models import User

STAFF = [
    ("staff@example.org", "Sam Whitcomb", "Staff"),
    ("entry@example.org", "Noor Haddad", "Data entry"),
    ("finance@example.org", "Fiona Adeyemi", "Finance"),
    ("admin@example.org", "Alex Moreau", "Administrator"),
]


def write() -> None:
    """One supporter with a history, and one person for each group of staff; the administrator may do everything."""
    ana = _user("ana@example.org", "Ana Silva")
    Donor.objects.filter(email=ana.email).update(user=ana)
    for email, name, group in STAFF:
        user = _user(email, name, is_staff=True, is_superuser=group == "Administrator")
        user.groups.add(Group.objects.get(name=group))


def _user(email: str, name: str, **fields: bool) -> User:
    user = User.objects.create_user(email, None, name=name, **fields)
    EmailAddress.objects.create(user=user, email=user.email, verified=True, primary=True)
    return user
