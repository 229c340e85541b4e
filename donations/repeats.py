"""What this browser gave or began to give: a question before it gives twice, and its own words given back to it."""

from datetime import timedelta
from uuid import UUID, uuid5

from django.http import HttpRequest

from donations.forms import GivingForm
from donations.models import Gift
from nonprofit import clock

KEPT = "recent_gifts"
WINDOW = timedelta(minutes=10)
UNDER_WAY = (Gift.Status.SETTLED, Gift.Status.PROCESSING)


def remember(request: HttpRequest, gift: Gift) -> None:
    """This browser started `gift`."""
    recent = [pk for pk in request.session.get(KEPT, []) if pk != gift.pk]
    request.session[KEPT] = [*recent[-9:], gift.pk]


def question(request: HttpRequest, form: GivingForm) -> str:
    """What to ask when this browser has just given and it is not plain that a second gift is meant; "" otherwise.

    It gave the same with another page, or something else with this very page.
    """
    data = form.cleaned_data
    mine = Gift.objects.filter(pk__in=request.session.get(KEPT, []), status__in=UNDER_WAY)
    same = (data["email"], data["total"].minor, data["frequency"])
    for gift in mine.filter(changed_at__gte=clock.now() - WINDOW).order_by("-changed_at"):
        is_this_page = gift.form_attempt == data["attempt"]
        is_same = (gift.donor_email, gift.amount_minor, gift.frequency) == same
        if is_same != is_this_page:
            return _asked(gift, data["total"].short, is_same=is_same)
    return ""


def _asked(gift: Gift, wished: str, *, is_same: bool) -> str:
    minutes = round((clock.now() - gift.changed_at).total_seconds() / 60)
    ago = "just now" if minutes < 1 else "a minute ago" if minutes == 1 else f"{minutes} minutes ago"
    arrived = "it arrived" if gift.status == Gift.Status.SETTLED else "your bank is working on it"
    wish = f"give {wished} again" if is_same else f"give {wished} as well"
    return f"You gave {gift.amount.short} {ago}, and {arrived}. Do you want to {wish}?"


def second(form: GivingForm) -> None:
    """A yes to the question: what this page sends now is a gift of its own, once, however often it is sent."""
    data = form.cleaned_data
    if Gift.objects.filter(form_attempt=data["attempt"], status__in=UNDER_WAY).exists():
        data["attempt"] = uuid5(data["attempt"], f"again {data['total'].minor} {data['frequency']}")


def unfinished(request: HttpRequest) -> Gift | None:
    """The unpaid gift that `?gift=` names, if this browser began it: nobody else gets its words to see."""
    try:
        token = UUID(request.GET["gift"])
    except (KeyError, ValueError):
        return None
    unpaid = Gift.objects.filter(settled_at=None).exclude(status=Gift.Status.PROCESSING)
    return unpaid.filter(pk__in=request.session.get(KEPT, []), token=token).first()
