"""Pages of the portal, and of signing in where allauth's own do not fit."""

from typing import NoReturn

from allauth.account.utils import get_next_redirect_url, passthrough_next_redirect_url
from csp.decorators import csp_exempt
from django.contrib.auth import REDIRECT_FIELD_NAME, logout
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.cache import cache_control
from django.views.decorators.http import require_http_methods, require_safe

from donations.models import Donor, Receipt
from donations.receipts import events
from members import history
from nonprofit import clock
from nonprofit.models import User

# What a person gave is nobody else's business: no copy stays in a shared computer's cache.
unkept = cache_control(private=True, no_store=True)


class SignedIn(HttpRequest):
    """A request that passed `login_required`."""

    user: User


@require_safe
@login_required
@unkept
def portal(request: SignedIn) -> HttpResponse:
    """The supporter's gifts, totals, receipts and monthly gift."""
    asked = request.GET.get("year", "")
    only_year = int(asked) if asked.isascii() and asked.isdigit() and len(asked) == 4 else None
    page = {
        "donor": Donor.objects.filter(user=request.user.pk).first(),
        "history": history.of(request.user, today=clock.today(), only_year=only_year),
        "only_year": only_year,
    }
    return render(request, "members/portal.html", page)


@require_safe
@login_required
@unkept
# A PDF runs nothing of ours, and browsers show it with styles of their own, which our policy would refuse.
@csp_exempt()  # type: ignore[arg-type] # its types know only views without arguments
def receipt(request: SignedIn, number: str) -> HttpResponse:
    """The paper's PDF exactly as issued; a stranger's number is answered like one that does not exist.

    A void one is not handed out any more: a page says so instead.
    """
    papers = history.papers(request.user).select_related("file", "receipt__void", "receipt__replaced_by")
    pdf = get_object_or_404(papers, receipt__number=number)
    if hasattr(pdf.receipt, "void"):
        return render(request, "members/void.html", {"void": pdf.receipt.void, "receipt": pdf.receipt}, status=410)
    events.opened(pdf.receipt, "supporter")
    response = HttpResponse(bytes(pdf.file.content), content_type=pdf.file.content_type)
    response["Content-Disposition"] = f'inline; filename="{_word(pdf.receipt)}-{number}.pdf"'
    response["X-Content-Type-Options"] = "nosniff"
    return response


def _word(receipt: Receipt) -> str:
    return "statement" if receipt.gift_id is None else "receipt"


@require_safe
def to_sign_in(request: HttpRequest) -> HttpResponse:
    """The only way in is a code by e-mail; where the visitor wanted to go is kept."""
    return _to_code_page(request)


@require_http_methods(["GET", "HEAD", "POST"])
@login_required
@unkept
def sign_in_again(request: SignedIn) -> HttpResponse:
    """Before a change that decides who may enter: sign out here and come back with a fresh code."""
    if request.method != "POST":
        target = get_next_redirect_url(request, REDIRECT_FIELD_NAME) or ""
        return render(request, "account/sign_in_again.html", {"next": target})
    answer = _to_code_page(request)
    logout(request)
    return answer


def _to_code_page(request: HttpRequest) -> HttpResponse:
    url = reverse("account_request_login_code")
    return redirect(passthrough_next_redirect_url(request, url, REDIRECT_FIELD_NAME))


def not_offered(request: HttpRequest, **_: str) -> NoReturn:
    """A page of allauth's that we do not have."""
    raise Http404("not offered")
