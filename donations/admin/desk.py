"""What the desk says of gifts: today's, receipts that wait, and events that wait for a person."""

from django.db.models import Count, F, Sum
from django.http import HttpRequest
from django.urls import reverse

from donations.models import Gift, ReceiptDue, StripeEvent
from nonprofit import clock
from nonprofit.admin_parts import may
from nonprofit.admin_site import Figure, on_desk
from nonprofit.money import Money


@on_desk
def gifts_today(request: HttpRequest) -> list[Figure]:
    """Gifts dated today, with what they come to; and those that are on their way."""
    if not may(request, "donations.view_gift"):
        return []
    today, url = clock.today(), reverse("admin:donations_gift_changelist")
    sums = list(
        Gift.objects.settled()
        .filter(gift_on=today)
        .values("currency")
        .annotate(count=Count("pk"), sum=Sum(F("amount_minor") - F("refunded_minor")))
        .order_by("currency")
    )
    note = " + ".join(str(Money(one["sum"], one["currency"])) for one in sums)
    count = sum(one["count"] for one in sums)
    day = f"?gift_on_from={today}&gift_on_to={today}&status__exact=settled"
    return [Figure("Gifts received today", str(count), url + day, note=note, rank=1)]


@on_desk
def receipts_due(request: HttpRequest) -> list[Figure]:
    """Receipts not numbered yet, and how many of them are stuck."""
    if not may(request, "donations.view_receiptdue"):
        return []
    count, stuck = ReceiptDue.objects.count(), ReceiptDue.objects.exclude(trouble="").count()
    note = f"{stuck} cannot be issued" if stuck else ""
    url = reverse("admin:donations_receiptdue_changelist")
    return [Figure("Receipts due", str(count), url, is_trouble=stuck > 0, note=note, rank=2)]


@on_desk
def events_waiting(request: HttpRequest) -> list[Figure]:
    """Events from Stripe that fit no gift of ours, and events given up."""
    if not may(request, "donations.view_stripeevent"):
        return []
    url, state = reverse("admin:donations_stripeevent_changelist"), StripeEvent.State
    trouble = StripeEvent.objects.filter(state__in=[state.UNMATCHED, state.FAILED])
    counts = dict(trouble.values_list("state").annotate(count=Count("pk")).order_by())
    labels = ((state.UNMATCHED, "Payments that fit no gift"), (state.FAILED, "Stripe's events given up"))
    return [
        Figure(label, str(counts.get(s, 0)), f"{url}?state__exact={s}", is_trouble=counts.get(s, 0) > 0)
        for s, label in labels
    ]
