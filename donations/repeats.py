"""Did you mean to give twice? A question for the browser that has just given, and for nobody else."""

from datetime import timedelta

from django.http import HttpRequest

from donations.forms import GivingForm
from donations.models import Gift
from nonprofit import clock
from nonprofit.models import normal_email

KEPT = "recent_gifts"
WINDOW = timedelta(minutes=10)


def remember(request: HttpRequest, gift: Gift) -> None:
    """This browser started `gift`."""
    recent = [pk for pk in request.session.get(KEPT, []) if pk != gift.pk]
    request.session[KEPT] = [*recent[-9:], gift.pk]


def question(request: HttpRequest, form: GivingForm) -> str:
    """What to ask when this browser gave the same a few minutes ago with another form; "" otherwise."""
    data = form.cleaned_data
    recent = (
        Gift.objects.filter(
            pk__in=request.session.get(KEPT, []),
            status__in=[Gift.Status.SETTLED, Gift.Status.PROCESSING],
            donor_email=normal_email(data["email"]),
            amount_minor=data["total"].minor,
            frequency=data["frequency"],
            changed_at__gte=clock.now() - WINDOW,
        )
        .exclude(form_attempt=data["attempt"])
        .first()
    )
    if recent is None:
        return ""
    minutes = max(1, round((clock.now() - recent.changed_at).total_seconds() / 60))
    ago = "a minute ago" if minutes == 1 else f"{minutes} minutes ago"
    return f"You gave {recent.amount.short} {ago}, and it arrived. Do you want to give {recent.amount.short} again?"
