"""Pages of giving: each reads a request, calls a verb, and answers."""

import logging
import uuid
from typing import Any

from csp.decorators import csp_update
from django.conf import settings
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.middleware.csrf import get_token
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.views.decorators.cache import cache_control, never_cache
from django.views.decorators.http import require_GET, require_http_methods

from donations import gateway, gifts, pages, repeats, throttle, waiting
from donations.forms import GivingForm
from donations.models import Gift, Way
from nonprofit import colors, limits, markup, organization

logger = logging.getLogger(__name__)

STRIPE_CSP = {
    "script-src": settings.STRIPE_JS_ORIGIN,
    "connect-src": settings.STRIPE_ORIGINS,
    "frame-src": settings.STRIPE_FRAME_ORIGINS,
}
DOWN = (
    "We cannot reach our payment service right now. Nothing was charged. "
    "Your details are still here; please try again in a minute."
)
REFUSED = "Our payment service did not take this. Nothing was charged. Please try again, or give another way."


@csp_update(STRIPE_CSP)
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def give(request: HttpRequest, slug: str = "") -> HttpResponse:
    """The giving page; a POST starts the gift and answers what the page's script needs to take the payment."""
    page = pages.get(slug, request)
    if request.method != "POST":
        return HttpResponse(page.blank(get_token(request), str(uuid.uuid4())))
    form = GivingForm(page.campaign, request.POST)
    ip = limits.address(request)
    if not form.is_valid():
        return _refuse(request, page, form, 422)
    if message := throttle.refusal(request, ip, form.cleaned_data["email"]):
        return _refuse(request, page, form, 429, message)
    if not _wants_json(request):
        return _refuse(request, page, form, 200, NEEDS_SCRIPT)
    if not form.cleaned_data["again"] and (message := repeats.question(request, form)):
        return JsonResponse({"confirm_again": message}, status=409)
    return _start(request, page, form, ip)


NEEDS_SCRIPT = (
    "Your details are fine. To take a card safely this page needs JavaScript, which your browser has switched off. "
    "Nothing was charged. You can switch it on and send again, or give by check or phone."
)


def _start(request: HttpRequest, page: pages.Page, form: GivingForm, ip: str) -> HttpResponse:
    gift = gifts.start_card(form.wish(ip))
    thanks_url = reverse("donations:thanks", args=[gift.token])
    repeats.remember(request, gift)
    if gift.status in (Gift.Status.SETTLED, Gift.Status.PROCESSING):
        return JsonResponse({"redirect": thanks_url})
    try:
        payment = gifts.open_payment(gift)
    except gateway.GatewayUnavailable as error:
        logger.warning("gift not opened", extra={"gift": gift.pk, "error": str(error)})
        return _refuse(request, page, form, 503, DOWN)
    except gateway.GatewayRefused as error:
        logger.error("gift refused by Stripe", extra={"gift": gift.pk, "code": error.code})
        return _refuse(request, page, form, 503, REFUSED)
    if payment.status in {"succeeded", "processing"}:
        return JsonResponse({"redirect": thanks_url})
    answer = {
        "client_secret": payment.client_secret,
        "amount_minor": gift.amount_minor,
        "currency": gift.currency,
        "thanks_url": thanks_url,
    }
    return JsonResponse(answer)


def _refuse(request: HttpRequest, page: pages.Page, form: GivingForm, status: int, message: str = "") -> HttpResponse:
    """Say what is wrong, by field, and keep everything that was typed."""
    errors: dict[str, list[str]] = {name: [str(e) for e in found] for name, found in form.errors.items()}
    if message:
        errors["__all__"] = [message]
    if _wants_json(request):
        return JsonResponse({"errors": errors}, status=status)
    context: dict[str, Any] = {
        **pages.context(page),
        "typed": request.POST,
        "errors": errors,
        "frequency": request.POST.get("frequency") or "once",
        "countries": pages.countries(request.POST.get("country", "US")[:2]),
        "csrf": get_token(request),
        "attempt": form.data.get("attempt") or str(uuid.uuid4()),
    }
    return render(request, "donations/give.html", context, status=status)


def _wants_json(request: HttpRequest) -> bool:
    return request.headers.get("Accept", "").startswith("application/json")


@never_cache
@require_GET
def thanks(request: HttpRequest, token: uuid.UUID) -> HttpResponse:
    """What became of a gift, as far as is known now; the page asks on by itself."""
    gift = get_object_or_404(Gift.objects.select_related("campaign", "fund", "plan", "receipt"), token=token)
    context = {
        "gift": gift,
        "told": waiting.told(gift),
        "masked_email": waiting.masked(gift.donor_email),
        "thanks": markup.html(gift.campaign.thanks) if gift.campaign else "",
    }
    response = render(request, "donations/thanks.html", context)
    response["X-Robots-Tag"] = "noindex"
    response["Referrer-Policy"] = "no-referrer"
    return response


@never_cache
@require_GET
def status(request: HttpRequest, token: uuid.UUID) -> JsonResponse:
    """The gift's state for the waiting page; wakes a worker to ask Stripe when a webhook is late."""
    gift = get_object_or_404(Gift.objects.select_related("receipt"), token=token)
    waiting.hurry(gift)
    return JsonResponse(waiting.told(gift))


@require_GET
def ways(request: HttpRequest) -> HttpResponse:
    """Every other way to give, as staff wrote it."""
    sections = [(way, markup.html(way.body)) for way in Way.objects.filter(is_shown=True)]
    return render(request, "donations/ways.html", {"sections": sections})


@require_GET
def reply_slip(request: HttpRequest) -> HttpResponse:
    """A slip to print, fill in and mail with a check."""
    return render(request, "donations/reply_slip.html")


@require_GET
@cache_control(public=True, max_age=31_536_000, immutable=True)
def colors_css(request: HttpRequest, version: int) -> HttpResponse:
    """The organisation's colours as custom properties; the version in the address makes it cacheable for good."""
    who = organization.get()
    return HttpResponse(colors.css(who.brand_color, who.accent_color), content_type="text/css; charset=utf-8")
