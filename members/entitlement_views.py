"""The address that the newsroom's site asks whether its visitor is a member, and the key to check the answer with."""

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.utils.cache import patch_vary_headers
from django.views.decorators.cache import cache_control
from django.views.decorators.http import require_safe

from members import entitlement
from nonprofit.models import User

unkept = cache_control(private=True, no_store=True)


@require_safe
@unkept
def ask(request: HttpRequest) -> HttpResponse:
    """The visitor's entitlement, for the configured sites only; somebody who is not signed in is no member."""
    by = entitlement.signer()
    if by is None:
        raise Http404("no key is configured")
    origin = request.headers.get("Origin", "")
    if not _may_ask(request, origin):
        # Without CORS headers: the browser keeps even this from the page that asked.
        return _plain(JsonResponse({"error": "This site may not ask."}, status=403))
    user = request.user if isinstance(request.user, User) else None
    response = _plain(JsonResponse(entitlement.answer(user, origin or settings.BASE_URL, by)))
    if origin:
        response["Access-Control-Allow-Origin"] = origin
        response["Access-Control-Allow-Credentials"] = "true"
    return response


def _may_ask(request: HttpRequest, origin: str) -> bool:
    """A page of a configured site, or somebody who opens the address themselves. No image or script of another site."""
    if origin:
        return origin in settings.ENTITLEMENT_ORIGINS
    return request.headers.get("Sec-Fetch-Site", "none") in ("none", "same-origin")


def _plain(response: HttpResponse) -> HttpResponse:
    patch_vary_headers(response, ["Origin", "Cookie"])
    response["X-Content-Type-Options"] = "nosniff"
    response["Cross-Origin-Resource-Policy"] = "same-site"
    return response


@require_safe
def public_key(request: HttpRequest) -> HttpResponse:
    """The public key as PEM, for the site's server."""
    by = entitlement.signer()
    if by is None or not by.public_key:
        raise Http404("no public key")
    return HttpResponse(by.public_key, content_type="application/x-pem-file")
