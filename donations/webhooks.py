"""Stripe's webhook: verify, store, answer. Everything else is done by a task."""

import logging

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseBadRequest
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from donations import gateway, inbox
from nonprofit import nudge

logger = logging.getLogger(__name__)


@csrf_exempt
@require_POST
def stripe(request: HttpRequest) -> HttpResponse:
    """200 once the event is in the inbox (again: also 200); 400 for what Stripe did not sign just now."""
    try:
        event = gateway.verified_event(request.body, request.META.get("HTTP_STRIPE_SIGNATURE", ""))
    except (gateway.SignatureRefused, ValueError):
        logger.warning("webhook refused")
        return HttpResponseBadRequest("signature refused", content_type="text/plain")
    if bool(event.get("livemode")) != settings.STRIPE_LIVE:
        # Live and test events can reach one address; 200, or Stripe would send it for days (domain rule 69).
        logger.warning("webhook of the other mode", extra={"event": str(event.get("id"))})
        return HttpResponse("other mode", content_type="text/plain")
    if inbox.store(event, request.body.decode()):
        nudge.soon("donations.tasks.handle_inbox")
    return HttpResponse("ok", content_type="text/plain")
