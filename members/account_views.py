"""Portal pages of who somebody is: their details, their e-mails, their data."""

from allauth.account.decorators import reauthentication_required
from django.contrib import messages
from django.contrib.auth import logout
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_POST

from members import details, email_letters, emails
from members.detail_forms import DetailsForm, EmailForm
from members.models import EmailChange
from members.views import SignedIn, unkept
from nonprofit import limits

Outcome, Kind = emails.Outcome, EmailChange.Kind
# A person mistypes once or twice; nobody must be able to flood a mailbox or try out addresses through us.
PER_USER = limits.Limit("e-mails asked for by user", "6 per 1 day")
PER_EMAIL = limits.Limit("e-mails asked for by e-mail", "3 per 1 day")
PER_ADDRESS = limits.Limit("e-mails asked for by address", "20 per 1 hour")
LINKS = limits.Limit("links of e-mails by address", "60 per 1 hour")
TOO_MANY = "That was a lot of addresses in a short time. Please try again tomorrow, or write to us."
SENT = "We sent a letter to {}. Open the link in it within 24 hours; until then nothing changes."
SAID = {
    Outcome.ADDED: "The address is yours now, and so is what you gave under it.",
    Outcome.FOR_STAFF: "That address belongs to another record with us. A person looks at it and writes to you.",
    Outcome.USED: "This link was used before, or a newer one took its place. Nothing has changed.",
    Outcome.EXPIRED: "This link is too old. Ask for a new one; nothing has changed.",
}


@require_http_methods(["GET", "HEAD", "POST"])
@login_required
@unkept
def show(request: SignedIn) -> HttpResponse:
    """Name, address and wishes, to read and to change."""
    donor = details.of(request.user)
    if donor is None:
        return render(request, "members/details.html")
    form = DetailsForm(donor, request.POST if request.method == "POST" else None)
    if request.method != "POST":
        return render(request, "members/details.html", {"form": form})
    if not form.is_valid():
        return render(request, "members/details.html", {"form": form}, status=422)
    changed = details.change(donor.pk, form.cleaned_data)
    messages.success(request, "Saved." if changed else "Nothing to change.")
    return redirect("members:details")


# ---- E-mails ---------------------------------------------------------------------------------------------------------


@require_http_methods(["GET", "HEAD"])
@login_required
@unkept
def all_emails(request: SignedIn) -> HttpResponse:
    """The e-mails of the account, and what waits for a mailbox to answer."""
    return _emails(request, EmailForm(label_suffix=""), _second())


@require_http_methods(["GET", "HEAD", "POST"])
@login_required
@reauthentication_required
@unkept
def change_email(request: SignedIn) -> HttpResponse:
    """Another main e-mail is asked for. Whoever had to sign in again first comes back by GET."""
    if request.method != "POST":
        return redirect("members:emails")
    form = EmailForm(request.POST, label_suffix="")
    if _ask(request, form, Kind.MAIN):
        return redirect("members:emails")
    return _emails(request, form, _second(), 422)


@require_http_methods(["GET", "HEAD", "POST"])
@login_required
@reauthentication_required
@unkept
def add_email(request: SignedIn) -> HttpResponse:
    """A second e-mail is asked for."""
    if request.method != "POST":
        return redirect("members:emails")
    form = _second(request.POST)
    if _ask(request, form, Kind.FURTHER):
        return redirect("members:emails")
    return _emails(request, EmailForm(label_suffix=""), form, 422)


@require_POST
@login_required
@unkept
def remove_email(request: SignedIn, pk: int) -> HttpResponse:
    """A second e-mail is theirs no more."""
    if emails.remove(request.user.pk, pk):
        messages.success(request, "Removed. Gifts you gave under it stay yours.")
    return redirect("members:emails")


@require_http_methods(["GET", "HEAD", "POST"])
@login_required
@reauthentication_required
@unkept
def confirm_email(request: SignedIn, token: str) -> HttpResponse:
    """Where the letter to the new mailbox leads: one button, for who asked and is signed in freshly.

    Somebody else's link is answered like one that was used: the page never says whose it is.
    """
    pk = email_letters.read(token, email_letters.CONFIRM)
    change = EmailChange.objects.filter(pk=pk or 0, user=request.user, state=EmailChange.State.ASKED).first()
    page = {"change": change, "said": SAID[Outcome.USED], "token": token}
    if request.method != "POST" or change is None:
        return _private(render(request, "members/email_confirm.html", page, status=200 if change else 404))
    outcome = emails.confirm(change.pk, request.user.pk)
    if outcome == Outcome.CHANGED:
        logout(request)
        messages.success(
            request, "Your e-mail is changed, and you are signed out everywhere. Sign in with the new one."
        )
        return redirect("account_request_login_code")
    (messages.success if outcome == Outcome.ADDED else messages.info)(request, SAID[outcome])
    return redirect("members:emails")


@require_http_methods(["GET", "HEAD", "POST"])
@unkept
def not_me(request: HttpRequest, token: str) -> HttpResponse:
    """Where the notice to the old mailbox leads: for whoever reads it, who may be locked out. One button."""
    pk = email_letters.read(token, email_letters.NOT_ME)
    change = EmailChange.objects.filter(pk=pk or 0).first()
    if change is None or limits.allow([(LINKS, limits.address(request))]):
        return _private(render(request, "members/email_not_me.html", {"outcome": Outcome.USED}, status=404))
    outcome = emails.not_me(change.pk) if request.method == "POST" else None
    return _private(render(request, "members/email_not_me.html", {"outcome": outcome, "token": token}))


def _ask(request: SignedIn, form: EmailForm, kind: EmailChange.Kind) -> bool:
    if not form.is_valid():
        return False
    email = form.cleaned_data["email"]
    tries = [(PER_USER, str(request.user.pk)), (PER_EMAIL, email), (PER_ADDRESS, limits.address(request))]
    if limits.allow(tries):
        form.add_error("email", TOO_MANY)
        return False
    try:
        emails.ask(request.user.pk, kind, email)
    except emails.CannotChange as refusal:
        form.add_error("email", str(refusal))
        return False
    messages.success(request, SENT.format(email))
    return True


def _second(data: QueryDict | None = None) -> EmailForm:
    form = EmailForm(data, label_suffix="", prefix="further")
    form.fields["email"].label = "Another address of yours"
    return form


def _emails(request: SignedIn, main: EmailForm, second: EmailForm, status: int = 200) -> HttpResponse:
    page = {
        "main": main,
        "second": second,
        "further": emails.further(request.user),
        "waiting": request.user.email_changes.filter(state=EmailChange.State.ASKED).order_by("pk"),
        "for_staff": request.user.email_changes.filter(state=EmailChange.State.FOR_STAFF).order_by("pk"),
        "has_record": details.of(request.user) is not None,
    }
    return render(request, "members/emails.html", page, status=status)


def _private(response: HttpResponse) -> HttpResponse:
    # The address is a key: no search engine keeps it and no other site is told it.
    response["X-Robots-Tag"] = "noindex"
    response["Referrer-Policy"] = "same-origin"
    return response
