"""The organisation's row, read once per change and kept in each process."""

from typing import Any

from django.db.models import F
from django.http import HttpRequest
from django.utils.functional import SimpleLazyObject

from nonprofit.models import Organization


def get() -> Organization:
    """The organisation. Raises Organization.DoesNotExist before `manage.py seed` or the admin made it."""
    return Organization.objects.get(pk=1)


def touch() -> None:
    """Say that some text of a page changed: pages kept in memory are made anew."""
    Organization.objects.filter(pk=1).update(content_version=F("content_version") + 1)


def context(request: HttpRequest) -> dict[str, Any]:
    """Template context: `organization`, read only when a template asks for it."""
    return {"organization": SimpleLazyObject(get)}
