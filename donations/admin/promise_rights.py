"""Who may do what with promises, and which ones they may see."""

from typing import cast

from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest

from donations.models import Promise
from nonprofit.admin_parts import may
from nonprofit.models import User

VIEW, ADD, CHANGE = "donations.view_promise", "donations.add_promise", "donations.change_promise"
WRITE_OFF = "donations.writeoff_promise"
SEE_AMOUNTS = "donations.seeamounts_gift"
PRIVATE = "donations.seebequests_promise"


def shown(request: HttpRequest) -> QuerySet[Promise]:
    """The promises that this member of staff may see."""
    return Promise.objects.shown_to(user(request)).select_related("donor")


def allow(request: HttpRequest, right: str) -> None:
    """Raises PermissionDenied for those who lack the right."""
    if not may(request, right):
        raise PermissionDenied


def user(request: HttpRequest) -> User:
    """The member of staff behind the request."""
    return cast(User, request.user)
