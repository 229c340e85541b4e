"""Lapsed lately: members to win back, for whoever writes or calls them."""

from collections.abc import Sequence
from typing import Any

from django.http import HttpRequest
from django.urls import reverse

from members import lapsed
from members.models import Level
from nonprofit import clock
from nonprofit.admin_amounts import sees_amounts
from nonprofit.admin_lists import CappedPaginator
from nonprofit.admin_parts import may
from nonprofit.admin_site import Figure, on_desk

VIEW = "members.view_membership"
DAYS: Sequence[tuple[int, str]] = ((30, "30 days"), (90, "90 days"), (365, "a year"))
USUAL = 30
AT_ONCE = 50


def page(request: HttpRequest) -> dict[str, Any]:
    """What the page shows. ?days: 30, 90 or 365; ?p: which page of them."""
    chosen = next((days for days, _ in DAYS if request.GET.get("days") == str(days)), USUAL)
    pages = CappedPaginator(lapsed.lately(clock.today(), chosen), AT_ONCE)
    shown = pages.get_page(request.GET.get("p"))
    return {
        "title": "Lapsed lately",
        "choices": [(days, words, days == chosen) for days, words in DAYS],
        "chosen": chosen,
        "within": dict(DAYS)[chosen],
        "page": shown,
        "count": pages.count,
        "rows": lapsed.told(list(shown.object_list)),
        "sees": sees_amounts(request),
        "may_see_gifts": may(request, "donations.view_gift"),
        "may_see_supporters": may(request, "donations.view_donor"),
    }


@on_desk
def lapsed_lately(request: HttpRequest) -> list[Figure]:
    """How many lapsed in the last thirty days, where there are levels at all."""
    if not may(request, VIEW) or not Level.objects.exists():
        return []
    count = lapsed.lately(clock.today(), USUAL)[:1001].count()
    url = f"{reverse('admin:members_membership_lapsed')}?days={USUAL}"
    return [Figure("Members lapsed", f"{count:,}", url, note="in thirty days")]
