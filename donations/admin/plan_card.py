"""Another card for a monthly gift, told on the phone: the words read aloud, Stripe's own field, or a letter instead."""

from uuid import uuid4

from csp.decorators import csp_update
from django.conf import settings
from django.contrib import messages
from django.contrib.admin import site
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.views.decorators.http import require_POST, require_safe

from donations import gateway, throttle, waiting
from donations.admin import phone
from donations.models import Plan
from donations.recurring import letters, phone_cards
from donations.recurring.plans import CannotChange
from donations.views import STRIPE_CSP
from nonprofit.admin_parts import Deed, actor, may, url_of

MANAGE, SEES = "donations.manage_plan", "donations.seeamounts_gift"
UNCHANGED = " Nothing has changed. Ask for another card, or send them the link below."
NEEDS_CALLER = (
    "The caller's bank wants them to confirm this card themselves, which nobody can do for them on the phone. "
    "Nothing has changed. Please send them the link below."
)
NOT_YES = "Please read the words aloud, and tick the box when the caller has said yes."
REFUSED = "Our payment service did not take this. Nothing has changed. Please try again, or send them the link below."
NO_ANSWER = (
    "Stripe has not answered yet. If the card was saved, you see it here in a minute; please do not take it again "
    "before you have looked."
)


def is_allowed(request: HttpRequest) -> bool:
    """Whether this person may change the gifts of callers, and type their cards."""
    return all(may(request, right) for right in (MANAGE, SEES, phone.RIGHT))


def deed(request: HttpRequest, plan: Plan) -> list[Deed]:
    """The button on the plan's page."""
    if not is_allowed(request) or not phone_cards.is_possible(plan):
        return []
    return [Deed("Take another card", reverse("admin:donations_plan_card", args=[plan.pk]), is_page=True)]


def urls() -> list[URLPattern]:
    """The addresses of the page."""
    view = site.admin_view
    return [
        path("<int:pk>/card/", view(ask), name="donations_plan_card"),
        path("<int:pk>/card/take/", view(take), name="donations_plan_card_take"),
        path("<int:pk>/card/send-link/", view(send_link), name="donations_plan_card_link"),
    ]


@csp_update(STRIPE_CSP)  # type: ignore[arg-type] # its types know only views without arguments
@require_safe
def ask(request: HttpRequest, pk: int) -> HttpResponse:
    """The words, the card field, and a letter for whom it does not work."""
    plan = _plan(request, pk)
    if not phone_cards.is_possible(plan):
        messages.error(request, "This gift does not run on a card of ours.")
        return redirect(url_of(plan))
    context = {
        **site.each_context(request),
        "opts": Plan._meta,
        "title": "Take another card",
        "plan": plan,
        "often": letters.often(plan),
        "card": letters.card(plan),
        "owed": phone_cards.owed_at_once(plan),
        "words": phone_cards.words(plan),
        "masked_email": waiting.masked(plan.donor.email or "") if plan.donor else "",
        "attempt": uuid4().hex,
        "stripe_js": settings.STRIPE_JS_URL,
        "publishable_key": settings.STRIPE_PUBLISHABLE_KEY,
    }
    return TemplateResponse(request, "admin/plans/card.html", context)


@require_POST
def take(request: HttpRequest, pk: int) -> HttpResponse:
    """The card, which Stripe's field has turned into a token; answers where to go on, or what is wrong."""
    plan = _plan(request, pk)
    if request.POST.get("yes") != "on":
        return JsonResponse({"error": NOT_YES}, status=409)
    if message := throttle.call_refusal(request.user.pk or 0):
        return JsonResponse({"error": message}, status=429)
    token, said = request.POST.get("token", ""), request.POST.get("words", "")
    try:
        taken = phone_cards.take(plan.pk, token, said=said, actor=actor(request))
    except CannotChange as refusal:
        return JsonResponse({"error": str(refusal)}, status=409)
    except gateway.GatewayRefused:
        return JsonResponse({"error": REFUSED}, status=503)
    if taken.outcome == phone_cards.Outcome.DECLINED:
        return JsonResponse({"error": phone.ADVICE.get(taken.code, phone.DECLINED) + UNCHANGED}, status=402)
    if taken.outcome == phone_cards.Outcome.NEEDS_CALLER:
        return JsonResponse({"error": NEEDS_CALLER}, status=402)
    if taken.outcome == phone_cards.Outcome.UNKNOWN:
        messages.info(request, NO_ANSWER)
    else:
        plan.refresh_from_db()
        messages.success(request, f"Saved: their {letters.card(plan)} is charged from now on.")
    return JsonResponse({"redirect": url_of(plan)})


@require_POST
def send_link(request: HttpRequest, pk: int) -> HttpResponse:
    """A letter that leads the supporter to their own page for another card."""
    plan = _plan(request, pk)
    try:
        phone_cards.send_link(plan.pk, attempt=request.POST.get("attempt", "")[:32], actor=actor(request))
        messages.success(request, "The link is on its way to them. Nothing changes before they save a card.")
    except CannotChange as refusal:
        messages.error(request, str(refusal))
    return redirect(url_of(plan))


def _plan(request: HttpRequest, pk: int) -> Plan:
    if not is_allowed(request):
        raise PermissionDenied
    return get_object_or_404(Plan.objects.select_related("donor", "fund", "campaign"), pk=pk)
