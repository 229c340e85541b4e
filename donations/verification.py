"""The public page that says whether a receipt is genuine, by the code at its foot."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from donations.receipts import verify
from nonprofit import limits

# A bookkeeper checks a shoebox of papers; a program that tries codes gets nowhere: there are 2 to the 60th.
PER_ADDRESS = limits.Limit("receipt check", "60 per 10 minutes")
ALL = limits.Limit("receipt check all", "1200 per 1 minute")


@never_cache
@require_safe
def check(request: HttpRequest, code: str = "") -> HttpResponse:
    """The form, and the answer to a code: genuine, void or unknown, without a word on whose paper it is."""
    typed = code or request.GET.get("code", "")[:60]
    if not typed:
        return _page(request, {})
    if limits.allow([(PER_ADDRESS, limits.address(request)), (ALL, "all")]):
        return render(request, "429.html", status=429)
    normal = verify.normal(typed)
    if normal and normal != code:
        # One address for each paper, the same as in its QR code.
        return redirect("donations:check_receipt", code=normal)
    answer = verify.answer(normal) if normal else verify.Answer.UNKNOWN
    page = {"typed": typed, "answer": str(answer), "is_no_code": not normal}
    return _page(request, page, status=200 if answer != verify.Answer.UNKNOWN else 404)


def _page(request: HttpRequest, page: dict[str, object], status: int = 200) -> HttpResponse:
    response = render(request, "donations/check_receipt.html", page, status=status)
    response["X-Robots-Tag"] = "noindex"
    response["Referrer-Policy"] = "same-origin"
    return response
