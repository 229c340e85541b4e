"""Portal pages of somebody's own data: to take along, and to have erased."""

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from members import details, erasure, takeout
from members.detail_forms import EraseForm
from members.views import SignedIn, unkept
from nonprofit import audit, clock, limits

# Each one is a few queries and every paper: enough for who lost the file, too few to keep us busy.
DOWNLOADS = limits.Limit("downloads of own data", "6 per 1 hour")
TOO_MANY = "You have downloaded it several times just now. Please try again in an hour."


@require_safe
@login_required
@unkept
def show(request: SignedIn) -> HttpResponse:
    """What can be done with the data, and what came of a wish to be forgotten."""
    return _page(request, EraseForm(label_suffix=""))


@require_POST
@login_required
@unkept
def download(request: SignedIn) -> HttpResponseBase:
    """Everything as a ZIP, made while they wait."""
    if limits.allow([(DOWNLOADS, str(request.user.pk))]):
        messages.error(request, TOO_MANY)
        return redirect("members:data")
    audit.record(details.SUPPORTER, "download own data", request.user)
    answer = StreamingHttpResponse(takeout.stream(request.user), content_type="application/zip")
    answer["Content-Disposition"] = f'attachment; filename="your-data-{clock.today()}.zip"'
    answer["X-Content-Type-Options"] = "nosniff"
    return answer


@require_http_methods(["GET", "HEAD", "POST"])
@login_required
@unkept
def erase(request: SignedIn) -> HttpResponse:
    """They want to be forgotten; staff see it and decide."""
    donor, form = details.of(request.user), EraseForm(request.POST, label_suffix="")
    if request.method != "POST" or donor is None:
        return redirect("members:data")
    if not form.is_valid():
        return _page(request, form, 422)
    erasure.ask(donor.pk)
    messages.success(request, "We have your request. A person looks at it and writes to you within 30 days.")
    return redirect("members:data")


@require_POST
@login_required
@unkept
def withdraw(request: SignedIn) -> HttpResponse:
    """They think otherwise."""
    donor = details.of(request.user)
    if donor is not None and erasure.withdraw(donor.pk):
        messages.success(request, "All stays as it is.")
    return redirect("members:data")


def _page(request: SignedIn, form: EraseForm, status: int = 200) -> HttpResponse:
    donor = details.of(request.user)
    page = {
        "form": form,
        "donor": donor,
        "asked": erasure.latest(donor) if donor else None,
    }
    return render(request, "members/data.html", page, status=status)
