"""Subscriptions that an older system left at Stripe: seen and brought in page by page, and taken over one at a time."""

import logging

from django.contrib import messages
from django.contrib.admin import site
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.http import urlencode

from donations import gateway
from donations.models import Plan
from donations.recurring import adopting, letters
from donations.recurring.plans import Agreed, CannotChange
from nonprofit.admin_parts import Deed, actor, may, url_of

logger = logging.getLogger(__name__)

ADOPT, SEES = "donations.adopt_plan", "donations.seeamounts_gift"
DOWN = "Stripe does not answer right now. Nothing was changed; please look again in a minute."
STATUSES = {"active": "Charged", "past_due": "Declined there, tried again"}


def is_allowed(request: HttpRequest) -> bool:
    """Whether this person may bring subscriptions over, and see what people give."""
    return may(request, ADOPT) and may(request, SEES)


def deed(request: HttpRequest, plan: Plan) -> list[Deed]:
    """The button on the page of a plan that is managed at Stripe."""
    if plan.is_ours or not plan.is_running or plan.at_stripe or not is_allowed(request):
        return []
    return [Deed("Take over from Stripe", reverse("admin:donations_plan_take_over", args=[plan.pk]), is_page=True)]


def urls() -> list[URLPattern]:
    """The addresses of the pages."""
    view = site.admin_view
    return [
        path("at-stripe/", view(at_stripe), name="donations_plan_at_stripe"),
        path("<int:pk>/take-over/", view(take_over), name="donations_plan_take_over"),
    ]


def take_over(request: HttpRequest, pk: int) -> HttpResponse:
    """What would happen, when our first charge is and what stops it; a POST does it."""
    _allow(request)
    plan = get_object_or_404(Plan.objects.select_related("donor", "fund", "campaign"), pk=pk)
    if plan.is_ours or not plan.is_running or plan.at_stripe:
        messages.info(request, "There is nothing to take over: this gift is ours, has ended, or is being taken over.")
        return redirect(url_of(plan))
    if request.method == "POST":
        return _take_over(request, plan)
    try:
        seen = adopting.outlook(plan)
    except gateway.GatewayError as error:
        return _no_answer(request, error, url_of(plan))
    context = {"title": "Take over from Stripe", "plan": plan, "often": letters.often(plan), "seen": seen}
    return _page(request, "take_over", context)


def _take_over(request: HttpRequest, plan: Plan) -> HttpResponse:
    reason = request.POST.get("reason", "").strip()[:300]
    try:
        taken = adopting.take_over(plan.pk, by=Agreed(actor=actor(request), reason=reason))
        messages.success(request, f"Taken over. Our first charge is on {letters.day(taken.next_due_on)}.")
    except CannotChange as refusal:
        messages.error(request, f"It was not taken over. {refusal}")
    except gateway.GatewayError as error:
        logger.warning("take-over not answered", extra={"plan": plan.pk, "error": type(error).__name__})
        messages.warning(request, _how_far(plan))
    return redirect(url_of(plan))


def _how_far(plan: Plan) -> str:
    plan.refresh_from_db()
    if plan.at_stripe:
        return "Stripe has not answered yet. It is on record, and is asked for again every hour until it is done."
    return DOWN


def at_stripe(request: HttpRequest) -> HttpResponse:
    """Subscriptions as Stripe lists them, with whom each is of here; a POST brings the chosen ones in."""
    _allow(request)
    status = request.GET.get("status", "")
    if status not in adopting.LIVE:
        status = adopting.LIVE[0]
    after = request.GET.get("after", "")[:80]
    try:
        found, has_more = adopting.page(status, after=after)
        if request.method == "POST":
            _bring_in(request, found)
            return redirect(request.get_full_path())
    except gateway.GatewayError as error:
        return _no_answer(request, error, reverse("admin:donations_plan_changelist"))
    further = urlencode({"status": status, "after": found[-1].subscription.id}) if has_more else ""
    context = {
        "title": "Subscriptions at Stripe",
        "found": found,
        "can_bring_in": any(one.plan is None and not one.trouble for one in found),
        "status": status,
        "statuses": STATUSES,
        "further": further,
        "is_first": not after,
    }
    return _page(request, "at_stripe", context)


def _bring_in(request: HttpRequest, found: list[adopting.Found]) -> None:
    """Those of the page that were chosen, each for itself: one that cannot come in keeps no other out."""
    chosen, count = set(request.POST.getlist("subscription")), 0
    for one in found:
        if one.subscription.id not in chosen:
            continue
        try:
            adopting.bring_in(one.subscription, actor=actor(request))
            count += 1
        except CannotChange as refusal:
            messages.error(request, f"Not brought in: {one.subscription.id}. {refusal}")
    if count:
        messages.success(request, f"{count} brought in: managed at Stripe, and each can be taken over on its page.")
    elif not chosen:
        messages.info(request, "Choose which to bring in.")


def _page(request: HttpRequest, name: str, context: dict[str, object]) -> HttpResponse:
    shared = {**site.each_context(request), "opts": Plan._meta}
    return TemplateResponse(request, f"admin/plans/{name}.html", {**shared, **context})


def _no_answer(request: HttpRequest, error: gateway.GatewayError, back: str) -> HttpResponse:
    logger.warning("subscriptions not read", extra={"error": type(error).__name__})
    messages.error(request, DOWN)
    return redirect(back)


def _allow(request: HttpRequest) -> None:
    if not is_allowed(request):
        raise PermissionDenied
