"""Pages of giving: each reads a request, calls a verb, and answers."""

import logging
import uuid

from csp.decorators import csp_update
from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.middleware.csrf import get_token
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from donations import forms, gateway, gifts, other_ways, pages, repeats, throttle, waiting
from donations.forms import GivingForm
from donations.models import Donor, Way
from nonprofit import colors, limits, markup, organization
from nonprofit.models import Organization

logger = logging.getLogger(__name__)

STRIPE_CSP = {
    "script-src": settings.STRIPE_SCRIPT_ORIGINS,
    "connect-src": settings.STRIPE_ORIGINS,
    "frame-src": settings.STRIPE_FRAME_ORIGINS,
}
NEEDS_SCRIPT = (
    "Your details are fine. To take a card safely this page needs JavaScript, which did not run in your browser. "
    "Nothing was charged. You can switch it on and send again, or give by check or phone."
)
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
    page = pages.get(slug)
    if request.method != "POST":
        if "gift" in request.GET and (gift := repeats.unfinished(request)):
            return _form(request, page, forms.typed(gift, page.campaign), gift.form_attempt)
        return HttpResponse(page.blank(get_token(request), str(uuid.uuid4())))
    form = GivingForm(page.campaign, request.POST, offered=page.benefits)
    if not form.is_valid():
        return _refuse(request, page, form, 422)
    ip = limits.address(request)
    if message := throttle.refusal(request, ip, form.cleaned_data["email"]):
        return _refuse(request, page, form, 429, message)
    if not _wants_json(request):
        return _refuse(request, page, form, 200, NEEDS_SCRIPT)
    if form.cleaned_data["again"]:
        repeats.second(form)
    elif message := repeats.question(request, form):
        return JsonResponse({"confirm_again": message}, status=409)
    return _start(request, page, form, ip)


def _start(request: HttpRequest, page: pages.Page, form: GivingForm, ip: str) -> HttpResponse:
    gift = gifts.start_card(form.wish(ip))
    repeats.remember(request, gift)
    thanks_url = reverse("donations:thanks", args=[gift.token])
    if gift.status in repeats.UNDER_WAY:
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
    errors = {name: [str(error) for error in found] for name, found in form.errors.items()}
    if message:
        errors["__all__"] = [message]
    if _wants_json(request):
        return JsonResponse({"errors": errors}, status=status)
    return _form(request, page, request.POST.dict(), form.attempt(), errors, status)


def _form(
    request: HttpRequest,
    page: pages.Page,
    typed: dict[str, str],
    attempt: uuid.UUID,
    errors: dict[str, list[str]] | None = None,
    status: int = 200,
) -> HttpResponse:
    tokens = {"csrf": get_token(request), "attempt": attempt}
    context = {**pages.context(page, typed), **tokens, "errors": errors or {}}
    return render(request, "donations/give.html", context, status=status)


def _wants_json(request: HttpRequest) -> bool:
    return request.headers.get("Accept", "").startswith("application/json")


@never_cache
@require_safe
def thanks(request: HttpRequest, token: uuid.UUID) -> HttpResponse:
    """What became of a gift, as far as is known now; the page asks on by itself."""
    gift = get_object_or_404(waiting.gifts(), token=token)
    campaign = gift.campaign
    context = {
        "gift": gift,
        "told": waiting.told(gift),
        "masked_email": waiting.masked(gift.donor_email),
        "thanks": markup.html(campaign.thanks) if campaign else "",
        "form": pages.address(campaign) if campaign else reverse("donations:give"),
        "retry": waiting.retry(gift),
        "share": settings.BASE_URL + (pages.address(campaign) if campaign else "/"),
    }
    response = render(request, "donations/thanks.html", context)
    # The address is the key to this page: no search engine keeps it and no other site is told it.
    response["X-Robots-Tag"] = "noindex"
    response["Referrer-Policy"] = "no-referrer"
    return response


@never_cache
@require_safe
def status(request: HttpRequest, token: uuid.UUID) -> JsonResponse:
    """The gift's state for the waiting page; wakes a worker to ask Stripe when a webhook is late."""
    gift = get_object_or_404(waiting.gifts(), token=token)
    waiting.hurry(gift)
    return JsonResponse(waiting.told(gift))


@require_safe
def ways(request: HttpRequest) -> HttpResponse:
    """Every other way to give, as staff wrote it."""
    return render(request, "donations/ways.html", {"sections": other_ways.sections()})


@require_POST
@never_cache
def account_details(request: HttpRequest, way_id: int) -> HttpResponse:
    """Where to wire money or send shares: only for a person who pressed the button, and not for a robot that counts up.

    Nothing of it stands in a page that can be fetched by its address.
    """
    way = get_object_or_404(Way, pk=way_id, is_shown=True)
    lines = list(way.account_details.all())
    if not lines:
        raise Http404("no account details")
    if limits.allow([(DETAILS_PER_ADDRESS, limits.address(request)), (DETAILS_IN_ALL, "all")]):
        return render(request, "donations/account_details.html", {"way": way, "lines": []}, status=429)
    return render(request, "donations/account_details.html", {"way": way, "lines": lines})


DETAILS_PER_ADDRESS = limits.Limit("account details", "10 per 1 hour")
DETAILS_IN_ALL = limits.Limit("account details in all", "300 per 1 hour")


@require_safe
@never_cache
def reply_slip(request: HttpRequest) -> HttpResponse:
    """A slip to print, fill in and mail with a check; a signed-in supporter's own is filled in."""
    donor = Donor.objects.filter(user=request.user.pk).first() if request.user.is_authenticated else None
    slip = other_ways.slip(request.GET.get("campaign", ""), donor)
    if slip is None:
        raise Http404("no open campaign of that name")
    return render(request, "donations/reply_slip.html", {"slip": slip})


@require_safe
def colors_css(request: HttpRequest, version: int) -> HttpResponse:
    """The organisation's colours as custom properties; the version in the address makes them cacheable for good."""
    try:
        who = organization.get()
    except Organization.DoesNotExist as error:
        raise Http404("nobody has said yet who we are") from error
    response = HttpResponse(colors.css(who.brand_color, who.accent_color), content_type="text/css; charset=utf-8")
    # Another version's address must not teach caches today's colours for good.
    is_current = version == who.content_version
    response["Cache-Control"] = "public, max-age=31536000, immutable" if is_current else "no-store"
    return response
