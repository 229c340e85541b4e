"""The page of a payment link: what it is for and how much, the card field, and what became of it."""

import logging
from uuid import UUID

from csp.decorators import csp_update
from django.conf import settings
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from donations import gateway, gifts, throttle, views
from donations.desk import links
from donations.models import Gift, PaymentLink
from nonprofit import limits

logger = logging.getLogger(__name__)


@csp_update(views.STRIPE_CSP)
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def pay(request: HttpRequest, token: str = "") -> HttpResponse:
    """The private page of one gift; a POST answers what the page's script needs to take the payment."""
    link = _found(token)
    if link is None:
        return render(request, "donations/pay_unknown.html", status=404)
    thanks = reverse("donations:thanks", args=[link.gift.token])
    if link.gift.status not in (*links.UNPAID, Gift.Status.EXPIRED):
        return JsonResponse({"redirect": thanks}) if request.method == "POST" else redirect(thanks)
    if link.is_over or link.gift.status == Gift.Status.EXPIRED:
        return _over(request, link)
    if request.method == "POST":
        return _open(request, link.gift, thanks)
    return _private(render(request, "donations/pay.html", _context(link)))


def _found(token: str) -> PaymentLink | None:
    try:
        return links.of(UUID(token))
    except ValueError:
        return None


def _over(request: HttpRequest, link: PaymentLink) -> HttpResponse:
    if request.method == "POST":
        return JsonResponse({"error": "This link has expired, and nothing was charged. Please call us."}, status=410)
    return _private(render(request, "donations/pay_over.html", {"gift": link.gift}, status=410))


def _context(link: PaymentLink) -> dict[str, object]:
    return {
        "gift": link.gift,
        "link": link,
        "consent": links.words(link.gift),
        "stripe_js": settings.STRIPE_JS_URL,
        "publishable_key": settings.STRIPE_PUBLISHABLE_KEY,
    }


def _private(response: HttpResponse) -> HttpResponse:
    # The address is the key to this page: no search engine keeps it and no other site is told it.
    response["X-Robots-Tag"] = "noindex"
    response["Referrer-Policy"] = "same-origin"
    return response


def _open(request: HttpRequest, gift: Gift, thanks: str) -> JsonResponse:
    if message := throttle.link_refusal(str(gift.token)):
        return JsonResponse({"error": message}, status=429)
    try:
        payment = gifts.open_payment(links.agree(gift.pk, limits.address(request) or None))
    except gateway.GatewayUnavailable as error:
        logger.warning("link not opened", extra={"gift": gift.pk, "error": str(error)})
        return JsonResponse({"error": views.DOWN}, status=503)
    except gateway.GatewayRefused as error:
        logger.error("link refused by Stripe", extra={"gift": gift.pk, "code": error.code})
        return JsonResponse({"error": views.REFUSED}, status=503)
    if payment.status in {"succeeded", "processing"}:
        return JsonResponse({"redirect": thanks})
    return JsonResponse({"client_secret": payment.client_secret, "thanks_url": thanks})
